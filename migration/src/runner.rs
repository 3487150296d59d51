//! Applies and reverts migrations, one process at a time.

use std::time::{Duration, Instant};

use sea_orm::DbErr;
use sea_orm_migration::MigrationTrait;

use crate::error::{Error, message};
use crate::file::{self, Direction};
use crate::history::{compare, find, record, rows_for_writing};
use crate::session::{Session, statement};
use crate::sql::{SqlMigration, migrations};

/// Advisory locks are per database, so this one is held in the database that is migrated.
const LOCK: i64 = i64::from_be_bytes(*b"halemigr");

/// What `up` is about to do, or has just done, to one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The file's version.
    pub version: &'static str,
    /// The file's description.
    pub name: &'static str,
    /// Which of the pending files this is, from 1.
    pub number: usize,
    /// How many files were pending.
    pub total: usize,
    /// A newer file was applied before this one.
    pub out_of_order: bool,
    /// How long it took; `None` before it runs.
    pub took: Option<Duration>,
}

/// A file that was applied or reverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The file's version.
    pub version: &'static str,
    /// The file's description.
    pub name: &'static str,
    /// How long it took.
    pub took: Duration,
}

/// Applies every pending file in the order of their versions, and tells `progress` before and
/// after each one. Any number of processes may call this at once.
pub async fn up(owner_url: &str, progress: impl Fn(&Step)) -> Result<Vec<Applied>, Error> {
    apply(owner_url, |_| true, progress).await
}

/// The same with the files of these versions alone: the schema of a backup.
pub async fn up_to(owner_url: &str, versions: &[&str]) -> Result<Vec<Applied>, Error> {
    apply(owner_url, |version| versions.contains(&version), |_| {}).await
}

async fn apply(owner_url: &str, wanted: impl Fn(&str) -> bool, progress: impl Fn(&Step)) -> Result<Vec<Applied>, Error> {
    locked(owner_url, async |session| {
        let mut pending = compare(migrations(), &rows_for_writing(session).await?)?;
        pending.retain(|(migration, _)| wanted(migration.version()));
        let mut applied = Vec::with_capacity(pending.len());
        for (index, &(migration, out_of_order)) in pending.iter().enumerate() {
            let (version, name) = (migration.version(), migration.description());
            let mut step = Step { version, name, number: index + 1, total: pending.len(), out_of_order, took: None };
            if out_of_order {
                tracing::warn!(version, name, "applying a migration after a newer one");
            }
            progress(&step);
            let took = run(session, migration, Direction::Up).await?;
            tracing::info!(version, name, ?took, "migration applied");
            step.took = Some(took);
            progress(&step);
            applied.push(Applied { version, name, took });
        }
        Ok(applied)
    })
    .await
}

/// Reverts the newest applied files, as many as `steps`, or all when there are fewer.
pub async fn down(owner_url: &str, steps: usize) -> Result<Vec<Applied>, Error> {
    locked(owner_url, async |session| {
        let rows = rows_for_writing(session).await?;
        compare(migrations(), &rows)?;
        let mut reverted = Vec::new();
        for row in rows.iter().rev().take(steps) {
            let migration = find(&row.version)?;
            let (version, name) = (migration.version(), migration.description());
            let took = run(session, migration, Direction::Down).await?;
            tracing::info!(version, name, ?took, "migration reverted");
            reverted.push(Applied { version, name, took });
        }
        Ok(reverted)
    })
    .await
}

/// Records a version by hand without running its file, or accepts the present file of a version
/// that was applied with another text.
pub async fn mark(owner_url: &str, version: &str) -> Result<(), Error> {
    let migration = find(version)?;
    locked(owner_url, async |session| {
        rows_for_writing(session).await?;
        let transaction = session.begin().await?;
        let doing = || Error::doing(format!("record migration {version}"));
        record(&transaction, migration, Direction::Up).await.map_err(doing())?;
        transaction.commit().await.map_err(doing())?;
        tracing::info!(version, "migration recorded by hand");
        Ok(())
    })
    .await
}

async fn locked<T>(owner_url: &str, work: impl AsyncFnOnce(&Session) -> Result<T, Error>) -> Result<T, Error> {
    let session = Session::open(owner_url, None).await?;
    let result = async {
        session.lock(LOCK).await?;
        work(&session).await
    }
    .await;
    session.close().await;
    result
}

/// Runs one file together with its row.
async fn run(session: &Session, migration: &SqlMigration, direction: Direction) -> Result<Duration, Error> {
    let start = Instant::now();
    if migration.is_no_transaction(direction) {
        run_alone(session, migration, direction).await?;
    } else {
        run_in_transaction(session, migration, direction).await?;
    }
    let took = start.elapsed();
    session.reset().await?;
    Ok(took)
}

async fn run_in_transaction(session: &Session, migration: &SqlMigration, direction: Direction) -> Result<(), Error> {
    let (version, name) = (migration.version(), migration.description());
    let failed = |error: DbErr| Error::Failed { version, name, message: message(&error, Some(migration.text(direction))) };
    let transaction = session.begin().await?;
    let result = async {
        let manager = transaction.manager();
        match direction {
            Direction::Up => migration.up(&manager).await,
            Direction::Down => migration.down(&manager).await,
        }
        .map_err(failed)?;
        if !transaction.is_intact().await.map_err(failed)? {
            return Err(Error::EndedTransaction { version, name });
        }
        record(&transaction, migration, direction).await.map_err(failed)
    }
    .await;
    match result {
        Ok(()) => transaction.commit().await.map_err(failed),
        Err(error) => {
            transaction.rollback().await;
            Err(error)
        }
    }
}

async fn run_alone(session: &Session, migration: &SqlMigration, direction: Direction) -> Result<(), Error> {
    let failed = |error: DbErr| Error::FailedHalfway {
        version: migration.version(),
        name: migration.description(),
        message: message(&error, Some(migration.text(direction))),
    };
    drop_invalid_index(session, migration.text(direction)).await?;
    session.check_lock().await?;
    let manager = session.manager();
    match direction {
        Direction::Up => migration.up(&manager).await,
        Direction::Down => migration.down(&manager).await,
    }
    .map_err(failed)?;
    session.reset().await?;
    let transaction = session.begin().await?;
    record(&transaction, migration, direction).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

/// A CREATE INDEX CONCURRENTLY that failed leaves an INVALID index, which IF NOT EXISTS would
/// then take for the real one.
async fn drop_invalid_index(session: &Session, sql: &str) -> Result<(), Error> {
    let Some(index) = file::concurrent_index(sql) else {
        return Ok(());
    };
    let doing = || Error::doing(format!("drop the invalid index {index}"));
    let find = statement(
        "SELECT format('%I.%I', n.nspname, c.relname) AS name
        FROM pg_catalog.pg_index i
        JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT i.indisvalid AND c.relname = $1 AND n.nspname !~ '^pg_'",
        [index.as_str().into()],
    );
    for row in session.query(find).await.map_err(doing())? {
        let name: String = row.try_get("", "name").map_err(doing())?;
        tracing::warn!(index = name, "dropping the index that a failed run left");
        session.execute(&format!("DROP INDEX CONCURRENTLY {name}")).await.map_err(doing())?;
    }
    Ok(())
}
