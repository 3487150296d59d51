//! Offline sync in Hale's own terms: what devices wrote apart comes together, nothing is lost, and nobody sees what is not theirs.

use serde_json::{Value, json};

use crate::{
    harness::{Person, TestApp},
    measurements,
};

pub const PUSH: &str = "mutation($input: PushChangesInput!) { pushChanges(input: $input) { clock results {
    status lost code field message clockSkew repeated row { id number version deleted document clocks } } } }";
const PAGE: &str = "query($first: Int, $after: String, $collections: [String!]) { viewer {
    syncPage(first: $first, after: $after, collections: $collections) {
      cursor hasMore resync rows { collection id number version deleted document clocks } } } }";
const DELETE_ENTRY: &str = "mutation($input: DeleteInput!) { deleteFoodEntry(input: $input) { deletedId } }";
const REJECTIONS: &str = "{ viewer { syncRejections { nodes { id collection row values code field message lost client } } } }";

/// A device of somebody's: it counts its own clock.
pub struct Device<'a> {
    person: &'a Person<'a>,
    name: &'static str,
    counter: std::cell::Cell<u32>,
}

impl<'a> Device<'a> {
    pub fn new(person: &'a Person<'a>, name: &'static str) -> Self {
        Self { person, name, counter: 0.into() }
    }

    /// The device's clock at a time of 10 March 2026.
    pub fn at(&self, time: &str) -> String {
        self.counter.set(self.counter.get() + 1);
        let at: chrono::DateTime<chrono::Utc> = format!("2026-03-10T{time}Z").parse().unwrap();
        format!("{:015}:{:05}:{}", at.timestamp_millis(), self.counter.get(), self.name)
    }

    /// A change of these columns of a measurement at this clock.
    pub fn change(&self, row: &str, clock: &str, columns: Value) -> Value {
        change("measurements", row, clock, columns)
    }

    pub async fn pushes(&self, changes: Value) -> Vec<Value> {
        let pushed = self.person.ask(PUSH, json!({ "input": { "client": self.name, "changes": changes } })).await;
        pushed["pushChanges"]["results"].as_array().unwrap().clone()
    }

    /// Everything that is in the feed.
    pub async fn reads(&self, after: Value) -> Value {
        self.person.ask(PAGE, json!({ "first": 1000, "after": after, "collections": ["measurements", "food_diary"] })).await["viewer"]["syncPage"].take()
    }
}

pub fn change(collection: &str, row: &str, clock: &str, columns: Value) -> Value {
    let columns = columns.as_object().unwrap().clone();
    let cells: Vec<_> = columns.into_iter().map(|(column, value)| json!({ "column": column, "value": value, "clock": clock })).collect();
    json!({ "id": id(), "collection": collection, "row": row, "cells": cells })
}

pub fn id() -> String {
    uuid::Uuid::new_v4().to_string()
}

fn weight(value: &str) -> Value {
    json!({ "type": "weight", "value": value, "unit": "kg", "measured_at": "2026-03-10T08:00:00Z", "time_zone": "Europe/Berlin" })
}

#[tokio::test]
async fn a_phone_that_was_offline_tells_what_it_measured() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Europe/Berlin").await;
    let phone = Device::new(&ann, "phone");
    let row = id();
    let clock = phone.at("08:00:00");
    let results = phone.pushes(json!([phone.change(&row, &clock, weight("80.5"))])).await;
    assert_eq!(results[0]["status"], "APPLIED", "{results:?}");
    assert_eq!(results[0]["row"]["document"]["canonical_value"], "80500");
    assert_eq!(results[0]["row"]["document"]["measured_on"], "2026-03-10");
    assert_eq!(results[0]["row"]["clocks"]["value"], clock);

    // What other clients read is the same row.
    let measured = ann.ask("{ viewer { measurements { nodes { id value unit } } } }", json!({})).await;
    assert_eq!(measured["viewer"]["measurements"]["nodes"], json!([{ "id": row, "value": "80.5", "unit": "kg" }]));
    let page = phone.reads(json!(null)).await;
    assert_eq!(page["rows"][0]["id"], json!(row));
    assert_eq!((&page["hasMore"], &page["resync"]), (&json!(false), &json!(false)));
    assert_eq!(phone.reads(page["cursor"].clone()).await["rows"], json!([]));
}

#[tokio::test]
async fn two_devices_that_changed_different_things_keep_both_and_the_later_wins_the_rest() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (phone, tablet) = (Device::new(&ann, "phone"), Device::new(&ann, "tablet"));
    let row = id();
    let results = phone.pushes(json!([phone.change(&row, &phone.at("08:00:00"), weight("80.5"))])).await;
    assert_eq!(results[0]["status"], "APPLIED");
    // The tablet corrects the time, the phone the value; then both the value, the tablet later but heard first.
    let moved = tablet.change(&row, &tablet.at("09:00:00"), json!({ "measured_at": "2026-03-09T07:00:00Z" }));
    assert_eq!(tablet.pushes(json!([moved])).await[0]["status"], "APPLIED");
    let later = tablet.change(&row, &tablet.at("10:00:00"), json!({ "value": "79", "unit": "kg" }));
    assert_eq!(tablet.pushes(json!([later])).await[0]["status"], "APPLIED");
    let earlier = phone.change(&row, &phone.at("09:30:00"), json!({ "value": "82", "unit": "kg" }));
    let results = phone.pushes(json!([earlier])).await;
    assert_eq!((&results[0]["status"], &results[0]["lost"]), (&json!("CONFLICT"), &json!(["unit", "value"])));
    let document = &results[0]["row"]["document"];
    assert_eq!((&document["value"], &document["measured_on"]), (&json!("79"), &json!("2026-03-09")));
    // Part of a change may come too late.
    let both = json!({ "value": "82", "unit": "kg", "time_zone": "Asia/Tokyo" });
    let results = phone.pushes(json!([phone.change(&row, &phone.at("09:45:00"), both)])).await;
    assert_eq!((&results[0]["status"], &results[0]["lost"]), (&json!("MERGED"), &json!(["unit", "value"])));
    assert_eq!(results[0]["row"]["document"]["time_zone"], "Asia/Tokyo");
}

