//! `hale doctor` finds every fault that is planted here and none where there is none, and `hale maintain` does what pays. Both as
//! people start them.

use std::{
    fs,
    os::unix::fs::{FileExt, PermissionsExt},
    path::Path,
    process::Stdio,
    time::Duration,
};

use chrono::TimeDelta;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use service::{
    clock::{Clock, SystemClock},
    doctor::{Expectations, Status},
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::{
    process::Command,
    time::{sleep, timeout},
};

use crate::{
    command_line::{Folder, Served, fails, hale, succeeds},
    harness::{
        TestApp,
        google::{self, Fake},
        smtp::MailServer,
    },
};

/// What `hale doctor --json` answered.
struct Examined {
    code: i32,
    report: Value,
}

impl Examined {
    async fn by(command: &mut Command, arguments: &[&str]) -> Self {
        let command = command.args(["doctor", "--json"]).args(arguments);
        let output = timeout(Duration::from_secs(90), command.output()).await.expect("the doctor does not come").unwrap();
        let report = serde_json::from_slice(&output.stdout);
        let report: Value = report.unwrap_or_else(|_| panic!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)));
        let examined = Self { code: output.status.code().unwrap(), report };
        assert_eq!(examined.report["format"], 1);
        let statuses: Vec<_> = examined.checks().map(|check| check["status"].as_str().unwrap().to_owned()).collect();
        let (code, status) = match &statuses {
            all if all.iter().any(|status| status == "failed") => (2, "failed"),
            all if all.iter().any(|status| status == "warning") => (1, "warning"),
            _ => (0, "ok"),
        };
        assert_eq!((examined.code, examined.report["status"].as_str()), (code, Some(status)), "{:#}", examined.report);
        for check in examined.checks() {
            assert_eq!(check["advice"].is_null(), check["status"] == "ok", "{check:#}");
            assert!(check["found"].as_str().is_some_and(|found| !found.is_empty()), "{check:#}");
        }
        examined
    }

    fn checks(&self) -> impl Iterator<Item = &Value> {
        self.report["checks"].as_array().unwrap().iter()
    }

    fn check(&self, name: &str) -> &Value {
        self.checks().find(|check| check["name"] == name).unwrap_or_else(|| panic!("there is no check {name}"))
    }

    #[track_caller]
    fn is(&self, name: &str, status: &str, words: &[&str]) {
        let check = self.check(name);
        let text = check.to_string();
        assert_eq!(check["status"], status, "{check:#}");
        assert!(words.iter().all(|word| text.contains(word)), "{words:?}: {check:#}");
    }

    /// What `--fix` did.
    fn fixed(&self, name: &str) -> Vec<&str> {
        self.check(name)["fixed"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect()
    }

    fn named(&self, status: &str) -> Vec<&str> {
        self.checks().filter(|check| check["status"] == status).map(|check| check["name"].as_str().unwrap()).collect()
    }
}

/// Hale with the settings of this database, and the data folder of its own.
fn at(app: &TestApp, folder: &Folder) -> Command {
    let mut command = hale();
    command.env("HALE_DATA_DIR", &folder.0).env("DATABASE_URL", app.url("hale_app")).env("DATABASE_OWNER_URL", app.url("hale_owner"));
    command
}

