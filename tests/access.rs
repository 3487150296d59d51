//! The one door to the database: hang-ups lose nothing, one connection never serves two people's rows, and a role or schema
//! under which isolation would not hold is refused.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use service::{
    access::{Connection, Database, Viewer},
    clock::{Clock, SystemClock},
    error::Error,
    random::SystemRandom,
    tokens::Keys,
};
use sqlx::{AssertSqlSafe, Connection as _, Executor, PgConnection};
use uuid::Uuid;

use crate::harness::{LOG_FOOD, Person, TestApp, food_entry};

const STORM: usize = 2_000;
const WIDTH: u32 = 8;

/// Steps that look random and are the same in each run.
fn scatter(number: usize, below: u64) -> u64 {
    (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23) % below
}

/// Polls a future at most `polls` times, each time when it asks to be, and drops it unless it is done by then.
async fn polled<T>(future: impl Future<Output = T>, mut polls: u64) -> Option<T> {
    let mut future = Box::pin(future);
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if polls <= 1 => Poll::Ready(None),
        Poll::Pending => {
            polls -= 1;
            Poll::Pending
        }
    })
    .await
}

async fn left_in_transactions(app: &TestApp) -> i64 {
    // What others are doing is hidden from hale_owner.
    let mut admin = app.connect("postgres").await;
    let open = "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^hale(/|$)' AND datname = current_database() AND state LIKE 'idle in transaction%'";
    sqlx::query_as::<_, (i64,)>(open).fetch_one(&mut admin).await.unwrap().0
}

/// Waits for the ROLLBACKs that are under way, and demands that nothing stays open.
async fn demand_no_open_transaction(app: &TestApp) {
    let mut open = left_in_transactions(app).await;
    for _ in 0..100 {
        if open == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        open = left_in_transactions(app).await;
    }
    panic!("{open} connections were left inside a transaction");
}

/// As many transactions at once as the pool is wide.
async fn demand_full_width(viewer: &Viewer) {
    let all = futures_util::future::try_join_all((0..WIDTH).map(|_| viewer.read()));
    let open = tokio::time::timeout(Duration::from_secs(10), all).await.expect("the pool lost connections").unwrap();
    for tx in &open {
        tx.query_one_raw(Statement::from_string(DbBackend::Postgres, "SELECT 1")).await.unwrap();
    }
}

fn insert_measurement(person: &Person<'_>, id: Uuid) -> String {
    format!(
        "INSERT INTO measurements (user_id, id, type, value, unit, canonical_value, measured_at, time_zone, measured_on)
         VALUES ('{}', '{id}', 'weight', 70, 'kg', 70, '2026-03-10T12:00:00Z', 'UTC', '2026-03-10')",
        person.id
    )
}