#[tokio::test]
async fn what_was_sent_twice_happens_once() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Device::new(&ann, "phone");
    let change = phone.change(&id(), &phone.at("08:00:00"), weight("80.5"));
    let first = phone.pushes(json!([change.clone()])).await;
    let again = phone.pushes(json!([change.clone()])).await;
    assert_eq!((&first[0]["status"], &first[0]["repeated"]), (&json!("APPLIED"), &json!(false)));
    assert_eq!((&again[0]["status"], &again[0]["repeated"]), (&json!("APPLIED"), &json!(true)));
    assert_eq!(first[0]["row"], again[0]["row"]);
    // The same write by another name is known by its clocks; the same name for another write is a mistake.
    let mut renamed = change.clone();
    renamed["id"] = json!(id());
    assert_eq!(phone.pushes(json!([renamed])).await[0]["status"], "DUPLICATE");
    let mut other = change;
    other["cells"][0]["value"] = json!("changed");
    assert_eq!(phone.pushes(json!([other])).await[0]["code"], "CONFLICT");
}

#[tokio::test]
async fn one_bad_change_keeps_no_other_from_being_and_is_kept_to_be_mended() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Device::new(&ann, "phone");
    let (good, bad) = (id(), id());
    let heavy = json!({ "type": "weight", "value": "80500", "unit": "kg", "measured_at": "2026-03-10T08:00:00Z" });
    let results = phone
        .pushes(json!([
            phone.change(&bad, &phone.at("08:00:00"), heavy),
            phone.change(&good, &phone.at("08:00:01"), weight("80.5")),
            change("weather", &good, &phone.at("08:00:02"), json!({ "rain": true })),
            change("measurements", &good, &phone.at("08:00:03"), json!({ "canonical_value": "1" })),
            change("measurements", &good, &phone.at("08:00:04"), json!({ "type": "height" })),
        ]))
        .await;
    let told: Vec<_> =
        results.iter().map(|result| (result["status"].as_str().unwrap(), result["code"].as_str(), result["field"].as_str())).collect();
    assert_eq!(
        told,
        [
            ("REJECTED", Some("INVALID"), Some("value")),
            ("APPLIED", None, None),
            ("REJECTED", Some("NOT_WRITABLE"), Some("collection")),
            ("REJECTED", Some("NOT_WRITABLE"), Some("canonical_value")),
            ("REJECTED", Some("NOT_WRITABLE"), Some("type")),
        ]
    );
    let kept = ann.ask(REJECTIONS, json!({})).await["viewer"]["syncRejections"]["nodes"].take();
    assert_eq!(kept.as_array().unwrap().len(), 4);
    let heavy = kept.as_array().unwrap().iter().find(|rejected| rejected["row"] == json!(bad)).unwrap();
    assert_eq!((&heavy["values"]["value"], &heavy["client"]), (&json!("80500"), &json!("phone")));

    const RESUBMIT: &str =
        "mutation($input: ResubmitChangeInput!) { resubmitChange(input: $input) { result { status message row { document } } } }";
    let mended = ann.ask(RESUBMIT, json!({ "input": { "id": heavy["id"], "values": { "value": "80.5" } } })).await;
    assert_eq!(mended["resubmitChange"]["result"]["status"], "APPLIED", "{mended}");
    assert_eq!(mended["resubmitChange"]["result"]["row"]["document"]["value"], "80.5");
    const DISMISS: &str = "mutation($input: DismissChangeInput!) { dismissChange(input: $input) { dismissedId } }";
    for rejected in ann.ask(REJECTIONS, json!({})).await["viewer"]["syncRejections"]["nodes"].as_array().unwrap() {
        ann.ask(DISMISS, json!({ "input": { "id": rejected["id"] } })).await;
    }
    assert_eq!(ann.ask(REJECTIONS, json!({})).await["viewer"]["syncRejections"]["nodes"], json!([]));
}

#[tokio::test]
async fn a_row_whose_columns_come_one_by_one_is_made_when_it_is_complete() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Device::new(&ann, "phone");
    let row = id();
    let half = phone.change(&row, &phone.at("08:00:00"), json!({ "type": "weight", "value": "80.5" }));
    let results = phone.pushes(json!([half])).await;
    assert_eq!((&results[0]["status"], &results[0]["code"]), (&json!("REJECTED"), &json!("INCOMPLETE")));
    let rest = phone.change(&row, &phone.at("08:00:01"), json!({ "unit": "kg", "measured_at": "2026-03-10T08:00:00Z" }));
    let results = phone.pushes(json!([rest])).await;
    assert_eq!(results[0]["status"], "APPLIED", "{results:?}");
    assert_eq!(results[0]["row"]["document"]["value"], "80.5");
    assert_eq!(ann.ask(REJECTIONS, json!({})).await["viewer"]["syncRejections"]["nodes"], json!([]));
}

