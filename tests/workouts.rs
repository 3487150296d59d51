//! Workouts: started, paused and finished, with what was done last time beside each exercise.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    exercise_diary::{LOG, logs},
    exercises::creates_exercise,
    family_access::shares,
    harness::{Person, TestApp},
    households::{does, may_not},
};

const WORKOUT: &str = "workout { id name notes status date pausedAt finishedAt elapsedSeconds activeSeconds version }";

/// Lets time pass, with a token that is valid then.
pub async fn waits(person: &mut Person<'_>, by: TimeDelta) {
    person.app.clock.advance(by);
    let refresh = "mutation($input: RefreshSessionInput!) { refreshSession(input: $input) { session { accessToken refreshToken } } }";
    let nobody = person.app.nobody();
    let session =
        nobody.ask(refresh, json!({ "input": { "refreshToken": person.refresh_token } })).await["refreshSession"]["session"].take();
    person.token = Some(session["accessToken"].as_str().unwrap().to_owned());
    session["refreshToken"].as_str().unwrap().clone_into(&mut person.refresh_token);
}

/// The workout that runs.
async fn now(person: &Person<'_>) -> Value {
    let running = "{ viewer { runningWorkout { id status elapsedSeconds activeSeconds } } }";
    person.ask(running, json!({})).await["viewer"]["runningWorkout"].take()
}

