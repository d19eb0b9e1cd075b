//! Prepares the bytes of a connection for the HTTP library, which decodes requests.
//!
//! A server that supports no other protocol ignores `Upgrade` (RFC 9110, section 7.8), and proxies send it with ordinary
//! requests. The library instead takes what follows the head for the new protocol, or closes the connection without saying
//! so. The filter therefore makes `Upgrade` empty and the option `upgrade` of `Connection` unknown. It also makes a head
//! that is too large invalid, so that the library rejects it before it has stored more.
//!
//! The number of bytes never changes, and no other header. If the filter and the library ever disagreed on where a
//! request ends, at worst the value of such a line would be changed in the same client's own body.

use memchr::memchr;

/// The size limit of a head, in bytes: 32 KiB of headers and a request line of 8 KiB.
const MAX_HEAD: usize = 40 * 1024;

/// The length of the longest known header name.
const MAX_NAME: usize = "transfer-encoding".len();

const UPGRADE: &[u8] = b"upgrade";
const CONNECT: &[u8] = b"connect ";

/// Filters what a client sends, in any number of pieces.
#[derive(Debug, Default)]
pub(super) struct HeadFilter {
    state: State,
    head: Head,
    heads: u64,
}

/// What the next byte belongs to.
#[derive(Debug, Default, Clone, Copy)]
enum State {
    /// A request line; the number of its bytes so far.
    #[default]
    RequestLine,
    /// The name of a header, or the line end after the last header.
    Name,
    /// The value of a header.
    Value(Header),
    /// A body with that many bytes left.
    Body(u64),
    /// The size of a chunk: so far, and whether an extension follows it.
    ChunkSize(u64, bool),
    /// The data of a chunk, with that many bytes left.
    ChunkData(u64),
    /// The line end after the data of a chunk.
    ChunkEnd,
    /// The headers after the last chunk: whether the current line is empty so far.
    Trailers(bool),
    /// A head that is too large.
    TooLarge,
    /// Bytes that the library rejects or that are not HTTP.
    Unknown,
}

/// The headers that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    Connection,
    ContentLength,
    TransferEncoding,
    Upgrade,
    Other,
}

/// What is known of the current head.
#[derive(Debug, Default)]
struct Head {
    size: usize,
    /// The current word in lower case: the method, a header's name, a connection option or a transfer coding.
    word: Vec<u8>,
    is_connect: bool,
    content_length: u64,
    is_chunked: bool,
}

impl Head {
    /// Adds a byte to the current word, of which only as much is kept as matters.
    fn push(&mut self, byte: u8) {
        if self.word.len() <= MAX_NAME {
            self.word.push(byte.to_ascii_lowercase());
        }
    }

    /// Forgets the head. Keeps the memory of `word`.
    fn reset(&mut self) {
        self.word.clear();
        self.size = 0;
        self.is_connect = false;
        self.content_length = 0;
        self.is_chunked = false;
    }

    /// How the bytes after this head are framed.
    const fn body(&self) -> State {
        if self.is_chunked {
            State::ChunkSize(0, false)
        } else if self.content_length > 0 {
            State::Body(self.content_length)
        } else if self.is_connect {
            State::Unknown
        } else {
            State::RequestLine
        }
    }
}

