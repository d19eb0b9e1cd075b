//! The elements of a forwarding header, from right to left.
//!
//! A proxy appends to what it received, so only the right end of a line is certain to be well-formed: what is left of the
//! proxy's element may come from the client, such as a quote that is never closed. Elements are therefore parsed backward
//! from the end of the line, and nothing is read beyond the first one that is malformed.

use std::borrow::Cow;
use std::net::IpAddr;

/// The addresses of an `X-Forwarded-For` line from right to left, in canonical form; `None` for an element without a valid
/// address. Empty elements are skipped (RFC 9110, section 5.6.1).
pub(super) fn x_forwarded_for(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    line.rsplit(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|element| !element.is_empty())
        .map(parse_node)
}

/// The addresses of a `Forwarded` line (RFC 7239) from right to left, in canonical form; `None` for an element that is
/// malformed, or has no address in its only `for` parameter. Nothing follows a malformed element.
///
/// Beyond RFC 7239, values with colons and brackets (IPv6 addresses, ports) need no quotes, and there may be white space
/// around semicolons.
pub(super) fn forwarded(line: &[u8]) -> impl Iterator<Item = Option<IpAddr>> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = skip_empty(rest?);
        if line.is_empty() {
            return None;
        }
        let element = split_element(line);
        rest = element.as_ref().map(|element| element.before);
        Some(element.and_then(|element| parse_node(&element.node?)))
    })
}

/// Removes empty elements from the right end.
fn skip_empty(line: &[u8]) -> &[u8] {
    let end = line
        .iter()
        .rposition(|byte| !matches!(byte, b',' | b' ' | b'\t'))
        .map_or(0, |last| last + 1);
    line.get(..end).unwrap_or_default()
}

/// An element, and what is left of it.
struct Element<'l> {
    before: &'l [u8],
    /// The value of its `for` parameter.
    node: Option<Cow<'l, [u8]>>,
}

/// A parameter, and what is left of it.
struct Parameter<'l> {
    before: &'l [u8],
    name: &'l [u8],
    value: Cow<'l, [u8]>,
}

/// Splits off the right-most element, which is not empty; `None` if it is malformed.
fn split_element(line: &[u8]) -> Option<Element<'_>> {
    let mut left = line;
    let mut node = None;
    loop {
        left = left.trim_ascii_end();
        match left.split_last() {
            None => return Some(Element { before: left, node }),
            Some((b',', before)) => return Some(Element { before, node }),
            // A parameter may be empty.
            Some((b';', before)) => left = before,
            Some(_) => {
                let Parameter { before, name, value } = split_parameter(left)?;
                if name.eq_ignore_ascii_case(b"for") && node.replace(value).is_some() {
                    return None;
                }
                left = before.trim_ascii_end();
                if !matches!(left.last(), None | Some(b',' | b';')) {
                    return None;
                }
            }
        }
    }
}

/// Splits off the right-most parameter; `None` if it is malformed.
fn split_parameter(text: &[u8]) -> Option<Parameter<'_>> {
    let (before, value) = if let Some(text) = text.strip_suffix(b"\"") {
        let (before, content) = split_quoted(text)?;
        (before, unescape(content))
    } else {
        let (before, value) = split_while(text, is_unquoted);
        (before, Cow::Borrowed(value))
    };
    let (before, name) = split_while(before.strip_suffix(b"=")?, is_token);
    let is_complete = !name.is_empty() && !value.is_empty();
    is_complete.then_some(Parameter { before, name, value })
}

/// Splits at the quote that opens the quoted string (RFC 9110, section 5.6.4) which ends at the end of `text`.
fn split_quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let open = (0..text.len()).rev().find(|&at| {
        let before = text.get(..at).unwrap_or_default();
        text.get(at) == Some(&b'"') && backslashes(before).is_multiple_of(2)
    })?;
    let content = text.get(open + 1..)?;
    // Otherwise the closing quote is an escaped one.
    backslashes(content)
        .is_multiple_of(2)
        .then_some((text.get(..open)?, content))
}

/// The number of backslashes at the end.
fn backslashes(text: &[u8]) -> usize {
    text.iter().rev().take_while(|byte| **byte == b'\\').count()
}

fn unescape(content: &[u8]) -> Cow<'_, [u8]> {
    if !content.contains(&b'\\') {
        return Cow::Borrowed(content);
    }
    let mut escaped = false;
    let is_kept = |byte: &u8| {
        escaped = *byte == b'\\' && !escaped;
        !escaped
    };
    Cow::Owned(content.iter().copied().filter(is_kept).collect())
}

/// Splits off the longest end whose bytes all satisfy `is_part`.
fn split_while(text: &[u8], is_part: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let start = text
        .iter()
        .rposition(|byte| !is_part(*byte))
        .map_or(0, |last| last + 1);
    text.split_at_checked(start).unwrap_or_default()
}

/// The characters of a token (RFC 9110, section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// The characters of a value without quotes: none that ends or separates parameters.
const fn is_unquoted(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b',' | b';' | b'=' | b'"' | b'\\')
}

/// The address of a node (RFC 7239, section 6), in canonical form: `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]:80`,
/// `192.0.2.1:_port`, and `2001:db8::1` without brackets. The zone of an address (`fe80::1%eth0`) is dropped. `None` for
/// `unknown` and for obfuscated nodes.
fn parse_node(node: &[u8]) -> Option<IpAddr> {
    let node = str::from_utf8(node).ok()?;
    let address = if let Some(rest) = node.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        if !port.is_empty() && !is_port(port.strip_prefix(':')?) {
            return None;
        }
        parse_ipv6(address)?
    } else if let Some(address) = parse_ipv6(node) {
        address
    } else {
        let (address, port) = node
            .split_once(':')
            .map_or((node, None), |(address, port)| (address, Some(port)));
        if port.is_some_and(|port| !is_port(port)) {
            return None;
        }
        IpAddr::V4(address.parse().ok()?)
    };
    Some(address.to_canonical())
}