/// Starts a workout. Answers its id.
pub async fn starts(person: &Person<'_>, input: Value) -> String {
    does(person, "startWorkout", input, "workout { id }").await["workout"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn ann_trains_with_a_pause_and_only_what_was_not_paused_is_active() {
    let app = TestApp::new().await;
    let mut ann = app.person("ann").await;
    let id = starts(&ann, json!({ "name": " Push day " })).await;
    assert_eq!(now(&ann).await, json!({ "id": id, "status": "RUNNING", "elapsedSeconds": "0", "activeSeconds": "0" }));
    waits(&mut ann, TimeDelta::minutes(10)).await;
    let paused = does(&ann, "pauseWorkout", json!({ "id": id }), WORKOUT).await["workout"].take();
    assert_eq!((&paused["status"], &paused["pausedAt"], &paused["version"]), (&json!("PAUSED"), &json!("2026-03-10T12:10:00Z"), &json!(2)));
    waits(&mut ann, TimeDelta::minutes(5)).await;
    assert_eq!(now(&ann).await, json!({ "id": id, "status": "PAUSED", "elapsedSeconds": "900", "activeSeconds": "600" }));
    assert_eq!(does(&ann, "pauseWorkout", json!({ "id": id }), WORKOUT).await["workout"]["version"], 2, "a pause of a pause is none");
    does(&ann, "resumeWorkout", json!({ "id": id }), WORKOUT).await;
    waits(&mut ann, TimeDelta::minutes(10)).await;
    does(&ann, "pauseWorkout", json!({ "id": id }), WORKOUT).await;
    waits(&mut ann, TimeDelta::minutes(1)).await;
    let finish = json!({ "id": id, "notes": "Strong.", "expectedVersion": 4 });
    let finished = does(&ann, "finishWorkout", finish, &format!("{WORKOUT} day {{ date workouts {{ id }} }}")).await;
    let workout = json!({ "id": id, "name": "Push day", "notes": "Strong.", "status": "FINISHED", "date": "2026-03-10", "pausedAt": null,
        "finishedAt": "2026-03-10T12:26:00Z", "elapsedSeconds": "1560", "activeSeconds": "1200", "version": 5 });
    assert_eq!(finished, json!({ "workout": workout, "day": { "date": "2026-03-10", "workouts": [{ "id": id }] } }));
    waits(&mut ann, TimeDelta::hours(3)).await;
    assert_eq!(now(&ann).await, json!(null));
    for mutation in ["pauseWorkout", "resumeWorkout", "finishWorkout"] {
        assert_eq!(may_not(&ann, mutation, json!({ "id": id }), "workout { id }").await.code, "CONFLICT");
    }
}

#[tokio::test]
async fn one_workout_runs_at_a_time_and_starting_it_twice_starts_it_once() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let id = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";
    assert_eq!(starts(&ann, json!({ "id": id, "name": "Pull" })).await, id);
    assert_eq!(starts(&ann, json!({ "id": id, "name": "Pull" })).await, id);
    assert_eq!(may_not(&ann, "startWorkout", json!({ "id": id, "name": "Legs" }), "workout { id }").await.code, "CONFLICT");
    let second = may_not(&ann, "startWorkout", json!({}), "workout { id }").await;
    assert_eq!(second.code, "CONFLICT");
    // Ben's is another one; and one that is over may be written down meanwhile.
    starts(&ben, json!({ "id": id, "name": "Ben's" })).await;
    starts(&ann, json!({ "startedAt": "2026-03-09T10:00:00Z", "finishedAt": "2026-03-09T11:00:00Z" })).await;
    does(&ann, "discardWorkout", json!({ "id": id }), "deletedId day { workouts { id } }").await;
    starts(&ann, json!({})).await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM workouts WHERE finished_at IS NULL AND deleted_at IS NULL").await, 2);
}

#[tokio::test]
async fn exercises_of_a_workout_keep_their_order_and_supersets_and_go_with_it() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (press, row) = (creates_exercise(&ann, json!({ "name": "Press" })).await, creates_exercise(&ann, json!({ "name": "Row" })).await);
    let workout = starts(&ann, json!({})).await;
    let pressed =
        logs(&ann, &press, json!({ "workoutId": workout, "supersetGroup": 1, "caloriesBurned": "50" })).await["entry"]["id"].take();
    let rowed = logs(&ann, &row, json!({ "workoutId": workout, "supersetGroup": 1 })).await["entry"]["id"].take();
    let first =
        logs(&ann, &row, json!({ "workoutId": workout, "workoutPosition": 0, "performedAt": "2026-03-10T11:59:00Z" })).await["entry"]["id"]
            .take();
    let shown =
        "query($id: UUID!) { viewer { workout(id: $id) { caloriesBurned entries { id name workoutPosition supersetGroup workoutId } }
        exerciseDay { entries { id } workouts { id } } } }";
    let answer = ann.ask(shown, json!({ "id": workout })).await["viewer"].take();
    let entry = |id: &Value, name: &str, position: i32, group: Value| json!({ "id": id, "name": name, "workoutPosition": position, "supersetGroup": group, "workoutId": workout });
    assert_eq!(
        answer["workout"],
        json!({ "caloriesBurned": "50", "entries": [entry(&first, "Row", 0, json!(null)), entry(&pressed, "Press", 0, json!(1)),
            entry(&rowed, "Row", 1, json!(1))] })
    );
    let update = "mutation($input: UpdateExerciseEntryInput!) { updateExerciseEntry(input: $input) { entry { workoutId workoutPosition supersetGroup } } }";
    let updated = async |input: Value| ann.ask(update, json!({ "input": input })).await["updateExerciseEntry"]["entry"].take();
    assert_eq!(
        updated(json!({ "id": first, "workoutId": null, "supersetGroup": 2 })).await,
        json!({ "workoutId": null, "workoutPosition": null, "supersetGroup": 2 })
    );
    assert_eq!(updated(json!({ "id": first, "workoutId": workout })).await["workoutPosition"], 2);
    assert_eq!(updated(json!({ "id": pressed, "workoutPosition": 9 })).await["workoutPosition"], 9);
    assert_eq!(updated(json!({ "id": first, "workoutId": null })).await["workoutId"], json!(null));

    let gone = does(&ann, "discardWorkout", json!({ "id": workout }), "deletedId day { entries { id } workouts { id } }").await;
    assert_eq!(gone, json!({ "deletedId": workout, "day": { "entries": [{ "id": first }], "workouts": [] } }));
    let late = ann.refused(LOG, json!({ "input": { "exerciseId": press, "workoutId": workout } })).await;
    assert_eq!((late.code.as_str(), late.field.as_deref()), ("NOT_FOUND", Some("workoutId")));

    let kept = starts(&ann, json!({})).await;
    logs(&ann, &press, json!({ "workoutId": kept })).await;
    let gone = does(&ann, "discardWorkout", json!({ "id": kept, "keepEntries": true }), "day { entries { workoutId } }").await;
    assert_eq!(gone["day"]["entries"], json!([{ "workoutId": null }, { "workoutId": null }]));
}

