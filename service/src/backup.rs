//! Backups: everything that the database holds, as one snapshot saw it, in one file.
//!
//! Which tables there are is asked of PostgreSQL, so that a new one cannot be forgotten. The rows of all of them are read in one
//! REPEATABLE READ transaction, while others go on writing, and what is written beside them says how many they were and what they add
//! up to. Keys are in no backup, only their names.

mod archive;
mod encryption;
mod folder;
mod retention;
mod schedule;
mod tables;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, QueryResult, Statement};
use tokio::{sync::mpsc, task::spawn_blocking};

pub(crate) use self::tables::{SETTINGS, identifier, qualified, with_columns};
pub use self::{
    archive::{Contents, FORMAT, Head, Manifest, Migration, Rows, Sequence, Table},
    encryption::{Lock, Unlock},
    folder::{Found, list},
    retention::Retention,
    schedule::Schedule,
};
use self::{
    archive::{PART, Writer},
    folder::Draft,
    tables::{Stored, head, sequences, tables},
};
use crate::access::{Database, Maintenance, Tx, query_error};

/// Why there is no backup, or why one is refused. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Reading or writing failed.
    #[error("cannot read or write the backup: {0}")]
    Io(#[from] io::Error),
    /// It is not what was written.
    #[error("this backup is damaged: {0}. Nothing was changed; use another one")]
    Damaged(String),
    /// It is something else.
    #[error("this is no backup of Hale's. Nothing was changed")]
    Foreign,
    /// A later Hale wrote it.
    #[error("this backup is of format {0}, and this Hale reads up to format {FORMAT}: update hale. Nothing was changed")]
    NewerFormat(u32),
    /// It is encrypted, and no key was given.
    #[error("this backup is encrypted: give --identity or --passphrase-file")]
    Encrypted,
    /// It is encrypted for somebody else.
    #[error(
        "this backup is encrypted, and not with this key: give the identity of one of its recipients, or its passphrase. Nothing was changed"
    )]
    WrongKey,
    /// A key cannot be used.
    #[error("{0}")]
    Key(String),
    /// Something stands in the way.
    #[error("{0}")]
    Refused(String),
    /// What PostgreSQL says.
    #[error("{0}")]
    Database(String),
}

impl Error {
    fn damaged(reason: impl Into<String>) -> Self {
        Self::Damaged(reason.into())
    }

    fn file(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { path: path.clone(), source }
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::Database(error.to_string())
    }
}

impl From<crate::error::Error> for Error {
    fn from(error: crate::error::Error) -> Self {
        Self::Database(match error {
            crate::error::Error::Internal(source) | crate::error::Error::Unavailable { source, .. } => source.to_string(),
            error => error.to_string(),
        })
    }
}

/// A backup to make.
pub struct Request<'a> {
    /// The folder it goes to; made if there is none.
    pub folder: &'a Path,
    /// What to encrypt it with, if at all.
    pub lock: Option<Lock>,
    /// The names of the keys that sign and seal.
    pub keys: Vec<String>,
    /// What is told how far it is: so much of so much.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// A backup that was made.
pub struct Made {
    /// The file.
    pub path: PathBuf,
    /// How large it is.
    pub bytes: u64,
    /// How many rows it holds.
    pub rows: u64,
    /// When it was begun.
    pub began_at: DateTime<Utc>,
    /// How long it took.
    pub took: TimeDelta,
}

/// How often a name is tried that another backup has.
const ATTEMPTS: u32 = 5;

/// Makes a backup, and notes that it was made, or that it failed.
pub async fn back_up(maintenance: &Maintenance, request: Request<'_>) -> Result<Made, Error> {
    let made = make(maintenance, request).await;
    let noted = async {
        let tx = maintenance.begin().await?;
        note(&tx, Kind::Manual, &made).await?;
        Ok::<_, Error>(tx.commit().await?)
    };
    // The file is there, or why it is not is known: that counts more than the note.
    if let Err(error) = noted.await {
        tracing::warn!(%error, "it could not be noted what became of the backup");
    }
    made
}

/// When a scheduled backup is made.
pub struct Due {
    /// The last moment for which one is scheduled.
    pub since: DateTime<Utc>,
    /// How long to wait after one that failed.
    pub again_after: TimeDelta,
}

/// Makes the scheduled backup if it is due and nobody else makes it, and then removes those from its folder that are no longer kept.
/// Answers what was made.
pub async fn back_up_if_due(maintenance: &Maintenance, due: Due, keep: Retention, request: Request<'_>) -> Result<Option<Made>, Error> {
    // Whoever holds the lock until it commits is the one: the others then see what it noted.
    let tx = maintenance.begin().await?;
    tx.execute_unprepared("SET LOCAL idle_in_transaction_session_timeout = 0").await?;
    let mine: bool = row(&tx, "SELECT pg_try_advisory_xact_lock(hashtextextended('hale backup', 0))").await?.try_get_by_index(0)?;
    if !mine || !is_due(&tx, &due).await? {
        return Ok(None);
    }
    let folder = request.folder;
    let made = make(maintenance, request).await;
    note(&tx, Kind::Scheduled, &made).await?;
    tx.commit().await?;
    let made = made?;
    if let Err(error) = remove_expired(folder, keep) {
        tracing::error!(%error, "backups that are no longer kept could not be removed");
    }
    Ok(Some(made))
}

