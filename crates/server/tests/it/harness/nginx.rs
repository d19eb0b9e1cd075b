//! nginx in front of a service: a process with a directory of its own, ended with the test.

use std::env;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::process::{directory, eventually};

/// The variable that names the nginx executable.
const PROGRAM: &str = "DOORWARD_TEST_NGINX";
/// The variable that makes a missing nginx a failure.
const REQUIRED: &str = "DOORWARD_REQUIRE_NGINX";

/// A reverse proxy in front of one service.
pub struct Nginx {
    child: Child,
    guard: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Nginx {
    /// Starts nginx with these lines in its `location` block. `None`, with a message, where no nginx is configured.
    pub fn before(service: SocketAddr, lines: &str) -> Option<Self> {
        Self::balancing(&[service], lines)
    }

    /// Starts nginx in front of several services, between which it balances. Connections to them are kept if the lines
    /// say so.
    pub fn balancing(services: &[SocketAddr], lines: &str) -> Option<Self> {
        let Some(program) = env::var_os(PROGRAM) else {
            assert!(env::var_os(REQUIRED).is_none(), "{PROGRAM} names no nginx");
            // A standard error that is closed must not fail the test.
            let _ = writeln!(std::io::stderr(), "not run: no nginx: {PROGRAM} is not set");
            return None;
        };
        let program = PathBuf::from(program);
        // Another process may have taken the free port.
        for _ in 0..20 {
            if let Some(nginx) = Self::start(&program, services, lines) {
                return Some(nginx);
            }
        }
        panic!("nginx does not start")
    }

    fn start(program: &PathBuf, services: &[SocketAddr], lines: &str) -> Option<Self> {
        let directory = directory();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let configuration = directory.path().join("nginx.conf");
        fs::write(&configuration, configuration_text(port, services, lines)).unwrap();
        let mut child = Command::new(program)
            .arg("-p")
            .arg(directory.path())
            .arg("-c")
            .arg(&configuration)
            .args(["-e", "error.log"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let guard = Command::new("sh")
            .args(["-c", "read -r _; kill -KILL \"$1\"", "sh"])
            .arg(child.id().to_string())
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Clients that connect from other loopback addresses are distinguished by them.
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let is_up = eventually("nginx accepts connections, or exits", || {
            if child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            TcpStream::connect(address).is_ok().then_some(true)
        });
        let nginx = Self {
            child,
            guard,
            address,
            _directory: directory,
        };
        is_up.then_some(nginx)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A configuration for one foreground process that writes only to its own directory.
fn configuration_text(port: u16, services: &[SocketAddr], lines: &str) -> String {
    let servers = services.iter().fold(String::new(), |servers, service| {
        servers + &format!("server {service} max_fails=0; ")
    });
    format!(
        "daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    upstream doorward {{ {servers}keepalive 32; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://doorward;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            {lines}
        }}
    }}
}}
"
    )
}
