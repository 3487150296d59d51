//! Restoring: everything as it was, in one step, whoever is killed meanwhile; servers notice and go on.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    time::{Instant, sleep},
};

use crate::{
    backup::{backs_up, operator},
    command_line::{Folder, Served, fails, hale, succeeds},
    harness::{Person, TestApp, database_url, empty_database, report},
    migrations::FINGERPRINT,
    subscriptions::{Socket, payload},
};

const PERSON: &str = "subscription { personChanged { id } }";
/// How long anything may take at most.
const AGES: Duration = Duration::from_secs(60);

/// What every table of this app's database holds, whatever the order of its rows. Left out is what a restore is there to change: the
/// history that devices know, and the note that a backup was made.
pub async fn contents(app: &TestApp) -> BTreeMap<String, String> {
    contents_of(&app.url("hale_owner")).await
}

async fn contents_of(url: &str) -> BTreeMap<String, String> {
    let begun = Instant::now();
    let mut connection = loop {
        match PgConnection::connect(url).await {
            Ok(connection) => break connection,
            // At the moment when it gets its name.
            Err(error) => assert!(begun.elapsed() < AGES, "{error}"),
        }
        sleep(Duration::from_millis(20)).await;
    };
    connection.execute("SET TimeZone = 'UTC'").await.unwrap();
    let tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename NOT IN ('sync_epochs', 'backups')";
    let tables: Vec<(String,)> = sqlx::query_as(tables).fetch_all(&mut connection).await.unwrap();
    let mut contents = BTreeMap::new();
    for (table,) in tables {
        let row = if table == "public.sync_spaces" { "(to_jsonb(t) - '{head,updated_at}'::text[])::text" } else { "t::text" };
        let sql = format!("SELECT concat(count(*), ' ', md5(string_agg(md5({row}), '' ORDER BY md5({row})))) FROM {table} t");
        let (hash,): (String,) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut connection).await.unwrap();
        contents.insert(table, hash);
    }
    contents
}

/// The schema, but for what only an administrator can make: the extensions that the doctor looks with.
async fn schema(app: &TestApp) -> Vec<(String,)> {
    let mut lines: Vec<(String,)> = sqlx::query_as(FINGERPRINT).fetch_all(&mut app.connect("hale_owner").await).await.unwrap();
    let tools = ["bt_index", "pgstat", "pg_relpages", "verify_heapam", "pg_stat_statements"];
    lines.retain(|(line,)| !tools.iter().any(|tool| line.contains(tool)));
    lines
}

/// Restores a backup, and answers what the database of before is called.
pub async fn restores(app: &TestApp, folder: &Folder, path: &Path) -> String {
    let said = succeeds(operator(app, folder).args(["restore", "--yes"]).arg(path)).await;
    let kept = said.split("the database ").nth(1).unwrap_or_else(|| panic!("{said}"));
    kept.split(' ').next().unwrap().to_owned()
}

/// The databases that a restore has made beside this app's.
async fn databases_beside(app: &TestApp) -> Vec<String> {
    let mut connection = PgConnection::connect(&app.url("postgres")).await.unwrap();
    let beside = "SELECT datname::text FROM pg_database WHERE starts_with(datname, current_database() || '_') ORDER BY 1";
    let names: Vec<(String,)> = sqlx::query_as(beside).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    names.into_iter().map(|(name,)| name).collect()
}

