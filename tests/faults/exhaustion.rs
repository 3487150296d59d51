//! No connection is to be had: they are all busy, PostgreSQL does not answer on them, or others have taken all that it gives.

use futures_util::future::join_all;
use reqwest::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use service::clock::{Clock, SystemClock};
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Duration, Instant, sleep};

use super::{
    row,
    server::{AGES, Server},
    times,
    writers::Writers,
};
use crate::{
    command_line::{Folder, Served, hale},
    harness::{LOG_FOOD, TestApp, food_entry, http},
};

/// What a request is answered.
async fn ask(address: std::net::SocketAddr, token: &str, document: &str, variables: Value) -> Value {
    let request = http().post(format!("http://{address}/graphql")).bearer_auth(token);
    let response = request.json(&json!({ "query": document, "variables": variables })).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.json().await.unwrap()
}

fn code(answer: &Value) -> &str {
    answer.pointer("/errors/0/extensions/code").and_then(Value::as_str).unwrap_or_default()
}

/// Whether the server says that it is not ready, and is unavailable, and when to come back. It is alive all the while.
async fn is_unavailable(address: std::net::SocketAddr, token: &str) -> bool {
    let status = async |path: &str| http().get(format!("http://{address}{path}")).send().await.unwrap().status().as_u16();
    let (answer, ready, alive) =
        tokio::join!(ask(address, token, "{ viewer { foodDay { date } } }", json!({})), status("/readyz"), status("/healthz"));
    assert_eq!(alive, 200);
    let retries = answer.pointer("/errors/0/extensions/retryAfter").is_some_and(Value::is_u64);
    assert_eq!(code(&answer) == "UNAVAILABLE", retries, "{answer}");
    (code(&answer), ready) == ("UNAVAILABLE", 503)
}

/// A server of its own process over the database of `app`, with the same keys and few connections.
async fn served(app: &TestApp, folder: &Folder) -> Served {
    let keys = folder.file("keys.json", &crate::harness::tokens::keys().to_json());
    let mut command = hale();
    command.env("DATABASE_URL", app.url("hale_app")).env("HALE_DATA_DIR", &folder.0).env("HALE_KEYS_FILE", keys);
    command.env("HALE_POINTS_PER_PERSON", "off");
    Served::start(command.env("HALE_MAX_CONNECTIONS", "4").env("HALE_JOBS", "false")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_every_connection_waits_for_a_lock_requests_are_told_so_and_afterwards_all_is_well() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    app.clock.set(&SystemClock.now().to_rfc3339());
    let ann = app.person("ann").await;
    let food = ann.creates_food(json!({})).await;
    let server = served(&app, &folder).await;
    let token = ann.token.as_deref().unwrap();
    let mut blocker = app.connect("hale_owner").await;
    blocker.execute("BEGIN; LOCK TABLE food_diary").await.unwrap();
    let writes = join_all((0..40).map(|_| async {
        let sent = ask(server.address, token, LOG_FOOD, json!({ "input": food_entry(&food, json!({})) })).await;
        code(&sent).to_owned()
    }));
    let alive = async {
        sleep(Duration::from_millis(500)).await;
        http().get(format!("http://{}/healthz", server.address)).send().await.unwrap().status().as_u16()
    };
    let (codes, alive) = tokio::join!(writes, alive);
    assert_eq!(alive, 200);
    assert!(codes.iter().all(|code| code == "UNAVAILABLE" || code == "TIMEOUT"), "{codes:?}");
    assert!(codes.iter().any(|code| code == "UNAVAILABLE") && codes.iter().any(|code| code == "TIMEOUT"), "{codes:?}");
    blocker.execute("COMMIT").await.unwrap();
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_diary").await, 0, "what was refused was done");
    let answers = join_all((0..40).map(|_| ask(server.address, token, LOG_FOOD, json!({ "input": food_entry(&food, json!({})) }))));
    assert!(answers.await.iter().all(|answer| code(answer).is_empty()));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_diary").await, 40);
}

/// As when its machine is gone from the network: the connections are there, and nothing comes back over them.
#[tokio::test(flavor = "multi_thread")]
async fn while_postgresql_is_silent_requests_are_told_so_and_afterwards_all_is_well() {
    let (app, folder) = (TestApp::new().await, Folder::new());
    app.clock.set(&SystemClock.now().to_rfc3339());
    let ann = app.person("ann").await;
    let server = served(&app, &folder).await;
    let token = ann.token.as_deref().unwrap();
    let day = "{ viewer { foodDay { date } } }";
    // All of its connections are there, and idle.
    join_all((0..16).map(|_| ask(server.address, token, day, json!({})))).await;
    let mut admin = PgConnection::connect(&app.url("postgres")).await.unwrap();
    let port = server.address.port();
    let backends: Vec<(i32,)> = sqlx::query_as(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'hale' AND state = 'idle' AND usename = 'hale_app'
           AND backend_start > (SELECT max(created_at) FROM users)",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert!(!backends.is_empty(), "the server of port {port} has no connection");
    let signal = |signal| {
        for (pid,) in &backends {
            kill_process(Pid::from_raw(*pid).unwrap(), signal).unwrap();
        }
    };
    signal(Signal::STOP);
    let answers = join_all((0..16).map(|_| ask(server.address, token, day, json!({})))).await;
    signal(Signal::CONT);
    // A connection on which nothing comes back is given up, and another is made.
    let codes: Vec<_> = answers.iter().map(code).collect();
    assert!(codes.iter().all(|code| code.is_empty() || *code == "UNAVAILABLE"), "{codes:?}");
    for _ in 0..8 {
        let answer = ask(server.address, token, day, json!({})).await;
        assert!(answer.get("errors").is_none(), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_others_have_all_connections_of_postgresql_requests_are_told_so_and_afterwards_all_is_well() {
    let mut server = Server::start().await;
    let mut writers = Writers::start(server.address, 4).await;
    let token = {
        let document = "mutation($input: SignUpInput!) { signUp(input: $input) { session { accessToken } } }";
        let input = json!({ "input": { "email": "ann@example.org", "password": crate::harness::PASSWORD } });
        let request = http().post(format!("http://{}/graphql", server.address)).json(&json!({ "query": document, "variables": input }));
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer.pointer("/data/signUp/session/accessToken").and_then(Value::as_str).unwrap().to_owned()
    };
    let mut admin = server.connect("postgres").await.unwrap();
    let injections = times(1, 10);
    let mut recoveries = Vec::new();
    for _ in 0..injections {
        let mut others = Vec::new();
        // What the server has is ended until all of it is others'. One that it is being given is not seen, so this may take several rounds.
        let begun = Instant::now();
        loop {
            while let Ok(connection) = server.connect("hale_owner").await {
                others.push(connection);
            }
            let end = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = 'hale_app'";
            let (ended,): (i64,) = sqlx::query_as(end).fetch_one(&mut admin).await.unwrap();
            if ended == 0 && is_unavailable(server.address, &token).await {
                break;
            }
            assert!(begun.elapsed() < AGES, "the server is always given a connection");
        }
        let at = Instant::now();
        for connection in others {
            connection.close().await.ok();
        }
        recoveries.push(writers.acknowledged_since(at).await);
        server.ready().await;
    }
    let verdict = writers.judged(&mut server.connect("hale_owner").await.unwrap()).await;
    row("max_connections taken by others", injections, &verdict, recoveries);
    assert_eq!(verdict.unanswered, 0, "{verdict:?}");
    server.demand_no_defect();
    assert_eq!(server.stops().await, Some(0));
}
