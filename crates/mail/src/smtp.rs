use core::fmt;
use std::error::Error as _;
use std::io;
use std::net::ToSocketAddrs as _;
use std::time::{Duration, Instant};

use doorward_domain::mail::{MailFailure, MailFailureReason, SendOutcome};
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, CertificateStore, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use secrecy::{ExposeSecret, SecretString};

use crate::message::Written;

/// The most addresses of a server that are tried.
const MAX_ADDRESSES: usize = 4;

/// How long the server may take to say goodbye. The mail is accepted by then.
const GOODBYE: Duration = Duration::from_secs(1);

/// The longest line of an error that is kept, in characters.
const MAX_DETAIL: usize = 300;

/// How the connection to an SMTP server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// From the first byte (RFC 8314).
    Tls,
    /// By `STARTTLS`, without which nothing is sent.
    StartTls,
    /// Not at all.
    Plain,
}

/// What identifies this service to the server.
#[derive(Debug, Clone)]
pub struct SmtpCredentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: SecretString,
}

/// The certificate authorities that a server's certificate is checked against, instead of those of the system.
#[derive(Clone)]
pub struct Authorities(Certificate);

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorities").finish_non_exhaustive()
    }
}

impl Authorities {
    /// Parses certificates in PEM; there must be at least one.
    pub fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let certificate = Certificate::from_pem(pem).map_err(|error| error.to_string())?;
        let has_any = String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----");
        // Of a certificate that is not one, only its use would tell.
        let tls = TlsParameters::builder("localhost".to_owned())
            .certificate_store(CertificateStore::None)
            .add_root_certificate(certificate.clone())
            .build_rustls();
        match (has_any, tls) {
            (false, _) => Err("there is no certificate in PEM in it".to_owned()),
            (true, Err(error)) => Err(error.to_string()),
            (true, Ok(_)) => Ok(Self(certificate)),
        }
    }
}

/// The SMTP server that mails are handed to.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Its name or IP address. A certificate must be for it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub security: SmtpSecurity,
    /// What identifies this service to it, if it asks.
    pub credentials: Option<SmtpCredentials>,
    /// The authorities of its certificate, if not those of the system.
    pub authorities: Option<Authorities>,
    /// How long it may take for a reply. An attempt may take [three times as long](Self::longest_attempt).
    pub timeout: Duration,
    /// The host name that this service gives for itself.
    pub hello: String,
}

impl SmtpSettings {
    /// How long an attempt to send a mail may take. A server that sends a reply in many pieces can take longer.
    pub fn longest_attempt(&self) -> Duration {
        self.time_limit() + GOODBYE * 2
    }

    /// When an attempt is broken off, from its beginning.
    fn time_limit(&self) -> Duration {
        self.timeout * 3
    }
}

/// Hands mails to an SMTP server, each over a connection of its own.
pub(crate) struct SmtpTransport {
    settings: SmtpSettings,
    credentials: Option<Credentials>,
    hello: ClientId,
    tls: TlsParameters,
}

/// Where in the dialogue an error occurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connect,
    Encrypt,
    Authenticate,
    Sender,
    Recipient,
    Message,
}

impl SmtpTransport {
    pub(crate) fn new(settings: SmtpSettings) -> Result<Self, String> {
        let mut tls = TlsParameters::builder(settings.host.clone());
        if let Some(Authorities(certificate)) = settings.authorities.clone() {
            tls = tls
                .certificate_store(CertificateStore::None)
                .add_root_certificate(certificate);
        }
        let credentials = settings.credentials.as_ref().map(|credentials| {
            Credentials::new(
                credentials.username.clone(),
                credentials.password.expose_secret().to_owned(),
            )
        });
        Ok(Self {
            tls: tls.build_rustls().map_err(|error| error.to_string())?,
            hello: client_id(&settings.hello),
            credentials,
            settings,
        })
    }

    pub(crate) fn send(&self, written: &Written) -> SendOutcome {
        match self.attempt(written) {
            Ok(()) => SendOutcome::Delivered,
            Err(outcome) => outcome,
        }
    }

