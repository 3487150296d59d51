//! How the energy of exercise is found and explained, and the ledger of a day.

use serde_json::{Value, json};

use crate::{
    exercise_diary::logs,
    exercises::creates_exercise,
    family_access::shares,
    harness::{Person, TestApp},
    measurements,
    profiles::says,
};

const RECORD: &str = "mutation($input: RecordEnergyInput!) { recordEnergy(input: $input) {
    record { id source startedAt endedAt activeCalories totalCalories steps version } day { date total active } } }";
const DELETE: &str = "mutation($input: DeleteInput!) { deleteEnergyRecord(input: $input) { deletedId day { date lines { id } } } }";
const DAY: &str = "query($date: Date, $id: UUID!) { person(id: $id) { energyDay(date: $date) { date startsAt until total resting active
    coveredMinutes restingKnown lines { kind id source claimed counted leftOut minutes reason } } } }";
const EXPLAIN: &str = "query { viewer { exerciseDay { entries { caloriesBurned caloriesMethod caloriesNet
    explainCalories { method formula version gross net rounding notes inputs { name value unit } } } } } }";

async fn records(person: &Person<'_>, input: Value) -> Value {
    let mut record = json!({ "source": "Watch", "startedAt": "2026-03-10T00:00:00Z", "endedAt": "2026-03-10T12:00:00Z" });
    record.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    person.ask(RECORD, json!({ "input": record })).await["recordEnergy"].take()
}

async fn day(reader: &Person<'_>, whose: &Person<'_>, date: Option<&str>) -> Value {
    reader.ask(DAY, json!({ "id": whose.id, "date": date })).await["person"]["energyDay"].take()
}

fn counted(day: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("null").to_owned();
    day["lines"].as_array().unwrap().iter().map(|line| (text(&line["kind"]), text(&line["counted"]))).collect()
}

#[tokio::test]
async fn an_entry_explains_its_energy_even_after_the_weight_has_changed() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let running = creates_exercise(&ann, json!({ "name": "Running", "met": "9.8" })).await;
    let weight = measurements::records(&ann, json!({ "value": "70", "measuredAt": "2026-03-01T07:00:00Z" })).await;
    logs(&ann, &running, json!({ "durationMinutes": "30", "averageHeartRate": 150 })).await;
    ann.ask(measurements::DELETE, json!({ "input": { "id": weight["id"] } })).await;

    let entry = ann.ask(EXPLAIN, json!({})).await["viewer"]["exerciseDay"]["entries"][0].take();
    assert_eq!(
        (&entry["caloriesBurned"], &entry["caloriesNet"], &entry["caloriesMethod"]),
        (&json!("360.15"), &json!("323.4"), &json!("MET"))
    );
    let explained = &entry["explainCalories"];
    assert_eq!((&explained["gross"], &explained["net"], &explained["version"]), (&json!("360.15"), &json!("323.4"), &json!(1)));
    assert!(explained["formula"].as_str().unwrap().starts_with("MET × 3.5 × kg / 200 × minutes"));
    assert_eq!(
        explained["inputs"],
        json!([
            { "name": "duration", "value": "30", "unit": "min" },
            { "name": "weight", "value": "70", "unit": "kg" },
            { "name": "met", "value": "9.8", "unit": null },
        ])
    );
    // Nobody is taken for a man, or for a woman.
    assert!(explained["notes"][0].as_str().unwrap().starts_with("not by heart rate: the sex is not stated"), "{explained}");
}

#[tokio::test]
async fn with_a_profile_the_heart_tells_and_the_day_has_its_rest_and_its_allowance() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    says(&ann, json!({ "validFrom": "2026-01-01", "bornOn": "1991-01-01", "sex": "FEMALE", "activityLevel": "SEDENTARY" })).await;
    measurements::records(&ann, json!({ "value": "60", "measuredAt": "2026-03-01T07:00:00Z" })).await;
    measurements::records(&ann, json!({ "type": "height", "value": "165", "unit": "cm", "measuredAt": "2026-03-01T07:00:00Z" })).await;
    let running = creates_exercise(&ann, json!({ "met": "9.8" })).await;
    let run = json!({ "durationMinutes": "30", "averageHeartRate": 140, "performedAt": "2026-03-10T08:00:00Z" });
    logs(&ann, &running, run).await;
    let entry = ann.ask(EXPLAIN, json!({})).await["viewer"]["exerciseDay"]["entries"][0].take();
    // 37.2178 kJ/min × 30 / 4.184; of that 1 MET is 31.5.
    assert_eq!(
        (&entry["caloriesMethod"], &entry["caloriesBurned"], &entry["caloriesNet"]),
        (&json!("HEART_RATE"), &json!("266.858"), &json!("235.358"))
    );

    // Mifflin-St Jeor: 1295.25 a day, of which twelve hours have passed; a fifth of it, less thirty minutes.
    let day = day(&ann, &ann, None).await;
    let expected = [("WORKOUT", "235.358"), ("ALLOWANCE", "124.128"), ("RESTING", "647.625")];
    assert_eq!(counted(&day), expected.map(|(kind, energy)| (kind.to_owned(), energy.to_owned())));
    assert_eq!((&day["restingKnown"], &day["coveredMinutes"], &day["total"]), (&json!(true), &json!("30"), &json!("1007.111")));
}

