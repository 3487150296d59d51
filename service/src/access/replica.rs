//! Reads from a copy of the database that follows it (streaming replication).
//!
//! A read that is sent there shows all that was acknowledged before it began, whichever server did it: one's own writes, a revoked grant, an
//! ended session. Before it begins, the primary is asked how far it is, and the copy is read only once it is as far. Those who ask at
//! the same moment ask together, and a copy that does not come up is left alone for a while: then the primary is read.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use sqlx::PgPool;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, timeout},
};

use super::{Connection, Database, pool};
use crate::error::{Error, Result};

/// How long a read waits for the copy.
const PATIENCE: Duration = Duration::from_millis(50);
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// For how long a copy that was behind, or did not answer, is left alone.
const REST: Duration = Duration::from_secs(2);

pub(super) struct Replica {
    pub pool: PgPool,
    known: Mutex<Known>,
}

/// What was found when somebody last asked.
struct Known {
    /// When that was begun: whoever came before then may rely on it.
    asked_at: Instant,
    /// The name of the database at the primary, where the copy had come as far. A restored backup takes the name, and connections to the copy
    /// stay with what had it before.
    database: Option<String>,
    rests_until: Instant,
}

impl Replica {
    /// Connects to a copy. Whether it is one, and serves, is found out by those who read.
    pub async fn connect(connection: &Connection) -> Result<Self> {
        let now = Instant::now();
        Ok(Self { pool: pool(connection).await?, known: Mutex::new(Known { asked_at: now, database: None, rests_until: now }) })
    }

    /// Refuses what is no copy, and a primary that acknowledges what is not on its disk yet: a copy cannot be asked for that.
    pub async fn refuse_unsafe(&self, database: &Database) -> Result<()> {
        let yes = async |pool, sql| {
            let tx = database.open(pool, None, "BEGIN READ ONLY".to_owned()).await?;
            let row = tx.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
            Ok::<_, Error>(row.map(|row| row.try_get_by_index::<bool>(0)).transpose()?.unwrap_or_default())
        };
        if !yes(&self.pool, "SELECT pg_is_in_recovery()").await? {
            return Err(Error::Forbidden("DATABASE_REPLICA_URL is no copy that follows a primary".into()));
        }
        if !yes(&database.pool, "SELECT current_setting('synchronous_commit') <> 'off'").await? {
            return Err(Error::Forbidden("DATABASE_REPLICA_URL needs synchronous_commit at the primary, which is off".into()));
        }
        Ok(())
    }

    /// The name of the database, if the copy shows all that was acknowledged before this was asked.
    pub async fn follows(&self, database: &Database) -> Option<String> {
        let came_at = Instant::now();
        let mut known = self.known.lock().await;
        if known.asked_at > came_at {
            return known.database.clone();
        }
        if known.rests_until > came_at {
            return None;
        }
        // Whoever asks may go away meanwhile, and nothing is known then.
        (known.asked_at, known.database) = (Instant::now(), None);
        known.database = timeout(PATIENCE, self.catches_up(database)).await.ok().and_then(Result::ok);
        if known.database.is_none() {
            known.rests_until = Instant::now() + REST;
        }
        known.database.clone()
    }

    /// Leaves the copy alone for a while.
    pub async fn rest(&self) {
        let mut known = self.known.lock().await;
        known.database = None;
        known.rests_until = Instant::now() + REST;
    }

    /// Waits until the copy is where the primary is now, and answers the name of the database.
    async fn catches_up(&self, database: &Database) -> Result<String> {
        let primary = database.open(&database.pool, None, "BEGIN READ ONLY".to_owned()).await?;
        let position = Statement::from_string(DbBackend::Postgres, "SELECT pg_current_wal_flush_lsn()::text, current_database()::text");
        let row = primary.query_one_raw(position).await?.ok_or_else(|| Error::internal("a primary without a position"))?;
        drop(primary);
        let (position, name): (String, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let copy = database.open(&self.pool, None, "BEGIN READ ONLY".to_owned()).await?;
        loop {
            let sql = "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn";
            let reached = Statement::from_sql_and_values(DbBackend::Postgres, sql, [position.clone().into()]);
            let reached = copy.query_one_raw(reached).await?.map(|row| row.try_get_by_index(0)).transpose()?;
            if reached == Some(true) {
                return Ok(name);
            }
            sleep(LOOK_AGAIN).await;
        }
    }
}
