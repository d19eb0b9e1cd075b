//! The use cases as methods.

use doorward_application::{
    ChangePassword, ChangePasswordError, CompleteSetup, CompleteSetupError, CreateUser, CreateUserAsOperator,
    CreateUserError, DeleteAccount, DeleteAccountError, DeleteUser, DeleteUserError, EndSession,
    EndSessionError, EndUserSessions, IssueSetupToken, Login, LoginError, Logout, LogoutEverywhere, Refresh,
    RefreshError, Register, RegisterError, SetRoles, SetRolesError, SetupTokenStatus, TokenPair, UnlockUser,
    UnlockUserError, UpdateAccount, UpdateAccountError, UpdateUser, UpdateUserError,
};
use doorward_domain::account::Roles;
use doorward_domain::account::{User, UserStatus};
use doorward_domain::id::{SessionId, UserId};
use doorward_domain::password::PasswordHasher;
use doorward_domain::patch::Patch;
use doorward_domain::store_error::StoreError;
use doorward_testkit::{FakeAttemptKeys, FakeRefreshTokens};
use secrecy::SecretString;

use super::{PASSWORD, World, address, draft};

impl World {
    pub fn register(&self, name: &str) -> Result<User, RegisterError> {
        self.used(PASSWORD);
        let (rules, store) = (self.rules(), &self.store);
        Register { store, rules }.execute(draft(name), &self.now())
    }

    pub fn create_admin(&self, name: &str) -> Result<User, CreateUserError> {
        self.used(PASSWORD);
        let (rules, store) = (self.rules(), &self.store);
        CreateUserAsOperator { store, rules }.execute(&draft(name), Roles::admin(), &self.now())
    }

    pub fn create_user(
        &self,
        admin: &TokenPair,
        name: &str,
        granted: &[&str],
    ) -> Result<User, CreateUserError> {
        let (rules, store) = (self.rules(), &self.store);
        let create_user = CreateUser { store, rules };
        create_user.execute(&self.may(admin), &draft(name), Some(&owned(granted)), &self.now())
    }

    pub fn issue_setup_token(&self, configured: Option<&str>) -> Result<SetupTokenStatus, StoreError> {
        let configured = configured.map(|token| self.used(token));
        self.setup_offerer().execute(configured.as_ref())
    }

