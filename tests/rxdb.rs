//! RxDB's replication, first message by message, as its query builders write them, then by two clients that know nothing of Hale.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::{
    clients,
    harness::{PASSWORD, Person, TestApp},
    measurements::records,
    subscriptions::Socket,
};

const PULL: &str = "query PullMeasurement($checkpoint: MeasurementInputCheckpoint, $limit: Int!) {
    pullMeasurement(checkpoint: $checkpoint, limit: $limit) {
      documents { id type value unit canonicalValue measuredAt timeZone measuredOn _deleted } checkpoint { epoch seq } resync } }";
const PUSH: &str = "mutation PushMeasurement($measurementPushRow: [MeasurementInputPushRow!]) {
    pushMeasurement(measurementPushRow: $measurementPushRow) {
      id type value unit canonicalValue measuredAt timeZone measuredOn _deleted } }";
const STREAM: &str = "subscription onStream($headers: MeasurementInputHeaders) {
    streamMeasurement(headers: $headers) { documents { id value _deleted } checkpoint { epoch seq } } }";
const PUSH_FOOD: &str = "mutation PushFoodEntry($foodEntryPushRow: [FoodEntryInputPushRow!]) {
    pushFoodEntry(foodEntryPushRow: $foodEntryPushRow) {
      id foodItemId foodName quantity unit calories mealType consumedAt timeZone consumedOn _deleted } }";
const REJECTIONS: &str = "{ viewer { syncRejections(first: 100) { nodes { row code field values lost } } } }";

fn id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A document as a client makes it, who does not know yet what Hale makes of it.
fn weight(id: &str, value: &str) -> Value {
    json!({ "id": id, "type": "weight", "value": value, "unit": "kg", "measuredAt": "2026-03-10T08:00:00.000Z", "timeZone": "UTC", "_deleted": false })
}

/// A document with other fields.
fn with(document: &Value, fields: Value) -> Value {
    let mut document = document.clone();
    document.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    document
}

fn made(new: Value) -> Value {
    json!({ "newDocumentState": new })
}

fn edited(assumed: &Value, fields: Value) -> Value {
    json!({ "assumedMasterState": assumed, "newDocumentState": with(assumed, fields) })
}

async fn pushes(person: &Person<'_>, rows: Value) -> Vec<Value> {
    person.ask(PUSH, json!({ "measurementPushRow": rows })).await["pushMeasurement"].as_array().unwrap().clone()
}

async fn pushes_food(person: &Person<'_>, rows: Value) -> Vec<Value> {
    person.ask(PUSH_FOOD, json!({ "foodEntryPushRow": rows })).await["pushFoodEntry"].as_array().unwrap().clone()
}

async fn pulls(person: &Person<'_>, checkpoint: &Value, limit: i32) -> Value {
    person.ask(PULL, json!({ "checkpoint": checkpoint, "limit": limit })).await["pullMeasurement"].take()
}

/// What the server has of a measurement.
async fn master(person: &Person<'_>, id: &str) -> Value {
    let pulled = pulls(person, &Value::Null, 1000).await;
    pulled["documents"].as_array().unwrap().iter().find(|document| document["id"] == id).cloned().unwrap_or_default()
}

async fn rejections(person: &Person<'_>) -> Vec<Value> {
    person.ask(REJECTIONS, json!({})).await["viewer"]["syncRejections"]["nodes"].as_array().unwrap().clone()
}

/// Another device of the same person.
async fn other_device<'a>(person: &Person<'a>) -> Person<'a> {
    let input = json!({ "email": person.email, "password": PASSWORD });
    let answer = person
        .app
        .nobody()
        .ask("mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }", json!({ "input": input }))
        .await;
    Person { token: answer["signIn"]["session"]["accessToken"].as_str().map(str::to_owned), ..person.clone() }
}

