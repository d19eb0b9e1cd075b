//! `doorward doctor`: checks how the running server sees requests that take the same path as those of clients.
//!
//! It creates a proxy check on the management listener, sends a request with its id to the URL that clients use (or prompts the
//! operator to send it), and queries the management listener for how the server observed that request. The public listener responds
//! to it as to any other request.

mod diagnosis;

use std::net::{SocketAddr, ToSocketAddrs};
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use url::Url;

use super::http_client::{Response, management_address, send};
use super::print;
use crate::cli::DoctorArgs;
use crate::config::Settings;
use crate::exit::ExitError;
use diagnosis::{Diagnosis, RequestAsSeen, describe, diagnose_path, diagnose_url};

/// How often the request is sent: behind a load balancer another instance may receive it.
const MAX_REQUESTS: usize = 10;

/// How often to look, once a second, whether the operator has sent the request.
const MAX_POLLS: usize = 60;

/// The route that the request is for.
const PATH: &str = "health/live";

/// A proxy check, as the management listener creates it.
#[derive(Deserialize)]
struct CreatedCheck {
    /// The header in which the request carries the id.
    header: String,
    #[serde(rename = "probe")]
    id: String,
}

/// The state of a proxy check.
#[derive(Deserialize)]
struct CheckStatus {
    seen: Option<RequestAsSeen>,
}

/// Sends a request on the path that clients take, and prints how the server observed it. Fails if anything is wrong.
pub fn run(settings: &Settings, arguments: &DoctorArgs) -> Result<(), ExitError> {
    let url = parse_url(&arguments.url)?;
    let management = management_address(settings);
    let check: CreatedCheck = parse(&query(management, "POST", "/probes")?)?;
    let (seen, sent_from) = if url.scheme() == "http" {
        send_until_observed(&url, &check, management)?
    } else {
        (wait_until_observed(&url, &check, management)?, None)
    };
    let Some(seen) = seen else {
        return Err(ExitError::other(format!(
            "no request to {url} reached the instance at {management}: is it behind that URL, and does the proxy forward the header {}?",
            check.header
        )));
    };
    print(&describe(&seen))?;
    let mut results = diagnose_path(&seen, sent_from);
    results.extend(diagnose_url(&url, &settings.server.public_url));
    let mut wrong = 0;
    for result in &results {
        match result {
            Diagnosis::Note(text) => print(&format!("note: {text}"))?,
            Diagnosis::Wrong(text) => {
                wrong += 1;
                print(&format!("wrong: {text}"))?;
            }
        }
    }
    match wrong {
        0 => print("ok: clients are told apart by address"),
        1 => Err(ExitError::other("1 problem found")),
        _ => Err(ExitError::other(format!("{wrong} problems found"))),
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

/// The URL of the request.
fn target(url: &Url) -> String {
    format!("{}/{PATH}", url.as_str().trim_end_matches('/'))
}

/// Sends the request until it is observed. Returns the observation, and the address that it was sent from.
fn send_until_observed(
    url: &Url,
    check: &CreatedCheck,
    management: SocketAddr,
) -> Result<(Option<RequestAsSeen>, Option<SocketAddr>), ExitError> {
    let failed = |error: std::io::Error| ExitError::other(format!("no response from {url}: {error}"));
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
    for _ in 0..MAX_REQUESTS {
        let header = (check.header.as_str(), check.id.as_str());
        let response = send(address, "GET", &named, &path, &[header]).map_err(failed)?;
        if let Some(seen) = poll(check, management)? {
            return Ok((Some(seen), Some(response.sent_from)));
        }
    }
    Ok((None, None))
}

/// Prompts the operator to send the request with a program that supports TLS, and waits until it is observed.
fn wait_until_observed(
    url: &Url,
    check: &CreatedCheck,
    management: SocketAddr,
) -> Result<Option<RequestAsSeen>, ExitError> {
    print(&format!(
        "This program does not support TLS. Run this within a minute, if possible on a client's machine:\n\n  curl -H '{}: {}' {}\n",
        check.header,
        check.id,
        target(url)
    ))?;
    for _ in 0..MAX_POLLS {
        if let Some(seen) = poll(check, management)? {
            return Ok(Some(seen));
        }
        thread::sleep(Duration::from_secs(1));
    }
    Ok(None)
}

/// Returns the observed request, if there is one.
fn poll(check: &CreatedCheck, management: SocketAddr) -> Result<Option<RequestAsSeen>, ExitError> {
    let found: CheckStatus = parse(&query(management, "GET", &format!("/probes/{}", check.id))?)?;
    Ok(found.seen)
}

fn query(management: SocketAddr, method: &str, path: &str) -> Result<Response, ExitError> {
    send(management, method, &management.to_string(), path, &[])
        .map_err(|error| ExitError::other(format!("no response from the server at {management}: {error}")))
}

/// Parses the body of a response of the management listener.
fn parse<T: for<'a> Deserialize<'a>>(response: &Response) -> Result<T, ExitError> {
    serde_json::from_slice(&response.body).map_err(|error| {
        ExitError::other(format!(
            "unexpected response from the management listener, status {}: {error}",
            response.status
        ))
    })
}
