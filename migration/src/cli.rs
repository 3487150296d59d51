//! The commands, for `hale migrate` and for `hale-migration`.

use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Subcommand};

use crate::{Applied, Bootstrap, Error, Status};

/// What to do with the schema.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Apply every pending migration
    Up,
    /// Revert the newest migrations, with the data in what they made
    Down {
        /// How many
        #[arg(long, default_value_t = 1)]
        steps: usize,
    },
    /// List every migration and whether it is applied
    Status,
    /// Write an empty pair of files for a new migration
    New {
        /// What it does, in snake_case, as in add_food_index
        name: String,
        /// Where the files go
        #[arg(long, default_value = "migration/sql")]
        directory: PathBuf,
    },
    /// Fail unless the database holds exactly the migrations of this Hale
    Verify,
    /// Record a migration by hand without running it
    Mark {
        /// Its version, YYYY_MM_DD_HH_MM
        version: String,
    },
    /// Make the roles and the database on a PostgreSQL server of your own
    Bootstrap(BootstrapArguments),
}

/// What `bootstrap` takes. An empty or missing password leaves the role's as it is.
#[derive(Args)]
pub struct BootstrapArguments {
    /// The database's name
    #[arg(long, env = "HALE_DATABASE", default_value = "hale")]
    pub database: String,
    /// The password of hale_owner; a flag is visible to other users of the machine
    #[arg(long, env = "HALE_OWNER_PASSWORD", hide_env_values = true)]
    pub owner_password: Option<String>,
    /// A file that holds the password of hale_owner
    #[arg(long, env = "HALE_OWNER_PASSWORD_FILE", value_parser = path())]
    pub owner_password_file: Option<PathBuf>,
    /// The password of hale_app; a flag is visible to other users of the machine
    #[arg(long, env = "HALE_APP_PASSWORD", hide_env_values = true)]
    pub app_password: Option<String>,
    /// A file that holds the password of hale_app
    #[arg(long, env = "HALE_APP_PASSWORD_FILE", value_parser = path())]
    pub app_password_file: Option<PathBuf>,
}

impl fmt::Debug for BootstrapArguments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BootstrapArguments")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// Where the commands connect to. Each command says which one it misses.
#[derive(Clone, Default)]
pub struct Urls {
    /// As hale_owner: up, down, mark; and status and verify where there is no other.
    pub owner_url: Option<String>,
    /// As hale_app: status and verify.
    pub app_url: Option<String>,
    /// As an administrator of the server: bootstrap.
    pub admin_url: Option<String>,
}

impl fmt::Debug for Urls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Urls").finish_non_exhaustive()
    }
}

impl Urls {
    fn owner(&self) -> Result<&str, Error> {
        let missing = Error::Missing("DATABASE_OWNER_URL", "--database-owner-url");
        self.owner_url.as_deref().ok_or(missing)
    }

    fn admin(&self) -> Result<&str, Error> {
        let missing = Error::Missing("DATABASE_ADMIN_URL", "--database-admin-url");
        self.admin_url.as_deref().ok_or(missing)
    }

    fn any(&self) -> Result<&str, Error> {
        let missing = Error::Missing("DATABASE_URL", "--database-url");
        let url = self.app_url.as_deref().or(self.owner_url.as_deref());
        url.ok_or(missing)
    }
}

