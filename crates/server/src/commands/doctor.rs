//! `doorward doctor`: finds out how the running server sees requests that come the way clients come.
//!
//! It gets a probe from the management listener, sends it (or lets it be sent) to the URL that clients use, and asks the
//! management listener how the request was seen. The public listener answers nothing but what it answers everybody.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::exchange::{Answer, exchange, management};
use super::print;
use crate::cli::DoctorArgs;
use crate::config::Settings;
use crate::escape::escape;
use crate::exit::ExitError;

/// How often a probe is sent: behind a balancer another instance may get it.
const TRIES: usize = 10;

/// How often it is looked whether somebody else has sent the probe, once a second.
const LOOKS: usize = 60;

/// The route that a probe asks for.
const PATH: &str = "health/live";

/// A probe, as the management listener hands it out.
#[derive(Deserialize)]
struct Probe {
    header: String,
    probe: String,
}

/// What the management listener tells of a probe.
#[derive(Deserialize)]
struct Found {
    seen: Option<Sighting>,
}

/// How the server saw a request.
#[derive(Debug, Clone, Deserialize)]
struct Sighting {
    peer: SocketAddr,
    trusted: bool,
    header: String,
    x_forwarded_for: Vec<String>,
    forwarded: Vec<String>,
    client: IpAddr,
    client_trusted: bool,
}

/// Something to be said about a way to the server.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// It may be meant so.
    Note(String),
    /// It is wrong.
    Wrong(String),
}

/// Tries the way that clients come and says what is wrong with it; fails if anything is.
pub fn examine(settings: &Settings, arguments: &DoctorArgs) -> Result<(), ExitError> {
    let url = parse_url(&arguments.url)?;
    let management = management(settings);
    let probe: Probe = asked(&ask(management, "POST", "/probes")?)?;
    let (seen, sent_from) = if url.scheme() == "http" {
        send(&url, &probe, management)?
    } else {
        (wait(&url, &probe, management)?, None)
    };
    let Some(seen) = seen else {
        return Err(ExitError::other(format!(
            "no request to {url} came to the instance that answers at {management}: is it behind that URL, and does the proxy pass the header {} on?",
            probe.header
        )));
    };
    print(&describe(&seen))?;
    let mut findings = of_the_way(&seen, sent_from);
    findings.extend(of_the_url(&url, &settings.server.public_url));
    let mut wrong = 0;
    for finding in &findings {
        match finding {
            Finding::Note(text) => print(&format!("note: {text}"))?,
            Finding::Wrong(text) => {
                wrong += 1;
                print(&format!("wrong: {text}"))?;
            }
        }
    }
    match wrong {
        0 => print("sound: clients are told apart"),
        1 => Err(ExitError::other("one thing is wrong")),
        _ => Err(ExitError::other(format!("{wrong} things are wrong"))),
    }
}

fn parse_url(text: &str) -> Result<Url, ExitError> {
    let wrong = |why: &str| ExitError::configuration(format!("--url: {text:?} {why}"));
    let url = Url::parse(text).map_err(|error| wrong(&format!("is not a URL: {error}")))?;
    let is_plain = url.username().is_empty() && url.query().is_none() && url.fragment().is_none();
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || !is_plain {
        return Err(wrong(
            "is not an http or https URL without user, query and fragment",
        ));
    }
    Ok(url)
}

/// The URL of the route that a probe asks for.
fn target(url: &Url) -> String {
    format!("{}/{PATH}", url.as_str().trim_end_matches('/'))
}

/// Sends the probe until it is seen, and says how it was, and from where it was sent.
fn send(
    url: &Url,
    probe: &Probe,
    management: SocketAddr,
) -> Result<(Option<Sighting>, Option<SocketAddr>), ExitError> {
    let failed = |error: std::io::Error| ExitError::other(format!("no answer from {url}: {error}"));
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(80);
    let named = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let address = (host.trim_matches(['[', ']']), port)
        .to_socket_addrs()
        .map_err(failed)?
        .next()
        .ok_or_else(|| ExitError::other(format!("{url} has no address")))?;
    let path = format!("{}/{PATH}", url.path().trim_end_matches('/'));
    for _ in 0..TRIES {
        let header = (probe.header.as_str(), probe.probe.as_str());
        let answer = exchange(address, "GET", &named, &path, &[header]).map_err(failed)?;
        if let Some(seen) = look(probe, management)? {
            return Ok((Some(seen), Some(answer.sent_from)));
        }
    }
    Ok((None, None))
}

/// Lets the probe be sent by somebody who can do TLS, and waits until it is seen.
fn wait(url: &Url, probe: &Probe, management: SocketAddr) -> Result<Option<Sighting>, ExitError> {
    print(&format!(
        "This program speaks no TLS. Send this within a minute, best from a machine that is a client's:\n\n  curl -H '{}: {}' {}\n",
        probe.header,
        probe.probe,
        target(url)
    ))?;
    for _ in 0..LOOKS {
        if let Some(seen) = look(probe, management)? {
            return Ok(Some(seen));
        }
        thread::sleep(Duration::from_secs(1));
    }
    Ok(None)
}

/// How the probe was seen, if it was.
fn look(probe: &Probe, management: SocketAddr) -> Result<Option<Sighting>, ExitError> {
    let found: Found = asked(&ask(management, "GET", &format!("/probes/{}", probe.probe))?)?;
    Ok(found.seen)
}

