//! How people sleep, as they and their devices tell it.

use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{Person, TestApp},
    sync::{Device, change, id},
};

const LOG: &str = "mutation($input: LogSleepInput!) { logSleep(input: $input) {
    sleep { id date timeZone nap source sourceId deviceScore note version createdBy { id } inBedMinutes asleepMinutes efficiency
      latencyMinutes awakeAfterOnsetMinutes midpoint stages { stage startedAt endedAt } stageMinutes { awake light deep rem asleep } }
    day { date night { id } naps { id } outranked { id source } } } }";
const UPDATE: &str = "mutation($input: UpdateSleepInput!) { updateSleep(input: $input) {
    sleep { version asleepMinutes stages { stage } note } days { date night { id } } } }";
const DELETE: &str = "mutation($input: DeleteInput!) { deleteSleep(input: $input) { deletedId day { night { id } } } }";
const DAY: &str = "query($id: UUID!, $date: Date) { person(id: $id) { sleepDay(date: $date) {
    date night { id source } naps { id } outranked { id source } bedtime gotUpAt inBedMinutes asleepMinutes napMinutes efficiency awakeAfterOnsetMinutes
    score { value version complete parts { component value weight share } } } } }";
const RANK: &str = "mutation($input: SetSourceRankingInput!) { setSourceRanking(input: $input) { rankings { metric sources } } }";

async fn sleeps(person: &Person<'_>, input: Value) -> Value {
    person.ask(LOG, json!({ "input": input })).await["logSleep"].take()
}

async fn day(viewer: &Person<'_>, of: &Person<'_>, date: &str) -> Value {
    viewer.ask(DAY, json!({ "id": of.id, "date": date })).await["person"]["sleepDay"].take()
}

fn stage(stage: &str, from: &str, to: &str) -> Value {
    let at = |time: &str| format!("2026-03-{}T{time}:00Z", if time > "12:00" { "09" } else { "10" });
    json!({ "stage": stage, "startedAt": at(from), "endedAt": at(to) })
}

#[tokio::test]
async fn anns_watch_tells_her_night_in_stages_and_says_why_the_score_is_what_it_is() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let stages = json!([
        stage("AWAKE", "22:00", "22:13"),
        stage("LIGHT", "22:13", "00:13"),
        stage("DEEP", "00:13", "01:45"),
        stage("AWAKE", "01:45", "02:05"),
        stage("REM", "02:05", "03:35"),
        stage("AWAKE", "03:35", "03:39"),
        stage("ASLEEP", "03:39", "05:29"),
    ]);
    let night = json!({ "id": id(), "startedAt": "2026-03-09T22:00:00Z", "endedAt": "2026-03-10T05:45:00Z", "stages": stages,
        "source": "watch", "sourceId": "night-1", "deviceScore": "71" });
    let logged = sleeps(&ann, night.clone()).await;
    let sleep = &logged["sleep"];
    assert_eq!(
        [&sleep["inBedMinutes"], &sleep["asleepMinutes"], &sleep["efficiency"], &sleep["latencyMinutes"], &sleep["awakeAfterOnsetMinutes"]],
        ["465", "412", "88.602", "13", "24"].map(|value| json!(value)).each_ref(),
    );
    assert_eq!((&sleep["midpoint"], &sleep["date"]), (&json!("2026-03-10T01:51:00Z"), &json!("2026-03-10")));
    assert_eq!(sleep["stageMinutes"], json!({ "awake": "37", "light": "120", "deep": "92", "rem": "90", "asleep": "110" }));
    assert_eq!(sleeps(&ann, night.clone()).await, logged, "sent again it is logged once");

    let shown = day(&ann, &ann, "2026-03-10").await;
    // 412 minutes are 8 short of seven hours: 97. Four minutes awake over twenty: 95. No nights before.
    let part = |component: &str, value: Value, weight: i32, share: &str| json!({ "component": component, "value": value, "weight": weight, "share": share });
    assert_eq!(
        shown["score"],
        json!({ "value": "97", "version": 1, "complete": false, "parts": [
            part("DURATION", json!("97"), 40, "50"),
            part("STAGES", json!("100"), 20, "25"),
            part("CONSISTENCY", Value::Null, 20, "0"),
            part("INTERRUPTIONS", json!("95"), 20, "25"),
        ] })
    );
    assert_eq!(sleep["deviceScore"], "71", "the device's own score is apart");

    // Who is fifteen needs eight to ten hours.
    let profile = "mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { profile { bornOn } } }";
    ann.ask(profile, json!({ "input": { "bornOn": "2011-01-01" } })).await;
    assert_eq!(day(&ann, &ann, "2026-03-10").await["score"]["parts"][0]["value"], "72", "an hour and eight minutes are missing");
    ann.ask(profile, json!({ "input": { "bornOn": null } })).await;

    // After three nights it is known when she goes to bed: at half past ten by the median, so ten is half an hour early.
    for (bed, woke) in [
        ("2026-03-06T22:30:00Z", "2026-03-07T06:00:00Z"),
        ("2026-03-07T22:40:00Z", "2026-03-08T06:00:00Z"),
        ("2026-03-08T22:20:00Z", "2026-03-09T06:00:00Z"),
    ] {
        sleeps(&ann, json!({ "startedAt": bed, "endedAt": woke, "asleepMinutes": "420" })).await;
    }
    let score = day(&ann, &ann, "2026-03-10").await["score"].take();
    assert_eq!((&score["complete"], &score["parts"][2]["value"]), (&json!(true), &json!("86")));
    // (40·97 + 20·100 + 20·86 + 20·95) / 100
    assert_eq!(score["value"], "95");
}