#[tokio::test]
async fn adult_mets_are_not_applied_to_a_child() {
    let app = TestApp::new().await;
    let eva = app.person("eva").await;
    says(&eva, json!({ "validFrom": "2026-01-01", "bornOn": "2012-05-18", "sex": "FEMALE" })).await;
    measurements::records(&eva, json!({ "value": "40", "measuredAt": "2026-03-01T07:00:00Z" })).await;
    let running = creates_exercise(&eva, json!({ "met": "9.8" })).await;
    let entry = logs(&eva, &running, json!({ "durationMinutes": "30", "averageHeartRate": 150 })).await["entry"].take();
    assert_eq!(entry["caloriesBurned"], json!(null));
    let notes = eva.ask(EXPLAIN, json!({})).await["viewer"]["exerciseDay"]["entries"][0]["explainCalories"]["notes"].take();
    assert!(notes[0].as_str().unwrap().contains("18 to 45 years") && notes[1].as_str().unwrap().contains("below 18 years"), "{notes}");
}

#[tokio::test]
async fn unknown_energy_says_what_is_missing_and_a_device_is_taken_at_its_word() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let running = creates_exercise(&ann, json!({ "met": "9.8" })).await;
    logs(&ann, &running, json!({ "durationMinutes": "30", "performedAt": "2026-03-10T08:00:00Z" })).await;
    logs(&ann, &running, json!({ "durationMinutes": "30", "caloriesBurned": "312.5", "performedAt": "2026-03-10T09:00:00Z" })).await;
    let entries = ann.ask(EXPLAIN, json!({})).await["viewer"]["exerciseDay"]["entries"].take();
    assert_eq!((&entries[0]["caloriesMethod"], &entries[0]["explainCalories"]["method"]), (&json!(null), &json!(null)));
    assert_eq!(entries[0]["explainCalories"]["notes"], json!(["not by MET: no weight is known"]));
    assert_eq!((&entries[1]["caloriesMethod"], &entries[1]["caloriesBurned"]), (&json!("DEVICE"), &json!("312.5")));
    assert_eq!(entries[1]["caloriesNet"], json!(null));
}

#[tokio::test]
async fn a_run_that_the_watch_saw_too_is_counted_once_and_the_day_shows_why() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    measurements::records(&ann, json!({ "value": "70", "measuredAt": "2026-03-01T07:00:00Z" })).await;
    let running = creates_exercise(&ann, json!({ "name": "Running", "met": "9.8" })).await;
    let run = logs(&ann, &running, json!({ "durationMinutes": "30", "performedAt": "2026-03-10T08:00:00Z" })).await;
    let record = records(&ann, json!({ "activeCalories": "400" })).await;
    assert_eq!((&record["day"]["date"], &record["day"]["active"]), (&json!("2026-03-10"), &json!("400")));

    let day = day(&ann, &ann, None).await;
    assert_eq!(counted(&day), [("WORKOUT".into(), "323.4".into()), ("DEVICE".into(), "76.6".into())]);
    assert_eq!((&day["total"], &day["coveredMinutes"], &day["restingKnown"]), (&json!("400"), &json!("720"), &json!(false)));
    assert_eq!(day["lines"][0]["id"], run["entry"]["id"]);
    assert_eq!((&day["lines"][1]["claimed"], &day["lines"][1]["leftOut"]), (&json!("400"), &json!("323.4")));
    assert_eq!(day["lines"][1]["reason"], "323 kcal are workouts' of this time");

    // The watch tells again as the day goes on: the new number replaces the old one.
    let again = records(&ann, json!({ "activeCalories": "500" })).await;
    assert_eq!((&again["record"]["id"], &again["record"]["version"]), (&record["record"]["id"], &json!(2)));
    assert_eq!(again["day"]["total"], "500");
    // The same day by another watch adds nothing.
    records(&ann, json!({ "source": "X other watch", "activeCalories": "450" })).await;
    let day = self::day(&ann, &ann, None).await;
    assert_eq!(day["total"], "500");
    let deleted = ann.ask(DELETE, json!({ "input": { "id": record["record"]["id"] } })).await;
    assert_eq!(deleted["deleteEnergyRecord"]["deletedId"], record["record"]["id"]);
    assert_eq!(self::day(&ann, &ann, None).await["total"], "450");
}

