//! What an operator sees of the server's work: lines, numbers and traces, from the edge to PostgreSQL's log; and what nobody sees.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    net::SocketAddr,
    process::Stdio,
    time::Duration,
};

use axum::http::StatusCode;
use chrono::TimeDelta;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use service::clock::{Clock, SystemClock};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::{
    command_line::{Folder, fails, hale, succeeds},
    harness::{
        PASSWORD, TestApp,
        collector::{Collector, attribute},
        google::{self, Fake},
        http, server_log,
        smtp::{Fault, MailServer, Tls},
    },
    subscriptions::Socket,
};

/// A process of Hale's whose every word is kept.
struct Watched {
    child: Child,
    folder: Folder,
    address: SocketAddr,
    metrics: String,
}

impl Watched {
    /// As `serve` or `worker` with this environment.
    async fn start(command: &str, environment: &[(&str, String)]) -> Self {
        let folder = Folder::new();
        let mut hale = hale();
        hale.env("HALE_LISTEN", "127.0.0.1:0").env("HALE_METRICS_LISTEN", "127.0.0.1:0").env("HALE_DATA_DIR", folder.0.join("data"));
        hale.envs(environment.iter().map(|(name, value)| (name, value))).arg(command);
        let file = |name| File::create(folder.0.join(name)).unwrap();
        hale.stdout(Stdio::from(file("stdout"))).stderr(Stdio::from(file("stderr")));
        let mut watched = Self { child: hale.spawn().unwrap(), folder, address: ([127, 0, 0, 1], 0).into(), metrics: String::new() };
        let said = timeout(Duration::from_secs(90), async {
            loop {
                let said = watched.said("stdout");
                if said.contains("  data ") {
                    return said;
                }
                if let Some(status) = watched.child.try_wait().unwrap() {
                    panic!("hale ended with {status}: {}", watched.said("stderr"));
                }
                sleep(Duration::from_millis(20)).await;
            }
        });
        let said = said.await.expect("hale is not ready in time");
        let address = |name: &str| said.lines().find_map(|line| line.trim().strip_prefix(name)?.trim().strip_prefix("http://"));
        watched.metrics = format!("http://{}", address("metrics").unwrap());
        if let Some(address) = address("graphql") {
            watched.address = address.strip_suffix("/graphql").unwrap().parse().unwrap();
        }
        watched
    }

    fn said(&self, file: &str) -> String {
        fs::read_to_string(self.folder.0.join(file)).unwrap()
    }

    /// A command on the same data.
    fn beside(&self) -> Command {
        let mut hale = hale();
        hale.env("HALE_DATA_DIR", self.folder.0.join("data"));
        hale
    }

    async fn send(&self, token: &str, body: impl Into<reqwest::Body>, headers: &[(&str, &str)]) -> (StatusCode, String) {
        let mut request = http().post(format!("http://{}/graphql", self.address)).header("content-type", "application/json").body(body);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    /// The whole answer to an operation.
    async fn ask(&self, token: &str, document: &str, variables: Value) -> Value {
        let (_, answer) = self.send(token, json!({ "query": document, "variables": variables }).to_string(), &[]).await;
        serde_json::from_str(&answer).unwrap()
    }

    /// What a mutation of one `input` answers, which must succeed.
    async fn does(&self, token: &str, mutation: &str, input: Value, fields: &str) -> Value {
        let mut name = mutation.to_owned();
        name[..1].make_ascii_uppercase();
        let document = format!("mutation($input: {name}Input!) {{ {mutation}(input: $input) {{ {fields} }} }}");
        let mut answer = self.ask(token, &document, json!({ "input": input })).await;
        assert!(answer.get("errors").is_none(), "{document}: {answer}");
        answer["data"][mutation].take()
    }

    async fn metrics(&self) -> Metrics {
        let response = http().get(&self.metrics).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        Metrics::parse(&response.text().await.unwrap())
    }

    /// Stops, and waits for its last word.
    async fn stops(&mut self) {
        kill_process(Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap(), Signal::TERM).unwrap();
        let ended = timeout(Duration::from_secs(30), self.child.wait()).await.expect("hale does not stop").unwrap();
        assert!(ended.success(), "{}", self.said("stderr"));
    }
}

/// Metrics as Prometheus reads them: the text format, version 0.0.4, read strictly.
struct Metrics {
    text: String,
    samples: BTreeMap<String, f64>,
}

impl Metrics {
    fn parse(text: &str) -> Self {
        let word = |text: &str| {
            text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                && text.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
        };
        assert!(text.ends_with('\n') && !text.contains("\n\n") && !text.contains('\r'), "{text}");
        let (mut kinds, mut helps, mut samples) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        let mut finished: BTreeSet<String> = BTreeSet::new();
        let mut current = String::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').unwrap();
                assert!(word(name) && !help.is_empty() && helps.insert(name.to_owned()), "{line}");
                continue;
            }
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(helps.contains(name) && kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
                assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
                // All of a metric stands together.
                assert!(finished.insert(std::mem::replace(&mut current, name.to_owned())), "{line}");
                assert!(!finished.contains(name), "{line}");
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            let (name, labels) = match series.split_once('{') {
                Some((name, labels)) => (name, labels.strip_suffix('}').unwrap_or_else(|| panic!("{line}"))),
                None => (series, ""),
            };
            assert!(word(name), "{line}");
            let of = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|suffix| name.strip_suffix(suffix).filter(|of| kinds.get(*of).is_some_and(|kind| kind == "histogram")));
            assert_eq!(of.unwrap_or(name), current, "{line}");
            for label in labels.split("\",").filter(|label| !label.is_empty()) {
                let (key, value) = label.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
                assert!(word(key) && !value.trim_end_matches('"').contains(['"', '\\', '\n']), "{line}");
            }
            let value: f64 = if value == "+Inf" { f64::INFINITY } else { value.parse().unwrap_or_else(|_| panic!("{line}")) };
            assert!(value >= 0.0, "{line}");
            assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
        }
        for (series, count) in samples.iter().filter(|(series, _)| series.contains("_bucket{") && series.contains("le=\"+Inf\"")) {
            let total = series.replace("_bucket{", "_count{").replace(",le=\"+Inf\"", "").replace("le=\"+Inf\"", "").replace("{}", "");
            assert_eq!(samples.get(&total), Some(count), "{series} and {total}");
        }
        Self { text: text.to_owned(), samples }
    }

    /// The sample of this name and these labels; nothing where there is none.
    fn of(&self, series: &str) -> f64 {
        self.samples.get(series).copied().unwrap_or_default()
    }
}

