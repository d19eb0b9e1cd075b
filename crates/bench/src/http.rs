//! A minimal HTTP/1.1 client for benchmarks, so that little of its own work is measured: requests are sent as prepared
//! bytes, responses must have a `Content-Length`.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::BenchResult;

/// A keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A response, borrowed from the buffer of its connection.
pub(crate) struct Response<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> BenchResult<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(8 * 1024),
        })
    }

    /// Sends a request and reads the response.
    pub(crate) async fn send(&mut self, request: &[u8]) -> BenchResult<Response<'_>> {
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
        Ok(Response {
            status: head.status,
            body: self.buffer.get(head.length..end).unwrap_or_default(),
        })
    }

    async fn read_more(&mut self) -> BenchResult<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        Ok(())
    }
}

/// The head of a response.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// The length of the head including the empty line at its end, in bytes.
    length: usize,
    /// The length of the body, in bytes.
    body: usize,
}

impl Head {
    /// Parses a head; `None` while it is incomplete. Chunked bodies are not supported: the server sends none.
    fn parse(bytes: &[u8]) -> BenchResult<Option<Self>> {
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
            .ok_or("not an HTTP/1.1 response")?
            .parse()?;
        let length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map(|(_, value)| value.trim().parse());
        let body = match (length, status) {
            (Some(length), _) => length?,
            (None, 204 | 304) => 0,
            (None, _) => return Err("a response without Content-Length".into()),
        };
        Ok(Some(Self {
            status,
            length: at + END.len(),
            body,
        }))
    }
}

/// A GET request with additional header lines, each ending with CRLF.
pub(crate) fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: doorward-bench\r\n{headers}\r\n")
        .into_bytes()
}

pub(crate) fn post(path: &str, json: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nuser-agent: doorward-bench\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{json}",
        json.len()
    )
    .into_bytes()
}

/// The string value of the first member with this name, at any depth. Values with escapes are not supported; tokens have
/// none.
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
    fn only_responses_without_a_body_need_no_length() {
        let head = Head::parse(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap();
        assert_eq!((head.status, head.body), (204, 0));
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(Head::parse(b"SSH-2.0\r\n\r\n").is_err());
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n").is_err());
    }

    #[test]
    fn requests_have_a_content_length() {
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