#[tokio::test]
async fn a_sleep_belongs_to_the_day_of_waking_wherever_and_whenever_that_day_starts() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Europe/Berlin").await;
    let preferences = "mutation($input: UpdatePreferencesInput!) { updatePreferences(input: $input) { preferences { dayStartsAt } } }";
    ann.ask(preferences, json!({ "input": { "dayStartsAt": "12:00" } })).await;
    // Three nights: one in which clocks were set forward, one in which they were set back, and one over the Pacific.
    for (from, to, zone, date) in [
        ("2026-03-28T22:00:00Z", "2026-03-29T05:00:00Z", None, "2026-03-29"),
        ("2025-10-25T21:00:00Z", "2025-10-26T06:00:00Z", None, "2025-10-26"),
        ("2026-01-02T10:00:00Z", "2026-01-02T17:00:00Z", Some("Pacific/Auckland"), "2026-01-03"),
        ("2026-02-02T20:00:00Z", "2026-02-02T22:59:00Z", None, "2026-02-02"),
    ] {
        let logged = sleeps(&ann, json!({ "startedAt": from, "endedAt": to, "timeZone": zone })).await;
        assert_eq!((&logged["sleep"]["date"], &logged["day"]["date"]), (&json!(date), &json!(date)));
        let slept = &logged["sleep"]["id"];
        assert_eq!(day(&ann, &ann, date).await["night"][0]["id"], *slept);
        // She moves, and her day starts elsewhere: the sleep stays where it is.
        ann.ask(preferences, json!({ "input": { "dayStartsAt": "03:00", "timeZone": "America/New_York" } })).await;
        assert_eq!(day(&ann, &ann, date).await["night"][0]["id"], *slept);
        ann.ask(preferences, json!({ "input": { "dayStartsAt": "12:00", "timeZone": "Europe/Berlin" } })).await;
    }
}

