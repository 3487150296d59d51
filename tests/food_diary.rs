//! Logging food: snapshots, days, units, and who sees them.

use serde_json::json;

use crate::harness::{LOG_FOOD, Person, TestApp, food_entry};

#[tokio::test]
async fn ann_logs_oats_and_ben_cannot_see_it() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let oats = ann.creates_food(json!({})).await;
    let logged = ann.logs_food(&oats, json!({ "quantity": "80", "unit": "g" })).await;
    assert_eq!(logged["entry"]["nutrition"]["calories"], "80");
    assert_eq!(ann.calories_on(None).await, "80");

    assert_eq!(ben.calories_on(None).await, "0");
    assert_eq!(
        ben.ask("query($id: UUID!) { food(id: $id) { name } person(id: $id) { id } }", json!({ "id": oats })).await,
        json!({ "food": null, "person": null })
    );
    assert_eq!(ben.ask("query($id: UUID!) { person(id: $id) { id } }", json!({ "id": ann.id })).await["person"], json!(null));
    let refused = ben.refused(LOG_FOOD, json!({ "input": food_entry(&oats, json!({})) })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("NOT_FOUND", Some("foodId")));
}

/// A food by its nutrition per 100 g, and how much of it was eaten.
struct Eaten {
    name: &'static str,
    calories: &'static str,
    protein: &'static str,
    fat: &'static str,
    carbohydrates: &'static str,
    portion: Option<(&'static str, &'static str)>,
    quantity: &'static str,
    unit: &'static str,
}

#[rustfmt::skip]
const TEST_DAY: [Eaten; 6] = [
    Eaten { name: "Bananas, raw", calories: "89", protein: "1.09", fat: "0.33", carbohydrates: "22.84", portion: None, quantity: "118", unit: "g" },
    Eaten { name: "Egg, whole, raw", calories: "143", protein: "12.56", fat: "9.51", carbohydrates: "0.72", portion: Some(("large", "50")), quantity: "2", unit: "large" },
    Eaten { name: "Bread, white", calories: "265", protein: "9.15", fat: "3.19", carbohydrates: "49.06", portion: Some(("slice", "28")), quantity: "2", unit: "slice" },
    Eaten { name: "Chicken breast", calories: "165", protein: "31.02", fat: "3.57", carbohydrates: "0", portion: None, quantity: "140", unit: "g" },
    Eaten { name: "Broccoli, raw", calories: "34", protein: "2.82", fat: "0.37", carbohydrates: "6.64", portion: Some(("cup, chopped", "91")), quantity: "1", unit: "cup" },
    Eaten { name: "Butter, with salt", calories: "717", protein: "0.85", fat: "81.11", carbohydrates: "0.06", portion: Some(("tbsp", "14.2")), quantity: "1", unit: "tbsp" },
];

#[tokio::test]
async fn a_day_of_six_foods_adds_up_to_the_last_digit() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut day = json!(null);
    for Eaten { name, calories, protein, fat, carbohydrates, portion, quantity, unit } in TEST_DAY {
        let nutrition = json!({ "calories": calories, "protein": protein, "fat": fat, "carbohydrates": carbohydrates });
        let portions: Vec<_> = portion.iter().map(|(name, grams)| json!({ "name": name, "amount": grams, "unit": "g" })).collect();
        let food = ann.creates_food(json!({ "name": name, "nutrition": nutrition, "portions": portions })).await;
        day = ann.logs_food(&food, json!({ "quantity": quantity, "unit": unit })).await["day"].take();
    }
    assert_eq!(
        day["totals"],
        json!({ "calories": "760.174", "protein": "65.0851", "fat": "28.53812", "carbohydrates": "61.19572",
            "fiber": "0", "sugar": "0", "sodium": "0", "unknown": ["fiber", "sugar", "sodium"] })
    );
}

const DAY: &str = "query($date: Date!) { viewer { foodDay(date: $date) { date
    entries { id name brand quantity unit mealType consumedAt timeZone date version nutrition { calories protein carbohydrates fat fiber sugar sodium } }
    totals { calories protein carbohydrates fat fiber sugar sodium unknown } } } }";
const UPDATE_FOOD: &str = "mutation($input: UpdateFoodInput!) { updateFood(input: $input) { food { name brand version } } }";
const UPDATE_ENTRY: &str = "mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) {
    entry { quantity unit version date nutrition { calories } } days { date totals { calories } } } }";
