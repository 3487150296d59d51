//! Restoring a backup: into a new database beside the one that is served, which takes its place in one step, once it is complete.
//!
//! Everything that can fail happens to the new database. The step is one transaction of PostgreSQL's that renames both, so that
//! whatever is killed, and when, the name leads to one or the other. What was served before is kept under another name.

use std::{collections::HashSet, str::FromStr, time::Duration};

use chrono::{DateTime, NaiveDateTime, Utc};
use futures_util::TryStreamExt;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Instant, sleep};

use crate::{
    access::{Maintenance, Tx, query_error},
    backup::{Error, Rows, SETTINGS, Table, Verified, identifier, qualified, with_columns},
    sync,
};

/// Databases are renamed from another one, which every server has.
const ELSEWHERE: &str = "postgres";
/// What a database is called while it is being filled, and what the one of before is called, after the name of the one that is served.
const FILLING: &str = "_restoring_";
const BEFORE: &str = "_before_";
const STAMP: &str = "%Y_%m_%d_%H_%M_%S";

/// PostgreSQL cuts names off after 63 bytes.
const LONGEST_NAME: usize = 63 - FILLING.len() - "2026_11_27_16_00_00".len();

/// How long to wait for a restore that was killed to be over for PostgreSQL too.
const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(50);
/// How often the renaming is tried, each time for the five seconds that PostgreSQL waits for a database to be left.
const ATTEMPTS: u32 = 3;

/// The server, for as long as a restore goes on: there is one restore at a time.
pub struct Restore {
    session: PgConnection,
    options: PgConnectOptions,
    /// The database that is served.
    live: String,
}

impl Restore {
    /// Waits for its turn, and removes what killed restores left.
    ///
    /// # Errors
    /// If another restore goes on, or `owner_url` is not that of hale_owner.
    pub async fn begin(owner_url: &str) -> Result<Self, Error> {
        let options = PgConnectOptions::from_str(owner_url)
            .map_err(|_| Error::Refused("DATABASE_OWNER_URL is not a PostgreSQL URL".to_owned()))?
            .application_name("hale restore")
            .statement_cache_capacity(0);
        let options = ConnectOptions::disable_statement_logging(options);
        let live = options.get_database().unwrap_or(options.get_username()).to_owned();
        if live.len() > LONGEST_NAME {
            return Err(Error::Refused(format!(
                "a restore needs room behind the name {live:?}: rename the database, to {LONGEST_NAME} bytes at most"
            )));
        }
        let session = connect(&options).await?;
        let mut restore = Self { session, options, live };
        restore.lock().await?;
        for left in restore.databases(FILLING).await? {
            tracing::info!(database = left, "removing what an interrupted restore left");
            restore.remove(&left).await?;
        }
        Ok(restore)
    }

