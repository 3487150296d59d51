//! One connection to PostgreSQL, outside any viewer: the only place in this crate that connects.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "migrations run as the owner, outside any viewer")]

use std::time::Duration;

use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _, postgres::PgConnectOptions};
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult,
    Statement, TransactionTrait, Value,
};
use sea_orm_migration::SchemaManager;

use crate::error::{Error, message};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// Undoes what a file may have set for the session. A migration takes as long as it takes,
/// whatever the role's or the server's limits for requests are.
const PRELUDE: &str = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; \
    SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";

/// A pool of exactly one connection, so that an advisory lock and all statements share a session.
pub(crate) struct Session {
    connection: DatabaseConnection,
    backend: i32,
}

/// A transaction of a [`Session`] that still held its lock when the transaction began.
pub(crate) struct Transaction {
    inner: DatabaseTransaction,
    id: String,
}

/// A statement with its parameters.
pub(crate) fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

impl Session {
    /// Connects for changing things, to the URL's database or to another one of the same server.
    pub async fn open(url: &str, database: Option<&str>) -> Result<Self, Error> {
        let connection = connect(url, database).await?;
        let session = Self { backend: backend(&connection).await?, connection };
        session.reset().await?;
        Ok(session)
    }

    /// Puts the session's settings back to how it began.
    pub async fn reset(&self) -> Result<(), Error> {
        self.execute(PRELUDE).await.map_err(Error::doing("reset the session"))
    }

    /// Waits for a session lock by polling: a session blocked in `pg_advisory_lock` holds a
    /// snapshot, for which the holder's CREATE INDEX CONCURRENTLY would wait in turn.
    pub async fn lock(&self, key: i64) -> Result<(), Error> {
        let take = statement("SELECT pg_try_advisory_lock($1) AS taken", [key.into()]);
        let mut said = false;
        loop {
            let row = self.connection.query_one_raw(take.clone()).await;
            let taken = row.and_then(|row| one(row)?.try_get("", "taken")).map_err(Error::doing("take the migration lock"))?;
            if taken {
                return Ok(());
            }
            if !said {
                tracing::info!("waiting for another process to finish migrating");
                said = true;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Fails when the pool has replaced the connection, and the lock went with the old one.
    pub async fn check_lock(&self) -> Result<(), Error> {
        if backend(&self.connection).await? == self.backend { Ok(()) } else { Err(Error::LockLost) }
    }

    /// Begins a transaction in the session that holds the lock.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        let doing = "begin a transaction";
        let inner = self.connection.begin().await.map_err(Error::doing(doing))?;
        if backend(&inner).await? != self.backend {
            return Err(Error::LockLost);
        }
        let id = transaction_id(&inner).await.map_err(Error::doing(doing))?;
        Ok(Transaction { inner, id })
    }

    /// Runs statements in the simple protocol; several are one transaction.
    pub async fn execute(&self, sql: &str) -> Result<(), DbErr> {
        self.connection.execute_unprepared(sql).await.map(drop)
    }

    /// The rows of a query.
    pub async fn query(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.connection.query_all_raw(statement).await
    }

    /// What a migration outside a transaction runs on.
    pub fn manager(&self) -> SchemaManager<'_> {
        SchemaManager::new(&self.connection)
    }

    /// Ends the session, and with it the lock.
    pub async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "closing the connection failed");
        }
    }
}

impl Transaction {
    /// What a migration runs on.
    pub fn manager(&self) -> SchemaManager<'_> {
        SchemaManager::new(&self.inner)
    }

    /// Takes back a role that a file may have set, and says whether this still is the transaction
    /// that began.
    pub async fn is_intact(&self) -> Result<bool, DbErr> {
        self.inner.execute_unprepared("RESET SESSION AUTHORIZATION; RESET ROLE").await?;
        Ok(transaction_id(&self.inner).await? == self.id)
    }

    /// Runs one statement and says how many rows it touched.
    pub async fn execute(&self, statement: Statement) -> Result<u64, DbErr> {
        let result = self.inner.execute_raw(statement).await?;
        Ok(result.rows_affected())
    }

    /// Makes it last.
    pub async fn commit(self) -> Result<(), DbErr> {
        self.inner.commit().await
    }

    /// Undoes it. A failure is the failed statement's to tell.
    pub async fn rollback(self) {
        if let Err(error) = self.inner.rollback().await {
            tracing::debug!(%error, "rolling back failed");
        }
    }
}

/// Runs queries in one READ ONLY transaction on a connection of their own. sqlx prepares each under a name, so the names are taken
/// back before and after: behind PgBouncer the session is others' too.
pub(crate) async fn read<T>(url: &str, queries: impl AsyncFnOnce(&DatabaseTransaction) -> Result<T, DbErr>) -> Result<T, Error> {
    let connection = connect(url, None).await?;
    let result = async {
        let access = Some(AccessMode::ReadOnly);
        let transaction = connection.begin_with_config(None, access).await?;
        transaction.execute_unprepared("DEALLOCATE ALL").await?;
        let result = queries(&transaction).await?;
        transaction.execute_unprepared("DEALLOCATE ALL").await?;
        transaction.commit().await?;
        Ok(result)
    }
    .await;
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "closing the connection failed");
    }
    result.map_err(Error::doing("read the table migrations"))
}

async fn connect(url: &str, database: Option<&str>) -> Result<DatabaseConnection, Error> {
    // SeaORM knows only one of the two schemes, and prints a URL that it cannot parse.
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")).ok_or(Error::BadUrl)?;
    let url = format!("postgres://{rest}");
    knock(url.parse().map_err(|_| Error::BadUrl)?).await?;
    let database = database.map(str::to_owned);
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(1)
        .min_connections(1)
        // The pool must never replace the connection: the lock would be lost in silence.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .acquire_timeout(CONNECT_TIMEOUT)
        .sqlx_logging(false)
        .set_application_name("hale-migration")
        .map_sqlx_postgres_opts(move |options| {
            let options = options.statement_cache_capacity(0);
            match &database {
                Some(database) => options.database(database),
                None => options,
            }
        });
    Database::connect(options).await.map_err(|error| Error::Connect(message(&error, None)))
}

/// The pool tries again while it is refused, and then cannot tell a refusal from silence: one attempt of its own tells it at once.
async fn knock(options: PgConnectOptions) -> Result<(), Error> {
    match tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await {
        Ok(Err(error @ sqlx::Error::Io(_))) => Err(Error::Connect(error.to_string())),
        Ok(Ok(connection)) => {
            drop(connection.close().await);
            Ok(())
        }
        _ => Ok(()),
    }
}

async fn backend(connection: &impl ConnectionTrait) -> Result<i32, Error> {
    let ask = statement("SELECT pg_backend_pid() AS pid", []);
    let row = connection.query_one_raw(ask).await;
    row.and_then(|row| one(row)?.try_get("", "pid")).map_err(Error::doing("ask PostgreSQL for the session"))
}

async fn transaction_id(transaction: &DatabaseTransaction) -> Result<String, DbErr> {
    let ask = statement("SELECT pg_current_xact_id()::text AS id", []);
    one(transaction.query_one_raw(ask).await?)?.try_get("", "id")
}

fn one(row: Option<QueryResult>) -> Result<QueryResult, DbErr> {
    row.ok_or_else(|| DbErr::RecordNotFound("PostgreSQL answered without a row".to_owned()))
}