/// An IPv6 address, with or without a zone.
fn parse_ipv6(text: &str) -> Option<IpAddr> {
    let address = match text.split_once('%') {
        Some((_, "")) => return None,
        Some((address, _zone)) => address,
        None => text,
    };
    address.parse().ok().map(IpAddr::V6)
}

/// A port, which may be obfuscated.
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(name) => {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        }
        None => text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The addresses as text, `-` for an element without one.
    fn shown(elements: impl Iterator<Item = Option<IpAddr>>) -> String {
        let shown: Vec<_> = elements
            .map(|address| address.map_or_else(|| "-".to_owned(), |address| address.to_string()))
            .collect();
        shown.join(" ")
    }

    fn parsed(line: &str) -> String {
        shown(forwarded(line.as_bytes()))
    }

    #[test]
    fn elements_are_parsed_from_right_to_left() {
        for (line, expected) in [
            ("", ""),
            (" , ,", ""),
            ("for=192.0.2.1", "192.0.2.1"),
            (
                "for=192.0.2.1, For=\"[2001:db8::7]:4711\";proto=https;by=10.0.0.1",
                "2001:db8::7 192.0.2.1",
            ),
            ("for=192.0.2.1,", "192.0.2.1"),
            (", for=192.0.2.1;proto=http", "192.0.2.1"),
            ("proto=http ; for=192.0.2.1;", "192.0.2.1"),
            ("proto=http, for=192.0.2.1", "192.0.2.1 -"),
            ("for=unknown, for=_hidden", "- -"),
            ("for=192.0.2.1;host=localhost:8080", "192.0.2.1"),
            (r#"for=192.0.2.1;host="a,for=6.6.6.6;x=""#, "192.0.2.1"),
            (r#"for=192.0.2.1;host="a\",for=6.6.6.6;x=\"b\\""#, "192.0.2.1"),
            (r#"ext="x;for=6.6.6.6;y";for="192.0.2.\1""#, "192.0.2.1"),
        ] {
            assert_eq!(parsed(line), expected, "{line}");
        }
    }

    #[test]
    fn nothing_is_read_beyond_a_malformed_element() {
        for line in [
            "for=6.6.6.6, nonsense",
            "for=6.6.6.6, for=192.0.2.1 for=192.0.2.2",
            "for=6.6.6.6, for=192.0.2.1;for=192.0.2.2",
            "for=6.6.6.6, for =192.0.2.1",
            "for=6.6.6.6, for=",
            "for=6.6.6.6, =192.0.2.1",
            "for=6.6.6.6, for=\"\"",
            "for=6.6.6.6, for=192.0.2.1\"",
            r#"for=6.6.6.6, for=192.0.2.1;host="a\""#,
            "for=9.9.9.9;host=a,for=6.6.6.6;x=;proto=http",
        ] {
            assert_eq!(parsed(line), "-", "{line}");
        }
    }

    #[test]
    fn a_node_has_an_address_with_or_without_port_and_zone() {
        for (node, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:80", "192.0.2.1"),
            ("192.0.2.1:_gazonk", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:65535", "2001:db8::1"),
            ("[2001:db8::1]:_a.b-c", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25eth0]:80", "fe80::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:", "-"),
            ("192.0.2.1:_", "-"),
            ("192.0.2.1:65536", "-"),
            ("192.0.2.1:+80", "-"),
            ("192.0.2.1%eth0", "-"),
            ("[192.0.2.1]", "-"),
            ("[2001:db8::1", "-"),
            ("[2001:db8::1]80", "-"),
            ("fe80::1%", "-"),
            ("unknown", "-"),
            ("_hidden", "-"),
        ] {
            assert_eq!(
                shown([parse_node(node.as_bytes())].into_iter()),
                expected,
                "{node}"
            );
        }
    }

    /// As a proxy that follows RFC 7239 writes a value.
    fn quoted(value: &str) -> String {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }

    proptest! {
        #[test]
        fn what_a_proxy_appends_is_found_whatever_the_client_sent(
            client in r#"[ -~]{0,40}|(for=|[",;=\\ ]|6\.6\.6\.6|[a-z]){0,12}"#,
            host in r#"[ -~]{1,30}|(,for=6\.6\.6\.6|[";=\\a]){1,8}"#,
            host_is_last in any::<bool>(),
        ) {
            let host = quoted(&host);
            let appended = if host_is_last {
                format!("for=\"[2001:db8::1]:80\";host={host}")
            } else {
                format!("proto=http;host={host};for=\"[2001:db8::1]:80\"")
            };
            for line in [format!("{client}, {appended}"), appended] {
                let first = forwarded(line.as_bytes()).next();
                prop_assert_eq!(first, Some("2001:db8::1".parse().ok()), "{}", line);
            }
        }

        #[test]
        fn any_line_is_parsed_to_its_end(line in r#"[ -~]{0,80}|(for=1\.1\.1\.1|[",;=\\ ]){0,20}"#) {
            prop_assert!(forwarded(line.as_bytes()).count() <= line.len());
            prop_assert!(x_forwarded_for(line.as_bytes()).count() <= line.len());
        }
    }
}
