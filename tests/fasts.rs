//! Fasting: at most one fast runs, none overlap, and streaks are of the person's days.

use serde_json::{Value, json};

use crate::{
    account_mails::signs_in,
    family_access::shares,
    harness::{PASSWORD, Person, TestApp},
    sync::{Device, change, id},
};

const START: &str = "mutation($input: StartFastInput!) { startFast(input: $input) {
    fast { id startedAt endedAt plannedMinutes plannedEndAt minutes reached date createdBy { id } version } } }";
const LOG: &str = "mutation($input: LogFastInput!) { logFast(input: $input) { fast { id minutes reached date } statistics { count } } }";
const END: &str = "mutation($input: EndFastInput!) { endFast(input: $input) {
    fast { endedAt minutes reached date version } statistics { count currentStreakDays } } }";
const UPDATE: &str =
    "mutation($input: UpdateFastInput!) { updateFast(input: $input) { fast { endedAt minutes reached note } statistics { count } } }";
const DELETE: &str = "mutation($input: DeleteInput!) { deleteFast(input: $input) { deletedId statistics { count } } }";
const SHOWN: &str = "query($id: UUID!, $from: Date, $to: Date, $first: Int, $after: String) { person(id: $id) {
    currentFast { id startedAt } fasts(from: $from, to: $to, first: $first, after: $after) { nodes { minutes } pageInfo { hasNextPage endCursor } }
    fastingStatistics(from: $from, to: $to) { count reachedCount totalMinutes averageMinutes longestMinutes currentStreakDays longestStreakDays } } }";

async fn shown(person: &Person<'_>, filter: Value) -> Value {
    let mut variables = json!({ "id": person.id });
    variables.as_object_mut().unwrap().extend(filter.as_object().unwrap().clone());
    person.ask(SHOWN, variables).await["person"].take()
}

#[tokio::test]
async fn ann_starts_her_fast_in_the_evening_and_ends_it_at_noon() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let start = json!({ "id": id(), "startedAt": "2026-03-09T20:00:00Z", "plannedMinutes": 960 });
    let started = ann.ask(START, json!({ "input": start })).await;
    let fast = &started["startFast"]["fast"];
    assert_eq!((&fast["plannedEndAt"], &fast["endedAt"], &fast["reached"]), (&json!("2026-03-10T12:00:00Z"), &json!(null), &json!(null)));
    assert_eq!(ann.ask(START, json!({ "input": start })).await, started, "sent again it is started once");
    assert_eq!(shown(&ann, json!({})).await["currentFast"]["id"], fast["id"]);

    // At most one runs, and the refusal says which.
    let second = ann.json(START, json!({ "input": {} })).await;
    assert_eq!(second["errors"][0]["extensions"]["code"], "CONFLICT");
    assert_eq!(second["errors"][0]["extensions"]["current"]["id"], fast["id"]);
    assert!(second["errors"][0]["message"].as_str().unwrap().contains("a fast runs already, since 2026-03-09T20:00:00Z"), "{second}");

    let ended = ann.ask(END, json!({ "input": { "id": fast["id"] } })).await["endFast"].take();
    assert_eq!(
        ended["fast"],
        json!({ "endedAt": "2026-03-10T12:00:00Z", "minutes": "960", "reached": true, "date": "2026-03-10", "version": 2 })
    );
    assert_eq!(ended["statistics"], json!({ "count": 1, "currentStreakDays": 1 }));
    assert_eq!(ann.ask(END, json!({ "input": { "id": fast["id"] } })).await["endFast"], ended, "sent again it ends once");
    assert_eq!(ann.refused(END, json!({ "input": { "id": fast["id"], "endedAt": "2026-03-10T11:00:00Z" } })).await.code, "CONFLICT");
    let corrected = json!({ "id": fast["id"], "endedAt": "2026-03-10T10:30:00Z", "note": "hungry" });
    let corrected = ann.ask(UPDATE, json!({ "input": corrected })).await;
    assert_eq!(
        corrected["updateFast"]["fast"],
        json!({ "endedAt": "2026-03-10T10:30:00Z", "minutes": "870", "reached": false, "note": "hungry" })
    );
    // It was not over after all.
    ann.ask(UPDATE, json!({ "input": { "id": fast["id"], "endedAt": null } })).await;
    assert_eq!(shown(&ann, json!({})).await["currentFast"]["id"], fast["id"]);
    let deleted = ann.ask(DELETE, json!({ "input": { "id": fast["id"] } })).await;
    assert_eq!(deleted["deleteFast"]["statistics"]["count"], 0);
    assert_eq!(shown(&ann, json!({})).await["currentFast"], json!(null));
}

#[tokio::test]
async fn of_ten_starts_at_once_one_succeeds() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let starts = futures_util::future::join_all((0..10).map(|_| ann.json(START, json!({ "input": {} })))).await;
    let (started, refused): (Vec<_>, Vec<_>) = starts.iter().partition(|answer| answer.get("errors").is_none());
    assert_eq!(started.len(), 1, "{starts:?}");
    assert!(refused.iter().all(|answer| answer["errors"][0]["extensions"]["code"] == "CONFLICT"), "{refused:?}");
}

