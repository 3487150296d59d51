//! Talon: phones with its client side over SQLite work through the real server, and what its documents leave open is closed here:
//! each `weakness_…` is one of Talon's, with the better behaviour.

use std::{collections::BTreeSet, time::Duration};

use chrono::TimeDelta;
use rusqlite::Connection;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor, Row as _, raw_sql};
use uuid::Uuid;

use crate::{
    command_line::{hale, succeeds},
    harness::{
        Person, TestApp,
        talon::{Phone, TALON_MESSAGES, page, page_document, pushes, stream_document},
    },
    measurements::{UPDATE, records},
    subscriptions::{Socket, payload},
};

const FOOD: &str = "food_diary";
const WEIGHT: &str = "measurements";

fn new_row() -> String {
    Uuid::new_v4().to_string()
}

/// Logs a serving for breakfast on the phone.
fn eats(phone: &Phone<'_>, food: &str, row: &str) {
    let at = "2026-03-10T12:00:00.000Z";
    let cells = [("food_item_id", "string", food), ("quantity", "double", "1.0"), ("unit", "string", "serving")];
    phone.saves(FOOD, row, &cells);
    phone.saves(FOOD, row, &[("meal_type", "string", "breakfast"), ("consumed_at", "datetime", at)]);
}

/// Weighs on the phone.
fn weighs(phone: &Phone<'_>, row: &str, value: &str) -> Vec<String> {
    let cells = [("type", "string", "weight"), ("value", "double", value), ("unit", "string", "kg")];
    [phone.saves(WEIGHT, row, &cells), phone.saves(WEIGHT, row, &[("measured_at", "datetime", "2026-03-10T12:00:00.000Z")])].concat()
}

fn statuses(outcomes: &[Value]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome["status"].as_str().unwrap()).collect()
}

fn all(outcomes: &[Value], status: &str) {
    assert!(!outcomes.is_empty() && statuses(outcomes).iter().all(|one| *one == status), "{outcomes:#?}");
}

/// The message of a device, as it comes over the wire.
fn message(person: &Person<'_>, row: &str, column: &str, data_type: &str, value: &str) -> Value {
    let clock = format!("{}:0:phone", service::clock::Clock::now(&*person.app.clock).timestamp_millis());
    json!({ "id": new_row(), "tableName": WEIGHT, "row": row, "column": column, "dataType": data_type, "value": value,
        "localTimestamp": clock, "userId": person.id, "clientId": "phone" })
}

fn with(mut message: Value, changes: Value) -> Value {
    message.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    message
}

/// What becomes of one message.
async fn outcome(person: &Person<'_>, message: Value) -> Value {
    pushes(person, json!([message])).await["outcomes"][0].take()
}

async fn everything(person: &Person<'_>, after: Option<String>) -> Vec<Value> {
    let (mut after, mut messages) = (after, Vec::new());
    loop {
        let page = page(person, json!({ "after": after, "limit": 50 })).await;
        messages.extend(page["messages"].as_array().unwrap().iter().cloned());
        after = page["cursor"].as_str().map(str::to_owned);
        if page["hasMore"] == false {
            return messages;
        }
    }
}

/// From the first change on.
async fn log(person: &Person<'_>) -> Vec<Value> {
    let epoch = page(person, json!({ "limit": 50 })).await["epoch"].as_str().unwrap().to_owned();
    everything(person, Some(format!("{epoch}:0"))).await
}

fn numbers(messages: &[Value]) -> Vec<i64> {
    messages.iter().map(|message| message["serverTimestamp"].as_str().unwrap().parse().unwrap()).collect()
}

async fn rejections(person: &Person<'_>) -> Vec<Value> {
    let answer =
        person.ask("{ viewer { syncRejections(first: 100) { nodes { code field collection row values client } } } }", json!({})).await;
    answer["viewer"]["syncRejections"]["nodes"].as_array().unwrap().clone()
}

#[tokio::test]
async fn two_phones_change_different_columns_offline_and_both_changes_stay() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({ "name": "Oats" })).await;
    let (phone, tablet) = (Phone::of(&ann, "phone"), Phone::of(&ann, "tablet"));
    let entry = new_row();
    eats(&phone, &oats, &entry);
    all(&phone.syncs(&ann).await, "APPLIED");
    tablet.downloads(&ann).await;
    assert_eq!(phone.rows(FOOD), tablet.rows(FOOD));
    // What follows from a device's write is told to that device too.
    assert_eq!((phone.cell(FOOD, &entry, "calories"), phone.cell(FOOD, &entry, "food_name")), (json!(100.0), json!("Oats")));

    app.clock.advance(TimeDelta::minutes(1));
    phone.saves(FOOD, &entry, &[("meal_type", "string", "lunch")]);
    tablet.saves(FOOD, &entry, &[("quantity", "double", "2.5")]);
    all(&tablet.syncs(&ann).await, "APPLIED");
    all(&phone.syncs(&ann).await, "APPLIED");
    tablet.downloads(&ann).await;
    assert_eq!(phone.rows(FOOD), tablet.rows(FOOD));
    assert_eq!((phone.cell(FOOD, &entry, "meal_type"), phone.cell(FOOD, &entry, "calories")), (json!("lunch"), json!(250.0)));
    assert_eq!(ann.calories_on(None).await, "250");
}

