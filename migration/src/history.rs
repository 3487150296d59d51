//! The table `migrations`: what has been applied, compared with the files of this binary.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, QueryResult};

use crate::error::Error;
use crate::file::Direction;
use crate::session::{self, Session, Transaction, statement};
use crate::sql::{SqlMigration, migrations};

const CREATE_TABLE: &str = "CREATE TABLE public.migrations (
    version text PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now(),
    name text NOT NULL,
    checksum text NOT NULL
)";

const TABLE_EXISTS: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables
    WHERE schemaname = 'public' AND tablename = 'migrations') AS found";

const READ_TABLE: &str = "SELECT version, applied_at, name, checksum FROM public.migrations ORDER BY version";

/// hale_app compares at start-up. A role made after the table gets its right here too.
const GRANT_READ: &str = "DO $hale$ BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'hale_app'
        AND NOT has_table_privilege(oid, 'public.migrations', 'SELECT'))
    THEN GRANT SELECT ON public.migrations TO hale_app; END IF;
END $hale$";

/// A file that waits to be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The file's version.
    pub version: &'static str,
    /// The file's description.
    pub name: &'static str,
    /// A newer file is applied already.
    pub out_of_order: bool,
}

/// How a version stands in the database and in this binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The version.
    pub version: String,
    /// Its description.
    pub name: String,
    /// When it was applied; `None` while it is pending.
    pub applied_at: Option<DateTime<Utc>>,
    /// Whether the file is the one that was applied; `None` while it is pending, and for an
    /// applied version that this binary does not know.
    pub checksum_matches: Option<bool>,
}

/// A row of the table.
pub(crate) struct Row {
    pub version: String,
    applied_at: DateTime<Utc>,
    name: String,
    checksum: String,
}

/// How every version stands, of the files and of the table, in order. Only reads.
pub async fn status(url: &str) -> Result<Vec<Status>, Error> {
    let mut all: BTreeMap<String, Status> = BTreeMap::new();
    for migration in migrations() {
        all.insert(
            migration.version().to_owned(),
            Status {
                version: migration.version().to_owned(),
                name: migration.description().to_owned(),
                applied_at: None,
                checksum_matches: None,
            },
        );
    }
    for row in session::read(url, rows).await? {
        let known = find(&row.version).ok();
        let status = Status {
            applied_at: Some(row.applied_at),
            checksum_matches: known.map(|migration| migration.checksum() == row.checksum),
            name: row.name,
            version: row.version.clone(),
        };
        all.insert(row.version, status);
    }
    Ok(all.into_values().collect())
}

/// The files that wait to be applied, in order. Only reads, and works as hale_app; a changed file
/// or a newer schema is an error.
pub async fn pending(url: &str) -> Result<Vec<Pending>, Error> {
    let rows = session::read(url, rows).await?;
    let pending = compare(migrations(), &rows)?;
    Ok(pending
        .into_iter()
        .map(|(migration, out_of_order)| Pending { version: migration.version(), name: migration.description(), out_of_order })
        .collect())
}

/// An error unless the table holds exactly this binary's files. Only reads, and works as hale_app.
pub async fn verify(url: &str) -> Result<(), Error> {
    let pending = pending(url).await?;
    match pending.first() {
        None => Ok(()),
        Some(first) => Err(Error::Pending { count: pending.len(), first: first.version }),
    }
}

pub(crate) fn find(version: &str) -> Result<&'static SqlMigration, Error> {
    migrations().iter().find(|migration| migration.version() == version).ok_or_else(|| Error::UnknownVersion(version.to_owned()))
}

/// The files without a row, each with whether a newer one has its row already. A row without a
/// file, or with another text than its file, is an error.
pub(crate) fn compare<'a>(files: &'a [SqlMigration], rows: &[Row]) -> Result<Vec<(&'a SqlMigration, bool)>, Error> {
    for row in rows {
        let (version, name) = (row.version.clone(), row.name.clone());
        match files.iter().find(|file| file.version() == row.version) {
            None => return Err(Error::NewerSchema { version, name }),
            Some(file) if file.checksum() != row.checksum => {
                return Err(Error::Drift { version, name });
            }
            Some(_) => {}
        }
    }
    let newest = rows.iter().map(|row| row.version.as_str()).max();
    Ok(files
        .iter()
        .filter(|file| rows.iter().all(|row| row.version != file.version()))
        .map(|file| (file, newest.is_some_and(|newest| newest > file.version())))
        .collect())
}

