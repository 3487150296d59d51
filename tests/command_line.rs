//! The hale binary as people start it: what it prints, what it leaves behind, and what it says when something is wrong.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::{
    harness::{PASSWORD, TestApp, database_url, empty_database, http},
    subscriptions::Socket,
};

/// A folder of one's own, gone in the end.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let path = std::env::temp_dir().join(format!("hale-command-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(&path).unwrap();
        // PostgreSQL's own user passes through.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The server of this data folder, while it runs.
    fn postmaster(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.0.join("data/postgres/data/postmaster.pid")).ok()?;
        Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(pid) = self.postmaster() {
            _ = kill_process(pid, Signal::INT);
            for _ in 0..100 {
                if test_kill_process(pid).is_err() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        drop(fs::remove_dir_all(&self.0));
    }
}

/// The hale binary with nothing of this process's environment but where programs are.
pub fn hale() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hale-under-test"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HALE_LOG", "warn");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

pub async fn output(command: &mut Command) -> Output {
    timeout(Duration::from_secs(60), command.output()).await.expect("hale does not end").unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Standard output of a command that must succeed.
pub async fn succeeds(command: &mut Command) -> String {
    let output = output(command).await;
    assert!(output.status.success(), "{command:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The line with which a command that must fail says why, quickly.
pub async fn fails(command: &mut Command) -> String {
    let begun = Instant::now();
    let output = output(command).await;
    assert!(!output.status.success(), "{command:?} succeeds: {}", text(&output.stdout));
    assert!(begun.elapsed() < Duration::from_secs(8), "{command:?} took {:?}", begun.elapsed());
    let errors = text(&output.stderr);
    let last = errors.lines().last().unwrap_or_default().to_owned();
    assert!(last.starts_with("hale: ") && last.len() > 20, "{command:?}: {errors}");
    assert_eq!(errors.lines().filter(|line| line.starts_with("hale: ")).count(), 1, "{errors}");
    assert!(!errors.contains("panicked") && !errors.contains("correct horse"), "{errors}");
    last
}

/// A server that runs until it is dropped.
pub struct Served {
    pub child: Child,
    pub address: SocketAddr,
}

impl Served {
    pub async fn start(command: &mut Command) -> Self {
        let mut child = command.args(["--listen", "127.0.0.1:0"]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let read = async {
            let (mut ready, mut address) = (false, None);
            while let Some(line) = lines.next_line().await.unwrap() {
                ready |= line == "Hale is ready.";
                if let Some(url) = line.trim().strip_prefix("graphql   http://") {
                    address = Some(url.strip_suffix("/graphql").unwrap().parse().unwrap());
                }
                if line.trim().starts_with("data ") {
                    break;
                }
            }
            address.filter(|_| ready)
        };
        let Some(address) = timeout(Duration::from_secs(90), read).await.expect("hale is not ready in time") else {
            panic!("hale ended: {}", text(&child.wait_with_output().await.unwrap().stderr));
        };
        Self { child, address }
    }

    /// On the data folder `data` below this one.
    pub async fn on(folder: &Folder) -> Self {
        Self::start(hale().arg("--data-dir").arg(folder.0.join("data"))).await
    }

    async fn ask(&self, token: Option<&str>, document: &str, variables: Value) -> Value {
        let mut request =
            http().post(format!("http://{}/graphql", self.address)).json(&json!({ "query": document, "variables": variables }));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let mut answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].take()
    }

    pub async fn signs_up(&self, email: &str) -> String {
        let document = "mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken } } }";
        let answer = self.ask(None, document, json!({ "input": { "email": email, "password": PASSWORD } })).await;
        answer.pointer("/signUp/session/accessToken").and_then(Value::as_str).unwrap().to_owned()
    }

    /// Logs a serving of something, and answers once that was acknowledged.
    pub async fn logs(&self, token: &str) {
        let food = self.ask(Some(token), "{ foods(search: \"apple\", first: 1) { nodes { id } } }", json!({})).await;
        let input =
            json!({ "foodId": food.pointer("/foods/nodes/0/id").unwrap(), "quantity": "1", "unit": "serving", "mealType": "snack" });
        self.ask(Some(token), "mutation($input: LogFoodInput!) { logFood(input: $input) { entry { id } } }", json!({ "input": input }))
            .await;
    }

    pub async fn entries(&self, token: &str) -> usize {
        let answer = self.ask(Some(token), "{ viewer { foodDay { entries { id } } } }", json!({})).await;
        answer.pointer("/viewer/foodDay/entries").and_then(Value::as_array).unwrap().len()
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap()
    }

    /// Asks it to stop, as a service manager does; its exit code.
    pub async fn stops(mut self) -> Option<i32> {
        kill_process(self.pid(), Signal::TERM).unwrap();
        timeout(Duration::from_secs(30), self.child.wait()).await.expect("hale does not stop").unwrap().code()
    }
}

/// Whether a process runs; one that has ended may still have its number until its parent asks for its exit code.
pub fn is_alive(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    test_kill_process(pid).is_ok() && !stat.contains(") Z ")
}

/// Waits a moment for a process to end: PostgreSQL removes its files first.
async fn ends(pid: Pid) -> bool {
    for _ in 0..100 {
        if !is_alive(pid) {
            return true;
        }
        sleep(Duration::from_millis(50)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_stop_closes_its_sockets_and_waits_for_nobody() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let mut server = Served::start(hale().env("DATABASE_URL", app.url("hale_app")).arg("--data-dir").arg(folder.0.join("data"))).await;
    let token = server.signs_up("ann@example.org").await;
    let mut socket = Socket::open(server.address).await;
    socket.say(json!({ "type": "connection_init", "payload": { "accessToken": token } })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    let mut silent = Socket::open(server.address).await;
    let mut stderr = server.child.stderr.take().unwrap();
    let (first, second, code) = tokio::join!(socket.closed(), silent.closed(), server.stops());
    assert_eq!((first.0, second.0, code), (1012, 1012, Some(0)));
    let mut said = String::new();
    stderr.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "", "nothing was overdue");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_folder_becomes_a_server_whose_data_outlive_stops_and_kills() {
    let folder = Folder::new();
    let server = Served::on(&folder).await;
    let token = server.signs_up("ann@example.org").await;
    server.logs(&token).await;
    let postgres = folder.postmaster().expect("a PostgreSQL of Hale's own");
    for secret in ["data/keys.json", "data/secrets/hale_app", "data/secrets/hale_owner"] {
        let mode = fs::metadata(folder.0.join(secret)).unwrap_or_else(|error| panic!("{secret}: {error}")).permissions().mode();
        assert_eq!(mode & 0o077, 0, "{secret} can be read by others");
    }
    assert_eq!(server.stops().await, Some(0));
    assert!(ends(postgres).await && folder.postmaster().is_none(), "PostgreSQL was left running");

    // The data and the keys are still there: the token of before works.
    let (first, second) = tokio::join!(Served::on(&folder), Served::on(&folder));
    let postgres = folder.postmaster().unwrap();
    assert_eq!((first.entries(&token).await, second.entries(&token).await), (1, 1));
    first.logs(&token).await;
    assert_eq!(first.stops().await, Some(0));
    assert!(is_alive(postgres), "the first to stop took PostgreSQL with it");
    assert_eq!(second.entries(&token).await, 2);

    // Killed, and its PostgreSQL with it, as soon as a write was acknowledged.
    second.logs(&token).await;
    kill_process(second.pid(), Signal::KILL).unwrap();
    kill_process(postgres, Signal::KILL).unwrap();
    drop(second);
    let third = Served::on(&folder).await;
    assert_eq!(third.entries(&token).await, 3);

    // Killed alone: the next one adopts its PostgreSQL, and stops it.
    let postgres = folder.postmaster().unwrap();
    third.logs(&token).await;
    kill_process(third.pid(), Signal::KILL).unwrap();
    drop(third);
    let fourth = Served::on(&folder).await;
    assert_eq!((fourth.entries(&token).await, folder.postmaster()), (4, Some(postgres)));
    assert_eq!(fourth.stops().await, Some(0));
    assert!(ends(postgres).await);
}

#[tokio::test]
async fn whatever_keeps_it_from_starting_is_said_in_one_line() {
    let folder = Folder::new();
    let data = folder.0.join("data");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let line = fails(hale().arg("--data-dir").arg(&data).args(["--listen", &address])).await;
    assert!(line.contains(&format!("{address} is taken")) && line.contains("--listen"), "{line}");
    let line = fails(hale().arg("--data-dir").arg(&data).args(["--listen", "192.0.2.1:80"])).await;
    assert!(line.contains("cannot listen on 192.0.2.1:80"), "{line}");
    assert!(!data.exists(), "nothing was made before the address was free");

    let file = folder.file("file", "");
    let line = fails(hale().arg("--data-dir").arg(file.join("data")).args(["--listen", "127.0.0.1:0"])).await;
    assert!(line.contains(&*file.to_string_lossy()), "{line}");

    let empty = folder.0.join("empty");
    fs::create_dir(&empty).unwrap();
    let line = fails(hale().arg("--data-dir").arg(&data).arg("--pg-bin").arg(&empty).args(["--listen", "127.0.0.1:0"])).await;
    assert!(line.contains("HALE_PG_BIN") && line.contains("initdb"), "{line}");

    let old = folder.0.join("old");
    fs::create_dir(&old).unwrap();
    for program in ["postgres", "initdb", "pg_ctl"] {
        let path = old.join(program);
        fs::write(&path, format!("#!/bin/sh\necho '{program} (PostgreSQL) 13.2'\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let line = fails(hale().arg("--data-dir").arg(&data).arg("--pg-bin").arg(&old).args(["--listen", "127.0.0.1:0"])).await;
    assert!(line.contains("13.2") && line.contains("15 or newer"), "{line}");

    let line = fails(hale().env("HALE_LOG", "a=b=c").arg("--data-dir").arg(&data)).await;
    assert!(line.contains("HALE_LOG"), "{line}");
    let misused = output(hale().arg("serv")).await;
    assert_eq!(misused.status.code(), Some(2));
}

#[tokio::test]
async fn a_database_that_cannot_be_used_is_said_in_one_line() {
    let folder = Folder::new();
    let app = TestApp::new().await;
    let wrong = app.url("hale_app").replace("of%20the%20throw-away%20cluster", "correct%20horse");
    assert!(wrong.contains("correct%20horse"), "{wrong}");
    // A port that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let empty = empty_database().await;
    for (url, reason) in [
        (format!("postgres://hale_app:correct%20horse@127.0.0.1:{port}/hale"), "refused"),
        ("postgres://hale_app:correct%20horse@nobody.invalid/hale".to_owned(), "cannot connect to PostgreSQL"),
        (wrong, "password authentication failed"),
        ("mysql://hale_app:correct%20horse@127.0.0.1/hale".to_owned(), "postgres://user:password@host:port/database"),
        ("correct horse battery".to_owned(), "postgres://user:password@host:port/database"),
        (database_url("hale_app", "no_such_database"), "no_such_database"),
        (database_url("hale_app", &empty), "migrate up"),
    ] {
        for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate", "verify"]] {
            let line = fails(hale().env("DATABASE_URL", &url).env("HALE_DATA_DIR", &folder.0).args(command)).await;
            assert!(line.contains(reason), "{command:?} {reason}: {line}");
        }
    }
    // The role of the owner would see everybody's rows.
    let owner = app.url("hale_owner");
    let line = fails(hale().env("DATABASE_URL", &owner).env("HALE_DATA_DIR", &folder.0).args(["--listen", "127.0.0.1:0"])).await;
    assert!(line.contains("bypasses row level security") && line.contains("hale_app"), "{line}");
    let line = fails(hale().env("DATABASE_OWNER_URL", &owner).env("HALE_DATA_DIR", &folder.0)).await;
    assert!(line.contains("DATABASE_URL is not"), "{line}");
    let url = app.url("hale_app");
    let file = folder.file("url", &url);
    let line = fails(hale().env("DATABASE_URL", &url).env("DATABASE_URL_FILE", &file).env("HALE_DATA_DIR", &folder.0)).await;
    assert!(line.contains("DATABASE_URL_FILE"), "{line}");
    let keys = folder.file("keys.json", "{}");
    let line = fails(
        hale().env("DATABASE_URL", &url).env("HALE_KEYS_FILE", &keys).env("HALE_DATA_DIR", &folder.0).args(["--listen", "127.0.0.1:0"]),
    )
    .await;
    assert!(line.contains("keys.json holds no usable keys"), "{line}");
}

#[tokio::test]
async fn it_serves_from_a_server_of_ones_own_and_finishes_what_it_began() {
    let (folder, app) = (Folder::new(), TestApp::new().await);
    let url = folder.file("url", &format!("{}\n", app.url("hale_app")));
    let server = Served::start(hale().env("DATABASE_URL_FILE", &url).env("HALE_DATA_DIR", &folder.0)).await;
    let token = server.signs_up("ann@example.org").await;
    server.logs(&token).await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_diary").await, 1);
    assert!(!folder.0.join("postgres").exists(), "a PostgreSQL of Hale's own was made beside the other one");

    // A request that waits for a lock when the server is told to stop is answered all the same.
    let mut blocker = app.connect("hale_owner").await;
    sqlx::Executor::execute(&mut blocker, "BEGIN; LOCK TABLE food_diary IN SHARE MODE").await.unwrap();
    let pid = server.pid();
    let (code, ()) = tokio::join!(
        async {
            server.logs(&token).await;
            let mut child = server.child;
            timeout(Duration::from_secs(30), child.wait()).await.expect("hale does not stop").unwrap().code()
        },
        async {
            sleep(Duration::from_millis(500)).await;
            kill_process(pid, Signal::TERM).unwrap();
            sleep(Duration::from_millis(300)).await;
            sqlx::Executor::execute(&mut blocker, "COMMIT").await.unwrap();
        }
    );
    assert_eq!(code, Some(0));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_diary").await, 2);
}

#[tokio::test]
async fn schema_prints_what_is_checked_in() {
    let checked_in = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/schema.graphql")).unwrap();
    assert_eq!(succeeds(hale().arg("schema")).await, checked_in);
    assert!(succeeds(hale().arg("--version")).await.starts_with("hale "));
}

#[tokio::test]
async fn migrations_go_up_and_down_by_command() {
    let (folder, name) = (Folder::new(), empty_database().await);
    let migrate = |arguments: &[&str]| {
        let mut command = hale();
        command
            .env("HALE_DATA_DIR", &folder.0)
            .env("DATABASE_URL", database_url("hale_app", &name))
            .env("DATABASE_OWNER_URL", database_url("hale_owner", &name));
        command.arg("migrate").args(arguments);
        command
    };
    let all = migration::migrations();
    let status = succeeds(&mut migrate(&["status"])).await;
    assert_eq!(status.lines().filter(|line| line.contains("  pending  ")).count(), all.len(), "{status}");
    assert!(fails(&mut migrate(&["verify"])).await.contains("are pending"));
    let line = fails(migrate(&["up"]).env_remove("DATABASE_OWNER_URL")).await;
    assert!(line.contains("DATABASE_OWNER_URL is not set"), "{line}");
    let mut serve = hale();
    serve.env("HALE_DATA_DIR", &folder.0).env("DATABASE_URL", database_url("hale_app", &name)).args(["--listen", "127.0.0.1:0"]);
    let line = fails(&mut serve).await;
    assert!(line.contains("pending") && line.contains("hale migrate up"), "{line}");

    let up = succeeds(&mut migrate(&["up"])).await;
    assert_eq!(up.lines().filter(|line| line.starts_with("applied ")).count(), all.len(), "{up}");
    assert_eq!(succeeds(&mut migrate(&["up"])).await, "nothing to apply\n");
    assert!(succeeds(&mut migrate(&["verify"])).await.contains("up to date"));
    let last = all.last().unwrap();
    assert!(succeeds(&mut migrate(&["down"])).await.starts_with(&format!("reverted {} {}", last.version(), last.description())));
    assert_eq!(succeeds(&mut migrate(&["down", "2"])).await.lines().count(), 2);
    assert_eq!(succeeds(&mut migrate(&["up"])).await.lines().count(), 3);
    assert_eq!(succeeds(&mut migrate(&["mark", last.version()])).await, format!("recorded {}\n", last.version()));
    assert!(fails(&mut migrate(&["mark", "2001_01_01_00_00"])).await.contains("no migration 2001_01_01_00_00"));

    let directory = folder.0.join("sql");
    let made = succeeds(migrate(&["new", "add_food_index", "--directory"]).arg(&directory)).await;
    assert!(made.lines().count() == 2 && made.lines().all(|path| Path::new(path).exists() && path.contains("_add_food_index.")), "{made}");
    assert!(fails(migrate(&["new", "Add Food", "--directory"]).arg(&directory)).await.contains("snake_case"));
}

#[tokio::test]
async fn roles_and_database_are_made_by_command() {
    let (folder, name) = (Folder::new(), empty_database().await);
    let wanted = format!("{name}_made");
    let mut bootstrap = hale();
    bootstrap.env("HALE_DATA_DIR", &folder.0).env("DATABASE_ADMIN_URL", database_url("postgres", &name)).args([
        "migrate",
        "bootstrap",
        "--database",
        &wanted,
    ]);
    for _ in 0..2 {
        assert_eq!(succeeds(&mut bootstrap).await, format!("the roles and the database {wanted} are ready\n"));
    }
    let mut up = hale();
    up.env("HALE_DATA_DIR", &folder.0)
        .env("DATABASE_URL", database_url("hale_app", &wanted))
        .env("DATABASE_OWNER_URL", database_url("hale_owner", &wanted));
    succeeds(up.args(["migrate", "up"])).await;
    let line = fails(hale().env("HALE_DATA_DIR", &folder.0).args(["migrate", "bootstrap"])).await;
    assert!(line.contains("DATABASE_ADMIN_URL is not set"), "{line}");
}

#[tokio::test]
async fn an_import_is_repeatable_and_an_address_can_be_verified() {
    let (folder, app) = (Folder::new(), TestApp::new().await);
    let owned = |arguments: &[&str]| {
        let mut command = hale();
        command
            .env("HALE_DATA_DIR", &folder.0)
            .env("DATABASE_URL", app.url("hale_app"))
            .env("DATABASE_OWNER_URL", app.url("hale_owner"))
            .args(arguments);
        command
    };
    let csv = folder.file(
        "foods.csv",
        "NDB_No,Shrt_Desc,Water_(g),Energ_Kcal,Protein_(g),Lipid_Tot_(g),Carbohydrt_(g),Fiber_TD_(g),Sugar_Tot_(g),Sodium_(mg),GmWt_1,GmWt_Desc1,GmWt_2,GmWt_Desc2\n\
         90001,\"QUINCE PASTE,SWEET\",30,250,0.4,0.1,62,3,55,4,20,1 tbsp,,\n\
         90002,\"SAMPHIRE,RAW\",90,20,1.5,0.2,3,2,0,800,,,,\n",
    );
    let import = ["import", "foods", "--format", "usda-sr", csv.to_str().unwrap()];
    assert_eq!(succeeds(&mut owned(&import)).await, "foods: 2 added, 0 changed, 0 unchanged, 0 skipped\n");
    assert_eq!(succeeds(&mut owned(&import)).await, "foods: 0 added, 0 changed, 2 unchanged, 0 skipped: nothing to do\n");
    let line = fails(&mut owned(&["import", "foods", "--format", "usda-sr", "/no/such/file.csv"])).await;
    assert!(line.contains("/no/such/file.csv"), "{line}");
    let line = fails(owned(&import).env_remove("DATABASE_OWNER_URL")).await;
    assert!(line.contains("DATABASE_OWNER_URL"), "{line}");

    let ann = app.person("ann").await;
    assert_eq!(succeeds(&mut owned(&["admin", "verify", "ANN@example.org"])).await, "ANN@example.org is verified\n");
    assert!(app.value::<bool>("SELECT email_verified_at IS NOT NULL FROM users").await, "{}", ann.email);
    let line = fails(&mut owned(&["admin", "verify", "nobody@example.org"])).await;
    assert!(line.contains("no account has the address nobody@example.org"), "{line}");
}