#[tokio::test]
async fn of_two_phones_that_change_the_same_column_the_later_wins_on_both() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (phone, tablet) = (Phone::of(&ann, "phone"), Phone::of(&ann, "tablet"));
    let row = new_row();
    weighs(&phone, &row, "70.0");
    phone.syncs(&ann).await;
    tablet.downloads(&ann).await;
    for (first, second) in [(&phone, &tablet), (&tablet, &phone)] {
        app.clock.advance(TimeDelta::minutes(1));
        phone.saves(WEIGHT, &row, &[("value", "double", "71.0")]);
        app.clock.advance(TimeDelta::minutes(1));
        tablet.saves(WEIGHT, &row, &[("value", "double", "72.0")]);
        let sent = first.uploads(&ann).await;
        let then = second.uploads(&ann).await;
        let (phones, tablets) = if first.client == "phone" { (sent, then) } else { (then, sent) };
        all(&tablets, "APPLIED");
        all(&phones, if first.client == "phone" { "APPLIED" } else { "SUPERSEDED" });
        phone.downloads(&ann).await;
        tablet.downloads(&ann).await;
        assert_eq!(phone.rows(WEIGHT), tablet.rows(WEIGHT));
        assert_eq!(phone.cell(WEIGHT, &row, "value"), json!(72.0));
    }
}

#[tokio::test]
async fn a_reply_that_is_lost_after_the_commit_is_no_second_write() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut phone = Phone::of(&ann, "phone");
    let row = new_row();
    weighs(&phone, &row, "70.0");
    phone.uploads_and_hears_nothing(&ann).await;
    let before = log(&ann).await;
    phone.restarts();
    assert_eq!(phone.waiting(), 4);
    all(&phone.uploads(&ann).await, "DUPLICATE");
    assert_eq!((phone.waiting(), log(&ann).await), (0, before));

    // So it is with a clock that has to be set back, though another device has written meanwhile.
    phone.skew = TimeDelta::minutes(10);
    phone.saves(WEIGHT, &row, &[("value", "double", "71.0")]);
    phone.uploads_and_hears_nothing(&ann).await;
    app.clock.advance(TimeDelta::minutes(1));
    let id = json!({ "input": { "id": row, "value": "72" } });
    ann.ask(UPDATE, id).await;
    let again = phone.syncs(&ann).await;
    assert_eq!((again[0]["clockSkew"].as_bool(), again[0]["current"]["value"].as_str()), (Some(true), Some("72")));
    assert_eq!(phone.cell(WEIGHT, &row, "value"), json!(72.0));
}

#[tokio::test]
async fn the_phone_sees_what_is_written_elsewhere_in_hale() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Phone::of(&ann, "phone");
    let oats = ann.creates_food(json!({ "name": "Oats" })).await;
    let entry = ann.logs_food(&oats, json!({ "quantity": "2" })).await["entry"]["id"].as_str().unwrap().to_owned();
    phone.downloads(&ann).await;
    assert_eq!((phone.cell(FOOD, &entry, "quantity"), phone.cell(FOOD, &entry, "calories")), (json!(2.0), json!(200.0)));
    let delete = "mutation($input: DeleteInput!) { deleteFoodEntry(input: $input) { deletedId } }";
    ann.ask(delete, json!({ "input": { "id": entry } })).await;
    phone.downloads(&ann).await;
    assert_eq!(phone.cell(FOOD, &entry, "deleted"), json!(1));
}

