//! Files of watches become activities: once, even when several devices recorded them, and without telling others where somebody lives.

use reqwest::{StatusCode, header};
use serde_json::{Value, json};

use crate::{
    activity_files::{RUN, Run, fit, gpx, gzip, tcx},
    exercise_diary,
    exercises::creates_exercise,
    family_access::shares,
    harness::{Person, TestApp},
    measurements,
    profiles::says,
};

const DETAILS: &str = "query($person: UUID!, $id: UUID!, $points: Int! = 1000) { person(id: $person) { activity(id: $id) {
    activity { id exerciseEntryId sport device startedAt elapsedSeconds movingSeconds distanceMeters elevationGainMeters averageHeartRate
      deviceCalories heartRateZones { fromPercent seconds } pace { secondsPerKilometre } }
    laps { durationSeconds distanceMeters } kilometers { durationSeconds distanceMeters } miles { distanceMeters }
    bestEfforts { distanceMeters durationSeconds beginsAfterSeconds } recordings { id format primary }
    track(maxPoints: $points) { hidden points { seconds latitude longitude elevation heartRate cadence power } } } } }";
const LIST: &str = "query($person: UUID!) { person(id: $person) { activities { nodes { id sport } } } }";
const RECORDS: &str = "query($person: UUID!, $sport: Sport!) { person(id: $person) { activityRecords(sport: $sport) {
    distanceMeters durationSeconds activityId } } }";
const DAY: &str = "query { viewer { exerciseDay { entries { id name durationMinutes distance distanceUnit averageHeartRate caloriesBurned
    caloriesMethod notes exercise { id } } } } }";
const MERGE: &str = "mutation($input: MergeActivitiesInput!) { mergeActivities(input: $input) { activity { id averageHeartRate } } }";
const SEPARATE: &str =
    "mutation($input: SeparateActivityInput!) { separateActivity(input: $input) { activity { id } separated { id exerciseEntryId } } }";
const ZONE: &str =
    "mutation($input: CreatePrivacyZoneInput!) { createPrivacyZone(input: $input) { zone { id name latitude longitude radius } } }";

async fn sends(person: &Person<'_>, file: Vec<u8>) -> (StatusCode, Value) {
    let mut request = person.app.post("/activities").body(file);
    if let Some(token) = &person.token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let response = request.send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

/// Imports a file. Answers the id of the activity and what became of it.
async fn imports(person: &Person<'_>, file: Vec<u8>) -> (String, String) {
    let (status, answer) = sends(person, file).await;
    assert!(status.is_success(), "{answer}");
    (answer["activityId"].as_str().unwrap().to_owned(), answer["outcome"].as_str().unwrap().to_owned())
}

async fn details(reader: &Person<'_>, whose: &Person<'_>, id: &str) -> Value {
    reader.ask(DETAILS, json!({ "person": whose.id, "id": id })).await["person"]["activity"].take()
}

async fn listed(person: &Person<'_>) -> usize {
    person.ask(LIST, json!({ "person": person.id })).await["person"]["activities"]["nodes"].as_array().unwrap().len()
}

#[tokio::test]
async fn anns_run_is_in_her_diary_with_its_splits_and_best_efforts() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let running = creates_exercise(&ann, json!({ "name": "Running", "met": "9.8" })).await;
    measurements::records(&ann, json!({ "value": "70", "measuredAt": "2026-03-01T07:00:00Z" })).await;
    let (id, outcome) = imports(&ann, gzip(&gpx(RUN))).await;
    assert_eq!(outcome, "CREATED");

    let entry = ann.ask(DAY, json!({})).await["viewer"]["exerciseDay"]["entries"][0].take();
    assert_eq!((&entry["name"], &entry["exercise"]["id"], &entry["notes"]), (&json!("Running"), &json!(running), &json!("Morning run")));
    assert_eq!((&entry["durationMinutes"], &entry["distance"], &entry["distanceUnit"]), (&json!("30"), &json!("5.4"), &json!("km")));
    assert_eq!((&entry["caloriesBurned"], &entry["caloriesMethod"]), (&json!("360.15"), &json!("MET")));

    let run = details(&ann, &ann, &id).await;
    assert_eq!((&run["activity"]["sport"], &run["activity"]["device"]), (&json!("RUNNING"), &json!("Handheld & Sons")));
    assert_eq!((&run["activity"]["elapsedSeconds"], &run["activity"]["elevationGainMeters"]), (&json!("1800"), &json!("100")));
    assert_eq!(run["activity"]["exerciseEntryId"], entry["id"]);
    let (kilometers, miles) = (run["kilometers"].as_array().unwrap(), run["miles"].as_array().unwrap());
    assert_eq!((kilometers.len(), miles.len(), &run["laps"]), (6, 4, &json!([])));
    // 3 m/s, 333⅓ s a kilometre.
    assert!(kilometers[..5].iter().all(|split| split["durationSeconds"].as_str().unwrap().starts_with("333.")), "{kilometers:?}");
    let best: Vec<_> = run["bestEfforts"].as_array().unwrap().iter().map(|effort| effort["distanceMeters"].as_str().unwrap()).collect();
    assert_eq!(best, ["400", "800", "1000", "1609.344", "5000"]);
    // Nothing is known of age or heart.
    assert_eq!(run["activity"]["heartRateZones"], json!([]));
    let points = run["track"]["points"].as_array().unwrap();
    let first = json!({ "seconds": "0", "latitude": "52.5", "longitude": points[0]["longitude"], "elevation": "100", "heartRate": null, "cadence": null,
        "power": null });
    assert_eq!((points.len(), &points[0]), (181, &first));
    let few = ann.ask(DETAILS, json!({ "person": ann.id, "id": id, "points": 10 })).await;
    let few = &few["person"]["activity"]["track"];
    assert_eq!((few["points"].as_array().unwrap().len(), &few["points"][9]["seconds"]), (10, &json!("1800")));
    assert_eq!(ann.refused(DETAILS, json!({ "person": ann.id, "id": id, "points": 1 })).await.field.as_deref(), Some("maxPoints"));
}

