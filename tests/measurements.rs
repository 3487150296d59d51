//! Measurements: units and ranges, pages, corrections.

use serde_json::{Value, json};

use crate::harness::{Person, TestApp};

pub const RECORD: &str = "mutation($input: RecordMeasurementInput!) { recordMeasurement(input: $input) {
    measurement { id type value unit measuredAt timeZone date createdBy { id } version } } }";
pub const UPDATE: &str = "mutation($input: UpdateMeasurementInput!) { updateMeasurement(input: $input) {
    measurement { id type value unit measuredAt timeZone date version } } }";
pub const DELETE: &str = "mutation($input: DeleteInput!) { deleteMeasurement(input: $input) { deletedId } }";
const LIST: &str = "query($type: String, $from: Date, $to: Date, $first: Int, $after: String) { viewer {
    measurements(type: $type, from: $from, to: $to, first: $first, after: $after) {
      nodes { id value } pageInfo { hasNextPage hasPreviousPage endCursor } } } }";

/// Records a measurement: 70 kg now, unless `input` says otherwise.
pub async fn records(person: &Person<'_>, input: Value) -> Value {
    person.ask(RECORD, json!({ "input": measurement(input) })).await["recordMeasurement"]["measurement"].take()
}

fn measurement(input: Value) -> Value {
    let mut measurement = json!({ "type": "weight", "value": "70", "unit": "kg" });
    measurement.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    measurement
}

