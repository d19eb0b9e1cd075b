//! Forwarding headers: a client's own words, to which a proxy has added whom it speaks for.
#![no_main]

use core::net::IpAddr;

use doorward_http::ForwardingHeader;
use doorward_http::fuzzing::client_address;
use libfuzzer_sys::fuzz_target;

const PROXY: &str = "10.0.0.1";
const STRANGER: &str = "203.0.113.9";
const CLIENT: &str = "198.51.100.7";

fuzz_target!(|words: &[u8]| {
    let of = |header, peer: &str, line: &[u8]| -> Option<IpAddr> {
        let peer = peer.parse().expect("an address");
        let trusted = ["10.0.0.0/8", "fd00::/8"];
        client_address(header, &trusted, peer, line)
    };
    let is = |address: &str| address.parse::<IpAddr>().ok();
    // The client's `Host`, as a proxy quotes it.
    let host = String::from_utf8_lossy(words).replace(|c: char| !(' '..='~').contains(&c), "");
    let host = host.replace('\\', "\\\\").replace('"', "\\\"");
    for (header, added) in [
        (ForwardingHeader::XForwardedFor, format!(", {CLIENT}")),
        (ForwardingHeader::Forwarded, format!(", for={CLIENT};proto=https")),
        (ForwardingHeader::Forwarded, format!(", host=\"a{host}\";for={CLIENT}")),
        (ForwardingHeader::Forwarded, format!(", for=\"{CLIENT}:_p\";host=\"a{host}\"")),
    ] {
        // What the header may not have in it at all gives nobody.
        let Some(_) = of(header, PROXY, words) else { return };
        assert_eq!(
            of(header, STRANGER, words),
            is(STRANGER),
            "a stranger is not believed"
        );
        let line = [words, added.as_bytes()].concat();
        assert_eq!(
            of(header, PROXY, &line),
            is(CLIENT),
            "a proxy is, whatever stands before its words"
        );
    }
});
