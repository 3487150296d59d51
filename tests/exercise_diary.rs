//! Logging training: sets, energy, days.

use serde_json::{Value, json};

use crate::{
    exercises::creates_exercise,
    harness::{Person, TestApp},
    measurements,
};

pub const LOG: &str = "mutation($input: LogExerciseInput!) { logExercise(input: $input) {
    entry { id name exercise { id } durationMinutes distance distanceUnit caloriesBurned notes performedAt timeZone date version
      createdBy { id fullName } sets { reps weight weightUnit kind } }
    day { date caloriesBurned entries { id } } } }";
pub const UPDATE: &str = "mutation($input: UpdateExerciseEntryInput!) { updateExerciseEntry(input: $input) {
    entry { id durationMinutes distance distanceUnit caloriesBurned notes date version sets { reps weight weightUnit kind } }
    days { date caloriesBurned entries { id } } } }";
pub const DELETE: &str =
    "mutation($input: DeleteInput!) { deleteExerciseEntry(input: $input) { deletedId day { date caloriesBurned entries { id } } } }";

fn with(mut value: Value, input: Value) -> Value {
    value.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    json!({ "input": value })
}

/// Logs an exercise now, unless `input` says otherwise. Answers the entry and its day.
pub async fn logs(person: &Person<'_>, exercise: &str, input: Value) -> Value {
    person.ask(LOG, with(json!({ "exerciseId": exercise }), input)).await["logExercise"].take()
}

async fn updates(person: &Person<'_>, id: &Value, input: Value) -> Value {
    person.ask(UPDATE, with(json!({ "id": id }), input)).await["updateExerciseEntry"].take()
}

#[tokio::test]
async fn sets_are_kept_in_order_as_typed() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let squat = creates_exercise(&ann, json!({ "name": "Squat", "met": null })).await;
    let sets = json!([
        { "reps": 8, "weight": "40", "kind": "warmup" },
        { "reps": 5, "weight": "225", "weightUnit": "Pounds" },
        { "reps": 3, "weight": "102.5", "weightUnit": "kg", "kind": "DROP" },
        { "reps": 0, "kind": "failure" },
        {},
    ]);
    let logged = logs(&ann, &squat, json!({ "sets": sets, "notes": " Felt good.\nSlept well. " })).await;
    assert_eq!(
        logged["entry"]["sets"],
        json!([
            { "reps": 8, "weight": "40", "weightUnit": "kg", "kind": "warmup" },
            { "reps": 5, "weight": "225", "weightUnit": "lb", "kind": "working" },
            { "reps": 3, "weight": "102.5", "weightUnit": "kg", "kind": "drop" },
            { "reps": 0, "weight": null, "weightUnit": null, "kind": "failure" },
            { "reps": null, "weight": null, "weightUnit": null, "kind": "working" },
        ])
    );
    assert_eq!((&logged["entry"]["name"], &logged["entry"]["notes"]), (&json!("Squat"), &json!("Felt good.\nSlept well.")));
    assert_eq!((&logged["entry"]["createdBy"], &logged["entry"]["caloriesBurned"]), (&json!(null), &json!(null)));
    assert_eq!(logged["day"], json!({ "date": "2026-03-10", "caloriesBurned": null, "entries": [{ "id": logged["entry"]["id"] }] }));
    let kilograms: String = app.value("SELECT trim_scale(weight_kg)::text FROM exercise_sets WHERE weight_unit = 'lb'").await;
    assert_eq!(kilograms, "102.058283");
}

const DETAILS: &str = "mutation($input: LogExerciseInput!) { logExercise(input: $input) { entry {
    pace { secondsPerKilometre secondsPerMile kilometresPerHour milesPerHour } averageHeartRate maxHeartRate bodyLoadKg
    sets { reps weight loadKind perHand loadKg durationSeconds distance distanceUnit restSeconds rpe rir notes pace { secondsPerKilometre } } } } }";

async fn details(person: &Person<'_>, exercise: &str, input: Value) -> Value {
    person.ask(DETAILS, with(json!({ "exerciseId": exercise }), input)).await["logExercise"]["entry"].take()
}