async fn run(connection: &mut PgConnection, statements: &[&str]) {
    for sql in statements {
        connection.execute(AssertSqlSafe(*sql)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The URL of a role of the PostgreSQL of this data folder.
fn own_url(data: &Path, role: &str, secret: &str) -> String {
    let password = fs::read_to_string(data.join("secrets").join(secret)).unwrap();
    let folder = data.join("postgres").canonicalize().unwrap().to_string_lossy().replace('/', "%2F");
    format!("postgres://{role}:{}@localhost/hale?host={folder}&port=5432", password.trim())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_installation_is_well_and_faults_of_its_files_and_roles_are_found() {
    let folder = Folder::new();
    let data = folder.0.join("data");
    let own = || {
        let mut command = hale();
        // The backups here are the test's.
        command.arg("--data-dir").arg(&data).args(["--backup-schedule", "off"]);
        command
    };
    let nothing = Examined::by(&mut own(), &[]).await;
    nothing.is("connection", "failed", &["there is no database"]);
    nothing.is("foreign_keys", "skipped", &[]);
    assert!(!data.join("postgres").exists(), "the doctor made a database");

    let server = Served::start(&mut own()).await;
    server.signs_up("ann@example.org").await;
    let (keys, backups) = (data.join("keys.json"), data.join("backups"));
    let backup = |age: TimeDelta| backups.join((SystemClock.now() - age).format("hale_backup_%Y-%m-%d_%H-%M-%S.tar").to_string());
    fs::create_dir(&backups).unwrap();
    let (old, new) = (backup(TimeDelta::hours(75)), backup(TimeDelta::hours(1)));
    fs::write(&old, "").unwrap();
    fs::write(&new, "").unwrap();
    fs::copy(&keys, backups.join("keys.json")).unwrap();
    let well = Examined::by(&mut own(), &["--fix"]).await;
    assert_eq!(well.named("skipped"), ["unused_indexes", "slow_statements", "google_calendar", "mail"], "{:#}", well.report);
    assert!(well.code == 0 && well.checks().all(|check| check["fixed"].as_array().unwrap().is_empty()), "{:#}", well.report);
    let text = String::from_utf8(own().arg("doctor").output().await.unwrap().stdout).unwrap();
    assert!(text.contains("ok       isolation") && text.ends_with("0 failed, 0 warnings, 4 skipped\n"), "{text}");

    // Files that others can read, an old backup, and a copy of other keys.
    let secret = data.join("secrets/hale_app");
    set_mode(&keys, 0o644);
    set_mode(&secret, 0o640);
    fs::remove_file(&new).unwrap();
    fs::write(backups.join("keys.json"), "{}").unwrap();
    let ill = Examined::by(&mut own(), &[]).await;
    ill.is("key_file", "failed", &["keys.json can be read by others"]);
    ill.is("secrets", "failed", &["secrets/hale_app"]);
    ill.is("backups", "warning", &["is 75 h old"]);
    ill.is("keys_copy", "warning", &["is not a copy of the keys in use"]);
    assert_eq!((ill.named("failed").len(), ill.named("warning").len()), (2, 2), "{:#}", ill.report);
    assert_eq!((mode(&keys), mode(&secret)), (0o644, 0o640), "it was not asked to mend");
    let mended = Examined::by(&mut own(), &["--fix"]).await;
    assert_eq!(mended.fixed("key_file"), [format!("chmod 600 {}", keys.canonicalize().unwrap().display())]);
    assert_eq!((mode(&keys), mode(&secret), mended.code), (0o600, 0o600, 1));

    // No backup, no copy, and keys that are none, or gone.
    fs::remove_file(&old).unwrap();
    fs::remove_file(backups.join("keys.json")).unwrap();
    let kept = fs::read_to_string(&keys).unwrap();
    fs::write(&keys, "{}").unwrap();
    let ill = Examined::by(&mut own(), &["--backup-dir", backups.to_str().unwrap()]).await;
    ill.is("key_file", "failed", &["not a key file"]);
    ill.is("backups", "warning", &["there is none"]);
    ill.is("keys_copy", "skipped", &[]);
    fs::remove_file(&keys).unwrap();
    Examined::by(&mut own(), &[]).await.is("key_file", "failed", &["signs everybody out"]);
    assert!(!keys.exists(), "the doctor made keys");
    fs::write(&keys, kept).unwrap();

    // The same server as one of one's own, whose roles somebody has changed.
    let admin = own_url(&data, "postgres", "postgres_superuser");
    let external = |owner: bool| {
        let mut command = hale();
        command.env("HALE_DATA_DIR", &data).env("DATABASE_URL", own_url(&data, "hale_app", "hale_app"));
        if owner {
            command.env("DATABASE_OWNER_URL", own_url(&data, "hale_owner", "hale_owner"));
        }
        command
    };
    Examined::by(&mut external(true), &[]).await.is("roles", "ok", &[]);
    let without_owner = Examined::by(&mut external(false), &[]).await;
    without_owner.is("isolation", "ok", &[]);
    without_owner.is("btree_indexes", "skipped", &["DATABASE_OWNER_URL"]);
    let wrong = Examined::by(external(true).env("DATABASE_URL", own_url(&data, "hale_app", "hale_owner")), &[]).await;
    wrong.is("connection", "failed", &["as hale_app", "password authentication failed"]);
    wrong.is("isolation", "skipped", &[]);
    let mut superuser = PgConnection::connect(&admin).await.unwrap();
    let changes = [
        "ALTER ROLE hale_app SET statement_timeout = '50s'",
        "ALTER ROLE hale_app SUPERUSER",
        "ALTER ROLE hale_owner NOCREATEDB",
        "REVOKE hale_search FROM hale_owner",
        "GRANT CREATE ON SCHEMA public TO PUBLIC",
    ];
    run(&mut superuser, &changes).await;
    let ill = Examined::by(&mut external(true), &["--fix"]).await;
    let words =
        ["statement_timeout of hale_app is not 5s", "the role hale_app is not", "NOSUPERUSER", "the role hale_owner is not", "CREATEDB"];
    ill.is("roles", "failed", &words);
    ill.is("roles", "failed", &["hale_owner is not a member of hale_search", "everybody may make things", "hale migrate bootstrap"]);
    ill.is("isolation", "failed", &["hale_app is a superuser"]);
    succeeds(hale().env("DATABASE_ADMIN_URL", &admin).env("HALE_DATA_DIR", &folder.0).args(["migrate", "bootstrap"])).await;
    let well = Examined::by(&mut external(true), &[]).await;
    well.is("roles", "ok", &[]);
    well.is("isolation", "ok", &[]);
    assert_eq!(server.stops().await, Some(0));
}

#[tokio::test]
async fn isolation_and_schema_that_were_tampered_with_are_found() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let well = Examined::by(&mut at(&app, &folder), &[]).await;
    well.is("isolation", "ok", &[]);
    well.is("migrations", "ok", &[]);
    // The throw-away cluster of the tests is what no installation should be.
    well.is("server", "failed", &["fsync is off", "full_page_writes is off", "synchronous_commit is off"]);
    well.is("page_checksums", "warning", &["pages carry no checksums"]);
    run(&mut app.connect("postgres").await, &["DROP EXTENSION amcheck"]).await;
    let mut owner = app.connect("hale_owner").await;
    let last = migration::migrations().last().unwrap().version();
    let forget = format!("DELETE FROM migrations WHERE version = '{last}'");
    run(&mut owner, &["ALTER TABLE goals NO FORCE ROW LEVEL SECURITY", "DROP POLICY own ON devices", &forget]).await;
    let ill = Examined::by(&mut at(&app, &folder), &["--fix"]).await;
    ill.is("isolation", "failed", &["the table goals lacks FORCE ROW LEVEL SECURITY", "the table devices has no policy for SELECT"]);
    ill.is("migrations", "failed", &["1 migration(s) are pending", last]);
    for name in ["heap_pages", "btree_indexes"] {
        ill.is(name, "skipped", &["the extension amcheck is not in the database", "hale migrate bootstrap"]);
    }
    let first = migration::migrations()[0].version();
    let earlier = format!("UPDATE migrations SET version = '{last}', checksum = 'another text' WHERE version = '{first}'");
    run(&mut owner, &[&earlier]).await;
    Examined::by(&mut at(&app, &folder), &[]).await.is("migrations", "failed", &["was changed after it was applied", last]);
    run(&mut owner, &[&format!("DELETE FROM migrations WHERE version = '{last}'")]).await;
    let newer = "INSERT INTO migrations (version, name, checksum) VALUES ('2099_01_01_00_00', 'from_the_future', '')";
    Examined::by(&mut at(&app, &folder), &[]).await.is("migrations", "failed", &[first, "it was forgotten, or broken off half-way"]);
    run(&mut owner, &[newer]).await;
    Examined::by(&mut at(&app, &folder), &[]).await.is("migrations", "failed", &["from_the_future", "update hale"]);
}

#[tokio::test]
async fn broken_indexes_keys_and_constraints_are_found_and_what_is_safe_is_mended() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let ann = app.person("ann").await;
    let food = ann.creates_food(json!({})).await;
    ann.logs_food(&food, json!({})).await;
    let checks = ["invalid_indexes", "foreign_keys", "constraints"];
    let well = Examined::by(&mut at(&app, &folder), &[]).await;
    assert!(checks.iter().all(|name| well.check(name)["status"] == "ok"), "{:#}", well.report);

    let mut superuser = app.connect("postgres").await;
    run(
        &mut superuser,
        &[
            "CREATE INDEX goals_planted_ccnew ON goals (user_id)",
            "ALTER INDEX goals_planted_ccnew OWNER TO hale_owner",
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid IN ('food_diary_created_by_idx'::regclass, 'goals_planted_ccnew'::regclass)",
            "ALTER TABLE user_preferences DROP CONSTRAINT user_preferences_user_id_fkey,
               ADD CONSTRAINT planted_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE NOT VALID",
            "ALTER TABLE goals ADD CONSTRAINT planted_check CHECK (version > 0) NOT VALID",
            "ALTER TABLE food_items ADD CONSTRAINT planted_broken_check CHECK (name = '') NOT VALID",
            "ALTER TABLE noots DISABLE TRIGGER USER",
            "SET session_replication_role = replica",
            "UPDATE food_diary SET food_item_id = gen_random_uuid()",
        ],
    )
    .await;
    let ill = Examined::by(&mut at(&app, &folder), &[]).await;
    ill.is("invalid_indexes", "failed", &["food_diary_created_by_idx of food_diary", "goals_planted_ccnew of goals"]);
    ill.is(
        "foreign_keys",
        "failed",
        &["food_diary_food_item_id_fkey of food_diary: 1 rows", "planted_fkey of user_preferences is NOT VALID"],
    );
    ill.is("constraints", "failed", &["planted_check of goals is NOT VALID", "planted_broken_check", "of noots is disabled"]);

    let mended = Examined::by(&mut at(&app, &folder), &["--fix"]).await;
    mended.is("invalid_indexes", "ok", &[]);
    assert_eq!(
        mended.fixed("invalid_indexes"),
        ["REINDEX INDEX CONCURRENTLY food_diary_created_by_idx", "DROP INDEX CONCURRENTLY goals_planted_ccnew"]
    );
    // What cannot be mended without losing something stays, and is still told.
    mended.is("foreign_keys", "failed", &["food_diary_food_item_id_fkey"]);
    assert_eq!(mended.fixed("foreign_keys"), ["ALTER TABLE user_preferences VALIDATE CONSTRAINT planted_fkey"]);
    assert!(!mended.check("foreign_keys")["found"].as_str().unwrap().contains("planted_fkey"));
    mended.is(
        "constraints",
        "failed",
        &["planted_broken_check", "of noots is disabled", "could not ALTER TABLE food_items VALIDATE CONSTRAINT"],
    );
    assert!(mended.fixed("constraints").contains(&"ALTER TABLE goals VALIDATE CONSTRAINT planted_check"));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_diary").await, 1);
    let again = Examined::by(&mut at(&app, &folder), &[]).await;
    again.is("invalid_indexes", "ok", &[]);
    assert!(!again.check("constraints").to_string().contains("planted_check"));
}

/// A table of the owner's, of which nineteen in twenty rows are gone, and which autovacuum leaves alone.
const MOSTLY_EMPTY: [&str; 4] = [
    "CREATE TABLE planted (id bigint CONSTRAINT planted_pkey PRIMARY KEY, note text NOT NULL) WITH (autovacuum_enabled = false)",
    "INSERT INTO planted SELECT n, repeat(md5(n::text), 3) FROM generate_series(1, 100000) n",
    "DELETE FROM planted WHERE id % 20 <> 0",
    "VACUUM (ANALYZE) planted",
];

#[tokio::test]
async fn statistics_bloat_and_indexes_are_judged_and_maintain_does_what_pays() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let mut owner = app.connect("hale_owner").await;
    run(
        &mut owner,
        &[
            MOSTLY_EMPTY[0],
            MOSTLY_EMPTY[1],
            "CREATE INDEX planted_note_idx ON planted (note)",
            "SELECT count(*) FROM generate_series(1, 1100) n, LATERAL (SELECT FROM planted WHERE id = n OFFSET 0) p",
            "CREATE TABLE scanned WITH (autovacuum_enabled = false) AS SELECT n FROM generate_series(1, 10500) n",
            "SELECT sum(count) FROM generate_series(1, 1010) g, LATERAL (SELECT count(*) FROM scanned WHERE n = g) c",
            "DROP INDEX food_diary_created_by_idx",
            "SELECT pg_stat_force_next_flush()",
        ],
    )
    .await;
    let ill = Examined::by(&mut at(&app, &folder), &[]).await;
    ill.is("statistics", "warning", &["planted: it was never analysed"]);
    ill.is(
        "missing_indexes",
        "warning",
        &["food_diary_created_by_fkey of food_diary leads no index", "scanned, with 10500 rows, was read from end to end 1010 times"],
    );
    ill.is("unused_indexes", "skipped", &["statistics go back to"]);
    ill.is("index_bloat", "ok", &[]);
    ill.is("size", "ok", &["the table planted takes"]);
    run(&mut owner, &["UPDATE migrations SET applied_at = applied_at - interval '60 days'"]).await;
    let ill = Examined::by(&mut at(&app, &folder), &["--fix"]).await;
    ill.is("unused_indexes", "warning", &["planted_note_idx of planted takes"]);
    assert!(!ill.check("unused_indexes").to_string().contains("planted_pkey"));
    assert!(ill.fixed("statistics").contains(&"ANALYZE planted"));
    assert!(!ill.check("statistics")["details"].to_string().contains("planted: it was never"));

    run(&mut owner, &MOSTLY_EMPTY[2..]).await;
    run(&mut owner, &["UPDATE planted SET note = note", "SELECT pg_stat_force_next_flush()"]).await;
    let counted = Examined::by(&mut at(&app, &folder), &[]).await;
    counted.is("index_bloat", "warning", &["planted_pkey", "planted_note_idx", "is empty, as pgstattuple counts"]);
    counted.is("table_bloat", "warning", &["of planted is empty, as pgstattuple counts"]);
    counted.is("statistics", "warning", &["planted: 5000 dead rows beside 5000 living ones"]);
    run(&mut app.connect("postgres").await, &["DROP EXTENSION pgstattuple"]).await;
    let estimated = Examined::by(&mut at(&app, &folder), &[]).await;
    estimated.is("index_bloat", "warning", &["planted_pkey", "planted_note_idx", "is empty, estimated from statistics"]);
    estimated.is("table_bloat", "warning", &["of planted is empty, estimated from statistics"]);

    let planned = succeeds(at(&app, &folder).args(["maintain", "--dry-run"])).await;
    for task in ["VACUUM (ANALYZE) planted", "REINDEX INDEX CONCURRENTLY planted_pkey", "REINDEX INDEX CONCURRENTLY planted_note_idx"] {
        assert!(planned.contains(&format!("would {task}: ")), "{planned}");
    }
    let before = app.value::<i64>("SELECT pg_relation_size('planted_pkey')").await;
    let done = succeeds(at(&app, &folder).arg("maintain")).await;
    assert!(done.contains("REINDEX INDEX CONCURRENTLY planted_pkey: 2.") && done.contains(" before, "), "{done}");
    let after = app.value::<i64>("SELECT pg_relation_size('planted_pkey')").await;
    assert!(after * 4 < before, "{before} bytes became {after}");
    assert_eq!(succeeds(at(&app, &folder).args(["maintain", "--dry-run"])).await, "nothing pays\n");
    let well = Examined::by(&mut at(&app, &folder), &[]).await;
    well.is("index_bloat", "ok", &[]);
    well.is("statistics", "ok", &[]);
    well.is("btree_indexes", "ok", &[]);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM planted").await, 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn maintain_is_alone_lets_hale_serve_and_killed_leaves_what_the_doctor_mends() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let ann = app.person("ann").await;
    let food = ann.creates_food(json!({})).await;
    run(&mut app.connect("hale_owner").await, &MOSTLY_EMPTY).await;
    // A rebuilt index waits for the transactions that may still need the old one.
    let mut old = app.connect("hale_owner").await;
    run(&mut old, &["BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM goals"]).await;
    let mut maintain = at(&app, &folder).arg("maintain").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    until(&app, "SELECT EXISTS (SELECT FROM pg_class WHERE relname = 'planted_pkey_ccnew')").await;

    let line = fails(at(&app, &folder).arg("maintain")).await;
    assert!(line.contains("runs already"), "{line}");
    let line = fails(at(&app, &folder).args(["doctor", "--fix"])).await;
    assert!(line.contains("runs already"), "{line}");
    Examined::by(&mut at(&app, &folder), &[]).await.is("invalid_indexes", "ok", &[]);
    ann.logs_food(&food, json!({})).await;
    run(&mut app.connect("hale_owner").await, &["SET statement_timeout = '5s'", "INSERT INTO planted VALUES (0, 'while it is rebuilt')"])
        .await;

    kill_process(Pid::from_raw(maintain.id().unwrap().cast_signed()).unwrap(), Signal::KILL).unwrap();
    maintain.wait().await.unwrap();
    until(&app, "SELECT NOT EXISTS (SELECT FROM pg_stat_progress_create_index)").await;
    Examined::by(&mut at(&app, &folder), &[]).await.is("invalid_indexes", "failed", &["planted_pkey_ccnew of planted"]);
    run(&mut old, &["COMMIT"]).await;
    let mended = Examined::by(&mut at(&app, &folder), &["--fix"]).await;
    mended.is("invalid_indexes", "ok", &["DROP INDEX CONCURRENTLY planted_pkey_ccnew"]);
    mended.is("btree_indexes", "ok", &[]);
    assert!(succeeds(at(&app, &folder).arg("maintain")).await.contains("REINDEX INDEX CONCURRENTLY planted_pkey: "));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM planted").await, 5001);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM pg_class WHERE relname ~ '_cc(new|old)'").await, 0);
}

