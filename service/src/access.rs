//! The one door to the database: a token becomes a [`Viewer`], a viewer opens a [`Tx`], and queries run on nothing else.
//!
//! Inside a `Tx` PostgreSQL knows who asks (`app.user_id`), and its row policies decide what exists. Every statement runs in
//! an explicit transaction; there is no auto-commit write that a half-open transaction of somebody else could swallow.
#![expect(clippy::disallowed_types, reason = "the one place that holds a pool")]

mod replica;

use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use entity::id::{SessionId, UserId};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values};
use sea_query_sqlx::SqlxValues;
use sqlx::{
    AssertSqlSafe, Executor, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};
use tracing::{Instrument, Span, field::Empty};
use uuid::Uuid;

use self::replica::Replica;
use crate::{
    changes::Changes,
    clock::{Clock, SystemClock},
    error::{Error, Result},
    metrics::METRICS,
    random::{Random, SystemRandom, uuid_v7},
    tokens::{Keys, Verified},
};

/// How to reach the database as `hale_app`.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The URL of the database, with a role that is bound by row level security.
    pub url: String,
    /// How many connections at most.
    pub max_connections: u32,
    /// How many prepared statements a connection keeps; 0 for a pooler that cannot keep any.
    pub statement_cache: usize,
    /// The URL of the same database for the one connection that listens, where `url` is that of a pooler.
    pub listen_url: Option<String>,
    /// The URL of a copy that follows it, for what only reads.
    pub replica_url: Option<String>,
}

/// How long the first connection may take.
const KNOCK: Duration = Duration::from_secs(5);
/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(2);
const KNOCK_AGAIN: Duration = Duration::from_millis(20);
/// How long PostgreSQL may take to begin or to end a transaction, locks included. A connection on which nothing comes back is given
/// up: its other end may be gone without a word.
const HANDSHAKE: Duration = Duration::from_secs(3);
/// How long it may take over a statement of a request: longer than the limits of its role, by which it gives up itself.
const STATEMENT: Duration = Duration::from_secs(8);
/// How long over one of maintenance, which has no limit there.
const MAINTENANCE: Duration = Duration::from_secs(24 * 60 * 60);

/// The database, the clock and the keys. It can authenticate; it cannot query.
#[derive(Clone)]
pub struct Database {
    pool: PgPool,
    prepares: bool,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    keys: Arc<Keys>,
    listen_url: Arc<str>,
    changes: Arc<Changes>,
    replica: Option<Arc<Replica>>,
    asked_by: Asker,
}

/// What a request is called, by its client or by Hale. It is found again in Hale's log and, as `application_name`, in PostgreSQL's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// As many characters as PostgreSQL keeps of a name after "hale/".
    pub const LONGEST: usize = 58;

    /// An id that somebody chose; `None` unless it is short and plain.
    pub fn new(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        ((1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.into()))
    }
}

impl std::fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// On whose account something is asked of the database.
#[derive(Clone, Debug)]
enum Asker {
    /// Hale's own.
    Hale,
    Request(RequestId),
    Job(Uuid),
}

impl Asker {
    /// What tells PostgreSQL's log about it until the transaction ends: a request's id is plain, so it may stand in a batch.
    fn name(&self) -> Option<String> {
        let name = match self {
            Self::Hale => return None,
            Self::Request(RequestId(id)) => format!("hale/{id}"),
            Self::Job(id) => format!("hale/job/{id}"),
        };
        Some(format!("set_config('application_name', '{name}', true)"))
    }
}

/// Someone who has proved who they are. Made by [`Database::authenticate`], and for the person of a claimed job by the job runner.
#[derive(Clone)]
pub struct Viewer {
    user_id: UserId,
    proof: Proof,
    database: Database,
}