async fn list(person: &Person<'_>, filter: Value) -> Vec<String> {
    let answer = person.ask(LIST, filter).await;
    let nodes = answer["viewer"]["measurements"]["nodes"].as_array().unwrap();
    nodes.iter().map(|node| node["value"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_measurement_keeps_the_unit_it_was_typed_in() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Pacific/Auckland").await;
    for (kind, value, unit, stored) in [
        ("weight", "154.3", "Pounds", "lb"),
        ("WEIGHT", "11.5", "st", "st"),
        ("height", "180.5", "cm", "cm"),
        ("height", "71", "in", "in"),
        ("body_fat", "22.5", "%", "%"),
        ("heart_rate", "61", "bpm", "bpm"),
        ("blood_pressure_systolic", "120", "mmHg", "mmHg"),
        ("body_temperature", "98.6", "°F", "°F"),
        ("steps", "10432", "steps", "steps"),
        ("grip_strength_left", "41.25", "kg", "kg"),
        ("mood", "-2", "piece", "piece"),
    ] {
        let recorded = records(&ann, json!({ "type": kind, "value": value, "unit": unit })).await;
        assert_eq!(
            (&recorded["type"], &recorded["value"], &recorded["unit"]),
            (&json!(kind.to_lowercase()), &json!(value), &json!(stored))
        );
        // Noon in UTC is one o'clock of the next day in Auckland.
        assert_eq!((&recorded["date"], &recorded["timeZone"]), (&json!("2026-03-11"), &json!("Pacific/Auckland")));
        assert_eq!((&recorded["createdBy"], &recorded["version"]), (&json!(null), &json!(1)));
    }
    let canonical: String = app.value("SELECT trim_scale(canonical_value)::text FROM measurements WHERE unit = 'lb'").await;
    assert_eq!(canonical, "69989.302691");
}

#[tokio::test]
async fn a_measurement_that_cannot_be_is_refused_with_the_range_in_its_own_unit() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for (input, field, message) in [
        (json!({ "value": "0.1" }), "value", "value: must be between 0.2 and 1000 kg for weight"),
        (json!({ "value": "1000.1" }), "value", "value: must be between 0.2 and 1000 kg for weight"),
        (json!({ "value": "3000", "unit": "lb" }), "value", "value: must be between 0.441 and 2204.623 lb for weight"),
        (json!({ "type": "body_fat", "value": "101", "unit": "%" }), "value", "value: must be between 0 and 100 % for body_fat"),
        (
            json!({ "type": "body_temperature", "value": "37", "unit": "°F" }),
            "value",
            "value: must be between 68 and 122 °F for body_temperature",
        ),
        (json!({ "unit": "cm" }), "unit", "unit: weight is a mass: write one of g, ug, mg, kg, oz, lb, st"),
        (json!({ "unit": "stonks" }), "unit", "unit: weight is a mass: write one of g, ug, mg, kg, oz, lb, st"),
        (json!({ "type": "my_own", "unit": "stonks" }), "unit", "unit: not a known unit: stonks"),
        (json!({ "value": "70.1234" }), "value", "value: must have at most 3 decimals, is 70.1234"),
        (json!({ "type": "body fat" }), "type", "type: must be letters, digits and underscores, such as body_fat"),
        (json!({ "type": "1st" }), "type", "type: must be letters, digits and underscores, such as body_fat"),
        (json!({ "measuredAt": "1899-01-01T00:00:00Z" }), "measuredAt", "measuredAt: must be between 1900-01-01 and 2100-12-31"),
    ] {
        let refused = ann.refused(RECORD, json!({ "input": measurement(input) })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref(), refused.message.as_str()), ("BAD_USER_INPUT", Some(field), message));
    }
    for (input, field) in [
        (json!({ "value": 70.5 }), "value"),
        (json!({ "value": "NaN" }), "value"),
        (json!({ "value": "1e3" }), "value"),
        (json!({ "type": "" }), "type"),
        (json!({ "timeZone": "Mars/Olympus" }), "timeZone"),
        (json!({ "measuredAt": "yesterday" }), "measuredAt"),
    ] {
        let refused = ann.refused(RECORD, json!({ "input": measurement(input) })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM measurements").await, 0);
}

#[tokio::test]
async fn measurements_come_newest_first_page_by_page_though_times_are_equal() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for value in 1..=7 {
        records(&ann, json!({ "value": format!("7{value}"), "measuredAt": "2026-03-09T07:00:00Z" })).await;
    }
    records(&ann, json!({ "value": "80", "measuredAt": "2026-03-10T07:00:00.123456Z" })).await;
    records(&ann, json!({ "value": "60", "measuredAt": "2026-03-08T07:00:00Z" })).await;
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let mut answer = ann.ask(LIST, json!({ "type": "weight", "first": 2, "after": after })).await;
        let page = answer["viewer"]["measurements"].take();
        seen.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["value"].as_str().unwrap().to_owned()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    assert_eq!((seen.len(), seen[0].as_str(), seen[8].as_str()), (9, "80", "60"));
    assert_eq!(list(&ann, json!({ "type": "weight" })).await, seen);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 9);
    for (variables, field) in [
        (json!({ "type": "height", "after": after }), "after"),
        (json!({ "type": "weight", "after": "bogus" }), "after"),
        (json!({ "first": -1 }), "first"),
        (json!({ "type": "body fat" }), "type"),
    ] {
        let refused = ann.refused(LIST, variables).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
}

#[tokio::test]
async fn a_type_and_two_days_narrow_the_list() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for (day, value) in [("08", "71"), ("09", "72"), ("10", "73")] {
        records(&ann, json!({ "value": value, "measuredAt": format!("2026-03-{day}T07:00:00Z") })).await;
    }
    records(&ann, json!({ "type": "height", "value": "180", "unit": "cm", "measuredAt": "2026-03-09T08:00:00Z" })).await;
    assert_eq!(list(&ann, json!({})).await, ["73", "180", "72", "71"]);
    assert_eq!(list(&ann, json!({ "type": "Weight" })).await, ["73", "72", "71"]);
    assert_eq!(list(&ann, json!({ "from": "2026-03-09", "to": "2026-03-09" })).await, ["180", "72"]);
    assert_eq!(list(&ann, json!({ "type": "weight", "from": "2026-03-09" })).await, ["73", "72"]);
    assert_eq!(list(&ann, json!({ "type": "weight", "to": "2026-03-08" })).await, ["71"]);
    assert_eq!(list(&ann, json!({ "type": "waist" })).await, Vec::<String>::new());
}

