use core::ops::Bound;

use doorward_domain::account::{CanonicalEmail, Credentials, PasswordDigest, PasswordVersion, User};
use doorward_domain::account::{EmailTaken, UserFilter, UserRepository};
use doorward_domain::id::UserId;
use doorward_domain::outcome::Outcome;
use doorward_domain::store_error::StoreResult;

use super::transaction::Transaction;

impl UserRepository for Transaction {
    fn insert(&mut self, user: &User, digest: &PasswordDigest) -> StoreResult<Outcome<(), EmailTaken>> {
        let state = self.change()?;
        if state.account_of(user.email.canonical()).is_some() {
            return Ok(Outcome::Refused(EmailTaken));
        }
        if state.accounts.contains_key(&user.id) {
            return self.refuse("a user with that id exists");
        }
        let account = Credentials {
            user: user.clone(),
            digest: digest.clone(),
            password_version: PasswordVersion::FIRST,
        };
        state.accounts.insert(user.id, account);
        Ok(Outcome::Done(()))
    }

    fn find(&mut self, id: UserId) -> StoreResult<Option<User>> {
        Ok(self
            .look_once()?
            .accounts
            .get(&id)
            .map(|account| account.user.clone()))
    }

    fn lock(&mut self, id: UserId) -> StoreResult<Option<User>> {
        Ok(self
            .lock_and_look()?
            .accounts
            .get(&id)
            .map(|account| account.user.clone()))
    }

    fn lock_unchanged(&mut self, known: &Credentials) -> StoreResult<bool> {
        let found = self.lock_and_look()?.accounts.get(&known.user.id);
        Ok(found.is_some_and(|found| {
            found.user == known.user && found.password_version == known.password_version
        }))
    }

    fn id_of(&mut self, email: &CanonicalEmail) -> StoreResult<Option<UserId>> {
        Ok(self.look()?.account_of(email).map(|account| account.user.id))
    }

    fn find_credentials_by_email(&mut self, email: &CanonicalEmail) -> StoreResult<Option<Credentials>> {
        Ok(self.look_once()?.account_of(email).cloned())
    }

    fn find_credentials(&mut self, id: UserId) -> StoreResult<Option<Credentials>> {
        Ok(self.look_once()?.accounts.get(&id).cloned())
    }

    fn password_version(&mut self, id: UserId) -> StoreResult<Option<PasswordVersion>> {
        Ok(self
            .look()?
            .accounts
            .get(&id)
            .map(|account| account.password_version))
    }

    fn update(&mut self, user: &User) -> StoreResult<bool> {
        let Some(account) = self.change()?.accounts.get_mut(&user.id) else {
            return Ok(false);
        };
        // Every field is listed, so that a new one does not compile until it is handled here.
        let User {
            id: _,
            email: _,
            name,
            roles,
            status,
            version,
            vouched: _,
            email_verified_at: _,
            created_at: _,
            updated_at,
        } = user.clone();
        account.user.name = name;
        account.user.roles = roles;
        account.user.status = status;
        account.user.version = version;
        account.user.updated_at = updated_at;
        Ok(true)
    }

    fn set_digest(
        &mut self,
        id: UserId,
        digest: &PasswordDigest,
        expected: PasswordVersion,
        version: PasswordVersion,
    ) -> StoreResult<bool> {
        match self.change()?.accounts.get_mut(&id) {
            Some(account) if account.password_version == expected => {
                account.digest = digest.clone();
                account.password_version = version;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn delete(&mut self, id: UserId) -> StoreResult<bool> {
        let state = self.change()?;
        state.sessions.retain(|_, session| session.user_id != id);
        state.outbox.retain(|_, (entry, _)| entry.user_id != id);
        Ok(state.accounts.remove(&id).is_some())
    }

    fn count_active_admins(&mut self) -> StoreResult<u64> {
        let admins = self
            .lock_and_look()?
            .accounts
            .values()
            .filter(|account| account.user.is_active_admin());
        Ok(admins.map(|_| 1_u64).sum())
    }

    fn page(&mut self, filter: &UserFilter, after: Option<UserId>, limit: u32) -> StoreResult<Vec<User>> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let users = self
            .look()?
            .accounts
            .range((start, Bound::Unbounded))
            .map(|(_, account)| &account.user);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(users
            .filter(|user| matches_filter(user, filter))
            .take(limit)
            .cloned()
            .collect())
    }
}

/// Whether the user meets every condition of the filter.
fn matches_filter(user: &User, filter: &UserFilter) -> bool {
    let UserFilter { email, role, status } = filter;
    email.as_ref().is_none_or(|email| user.email.canonical() == email)
        && role
            .as_ref()
            .is_none_or(|role| user.roles.contains(role.as_str()))
        && status.is_none_or(|status| user.status == status)
}
