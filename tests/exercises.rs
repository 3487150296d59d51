//! Exercises: finding them, and one's own.

use serde_json::{Value, json};

use crate::harness::{Person, TestApp};

pub const CREATE: &str = "mutation($input: CreateExerciseInput!) { createExercise(input: $input) {
    exercise { id name category muscleGroups equipment instructions met source } } }";
const SEARCH: &str = "query($search: String, $muscle: String, $equipment: String, $first: Int, $after: String) {
    exercises(search: $search, muscle: $muscle, equipment: $equipment, first: $first, after: $after) {
      nodes { id name muscleGroups equipment } edges { cursor } pageInfo { hasNextPage hasPreviousPage endCursor } } }";

/// Adds an exercise of 7 MET, unless `input` says otherwise.
pub async fn creates_exercise(person: &Person<'_>, input: Value) -> String {
    let mut exercise = json!({ "name": "Quarry hauling", "met": "7" });
    exercise.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    let answer = person.ask(CREATE, json!({ "input": exercise })).await;
    answer["createExercise"]["exercise"]["id"].as_str().unwrap().to_owned()
}

async fn names(person: &Person<'_>, search: Value) -> Vec<String> {
    let answer = person.ask(SEARCH, search).await;
    answer["exercises"]["nodes"].as_array().unwrap().iter().map(|node| node["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_exercise_is_found_by_misspelled_words_in_any_order() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for words in ["stair climbing", "climbing stair", "stair climbign", "STAIR CLIMBNG"] {
        assert_eq!(names(&ann, json!({ "search": words })).await.first().map(String::as_str), Some("Stair climbing"), "{words}");
    }
    assert_eq!(names(&ann, json!({ "search": "zzqqxx" })).await, Vec::<String>::new());
    assert_eq!(names(&ann, json!({ "search": "..." })).await, Vec::<String>::new());
}

#[tokio::test]
async fn muscle_and_equipment_narrow_a_search_and_need_no_words() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let found = ann.ask(SEARCH, json!({ "muscle": " Lats ", "equipment": "MACHINE", "first": 50 })).await;
    let found = found["exercises"]["nodes"].as_array().unwrap();
    assert!(!found.is_empty());
    for exercise in found {
        assert!(exercise["muscleGroups"].as_array().unwrap().contains(&json!("lats")), "{exercise}");
        assert_eq!(exercise["equipment"], "machine");
    }
    let with_words = names(&ann, json!({ "search": "rowing", "muscle": "lats", "equipment": "machine" })).await;
    assert!(with_words.iter().all(|name| name.to_lowercase().contains("rowing")) && !with_words.is_empty(), "{with_words:?}");
    assert_eq!(names(&ann, json!({ "muscle": "no such muscle" })).await, Vec::<String>::new());
}