    fn attempt(&self, written: &Written) -> Result<(), SendOutcome> {
        let deadline = now() + self.settings.time_limit();
        let mut connection = self.connect(deadline)?;
        let result = self.converse(&mut connection, written, deadline);
        // Whatever the server answers now changes nothing.
        let _ = connection.set_timeout(Some(GOODBYE));
        connection.abort();
        result
    }

    fn connect(&self, deadline: Instant) -> Result<SmtpConnection, SendOutcome> {
        let SmtpSettings { host, port, .. } = &self.settings;
        let tls = (self.settings.security == SmtpSecurity::Tls).then_some(&self.tls);
        let addresses = (host.trim_matches(['[', ']']), *port)
            .to_socket_addrs()
            .map_err(|error| retry(MailFailureReason::Connection, &error.to_string()))?;
        let mut outcome = retry(
            MailFailureReason::Connection,
            "the name of the server has no address",
        );
        for address in addresses.take(MAX_ADDRESSES) {
            let timeout = self.time_left(deadline, Phase::Connect)?;
            match SmtpConnection::connect(address, Some(timeout), &self.hello, tls, None) {
                Ok(connection) => return Ok(connection),
                Err(error) => outcome = classify(Phase::Connect, &error),
            }
        }
        Err(outcome)
    }

    /// Step by step and not by the library's `send`, so that it is known which step failed, and none begins too late.
    fn converse(
        &self,
        connection: &mut SmtpConnection,
        written: &Written,
        deadline: Instant,
    ) -> Result<(), SendOutcome> {
        if self.settings.security == SmtpSecurity::StartTls {
            if !connection.can_starttls() {
                return Err(retry(
                    MailFailureReason::Tls,
                    "the server does not offer STARTTLS",
                ));
            }
            self.step(connection, deadline, Phase::Encrypt, |it| {
                it.starttls(&self.tls, &self.hello)
            })?;
        }
        if let Some(credentials) = &self.credentials {
            self.step(connection, deadline, Phase::Authenticate, |it| {
                it.auth(&[Mechanism::Plain, Mechanism::Login], credentials)
            })?;
        }
        let mut parameters = Vec::new();
        let is_ascii = written
            .envelope
            .to()
            .iter()
            .all(|to| <Address as AsRef<str>>::as_ref(to).is_ascii());
        if !is_ascii || !written.bytes.is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(SendOutcome::Refused(MailFailure {
                    reason: MailFailureReason::Recipient,
                    detail: "the server does not support addresses that are not ASCII (SMTPUTF8)".to_owned(),
                }));
            }
            parameters.push(MailParameter::SmtpUtfEight);
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let from = written.envelope.from().cloned();
        self.step(connection, deadline, Phase::Sender, |it| {
            it.command(Mail::new(from, parameters))
        })?;
        for to in written.envelope.to() {
            self.step(connection, deadline, Phase::Recipient, |it| {
                it.command(Rcpt::new(to.clone(), Vec::new()))
            })?;
        }
        self.step(connection, deadline, Phase::Message, |it| it.command(Data))?;
        self.step(connection, deadline, Phase::Message, |it| {
            it.message(&written.bytes)
        })
    }

    fn step<T>(
        &self,
        connection: &mut SmtpConnection,
        deadline: Instant,
        phase: Phase,
        step: impl FnOnce(&mut SmtpConnection) -> Result<T, Error>,
    ) -> Result<(), SendOutcome> {
        let timeout = self.time_left(deadline, phase)?;
        connection
            .set_timeout(Some(timeout))
            .map_err(|error| retry(MailFailureReason::Connection, &error.to_string()))?;
        step(connection)
            .map(drop)
            .map_err(|error| classify(phase, &error))
    }

    /// How long each reply of the next phase may take, so that the phase ends before the deadline.
    fn time_left(&self, deadline: Instant, phase: Phase) -> Result<Duration, SendOutcome> {
        let replies = match phase {
            // The connection and two replies; two replies and a handshake of two; a challenge and its result.
            Phase::Connect | Phase::Authenticate => 3,
            Phase::Encrypt => 4,
            Phase::Sender | Phase::Recipient | Phase::Message => 1,
        };
        let left = deadline.saturating_duration_since(now()) / replies;
        // A time-out of zero would be none.
        if left < Duration::from_millis(1) {
            return Err(retry(MailFailureReason::Connection, "the server took too long"));
        }
        Ok(left.min(self.settings.timeout))
    }
}

