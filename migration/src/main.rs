//! The operators' binary: the migration commands without the rest of Hale.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use migration::Error;
use migration::cli::{self, Command, Urls};
use tracing_subscriber::EnvFilter;

/// Migrates Hale's database
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to connect as hale_owner; a flag is visible to other users of the machine
    #[arg(
        long,
        env = "DATABASE_OWNER_URL",
        hide_env_values = true,
        global = true
    )]
    database_owner_url: Option<String>,
    /// A file that holds it
    #[arg(long, env = "DATABASE_OWNER_URL_FILE", value_parser = cli::path(), global = true)]
    database_owner_url_file: Option<PathBuf>,
    /// Where to connect as hale_app
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    database_url: Option<String>,
    /// A file that holds it
    #[arg(long, env = "DATABASE_URL_FILE", value_parser = cli::path(), global = true)]
    database_url_file: Option<PathBuf>,
    /// Where to connect as an administrator of the server, for bootstrap
    #[arg(
        long,
        env = "DATABASE_ADMIN_URL",
        hide_env_values = true,
        global = true
    )]
    database_admin_url: Option<String>,
    /// A file that holds it
    #[arg(long, env = "DATABASE_ADMIN_URL_FILE", value_parser = cli::path(), global = true)]
    database_admin_url_file: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(Arguments::parse()).await {
        Ok(text) => {
            // Nobody reads a closed pipe.
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "hale-migration: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<String, Error> {
    let urls = Urls {
        owner_url: cli::secret(
            "DATABASE_OWNER_URL",
            arguments.database_owner_url,
            arguments.database_owner_url_file,
        )
        .await?,
        app_url: cli::secret(
            "DATABASE_URL",
            arguments.database_url,
            arguments.database_url_file,
        )
        .await?,
        admin_url: cli::secret(
            "DATABASE_ADMIN_URL",
            arguments.database_admin_url,
            arguments.database_admin_url_file,
        )
        .await?,
    };
    cli::run(arguments.command, &urls).await
}
