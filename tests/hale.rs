//! The hale binary, for the tests of the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    api::command::main()
}
