//! One throw-away PostgreSQL for the whole run, and a database of its own for each test, copied from a migrated template.

use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use api::embedded_postgres::{Durability, EmbeddedPostgres, Options};
use service::{access::Maintenance, clock::SystemClock, random::SystemRandom};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::{runtime::Runtime, sync::OnceCell};

const TEMPLATE: &str = "hale_template";
const PASSWORD: &str = "of the throw-away cluster";

/// Outlives every test's own runtime.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static CLUSTER: OnceCell<EmbeddedPostgres> = OnceCell::const_new();

async fn cluster() -> &'static EmbeddedPostgres {
    CLUSTER.get_or_init(|| async { RUNTIME.spawn(start()).await.unwrap() }).await
}

fn data_dir() -> PathBuf {
    std::env::temp_dir().join(format!("hale-tests-{}", std::process::id()))
}

/// What PostgreSQL has written to its log so far.
pub fn server_log() -> String {
    String::from_utf8_lossy(&fs::read(data_dir().join("postgres/server.log")).unwrap()).into_owned()
}

async fn start() -> EmbeddedPostgres {
    let data_dir = data_dir();
    fs::DirBuilder::new().recursive(true).mode(0o711).create(&data_dir).unwrap();
    let options = Options { data_dir: data_dir.clone(), pg_bin: None, durability: Durability::Throwaway, progress: Arc::new(|_| {}) };
    let cluster = EmbeddedPostgres::start(options).await.unwrap();
    // A test binary runs nothing at its end, so a shell waits for its pipe to close, and cleans up however the run ended.
    let clean = "read -r _; kill -INT \"$1\" 2>/dev/null; while kill -0 \"$1\" 2>/dev/null; do sleep 0.1; done; rm -rf \"$2\"";
    let watchdog = Command::new("sh")
        .args(["-c", clean, "sh", &cluster.server_pid().to_string()])
        .arg(&data_dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::mem::forget(watchdog);

    let roles = migration::Bootstrap { database: TEMPLATE.into(), owner_password: PASSWORD.into(), app_password: PASSWORD.into() };
    migration::bootstrap(&cluster.admin_url("postgres"), &roles).await.unwrap();
    let owner_url = cluster.url("hale_owner", PASSWORD, TEMPLATE);
    migration::up(&owner_url, |_| {}).await.unwrap();
    let maintenance = Maintenance::connect(&owner_url, Arc::new(SystemClock), Arc::new(SystemRandom)).await.unwrap();
    service::catalogue::load_starter(&maintenance).await.unwrap();
    maintenance.close().await;
    cluster
}

/// A new database, migrated and with the starter catalogue.
pub async fn new_database() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::connect(&cluster().await.admin_url("postgres")).await.unwrap();
    // Privileges on the database itself are not copied.
    for sql in [
        format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY OWNER hale_owner"),
        format!("REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC"),
        format!("GRANT CONNECT ON DATABASE {name} TO hale_app"),
    ] {
        admin.execute(AssertSqlSafe(sql)).await.unwrap();
    }
    name
}

/// An empty database that hale_owner owns, as bootstrap leaves it.
pub async fn empty_database() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("empty_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let roles = migration::Bootstrap { database: name.clone(), owner_password: String::new(), app_password: String::new() };
    migration::bootstrap(&cluster().await.admin_url("postgres"), &roles).await.unwrap();
    name
}

/// The URL of a database for a role; `postgres` is the administrator.
pub fn url(role: &str, database: &str) -> String {
    let cluster = CLUSTER.get().expect("a database was made, so the cluster runs");
    if role == "postgres" { cluster.admin_url(database) } else { cluster.url(role, PASSWORD, database) }
}
