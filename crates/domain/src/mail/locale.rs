use core::fmt;

/// The text is not a language tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a language tag such as en or de-AT")]
pub struct InvalidLocale;

/// The language of a mail, as a language tag (BCP 47): `en`, `de-AT`.
///
/// Only the form is checked: letters and digits in parts of 1 to 8 characters, the first one of 2 or 3 letters, 35 characters
/// in all. Kept in lower case, because tags are compared without regard to case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Locale {
    /// The tag, filled up with zeros.
    bytes: [u8; Self::MAX_CHARS],
}

impl Locale {
    /// The most characters.
    pub const MAX_CHARS: usize = 35;

    /// Parses a tag.
    pub fn parse(tag: &str) -> Result<Self, InvalidLocale> {
        let is_part = |part: &str| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let language = tag.split('-').next().unwrap_or_default();
        let is_language =
            (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic());
        let mut bytes = [0; Self::MAX_CHARS];
        let kept = bytes.get_mut(..tag.len()).ok_or(InvalidLocale)?;
        if !is_language || !tag.split('-').all(is_part) {
            return Err(InvalidLocale);
        }
        kept.copy_from_slice(tag.to_ascii_lowercase().as_bytes());
        Ok(Self { bytes })
    }

    /// The tag, in lower case.
    pub fn as_str(&self) -> &str {
        let tag = self.bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        core::str::from_utf8(tag).unwrap_or_default()
    }

    /// The language alone: `de` of `de-at`.
    pub fn language(&self) -> &str {
        self.as_str().split('-').next().unwrap_or_default()
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Locale").field(&self.as_str()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_kept_in_lower_case() {
        for (tag, kept, language) in [
            ("en", "en", "en"),
            ("de-AT", "de-at", "de"),
            ("zh-Hant-TW", "zh-hant-tw", "zh"),
        ] {
            let locale = Locale::parse(tag).unwrap();
            assert_eq!((locale.as_str(), locale.language()), (kept, language));
        }
    }

    #[test]
    fn what_is_no_tag_is_rejected() {
        let long = format!("en{}", "-a".repeat(20));
        for tag in [
            "",
            "e",
            "engl",
            "e1",
            "en-",
            "-en",
            "en_US",
            "../en",
            "en-123456789",
            "dé",
            &long,
        ] {
            assert_eq!(Locale::parse(tag), Err(InvalidLocale), "{tag:?}");
        }
    }
}
