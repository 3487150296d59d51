//! Templates of workouts, programmes of several days, and how weights go on from one workout to the next.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    exercise_diary::logs,
    exercises::creates_exercise,
    family_access::shares,
    harness::{Person, TestApp},
    households::{does, may_not},
    workouts::{starts, waits},
};

const TEMPLATE: &str = "template { id name description version exercises { name supersetGroup notes exercise { id } decision { step }
    progression { increment deloadAfter deloadPercent }
    sets { kind repsMin repsMax weight weightUnit percentOfMax rpe restSeconds durationSeconds } } }";

/// Makes a template of these exercises. Answers its id.
async fn plans(person: &Person<'_>, name: &str, exercises: Value) -> String {
    let template = does(person, "createWorkoutTemplate", json!({ "name": name, "exercises": exercises }), "template { id }").await;
    template["template"]["id"].as_str().unwrap().to_owned()
}

/// Three sets of eight to ten with `weight`, which goes on by 2.5.
fn three_sets(exercise: &str, weight: &str) -> Value {
    let set = json!({ "repsMin": 8, "repsMax": 10, "weight": weight });
    json!({ "exerciseId": exercise, "sets": [set, set, set], "progression": { "increment": "2.5", "deloadAfter": 2 } })
}

/// What the programme says is next.
async fn next(person: &Person<'_>) -> Value {
    let ask = "{ viewer { nextWorkout { position name date programme { id } template { name } exercises { name lastTime { date } sets { weight } } } } }";
    person.ask(ask, json!({})).await["viewer"]["nextWorkout"].take()
}

/// Does a workout by a template, an hour long, with so many repetitions in each set. Answers what was planned for it.
async fn trains(person: &mut Person<'_>, start: Value, exercise: &str, weight: &str, reps: &[i32]) -> Value {
    let workout = starts(person, start).await;
    let sets: Value = reps.iter().map(|reps| json!({ "reps": reps, "weight": weight })).collect();
    logs(person, exercise, json!({ "workoutId": workout, "sets": sets })).await;
    waits(person, TimeDelta::hours(1)).await;
    does(person, "finishWorkout", json!({ "id": workout }), "workout { id }").await;
    let shown = "query($id: UUID!) { viewer { workout(id: $id) { name templateId programmeId programmeDay
        plan { name outcome decision { step weight weightUnit failures explanation } sets { weight repsMax } entry { sets { reps } } lastTime { date } } } } }";
    let shown = person.ask(shown, json!({ "id": workout })).await["viewer"]["workout"].take();
    waits(person, TimeDelta::hours(23)).await;
    shown
}

