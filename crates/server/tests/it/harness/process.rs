//! Running the program, and waiting for what it does.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// How a run of the program ended.
#[derive(Debug)]
pub struct ProcessResult {
    /// The exit status.
    pub status: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Runs the program to its end in this directory, with these arguments and no environment but this.
pub fn doorward(directory: &TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> ProcessResult {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command
        .args(arguments)
        .current_dir(directory.path())
        .env_clear()
        .envs(environment.iter().copied());
    run(command, "")
}

/// Runs a command to its end, with this on its standard input.
pub fn run(mut command: Command, input: &str) -> ProcessResult {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // One that does not read it may be gone by now.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    ProcessResult {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// An empty directory, removed when it is dropped.
pub fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Waits until something is so, for at most half a minute.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..3000 {
        if let Some(seen) = look() {
            return seen;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it has not come about in half a minute that {what}")
}

/// Sends a process a signal.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}