/// What became of a request to read.
async fn outcome(person: &Person<'_>) -> String {
    let answer = person.json("{ viewer { id } }", json!({})).await;
    let code = answer.pointer("/errors/0/extensions/code").and_then(Value::as_str);
    code.unwrap_or("OK").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_household_is_what_it_was_and_the_server_went_on() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let maintenance = app.maintenance().await;
    service::demo::create(&app.database, &maintenance, false, |_, _| {}).await.unwrap();
    maintenance.close().await;
    let ann = app.person("ann").await;
    let food = ann.creates_food(json!({})).await;
    ann.logs_food(&food, json!({})).await;
    let (then, built, epoch) = (contents(&app).await, schema(&app).await, epochs(&app).await);
    // A table that somebody made beside Hale's does not keep a backup from being restored.
    let mut connection = app.connect("hale_owner").await;
    connection.execute("CREATE TABLE stray (id integer); INSERT INTO stray VALUES (1)").await.unwrap();
    connection.close().await.unwrap();
    assert!(then.values().filter(|hash| !hash.starts_with("0 ")).count() > 15, "{then:?}");
    let path = backs_up(&app, &folder, &[]).await;

    // What is lost by going back: an entry and a person's rows.
    ann.logs_food(&food, json!({})).await;
    let mut connection = app.connect("hale_owner").await;
    connection.execute("DELETE FROM exercise_diary").await.unwrap();
    connection.close().await.unwrap();
    let later = contents(&app).await;
    assert_ne!(then, later);

    // Meanwhile she asks again and again, and follows what changes.
    let mut socket = Socket::of(&ann).await;
    socket.operate("1", PERSON, json!({})).await;
    let restored = AtomicBool::new(false);
    let asking = async {
        let mut outcomes = Vec::new();
        while !restored.load(Ordering::Relaxed) {
            outcomes.push(outcome(&ann).await);
            sleep(Duration::from_millis(5)).await;
        }
        outcomes
    };
    let restoring = async {
        let kept = restores(&app, &folder, &path).await;
        restored.store(true, Ordering::Relaxed);
        kept
    };
    let (outcomes, kept) = tokio::join!(asking, restoring);
    let strange: Vec<_> = outcomes.iter().filter(|outcome| !["OK", "UNAVAILABLE"].contains(&outcome.as_str())).collect();
    assert!(strange.is_empty() && outcomes.len() > 10, "{strange:?} of {}", outcomes.len());

    assert_eq!(outcome(&ann).await, "OK");
    assert_eq!(contents(&app).await, then);
    let (there, expected) = (schema(&app).await, built);
    let differences = || there.iter().filter(|line| !expected.contains(line)).chain(expected.iter().filter(|line| !there.contains(line)));
    assert!(there == expected, "{:#?}", differences().collect::<Vec<_>>());
    assert_eq!(epochs(&app).await, epoch + 1, "devices have to read anew");
    // Triggers, and the connection that listens, are what they were.
    let entries = app.value::<i64>("SELECT count(*) FROM sync_rows WHERE collection = 'food_diary'").await;
    let begun = Instant::now();
    loop {
        ann.logs_food(&food, json!({})).await;
        if let Some(message) = socket.soon().await {
            assert_eq!(payload(message)["data"]["personChanged"]["id"], json!(ann.id));
            break;
        }
        assert!(begun.elapsed() < AGES, "nobody listens any more");
    }
    assert!(app.value::<i64>("SELECT count(*) FROM sync_rows WHERE collection = 'food_diary'").await > entries);

    assert_eq!(databases_beside(&app).await, std::slice::from_ref(&kept));
    let before = contents_of(&database_url("hale_owner", &kept)).await;
    assert_eq!(before, later, "what was there before is kept as it was");
    let line = fails(operator(&app, &folder).args(["restore", "--drop-previous"])).await;
    assert!(line.contains(&kept) && line.contains("--yes"), "{line}");
    let said = succeeds(operator(&app, &folder).args(["restore", "--drop-previous", "--yes"])).await;
    assert!(said.contains(&format!("removed the database {kept}")), "{said}");
    assert_eq!(databases_beside(&app).await, [""; 0]);
}

async fn epochs(app: &TestApp) -> i64 {
    app.value("SELECT count(*) FROM sync_epochs").await
}