#[tokio::test]
async fn a_template_keeps_ranges_percentages_rests_and_supersets() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let (press, row) = (creates_exercise(&ann, json!({ "name": "Press" })).await, creates_exercise(&ann, json!({ "name": "Row" })).await);
    let exercises = json!([
        { "exerciseId": press, "supersetGroup": 1, "notes": " Slowly. ", "progression": { "increment": "5" }, "sets": [
            { "kind": "warmup", "repsMin": 10, "weight": "45", "weightUnit": "lb" },
            { "repsMin": 5, "repsMax": 8, "weight": "135", "weightUnit": "lb", "rpe": "8.5", "restSeconds": 120 }] },
        { "exerciseId": row, "supersetGroup": 1, "sets": [{ "repsMax": 5, "percentOfMax": "72.5" }, { "durationSeconds": "30" }] },
        { "exerciseId": row },
    ]);
    let id = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";
    let input = json!({ "id": id, "name": " Push ", "description": "Heavy.", "exercises": exercises });
    let made = does(&ann, "createWorkoutTemplate", input.clone(), TEMPLATE).await;
    let set = |changes: Value| {
        let mut set = json!({ "kind": "working", "repsMin": null, "repsMax": null, "weight": null, "weightUnit": "kg", "percentOfMax": null,
            "rpe": null, "restSeconds": null, "durationSeconds": null });
        set.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        set
    };
    let planned = json!([
        { "name": "Press", "supersetGroup": 1, "notes": "Slowly.", "exercise": { "id": press }, "decision": null,
          "progression": { "increment": "5", "deloadAfter": 3, "deloadPercent": "10" }, "sets": [
            set(json!({ "kind": "warmup", "repsMin": 10, "repsMax": 10, "weight": "45", "weightUnit": "lb" })),
            set(json!({ "repsMin": 5, "repsMax": 8, "weight": "135", "weightUnit": "lb", "rpe": "8.5", "restSeconds": 120 }))] },
        { "name": "Row", "supersetGroup": 1, "notes": null, "exercise": { "id": row }, "decision": null, "progression": null, "sets": [
            set(json!({ "repsMin": 5, "repsMax": 5, "percentOfMax": "72.5" })), set(json!({ "durationSeconds": "30" }))] },
        { "name": "Row", "supersetGroup": null, "notes": null, "exercise": { "id": row }, "decision": null, "progression": null, "sets": [] },
    ]);
    assert_eq!(made["template"], json!({ "id": id, "name": "Push", "description": "Heavy.", "version": 1, "exercises": planned }));
    assert_eq!(does(&ann, "createWorkoutTemplate", input, TEMPLATE).await, made, "made once");

    // A percentage is a weight once it is known of what: 72.5 % of 116.667 kg is 85 kg with plates of 1.25 kg.
    let next =
        "{ viewer { workoutTemplates { nodes { nextExercises { sets { weight } decision { step explanation } lastTime { date } } } } } }";
    let sets = async || {
        let next = ann.ask(next, json!({})).await["viewer"]["workoutTemplates"]["nodes"][0]["nextExercises"].take();
        (next[0].clone(), next[1]["sets"][0]["weight"].clone(), next[1]["lastTime"].clone())
    };
    let (first, unknown, _) = sets().await;
    assert_eq!(first["decision"]["step"], "START");
    assert_eq!(unknown, json!(null));
    logs(&ann, &row, json!({ "sets": [{ "reps": 5, "weight": "100" }], "performedAt": "2026-03-09T10:00:00Z" })).await;
    let (_, known, last_time) = sets().await;
    assert_eq!((known, last_time), (json!("85"), json!({ "date": "2026-03-09" })));

    let update = json!({ "id": id, "description": null, "exercises": [{ "exerciseId": row }], "expectedVersion": 1 });
    let updated = does(&ann, "updateWorkoutTemplate", update, "template { name description version exercises { name } }").await;
    assert_eq!(updated["template"], json!({ "name": "Push", "description": null, "version": 2, "exercises": [{ "name": "Row" }] }));
    let stale = json!({ "id": id, "name": "x", "expectedVersion": 1 });
    assert_eq!(may_not(&ann, "updateWorkoutTemplate", stale, "template { id }").await.code, "CONFLICT");
}