#[tokio::test]
async fn a_set_says_what_was_held_moved_run_and_felt() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let running = creates_exercise(&ann, json!({ "name": "Track" })).await;
    let sets = json!([{ "durationSeconds": "96.5", "distance": "400", "distanceUnit": "m", "restSeconds": 120, "rpe": "8.5", "rir": 2, "notes": "windy" }]);
    let run = details(
        &ann,
        &running,
        json!({ "sets": sets, "durationMinutes": "52.5", "distance": "10", "distanceUnit": "km",
        "averageHeartRate": 152, "maxHeartRate": 178 }),
    )
    .await;
    assert_eq!(
        run,
        json!({
            "pace": { "secondsPerKilometre": "315", "secondsPerMile": "506.943", "kilometresPerHour": "11.4286", "milesPerHour": "7.1014" },
            "averageHeartRate": 152, "maxHeartRate": 178, "bodyLoadKg": null,
            "sets": [{ "reps": null, "weight": null, "loadKind": "weighted", "perHand": false, "loadKg": null, "durationSeconds": "96.5",
                "distance": "400", "distanceUnit": "m", "restSeconds": 120, "rpe": "8.5", "rir": 2, "notes": "windy",
                "pace": { "secondsPerKilometre": "241.25" } }],
        })
    );
    let still = details(&ann, &running, json!({ "durationMinutes": "10" })).await;
    assert_eq!((&still["pace"], &still["averageHeartRate"]), (&json!(null), &json!(null)));
}

#[tokio::test]
async fn a_pull_up_loads_the_body_and_what_hangs_on_it() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let press = creates_exercise(&ann, json!({ "name": "Dumbbell press" })).await;
    let loads = |entry: &Value| entry["sets"].as_array().unwrap().iter().map(|set| set["loadKg"].clone()).collect::<Vec<_>>();
    let pressed = details(
        &ann,
        &press,
        json!({ "sets": [{ "reps": 8, "weight": "20", "perHand": true }, { "reps": 8, "weight": "20" }, { "reps": 8 }] }),
    )
    .await;
    assert_eq!(loads(&pressed), [json!("40"), json!("20"), json!(null)]);

    let pull_up = creates_exercise(&ann, json!({ "name": "Ring pull-up", "bodyWeightFraction": "0.95" })).await;
    let sets = json!([{ "reps": 5 }, { "reps": 5, "weight": "10" }, { "reps": 5, "weight": "20", "loadKind": "assisted" },
        { "reps": 5, "weight": "30", "loadKind": "Weighted" }, { "reps": 9, "weight": "200", "loadKind": "assisted" }]);
    // Without a weight nobody knows what was moved.
    let unknown = details(&ann, &pull_up, json!({ "sets": sets })).await;
    assert_eq!(loads(&unknown), [json!(null), json!(null), json!(null), json!("30"), json!(null)]);
    measurements::records(&ann, json!({ "value": "80", "measuredAt": "2026-03-05T07:00:00Z" })).await;
    let known = details(&ann, &pull_up, json!({ "sets": sets })).await;
    assert_eq!((&known["bodyLoadKg"], &known["sets"][0]["loadKind"]), (&json!("76"), &json!("bodyweight")));
    assert_eq!(loads(&known), [json!("76"), json!("86"), json!("56"), json!("30"), json!("0")]);
}

