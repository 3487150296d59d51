//! Personal records, estimates of one repetition, and how much was trained: all from what is in the diary now.

use serde_json::{Value, json};

use crate::{
    exercise_diary::{DELETE, UPDATE},
    exercises::creates_exercise,
    family_access::shares,
    harness::{Person, TestApp},
    households::does,
    measurements,
    workouts::starts,
};

const NEW_RECORDS: &str = "newRecords { kind value previousValue overMetres setPosition date workoutId entry { id } }";

/// Logs an exercise. Answers the id of the entry, and of its new records what they are of, their value and the one before.
async fn logs(person: &Person<'_>, exercise: &str, mut input: Value) -> (String, Vec<String>) {
    input["exerciseId"] = json!(exercise);
    let log = format!("mutation($input: LogExerciseInput!) {{ logExercise(input: $input) {{ entry {{ id }} {NEW_RECORDS} }} }}");
    let logged = person.ask(&log, json!({ "input": input })).await["logExercise"].take();
    (logged["entry"]["id"].as_str().unwrap().to_owned(), told(&logged["newRecords"]))
}

fn told(records: &Value) -> Vec<String> {
    let mut told: Vec<_> = records
        .as_array()
        .unwrap()
        .iter()
        .map(|record| {
            let over = record["overMetres"].as_str().map(|over| format!(" over {over}")).unwrap_or_default();
            let before = record["previousValue"].as_str().map(|before| format!(", {before} before")).unwrap_or_default();
            format!("{}{over}: {}{before}", record["kind"].as_str().unwrap(), record["value"].as_str().unwrap())
        })
        .collect();
    told.sort();
    told
}

/// The records of an exercise.
async fn records(person: &Person<'_>, exercise: &str, formula: &str) -> Vec<String> {
    let ask = format!(
        "query($id: UUID!) {{ exercise(id: $id) {{ personalRecords(formula: {formula}) {{ kind value overMetres previousValue }} }} }}"
    );
    told(&person.ask(&ask, json!({ "id": exercise })).await["exercise"]["personalRecords"])
}

fn sets(sets: &[(i32, &str)]) -> Value {
    sets.iter().map(|(reps, weight)| json!({ "reps": reps, "weight": weight })).collect()
}