#[tokio::test]
async fn what_ann_measures_offline_is_completed_and_pulled_by_her_other_device() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let tablet = other_device(&ann).await;
    let document = weight(&id(), "80.5");
    let completed = with(&document, json!({ "canonicalValue": "80500", "measuredOn": "2026-03-10" }));
    assert_eq!(pushes(&ann, json!([made(document)])).await, std::slice::from_ref(&completed), "what Hale adds is told at once");
    let pulled = pulls(&tablet, &Value::Null, 100).await;
    assert_eq!(pulled["documents"], json!([completed]));
    assert_eq!(pulled["resync"], false);

    // Whoever believes what is there hears nothing, however often.
    for _ in 0..2 {
        assert_eq!(pushes(&ann, json!([edited(&completed, json!({}))])).await, Vec::<Value>::new());
    }
    assert_eq!(pulls(&tablet, &pulled["checkpoint"], 100).await["documents"], json!([]));

    // Nobody else has any of it.
    let ben = app.person("ben").await;
    assert_eq!(pulls(&ben, &Value::Null, 100).await["documents"], json!([]));
    assert_eq!(app.nobody().refused(PULL, json!({ "limit": 1 })).await.code, "UNAUTHENTICATED");
}

#[tokio::test]
async fn a_client_that_does_not_look_at_what_hale_adds_hears_nothing_of_it() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let small = "mutation($rows: [MeasurementInputPushRow!]) { pushMeasurement(measurementPushRow: $rows) { id value _deleted } }";
    let pushed = ann.ask(small, json!({ "rows": [made(weight(&id(), "80"))] })).await;
    assert_eq!(pushed["pushMeasurement"], json!([]));
    // But what it does look at it hears of, as it was normalised.
    let document = weight(&id(), "80.50");
    let pushed = ann.ask(small, json!({ "rows": [made(document.clone())] })).await;
    assert_eq!(pushed["pushMeasurement"], json!([{ "id": document["id"], "value": "80.5", "_deleted": false }]));
}

#[tokio::test]
async fn a_page_is_as_full_as_was_asked_for_and_no_limit_is_clamped() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let food = ann.creates_food(json!({})).await;
    let mut owner = app.connect("hale_owner").await;
    // 2,005 measurements, between them what is of another collection, and some of them deleted.
    ann.logs_food(&food, json!({})).await;
    owner.execute(AssertSqlSafe(measured(&ann.id, 2005))).await.unwrap();
    ann.logs_food(&food, json!({})).await;
    owner.execute("UPDATE measurements SET deleted_at = now() WHERE value >= 1990").await.unwrap();

    let (mut checkpoint, mut sizes, mut ids) = (Value::Null, Vec::new(), std::collections::BTreeSet::new());
    loop {
        let page = pulls(&ann, &checkpoint, 1000).await;
        let documents = page["documents"].as_array().unwrap();
        sizes.push(documents.len());
        ids.extend(documents.iter().map(|document| document["id"].as_str().unwrap().to_owned()));
        let seq = page["checkpoint"]["seq"].as_str().expect("a string, for it has 64 bits");
        assert!(seq.parse::<i64>().is_ok());
        if documents.is_empty() {
            assert_eq!(page["checkpoint"], checkpoint, "an empty page leaves the checkpoint as it is");
            break;
        }
        checkpoint = page["checkpoint"].clone();
    }
    assert_eq!((sizes, ids.len()), (vec![1000, 1000, 5, 0], 2005));
    for limit in [1001, 0, -1] {
        let refusal = ann.refused(PULL, json!({ "limit": limit })).await;
        assert_eq!((refusal.code.as_str(), refusal.field.as_deref()), ("BAD_USER_INPUT", Some("limit")), "{limit}");
    }
}

/// So many measurements of a person, of 0.001, 0.002, … of something.
fn measured(person: &str, count: u32) -> String {
    format!(
        "INSERT INTO measurements (user_id, id, type, value, unit, canonical_value, measured_at, time_zone, measured_on)
         SELECT '{person}', gen_random_uuid(), 'steps', n, 'steps', n, '2026-03-10T08:00:00Z', 'UTC', '2026-03-10' FROM generate_series(1, {count}) n"
    )
}