#[tokio::test]
async fn weakness_1_slow_transactions_are_never_missed_by_a_phone_that_downloads_meanwhile() {
    const WRITERS: u64 = 12;
    const EACH: u64 = 12;
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Phone::of(&ann, "phone");
    let write = async |writer: u64| {
        let mut connection = app.connect("hale_owner").await;
        let mut committed = Vec::new();
        for n in 0..EACH {
            let row = new_row();
            // The number is taken, then the transaction takes its time.
            let sql = format!(
                "BEGIN; INSERT INTO measurements (user_id, id, type, value, unit, canonical_value, measured_at, time_zone, measured_on)
                   VALUES ('{}', '{row}', 'weight', 70, 'kg', 70, '2026-03-10', 'UTC', '2026-03-10');
                 SET CONSTRAINTS ALL IMMEDIATE; SELECT pg_sleep({})",
                ann.id,
                ((writer * 7 + n * 3) % 9) as f32 / 1000.0,
            );
            connection.execute(AssertSqlSafe(sql)).await.unwrap();
            let kept = !(writer + n).is_multiple_of(20);
            connection.execute(if kept { "COMMIT" } else { "ROLLBACK" }).await.unwrap();
            if kept {
                committed.push(row);
            }
        }
        committed
    };
    let writing = futures_util::future::join_all((0..WRITERS).map(write));
    let reading = async {
        loop {
            phone.downloads(&ann).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let committed: BTreeSet<String> = tokio::select! {
        committed = writing => committed.into_iter().flatten().collect(),
        () = reading => unreachable!(),
    };
    phone.downloads(&ann).await;
    let seen: BTreeSet<_> = phone.rows(WEIGHT).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert!(committed.len() > 100 && committed.len() < (WRITERS * EACH) as usize);
    assert_eq!(seen, committed);
    let told = log(&ann).await;
    let head: i64 = app.value("SELECT head FROM sync_spaces").await;
    assert_eq!(numbers(&told), (1..=head).collect::<Vec<_>>(), "no number is missing, none comes twice");
}

#[tokio::test]
async fn weakness_2_a_live_event_hides_nothing_that_was_missed_before() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Phone::of(&ann, "phone");
    let first = records(&ann, json!({ "value": "70" })).await["id"].as_str().unwrap().to_owned();
    phone.downloads(&ann).await;
    let begun: i64 = app.value("SELECT head FROM sync_spaces").await;

    let mut socket = Socket::of(&ann).await;
    socket.operate("live", &stream_document(), json!({ "after": phone.cursor(), "except": "phone" })).await;
    records(&ann, json!({ "value": "71" })).await;
    phone.receives(&payload(socket.hear().await)["data"]["talonStream"]);
    assert_eq!(phone.rows(WEIGHT).len(), 2);
    drop(socket);

    // Nobody hears these.
    for value in 0..30 {
        records(&ann, json!({ "value": (80 + value).to_string() })).await;
    }
    let mut socket = Socket::of(&ann).await;
    socket.operate("live", &stream_document(), json!({ "after": phone.cursor(), "except": "phone" })).await;
    // What the phone writes itself is no event.
    weighs(&phone, &new_row(), "60.0");
    phone.uploads(&ann).await;
    let last = records(&ann, json!({ "value": "99" })).await["id"].as_str().unwrap().to_owned();
    while phone.cell(WEIGHT, &last, "value").is_null() {
        phone.receives(&payload(socket.hear().await)["data"]["talonStream"]);
    }
    assert_eq!(phone.rows(WEIGHT).len(), 34);
    let told: i64 = app.value("SELECT head FROM sync_spaces").await;
    // All but the phone's own, each once.
    let others = log(&ann).await.iter().filter(|message| message["clientId"] != "phone").map(number).collect::<Vec<_>>();
    let since = |numbers: Vec<i64>| numbers.into_iter().filter(|number| *number > begun).collect::<Vec<_>>();
    assert_eq!(since(phone.numbers()), since(others));
    assert!(phone.cursor().unwrap().ends_with(&format!(":{told}")));
    assert_eq!(phone.cell(WEIGHT, &first, "value"), json!(70.0));
}

fn number(message: &Value) -> i64 {
    message["serverTimestamp"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn weakness_3_a_phone_that_was_set_up_anew_gets_its_own_history_back() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Phone::of(&ann, "phone");
    let row = new_row();
    weighs(&phone, &row, "70.0");
    app.clock.advance(TimeDelta::minutes(1));
    phone.saves(WEIGHT, &row, &[("value", "double", "71.0")]);
    phone.syncs(&ann).await;

    // Talon would ask without its own; a first download brings all rows all the same.
    let anew = Phone::of(&ann, "phone");
    anew.downloads(&ann).await;
    assert_eq!(anew.rows(WEIGHT), phone.rows(WEIGHT));
    // Message for message, with the ids that the phone gave them.
    let told = log(&ann).await;
    let own: Vec<_> = told.iter().filter(|message| message["clientId"] == "phone").collect();
    assert!(own.iter().all(|message| Uuid::parse_str(message["id"].as_str().unwrap()).is_ok() && message["row"] == *row), "{own:#?}");
    assert_eq!(own.iter().filter(|message| message["column"] == "value").count(), 1, "a batch of one row is one write");
    // The phone goes on where it was, and its clock with it.
    let clock_is_kept = anew.saves(WEIGHT, &row, &[("value", "double", "72.0")]);
    let outcomes = anew.uploads(&ann).await;
    assert_eq!((outcomes[0]["id"].as_str(), outcomes[0]["status"].as_str()), (Some(clock_is_kept[0].as_str()), Some("APPLIED")));
}

#[tokio::test]
async fn weakness_4_what_a_phone_receives_is_applied_whatever_it_stored_first() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (phone, tablet) = (Phone::of(&ann, "phone"), Phone::of(&ann, "tablet"));
    let row = new_row();
    weighs(&phone, &row, "70.0");
    phone.syncs(&ann).await;
    app.clock.advance(TimeDelta::minutes(1));
    phone.saves(WEIGHT, &row, &[("value", "double", "71.0")]);
    phone.syncs(&ann).await;
    // Oldest first, newest first, and all of it twice: the newest clock is what the cell holds.
    let epoch = page(&ann, json!({ "limit": 50 })).await["epoch"].as_str().unwrap().to_owned();
    let whole = page(&ann, json!({ "after": format!("{epoch}:0"), "limit": 50 })).await;
    let mut backwards = whole.clone();
    backwards["messages"].as_array_mut().unwrap().reverse();
    for page in [&backwards, &whole, &backwards] {
        tablet.receives(page);
        assert_eq!(tablet.cell(WEIGHT, &row, "value"), json!(71.0));
    }
}

#[tokio::test]
async fn weakness_5_a_clock_that_runs_wrong_neither_loses_nor_wins_for_ever() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (mut phone, tablet) = (Phone::of(&ann, "phone"), Phone::of(&ann, "tablet"));
    let row = new_row();
    weighs(&phone, &row, "70.0");
    phone.syncs(&ann).await;

    // Two hours behind after a restart: it does not lose against itself, for what it gave out last is in its file.
    phone.skew = TimeDelta::hours(-2);
    phone.restarts();
    phone.saves(WEIGHT, &row, &[("value", "double", "71.0")]);
    all(&phone.syncs(&ann).await, "APPLIED");

    // Ten minutes ahead: taken, set back and said so; whoever writes later wins, on the phone as well.
    phone.skew = TimeDelta::minutes(10);
    phone.saves(WEIGHT, &row, &[("value", "double", "72.0")]);
    let outcomes = phone.syncs(&ann).await;
    assert_eq!((statuses(&outcomes), outcomes[0]["clockSkew"].as_bool()), (vec!["APPLIED"], Some(true)));
    let clock: service::sync::clock::Clock = outcomes[0]["current"]["localTimestamp"].as_str().unwrap().parse().unwrap();
    assert!(clock.ahead_of(service::clock::Clock::now(&*app.clock)) < TimeDelta::minutes(1), "{clock}");
    tablet.downloads(&ann).await;
    app.clock.advance(TimeDelta::minutes(1));
    tablet.saves(WEIGHT, &row, &[("value", "double", "73.0")]);
    all(&tablet.syncs(&ann).await, "APPLIED");
    phone.downloads(&ann).await;
    assert_eq!((phone.cell(WEIGHT, &row, "value"), phone.rows(WEIGHT)), (json!(73.0), tablet.rows(WEIGHT)));

    // Two days ahead: refused, kept, and nothing behind it waits for it.
    let broken = Phone::of(&ann, "broken");
    let broken = {
        let mut broken = broken;
        broken.skew = TimeDelta::days(2);
        broken
    };
    broken.downloads(&ann).await;
    broken.saves(WEIGHT, &row, &[("value", "double", "99.0")]);
    let outcomes = broken.uploads(&ann).await;
    assert_eq!((statuses(&outcomes), outcomes[0]["code"].as_str()), (vec!["REJECTED"], Some("CLOCK_SKEW")));
    assert!(outcomes[0]["message"].as_str().unwrap().contains("2026-03-10T12:01"), "it tells the time: {}", outcomes[0]["message"]);
    assert_eq!((broken.cell(WEIGHT, &row, "value"), broken.waiting()), (json!(73.0), 0));
    let kept = rejections(&ann).await;
    assert_eq!(
        (&kept[0]["code"], &kept[0]["client"], &kept[0]["values"]),
        (&json!("CLOCK_SKEW"), &json!("broken"), &json!({ "value": "99" }))
    );
}