#[tokio::test]
async fn records_follow_what_is_edited_and_deleted() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let bench = creates_exercise(&ann, json!({ "name": "Bench" })).await;
    let warmup = json!({ "reps": 20, "weight": "300", "kind": "warmup" });
    // The first time beats nothing.
    let (first, new) =
        logs(&ann, &bench, json!({ "performedAt": "2026-03-01T10:00:00Z", "sets": [warmup, { "reps": 5, "weight": "100" }] })).await;
    assert_eq!(new, Vec::<String>::new());
    let of_first = ["HEAVIEST_SET: 100", "MOST_REPS: 5", "ONE_REP_MAX: 116.667", "SESSION_VOLUME: 500"];
    assert_eq!(records(&ann, &bench, "EPLEY").await, of_first);
    // A lighter day beats it in repetitions and volume alone; so many repetitions say nothing of one.
    let (_, new) = logs(&ann, &bench, json!({ "performedAt": "2026-03-03T10:00:00Z", "sets": sets(&[(13, "92.5")]) })).await;
    assert_eq!(new, ["MOST_REPS: 13, 5 before", "SESSION_VOLUME: 1202.5, 500 before"]);
    let (best, new) = logs(&ann, &bench, json!({ "performedAt": "2026-03-05T10:00:00Z", "sets": sets(&[(1, "120"), (3, "110")]) })).await;
    assert_eq!(new, ["HEAVIEST_SET: 120, 100 before", "ONE_REP_MAX: 121, 116.667 before"]);
    // As good as the record is none.
    let (_, new) = logs(&ann, &bench, json!({ "performedAt": "2026-03-07T10:00:00Z", "sets": sets(&[(1, "120")]) })).await;
    assert_eq!(new, Vec::<String>::new());
    assert_eq!(records(&ann, &bench, "BRZYCKI").await[2], "ONE_REP_MAX: 120");
    let list = "{ viewer { personalRecords { nodes { kind value date setPosition exerciseName exercise { id } entry { id date sets { reps } } } } } }";
    let mut listed = ann.ask(list, json!({})).await["viewer"]["personalRecords"]["nodes"].take();
    assert_eq!(
        listed[0].take(),
        json!({ "kind": "HEAVIEST_SET", "value": "120", "date": "2026-03-05", "setPosition": 0, "exerciseName": "Bench",
            "exercise": { "id": bench }, "entry": { "id": best, "date": "2026-03-05", "sets": [{ "reps": 1 }, { "reps": 3 }] } })
    );

    // It was not 110: the record of the first day stands again. And once that is gone, the next one.
    ann.ask(UPDATE, json!({ "input": { "id": best, "sets": sets(&[(1, "90"), (3, "101")]) } })).await;
    assert_eq!(records(&ann, &bench, "EPLEY").await, ["HEAVIEST_SET: 120", "MOST_REPS: 13", "ONE_REP_MAX: 120", "SESSION_VOLUME: 1202.5"]);
    ann.ask(DELETE, json!({ "input": { "id": first } })).await;
    let last = "{ viewer { exerciseDay(date: \"2026-03-07\") { entries { id } } } }";
    let last = ann.ask(last, json!({})).await["viewer"]["exerciseDay"]["entries"][0]["id"].take();
    ann.ask(DELETE, json!({ "input": { "id": last } })).await;
    assert_eq!(
        records(&ann, &bench, "EPLEY").await,
        ["HEAVIEST_SET: 101", "MOST_REPS: 13", "ONE_REP_MAX: 111.1", "SESSION_VOLUME: 1202.5"]
    );
}

#[tokio::test]
async fn three_sets_of_five_and_two_of_eight_are_2780_kg() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let bench = creates_exercise(&ann, json!({ "name": "Bench", "muscleGroups": ["chest"], "secondaryMuscles": ["triceps"] })).await;
    let odd = creates_exercise(&ann, json!({ "name": "Odd" })).await;
    let workout = starts(&ann, json!({})).await;
    let heavy = json!([{ "reps": 10, "weight": "60", "kind": "warmup" }, { "reps": 5, "weight": "100" }, { "reps": 5, "weight": "100" },
        { "reps": 5, "weight": "100" }, { "reps": 8, "weight": "80", "kind": "drop" }, { "reps": 8, "weight": "80", "kind": "failure" }]);
    logs(&ann, &bench, json!({ "workoutId": workout, "sets": heavy })).await;
    logs(&ann, &odd, json!({ "workoutId": workout, "sets": [{ "reps": 3 }, { "reps": 4, "weight": "5" }] })).await;
    let shown = "query($id: UUID!) { viewer { workout(id: $id) { volumeKg entries { volumeKg sets { estimatedOneRepMaxKg } } }
        trainingVolume(from: \"2026-03-10\", to: \"2026-03-10\") { sets volumeKg setsOfUnknownLoad secondaryShare muscles { muscle sets volumeKg } } } }";
    let mut shown = ann.ask(shown, json!({ "id": workout })).await["viewer"].take();
    assert_eq!((&shown["workout"]["volumeKg"], &shown["workout"]["entries"][0]["volumeKg"]), (&json!("2800"), &json!("2780")));
    let estimates = shown["workout"]["entries"][0]["sets"].as_array().unwrap();
    assert_eq!((&estimates[0]["estimatedOneRepMaxKg"], &estimates[1]["estimatedOneRepMaxKg"]), (&json!(null), &json!("116.667")));
    assert_eq!(
        shown["trainingVolume"].take(),
        json!({ "sets": "7", "volumeKg": "2800", "setsOfUnknownLoad": 1, "secondaryShare": "0.5", "muscles": [
            { "muscle": "chest", "sets": "5", "volumeKg": "2780" }, { "muscle": "triceps", "sets": "2.5", "volumeKg": "1390" },
            { "muscle": null, "sets": "2", "volumeKg": "20" }] })
    );
    let volume = "query($to: Date!) { viewer { trainingVolume(from: \"2026-03-01\", to: $to) { sets volumeKg muscles { muscle } } } }";
    let none = ann.ask(volume, json!({ "to": "2026-03-09" })).await["viewer"]["trainingVolume"].take();
    assert_eq!(none, json!({ "sets": "0", "volumeKg": "0", "muscles": [] }));
    assert_eq!(ann.refused(volume, json!({ "to": "2027-03-02" })).await.field.as_deref(), Some("to"));
}