#[tokio::test]
async fn a_checkpoint_of_another_history_begins_anew_and_one_that_is_none_is_refused() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    pushes(&ann, json!([made(weight(&id(), "80")), made(weight(&id(), "81"))])).await;
    let first = pulls(&ann, &Value::Null, 100).await;
    app.connect("hale_owner").await.execute("INSERT INTO sync_epochs DEFAULT VALUES").await.unwrap();
    let anew = pulls(&ann, &first["checkpoint"], 100).await;
    assert_eq!((&anew["documents"], &anew["resync"]), (&first["documents"], &json!(true)));
    assert_ne!(anew["checkpoint"]["epoch"], first["checkpoint"]["epoch"]);
    let on = pulls(&ann, &anew["checkpoint"], 100).await;
    assert_eq!((&on["documents"], &on["resync"]), (&json!([]), &json!(false)));
    for (field, checkpoint) in [
        ("checkpoint.epoch", json!({ "epoch": "yesterday", "seq": "1" })),
        ("checkpoint.seq", with(&anew["checkpoint"], json!({ "seq": "-1" }))),
        ("checkpoint.seq", with(&anew["checkpoint"], json!({ "seq": "many" }))),
    ] {
        let refusal = ann.refused(PULL, json!({ "checkpoint": checkpoint, "limit": 1 })).await;
        assert_eq!((refusal.code.as_str(), refusal.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
}

#[tokio::test]
async fn what_cannot_be_is_a_conflict_and_no_error_and_keeps_nothing_else_from_being() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let stored = pushes(&ann, json!([made(weight(&id(), "80"))])).await.remove(0);
    let good = weight(&id(), "81");
    let never: Vec<Value> = [
        json!({ "value": "many" }),
        json!({ "value": true, "unit": ["kg"], "type": { "of": "thing" } }),
        json!({ "value": 5e300 }),
        json!({ "unit": null }),
        json!({ "unit": "k\0g" }),
        json!({ "measuredAt": "yesterday" }),
        json!({ "timeZone": "Middle/Earth" }),
        json!({ "id": "breakfast" }),
        json!({ "id": id().to_uppercase() }),
    ]
    .into_iter()
    .map(|wrong| with(&weight(&id(), "82"), wrong))
    .collect();
    let mut rows: Vec<Value> = never.iter().cloned().map(made).collect();
    rows.insert(4, made(good.clone()));
    rows.push(edited(&stored, json!({ "value": "-1" })));
    rows.push(edited(&stored, json!({ "type": "height" })));

    let masters = pushes(&ann, json!(rows)).await;
    let mut expected: Vec<Value> = never.iter().map(|document| with(document, json!({ "_deleted": true }))).collect();
    expected.insert(4, with(&good, json!({ "canonicalValue": "81000", "measuredOn": "2026-03-10" })));
    // What was never there is deleted, with what its client wrote; what was there is as it was.
    expected.extend([stored.clone(), stored.clone()]);
    for (master, expected) in masters.iter().zip(&expected) {
        let told = expected.as_object().unwrap().iter().all(|(field, value)| master[field] == *value);
        assert!(told, "{master} is not {expected}");
    }
    assert_eq!(masters.len(), expected.len());
    assert_eq!(master(&ann, good["id"].as_str().unwrap()).await["value"], "81");

    // All of it is kept for its writer, once.
    pushes(&ann, json!(rows)).await;
    let kept = rejections(&ann).await;
    assert_eq!(kept.len(), never.len() + 2, "{kept:?}");
    let of = |document: &Value| kept.iter().filter(|rejection| rejection["row"] == document["id"]).count();
    assert_eq!((of(&never[0]), of(&stored)), (1, 2));
    assert!(kept.iter().any(|rejection| rejection["field"] == "value" && rejection["values"]["value"] == "many"));
}

#[tokio::test]
async fn a_stored_row_that_only_the_database_refuses_to_change_is_answered_as_it_is() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let food = ann.creates_food(json!({})).await;
    let entry = json!({ "id": id(), "foodItemId": food, "quantity": "50", "unit": "g", "mealType": "lunch",
        "consumedAt": "2026-03-10T11:00:00.000Z", "timeZone": "UTC", "_deleted": false });
    let stored = pushes_food(&ann, json!([made(entry)])).await.remove(0);
    assert_eq!((&stored["calories"], &stored["foodName"]), (&json!("50"), &json!("Oats")));
    // A hundred thousand kilograms of oats are more calories than the column holds.
    let masters = pushes_food(&ann, json!([edited(&stored, json!({ "quantity": "100000", "unit": "kg" }))])).await;
    assert_eq!(masters, [stored]);
}