#[tokio::test]
async fn a_plan_that_cannot_be_is_refused_by_the_place_of_its_field() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let press = creates_exercise(&ann, json!({})).await;
    let hidden = creates_exercise(&ben, json!({})).await;
    let set = |set: Value| json!({ "exerciseId": press, "sets": [{ "repsMin": 5, "weight": "50" }, set] });
    for (exercise, field) in [
        (json!({ "exerciseId": hidden }), "exercises[1].exerciseId"),
        (json!({ "exerciseId": "x" }), "exercises[1].exerciseId"),
        (json!({ "exerciseId": press, "supersetGroup": 101 }), "exercises[1].supersetGroup"),
        (json!({ "exerciseId": press, "sets": vec![json!({}); 51] }), "exercises[1].sets"),
        (json!({ "exerciseId": press, "progression": { "increment": "2.5" } }), "exercises[1].progression"),
        (set(json!({ "kind": "heavy" })), "exercises[1].sets[1].kind"),
        (set(json!({ "repsMin": 0 })), "exercises[1].sets[1].repsMin"),
        (set(json!({ "repsMin": 8, "repsMax": 5 })), "exercises[1].sets[1].repsMax"),
        (set(json!({ "weight": "50", "percentOfMax": "70" })), "exercises[1].sets[1].percentOfMax"),
        (set(json!({ "percentOfMax": "151" })), "exercises[1].sets[1].percentOfMax"),
        (set(json!({ "weight": "10", "weightUnit": "lb" })), "exercises[1].sets"),
        (set(json!({ "weightUnit": "km" })), "exercises[1].sets[1].weightUnit"),
        (set(json!({ "rpe": "11" })), "exercises[1].sets[1].rpe"),
        (set(json!({ "restSeconds": -1 })), "exercises[1].sets[1].restSeconds"),
        (set(json!({ "durationSeconds": 1.5 })), "exercises[1].sets[1].durationSeconds"),
    ] {
        let input = json!({ "name": "Push", "exercises": [{ "exerciseId": press }, exercise] });
        let refused = may_not(&ann, "createWorkoutTemplate", input, "template { id }").await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{exercise}");
    }
    for (rule, field) in [
        (json!({ "increment": "-1" }), "increment"),
        (json!({ "increment": "1", "deloadAfter": 0 }), "deloadAfter"),
        (json!({ "increment": "1", "deloadPercent": "91" }), "deloadPercent"),
    ] {
        let exercise = json!({ "exerciseId": press, "sets": [{ "weight": "50" }], "progression": rule });
        let refused = may_not(&ann, "createWorkoutTemplate", json!({ "name": "Push", "exercises": [exercise] }), "template { id }").await;
        assert_eq!(refused.field, Some(format!("exercises[0].progression.{field}")));
    }
    let day = |day: Value| json!([day]);
    let push = plans(&ann, "Push", json!([])).await;
    for (mode, days, field) in [
        ("SEQUENCE", json!([]), "days"),
        ("SEQUENCE", day(json!({ "templateId": hidden })), "days[0].templateId"),
        ("SEQUENCE", day(json!({ "templateId": push, "weekday": 1 })), "days[0].weekday"),
        ("WEEKDAYS", day(json!({ "templateId": push })), "days[0].weekday"),
        ("WEEKDAYS", day(json!({ "templateId": push, "weekday": 8 })), "days[0].weekday"),
        ("WEEKDAYS", json!([{ "templateId": push, "weekday": 1 }, { "templateId": push, "weekday": 1 }]), "days[1].weekday"),
    ] {
        let refused =
            may_not(&ann, "createTrainingProgramme", json!({ "name": "x", "mode": mode, "days": days }), "programme { id }").await;
        assert_eq!(refused.field.as_deref(), Some(field), "{days}");
    }
    for (input, code, field) in [
        (json!({ "templateId": hidden }), "NOT_FOUND", "templateId"),
        (json!({ "programmeId": hidden, "programmeDay": 0 }), "NOT_FOUND", "programmeId"),
        (json!({ "programmeId": hidden }), "BAD_USER_INPUT", "programmeDay"),
        (json!({ "programmeDay": 1 }), "BAD_USER_INPUT", "programmeId"),
        (json!({ "templateId": push, "programmeId": hidden, "programmeDay": 0 }), "BAD_USER_INPUT", "templateId"),
    ] {
        let refused = may_not(&ann, "startWorkout", input, "workout { id }").await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), (code, Some(field)));
    }
}