/// What PostgreSQL checks when the viewer's transaction begins.
#[derive(Clone, Copy)]
enum Proof {
    /// A sign-in that lives, for as long as the access token is valid.
    Session { id: SessionId, expires_at: DateTime<Utc> },
    /// A job that is still claimed by this claim.
    Job { id: Uuid, claim: Uuid },
}

impl Database {
    /// Connects, and refuses a role or a schema under which isolation would not hold.
    pub async fn connect(connection: &Connection, clock: Arc<dyn Clock>, random: Arc<dyn Random>, keys: Keys) -> Result<Self> {
        let listen_url = connection.listen_url.as_ref().unwrap_or(&connection.url).as_str().into();
        let (keys, changes, asked_by) = (Arc::new(keys), Arc::default(), Asker::Hale);
        let prepares = connection.statement_cache > 0;
        let pool = pool(connection).await?;
        let replica = match &connection.replica_url {
            Some(url) => Some(Arc::new(Replica::connect(&Connection { url: url.clone(), ..connection.clone() }).await?)),
            None => None,
        };
        let database = Self { pool, prepares, clock, random, keys, listen_url, changes, replica, asked_by };
        database.refuse_unsafe_role().await?;
        if let Some(replica) = &database.replica {
            replica.refuse_unsafe(&database).await?;
        }
        Ok(database)
    }

    /// The same database on account of a request, whose id PostgreSQL's log then shows.
    pub fn for_request(&self, id: RequestId) -> Self {
        Self { asked_by: Asker::Request(id), ..self.clone() }
    }

    /// The same database on account of a job.
    pub(crate) fn for_job(&self, id: Uuid) -> Self {
        Self { asked_by: Asker::Job(id), ..self.clone() }
    }

    /// The same database on account of nobody, for what outlives whoever asked first.
    pub(crate) fn for_itself(&self) -> Self {
        Self { asked_by: Asker::Hale, ..self.clone() }
    }

    /// The viewer that an access token speaks for. Takes no connection: whether the session still lives is checked when the
    /// viewer's transaction begins.
    pub fn authenticate(&self, access_token: &str) -> Result<Viewer> {
        let Verified { user_id, session_id, expires_at } = self.keys.verify(access_token, self.clock.now())?;
        Ok(Viewer { user_id, proof: Proof::Session { id: session_id, expires_at }, database: self.clone() })
    }

    /// The person as whom a claimed job runs, for as long as the claim holds. For the job runner alone.
    pub(crate) fn run_as(&self, user_id: UserId, job: Uuid, claim: Uuid) -> Viewer {
        Viewer { user_id, proof: Proof::Job { id: job, claim }, database: self.clone() }
    }

    /// Opens a transaction as the person whom a secret speaks for: `door` is a function of hale_auth that makes them the viewer, and
    /// answers their id first, or nothing. What else it answers comes along.
    pub(crate) async fn enter(&self, door: Statement) -> Result<Option<(Tx, QueryResult)>> {
        let mut tx = self.without_viewer().await?;
        let Some(row) = tx.query_one_raw(door).await? else { return Ok(None) };
        tx.viewer = Some(UserId(row.try_get_by_index(0)?));
        Ok(Some((tx, row)))
    }

