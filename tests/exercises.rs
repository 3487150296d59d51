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
