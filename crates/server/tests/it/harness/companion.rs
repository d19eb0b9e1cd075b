//! Programs that tests need beside Doorward, such as a proxy: found, started on a free port, and ended with the test.

use std::env;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::process::eventually;

/// A process that is killed when the test ends, even if the test is killed.
pub struct Guarded {
    child: Child,
    guard: Child,
}

impl Guarded {
    /// Starts a command.
    pub fn spawn(command: &mut Command) -> Self {
        let child = command.spawn().unwrap();
        // The guard's standard input ends when the test process does, and then it kills the process.
        let guard = Command::new("sh")
            .args(["-c", "read -r _; kill -KILL \"$1\"", "sh"])
            .arg(child.id().to_string())
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, guard }
    }

    /// The process.
    pub const fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended.
    pub fn wait(&mut self) -> ExitStatus {
        eventually("a process ends", || self.child.try_wait().unwrap())
    }

    /// Waits until it accepts connections. Returns `false` if it has ended instead.
    pub fn listens_on(&mut self, address: SocketAddr) -> bool {
        eventually("a program accepts connections, or ends", || {
            if self.child.try_wait().unwrap().is_some() {
                return Some(false);
            }
            TcpStream::connect(address).is_ok().then_some(true)
        })
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        // The guard is stopped first: later the process id might belong to another process.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The executable that the variable `DOORWARD_TEST_<NAME>` names. `None`, with a message, if it is not set; that is a failure
/// if `DOORWARD_REQUIRE_<NAME>` is set.
pub fn configured(name: &str) -> Option<PathBuf> {
    let upper = name.to_uppercase();
    let (program, required) = (
        format!("DOORWARD_TEST_{upper}"),
        format!("DOORWARD_REQUIRE_{upper}"),
    );
    let found = env::var_os(&program);
    if found.is_none() {
        assert!(env::var_os(required).is_none(), "{program} names no {name}");
        // A standard error that is closed must not fail the test.
        let _ = writeln!(std::io::stderr(), "not run: no {name}: {program} is not set");
    }
    found.map(PathBuf::from)
}

/// Starts a program on a free port of the loopback interface. `start` returns `None` if the program ended at once: another
/// process may have taken the port.
pub fn on_free_port<T>(name: &str, start: impl Fn(SocketAddr) -> Option<T>) -> T {
    (0..20)
        .find_map(|_| start(free_address()))
        .unwrap_or_else(|| panic!("{name} does not start"))
}

/// An address of the loopback interface that nothing listens on at the moment.
pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
}