async fn is_due(tx: &Tx, due: &Due) -> Result<bool, Error> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT NOT EXISTS (SELECT FROM backups WHERE kind = 'scheduled' AND (error IS NULL AND began_at >= $1 OR error IS NOT NULL AND ended_at > $2))",
        [due.since.into(), (tx.now() - due.again_after).into()],
    );
    let row = tx.query_one_raw(statement).await?.ok_or_else(|| crate::error::Error::internal("a query without an answer"))?;
    Ok(row.try_get_by_index(0)?)
}

/// Removes the backups from a folder that are no longer kept.
fn remove_expired(folder: &Path, keep: Retention) -> Result<(), Error> {
    let backups = list(folder)?;
    let expired = keep.expired(&backups.iter().map(|backup| backup.at).collect::<Vec<_>>());
    for backup in backups.iter().filter(|backup| expired.contains(&backup.at)) {
        tracing::info!(file = %backup.path.display(), "removing a backup that is no longer kept");
        std::fs::remove_file(&backup.path).map_err(Error::file(&backup.path))?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Kind {
    Manual,
    Scheduled,
}

/// Notes what became of a backup. A database of before there were notes holds none.
async fn note(tx: &Tx, kind: Kind, made: &Result<Made, Error>) -> Result<(), Error> {
    if row(tx, "SELECT to_regclass('public.backups') IS NULL").await?.try_get_by_index(0)? {
        return Ok(());
    }
    let now = tx.now();
    let (began_at, file, bytes, rows, error) = match made {
        Ok(made) => {
            let file = made.path.file_name().map(|name| name.to_string_lossy().into_owned());
            (made.began_at, file, i64::try_from(made.bytes).ok(), i64::try_from(made.rows).ok(), None)
        }
        Err(error) => (now, None, None, None, Some(error.to_string().chars().take(500).collect::<String>())),
    };
    let kind = match kind {
        Kind::Manual => "manual",
        Kind::Scheduled => "scheduled",
    };
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "WITH forgotten AS (DELETE FROM backups WHERE ended_at < $3::timestamptz - interval '400 days')
         INSERT INTO backups (id, kind, began_at, ended_at, file, bytes, row_count, error) VALUES ($1, $2, $4, $3, $5, $6, $7, $8)",
        [tx.new_id().into(), kind.into(), now.into(), began_at.into(), file.into(), bytes.into(), rows.into(), error.into()],
    );
    tx.execute_raw(statement).await?;
    Ok(())
}

/// How backups went, as far as this database knows.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Last {
    /// When the last one that succeeded was begun.
    pub succeeded_at: Option<DateTime<Utc>>,
    /// How many seconds it took.
    pub seconds: Option<f64>,
    /// How large it is.
    pub bytes: Option<i64>,
    /// When the last one failed, if that was later.
    pub failed_at: Option<DateTime<Utc>>,
}

/// How the last backups went.
pub async fn last(database: &Database) -> crate::error::Result<Last> {
    let tx = database.without_viewer().await?;
    let statement = Statement::from_string(DbBackend::Postgres, "SELECT succeeded_at, seconds, bytes, failed_at FROM auth.last_backup()");
    Last::find_by_statement(statement).one(&tx).await?.ok_or_else(|| crate::error::Error::internal("a function without an answer"))
}

async fn make(maintenance: &Maintenance, request: Request<'_>) -> Result<Made, Error> {
    let tx = maintenance.snapshot().await?;
    let began_at = tx.now();
    let tables = tables(&tx).await?;
    let head = head(&tx, request.keys).await?;
    let draft = begin(request.folder, &tx, request.lock.is_some()).await?;
    let file = draft.file()?;
    let lock = request.lock;
    let mut writer = spawn_blocking(move || Writer::begin(file, &head, lock.as_ref())).await.map_err(stopped)??;
    let total: u64 = tables.iter().map(|table| table.size).sum();
    let mut done = 0;
    let mut manifest = Manifest { tables: Vec::with_capacity(tables.len()), sequences: sequences(&tx).await? };
    for stored in tables {
        let size = stored.size;
        let table;
        (writer, table) = copy_table(&tx, writer, stored, |copied| (request.progress)(done + copied.min(size), total)).await?;
        manifest.tables.push(table);
        done += size;
    }
    let (manifest, _, bytes) = spawn_blocking(move || {
        let (file, bytes) = writer.finish(&manifest)?;
        Ok::<_, Error>((manifest, file, bytes))
    })
    .await
    .map_err(stopped)??;
    let path = draft.publish()?;
    let rows = manifest.tables.iter().map(|table| table.rows).sum();
    Ok(Made { path, bytes, rows, began_at, took: tx.now() - began_at })
}