#[tokio::test]
async fn without_words_all_exercises_come_page_by_page_each_once() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let all: i64 = app.value("SELECT count(*) FROM exercises WHERE deleted_at IS NULL").await;
    let (mut seen, mut after, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let mut answer = ann.ask(SEARCH, json!({ "first": 25, "after": after })).await;
        let page = answer["exercises"].take();
        assert_eq!(page["pageInfo"]["hasPreviousPage"], json!(pages > 0));
        seen.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()));
        pages += 1;
        if page["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(i64::try_from(seen.len()).unwrap(), all);
    seen.sort();
    seen.dedup();
    assert_eq!(i64::try_from(seen.len()).unwrap(), all);

    let most = "query($first: Int) { exercises(first: $first) { nodes { id } } }";
    ann.ask(most, json!({ "first": 100 })).await;
    assert_eq!(ann.refused(most, json!({ "first": 101 })).await.field.as_deref(), Some("first"));

    // A cursor belongs to its search.
    for (variables, field) in [
        (json!({ "search": "rowing", "after": after }), "after"),
        (json!({ "after": "not a cursor" }), "after"),
        (json!({ "first": 0 }), "first"),
        (json!({ "first": -1 }), "first"),
        (json!({ "search": "x".repeat(201) }), "search"),
    ] {
        let refused = ann.refused(SEARCH, variables).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
}

#[tokio::test]
async fn ones_own_exercise_is_there_for_its_owner_alone() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let created = ann
        .ask(
            CREATE,
            json!({ "input": { "name": " Quarry hauling ", "category": "strength", "muscleGroups": ["Back", "glutes"], "equipment": "Rope",
                "instructions": "Lift.\nCarry.", "met": "6.5" } }),
        )
        .await["createExercise"]["exercise"]
        .take();
    let id = created["id"].clone();
    assert_eq!(
        created,
        json!({ "id": id, "name": "Quarry hauling", "category": "strength", "muscleGroups": ["back", "glutes"], "equipment": "rope",
            "instructions": "Lift.\nCarry.", "met": "6.5", "source": "user" })
    );
    assert_eq!(names(&ann, json!({ "search": "quary hauling" })).await, ["Quarry hauling"]);
    assert_eq!(names(&ann, json!({ "muscle": "back", "equipment": "rope" })).await, ["Quarry hauling"]);

    let by_id = "query($id: UUID!) { exercise(id: $id) { name } }";
    assert_eq!(ann.ask(by_id, json!({ "id": id })).await["exercise"]["name"], "Quarry hauling");
    assert_eq!(ben.ask(by_id, json!({ "id": id })).await, json!({ "exercise": null }));
    assert_eq!(names(&ben, json!({ "search": "quarry hauling" })).await, Vec::<String>::new());
    assert_eq!(names(&ben, json!({ "muscle": "back", "equipment": "rope" })).await, Vec::<String>::new());
    let refused = ben
        .refused(
            "mutation($input: LogExerciseInput!) { logExercise(input: $input) { entry { id } } }",
            json!({ "input": { "exerciseId": id } }),
        )
        .await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("NOT_FOUND", Some("exerciseId")));
}

#[tokio::test]
async fn creating_an_exercise_twice_with_one_id_makes_one() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let id = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";
    let first = ann.ask(CREATE, json!({ "input": { "id": id, "name": "Quarry hauling" } })).await;
    assert_eq!(ann.ask(CREATE, json!({ "input": { "id": id, "name": "Quarry hauling" } })).await, first);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM exercises WHERE source = 'user'").await, 1);

    let other = ann.refused(CREATE, json!({ "input": { "id": id, "name": "Something else" } })).await;
    let anothers = ben.refused(CREATE, json!({ "input": { "id": id, "name": "Quarry hauling" } })).await;
    assert_eq!(other.code, "CONFLICT");
    assert_eq!(anothers, other);
}

#[tokio::test]
async fn an_exercise_that_cannot_be_is_refused_by_the_name_of_its_field() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for (input, field) in [
        (json!({ "met": "0.8" }), "met"),
        (json!({ "met": "30.1" }), "met"),
        (json!({ "met": "7.25" }), "met"),
        (json!({ "met": 7.5 }), "met"),
        (json!({ "met": "seven" }), "met"),
        (json!({ "name": "  " }), "name"),
        (json!({ "name": "x".repeat(256) }), "name"),
        (json!({ "muscleGroups": vec!["back"; 31] }), "muscleGroups"),
        (json!({ "muscleGroups": ["back", ""] }), "muscleGroups[1]"),
        (json!({ "equipment": "a\u{7}bell" }), "equipment"),
        (json!({ "id": "not-an-id" }), "id"),
    ] {
        let mut exercise = json!({ "name": "Quarry hauling" });
        exercise.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        let refused = ann.refused(CREATE, json!({ "input": exercise })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{input}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM exercises WHERE source = 'user'").await, 0);
}

const DETAILS: &str =
    "fragment Details on Exercise { id name category muscleGroups primaryMuscles secondaryMuscles equipment instructions steps met
    bodyWeightFraction modality force mechanic level version }";

