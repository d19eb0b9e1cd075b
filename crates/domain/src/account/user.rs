//! The account.

use crate::id::UserId;
use crate::subject::SubjectVersion;
use crate::time::Timestamp;

use super::{DisplayName, Email, PasswordDigest, Roles};

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserStatus {
    /// May log in.
    Active,
    /// May not log in, and has no live session.
    Disabled,
}

impl UserStatus {
    /// The word by which clients and the database know the status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// The status of that word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "active" => Some(Self::Active),
            "disabled" => Some(Self::Disabled),
            _ => None,
        }
    }
}

/// Counts the password changes of a user, not the re-hashings of one password.
///
/// A login reads the digest, hashes without holding anything, and then compares this, so that a password changed
/// meanwhile does not open a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PasswordVersion(u32);

impl PasswordVersion {
    /// The version of the first password of an account.
    pub const FIRST: Self = Self(1);

    /// The version with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// An account, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// The address the account logs in with.
    pub email: Email,
    /// The name the user goes by, if any.
    pub name: Option<DisplayName>,
    /// What the user may do.
    pub roles: Roles,
    /// Whether the account may be used.
    pub status: UserStatus,
    /// Counts the changes of roles and status.
    pub version: SubjectVersion,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When any of the above last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// Whether the account may be used.
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }

    /// Whether this is an administrator who can act: one that still has to exist.
    pub fn is_active_admin(&self) -> bool {
        self.is_active() && self.roles.is_admin()
    }

    /// Gives the user other roles. Says whether anything changed; if so, earlier access tokens are untrue.
    pub fn set_roles(&mut self, roles: Roles, now: Timestamp) -> bool {
        if self.roles == roles {
            return false;
        }
        self.roles = roles;
        self.version = self.version.next();
        self.updated_at = now;
        true
    }

    /// Enables or disables the account. Says whether anything changed; if so, earlier access tokens are untrue.
    pub fn set_status(&mut self, status: UserStatus, now: Timestamp) -> bool {
        if self.status == status {
            return false;
        }
        self.status = status;
        self.version = self.version.next();
        self.updated_at = now;
        true
    }

    /// Names the user otherwise. Says whether anything changed; access tokens do not carry the name.
    pub fn set_name(&mut self, name: Option<DisplayName>, now: Timestamp) -> bool {
        if self.name == name {
            return false;
        }
        self.name = name;
        self.updated_at = now;
        true
    }
}

/// An account together with what is stored of its password.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// What is stored of its password.
    pub digest: PasswordDigest,
    /// Which password that is.
    pub password_version: PasswordVersion,
}