#[tokio::test]
async fn a_bad_set_is_refused_by_its_place_and_nothing_is_logged() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let squat = creates_exercise(&ann, json!({})).await;
    for (set, field) in [
        (json!({ "kind": "heavy" }), "sets[1].kind"),
        (json!({ "reps": -1 }), "sets[1].reps"),
        (json!({ "reps": 10001 }), "sets[1].reps"),
        (json!({ "weight": "-1" }), "sets[1].weight"),
        (json!({ "weight": "1.0001" }), "sets[1].weight"),
        (json!({ "weight": 1.5 }), "sets[1].weight"),
        (json!({ "weight": "10", "weightUnit": "km" }), "sets[1].weightUnit"),
        (json!({ "weight": "10", "weightUnit": "plates" }), "sets[1].weightUnit"),
        (json!({ "loadKind": "levitated" }), "sets[1].loadKind"),
        (json!({ "durationSeconds": "0" }), "sets[1].durationSeconds"),
        (json!({ "durationSeconds": 1.5 }), "sets[1].durationSeconds"),
        (json!({ "distance": "400" }), "sets[1].distanceUnit"),
        (json!({ "distanceUnit": "m" }), "sets[1].distance"),
        (json!({ "restSeconds": 86401 }), "sets[1].restSeconds"),
        (json!({ "rpe": "10.5" }), "sets[1].rpe"),
        (json!({ "rpe": "7.3" }), "sets[1].rpe"),
        (json!({ "rir": 11 }), "sets[1].rir"),
        (json!({ "notes": "" }), "sets[1].notes"),
    ] {
        let refused = ann.refused(LOG, json!({ "input": { "exerciseId": squat, "sets": [{ "reps": 5 }, set] } })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
    for (input, field) in [
        (json!({ "sets": vec![json!({}); 201] }), "sets"),
        (json!({ "durationMinutes": "0" }), "durationMinutes"),
        (json!({ "durationMinutes": "10080.5" }), "durationMinutes"),
        (json!({ "caloriesBurned": "-1" }), "caloriesBurned"),
        (json!({ "distance": "5" }), "distanceUnit"),
        (json!({ "distance": "5", "distanceUnit": "kg" }), "distanceUnit"),
        (json!({ "distance": "0", "distanceUnit": "km" }), "distance"),
        (json!({ "notes": " " }), "notes"),
        (json!({ "averageHeartRate": 19 }), "averageHeartRate"),
        (json!({ "averageHeartRate": 150, "maxHeartRate": 149 }), "averageHeartRate"),
        (json!({ "maxHeartRate": 301 }), "maxHeartRate"),
        (json!({ "supersetGroup": 0 }), "supersetGroup"),
        (json!({ "performedAt": "2101-02-01T00:00:00Z" }), "performedAt"),
        (json!({ "timeZone": "Mars/Olympus" }), "timeZone"),
    ] {
        let refused = ann.refused(LOG, with(json!({ "exerciseId": squat }), input)).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM exercise_diary").await, 0);
}

#[tokio::test]
async fn a_device_knows_the_energy_better_than_an_estimate() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let hauling = creates_exercise(&ann, json!({ "met": "7" })).await;
    let energy = async |input: Value| logs(&ann, &hauling, input).await["entry"]["caloriesBurned"].take();

    // Without a weight there is nothing to estimate from.
    assert_eq!(energy(json!({ "durationMinutes": "30" })).await, json!(null));
    assert_eq!(energy(json!({ "durationMinutes": "30", "caloriesBurned": "312.5" })).await, "312.5");

    measurements::records(&ann, json!({ "value": "70", "measuredAt": "2026-03-01T07:00:00Z" })).await;
    let heavier = measurements::records(&ann, json!({ "value": "80", "measuredAt": "2026-03-05T07:00:00Z" })).await;
    // 7 MET × 3.5 × kg / 200 × 30 min, with the weight measured last before, else the first one after.
    for (at, expected) in [("2026-02-01", "257.25"), ("2026-03-03", "257.25"), ("2026-03-10", "294")] {
        let input = json!({ "durationMinutes": "30", "performedAt": format!("{at}T08:00:00Z") });
        assert_eq!(energy(input).await, expected, "{at}");
    }
    assert_eq!(energy(json!({ "durationMinutes": "30", "caloriesBurned": 0 })).await, "0");
    assert_eq!(energy(json!({})).await, json!(null));
    let stretching = creates_exercise(&ann, json!({ "name": "Stretching", "met": null })).await;
    assert_eq!(logs(&ann, &stretching, json!({ "durationMinutes": "30" })).await["entry"]["caloriesBurned"], json!(null));

    // A weight in another unit, and one that was taken back.
    ann.ask(measurements::DELETE, json!({ "input": { "id": heavier["id"] } })).await;
    assert_eq!(energy(json!({ "durationMinutes": "30" })).await, "257.25");
    measurements::records(&ann, json!({ "value": "200", "unit": "lb" })).await;
    assert_eq!(energy(json!({ "durationMinutes": "30" })).await, "333.39");
}

#[tokio::test]
async fn a_day_sums_the_energy_that_is_known() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let hauling = creates_exercise(&ann, json!({})).await;
    assert_eq!(logs(&ann, &hauling, json!({})).await["day"]["caloriesBurned"], json!(null));
    logs(&ann, &hauling, json!({ "caloriesBurned": "100.25" })).await;
    assert_eq!(logs(&ann, &hauling, json!({ "caloriesBurned": "50.5" })).await["day"]["caloriesBurned"], "150.75");
    let days = "query($date: Date) { viewer { exerciseDay(date: $date) { date caloriesBurned entries { id } } } }";
    let empty = ann.ask(days, json!({ "date": "2026-03-09" })).await;
    assert_eq!(empty["viewer"]["exerciseDay"], json!({ "date": "2026-03-09", "caloriesBurned": null, "entries": [] }));
    assert_eq!(ann.ask(days, json!({})).await["viewer"]["exerciseDay"]["caloriesBurned"], "150.75");
}

