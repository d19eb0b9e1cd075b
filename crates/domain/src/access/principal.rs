//! Whoever a verified access token speaks for.

use core::fmt;
use core::marker::PhantomData;

use crate::id::{SessionId, UserId};
use crate::time::Timestamp;
use crate::token::AccessClaims;

use super::Permission;
use crate::account::Roles;

/// A permission that somebody does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the permission {permission} is missing")]
pub struct Forbidden {
    /// The name of the permission.
    pub permission: &'static str,
}

/// The user and session that a verified access token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    claims: AccessClaims,
}

impl Principal {
    /// The principal of claims that have been *verified*: signature, type, issuer, audience, times, revocation.
    pub const fn new(claims: AccessClaims) -> Self {
        Self { claims }
    }

    /// Who.
    pub const fn user_id(&self) -> UserId {
        self.claims.subject
    }

    /// In which session.
    pub const fn session_id(&self) -> SessionId {
        self.claims.session_id
    }

    /// The roles the user had when the token was issued.
    pub const fn roles(&self) -> &Roles {
        &self.claims.roles
    }

    /// The user's address, when access tokens carry it.
    pub fn email(&self) -> Option<&str> {
        self.claims.email.as_deref()
    }

    /// When the token expires.
    pub const fn expires_at(&self) -> Timestamp {
        self.claims.expires_at
    }

    /// Proves that the principal holds `P`.
    pub fn authorize<P: Permission>(self) -> Result<Granted<P>, Forbidden> {
        if P::HOLDERS.include(self.roles()) {
            Ok(Granted {
                principal: self,
                permission: PhantomData,
            })
        } else {
            Err(Forbidden { permission: P::NAME })
        }
    }

    /// Proves that the principal holds `P` on what belongs to `owner`.
    ///
    /// `owner` may be a user that does not exist, or `None` for a text that cannot name one: whoever does not hold the
    /// permission is told so without learning which it is.
    pub fn authorize_on<P: Permission>(self, owner: Option<UserId>) -> Result<GrantedOn<P>, Forbidden> {
        let owns = P::HOLDERS.include_owner() && owner == Some(self.user_id());
        if owns || P::HOLDERS.include(self.roles()) {
            Ok(GrantedOn {
                principal: self,
                owner,
                permission: PhantomData,
            })
        } else {
            Err(Forbidden { permission: P::NAME })
        }
    }
}

/// The proof that a principal holds the permission `P`. Only [`Principal::authorize`] makes one.
pub struct Granted<P> {
    principal: Principal,
    permission: PhantomData<fn() -> P>,
}

impl<P: Permission> fmt::Debug for Granted<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Granted")
            .field("permission", &P::NAME)
            .field("principal", &self.principal)
            .finish()
    }
}

impl<P> Granted<P> {
    /// Who holds it.
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// The proof that a principal holds the permission `P` on what belongs to one user. Only
/// [`Principal::authorize_on`] makes one.
pub struct GrantedOn<P> {
    principal: Principal,
    owner: Option<UserId>,
    permission: PhantomData<fn() -> P>,
}

impl<P: Permission> fmt::Debug for GrantedOn<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantedOn")
            .field("permission", &P::NAME)
            .field("owner", &self.owner)
            .field("principal", &self.principal)
            .finish()
    }
}

impl<P> GrantedOn<P> {
    /// Who holds it.
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// On whose things; `None` when nobody can have that name.
    pub const fn owner(&self) -> Option<UserId> {
        self.owner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{AssignRoles, ManageOwnAccount, ManageUsers, ReadUser, ReadUsers};
    use crate::account::Role;
    use crate::id::TokenId;

    fn principal(id: u8, roles: &[&str]) -> Principal {
        Principal::new(AccessClaims {
            subject: UserId::from_bytes([id; 16]),
            session_id: SessionId::from_bytes([9; 16]),
            token_id: TokenId::from_bytes([8; 16]),
            user_version: crate::account::UserVersion::FIRST,
            roles: roles.iter().map(|name| Role::parse(name).unwrap()).collect(),
            email: None,
            issued_at: Timestamp::from_unix_seconds(0),
            expires_at: Timestamp::from_unix_seconds(900),
            authenticated_at: Timestamp::from_unix_seconds(0),
        })
    }

    #[test]
    fn only_administrators_administer() {
        for roles in [&[][..], &["user"], &["administrator", "user"]] {
            assert!(principal(1, roles).authorize::<ReadUsers>().is_err());
            assert!(principal(1, roles).authorize::<ManageUsers>().is_err());
            assert_eq!(
                principal(1, roles).authorize::<AssignRoles>().map(|_| ()),
                Err(Forbidden {
                    permission: "roles:assign"
                })
            );
            assert!(principal(1, roles).authorize::<ManageOwnAccount>().is_ok());
        }
        assert!(principal(1, &["admin"]).authorize::<ManageUsers>().is_ok());
    }

    #[test]
    fn everybody_may_read_themselves_and_nobody_else() {
        let other = Some(UserId::from_bytes([2; 16]));
        let own = Some(UserId::from_bytes([1; 16]));
        assert!(principal(1, &["user"]).authorize_on::<ReadUser>(own).is_ok());
        assert!(principal(1, &["user"]).authorize_on::<ReadUser>(other).is_err());
        assert!(principal(1, &["user"]).authorize_on::<ReadUser>(None).is_err());
        assert!(principal(1, &["admin"]).authorize_on::<ReadUser>(other).is_ok());
        assert!(principal(1, &["admin"]).authorize_on::<ReadUser>(None).is_ok());
    }
}
