//! As much of HTTP/1.1 as it takes to ask one known server over and over: requests are written as they are, answers are
//! read by their length. Lean on purpose, so that what is measured is the server.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Outcome;

/// A connection that is kept for many requests.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// An answer. Borrowed from the connection it came over.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(8 * 1024),
        })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Outcome<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.read_more().await?;
            if let Some(head) = Head::parse(&self.buffer)? {
                break head;
            }
        };
        let end = head.length + head.body;
        while self.buffer.len() < end {
            self.read_more().await?;
        }
        Ok(Answer {
            status: head.status,
            body: self.buffer.get(head.length..end).unwrap_or_default(),
        })
    }

    async fn read_more(&mut self) -> Outcome<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        Ok(())
    }
}

/// What the head of an answer says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// The bytes of the head, with the empty line that ends it.
    length: usize,
    /// The bytes of the body.
    body: usize,
}

impl Head {
    /// `None` while the head is incomplete. Bodies in chunks are not understood: the server sends none.
    fn parse(bytes: &[u8]) -> Outcome<Option<Self>> {
        const END: &[u8] = b"\r\n\r\n";
        let Some(at) = bytes.windows(END.len()).position(|window| window == END) else {
            return Ok(None);
        };
        let head = bytes
            .get(..at)
            .map(str::from_utf8)
            .transpose()?
            .unwrap_or_default();
        let mut lines = head.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.strip_prefix("HTTP/1.1 "))
            .and_then(|line| line.get(..3))
            .ok_or("not an answer of HTTP/1.1")?
            .parse()?;
        let length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map(|(_, value)| value.trim().parse());
        let body = match (length, status) {
            (Some(length), _) => length?,
            (None, 204 | 304) => 0,
            (None, _) => return Err("an answer that does not tell its length".into()),
        };
        Ok(Some(Self {
            status,
            length: at + END.len(),
            body,
        }))
    }
}

/// A GET with these further header lines, each ended by CRLF.
pub(crate) fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: doorward-bench\r\n{headers}\r\n")
        .into_bytes()
}

/// A POST of JSON.
pub(crate) fn post(path: &str, json: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: doorward-bench\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{json}",
        json.len()
    )
    .into_bytes()
}

/// The text of a member of a JSON object, if it holds no escapes, as no token does. The first member of that name counts,
/// at whatever depth.
pub(crate) fn member<'a>(json: &'a [u8], name: &str) -> Option<&'a str> {
    let text = str::from_utf8(json).ok()?;
    let (_, rest) = text.split_once(&format!("\"{name}\":\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCONTENT-LENGTH: 5\r\n\r\nhello";
        for cut in 0..whole.len() - 5 {
            assert_eq!(Head::parse(&whole[..cut]).unwrap(), None, "{cut}");
        }
        let head = Head {
            status: 200,
            length: whole.len() - 5,
            body: 5,
        };
        assert_eq!(Head::parse(whole).unwrap(), Some(head));
    }

    #[test]
    fn only_answers_without_a_body_need_no_length() {
        let head = Head::parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
        assert_eq!((head.status, head.body), (204, 0));
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(Head::parse(b"SSH-2.0\r\n\r\n").is_err());
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n").is_err());
    }

    #[test]
    fn requests_tell_their_length() {
        let request = String::from_utf8(post("/x", "{\"é\":1}")).unwrap();
        assert!(request.contains("content-length: 8\r\n"), "{request}");
        assert!(request.ends_with("\r\n\r\n{\"é\":1}"));
        assert!(get("/x", "a: b\r\n").ends_with(b"\r\na: b\r\n\r\n"));
    }

    #[test]
    fn members_are_found_by_their_whole_name() {
        let json = br#"{"access_token":"a.b","x_token":"c","token":"d","number":1}"#;
        assert_eq!(member(json, "token"), Some("d"));
        assert_eq!(member(json, "access_token"), Some("a.b"));
        assert_eq!(member(json, "number"), None);
        assert_eq!(member(b"\xff", "token"), None);
    }
}
