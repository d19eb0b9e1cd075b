//! Construction of every use case from ports and policies: for the server, the command line and tests.

use core::time::Duration;

use doorward_domain::account::RegistrationMode;
use doorward_domain::attempt::{AttemptKeys, AttemptPolicy, RefusedAttempts};
use doorward_domain::entropy::Entropy;
use doorward_domain::password::{PasswordHasher, PasswordPolicy, StrengthEstimator};
use doorward_domain::session::{RefreshTokens, SessionPolicy};
use doorward_domain::store::UnitOfWork;
use doorward_domain::time::Timestamp;
use doorward_domain::token::AccessTokenSigner;

use crate::{
    AccountRules, DeleteUser, EndOtherSessions, EndSession, EndUserSessions, IssueSetupToken, ListEvents,
    ListSessions, ListUsers, Logout, LogoutEverywhere, NoticePolicy, PasswordCheck, Refresh, SetRoles,
    TokenIssuer, UnlockUser, UpdateAccount, UpdateUser, ViewAccount, ViewUser,
};

/// The policies of the domain, as configured.
#[derive(Debug, Clone, Copy)]
pub struct Policies {
    /// The lifetimes and limits of sessions and tokens.
    pub session: SessionPolicy,
    /// The limits on password attempts.
    pub attempts: AttemptPolicy,
    /// The requirements for new passwords.
    pub password: PasswordPolicy,
    /// Who may create an account.
    pub registration: RegistrationMode,
    /// Whether access tokens carry the user's address.
    pub email_in_access_tokens: bool,
    /// How long after its expiry an access token may still be accepted, to allow for clock skew.
    pub leeway: Duration,
    /// How users are notified of what happens to their accounts; `None` if they are not.
    pub notices: Option<NoticePolicy>,
}

impl Default for Policies {
    /// The defaults of the product.
    fn default() -> Self {
        Self {
            session: SessionPolicy::default(),
            attempts: AttemptPolicy::default(),
            password: PasswordPolicy::default(),
            registration: RegistrationMode::default(),
            email_in_access_tokens: true,
            leeway: Duration::from_secs(5),
            notices: None,
        }
    }
}

impl Policies {
    /// How long after it was issued an access token may still be accepted.
    pub fn token_life(&self) -> Duration {
        self.session.access_ttl + self.leeway
    }
}

/// The ports and policies that use cases are built from. Building one costs nothing.
#[derive(Clone, Copy)]
pub struct UseCases<'a> {
    /// Stores all data.
    pub store: &'a dyn UnitOfWork,
    /// Hashes passwords.
    pub hasher: &'a dyn PasswordHasher,
    /// Estimates the strength of passwords.
    pub estimator: &'a dyn StrengthEstimator,
    /// Derives the keys of attempt records.
    pub attempt_keys: &'a dyn AttemptKeys,
    /// Decides which refused attempts are written to the audit log.
    pub refused_attempts: &'a dyn RefusedAttempts,
    /// Signs access tokens.
    pub signer: &'a dyn AccessTokenSigner,
    /// Seals refresh tokens.
    pub refresh_tokens: &'a dyn RefreshTokens,
    /// The randomness of ids, keys and salts.
    pub entropy: &'a dyn Entropy,
    /// Returns the current time while a use case runs.
    pub clock: &'a dyn Fn() -> Timestamp,
    /// The policies of the domain.
    pub policies: &'a Policies,
}

macro_rules! use_cases {
    ($($(#[$doc:meta])* $name:ident: $use_case:ident { $($field:ident),* })*) => {
        $(
            $(#[$doc])*
            pub fn $name(self) -> $use_case<'a> {
                $use_case { $($field: self.$field),* }
            }
        )*
    };
}

impl<'a> UseCases<'a> {
    use_cases! {
        /// Returns the caller's account.
        view_account: ViewAccount { store }
        /// Changes the caller's account.
        update_account: UpdateAccount { store, entropy }
        /// Returns an account to an administrator or its owner.
        view_user: ViewUser { store }
        /// Lists accounts.
        list_users: ListUsers { store }
        /// Changes an account on behalf of an administrator.
        update_user: UpdateUser { store, entropy }
        /// Replaces the roles of a user.
        set_roles: SetRoles { store, entropy }
        /// Deletes an account on behalf of an administrator.
        delete_user: DeleteUser { store, attempt_keys, entropy }
        /// Unlocks an account after failed attempts.
        unlock_user: UnlockUser { store, attempt_keys, entropy }
        /// Ends the session of a refresh token.
        logout: Logout { store, refresh_tokens, entropy }
        /// Ends every session of the caller.
        logout_everywhere: LogoutEverywhere { store, entropy }
        /// Ends every session of the caller except the current one.
        end_other_sessions: EndOtherSessions { store, entropy }
        /// Ends every session of a user.
        end_user_sessions: EndUserSessions { store, entropy }
        /// Issues the setup token.
        issue_setup_token: IssueSetupToken { store, entropy }
        /// Lists events of the audit log.
        list_events: ListEvents { store }
    }

    /// Lists the live sessions of a user.
    pub fn list_sessions(self) -> ListSessions<'a> {
        ListSessions {
            store: self.store,
            policy: &self.policies.session,
        }
    }

    /// Ends one session of the caller.
    pub fn end_session(self) -> EndSession<'a> {
        EndSession {
            store: self.store,
            policy: &self.policies.session,
            entropy: self.entropy,
        }
    }

    /// Issues the next pair of tokens of a session.
    pub fn refresh(self) -> Refresh<'a> {
        Refresh {
            store: self.store,
            issuer: self.token_issuer(),
            clock: self.clock,
        }
    }

    /// Counts and verifies password attempts.
    pub fn password_check(self) -> PasswordCheck<'a> {
        PasswordCheck {
            store: self.store,
            hasher: self.hasher,
            attempt_keys: self.attempt_keys,
            attempts: &self.policies.attempts,
            refused: self.refused_attempts,
            entropy: self.entropy,
        }
    }

    /// Checks and creates new accounts.
    pub fn account_rules(self) -> AccountRules<'a> {
        AccountRules {
            password_policy: &self.policies.password,
            estimator: self.estimator,
            hasher: self.hasher,
            entropy: self.entropy,
        }
    }

    /// Issues token pairs.
    pub fn token_issuer(self) -> TokenIssuer<'a> {
        TokenIssuer {
            signer: self.signer,
            refresh_tokens: self.refresh_tokens,
            policy: &self.policies.session,
            email_in_access_tokens: self.policies.email_in_access_tokens,
            entropy: self.entropy,
        }
    }
}
