//! The hale binary, for the tests of the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    // A panic with a text that was made from data, somewhere in the process.
    if let Ok(text) = std::env::var("HALE_PANICS_WITH") {
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_secs(3));
            panic!("cannot parse {text:?}");
        });
    }
    api::command::main()
}
