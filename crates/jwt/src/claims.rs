//! The claims of an access token as JSON (RFC 9068, section 2.2).

use std::borrow::Cow;

use doorward_domain::account::UserVersion;
use doorward_domain::account::{Role, Roles};
use doorward_domain::id::{SessionId, TokenId, UserId};
use doorward_domain::time::Timestamp;
use doorward_domain::token::TokenRejected;
use doorward_domain::token::{AccessClaims, ClaimTimes};
use serde::{Deserialize, Deserializer, Serialize};

use crate::rejection::rejected;

/// The client that tokens are issued to. There is one, because Doorward serves only its own front ends.
const CLIENT_ID: &str = "doorward";

/// How the user proved who they are (`amr`, RFC 8176).
const PASSWORD: &str = "pwd";

/// The last second of the year 9999. A later time is rejected.
const LAST_SECOND: u64 = 253_402_300_799;

/// The issuer and the audience of access tokens: `iss` and `aud` (RFC 7519, sections 4.1.1 and 4.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerAndAudience {
    /// The issuer: the public URL of the deployment (`server.public_url`), compared character by character.
    pub issuer: String,
    /// The audience: the services that accept the tokens (`tokens.audience`).
    pub audience: String,
}

/// Claims to be signed.
#[derive(Serialize)]
pub(crate) struct ClaimsOut<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    client_id: &'static str,
    iat: i64,
    exp: i64,
    jti: String,
    sid: String,
    ver: u32,
    roles: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    auth_time: i64,
    amr: [&'static str; 1],
}

impl<'a> ClaimsOut<'a> {
    pub(crate) fn new(claims: &'a AccessClaims, parties: &'a IssuerAndAudience) -> Self {
        Self {
            iss: &parties.issuer,
            sub: claims.subject.to_string(),
            aud: &parties.audience,
            client_id: CLIENT_ID,
            iat: claims.issued_at.as_unix_seconds(),
            exp: claims.expires_at.as_unix_seconds(),
            jti: claims.token_id.to_string(),
            sid: claims.session_id.to_string(),
            ver: claims.user_version.get(),
            roles: claims.roles.iter().map(Role::as_str).collect(),
            email: claims.email.as_deref(),
            auth_time: claims.authenticated_at.as_unix_seconds(),
            amr: [PASSWORD],
        }
    }
}

/// Claims of a token to be verified. Each must be present once, with its type. Claims that are not listed are ignored
/// (RFC 7519, section 4), so that an older version accepts the tokens of a newer one.
#[derive(Deserialize)]
pub(crate) struct ClaimsIn<'a> {
    #[serde(borrow)]
    iss: Cow<'a, str>,
    #[serde(borrow)]
    sub: Cow<'a, str>,
    aud: Audience,
    #[serde(borrow)]
    client_id: Cow<'a, str>,
    iat: Seconds,
    exp: Seconds,
    #[serde(default, deserialize_with = "not_null")]
    nbf: Option<Seconds>,
    #[serde(borrow)]
    jti: Cow<'a, str>,
    #[serde(borrow)]
    sid: Cow<'a, str>,
    ver: u32,
    roles: Vec<String>,
    #[serde(default, deserialize_with = "not_null")]
    email: Option<String>,
    auth_time: Seconds,
    amr: Vec<String>,
}

impl<'a> ClaimsIn<'a> {
    /// Reads the payload of a token whose signature has been verified.
    pub(crate) fn parse(payload: &'a [u8]) -> Result<Self, TokenRejected> {
        // Serde would read an array as a struct too.
        if payload.first() != Some(&b'{') {
            return Err(rejected("the claims are not an object"));
        }
        serde_json::from_slice(payload)
            .map_err(|_position| rejected("a claim is missing, duplicated or of the wrong type"))
    }

    /// When the token is valid.
    pub(crate) fn times(&self) -> ClaimTimes {
        ClaimTimes {
            expires_at: self.exp.0,
            issued_at: self.iat.0,
            not_before: self.nbf.as_ref().map(|seconds| seconds.0),
        }
    }

    /// Checks every claim but the times, and returns those that differ from token to token.
    pub(crate) fn check(self, parties: &IssuerAndAudience) -> Result<AccessClaims, TokenRejected> {
        if self.iss != parties.issuer {
            return Err(rejected("wrong issuer"));
        }
        if !self.aud.includes(&parties.audience) {
            return Err(rejected("wrong audience"));
        }
        if self.client_id.is_empty() || self.amr.is_empty() {
            return Err(rejected("client_id or amr is empty"));
        }
        if self.roles.len() > Roles::MAX {
            return Err(rejected("too many roles"));
        }
        let roles: Result<Roles, _> = self.roles.iter().map(|role| Role::parse(role)).collect();
        Ok(AccessClaims {
            subject: UserId::parse(&self.sub).map_err(|_not_an_id| rejected("sub is not a user id"))?,
            session_id: SessionId::parse(&self.sid)
                .map_err(|_not_an_id| rejected("sid is not a session id"))?,
            token_id: TokenId::parse(&self.jti).map_err(|_not_an_id| rejected("jti is not a token id"))?,
            user_version: UserVersion::new(self.ver),
            roles: roles.map_err(|_not_a_role| rejected("invalid role name"))?,
            email: self.email,
            issued_at: self.iat.0,
            expires_at: self.exp.0,
            authenticated_at: self.auth_time.0,
        })
    }
}

/// One audience, or several (RFC 7519, section 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn includes(&self, audience: &str) -> bool {
        match self {
            Self::One(only) => only == audience,
            Self::Several(all) => all.iter().any(|one| one == audience),
        }
    }
}

/// A time in whole seconds: a JSON integer, not a string, not `1.0`, not negative.
struct Seconds(Timestamp);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = u64::deserialize(deserializer)?;
        match i64::try_from(seconds) {
            Ok(signed) if seconds <= LAST_SECOND => Ok(Self(Timestamp::from_unix_seconds(signed))),
            _ => Err(serde::de::Error::custom("beyond the year 9999")),
        }
    }
}

/// Reads a member that may be absent, but not `null`.
fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