async fn changes(person: &Person<'_>, id: &str, mut change: Value) -> Value {
    change["id"] = json!(id);
    let update =
        format!("mutation($input: UpdateExerciseInput!) {{ updateExercise(input: $input) {{ exercise {{ ...Details }} }} }} {DETAILS}");
    person.ask(&update, json!({ "input": change })).await["updateExercise"]["exercise"].take()
}

#[tokio::test]
async fn ann_describes_her_exercise_anew_and_deletes_it_while_her_diary_keeps_it() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let input = json!({ "name": "Ring row", "category": "strength", "equipment": "Body only", "muscleGroups": ["Lats"], "secondaryMuscles": ["biceps", "lats"],
        "instructions": "Hang.\n\n Pull. ", "bodyWeightFraction": "0.6", "force": "Pull", "mechanic": "compound", "level": "beginner" });
    let id = creates_exercise(&ann, input).await;
    let mut expected = json!({ "id": id, "name": "Ring row", "category": "strength", "muscleGroups": ["lats", "biceps"], "primaryMuscles": ["lats"],
        "secondaryMuscles": ["biceps"], "equipment": "body only", "instructions": "Hang.\n\n Pull.", "steps": ["Hang.", "Pull."], "met": "7",
        "bodyWeightFraction": "0.6", "modality": "reps_only", "force": "pull", "mechanic": "compound", "level": "beginner", "version": 1 });
    assert_eq!(changes(&ann, &id, json!({})).await, expected);
    let logged = crate::exercise_diary::logs(&ann, &id, json!({ "durationMinutes": "10" })).await["entry"].take();
    for (change, shown) in [
        (json!({ "name": "Row on rings" }), json!({ "name": "Row on rings" })),
        (
            json!({ "muscleGroups": ["middle back"] }),
            json!({ "muscleGroups": ["middle back", "biceps"], "primaryMuscles": ["middle back"] }),
        ),
        (json!({ "secondaryMuscles": null }), json!({ "muscleGroups": ["middle back"], "secondaryMuscles": [] })),
        (
            json!({ "met": null, "force": null, "mechanic": null, "level": "Expert" }),
            json!({ "met": null, "force": null, "mechanic": null, "level": "expert" }),
        ),
        (
            json!({ "category": null, "equipment": null, "instructions": null, "bodyWeightFraction": null, "modality": "WEIGHT_REPS" }),
            json!({ "category": null, "equipment": null, "instructions": null, "steps": [], "bodyWeightFraction": null, "modality": "weight_reps" }),
        ),
    ] {
        expected["version"] = json!(expected["version"].as_i64().unwrap() + 1);
        expected.as_object_mut().unwrap().extend(shown.as_object().unwrap().clone());
        assert_eq!(changes(&ann, &id, change.clone()).await, expected, "{change}");
    }
    let update = "mutation($input: UpdateExerciseInput!) { updateExercise(input: $input) { exercise { id } } }";
    for (change, field) in [
        (json!({ "modality": "vibes" }), "modality"),
        (json!({ "force": "sideways" }), "force"),
        (json!({ "mechanic": "odd" }), "mechanic"),
        (json!({ "level": "god" }), "level"),
        (json!({ "bodyWeightFraction": "1.1" }), "bodyWeightFraction"),
        (json!({ "name": "" }), "name"),
    ] {
        let mut input = change;
        input["id"] = json!(id);
        assert_eq!(ann.refused(update, json!({ "input": input })).await.field.as_deref(), Some(field));
    }
    let stale = ann.json(update, json!({ "input": { "id": id, "name": "Lost", "expectedVersion": 1 } })).await;
    assert_eq!(
        (&stale["errors"][0]["extensions"]["code"], &stale["errors"][0]["extensions"]["current"]["version"]),
        (&json!("CONFLICT"), &json!(6))
    );

    let delete = "mutation($input: DeleteExerciseInput!) { deleteExercise(input: $input) { deletedId } }";
    let stairs = ann.ask(SEARCH, json!({ "search": "stair climbing", "first": 1 })).await["exercises"]["nodes"][0]["id"].take();
    for (who, id) in [(&ben, json!(id)), (&ann, stairs)] {
        assert_eq!(who.refused(delete, json!({ "input": { "id": id } })).await.code, "NOT_FOUND");
        assert_eq!(who.refused(update, json!({ "input": { "id": id, "name": "x" } })).await.code, "NOT_FOUND");
    }
    assert_eq!(ann.ask(delete, json!({ "input": { "id": id, "expectedVersion": 6 } })).await["deleteExercise"]["deletedId"], json!(id));
    assert_eq!(ann.refused(delete, json!({ "input": { "id": id } })).await.code, "NOT_FOUND");
    assert_eq!(names(&ann, json!({ "search": "rings" })).await, Vec::<String>::new());
    let day =
        ann.ask("{ viewer { exerciseDay { entries { id name exercise { id } } } recentExercises { nodes { id } } } }", json!({})).await;
    assert_eq!(day["viewer"]["exerciseDay"]["entries"], json!([{ "id": logged["id"], "name": "Ring row", "exercise": null }]));
    assert_eq!(day["viewer"]["recentExercises"]["nodes"], json!([]));
}