#[tokio::test]
async fn weakness_6_every_message_is_held_to_the_rules_by_itself() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let row = new_row();
    let of = |column: &str, data_type: &str, value: &str| message(&ann, &row, column, data_type, value);
    let sound = [of("type", "string", "weight"), of("unit", "string", "kg"), of("measured_at", "datetime", "2026-03-10T12:00:00.000Z")];
    let wrong = [
        (of("value", "double", "heavy"), "INVALID", "value"),
        (of("value", "double", "NaN"), "INVALID", "value"),
        (of("value", "bool", "1"), "INVALID", "value"),
        (of("value", "blob", "70"), "INVALID", "value"),
        (of("unit", "double", "5"), "INVALID", "unit"),
        (of("measured_at", "datetime", "2026-03-10T12:00:00.000"), "INVALID", "measured_at"),
        (of("deleted", "int", "1"), "INVALID", "deleted"),
        (of("canonical_value", "double", "1"), "NOT_WRITABLE", "canonical_value"),
        (of("user_id", "string", "x"), "NOT_WRITABLE", "user_id"),
        (with(of("value", "double", "1"), json!({ "tableName": "users" })), "NOT_WRITABLE", "collection"),
        (with(of("value", "double", "1"), json!({ "tableName": "no_table" })), "NOT_WRITABLE", "collection"),
        (with(of("value", "double", "1"), json!({ "localTimestamp": "4070908800000:0:phone" })), "CLOCK_SKEW", "clock"),
        // These cannot even be told to the engine.
        (with(of("value", "double", "1"), json!({ "localTimestamp": "yesterday" })), "INVALID", "localTimestamp"),
        (with(of("value", "double", "1"), json!({ "localTimestamp": "1:0:tablet" })), "INVALID", "localTimestamp"),
        (with(of("value", "double", "1"), json!({ "localTimestamp": "1:0:hale", "clientId": "hale" })), "INVALID", "clientId"),
        (with(of("value", "double", "1"), json!({ "row": "7" })), "INVALID", "row"),
        (with(of("value", "double", "1"), json!({ "row": row.to_uppercase() })), "INVALID", "row"),
        (with(of("value", "double", "1"), json!({ "id": "" })), "INVALID", "id"),
        (of("unit", "string", "k\u{0}g"), "INVALID", "value"),
    ];
    // All of them in one batch, before, between and after what is right: the row is made all the same.
    let mut batch: Vec<_> = wrong.iter().map(|(message, ..)| message.clone()).collect();
    batch.insert(0, sound[0].clone());
    batch.insert(9, sound[1].clone());
    batch.push(of("value", "double", "70.5"));
    batch.push(sound[2].clone());
    let answer = pushes(&ann, json!(batch)).await;
    let outcomes = answer["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), batch.len());
    let ids: Vec<_> = batch.iter().map(|message| &message["id"]).collect();
    assert_eq!(outcomes.iter().map(|outcome| &outcome["id"]).collect::<Vec<_>>(), ids, "in the order of the messages");
    let right: Vec<_> = [0, 9, batch.len() - 2, batch.len() - 1].into_iter().map(|n| ids[n].clone()).collect();
    assert_eq!(answer["succeeded"], json!(right), "{outcomes:#?}");
    let refused: Vec<_> = outcomes.iter().filter(|outcome| outcome["status"] == "REJECTED").collect();
    for (outcome, (message, code, field)) in refused.iter().zip(&wrong) {
        assert_eq!((outcome["code"].as_str(), outcome["field"].as_str()), (Some(*code), Some(*field)), "{message} {outcome}");
        assert!(!outcome["message"].as_str().unwrap().is_empty());
    }
    assert_eq!(
        log(&ann)
            .await
            .iter()
            .filter(|message| message["column"] == "value")
            .map(|message| message["value"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["70.5"]
    );
    assert_eq!(rejections(&ann).await.len(), 12, "what could be told to the engine is kept");

    // Columns that only make sense together are judged together, with the row that they become.
    for (column, data_type, value, field) in [("value", "double", "-3", "value"), ("unit", "string", "cm", "unit")] {
        app.clock.advance(TimeDelta::seconds(1));
        let outcome = outcome(&ann, message(&ann, &row, column, data_type, value)).await;
        assert_eq!((&outcome["status"], &outcome["field"]), (&json!("REJECTED"), &json!(field)), "{outcome}");
        assert_eq!(outcome["current"]["column"], json!(column), "the phone is told what stands");
    }
    let food = with(message(&ann, &new_row(), "food_item_id", "string", &new_row()), json!({ "tableName": FOOD }));
    let cells = [
        ("quantity", "double", "1"),
        ("unit", "string", "serving"),
        ("meal_type", "string", "lunch"),
        ("consumed_at", "datetime", "2026-03-10T12:00:00Z"),
    ];
    let rest = cells.map(|(column, data_type, value)| {
        with(food.clone(), json!({ "id": new_row(), "column": column, "dataType": data_type, "value": value }))
    });
    let outcomes = pushes(&ann, json!([[food.clone()].as_slice(), &rest].concat())).await["outcomes"].take();
    all(outcomes.as_array().unwrap(), "REJECTED");
    assert_eq!((&outcomes[0]["code"], &outcomes[0]["field"]), (&json!("NOT_FOUND"), &json!("food_item_id")));
}

#[tokio::test]
async fn weakness_7_nobody_sees_half_a_row_and_a_delete_is_not_undone_by_an_edit() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (phone, tablet) = (Phone::of(&ann, "phone"), Phone::of(&ann, "tablet"));
    // Talon's batches of 50 cut the last of 13 rows of four cells in two.
    let rows: Vec<_> = (0..13).map(|_| new_row()).collect();
    for (n, row) in rows.iter().enumerate() {
        weighs(&phone, row, &format!("{}.0", 60 + n));
    }
    phone.uploads_and_hears_nothing(&ann).await;
    tablet.downloads(&ann).await;
    assert_eq!(tablet.rows(WEIGHT).len(), 12, "of a row that is not complete nobody hears");
    let outcomes = phone.syncs(&ann).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome["status"] == "HELD").count(), 2);
    assert_eq!((outcomes[50]["status"].as_str(), outcomes[51]["status"].as_str()), (Some("APPLIED"), Some("APPLIED")));
    let pages = tablet.downloads(&ann).await;
    assert_eq!((tablet.rows(WEIGHT), phone.waiting()), (phone.rows(WEIGHT), 0));
    assert_eq!(tablet.cell(WEIGHT, &rows[12], "value"), json!(72.0));
    assert_eq!(rejections(&ann).await, Vec::<Value>::new(), "nothing waits any more");
    for page in &pages {
        let columns = page["messages"].as_array().unwrap().iter().filter(|message| message["row"] == rows[12].as_str()).count();
        assert!(columns == 0 || columns == 7, "{columns} of 7 columns");
    }

    // Cells of two rows that alternate are still two rows.
    let (one, other) = (new_row(), new_row());
    for cell in [
        ("type", "string", "weight"),
        ("value", "double", "50"),
        ("unit", "string", "kg"),
        ("measured_at", "datetime", "2026-03-10T12:00:00Z"),
    ] {
        phone.saves(WEIGHT, &one, &[cell]);
        phone.saves(WEIGHT, &other, &[cell]);
    }
    all(&phone.syncs(&ann).await, "APPLIED");

    // The tablet deletes, the phone edits later and knows nothing of it: the row stays deleted, until it is brought back.
    tablet.downloads(&ann).await;
    tablet.saves(WEIGHT, &one, &[("deleted", "bool", "1")]);
    app.clock.advance(TimeDelta::minutes(1));
    phone.saves(WEIGHT, &one, &[("value", "double", "55")]);
    tablet.syncs(&ann).await;
    phone.syncs(&ann).await;
    tablet.downloads(&ann).await;
    assert_eq!(tablet.rows(WEIGHT), phone.rows(WEIGHT));
    assert_eq!((phone.cell(WEIGHT, &one, "deleted"), phone.cell(WEIGHT, &one, "value")), (json!(1), json!(55.0)));
    phone.saves(WEIGHT, &one, &[("deleted", "bool", "0")]);
    phone.syncs(&ann).await;
    tablet.downloads(&ann).await;
    assert_eq!((tablet.cell(WEIGHT, &one, "deleted"), tablet.rows(WEIGHT)), (json!(0), phone.rows(WEIGHT)));
}

