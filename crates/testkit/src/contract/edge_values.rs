//! Values at the limits of what the domain allows.

use core::net::IpAddr;
use std::iter;

use doorward_domain::session::Session;
use doorward_domain::time::Timestamp;

/// The years 1, 1969 and 9999 to the microsecond, and the epoch.
pub(crate) const TIMES: [Timestamp; 6] = [
    Timestamp::from_micros(-62_135_596_800_000_000),
    Timestamp::from_micros(-1),
    Timestamp::from_micros(0),
    Timestamp::from_micros(1),
    Timestamp::from_micros(1_700_000_000_999_999),
    Timestamp::from_micros(253_402_300_799_999_999),
];

/// Texts that wrong quoting, trimming or case folding would change.
const AWKWARD: [&str; 16] = [
    "",
    " ",
    "  two  ",
    "O'Brien \"the\" \\ `x`",
    "100% _",
    "'; DROP TABLE users; --",
    "null",
    "0",
    "{}",
    "$1 ?1 :a",
    "Zoë Ångström",
    "e\u{327}\u{302}",
    "山田太郎",
    "مرحبا",
    "👩🏽‍🚀 🏳️‍🌈",
    "\u{fffd}\u{feff}\u{200d}",
];

/// The awkward texts, and 200 code points of four bytes each.
pub(crate) fn awkward_texts() -> impl Iterator<Item = String> {
    AWKWARD.into_iter().map(str::to_owned).chain([longest(200)])
}

/// User agents of every kind, and none.
pub(crate) fn user_agents() -> impl Iterator<Item = Option<String>> {
    awkward_texts()
        .chain([longest(Session::MAX_USER_AGENT)])
        .map(Some)
        .chain([None])
}

/// Client addresses of every kind, and none.
pub(crate) fn addresses() -> impl Iterator<Item = Option<IpAddr>> {
    let texts = [
        "0.0.0.0",
        "192.0.2.255",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:192.0.2.1",
        "2001:db8::dead:beef",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ];
    texts
        .into_iter()
        .map(|text| Some(text.parse().expect("an address")))
        .chain(iter::once(None))
}

/// As many of the highest code point.
fn longest(code_points: usize) -> String {
    "\u{10ffff}".repeat(code_points)
}