    /// The current instant.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A new id: UUIDv7.
    pub fn new_id(&self) -> Uuid {
        uuid_v7(self.random.as_ref(), self.clock.now())
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn random(&self) -> &dyn Random {
        self.random.as_ref()
    }

    /// Who waits for changes.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// A connection beside the pool that hears what is called out on `channel`.
    pub(crate) async fn listen(&self, channel: &str) -> Result<PgListener> {
        let connection =
            Connection { url: self.listen_url.to_string(), max_connections: 1, statement_cache: 0, listen_url: None, replica_url: None };
        let mut listener = PgListener::connect_with(&pool(&connection).await?).await.map_err(unreachable)?;
        listener.listen(channel).await.map_err(unreachable)?;
        Ok(listener)
    }

    /// Comes back when the connections are being closed.
    pub(crate) async fn closed(&self) {
        self.pool.close_event().await;
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        let tx = self.without_viewer().await?;
        tx.query_one_raw(Statement::from_string(DbBackend::Postgres, "SELECT 1")).await?;
        Ok(())
    }

    /// How many connections there are, how many of them nobody uses, and how many there may be.
    pub(crate) fn pool_size(&self) -> (i64, i64, i64) {
        let (size, idle) = (i64::from(self.pool.size()), i64::try_from(self.pool.num_idle()).unwrap_or_default());
        (size, idle.min(size), self.pool.options().get_max_connections().into())
    }

    /// Closes the connections once the transactions on them have ended.
    pub async fn close(&self) {
        self.pool.close().await;
        if let Some(replica) = &self.replica {
            replica.pool.close().await;
        }
    }

    /// A transaction in which there is no viewer, hence no rows: only the doors of hale_auth open in it.
    pub(crate) async fn without_viewer(&self) -> Result<Tx> {
        self.begin(None, Mode::Write, None).await
    }

    /// One round trip instead of three or four. Ids, names of requests and RFC 3339 times hold no quote, so they may stand in a batch.
    async fn begin(&self, viewer: Option<UserId>, mode: Mode, enter: Option<String>) -> Result<Tx> {
        let begin = match mode {
            Mode::Read => "BEGIN READ ONLY",
            Mode::Write => "BEGIN",
        };
        // Triggers that tell when something was written go by Hale's clock.
        let now = (mode == Mode::Write).then(|| format!("set_config('app.now', '{}', true)", self.now().to_rfc3339()));
        // The name comes first, so that the log names the request that may not enter.
        let first: Vec<String> = [self.asked_by.name(), now, enter].into_iter().flatten().collect();
        let batch = if first.is_empty() { begin.to_owned() } else { format!("{begin}; SELECT {}", first.join(", ")) };
        let span = tracing::debug_span!("transaction", writes = mode == Mode::Write, committed = Empty);
        if mode == Mode::Read
            && let Some(mut tx) = self.begin_at_replica(viewer, &batch).instrument(span.clone()).await
        {
            tx.span = span;
            return Ok(tx);
        }
        let mut tx = self.open(&self.pool, viewer, batch).instrument(span.clone()).await?;
        tx.span = span;
        Ok(tx)
    }

    async fn open(&self, pool: &PgPool, viewer: Option<UserId>, batch: String) -> Result<Tx> {
        begin_tx(pool, self.prepares, viewer, batch, STATEMENT, self.clock.clone(), self.random.clone()).await
    }

    /// A transaction at the copy, where there is one that shows all that was acknowledged by now. Whatever else is the matter there, the primary
    /// decides.
    async fn begin_at_replica(&self, viewer: Option<UserId>, batch: &str) -> Option<Tx> {
        let replica = self.replica.as_ref()?;
        let database = replica.follows(self).await?.replace('\'', "''");
        let batch = format!("{batch}; SELECT 1 / (current_database() = '{database}')::int");
        match self.open(&replica.pool, viewer, batch).await {
            Ok(tx) => {
                METRICS.replica_reads.inc();
                Some(tx)
            }
            // The primary says so as well.
            Err(Error::Unauthenticated(_)) => None,
            Err(error) => {
                tracing::warn!(error = %error.for_log(), "the replica is left alone for a while");
                replica.rest().await;
                None
            }
        }
    }

    async fn refuse_unsafe_role(&self) -> Result<()> {
        let reasons = reasons(&self.without_viewer().await?).await?;
        if reasons.is_empty() {
            return Ok(());
        }
        Err(Error::Forbidden(format!(
            "refusing to serve, since tenants would not be isolated: {}. DATABASE_URL must be the role hale_app on a migrated database",
            reasons.join("; ")
        )))
    }
}

/// Why [`Database::connect`] would refuse this role on this schema, for people; empty when tenants are isolated.
pub async fn why_unsafe(connection: &Connection) -> Result<Vec<String>> {
    let pool = pool(connection).await?;
    let tx = begin_tx(
        &pool,
        connection.statement_cache > 0,
        None,
        "BEGIN READ ONLY".to_owned(),
        STATEMENT,
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
    )
    .await?;
    let reasons = reasons(&tx).await;
    drop(tx);
    pool.close().await;
    reasons
}

async fn reasons(tx: &Tx) -> Result<Vec<String>> {
    let rows = tx.query_all_raw(Statement::from_string(DbBackend::Postgres, UNSAFE)).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<std::result::Result<_, _>>()?)
}