#[tokio::test]
async fn weakness_8_ben_neither_reads_nor_writes_nor_detects_anns_messages() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let phone = Phone::of(&ann, "phone");
    let row = new_row();
    let ids = weighs(&phone, &row, "70.0");
    phone.syncs(&ann).await;
    let anns = log(&ann).await;
    assert!(everything(&ben, None).await.iter().all(|message| message["userId"] == *ben.id));

    // In ann's name, and in the name of somebody who is not there: the same answer, and nothing of it is kept.
    let weighing = |id: &str, row: &str, user: &str| with(message(&ben, row, "value", "double", "1"), json!({ "id": id, "userId": user }));
    let into = async |user: &str| outcome(&ben, weighing("0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f", &row, user)).await;
    let (hers, nobodys) = (into(&ann.id).await, into(&new_row()).await);
    assert_eq!(hers, nobodys);
    assert_eq!((&hers["code"], &hers["field"]), (&json!("NOT_WRITABLE"), &json!("userId")));
    assert_eq!(rejections(&ben).await, Vec::<Value>::new());

    // With the ids of her row and of her messages, and with new ones: ben's own rows, and the same answer.
    let as_ben = async |row: &str, ids: &[String]| {
        let cells = [
            ("type", "string", "weight"),
            ("value", "double", "90"),
            ("unit", "string", "kg"),
            ("measured_at", "datetime", "2026-03-10T12:00:00Z"),
        ];
        let messages: Vec<_> = cells
            .iter()
            .zip(ids)
            .map(|((column, data_type, value), id)| with(message(&ben, row, column, data_type, value), json!({ "id": id })))
            .collect();
        let mut outcomes = pushes(&ben, json!(messages)).await["outcomes"].take();
        for outcome in outcomes.as_array_mut().unwrap() {
            outcome["id"].take();
            outcome["current"]["id"].take();
            outcome["current"]["row"].take();
        }
        outcomes
    };
    let fresh: Vec<_> = (0..4).map(|_| new_row()).collect();
    let (taken, new) = (as_ben(&row, &ids).await, as_ben(&new_row(), &fresh).await);
    all(taken.as_array().unwrap(), "APPLIED");
    assert_eq!(taken, new);
    assert_eq!(log(&ann).await, anns, "ann's are as they were");
    assert!(everything(&ben, None).await.iter().all(|message| message["userId"] == *ben.id));
    assert_eq!(app.nobody().refused(&page_document(), json!({ "limit": 50 })).await.code, "UNAUTHENTICATED");
}

