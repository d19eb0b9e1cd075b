//! The principal that a verified access token represents, and proofs of its permissions.

use core::fmt;
use core::marker::PhantomData;

use crate::id::{SessionId, UserId};
use crate::session::Authentication;
use crate::subject::Subject;
use crate::time::Timestamp;
use crate::token::AccessClaims;

use super::Permission;
use crate::account::Roles;

/// The principal does not hold the permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the permission {permission} is missing")]
pub struct Forbidden {
    /// The name of the missing permission ([`Permission::NAME`]).
    pub permission: &'static str,
}

/// The user or service that a verified access token represents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    claims: AccessClaims,
}

impl Principal {
    /// The principal of claims that have been *verified*: signature, type, issuer, audience, times, revocation.
    pub const fn new(claims: AccessClaims) -> Self {
        Self { claims }
    }

    /// The user or service itself.
    pub const fn subject(&self) -> &Subject {
        &self.claims.subject
    }

    /// The user; `None` for a service.
    pub const fn user_id(&self) -> Option<UserId> {
        self.claims.subject.user_id()
    }

    /// How and when the user authenticated; `None` for a service.
    pub const fn authentication(&self) -> Option<&Authentication> {
        self.claims.authentication.as_ref()
    }

    /// The session of the token; for a service, an id that only this token has.
    pub const fn session_id(&self) -> SessionId {
        self.claims.session_id
    }

    /// The roles the subject had when the token was issued.
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

    /// Proves that the principal is a user who holds `P`. A service never does, whatever its roles.
    pub fn authorize_user<P: Permission>(self) -> Result<GrantedUser<P>, Forbidden> {
        match self.user_id() {
            Some(user_id) if P::HOLDERS.include(self.roles()) => Ok(GrantedUser {
                principal: self,
                user_id,
                permission: PhantomData,
            }),
            _ => Err(Forbidden { permission: P::NAME }),
        }
    }

    /// Proves that the principal holds `P` on what belongs to `owner`.
    ///
    /// `owner` may be a user that does not exist, or `None` for a text that cannot be a user id: the error is the same, so
    /// a principal without the permission does not learn which users exist.
    pub fn authorize_on<P: Permission>(self, owner: Option<UserId>) -> Result<GrantedOn<P>, Forbidden> {
        let owns = P::HOLDERS.include_owner() && owner.is_some() && owner == self.user_id();
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
    /// The principal that holds the permission.
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }
}

/// The proof that a user, and not a service, holds the permission `P`. Only [`Principal::authorize_user`] makes one.
pub struct GrantedUser<P> {
    principal: Principal,
    user_id: UserId,
    permission: PhantomData<fn() -> P>,
}

impl<P: Permission> fmt::Debug for GrantedUser<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantedUser")
            .field("permission", &P::NAME)
            .field("user_id", &self.user_id)
            .field("principal", &self.principal)
            .finish()
    }
}

impl<P> GrantedUser<P> {
    /// The principal that holds the permission.
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The user who holds the permission.
    pub const fn user_id(&self) -> UserId {
        self.user_id
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
    /// The principal that holds the permission.
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The owner of the resource; `None` when the text in the request cannot be a user id.
    pub const fn owner(&self) -> Option<UserId> {
        self.owner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{AssignRoles, ManageOwnAccount, ManageUsers, ReadUser, ReadUsers};
    use crate::account::Role;
    use crate::client::ClientId;
    use crate::id::TokenId;
    use crate::subject::SubjectVersion;

    fn principal(id: u8, roles: &[&str]) -> Principal {
        let authentication = Authentication::by_password(Timestamp::from_unix_seconds(0));
        with_subject(UserId::from_bytes([id; 16]).into(), Some(authentication), roles)
    }

    fn service(roles: &[&str]) -> Principal {
        let id = ClientId::parse("billing").expect("a client id");
        with_subject(id.into(), None, roles)
    }

    fn with_subject(subject: Subject, authentication: Option<Authentication>, roles: &[&str]) -> Principal {
        Principal::new(AccessClaims {
            subject,
            session_id: SessionId::from_bytes([9; 16]),
            token_id: TokenId::from_bytes([8; 16]),
            subject_version: SubjectVersion::FIRST,
            roles: roles.iter().map(|name| Role::parse(name).unwrap()).collect(),
            email: None,
            email_verified: false,
            issued_at: Timestamp::from_unix_seconds(0),
            expires_at: Timestamp::from_unix_seconds(900),
            authentication,
        })
    }

    #[test]
    fn only_administrators_are_authorized_to_administer() {
        for roles in [&[][..], &["user"], &["administrator", "user"]] {
            assert!(principal(1, roles).authorize::<ReadUsers>().is_err());
            assert!(principal(1, roles).authorize::<ManageUsers>().is_err());
            assert_eq!(
                principal(1, roles).authorize::<AssignRoles>().map(|_| ()),
                Err(Forbidden {
                    permission: "roles:assign"
                })
            );
            assert!(principal(1, roles).authorize_user::<ManageOwnAccount>().is_ok());
        }
        assert!(principal(1, &["admin"]).authorize::<ManageUsers>().is_ok());
    }

    #[test]
    fn a_user_may_read_their_own_account_and_no_other() {
        let other = Some(UserId::from_bytes([2; 16]));
        let own = Some(UserId::from_bytes([1; 16]));
        assert!(principal(1, &["user"]).authorize_on::<ReadUser>(own).is_ok());
        assert!(principal(1, &["user"]).authorize_on::<ReadUser>(other).is_err());
        assert!(principal(1, &["user"]).authorize_on::<ReadUser>(None).is_err());
        assert!(principal(1, &["admin"]).authorize_on::<ReadUser>(other).is_ok());
        assert!(principal(1, &["admin"]).authorize_on::<ReadUser>(None).is_ok());
    }

    #[test]
    fn a_service_has_the_permissions_of_its_roles_and_none_that_require_a_user() {
        let own = Some(UserId::from_bytes([1; 16]));
        for roles in [&[][..], &["user"], &["admin"]] {
            let is_admin = roles.contains(&Role::ADMIN);
            assert!(service(roles).authorize_user::<ManageOwnAccount>().is_err());
            assert!(service(roles).authorize_user::<ManageUsers>().is_err());
            assert_eq!(service(roles).authorize::<ManageUsers>().is_ok(), is_admin);
            for owner in [own, None] {
                assert_eq!(service(roles).authorize_on::<ReadUser>(owner).is_ok(), is_admin);
            }
        }
        assert_eq!(service(&[]).user_id(), None);
        assert_eq!(service(&[]).authentication(), None);
    }
}