/// Reasons why this role on this schema would not be held by row level security.
const UNSAFE: &str = "
    SELECT 'the role ' || rolname || ' is a superuser' FROM pg_roles WHERE rolname = current_user AND rolsuper
    UNION ALL SELECT 'the role ' || rolname || ' bypasses row level security' FROM pg_roles WHERE rolname = current_user AND rolbypassrls
    UNION ALL SELECT 'the role ' || current_user || ' owns ' || relname FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
      WHERE r.rolname = current_user AND relkind IN ('r', 'p', 'v', 'm')
    UNION ALL SELECT 'the role ' || current_user || ' is a member of ' || roleid::regrole FROM pg_auth_members WHERE member = current_user::regrole
    UNION ALL SELECT 'the table ' || relname || ' lacks FORCE ROW LEVEL SECURITY' FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'migrations' AND NOT (relrowsecurity AND relforcerowsecurity)
    UNION ALL SELECT 'the table ' || relname || ' has no policy for ' || command FROM pg_class c
      CROSS JOIN (VALUES ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd')) AS commands (command, polcmd)
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'migrations'
        AND (has_table_privilege(c.oid, command) OR command <> 'DELETE' AND has_any_column_privilege(c.oid, command))
        AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('*', commands.polcmd::\"char\")
                        AND current_user::regrole = ANY (p.polroles))
    ORDER BY 1";

impl Viewer {
    /// Who it is.
    pub fn user_id(&self) -> UserId {
        self.user_id
    }

    /// The sign-in this viewer comes from; none for the person of a job.
    pub fn session_id(&self) -> Option<SessionId> {
        match self.proof {
            Proof::Session { id, .. } => Some(id),
            Proof::Job { .. } => None,
        }
    }

    /// The database, for what goes on outside a transaction.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// When the access token runs out; never for the person of a job.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        match self.proof {
            Proof::Session { expires_at, .. } => Some(expires_at),
            Proof::Job { .. } => None,
        }
    }

    /// A transaction that can only read. It ends when dropped.
    pub async fn read(&self) -> Result<Tx> {
        self.begin(Mode::Read).await
    }

    /// A transaction whose changes last once [`Tx::commit`] has answered.
    pub async fn write(&self) -> Result<Tx> {
        self.begin(Mode::Write).await
    }

    async fn begin(&self, mode: Mode) -> Result<Tx> {
        let enter = match self.proof {
            Proof::Session { id, .. } => format!("auth.enter('{}', '{id}', '{}')", self.user_id, self.database.now().to_rfc3339()),
            Proof::Job { id, claim } => format!("auth.enter_job('{id}', '{claim}')"),
        };
        self.database.begin(Some(self.user_id), mode, Some(enter)).await
    }
}

/// Whether a transaction may write.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Read,
    Write,
}