#[tokio::test]
async fn deleting_is_a_register_of_its_own() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (phone, tablet) = (Device::new(&ann, "phone"), Device::new(&ann, "tablet"));
    let row = id();
    phone.pushes(json!([phone.change(&row, &phone.at("08:00:00"), weight("80.5"))])).await;
    phone.pushes(json!([phone.change(&row, &phone.at("09:00:00"), json!({ "deleted": true }))])).await;
    // An edit, even a later one, does not bring it back.
    let results = tablet.pushes(json!([tablet.change(&row, &tablet.at("10:00:00"), json!({ "value": "79", "unit": "kg" }))])).await;
    assert_eq!((&results[0]["status"], &results[0]["row"]["deleted"]), (&json!("APPLIED"), &json!(true)));
    assert_eq!(ann.ask("{ viewer { measurements { nodes { id } } } }", json!({})).await["viewer"]["measurements"]["nodes"], json!([]));
    // Bringing it back does, with what was edited meanwhile.
    let results = tablet.pushes(json!([tablet.change(&row, &tablet.at("11:00:00"), json!({ "deleted": false }))])).await;
    assert_eq!((&results[0]["row"]["deleted"], &results[0]["row"]["document"]["value"]), (&json!(false), &json!("79")));
}

#[tokio::test]
async fn clocks_that_are_ahead_are_set_back_or_refused() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Device::new(&ann, "phone");
    let (row, other) = (id(), id());
    // It is noon.
    let results = phone.pushes(json!([phone.change(&row, &phone.at("12:04:00"), weight("80"))])).await;
    assert_eq!((&results[0]["status"], &results[0]["clockSkew"]), (&json!("APPLIED"), &json!(false)));
    let results = phone.pushes(json!([phone.change(&other, &phone.at("18:00:00"), weight("81"))])).await;
    assert_eq!((&results[0]["status"], &results[0]["clockSkew"]), (&json!("APPLIED"), &json!(true)));
    assert!(results[0]["row"]["clocks"]["value"].as_str().unwrap() < phone.at("12:05:00").as_str(), "{results:?}");
    let tomorrow = format!("{:015}:00000:phone", 1_773_144_000_000_i64 + 90_000_000);
    let results = phone.pushes(json!([phone.change(&other, &tomorrow, json!({ "value": "82", "unit": "kg" }))])).await;
    assert_eq!((&results[0]["status"], &results[0]["code"]), (&json!("REJECTED"), &json!("CLOCK_SKEW")));
    let refused =
        ann.refused(PUSH, json!({ "input": { "client": "phone", "changes": [phone.change(&row, "yesterday", weight("80"))] } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("changes[0].cells[0].clock")));
}

#[tokio::test]
async fn only_the_device_whose_clock_is_ahead_is_told_to_set_it_back() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (tablet, phone) = (Device::new(&ann, "tablet"), Device::new(&ann, "phone"));
    let row = id();
    // Half of a row by a tablet that is ten minutes ahead, and the other half by a phone that is not.
    let half = tablet.change(&row, &tablet.at("12:10:00"), json!({ "value": "80", "unit": "kg" }));
    let result = tablet.pushes(json!([half])).await.remove(0);
    assert_eq!((&result["code"], &result["clockSkew"]), (&json!("INCOMPLETE"), &json!(true)));
    let other_half = json!({ "type": "weight", "measured_at": "2026-03-10T08:00:00Z", "time_zone": "UTC" });
    let result = phone.pushes(json!([phone.change(&row, &phone.at("12:00:00"), other_half)])).await.remove(0);
    assert_eq!((&result["status"], &result["clockSkew"]), (&json!("APPLIED"), &json!(false)));
    assert_eq!(result["row"]["document"]["value"], "80");
}

#[tokio::test]
async fn food_that_was_logged_offline_has_its_nutrition() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Device::new(&ann, "phone");
    let oats = ann.creates_food(json!({ "name": "Oats", "nutrition": { "calories": "380" } })).await;
    let row = id();
    let eaten =
        json!({ "food_item_id": oats, "quantity": "50", "unit": "g", "meal_type": "breakfast", "consumed_at": "2026-03-10T07:00:00Z" });
    let results = phone.pushes(json!([change("food_diary", &row, &phone.at("07:00:00"), eaten)])).await;
    assert_eq!(results[0]["status"], "APPLIED", "{results:?}");
    assert_eq!((&results[0]["row"]["document"]["calories"], &results[0]["row"]["document"]["food_name"]), (&json!("190"), &json!("Oats")));
    assert_eq!(ann.calories_on(None).await, "190");
    let more = json!({ "quantity": "100", "unit": "g" });
    let results = phone.pushes(json!([change("food_diary", &row, &phone.at("07:10:00"), more)])).await;
    assert_eq!(results[0]["row"]["document"]["calories"], "380");
    let eaten =
        json!({ "food_item_id": id(), "quantity": "50", "unit": "g", "meal_type": "breakfast", "consumed_at": "2026-03-10T07:00:00Z" });
    let results = phone.pushes(json!([change("food_diary", &id(), &phone.at("07:20:00"), eaten)])).await;
    assert_eq!((&results[0]["code"], &results[0]["field"]), (&json!("NOT_FOUND"), &json!("food_item_id")));
}

