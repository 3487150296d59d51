//! Hale's schema: SQL files, their runner and the roles.
//!
//! The promise: whoever calls [`up`], and however many at once, the database afterwards holds every
//! file of `migration/sql` exactly once, in order, and each one's row in `migrations` tells which
//! text it was. A database whose files were changed, or that a newer Hale has migrated, is refused
//! before anything happens to it. [`pending`], [`verify`] and [`status`] only read, and work with
//! the server's own role. Roles and the database itself come from [`bootstrap`], once per server.
//!
//! URLs of [`up`], [`down`], [`mark`] and [`bootstrap`] must lead straight to PostgreSQL, never
//! through a pooler in transaction mode: the lock belongs to the session.

mod bootstrap;
pub mod cli;
mod error;
#[cfg_attr(not(test), expect(dead_code, reason = "the build script uses the rest"))]
mod file;
mod history;
mod new;
mod password;
mod runner;
mod session;
mod sql;

pub use bootstrap::{Bootstrap, bootstrap, unmet};
pub use error::Error;
pub use history::{Pending, Status, pending, status, verify};
pub use new::new;
pub use runner::{Applied, Step, down, mark, up};
pub use sql::{SqlMigration, migrations};

#[cfg(test)]
mod tests {
    /// The server migrates in a spawned task.
    #[test]
    fn the_futures_are_send() {
        fn send(future: impl Send) {
            drop(future);
        }
        let progress = |_: &super::Step| {};
        send(super::up("", progress));
        send(super::down("", 1));
        send(super::mark("", ""));
        send(super::status(""));
        send(super::pending(""));
        send(super::verify(""));
        send(super::unmet(""));
        let settings = super::Bootstrap { database: String::new(), owner_password: String::new(), app_password: String::new() };
        send(super::bootstrap("", &settings));
        let urls = super::cli::Urls::default();
        send(super::cli::run(super::cli::Command::Up, &urls));
    }
}
