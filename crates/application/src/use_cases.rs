//! Every use case, assembled from ports and policies in one place: for the server, the command line and tests alike.

use core::time::Duration;

use doorward_domain::attempt::{AttemptKeys, AttemptPolicy, RefusedAttempts};
use doorward_domain::entropy::Entropy;
use doorward_domain::password::{PasswordHasher, PasswordPolicy, StrengthEstimator};
use doorward_domain::session::{RefreshTokens, SessionPolicy};
use doorward_domain::store::UnitOfWork;
use doorward_domain::time::Timestamp;
use doorward_domain::token::AccessTokenSigner;

use crate::{
    AccountRules, DeleteUser, EndOtherSessions, EndSession, EndUserSessions, IssueSetupToken, ListEvents,
    ListSessions, ListUsers, Logout, LogoutEverywhere, PasswordCheck, Refresh, SetRoles, TokenIssuer,
    UnlockUser, UpdateAccount, UpdateUser, ViewAccount, ViewUser,
};

/// The policies of the domain, as configured.
#[derive(Debug, Clone, Copy)]
pub struct Policies {
    /// How long sessions and tokens last.
    pub session: SessionPolicy,
    /// How many attempts an account allows.
    pub attempts: AttemptPolicy,
    /// Which passwords are good enough.
    pub password: PasswordPolicy,
    /// Whether access tokens carry the user's address.
    pub email_in_access_tokens: bool,
    /// How long after its end an access token may still be accepted, for clocks that differ.
    pub leeway: Duration,
}

impl Default for Policies {
    /// The defaults of the product.
    fn default() -> Self {
        Self {
            session: SessionPolicy::default(),
            attempts: AttemptPolicy::default(),
            password: PasswordPolicy::default(),
            email_in_access_tokens: true,
            leeway: Duration::from_secs(5),
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
    /// Where everything is kept.
    pub store: &'a dyn UnitOfWork,
    /// Hashes passwords.
    pub hasher: &'a dyn PasswordHasher,
    /// Estimates how hard passwords are to guess.
    pub estimator: &'a dyn StrengthEstimator,
    /// Names accounts in the table of attempts.
    pub attempt_keys: &'a dyn AttemptKeys,
    /// Says which refused attempts the audit log records.
    pub refused_attempts: &'a dyn RefusedAttempts,
    /// Signs access tokens.
    pub signer: &'a dyn AccessTokenSigner,
    /// Seals refresh tokens.
    pub refresh_tokens: &'a dyn RefreshTokens,
    /// Makes ids, keys and salts.
    pub entropy: &'a dyn Entropy,
    /// Tells the time while a use case runs.
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
        /// Shows the caller's account.
        view_account: ViewAccount { store }
        /// Changes the caller's account.
        update_account: UpdateAccount { store, entropy }
        /// Shows an account to an administrator or its owner.
        view_user: ViewUser { store }
        /// Lists accounts.
        list_users: ListUsers { store }
        /// Changes an account on behalf of an administrator.
        update_user: UpdateUser { store, entropy }
        /// Replaces the roles of a user.
        set_roles: SetRoles { store, entropy }
        /// Deletes an account on behalf of an administrator.
        delete_user: DeleteUser { store, attempt_keys, entropy }
        /// Forgets the failed attempts at an account.
        unlock_user: UnlockUser { store, attempt_keys, entropy }
        /// Ends the session of a refresh token.
        logout: Logout { store, refresh_tokens, entropy }
        /// Ends every session of the caller.
        logout_everywhere: LogoutEverywhere { store, entropy }
        /// Ends every session of the caller but the one that asks.
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

    /// Counts and verifies attempts at passwords.
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

    /// What a new account has to comply with.
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