/// Makes the table where it is missing, and reads it.
pub(crate) async fn rows_for_writing(session: &Session) -> Result<Vec<Row>, Error> {
    let doing = || Error::doing("make the table migrations as the schema's owner");
    let found = session.query(statement(TABLE_EXISTS, [])).await.map_err(doing())?;
    if !is_found(&found).map_err(doing())? {
        // Together, or whoever is killed between them leaves a table that hale_app cannot read.
        session.execute(&format!("{CREATE_TABLE}; {GRANT_READ}")).await.map_err(doing())?;
    }
    session.execute(GRANT_READ).await.map_err(doing())?;
    session.query(statement(READ_TABLE, [])).await.and_then(parse).map_err(Error::doing("read the table migrations"))
}

async fn rows(transaction: &DatabaseTransaction) -> Result<Vec<Row>, DbErr> {
    let found = transaction.query_all_raw(statement(TABLE_EXISTS, [])).await?;
    if !is_found(&found)? {
        return Ok(Vec::new());
    }
    parse(transaction.query_all_raw(statement(READ_TABLE, [])).await?)
}

fn is_found(rows: &[QueryResult]) -> Result<bool, DbErr> {
    rows.iter().try_fold(false, |_, row| row.try_get("", "found"))
}

fn parse(rows: Vec<QueryResult>) -> Result<Vec<Row>, DbErr> {
    rows.iter()
        .map(|row| {
            Ok(Row {
                version: row.try_get("", "version")?,
                applied_at: row.try_get("", "applied_at")?,
                name: row.try_get("", "name")?,
                checksum: row.try_get("", "checksum")?,
            })
        })
        .collect()
}

pub(crate) async fn record(transaction: &Transaction, migration: &SqlMigration, direction: Direction) -> Result<(), DbErr> {
    let version = migration.version().into();
    let statement = match direction {
        // On conflict only when marked by hand, which accepts another text.
        Direction::Up => statement(
            "INSERT INTO public.migrations (version, name, checksum) VALUES ($1, $2, $3)
            ON CONFLICT (version) DO UPDATE SET name = excluded.name, checksum = excluded.checksum",
            [version, migration.description().into(), migration.checksum().into()],
        ),
        Direction::Down => statement("DELETE FROM public.migrations WHERE version = $1", [version]),
    };
    transaction.execute(statement).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: &[SqlMigration] = &[
        SqlMigration::new("2025_01_01_00_00_one", "1", ""),
        SqlMigration::new("2025_01_02_00_00_two", "2", ""),
        SqlMigration::new("2025_01_03_00_00_three", "3", ""),
    ];

    fn row(file: &SqlMigration) -> Row {
        Row {
            version: file.version().to_owned(),
            applied_at: DateTime::UNIX_EPOCH,
            name: file.description().to_owned(),
            checksum: file.checksum(),
        }
    }

    #[test]
    fn an_empty_table_leaves_all_pending() {
        let pending = compare(FILES, &[]).unwrap();
        assert_eq!(pending.len(), 3);
        assert!(pending.iter().all(|&(_, out_of_order)| !out_of_order));
    }

    #[test]
    fn a_gap_is_pending_and_out_of_order() {
        let pending = compare(FILES, &[row(&FILES[1])]).unwrap();
        let found: Vec<_> = pending.iter().map(|&(file, out_of_order)| (file.description(), out_of_order)).collect();
        assert_eq!(found, [("one", true), ("three", false)]);
    }

    #[test]
    fn a_changed_file_and_an_unknown_version_are_refused() {
        let mut changed = row(&FILES[0]);
        changed.checksum = "other".to_owned();
        assert!(matches!(compare(FILES, &[changed]), Err(Error::Drift { .. })));
        let mut unknown = row(&FILES[2]);
        unknown.version = "2026_01_01_00_00".to_owned();
        assert!(matches!(compare(FILES, &[unknown]), Err(Error::NewerSchema { .. })));
    }
}