#[tokio::test]
async fn the_same_file_is_imported_once_and_again_after_its_entry_was_deleted() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (id, _) = imports(&ann, gpx(RUN)).await;
    assert_eq!(imports(&ann, gpx(RUN)).await, (id.clone(), "REPEATED".to_owned()));
    assert_eq!(listed(&ann).await, 1);

    let entry = details(&ann, &ann, &id).await["activity"]["exerciseEntryId"].take();
    ann.ask(exercise_diary::DELETE, json!({ "input": { "id": entry } })).await;
    assert_eq!((listed(&ann).await, details(&ann, &ann, &id).await), (0, json!(null)));
    assert_eq!(ann.ask(RECORDS, json!({ "person": ann.id, "sport": "RUNNING" })).await["person"]["activityRecords"], json!([]));
    assert_eq!(imports(&ann, gpx(RUN)).await.1, "CREATED");
    assert_eq!(listed(&ann).await, 1);
    // Somebody else's file is their own.
    let ben = app.person("ben").await;
    assert_eq!(imports(&ben, gpx(RUN)).await.1, "CREATED");
}

#[tokio::test]
async fn three_devices_recorded_one_run_and_each_can_be_taken_out_again() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (id, _) = imports(&ann, tcx(Run { heart_rate: Some(150), ..RUN })).await;
    // Another watch, started 20 s later.
    assert_eq!(imports(&ann, fit(Run { start: "2026-03-10T08:00:20Z", points: 180, ..RUN })).await, (id.clone(), "MERGED".to_owned()));
    assert_eq!(imports(&ann, gpx(RUN)).await, (id.clone(), "MERGED".to_owned()));
    assert_eq!(listed(&ann).await, 1);

    // Places by the handheld, which has the most points; heart rate by the chest strap; energy by whoever says any.
    let run = details(&ann, &ann, &id).await;
    let formats: Vec<_> =
        run["recordings"].as_array().unwrap().iter().map(|recording| (&recording["format"], &recording["primary"])).collect();
    assert_eq!(formats, [(&json!("gpx"), &json!(true)), (&json!("tcx"), &json!(false)), (&json!("fit"), &json!(false))]);
    assert_eq!((&run["activity"]["averageHeartRate"], &run["activity"]["deviceCalories"]), (&json!(150), &json!(398)));
    let entries = ann.ask(DAY, json!({})).await["viewer"]["exerciseDay"]["entries"].take();
    assert_eq!((entries.as_array().unwrap().len(), &entries[0]["caloriesMethod"]), (1, &json!("DEVICE")));

    let recording = run["recordings"][2]["id"].clone();
    let parted = ann.ask(SEPARATE, json!({ "input": { "recordingId": recording } })).await["separateActivity"].take();
    assert_eq!((&parted["activity"]["id"], listed(&ann).await), (&json!(id), 2));
    assert_eq!(details(&ann, &ann, &id).await["activity"]["deviceCalories"], 412);
    // It stays apart, and can be put back.
    let file = fit(Run { start: "2026-03-10T08:00:20Z", points: 180, ..RUN });
    assert_eq!(imports(&ann, file).await, (parted["separated"]["id"].as_str().unwrap().to_owned(), "REPEATED".to_owned()));
    let input = json!({ "input": { "intoId": id, "fromId": parted["separated"]["id"] } });
    assert_eq!(ann.ask(MERGE, input.clone()).await["mergeActivities"]["activity"]["id"], id.as_str());
    assert_eq!((listed(&ann).await, details(&ann, &ann, &id).await["recordings"].as_array().unwrap().len()), (1, 3));
    let refused = ann.refused(MERGE, input).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("NOT_FOUND", Some("fromId")));
    assert_eq!(ann.refused(MERGE, json!({ "input": { "intoId": id, "fromId": id } })).await.field.as_deref(), Some("fromId"));
}