#[tokio::test]
async fn weight_is_added_when_all_sets_were_made_and_taken_off_after_failures() {
    let app = TestApp::new().await;
    let mut ann = app.person("ann").await;
    let bench = creates_exercise(&ann, json!({ "name": "Bench" })).await;
    let push = plans(&ann, "Push", json!([three_sets(&bench, "60")])).await;
    let start = || json!({ "templateId": push });

    let first = trains(&mut ann, start(), &bench, "60", &[10, 10, 10]).await;
    assert_eq!((&first["name"], &first["templateId"]), (&json!("Push"), &json!(push)));
    assert_eq!((&first["plan"][0]["decision"]["step"], &first["plan"][0]["outcome"]), (&json!("START"), &json!("MADE")));
    assert_eq!(first["plan"][0]["entry"]["sets"], json!([{ "reps": 10 }, { "reps": 10 }, { "reps": 10 }]));
    let decided = |workout: &Value| {
        let planned = &workout["plan"][0];
        (
            planned["decision"]["step"].as_str().unwrap().to_owned(),
            planned["sets"][2]["weight"].as_str().unwrap().to_owned(),
            planned["outcome"].clone(),
        )
    };
    let expected = |step: &str, weight: &str, outcome: &str| (step.to_owned(), weight.to_owned(), json!(outcome));
    let second = trains(&mut ann, start(), &bench, "62.5", &[10, 9, 8]).await;
    assert_eq!(decided(&second), expected("ADD", "62.5", "HELD"));
    assert_eq!(second["plan"][0]["decision"]["explanation"], "all planned sets were made: 2.5 kg more");
    assert_eq!(second["plan"][0]["lastTime"]["date"], "2026-03-10");
    let third = trains(&mut ann, start(), &bench, "62.5", &[10, 7]).await;
    assert_eq!(decided(&third), expected("REPEAT", "62.5", "FAILED"));
    // Lighter than planned is not made, whatever the repetitions.
    let fourth = trains(&mut ann, start(), &bench, "40", &[10, 10, 10]).await;
    assert_eq!(decided(&fourth), expected("REPEAT", "62.5", "FAILED"));
    assert_eq!(fourth["plan"][0]["decision"]["failures"], 1);
    // Twice in a row: 62.5 less 10 % is 56.25, and 55 in steps of 2.5.
    let fifth = trains(&mut ann, start(), &bench, "70", &[10, 10, 10]).await;
    assert_eq!(decided(&fifth), expected("DELOAD", "55", "MADE"));
    // All was made with more than was planned: on from there.
    let sixth = trains(&mut ann, start(), &bench, "72.5", &[10, 10, 10]).await;
    assert_eq!(decided(&sixth), expected("ADD", "72.5", "MADE"));

    // The old plans stay what they were, and what is deleted or edited counts as it is now.
    does(&ann, "updateWorkoutTemplate", json!({ "id": push, "exercises": [three_sets(&bench, "100")] }), "template { id }").await;
    let history = "{ viewer { workouts { nodes { plan { sets { weight } } } } } }";
    let history = ann.ask(history, json!({})).await["viewer"]["workouts"]["nodes"].take();
    let planned: Vec<_> = history.as_array().unwrap().iter().map(|workout| workout["plan"][0]["sets"][0]["weight"].clone()).collect();
    assert_eq!(planned, ["72.5", "55", "62.5", "62.5", "62.5", "60"].map(|weight| json!(weight)));
    let next = async || {
        let next = "{ viewer { workoutTemplates { nodes { nextExercises { decision { weight } } } } } }";
        ann.ask(next, json!({})).await["viewer"]["workoutTemplates"]["nodes"][0]["nextExercises"][0]["decision"]["weight"].take()
    };
    assert_eq!(next().await, "75");
    let last =
        ann.ask("{ viewer { workouts(first: 1) { nodes { id } } } }", json!({})).await["viewer"]["workouts"]["nodes"][0]["id"].take();
    does(&ann, "discardWorkout", json!({ "id": last }), "deletedId").await;
    assert_eq!(next().await, "72.5");
}