#[tokio::test]
async fn an_update_keeps_what_it_does_not_name_and_counts() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let id = records(&ann, json!({})).await["id"].take();
    let changed = |input: Value| {
        let mut change = json!({ "id": id });
        change.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        json!({ "input": change })
    };
    let mut answer = ann.ask(UPDATE, changed(json!({ "value": "150", "unit": "lb", "expectedVersion": 1 }))).await;
    let updated = answer["updateMeasurement"]["measurement"].take();
    assert_eq!((&updated["value"], &updated["unit"], &updated["version"]), (&json!("150"), &json!("lb"), &json!(2)));
    assert_eq!(updated["date"], "2026-03-10");
    let mut answer = ann
        .ask(UPDATE, changed(json!({ "measuredAt": "2026-03-09T12:30:00Z", "timeZone": "Pacific/Auckland", "expectedVersion": 2 })))
        .await;
    let updated = answer["updateMeasurement"]["measurement"].take();
    assert_eq!((&updated["date"], &updated["value"], &updated["version"]), (&json!("2026-03-10"), &json!("150"), &json!(3)));
    let unchanged = ann.ask(UPDATE, changed(json!({}))).await;
    assert_eq!(unchanged["updateMeasurement"]["measurement"]["version"], 3);

    let refused = ann.json(UPDATE, changed(json!({ "value": "1", "expectedVersion": 1 }))).await;
    let extensions = &refused["errors"][0]["extensions"];
    assert_eq!((&extensions["code"], &extensions["current"]["value"]), (&json!("CONFLICT"), &json!("150")));
    assert_eq!((&extensions["current"]["version"], &extensions["current"]["type"]), (&json!(3), &json!("weight")));
    let refused = ann.refused(UPDATE, changed(json!({ "unit": "cm" }))).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("unit")));
    assert_eq!(ann.refused(DELETE, json!({ "input": { "id": id, "expectedVersion": 2 } })).await.code, "CONFLICT");

    assert_eq!(ann.ask(DELETE, json!({ "input": { "id": id } })).await["deleteMeasurement"]["deletedId"], id);
    assert_eq!(list(&ann, json!({})).await, Vec::<String>::new());
    assert_eq!(ann.refused(DELETE, json!({ "input": { "id": id } })).await.code, "NOT_FOUND");
    assert_eq!(ann.refused(UPDATE, changed(json!({ "value": "1" }))).await.code, "NOT_FOUND");
}

#[tokio::test]
async fn recording_twice_with_one_id_records_once() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let id = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";
    let first = records(&ann, json!({ "id": id })).await;
    app.clock.advance(chrono::TimeDelta::minutes(5));
    assert_eq!(records(&ann, json!({ "id": id })).await, first);
    ann.ask(UPDATE, json!({ "input": { "id": id, "value": "71" } })).await;
    let again = records(&ann, json!({ "id": id })).await;
    assert_eq!((&again["value"], &again["version"]), (&json!("71"), &json!(2)));
    assert_eq!(ann.refused(RECORD, json!({ "input": measurement(json!({ "id": id, "value": "71" })) })).await.code, "CONFLICT");

    // Ids are each person's own.
    assert_eq!(records(&ben, json!({ "id": id, "value": "90" })).await["value"], "90");
    assert_eq!(list(&ann, json!({})).await, ["71"]);
}

#[tokio::test]
async fn a_strangers_measurements_are_not_there() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let id = records(&ann, json!({})).await["id"].take();
    let refused = ben.refused(RECORD, json!({ "input": measurement(json!({ "personId": ann.id })) })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("NOT_FOUND", Some("personId")));
    for person in [json!(null), json!(ann.id)] {
        assert_eq!(ben.refused(UPDATE, json!({ "input": { "id": id, "personId": person, "value": "1" } })).await.code, "NOT_FOUND");
        assert_eq!(ben.refused(DELETE, json!({ "input": { "id": id, "personId": person } })).await.code, "NOT_FOUND");
    }
    assert_eq!(list(&ann, json!({})).await, ["70"]);
    assert_eq!(list(&ben, json!({})).await, Vec::<String>::new());
}
