//! A server that pretends to be PostgreSQL and asks for the password in clear text.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use doorward_persistence::{DatabaseUrl, OpenError, migrate};

const PASSWORD: &str = "hunter2-of-the-database";

/// `AuthenticationCleartextPassword` of PostgreSQL's protocol 3.0.
const CLEARTEXT_PASSWORD: [u8; 9] = [b'R', 0, 0, 0, 8, 0, 0, 0, 3];

/// Asks one client for its password, and returns everything that the client sent.
fn ask_for_the_password(mut stream: TcpStream) -> Vec<u8> {
    let timeout = Some(Duration::from_secs(5));
    stream.set_read_timeout(timeout).expect("a timeout");
    let mut received = read(&mut stream);
    stream.write_all(&CLEARTEXT_PASSWORD).expect("a client");
    received.extend(read(&mut stream));
    received
}

/// Reads what has arrived; nothing if the client has gone.
fn read(stream: &mut TcpStream) -> Vec<u8> {
    let mut buffer = vec![0; 4096];
    let length = stream.read(&mut buffer).unwrap_or(0);
    buffer.truncate(length);
    buffer
}

/// Connects to a fake server with these parameters. Returns what it received, and the error.
fn connect(parameters: &str) -> (String, OpenError) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = listener.local_addr().expect("its address").port();
    let server = std::thread::spawn(move || ask_for_the_password(listener.accept().expect("a client").0));
    // A name that is not this machine's, with an address that is.
    let url = format!("postgres://ada:{PASSWORD}@db.example:{port}/doorward?hostaddr=127.0.0.1{parameters}");
    let error = migrate(&DatabaseUrl::parse(&url).expect("a URL")).expect_err("no database");
    let received = server.join().expect("what it received");
    (String::from_utf8_lossy(&received).into_owned(), error)
}

#[test]
fn a_server_that_asks_for_the_password_in_clear_text_does_not_get_it() {
    let (received, error) = connect("&sslmode=disable");
    assert!(received.contains("doorward"), "{received:?}");
    assert!(!received.contains(PASSWORD), "{received:?}");
    assert!(matches!(&error, OpenError::Unreachable(_)), "{error:?}");
    assert!(
        error.to_string().contains("require_auth") || error.to_string().contains("scram"),
        "{error}"
    );
}

#[test]
fn the_url_may_allow_a_password_in_clear_text() {
    let (received, _) = connect("&sslmode=disable&require_auth=password");
    assert!(received.contains(PASSWORD), "{received:?}");
}
