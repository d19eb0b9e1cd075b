//! Single values that are more than their kind: addresses, networks, URLs, words, log directives.
//!
//! Every error says what is wrong and what would be right, in a part of one line.

use core::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::{Host, Url};

use crate::logging;

/// An address to listen on.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|error| {
        format!("{text:?} is not an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080 ({error})")
    })
}

/// A network, or a single address as a network of one.
pub fn network(text: &str) -> Result<IpNet, String> {
    let single = text.parse::<IpAddr>().map(IpNet::from);
    match single.or_else(|_| text.parse::<IpNet>()) {
        Ok(network) => Ok(network.trunc()),
        Err(error) => Err(format!(
            "{text:?} is not a network such as 10.0.0.0/8 or fd00::/8 ({error})"
        )),
    }
}

/// The URL that clients use, without a trailing slash.
pub fn public_url(text: &str) -> Result<String, String> {
    let refuse = |what: &str| Err(format!("{text:?} {what}"));
    // A URL parser would quietly drop or repair these.
    if text
        .contains(|character: char| character.is_whitespace() || character.is_control() || character == '\\')
    {
        return refuse("holds a character that no URL has");
    }
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return refuse(&format!("is not a URL such as https://id.example.com ({error})")),
    };
    if !(text.starts_with("http://") || text.starts_with("https://")) {
        return refuse("does not begin with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a user name or password does not belong in it".into());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("has a query or a fragment, to which no path can be added");
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Whether what is sent to this URL can be read on its way, that is, over http to another machine.
pub fn is_insecure(public_url: &str) -> bool {
    let Ok(url) = Url::parse(public_url) else {
        return false;
    };
    let is_this_machine = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && !is_this_machine
}

/// The choice whose name is `text`.
pub fn word<T: Copy, const N: usize>(
    text: &str,
    choices: [T; N],
    name: fn(T) -> &'static str,
) -> Result<T, String> {
    choices
        .into_iter()
        .find(|choice| name(*choice) == text)
        .ok_or_else(|| {
            let names: Vec<_> = choices
                .into_iter()
                .map(|choice| format!("{:?}", name(choice)))
                .collect();
            format!("{text:?} is none of {}", names.join(", "))
        })
}

/// Checks the directives of the log filter. A bare word must be a level: the filter itself would take `verbose` for
/// the name of a module, and silence all others.
pub fn log_level(text: &str) -> Result<(), String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for directive in text
        .split(',')
        .filter(|directive| !directive.contains(['=', '[']))
    {
        if !LEVELS
            .iter()
            .any(|level| directive.trim().eq_ignore_ascii_case(level))
        {
            return Err(format!("{directive:?} is none of {}", LEVELS.join(", ")));
        }
    }
    match logging::filter(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "{text:?} is not a list of levels such as info,doorward=debug ({error})"
        )),
    }
}