impl HeadFilter {
    /// Filters the next bytes in place.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = match &mut self.state {
                State::Body(left) | State::ChunkData(left) => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    *left -= taken as u64;
                    if *left == 0 {
                        self.state = match self.state {
                            State::Body(_) => State::RequestLine,
                            _ => State::ChunkEnd,
                        };
                    }
                    taken
                }
                State::Unknown => return,
                _ => match self.skip_line(rest) {
                    0 => {
                        if let Some(byte) = rest.first_mut() {
                            self.step(byte);
                        }
                        1
                    }
                    skipped => {
                        self.head.size += skipped;
                        skipped
                    }
                },
            };
            rest = rest.get_mut(taken..).unwrap_or_default();
        }
    }

    /// The number of complete heads so far.
    pub(super) const fn heads(&self) -> u64 {
        self.heads
    }

    /// How many of the next bytes are of no interest, and do not end the line or exceed the limit.
    fn skip_line(&self, bytes: &[u8]) -> usize {
        let is_irrelevant = match self.state {
            State::RequestLine => self.head.word.len() >= CONNECT.len(),
            State::Value(header) => header == Header::Other,
            _ => false,
        };
        if !is_irrelevant {
            return 0;
        }
        let room = MAX_HEAD.saturating_sub(self.head.size);
        let bytes = bytes.get(..room).unwrap_or(bytes);
        memchr(b'\n', bytes).unwrap_or(bytes.len())
    }

    /// Processes a byte that is not part of a body.
    fn step(&mut self, byte: &mut u8) {
        if let State::RequestLine | State::Name | State::Value(_) = self.state {
            self.head.size += 1;
            if self.head.size > MAX_HEAD {
                self.state = State::TooLarge;
            }
        }
        self.state = match self.state {
            State::RequestLine => self.request_line(*byte),
            State::Name => self.name(*byte),
            State::Value(header) => self.value(header, byte),
            State::ChunkSize(size, is_extension) => chunk_size(size, is_extension, *byte),
            State::ChunkEnd if *byte == b'\n' => State::ChunkSize(0, false),
            State::Trailers(is_empty) => match *byte {
                b'\n' if is_empty => State::RequestLine,
                b'\n' => State::Trailers(true),
                b'\r' => State::Trailers(is_empty),
                _ => State::Trailers(false),
            },
            State::TooLarge => {
                // Invalid in every part of a head.
                *byte = 0;
                State::TooLarge
            }
            state => state,
        };
    }

    fn request_line(&mut self, byte: u8) -> State {
        match byte {
            // Empty lines before a request are ignored (RFC 9112, section 2.2).
            b'\r' | b'\n' if self.head.word.is_empty() => self.head.reset(),
            b'\n' => {
                self.head.is_connect = self.head.word.starts_with(CONNECT);
                self.head.word.clear();
                return State::Name;
            }
            _ => self.head.push(byte),
        }
        State::RequestLine
    }

    fn name(&mut self, byte: u8) -> State {
        match byte {
            b'\r' => State::Name,
            b'\n' if self.head.word.is_empty() => {
                let body = self.head.body();
                self.head.reset();
                self.heads += 1;
                body
            }
            b'\n' => State::Unknown,
            b':' => {
                let header = match self.head.word.as_slice() {
                    b"connection" => Header::Connection,
                    b"content-length" => Header::ContentLength,
                    b"transfer-encoding" => Header::TransferEncoding,
                    UPGRADE => Header::Upgrade,
                    _ => Header::Other,
                };
                self.head.word.clear();
                State::Value(header)
            }
            _ => {
                self.head.push(byte);
                State::Name
            }
        }
    }

    fn value(&mut self, header: Header, byte: &mut u8) -> State {
        if *byte == b'\n' {
            self.head.is_chunked |= header == Header::TransferEncoding && self.head.word == b"chunked";
            self.head.word.clear();
            return State::Name;
        }
        match header {
            Header::Upgrade if *byte != b'\r' => *byte = b' ',
            Header::Connection | Header::TransferEncoding => match *byte {
                b',' => self.head.word.clear(),
                b' ' | b'\t' | b'\r' => {}
                _ => {
                    self.head.push(*byte);
                    if header == Header::Connection && self.head.word == UPGRADE {
                        *byte = b'_';
                    }
                }
            },
            Header::ContentLength if byte.is_ascii_digit() => {
                let digit = u64::from(*byte - b'0');
                self.head.content_length = self.head.content_length.saturating_mul(10).saturating_add(digit);
            }
            _ => {}
        }
        State::Value(header)
    }
}

