use core::net::IpAddr;

use crate::time::Timestamp;
use crate::words::{named, word_enum};

word_enum! {
    /// What a mail is about. Names its templates.
    MailKind;
    /// Tests that mail is delivered.
    Test = "test",
    /// Notifies the owner of an account that its password was changed.
    PasswordChanged = "password-changed",
}

impl MailKind {
    /// Parses the word for the kind; `None` for any other text.
    pub fn parse(word: &str) -> Option<Self> {
        named(Self::ALL, Self::as_str, word)
    }

    /// The kinds that notify the owner of an account of something that happened to it.
    pub const NOTICES: &'static [Self] = &[Self::PasswordChanged];
}

/// When something happened to an account, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occurrence {
    /// When.
    pub at: Timestamp,
    /// The address of the client, if there was one.
    pub ip: Option<IpAddr>,
}

/// What a mail says. No variant carries text that somebody typed: a mail repeats nothing of a stranger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailContent {
    /// Tests that mail is delivered; sent by an operator.
    Test,
    /// The password of the account was changed by somebody who knew it.
    PasswordChanged(Occurrence),
}

impl MailContent {
    /// The kind of the mail.
    pub const fn kind(&self) -> MailKind {
        match self {
            Self::Test => MailKind::Test,
            Self::PasswordChanged(_) => MailKind::PasswordChanged,
        }
    }
}