const DELETE_ENTRY: &str =
    "mutation($input: DeleteInput!) { deleteFoodEntry(input: $input) { deletedId day { date entries { id } totals { calories } } } }";
const DELETE_FOOD: &str = "mutation($input: DeleteInput!) { deleteFood(input: $input) { deletedId } }";

/// What an entry contains after a change of its amount.
async fn amended(person: &Person<'_>, entry: &str, quantity: &str, unit: Option<&str>) -> String {
    let mut input = json!({ "id": entry, "quantity": quantity });
    if let Some(unit) = unit {
        input["unit"] = json!(unit);
    }
    let answer = person.ask(UPDATE_ENTRY, json!({ "input": input })).await;
    answer["updateFoodEntry"]["entry"]["nutrition"]["calories"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn last_week_stays_as_it_was_whatever_becomes_of_the_food() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let portion = |grams: &str| json!([{ "name": "bowl", "amount": grams, "unit": "g" }]);
    let oats = ann.creates_food(json!({ "brand": "Acme", "portions": portion("60") })).await;
    let mut entries = Vec::new();
    for (quantity, unit) in [("80", "g"), ("1", "serving"), ("1", "bowl")] {
        let logged = ann.logs_food(&oats, json!({ "quantity": quantity, "unit": unit, "consumedAt": "2026-03-03T07:00:00Z" })).await;
        entries.push(logged["entry"]["id"].as_str().unwrap().to_owned());
    }
    let last_week = async || ann.send(DAY, json!({ "date": "2026-03-03" })).await.text().await.unwrap();
    let before = last_week().await;
    assert!(before.contains(r#""totals":{"calories":"240""#), "{before}");

    for change in [
        json!({ "name": "Porridge", "brand": null }),
        json!({ "nutrition": { "calories": "999", "protein": "1" } }),
        json!({ "servingSize": "50" }),
        json!({ "portions": portion("90") }),
        json!({ "portions": [{ "name": "spoon", "amount": "10", "unit": "g" }] }),
        json!({ "portions": [], "servingUnit": "ml" }),
        json!({ "servingUnit": "g", "portions": portion("90") }),
    ] {
        let mut input = change;
        input["id"] = json!(oats);
        ann.ask(UPDATE_FOOD, json!({ "input": input })).await;
        assert_eq!(last_week().await, before, "after {input}");
    }
    // A changed amount counts by the nutrition of that day: 100 kcal in 100 g.
    let [weighed, served, bowl] = &entries[..] else { panic!("three entries") };
    assert_eq!(amended(&ann, weighed, "160", None).await, "160");
    assert_eq!(amended(&ann, weighed, "2", Some("oz")).await, "56.699046");
    assert_eq!(amended(&ann, served, "2", Some("Serving")).await, "200");
    assert_eq!(amended(&ann, bowl, "2", None).await, "120");
    assert_eq!(amended(&ann, bowl, "2", Some("BOWL")).await, "120", "the bowl of that day");
    assert_eq!(ann.logs_food(&oats, json!({})).await["entry"]["nutrition"]["calories"], "999", "today it has 999");

    let before = last_week().await;
    ann.ask(DELETE_FOOD, json!({ "input": { "id": oats } })).await;
    assert_eq!(last_week().await, before, "after the food was deleted");
    assert_eq!(amended(&ann, weighed, "3", None).await, "85.048569");
    assert_eq!(amended(&ann, weighed, "50", Some("g")).await, "50");
    assert_eq!(amended(&ann, served, "0.5", None).await, "50");

    let mut owner = app.connect("hale_owner").await;
    sqlx::query("DELETE FROM food_items WHERE owner_id IS NOT NULL").execute(&mut owner).await.unwrap();
    assert_eq!(amended(&ann, weighed, "150", None).await, "150", "with no row of the food left");
    let refused = ann.refused(UPDATE_ENTRY, json!({ "input": { "id": weighed, "unit": "oz" } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("unit")));
}

#[tokio::test]
async fn amounts_convert_or_are_refused() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let portion = |name: &str, amount: &str| json!({ "name": name, "amount": amount, "unit": "g" });
    let plain = ann.creates_food(json!({})).await;
    let milk = ann.creates_food(json!({ "name": "Milk", "servingUnit": "ml", "nutrition": { "calories": "64" } })).await;
    let portions = [portion("cup, chopped", "91"), portion("bunch", "608"), portion("Röschen", "11")];
    let broccoli = ann.creates_food(json!({ "name": "Broccoli", "portions": portions })).await;
    let portions = [portion("cup, mashed", "225"), portion("cup, sliced", "150"), portion("half", "59")];
    let banana = ann.creates_food(json!({ "name": "Banana", "portions": portions })).await;
    let bar = ann.creates_food(json!({ "name": "Bar", "servingSize": "1", "servingUnit": "piece" })).await;
    for (food, quantity, unit, calories, kept) in [
        (&plain, "2", "oz", "56.699046", "oz"),
        (&plain, "1.5", "serving", "150", "serving"),
        (&plain, "2", " Servings ", "200", "serving"),
        (&plain, "0.1", "KG", "100", "kg"),
        (&plain, "500", "mcg", "0.0005", "ug"),
        (&plain, "1", "Pound", "453.59237", "lb"),
        (&milk, "250", "ml", "160", "ml"),
        (&milk, "1", "cup", "151.416471", "cup"),
        (&milk, "2", "tbsp", "18.927059", "tbsp"),
        (&broccoli, "1", "cup", "91", "cup, chopped"),
        (&broccoli, "2", "Cups", "182", "cup, chopped"),
        (&broccoli, "1", "bunch", "608", "bunch"),
        (&broccoli, "3", "RÖSCHEN", "33", "Röschen"),
        (&banana, "1", "cup, sliced", "150", "cup, sliced"),
        (&banana, "2", "half", "118", "half"),
        (&bar, "2", "pieces", "200", "piece"),
    ] {
        let logged = ann.logs_food(food, json!({ "quantity": quantity, "unit": unit })).await;
        let entry = &logged["entry"];
        assert_eq!((entry["nutrition"]["calories"].as_str(), entry["unit"].as_str()), (Some(calories), Some(kept)), "{quantity} {unit}");
    }
    for (food, unit, told) in [
        (&plain, "slice", "neither a unit nor a portion"),
        (&plain, "cup", "cannot be converted"),
        (&plain, "kcal", "cannot be converted"),
        (&milk, "g", "cannot be converted"),
        (&bar, "g", "cannot be converted"),
        (&banana, "cup", "several portions"),
        (&banana, "cups", "several portions"),
        (&broccoli, "tbsp", "cannot be converted"),
    ] {
        let refused = ann.refused(LOG_FOOD, json!({ "input": food_entry(food, json!({ "unit": unit })) })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("unit")), "{unit}");
        assert!(refused.message.contains(told) && refused.message.contains("serving"), "{}", refused.message);
    }
}

#[tokio::test]
async fn unknown_is_not_zero() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let full = json!({ "calories": "0", "protein": "0", "carbohydrates": "0", "fat": "0", "fiber": "2", "sugar": "0", "sodium": "0" });
    let known = ann.creates_food(json!({ "name": "Known", "nutrition": full })).await;
    let logged = ann.logs_food(&known, json!({})).await;
    assert_eq!((&logged["day"]["totals"]["unknown"], &logged["day"]["totals"]["calories"]), (&json!([]), &json!("0")));
    let mut partial = full.clone();
    partial["fiber"] = json!(null);
    let partly = ann.creates_food(json!({ "name": "Partly known", "nutrition": partial })).await;
    let logged = ann.logs_food(&partly, json!({})).await;
    assert_eq!(logged["entry"]["nutrition"]["fiber"], json!(null));
    assert_eq!((&logged["day"]["totals"]["fiber"], &logged["day"]["totals"]["unknown"]), (&json!("2"), &json!(["fiber"])));
}

#[tokio::test]
async fn logging_twice_with_one_id_logs_once() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let (oats, other) = (ann.creates_food(json!({})).await, ann.creates_food(json!({ "name": "Other" })).await);
    let id = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";
    let first = ann.logs_food(&oats, json!({ "id": id, "quantity": "1.0" })).await;
    let again = ann.logs_food(&oats, json!({ "id": id, "quantity": 1 })).await;
    assert_eq!(again, first, "the same amount, written otherwise, is the same input");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_diary").await, 1);
    for other in [food_entry(&oats, json!({ "id": id, "quantity": "2" })), food_entry(&other, json!({ "id": id }))] {
        assert_eq!(ann.refused(LOG_FOOD, json!({ "input": other })).await.code, "CONFLICT");
    }
    // Ids are a person's own: another may use the same one and learns nothing.
    let of_ben = ben.creates_food(json!({})).await;
    assert_eq!(ben.logs_food(&of_ben, json!({ "id": id })).await["entry"]["id"], id);

    // A repeated request answers with the entry as it is now, though the food has gone meanwhile.
    ann.ask(UPDATE_ENTRY, json!({ "input": { "id": id, "quantity": "3" } })).await;
    ann.ask(DELETE_FOOD, json!({ "input": { "id": oats } })).await;
    let again = ann.logs_food(&oats, json!({ "id": id })).await;
    assert_eq!((&again["entry"]["quantity"], &again["entry"]["version"]), (&json!("3"), &json!(2)));

    ann.ask(DELETE_ENTRY, json!({ "input": { "id": id } })).await;
    let refused = ann.refused(LOG_FOOD, json!({ "input": food_entry(&oats, json!({ "id": id })) })).await;
    assert!(matches!(refused.code.as_str(), "CONFLICT" | "NOT_FOUND"), "what was deleted does not come back: {refused:?}");
    assert_eq!(ann.calories_on(None).await, "0");
}