#[tokio::test]
async fn another_run_is_another_activity_and_records_are_of_the_faster_one() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (slow, _) = imports(&ann, gpx(RUN)).await;
    // The same stretch an hour later, in two thirds of the time: every other point of a longer run.
    let fast = String::from_utf8(gpx(Run { start: "2026-03-10T10:00:00Z", points: 181, ..RUN })).unwrap();
    let lines: Vec<&str> = fast.lines().collect();
    let faster: String = lines
        .iter()
        .map(|line| match line.find("<time>") {
            Some(at) => {
                let time: chrono::DateTime<chrono::Utc> = line[at + 6..at + 31].parse().unwrap();
                let start: chrono::DateTime<chrono::Utc> = "2026-03-10T10:00:00Z".parse().unwrap();
                line.replace(&line[at + 6..at + 31], &(start + (time - start) * 2 / 3).to_rfc3339())
            }
            None => (*line).to_owned(),
        })
        .collect();
    let (fast, outcome) = imports(&ann, faster.into_bytes()).await;
    assert_eq!((outcome.as_str(), listed(&ann).await), ("CREATED", 2));
    let records = ann.ask(RECORDS, json!({ "person": ann.id, "sport": "RUNNING" })).await["person"]["activityRecords"].take();
    assert!(records.as_array().unwrap().iter().all(|record| record["activityId"] == fast.as_str()), "{records}");
    let entry = details(&ann, &ann, &fast).await["activity"]["exerciseEntryId"].take();
    ann.ask(exercise_diary::DELETE, json!({ "input": { "id": entry } })).await;
    let records = ann.ask(RECORDS, json!({ "person": ann.id, "sport": "RUNNING" })).await["person"]["activityRecords"].take();
    assert!(
        records.as_array().unwrap().iter().all(|record| record["activityId"] == slow.as_str()) && records[4]["distanceMeters"] == "5000"
    );
    assert_eq!(ann.ask(RECORDS, json!({ "person": ann.id, "sport": "CYCLING" })).await["person"]["activityRecords"], json!([]));
}

#[tokio::test]
async fn ben_sees_anns_run_but_not_where_it_began() {
    let app = TestApp::new().await;
    let (ann, ben, carl) = (app.person("ann").await, app.person("ben").await, app.person("carl").await);
    app.verify(&ben).await;
    app.verify(&carl).await;
    let (id, _) = imports(&ann, gpx(RUN)).await;
    shares(&ann, &ben, &["CALORIE"], true).await;
    shares(&ann, &carl, &["CHECKIN"], false).await;
    assert_eq!(details(&ben, &ann, &id).await["track"]["points"][0]["latitude"], "52.5");

    // Home is where the run begins; a zone hides what was recorded before, too.
    let zone = json!({ "name": "Home", "latitude": "52.5", "longitude": "13.4", "radius": 200 });
    let zone = ann.ask(ZONE, json!({ "input": zone })).await["createPrivacyZone"]["zone"].take();
    assert_eq!((&zone["name"], &zone["radius"]), (&json!("Home"), &json!(200)));
    let seen = details(&ben, &ann, &id).await;
    // 30 m apart: the first seven of 181 points lie within 200 m.
    assert_eq!((&seen["track"]["hidden"], seen["track"]["points"].as_array().unwrap().len()), (&json!(true), 174));
    assert_eq!(seen["track"]["points"][0]["seconds"], "70");
    assert_eq!((&seen["recordings"], &seen["activity"]["elapsedSeconds"]), (&json!([]), &json!("1800")));
    let own = details(&ann, &ann, &id).await;
    assert_eq!((&own["track"]["hidden"], own["track"]["points"].as_array().unwrap().len()), (&json!(false), 181));

    // Not even by PostgreSQL's own word: the rows are ann's alone.
    assert_eq!(details(&carl, &ann, &id).await, json!(null));
    let zones = "query($id: UUID!) { person(id: $id) { privacyZones { id } } }";
    assert_eq!(ben.ask(zones, json!({ "id": ann.id })).await["person"]["privacyZones"], json!(null));
    let delete = "mutation($input: DeletePrivacyZoneInput!) { deletePrivacyZone(input: $input) { deletedId } }";
    assert_eq!(ben.refused(delete, json!({ "input": { "id": zone["id"] } })).await.code, "NOT_FOUND");
    let recording = own["recordings"][0]["id"].clone();
    assert_eq!(ben.refused(SEPARATE, json!({ "input": { "recordingId": recording } })).await.code, "NOT_FOUND");
    ann.ask(delete, json!({ "input": { "id": zone["id"] } })).await;
    assert_eq!(details(&ben, &ann, &id).await["track"]["hidden"], json!(false));
}

