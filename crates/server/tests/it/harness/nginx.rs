//! nginx in front of a service: a process with a directory of its own, ended with the test.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::companion::{Guarded, configured, on_free_port};
use super::process::directory;

/// A reverse proxy in front of one service.
pub struct Nginx {
    _process: Guarded,
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
        let program = configured("nginx")?;
        Some(on_free_port("nginx", |address| {
            Self::start(&program, address, services, lines)
        }))
    }

    fn start(program: &Path, address: SocketAddr, services: &[SocketAddr], lines: &str) -> Option<Self> {
        let directory = directory();
        let configuration = directory.path().join("nginx.conf");
        fs::write(
            &configuration,
            configuration_text(address.port(), services, lines),
        )
        .unwrap();
        let mut process = Guarded::spawn(
            Command::new(program)
                .arg("-p")
                .arg(directory.path())
                .arg("-c")
                .arg(&configuration)
                .args(["-e", "error.log"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null()),
        );
        // Clients that connect from other loopback addresses are distinguished by them.
        process.listens_on(address).then_some(Self {
            _process: process,
            address,
            _directory: directory,
        })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
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
