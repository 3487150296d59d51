//! The hale server and its command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    api::command::main()
}
