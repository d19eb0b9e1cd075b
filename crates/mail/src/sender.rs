use core::fmt;

use doorward_domain::account::Email;
use doorward_domain::mail::Recipient;
use lettre::Address;
use lettre::message::Mailbox;

/// The address that mails come from, or that replies go to, with an optional display name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(Mailbox);

impl Sender {
    /// Parses `address` or `Name <address>`. The domain is converted to ASCII (IDNA); the local part must be ASCII, because
    /// not every server accepts another one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refuse = || format!("{text:?} is not an address such as \"Doorward <no-reply@example.com>\"");
        if text.contains(char::is_control) {
            return Err(refuse());
        }
        let (name, address) = match text.strip_suffix('>').and_then(|text| text.split_once('<')) {
            Some((name, address)) => (name.trim().trim_matches('"'), address),
            None => ("", text),
        };
        let email = Email::parse(address.trim()).map_err(|_unspecific| refuse())?;
        let recipient = Recipient::of(&email);
        if !recipient.local().is_ascii() {
            return Err(format!("{text:?} has a local part that is not ASCII"));
        }
        let address = Address::new(recipient.local(), recipient.domain()).map_err(|_unspecific| refuse())?;
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(Self(Mailbox::new(name, address)))
    }

    /// The domain of the address, in ASCII.
    pub fn domain(&self) -> &str {
        self.0.email.domain()
    }

    pub(crate) const fn mailbox(&self) -> &Mailbox {
        &self.0
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_has_an_optional_name() {
        for (text, shown, domain) in [
            ("no-reply@example.com", "no-reply@example.com", "example.com"),
            (
                "Doorward <no-reply@example.com>",
                "Doorward <no-reply@example.com>",
                "example.com",
            ),
            (
                "\"Max, Moritz\" <mm@Bücher.example>",
                "\"Max, Moritz\" <mm@xn--bcher-kva.example>",
                "xn--bcher-kva.example",
            ),
            (
                "Doorward <no-reply@localhost>",
                "Doorward <no-reply@localhost>",
                "localhost",
            ),
        ] {
            let sender = Sender::parse(text).unwrap();
            assert_eq!((sender.to_string().as_str(), sender.domain()), (shown, domain));
        }
    }

    #[test]
    fn what_is_no_address_is_rejected() {
        for text in [
            "",
            "Doorward",
            "Doorward <>",
            "<a@b.co",
            "a@b.co>",
            "A <a@b.co> <c@d.co>",
            "a@b.co, c@d.co",
            "rené@example.com",
            "A\r\nBcc: x@y.zz <a@b.co>",
        ] {
            assert!(Sender::parse(text).is_err(), "{text:?}");
        }
    }
}
