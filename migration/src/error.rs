//! What can go wrong, in one line each, with what to do about it.

use sea_orm::sqlx::{self, postgres::PgDatabaseError, postgres::PgErrorPosition};
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr};

/// Why a migration, or what surrounds it, was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server cannot be reached, or lets nobody in.
    #[error("cannot connect to PostgreSQL: {0}; check the URL and that the server runs")]
    Connect(String),
    /// A URL is none, or not PostgreSQL's. It holds a password, so it is not repeated.
    #[error(
        "the database URL is not of the form postgres://user:password@host:port/database: check it, and percent-encode what is not a letter or digit in the password"
    )]
    BadUrl,
    /// A statement of the runner's own failed.
    #[error("cannot {doing}: {message}")]
    Database {
        /// What was being done, as "read the table migrations".
        doing: String,
        /// What PostgreSQL says.
        message: String,
    },
    /// A file's SQL failed; its transaction was rolled back.
    #[error("migration {version} ({name}) failed and was rolled back: {message}")]
    Failed {
        /// The file's version.
        version: &'static str,
        /// The file's description.
        name: &'static str,
        /// What PostgreSQL says, with the line of the file.
        message: String,
    },
    /// A file without a transaction failed, so nothing was rolled back.
    #[error(
        "migration {version} ({name}), which runs without a transaction, failed: {message}; run it again, or if its change is in the database already, record that with `hale migrate mark {version}`"
    )]
    FailedHalfway {
        /// The file's version.
        version: &'static str,
        /// The file's description.
        name: &'static str,
        /// What PostgreSQL says, with the line of the file.
        message: String,
    },
    /// A file holds COMMIT or ROLLBACK, which its own transaction cannot survive.
    #[error(
        "migration {version} ({name}) ended the transaction it runs in, and may be half applied: remove COMMIT and ROLLBACK from the file, and restore a backup or undo by hand what it did"
    )]
    EndedTransaction {
        /// The file's version.
        version: &'static str,
        /// The file's description.
        name: &'static str,
    },
    /// An applied file is not the file that this binary holds.
    #[error(
        "migration {version} ({name}) was changed after it was applied: run the Hale that applied it, or if the schema is right as it is, accept this file with `hale migrate mark {version}`"
    )]
    Drift {
        /// The file's version.
        version: String,
        /// The file's description.
        name: String,
    },
    /// The table names a version that this binary does not hold.
    #[error(
        "the database has migration {version} ({name}), which this Hale does not know: update hale, or restore a backup made before that migration"
    )]
    NewerSchema {
        /// The unknown version.
        version: String,
        /// Its description, from the table.
        name: String,
    },
    /// Files wait to be applied.
    #[error(
        "{count} migration(s) are pending, the first is {first}: run `hale migrate up` with DATABASE_OWNER_URL set"
    )]
    Pending {
        /// How many.
        count: usize,
        /// The first one's version.
        first: &'static str,
    },
    /// No file has this version.
    #[error("there is no migration {0}: `hale migrate status` lists the versions")]
    UnknownVersion(String),
    /// The session that held the lock is gone, so another process may hold it now.
    #[error("the connection was lost while migrating, and the lock with it: run the command again")]
    LockLost,
    /// A new migration's name cannot become a file's name.
    #[error("{0} is not a name for a migration: use snake_case, as in add_food_index")]
    BadName(String),
    /// A migration of this minute exists already.
    #[error("there is a migration of this minute already, {0}: wait a minute and try again")]
    VersionTaken(String),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A setting is missing.
    #[error("{0} is not set: set it in the environment, or give {1}")]
    Missing(&'static str, &'static str),
    /// A setting is given twice.
    #[error("{0} and {0}_FILE are both set: keep one of them")]
    Twice(&'static str),
    /// A name cannot be a database's name, or the database is PostgreSQL's own.
    #[error("{0:?} cannot be the name of Hale's database: use another name, as in hale")]
    BadDatabase(String),
    /// The database exists and is somebody else's.
    #[error(
        "database {database} exists and belongs to {owner}: give Hale another name, or if it is meant for Hale, run ALTER DATABASE with OWNER TO hale_owner and try again"
    )]
    ForeignDatabase {
        /// The database.
        database: String,
        /// Who owns it.
        owner: String,
    },
    /// The database does not store UTF-8.
    #[error(
        "database {database} stores {encoding}, and Hale needs UTF8: give Hale another name, and the database is made rightly"
    )]
    Encoding {
        /// The database.
        database: String,
        /// Its encoding.
        encoding: String,
    },
}

impl Error {
    /// For `map_err`: a statement of our own failed while doing this.
    pub(crate) fn doing(doing: impl Into<String>) -> impl FnOnce(DbErr) -> Self {
        let doing = doing.into();
        move |error| Self::Database {
            doing,
            message: message(&error, None),
        }
    }
}

/// The pool tries again while it is refused, and so cannot tell a refusal from silence.
const NO_ANSWER: &str = "it refuses connections, or does not answer in time";

/// What a failure says, in one line, with the line of `sql` where PostgreSQL points at one.
pub(crate) fn message(error: &DbErr, sql: Option<&str>) -> String {
    let text = match database_error(error) {
        Some(error) => {
            let line = match (sql, error.position()) {
                (Some(sql), Some(PgErrorPosition::Original(position))) => {
                    format!("line {}: ", line(sql, position))
                }
                _ => String::new(),
            };
            // Never the detail: it quotes rows, and rows are people's health.
            let hint = error
                .hint()
                .map(|hint| format!(" ({hint})"))
                .unwrap_or_default();
            format!("{line}{}{hint} [{}]", error.message(), error.code())
        }
        None => match error {
            DbErr::ConnectionAcquire(ConnAcquireErr::Timeout) => NO_ANSWER.to_owned(),
            DbErr::Conn(RuntimeErr::SqlxError(error))
            | DbErr::Exec(RuntimeErr::SqlxError(error))
            | DbErr::Query(RuntimeErr::SqlxError(error)) => match error.as_ref() {
                sqlx::Error::PoolTimedOut => NO_ANSWER.to_owned(),
                error => error.to_string(),
            },
            other => other.to_string(),
        },
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether PostgreSQL refused with this SQLSTATE.
pub(crate) fn has_code(error: &DbErr, code: &str) -> bool {
    database_error(error).is_some_and(|error| error.code() == code)
}

fn database_error(error: &DbErr) -> Option<&PgDatabaseError> {
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    match error.as_ref() {
        sqlx::Error::Database(error) => error.try_downcast_ref(),
        _ => None,
    }
}

/// The line of the character that PostgreSQL counts to, both from 1.
fn line(sql: &str, position: usize) -> usize {
    let before = sql.chars().take(position.saturating_sub(1));
    before.filter(|&character| character == '\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_characters_not_bytes() {
        let sql = "-- ää\nSELECT 1;\nSELEC 2;";
        let position = sql.chars().count() - 7;
        assert_eq!(line(sql, position), 3);
        assert_eq!(line(sql, 1), 1);
    }
}