#[tokio::test]
async fn edits_of_different_fields_both_stay_and_of_the_same_the_first_to_arrive() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let tablet = other_device(&ann).await;
    let before = pushes(&ann, json!([made(weight(&id(), "80"))])).await.remove(0);
    let name = before["id"].as_str().unwrap();

    assert_eq!(
        pushes(&ann, json!([edited(&before, json!({ "measuredAt": "2026-03-09T08:00:00.000Z" }))])).await[0]["measuredOn"],
        "2026-03-09"
    );
    let masters = pushes(&tablet, json!([edited(&before, json!({ "value": "81" }))])).await;
    let both = with(
        &before,
        json!({ "measuredAt": "2026-03-09T08:00:00.000Z", "measuredOn": "2026-03-09", "value": "81", "canonicalValue": "81000" }),
    );
    assert_eq!(masters, std::slice::from_ref(&both));
    assert_eq!(rejections(&ann).await, Vec::<Value>::new());

    let late = pushes(&ann, json!([edited(&before, json!({ "value": "82" }))])).await;
    assert_eq!(late, std::slice::from_ref(&both), "another device wrote it meanwhile");
    assert_eq!(master(&ann, name).await, both);
    let kept = rejections(&ann).await;
    assert_eq!((&kept[0]["code"], &kept[0]["values"]["value"]), (&Value::Null, &json!("82")), "what was lost is kept");
}

#[tokio::test]
async fn what_is_hale_s_own_clashes_with_nothing() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let stored = pushes(&ann, json!([made(weight(&id(), "80"))])).await.remove(0);
    // A client that knows old or other values of them, or writes them.
    let assumed = with(&stored, json!({ "canonicalValue": null, "measuredOn": "2020-01-01" }));
    let masters = pushes(&ann, json!([edited(&assumed, json!({ "value": "81", "canonicalValue": "1" }))])).await;
    assert_eq!(masters, [with(&stored, json!({ "value": "81", "canonicalValue": "81000" }))]);
    assert_eq!(rejections(&ann).await, Vec::<Value>::new());
}

#[tokio::test]
async fn an_edit_made_before_the_answer_to_the_last_one_came_is_not_lost() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let tablet = other_device(&ann).await;
    let name = id();
    // The client makes it, and edits it before it knows what became of that: it still assumes that there is nothing.
    let stored = pushes(&ann, json!([made(weight(&name, "80"))])).await.remove(0);
    let masters = pushes(&ann, json!([made(weight(&name, "81"))])).await;
    assert_eq!(masters, [with(&stored, json!({ "value": "81", "canonicalValue": "81000" }))]);
    let masters = pushes(&ann, json!([made(weight(&name, "82"))])).await;
    assert_eq!(masters[0]["value"], "82");
    assert_eq!(rejections(&ann).await, Vec::<Value>::new());

    // Another device with the same belief has heard of none of it, and an edit from what was later is no repetition of an earlier one.
    assert_eq!(pushes(&tablet, json!([made(weight(&name, "70"))])).await[0]["value"], "82");
    let on = edited(&masters[0], json!({ "value": "83" }));
    assert_eq!(pushes(&ann, json!([on])).await[0]["canonicalValue"], "83000");
    assert_eq!(pushes(&ann, json!([made(weight(&name, "80"))])).await[0]["value"], "83", "what comes again late changes nothing");
    assert_eq!(master(&ann, &name).await["value"], "83");
}