#[tokio::test]
async fn what_was_done_in_the_browser_is_in_the_feed_without_a_hole() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Device::new(&ann, "phone");
    let oats = ann.creates_food(json!({ "name": "Oats", "nutrition": { "calories": "380" } })).await;
    let entry = ann.logs_food(&oats, json!({ "quantity": "50", "unit": "g" })).await["entry"]["id"].as_str().unwrap().to_owned();
    let recorded = measurements::records(&ann, json!({})).await;
    let update = json!({ "input": { "id": recorded["id"], "value": "71", "expectedVersion": 1 } });
    ann.ask(measurements::UPDATE, update).await;
    ann.ask(DELETE_ENTRY, json!({ "input": { "id": entry } })).await;
    let page = phone.reads(json!(null)).await;
    let rows: Vec<_> = page["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["id"].as_str().unwrap(), row["deleted"].as_bool().unwrap(), row["version"].as_i64().unwrap()))
        .collect();
    assert_eq!(rows, [(recorded["id"].as_str().unwrap(), false, 2), (entry.as_str(), true, 2)]);
    let holes: i64 = app
        .value("SELECT count(*) FROM (SELECT first_number, lag(number, 1, 0::bigint) OVER (PARTITION BY user_id ORDER BY number) AS before FROM sync_changes) c WHERE first_number <> before + 1")
        .await;
    assert_eq!(holes, 0);
    let missing: i64 =
        app.value("SELECT head - (SELECT max(number) FROM sync_changes c WHERE c.user_id = s.user_id) FROM sync_spaces s").await;
    assert_eq!(missing, 0);
}

#[tokio::test]
async fn a_digest_tells_whether_a_device_has_every_row() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Device::new(&ann, "phone");
    for value in ["80", "81", "82"] {
        let row = id();
        phone.pushes(json!([phone.change(&row, &phone.at("08:00:00"), weight(value))])).await;
        if value == "81" {
            phone.pushes(json!([phone.change(&row, &phone.at("09:00:00"), json!({ "deleted": true }))])).await;
        }
    }
    let head = ann.ask("{ viewer { syncHead { cursor digests { collection digest } } } }", json!({})).await["viewer"]["syncHead"].take();
    let page = phone.reads(json!(null)).await;
    assert_eq!(head["cursor"], page["cursor"]);
    // As a device computes it, in PostgreSQL here for want of MD5.
    let digest: String = app
        .value("SELECT encode(decode(string_agg(lpad(to_hex(xored), 2, '0'), '' ORDER BY byte), 'hex'), 'hex') FROM (
                  SELECT byte, bit_xor(get_byte(decode(md5(id || ':' || version || ':' || deleted::int), 'hex'), byte)) AS xored
                  FROM (SELECT id, version, (deleted_at IS NOT NULL) AS deleted FROM measurements) rows, generate_series(0, 15) byte GROUP BY byte) bytes")
        .await;
    let told = head["digests"].as_array().unwrap().iter().find(|digest| digest["collection"] == "measurements").unwrap();
    assert_eq!(told["digest"], json!(digest));
}

#[tokio::test]
async fn a_carer_writes_for_ann_and_a_stranger_learns_nothing() {
    let app = TestApp::new().await;
    let (ann, ben, carla) = (app.person("ann").await, app.person("ben").await, app.person("carla").await);
    app.verify(&ben).await;
    crate::family_access::shares(&ann, &ben, &["CHECKIN"], true).await;
    let phone = Device::new(&ben, "bens-phone");
    let row = id();
    let change = phone.change(&row, &phone.at("08:00:00"), weight("80.5"));
    let push = |changes: Value| json!({ "input": { "personId": ann.id, "client": "a phone", "changes": changes } });
    let results = ben.ask(PUSH, push(json!([change.clone()]))).await;
    assert_eq!(results["pushChanges"]["results"][0]["status"], "APPLIED", "{results}");
    let of_ann = "query($id: UUID!) { person(id: $id) { syncPage { rows { id collection } } } }";
    let seen = ben.ask(of_ann, json!({ "id": ann.id })).await;
    assert_eq!(seen["person"]["syncPage"]["rows"], json!([{ "id": row, "collection": "measurements" }]));

    // Carla is told the same of Ann as of somebody who is not there, and Ann's row stays as it is.
    let mine = phone.change(&row, &phone.at("09:00:00"), json!({ "value": "60", "unit": "kg" }));
    let for_ann = carla.refused(PUSH, push(json!([mine.clone()]))).await;
    let for_nobody = carla.refused(PUSH, json!({ "input": { "personId": id(), "client": "a phone", "changes": [mine] } })).await;
    assert_eq!(for_ann.code, "NOT_FOUND");
    assert_eq!(for_ann, for_nobody);
    // The same id among her own rows is her own row.
    let own = carla.ask(PUSH, json!({ "input": { "client": "a phone", "changes": [Device::new(&carla, "c").change(&row, &phone.at("09:00:00"), weight("60"))] } })).await;
    assert_eq!(own["pushChanges"]["results"][0]["status"], "APPLIED");
    assert_eq!(Device::new(&ann, "hers").reads(json!(null)).await["rows"][0]["document"]["value"], "80.5");
}

