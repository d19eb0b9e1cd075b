//! Servers as processes of their own: Doorward as it is released, and one that answers a constant.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, web};

use crate::Outcome;
use crate::clock::Watch;
use crate::http::{self, Connection};

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs, and is ended when this is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// From the start of the process to its first answer that it is ready, in milliseconds.
    pub(crate) ready_after: f64,
}

/// How Doorward is started.
pub(crate) struct Doorward<'a> {
    pub(crate) program: &'a Path,
    pub(crate) data_dir: &'a Path,
    pub(crate) database_url: &'a str,
    pub(crate) master_key: &'a str,
}

impl Doorward<'_> {
    /// Starts it, with its defaults but for the throttle, and waits until it is ready.
    ///
    /// It logs as it does by default, a line a request, to nowhere: that it is made is measured, that it is kept is not.
    pub(crate) fn start(&self) -> Outcome<Server> {
        let told = self.data_dir.join("listen");
        // Of a server that ran here before.
        let _ = fs::remove_file(&told);
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
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let watch = Watch::start();
        let mut child = command.spawn()?;
        match wait_until_ready(&mut child, &told, watch) {
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
    /// Starts this program as a server that answers a constant, with as many workers as Doorward has.
    pub(crate) fn constant() -> Outcome<Self> {
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
            return Err("the constant server does not tell its address".into());
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
    // It may have ended by itself; either way it is waited for.
    let _ = child.kill();
    let _ = child.wait();
}

fn wait_until_ready(child: &mut Child, told: &Path, watch: Watch) -> Outcome<SocketAddr> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let request = http::get("/health/ready", "");
    while watch.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait()? {
            return Err(format!("the server ended at its start: {status}").into());
        }
        let address = fs::read_to_string(told)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        if let Some(address) = address {
            let is_ready = runtime.block_on(async {
                let mut connection = Connection::open(address).await?;
                Ok::<_, crate::Fault>(connection.ask(&request).await?.status == 200)
            });
            if is_ready.unwrap_or_default() {
                return Ok(address);
            }
        }
        thread::sleep(Duration::from_micros(500));
    }
    Err("the server was not ready in time".into())
}

/// Answers a constant of the size of an answer of `me`, until the process is ended. Tells its address on standard output.
pub(crate) fn answer_a_constant() -> Outcome<()> {
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
