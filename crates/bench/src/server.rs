//! Servers in separate processes: Doorward's release binary, and a server with a constant response.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};

use crate::BenchResult;
use crate::clock::Watch;
use crate::http::{self, Connection};

/// Timeout of a start.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// A running server; it is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From the start of the process to the first positive readiness check, in milliseconds.
    pub(crate) ready_after: f64,
}

/// The settings for starting Doorward.
pub(crate) struct Doorward<'a> {
    pub(crate) program: &'a Path,
    pub(crate) data_dir: &'a Path,
    pub(crate) database_url: &'a str,
    pub(crate) master_key: &'a str,
}

impl Doorward<'_> {
    /// Starts Doorward with its defaults, except that the throttle is disabled and one address may have 1024 connections, because
    /// all clients have the same one, and waits until it is ready.
    ///
    /// It logs one line per request, as by default, to `/dev/null`: writing the lines is measured, storing them is not.
    pub(crate) fn start(&self) -> BenchResult<Server> {
        let address_file = self.data_dir.join("listen");
        // The file may be left from a previous server.
        let _ = fs::remove_file(&address_file);
        let mut command = Command::new(self.program);
        command
            .arg("serve")
            .current_dir(self.data_dir)
            .env_clear()
            .env("DOORWARD_DATA_DIR", self.data_dir)
            .env("DOORWARD_SERVER__LISTEN", "127.0.0.1:0")
            .env("DOORWARD_SERVER__MANAGEMENT_LISTEN", "127.0.0.1:0")
            .env("DOORWARD_DATABASE__URL", self.database_url)
            .env("DOORWARD_KEYS__MASTER_KEY", self.master_key)
            .env("DOORWARD_THROTTLE__ENABLED", "false")
            .env("DOORWARD_SERVER__MAX_CONNECTIONS_PER_ADDRESS", "1024")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let watch = Watch::start();
        let mut child = command.spawn()?;
        match wait_until_ready(&mut child, &address_file, watch) {
            Ok(address) => Ok(Server {
                child,
                address,
                ready_after: watch.elapsed().as_secs_f64() * 1000.0,
            }),
            Err(fault) => {
                end(&mut child);
                Err(fault)
            }
        }
    }
}

impl Server {
    /// Starts this program as the constant server, with as many workers as Doorward has.
    pub(crate) fn constant() -> BenchResult<Self> {
        let watch = Watch::start();
        let mut child = Command::new(std::env::current_exe()?)
            .arg("constant")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let Ok(address) = line.trim().parse() else {
            end(&mut child);
            return Err("the constant server did not print its address".into());
        };
        Ok(Self {
            child,
            address,
            ready_after: watch.elapsed().as_secs_f64() * 1000.0,
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It may have exited already; waiting reaps it in either case.
    let _ = child.kill();
    let _ = child.wait();
}

fn wait_until_ready(child: &mut Child, address_file: &Path, watch: Watch) -> BenchResult<SocketAddr> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let request = http::get("/health/ready", "");
    while watch.elapsed() < START_TIMEOUT {
        if let Some(status) = child.try_wait()? {
            return Err(format!("the server exited during its start: {status}").into());
        }
        let address = fs::read_to_string(address_file)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        if let Some(address) = address {
            let is_ready = runtime.block_on(async {
                let mut connection = Connection::open(address).await?;
                Ok::<_, crate::BenchError>(connection.send(&request).await?.status == 200)
            });
            if is_ready.unwrap_or_default() {
                return Ok(address);
            }
        }
        thread::sleep(Duration::from_micros(500));
    }
    Err("the server was not ready in time".into())
}

/// Serves a constant body as long as a response of `me` until the process is killed. Prints its address.
pub(crate) fn serve_constant() -> BenchResult<()> {
    const BODY: &str = r#"{"id":"01890a5d-ac96-774b-bcce-b302099a8057","email":"user-000000001@bench.example","roles":["user"],"session_id":"01890a5d-ac96-774b-bcce-b302099a8058","expires_at":"2030-01-01T00:00:00Z"}"#;
    actix_web::rt::System::new().block_on(async {
        let server = HttpServer::new(|| {
            App::new().route(
                "/constant",
                web::get().to(async || HttpResponse::Ok().content_type("application/json").body(BODY)),
            )
        })
        .bind("127.0.0.1:0")?;
        let address = server.addrs().first().copied().ok_or("no address")?;
        println!("{address}");
        server.run().await?;
        Ok(())
    })
}