#[tokio::test]
async fn a_page_of_large_noots_ends_early_and_says_so() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut owner = app.connect("hale_owner").await;
    // 40 of 200 KB each, which PostgreSQL stores in a fraction of that.
    let noots = format!(
        "INSERT INTO noots (user_id, id, checksum, data) SELECT '{}', gen_random_uuid(), repeat('0', 64),
           jsonb_build_object('activities', jsonb_build_array(repeat('oats ', 40000))) FROM generate_series(1, 40)",
        ann.id
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(noots)).execute(&mut owner).await.unwrap();
    let (mut cursor, mut sizes) = (json!(null), Vec::new());
    loop {
        let page = ann.ask(PAGE, json!({ "first": 1000, "after": cursor })).await["viewer"]["syncPage"].take();
        sizes.push(page["rows"].as_array().unwrap().len());
        cursor = page["cursor"].clone();
        if page["hasMore"] == false {
            break;
        }
    }
    // A page goes past 4 MiB by its last row; her preferences are in the first.
    assert_eq!(sizes, [22, 19]);
}

/// The next page of Ann's feed on a device of Ben's: whether it begins anew, and what is told of which table.
async fn reads_on(ben: &Person<'_>, ann: &Person<'_>, cursor: &mut Value) -> (bool, Vec<String>) {
    let query = "query($id: UUID!, $after: String) { person(id: $id) { syncPage(after: $after) { cursor resync rows { collection } } } }";
    let page = ben.ask(query, json!({ "id": ann.id, "after": cursor })).await["person"]["syncPage"].take();
    *cursor = page["cursor"].clone();
    let tables = page["rows"].as_array().unwrap().iter().map(|row| row["collection"].as_str().unwrap().to_owned());
    (page["resync"] == true, tables.collect())
}

#[tokio::test]
async fn what_ann_shares_later_reaches_ben_and_what_she_takes_back_leaves_him() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    let phone = Device::new(&ann, "phone");
    phone.pushes(json!([phone.change(&id(), &phone.at("08:00:00"), weight("80"))])).await;
    let food = ann.creates_food(json!({})).await;
    ann.logs_food(&food, json!({})).await;
    let diary = crate::family_access::shares(&ann, &ben, &["CALORIE"], false).await;
    let mut cursor = json!(null);
    assert_eq!(reads_on(&ben, &ann, &mut cursor).await, (false, vec!["food_diary".to_owned()]));
    assert_eq!(reads_on(&ben, &ann, &mut cursor).await, (false, vec![]));

    // The measurement is older than where Ben has come.
    let measurements = crate::family_access::shares(&ann, &ben, &["CHECKIN"], false).await;
    assert_eq!(reads_on(&ben, &ann, &mut cursor).await, (true, vec!["measurements".to_owned(), "food_diary".to_owned()]));
    assert_eq!(reads_on(&ben, &ann, &mut cursor).await, (false, vec![]));
    assert_eq!(crate::family_access::answers(&ann, "revoke", &diary[0]).await["status"], "REVOKED");
    assert_eq!(reads_on(&ben, &ann, &mut cursor).await, (true, vec!["measurements".to_owned()]));
    assert_eq!(reads_on(&ben, &ann, &mut cursor).await, (false, vec![]));
    // Taken back and given again between two looks, it may have changed meanwhile.
    crate::family_access::answers(&ann, "revoke", &measurements[0]).await;
    crate::family_access::shares(&ann, &ben, &["CHECKIN"], false).await;
    assert_eq!(reads_on(&ben, &ann, &mut cursor).await, (true, vec!["measurements".to_owned()]));
}

#[tokio::test]
async fn ben_begins_anew_when_what_ann_deleted_was_forgotten_before_he_heard_of_it() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    crate::family_access::shares(&ann, &ben, &["CHECKIN"], false).await;
    let phone = signs_in(&app, &ann, &id(), "phone").await;
    let device = Device::new(&phone, "phone");
    let (kept, gone) = (id(), id());
    for row in [&kept, &gone] {
        device.pushes(json!([device.change(row, &device.at("08:00:00"), weight("80"))])).await;
    }
    let mut cursor = json!(null);
    assert_eq!(reads_on(&ben, &ann, &mut cursor).await.1.len(), 2);
    device.pushes(json!([device.change(&gone, &device.at("09:00:00"), json!({ "deleted": true }))])).await;
    let late = device.reads(json!(null)).await["cursor"].clone();
    phone.ask(ACKNOWLEDGE, json!({ "input": { "cursor": late } })).await;
    // Ann's own devices know, and nobody waits for Ben's.
    collects(&app, "2026-03-11T12:00:00Z").await;
    assert_eq!(reads_on(&ben, &ann, &mut cursor).await, (true, vec!["measurements".to_owned()]));
    assert_eq!(reads_on(&ben, &ann, &mut cursor).await, (false, vec![]));
}