#[tokio::test]
async fn an_update_keeps_what_is_absent_and_clears_what_is_null() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let hauling = creates_exercise(&ann, json!({})).await;
    let input = json!({ "durationMinutes": "30", "distance": "5", "distanceUnit": "mi", "notes": "windy", "caloriesBurned": "400",
        "sets": [{ "reps": 1 }] });
    let id = logs(&ann, &hauling, input).await["entry"]["id"].take();
    let sets = json!([{ "reps": 1, "weight": null, "weightUnit": null, "kind": "working" }]);
    let mut expected = json!({ "id": id, "durationMinutes": "30", "distance": "5", "distanceUnit": "mi", "caloriesBurned": "400",
        "notes": "windy", "date": "2026-03-10", "version": 1, "sets": sets });
    let mut version = 1;
    for (change, shown) in [
        (json!({}), json!({})),
        (json!({ "distance": "8.046" }), json!({ "distance": "8.046" })),
        (json!({ "distanceUnit": "KM" }), json!({ "distanceUnit": "km" })),
        (json!({ "distance": null }), json!({ "distance": null, "distanceUnit": null })),
        (json!({ "notes": null }), json!({ "notes": null })),
        (json!({ "durationMinutes": "45" }), json!({ "durationMinutes": "45" })),
        (json!({ "caloriesBurned": null }), json!({ "caloriesBurned": null })),
        (json!({ "durationMinutes": null }), json!({ "durationMinutes": null })),
        (
            json!({ "sets": [{ "reps": 2, "weight": "10" }, { "reps": 3 }] }),
            json!({ "sets": [
                { "reps": 2, "weight": "10", "weightUnit": "kg", "kind": "working" },
                { "reps": 3, "weight": null, "weightUnit": null, "kind": "working" }] }),
        ),
        (json!({ "notes": "again" }), json!({ "notes": "again" })),
        (json!({ "sets": null }), json!({ "sets": [] })),
        (json!({ "sets": [{}] }), json!({ "sets": [{ "reps": null, "weight": null, "weightUnit": null, "kind": "working" }] })),
        (json!({ "sets": [] }), json!({ "sets": [] })),
    ] {
        version += i32::from(change != json!({}));
        let updated = updates(&ann, &id, change.clone()).await;
        expected["version"] = json!(version);
        expected.as_object_mut().unwrap().extend(shown.as_object().unwrap().clone());
        assert_eq!(updated["entry"], expected, "{change}");
        assert_eq!(updated["days"].as_array().unwrap().len(), 1);
    }
    for (change, field) in [
        (json!({ "distance": "5", "distanceUnit": null }), "distanceUnit"),
        (json!({ "durationMinutes": "-5" }), "durationMinutes"),
        (json!({ "durationMinutes": 1.5 }), "durationMinutes"),
        (json!({ "sets": [{}, { "kind": "heavy" }] }), "sets[1].kind"),
    ] {
        let refused = ann.refused(UPDATE, with(json!({ "id": id }), change)).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
    assert_eq!(updates(&ann, &id, json!({})).await["entry"], expected);
}

#[tokio::test]
async fn another_duration_is_estimated_again_unless_a_device_spoke() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let hauling = creates_exercise(&ann, json!({})).await;
    measurements::records(&ann, json!({ "measuredAt": "2026-03-01T07:00:00Z" })).await;
    let id = logs(&ann, &hauling, json!({ "durationMinutes": "30" })).await["entry"]["id"].take();
    let energy = async |change: Value| updates(&ann, &id, change).await["entry"]["caloriesBurned"].take();
    assert_eq!(energy(json!({ "durationMinutes": "60" })).await, "514.5");
    assert_eq!(energy(json!({ "caloriesBurned": "480" })).await, "480");
    assert_eq!(energy(json!({ "durationMinutes": "20" })).await, "480");
    assert_eq!(energy(json!({ "caloriesBurned": null })).await, "171.5");

    // The estimate outlives the exercise it rests on.
    let mut owner = app.connect("hale_owner").await;
    sqlx::query("DELETE FROM exercises WHERE source = 'user'").execute(&mut owner).await.unwrap();
    assert_eq!(energy(json!({ "durationMinutes": "40" })).await, "343");
    assert_eq!(energy(json!({ "durationMinutes": null })).await, json!(null));
}