#[tokio::test]
async fn a_workout_ends_with_the_records_that_were_made_in_it() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let squat = creates_exercise(&ann, json!({ "name": "Squat" })).await;
    logs(&ann, &squat, json!({ "performedAt": "2026-03-01T10:00:00Z", "sets": sets(&[(5, "100")]) })).await;
    let workout = starts(&ann, json!({})).await;
    logs(&ann, &squat, json!({ "workoutId": workout, "sets": sets(&[(5, "105")]) })).await;
    // Of the volume of a session the whole session is told, not what this entry adds.
    let (_, new) = logs(&ann, &squat, json!({ "workoutId": workout, "sets": sets(&[(5, "110")]) })).await;
    assert_eq!(new, ["HEAVIEST_SET: 110, 105 before", "ONE_REP_MAX: 128.333, 122.5 before", "SESSION_VOLUME: 1075, 500 before"]);
    let finished = does(&ann, "finishWorkout", json!({ "id": workout }), NEW_RECORDS).await;
    assert_eq!(
        told(&finished["newRecords"]),
        ["HEAVIEST_SET: 110, 100 before", "ONE_REP_MAX: 128.333, 116.667 before", "SESSION_VOLUME: 1075, 500 before"]
    );
    assert!(finished["newRecords"].as_array().unwrap().iter().all(|record| record["workoutId"] == json!(workout)));
}

#[tokio::test]
async fn who_runs_has_records_of_distance_time_and_pace() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let run = creates_exercise(&ann, json!({ "name": "Trail", "category": "cardio" })).await;
    let ran = |day: &str, minutes: &str, kilometres: &str| json!({ "performedAt": format!("{day}T10:00:00Z"), "durationMinutes": minutes, "distance": kilometres, "distanceUnit": "km" });
    logs(&ann, &run, ran("2026-03-01", "52.5", "10")).await;
    let (fast, new) = logs(&ann, &run, ran("2026-03-02", "25", "5")).await;
    assert_eq!(
        new,
        ["BEST_PACE over 1000: 300, 315 before", "BEST_PACE over 1609.344: 300, 315 before", "BEST_PACE over 5000: 300, 315 before"]
    );
    // A lap of a kilometre, and the whole is longer than ever.
    let mut laps = ran("2026-03-03", "66", "11");
    laps["sets"] = json!([{ "distance": "1", "distanceUnit": "km", "durationSeconds": "240" }]);
    let (_, new) = logs(&ann, &run, laps).await;
    assert_eq!(
        new,
        ["BEST_PACE over 1000: 240, 300 before", "LONGEST_DISTANCE: 11000, 10000 before", "LONGEST_DURATION: 3960, 3150 before"]
    );
    assert_eq!(
        records(&ann, &run, "EPLEY").await,
        [
            "BEST_PACE over 10000: 315",
            "BEST_PACE over 1000: 240",
            "BEST_PACE over 1609.344: 300",
            "BEST_PACE over 5000: 300",
            "LONGEST_DISTANCE: 11000",
            "LONGEST_DURATION: 3960"
        ]
    );
    ann.ask(DELETE, json!({ "input": { "id": fast } })).await;
    assert_eq!(records(&ann, &run, "EPLEY").await[2], "BEST_PACE over 1609.344: 315");
    let plank = creates_exercise(&ann, json!({ "name": "Hold", "modality": "duration" })).await;
    logs(&ann, &plank, json!({ "sets": [{ "durationSeconds": "90" }], "durationMinutes": "10" })).await;
    assert_eq!(records(&ann, &plank, "EPLEY").await, ["LONGEST_DURATION: 90"], "the ten minutes were not held");
}

