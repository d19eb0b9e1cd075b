//! The use cases, each in one call.

use doorward_application::{
    ChangePassword, ChangePasswordError, CompleteSetup, CompleteSetupError, CreateUser, CreateUserAsOperator,
    CreateUserError, DeleteAccount, DeleteAccountError, DeleteUserError, EndSessionError, Login, LoginError,
    RefreshError, Register, RegisterError, SetRolesError, SetupTokenStatus, TokenPair, UnlockUserError,
    UpdateAccountError, UpdateUserError,
};
use doorward_domain::account::{Roles, User, UserStatus};
use doorward_domain::id::{SessionId, UserId};
use doorward_domain::password::PasswordHasher;
use doorward_domain::patch::Patch;
use doorward_domain::store_error::StoreError;
use secrecy::SecretString;

use super::{PASSWORD, StoryApp, address, draft};

impl StoryApp {
    pub fn register(&self, name: &str) -> Result<User, RegisterError> {
        self.used(PASSWORD);
        self.use_cases().create(&Register(draft(name)), &self.now())
    }

    pub fn create_admin(&self, name: &str) -> Result<User, CreateUserError> {
        self.used(PASSWORD);
        let creation = CreateUserAsOperator {
            draft: draft(name),
            roles: Roles::admin(),
        };
        self.use_cases().create(&creation, &self.now())
    }

    pub fn create_user(
        &self,
        admin: &TokenPair,
        name: &str,
        roles: &[&str],
    ) -> Result<User, CreateUserError> {
        let creation = CreateUser {
            admin: self.granted(admin),
            draft: draft(name),
            roles: Some(owned(roles)),
        };
        self.use_cases().create(&creation, &self.now())
    }

    pub fn issue_setup_token(&self, configured: Option<&str>) -> Result<SetupTokenStatus, StoreError> {
        let configured = configured.map(|token| self.used(token));
        self.use_cases().issue_setup_token().execute(configured.as_ref())
    }

    pub fn complete_setup(&self, token: &str, name: &str) -> Result<User, CompleteSetupError> {
        // An empty string is found in every text.
        let token = if token.is_empty() {
            SecretString::default()
        } else {
            self.used(token)
        };
        let setup = CompleteSetup {
            token,
            draft: draft(name),
        };
        self.use_cases().create(&setup, &self.now())
    }

    /// The login of a user with a password.
    pub fn login_of(&self, name: &str, password: &str) -> Login {
        Login {
            email: address(name),
            password: self.used(password),
        }
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
        let login = self.login_of(name, password);
        let pair = self.use_cases_with(hasher).attempt(&login, &self.now())?;
        self.record_tokens(&pair);
        Ok(pair)
    }

    pub fn refresh(&self, pair: &TokenPair) -> Result<TokenPair, RefreshError> {
        self.refresh_token(pair.refresh_token.expose())
    }

    pub fn refresh_token(&self, token: &str) -> Result<TokenPair, RefreshError> {
        let token = SecretString::from(token);
        let pair = self.use_cases().refresh().execute(&token, &self.now())?;
        self.record_tokens(&pair);
        Ok(pair)
    }

    pub fn logout(&self, pair: &TokenPair) -> Result<(), StoreError> {
        self.logout_token(pair.refresh_token.expose())
    }

    pub fn logout_token(&self, token: &str) -> Result<(), StoreError> {
        let token = SecretString::from(token);
        self.use_cases().logout().execute(&token, &self.now())
    }

    pub fn logout_everywhere(&self, caller: &TokenPair) -> Result<(), StoreError> {
        let logout = self.use_cases().logout_everywhere();
        logout.execute(&self.granted_user(caller), &self.now())
    }

    pub fn end_session(&self, caller: &TokenPair, session: SessionId) -> Result<(), EndSessionError> {
        let end = self.use_cases().end_session();
        end.execute(&self.granted_user(caller), session, &self.now())
    }

    pub fn end_sessions_of(&self, admin: &TokenPair, user: UserId) -> Result<(), EndSessionError> {
        let end = self.use_cases().end_user_sessions();
        end.execute(&self.granted(admin), user, &self.now())
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
            caller: self.granted_user(caller),
            current: self.used(current),
            new: self.used(new),
        };
        self.use_cases_with(hasher).attempt(&change, &self.now())
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
        let deletion = DeleteAccount {
            caller: self.granted_user(caller),
            password: self.used(password),
        };
        self.use_cases_with(hasher).attempt(&deletion, &self.now())
    }

    pub fn rename_oneself(&self, caller: &TokenPair, name: &str) -> Result<User, UpdateAccountError> {
        let update = self.use_cases().update_account();
        update.execute(&self.granted_user(caller), Patch::To(Some(name)), &self.now())
    }

    pub fn rename(&self, admin: &TokenPair, user: UserId, name: &str) -> Result<User, UpdateUserError> {
        let (update, admin) = (self.use_cases().update_user(), self.granted(admin));
        update.execute(&admin, user, Patch::To(Some(name)), Patch::Keep, &self.now())
    }

    pub fn set_status(
        &self,
        admin: &TokenPair,
        user: UserId,
        status: UserStatus,
    ) -> Result<User, UpdateUserError> {
        let (update, admin) = (self.use_cases().update_user(), self.granted(admin));
        update.execute(&admin, user, Patch::Keep, Patch::To(status), &self.now())
    }

    pub fn disable(&self, admin: &TokenPair, user: UserId) -> Result<User, UpdateUserError> {
        self.set_status(admin, user, UserStatus::Disabled)
    }

    pub fn enable(&self, admin: &TokenPair, user: UserId) -> Result<User, UpdateUserError> {
        self.set_status(admin, user, UserStatus::Active)
    }

    pub fn set_roles(&self, admin: &TokenPair, user: UserId, roles: &[&str]) -> Result<User, SetRolesError> {
        let set = self.use_cases().set_roles();
        set.execute(&self.granted(admin), user, &owned(roles), &self.now())
    }

    pub fn delete_user(&self, admin: &TokenPair, user: UserId) -> Result<(), DeleteUserError> {
        let delete = self.use_cases().delete_user();
        delete.execute(&self.granted(admin), user, &self.now())
    }

    pub fn unlock(&self, admin: &TokenPair, user: UserId) -> Result<(), UnlockUserError> {
        let unlock = self.use_cases().unlock_user();
        unlock.execute(&self.granted(admin), user, &self.now())
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}