#[tokio::test]
async fn what_is_ones_own_and_done_often_is_found_first() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    creates_exercise(&ann, json!({ "name": "Crème slide", "category": "Cardio" })).await;
    assert_eq!(names(&ann, json!({ "search": "creme slide" })).await, ["Crème slide"]);
    let first = async |search: &str| names(&ann, json!({ "search": search, "first": 1 })).await.pop().unwrap();
    let found = names(&ann, json!({ "search": "running", "first": 5 })).await;
    assert_ne!(found[0], "Running, 16.1 km/h");
    let fast = ann.ask(SEARCH, json!({ "search": "running 16.1", "first": 1 })).await["exercises"]["nodes"][0].take();
    assert_eq!(fast["name"], "Running, 16.1 km/h");
    for _ in 0..3 {
        crate::exercise_diary::logs(&ann, fast["id"].as_str().unwrap(), json!({})).await;
    }
    assert_eq!(first("running").await, "Running, 16.1 km/h");
    let recent = "{ viewer { recentExercises(first: 1) { nodes { name } pageInfo { hasNextPage } } } }";
    assert_eq!(
        ann.ask(recent, json!({})).await["viewer"]["recentExercises"],
        json!({ "nodes": [{ "name": "Running, 16.1 km/h" }], "pageInfo": { "hasNextPage": false } })
    );
}

#[tokio::test]
async fn category_what_is_recorded_and_whose_narrow_a_search() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let own = creates_exercise(&ann, json!({ "name": "Loaded carry", "category": "Strength", "modality": "duration_distance" })).await;
    let find = "query($category: String, $modality: String, $own: Boolean) {
        exercises(category: $category, modality: $modality, own: $own, first: 100) { nodes { id category modality source } } }";
    let found = async |search: Value| ann.ask(find, search).await["exercises"]["nodes"].as_array().unwrap().clone();
    let ids = |found: &[Value]| found.iter().map(|exercise| exercise["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&found(json!({ "category": "strength", "modality": "duration_distance" })).await), [json!(own)]);
    assert_eq!(ids(&found(json!({ "own": true })).await), [json!(own)]);
    let cardio = found(json!({ "category": "CARDIO", "own": false })).await;
    assert!(cardio.len() > 20 && cardio.iter().all(|exercise| exercise["modality"] == "duration_distance" && exercise["source"] == "hale"));
    let held = found(json!({ "modality": "duration" })).await;
    assert!(held.len() >= 3 && held.iter().all(|exercise| exercise["modality"] == "duration"), "{held:?}");
    assert_eq!(ann.refused(find, json!({ "modality": "vibes" })).await.field.as_deref(), Some("modality"));
}