fn everything(exercise: &str) -> [(&'static str, Value, Value, Value); 5] {
    [
        (
            "workouts",
            json!({ "name": "Push", "started_at": "2026-03-10T07:00:00Z", "paused_at": "2026-03-10T07:30:00Z" }),
            json!({ "name": "Push day", "paused_at": null, "paused_seconds": "90.5", "finished_at": "2026-03-10T08:00:00Z" }),
            json!({ "name": "Push day", "started_on": "2026-03-10", "paused_seconds": "90.5", "finished_at": "2026-03-10T08:00:00.000000Z" }),
        ),
        (
            "exercise_diary",
            json!({ "exercise_id": exercise, "duration_minutes": "30", "performed_at": "2026-03-10T07:00:00Z", "distance": "5", "distance_unit": "km",
                    "average_heart_rate": 130, "sets": [{ "kind": "working", "reps": 8, "weight": "60", "weight_unit": "kg" }, { "reps": 6, "weight": "65" }] }),
            json!({ "sets": [{ "kind": "drop", "reps": 12, "weight": "40", "rpe": "8.50" }], "average_heart_rate": 140 }),
            json!({ "sets": [{ "kind": "drop", "reps": 12, "weight": "40", "weight_unit": "kg", "load_kind": "weighted", "per_hand": false,
                               "duration_seconds": null, "distance": null, "distance_unit": null, "rest_seconds": null, "rpe": "8.5", "rir": null,
                               "notes": null }],
                    "distance_m": "5000", "duration_minutes": "30", "average_heart_rate": 140, "max_heart_rate": null }),
        ),
        (
            "goals",
            json!({ "type": "calorie_target", "target_value": "2000", "valid_from": "2026-03-01" }),
            json!({ "target_value": "1900", "target_unit": "kcal" }),
            json!({ "target_value": "1900", "target_unit": "kcal", "status": "active", "valid_to": null }),
        ),
        (
            "food_items",
            json!({ "name": "Muesli", "nutrition": { "serving_size": "100", "serving_unit": "g", "calories": "400" },
                    "portions": [{ "name": "bowl", "amount": "80", "unit": "g" }] }),
            json!({ "nutrition": { "serving_size": "100", "serving_unit": "g", "calories": "410", "fat": "7.5" } }),
            json!({ "nutrition_version": 2, "name": "Muesli", "portions": [{ "name": "bowl", "amount": "80", "unit": "g" }] }),
        ),
        (
            "measurements",
            weight("80.5"),
            json!({ "value": "178", "unit": "lb" }),
            json!({ "canonical_value": "80739.44186", "unit": "lb" }),
        ),
    ]
}

#[tokio::test]
async fn every_collection_is_written_on_devices_and_read_everywhere() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Device::new(&ann, "phone");
    let exercises = ann.ask("{ exercises(search: \"running\", first: 1) { nodes { id } } }", json!({})).await;
    let running = exercises["exercises"]["nodes"][0]["id"].as_str().unwrap();
    for (collection, made, changed, expected) in everything(running) {
        let row = id();
        let results = phone.pushes(json!([change(collection, &row, &phone.at("08:00:00"), made)])).await;
        assert_eq!(results[0]["status"], "APPLIED", "{collection}: {results:?}");
        let results = phone.pushes(json!([change(collection, &row, &phone.at("09:00:00"), changed)])).await;
        assert_eq!(results[0]["status"], "APPLIED", "{collection}: {results:?}");
        for (column, value) in expected.as_object().unwrap() {
            assert_eq!(&results[0]["row"]["document"][column], value, "{collection}.{column}: {results:?}");
        }
        let results = phone.pushes(json!([change(collection, &row, &phone.at("10:00:00"), json!({ "deleted": true }))])).await;
        assert_eq!((&results[0]["status"], &results[0]["row"]["deleted"]), (&json!("APPLIED"), &json!(true)), "{collection}: {results:?}");
    }
    // Preferences are one row, which the account came with; nobody makes a second.
    let page = ann.ask(PAGE, json!({ "first": 1, "collections": ["user_preferences"] })).await["viewer"]["syncPage"]["rows"].take();
    let preferences = page[0]["id"].as_str().unwrap();
    let moved =
        change("user_preferences", preferences, &phone.at("12:01:00"), json!({ "time_zone": "Asia/Tokyo", "day_starts_at": "03:00" }));
    let another = change("user_preferences", &id(), &phone.at("08:00:00"), json!({ "theme": "dark" }));
    let gone = change("user_preferences", preferences, &phone.at("12:02:00"), json!({ "deleted": true }));
    let results = phone.pushes(json!([moved, another, gone])).await;
    assert_eq!(
        (&results[0]["status"], &results[1]["code"], &results[2]["status"]),
        (&json!("APPLIED"), &json!("NOT_FOUND"), &json!("REJECTED")),
        "{results:?}"
    );
    assert_eq!(ann.ask("{ viewer { preferences { timeZone } } }", json!({})).await["viewer"]["preferences"]["timeZone"], "Asia/Tokyo");
}

#[tokio::test]
async fn a_food_and_an_entry_of_it_come_in_one_batch_and_goals_follow_each_other() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Device::new(&ann, "phone");
    let (food, entry) = (id(), id());
    let eaten =
        json!({ "food_item_id": food, "quantity": "2", "unit": "bowl", "meal_type": "breakfast", "consumed_at": "2026-03-10T07:00:00Z" });
    let muesli = json!({ "name": "Muesli", "nutrition": { "serving_size": "100", "serving_unit": "g", "calories": "400" },
                         "portions": [{ "name": "bowl", "amount": "80", "unit": "g" }] });
    let results = phone
        .pushes(json!([
            change("food_diary", &entry, &phone.at("08:00:00"), eaten),
            change("food_items", &food, &phone.at("08:00:01"), muesli)
        ]))
        .await;
    assert_eq!((&results[0]["status"], &results[1]["status"]), (&json!("APPLIED"), &json!("APPLIED")), "{results:?}");
    assert_eq!(ann.calories_on(None).await, "640");

    let (march, april) = (id(), id());
    for (row, from, value) in [(&april, "2026-04-01", "1800"), (&march, "2026-03-01", "2000")] {
        let goal = json!({ "type": "calorie_target", "target_value": value, "valid_from": from });
        let results = phone.pushes(json!([change("goals", row, &phone.at("09:00:00"), goal)])).await;
        assert_eq!(results[0]["status"], "APPLIED", "{results:?}");
    }
    let validity = "SELECT string_agg(valid_from || ' ' || coalesce(valid_to::text, 'open'), ', ' ORDER BY valid_from) FROM goals WHERE deleted_at IS NULL";
    assert_eq!(app.value::<String>(validity).await, "2026-03-01 2026-04-01, 2026-04-01 open");
    phone.pushes(json!([change("goals", &april, &phone.at("10:00:00"), json!({ "deleted": true }))])).await;
    assert_eq!(app.value::<String>(validity).await, "2026-03-01 open");
}

