//! Display names of users.

use unicode_normalization::UnicodeNormalization;

/// The longest name accepted, in code points.
const MAX_CODE_POINTS: usize = 200;

/// Why a text is not accepted as a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// More than 200 code points.
    #[error("a name has at most {MAX_CODE_POINTS} characters")]
    TooLong,
    /// A control character, such as a line break.
    #[error("a name has no control characters")]
    ControlCharacter,
}

impl InvalidName {
    /// The broken rule as a stable machine-readable word, for problem details.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too-long",
            Self::ControlCharacter => "control-character",
        }
    }
}

/// A name for people to read: Unicode NFC, at most 200 code points, no control characters. May be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Normalises the text to NFC and checks it.
    pub fn parse(typed: &str) -> Result<Self, InvalidName> {
        let name: String = typed.nfc().collect();
        if name.chars().any(char::is_control) {
            return Err(InvalidName::ControlCharacter);
        }
        if name.chars().count() > MAX_CODE_POINTS {
            return Err(InvalidName::TooLong);
        }
        Ok(Self(name))
    }

    /// The name in NFC.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_counted_in_code_points() {
        assert!(DisplayName::parse(&"é".repeat(200)).is_ok());
        assert_eq!(DisplayName::parse(&"é".repeat(201)), Err(InvalidName::TooLong));
    }

    #[test]
    fn names_with_control_characters_are_rejected() {
        for typed in ["a\0b", "a\nb", "a\u{1b}[31m", "a\u{85}b"] {
            assert_eq!(
                DisplayName::parse(typed),
                Err(InvalidName::ControlCharacter),
                "{typed:?}"
            );
        }
    }
}
