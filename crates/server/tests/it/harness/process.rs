//! Running the program to its end, signals, and waiting for conditions.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// The result of a finished process.
#[derive(Debug)]
pub struct ProcessResult {
    /// The exit status.
    pub status: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Runs the program in this directory with these arguments and only this environment.
pub fn doorward(directory: &TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> ProcessResult {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command
        .args(arguments)
        .current_dir(directory.path())
        .env_clear()
        .envs(environment.iter().copied());
    run(command, "")
}

/// Runs a command with this standard input, and waits for its end.
pub fn run(mut command: Command, input: &str) -> ProcessResult {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // The process may have ended without reading its input.
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

/// Polls until `look` returns a value, for at most 30 seconds.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..3000 {
        if let Some(seen) = look() {
            return seen;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("still not true after 30 seconds: {what}")
}

/// Sends a signal to a process.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", "kill -s \"$1\" \"$2\"", "sh", name, &process.to_string()])
        .status();
    assert!(sent.unwrap().success());
}