#[tokio::test]
async fn in_a_sequence_what_is_next_follows_what_was_done_last() {
    let app = TestApp::new().await;
    let mut ann = app.person("ann").await;
    let bench = creates_exercise(&ann, json!({ "name": "Bench" })).await;
    let push = plans(&ann, "Push", json!([three_sets(&bench, "60")])).await;
    let legs = plans(&ann, "Legs", json!([])).await;
    let days = json!([{ "name": "A", "templateId": push }, { "templateId": legs }]);
    let fields = "programme { id mode days { position name weekday template { name } } }";
    let made = does(&ann, "createTrainingProgramme", json!({ "name": "Split", "mode": "SEQUENCE", "days": days }), fields).await;
    let programme = made["programme"]["id"].as_str().unwrap();
    assert_eq!(
        made["programme"]["days"],
        json!([{ "position": 0, "name": "A", "weekday": null, "template": { "name": "Push" } },
            { "position": 1, "name": null, "weekday": null, "template": { "name": "Legs" } }])
    );
    assert_eq!(next(&ann).await, json!(null), "made is not followed");
    let followed =
        does(&ann, "followTrainingProgramme", json!({ "programmeId": programme }), "followed { since } nextWorkout { position }").await;
    assert_eq!(followed, json!({ "followed": { "since": "2026-03-10" }, "nextWorkout": { "position": 0 } }));
    let day = |position: i32| json!({ "programmeId": programme, "programmeDay": position });
    let done = trains(&mut ann, day(0), &bench, "60", &[10, 10, 10]).await;
    assert_eq!((&done["name"], &done["programmeId"], &done["programmeDay"]), (&json!("A"), &json!(programme), &json!(0)));
    assert_eq!((&next(&ann).await["position"], &next(&ann).await["template"]["name"]), (&json!(1), &json!("Legs")));
    // Days later it is still the same one; a workout outside the programme changes nothing; one that was not finished neither.
    waits(&mut ann, TimeDelta::days(9)).await;
    starts(&ann, day(1)).await;
    let running = ann.ask("{ viewer { runningWorkout { id } } }", json!({})).await["viewer"]["runningWorkout"]["id"].take();
    assert_eq!(next(&ann).await["position"], 1);
    does(&ann, "finishWorkout", json!({ "id": running }), "workout { id }").await;
    let again = next(&ann).await;
    assert_eq!(
        again,
        json!({ "position": 0, "name": "A", "date": "2026-03-20", "programme": { "id": programme }, "template": { "name": "Push" },
            "exercises": [{ "name": "Bench", "lastTime": { "date": "2026-03-10" }, "sets": [{ "weight": "62.5" }, { "weight": "62.5" }, { "weight": "62.5" }] }] })
    );
    does(&ann, "deleteWorkoutTemplate", json!({ "id": push }), "deletedId").await;
    let without = next(&ann).await;
    assert_eq!((&without["position"], &without["template"], &without["exercises"]), (&json!(0), &json!(null), &json!([])));
    does(&ann, "deleteTrainingProgramme", json!({ "id": programme }), "deletedId").await;
    assert_eq!(next(&ann).await, json!(null));
}