#[tokio::test]
async fn two_parts_of_a_night_and_a_nap_are_one_day() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for (from, to, nap, slept) in [
        ("2026-03-10T03:00:00Z", "2026-03-10T07:00:00Z", false, "230"),
        ("2026-03-09T22:00:00Z", "2026-03-10T02:00:00Z", false, "220"),
        ("2026-03-10T13:00:00Z", "2026-03-10T13:30:00Z", true, "25"),
    ] {
        sleeps(&ann, json!({ "startedAt": from, "endedAt": to, "nap": nap, "asleepMinutes": slept })).await;
    }
    let shown = day(&ann, &ann, "2026-03-10").await;
    assert_eq!((shown["night"].as_array().unwrap().len(), shown["naps"].as_array().unwrap().len()), (2, 1));
    assert_eq!(
        [&shown["inBedMinutes"], &shown["asleepMinutes"], &shown["napMinutes"], &shown["efficiency"]],
        ["480", "450", "25", "93.75"].map(|value| json!(value)).each_ref()
    );
    assert_eq!((&shown["bedtime"], &shown["gotUpAt"]), (&json!("2026-03-09T22:00:00Z"), &json!("2026-03-10T07:00:00Z")));
    assert_eq!(shown["awakeAfterOnsetMinutes"], json!(null), "nobody told when she lay awake");

    // Bedtimes are averaged past midnight.
    sleeps(&ann, json!({ "startedAt": "2026-03-09T00:30:00Z", "endedAt": "2026-03-09T07:30:00Z" })).await;
    let averages = "{ viewer { sleepAverages(from: \"2026-03-01\", to: \"2026-03-10\") { nights bedtime { time deviationMinutes } gotUp { time } asleepMinutes efficiency } } }";
    assert_eq!(
        ann.ask(averages, json!({})).await["viewer"]["sleepAverages"],
        json!({ "nights": 2, "bedtime": { "time": "23:15", "deviationMinutes": "75" }, "gotUp": { "time": "07:15" }, "asleepMinutes": "450", "efficiency": "93.75" })
    );
    let days = "{ viewer { sleepDays(from: \"2026-03-08\", to: \"2026-03-10\") { date night { nap } } } }";
    let days = ann.ask(days, json!({})).await["viewer"]["sleepDays"].take();
    assert_eq!(days.as_array().unwrap().iter().map(|day| day["night"].as_array().unwrap().len()).collect::<Vec<_>>(), [0, 1, 2]);
}