#[tokio::test]
async fn beside_each_exercise_stands_what_was_done_last_time() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let press = creates_exercise(&ann, json!({ "name": "Press" })).await;
    let row = creates_exercise(&ann, json!({ "name": "Row" })).await;
    let set = |weight: &str| json!([{ "reps": 5, "weight": weight }]);
    let on = |day: &str, weight: &str| json!({ "performedAt": format!("{day}T10:00:00Z"), "sets": set(weight) });
    logs(&ann, &press, on("2026-03-01", "50")).await;
    let latest = logs(&ann, &press, on("2026-03-05", "55")).await["entry"]["id"].take();
    let workout = starts(&ann, json!({})).await;
    for weight in ["57.5", "60"] {
        logs(&ann, &press, json!({ "workoutId": workout, "sets": set(weight) })).await;
    }
    logs(&ann, &row, json!({ "workoutId": workout })).await;
    let shown = "query($id: UUID!) { viewer { workout(id: $id) { entries { sets { weight } lastTime { date sets { reps weight } lastTime { date } } } } } }";
    let last_times = async || {
        let mut answer = ann.ask(shown, json!({ "id": workout })).await;
        answer["viewer"]["workout"]["entries"].as_array_mut().unwrap().iter_mut().map(|entry| entry["lastTime"].take()).collect::<Vec<_>>()
    };
    let before = json!({ "date": "2026-03-05", "sets": [{ "reps": 5, "weight": "55" }], "lastTime": { "date": "2026-03-01" } });
    assert_eq!(last_times().await, [before.clone(), before, json!(null)]);
    // An old entry that is edited or taken away changes what was last.
    ann.ask(crate::exercise_diary::DELETE, json!({ "input": { "id": latest } })).await;
    let earlier = json!({ "date": "2026-03-01", "sets": [{ "reps": 5, "weight": "50" }], "lastTime": null });
    assert_eq!(last_times().await, [earlier.clone(), earlier, json!(null)]);
}

#[tokio::test]
async fn the_history_of_workouts_comes_page_by_page_and_days_show_theirs() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Pacific/Auckland").await;
    let mut ids = Vec::new();
    for day in 1..=5 {
        let hours = json!({ "startedAt": format!("2026-03-0{day}T20:00:00Z"), "finishedAt": format!("2026-03-0{day}T21:00:00Z") });
        ids.push(starts(&ann, hours).await);
    }
    ids.reverse();
    let list =
        "query($after: String) { viewer { workouts(first: 2, after: $after) { nodes { id date } pageInfo { hasNextPage endCursor } } } }";
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let mut page = ann.ask(list, json!({ "after": after })).await["viewer"]["workouts"].take();
        seen.extend(page["nodes"].as_array().unwrap().iter().map(|workout| workout["id"].as_str().unwrap().to_owned()));
        if page["pageInfo"]["hasNextPage"] == false {
            assert_eq!(page["nodes"][0]["date"], "2026-03-02", "it was morning in Auckland");
            break;
        }
        after = page["pageInfo"]["endCursor"].take();
    }
    assert_eq!(seen, ids);
    let moved = json!({ "id": ids[0], "startedAt": "2026-03-05T09:00:00Z", "name": "Early", "expectedVersion": 1 });
    let moved = does(&ann, "updateWorkout", moved, "workout { name date elapsedSeconds } days { date workouts { id } }").await;
    assert_eq!(
        moved,
        json!({ "workout": { "name": "Early", "date": "2026-03-05", "elapsedSeconds": "43200" },
            "days": [{ "date": "2026-03-06", "workouts": [] }, { "date": "2026-03-05", "workouts": [{ "id": ids[1] }, { "id": ids[0] }] }] })
    );
}

