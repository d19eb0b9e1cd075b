//! PostgreSQL URLs, parsed here because libpq repeats an invalid one, with its password, in the error message.

use core::fmt::Write as _;
use core::net::IpAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use secrecy::SecretString;

use crate::error::InvalidDatabaseUrl;

use super::percent::percent_decode;

/// Bounds a wait for a lock, a slow disk or a bad plan: the statement is cancelled and the store is unavailable to its
/// caller. A request does not wait for the database for longer.
const STATEMENT_TIMEOUT_MS: u32 = 4_000;

/// Doorward's transactions wait only for the database. An idle one belongs to an instance that hangs, and must
/// not keep its locks.
const IDLE_IN_TRANSACTION_TIMEOUT_MS: u32 = 15_000;

/// A setting that only a connection has whose startup options reached the server.
pub(super) const DIRECT_SETTING: &str = "doorward.direct";

/// Parameters of libpq that apply unless the URL sets them: a connection attempt ends after 3 s. A server that vanished
/// without closing the connection is noticed after 5 s if it has something to respond to, otherwise after 25 s.
const DEFAULTS: &[(&str, &str)] = &[
    ("application_name", "doorward"),
    ("client_encoding", "UTF8"),
    ("connect_timeout", "3"),
    ("keepalives_idle", "10"),
    ("keepalives_interval", "5"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "5000"),
    // Of several hosts, the primary: a standby may lag, and reads would return stale data.
    ("target_session_attrs", "read-write"),
];

/// The parameters of libpq (version 18) that a URL may have. Those for replication are left out, and `client_encoding`
/// because it is always UTF-8.
#[rustfmt::skip]
const PARAMETERS: &[&str] = &[
    "application_name", "channel_binding", "connect_timeout", "dbname", "fallback_application_name", "gssdelegation",
    "gssencmode", "gsslib", "host", "hostaddr", "keepalives", "keepalives_count", "keepalives_idle",
    "keepalives_interval", "krbsrvname", "load_balance_hosts", "max_protocol_version", "min_protocol_version", "options",
    "passfile", "password", "port", "require_auth", "requirepeer", "scram_client_key", "scram_server_key", "service",
    "ssl_max_protocol_version", "ssl_min_protocol_version", "sslcert", "sslcertmode", "sslcompression",
    "sslcrl", "sslcrldir", "sslkey", "sslkeylogfile", "sslmode", "sslnegotiation", "sslpassword", "sslrootcert", "sslsni",
    "target_session_attrs", "tcp_user_timeout", "user",
];

#[derive(Clone)]
pub(super) struct PostgresUrl {
    conninfo: SecretString,
    /// Without startup options, which a pooler refuses or ignores. `None` if the URL itself has some.
    pooled_conninfo: Option<SecretString>,
    /// Whether a pooler is in between. Shared by all clones.
    is_pooled: Arc<AtomicBool>,
    redacted: String,
    may_downgrade: bool,
}

/// Sets the timeouts for one transaction, on a connection without startup options.
pub(crate) fn local_timeouts() -> String {
    let mut sql = String::new();
    for (setting, value) in TIMEOUTS {
        // Writing to a String cannot fail.
        let _ = write!(sql, "; SET LOCAL {setting} = {value}");
    }
    sql
}

/// The timeouts of a session, in milliseconds.
const TIMEOUTS: [(&str, u32); 2] = [
    ("statement_timeout", STATEMENT_TIMEOUT_MS),
    (
        "idle_in_transaction_session_timeout",
        IDLE_IN_TRANSACTION_TIMEOUT_MS,
    ),
];

