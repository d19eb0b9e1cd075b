//! What registration, administration and setup have in common: an account that does not exist yet.

use secrecy::SecretString;

use doorward_domain::account::{DisplayName, Email, PasswordDigest, User, UserStatus, UserVersion};
use doorward_domain::account::{Role, Roles};
use doorward_domain::audit::Event;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::UserId;
use doorward_domain::password::{HashError, PasswordHasher, StrengthEstimator};
use doorward_domain::password::{PasswordPolicy, PlainPassword};
use doorward_domain::patch::Patch;
use doorward_domain::store::Repositories;
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;
use doorward_domain::validation::{Invalid, Violation};

/// What somebody asks for when they ask for an account.
#[derive(Debug, Clone)]
pub struct AccountDraft {
    /// The address, as typed.
    pub email: String,
    /// The password, as typed.
    pub password: SecretString,
    /// The name, as typed, if any.
    pub name: Option<String>,
}

/// What a new account is held to.
#[derive(Clone, Copy)]
pub struct AccountRules<'a> {
    /// The rules for its password.
    pub password_policy: &'a PasswordPolicy,
    /// Estimates how hard its password is to guess.
    pub estimator: &'a dyn StrengthEstimator,
    /// Hashes its password.
    pub hasher: &'a dyn PasswordHasher,
    /// Makes its id and its salt.
    pub entropy: &'a dyn Entropy,
}

/// A draft that keeps every rule, not yet an account.
pub(crate) struct CheckedDraft {
    pub(crate) email: Email,
    password: PlainPassword,
    name: Option<DisplayName>,
}

/// An account that keeps every rule, its password hashed. It is not kept yet.
pub(crate) struct NewAccount {
    pub(crate) user: User,
    pub(crate) digest: PasswordDigest,
}

impl AccountRules<'_> {
    /// Checks a draft and tells everything that is wrong with it.
    pub(crate) fn check(&self, draft: &AccountDraft) -> Result<CheckedDraft, Invalid> {
        let mut violations = Vec::new();
        let email = Email::parse(&draft.email)
            .map_err(|error| violations.push(Violation::new("/email", error.code(), error.to_string())));
        let name = parse_name(draft.name.as_deref()).map_err(|violation| violations.push(violation));
        let password = PlainPassword::new(&draft.password);
        let known_name = name.as_ref().ok().and_then(Option::as_ref);
        if let Err(weakness) =
            self.password_policy
                .check(&password, email.as_ref().ok(), known_name, self.estimator)
        {
            violations.push(weakness.at("/password"));
        }
        match (email, name) {
            (Ok(email), Ok(name)) if violations.is_empty() => Ok(CheckedDraft {
                email,
                password,
                name,
            }),
            _ => Err(Invalid::new(violations)),
        }
    }

    /// Makes the account, outside any transaction: this is where the password is hashed.
    pub(crate) fn build(
        &self,
        draft: &CheckedDraft,
        roles: Roles,
        now: Timestamp,
    ) -> Result<NewAccount, HashError> {
        let digest = self.hasher.hash(&draft.password, self.entropy)?;
        let user = User {
            id: UserId::generate(now, self.entropy),
            email: draft.email.clone(),
            name: draft.name.clone(),
            roles,
            status: UserStatus::Active,
            version: UserVersion::FIRST,
            created_at: now,
            updated_at: now,
        };
        Ok(NewAccount { user, digest })
    }
}

/// Remembers that an account was refused because its address is taken, as this `event` of the account that has it.
pub(crate) fn remember_taken(repos: &mut dyn Repositories, email: &Email, event: Event) -> StoreResult<()> {
    let mut event = event.with("reason", "email-taken");
    let owner = repos.users().find_credentials_by_email(email.canonical())?;
    event.user_id = owner.map(|owner| owner.user.id);
    repos.events().append(&event)
}

/// Parses an optional name; an empty one is none.
pub(crate) fn parse_name(typed: Option<&str>) -> Result<Option<DisplayName>, Violation> {
    match typed {
        None | Some("") => Ok(None),
        Some(typed) => DisplayName::parse(typed)
            .map(Some)
            .map_err(|error| Violation::new("/name", error.code(), error.to_string())),
    }
}

/// Parses the name that an update asks for.
pub(crate) fn parse_name_change(name: Patch<Option<&str>>) -> Result<Patch<Option<DisplayName>>, Invalid> {
    Ok(match name {
        Patch::Keep => Patch::Keep,
        Patch::To(typed) => Patch::To(parse_name(typed)?),
    })
}

/// Parses role names and tells each that is none.
pub(crate) fn parse_roles(names: &[String]) -> Result<Roles, Invalid> {
    let mut violations = Vec::new();
    let mut roles = Vec::new();
    for (index, name) in names.iter().enumerate() {
        match Role::parse(name) {
            Ok(role) => roles.push(role),
            Err(error) => violations.push(Violation::new(
                format!("/roles/{index}"),
                "malformed",
                error.to_string(),
            )),
        }
    }
    let roles: Roles = roles.into_iter().collect();
    if roles.len() > Roles::MAX {
        let detail = format!("a user has at most {} roles", Roles::MAX);
        violations.push(Violation::new("/roles", "too-many", detail));
    }
    if violations.is_empty() {
        Ok(roles)
    } else {
        Err(Invalid::new(violations))
    }
}
