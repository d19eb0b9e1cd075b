//! `mail.*`

use core::time::Duration;
use std::path::{Path, PathBuf};

use doorward_domain::mail::Locale;
use doorward_mail::{
    Authorities, FileSettings, MailerSettings, Sender, SmtpCredentials, SmtpSecurity, SmtpSettings,
    Templates, TransportSettings,
};
use schemars::JsonSchema;
use serde::Deserialize;
use url::{Host, Url};

use super::{is_this_machine, size};
use crate::config::checker::Checker;
use crate::config::secret::{Secret, read_file};
use crate::config::span::Span;

/// The largest file of certificate authorities, in bytes: those of a system fit in.
const MAX_AUTHORITIES: u64 = 1024 * 1024;

/// `mail.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawMail {
    /// How mails leave: `smtp`; `file`, one file in `<data_dir>/mail` for each mail, of which the newest 1,000 are kept for 7
    /// days; or `none`.
    #[schemars(extend("x-default" = "`file` with SQLite while `server.public_url` is this machine, else `none`"))]
    pub transport: Option<String>,
    /// Where mails come from: an address, or a name and an address. Required with `smtp` while the host of
    /// `server.public_url` is this machine or an IP address.
    #[schemars(extend("x-default" = "`Doorward <no-reply@HOST>`, with the host of `server.public_url`"))]
    pub from: Option<String>,
    /// Where replies go, if not to `mail.from`.
    pub reply_to: Option<String>,
    /// The SMTP server.
    pub smtp: RawSmtp,
    /// A folder with templates that replace those of the program, or add languages: `<language>/<kind>.txt` and
    /// `<language>/<kind>.html`.
    pub templates_dir: Option<String>,
    /// The language of mails to those whose language is not known, or has no templates. The program has `en` and `de`.
    pub locale: String,
    /// Whether users are notified by mail of changes to their accounts, such as a new password. Only addresses that are
    /// verified, or that an administrator vouches for, get notices.
    pub notices: bool,
    /// How many mails this instance sends at once.
    #[schemars(range(min = 1, max = 64))]
    pub workers: u32,
    /// How long a mail is tried again that could not be sent.
    #[schemars(extend("x-min" = "1m", "x-max" = "30d"))]
    pub retry_for: Span,
}

impl Default for RawMail {
    fn default() -> Self {
        Self {
            transport: None,
            from: None,
            reply_to: None,
            smtp: RawSmtp::default(),
            templates_dir: None,
            locale: "en".into(),
            notices: true,
            workers: 2,
            retry_for: Span::days(1),
        }
    }
}

/// `mail.smtp.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawSmtp {
    /// The name or IP address of the server. Its certificate must be for it. Required with `mail.transport = "smtp"`.
    pub host: Option<String>,
    /// The port of the server. Usually 587 with `starttls`, 465 with `tls`.
    #[schemars(range(min = 1, max = 65_535))]
    pub port: u16,
    /// How the connection is encrypted: `tls` from its beginning, `starttls` before anything else is sent, or `none`, for a
    /// server on this machine only.
    pub security: String,
    /// Allows `mail.smtp.security = "none"` for a server on another machine: everybody on the way can read the mails and the
    /// password. A warning is logged.
    pub allow_plaintext: bool,
    /// The user name at the server. Without one, no password is sent.
    pub username: Option<String>,
    /// The password at the server.
    pub password: Option<Secret>,
    /// A file that holds `mail.smtp.password`.
    pub password_file: Option<String>,
    /// A file with the certificate authorities, in PEM, that the server's certificate is checked against.
    #[schemars(extend("x-default" = "those of the system"))]
    pub ca_file: Option<String>,
    /// How long the server may take for each reply. An attempt to send a mail takes at most three times as long.
    #[schemars(extend("x-min" = "1s", "x-max" = "5m"))]
    pub timeout: Span,
}

impl Default for RawSmtp {
    fn default() -> Self {
        Self {
            host: None,
            port: 587,
            security: "starttls".into(),
            allow_plaintext: false,
            username: None,
            password: None,
            password_file: None,
            ca_file: None,
            timeout: Span::seconds(20),
        }
    }
}

/// `mail.*`
#[derive(Debug)]
pub struct MailSettings {
    /// What mails are written from and how they leave; `None` without a transport.
    pub mailer: Option<MailerSettings>,
    /// The language of mails to those whose language is not known.
    pub locale: Locale,
    /// Whether users are notified of changes to their accounts. Not without a transport.
    pub notices: bool,
    /// How many mails this instance sends at once.
    pub workers: usize,
    /// How long an attempt to send a mail may take.
    pub longest_attempt: Duration,
    /// How long a mail is tried again.
    pub retry_for: Duration,
}

/// How mails leave.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    None,
    File,
    Smtp,
}

/// What the defaults of `mail.*` depend on.
pub struct Surroundings<'a> {
    /// The directory for files.
    pub data_dir: &'a Path,
    /// The URL that clients use.
    pub public_url: &'a str,
    /// Whether the database is embedded.
    pub is_embedded: bool,
}