#[tokio::test]
async fn what_one_device_deletes_is_gone_for_the_other_whatever_it_edited() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let tablet = other_device(&ann).await;
    let stored = pushes(&ann, json!([made(weight(&id(), "80"))])).await.remove(0);
    let checkpoint = pulls(&tablet, &Value::Null, 10).await["checkpoint"].take();
    assert_eq!(pushes(&ann, json!([edited(&stored, json!({ "_deleted": true }))])).await, Vec::<Value>::new());
    assert_eq!(pulls(&tablet, &checkpoint, 10).await["documents"], json!([with(&stored, json!({ "_deleted": true }))]));
    let masters = pushes(&tablet, json!([edited(&stored, json!({ "value": "81" }))])).await;
    assert_eq!(masters[0]["_deleted"], true);
    // Made and deleted before anybody heard of it.
    assert_eq!(pushes(&ann, json!([made(with(&weight(&id(), "80"), json!({ "_deleted": true })))])).await, Vec::<Value>::new());
    assert_eq!(pulls(&tablet, &Value::Null, 10).await["documents"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn more_than_five_hundred_documents_at_once_are_refused_before_anything_is_written() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let rows: Vec<Value> = (0..501).map(|_| made(weight(&id(), "80"))).collect();
    let refusal = ann.refused(PUSH, json!({ "measurementPushRow": rows })).await;
    assert_eq!((refusal.code.as_str(), refusal.field.as_deref()), ("BAD_USER_INPUT", Some("measurementPushRow")));
    assert_eq!(pulls(&ann, &Value::Null, 10).await["documents"], json!([]));
    assert_eq!(pushes(&ann, json!(rows[..100])).await.len(), 100, "what a client sends at once that sets nothing");
    assert_eq!(ann.ask(PUSH, json!({})).await["pushMeasurement"], json!([]));
}

/// A socket as RxDB opens one: the token is among the headers.
async fn connects(app: &TestApp, person: &Person<'_>) -> Socket {
    let mut socket = Socket::open(app.address).await;
    let headers = json!({ "Authorization": format!("Bearer {}", person.token.as_ref().unwrap()) });
    socket.say(json!({ "type": "connection_init", "payload": { "headers": headers } })).await;
    assert_eq!(socket.hear().await, json!({ "type": "connection_ack" }));
    socket
}

async fn streams(socket: &mut Socket, headers: Value) {
    let payload = json!({ "query": STREAM, "variables": { "headers": headers } });
    socket.say(json!({ "id": "stream", "type": "subscribe", "payload": payload })).await;
}

/// The values of the next event.
async fn told(socket: &mut Socket) -> Vec<String> {
    let event = socket.hear().await;
    let documents = event.pointer("/payload/data/streamMeasurement/documents").unwrap_or_else(|| panic!("{event}"));
    documents.as_array().unwrap().iter().map(|document| document["value"].as_str().unwrap().to_owned()).collect()
}

/// All that happened becomes an hour old.
async fn an_hour_passes(app: &TestApp) {
    let mut owner = app.connect("hale_owner").await;
    owner.execute("UPDATE sync_changes SET created_at = created_at - interval '1 hour'").await.unwrap();
}

async fn weighs(person: &Person<'_>, value: &str) {
    records(person, json!({ "type": "weight", "value": value, "unit": "kg" })).await;
}

#[tokio::test]
async fn nothing_falls_between_the_acknowledgement_of_a_connection_and_its_stream() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    weighs(&ann, "80").await;
    an_hour_passes(&app).await;
    let mut socket = connects(&app, &ann).await;
    // The client pulls now, for it is connected. What is written after that, and before it says that it follows, is told all the same.
    let pulled = pulls(&ann, &Value::Null, 10).await;
    assert_eq!(pulled["documents"].as_array().unwrap().len(), 1);
    weighs(&ann, "81").await;
    // The headers are whatever its author set.
    streams(&mut socket, json!({ "Authorization": "Bearer x", "X-App": ["any"] })).await;
    assert_eq!(told(&mut socket).await, ["81"], "not what was there before");
    weighs(&ann, "82").await;
    assert_eq!(told(&mut socket).await, ["82"]);
    // Another collection is none of its business.
    let food = ann.creates_food(json!({})).await;
    ann.logs_food(&food, json!({})).await;
    weighs(&ann, "83").await;
    assert_eq!(told(&mut socket).await, ["83"]);
}