    async fn lock(&mut self) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            let lock = sqlx::query_scalar("SELECT pg_try_advisory_lock(hashtextextended('hale restore ' || $1, 0))").bind(&self.live);
            if lock.fetch_one(&mut self.session).await.map_err(query_error)? {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(Error::Refused("another restore is going on: wait for it to end".to_owned()));
            }
            sleep(POLL).await;
        }
    }

    /// The name of the database that is served.
    pub fn live(&self) -> &str {
        &self.live
    }

    /// Makes the database to restore into, with the locale of the one that is served. It is empty, and called otherwise.
    pub async fn create(&mut self, now: DateTime<Utc>) -> Result<String, Error> {
        let name = self.name(FILLING, now);
        let locale: Option<String> = sqlx::query_scalar(
            // PostgreSQL 17 renamed a column and brought a provider of its own.
            "SELECT format('LC_COLLATE %L LC_CTYPE %L LOCALE_PROVIDER ', datcollate, datctype) || CASE datlocprovider
               WHEN 'i' THEN format('icu ICU_LOCALE %L', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'))
               WHEN 'b' THEN format('builtin BUILTIN_LOCALE %L', to_jsonb(d) ->> 'datlocale') ELSE 'libc' END
             FROM pg_database d WHERE datname = $1",
        )
        .bind(&self.live)
        .fetch_optional(&mut self.session)
        .await
        .map_err(query_error)?;
        let locale =
            locale.ok_or_else(|| Error::Refused(format!("there is no database {}: make it with `hale migrate bootstrap`", self.live)))?;
        let create = format!("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' {locale}", identifier(&name));
        self.execute(&create).await?;
        Ok(name)
    }

    /// Gives the database that was filled the name of the one that is served, which is kept under another name: that is the answer.
    /// Whoever is connected to it is disconnected.
    pub async fn swap(&mut self, filled: &str, now: DateTime<Utc>) -> Result<String, Error> {
        let before = self.name(BEFORE, now);
        let mut other = connect(&self.options).await?;
        for attempt in 1.. {
            // The first renaming keeps newcomers waiting until the transaction ends, and waits itself until nobody is left.
            let rename = async {
                let (live, before) = (identifier(&self.live), identifier(&before));
                let batch = format!(
                    "BEGIN; ALTER DATABASE {live} RENAME TO {before}; ALTER DATABASE {} RENAME TO {live}; COMMIT",
                    identifier(filled)
                );
                self.session.execute(AssertSqlSafe(batch)).await
            };
            let renamed = tokio::select! {
                renamed = rename => renamed,
                error = disconnect(&mut other, &self.live) => return Err(error),
            };
            match renamed {
                Ok(_) => break,
                Err(error) => {
                    self.execute("ROLLBACK").await?;
                    let in_use = error.as_database_error().and_then(|error| error.code()).is_some_and(|code| code == "55006");
                    let others = self.strangers().await?;
                    if in_use && !others.is_empty() {
                        return Err(Error::Refused(format!(
                            "others use the database {}, and only an administrator can end that: {others}. Nothing was changed; end them and try again",
                            self.live
                        )));
                    }
                    if !in_use || attempt == ATTEMPTS {
                        return Err(query_error(error).into());
                    }
                }
            }
        }
        drop(other.close().await);
        Ok(before)
    }

    /// Who is connected to the database that is served, and cannot be disconnected.
    async fn strangers(&mut self) -> Result<String, Error> {
        let sessions = "SELECT coalesce(string_agg(format('process %s of %s (%s)', pid, usename, application_name), ', ' ORDER BY pid), '')
            FROM pg_stat_activity WHERE datname = $1 AND NOT pg_has_role(usesysid, 'USAGE')";
        Ok(sqlx::query_scalar(sessions).bind(&self.live).fetch_one(&mut self.session).await.map_err(query_error)?)
    }

    /// The databases that earlier restores kept, the oldest first.
    pub async fn kept(&mut self) -> Result<Vec<String>, Error> {
        self.databases(BEFORE).await
    }

    /// Removes a database with everything in it.
    pub async fn remove(&mut self, database: &str) -> Result<(), Error> {
        self.execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", identifier(database))).await
    }

    /// Ends it.
    pub async fn end(self) {
        drop(self.session.close().await);
    }

    /// Databases of ours that are called like the one that is served, with this and a time behind it.
    async fn databases(&mut self, infix: &str) -> Result<Vec<String>, Error> {
        let prefix = format!("{}{infix}", self.live);
        let mut found: Vec<String> = sqlx::query_scalar(
            "SELECT datname::text FROM pg_database WHERE starts_with(datname, $1) AND datdba = current_user::regrole ORDER BY datname",
        )
        .bind(&prefix)
        .fetch_all(&mut self.session)
        .await
        .map_err(query_error)?;
        found.retain(|name| NaiveDateTime::parse_from_str(&name[prefix.len()..], STAMP).is_ok());
        Ok(found)
    }

    fn name(&self, infix: &str, now: DateTime<Utc>) -> String {
        format!("{}{infix}{}", self.live, now.format(STAMP))
    }

    async fn execute(&mut self, sql: &str) -> Result<(), Error> {
        self.session.execute(AssertSqlSafe(sql.to_owned())).await.map_err(query_error)?;
        Ok(())
    }
}

async fn connect(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    let mut session = options.clone().database(ELSEWHERE).connect().await.map_err(|error| {
        Error::Refused(format!("cannot connect to the database {ELSEWHERE} as hale_owner, from where databases are renamed: {error}"))
    })?;
    let settings = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0";
    session.execute(settings).await.map_err(query_error)?;
    Ok(session)
}

/// Ends the sessions that can be ended, again and again; comes back only when that fails.
async fn disconnect(session: &mut PgConnection, database: &str) -> Error {
    loop {
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = $1 AND pg_has_role(usesysid, 'USAGE') AND pid <> pg_backend_pid()";
        if let Err(error) = sqlx::query(end).bind(database).execute(&mut *session).await {
            return query_error(error).into();
        }
        sleep(POLL).await;
    }
}