#[tokio::test]
async fn of_two_devices_the_one_that_ann_trusts_more_counts_and_the_other_is_kept() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let watch = json!({ "startedAt": "2026-03-09T22:00:00Z", "endedAt": "2026-03-10T06:00:00Z", "source": "watch", "sourceId": "1" });
    let ring = json!({ "startedAt": "2026-03-09T22:20:00Z", "endedAt": "2026-03-10T05:50:00Z", "source": "ring", "sourceId": "a" });
    sleeps(&ann, watch.clone()).await;
    let day_of_both = sleeps(&ann, ring).await["day"].take();
    assert_eq!((day_of_both["night"].as_array().unwrap().len(), &day_of_both["outranked"][0]["source"]), (1, &json!("watch")));
    let ranked = ann.ask(RANK, json!({ "input": { "metric": "sleep", "sources": ["watch", "ring"] } })).await;
    assert_eq!(ranked["setSourceRanking"]["rankings"], json!([{ "metric": "sleep", "sources": ["watch", "ring"] }]));
    let shown = day(&ann, &ann, "2026-03-10").await;
    assert_eq!((&shown["night"][0]["source"], &shown["outranked"][0]["source"]), (&json!("watch"), &json!("ring")));
    ann.ask(RANK, json!({ "input": { "metric": "sleep", "sources": ["ring"] } })).await;
    assert_eq!(day(&ann, &ann, "2026-03-10").await["night"][0]["source"], "ring");
    ann.ask(RANK, json!({ "input": { "metric": "sleep", "sources": [] } })).await;
    assert_eq!(ann.ask("{ viewer { sourceRankings { metric } } }", json!({})).await["viewer"]["sourceRankings"], json!([]));
    for (field, input) in [
        ("metric", json!({ "metric": "luck", "sources": ["watch"] })),
        ("sources", json!({ "metric": "sleep", "sources": ["watch", "watch"] })),
        ("sources[0]", json!({ "metric": "sleep", "sources": [" "] })),
    ] {
        let refused = ann.refused(RANK, json!({ "input": input })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
    assert_eq!(
        ben.refused(RANK, json!({ "input": { "personId": ann.id, "metric": "sleep", "sources": ["ring"] } })).await.code,
        "NOT_FOUND"
    );

    // One source tells of one sleep at a time. What it tells again is the same sleep, corrected.
    let mut longer = watch.clone();
    longer["endedAt"] = json!("2026-03-10T06:30:00Z");
    let corrected = sleeps(&ann, longer.clone()).await;
    assert_eq!((&corrected["sleep"]["inBedMinutes"], &corrected["sleep"]["version"]), (&json!("510"), &json!(2)));
    let slept = corrected["sleep"]["id"].clone();
    ann.ask(UPDATE, json!({ "input": { "id": slept, "endedAt": "2026-03-10T06:15:00Z", "note": "read in bed" } })).await;
    let told = sleeps(&ann, longer.clone()).await;
    assert_eq!((&told["sleep"]["inBedMinutes"], &told["sleep"]["note"]), (&json!("495"), &json!("read in bed")), "her own change stays");
    let clash = ann
        .refused(LOG, json!({ "input": { "startedAt": "2026-03-10T06:00:00Z", "endedAt": "2026-03-10T07:00:00Z", "source": "watch" } }))
        .await;
    assert_eq!((clash.code.as_str(), clash.message.contains("the same source tells of another sleep at that time")), ("CONFLICT", true));
    ann.ask(DELETE, json!({ "input": { "id": slept } })).await;
    longer["endedAt"] = json!("2026-03-10T06:45:00Z");
    assert_eq!(ann.refused(LOG, json!({ "input": longer })).await.code, "CONFLICT", "what she deleted stays away");
}

#[tokio::test]
async fn a_sleep_that_cannot_be_is_refused_with_what_would_be_right() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let night = |input: Value| {
        let mut night = json!({ "startedAt": "2026-03-09T22:00:00Z", "endedAt": "2026-03-10T06:00:00Z" });
        night.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        night
    };
    let overlapping = json!([stage("DEEP", "23:00", "23:40"), stage("REM", "23:30", "23:50")]);
    let refused = ann.refused(LOG, json!({ "input": night(json!({ "stages": overlapping })) })).await;
    assert_eq!(refused.field.as_deref(), Some("stages[1]"));
    assert!(
        refused.message.contains("rem from 2026-03-09T23:30:00Z to 2026-03-09T23:50:00Z overlaps stages[0], deep from"),
        "{}",
        refused.message
    );
    for (field, input) in [
        ("endedAt", json!({ "endedAt": "2026-03-09T22:00:00Z" })),
        ("endedAt", json!({ "endedAt": "2026-03-10T22:00:01Z" })),
        ("asleepMinutes", json!({ "asleepMinutes": "481" })),
        ("asleepMinutes", json!({ "asleepMinutes": "40", "stages": [stage("DEEP", "23:00", "23:40")] })),
        ("stages[0]", json!({ "stages": [stage("DEEP", "05:00", "06:10")] })),
        ("stages[0].endedAt", json!({ "stages": [stage("DEEP", "05:00", "05:00")] })),
        ("deviceScore", json!({ "deviceScore": "101", "source": "watch" })),
        ("sourceId", json!({ "sourceId": "7" })),
        ("source", json!({ "source": " " })),
        ("note", json!({ "note": "x".repeat(1001) })),
    ] {
        let refused = ann.refused(LOG, json!({ "input": night(input.clone()) })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{input}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM sleep_entries").await, 0);
    let range = "{ viewer { sleepDays(from: \"2025-01-01\", to: \"2026-03-01\") { date } } }";
    assert_eq!(ann.refused(range, json!({})).await.field.as_deref(), Some("to"));
}

#[tokio::test]
async fn ben_sees_anns_sleep_once_she_shares_it_and_writes_it_where_he_may() {
    let app = TestApp::new().await;
    let (ann, ben, carla) = (app.person("ann").await, app.person("ben").await, app.person("carla").await);
    let night = json!({ "personId": ann.id, "startedAt": "2026-03-09T22:00:00Z", "endedAt": "2026-03-10T06:00:00Z" });
    assert_eq!(ben.refused(LOG, json!({ "input": night })).await.code, "NOT_FOUND");
    for person in [&ben, &carla] {
        app.verify(person).await;
    }
    shares(&ann, &ben, &["CHECKIN"], true).await;
    shares(&ann, &carla, &["CALORIE"], false).await;
    let logged = sleeps(&ben, night).await;
    assert_eq!(logged["sleep"]["createdBy"]["id"], ben.id);
    assert_eq!(day(&ben, &ann, "2026-03-10").await["night"][0]["id"], logged["sleep"]["id"]);
    assert_eq!(day(&carla, &ann, "2026-03-10").await, json!(null));

    // Her phone was offline meanwhile.
    let (phone, row) = (Device::new(&ann, "phone"), id());
    let columns = json!({ "started_at": "2026-03-08T22:00:00Z", "ended_at": "2026-03-09T06:00:00Z", "time_zone": "UTC",
        "stages": [{ "stage": "deep", "started_at": "2026-03-08T23:00:00Z", "ended_at": "2026-03-09T01:00:00Z" }] });
    let results = phone.pushes(json!([change("sleep_entries", &row, &phone.at("07:00:00"), columns)])).await;
    assert_eq!(results[0]["status"], "APPLIED", "{results:?}");
    let document = &results[0]["row"]["document"];
    assert_eq!((&document["woke_on"], &document["source"], &document["is_nap"]), (&json!("2026-03-09"), &json!("manual"), &json!(false)));
    assert_eq!(document["stages"][0]["stage"], "deep");
    let clash = json!({ "started_at": "2026-03-09T05:00:00Z", "ended_at": "2026-03-09T07:00:00Z" });
    let results = phone.pushes(json!([change("sleep_entries", &id(), &phone.at("07:05:00"), clash)])).await;
    assert_eq!((&results[0]["status"], &results[0]["code"]), (&json!("REJECTED"), &json!("CONFLICT")), "{results:?}");
    let shorter = json!({ "ended_at": "2026-03-09T00:30:00Z" });
    let results = phone.pushes(json!([change("sleep_entries", &row, &phone.at("07:10:00"), shorter)])).await;
    assert_eq!((&results[0]["status"], &results[0]["field"]), (&json!("REJECTED"), &json!("stages[0]")), "{results:?}");
    let stages = json!([{ "stage": "REM", "startedAt": "2026-03-09T01:00:00Z", "endedAt": "2026-03-09T02:00:00Z" }]);
    let updated = ann.ask(UPDATE, json!({ "input": { "id": row, "stages": stages, "expectedVersion": 1 } })).await;
    assert_eq!(updated["updateSleep"]["sleep"]["asleepMinutes"], "60");
    assert_eq!(ann.refused(UPDATE, json!({ "input": { "id": row, "nap": true, "expectedVersion": 1 } })).await.code, "CONFLICT");
    let moved = ann.ask(UPDATE, json!({ "input": { "id": row, "stages": [], "endedAt": "2026-03-08T23:30:00Z" } })).await;
    let dates: Vec<_> = moved["updateSleep"]["days"].as_array().unwrap().iter().map(|day| day["date"].clone()).collect();
    assert_eq!(dates, ["2026-03-08", "2026-03-09"]);
    let log = ann.ask("{ viewer { accessLog(first: 50) { nodes { reader { id } accessType } } } }", json!({})).await;
    assert!(
        log["viewer"]["accessLog"]["nodes"].as_array().unwrap().contains(&json!({ "reader": { "id": ben.id }, "accessType": "CHECKIN" })),
        "{log}"
    );
}
