//! Durations: how they are written and shown.

use core::fmt;
use core::time::Duration;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration in the configuration: a string with a unit, such as `"15m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    /// A number of seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A number of minutes.
    pub const fn minutes(minutes: u64) -> Self {
        Self::seconds(minutes * 60)
    }

    /// A number of days.
    pub const fn days(days: u64) -> Self {
        Self::minutes(days * 24 * 60)
    }

    /// Parses a duration. The error says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_bare_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_bare_number {
            return Err(format!(
                "{text:?} has no unit: write \"{text}s\" for seconds, \"{text}m\" for minutes"
            ));
        }
        match humantime::parse_duration(text) {
            Ok(duration) => Ok(Self(duration)),
            Err(error) => Err(format!(
                "{text:?} is not a duration such as \"10s\", \"15m\" or \"30d\": {error}"
            )),
        }
    }
}

impl fmt::Display for Span {
    /// Writes the duration as a whole number of the largest unit that fits; less than a millisecond is cut off.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u128, &str); 5] = [
            (86_400_000, "d"),
            (3_600_000, "h"),
            (60_000, "m"),
            (1000, "s"),
            (1, "ms"),
        ];
        let millis = self.0.as_millis();
        let (size, unit) = if millis == 0 {
            (1, "s")
        } else {
            UNITS
                .into_iter()
                .find(|(size, _)| millis.is_multiple_of(*size))
                .unwrap_or((1, "ms"))
        };
        write!(f, "{}{unit}", millis / size)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// For the defaults in the configuration reference.
impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Span {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "duration" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_shown_as_it_would_be_written() {
        for text in ["0s", "10s", "90s", "15m", "24h", "36h", "30d", "250ms"] {
            let shown = Span::parse(text).unwrap().to_string();
            assert_eq!(Span::parse(&shown), Span::parse(text));
        }
        assert_eq!(Span::days(30).to_string(), "30d");
        assert_eq!(Span::seconds(90).to_string(), "90s");
        assert_eq!(Span::seconds(0).to_string(), "0s");
    }

    #[test]
    fn a_duration_needs_a_unit_and_nothing_else() {
        assert!(
            Span::parse("900")
                .unwrap_err()
                .contains("write \"900s\" for seconds")
        );
        for wrong in ["", "0", "s", "-5s", "10 parsecs", "1e5", "10s\n;"] {
            assert!(Span::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