#[tokio::test]
async fn a_device_tells_portions_by_volume_of_a_food_whose_density_is_known_and_of_no_other() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Device::new(&ann, "phone");
    let oats = ann.creates_food(json!({ "name": "Oats" })).await;
    let honey = ann.creates_food(json!({ "name": "Honey", "density": "1.4" })).await;
    let cups = json!({ "portions": [{ "name": "mug", "amount": "200", "unit": "ml" }] });
    let results = phone
        .pushes(json!([
            change("food_items", &oats, &phone.at("12:01:00"), cups.clone()),
            change("food_items", &honey, &phone.at("12:01:01"), cups)
        ]))
        .await;
    assert_eq!(
        (&results[0]["status"], &results[0]["field"], &results[1]["status"]),
        (&json!("REJECTED"), &json!("portions[0].unit"), &json!("APPLIED")),
        "{results:?}"
    );
    ann.logs_food(&honey, json!({ "quantity": "1", "unit": "mug" })).await;
    assert_eq!(ann.calories_on(None).await, "280");
    // Nor does a food become one of ml whose slices weigh something.
    let bread = ann.creates_food(json!({ "name": "Bread", "portions": [{ "name": "slice", "amount": "28", "unit": "g" }] })).await;
    let in_ml = json!({ "nutrition": { "serving_size": "100", "serving_unit": "ml", "calories": "250" } });
    let results = phone.pushes(json!([change("food_items", &bread, &phone.at("12:02:00"), in_ml)])).await;
    assert_eq!((&results[0]["status"], &results[0]["field"]), (&json!("REJECTED"), &json!("portions[0].unit")), "{results:?}");
}

const SIGN_IN: &str = "mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }";
const DEVICES: &str = "{ viewer { devices { id name acknowledged } } }";
const ACKNOWLEDGE: &str = "mutation($input: AcknowledgeSyncInput!) { acknowledgeSync(input: $input) { device { acknowledged } } }";

async fn signs_in<'a>(app: &'a TestApp, person: &Person<'_>, device: &str, name: &str) -> Person<'a> {
    let input = json!({ "email": person.email, "password": crate::harness::PASSWORD, "deviceId": device, "deviceName": name });
    let signed_in = app.nobody().ask(SIGN_IN, json!({ "input": input })).await;
    Person { token: signed_in["signIn"]["session"]["accessToken"].as_str().map(str::to_owned), id: person.id.clone(), ..app.nobody() }
}

#[tokio::test]
async fn devices_are_registered_at_sign_in_listed_and_revoked() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (phone, tablet) = (id(), id());
    let on_phone = signs_in(&app, &ann, &phone, "Ann's phone").await;
    let on_tablet = signs_in(&app, &ann, &tablet, "A tablet").await;
    signs_in(&app, &ann, &phone, "Ann's new phone").await;
    let devices = ann.ask(DEVICES, json!({})).await["viewer"]["devices"].take();
    let mut names: Vec<_> = devices.as_array().unwrap().iter().map(|device| device["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["A tablet", "Ann's new phone"]);
    const REVOKE: &str = "mutation($input: RevokeDeviceInput!) { revokeDevice(input: $input) { revokedId } }";
    on_phone.ask(REVOKE, json!({ "input": { "id": tablet } })).await;
    assert_eq!(on_tablet.refused("{ viewer { id } }", json!({})).await.code, "UNAUTHENTICATED");
    assert_eq!(on_phone.ask(DEVICES, json!({})).await["viewer"]["devices"].as_array().unwrap().len(), 1);
    let again = on_phone.refused(REVOKE, json!({ "input": { "id": tablet } })).await;
    assert_eq!(again.code, "NOT_FOUND");
    // A device too many says so; one that signs in again is no other.
    for n in 1..20 {
        signs_in(&app, &ann, &id(), &format!("device {n}")).await;
    }
    let input = json!({ "email": ann.email, "password": crate::harness::PASSWORD, "deviceId": id(), "deviceName": "one too many" });
    assert_eq!(app.nobody().refused(SIGN_IN, json!({ "input": input })).await.code, "CONFLICT");
    signs_in(&app, &ann, &phone, "Ann's phone").await;
}

/// Runs the clean-up as at this instant.
async fn collects(app: &TestApp, at: &str) {
    let mut owner = app.connect("postgres").await;
    let sql = format!("SET ROLE hale_app; SELECT auth.collect_sync('{at}', 1000)");
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut owner).await.unwrap();
}