#[tokio::test]
async fn pull_ups_make_records_by_what_they_move() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let pull_up = creates_exercise(&ann, json!({ "name": "Ring pull-up", "bodyWeightFraction": "1" })).await;
    measurements::records(&ann, json!({ "value": "80", "measuredAt": "2026-03-01T07:00:00Z" })).await;
    let sets = json!([{ "reps": 5, "weight": "20", "loadKind": "assisted" }, { "reps": 3, "weight": "10" }, { "reps": 4, "weight": "5", "perHand": true }]);
    logs(&ann, &pull_up, json!({ "sets": sets })).await;
    let shown = "query($id: UUID!) { viewer { mostRepsByLoad(exerciseId: $id) { loadKg reps setPosition date } } }";
    let shown = ann.ask(shown, json!({ "id": pull_up })).await["viewer"]["mostRepsByLoad"].take();
    let of = |load: &str, reps: i32, position: i32| json!({ "loadKg": load, "reps": reps, "setPosition": position, "date": "2026-03-10" });
    assert_eq!(shown, json!([of("90", 4, 2), of("60", 5, 0)]), "what the statement computes is what each set says");
    assert_eq!(records(&ann, &pull_up, "EPLEY").await, ["HEAVIEST_SET: 90", "MOST_REPS: 5", "ONE_REP_MAX: 102", "SESSION_VOLUME: 930"]);
}

#[tokio::test]
async fn the_estimate_of_one_repetition_is_told_day_by_day() {
    let app = TestApp::new().await;
    let (ann, ben, eve) = (app.person("ann").await, app.person("ben").await, app.person("eve").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["CALORIE"], false).await;
    let bench = creates_exercise(&ann, json!({ "name": "Bench" })).await;
    for (day, done) in [("01", sets(&[(5, "100"), (12, "50"), (13, "200")])), ("04", sets(&[(10, "80")])), ("09", sets(&[(1, "60")]))] {
        logs(&ann, &bench, json!({ "performedAt": format!("2026-03-{day}T10:00:00Z"), "sets": done })).await;
    }
    let ask = |formula: &str| {
        format!("query($person: UUID!, $exercise: UUID!, $to: Date!) {{ person(id: $person) {{
            estimatedOneRepMax(exerciseId: $exercise, from: \"2026-03-01\", to: $to, formula: {formula}) {{ date weightKg reps loadKg setPosition }} }} }}")
    };
    let variables = json!({ "person": ann.id, "exercise": bench, "to": "2026-03-08" });
    for (who, formula, estimates) in [(&ann, "MAYHEW", ["119.011", "104.747"]), (&ben, "EPLEY", ["116.667", "106.667"])] {
        let shown = who.ask(&ask(formula), variables.clone()).await["person"]["estimatedOneRepMax"].take();
        assert_eq!(
            shown,
            json!([{ "date": "2026-03-01", "weightKg": estimates[0], "reps": 5, "loadKg": "100", "setPosition": 0 },
                { "date": "2026-03-04", "weightKg": estimates[1], "reps": 10, "loadKg": "80", "setPosition": 0 }])
        );
    }
    assert_eq!(eve.ask(&ask("EPLEY"), variables).await, json!({ "person": null }));
}
