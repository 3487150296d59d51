//! What cannot be accepted is refused with a code and the field, writes nothing, and tells nothing of the database.

use serde_json::{Value, json};

use crate::harness::{LOG_FOOD, Person, TestApp, food_entry};

const CREATE: &str = "mutation($input: CreateFoodInput!) { createFood(input: $input) { food { id } } }";
const UPDATE_FOOD: &str = "mutation($input: UpdateFoodInput!) { updateFood(input: $input) { food { id } } }";
const UPDATE_ENTRY: &str = "mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) { entry { id } } }";

/// Everything that these mutations could write.
const WRITTEN: &str = "SELECT md5(string_agg(row::text, E'\\n' ORDER BY row::text)) FROM (
    SELECT to_jsonb(t)::text FROM food_items t UNION ALL SELECT to_jsonb(t)::text FROM nutrition_data t
    UNION ALL SELECT to_jsonb(t)::text FROM food_portions t UNION ALL SELECT to_jsonb(t)::text FROM food_diary t) AS rows (row)";

/// Refuses, and says nothing that only the database knows.
async fn refused(person: &Person<'_>, document: &str, input: &Value, code: &str, field: Option<&str>) {
    let body = person.send(document, json!({ "input": input })).await.text().await.unwrap();
    let answer: Value = serde_json::from_str(&body).unwrap();
    let extensions = &answer["errors"][0]["extensions"];
    assert_eq!((extensions["code"].as_str(), extensions["field"].as_str()), (Some(code), field), "{input}: {body}");
    for word in ["violates", "constraint", "relation", "syntax error at", "column \"", "SQLSTATE", "numeric field", "panicked"] {
        assert!(!body.contains(word), "{input}: {body}");
    }
}

fn with(base: &Value, path: &str, value: Value) -> Value {
    let mut input = base.clone();
    match path.split_once('.') {
        Some((outer, inner)) => input[outer][inner] = value,
        None => input[path] = value,
    }
    input
}

/// Numbers that no field accepts.
fn not_numbers() -> Vec<Value> {
    let texts = ["NaN", "Infinity", "1e400", "1e2", "-5", "", " 1", "+1", "1,5", "0x10", "1_000", "1.", ".5", "١", "1\u{0}", "100000.001"];
    let long = "9".repeat(41);
    texts
        .iter()
        .map(|text| json!(text))
        .chain([json!(long), json!("9".repeat(30)), json!(1.5), json!(-1), json!(true), json!([])])
        .collect()
}

