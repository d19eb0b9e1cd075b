//! The `doorward` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    doorward::commands::main(std::env::args_os(), std::env::vars_os())
}