#[tokio::test]
async fn an_entry_that_moves_is_drawn_on_both_of_its_days() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let hauling = creates_exercise(&ann, json!({})).await;
    let id = logs(&ann, &hauling, json!({ "caloriesBurned": "100" })).await["entry"]["id"].take();
    let moved = updates(&ann, &id, json!({ "performedAt": "2026-03-08T23:30:00Z" })).await;
    assert_eq!(moved["entry"]["date"], "2026-03-08");
    let days = json!([
        { "date": "2026-03-10", "caloriesBurned": null, "entries": [] },
        { "date": "2026-03-08", "caloriesBurned": "100", "entries": [{ "id": id }] },
    ]);
    assert_eq!(moved["days"], days);
    // The same instant is the next day in Berlin.
    assert_eq!(updates(&ann, &id, json!({ "timeZone": "Europe/Berlin" })).await["entry"]["date"], "2026-03-09");

    let gone = ann.ask(DELETE, json!({ "input": { "id": id, "expectedVersion": 3 } })).await;
    assert_eq!(
        gone["deleteExerciseEntry"],
        json!({ "deletedId": id, "day": { "date": "2026-03-09", "caloriesBurned": null, "entries": [] } })
    );
    assert_eq!(ann.refused(DELETE, json!({ "input": { "id": id } })).await.code, "NOT_FOUND");
    assert_eq!(ann.refused(UPDATE, json!({ "input": { "id": id, "notes": "late" } })).await.code, "NOT_FOUND");
}

#[tokio::test]
async fn who_edits_an_old_version_is_shown_the_current_one() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let hauling = creates_exercise(&ann, json!({})).await;
    let id = logs(&ann, &hauling, json!({ "durationMinutes": "30", "sets": [{}] })).await["entry"]["id"].take();
    updates(&ann, &id, json!({ "sets": [{ "reps": 5 }], "expectedVersion": 1 })).await;
    let refused = ann.json(UPDATE, json!({ "input": { "id": id, "notes": "lost", "expectedVersion": 1 } })).await;
    let extensions = &refused["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "CONFLICT");
    assert_eq!((&extensions["current"]["version"], &extensions["current"]["durationMinutes"]), (&json!(2), &json!("30")));
    assert_eq!(ann.refused(DELETE, json!({ "input": { "id": id, "expectedVersion": 1 } })).await.code, "CONFLICT");
    assert_eq!(updates(&ann, &id, json!({})).await["entry"]["notes"], json!(null));
}

#[tokio::test]
async fn training_in_the_small_hours_counts_for_the_day_before_where_it_happened() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Pacific/Auckland").await;
    let hauling = creates_exercise(&ann, json!({})).await;
    let entry = logs(&ann, &hauling, json!({})).await["entry"].take();
    assert_eq!((&entry["date"], &entry["timeZone"]), (&json!("2026-03-11"), &json!("Pacific/Auckland")));
    let travelling = json!({ "performedAt": "2026-03-10T06:30:00Z", "timeZone": "America/Los_Angeles" });
    assert_eq!(logs(&ann, &hauling, travelling.clone()).await["entry"]["date"], "2026-03-09");
    ann.ask("mutation { updatePreferences(input: { dayStartsAt: \"03:00\" }) { preferences { dayStartsAt } } }", json!({})).await;
    assert_eq!(logs(&ann, &hauling, json!({})).await["entry"]["date"], "2026-03-10");
    assert_eq!(ann.ask("{ viewer { exerciseDay { date } } }", json!({})).await["viewer"]["exerciseDay"]["date"], "2026-03-10");
}

#[tokio::test]
async fn logging_twice_with_one_id_logs_once() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let hauling = creates_exercise(&ann, json!({})).await;
    let id = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";
    let input = json!({ "id": id, "durationMinutes": "30", "sets": [{ "reps": 5 }, { "reps": 4 }] });
    let first = logs(&ann, &hauling, input.clone()).await;
    assert_eq!(logs(&ann, &hauling, input).await, first);
    let other = json!({ "input": { "exerciseId": hauling, "id": id, "durationMinutes": "31" } });
    assert_eq!(ann.refused(LOG, other).await.code, "CONFLICT");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM exercise_sets").await, 2);

    let jogging = creates_exercise(&ben, json!({ "name": "Jogging" })).await;
    assert_eq!(logs(&ben, &jogging, json!({ "id": id })).await["entry"]["name"], "Jogging");
    let refused = ben.refused(LOG, json!({ "input": { "exerciseId": jogging, "personId": ann.id } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("NOT_FOUND", Some("personId")));
    assert_eq!(ben.refused(UPDATE, json!({ "input": { "id": id, "personId": ann.id, "notes": "mine" } })).await.code, "NOT_FOUND");
    assert_eq!(ben.refused(DELETE, json!({ "input": { "id": id, "personId": ann.id } })).await.code, "NOT_FOUND");
}
