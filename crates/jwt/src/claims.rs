//! The claims of an access token as JSON (RFC 9068, section 2.2).

use std::borrow::Cow;

use doorward_domain::account::{Role, Roles};
use doorward_domain::client::ClientId;
use doorward_domain::id::{SessionId, TokenId};
use doorward_domain::session::{Authentication, AuthenticationMethods};
use doorward_domain::subject::{Subject, SubjectVersion};
use doorward_domain::time::Timestamp;
use doorward_domain::token::TokenRejected;
use doorward_domain::token::{AccessClaims, ClaimTimes};
use serde::{Deserialize, Deserializer, Serialize};

use crate::rejection::rejected;

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
    client_id: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    sid: String,
    ver: u32,
    roles: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amr: Option<Vec<&'a str>>,
}

impl<'a> ClaimsOut<'a> {
    pub(crate) fn new(claims: &'a AccessClaims, parties: &'a IssuerAndAudience) -> Self {
        let authentication = claims.authentication.as_ref();
        Self {
            iss: &parties.issuer,
            sub: claims.subject.to_string(),
            aud: &parties.audience,
            client_id: claims
                .subject
                .client_id()
                .map_or(ClientId::DOORWARD, ClientId::as_str),
            iat: claims.issued_at.as_unix_seconds(),
            exp: claims.expires_at.as_unix_seconds(),
            jti: claims.token_id.to_string(),
            sid: claims.session_id.to_string(),
            ver: claims.subject_version.get(),
            roles: claims.roles.iter().map(Role::as_str).collect(),
            email: claims.email.as_deref(),
            // OpenID Connect Core, section 5.1: it is said of the address in the same token.
            email_verified: claims.email.as_ref().map(|_| claims.email_verified),
            auth_time: authentication.map(|authentication| authentication.at.as_unix_seconds()),
            amr: authentication.map(|authentication| authentication.methods.words().collect()),
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
    /// Absent in tokens of older versions, whose addresses are not verified.
    #[serde(default)]
    email_verified: bool,
    #[serde(default, deserialize_with = "not_null")]
    auth_time: Option<Seconds>,
    #[serde(default, deserialize_with = "not_null")]
    amr: Option<Vec<String>>,
}

/// Why claims that are not of the expected shape are rejected.
const BAD_CLAIMS: &str = "a claim is missing, duplicated or of the wrong type";

/// Why claims that name no client or no method are rejected.
const EMPTY: &str = "client_id or amr is empty";

impl<'a> ClaimsIn<'a> {
    /// Reads the payload of a token whose signature has been verified.
    pub(crate) fn parse(payload: &'a [u8]) -> Result<Self, TokenRejected> {
        // Serde would read an array as a struct too.
        if payload.first() != Some(&b'{') {
            return Err(rejected("the claims are not an object"));
        }
        serde_json::from_slice(payload).map_err(|_position| rejected(BAD_CLAIMS))
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
        let subject = self.subject()?;
        let authentication = self.authentication(&subject)?;
        if self.client_id.is_empty() {
            return Err(rejected(EMPTY));
        }
        if self.roles.len() > Roles::MAX {
            return Err(rejected("too many roles"));
        }
        let roles: Result<Roles, _> = self.roles.iter().map(|role| Role::parse(role)).collect();
        Ok(AccessClaims {
            subject,
            session_id: SessionId::parse(&self.sid)
                .map_err(|_not_an_id| rejected("sid is not a session id"))?,
            token_id: TokenId::parse(&self.jti).map_err(|_not_an_id| rejected("jti is not a token id"))?,
            subject_version: SubjectVersion::new(self.ver),
            roles: roles.map_err(|_not_a_role| rejected("invalid role name"))?,
            email_verified: self.email.is_some() && self.email_verified,
            email: self.email,
            issued_at: self.iat.0,
            expires_at: self.exp.0,
            authentication,
        })
    }
}

impl ClaimsIn<'_> {
    /// The user, or the service if it is also the client that the token was issued to.
    fn subject(&self) -> Result<Subject, TokenRejected> {
        match Subject::parse(&self.sub) {
            Ok(Subject::Service(_)) if self.sub != self.client_id => Err(rejected("sub is not a user id")),
            Ok(subject) => Ok(subject),
            Err(_) => Err(rejected("sub is not a user id")),
        }
    }

    /// How and when the user authenticated: required for a user, not allowed for a service.
    fn authentication(&self, subject: &Subject) -> Result<Option<Authentication>, TokenRejected> {
        match (&self.auth_time, &self.amr, subject) {
            (Some(at), Some(amr), Subject::User(_)) => {
                let methods = AuthenticationMethods::from_words(amr.iter().map(String::as_str));
                Ok(Some(Authentication {
                    methods: methods.ok_or_else(|| rejected(EMPTY))?,
                    at: at.0,
                }))
            }
            (None, None, Subject::Service(_)) => Ok(None),
            _ => Err(rejected(BAD_CLAIMS)),
        }
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