/// The owner's way in, for the shared catalogue: sees and changes every row. Commands use it, requests never.
pub struct Maintenance {
    pool: PgPool,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Maintenance {
    /// Connects as `hale_owner`.
    pub async fn connect(owner_url: &str, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Result<Self> {
        let connection =
            Connection { url: owner_url.to_owned(), max_connections: 2, statement_cache: 100, listen_url: None, replica_url: None };
        Ok(Self { pool: pool(&connection).await?, clock, random })
    }

    /// A transaction that no policy binds.
    pub async fn begin(&self) -> Result<Tx> {
        begin_tx(&self.pool, true, None, "BEGIN".to_owned(), MAINTENANCE, self.clock.clone(), self.random.clone()).await
    }

    /// A session outside transactions, for what PostgreSQL runs in none: VACUUM, REINDEX CONCURRENTLY. Nobody else has one for this
    /// `lock` in this database; `None` while somebody has.
    pub(crate) async fn alone(&self, lock: i64) -> Result<Option<Alone>> {
        let mut connection = acquire(&self.pool).await?;
        // The lock ends with the session, so it must not go back into the pool. A backend that works for nobody any more soon stops.
        connection.close_on_drop();
        let mut alone = Alone(connection);
        alone.run("SET statement_timeout = 0; SET client_connection_check_interval = '1s'").await?;
        let taken = sqlx::query_scalar::<_, bool>("SELECT pg_try_advisory_lock($1)").bind(lock).fetch_one(&mut *alone.0).await;
        Ok(taken.map_err(query_error)?.then_some(alone))
    }

    /// A transaction that no policy binds, and that sees everything as it was at its first statement.
    pub(crate) async fn snapshot(&self) -> Result<Tx> {
        let batch = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {}", crate::backup::SETTINGS);
        begin_tx(&self.pool, true, None, batch, MAINTENANCE, self.clock.clone(), self.random.clone()).await
    }

    /// Closes the connections.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

/// A session of the owner's that is the only one of its kind: see [`Maintenance::alone`].
pub(crate) struct Alone(PoolConnection<Postgres>);

impl Alone {
    /// Runs one statement, in a transaction only if PostgreSQL makes one for it.
    pub(crate) async fn run(&mut self, sql: &str) -> std::result::Result<(), DbErr> {
        self.0.execute(AssertSqlSafe(sql)).await.map(drop).map_err(query_error)
    }
}

async fn pool(connection: &Connection) -> Result<PgPool> {
    let options = PgConnectOptions::from_str(&connection.url)
        .map_err(|error| {
            Error::invalid("DATABASE_URL", format!("not a PostgreSQL URL ({error}): write postgres://hale_app:PASSWORD@HOST/DATABASE"))
        })?
        .application_name("hale")
        .statement_cache_capacity(connection.statement_cache);
    let options = sqlx::ConnectOptions::disable_statement_logging(options);
    // The pool knocks again where nobody listens, and then only says that its time is up: one knock tells what is wrong.
    match tokio::time::timeout(KNOCK, sqlx::ConnectOptions::connect(&options)).await {
        Ok(Err(error @ sqlx::Error::Io(_))) => return Err(unreachable(error)),
        Ok(Ok(connection)) => _ = sqlx::Connection::close(connection).await,
        _ => {}
    }
    PgPoolOptions::new()
        .max_connections(connection.max_connections)
        .acquire_timeout(PATIENCE)
        // A connection that died is noticed by its BEGIN, which is then sent on another one.
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .map_err(unreachable)
}

/// A connection that is nobody else's. A server whose queue of newcomers is full says so at once, so it is asked again.
async fn acquire(pool: &PgPool) -> Result<PoolConnection<Postgres>> {
    let begun = tokio::time::Instant::now();
    let waiting = Waiting::begin();
    let acquired = loop {
        match pool.acquire().await {
            Err(sqlx::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock && begun.elapsed() < PATIENCE => {
                tokio::time::sleep(KNOCK_AGAIN).await;
            }
            acquired => break acquired.map_err(unreachable),
        }
    };
    drop(waiting);
    METRICS.acquired.observe(begun.elapsed().as_secs_f64());
    acquired.inspect_err(|_| _ = METRICS.not_acquired.inc())
}

/// One who waits, until they have got it or have given up.
struct Waiting;

impl Waiting {
    fn begin() -> Self {
        METRICS.waiting.inc();
        Self
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        METRICS.waiting.dec();
    }
}

/// Whatever keeps a connection from being made is not the asker's doing: what PostgreSQL says to a newcomer means something else
/// when it says it to a statement.
fn unreachable(error: sqlx::Error) -> Error {
    Error::Unavailable { retry_after: Duration::from_secs(2), source: error.into() }
}

async fn begin_tx(
    pool: &PgPool,
    prepares: bool,
    viewer: Option<UserId>,
    batch: String,
    patience: Duration,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Result<Tx> {
    let begun = tokio::time::Instant::now();
    let mut dead = 0;
    loop {
        let connection = acquire(pool).await?;
        // The Tx owns the connection before BEGIN is sent: whoever cancels from here on drops the Tx, and with it goes a ROLLBACK.
        let mut tx = Tx {
            connection: Mutex::new(Some(connection)),
            prepares,
            viewer,
            patience: HANDSHAKE,
            failed: AtomicBool::new(false),
            left_to: None,
            span: Span::none(),
            clock: clock.clone(),
            random: random.clone(),
        };
        match tx.execute_unprepared(&batch).await {
            Ok(_) => {
                tx.patience = patience;
                return Ok(tx);
            }
            Err(error) => match Error::from(error) {
                error @ Error::Unavailable { .. } => {
                    tx.discard().await;
                    dead += 1;
                    // One that was cut while it was idle says so at once; where nothing is said, no other will do better.
                    if dead > pool.options().get_max_connections() || begun.elapsed() >= PATIENCE {
                        return Err(error);
                    }
                }
                error => return Err(error),
            },
        }
    }
}

/// A transaction in which row policies see the viewer. Dropped without [`Tx::commit`], it rolls back.
#[must_use = "a Tx that is dropped rolls back"]
pub struct Tx {
    connection: Mutex<Option<PoolConnection<Postgres>>>,
    /// Whether statements are prepared under names. sqlx 0.9.0 does so even where it keeps none, and a pooler that shares the
    /// connection between transactions hands them on to others.
    prepares: bool,
    viewer: Option<UserId>,
    /// How long PostgreSQL may take to answer.
    patience: Duration,
    failed: AtomicBool,
    left_to: Option<Box<dyn FnOnce(Tx) + Send + Sync>>,
    /// Lasts as long as the transaction.
    span: Span,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Tx {
    /// Who asks.
    pub fn viewer(&self) -> Result<UserId> {
        self.viewer.ok_or(Error::Unauthenticated("sign in first"))
    }

    /// The person something is about: the viewer unless somebody else is named. Whether the viewer may is up to the policies.
    pub fn viewer_or(&self, person: Option<UserId>) -> Result<UserId> {
        person.map_or_else(|| self.viewer(), Ok)
    }

    /// The current instant.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A new id: UUIDv7.
    pub fn new_id(&self) -> Uuid {
        uuid_v7(self.random.as_ref(), self.clock.now())
    }

    /// So many new ids, in ascending order: rows that are read by their ids come back as they were written, though made at one instant.
    pub fn new_ids(&self, count: usize) -> impl Iterator<Item = Uuid> + use<> {
        let mut ids: Vec<_> = (0..count).map(|_| self.new_id()).collect();
        ids.sort_unstable();
        ids.into_iter()
    }

    /// Leaves it to somebody else when the changes last: [`Tx::commit`] hands the transaction over.
    pub(crate) fn leave_to(&mut self, keeper: impl FnOnce(Tx) + Send + Sync + 'static) {
        self.left_to = Some(Box::new(keeper));
    }

    /// Makes the changes last, or hands them to whom that was left. When this answers with an error, nothing is known to have
    /// changed.
    pub async fn commit(mut self) -> Result<()> {
        match self.left_to.take() {
            Some(keeper) => {
                keeper(self);
                Ok(())
            }
            None => self.end().await,
        }
    }

    /// Makes the changes last, now.
    pub(crate) async fn end(&self) -> Result<()> {
        if self.failed.load(Ordering::Relaxed) {
            // PostgreSQL would answer COMMIT with a ROLLBACK and no error.
            return Err(Error::internal("a statement of this transaction failed, so it cannot be committed"));
        }
        self.execute_unprepared("COMMIT").await?;
        self.span.record("committed", true);
        // Nothing is open on the connection any more: it goes back without a ROLLBACK.
        drop(self.connection.lock().await.take());
        Ok(())
    }

    /// The connection itself, for COPY, which SeaORM does not know. After a failure on it the transaction must not be committed.
    pub(crate) async fn connection(&self) -> Result<MappedMutexGuard<'_, PgConnection>> {
        let held = MutexGuard::try_map(self.connection.lock().await, |connection| connection.as_deref_mut());
        Ok(held.map_err(|_| gone())?)
    }

    /// Closes a connection that no longer answers.
    async fn discard(self) {
        if let Some(mut connection) = self.connection.lock().await.take() {
            connection.close_on_drop();
        }
    }

    /// What PostgreSQL answers to a statement.
    async fn answer<T>(&self, statement: impl Future<Output = std::result::Result<T, sqlx::Error>>) -> std::result::Result<T, DbErr> {
        let answer = tokio::time::timeout(self.patience, statement).await;
        answer.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))).map_err(|error| {
            self.failed.store(true, Ordering::Relaxed);
            query_error(error)
        })
    }
}

/// The guard against poisoned connections: sqlx 0.9.0 hands a connection back as it is when a request is dropped while its
/// BEGIN is on the wire. Here every connection that leaves without a COMMIT goes through a ROLLBACK of its own task, which no
/// hang-up cancels, and returns to the pool only after that was answered.
impl Drop for Tx {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.get_mut().take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            let ended = tokio::time::timeout(HANDSHAKE, (&mut *connection).execute("ROLLBACK")).await;
            if !matches!(ended, Ok(Ok(_))) {
                connection.close_on_drop();
            }
        });
    }
}

