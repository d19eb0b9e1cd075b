//! Roles of users.

use core::fmt;
use std::collections::BTreeSet;

/// The longest role name, in characters.
const MAX_LENGTH: usize = 32;

/// The text is not a role name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role name is a lower-case letter followed by at most 31 lower-case letters, digits, `_` or `-`")]
pub struct InvalidRole;

/// A role: `[a-z][a-z0-9_-]{0,31}`.
///
/// Doorward itself checks `user` and `admin`; every other role is a label for other services.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role(String);

impl Role {
    /// The built-in role that may administer Doorward.
    pub const ADMIN: &'static str = "admin";
    /// The built-in role that every registered user gets.
    pub const USER: &'static str = "user";

    /// Parses a role name.
    pub fn parse(name: &str) -> Result<Self, InvalidRole> {
        let mut bytes = name.bytes();
        let starts = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
        let goes_on = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'));
        if starts && goes_on && name.len() <= MAX_LENGTH {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidRole)
        }
    }

    /// The role name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::borrow::Borrow<str> for Role {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The roles of one user: a set, listed in alphabetical order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Hash)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    /// The maximum number of roles of one user: every access token carries all of them.
    pub const MAX: usize = 32;

    /// The roles of a newly registered user: `user`.
    pub fn user() -> Self {
        Self(BTreeSet::from([Role(Role::USER.to_owned())]))
    }

    /// The roles of the first administrator: `admin` and `user`.
    pub fn admin() -> Self {
        Self(BTreeSet::from([
            Role(Role::ADMIN.to_owned()),
            Role(Role::USER.to_owned()),
        ]))
    }

    /// Whether the set contains the role of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether the set contains `admin`.
    pub fn is_admin(&self) -> bool {
        self.contains(Role::ADMIN)
    }

    /// The roles in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.0.iter()
    }

    /// The number of roles.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        Self(roles.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_role_name_is_a_short_lower_case_word() {
        for name in ["a", "user", "billing-read_2", &"a".repeat(32)] {
            assert!(Role::parse(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "A",
            "Admin",
            "1a",
            "-a",
            "_a",
            "a b",
            "a\0",
            "é",
            "admin\n",
            &"a".repeat(33),
        ] {
            assert_eq!(Role::parse(name), Err(InvalidRole), "{name:?}");
        }
    }

    #[test]
    fn a_set_lists_each_role_once_in_order() {
        let roles: Roles = ["user", "admin", "user"]
            .iter()
            .map(|name| Role::parse(name).unwrap())
            .collect();
        assert_eq!(
            roles.iter().map(Role::as_str).collect::<Vec<_>>(),
            ["admin", "user"]
        );
        assert_eq!(roles, Roles::admin());
    }

    proptest! {
        #[test]
        fn exactly_the_texts_of_the_documented_pattern_are_roles(name in "\\PC{0,40}") {
            let mut chars = name.chars();
            let expected = chars.next().is_some_and(|c| c.is_ascii_lowercase())
                && chars.clone().count() <= 31
                && chars.all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-'));
            prop_assert_eq!(Role::parse(&name).is_ok(), expected);
        }
    }
}