#[tokio::test]
async fn ann_trains_by_her_heart_rate() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    says(&ann, json!({ "validFrom": "2026-01-01", "bornOn": "1991-01-01" })).await;
    // 208 - 0.7 × 35 = 183.5, of which 150 is 82 %.
    let (id, _) = imports(&ann, gpx(Run { heart_rate: Some(150), ..RUN })).await;
    let run = details(&ann, &ann, &id).await["activity"].take();
    assert_eq!(
        (run["heartRateZones"].as_array().unwrap().len(), &run["heartRateZones"][4]),
        (6, &json!({ "fromPercent": 80, "seconds": 1800 }))
    );
    let zones = "query($max: Int, $rest: Int) { viewer { trainingZones(maxHeartRate: $max, restingHeartRate: $rest) { fromPercent fromHeartRate } } }";
    let of = async |max: Value, rest: Value| ann.ask(zones, json!({ "max": max, "rest": rest })).await["viewer"]["trainingZones"].take();
    assert_eq!(of(json!(180), json!(null)).await[2], json!({ "fromPercent": 70, "fromHeartRate": "126" }));
    // Karvonen: 60 + 70 % of 120.
    assert_eq!(of(json!(180), json!(60)).await[2], json!({ "fromPercent": 70, "fromHeartRate": "144" }));
    assert_eq!(of(json!(null), json!(null)).await[4], json!({ "fromPercent": 90, "fromHeartRate": "165.15" }));
    let ben = app.person("ben").await;
    assert_eq!(ben.ask(zones, json!({})).await["viewer"]["trainingZones"], json!(null));
    assert_eq!(ann.refused(zones, json!({ "max": 99 })).await.field.as_deref(), Some("maxHeartRate"));
    assert_eq!(ann.refused(zones, json!({ "max": 180, "rest": 100 })).await.field.as_deref(), Some("restingHeartRate"));
}

#[tokio::test]
async fn a_zone_that_cannot_be_is_refused() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for (latitude, longitude, radius, field) in [
        ("90.1", "0", 200, "latitude"),
        ("0", "-180.0000001", 200, "longitude"),
        ("0", "0", 49, "radius"),
        ("0", "0", 5001, "radius"),
        ("0.12345678", "0", 50, "latitude"),
    ] {
        let refused = ann.refused(ZONE, json!({ "input": { "latitude": latitude, "longitude": longitude, "radius": radius } })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
    let zone = json!({ "input": { "id": "01957d2e-0000-7000-8000-000000000001", "latitude": "1", "longitude": "2", "radius": 100 } });
    assert_eq!(ann.ask(ZONE, zone.clone()).await, ann.ask(ZONE, zone).await);
    for _ in 1..20 {
        ann.ask(ZONE, json!({ "input": { "latitude": "1", "longitude": "2", "radius": 100 } })).await;
    }
    assert!(ann.refused(ZONE, json!({ "input": { "latitude": "1", "longitude": "2", "radius": 100 } })).await.message.contains("20 zones"));
}

#[tokio::test]
async fn hostile_files_are_refused_with_a_code_and_a_reason_and_nothing_is_written() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let bomb = br#"<!DOCTYPE gpx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><gpx>&b;</gpx>"#.to_vec();
    let truncated = String::from_utf8(gpx(RUN)).unwrap().lines().take(10).collect::<String>().into_bytes();
    for (file, reason) in [(bomb, "document type"), (truncated, "breaks off"), (vec![0; 100], "neither"), (b"hello".to_vec(), "neither")] {
        let (status, answer) = sends(&ann, file).await;
        let error = &answer["errors"][0];
        assert_eq!((status, &error["extensions"]["code"]), (StatusCode::BAD_REQUEST, &json!("BAD_USER_INPUT")), "{answer}");
        assert_eq!(error["extensions"]["field"], "file");
        assert!(error["message"].as_str().unwrap().contains(reason), "{answer}");
    }
    let (status, answer) = sends(&ann, vec![b' '; (20 << 20) + 1]).await;
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!(
        (status, &extensions["code"], &extensions["allowed"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("LIMIT_EXCEEDED"), &json!(20 << 20))
    );
    let (status, answer) = sends(&app.nobody(), gpx(RUN)).await;
    assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (StatusCode::UNAUTHORIZED, &json!("UNAUTHENTICATED")));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM exercise_diary").await, 0);
}