/// The clock of time-outs.
#[expect(
    clippy::disallowed_methods,
    reason = "bounds a dialogue with a server, decides nothing else"
)]
fn now() -> Instant {
    Instant::now()
}

/// Whether a failure is final. Only what the server says about the recipient is: everything else can be corrected, or ends by
/// itself. That a read timed out cannot be told from the library's `is_timeout`.
fn classify(phase: Phase, error: &Error) -> SendOutcome {
    let detail = match (phase, error.status()) {
        // A server might repeat the credentials.
        (Phase::Authenticate, Some(code)) => format!("the server refused the credentials ({code})"),
        _ => one_line(&error.to_string()),
    };
    let code = error.status().map(|code| code.to_string()).unwrap_or_default();
    let reply = error.source().map(ToString::to_string).unwrap_or_default();
    if matches!(phase, Phase::Recipient | Phase::Message) && is_about_the_recipient(&code, &reply) {
        return SendOutcome::Refused(MailFailure {
            reason: MailFailureReason::Recipient,
            detail,
        });
    }
    let reason = match (phase, code.as_str()) {
        (_, "530" | "534" | "535" | "538") | (Phase::Authenticate, _)
            if !code.is_empty() || error.is_client() =>
        {
            MailFailureReason::Authentication
        }
        (Phase::Encrypt, _) if code.is_empty() => MailFailureReason::Tls,
        _ if error.is_tls() || is_untrusted(error) => MailFailureReason::Tls,
        (_, "") if error.is_response() || error.is_client() => MailFailureReason::Server,
        (_, "") => MailFailureReason::Connection,
        _ => MailFailureReason::Server,
    };
    SendOutcome::Retry(MailFailure { reason, detail })
}

/// Whether a reply refuses this recipient for good: by its enhanced status (RFC 3463: 5.1 is about the address, 5.2 about the
/// mailbox), or without one by its code. Other reasons, such as 5.7 for "relaying denied", are about us.
fn is_about_the_recipient(code: &str, reply: &str) -> bool {
    if !code.starts_with('5') {
        return false;
    }
    let status = reply.split_whitespace().next().unwrap_or_default();
    let mut parts = status.split('.').map(|part| part.parse::<u16>().ok());
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Some(5)), Some(Some(subject)), Some(Some(_)), None) => matches!(subject, 1 | 2),
        _ => matches!(code, "550" | "551" | "552" | "553"),
    }
}

/// Whether the cause is that the encryption failed. A certificate is checked at the first read, so that the library reports
/// an error of the network.
fn is_untrusted(error: &Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(cause) = cause.downcast_ref::<io::Error>() {
            return cause.kind() == io::ErrorKind::InvalidData;
        }
        source = cause.source();
    }
    false
}

fn retry(reason: MailFailureReason, detail: &str) -> SendOutcome {
    SendOutcome::Retry(MailFailure {
        reason,
        detail: one_line(detail),
    })
}

/// Cuts what a server has said to one line without control characters.
fn one_line(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(MAX_DETAIL).collect()
}

/// A host name as SMTP writes it: IP addresses in brackets.
fn client_id(host: &str) -> ClientId {
    let bare = host.trim_matches(['[', ']']);
    match (bare.parse(), bare.parse()) {
        (Ok(address), _) => ClientId::Ipv4(address),
        (_, Ok(address)) => ClientId::Ipv6(address),
        _ => ClientId::Domain(host.to_owned()),
    }
}

#[cfg(test)]
#[path = "smtp_tests.rs"]
mod tests;
