//! A pooler that was not there when the store was opened, as after a change of a name in DNS.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use doorward_persistence::test_support::TestDatabase;
use doorward_persistence::{Database, DatabaseSettings, DatabaseUrl};

use crate::single_statements::count;

/// Connects clients with a server. As a pooler, it refuses those that send startup options, as PgBouncer does.
struct Proxy {
    address: SocketAddr,
    is_pooler: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let proxy = Self {
            address: listener.local_addr().expect("its address"),
            is_pooler: Arc::default(),
            open: Arc::default(),
        };
        let (is_pooler, open) = (Arc::clone(&proxy.is_pooler), Arc::clone(&proxy.open));
        thread::spawn(move || {
            for mut client in listener.incoming().map_while(Result::ok) {
                let mut startup = [0; 4096];
                let length = client.read(&mut startup).unwrap_or(0);
                let startup = startup.get(..length).unwrap_or_default();
                let has_options = startup.windows(8).any(|window| window == b"options\0");
                if is_pooler.load(Ordering::SeqCst) && has_options {
                    let _ = client.write_all(&refusal());
                    continue;
                }
                let mut to_server = TcpStream::connect(&server).expect("a server");
                to_server.write_all(startup).expect("a server");
                let clone = |stream: &TcpStream| stream.try_clone().expect("a stream");
                open.lock().expect("no panic").push(clone(&client));
                let (from_server, to_client) = (clone(&to_server), clone(&client));
                thread::spawn(move || copy(from_server, to_client));
                thread::spawn(move || copy(client, to_server));
            }
        });
        proxy
    }

    /// Closes all connections. New ones are through a pooler.
    fn become_pooler(&self) {
        self.is_pooler.store(true, Ordering::SeqCst);
        for client in self.open.lock().expect("no panic").drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

/// `ErrorResponse` of PostgreSQL's protocol 3.0.
fn refusal() -> Vec<u8> {
    let fields = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
    let length = u32::try_from(fields.len() + 4).expect("a short message");
    [b"E", &length.to_be_bytes()[..], fields].concat()
}

/// Through a pooler only a transaction has the timeouts.
#[test]
fn a_statement_has_its_timeouts_when_a_later_connection_is_through_a_pooler() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    drop(database.open());
    database.execute("ALTER TABLE attempts ADD CHECK (current_setting('statement_timeout') <> '0')");
    let (location, name) = database.url().rsplit_once('/').expect("a URL");
    let (user, server) = location.rsplit_once('@').expect("a user");
    let proxy = Proxy::before(server.to_owned());
    let url = format!(
        "{user}@{}/{name}?sslmode=disable&gssencmode=disable",
        proxy.address
    );
    let settings = DatabaseSettings {
        url: DatabaseUrl::parse(&url).expect("a URL"),
        ..database.settings()
    };
    let store = Database::open(&settings).expect("a migrated database");
    assert_eq!(count(&store), Ok(true));
    proxy.become_pooler();
    assert_eq!(count(&store), Ok(false));
    database.execute("DELETE FROM attempts");
    assert_eq!(count(&store), Ok(true));
}