#[tokio::test]
async fn deleted_rows_wait_for_every_device_and_old_cursors_begin_anew() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = signs_in(&app, &ann, &id(), "phone").await;
    let tablet = signs_in(&app, &ann, &id(), "tablet").await;
    let device = Device::new(&phone, "phone");
    let (kept, gone) = (id(), id());
    device
        .pushes(json!([
            device.change(&kept, &device.at("08:00:00"), weight("80")),
            device.change(&gone, &device.at("08:00:01"), weight("81"))
        ]))
        .await;
    let early = device.reads(json!(null)).await["cursor"].clone();
    device.pushes(json!([device.change(&gone, &device.at("09:00:00"), json!({ "deleted": true }))])).await;
    let late = device.reads(json!(null)).await["cursor"].clone();
    phone.ask(ACKNOWLEDGE, json!({ "input": { "cursor": late } })).await;
    tablet.ask(ACKNOWLEDGE, json!({ "input": { "cursor": early } })).await;
    // The tablet does not know yet.
    collects(&app, "2026-03-11T12:00:00Z").await;
    assert_eq!(device.reads(json!(null)).await["rows"].as_array().unwrap().len(), 2);
    tablet.ask(ACKNOWLEDGE, json!({ "input": { "cursor": late } })).await;
    collects(&app, "2026-03-12T12:00:00Z").await;
    assert_eq!(device.reads(json!(null)).await["rows"].as_array().unwrap().len(), 1);
    // A device restored from an old copy is told to begin anew; the one that knows is not.
    assert_eq!(device.reads(early.clone()).await["resync"], json!(true));
    assert_eq!(device.reads(late.clone()).await["resync"], json!(false));
    // Whoever reads everything anew does so once, however small its pages are.
    let mut cursor = json!(null);
    for _ in 0..10 {
        let page = ann.ask(PAGE, json!({ "first": 1, "after": cursor })).await["viewer"]["syncPage"].take();
        assert_eq!(page["resync"], json!(false));
        cursor = page["cursor"].clone();
        if page["hasMore"] == json!(false) {
            break;
        }
    }
    assert_eq!(ann.ask(PAGE, json!({ "first": 1, "after": cursor })).await["viewer"]["syncPage"]["rows"], json!([]));
    // What it still writes to the row does not bring it back.
    let edit = device.change(&gone, &device.at("11:00:00"), json!({ "value": "82", "unit": "kg" }));
    assert_eq!(device.pushes(json!([edit])).await[0]["status"], "REJECTED");
    assert_eq!(
        ann.ask("{ viewer { measurements { nodes { id } } } }", json!({})).await["viewer"]["measurements"]["nodes"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    // Digests forget what is forgotten, and the log is kept for 90 days.
    let head =
        ann.ask("{ viewer { syncHead { digests { collection digest } } } }", json!({})).await["viewer"]["syncHead"]["digests"].take();
    let digest: String = app.value("SELECT md5(id || ':' || version || ':0') FROM measurements WHERE deleted_at IS NULL").await;
    assert!(head.as_array().unwrap().contains(&json!({ "collection": "measurements", "digest": digest })), "{head}");
    assert!(app.value::<i64>("SELECT count(*) FROM sync_changes").await > 0);
    collects(&app, "2026-06-09T12:00:00Z").await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM sync_changes").await, 0);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM sync_rejections").await, 1);

    let foreign = tablet.refused(ACKNOWLEDGE, json!({ "input": { "cursor": format!("{}:1", id()) } })).await;
    assert_eq!((foreign.code.as_str(), foreign.field.as_deref()), ("BAD_USER_INPUT", Some("cursor")));
    assert_eq!(ann.refused(ACKNOWLEDGE, json!({ "input": { "cursor": late } })).await.code, "CONFLICT");
}

#[tokio::test]
async fn a_restored_backup_is_another_history_and_unsent_edits_survive_it() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Device::new(&ann, "phone");
    let (old, lost, unsent) = (id(), id(), id());
    phone.pushes(json!([phone.change(&old, &phone.at("08:00:00"), weight("80"))])).await;
    // The backup is made, then something else is written, then the backup is restored.
    let mut owner = app.connect("postgres").await;
    let tables = "measurements sync_rows sync_changes sync_spaces sync_mutations";
    for table in tables.split(' ') {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE TABLE backup_{table} AS TABLE {table}"))).execute(&mut owner).await.unwrap();
    }
    phone.pushes(json!([phone.change(&lost, &phone.at("09:00:00"), weight("81"))])).await;
    let cursor = phone.reads(json!(null)).await["cursor"].clone();
    for table in tables.split(' ') {
        let restore = format!(
            "SET session_replication_role = replica; DELETE FROM {table}; INSERT INTO {table} SELECT * FROM backup_{table}; SET session_replication_role = origin"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(restore)).execute(&mut owner).await.unwrap();
    }
    let maintenance = app.maintenance().await;
    let tx = maintenance.begin().await.unwrap();
    service::sync::begin_epoch(&tx).await.unwrap();
    tx.commit().await.unwrap();

    // The phone sends what it had not sent, is told to begin anew, and sends what the server does not hold any more.
    let edit = phone.change(&unsent, &phone.at("10:00:00"), weight("82"));
    assert_eq!(phone.pushes(json!([edit])).await[0]["status"], "APPLIED");
    let page = phone.reads(cursor.clone()).await;
    assert_eq!(page["resync"], json!(true));
    let ids: Vec<_> = page["rows"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, [old, unsent]);
    assert_ne!(page["cursor"].as_str().unwrap().split(':').next(), cursor.as_str().unwrap().split(':').next());
    let again = phone.change(&lost, &phone.at("09:00:00"), weight("81"));
    assert_eq!(phone.pushes(json!([again])).await[0]["status"], "APPLIED");
    assert_eq!(phone.reads(page["cursor"].clone()).await["rows"][0]["id"], json!(lost));
}