impl PostgresUrl {
    /// Parses what follows `postgres://`.
    pub(super) fn parse(rest: &str) -> Result<Self, InvalidDatabaseUrl> {
        let (location, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = location.split_once('/').unwrap_or((location, ""));
        if database.contains(['@', '/']) {
            return Err(InvalidDatabaseUrl::because(
                "in user name and password write `/` as %2F, `@` as %40 and `?` as %3F",
            ));
        }
        let (user_info, hosts) = match authority.rsplit_once('@') {
            Some((user_info, hosts)) => (Some(user_info), hosts),
            None => (None, authority),
        };
        let mut parameters = Parameters::default();
        let host_list = parameters.set_hosts(hosts)?;
        parameters.set_user(user_info)?;
        let database = percent_decode(database)?;
        if !database.is_empty() {
            parameters.set("dbname", database.clone());
        }
        parameters.set_query(query)?;
        parameters.check_tls()?;
        let may_downgrade = parameters.secure_remote()?;
        parameters.add_defaults();
        let pooled_conninfo = parameters
            .get("options")
            .is_none()
            .then(|| parameters.conninfo().into());
        parameters.add_options();
        Ok(Self {
            conninfo: parameters.conninfo().into(),
            pooled_conninfo,
            is_pooled: Arc::default(),
            redacted: format!("postgres://{host_list}/{database}"),
            may_downgrade,
        })
    }

    /// The URL in libpq's keyword/value form.
    pub(super) fn conninfo(&self) -> &SecretString {
        &self.conninfo
    }

    /// Whether it is of another machine, and TLS is used only if nobody in between prevents it.
    pub(super) fn may_downgrade(&self) -> bool {
        self.may_downgrade
    }

    /// The URL for a connection through a pooler, without startup options.
    pub(super) const fn pooled_conninfo(&self) -> Option<&SecretString> {
        self.pooled_conninfo.as_ref()
    }

    /// Whether a connection attempt has found that a pooler is in between.
    pub(super) fn is_pooled(&self) -> bool {
        self.is_pooled.load(Ordering::Acquire)
    }

    /// Records that a pooler is in between.
    pub(super) fn set_pooled(&self) {
        self.is_pooled.store(true, Ordering::Release);
    }

    /// The URL without user name, password and parameters.
    pub(super) fn redacted(&self) -> &str {
        &self.redacted
    }
}

/// Parameters in the order in which they were given; a later one replaces an earlier one.
#[derive(Default)]
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn set(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes `host:port,[address]:port,…` and returns it for display.
    fn set_hosts(&mut self, list: &str) -> Result<String, InvalidDatabaseUrl> {
        if list.is_empty() {
            return Ok(String::new());
        }
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        for entry in list.split(',') {
            let (host, port) = split_host(entry)?;
            if !port.is_empty() && !port.parse::<u16>().is_ok_and(|port| port != 0) {
                return Err(InvalidDatabaseUrl::because(
                    "a port is not a number from 1 to 65535",
                ));
            }
            hosts.push(percent_decode(host)?);
            ports.push(port);
        }
        self.set("host", hosts.join(","));
        if ports.iter().any(|port| !port.is_empty()) {
            self.set("port", ports.join(","));
        }
        Ok(list.to_owned())
    }

    fn set_user(&mut self, user_info: Option<&str>) -> Result<(), InvalidDatabaseUrl> {
        let Some(user_info) = user_info else { return Ok(()) };
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        for (name, value) in [("user", user), ("password", password)] {
            if !value.is_empty() {
                self.set(name, percent_decode(value)?);
            }
        }
        Ok(())
    }

    fn set_query(&mut self, query: &str) -> Result<(), InvalidDatabaseUrl> {
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(InvalidDatabaseUrl::because(
                    "a parameter is not of the form name=value",
                ));
            };
            let (name, value) = (percent_decode(name)?, percent_decode(value)?);
            let Some(name) = PARAMETERS.iter().find(|known| **known == name) else {
                return Err(InvalidDatabaseUrl::because(
                    "it has a parameter that libpq does not know",
                ));
            };
            if matches!(*name, "connect_timeout" | "keepalives_idle" | "tcp_user_timeout")
                && value.parse::<u32>().is_err()
            {
                return Err(InvalidDatabaseUrl::because(format!(
                    "{name} is not a whole number"
                )));
            }
            self.set(name, value);
        }
        Ok(())
    }

    /// Rejects a URL that requires TLS in a build without it: libpq would fail later with a less helpful message.
    fn check_tls(&self) -> Result<(), InvalidDatabaseUrl> {
        let required = match self.get("sslmode") {
            None | Some("disable" | "allow" | "prefer") => self.get("sslnegotiation") == Some("direct"),
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(_) => return Err(InvalidDatabaseUrl::because("sslmode has an unknown value")),
        };
        if required && !cfg!(feature = "postgres-tls") {
            return Err(InvalidDatabaseUrl::because(
                "it requires TLS, but this build of Doorward has no TLS to PostgreSQL: build it with the feature \
                 `postgres-tls`, or connect on this machine or through a tunnel and set sslmode=disable",
            ));
        }
        Ok(())
    }

    /// Requires that a URL of another machine says how the connection is protected, and has the password sent in no form that
    /// would give it to a server that only pretends to be the right one. Returns whether TLS is used only if nobody in between
    /// prevents it.
    fn secure_remote(&mut self) -> Result<bool, InvalidDatabaseUrl> {
        if self.is_local(|variable| std::env::var_os(variable).is_some()) {
            return Ok(false);
        }
        if self.get("sslmode").is_none() {
            return Err(InvalidDatabaseUrl::because(
                "the server may be on another machine, so the URL must have sslmode: sslmode=verify-full is advised, \
                 sslmode=disable sends everything in plain text",
            ));
        }
        if self.get("require_auth").is_none() {
            self.set("require_auth", "scram-sha-256".to_owned());
        }
        Ok(matches!(self.get("sslmode"), Some("allow" | "prefer")))
    }

    /// Whether all hosts are this machine. libpq takes a host that is not given from the environment; `is_set` returns whether
    /// it has a variable.
    fn is_local(&self, is_set: impl Fn(&str) -> bool) -> bool {
        if self.get("service").is_some() || is_set("PGSERVICE") {
            return false;
        }
        let hosts = [("host", "PGHOST"), ("hostaddr", "PGHOSTADDR")];
        hosts
            .iter()
            .all(|(name, variable)| match self.get(name).unwrap_or_default() {
                "" => !is_set(variable),
                list => list.split(',').all(is_this_machine),
            })
    }

    fn add_defaults(&mut self) {
        for (name, value) in DEFAULTS {
            if self.get(name).is_none() {
                self.set(name, (*value).to_owned());
            }
        }
    }

    fn add_options(&mut self) {
        let mut options = self.get("options").unwrap_or_default().to_owned();
        // Writing to a String cannot fail.
        for (setting, value) in TIMEOUTS {
            if !options.contains(setting) {
                let _ = write!(options, " -c {setting}={value}");
            }
        }
        let _ = write!(options, " -c {DIRECT_SETTING}=on");
        self.set("options", options.trim_start().to_owned());
    }

    fn conninfo(&self) -> String {
        let quoted = self.0.iter().map(|(name, value)| {
            let value = value.replace('\\', "\\\\").replace('\'', "\\'");
            format!("{name}='{value}'")
        });
        quoted.collect::<Vec<_>>().join(" ")
    }
}

/// Whether a host is this machine: the folder of a socket, an abstract socket, a loopback address or its name. An empty one in a
/// list is the default socket.
fn is_this_machine(host: &str) -> bool {
    host.is_empty()
        || host.starts_with(['/', '@'])
        || host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Splits `host`, `host:port`, `[address]` or `[address]:port` into host and port; either may be empty.
fn split_host(entry: &str) -> Result<(&str, &str), InvalidDatabaseUrl> {
    let malformed =
        || InvalidDatabaseUrl::because("a host is not of the form name, name:port or [address]:port");
    let Some(bracketed) = entry.strip_prefix('[') else {
        let (host, port) = entry.split_once(':').unwrap_or((entry, ""));
        return Ok((host, port));
    };
    let (host, rest) = bracketed.split_once(']').ok_or_else(malformed)?;
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, port)),
        None if rest.is_empty() => Ok((host, "")),
        None => Err(malformed()),
    }
}

#[cfg(test)]
#[path = "postgres_url_tests.rs"]
mod tests;