#[tokio::test]
async fn nothing_bad_is_written() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let portions = json!([{ "name": "slice", "amount": "28", "unit": "g" }]);
    let (oats, foreign) = (ann.creates_food(json!({ "portions": portions })).await, ben.creates_food(json!({})).await);
    let tiny = ann.creates_food(json!({ "servingSize": "0.000001", "nutrition": {} })).await;
    let entry = ann.logs_food(&oats, json!({})).await["entry"]["id"].as_str().unwrap().to_owned();
    let before: String = app.value(WRITTEN).await;
    let missing = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";
    let long = "x".repeat(300);
    let bad = "BAD_USER_INPUT";

    let log = food_entry(&oats, json!({}));
    let food = json!({ "name": "Bread", "servingSize": "100", "servingUnit": "g", "nutrition": { "calories": "1" } });
    let (change, amend) = (json!({ "id": oats }), json!({ "id": entry }));
    for number in not_numbers() {
        refused(&ann, LOG_FOOD, &with(&log, "quantity", number.clone()), bad, Some("quantity")).await;
        refused(&ann, UPDATE_ENTRY, &with(&amend, "quantity", number.clone()), bad, Some("quantity")).await;
        refused(&ann, CREATE, &with(&food, "servingSize", number.clone()), bad, Some("servingSize")).await;
        refused(&ann, CREATE, &with(&food, "nutrition.fiber", number.clone()), bad, Some("nutrition.fiber")).await;
        refused(&ann, UPDATE_FOOD, &with(&change, "servingSize", number.clone()), bad, Some("servingSize")).await;
        let portions = json!([{ "name": "slice", "amount": number, "unit": "g" }]);
        refused(&ann, CREATE, &with(&food, "portions", portions), bad, Some("portions[0].amount")).await;
    }
    for number in ["0", "0.0001", "100001", "-0", "0.000"] {
        refused(&ann, LOG_FOOD, &with(&log, "quantity", json!(number)), bad, Some("quantity")).await;
        refused(&ann, UPDATE_ENTRY, &with(&amend, "quantity", json!(number)), bad, Some("quantity")).await;
    }
    for number in ["0", "0.0000001", "100001"] {
        refused(&ann, CREATE, &with(&food, "servingSize", json!(number)), bad, Some("servingSize")).await;
    }
    for text in ["", "   ", "\u{feff}\u{200b}", "a\u{0}b", "a\u{7}b", long.as_str()] {
        refused(&ann, CREATE, &with(&food, "name", json!(text)), bad, Some("name")).await;
        refused(&ann, CREATE, &with(&food, "brand", json!(text)), bad, Some("brand")).await;
        refused(&ann, CREATE, &with(&food, "servingUnit", json!(text)), bad, Some("servingUnit")).await;
        refused(&ann, UPDATE_FOOD, &with(&change, "name", json!(text)), bad, Some("name")).await;
        refused(&ann, UPDATE_FOOD, &with(&change, "brand", json!(text)), bad, Some("brand")).await;
        refused(&ann, LOG_FOOD, &with(&log, "unit", json!(text)), bad, Some("unit")).await;
        refused(&ann, LOG_FOOD, &with(&log, "mealType", json!(text)), bad, Some("mealType")).await;
        refused(&ann, UPDATE_ENTRY, &with(&amend, "unit", json!(text)), bad, Some("unit")).await;
        refused(&ann, UPDATE_ENTRY, &with(&amend, "mealType", json!(text)), bad, Some("mealType")).await;
    }
    refused(&ann, LOG_FOOD, &with(&log, "mealType", json!("İ".repeat(20))), bad, Some("mealType")).await;
    for unit in ["stamps", "cup", "kcal", "s", "'; DROP TABLE food_diary; --"] {
        refused(&ann, LOG_FOOD, &with(&log, "unit", json!(unit)), bad, Some("unit")).await;
        refused(&ann, UPDATE_ENTRY, &with(&amend, "unit", json!(unit)), bad, Some("unit")).await;
    }
    for unit in ["stamps", "kcal", "min", "%"] {
        refused(&ann, CREATE, &with(&food, "servingUnit", json!(unit)), bad, Some("servingUnit")).await;
    }
    let instants =
        ["+10000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00+23:59", "1899-12-31T23:59:59Z"];
    for at in
        instants.into_iter().chain(["2101-01-01T00:00:00Z", "2026-03-10", "yesterday", "", "2026-02-30T00:00:00Z", "2026-03-10T12:00:00"])
    {
        refused(&ann, LOG_FOOD, &with(&log, "consumedAt", json!(at)), bad, Some("consumedAt")).await;
        refused(&ann, UPDATE_ENTRY, &with(&amend, "consumedAt", json!(at)), bad, Some("consumedAt")).await;
    }
    for zone in ["Mars/Olympus", "", "UTC+25", "Europe/Berlin\u{0}", "../etc/passwd"] {
        refused(&ann, LOG_FOOD, &with(&log, "timeZone", json!(zone)), bad, Some("timeZone")).await;
        refused(&ann, UPDATE_ENTRY, &with(&amend, "timeZone", json!(zone)), bad, Some("timeZone")).await;
    }
    for id in ["", "1", "{0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f}", "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398g"] {
        refused(&ann, LOG_FOOD, &with(&log, "foodId", json!(id)), bad, Some("foodId")).await;
        refused(&ann, LOG_FOOD, &with(&log, "id", json!(id)), bad, Some("id")).await;
        refused(&ann, UPDATE_ENTRY, &with(&amend, "id", json!(id)), bad, Some("id")).await;
        refused(&ann, UPDATE_FOOD, &with(&change, "id", json!(id)), bad, Some("id")).await;
    }
    for id in [missing, foreign.as_str()] {
        refused(&ann, LOG_FOOD, &with(&log, "foodId", json!(id)), "NOT_FOUND", Some("foodId")).await;
        refused(&ann, UPDATE_FOOD, &with(&change, "id", json!(id)), "NOT_FOUND", None).await;
        refused(&ann, UPDATE_ENTRY, &with(&amend, "id", json!(id)), "NOT_FOUND", None).await;
    }
    for person in [missing, ben.id.as_str()] {
        refused(&ann, LOG_FOOD, &with(&log, "personId", json!(person)), "NOT_FOUND", Some("personId")).await;
    }
    // A microgram of it in a hundred tons would be more servings than a row holds.
    let too_much = food_entry(&tiny, json!({ "quantity": "100000", "unit": "kg" }));
    refused(&ann, LOG_FOOD, &too_much, bad, Some("quantity")).await;
    let rich = with(&food, "nutrition.calories", json!("100000"));
    let rich = ann.creates_food(rich).await;
    refused(&ann, LOG_FOOD, &food_entry(&rich, json!({ "quantity": "100000", "unit": "kg" })), bad, Some("quantity")).await;
    ann.ask("mutation($input: DeleteInput!) { deleteFood(input: $input) { deletedId } }", json!({ "input": { "id": rich } })).await;
    let mut owner = app.connect("hale_owner").await;
    sqlx::query("DELETE FROM food_items WHERE id = $1::text::uuid").bind(&rich).execute(&mut owner).await.unwrap();

    for variables in [json!({}), json!({ "input": null }), json!({ "input": [] }), json!({ "input": { "nonsense": 1 } })] {
        for document in [LOG_FOOD, CREATE, UPDATE_ENTRY, UPDATE_FOOD] {
            let answer = ann.refused(document, variables.clone()).await;
            assert!(matches!(answer.code.as_str(), "BAD_REQUEST" | "BAD_USER_INPUT"), "{variables}: {answer:?}");
        }
    }
    assert_eq!(app.value::<String>(WRITTEN).await, before, "something was written");
}

#[tokio::test]
async fn half_a_character_is_not_text() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let before: String = app.value(WRITTEN).await;
    for name in [r"\ud800", r"\udc00\ud800", r"x\ud83dx"] {
        let body = format!(
            r#"{{"query":"{CREATE}","variables":{{"input":{{"name":"{name}","servingSize":"100","servingUnit":"g","nutrition":{{}}}}}}}}"#
        );
        let request = app.post("/graphql").header("content-type", "application/json").bearer_auth(ann.token.as_ref().unwrap()).body(body);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_REQUEST", "{answer}");
    }
    assert_eq!(app.value::<String>(WRITTEN).await, before);
}