pub(crate) fn query_error(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn gone() -> DbErr {
    query_error(sqlx::Error::PoolClosed)
}

fn query(statement: &Statement, prepares: bool) -> sqlx::query::Query<'_, Postgres, SqlxValues> {
    let values = SqlxValues(statement.values.clone().unwrap_or(Values(Vec::new())));
    sqlx::query_with(AssertSqlSafe(statement.sql.as_str()), values).persistent(prepares)
}

#[async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> std::result::Result<ExecResult, DbErr> {
        let mut connection = self.connection.lock().await;
        let connection = connection.as_deref_mut().ok_or_else(gone)?;
        Ok(self.answer(query(&statement, self.prepares).execute(connection)).await?.into())
    }

    async fn execute_unprepared(&self, sql: &str) -> std::result::Result<ExecResult, DbErr> {
        let mut connection = self.connection.lock().await;
        let connection = connection.as_deref_mut().ok_or_else(gone)?;
        Ok(self.answer(connection.execute(AssertSqlSafe(sql))).await?.into())
    }

    async fn query_one_raw(&self, statement: Statement) -> std::result::Result<Option<QueryResult>, DbErr> {
        let mut connection = self.connection.lock().await;
        let connection = connection.as_deref_mut().ok_or_else(gone)?;
        Ok(self.answer(query(&statement, self.prepares).fetch_optional(connection)).await?.map(Into::into))
    }

    async fn query_all_raw(&self, statement: Statement) -> std::result::Result<Vec<QueryResult>, DbErr> {
        let mut connection = self.connection.lock().await;
        let connection = connection.as_deref_mut().ok_or_else(gone)?;
        Ok(self.answer(query(&statement, self.prepares).fetch_all(connection)).await?.into_iter().map(Into::into).collect())
    }
}