#[tokio::test]
async fn a_stream_that_joins_an_old_connection_does_not_begin_where_that_began() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut socket = connects(&app, &ann).await;
    weighs(&ann, "80").await;
    an_hour_passes(&app).await;
    weighs(&ann, "81").await;
    streams(&mut socket, Value::Null).await;
    assert_eq!(told(&mut socket).await, ["81"], "what is new, and not what is an hour old");
}

#[tokio::test]
async fn a_stream_ends_with_its_session_by_4403_and_by_nothing_else() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut socket = connects(&app, &ann).await;
    streams(&mut socket, Value::Null).await;
    weighs(&ann, "80").await;
    assert_eq!(told(&mut socket).await, ["80"]);

    // Everybody's connections break: the stream waits, and goes on.
    let mut superuser = app.connect("postgres").await;
    superuser
        .execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hale_app' AND datname = current_database()")
        .await
        .unwrap();
    let mut weighed = false;
    for _ in 0..50 {
        // The pool may hand out a connection that broke.
        let input = json!({ "input": { "type": "weight", "value": "81", "unit": "kg" } });
        let answer =
            ann.json("mutation($input: RecordMeasurementInput!) { recordMeasurement(input: $input) { measurement { id } } }", input).await;
        weighed = answer.get("errors").is_none();
        if weighed {
            break;
        }
    }
    assert!(weighed);
    assert_eq!(told(&mut socket).await, ["81"]);

    // The token runs out: neither an error nor an end is sent, for a client would not come back from either.
    app.clock.advance(TimeDelta::minutes(20));
    assert_eq!(closing(&mut socket).await, 4403);

    // Whoever connects with it, or asks for a stream just then, is told the same way.
    let mut socket = Socket::open(app.address).await;
    let headers = json!({ "Authorization": format!("Bearer {}", ann.token.as_ref().unwrap()) });
    socket.say(json!({ "type": "connection_init", "payload": { "headers": headers } })).await;
    assert_eq!(closing(&mut socket).await, 4403);
    let tablet = other_device(&ann).await;
    let mut socket = connects(&app, &tablet).await;
    app.clock.advance(TimeDelta::minutes(20));
    streams(&mut socket, Value::Null).await;
    assert_eq!(closing(&mut socket).await, 4403);
}

/// The code with which a socket is closed, before anything else is said.
async fn closing(socket: &mut Socket) -> u16 {
    socket.closed_at_once().await.0
}

/// How long two clients may take for all that they do.
const AGES: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_unmodified_clients_end_with_what_the_server_has() {
    let Some(folder) = clients::project().await else { return };
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut owner = app.connect("hale_owner").await;
    owner.execute(AssertSqlSafe(measured(&ann.id, 10_000))).await.unwrap();
    let mut client = tokio::process::Command::new("node")
        .args(["rxdb.mjs", &format!("http://{}/graphql", app.address), &ann.email, PASSWORD])
        .current_dir(folder)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(client.stdout.take().unwrap()).lines();
    let talk = async {
        let mut worked = Vec::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            if said["waits"] == "until the token has run out" {
                app.clock.advance(TimeDelta::minutes(20));
            }
            worked.extend(said["worked"].as_str().map(str::to_owned));
        }
        worked
    };
    let worked = tokio::time::timeout(AGES, talk).await.expect("the clients take ages");
    let output = client.wait_with_output().await.unwrap();
    assert!(output.status.success(), "after {:?}: {}", worked.last(), String::from_utf8_lossy(&output.stderr));
    assert_eq!(
        worked,
        [
            "10,000 documents are caught up with",
            "what one makes, the other has",
            "an edit before the answer to the last one is not lost",
            "edits of different fields during a partition both stay",
            "of edits of the same field during a partition one stays",
            "what cannot be is taken back, once, and its neighbour stays",
            "what one deletes is gone for the other",
            "a noot travels with its checksum, and what lost is kept",
            "what an app does by an ordinary mutation, both have",
            "a token that has run out is renewed, and nothing was missed",
            "both have what the server has",
        ]
    );
}