#[tokio::test]
async fn on_weekdays_each_day_has_its_own_and_another_programme_follows_from_its_day_on() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let push = plans(&ann, "Push", json!([])).await;
    // It is Tuesday, the 10th.
    let programme = async |name: &str, weekdays: &[i32]| {
        let days: Value = weekdays.iter().map(|weekday| json!({ "weekday": weekday, "templateId": push })).collect();
        let made =
            does(&ann, "createTrainingProgramme", json!({ "name": name, "mode": "WEEKDAYS", "days": days }), "programme { id }").await;
        made["programme"]["id"].as_str().unwrap().to_owned()
    };
    let (spring, summer) = (programme("Spring", &[5, 2]).await, programme("Summer", &[1]).await);
    for (id, from) in [(&summer, "2026-06-01"), (&spring, "2026-03-01")] {
        does(&ann, "followTrainingProgramme", json!({ "programmeId": id, "from": from }), "followed { since }").await;
    }
    let next = async |date: Value| {
        let next = "query($date: Date) { viewer { nextWorkout(date: $date) { position date programme { name } } followedProgramme(date: $date) { since } } }";
        let mut shown = ann.ask(next, json!({ "date": date })).await;
        let (next, followed) = (shown["viewer"]["nextWorkout"].take(), shown["viewer"]["followedProgramme"]["since"].take());
        (next["programme"]["name"].clone(), next["position"].clone(), next["date"].clone(), followed)
    };
    let expected = |name: &str, position: i32, date: &str, since: &str| (json!(name), json!(position), json!(date), json!(since));
    assert_eq!(next(json!(null)).await, expected("Spring", 1, "2026-03-10", "2026-03-01"));
    let workout = starts(&ann, json!({ "programmeId": spring, "programmeDay": 1 })).await;
    does(&ann, "finishWorkout", json!({ "id": workout }), "workout { id }").await;
    assert_eq!(next(json!(null)).await, expected("Spring", 0, "2026-03-13", "2026-03-01"));
    assert_eq!(next(json!("2026-06-02")).await, expected("Summer", 0, "2026-06-08", "2026-06-01"));
    let nothing = (json!(null), json!(null), json!(null), json!(null));
    assert_eq!(next(json!("2026-02-28")).await, nothing);
    does(&ann, "followTrainingProgramme", json!({ "from": "2026-06-01" }), "followed { since }").await;
    assert_eq!(next(json!("2026-06-02")).await, nothing, "the same day again is another choice for it");
    let update = json!({ "id": spring, "mode": "SEQUENCE", "days": [{ "templateId": push }], "name": "Any day", "expectedVersion": 1 });
    let updated = does(&ann, "updateTrainingProgramme", update, "programme { name mode version }").await;
    assert_eq!(updated["programme"], json!({ "name": "Any day", "mode": "SEQUENCE", "version": 2 }));
    assert_eq!(next(json!(null)).await, expected("Any day", 0, "2026-03-10", "2026-03-01"));
    let list = "query($after: String) { viewer { trainingProgrammes(first: 1, after: $after) { nodes { name } pageInfo { hasNextPage endCursor } } } }";
    let page = async |after: Value| ann.ask(list, json!({ "after": after })).await["viewer"]["trainingProgrammes"].take();
    let first = page(json!(null)).await;
    let second = page(first["pageInfo"]["endCursor"].clone()).await;
    assert_eq!((&first["pageInfo"]["hasNextPage"], &second["pageInfo"]["hasNextPage"]), (&json!(true), &json!(false)));
    let mut names = [first["nodes"][0]["name"].as_str().unwrap(), second["nodes"][0]["name"].as_str().unwrap()];
    names.sort_unstable();
    assert_eq!(names, ["Any day", "Summer"]);
}

#[tokio::test]
async fn a_carer_plans_for_who_lets_them_and_a_stranger_sees_nothing() {
    let app = TestApp::new().await;
    let (ann, ben, eve) = (app.person("ann").await, app.person("ben").await, app.person("eve").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["CALORIE"], true).await;
    let template = json!({ "personId": ann.id, "name": "Rehab", "exercises": [] });
    let template = does(&ben, "createWorkoutTemplate", template, "template { id }").await["template"]["id"].take();
    let programme = json!({ "personId": ann.id, "name": "Knee", "mode": "SEQUENCE", "days": [{ "templateId": template }] });
    let programme = does(&ben, "createTrainingProgramme", programme, "programme { id }").await["programme"]["id"].take();
    does(&ben, "followTrainingProgramme", json!({ "personId": ann.id, "programmeId": programme }), "followed { since }").await;
    assert_eq!(
        ann.ask("{ viewer { nextWorkout { template { name } } } }", json!({})).await["viewer"]["nextWorkout"]["template"]["name"],
        "Rehab"
    );
    for (mutation, input) in [
        ("updateWorkoutTemplate", json!({ "id": template, "name": "x" })),
        ("deleteWorkoutTemplate", json!({ "id": template })),
        ("updateTrainingProgramme", json!({ "id": programme, "name": "x" })),
        ("deleteTrainingProgramme", json!({ "id": programme })),
        ("followTrainingProgramme", json!({ "programmeId": programme })),
        ("startWorkout", json!({ "templateId": template })),
    ] {
        let fields = if mutation.starts_with("delete") { "deletedId" } else { "__typename" };
        let mut of_ann = input.clone();
        of_ann["personId"] = json!(ann.id);
        for input in [input, of_ann] {
            assert_eq!(may_not(&eve, mutation, input, fields).await.code, "NOT_FOUND", "{mutation}");
        }
    }
}