#[tokio::test]
async fn what_the_edge_calls_a_request_is_found_in_postgresqls_log() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut admin = app.connect("postgres").await;
    admin.execute("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET log_statement = ''all''', current_database()); END $$").await.unwrap();
    // Only a new connection takes notice.
    let end =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ '^hale(/|$)'";
    admin.execute(end).await.unwrap();
    let before = server_log().len();
    let query = json!({ "query": "{ viewer { id foodDay { date } } }" });
    let ask = async |id: &str| {
        let request = app.post("/graphql").bearer_auth(ann.token.as_ref().unwrap()).header("x-request-id", id).json(&query);
        let response = request.send().await.unwrap();
        let answered = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert!(response.text().await.unwrap().contains(&ann.id));
        answered
    };
    let longest = "z".repeat(58);
    for id in ["edge-7f3a.1_b", &longest] {
        assert_eq!(ask(id).await, id);
        let log = server_log();
        let lines: Vec<_> = log[before..].lines().filter(|line| line.contains(&format!(" hale/{id} "))).collect();
        // One round trip opens the transaction; the name comes with it, and only from its next statement on the log shows it.
        let begun: Vec<_> = log[before..].lines().filter(|line| line.contains("BEGIN") && line.contains(id)).collect();
        assert_eq!(begun.len(), 1, "{begun:?}");
        assert!(begun[0].contains("; SELECT set_config('application_name', ") && begun[0].contains("auth.enter("), "{begun:?}");
        assert!(lines.iter().any(|line| line.contains("execute sqlx_s_")), "{log}");
        // Statements that are prepared are the same for every request.
        assert!(lines.iter().all(|line| !line.split_once("execute ").is_some_and(|(_, statement)| statement.contains(id))), "{lines:?}");
    }
    // Whatever else a client sends is nothing to write into a log, nor into a batch.
    for strange in ["x'; DROP TABLE users; --", "a b", &"z".repeat(59), "ümlaut", "\"", ""] {
        let value = reqwest::header::HeaderValue::from_bytes(strange.as_bytes()).unwrap();
        let request = app.post("/graphql").bearer_auth(ann.token.as_ref().unwrap()).header("x-request-id", value).json(&query);
        let response = request.send().await.unwrap();
        let made = response.headers()["x-request-id"].to_str().unwrap();
        assert!(uuid::Uuid::parse_str(made).is_ok(), "{strange}: {made}");
        let log = server_log();
        assert!(log[before..].contains(&format!(" hale/{made} ")) && (strange.len() < 3 || !log[before..].contains(strange)), "{strange}");
    }
    // The name ends with the transaction.
    for _ in 0..100 {
        let names = "SELECT coalesce(string_agg(DISTINCT application_name, ','), '') FROM pg_stat_activity WHERE datname = current_database() AND usename = 'hale_app'";
        let names = sqlx::query_as::<_, (String,)>(names).fetch_one(&mut admin).await.unwrap().0;
        if names == "hale" {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("a connection keeps the name of a request");
}

#[tokio::test]
async fn a_request_that_may_not_enter_and_a_job_are_named_in_postgresqls_log_too() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    ann.ask("mutation { signOut { signedOut } }", json!({})).await;
    let request = app.post("/graphql").bearer_auth(ann.token.as_ref().unwrap()).header("x-request-id", "too-late-9");
    let answer: Value = request.json(&json!({ "query": "{ viewer { id } }" })).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    let log = server_log();
    let line = log.lines().find(|line| line.contains(" hale/too-late-9 ")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("ERROR:  this session has ended"), "{line}");

    let worker = service::jobs::Worker::new(app.database.clone(), None, None);
    assert!(worker.run_due().await.unwrap() >= 2);
    // A job whose person is gone fails in the database.
    let id = uuid::Uuid::from_u128(0x0123_4567_89ab_7def_8123_4567_89ab_cdef);
    let mut admin = app.connect("postgres").await;
    sqlx::query("INSERT INTO jobs (id, kind, key, owner_id, due_at) SELECT $1, 'plan', gen_random_uuid(), id, '2026-01-01' FROM users")
        .bind(id)
        .execute(&mut admin)
        .await
        .unwrap();
    admin.execute("REVOKE SELECT ON routines FROM hale_app").await.unwrap();
    worker.run_due().await.unwrap();
    let log = server_log();
    let line = log.lines().find(|line| line.contains(&format!(" hale/job/{id} "))).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("permission denied for table routines"), "{line}");
}

/// What must never be written down, by where it goes in.
const EMAIL: &str = "quokka-mail@example.org";
const SECOND_EMAIL: &str = "numbat-mail@example.org";
const NAME: &str = "Quokka Fullname";
const FOOD: &str = "Quokka porridge";
const BRAND: &str = "Numbatbrand";
const NOTE: &str = "quokkanote about the knee";
const WEIGHT: &str = "83.417";
const CALORIES: &str = "417.83";
const LITERAL: &str = "literalquokka";
const OPERATION_NAME: &str = "OperationOfQuokka";
const ALIAS: &str = "aliasquokka";
const SECRET_PASSWORD: &str = "quokka kettle harbour nine";
const WRONG_PASSWORD: &str = "quokka guessed this wrong";
const BROKEN: &str = "quokkabroken";
const HEADER: &str = "quokkaheader";
const HOUSEHOLD: &str = "Quokka Household";
const LIST: &str = "Quokka shopping";
const PROVIDER_SECRET: &str = "hale-client-secret";
const CODE: &str = "quokkaconsentcode";
const FEED: &str = "quokkafeedsecret";
const COOKIE: &str = "quokkacookie";
const PANIC: &str = "quokkapanic";
const MAIL_PASSWORD: &str = "quokkamailpassword";
/// What PostgreSQL quotes in an error's message, when text is cast: it is in no statement of Hale's.
const CAST: &str = "quokkacast";

