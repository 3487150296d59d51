//! Where a command finds its database: the embedded PostgreSQL or a server of the operator's, migrated and ready.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use migration::cli::secret;
use service::{
    access::{Connection, Database, Maintenance},
    catalogue,
    clock::SystemClock,
    random::SystemRandom,
    tokens::Keys,
};

use crate::{
    config::Settings,
    embedded_postgres::{Durability, EmbeddedPostgres, Options},
    progress::Progress,
};

const DATABASE: &str = "hale";

/// Why a command could not start, in one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Of the embedded PostgreSQL.
    #[error(transparent)]
    Embedded(#[from] crate::embedded_postgres::Error),
    /// Of the schema.
    #[error(transparent)]
    Migration(#[from] migration::Error),
    /// Of the database.
    #[error("{0}")]
    Database(String),
    /// Of a file or folder.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something else.
    #[error("{0}")]
    Other(String),
}

impl From<service::error::Error> for Error {
    fn from(error: service::error::Error) -> Self {
        let text = match &error {
            service::error::Error::Internal(source) | service::error::Error::Unavailable { source, .. } => source.to_string(),
            service::error::Error::ProviderUnavailable { provider, source, .. } => format!("{provider}: {source}"),
            error => error.to_string(),
        };
        Self::Database(text.replace('\n', " "))
    }
}

impl From<service::backup::Error> for Error {
    fn from(error: service::backup::Error) -> Self {
        Self::Other(error.to_string().replace('\n', " "))
    }
}

/// An open database, and the server behind it when it is Hale's own.
pub struct Store {
    app_url: String,
    listen_url: Option<String>,
    replica_url: Option<String>,
    owner_url: Option<String>,
    embedded: Option<EmbeddedPostgres>,
    data_dir: PathBuf,
    settings: Settings,
}

impl Store {
    /// Finds the database, starting Hale's own PostgreSQL if there is no other, and makes its roles.
    pub async fn find(settings: &Settings, progress: &Arc<Progress>) -> Result<Self, Error> {
        let data_dir = data_dir(settings)?;
        let owner_url = secret("DATABASE_OWNER_URL", settings.database_owner_url.clone(), settings.database_owner_url_file.clone()).await?;
        let app_url = secret("DATABASE_URL", settings.database_url.clone(), settings.database_url_file.clone()).await?;
        let listen_url =
            secret("DATABASE_LISTEN_URL", settings.database_listen_url.clone(), settings.database_listen_url_file.clone()).await?;
        let replica_url =
            secret("DATABASE_REPLICA_URL", settings.database_replica_url.clone(), settings.database_replica_url_file.clone()).await?;
        if let Some(app_url) = app_url {
            return Ok(Self { app_url, listen_url, replica_url, owner_url, embedded: None, data_dir, settings: settings.clone() });
        }
        if owner_url.is_some() {
            return Err(Error::Other(
                "DATABASE_OWNER_URL is set but DATABASE_URL is not: set both for a server of your own, neither for Hale's".into(),
            ));
        }
        let shown = progress.clone();
        let embedded = EmbeddedPostgres::start(Options {
            data_dir: data_dir.clone(),
            pg_bin: settings.pg_bin.clone(),
            durability: Durability::Durable,
            progress: Arc::new(move |text: &str| shown.step(text)),
        })
        .await?;
        let (owner_password, app_password) = (embedded.secret("hale_owner")?, embedded.secret("hale_app")?);
        let store = Self {
            app_url: embedded.url("hale_app", &app_password, DATABASE),
            listen_url: None,
            replica_url: None,
            owner_url: Some(embedded.url("hale_owner", &owner_password, DATABASE)),
            data_dir,
            settings: settings.clone(),
            embedded: Some(embedded),
        };
        let admin_url = store.embedded.as_ref().map(|embedded| embedded.admin_url("postgres")).unwrap_or_default();
        let roles = migration::Bootstrap { database: DATABASE.into(), owner_password, app_password };
        match migration::bootstrap(&admin_url, &roles).await {
            Ok(()) => Ok(store),
            Err(error) => {
                store.close().await;
                Err(error.into())
            }
        }
    }

    /// Finds the database, migrates it and loads the starter catalogue. Without the owner's URL it only makes sure that nothing
    /// is pending.
    pub async fn open(settings: &Settings, progress: &Arc<Progress>) -> Result<Self, Error> {
        let store = Self::find(settings, progress).await?;
        match store.prepare(progress).await {
            Ok(()) => Ok(store),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    async fn prepare(&self, progress: &Arc<Progress>) -> Result<(), Error> {
        let Some(owner_url) = &self.owner_url else {
            return Ok(migration::verify(&self.app_url).await?);
        };
        migration::up(owner_url, |step| {
            if step.took.is_none() {
                progress.step(&format!("migrating: {} of {}, {}", step.number, step.total, step.name));
            }
        })
        .await?;
        progress.step("loading the starter catalogue");
        self.load_starter().await
    }

    /// Loads the starter catalogue, as the owner.
    pub async fn load_starter(&self) -> Result<(), Error> {
        let maintenance = self.maintenance().await?;
        let loaded = catalogue::load_starter(&maintenance).await;
        maintenance.close().await;
        let outcome = loaded?;
        if outcome.added + outcome.changed > 0 {
            tracing::info!(added = outcome.added, changed = outcome.changed, "loaded the starter catalogue");
        }
        Ok(())
    }

    /// The database, as requests reach it.
    pub async fn database(&self) -> Result<Database, Error> {
        let keys = keys(&keys_file(&self.settings, &self.data_dir))?;
        Ok(Database::connect(&self.connection(), Arc::new(SystemClock), Arc::new(SystemRandom), keys).await?)
    }

    /// How requests reach the database.
    pub fn connection(&self) -> Connection {
        Connection {
            url: self.app_url.clone(),
            max_connections: self.settings.max_connections,
            statement_cache: self.settings.statement_cache,
            listen_url: self.listen_url.clone(),
            replica_url: self.replica_url.clone(),
        }
    }

    /// The names of the keys; none where there is no file, or none that can be read.
    pub fn key_names(&self) -> Vec<String> {
        let path = keys_file(&self.settings, &self.data_dir);
        let read = if path.exists() { keys(&path).map(|keys| keys.names()) } else { Ok(Vec::new()) };
        read.unwrap_or_else(|error| {
            tracing::warn!(%error, "the keys cannot be named");
            Vec::new()
        })
    }

    /// Where backups go unless something else is said.
    pub fn backup_dir(&self) -> PathBuf {
        backups_in(&self.settings, &self.data_dir)
    }

    /// Whether PostgreSQL is Hale's own.
    pub fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// The URL of the database for hale_owner.
    pub fn owner_url(&self) -> Result<&str, Error> {
        self.owner_url.as_deref().ok_or_else(|| Error::Other("this needs the owner of the database: set DATABASE_OWNER_URL".into()))
    }

    /// The owner's way in.
    pub async fn maintenance(&self) -> Result<Maintenance, Error> {
        maintenance(self.owner_url()?).await
    }

    /// The URLs for the migration commands.
    pub fn migration_urls(&self) -> migration::cli::Urls {
        migration::cli::Urls {
            owner_url: self.owner_url.clone(),
            app_url: Some(self.app_url.clone()),
            admin_url: self.embedded.as_ref().map(|embedded| embedded.admin_url("postgres")),
        }
    }

    /// Where the data are, for people.
    pub fn place(&self) -> String {
        if self.embedded.is_some() {
            format!("{} (PostgreSQL of Hale's own)", self.data_dir.display())
        } else {
            "the PostgreSQL server of DATABASE_URL".to_owned()
        }
    }

    /// Lets go of the embedded server; the last to do so stops it.
    pub async fn close(self) {
        if let Some(embedded) = self.embedded
            && let Err(error) = embedded.stop().await
        {
            tracing::warn!(%error, "PostgreSQL did not stop");
        }
    }
}

/// The owner's way in to the database of this URL.
pub async fn maintenance(owner_url: &str) -> Result<Maintenance, Error> {
    Ok(Maintenance::connect(owner_url, Arc::new(SystemClock), Arc::new(SystemRandom)).await?)
}

/// The folder of backups that the settings name; an empty one is none.
pub fn backup_dir(settings: &Settings) -> Option<PathBuf> {
    settings.backup_dir.clone().filter(|path| !path.as_os_str().is_empty())
}

/// The data folder. It is made so that the server's own user can pass through it, and its contents are closed to others.
pub fn data_dir(settings: &Settings) -> Result<PathBuf, Error> {
    let path = match settings.data_dir.clone().filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => path,
        None => default_data_dir()?,
    };
    let failed = |source| Error::File { path: path.clone(), source };
    fs::DirBuilder::new().recursive(true).mode(0o711).create(&path).map_err(failed)?;
    path.canonicalize().map_err(failed)
}

/// Where backups go unless something else is said.
pub fn backups_in(settings: &Settings, data_dir: &Path) -> PathBuf {
    backup_dir(settings).unwrap_or_else(|| data_dir.join("backups"))
}

/// Where the keys are.
pub fn keys_file(settings: &Settings, data_dir: &Path) -> PathBuf {
    let given = settings.keys_file.clone().filter(|path| !path.as_os_str().is_empty());
    given.unwrap_or_else(|| data_dir.join("keys.json"))
}

fn default_data_dir() -> Result<PathBuf, Error> {
    if rustix::process::geteuid().is_root() {
        return Ok("/var/lib/hale".into());
    }
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .map(|base| base.join("hale"))
        .ok_or_else(|| Error::Other("no home folder to keep data in: set HALE_DATA_DIR".into()))
}

/// The keys in this file, made if there are none. Two servers that start at once end with the same ones.
fn keys(path: &Path) -> Result<Keys, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    if !path.exists() {
        // Written aside and linked, so that nobody reads half of it and the first one wins.
        let draft = path.with_extension(format!("{}.new", std::process::id()));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft).map_err(failed)?;
        file.write_all(Keys::generate(&SystemRandom).to_json().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft).map_err(failed)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
            _ => {}
        }
    }
    let json = fs::read_to_string(path).map_err(failed)?;
    Keys::from_json(&json).map_err(|reason| {
        Error::Other(format!("{} holds no usable keys: {reason}. Restore it, or move it away to sign everybody out", path.display()))
    })
}