fn ask(management: SocketAddr, method: &str, path: &str) -> Result<Answer, ExitError> {
    exchange(management, method, &management.to_string(), path, &[])
        .map_err(|error| ExitError::other(format!("no answer from the server at {management}: {error}")))
}

/// The body of an answer of the management listener.
fn asked<T: for<'a> Deserialize<'a>>(answer: &Answer) -> Result<T, ExitError> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        ExitError::other(format!(
            "the management listener answers with status {}, which is not understood: {error}",
            answer.status
        ))
    })
}

fn describe(seen: &Sighting) -> String {
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
        format!("{:<16} {}", "address used", seen.client),
    ]
    .join("\n")
}

/// What is to be said about how a request was seen, which was sent from there, if that is known.
fn of_the_way(seen: &Sighting, sent_from: Option<SocketAddr>) -> Vec<Finding> {
    let peer = seen.peer.ip();
    let (configured, other, other_name) = match seen.header.as_str() {
        "forwarded" => (&seen.forwarded, &seen.x_forwarded_for, "x-forwarded-for"),
        _ => (&seen.x_forwarded_for, &seen.forwarded, "forwarded"),
    };
    let one = "all who come this way count as one client";
    match (seen.trusted, configured.is_empty(), other.is_empty()) {
        (false, true, true) => match sent_from {
            Some(sender) if sender == seen.peer => vec![Finding::Note(
                "the request came straight to the server: there is no proxy on this way".into(),
            )],
            Some(_) => vec![Finding::Wrong(format!(
                "something between hides where requests come from: the peer is {peer}, which sends no forwarding header, so {one}"
            ))],
            None => vec![Finding::Note(format!(
                "the peer sends no forwarding header: if {peer} is not where the request came from, {one}"
            ))],
        },
        (false, _, _) => vec![Finding::Wrong(format!(
            "the peer {peer} is not in server.trusted_proxies, so its forwarding header is ignored and {one}"
        ))],
        (true, true, false) => vec![Finding::Wrong(format!(
            "the trusted proxy {peer} sends {other_name}, but server.forwarded_header is {}: {one}",
            seen.header
        ))],
        (true, true, true) => vec![Finding::Wrong(format!(
            "the trusted proxy {peer} sends no {} header: {one}",
            seen.header
        ))],
        (true, false, _) if seen.client_trusted => vec![Finding::Note(format!(
            "the address used, {}, is in server.trusted_proxies: that is right only if the request came from a proxy's machine",
            seen.client
        ))],
        (true, false, _) => Vec::new(),
    }
}

/// What is to be said about the URL that clients use, beside the one that is configured.
fn of_the_url(url: &Url, public_url: &str) -> Option<Finding> {
    let public = Url::parse(public_url).ok()?;
    if public.scheme() != url.scheme() {
        return Some(Finding::Wrong(format!(
            "the scheme of {url} is not that of server.public_url, which is {public_url}"
        )));
    }
    let place = |url: &Url| (url.host_str().map(str::to_owned), url.port_or_known_default());
    (place(&public) != place(url)).then(|| {
        Finding::Note(format!(
            "server.public_url, which is in every token and link, is {public_url}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(trusted: bool, x_forwarded_for: &[&str], forwarded: &[&str]) -> Sighting {
        let texts = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        Sighting {
            peer: "10.0.0.5:4711".parse().unwrap(),
            trusted,
            header: "x-forwarded-for".into(),
            x_forwarded_for: texts(x_forwarded_for),
            forwarded: texts(forwarded),
            client: "192.0.2.7".parse().unwrap(),
            client_trusted: false,
        }
    }

    fn wrong(findings: &[Finding]) -> Option<&str> {
        match findings {
            [Finding::Wrong(text)] => Some(text),
            _ => None,
        }
    }

    #[test]
    fn a_way_on_which_clients_are_told_apart_is_sound() {
        assert_eq!(of_the_way(&seen(true, &["192.0.2.7"], &[]), None), []);
        let both = seen(true, &["192.0.2.7"], &["for=192.0.2.7"]);
        assert_eq!(of_the_way(&both, None), []);
    }

    #[test]
    fn a_way_on_which_all_are_one_is_not() {
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
            (seen(false, &[], &[]), sender, "hides where requests come from"),
        ] {
            let findings = of_the_way(&way, sender);
            let text = wrong(&findings).unwrap_or_else(|| panic!("{findings:?}"));
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn what_may_be_meant_so_is_only_said() {
        let direct = seen(false, &[], &[]);
        let own = Sighting {
            client_trusted: true,
            ..seen(true, &["10.0.0.9"], &[])
        };
        for findings in [
            of_the_way(&direct, Some(direct.peer)),
            of_the_way(&direct, None),
            of_the_way(&own, None),
        ] {
            assert!(matches!(findings[..], [Finding::Note(_)]), "{findings:?}");
        }
    }

    #[test]
    fn the_url_is_held_against_the_configured_one() {
        let finding = |url: &str| of_the_url(&Url::parse(url).unwrap(), "https://auth.example.org");
        assert_eq!(finding("https://auth.example.org/"), None);
        assert_eq!(finding("https://auth.example.org:443"), None);
        assert!(matches!(
            finding("http://auth.example.org"),
            Some(Finding::Wrong(_))
        ));
        assert!(matches!(finding("https://10.0.0.1"), Some(Finding::Note(_))));
    }
}