#[tokio::test(flavor = "multi_thread")]
async fn nobodys_data_is_in_anything_that_a_run_writes_however_much_it_is_told_to_write() {
    let (collector, google, mail) =
        (Collector::start().await, Fake::start().await, MailServer::start_with(Tls::Never, Some(MAIL_PASSWORD)).await);
    let mut environment: Vec<_> = google::environment(&google.url).into();
    environment.extend([
        ("HALE_LOG", "trace".to_owned()),
        ("HALE_LOG_FORMAT", "json".to_owned()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.clone()),
        ("HALE_SMTP_URL", mail.settings().url),
        ("HALE_SMTP_USER", "hale".to_owned()),
        ("HALE_SMTP_PASSWORD", MAIL_PASSWORD.to_owned()),
        ("HALE_MAIL_FROM", "Hale <hale@example.net>".to_owned()),
        ("HALE_PANICS_WITH", PANIC.to_owned()),
        ("HALE_POINTS_PER_ADDRESS", "off".to_owned()),
        ("HALE_POINTS_PER_PERSON", "off".to_owned()),
        ("RUST_BACKTRACE", "1".to_owned()),
    ]);
    mail.fails([
        Fault::Recipient(550, "5.1.1 <quokka-mail@example.org> no such mailbox"),
        Fault::Recipient(450, "4.2.1 <quokka-mail@example.org> is greylisted"),
    ]);
    let mut hale = Watched::start("serve", &environment).await;

    // PostgreSQL tells of every statement, as an operator may ask it to. The person at the terminal reads nobody's data in that either.
    let password = fs::read_to_string(hale.folder.0.join("data/secrets/postgres_superuser")).unwrap();
    let place = fs::read_to_string(hale.folder.0.join("data/postgres/data/postmaster.pid")).unwrap();
    let place: Vec<_> = place.lines().collect();
    let socket = percent_encoded(place[4]);
    let url = format!("postgres://postgres:{}@localhost/hale?host={socket}&port={}", percent_encoded(password.trim()), place[3]);
    let mut admin = PgConnection::connect(&url).await.unwrap();
    for sql in [
        "ALTER SYSTEM SET log_min_duration_statement = 0",
        "ALTER SYSTEM SET log_lock_waits = on",
        "SELECT pg_reload_conf()",
        "ALTER TABLE measurements ADD CONSTRAINT unheard_of CHECK (unit <> 'st')",
        "CREATE FUNCTION casts() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.brand LIKE '%cast' THEN PERFORM NEW.brand::numeric; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER casts BEFORE INSERT ON food_items FOR EACH ROW EXECUTE FUNCTION casts()",
    ] {
        admin.execute(AssertSqlSafe(sql)).await.unwrap();
    }

    let sign_up = |email: &str| json!({ "email": email, "password": SECRET_PASSWORD, "fullName": NAME, "timeZone": "UTC" });
    let session = hale.does("", "signUp", sign_up(EMAIL), "session { accessToken refreshToken } viewer { id }").await;
    let token = session["session"]["accessToken"].as_str().unwrap().to_owned();
    let refresh = session["session"]["refreshToken"].as_str().unwrap().to_owned();
    let person = session["viewer"]["id"].as_str().unwrap().to_owned();
    let second = hale.does("", "signUp", sign_up(SECOND_EMAIL), "session { accessToken }").await;
    let second = second["session"]["accessToken"].as_str().unwrap().to_owned();
    for email in [EMAIL, SECOND_EMAIL] {
        succeeds(hale.beside().args(["admin", "verify", email])).await;
    }

    // What works.
    let food = json!({ "name": FOOD, "brand": BRAND, "servingSize": "100", "servingUnit": "g", "nutrition": { "calories": CALORIES },
        "portions": [{ "name": LITERAL, "amount": "7", "unit": "g" }] });
    let food = hale.does(&token, "createFood", food, "food { id name brand nutrition { calories } }").await;
    assert_eq!((food["food"]["name"].as_str(), food["food"]["nutrition"]["calories"].as_str()), (Some(FOOD), Some(CALORIES)));
    let food = food["food"]["id"].as_str().unwrap().to_owned();
    let entry = json!({ "foodId": food, "quantity": "1", "unit": "serving", "mealType": "breakfast" });
    hale.does(&token, "logFood", entry, "entry { id } day { totals { calories } }").await;
    let weight = json!({ "type": "weight", "value": WEIGHT, "unit": "kg" });
    assert_eq!(hale.does(&token, "recordMeasurement", weight, "measurement { value }").await["measurement"]["value"], WEIGHT);
    let exercise = hale.ask(&token, "{ exercises(search: \"run\", first: 1) { nodes { id } } }", json!({})).await;
    let exercise = exercise.pointer("/data/exercises/nodes/0/id").unwrap().clone();
    let logged = json!({ "exerciseId": exercise, "durationMinutes": "30", "notes": NOTE });
    hale.does(&token, "logExercise", logged, "entry { notes }").await;
    let list = json!({ "kind": "SHOPPING", "title": LIST, "items": [{ "title": FOOD, "text": NOTE }] });
    hale.does(&token, "createList", list, "list { title }").await;
    let literal = format!("query {OPERATION_NAME} {{ {ALIAS}: foods(search: \"{LITERAL}\", first: 5) {{ nodes {{ name }} }} }}");
    assert!(hale.ask(&token, &literal, json!({})).await.get("errors").is_none());
    let by_get = http().get(format!("http://{}/graphql", hale.address)).bearer_auth(&token);
    let by_get = by_get.query(&[("query", literal.as_str()), ("variables", &json!({ "unused": NOTE }).to_string())]).send().await.unwrap();
    assert!(by_get.status().is_success());
    let offer = json!({ "granteeEmail": SECOND_EMAIL, "accessTypes": ["CALORIE", "CHECKIN"] });
    hale.does(&token, "offerAccess", offer, "offers { id }").await;
    for (header, value) in [("idempotency-key", HEADER), ("cookie", COOKIE)] {
        let again = json!({ "query": "mutation($input: RecordMeasurementInput!) { recordMeasurement(input: $input) { measurement { id } } }",
            "variables": { "input": { "type": "weight", "value": WEIGHT, "unit": "kg" } } });
        for _ in 0..2 {
            hale.send(&token, again.to_string(), &[(header, value)]).await;
        }
    }

    // What is refused: documents, variables, bodies, headers, passwords, tokens, ids, conflicts.
    let refused = async |token: &str, document: &str, variables: Value| -> String {
        let answer = hale.ask(token, document, variables).await;
        answer.pointer("/errors/0/extensions/code").and_then(Value::as_str).unwrap_or_else(|| panic!("{document}: {answer}")).to_owned()
    };
    let mut codes = BTreeSet::new();
    const SIGN_UP: &str = "mutation($input: SignUpInput!) { signUp(input: $input) { viewer { id } } }";
    codes.insert(refused("", SIGN_UP, json!({ "input": sign_up(EMAIL) })).await);
    const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) { viewer { id } } }";
    codes.insert(refused("", SIGN_IN, json!({ "input": { "email": EMAIL, "password": WRONG_PASSWORD } })).await);
    codes.insert(refused(&format!("{token}x"), "{ viewer { id } }", json!({})).await);
    codes.insert(refused(&token, &format!("{{ {BROKEN} }}"), json!({})).await);
    codes.insert(refused(&token, &format!("{{ foods(search: \"{LITERAL}"), json!({})).await);
    codes.insert(refused(&token, &format!("{{ viewer {{ foodDay(date: \"{LITERAL}\") {{ date }} }} }}"), json!({})).await);
    const RECORD: &str = "mutation($input: RecordMeasurementInput!) { recordMeasurement(input: $input) { measurement { id } } }";
    for input in [
        json!({ "type": "weight", "value": format!("{WEIGHT}{WEIGHT}"), "unit": "kg" }),
        json!({ "type": NOTE, "value": WEIGHT, "unit": "kg" }),
        json!({ "type": "weight", "value": "99999999999999999999", "unit": BROKEN }),
        json!({ "type": "weight", "value": WEIGHT, "unit": "kg", "id": person, (BROKEN): NOTE }),
        json!({ "type": "weight", "value": WEIGHT, "unit": "kg", "timeZone": BROKEN }),
        // The database refuses it for a reason that Hale does not know.
        json!({ "type": "weight", "value": WEIGHT, "unit": "st" }),
    ] {
        codes.insert(refused(&token, RECORD, json!({ "input": input })).await);
    }
    const CREATE: &str = "mutation($input: CreateFoodInput!) { createFood(input: $input) { food { id } } }";
    for (name, brand) in [(format!("{FOOD}\0"), BRAND), (FOOD.repeat(100), BRAND), (FOOD.to_owned(), CAST)] {
        let input =
            json!({ "name": name, "brand": brand, "servingSize": "100", "servingUnit": "g", "nutrition": { "calories": CALORIES } });
        codes.insert(refused(&token, CREATE, json!({ "input": input })).await);
    }
    const UPDATE: &str = "mutation($input: UpdateFoodInput!) { updateFood(input: $input) { food { id } } }";
    codes.insert(refused(&token, UPDATE, json!({ "input": { "id": food, "expectedVersion": 77, "name": NOTE } })).await);
    codes.insert(refused(&second, UPDATE, json!({ "input": { "id": food, "name": NOTE } })).await);
    for expected in ["BAD_REQUEST", "BAD_USER_INPUT", "CONFLICT", "INTERNAL", "NOT_FOUND", "UNAUTHENTICATED"] {
        assert!(codes.contains(expected), "{codes:?}");
    }
    for body in [
        format!("{{\"query\": \"{BROKEN}"),
        format!("[\"{BROKEN}\"]"),
        format!("{{\"query\": \"{{ viewer {{ id }} }}\", \"variables\": \"{BROKEN}\"}}"),
    ] {
        assert_eq!(hale.send(&token, body, &[]).await.0, StatusCode::BAD_REQUEST);
    }
    hale.send(&token, "{}", &[("x-request-id", &format!("{BROKEN} {BROKEN}")), ("x-forwarded-for", HEADER), ("traceparent", HEADER)]).await;
    for path in [
        format!("/calendars/{FEED}.ics"),
        format!("/nowhere/{BROKEN}?{BROKEN}"),
        format!("/oauth/google/callback?state={CODE}&code={CODE}"),
    ] {
        http().get(format!("http://{}{path}", hale.address)).header("x-quokka", HEADER).send().await.unwrap();
    }

    // What devices send: changes that are taken, and ones that cannot be.
    let clock = |client: &str| format!("{}:0:{client}", SystemClock.now().timestamp_millis());
    let change = |column: &str, value: &str| json!({ "id": uuid::Uuid::new_v4(), "collection": "food_items", "row": food, "cells": [{ "column": column, "value": value, "clock": clock("phone") }] });
    let push = json!({ "client": "phone", "changes": [change("name", FOOD), change("brand", &BRAND.repeat(100)), change(BROKEN, NOTE)] });
    let pushed = hale.does(&token, "pushChanges", push, "results { status }").await;
    assert_eq!(pushed["results"].as_array().unwrap().len(), 3, "{pushed}");

    // Sockets: every frame goes through a library that would tell of it.
    let mut socket = Socket::open(hale.address).await;
    socket.say(json!({ "type": "connection_init", "payload": { "accessToken": token, (BROKEN): NOTE } })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    socket.operate("1", &literal, json!({})).await;
    assert_eq!(socket.hear().await["type"], "next");
    assert_eq!(socket.hear().await["type"], "complete");
    socket.operate("2", "subscription { foodDayChanged { date entries { name } } }", json!({})).await;
    socket.operate("3", &format!("subscription {{ {BROKEN} }}"), json!({ (BROKEN): NOTE })).await;
    assert_eq!(socket.hear().await["type"], "error");
    sleep(Duration::from_millis(300)).await;
    let entry = json!({ "foodId": food, "quantity": "2", "unit": LITERAL, "mealType": "snack" });
    hale.does(&token, "logFood", entry, "entry { id }").await;
    assert!(socket.hear().await.to_string().contains(FOOD));
    drop(socket);

    // Somebody else's servers: a consent whose exchange fails, and mail that is refused in words that name the recipient.
    let household =
        hale.does(&token, "createHousehold", json!({ "name": HOUSEHOLD, "yourName": NAME }), "household { id you { id } }").await;
    let (household, member) = (household["household"]["id"].clone(), household["household"]["you"]["id"].clone());
    const CONNECT: &str = "mutation($input: CalendarInput!) { connectCalendar(input: $input) { authorizationUrl } }";
    let connecting = hale.ask(&token, CONNECT, json!({ "input": { "householdId": household } })).await;
    google.fails("/token", google::Fault::Refused(500, BROKEN, None));
    let back = google.consents(connecting.pointer("/data/connectCalendar/authorizationUrl").and_then(Value::as_str).unwrap(), true);
    let back = reqwest::Url::parse(&back).unwrap();
    let form: Vec<_> = back.query_pairs().into_owned().collect();
    let answered = http().post(format!("http://{}/oauth/google/callback", hale.address)).form(&form).send().await.unwrap();
    assert_eq!(answered.status(), StatusCode::BAD_GATEWAY);
    let soon = SystemClock.now() + TimeDelta::minutes(90);
    // Two turns to be reminded of: the first mail is refused for good, the second for now.
    for name in [FOOD, LITERAL] {
        let routine = json!({ "householdId": household, "name": name, "timeZone": "UTC", "timeOfDay": soon.format("%H:%M").to_string(),
            "startsOn": soon.format("%Y-%m-%d").to_string(), "lookAheadDays": 3, "members": [{ "memberId": member }] });
        let routine = hale.does(&token, "createRoutine", routine, "routine { id }").await["routine"]["id"].clone();
        hale.does(&token, "planRoutine", json!({ "householdId": household, "id": routine }), "applied").await;
        let reminder = json!({ "householdId": household, "routineId": routine, "minutesBefore": 300 });
        hale.does(&token, "setRoutineReminder", reminder, "routine { id }").await;
    }
    let mut metrics = hale.metrics().await;
    for _ in 0..400 {
        let mails = |outcome: &str| metrics.of(&format!("hale_mails_total{{outcome=\"{outcome}\"}}"));
        if mails("refused") > 0.0 && mails("failed") > 0.0 && hale.said("stderr").contains("panicked") {
            break;
        }
        sleep(Duration::from_millis(100)).await;
        metrics = hale.metrics().await;
    }
    hale.stops().await;

    // All of it was told of, and nothing of it is told.
    let (stdout, stderr) = (hale.said("stdout"), hale.said("stderr"));
    let postgres = fs::read_to_string(hale.folder.0.join("data/postgres/server.log")).unwrap();
    let traces = String::from_utf8_lossy(&collector.bytes()).into_owned();
    assert!(
        metrics.of("hale_mails_total{outcome=\"refused\"}") == 1.0 && metrics.of("hale_mails_total{outcome=\"failed\"}") == 1.0,
        "{}",
        metrics.text
    );
    assert!(stderr.contains("PostgreSQL 23514, table measurements, constraint unheard_of"), "{stderr}");
    assert!(stderr.contains("PostgreSQL 22P02") && stderr.contains("it answers 450") && stderr.contains("it answers 550"), "{stderr}");
    assert!(stderr.contains("Google: it answers 500") && stderr.contains("something panicked") && stderr.contains("hale.rs:"), "{stderr}");
    assert!(stderr.contains("\"level\":\"DEBUG\"") && stderr.contains("\"executed\""), "{stderr}");
    assert!(postgres.contains("violates unique constraint \"users_email_key\"") && postgres.contains("duration:"), "{postgres}");
    assert!(collector.spans().len() > 50 && metrics.text.contains("code=\"INTERNAL\""));
    let everything =
        [("stdout", &stdout), ("stderr", &stderr), ("metrics", &metrics.text), ("traces", &traces), ("PostgreSQL's log", &postgres)];
    let secrets = [token.as_str(), &refresh, &second, password.trim()];
    let canaries = [
        EMAIL,
        SECOND_EMAIL,
        NAME,
        FOOD,
        BRAND,
        NOTE,
        WEIGHT,
        CALORIES,
        LITERAL,
        OPERATION_NAME,
        ALIAS,
        SECRET_PASSWORD,
        WRONG_PASSWORD,
        BROKEN,
        HEADER,
        HOUSEHOLD,
        LIST,
        PROVIDER_SECRET,
        CODE,
        FEED,
        COOKIE,
        PANIC,
        MAIL_PASSWORD,
        CAST,
    ];
    let places = |text: &str| {
        let wanted = [text.to_lowercase(), percent_encoded(text).to_lowercase(), text.to_lowercase().replace(' ', "+")];
        let holds = |everything: &str| wanted.iter().any(|text| everything.contains(text));
        everything.iter().filter(|(_, text)| holds(&text.to_lowercase())).map(|(place, _)| *place).collect::<Vec<_>>()
    };
    // The search finds what is there.
    assert_eq!(places("Hale is ready"), ["stdout"]);
    assert_eq!(places("recordMeasurement"), ["stderr", "metrics", "traces"]);
    assert_eq!(places("auth.enter"), ["PostgreSQL's log"]);
    let found: Vec<_> =
        canaries.iter().chain(&secrets).map(|canary| (*canary, places(canary))).filter(|(_, places)| !places.is_empty()).collect();
    let quoted = [(CAST, vec!["PostgreSQL's log"])];
    assert_eq!(found, quoted, "in {}", hale.folder.0.display());
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A server over the database of `app`, as a process, so that its numbers are its own.
async fn watched(app: &TestApp, more: &[(&str, String)]) -> Watched {
    let mut environment = vec![("DATABASE_URL", app.url("hale_app"))];
    environment.extend_from_slice(more);
    Watched::start("serve", &environment).await
}

async fn signs_up(hale: &Watched, email: &str) -> String {
    let session = hale.does("", "signUp", json!({ "email": email, "password": PASSWORD }), "session { accessToken }").await;
    session["session"]["accessToken"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_are_those_of_what_was_done_and_no_name_of_a_clients_is_among_them() {
    let app = TestApp::new().await;
    let mut hale = watched(&app, &[]).await;
    let (ann, ben) = (signs_up(&hale, "ann@example.org").await, signs_up(&hale, "ben@example.org").await);
    let before = hale.metrics().await;
    assert_eq!(before.of("hale_build_info{version=\"0.1.0\"}"), 1.0);
    assert_eq!((before.of("hale_db_up"), before.of("hale_db_pool_max_connections")), (1.0, 10.0));
    for name in
        ["process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_start_time_seconds", "process_cpu_seconds_total"]
    {
        assert!(before.of(name) > 0.0, "{name} in {}", before.text);
    }

    for _ in 0..3 {
        hale.ask(&ann, "{ viewer { id } }", json!({})).await;
    }
    hale.ask(&ben, "{ a: viewer { id } b: viewer { email } }", json!({})).await;
    hale.ask(&ben, "{ viewer { id } foods(search: \"oats\", first: 1) { nodes { id } } }", json!({})).await;
    hale.ask("", "{ viewer { id } }", json!({})).await;
    hale.ask(&ann, "{ nothing }", json!({})).await;
    hale.send(&ann, "{", &[]).await;
    const RECORD: &str = "mutation($input: RecordMeasurementInput!) { recordMeasurement(input: $input) { measurement { id } } }";
    for (value, unit) in [("80", "kg"), ("81", "kg"), ("82", "parsec")] {
        hale.ask(&ann, RECORD, json!({ "input": { "type": "weight", "value": value, "unit": unit } })).await;
    }
    // However many names clients think of, there are no more series.
    let names = hale.metrics().await.samples.len();
    for number in 0..40 {
        hale.ask(&ann, &format!("query Secret{number} {{ alias{number}: viewer {{ id }} }}"), json!({})).await;
        http().get(format!("http://{}/path{number}", hale.address)).header("x-request-id", format!("id{number}")).send().await.unwrap();
        let method = reqwest::Method::from_bytes(format!("METHOD{number}").as_bytes()).unwrap();
        http().request(method, format!("http://{}/graphql", hale.address)).send().await.unwrap();
    }
    let after = hale.metrics().await;
    // The path that no route knows, and the methods that no route takes, are one each.
    assert!(after.samples.len() <= names + 2 * 15, "{} series are {}", names, after.samples.len());
    let grown = |series: &str| after.of(series) - before.of(series);
    let operations =
        |kind, field, code| grown(&format!("hale_graphql_operations_total{{kind=\"{kind}\",field=\"{field}\",code=\"{code}\"}}"));
    assert_eq!(operations("query", "viewer", "OK"), 44.0, "{}", after.text);
    assert_eq!((operations("query", "several", "OK"), operations("query", "viewer", "UNAUTHENTICATED")), (1.0, 1.0), "{}", after.text);
    assert_eq!(operations("none", "none", "BAD_REQUEST"), 2.0, "{}", after.text);
    assert_eq!(
        (operations("mutation", "recordMeasurement", "OK"), operations("mutation", "recordMeasurement", "BAD_USER_INPUT")),
        (2.0, 1.0),
        "{}",
        after.text
    );
    assert_eq!(
        grown("hale_graphql_operation_duration_seconds_count{kind=\"mutation\",field=\"recordMeasurement\"}"),
        3.0,
        "{}",
        after.text
    );
    // Three points each: the field, what it selects, and ten for a change.
    assert_eq!(grown("hale_graphql_cost_points_count{kind=\"mutation\"}"), 3.0);
    assert!(grown("hale_graphql_cost_points_sum{kind=\"mutation\"}") >= 30.0, "{}", after.text);
    assert_eq!(grown("hale_http_requests_total{route=\"none\",method=\"GET\",status=\"404\"}"), 40.0, "{}", after.text);
    assert_eq!(grown("hale_http_requests_total{route=\"/graphql\",method=\"other\",status=\"405\"}"), 40.0, "{}", after.text);
    assert_eq!(grown("hale_http_requests_total{route=\"/graphql\",method=\"POST\",status=\"200\"}"), 50.0, "{}", after.text);
    assert!(grown("hale_db_pool_acquire_seconds_count") >= 45.0 && after.of("hale_db_pool_waiting") == 0.0, "{}", after.text);
    assert!(after.of("hale_db_pool_connections{state=\"idle\"}") + after.of("hale_db_pool_connections{state=\"used\"}") >= 1.0);
    for name in ["Secret", "alias", "id3", "METHOD", "path3", "ann", "ben@", "80"] {
        assert!(!after.text.contains(&format!("\"{name}")), "{name} in {}", after.text);
    }
    // The address that everybody reaches tells nobody.
    assert_eq!(http().get(format!("http://{}/metrics", hale.address)).send().await.unwrap().status(), 404);
    let line = fails(hale.beside().env("DATABASE_URL", app.url("hale_app")).args([
        "--listen",
        "127.0.0.1:0",
        "--metrics-listen",
        &hale.address.to_string(),
    ]))
    .await;
    assert!(line.contains("HALE_METRICS_LISTEN"), "{line}");
    hale.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_devices_jobs_and_providers_are_counted() {
    let (app, google) = (TestApp::new().await, Fake::start().await);
    let mut environment: Vec<_> = google::environment(&google.url).into();
    environment.push(("HALE_JOBS", "false".to_owned()));
    let mut hale = watched(&app, &environment).await;
    let ann = signs_up(&hale, "ann@example.org").await;
    let follow = async || {
        let mut socket = Socket::open(hale.address).await;
        socket.say(json!({ "type": "connection_init", "payload": { "accessToken": ann } })).await;
        assert_eq!(socket.hear().await["type"], "connection_ack");
        socket.operate("1", "subscription { foodDayChanged { date } }", json!({})).await;
        socket
    };
    let mut sockets = [follow().await, follow().await];
    let stream = http().post(format!("http://{}/graphql", hale.address)).bearer_auth(&ann).header("accept", "text/event-stream");
    let stream = stream.json(&json!({ "query": "subscription { foodDayChanged { date } }" })).send().await.unwrap();
    let following = "hale_graphql_subscriptions{kind=\"subscription\",field=\"foodDayChanged\"}";
    let reached = async |series: &str, value: f64| {
        for _ in 0..200 {
            let metrics = hale.metrics().await;
            if metrics.of(series) == value {
                return metrics;
            }
            sleep(Duration::from_millis(50)).await;
        }
        panic!("{series} is never {value}: {}", hale.metrics().await.text);
    };
    let metrics = reached(following, 3.0).await;
    assert_eq!(metrics.of("hale_graphql_connections{transport=\"websocket\"}"), 2.0, "{}", metrics.text);
    assert_eq!(metrics.of("hale_graphql_connections{transport=\"sse\"}"), 1.0, "{}", metrics.text);
    sleep(Duration::from_millis(500)).await;
    let food = json!({ "name": "Oats", "servingSize": "100", "servingUnit": "g", "nutrition": { "calories": "100" } });
    let food = hale.does(&ann, "createFood", food, "food { id }").await["food"]["id"].clone();
    let entry = json!({ "foodId": food, "quantity": "1", "unit": "serving", "mealType": "snack" });
    hale.does(&ann, "logFood", entry, "entry { id }").await;
    for socket in &mut sockets {
        assert_eq!(socket.hear().await["type"], "next");
    }
    reached("hale_graphql_subscription_events_total{kind=\"subscription\",field=\"foodDayChanged\",code=\"OK\"}", 3.0).await;
    drop((sockets, stream));
    let metrics = reached(following, 0.0).await;
    assert_eq!(metrics.of("hale_graphql_operations_total{kind=\"subscription\",field=\"foodDayChanged\",code=\"OK\"}"), 3.0);
    reached("hale_graphql_connections{transport=\"websocket\"}", 0.0).await;

    // A device: one change that is made, once more the same, and one that cannot be.
    let clock = |counter| format!("{}:{counter}:phone", SystemClock.now().timestamp_millis());
    let change = |id: &uuid::Uuid, value: &str, clock: String| json!({ "id": id, "collection": "food_items", "row": food, "cells": [{ "column": "name", "value": value, "clock": clock }] });
    let (first, second, at) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4(), clock(0));
    for changes in
        [json!([change(&first, "Oats, rolled", at.clone()), change(&second, "", clock(1))]), json!([change(&first, "Oats, rolled", at)])]
    {
        hale.does(&ann, "pushChanges", json!({ "client": "phone", "changes": changes }), "results { status }").await;
    }
    hale.ask(&ann, "{ viewer { syncPage { hasMore } } }", json!({})).await;
    let metrics = hale.metrics().await;
    let outcomes: f64 = ["applied", "merged", "duplicate", "conflict", "rejected"]
        .iter()
        .map(|outcome| metrics.of(&format!("hale_sync_mutations_total{{outcome=\"{outcome}\"}}")))
        .sum();
    assert_eq!(
        (metrics.of("hale_sync_batches_total"), outcomes, metrics.of("hale_sync_feed_pages_total")),
        (2.0, 3.0, 1.0),
        "{}",
        metrics.text
    );
    assert_eq!(metrics.of("hale_sync_mutations_total{outcome=\"rejected\"}"), 1.0, "{}", metrics.text);

    // Somebody else's server that fails five times is left alone.
    assert_eq!(metrics.of("hale_provider_resting{provider=\"Google\"}"), 0.0);
    let household = hale.does(&ann, "createHousehold", json!({ "name": "Home", "yourName": "ann" }), "household { id }").await["household"]
        ["id"]
        .clone();
    const CONNECT: &str = "mutation($input: CalendarInput!) { connectCalendar(input: $input) { authorizationUrl } }";
    for _ in 0..5 {
        google.fails("/token", google::Fault::Refused(503, "backendError", None));
    }
    for _ in 0..6 {
        let answer = hale.ask(&ann, CONNECT, json!({ "input": { "householdId": household } })).await;
        let back = google.consents(answer.pointer("/data/connectCalendar/authorizationUrl").and_then(Value::as_str).unwrap(), true);
        let form: Vec<_> = reqwest::Url::parse(&back).unwrap().query_pairs().into_owned().collect();
        http().post(format!("http://{}/oauth/google/callback", hale.address)).form(&form).send().await.unwrap();
    }
    let metrics = hale.metrics().await;
    let asked = |outcome| metrics.of(&format!("hale_provider_requests_total{{provider=\"Google\",outcome=\"{outcome}\"}}"));
    assert_eq!((asked("failed"), asked("resting"), asked("answered")), (5.0, 1.0, 0.0), "{}", metrics.text);
    assert_eq!(metrics.of("hale_provider_resting{provider=\"Google\"}"), 1.0);
    assert_eq!(metrics.of("hale_provider_request_duration_seconds_count{provider=\"Google\"}"), 5.0);

    // Jobs: here they only wait, and one was given up; a worker does them and tells of it itself.
    let mut owner = app.connect("hale_owner").await;
    owner.execute("INSERT INTO jobs (id, kind, key, due_at, dead_at) VALUES (gen_random_uuid(), 'plan', 'x', now(), now())").await.unwrap();
    owner
        .execute("INSERT INTO jobs (id, kind, key, due_at) VALUES (gen_random_uuid(), 'clean_up', 'x', now() - interval '100 seconds')")
        .await
        .unwrap();
    let metrics = hale.metrics().await;
    assert_eq!(metrics.of("hale_jobs{kind=\"plan\",state=\"dead\"}"), 1.0, "{}", metrics.text);
    assert_eq!(metrics.of("hale_jobs{kind=\"clean_up\",state=\"waiting\"}"), 1.0, "{}", metrics.text);
    assert!((100.0..200.0).contains(&metrics.of("hale_jobs_overdue_seconds")), "{}", metrics.text);

    // Backups: one that succeeded, and one that failed after it.
    let backup = |metrics: &Metrics| {
        ["last_success_timestamp_seconds", "last_size_bytes", "failed"].map(|name| metrics.of(&format!("hale_backup_{name}")))
    };
    assert_eq!(backup(&metrics), [0.0; 3], "{}", metrics.text);
    const BACKUP: &str = "INSERT INTO backups (id, kind, began_at, ended_at, file, bytes, error) VALUES (gen_random_uuid(), 'scheduled',";
    owner.execute(AssertSqlSafe(format!("{BACKUP} to_timestamp(1000), to_timestamp(1010), 'one', 4321, NULL)"))).await.unwrap();
    assert_eq!(backup(&hale.metrics().await), [1000.0, 4321.0, 0.0]);
    owner.execute(AssertSqlSafe(format!("{BACKUP} to_timestamp(2000), to_timestamp(2010), NULL, NULL, 'full')"))).await.unwrap();
    assert_eq!(backup(&hale.metrics().await), [1000.0, 4321.0, 1.0]);

    let mut worker = Watched::start("worker", &[("DATABASE_URL", app.url("hale_app"))]).await;
    for _ in 0..200 {
        if worker.metrics().await.of("hale_job_duration_seconds_count{kind=\"clean_up\",outcome=\"done\"}") >= 2.0 {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    let told = worker.metrics().await;
    assert_eq!(told.of("hale_job_duration_seconds_count{kind=\"clean_up\",outcome=\"done\"}"), 2.0, "{}", told.text);
    assert_eq!((told.of("hale_db_up"), told.of("hale_jobs{kind=\"plan\",state=\"dead\"}")), (1.0, 1.0), "{}", told.text);
    worker.stops().await;

    // While the database is away, the numbers that there are come all the same.
    let mut admin = app.connect("postgres").await;
    admin.execute("REVOKE EXECUTE ON FUNCTION auth.count_jobs(timestamptz) FROM hale_app").await.unwrap();
    let metrics = hale.metrics().await;
    assert_eq!(metrics.of("hale_db_up"), 0.0);
    assert!(!metrics.text.contains("hale_jobs{") && metrics.text.contains("hale_sync_batches_total 2"), "{}", metrics.text);
    hale.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_on_from_the_edge_through_request_and_operation_to_the_transaction() {
    let (app, collector) = (TestApp::new().await, Collector::start().await);
    let mut hale = watched(&app, &[("OTEL_EXPORTER_OTLP_ENDPOINT", format!("{}/", collector.url))]).await;
    let ann = signs_up(&hale, "ann@example.org").await;
    let (trace, edge) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let weigh = json!({ "query": "mutation($input: RecordMeasurementInput!) { recordMeasurement(input: $input) { measurement { id } } }",
        "variables": { "input": { "type": "weight", "value": "80", "unit": "kg" } } });
    let traced = [("traceparent", &*format!("00-{trace}-{edge}-01")), ("x-request-id", "edge-1")];
    assert_eq!(hale.send(&ann, weigh.to_string(), &traced).await.0, StatusCode::OK);
    // What is no traceparent begins a trace of its own.
    hale.send(&ann, weigh.to_string(), &[("traceparent", "nonsense"), ("x-request-id", "edge-2")]).await;
    for _ in 0..200 {
        if hale.metrics().await.of("hale_job_duration_seconds_count{kind=\"clean_up\",outcome=\"done\"}") > 0.0 {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    hale.stops().await;

    let spans = collector.spans();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let request = |id: &str| spans.iter().find(|span| attribute(span, "id").as_deref() == Some(id)).unwrap();
    let first = request("edge-1");
    assert_eq!((hex(&first.trace_id), hex(&first.parent_span_id), first.kind()), (trace.into(), edge.into(), SpanKind::Server));
    assert_eq!((first.name.as_str(), attribute(first, "path").as_deref()), ("request", Some("/graphql")));
    assert_eq!((attribute(first, "operation").as_deref(), attribute(first, "code").as_deref()), (Some("recordMeasurement"), Some("OK")));
    assert_eq!(attribute(first, "status").as_deref(), Some("200"));
    let below = |parent: &opentelemetry_proto::tonic::trace::v1::Span| {
        spans.iter().filter(|span| span.parent_span_id == parent.span_id).collect::<Vec<_>>()
    };
    let operations = below(first);
    let [operation] = operations.as_slice() else { panic!("{operations:?}") };
    assert_eq!(
        (operation.name.as_str(), attribute(operation, "kind").as_deref(), hex(&operation.trace_id)),
        ("operation", Some("mutation"), trace.into())
    );
    let transactions = below(operation);
    assert!(!transactions.is_empty() && transactions.iter().all(|span| span.name == "transaction" && hex(&span.trace_id) == trace));
    assert!(
        transactions
            .iter()
            .any(|span| attribute(span, "committed").as_deref() == Some("true") && attribute(span, "writes").as_deref() == Some("true"))
    );
    let second = request("edge-2");
    assert!(second.parent_span_id.is_empty() && hex(&second.trace_id) != trace);
    let job = spans.iter().find(|span| span.name == "job" && attribute(span, "kind").as_deref() == Some("clean_up")).unwrap();
    assert!(below(job).iter().any(|span| span.name == "transaction" && attribute(span, "committed").as_deref() == Some("true")));
    // Nothing else is ever told of.
    let known = ["id", "method", "path", "operation", "code", "status", "kind", "field", "writes", "committed", "attempt"];
    let keys: BTreeSet<_> = spans.iter().flat_map(|span| &span.attributes).map(|attribute| attribute.key.as_str()).collect();
    assert!(keys.iter().all(|key| known.contains(key)), "{keys:?}");
    assert!(spans.iter().all(|span| span.events.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_keeps_nobody_waiting_and_a_wrong_address_is_said() {
    let app = TestApp::new().await;
    let mut hale = watched(&app, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9".to_owned())]).await;
    let ann = signs_up(&hale, "ann@example.org").await;
    assert!(hale.ask(&ann, "{ viewer { id } }", json!({})).await.get("errors").is_none());
    hale.stops().await;
    let line = fails(hale.beside().env("OTEL_EXPORTER_OTLP_ENDPOINT", "not an address").arg("config")).await;
    assert!(line.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{line}");
    let line = fails(hale.beside().env("HALE_LOG", "info,tungstenite=trace").arg("config")).await;
    assert!(line.contains("HALE_LOG") && line.contains("tungstenite") && line.contains("service"), "{line}");
}
