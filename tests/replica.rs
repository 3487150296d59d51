//! Reads from a copy of the database: a real streaming replica, and a server that reads there and shows all that was acknowledged before.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep};

use crate::{
    command_line::{Folder, Served, hale, output, text},
    harness::{http, report},
};

const AGES: Duration = Duration::from_secs(60);

/// The PostgreSQL of a Hale.
struct Primary {
    /// Its socket and its data.
    folder: PathBuf,
    secrets: PathBuf,
    /// Where its programs are.
    programs: PathBuf,
    user: u32,
}

impl Primary {
    fn of(folder: &Folder) -> Self {
        let data = folder.0.join("data").canonicalize().unwrap();
        let postgres = data.join("postgres");
        let pid = fs::read_to_string(postgres.join("data/postmaster.pid")).unwrap().lines().next().unwrap().to_owned();
        let programs = fs::read_link(format!("/proc/{pid}/exe")).unwrap().parent().unwrap().to_owned();
        let user = fs::metadata(postgres.join("data")).unwrap().uid();
        Self { folder: postgres, secrets: data.join("secrets"), programs, user }
    }

    fn password(&self, role: &str) -> String {
        let secret = if role == "postgres" { "postgres_superuser" } else { role };
        fs::read_to_string(self.secrets.join(secret)).unwrap().trim().to_owned()
    }

    /// The URL of the database for a role, at the socket in a folder.
    fn url(&self, role: &str, socket: &Path) -> String {
        format!("postgres://{role}:{}@localhost/hale?host={}&port=5432", self.password(role), socket.to_str().unwrap().replace('/', "%2F"))
    }

    /// A program that runs as the user whose the data are.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.uid(self.user).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

/// A copy that follows the primary.
struct Standby {
    folder: PathBuf,
    child: Child,
}

impl Standby {
    /// `None`, said aloud, where the program that copies is not there.
    async fn of(primary: &Primary) -> Option<Self> {
        if !primary.programs.join("pg_basebackup").exists() {
            report("skipped: this PostgreSQL has no pg_basebackup, which Debian's postgresql-client brings");
            return None;
        }
        // Beside the primary, where its user may enter.
        let folder = primary.folder.join("standby");
        fs::create_dir(&folder).unwrap();
        chown(&folder, Some(primary.user), None).unwrap();
        let data = folder.join("data");
        let copied = primary
            .command("pg_basebackup")
            .env("PGPASSWORD", primary.password("postgres"))
            .args(["--username=postgres", "--port=5432", "--wal-method=stream", "--write-recovery-conf", "--checkpoint=fast"])
            .arg("--host")
            .arg(&primary.folder)
            .arg("--pgdata")
            .arg(&data)
            .stderr(Stdio::inherit())
            .status()
            .unwrap();
        assert!(copied.success());
        let child = primary
            .command("postgres")
            .arg("-D")
            .arg(&data)
            // Always a little behind, so that whoever does not wait for it is found out.
            .args(["-c", "recovery_min_apply_delay=10ms", "-c", "listen_addresses=", "-c", "port=5432", "-c"])
            .arg(format!("unix_socket_directories={}", folder.to_str().unwrap()))
            .spawn()
            .unwrap();
        let standby = Self { folder, child };
        let begun = Instant::now();
        while PgConnection::connect(&primary.url("postgres", &standby.folder)).await.is_err() {
            assert!(begun.elapsed() < AGES, "the copy does not come up");
            sleep(Duration::from_millis(50)).await;
        }
        Some(standby)
    }

    fn killed(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::KILL).unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            kill_process(Pid::from_child(&self.child), Signal::INT).ok();
            self.child.wait().ok();
        }
    }
}

/// A server over the primary that reads at the copy, and where its numbers are.
struct Reader {
    served: Served,
    metrics: String,
}

impl Reader {
    async fn start(primary: &Primary, folder: &Folder, standby: &Standby) -> Self {
        let metrics = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut command = hale();
        command
            .env("DATABASE_URL", primary.url("hale_app", &primary.folder))
            .env("DATABASE_REPLICA_URL", primary.url("hale_app", &standby.folder))
            .env("HALE_KEYS_FILE", folder.0.join("data/keys.json"))
            .env("HALE_METRICS_LISTEN", &metrics)
            .arg("--data-dir")
            .arg(folder.0.join("reader"));
        Self { served: Served::start(&mut command).await, metrics: format!("http://{metrics}/metrics") }
    }

