//! The names under which the management listener is used.
//!
//! A browser on the operator's machine can be made to send requests to it by a page whose name resolves to its address (DNS
//! rebinding). Such a request has the name of the page in `Host`, a name that somebody has registered.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The ends of names that nobody can register: RFC 6761, RFC 6762, `internal` by a decision of ICANN, and the services of a
/// Kubernetes cluster.
const PRIVATE: [&str; 4] = [".localhost", ".local", ".internal", ".svc"];

/// Names that are allowed besides addresses, names without a dot, and private names.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedHosts(pub(crate) Vec<String>);

impl AllowedHosts {
    /// Whether the listener may be used under this name: the value of a `Host` header.
    pub(super) fn allow(&self, host: &str) -> bool {
        if let Some(rest) = host.strip_prefix('[') {
            return rest
                .split_once(']')
                .is_some_and(|(address, _port)| address.parse::<Ipv6Addr>().is_ok());
        }
        let name = host.split_once(':').map_or(host, |(name, _port)| name);
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        name.parse::<Ipv4Addr>().is_ok()
            || (!name.is_empty() && !name.contains('.'))
            || PRIVATE.iter().any(|end| name.ends_with(end))
            || self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_be_registered_must_be_configured() {
        let hosts = AllowedHosts(vec!["metrics.example.com".to_owned()]);
        for allowed in [
            "127.0.0.1",
            "10.0.0.7:9080",
            "[::1]:9080",
            "localhost:9080",
            "LOCALHOST",
            "doorward:9080",
            "doorward.auth.svc",
            "doorward.auth.svc.cluster.local.:9080",
            "node7.internal",
            "Metrics.Example.com:9080",
        ] {
            assert!(hosts.allow(allowed), "{allowed}");
        }
        for refused in [
            "",
            ":9080",
            "evil.example:9080",
            "127.0.0.1.evil.example",
            "evil.example.",
            "notlocal.example",
            "metrics.example.com.evil.example",
            "[evil.example]",
            "[::1",
        ] {
            assert!(!hosts.allow(refused), "{refused}");
        }
    }
}