/// Fills a migrated database with the rows of a backup, in place of those that it holds, and makes sure that they are the same. All in
/// one transaction.
///
/// Triggers do not fire, for what they would write is among the rows. Foreign keys are taken off, so that no order of the tables is
/// right or wrong, and put back, when PostgreSQL checks every row; neither needs more than the owner's rights.
///
/// Answers the tables of the backup that are not Hale's, whose rows stay in the file: somebody made them beside it.
pub async fn load(maintenance: &Maintenance, backup: &Verified, progress: impl Fn(u64, u64) + Sync) -> Result<Vec<String>, Error> {
    let manifest = &backup.contents.manifest;
    let total = 2 * backup.contents.rows();
    let mut done = 0;
    let tx = maintenance.begin().await?;
    tx.execute_unprepared(SETTINGS).await?;
    let (take_off, put_back) = constraints_and_triggers(&tx).await?;
    run(&tx, &take_off).await?;
    let (ours, others) = by_owner(&tx, &manifest.tables).await?;
    let names = ours.iter().map(|table| qualified(&table.schema, &table.name)).collect::<Vec<_>>().join(", ");
    tx.execute_unprepared(&format!("TRUNCATE {names}")).await?;

    let mut parts = backup.parts()?;
    let mut next = parts.next().await?;
    for table in &manifest.tables {
        if others.contains(&table) {
            while next.take_if(|(folder, _)| *folder == table.folder()).is_some() {
                next = parts.next().await?;
            }
        }
        if next.as_ref().is_none_or(|(folder, _)| *folder != table.folder()) {
            continue;
        }
        let mut connection = tx.connection().await?;
        let copy = format!("COPY {} FROM STDIN", with_columns(&table.schema, &table.name, &table.columns));
        let mut rows = connection.copy_in_raw(&copy).await.map_err(query_error)?;
        while let Some((_, bytes)) = next.take_if(|(folder, _)| *folder == table.folder()) {
            rows.send(bytes).await.map_err(query_error)?;
            next = match parts.next().await {
                Ok(next) => next,
                Err(error) => {
                    drop(rows.abort("the backup cannot be read").await);
                    return Err(error);
                }
            };
        }
        done += rows.finish().await.map_err(query_error)?;
        progress(done, total);
    }
    for sequence in &manifest.sequences {
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT setval(to_regclass($1), $2, $3)",
            [qualified(&sequence.schema, &sequence.name).into(), sequence.last_value.into(), sequence.is_called.into()],
        );
        tx.execute_raw(statement).await?;
    }
    for table in ours {
        compare(&tx, table).await?;
        done += table.rows;
        progress(done, total);
    }
    run(&tx, &put_back).await?;
    tx.execute_unprepared(&format!("ANALYZE {names}")).await?;
    tx.commit().await?;
    Ok(others.iter().map(|table| format!("{}.{}", table.schema, table.name)).collect())
}

/// The tables that the schema has, and those that it does not.
async fn by_owner<'a>(tx: &Tx, tables: &'a [Table]) -> Result<(Vec<&'a Table>, Vec<&'a Table>), Error> {
    let there = "SELECT format('%s.%s', schemaname, tablename) FROM pg_tables";
    let there = tx.query_all_raw(Statement::from_string(DbBackend::Postgres, there)).await?;
    let there = there.iter().map(|row| row.try_get_by_index(0)).collect::<Result<HashSet<String>, _>>()?;
    Ok(tables.iter().partition(|table| there.contains(&format!("{}.{}", table.schema, table.name))))
}

/// Whether the table holds the rows of the backup.
async fn compare(tx: &Tx, table: &Table) -> Result<(), Error> {
    let mut connection = tx.connection().await?;
    let copy = format!("COPY {} TO STDOUT", with_columns(&table.schema, &table.name, &table.columns));
    let mut lines = connection.copy_out_raw(&copy).await.map_err(query_error)?;
    let mut rows = Rows::default();
    while let Some(line) = lines.try_next().await.map_err(query_error)? {
        rows.add(&line);
    }
    if (rows.count(), rows.hash()) == (table.rows, table.hash.clone()) {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "the rows of {}.{} are others than the backup holds ({} of {}). Nothing was changed",
        table.schema,
        table.name,
        rows.count(),
        table.rows
    )))
}

/// The statements that take foreign keys off and keep triggers from firing, and those that undo it.
async fn constraints_and_triggers(tx: &Tx) -> Result<(Vec<String>, Vec<String>), Error> {
    let both = Statement::from_string(
        DbBackend::Postgres,
        "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
           format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
         FROM pg_constraint WHERE contype = 'f' AND conparentid = 0
         UNION ALL SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', tgrelid::regclass, tgname),
           format('ALTER TABLE %s ENABLE %s TRIGGER %I', tgrelid::regclass, CASE tgenabled WHEN 'R' THEN 'REPLICA' WHEN 'A' THEN 'ALWAYS' ELSE '' END, tgname)
         FROM pg_trigger WHERE NOT tgisinternal AND tgparentid = 0 AND tgenabled <> 'D' ORDER BY 1",
    );
    let rows = tx.query_all_raw(both).await?;
    let column = |index| rows.iter().map(|row| row.try_get_by_index(index)).collect::<Result<Vec<String>, _>>();
    Ok((column(0)?, column(1)?))
}

async fn run(tx: &Tx, statements: &[String]) -> Result<(), Error> {
    tx.execute_unprepared(&statements.join("; ")).await?;
    Ok(())
}

/// What a restored database begins with: a history that devices do not know yet.
pub async fn begin_history(maintenance: &Maintenance) -> Result<(), Error> {
    let tx = maintenance.begin().await?;
    sync::begin_epoch(&tx).await?;
    Ok(tx.commit().await?)
}
