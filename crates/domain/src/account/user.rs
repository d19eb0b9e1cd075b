//! The account: address, name, roles, status and versions.

use crate::id::UserId;
use crate::subject::SubjectVersion;
use crate::time::Timestamp;

use super::{DisplayName, Email, PasswordDigest, Roles};

/// Whether an account may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserStatus {
    /// The user may log in.
    Active,
    /// The user may not log in, and has no live session.
    Disabled,
}

impl UserStatus {
    /// The stored and published word for the status.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Parses the word for the status; `None` for any other text.
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
/// A login reads the digest, hashes without a lock, and then compares the version: a login that verified a password
/// which was changed meanwhile opens no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PasswordVersion(u32);

impl PasswordVersion {
    /// The version of the first password of an account.
    pub const FIRST: Self = Self(1);

    /// The version with this number.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The version as a number, as stored.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The next version.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// An account, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Identifies the user.
    pub id: UserId,
    /// The address the account logs in with.
    pub email: Email,
    /// The display name, if the user has one.
    pub name: Option<DisplayName>,
    /// The roles, which determine the permissions.
    pub roles: Roles,
    /// Whether the account may be used.
    pub status: UserStatus,
    /// Counts the changes of roles and status, which revoke earlier access tokens.
    pub version: SubjectVersion,
    /// Whether somebody trusted made the account: setup, an administrator, an operator, or an older version. An account
    /// that registered itself is not vouched for.
    pub vouched: bool,
    /// When its owner proved to receive mail at the address, if that has happened.
    pub email_verified_at: Option<Timestamp>,
    /// When the account was created.
    pub created_at: Timestamp,
    /// When any field above last changed.
    pub updated_at: Timestamp,
}

impl User {
    /// Whether the account may be used.
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }

    /// Whether the user has proved that the address is theirs. Until addresses can be verified, none is.
    pub const fn is_email_verified(&self) -> bool {
        false
    }

    /// Whether this is an administrator who may log in. At least one such account must exist.
    pub fn is_active_admin(&self) -> bool {
        self.is_active() && self.roles.is_admin()
    }

    /// Whether the owner may be notified by mail of what happens to the account. Not while nobody has vouched for the
    /// address or proved to receive mail there: it may be a stranger's.
    pub fn may_get_notices(&self) -> bool {
        self.is_active() && (self.vouched || self.email_verified_at.is_some())
    }

    /// Replaces the roles. Returns whether anything changed; if so, earlier access tokens are revoked.
    pub fn set_roles(&mut self, roles: Roles, now: Timestamp) -> bool {
        if self.roles == roles {
            return false;
        }
        self.roles = roles;
        self.version = self.version.next();
        self.updated_at = now;
        true
    }

    /// Enables or disables the account. Returns whether anything changed; if so, earlier access tokens are revoked.
    pub fn set_status(&mut self, status: UserStatus, now: Timestamp) -> bool {
        if self.status == status {
            return false;
        }
        self.status = status;
        self.version = self.version.next();
        self.updated_at = now;
        true
    }

    /// Replaces the display name. Returns whether anything changed; access tokens do not carry the name.
    pub fn set_name(&mut self, name: Option<DisplayName>, now: Timestamp) -> bool {
        if self.name == name {
            return false;
        }
        self.name = name;
        self.updated_at = now;
        true
    }
}

/// An account together with the digest of its password.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// The digest of the current password.
    pub digest: PasswordDigest,
    /// The version of that password.
    pub password_version: PasswordVersion,
}