#[tokio::test]
async fn steps_need_weight_and_height_and_a_total_needs_resting_energy() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    records(&ann, json!({ "source": "Phone", "steps": 10_000 })).await;
    records(&ann, json!({ "totalCalories": "1500" })).await;
    let day = day(&ann, &ann, None).await;
    assert_eq!(day["total"], "0");
    assert_eq!(counted(&day), [("DEVICE".into(), "0".into()), ("STEPS".into(), "0".into())]);
    assert_eq!(day["lines"][0]["reason"], "it tells a total, and resting energy is not known");
    assert_eq!(day["lines"][1]["reason"], "10000 steps: weight and height are needed to tell their energy");

    records(&ann, json!({ "totalCalories": "1500", "restingCalories": "900" })).await;
    measurements::records(&ann, json!({ "value": "80", "measuredAt": "2026-03-01T07:00:00Z" })).await;
    measurements::records(&ann, json!({ "type": "height", "value": "180", "unit": "cm", "measuredAt": "2026-03-01T07:00:00Z" })).await;
    let day = self::day(&ann, &ann, None).await;
    // 600 beyond rest; the steps are in it; rest as the watch tells it, for nothing else is known.
    assert_eq!(counted(&day), [("DEVICE".into(), "600".into()), ("STEPS".into(), "0".into()), ("RESTING".into(), "900".into())]);
    // 10,000 × 0.414 × 1.8 m × 80 kg × 0.0005.
    assert_eq!(day["lines"][1]["claimed"], "298.08");
    assert_eq!((&day["total"], &day["resting"], &day["active"]), (&json!("1500"), &json!("900"), &json!("600")));
}

#[tokio::test]
async fn a_record_that_cannot_be_is_refused_by_its_field() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for (input, field) in [
        (json!({ "source": " ", "steps": 1 }), "source"),
        (json!({ "steps": -1 }), "steps"),
        (json!({}), "activeCalories"),
        (json!({ "activeCalories": "NaN" }), "activeCalories"),
        (json!({ "activeCalories": "30000.001" }), "activeCalories"),
        (json!({ "activeCalories": "600", "totalCalories": "500" }), "totalCalories"),
        (json!({ "steps": 1, "endedAt": "2026-03-10T00:00:00Z" }), "endedAt"),
        (json!({ "steps": 1, "endedAt": "2026-03-11T03:00:00Z" }), "endedAt"),
        (json!({ "steps": 1, "startedAt": "1800-01-01T00:00:00Z", "endedAt": "1800-01-01T01:00:00Z" }), "startedAt"),
    ] {
        let mut record = json!({ "source": "Watch", "startedAt": "2026-03-10T00:00:00Z", "endedAt": "2026-03-10T12:00:00Z" });
        record.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        let refused = ann.refused(RECORD, json!({ "input": record })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{}", refused.message);
    }
}

#[tokio::test]
async fn days_of_23_and_25_hours_are_as_long_as_they_are() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Europe/Berlin").await;
    for (date, starts, until) in
        [("2025-03-30", "2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z"), ("2025-10-26", "2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z")]
    {
        records(&ann, json!({ "startedAt": starts, "endedAt": until, "activeCalories": "100" })).await;
        let day = day(&ann, &ann, Some(date)).await;
        let hours = if date == "2025-03-30" { "1380" } else { "1500" };
        assert_eq!((&day["startsAt"], &day["until"], &day["coveredMinutes"]), (&json!(starts), &json!(until), &json!(hours)));
    }
}

#[tokio::test]
async fn a_run_past_midnight_is_counted_on_its_day_and_not_again_by_the_watch_of_the_next() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    measurements::records(&ann, json!({ "value": "70", "measuredAt": "2026-03-01T07:00:00Z" })).await;
    let running = creates_exercise(&ann, json!({ "met": "9.8" })).await;
    logs(&ann, &running, json!({ "durationMinutes": "60", "performedAt": "2026-03-09T23:30:00Z" })).await;
    records(&ann, json!({ "activeCalories": "500" })).await;
    let day = day(&ann, &ann, Some("2026-03-10")).await;
    assert_eq!(counted(&day), [("WORKOUT".into(), "0".into()), ("DEVICE".into(), "176.6".into())]);
    assert!(day["lines"][0]["reason"].as_str().unwrap().contains("counted on 2026-03-09"));
    assert_eq!(self::day(&ann, &ann, Some("2026-03-09")).await["total"], "646.8");
}

#[tokio::test]
async fn a_relative_sees_the_ledger_with_calorie_and_a_stranger_sees_nothing() {
    let app = TestApp::new().await;
    let (ann, ben, carl) = (app.person("ann").await, app.person("ben").await, app.person("carl").await);
    app.verify(&ben).await;
    app.verify(&carl).await;
    records(&ann, json!({ "activeCalories": "400" })).await;
    assert_eq!(ben.ask(DAY, json!({ "id": ann.id })).await["person"], json!(null));
    shares(&ann, &ben, &["CALORIE"], false).await;
    shares(&ann, &carl, &["CHECKIN"], false).await;
    assert_eq!(day(&ben, &ann, None).await["total"], "400");
    assert_eq!(day(&carl, &ann, None).await, json!(null));
    let input = json!({ "personId": ann.id, "source": "Watch", "startedAt": "2026-03-10T00:00:00Z", "endedAt": "2026-03-10T01:00:00Z", "steps": 1 });
    assert_eq!(ben.refused(RECORD, json!({ "input": input })).await.code, "NOT_FOUND");
}
