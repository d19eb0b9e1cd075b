use core::fmt;

use crate::account::Email;

/// Where a mail is delivered: the local part as its owner typed it, because only the receiving server knows whether case
/// matters (RFC 5321, section 2.4), and the domain in ASCII (IDNA), as SMTP transports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    local: String,
    domain: String,
}

impl Recipient {
    /// The mailbox of that address.
    pub fn of(email: &Email) -> Self {
        let typed = email.as_typed();
        Self {
            local: typed
                .rsplit_once('@')
                .map_or(typed, |(local, _)| local)
                .to_owned(),
            domain: email.domain().to_owned(),
        }
    }

    /// Parses what [`Display`](fmt::Display) has written; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let recipient = Self::of(&Email::parse(text).ok()?);
        (recipient.to_string() == text).then_some(recipient)
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The part after the `@`, in ASCII.
    pub fn domain(&self) -> &str {
        &self.domain
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_local_part_is_as_typed_and_the_domain_in_ascii() {
        for (typed, expected) in [
            ("Ada.Lovelace@Example.ORG", "Ada.Lovelace@example.org"),
            ("RENÉ@Bücher.example", "RENÉ@xn--bcher-kva.example"),
            ("O'Brien+tag@example.ie", "O'Brien+tag@example.ie"),
        ] {
            let recipient = Recipient::of(&Email::parse(typed).unwrap());
            assert_eq!(recipient.to_string(), expected);
            assert_eq!(Recipient::parse(expected), Some(recipient));
        }
    }

    #[test]
    fn no_other_text_is_a_recipient() {
        for text in [
            "",
            "a",
            "a@B.co",
            "a@bücher.example",
            "a@b.co\r\nBcc: x@y.zz",
            "<a@b.co>",
        ] {
            assert_eq!(Recipient::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_recipient_is_read_back_and_has_no_line_break(typed in "[a-zA-Z0-9+'.é-]{1,12}@[a-zA-Zü-]{1,8}\\.[a-z]{2,4}") {
            if let Ok(email) = Email::parse(&typed) {
                let recipient = Recipient::of(&email);
                prop_assert_eq!(Recipient::parse(&recipient.to_string()), Some(recipient.clone()));
                prop_assert!(recipient.domain().is_ascii());
                prop_assert!(!recipient.to_string().contains(char::is_control));
            }
        }
    }
}
