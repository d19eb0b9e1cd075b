//! Checking and storing new accounts, shared by registration, administration and setup.

use secrecy::SecretString;

use doorward_domain::account::{DisplayName, Email, PasswordDigest, User, UserStatus};
use doorward_domain::account::{EmailTaken, Roles};
use doorward_domain::audit::{Event, EventOutcome};
use doorward_domain::entropy::Entropy;
use doorward_domain::id::UserId;
use doorward_domain::outcome::Outcome;
use doorward_domain::password::{HashError, PasswordHasher, StrengthEstimator};
use doorward_domain::password::{PasswordPolicy, PlainPassword};
use doorward_domain::store::Repositories;
use doorward_domain::store_error::StoreResult;
use doorward_domain::subject::SubjectVersion;
use doorward_domain::time::Timestamp;
use doorward_domain::validation::{Invalid, Violation};

use crate::account::shared::parse_name;

/// The input for a new account.
#[derive(Debug, Clone)]
pub struct AccountDraft {
    /// The address, as typed.
    pub email: String,
    /// The password, as typed.
    pub password: SecretString,
    /// The name, as typed, if any.
    pub name: Option<String>,
}

/// What a new account is checked and created with.
#[derive(Clone, Copy)]
pub struct AccountRules<'a> {
    /// The rules for the password.
    pub password_policy: &'a PasswordPolicy,
    /// Estimates the strength of the password.
    pub estimator: &'a dyn StrengthEstimator,
    /// Hashes the password.
    pub hasher: &'a dyn PasswordHasher,
    /// Generates the id and the salt.
    pub entropy: &'a dyn Entropy,
}

/// Who makes an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MadeBy {
    /// Anybody, who may have typed another person's address.
    Anybody,
    /// Setup, an administrator or an operator, who vouches for the address.
    Trusted,
}

/// A draft without violations.
pub(crate) struct CheckedDraft {
    pub(crate) email: Email,
    password: PlainPassword,
    name: Option<DisplayName>,
}

/// An account without violations and its hashed password, not stored yet.
pub(crate) struct PreparedAccount {
    pub(crate) user: User,
    pub(crate) digest: PasswordDigest,
}

impl AccountRules<'_> {
    /// Checks a draft and returns all violations.
    pub(crate) fn check(&self, draft: &AccountDraft) -> Result<CheckedDraft, Invalid> {
        let mut violations = Vec::new();
        let email = Email::parse_new(&draft.email)
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

    /// Creates the account and hashes the password. Not to be called inside a transaction.
    pub(crate) fn build(
        &self,
        draft: &CheckedDraft,
        roles: Roles,
        made_by: MadeBy,
        now: Timestamp,
    ) -> Result<PreparedAccount, HashError> {
        let digest = self.hasher.hash(&draft.password, self.entropy)?;
        let user = User {
            id: UserId::generate(now, self.entropy),
            email: draft.email.clone(),
            name: draft.name.clone(),
            roles,
            status: UserStatus::Active,
            version: SubjectVersion::FIRST,
            vouched: made_by == MadeBy::Trusted,
            email_verified_at: None,
            created_at: now,
            updated_at: now,
        };
        Ok(PreparedAccount { user, digest })
    }
}

/// Stores an account, and records the outcome as this `event`: a refusal is recorded for the account that has the address.
pub(crate) fn insert(
    repos: &mut dyn Repositories,
    account: &PreparedAccount,
    event: impl Fn(EventOutcome) -> Event,
) -> StoreResult<Outcome<(), EmailTaken>> {
    let inserted = repos.users().insert(&account.user, &account.digest)?;
    match inserted {
        Outcome::Done(()) => repos.events().append(&event(EventOutcome::Success))?,
        Outcome::Refused(EmailTaken) => {
            record_taken(repos, &account.user.email, event(EventOutcome::Failure))?;
        }
    }
    Ok(inserted)
}

/// Records a refusal because the address is taken, as this `event` of the account that has it.
pub(crate) fn record_taken(repos: &mut dyn Repositories, email: &Email, event: Event) -> StoreResult<()> {
    let mut event = event.with("reason", "email-taken");
    let owner = repos.users().find_credentials_by_email(email.canonical())?;
    event.subject = owner.map(|owner| owner.user.id.into());
    repos.events().append(&event)
}