    pub fn setup_offerer(&self) -> IssueSetupToken<'_> {
        IssueSetupToken {
            store: &self.store,
            entropy: &self.entropy.0,
        }
    }

    pub fn complete_setup(&self, token: &str, name: &str) -> Result<User, CompleteSetupError> {
        let (rules, store) = (self.rules(), &self.store);
        // An empty token is not recorded: it would be found in every text.
        let token = if token.is_empty() {
            SecretString::default()
        } else {
            self.used(token)
        };
        CompleteSetup { store, rules }.execute(&token, &draft(name), &self.now())
    }

    pub fn login(&self, name: &str, password: &str) -> Result<TokenPair, LoginError> {
        self.login_with(&self.hasher, name, password)
    }

    pub fn login_with(
        &self,
        hasher: &dyn PasswordHasher,
        name: &str,
        password: &str,
    ) -> Result<TokenPair, LoginError> {
        let login = Login {
            check: self.check_with(hasher),
            issuer: self.issuer(),
        };
        let pair = login.execute(&address(name), &self.used(password), &self.now())?;
        self.record_tokens(&pair);
        Ok(pair)
    }

    pub fn refresh(&self, pair: &TokenPair) -> Result<TokenPair, RefreshError> {
        self.refresh_token(pair.refresh_token.expose())
    }

    pub fn refresh_token(&self, token: &str) -> Result<TokenPair, RefreshError> {
        let (store, issuer) = (&self.store, self.issuer());
        let clock = &|| self.clock.now();
        let refresh = Refresh { store, issuer, clock };
        let pair = refresh.execute(&SecretString::from(token), &self.now())?;
        self.record_tokens(&pair);
        Ok(pair)
    }

    pub fn logout(&self, pair: &TokenPair) -> Result<(), StoreError> {
        self.logout_token(pair.refresh_token.expose())
    }

    pub fn logout_token(&self, token: &str) -> Result<(), StoreError> {
        let logout = Logout {
            store: &self.store,
            refresh_tokens: &FakeRefreshTokens,
            entropy: &self.entropy.0,
        };
        logout.execute(&SecretString::from(token), &self.now())
    }

    pub fn logout_everywhere(&self, caller: &TokenPair) -> Result<(), StoreError> {
        let (store, entropy) = (&self.store, &self.entropy.0);
        LogoutEverywhere { store, entropy }.execute(&self.may(caller), &self.now())
    }

    pub fn end_session(&self, caller: &TokenPair, session: SessionId) -> Result<(), EndSessionError> {
        let end = EndSession {
            store: &self.store,
            policy: &self.sessions,
            entropy: &self.entropy.0,
        };
        end.execute(&self.may(caller), session, &self.now())
    }

    pub fn end_sessions_of(&self, admin: &TokenPair, user: UserId) -> Result<(), EndSessionError> {
        let (store, entropy) = (&self.store, &self.entropy.0);
        EndUserSessions { store, entropy }.execute(&self.may(admin), user, &self.now())
    }

    pub fn change_password(
        &self,
        caller: &TokenPair,
        current: &str,
        new: &str,
    ) -> Result<(), ChangePasswordError> {
        self.change_password_with(&self.hasher, caller, current, new)
    }

    pub fn change_password_with(
        &self,
        hasher: &dyn PasswordHasher,
        caller: &TokenPair,
        current: &str,
        new: &str,
    ) -> Result<(), ChangePasswordError> {
        let change = ChangePassword {
            check: self.check_with(hasher),
            rules: self.rules(),
        };
        change.execute(
            &self.may(caller),
            &self.used(current),
            &self.used(new),
            &self.now(),
        )
    }

    pub fn delete_account(&self, caller: &TokenPair, password: &str) -> Result<(), DeleteAccountError> {
        self.delete_account_with(&self.hasher, caller, password)
    }

    pub fn delete_account_with(
        &self,
        hasher: &dyn PasswordHasher,
        caller: &TokenPair,
        password: &str,
    ) -> Result<(), DeleteAccountError> {
        let check = self.check_with(hasher);
        DeleteAccount { check }.execute(&self.may(caller), &self.used(password), &self.now())
    }

    pub fn rename_oneself(&self, caller: &TokenPair, name: &str) -> Result<User, UpdateAccountError> {
        let (store, entropy) = (&self.store, &self.entropy.0);
        let update = UpdateAccount { store, entropy };
        update.execute(&self.may(caller), Patch::To(Some(name)), &self.now())
    }

    pub fn rename(&self, admin: &TokenPair, user: UserId, name: &str) -> Result<User, UpdateUserError> {
        let (store, entropy) = (&self.store, &self.entropy.0);
        let update = UpdateUser { store, entropy };
        update.execute(
            &self.may(admin),
            user,
            Patch::To(Some(name)),
            Patch::Keep,
            &self.now(),
        )
    }

    pub fn set_status(
        &self,
        admin: &TokenPair,
        user: UserId,
        status: UserStatus,
    ) -> Result<User, UpdateUserError> {
        let (store, entropy) = (&self.store, &self.entropy.0);
        let update = UpdateUser { store, entropy };
        update.execute(
            &self.may(admin),
            user,
            Patch::Keep,
            Patch::To(status),
            &self.now(),
        )
    }

    pub fn disable(&self, admin: &TokenPair, user: UserId) -> Result<User, UpdateUserError> {
        self.set_status(admin, user, UserStatus::Disabled)
    }

    pub fn enable(&self, admin: &TokenPair, user: UserId) -> Result<User, UpdateUserError> {
        self.set_status(admin, user, UserStatus::Active)
    }

    pub fn set_roles(&self, admin: &TokenPair, user: UserId, roles: &[&str]) -> Result<User, SetRolesError> {
        let (store, entropy) = (&self.store, &self.entropy.0);
        SetRoles { store, entropy }.execute(&self.may(admin), user, &owned(roles), &self.now())
    }

    pub fn delete_user(&self, admin: &TokenPair, user: UserId) -> Result<(), DeleteUserError> {
        let delete = DeleteUser {
            store: &self.store,
            attempt_keys: &FakeAttemptKeys,
            entropy: &self.entropy.0,
        };
        delete.execute(&self.may(admin), user, &self.now())
    }

    pub fn unlock(&self, admin: &TokenPair, user: UserId) -> Result<(), UnlockUserError> {
        let unlock = UnlockUser {
            store: &self.store,
            attempt_keys: &FakeAttemptKeys,
            entropy: &self.entropy.0,
        };
        unlock.execute(&self.may(admin), user, &self.now())
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