#[tokio::test]
async fn weakness_9_a_new_phone_is_told_rows_and_a_log_that_was_collected_is_made_up_for() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (phone, late) = (Phone::of(&ann, "phone"), Phone::of(&ann, "late"));
    let row = new_row();
    weighs(&phone, &row, "70.0");
    phone.syncs(&ann).await;
    late.downloads(&ann).await;
    let read: i64 = app.value("SELECT head FROM sync_spaces").await;
    for n in 0..40 {
        app.clock.advance(TimeDelta::seconds(1));
        let update = json!({ "input": { "id": row, "value": (71 + n).to_string() } });
        ann.ask(UPDATE, update).await;
    }
    for _ in 0..12 {
        records(&ann, json!({})).await;
    }
    let whole = log(&ann).await;
    assert!(whole.len() > 100);
    let told = everything(&ann, None).await;
    assert_eq!(told.iter().filter(|message| message["row"] == *row && message["column"] == "value").count(), 1, "not forty times");
    assert_eq!(told, everything(&ann, None).await, "the same messages have the same ids");
    // Each is the newest message of its cell, clock and all; what did not come as a message has the same id in both.
    for message in &told {
        let same = |other: &&Value| ["row", "column"].iter().all(|field| other[*field] == message[*field]);
        let newest = whole.iter().rfind(same).unwrap();
        for field in ["tableName", "dataType", "value", "userId"] {
            assert_eq!(message[field], newest[field], "{message} {newest}");
        }
        if newest["clientId"] == "hale" && newest["localTimestamp"] == message["localTimestamp"] {
            assert_eq!(message["id"], newest["id"]);
        }
        assert!(message["localTimestamp"].as_str() >= newest["localTimestamp"].as_str());
    }

    // The changes that the late phone has not read yet are no more.
    let mut owner = app.connect("postgres").await;
    raw_sql(
        "UPDATE sync_spaces SET change_floor = head - 20; DELETE FROM sync_changes c USING sync_spaces s WHERE c.number <= s.change_floor",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let pages = late.downloads(&ann).await;
    assert!(pages.len() > 1 && pages.iter().all(|page| page["snapshot"] == true && page["resync"] == false), "{pages:#?}");
    assert_eq!(late.cell(WEIGHT, &row, "value"), json!(110.0));
    assert_eq!(late.rows(WEIGHT).len(), 13);
    // From there on it hears changes again.
    records(&ann, json!({ "value": "50" })).await;
    let pages = late.downloads(&ann).await;
    assert_eq!((pages.len(), &pages[0]["snapshot"]), (1, &json!(false)));
    assert!(read < number(&pages[0]["messages"][0]));
    assert_eq!(late.rows(WEIGHT).len(), 14);
}