    /// How many transactions were read at the copy.
    async fn read_there(&self) -> f64 {
        let text = http().get(&self.metrics).send().await.unwrap().text().await.unwrap();
        let number = text.lines().find_map(|line| line.strip_prefix("hale_db_replica_reads_total "));
        number.unwrap_or_else(|| panic!("{text}")).parse().unwrap()
    }
}

async fn asks(server: &Served, token: &str, document: &str, variables: Value) -> Value {
    let request = http().post(format!("http://{}/graphql", server.address)).bearer_auth(token);
    request.json(&json!({ "query": document, "variables": variables })).send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_read_at_a_replica_and_what_was_revoked_is_not() {
    let folder = Folder::new();
    let first = Served::start(hale().args(["--backup-schedule", "off", "--data-dir"]).arg(folder.0.join("data"))).await;
    let primary = Primary::of(&folder);
    let Some(mut standby) = Standby::of(&primary).await else { return };
    let reader = Reader::start(&primary, &folder, &standby).await;
    let ann = first.signs_up("ann@example.org").await;

    // What Ann logs at the one, or at the other, is there at the other at once, and read at the copy.
    let (begun, before, mut count) = (Instant::now(), reader.read_there().await, 0);
    while reader.read_there().await - before < 30.0 {
        assert!(begun.elapsed() < AGES, "{} of {count} were read at the copy", reader.read_there().await - before);
        let writer = if count % 4 == 0 { &reader.served } else { &first };
        writer.logs(&ann).await;
        count += 1;
        assert_eq!(reader.served.entries(&ann).await, count);
    }

    // A session that ended at the one is over at the other with the next statement.
    let sign_in = "mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }";
    for _ in 0..10 {
        let input = json!({ "input": { "email": "ann@example.org", "password": crate::harness::PASSWORD } });
        let signed_in = asks(&first, "", sign_in, input).await;
        let token = signed_in.pointer("/data/signIn/session/accessToken").and_then(Value::as_str).unwrap();
        assert_eq!(reader.served.entries(token).await, count);
        asks(&first, token, "mutation { signOut { signedOut } }", json!({})).await;
        let refused = asks(&reader.served, token, "{ viewer { id } }", json!({})).await;
        assert_eq!(refused.pointer("/errors/0/extensions/code"), Some(&json!("UNAUTHENTICATED")), "{refused}");
    }

    // A copy that stands still is not read, and comes back when it goes on.
    let mut admin = PgConnection::connect(&primary.url("postgres", &standby.folder)).await.unwrap();
    admin.execute("SELECT pg_wal_replay_pause()").await.unwrap();
    first.logs(&ann).await;
    let before = reader.read_there().await;
    count += 1;
    for _ in 0..20 {
        assert_eq!(reader.served.entries(&ann).await, count);
    }
    assert_eq!(reader.read_there().await, before);
    admin.execute("SELECT pg_wal_replay_resume()").await.unwrap();
    let begun = Instant::now();
    while reader.read_there().await == before {
        assert!(begun.elapsed() < AGES, "the copy is never read again");
        assert_eq!(reader.served.entries(&ann).await, count);
        sleep(Duration::from_millis(50)).await;
    }

    // Nor is one that is gone.
    standby.killed();
    for more in 1..10 {
        first.logs(&ann).await;
        assert_eq!(reader.served.entries(&ann).await, count + more);
    }
    assert_eq!((reader.served.stops().await, first.stops().await), (Some(0), Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_copy_is_refused() {
    let app = crate::harness::TestApp::new().await;
    let folder = Folder::new();
    let mut command = hale();
    command.env("DATABASE_URL", app.url("hale_app")).env("DATABASE_REPLICA_URL", app.url("hale_app")).arg("--data-dir").arg(&folder.0);
    let refused = output(&mut command).await;
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("DATABASE_REPLICA_URL is no copy that follows a primary"), "{}", text(&refused.stderr));
}
