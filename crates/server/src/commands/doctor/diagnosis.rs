//! Diagnosis of the proxy configuration from a request as the server observed it.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;
use url::Url;

use crate::escape::escape;

/// A request as the server observed it.
#[derive(Debug, Clone, Deserialize)]
pub struct RequestAsSeen {
    peer: SocketAddr,
    trusted: bool,
    header: String,
    x_forwarded_for: Vec<String>,
    forwarded: Vec<String>,
    client: IpAddr,
    client_trusted: bool,
}

/// A result of the diagnosis.
#[derive(Debug, PartialEq, Eq)]
pub enum Diagnosis {
    /// It may be intended.
    Note(String),
    /// It is a misconfiguration.
    Wrong(String),
}

/// Describes an observed request, line by line.
pub fn describe(seen: &RequestAsSeen) -> String {
    let lines = |name: &str, lines: &[String]| match lines {
        [] => format!("{name:<16} none"),
        lines => format!("{name:<16} {}", escape(&lines.join(", "))),
    };
    let trusted = |trusted| {
        if trusted {
            "trusted proxy"
        } else {
            "not a trusted proxy"
        }
    };
    [
        format!("{:<16} {} ({})", "peer", seen.peer, trusted(seen.trusted)),
        lines("x-forwarded-for", &seen.x_forwarded_for),
        lines("forwarded", &seen.forwarded),
        format!("{:<16} {}", "client address", seen.client),
    ]
    .join("\n")
}

/// Diagnoses the path of a request. `sent_from` is the address that it was sent from, if known.
pub fn diagnose_path(seen: &RequestAsSeen, sent_from: Option<SocketAddr>) -> Vec<Diagnosis> {
    let peer = seen.peer.ip();
    let (configured, other, other_name) = match seen.header.as_str() {
        "forwarded" => (&seen.forwarded, &seen.x_forwarded_for, "x-forwarded-for"),
        _ => (&seen.x_forwarded_for, &seen.forwarded, "forwarded"),
    };
    let one = "all clients on this path count as one";
    match (seen.trusted, configured.is_empty(), other.is_empty()) {
        (false, true, true) => match sent_from {
            Some(sender) if sender == seen.peer => vec![Diagnosis::Note(
                "the request came straight to the server: there is no proxy on this path".into(),
            )],
            Some(_) => vec![Diagnosis::Wrong(format!(
                "something on the path hides the client's address: the peer is {peer}, which sends no forwarding header, so {one}"
            ))],
            None => vec![Diagnosis::Note(format!(
                "the peer sends no forwarding header: unless {peer} is the client itself, {one}"
            ))],
        },
        (false, _, _) => vec![Diagnosis::Wrong(format!(
            "the peer {peer} is not in server.trusted_proxies, so its forwarding header is ignored and {one}"
        ))],
        (true, true, false) => vec![Diagnosis::Wrong(format!(
            "the trusted proxy {peer} sends {other_name}, but server.forwarded_header is {}: {one}",
            seen.header
        ))],
        (true, true, true) => vec![Diagnosis::Wrong(format!(
            "the trusted proxy {peer} sends no {} header: {one}",
            seen.header
        ))],
        (true, false, _) if seen.client_trusted => vec![Diagnosis::Note(format!(
            "the client address {} is in server.trusted_proxies: that is right only if the request was sent from a proxy's machine",
            seen.client
        ))],
        (true, false, _) => Vec::new(),
    }
}

/// Compares the URL that clients use with `server.public_url`.
pub fn diagnose_url(url: &Url, public_url: &str) -> Option<Diagnosis> {
    let public = Url::parse(public_url).ok()?;
    if public.scheme() != url.scheme() {
        return Some(Diagnosis::Wrong(format!(
            "{url} has another scheme than server.public_url, which is {public_url}"
        )));
    }
    let origin = |url: &Url| (url.host_str().map(str::to_owned), url.port_or_known_default());
    (origin(&public) != origin(url)).then(|| {
        Diagnosis::Note(format!(
            "server.public_url, which is in every token and link, is a different one: {public_url}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(trusted: bool, x_forwarded_for: &[&str], forwarded: &[&str]) -> RequestAsSeen {
        let texts = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        RequestAsSeen {
            peer: "10.0.0.5:4711".parse().unwrap(),
            trusted,
            header: "x-forwarded-for".into(),
            x_forwarded_for: texts(x_forwarded_for),
            forwarded: texts(forwarded),
            client: "192.0.2.7".parse().unwrap(),
            client_trusted: false,
        }
    }

    fn wrong(results: &[Diagnosis]) -> Option<&str> {
        match results {
            [Diagnosis::Wrong(text)] => Some(text),
            _ => None,
        }
    }

    #[test]
    fn a_trusted_proxy_with_the_configured_header_passes() {
        assert_eq!(diagnose_path(&seen(true, &["192.0.2.7"], &[]), None), []);
        let both = seen(true, &["192.0.2.7"], &["for=192.0.2.7"]);
        assert_eq!(diagnose_path(&both, None), []);
    }

    #[test]
    fn a_path_that_hides_client_addresses_is_reported_as_wrong() {
        let sender = Some("192.0.2.7:5000".parse().unwrap());
        for (way, sender, word) in [
            (
                seen(false, &["192.0.2.7"], &[]),
                None,
                "10.0.0.5 is not in server.trusted_proxies",
            ),
            (
                seen(false, &[], &["for=192.0.2.7"]),
                None,
                "not in server.trusted_proxies",
            ),
            (seen(true, &[], &["for=192.0.2.7"]), None, "sends forwarded, but"),
            (seen(true, &[], &[]), None, "sends no x-forwarded-for"),
            (seen(false, &[], &[]), sender, "hides the client's address"),
        ] {
            let results = diagnose_path(&way, sender);
            let text = wrong(&results).unwrap_or_else(|| panic!("{results:?}"));
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn a_path_that_may_be_intended_is_reported_as_a_note() {
        let direct = seen(false, &[], &[]);
        let own = RequestAsSeen {
            client_trusted: true,
            ..seen(true, &["10.0.0.9"], &[])
        };
        for results in [
            diagnose_path(&direct, Some(direct.peer)),
            diagnose_path(&direct, None),
            diagnose_path(&own, None),
        ] {
            assert!(matches!(results[..], [Diagnosis::Note(_)]), "{results:?}");
        }
    }

    #[test]
    fn the_url_is_compared_with_the_configured_one() {
        let diagnosis = |url: &str| diagnose_url(&Url::parse(url).unwrap(), "https://auth.example.org");
        assert_eq!(diagnosis("https://auth.example.org/"), None);
        assert_eq!(diagnosis("https://auth.example.org:443"), None);
        assert!(matches!(
            diagnosis("http://auth.example.org"),
            Some(Diagnosis::Wrong(_))
        ));
        assert!(matches!(diagnosis("https://10.0.0.1"), Some(Diagnosis::Note(_))));
    }
}