/// Runs a command and returns the text to print, without a line break at its end.
pub async fn run(command: Command, urls: &Urls) -> Result<String, Error> {
    match command {
        Command::Up => {
            let applied = crate::up(urls.owner()?, |_| {}).await?;
            Ok(describe(&applied, "applied", "nothing to apply"))
        }
        Command::Down { steps } => {
            let reverted = crate::down(urls.owner()?, steps).await?;
            Ok(describe(&reverted, "reverted", "nothing to revert"))
        }
        Command::Status => Ok(table(&crate::status(urls.any()?).await?)),
        Command::New { name, directory } => create(&directory, &name).await,
        Command::Verify => {
            crate::verify(urls.any()?).await?;
            let count = crate::migrations().len();
            Ok(format!("the schema is up to date ({count} migrations)"))
        }
        Command::Mark { version } => {
            crate::mark(urls.owner()?, &version).await?;
            Ok(format!("recorded {version}"))
        }
        Command::Bootstrap(arguments) => {
            let settings = arguments.read().await?;
            crate::bootstrap(urls.admin()?, &settings).await?;
            let database = settings.database;
            Ok(format!("the roles and the database {database} are ready"))
        }
    }
}

impl BootstrapArguments {
    async fn read(self) -> Result<Bootstrap, Error> {
        let owner = secret(
            "HALE_OWNER_PASSWORD",
            self.owner_password,
            self.owner_password_file,
        );
        let app = secret(
            "HALE_APP_PASSWORD",
            self.app_password,
            self.app_password_file,
        );
        Ok(Bootstrap {
            database: self.database,
            owner_password: owner.await?.unwrap_or_default(),
            app_password: app.await?.unwrap_or_default(),
        })
    }
}

/// Reads the path of a `_FILE` setting. Unlike clap's own it lets an empty one pass, which
/// [`secret`] takes for a missing one.
pub fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// A secret setting, given itself or as a file that holds it. Empty is as good as missing, for
/// that is how Compose passes on what is not set.
pub async fn secret(
    name: &'static str,
    value: Option<String>,
    file: Option<PathBuf>,
) -> Result<Option<String>, Error> {
    let value = value.filter(|value| !value.is_empty());
    let file = file.filter(|file| !file.as_os_str().is_empty());
    match (value, file) {
        (Some(_), Some(_)) => Err(Error::Twice(name)),
        (Some(value), None) => Ok(Some(value)),
        (None, None) => Ok(None),
        (None, Some(file)) => {
            let text = tokio::fs::read_to_string(&file).await;
            let text = text.map_err(|source| Error::File {
                path: file.display().to_string(),
                source,
            })?;
            Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
    }
}

async fn create(directory: &Path, name: &str) -> Result<String, Error> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the stamp of a source file is its author's time; no test needs another"
    )]
    let now = chrono::Utc::now();
    let (up, down) = crate::new(directory, name, now).await?;
    Ok(format!("{}\n{}", up.display(), down.display()))
}

fn describe(files: &[Applied], verb: &str, nothing: &str) -> String {
    if files.is_empty() {
        return nothing.to_owned();
    }
    let lines = files.iter().map(|file| {
        let Applied {
            version,
            name,
            took,
        } = file;
        format!("{verb} {version} {name} ({} ms)", took.as_millis())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn table(statuses: &[Status]) -> String {
    if statuses.is_empty() {
        return "there are no migrations".to_owned();
    }
    let mut text = String::new();
    for status in statuses {
        let state = match (status.applied_at, status.checksum_matches) {
            (None, _) => "pending",
            (Some(_), Some(true)) => "applied",
            (Some(_), Some(false)) => "changed",
            (Some(_), None) => "unknown",
        };
        let when = status
            .applied_at
            .map(|at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string())
            .unwrap_or_default();
        let (version, name) = (&status.version, &status.name);
        let _ = writeln!(text, "{version}  {state}  {when:23}  {name}");
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_how_its_file_stands() {
        let row = |applied: bool, checksum_matches| Status {
            version: "2025_01_01_00_00".to_owned(),
            name: "foods".to_owned(),
            applied_at: applied.then_some(chrono::DateTime::UNIX_EPOCH),
            checksum_matches,
        };
        let text = table(&[
            row(true, Some(true)),
            row(true, Some(false)),
            row(true, None),
            row(false, None),
        ]);
        let states: Vec<_> = text
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1))
            .collect();
        assert_eq!(states, ["applied", "changed", "unknown", "pending"]);
    }
}