#[tokio::test]
async fn weakness_10_batches_values_and_pages_have_limits() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let many: Vec<_> = (0..501).map(|_| message(&ann, &new_row(), "value", "double", "1")).collect();
    let push = "mutation($input: TalonPushInput!) { talonPush(input: $input) { succeeded } }";
    let refused = ann.refused(push, json!({ "input": { "messages": many } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("messages")));
    let long = outcome(&ann, message(&ann, &new_row(), "type", "string", &"x".repeat(64 * 1024 + 1))).await;
    assert_eq!((&long["status"], &long["field"]), (&json!("REJECTED"), &json!("value")));
    for limit in [-1, 0, 49, 1001] {
        let refused = ann.refused(&page_document(), json!({ "limit": limit })).await;
        assert_eq!(
            (refused.code.as_str(), refused.field.as_deref()),
            ("BAD_USER_INPUT", Some("limit")),
            "{limit} is not taken for another number"
        );
    }
    for after in ["7", "x:7", "", &format!("{}:-1", new_row())] {
        let refused = ann.refused(&page_document(), json!({ "limit": 50, "after": after })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("after")), "{after}");
    }

    // Pages end where a write ends, and say whether there is more.
    for _ in 0..20 {
        records(&ann, json!({})).await;
    }
    let epoch = page(&ann, json!({ "limit": 50 })).await["epoch"].as_str().unwrap().to_owned();
    let (mut after, mut sizes, mut read) = (format!("{epoch}:0"), Vec::new(), Vec::new());
    loop {
        let page = page(&ann, json!({ "limit": 60, "after": after })).await;
        let messages = page["messages"].as_array().unwrap();
        sizes.push(messages.len());
        read.extend(numbers(messages));
        after = page["cursor"].as_str().unwrap().to_owned();
        if page["hasMore"] == false {
            break;
        }
    }
    let head: i64 = app.value("SELECT head FROM sync_spaces").await;
    assert_eq!(read, (1..=head).collect::<Vec<_>>());
    assert!(sizes[..sizes.len() - 1].iter().all(|size| (50..=60).contains(size)), "{sizes:?}");
    assert_eq!(after, format!("{epoch}:{head}"));
}

#[tokio::test]
async fn a_restored_backup_is_another_history_and_what_was_not_sent_is_not_lost() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Phone::of(&ann, "phone");
    let (kept, lost, unsent) = (new_row(), new_row(), new_row());
    weighs(&phone, &kept, "70.0");
    phone.syncs(&ann).await;
    let backup = log(&ann).await.len();
    weighs(&phone, &lost, "71.0");
    phone.syncs(&ann).await;
    weighs(&phone, &unsent, "72.0");

    // As restoring does it: everything after the backup is gone, the history is another one, and the numbers jump.
    let mut owner = app.connect("postgres").await;
    let restore = format!(
        "SET session_replication_role = replica; DELETE FROM measurements WHERE id = '{lost}'; DELETE FROM sync_rows WHERE id = '{lost}';
         DELETE FROM sync_changes WHERE id = '{lost}'; UPDATE sync_spaces SET head = {backup} + (1 << 20); INSERT INTO sync_epochs DEFAULT VALUES"
    );
    raw_sql(AssertSqlSafe(restore)).execute(&mut owner).await.unwrap();
    let before = phone.cursor();
    let pages = phone.downloads(&ann).await;
    assert_eq!((&pages[0]["resync"], &pages[0]["snapshot"]), (&json!(true), &json!(true)));
    assert_ne!(before, phone.cursor());
    all(&phone.syncs(&ann).await, "APPLIED");
    let ids: BTreeSet<_> = phone.rows(WEIGHT).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, BTreeSet::from([kept, unsent]));
    assert_eq!(phone.downloads(&ann).await[0]["resync"], false);

    // A cursor from the future of this history is none either.
    let epoch = page(&ann, json!({ "limit": 50 })).await["epoch"].as_str().unwrap().to_owned();
    assert_eq!(page(&ann, json!({ "limit": 50, "after": format!("{epoch}:9000000000") })).await["resync"], true);
}

