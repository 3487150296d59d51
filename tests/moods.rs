//! How people feel.

use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{Person, TestApp},
    sync::{Device, change, id},
};

const LOG: &str = "mutation($input: LogMoodInput!) { logMood(input: $input) {
    mood { id value tags note feltAt date createdBy { id } version } day { date average lowest highest moods { value } } } }";
const UPDATE: &str =
    "mutation($input: UpdateMoodInput!) { updateMood(input: $input) { mood { value tags note version } days { date average } } }";
const DELETE: &str = "mutation($input: DeleteInput!) { deleteMood(input: $input) { deletedId day { average moods { value } } } }";
const LIST: &str = "query($id: UUID!, $from: Date, $to: Date, $first: Int, $after: String) { person(id: $id) {
    moods(from: $from, to: $to, first: $first, after: $after) { nodes { value } pageInfo { hasNextPage endCursor } }
    moodDay(date: \"2026-03-10\") { average } } }";

async fn feels(person: &Person<'_>, input: Value) -> Value {
    person.ask(LOG, json!({ "input": input })).await["logMood"].take()
}

#[tokio::test]
async fn ann_feels_this_way_and_that_on_one_day() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let morning =
        json!({ "id": id(), "value": 40, "tags": ["Tired", "tired", "before coffee"], "feltAt": "2026-03-10T06:00:00Z", "note": "rain" });
    let first = feels(&ann, morning.clone()).await;
    assert_eq!((&first["mood"]["tags"], &first["mood"]["date"]), (&json!(["tired", "before coffee"]), &json!("2026-03-10")));
    assert_eq!(feels(&ann, morning).await, first, "sent again it is logged once");
    feels(&ann, json!({ "value": 85, "tags": ["happy"], "feltAt": "2026-03-10T08:00:00Z" })).await;
    let evening = feels(&ann, json!({ "value": 0 })).await;
    assert_eq!(
        evening["day"],
        json!({ "date": "2026-03-10", "average": "41.7", "lowest": 0, "highest": 85, "moods": [{ "value": 40 }, { "value": 85 }, { "value": 0 }] })
    );
    feels(&ann, json!({ "value": 100, "feltAt": "2026-03-08T20:00:00Z", "tags": ["happy"] })).await;

    let tags = ann.ask("{ viewer { moodTags { name builtIn uses } } }", json!({})).await["viewer"]["moodTags"].take();
    let tag = |name: &str, built_in: bool, uses: i32| json!({ "name": name, "builtIn": built_in, "uses": uses });
    assert_eq!(
        tags.as_array().unwrap()[..4],
        [tag("happy", true, 2), tag("before coffee", false, 1), tag("tired", true, 1), tag("angry", true, 0)]
    );

    let page = ann.ask(LIST, json!({ "id": ann.id, "first": 2, "from": "2026-03-08" })).await["person"]["moods"].take();
    assert_eq!(page["pageInfo"]["hasNextPage"], json!(true));
    let rest = ann.ask(LIST, json!({ "id": ann.id, "first": 2, "from": "2026-03-08", "after": page["pageInfo"]["endCursor"] })).await;
    assert_eq!(rest["person"]["moods"]["nodes"], json!([{ "value": 40 }, { "value": 100 }]));
    let days =
        ann.ask("{ viewer { moodDays(from: \"2026-03-08\", to: \"2026-03-10\") { date average moods { value } } } }", json!({})).await;
    assert_eq!(days["viewer"]["moodDays"][1], json!({ "date": "2026-03-09", "average": null, "moods": [] }));

    let moved = json!({ "id": first["mood"]["id"], "feltAt": "2026-03-09T06:00:00Z", "tags": [], "note": null, "expectedVersion": 1 });
    let moved = ann.ask(UPDATE, json!({ "input": moved })).await["updateMood"].take();
    assert_eq!(moved["mood"], json!({ "value": 40, "tags": [], "note": null, "version": 2 }));
    assert_eq!(moved["days"], json!([{ "date": "2026-03-09", "average": "40" }, { "date": "2026-03-10", "average": "42.5" }]));
    assert_eq!(
        ann.refused(UPDATE, json!({ "input": { "id": first["mood"]["id"], "value": 3, "expectedVersion": 1 } })).await.code,
        "CONFLICT"
    );
    let deleted = ann.ask(DELETE, json!({ "input": { "id": first["mood"]["id"] } })).await;
    assert_eq!(deleted["deleteMood"]["day"], json!({ "average": null, "moods": [] }));

    for (field, input) in [
        ("value", json!({ "value": 101 })),
        ("value", json!({ "value": -1 })),
        ("tags", json!({ "value": 1, "tags": vec!["x"; 21] })),
        ("tags[1]", json!({ "value": 1, "tags": ["fine", "x".repeat(51)] })),
        ("note", json!({ "value": 1, "note": " " })),
        ("feltAt", json!({ "value": 1, "feltAt": "1800-01-01T00:00:00Z" })),
    ] {
        let refused = ann.refused(LOG, json!({ "input": input })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{input}");
    }
}

#[tokio::test]
async fn how_ann_feels_is_for_those_she_shares_it_with_and_comes_from_her_phone_too() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let (phone, row) = (Device::new(&ann, "phone"), id());
    let mood = json!({ "value": 70, "tags": ["Calm"], "felt_at": "2026-03-10T07:00:00Z", "time_zone": "Europe/Berlin" });
    let results = phone.pushes(json!([change("moods", &row, &phone.at("07:00:00"), mood)])).await;
    assert_eq!((&results[0]["status"], &results[0]["row"]["document"]["tags"]), (&json!("APPLIED"), &json!(["calm"])), "{results:?}");
    for (field, columns) in [("value", json!({ "value": 101 })), ("tags", json!({ "tags": "calm" }))] {
        let results = phone.pushes(json!([change("moods", &row, &phone.at("07:10:00"), columns)])).await;
        assert_eq!((&results[0]["status"], &results[0]["field"]), (&json!("REJECTED"), &json!(field)), "{results:?}");
    }
    assert_eq!(
        ben.ask("query($id: UUID!) { person(id: $id) { moodDay { average } } }", json!({ "id": ann.id })).await["person"],
        json!(null)
    );
    app.verify(&ben).await;
    shares(&ann, &ben, &["CHECKIN"], true).await;
    assert_eq!(ben.ask(LIST, json!({ "id": ann.id })).await["person"]["moodDay"]["average"], "70");
    let logged = feels(&ben, json!({ "personId": ann.id, "value": 50 })).await;
    assert_eq!(logged["mood"]["createdBy"]["id"], ben.id);
}