/// Processes a byte of the line with the size of a chunk (RFC 9112, section 7.1).
fn chunk_size(size: u64, is_extension: bool, byte: u8) -> State {
    match (char::from(byte), char::from(byte).to_digit(16)) {
        ('\n', _) if size == 0 => State::Trailers(true),
        ('\n', _) => State::ChunkData(size),
        (_, Some(digit)) if !is_extension => {
            State::ChunkSize(size.saturating_mul(16).saturating_add(digit.into()), false)
        }
        _ => State::ChunkSize(size, true),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Filters `bytes` in pieces of these lengths, repeated.
    fn filtered(bytes: &[u8], pieces: &[usize]) -> Vec<u8> {
        let mut filter = HeadFilter::default();
        let mut bytes = bytes.to_vec();
        let mut rest = bytes.as_mut_slice();
        for length in pieces.iter().cycle() {
            let (piece, more) = rest.split_at_mut((*length).clamp(1, rest.len().max(1)).min(rest.len()));
            filter.apply(piece);
            rest = more;
            if rest.is_empty() {
                break;
            }
        }
        bytes
    }

    fn text(bytes: &str) -> String {
        String::from_utf8(filtered(bytes.as_bytes(), &[usize::MAX])).unwrap()
    }

    #[test]
    fn upgrades_are_hidden_and_nothing_else_is_changed() {
        for (sent, expected) in [
            (
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrad_\r\n\r\n",
            ),
            (
                "GET / HTTP/1.1\r\nUPGRADE: websocket\r\nconnection:keep-alive, Upgrade\r\n\r\n",
                "GET / HTTP/1.1\r\nUPGRADE:          \r\nconnection:keep-alive, Upgrad_\r\n\r\n",
            ),
            (
                "GET / HTTP/1.1\nUpgrade: h2c\nConnection: close\n\n",
                "GET / HTTP/1.1\nUpgrade:    \nConnection: close\n\n",
            ),
        ] {
            // Behind a body too.
            let post = "POST /x HTTP/1.1\r\nContent-Length: 12\r\n\r\nUpgrade: a\r\n";
            let chunked =
                "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nc;x=y\r\nUpgrade: a\r\n\r\n0\r\n\r\n";
            for before in ["", post, chunked, "\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"] {
                assert_eq!(
                    text(&format!("{before}{sent}")),
                    format!("{before}{expected}"),
                    "{before}{sent}"
                );
            }
        }
        for unchanged in [
            "GET /upgrade HTTP/1.1\r\nUpgrade-Insecure-Requests: 1\r\nConnection: keep-alive\r\n\r\n",
            "GET / HTTP/1.1\r\nX-Upgrade: a\r\nX: Connection: upgrade\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1E\r\n\r\nUpgrade: a\r\nConnection: x\r\n\r\n\r\n0\r\n\r\n",
            "CONNECT a HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nUpgrade: a\r\n\r\n",
        ] {
            assert_eq!(text(unchanged), unchanged);
        }
    }

    #[test]
    fn a_head_that_is_too_large_becomes_invalid_and_a_body_does_not() {
        let fits = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(MAX_HEAD - 23));
        assert_eq!(fits.len(), MAX_HEAD);
        assert_eq!(text(&fits.repeat(2)), fits.repeat(2));
        let too_large = fits.replace("X: ", "X: x");
        assert!(text(&too_large).ends_with("\r\n\r\0"));
        let line = "G".repeat(MAX_HEAD + 2);
        assert!(text(&line).ends_with("G\0\0"));
        let post = format!(
            "POST / HTTP/1.1\r\nContent-Length: {0}\r\n\r\n{1}",
            2 * MAX_HEAD,
            "x".repeat(2 * MAX_HEAD)
        );
        assert_eq!(text(&post), post);
    }

    proptest! {
        #[test]
        fn the_result_does_not_depend_on_how_the_bytes_arrive(
            lines in vec(
                "(GET|POST|CONNECT) / HTTP/1.1|Upgrade: [a-z]{0,9}|Connection: (upgrade|close|keep-alive)(, ?upgrade)?\
                 |Content-Length: [0-9]{1,2}|Transfer-Encoding: chunked|[0-9a-f]{1,2}|0|[a-z:]{0,20}|",
                0..12,
            ),
            pieces in vec(1..9_usize, 1..5),
        ) {
            let bytes = lines.join("\r\n").into_bytes();
            let whole = filtered(&bytes, &[usize::MAX]);
            prop_assert_eq!(whole.len(), bytes.len());
            prop_assert_eq!(filtered(&bytes, &pieces), whole);
        }
    }
}