#[tokio::test]
async fn no_change_of_an_entry_is_lost_or_anybody_elses() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let oats = ann.creates_food(json!({ "brand": "Acme" })).await;
    let id = ann.logs_food(&oats, json!({})).await["entry"]["id"].as_str().unwrap().to_owned();
    let change = |quantity: &str, version: i32| json!({ "input": { "id": id, "quantity": quantity, "expectedVersion": version } });

    let changed = ann.ask(UPDATE_ENTRY, change("2", 1)).await;
    assert_eq!(changed["updateFoodEntry"]["entry"]["version"], 2);
    let clash = ann.json(UPDATE_ENTRY, change("9", 1)).await;
    let extensions = &clash["errors"][0]["extensions"];
    assert_eq!(extensions["code"], "CONFLICT");
    assert_eq!(
        extensions["current"],
        json!({ "id": id, "name": "Oats", "brand": "Acme", "quantity": "2", "unit": "serving", "mealType": "breakfast",
            "consumedAt": "2026-03-10T12:00:00Z", "timeZone": "UTC", "date": "2026-03-10", "status": "EATEN", "note": null, "version": 2 })
    );
    assert_eq!(ann.calories_on(None).await, "200");

    for document in [UPDATE_ENTRY, DELETE_ENTRY] {
        assert_eq!(ben.refused(document, json!({ "input": { "id": id } })).await.code, "NOT_FOUND");
        let of_ann = json!({ "input": { "id": id, "personId": ann.id } });
        assert_eq!(ben.refused(document, of_ann).await.code, "NOT_FOUND");
    }
    assert_eq!(ann.refused(DELETE_ENTRY, json!({ "input": { "id": id, "expectedVersion": 1 } })).await.code, "CONFLICT");
    let deleted = ann.ask(DELETE_ENTRY, json!({ "input": { "id": id, "expectedVersion": 2 } })).await;
    assert_eq!(
        deleted["deleteFoodEntry"],
        json!({ "deletedId": id, "day": { "date": "2026-03-10", "entries": [], "totals": { "calories": "0" } } })
    );
    for document in [UPDATE_ENTRY, DELETE_ENTRY] {
        assert_eq!(ann.refused(document, json!({ "input": { "id": id } })).await.code, "NOT_FOUND");
    }
}

#[tokio::test]
async fn correcting_a_tiny_quantity_gives_what_logging_it_right_would_have() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let food = ann.creates_food(json!({ "servingSize": "3000", "nutrition": { "calories": "3000" } })).await;
    let logged = ann.logs_food(&food, json!({ "quantity": "1", "unit": "g" })).await;
    let correct = "mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) { entry { nutrition { calories } } } }";
    let corrected = ann.ask(correct, json!({ "input": { "id": logged["entry"]["id"], "quantity": "3000" } })).await;
    assert_eq!(corrected["updateFoodEntry"]["entry"]["nutrition"]["calories"], "3000");
}