#[tokio::test]
async fn nobody_is_asked_where_nobody_can_answer() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let path = backs_up(&app, &folder, &[]).await;
    let line = fails(operator(&app, &folder).arg("restore").arg(&path)).await;
    assert!(line.contains("--yes") && line.contains("Nothing was changed"), "{line}");
    assert_eq!(databases_beside(&app).await, [""; 0]);
    let line = fails(operator(&app, &folder).args(["restore", "--yes", "/no/such/file"])).await;
    assert!(line.contains("/no/such/file"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_only_an_administrator_can_end_keeps_the_database_as_it_is() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let path = backs_up(&app, &folder, &[]).await;
    let ann = app.person("ann").await;
    let administrator = app.connect("postgres").await;
    let output = crate::command_line::output(operator(&app, &folder).args(["restore", "--yes"]).arg(&path)).await;
    let said = crate::command_line::text(&output.stderr);
    assert!(!output.status.success() && said.contains("others use the database") && said.contains("of postgres"), "{said}");
    assert_eq!((outcome(&ann).await.as_str(), databases_beside(&app).await), ("OK", Vec::new()));
    administrator.close().await.unwrap();
    restores(&app, &folder, &path).await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM users").await, 0);
}

/// What a restore says it does, and about how long that takes.
const STEPS: [(&str, Duration); 4] = [
    ("making the schema", Duration::from_millis(800)),
    ("writing the rows", Duration::from_millis(500)),
    ("migrating", Duration::from_millis(100)),
    ("putting it in place", Duration::from_millis(800)),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_restore_that_is_killed_leaves_a_database_that_serves() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    let ann = app.person("ann").await;
    let path = backs_up(&app, &folder, &[]).await;
    let then = contents(&app).await;
    let kills: usize = std::env::var("HALE_RESTORE_KILLS").map_or(8, |kills| kills.parse().unwrap());
    if kills < 20 {
        report("a restore is killed at 8 points; `just restore-kills` kills it at 100");
    }
    let mut replaced = 0;
    for kill in 0..kills {
        ann.creates_food(json!({})).await;
        let now = contents(&app).await;
        assert_ne!(now, then);
        // At the beginning of a step, or more and more within it.
        let (step, within) = STEPS[kill % STEPS.len()];
        let mut child = operator(&app, &folder).args(["restore", "--yes"]).arg(&path).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let begins = async { while lines.next_line().await.unwrap().is_some_and(|line| !line.starts_with(step)) {} };
        tokio::time::timeout(AGES, begins).await.unwrap();
        sleep(within.mul_f64((kill / STEPS.len()) as f64 / (kills / STEPS.len()) as f64)).await;
        child.kill().await.unwrap();
        let begun = Instant::now();
        while outcome(&ann).await != "OK" {
            assert!(begun.elapsed() < AGES, "it does not serve after kill {kill}");
            sleep(Duration::from_millis(20)).await;
        }
        // What PostgreSQL was told last it may still do, so it is looked at until it is one or the other.
        let there = contents(&app).await;
        assert!(there == now || there == then, "neither before nor after");
        replaced += u32::from(there == then);
    }
    // The next one clears up and succeeds.
    restores(&app, &folder, &path).await;
    assert_eq!(contents(&app).await, then);
    let beside = databases_beside(&app).await;
    assert!(beside.iter().all(|name| name.contains("_before_")), "{beside:?}");
    report(&format!("{kills} restores were killed, {replaced} of them when the new database was in place already"));
    succeeds(operator(&app, &folder).args(["restore", "--drop-previous", "--yes"])).await;
    assert_eq!(databases_beside(&app).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_backup_is_migrated_forward() {
    let folder = Folder::new();
    let name = empty_database().await;
    let (app_url, owner_url) = (database_url("hale_app", &name), database_url("hale_owner", &name));
    let all: Vec<_> = migration::migrations().iter().map(|one| one.version()).collect();
    let old = &all[..all.iter().position(|version| *version == "2026_11_27_14_00").unwrap()];
    migration::up_to(&owner_url, old).await.unwrap();
    let mut connection = PgConnection::connect(&owner_url).await.unwrap();
    connection
        .execute(
            "INSERT INTO users (id, email, password_hash, full_name) VALUES ('0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f', 'ann@example.org', 'not a hash, but long enough', 'Ann');
             INSERT INTO measurements (user_id, id, type, value, unit, canonical_value, measured_at, time_zone, measured_on)
               VALUES ('0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f', '0199c1f0-5b7e-7cc3-98c4-dc0c0c073990', 'weight', 70, 'kg', 70, '2026-03-10T12:00Z', 'UTC', '2026-03-10')",
        )
        .await
        .unwrap();
    let command = || {
        let mut command = hale();
        command.env("DATABASE_URL", &app_url).env("DATABASE_OWNER_URL", &owner_url).arg("--data-dir").arg(folder.0.join("data"));
        command
    };
    let said = succeeds(command().arg("backup")).await;
    let path = said.split(": ").next().unwrap().to_owned();
    let (count,): (i64,) = sqlx::query_as("SELECT count(*) FROM migrations").fetch_one(&mut connection).await.unwrap();
    assert_eq!(usize::try_from(count).unwrap(), old.len(), "a backup migrates nothing");
    connection.execute("DELETE FROM users").await.unwrap();
    connection.close().await.unwrap();

    succeeds(command().args(["restore", "--yes", &path])).await;
    migration::verify(&app_url).await.unwrap();
    let mut connection = PgConnection::connect(&owner_url).await.unwrap();
    let (entries,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM sync_rows WHERE collection = 'measurements'").fetch_one(&mut connection).await.unwrap();
    assert_eq!(entries, 1, "what the newer schema makes of old rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn hales_own_postgresql_is_restored_while_it_serves_and_on_another_machine() {
    let folder = Folder::new();
    let server = Served::on(&folder).await;
    let ann = server.signs_up("ann@example.org").await;
    server.logs(&ann).await;
    let on = |folder: &Folder| {
        let mut command = hale();
        command.arg("--data-dir").arg(folder.0.join("data"));
        command
    };
    let elsewhere = Folder::new();
    let said = succeeds(on(&folder).args(["backup", "--to"]).arg(&elsewhere.0)).await;
    let path = said.split(": ").next().unwrap().to_owned();
    server.logs(&ann).await;
    assert_eq!(server.entries(&ann).await, 2);
    let said = succeeds(on(&folder).args(["restore", "--yes", &path])).await;
    assert!(said.contains("is kept as the database hale_before_"), "{said}");
    assert_eq!(server.entries(&ann).await, 1);
    server.logs(&ann).await;
    assert_eq!(server.entries(&ann).await, 2);
    assert_eq!(server.stops().await, Some(0));

    // There the keys are missing, which is said, until their file is brought as well.
    let output = crate::command_line::output(on(&elsewhere).args(["restore", "--yes", &path])).await;
    let errors = crate::command_line::text(&output.stderr);
    assert!(output.status.success() && errors.contains("Keys are in no backup"), "{errors}");
    let said = crate::command_line::text(&output.stdout);
    assert!(said.contains("restored") && !said.contains("is kept"), "there was nothing to keep: {said}");
    fs::copy(folder.0.join("data/keys.json"), elsewhere.0.join("data/keys.json")).unwrap();
    let there = Served::on(&elsewhere).await;
    assert_eq!(there.entries(&ann).await, 1);
    assert_eq!(there.stops().await, Some(0));
}
