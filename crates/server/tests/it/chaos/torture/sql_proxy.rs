//! A proxy between a service and PostgreSQL that records the statements of each connection.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// The statements of each connection, in order of execution.
type Seen = Arc<Mutex<Vec<Vec<String>>>>;

/// The proxy. Its threads end when their connections do, or with the test.
pub struct SqlProxy {
    address: SocketAddr,
    seen: Seen,
}

impl SqlProxy {
    /// Starts a proxy in front of the PostgreSQL server at this address.
    pub fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Seen::default();
        let recorded = Arc::clone(&seen);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(server) else {
                    continue;
                };
                let place = {
                    let mut seen = recorded.lock().unwrap();
                    seen.push(Vec::new());
                    seen.len() - 1
                };
                let responses = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || {
                    let (mut from, mut to) = responses;
                    let _ = io::copy(&mut from, &mut to);
                    let _ = to.shutdown(Shutdown::Both);
                });
                let recorded = Arc::clone(&recorded);
                thread::spawn(move || {
                    let _ = forward_queries(client, &server, |sql| recorded.lock().unwrap()[place].push(sql));
                    let _ = server.shutdown(Shutdown::Both);
                });
            }
        });
        Self { address, seen }
    }

    /// The address to connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The statements so far, by connection.
    pub fn statements(&self) -> Vec<Vec<String>> {
        self.seen.lock().unwrap().clone()
    }
}

/// Forwards what a client sends, and reports each executed statement: a simple query, or the execution of a prepared
/// one (PostgreSQL's documentation, "Message Formats").
fn forward_queries(
    mut client: TcpStream,
    mut server: &TcpStream,
    mut report: impl FnMut(String),
) -> io::Result<()> {
    // The startup message has no type byte; an encryption request may precede it, and is recognized by its code.
    loop {
        let body = forward_message(&mut client, &mut server, &[])?;
        if body.starts_with(&196_608_u32.to_be_bytes()) {
            break;
        }
    }
    let (mut prepared, mut bound) = (HashMap::new(), String::new());
    loop {
        let mut kind = [0];
        client.read_exact(&mut kind)?;
        let body = forward_message(&mut client, &mut server, &kind)?;
        let mut texts = body.split(|byte| *byte == 0);
        let mut text = || String::from_utf8_lossy(texts.next().unwrap_or_default()).into_owned();
        match kind[0] {
            b'Q' => report(text()),
            b'P' => {
                let name = text();
                prepared.insert(name, text());
            }
            b'B' => {
                let _portal = text();
                bound = prepared.get(&text()).cloned().unwrap_or_default();
            }
            b'E' => report(bound.clone()),
            _ => {}
        }
    }
}

/// Forwards one message, and returns its body.
fn forward_message(client: &mut TcpStream, server: &mut &TcpStream, kind: &[u8]) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let size = usize::try_from(u32::from_be_bytes(length)).unwrap();
    let mut body = vec![0; size.saturating_sub(4)];
    client.read_exact(&mut body)?;
    server.write_all(&[kind, &length, &body].concat())?;
    Ok(body)
}