/// A file of this second, or of one of the next.
async fn begin(folder: &Path, tx: &Tx, encrypted: bool) -> Result<Draft, Error> {
    for _ in 0..ATTEMPTS {
        match Draft::begin(folder, tx.now(), encrypted)? {
            Some(draft) => return Ok(draft),
            None => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
    Err(Error::Refused(format!("others are making backups in {}: try again", folder.display())))
}

/// Writes the rows of a table; answers what they were.
async fn copy_table(tx: &Tx, mut writer: Writer, stored: Stored, progress: impl Fn(u64)) -> Result<(Writer, Table), Error> {
    let mut rows = Rows::default();
    let mut part = Vec::new();
    let mut copied = 0;
    let mut connection = tx.connection().await?;
    let copy = format!("COPY {} TO STDOUT", with_columns(&stored.schema, &stored.name, &stored.columns));
    let mut lines = connection.copy_out_raw(&copy).await.map_err(query_error)?;
    while let Some(line) = lines.try_next().await.map_err(query_error)? {
        rows.add(&line);
        copied += line.len() as u64;
        part.extend_from_slice(&line);
        if part.len() >= PART {
            writer = write_part(writer, &stored, std::mem::take(&mut part)).await?;
            progress(copied);
        }
    }
    drop(lines);
    drop(connection);
    if !part.is_empty() {
        writer = write_part(writer, &stored, part).await?;
    }
    progress(u64::MAX);
    let Stored { schema, name, columns, .. } = stored;
    Ok((writer, Table { schema, name, columns, rows: rows.count(), hash: rows.hash() }))
}

async fn write_part(mut writer: Writer, table: &Stored, rows: Vec<u8>) -> Result<Writer, Error> {
    let (schema, name) = (table.schema.clone(), table.name.clone());
    // Compression would hold up what else runs on this thread.
    spawn_blocking(move || {
        writer.part(&schema, &name, &rows)?;
        Ok(writer)
    })
    .await
    .map_err(stopped)?
}

fn stopped(error: tokio::task::JoinError) -> Error {
    Error::Io(io::Error::other(error))
}

async fn row(tx: &Tx, sql: &str) -> Result<QueryResult, Error> {
    let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.ok_or_else(|| crate::error::Error::internal("a query without an answer").into())
}

/// A backup that was read from its beginning to its end, and is right.
pub struct Verified {
    /// What it holds.
    pub contents: Contents,
    /// How large the file is.
    pub bytes: u64,
    file: File,
    unlock: Option<Arc<Unlock>>,
}

/// Reads a whole backup and checks everything about it. `progress` is told how many bytes of how many were read.
pub async fn verify(path: &Path, unlock: Option<Unlock>, progress: impl Fn(u64, u64) + Send + 'static) -> Result<Verified, Error> {
    let mut file = File::open(path).map_err(Error::file(path))?;
    let bytes = file.metadata().map_err(Error::file(path))?.len();
    let unlock = unlock.map(Arc::new);
    spawn_blocking(move || {
        let contents = archive::read(&mut file, unlock.as_deref(), move |read| progress(read, bytes), |_, _| Ok(()))?;
        Ok(Verified { contents, bytes, file, unlock })
    })
    .await
    .map_err(stopped)?
}

/// The rows of a backup, part by part.
pub(crate) struct Parts(mpsc::Receiver<Result<(String, Vec<u8>), Error>>);

impl Verified {
    /// Reads the rows, once more checking everything: the file may have changed since.
    pub(crate) fn parts(&self) -> Result<Parts, Error> {
        let (mut file, unlock) = (self.file.try_clone()?, self.unlock.clone());
        let (sender, receiver) = mpsc::channel(4);
        spawn_blocking(move || {
            let read = archive::read(
                &mut file,
                unlock.as_deref(),
                |_| {},
                |folder, rows| {
                    let nobody = |_| Error::Refused("nobody reads on".to_owned());
                    sender.blocking_send(Ok((folder.to_owned(), rows))).map_err(nobody)
                },
            );
            if let Err(error) = read {
                drop(sender.blocking_send(Err(error)));
            }
        });
        Ok(Parts(receiver))
    }
}

impl Parts {
    /// The next rows, with the table that they are of; `None` once all came and the file was right.
    pub(crate) async fn next(&mut self) -> Result<Option<(String, Vec<u8>)>, Error> {
        self.0.recv().await.transpose()
    }
}