#[tokio::test]
async fn a_workout_that_cannot_be_is_refused_by_the_name_of_its_field() {
    let app = TestApp::new().await;
    let mut ann = app.person("ann").await;
    for (input, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "notes": " " }), "notes"),
        (json!({ "startedAt": "2026-03-10T10:00:00Z", "finishedAt": "2026-03-10T09:59:59Z" }), "finishedAt"),
        (json!({ "startedAt": "2026-03-01T10:00:00Z", "finishedAt": "2026-03-10T09:59:59Z" }), "finishedAt"),
        (json!({ "startedAt": "1800-03-01T10:00:00Z" }), "startedAt"),
        (json!({ "timeZone": "Mars/Olympus" }), "timeZone"),
    ] {
        assert_eq!(may_not(&ann, "startWorkout", input, "workout { id }").await.field.as_deref(), Some(field));
    }
    let id = starts(&ann, json!({})).await;
    let early = json!({ "id": id, "finishedAt": "2026-03-10T11:00:00Z" });
    assert_eq!(may_not(&ann, "updateWorkout", early.clone(), "workout { id }").await.field.as_deref(), Some("finishedAt"));
    assert_eq!(may_not(&ann, "finishWorkout", early, "workout { id }").await.field.as_deref(), Some("finishedAt"));
    does(&ann, "pauseWorkout", json!({ "id": id }), "workout { id }").await;
    waits(&mut ann, TimeDelta::minutes(30)).await;
    does(&ann, "resumeWorkout", json!({ "id": id }), "workout { id }").await;
    waits(&mut ann, TimeDelta::minutes(1)).await;
    let short = json!({ "id": id, "finishedAt": "2026-03-10T12:20:00Z" });
    assert_eq!(may_not(&ann, "finishWorkout", short, "workout { id }").await.field.as_deref(), Some("finishedAt"));
    does(&ann, "finishWorkout", json!({ "id": id }), "workout { id }").await;
    let late = json!({ "id": id, "startedAt": "2026-03-10T12:02:00Z" });
    assert_eq!(may_not(&ann, "updateWorkout", late, "workout { id }").await.code, "BAD_USER_INPUT");
    let stale = json!({ "id": id, "name": "x", "expectedVersion": 1 });
    assert_eq!(may_not(&ann, "updateWorkout", stale, "workout { id }").await.code, "CONFLICT");
}

#[tokio::test]
async fn a_carer_runs_the_workout_of_who_lets_them_and_a_stranger_sees_none() {
    let app = TestApp::new().await;
    let (ann, ben, eve) = (app.person("ann").await, app.person("ben").await, app.person("eve").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["CALORIE"], true).await;
    let id = starts(&ben, json!({ "personId": ann.id, "name": "Rehab" })).await;
    let shown = "query($person: UUID!, $id: UUID!) { person(id: $person) { workout(id: $id) { name status createdBy { id } } } }";
    let variables = json!({ "person": ann.id, "id": id });
    let expected = json!({ "name": "Rehab", "status": "RUNNING", "createdBy": { "id": ben.id } });
    assert_eq!(ben.ask(shown, variables.clone()).await["person"]["workout"], expected);
    assert_eq!(eve.ask(shown, variables).await, json!({ "person": null }));
    for input in [json!({ "id": id }), json!({ "id": id, "personId": ann.id })] {
        assert_eq!(may_not(&eve, "pauseWorkout", input, "workout { id }").await.code, "NOT_FOUND");
    }
    does(&ben, "finishWorkout", json!({ "id": id, "personId": ann.id }), "workout { id }").await;
    assert_eq!(ann.ask("{ viewer { runningWorkout { id } } }", json!({})).await["viewer"]["runningWorkout"], json!(null));
}