#[tokio::test]
async fn fasts_of_the_past_are_added_and_never_overlap() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let past = |from: &str, to: &str| json!({ "startedAt": from, "endedAt": to, "plannedMinutes": 600 });
    for (from, to) in [
        ("2026-03-01T20:00:00Z", "2026-03-02T08:00:00Z"),
        ("2026-03-02T20:00:00Z", "2026-03-03T08:00:00Z"),
        ("2026-03-03T20:00:00Z", "2026-03-04T06:00:00Z"),
        // Shorter than planned.
        ("2026-03-07T23:00:00Z", "2026-03-08T07:00:00Z"),
        ("2026-03-08T20:00:00Z", "2026-03-09T08:00:00Z"),
        // Two of one day; the second begins as the first ends.
        ("2026-03-09T20:00:00Z", "2026-03-10T06:00:00Z"),
        ("2026-03-10T06:00:00Z", "2026-03-10T07:30:00Z"),
    ] {
        ann.ask(LOG, json!({ "input": past(from, to) })).await;
    }
    let statistics = shown(&ann, json!({})).await["fastingStatistics"].take();
    assert_eq!(
        statistics,
        json!({ "count": 7, "reachedCount": 5, "totalMinutes": "3930", "averageMinutes": "561.429", "longestMinutes": "720",
            "currentStreakDays": 2, "longestStreakDays": 3 })
    );
    let some = shown(&ann, json!({ "from": "2026-03-03", "to": "2026-03-08", "first": 2 })).await;
    assert_eq!(
        (&some["fastingStatistics"]["count"], &some["fasts"]["nodes"]),
        (&json!(3), &json!([{ "minutes": "480" }, { "minutes": "600" }]))
    );
    let after = some["fasts"]["pageInfo"]["endCursor"].clone();
    let rest = shown(&ann, json!({ "from": "2026-03-03", "to": "2026-03-08", "first": 2, "after": after })).await;
    assert_eq!(rest["fasts"]["nodes"], json!([{ "minutes": "720" }]));
    // A day later the streak still stands, two days later it is over.
    for (now, streak) in [("2026-03-11T12:00:00Z", 2), ("2026-03-12T12:00:00Z", 0)] {
        app.clock.set(now);
        let ann = signs_in(&app, &ann.email, PASSWORD).await;
        assert_eq!(shown(&ann, json!({})).await["fastingStatistics"]["currentStreakDays"], streak);
    }
    app.clock.set("2026-03-10T12:00:00Z");

    let overlapping = ann.refused(LOG, json!({ "input": past("2026-03-02T07:59:00Z", "2026-03-02T10:00:00Z") })).await;
    assert_eq!((overlapping.code.as_str(), overlapping.message.contains("another fast covers part of that time")), ("CONFLICT", true));
    ann.ask(START, json!({ "input": {} })).await;
    for (field, input) in [
        ("endedAt", past("2026-02-02T08:00:00Z", "2026-02-02T08:00:00Z")),
        ("endedAt", past("2025-10-02T08:00:00Z", "2026-02-02T08:00:00Z")),
        ("endedAt", past("2026-03-10T08:00:00Z", "2026-03-10T13:00:00Z")),
        ("startedAt", past("1800-03-10T08:00:00Z", "1800-03-10T13:00:00Z")),
        ("plannedMinutes", json!({ "startedAt": "2026-02-01T00:00:00Z", "endedAt": "2026-02-01T08:00:00Z", "plannedMinutes": 0 })),
    ] {
        let refused = ann.refused(LOG, json!({ "input": input })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{input}");
    }
}

#[tokio::test]
async fn a_streak_is_of_anns_days_wherever_she_is() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Pacific/Auckland").await;
    // 11:30 in UTC is half past midnight of the next day in Auckland.
    for (from, to) in [("2026-03-07T20:00:00Z", "2026-03-08T11:30:00Z"), ("2026-03-09T00:00:00Z", "2026-03-09T11:30:00Z")] {
        ann.ask(LOG, json!({ "input": { "startedAt": from, "endedAt": to } })).await;
    }
    let logged = ann.ask(LOG, json!({ "input": { "startedAt": "2026-03-10T00:00:00Z", "endedAt": "2026-03-10T11:00:00Z" } })).await;
    assert_eq!(logged["logFast"]["fast"]["date"], "2026-03-11", "it is midnight there");
    assert_eq!(shown(&ann, json!({})).await["fastingStatistics"]["currentStreakDays"], 3);
}

#[tokio::test]
async fn ben_minds_anns_fast_where_he_may_and_her_phone_does_offline() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let start = json!({ "personId": ann.id, "startedAt": "2026-03-09T20:00:00Z" });
    assert_eq!(ben.refused(START, json!({ "input": start })).await.code, "NOT_FOUND");
    app.verify(&ben).await;
    shares(&ann, &ben, &["CHECKIN"], true).await;
    let started = ben.ask(START, json!({ "input": start })).await["startFast"]["fast"].take();
    assert_eq!(started["createdBy"]["id"], ben.id);
    assert_eq!(ben.ask(SHOWN, json!({ "id": ann.id })).await["person"]["currentFast"]["id"], started["id"]);

    let phone = Device::new(&ann, "phone");
    let second = json!({ "started_at": "2026-03-10T08:00:00Z", "planned_minutes": 960 });
    let results = phone.pushes(json!([change("fasts", &id(), &phone.at("08:00:00"), second)])).await;
    assert_eq!((&results[0]["status"], &results[0]["code"]), (&json!("REJECTED"), &json!("CONFLICT")), "{results:?}");
    let end = json!({ "ended_at": "2026-03-10T08:00:00Z" });
    let results = phone.pushes(json!([change("fasts", started["id"].as_str().unwrap(), &phone.at("12:00:01"), end)])).await;
    assert_eq!(
        (&results[0]["status"], &results[0]["row"]["document"]["ended_on"]),
        (&json!("APPLIED"), &json!("2026-03-10")),
        "{results:?}"
    );
    assert_eq!(shown(&ann, json!({})).await["fastingStatistics"]["totalMinutes"], "720");
}