impl RawMail {
    pub fn check(self, checker: &mut Checker, surroundings: &Surroundings<'_>) -> Option<MailSettings> {
        let url = Url::parse(surroundings.public_url).ok();
        let host = url.as_ref().and_then(Url::host);
        let transport = self.transport(checker, surroundings, host.as_ref());
        let from = self.from(checker, transport, host.as_ref());
        let reply_to = self.reply_to.as_deref().map(Sender::parse);
        let reply_to = reply_to.and_then(|parsed| checker.accept("mail.reply_to", parsed));
        let folder = self.templates_dir.as_deref().map(Path::new);
        let templates = checker.accept("mail.templates_dir", Templates::load(folder));
        let locale = Locale::parse(&self.locale).map_err(|error| format!("{:?} is {error}", self.locale));
        let locale = checker.accept("mail.locale", locale)?;
        let templates = templates?;
        if !templates.has(&locale) {
            let what = format!("there are no templates in the language {locale}");
            checker.refuse("mail.locale", &what);
        }
        let hello = host.map(|host| host.to_string()).unwrap_or_default();
        let file = || {
            TransportSettings::File(FileSettings {
                folder: mail_folder(surroundings.data_dir),
            })
        };
        let transport = match transport {
            Transport::Smtp => Some(TransportSettings::Smtp(self.smtp.check(checker, hello)?)),
            Transport::File => Some(file()),
            Transport::None => None,
        };
        let has_transport = transport.is_some();
        Some(MailSettings {
            longest_attempt: transport
                .as_ref()
                .map(TransportSettings::longest_attempt)
                .unwrap_or_default(),
            mailer: transport.zip(from).map(|(transport, from)| MailerSettings {
                from,
                reply_to,
                service: surroundings.public_url.to_owned(),
                templates,
                locale,
                transport,
            }),
            locale,
            notices: self.notices && has_transport,
            workers: size(self.workers),
            retry_for: self.retry_for.0,
        })
    }

    fn transport(
        &self,
        checker: &mut Checker,
        surroundings: &Surroundings<'_>,
        host: Option<&Host<&str>>,
    ) -> Transport {
        let choices = [
            ("smtp", Transport::Smtp),
            ("file", Transport::File),
            ("none", Transport::None),
        ];
        let transport = match &self.transport {
            Some(text) => checker
                .choice("mail.transport", text, choices)
                .unwrap_or(Transport::None),
            None if surroundings.is_embedded && host.is_some_and(is_this_machine) => Transport::File,
            None => Transport::None,
        };
        if transport != Transport::Smtp && self.smtp.host.is_some() {
            checker.warn(
                "mail.smtp.host",
                "has no effect without mail.transport = \"smtp\"",
            );
        }
        transport
    }

    fn from(&self, checker: &mut Checker, transport: Transport, host: Option<&Host<&str>>) -> Option<Sender> {
        if let Some(text) = &self.from {
            return checker.accept("mail.from", Sender::parse(text));
        }
        let domain = match host? {
            Host::Domain(name) if !is_this_machine(&Host::Domain(*name)) => *name,
            _ if transport == Transport::Smtp => {
                let what = "required with mail.transport = \"smtp\": server.public_url has no host name that \
                            mails could come from";
                checker.refuse("mail.from", what);
                return None;
            }
            _ => "localhost",
        };
        checker.accept(
            "mail.from",
            Sender::parse(&format!("Doorward <no-reply@{domain}>")),
        )
    }
}

impl RawSmtp {
    fn check(self, checker: &mut Checker, hello: String) -> Option<SmtpSettings> {
        let Some(host) = &self.host else {
            checker.refuse("mail.smtp.host", "required with mail.transport = \"smtp\"");
            return None;
        };
        let host = checker.accept("mail.smtp.host", parse_host(host));
        let choices = [
            ("tls", SmtpSecurity::Tls),
            ("starttls", SmtpSecurity::StartTls),
            ("none", SmtpSecurity::Plain),
        ];
        let security = checker.choice("mail.smtp.security", &self.security, choices);
        if let (Some(host), Some(SmtpSecurity::Plain)) = (&host, security)
            && !is_this_machine(host)
        {
            if self.allow_plaintext {
                let what = "mails and the password are sent unencrypted to another machine";
                checker.warn("mail.smtp.security", what);
            } else {
                let what = "\"none\" is for a server on this machine: use \"starttls\" or \"tls\"";
                checker.refuse("mail.smtp.security", what);
            }
        }
        let authorities = self.ca_file.as_ref().and_then(|path| {
            let parsed =
                read_file(path, MAX_AUTHORITIES).and_then(|pem| Authorities::from_pem(pem.as_bytes()));
            checker.accept(
                "mail.smtp.ca_file",
                parsed.map_err(|what| format!("{path:?}: {what}")),
            )
        });
        let (port, timeout) = (self.port, self.timeout.0);
        let credentials = self.credentials(checker);
        Some(SmtpSettings {
            host: bare(&host?),
            port,
            security: security?,
            credentials,
            authorities,
            timeout,
            hello,
        })
    }

    fn credentials(self, checker: &mut Checker) -> Option<SmtpCredentials> {
        let file = self.password_file.as_deref();
        let has_password = self.password.is_some() || file.is_some();
        match &self.username {
            Some(username) if username.is_empty() => checker.refuse("mail.smtp.username", "it is empty"),
            Some(_) if !has_password => {
                checker.refuse("mail.smtp.username", "mail.smtp.password is not given");
            }
            None if has_password => checker.refuse("mail.smtp.password", "mail.smtp.username is not given"),
            _ => {}
        }
        let password = checker.secret("mail.smtp.password", self.password, file, |text| Ok(text.clone()));
        Some(SmtpCredentials {
            username: self.username?,
            password: password?,
        })
    }
}

/// The folder for mails that are written to files.
fn mail_folder(data_dir: &Path) -> PathBuf {
    data_dir.join("mail")
}

fn parse_host(text: &str) -> Result<Host, String> {
    let refuse = || format!("{text:?} is not a host name or an IP address");
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Host::parse(&format!("[{text}]")).map_err(|_unspecific| refuse());
    }
    Host::parse(text).map_err(|_unspecific| refuse())
}

/// The host without the brackets of an IPv6 address.
fn bare(host: &Host) -> String {
    host.to_string().trim_matches(['[', ']']).to_owned()
}