#[tokio::test]
async fn a_phone_that_missed_a_delete_which_is_forgotten_by_now_begins_anew() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Phone::of(&ann, "phone");
    for _ in 0..30 {
        records(&ann, json!({})).await;
    }
    phone.downloads(&ann).await;
    let gone = phone.rows(WEIGHT)[0]["id"].as_str().unwrap().to_owned();
    ann.ask(crate::measurements::DELETE, json!({ "input": { "id": gone } })).await;
    let mut owner = app.connect("postgres").await;
    let collect =
        "UPDATE sync_spaces SET change_floor = head, tombstone_floor = head; DELETE FROM sync_changes; DELETE FROM sync_rows WHERE deleted";
    raw_sql(collect).execute(&mut owner).await.unwrap();
    let pages = phone.downloads(&ann).await;
    assert_eq!(
        pages.iter().map(|page| page["resync"] == true).collect::<Vec<_>>()[..2],
        [true, false],
        "once, though there are more pages"
    );
    assert!(phone.rows(WEIGHT).len() == 29 && phone.cell(WEIGHT, &gone, "value").is_null());
    assert_eq!(phone.downloads(&ann).await[0]["resync"], false);
    // A new one does not have to begin anew at all.
    let new = Phone::of(&ann, "new");
    assert!(new.downloads(&ann).await.iter().all(|page| page["resync"] == false));
    assert_eq!(new.downloads(&ann).await[0]["resync"], false);
    assert_eq!(new.rows(WEIGHT), phone.rows(WEIGHT));
}

#[tokio::test]
async fn a_page_is_found_by_its_number_and_nothing_else_is_read() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut owner = app.connect("postgres").await;
    let changes = format!(
        "SET session_replication_role = replica;
         INSERT INTO sync_changes (user_id, number, first_number, collection, id, cells, client)
           SELECT '{}', n * 2, n * 2 - 1, 'measurements', gen_random_uuid(), '{{\"value\": [\"1\", \"000000000000001:00000:a\"], \"unit\": [\"kg\", \"000000000000001:00000:a\"]}}', 'a'
           FROM generate_series(1, 20000) n;
         ANALYZE sync_changes",
        ann.id
    );
    raw_sql(AssertSqlSafe(changes)).execute(&mut owner).await.unwrap();
    let explain = format!(
        "BEGIN; SET LOCAL ROLE hale_app; SELECT set_config('app.user_id', '{0}', true);
         EXPLAIN (ANALYZE, FORMAT TEXT) SELECT * FROM messages WHERE user_id = '{0}' AND change_number > 20000 AND server_timestamp > 20000
           ORDER BY change_number, server_timestamp LIMIT 501",
        ann.id
    );
    let rows = raw_sql(AssertSqlSafe(explain)).fetch_all(&mut owner).await.unwrap();
    let plan: Vec<String> = rows[1..].iter().map(|row| row.get(0)).collect();
    let scan = plan.iter().find(|line| line.contains("sync_changes_pkey")).unwrap_or_else(|| panic!("{}", plan.join("\n")));
    let read: f64 = scan.split("rows=").nth(2).and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap();
    assert!(read < 600.0, "{read} changes are read for 501 messages:\n{}", plan.join("\n"));
}

#[tokio::test]
async fn hale_prints_the_tables_of_a_phone_and_of_the_server() {
    let printed = succeeds(hale().args(["schema", "talon"])).await;
    let (local, server) = printed.split_once("-- On the server").unwrap();
    let columns = |sql: &str| {
        let sqlite = Connection::open_in_memory().unwrap();
        sqlite.execute_batch(sql).unwrap();
        let mut table = sqlite.prepare("SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('talon_messages')").unwrap();
        let rows = table.query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, Option<String>>(3)?,
                row.get::<_, i64>(4)?,
            ))
        });
        rows.unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    assert_eq!(columns(local), columns(TALON_MESSAGES), "Talon's table is Talon's");
    for table in ["food_diary", "measurements"] {
        assert!(local.contains(&format!("CREATE TABLE IF NOT EXISTS {table} (")), "{local}");
    }
    // The columns of the server's messages, in Talon's order, and the one by which they are found.
    let app = TestApp::new().await;
    let view: Vec<String> = app
        .value("SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'messages'::regclass AND attnum > 0")
        .await;
    let talons = ["id", "table_name", "row", "column", "data_type", "value", "server_timestamp", "local_timestamp", "user_id", "client_id"];
    assert_eq!(view, [talons.as_slice(), &["change_number"]].concat());
    assert!(server.contains("CREATE VIEW messages WITH (security_invoker = true)"));
}

/// Every width of Talon's documents is the same clock, and comes back padded.
#[tokio::test]
async fn a_clock_may_be_written_in_every_width() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let row = new_row();
    let phone = Phone::of(&ann, "phone");
    weighs(&phone, &row, "70.0");
    phone.syncs(&ann).await;
    app.clock.advance(TimeDelta::minutes(1));
    let now = service::clock::Clock::now(&*app.clock).timestamp_millis();
    let mut expected = "APPLIED";
    for clock in [format!("{now}:a:pho:ne"), format!("{now:015}:0000A:pho:ne"), format!("{now:018}:0000a:pho:ne")] {
        let outcome =
            outcome(&ann, with(message(&ann, &row, "value", "double", "71"), json!({ "localTimestamp": clock, "clientId": "pho:ne" })))
                .await;
        assert_eq!(
            (outcome["status"].as_str(), outcome["current"]["localTimestamp"].as_str()),
            (Some(expected), Some(format!("{now:015}:0000a:pho:ne").as_str()))
        );
        expected = "DUPLICATE";
    }
}