async fn ids(app: &TestApp, sql: &'static str) -> BTreeSet<Uuid> {
    let rows: Option<Vec<Uuid>> = app.value(sql).await;
    rows.unwrap_or_default().into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn transactions_dropped_while_begin_is_on_the_wire_lose_nothing() {
    let app = TestApp::with_connections(WIDTH).await;
    let ann = app.person("ann").await;
    let viewer = app.database.authenticate(ann.token.as_deref().unwrap()).unwrap();
    let (acknowledged, dropped) = (std::sync::Mutex::new(BTreeSet::new()), AtomicUsize::new(0));
    let lane = async |lane: usize| {
        for number in (lane..STORM).step_by(16) {
            // A BEGIN takes a few polls: some of these drops are before it is sent, some before it is answered. Of each lane's
            // transactions every eighth is left alone, however many polls it takes.
            let undisturbed = number / 16 % 8 == 0;
            let polls = |most| if undisturbed { u64::MAX } else { 1 + scatter(number, most) };
            let Some(tx) = polled(viewer.write(), polls(5)).await else {
                dropped.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            let (tx, id) = (tx.unwrap(), Uuid::from_u128(number as u128 + 1));
            // The rest is dropped at some point, too: half way through its insert or its commit.
            let written = async {
                tx.execute_unprepared(&insert_measurement(&ann, id)).await.unwrap();
                tx.commit().await.unwrap();
            };
            match polled(written, polls(12)).await {
                Some(()) => _ = acknowledged.lock().unwrap().insert(id),
                None => _ = dropped.fetch_add(1, Ordering::Relaxed),
            }
        }
    };
    futures_util::future::join_all((0..16).map(lane)).await;

    demand_no_open_transaction(&app).await;
    demand_full_width(&viewer).await;
    let (acknowledged, dropped) = (acknowledged.into_inner().unwrap(), dropped.into_inner());
    assert_eq!(acknowledged.len() + dropped, STORM);
    assert!(acknowledged.len() >= STORM / 8 && dropped > STORM / 8, "{} acknowledged, {dropped} dropped", acknowledged.len());
    let stored = ids(&app, "SELECT array_agg(id) FROM measurements").await;
    assert!(acknowledged.is_subset(&stored), "acknowledged and lost: {:?}", acknowledged.difference(&stored).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_that_hang_up_lose_nothing_that_was_acknowledged() {
    let app = TestApp::with_connections(WIDTH).await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({})).await;
    let (acknowledged, hung_up) = (std::sync::Mutex::new(BTreeSet::new()), AtomicUsize::new(0));
    let lane = async |lane: usize| {
        for number in (lane..STORM).step_by(24) {
            // Up to 60 ms, and mostly little: an answer takes a few.
            let patience = Duration::from_micros(scatter(number, 245).pow(2));
            let id = Uuid::from_u128(number as u128 + 1);
            let request = async || {
                if number % 4 != 0 {
                    ann.json("{ viewer { foodDay { totals { calories } } } }", json!({})).await;
                    return false;
                }
                let answer = ann.json(LOG_FOOD, json!({ "input": food_entry(&oats, json!({ "id": id })) })).await;
                // What a client hung up on is done all the same, so the queue may grow too long; that is an answer, too.
                let busy = answer.pointer("/errors/0/extensions/code") == Some(&json!("UNAVAILABLE"));
                assert!(busy || answer.pointer("/data/logFood/entry/id") == Some(&json!(id)), "{answer}");
                !busy
            };
            // Every fifth one waits for its answer, and a writer asks again until it is done; the others hang up at some moment.
            let answered = if number % 20 == 0 {
                while !request().await {}
                Some(true)
            } else if number % 5 == 0 {
                Some(request().await)
            } else {
                tokio::time::timeout(patience, request()).await.ok()
            };
            match answered {
                Some(true) => _ = acknowledged.lock().unwrap().insert(id),
                Some(false) => {}
                None => _ = hung_up.fetch_add(1, Ordering::Relaxed),
            }
        }
    };
    futures_util::future::join_all((0..24).map(lane)).await;

    // What was asked for before the client hung up still goes on in tasks of its own.
    let viewer = app.database.authenticate(ann.token.as_deref().unwrap()).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    demand_no_open_transaction(&app).await;
    demand_full_width(&viewer).await;
    let (acknowledged, hung_up) = (acknowledged.into_inner().unwrap(), hung_up.into_inner());
    assert!(acknowledged.len() >= STORM / 20 && hung_up > STORM / 20, "{} acknowledged, {hung_up} hung up", acknowledged.len());
    let stored = ids(&app, "SELECT array_agg(id) FROM food_diary WHERE deleted_at IS NULL").await;
    assert!(acknowledged.is_subset(&stored), "acknowledged and lost: {:?}", acknowledged.difference(&stored).collect::<Vec<_>>());
}

/// The same drop against the pool of sqlx 0.9.0: were it harmless, the guard of service::access could go.
#[tokio::test]
async fn without_the_guard_a_dropped_begin_swallows_the_next_write() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let options = app.url("hale_owner").parse::<sqlx::postgres::PgConnectOptions>().unwrap().application_name("unguarded");
    let unguarded = sqlx::postgres::PgPoolOptions::new().max_connections(1).test_before_acquire(false).connect_with(options).await.unwrap();
    let mut poisoned = false;
    // The first poll sends BEGIN where a connection is idle; a second or third one may come before the answer does. On a busy machine that
    // takes many tries.
    for polls in [1, 2, 3].repeat(100) {
        let idle = async || {
            while unguarded.num_idle() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        idle().await;
        drop(polled(unguarded.begin(), polls).await);
        idle().await;
        poisoned = app
            .value("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'unguarded' AND state = 'idle in transaction')")
            .await;
        if poisoned {
            break;
        }
    }
    assert!(poisoned, "sqlx no longer leaves a connection in a transaction: is the guard still needed?");
    unguarded.execute(AssertSqlSafe(insert_measurement(&ann, Uuid::from_u128(1)))).await.expect("acknowledged");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM measurements").await, 0, "the write was not lost after all");
    unguarded.close().await;

    let guarded = TestApp::with_connections(1).await;
    let ben = guarded.person("ben").await;
    let viewer = guarded.database.authenticate(ben.token.as_deref().unwrap()).unwrap();
    for polls in 1..6 {
        drop(polled(viewer.write(), polls).await);
        demand_no_open_transaction(&guarded).await;
        let tx = viewer.write().await.unwrap();
        tx.execute_unprepared(&insert_measurement(&ben, Uuid::from_u128(polls.into()))).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(guarded.value::<i64>("SELECT count(*) FROM measurements").await, i64::try_from(polls).unwrap());
    }
}

const ALTERNATIONS: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_on_one_connection_never_see_each_other_whoever_hangs_up_or_panics() {
    let app = TestApp::with_connections(1).await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let name_of_food = |person: &Person<'_>| format!("food of {}", person.email);
    let mut foods = Vec::new();
    for person in [&ann, &ben] {
        foods.push(person.creates_food(json!({ "name": name_of_food(person) })).await);
        person.logs_food(foods.last().unwrap(), json!({})).await;
    }
    let noon = app.clock.now();
    let (answered, failed, hung_up) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let lane = async |lane: usize| {
        for number in (lane..ALTERNATIONS).step_by(8) {
            let (person, food) = if number % 2 == 0 { (&ann, &foods[0]) } else { (&ben, &foods[1]) };
            if number % 10 == 9 {
                // On its way a request looks at the clock a few times: before its transaction, when it begins, and in it.
                app.clock.panic_after(scatter(number, 12));
            }
            let operation = if number % 16 < 2 {
                // Far apart, so that no day grows.
                let at = noon - TimeDelta::days(1 + number as i64);
                json!({ "query": LOG_FOOD, "variables": { "input": food_entry(food, json!({ "consumedAt": at.to_rfc3339() })) } })
            } else {
                json!({ "query": "{ viewer { id foodDay { entries { name } } } }" })
            };
            let request = async {
                let request = app.post("/graphql").bearer_auth(person.token.as_ref().unwrap()).json(&operation);
                request.send().await?.json::<Value>().await
            };
            let patience = if number % 3 == 0 { Duration::from_micros(scatter(number, 150).pow(2)) } else { Duration::from_secs(60) };
            let Ok(answer) = tokio::time::timeout(patience, request).await else {
                hung_up.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            // Before it has an id, a request's panic ends its connection.
            let Ok(answer) = answer else {
                failed.fetch_add(1, Ordering::Relaxed);
                continue;
            };
            if let Some(code) = answer.pointer("/errors/0/extensions/code") {
                assert!(*code == json!("INTERNAL") || *code == json!("UNAVAILABLE"), "request {number}: {answer}");
                failed.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let entries = answer.pointer("/data/viewer/foodDay/entries").or(answer.pointer("/data/logFood/day/entries"));
            let entries = entries.and_then(Value::as_array).unwrap_or_else(|| panic!("request {number}: {answer}"));
            assert!(!entries.is_empty() && entries.iter().all(|entry| entry["name"] == name_of_food(person)), "request {number}: {answer}");
            assert!(answer.pointer("/data/viewer/id").is_none_or(|id| *id == person.id), "request {number}: {answer}");
            answered.fetch_add(1, Ordering::Relaxed);
        }
    };
    futures_util::future::join_all((0..8).map(lane)).await;
    let (answered, failed, hung_up) = (answered.into_inner(), failed.into_inner(), hung_up.into_inner());
    assert_eq!(answered + failed + hung_up, ALTERNATIONS);
    assert!(answered >= ALTERNATIONS / 2, "{answered} were answered, {failed} failed, {hung_up} hung up");
    assert!(failed > 0 && hung_up > 0, "{failed} failed, {hung_up} hung up");
    demand_no_open_transaction(&app).await;
    let strange = "SELECT count(*) FROM food_diary d JOIN users u ON u.id = d.user_id WHERE d.food_name <> 'food of ' || u.email OR d.created_by <> d.user_id";
    assert_eq!(app.value::<i64>(strange).await, 0);
}

#[tokio::test]
async fn a_transaction_with_a_failed_statement_cannot_be_committed() {
    let app = TestApp::with_connections(1).await;
    let ann = app.person("ann").await;
    let viewer = app.database.authenticate(ann.token.as_deref().unwrap()).unwrap();
    let tx = viewer.write().await.unwrap();
    tx.execute_unprepared(&insert_measurement(&ann, Uuid::from_u128(1))).await.unwrap();
    tx.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
    assert!(matches!(tx.commit().await, Err(Error::Internal(_))), "PostgreSQL answers this COMMIT with a ROLLBACK");

    let tx = viewer.write().await.unwrap();
    tx.execute_unprepared(&insert_measurement(&ann, Uuid::from_u128(2))).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ids(&app, "SELECT array_agg(id) FROM measurements").await, BTreeSet::from([Uuid::from_u128(2)]));
}

#[tokio::test]
async fn a_transaction_that_reads_cannot_write_and_one_that_is_dropped_changes_nothing() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let viewer = app.database.authenticate(ann.token.as_deref().unwrap()).unwrap();
    viewer.read().await.unwrap().execute_unprepared(&insert_measurement(&ann, Uuid::from_u128(1))).await.unwrap_err();
    let tx = viewer.write().await.unwrap();
    tx.execute_unprepared(&insert_measurement(&ann, Uuid::from_u128(2))).await.unwrap();
    drop(tx);
    demand_no_open_transaction(&app).await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM measurements").await, 0);
}

#[tokio::test]
async fn without_a_viewer_there_are_no_rows() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    ann.logs_food(&ann.creates_food(json!({})).await, json!({})).await;
    let mut stranger = app.connect("hale_app").await;
    for viewer in ["", "SET app.user_id = ''", "SET app.user_id = '00000000-0000-7000-8000-000000000000'"] {
        stranger.execute(viewer).await.unwrap();
        for table in ["users", "user_preferences", "sessions", "food_items", "food_diary", "family_access"] {
            let condition = if table == "food_items" { " WHERE owner_id IS NOT NULL" } else { "" };
            let sql = format!("SELECT count(*) FROM {table}{condition}");
            let (count,): (i64,) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(&mut stranger).await.unwrap();
            assert_eq!(count, 0, "{table} after {viewer:?}");
        }
    }
    stranger.execute("SET app.user_id = 'nobody'").await.unwrap();
    stranger.execute("SELECT count(*) FROM food_diary").await.unwrap_err();
}

async fn refusal(url: String) -> String {
    let connection = Connection { url, max_connections: 2, statement_cache: 0, listen_url: None, replica_url: None };
    let keys = Keys::generate(&SystemRandom);
    match Database::connect(&connection, Arc::new(SystemClock), Arc::new(SystemRandom), keys).await {
        Ok(_) => "accepted".to_owned(),
        Err(error @ Error::Forbidden(_)) => error.to_string(),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_role_that_row_security_does_not_bind_is_refused() {
    let app = TestApp::new().await;
    assert_eq!(refusal(app.url("hale_app")).await, "accepted");
    let superuser = refusal(app.url("postgres")).await;
    assert!(superuser.contains("the role postgres is a superuser"), "{superuser}");
    let owner = refusal(app.url("hale_owner")).await;
    for reason in ["the role hale_owner bypasses row level security", "the role hale_owner owns food_diary", "is a member of hale_auth"] {
        assert!(owner.contains(reason), "{reason}: {owner}");
    }
    assert!(owner.contains("DATABASE_URL must be the role hale_app"), "{owner}");
}

#[tokio::test]
async fn a_schema_that_would_not_isolate_is_refused_and_named() {
    let changes = [
        ("ALTER TABLE food_diary NO FORCE ROW LEVEL SECURITY", "the table food_diary lacks FORCE ROW LEVEL SECURITY"),
        ("ALTER TABLE goals DISABLE ROW LEVEL SECURITY", "the table goals lacks FORCE ROW LEVEL SECURITY"),
        ("DROP POLICY own_read ON sessions", "the table sessions has no policy for SELECT"),
        ("DROP POLICY own_update ON user_preferences", "the table user_preferences has no policy for UPDATE"),
        ("DROP POLICY offer ON family_access", "the table family_access has no policy for INSERT"),
        ("DROP POLICY own ON chat_history", "the table chat_history has no policy for DELETE"),
        ("CREATE TABLE forgotten (id uuid)", "the table forgotten lacks FORCE ROW LEVEL SECURITY"),
    ];
    let app = TestApp::new().await;
    let mut owner = app.connect("hale_owner").await;
    for (change, _) in changes {
        owner.execute(change).await.unwrap();
    }
    let refused = refusal(app.url("hale_app")).await;
    for (_, reason) in changes {
        assert!(refused.contains(reason), "{reason}: {refused}");
    }
}

#[tokio::test]
async fn killed_connections_are_replaced_before_anybody_notices() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    futures_util::future::join_all((0..8).map(|_| ann.calories_on(None))).await;
    let mut admin = PgConnection::connect(&app.url("postgres")).await.unwrap();
    for _ in 0..3 {
        let killed: Vec<(bool,)> = sqlx::query_as(
            // Not before they are gone: one that is about to go would still begin a transaction.
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name ~ '^hale(/|$)' AND datname = current_database()",
        )
        .fetch_all(&mut admin)
        .await
        .unwrap();
        assert!(!killed.is_empty());
        assert_eq!(ann.calories_on(None).await, "0");
    }
}

#[tokio::test]
async fn a_database_that_is_gone_makes_requests_wait_for_it_and_not_fail_for_good() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut admin = PgConnection::connect(&app.url("postgres")).await.unwrap();
    let (name,): (String,) = sqlx::query_as("SELECT current_database()::text").fetch_one(&mut admin).await.unwrap();
    let mut admin = PgConnection::connect(&app.url("postgres").replace(&format!("/{name}"), "/postgres")).await.unwrap();
    let ready = async || app.get("/readyz").send().await.unwrap().status().as_u16();
    assert_eq!(ready().await, 200);

    // Renamed is as gone as dropped, and can come back.
    let away = format!("{name}_away");
    let kill = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    admin.execute(AssertSqlSafe(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"))).await.unwrap();
    admin.execute(AssertSqlSafe(kill)).await.unwrap();
    demand_unavailable(&ann).await;
    assert_eq!(ready().await, 503);
    admin.execute(AssertSqlSafe(format!("ALTER DATABASE {name} RENAME TO {away}"))).await.unwrap();
    demand_unavailable(&ann).await;
    assert_eq!(ready().await, 503);
    let alive = app.get("/healthz").send().await.unwrap();
    assert_eq!((alive.status().as_u16(), alive.text().await.unwrap().as_str()), (200, "ok\n"));

    admin.execute(AssertSqlSafe(format!("ALTER DATABASE {away} RENAME TO {name}"))).await.unwrap();
    admin.execute(AssertSqlSafe(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"))).await.unwrap();
    assert_eq!(ready().await, 200);
    assert_eq!(ann.calories_on(None).await, "0");
    admin.execute(AssertSqlSafe(format!("REVOKE CONNECT ON DATABASE {name} FROM hale_app"))).await.unwrap();
    admin.execute(AssertSqlSafe(format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))).await.unwrap();
    demand_unavailable(&ann).await;
}

async fn demand_unavailable(person: &Person<'_>) {
    let answer = person.json("{ viewer { id } }", Value::Null).await;
    assert_eq!(answer.pointer("/errors/0/extensions/code"), Some(&json!("UNAVAILABLE")), "{answer}");
    assert!(answer.pointer("/errors/0/extensions/retryAfter").is_some_and(Value::is_u64), "{answer}");
    assert_eq!(answer.pointer("/errors/0/message"), Some(&json!("the server cannot answer right now")));
}