async fn until(app: &TestApp, sql: &'static str) {
    for _ in 0..1800 {
        if app.value::<bool>(sql).await {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came to pass: {sql}");
}

#[tokio::test]
async fn a_clock_that_is_wrong_old_transactions_and_a_full_queue_are_found() {
    let app = TestApp::new().await;
    let maintenance = app.maintenance().await;
    let examine = async || service::doctor::examine(&maintenance, Expectations { connections: 8 }, false, |_| {}).await.unwrap();
    let found = |findings: &[service::doctor::Finding], name: &str| {
        let finding = findings.iter().find(|finding| finding.name == name).unwrap();
        (finding.status, format!("{} {}", finding.found, finding.details.join(" ")))
    };
    app.clock.set(&SystemClock.now().to_rfc3339());
    let mut open = app.connect("hale_app").await;
    run(&mut open, &["BEGIN", "SELECT 1"]).await;
    let well = examine().await;
    assert_eq!(found(&well, "clock").0, Status::Ok);
    assert_eq!(found(&well, "long_transactions").0, Status::Ok);
    assert_eq!(found(&well, "jobs").0, Status::Ok);

    let jobs = "INSERT INTO jobs (id, kind, key, due_at, attempts, dead_at, last_error)
        SELECT gen_random_uuid(), CASE WHEN n < 4 THEN 'remind' ELSE 'plan' END, n::text, now(), 12, CASE WHEN n < 4 THEN now() END, 'no' FROM generate_series(1, 503) n";
    run(&mut app.connect("hale_owner").await, &[jobs]).await;
    app.clock.set(&(SystemClock.now() + TimeDelta::minutes(11)).to_rfc3339());
    let ill = examine().await;
    let (status, text) = found(&ill, "clock");
    assert!(status == Status::Failed && text.contains("s behind Hale's"), "{text}");
    let (status, text) = found(&ill, "long_transactions");
    assert!(
        status == Status::Warning && text.contains("hale_app has been in a transaction since") && text.contains("and does nothing"),
        "{text}"
    );
    let (status, text) = found(&ill, "jobs");
    assert!(status == Status::Warning && text.contains("3 jobs of the kind remind were given up"), "{text}");
    assert!(text.contains("500 jobs of the kind plan have been due for more than ten minutes"), "{text}");

    let folder = Folder::new();
    Examined::by(at(&app, &folder).args(["--max-connections", "1000"]), &[]).await.is("connections", "failed", &["each takes up to 1001"]);
}

#[tokio::test]
async fn providers_are_asked_when_that_is_wanted() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let (google, mail) = (Fake::start().await, MailServer::start().await);
    let mut set_up = at(&app, &folder);
    set_up
        .envs(google::environment(&google.url))
        .env("HALE_SMTP_URL", mail.settings().url)
        .env("HALE_MAIL_FROM", "Hale <hale@example.net>");
    let well = Examined::by(&mut set_up, &["--providers"]).await;
    well.is("google_calendar", "ok", &[]);
    well.is("mail", "ok", &[]);
    assert_eq!(mail.taken().len(), 0, "a mail was sent");
    let mut stranger = at(&app, &folder);
    stranger.envs(google::environment(&google.url)).env("HALE_GOOGLE_CLIENT_SECRET", "another");
    Examined::by(&mut stranger, &["--providers"]).await.is("google_calendar", "failed", &[]);
    let mut silent = at(&app, &folder);
    silent
        .envs(google::environment(google::NOWHERE))
        .env("HALE_SMTP_URL", "smtp://127.0.0.1:9")
        .env("HALE_MAIL_FROM", "Hale <hale@example.net>");
    let ill = Examined::by(&mut silent, &["--providers"]).await;
    ill.is("google_calendar", "failed", &["Google: "]);
    ill.is("mail", "failed", &["the mail server: "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_pages_slow_statements_and_old_transactions_are_found() {
    let folder = Folder::new();
    let data = folder.0.join("data");
    let own = || {
        let mut command = hale();
        command.arg("--data-dir").arg(&data);
        command
    };
    let server = Served::start(&mut own()).await;
    server.signs_up("ann@example.org").await;
    assert_eq!(server.stops().await, Some(0));
    let settings = "shared_preload_libraries = 'pg_stat_statements'\nautovacuum_freeze_max_age = 100000\n";
    fs::write(data.join("postgres/data/postgresql.auto.conf"), settings).unwrap();
    let server = Served::start(&mut own()).await;
    let well = Examined::by(&mut own(), &[]).await;
    for name in ["page_checksums", "heap_pages", "btree_indexes", "slow_statements", "transaction_age"] {
        well.is(name, "ok", &[]);
    }

    let mut app = PgConnection::connect(&own_url(&data, "hale_app", "hale_app")).await.unwrap();
    for _ in 0..5 {
        run(&mut app, &["SELECT pg_sleep(0.3), 'ann''s secret'"]).await;
    }
    let admin = own_url(&data, "postgres", "postgres_superuser");
    let (mut holder, mut superuser) = (PgConnection::connect(&admin).await.unwrap(), PgConnection::connect(&admin).await.unwrap());
    run(&mut holder, &["BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT count(*) FROM goals"]).await;
    run(
        &mut superuser,
        &["DO $$ BEGIN
             CREATE TEMP TABLE burned (n int);
             FOR n IN 1..260000 LOOP BEGIN INSERT INTO burned VALUES (n); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP;
           END $$"],
    )
    .await;
    let ill = Examined::by(&mut own(), &[]).await;
    ill.is("slow_statements", "warning", &["5 times: SELECT pg_sleep($1), $2"]);
    assert!(!ill.report.to_string().contains("ann's secret"));
    ill.is("transaction_age", "warning", &["transactions ago"]);
    run(&mut holder, &["COMMIT"]).await;

    let path = async |connection: &mut PgConnection, relation: &str| {
        let (path,): (String,) =
            sqlx::query_as("SELECT pg_relation_filepath($1::regclass)").bind(relation).fetch_one(connection).await.unwrap();
        data.join("postgres/data").join(path)
    };
    let (heap, index) = (path(&mut superuser, "exercises").await, path(&mut superuser, "food_items_pkey").await);
    for connection in [app, holder, superuser] {
        connection.close().await.unwrap();
    }
    assert_eq!(server.stops().await, Some(0));
    for (file, offset) in [(heap, 4000), (index, 8192 + 4000)] {
        let file = fs::OpenOptions::new().read(true).write(true).open(file).unwrap();
        let mut bytes = [0; 16];
        file.read_exact_at(&mut bytes, offset).unwrap();
        file.write_all_at(&bytes.map(|byte| !byte), offset).unwrap();
    }
    let ill = Examined::by(&mut own(), &["--fix"]).await;
    ill.is("heap_pages", "failed", &["exercises: invalid page in block 0"]);
    ill.is("btree_indexes", "failed", &["food_items_pkey: invalid page in block 1"]);
    // The doctor's own reading is counted a moment later.
    Examined::by(&mut own(), &[]).await.is("page_checksums", "failed", &["were read with a wrong checksum"]);
}
