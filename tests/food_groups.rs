//! What is planned, what is logged without a food, and meals that are logged as one.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use sea_orm::prelude::Decimal;
use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{LOG_FOOD, Person, TestApp, food_entry},
    sync::{Device, change, id},
};

const UPDATE_ENTRY: &str = "mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) {
    entry { id name quantity unit status note date nutrition { calories protein fat } } days { date totals { calories } planned { calories } } } }";
const DELETE_ENTRY: &str = "mutation($input: DeleteInput!) { deleteFoodEntry(input: $input) { deletedId } }";
const LOG_NUTRITION: &str = "mutation($input: LogNutritionInput!) { logNutrition(input: $input) {
    entry { id name quick quantity unit status note food { id } nutrition { calories protein fat fiber } } day { totals { calories } planned { calories } } } }";
const LOG_GROUP: &str = "mutation($input: LogFoodGroupInput!) { logFoodGroup(input: $input) {
    group { id name quantity unit mealType date note version totals { calories protein unknown } planned { calories }
      entries { id name quantity unit status nutrition { calories protein } } }
    day { totals { calories } planned { calories } } } }";
const UPDATE_GROUP: &str = "mutation($input: UpdateFoodGroupInput!) { updateFoodGroup(input: $input) {
    group { id name quantity mealType date note version totals { calories } planned { calories } entries { id quantity status mealType date nutrition { calories protein } } }
    days { date totals { calories } planned { calories } } } }";
const DELETE_GROUP: &str =
    "mutation($input: DeleteInput!) { deleteFoodGroup(input: $input) { deletedId days { date entries { id } totals { calories } } } }";
const DAY: &str = "query($date: Date) { viewer { foodDay(date: $date) {
    entries { id name status note group { id name } } groups { id name quantity entries { name } } totals { calories } planned { calories } } } }";

async fn day(person: &Person<'_>) -> Value {
    person.ask(DAY, json!({ "date": "2026-03-10" })).await["viewer"]["foodDay"].take()
}

fn sums(day: &Value) -> (&str, &str) {
    (day["totals"]["calories"].as_str().unwrap(), day["planned"]["calories"].as_str().unwrap())
}

#[tokio::test]
async fn a_planned_supper_counts_for_nothing_until_ann_has_eaten_it() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({})).await;
    ann.logs_food(&oats, json!({})).await;
    let supper = ann
        .logs_food(
            &oats,
            json!({ "quantity": "5", "mealType": "dinner", "status": "PLANNED", "note": " with Ben\nat eight ",
        "consumedAt": "2026-03-10T20:00:00Z" }),
        )
        .await;
    let supper = supper["entry"]["id"].as_str().unwrap();
    let shown = day(&ann).await;
    assert_eq!(sums(&shown), ("100", "500"));
    assert_eq!((&shown["entries"][1]["status"], &shown["entries"][1]["note"]), (&json!("PLANNED"), &json!("with Ben\nat eight")));
    let report =
        "{ viewer { nutritionReport(from: \"2026-03-01\", to: \"2026-03-31\") { days { totals { calories } } average { calories } } } }";
    let reported = ann.ask(report, json!({})).await;
    assert_eq!(reported["viewer"]["nutritionReport"]["days"], json!([{ "totals": { "calories": "100" } }]));

    // A day on which all is planned is no day on which something was eaten.
    ann.logs_food(&oats, json!({ "status": "PLANNED", "consumedAt": "2026-03-12T12:00:00Z" })).await;
    assert_eq!(ann.ask(report, json!({})).await, reported);

    let eaten = ann.ask(UPDATE_ENTRY, json!({ "input": { "id": supper, "status": "EATEN", "note": null } })).await;
    assert_eq!((&eaten["updateFoodEntry"]["entry"]["status"], &eaten["updateFoodEntry"]["entry"]["note"]), (&json!("EATEN"), &json!(null)));
    assert_eq!(sums(&eaten["updateFoodEntry"]["days"][0]), ("600", "0"));
    let reported = ann.ask(report, json!({})).await;
    assert_eq!(reported["viewer"]["nutritionReport"]["average"]["calories"], "600");

    for (field, wrong) in [("note", json!("x".repeat(1001))), ("note", json!("  ")), ("note", json!("bell\u{7}"))] {
        let mut input = food_entry(&oats, json!({}));
        input[field] = wrong;
        let refused = ann.refused(LOG_FOOD, json!({ "input": input })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
}

#[tokio::test]
async fn cake_at_carlas_is_logged_by_what_ann_knows_of_it() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let id = id();
    let cake = json!({ "id": id, "name": "Cake at Carla's", "nutrition": { "calories": "320.5", "fat": "14" }, "quantity": "1.5", "mealType": "snack" });
    let logged = ann.ask(LOG_NUTRITION, json!({ "input": cake })).await["logNutrition"].take();
    assert_eq!(
        logged["entry"],
        json!({ "id": id, "name": "Cake at Carla's", "quick": true, "quantity": "1.5", "unit": "serving", "status": "EATEN", "note": null,
            "food": null, "nutrition": { "calories": "480.75", "protein": null, "fat": "21", "fiber": null } })
    );
    assert_eq!(sums(&logged["day"]), ("480.75", "0"));
    let again = ann.ask(LOG_NUTRITION, json!({ "input": cake })).await["logNutrition"].take();
    assert_eq!(again, logged, "sent again it is logged once");
    let mut other = cake.clone();
    other["name"] = json!("Pie");
    assert_eq!(ann.refused(LOG_NUTRITION, json!({ "input": other })).await.code, "CONFLICT");

    // There and back again is as before: it is told from what was typed.
    for (quantity, calories) in [("0.333", "106.7265"), ("3", "961.5"), ("1.5", "480.75")] {
        let changed = ann.ask(UPDATE_ENTRY, json!({ "input": { "id": id, "quantity": quantity } })).await;
        assert_eq!(changed["updateFoodEntry"]["entry"]["nutrition"]["calories"], calories, "{quantity}");
    }
    let corrected = json!({ "id": id, "name": "Carla's cake", "nutrition": { "calories": "300", "protein": "4" } });
    let changed = ann.ask(UPDATE_ENTRY, json!({ "input": corrected })).await["updateFoodEntry"]["entry"].take();
    assert_eq!((&changed["name"], &changed["quantity"]), (&json!("Carla's cake"), &json!("1.5")));
    assert_eq!(changed["nutrition"], json!({ "calories": "450", "protein": "6", "fat": null }));

    let refused = ann.refused(UPDATE_ENTRY, json!({ "input": { "id": id, "unit": "g" } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("unit")));
    // What is a food's is changed at the food.
    let oats = ann.creates_food(json!({})).await;
    let entry = ann.logs_food(&oats, json!({})).await["entry"]["id"].clone();
    for (field, value) in [("name", json!("Cake")), ("nutrition", json!({ "calories": "1" }))] {
        let mut input = json!({ "id": entry });
        input[field] = value;
        let refused = ann.refused(UPDATE_ENTRY, json!({ "input": input })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
    for (field, name, nutrition) in [("name", " ", json!({})), ("nutrition.calories", "Cake", json!({ "calories": "-1" }))] {
        let input = json!({ "name": name, "nutrition": nutrition, "mealType": "snack" });
        let refused = ann.refused(LOG_NUTRITION, json!({ "input": input })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
}

/// A bowl of 80 g of oats and one apple that nobody has as a food: 80 and 52 kcal.
async fn bowl(person: &Person<'_>, input: Value) -> Value {
    let oats = person.creates_food(json!({ "nutrition": { "calories": "100", "protein": "13" } })).await;
    let parts =
        json!([{ "foodId": oats, "quantity": "80", "unit": "g" }, { "name": "Apple", "nutrition": { "calories": "52" }, "quantity": "1" }]);
    let mut bowl = json!({ "name": "Bowl", "mealType": "breakfast", "parts": parts });
    bowl.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    person.ask(LOG_GROUP, json!({ "input": bowl })).await["logFoodGroup"].take()
}

#[tokio::test]
async fn a_meal_that_was_logged_as_one_keeps_its_parts_and_scales_them() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let logged = bowl(&ann, json!({ "note": "from the fridge" })).await;
    let group = &logged["group"];
    let id = group["id"].as_str().unwrap();
    assert_eq!((&group["quantity"], &group["unit"], &group["date"]), (&json!("1"), &json!("serving"), &json!("2026-03-10")));
    assert_eq!(
        group["totals"],
        json!({ "calories": "132", "protein": "10.4", "unknown": ["protein", "carbohydrates", "fat", "fiber", "sugar", "sodium"] })
    );
    assert_eq!(sums(&logged["day"]), ("132", "0"));
    let shown = day(&ann).await;
    assert_eq!(
        shown["groups"],
        json!([{ "id": id, "name": "Bowl", "quantity": "1", "entries": [{ "name": "Oats" }, { "name": "Apple" }] }])
    );
    assert_eq!(shown["entries"][1]["group"], json!({ "id": id, "name": "Bowl" }));

    let changed = async |input: Value| {
        let mut change = json!({ "id": id });
        change.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        ann.ask(UPDATE_GROUP, json!({ "input": change })).await["updateFoodGroup"].take()
    };
    let amounts = |changed: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        changed["group"]["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| (text(&part["quantity"]), text(&part["nutrition"]["calories"])))
            .collect()
    };
    let pair = |quantity: &str, calories: &str| (quantity.to_owned(), calories.to_owned());
    assert_eq!(amounts(&changed(json!({ "quantity": "0.333" })).await), [pair("26.64", "26.64"), pair("0.333", "17.316")]);
    assert_eq!(amounts(&changed(json!({ "quantity": "3" })).await), [pair("240", "240"), pair("3", "156")]);
    assert_eq!(amounts(&changed(json!({ "quantity": "0.001" })).await), [pair("0.08", "0.08"), pair("0.001", "0.052")]);
    let back = changed(json!({ "quantity": "1" })).await;
    assert_eq!(amounts(&back), [pair("80", "80"), pair("1", "52")], "scaled there and back it is what it was");

    // A part that is edited by itself is scaled from what it was edited to.
    let oats = back["group"]["entries"][0]["id"].clone();
    ann.ask(UPDATE_ENTRY, json!({ "input": { "id": oats, "quantity": "100" } })).await;
    assert_eq!(amounts(&changed(json!({ "quantity": "2" })).await), [pair("200", "200"), pair("2", "104")]);
    assert_eq!(amounts(&changed(json!({ "quantity": "1" })).await), [pair("100", "100"), pair("1", "52")]);
    let refused = ann.refused(UPDATE_GROUP, json!({ "input": { "id": id, "quantity": "100000" } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("quantity")));
    assert_eq!(ann.calories_on(None).await, "152", "what is refused changes nothing");

    let planned = changed(json!({ "status": "PLANNED", "mealType": "dinner", "consumedAt": "2026-03-11T18:00:00Z", "note": null })).await;
    assert_eq!(
        planned["days"],
        json!([{ "date": "2026-03-10", "totals": { "calories": "0" }, "planned": { "calories": "0" } },
        { "date": "2026-03-11", "totals": { "calories": "0" }, "planned": { "calories": "152" } }])
    );
    assert!(
        planned["group"]["entries"].as_array().unwrap().iter().all(|part| part["mealType"] == "dinner" && part["date"] == "2026-03-11")
    );

    let version = planned["group"]["version"].as_i64().unwrap();
    assert_eq!(
        ann.refused(UPDATE_GROUP, json!({ "input": { "id": id, "name": "Supper", "expectedVersion": version - 1 } })).await.code,
        "CONFLICT"
    );
    for document in [UPDATE_GROUP, DELETE_GROUP] {
        assert_eq!(ben.refused(document, json!({ "input": { "id": id, "personId": ann.id } })).await.code, "NOT_FOUND");
    }
    let deleted = ann.ask(DELETE_GROUP, json!({ "input": { "id": id, "expectedVersion": version } })).await;
    assert_eq!(
        deleted["deleteFoodGroup"],
        json!({ "deletedId": id, "days": [{ "date": "2026-03-11", "entries": [], "totals": { "calories": "0" } }] })
    );
    assert_eq!(ann.refused(DELETE_ENTRY, json!({ "input": { "id": oats } })).await.code, "NOT_FOUND", "its parts went with it");
}

#[tokio::test]
async fn a_meal_is_logged_once_and_by_a_carer_too() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["CALORIE"], true).await;
    let parts = json!([{ "name": "Soup", "nutrition": { "calories": "90" }, "quantity": "2" }]);
    let input = json!({ "id": id(), "personId": ann.id, "name": "Lunch", "mealType": "lunch", "parts": parts });
    let first = ben.ask(LOG_GROUP, json!({ "input": input })).await;
    assert_eq!(ben.ask(LOG_GROUP, json!({ "input": input })).await, first);
    assert_eq!(ann.calories_on(None).await, "180");
    let mut other = input.clone();
    other["parts"][0]["quantity"] = json!("3");
    assert_eq!(ben.refused(LOG_GROUP, json!({ "input": other })).await.code, "CONFLICT");

    let food = ann.creates_food(json!({})).await;
    for (field, parts) in [
        ("parts", json!([])),
        ("parts[0].foodId", json!([{ "quantity": "1" }])),
        ("parts[0].foodId", json!([{ "foodId": food, "name": "Both", "nutrition": {}, "quantity": "1" }])),
        ("parts[1].foodId", json!([{ "foodId": food, "quantity": "1" }, { "foodId": id(), "quantity": "1" }])),
        ("parts[0].unit", json!([{ "foodId": food, "quantity": "1", "unit": "cup" }])),
        ("parts[0].quantity", json!([{ "foodId": food, "quantity": "0" }])),
    ] {
        let refused = ann.refused(LOG_GROUP, json!({ "input": { "name": "Lunch", "mealType": "lunch", "parts": parts } })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{parts}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_diary_groups").await, 1);
}

#[tokio::test]
async fn what_ann_plans_guesses_and_groups_without_a_network_is_there_afterwards() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let phone = Device::new(&ann, "phone");
    let (row, group) = (id(), id());
    let cake = json!({ "food_name": "Cake", "quick_nutrition": { "calories": "300", "fat": "12" }, "quantity": "2", "unit": "serving",
        "meal_type": "snack", "consumed_at": "2026-03-10T07:00:00Z", "status": "planned", "note": "with cream", "group_id": group });
    let meal = json!({ "name": "Coffee and cake", "quantity": "1", "unit": "serving", "meal_type": "snack", "consumed_at": "2026-03-10T07:00:00Z" });
    let changes =
        json!([change("food_diary", &row, &phone.at("07:00:00"), cake), change("food_diary_groups", &group, &phone.at("07:00:00"), meal)]);
    let results = phone.pushes(changes).await;
    assert!(results.iter().all(|result| result["status"] == "APPLIED"), "{results:?}");
    let document = &results[0]["row"]["document"];
    assert_eq!((&document["calories"], &document["fat"], &document["food_name"]), (&json!("600"), &json!("24"), &json!("Cake")));
    let shown = day(&ann).await;
    assert_eq!(sums(&shown), ("0", "600"));
    assert_eq!(shown["groups"][0]["name"], "Coffee and cake");

    let eaten = json!([
        change("food_diary", &row, &phone.at("08:00:00"), json!({ "status": "eaten" })),
        change(
            "food_diary",
            &row,
            &phone.at("08:00:00"),
            json!({ "quantity": "1", "unit": "serving", "quick_nutrition": { "calories": "310" } })
        ),
    ]);
    assert!(phone.pushes(eaten).await.iter().all(|result| result["status"] == "APPLIED"));
    assert_eq!(sums(&day(&ann).await), ("310", "0"));

    for (column, columns) in [
        ("status", json!({ "status": "dreamt" })),
        ("quick_nutrition", json!({ "quantity": "1", "unit": "serving", "quick_nutrition": "much" })),
        ("quick_nutrition", json!({ "quantity": "1", "unit": "serving", "quick_nutrition": null })),
        ("calories", json!({ "calories": "1" })),
    ] {
        let results = phone.pushes(json!([change("food_diary", &row, &phone.at("09:00:00"), columns)])).await;
        assert_eq!((&results[0]["status"], &results[0]["field"]), (&json!("REJECTED"), &json!(column)), "{results:?}");
    }
    // What an entry of a food contains is the food's.
    let oats = ann.creates_food(json!({})).await;
    let both = json!({ "food_item_id": oats, "quick_nutrition": { "calories": "1" }, "quantity": "1", "unit": "serving", "meal_type": "snack",
        "consumed_at": "2026-03-10T07:00:00Z" });
    let results = phone.pushes(json!([change("food_diary", &id(), &phone.at("09:10:00"), both)])).await;
    assert_eq!((&results[0]["status"], &results[0]["field"]), (&json!("REJECTED"), &json!("quick_nutrition")));
    // A group that is nowhere cannot have parts.
    let orphan = json!({ "food_item_id": oats, "quantity": "1", "unit": "serving", "meal_type": "snack", "consumed_at": "2026-03-10T07:00:00Z",
        "group_id": id() });
    let results = phone.pushes(json!([change("food_diary", &id(), &phone.at("09:20:00"), orphan)])).await;
    assert_eq!(results[0]["status"], "REJECTED", "{results:?}");

    let gone = json!([change("food_diary_groups", &group, &phone.at("10:00:00"), json!({ "deleted": true }))]);
    assert_eq!(phone.pushes(gone).await[0]["status"], "APPLIED");
    assert_eq!(sums(&day(&ann).await), ("0", "0"), "the parts go with their group");
}

/// Whatever is logged, turned, amended and deleted, in any order: the day and the report count what was eaten, and only that.
#[tokio::test]
async fn planned_never_counts_as_eaten() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({ "nutrition": { "calories": "7" } })).await;
    for seed in 1..=6 {
        let mut random = StdRng::seed_from_u64(seed);
        let date = format!("2026-02-{seed:02}");
        let status = |planned: bool| if planned { "PLANNED" } else { "EATEN" };
        // Of each entry its id, whether it is planned, and how much it is.
        let mut known: Vec<(String, bool, u32)> = Vec::new();
        for _ in 0..15 {
            let (planned, quantity) = (random.random::<bool>(), random.random_range(1..50u32));
            let place = if known.is_empty() { None } else { Some(random.random_range(0..known.len())) };
            match (random.random_range(0..4), place) {
                (1, Some(place)) => {
                    known[place].1 = planned;
                    ann.ask(UPDATE_ENTRY, json!({ "input": { "id": known[place].0, "status": status(planned) } })).await;
                }
                (2, Some(place)) => {
                    known[place].2 = quantity;
                    ann.ask(UPDATE_ENTRY, json!({ "input": { "id": known[place].0, "quantity": quantity.to_string() } })).await;
                }
                (3, Some(place)) => {
                    let (id, ..) = known.remove(place);
                    ann.ask(DELETE_ENTRY, json!({ "input": { "id": id } })).await;
                }
                _ => {
                    let input =
                        json!({ "quantity": quantity.to_string(), "status": status(planned), "consumedAt": format!("{date}T12:00:00Z") });
                    let logged = ann.logs_food(&oats, input).await;
                    known.push((logged["entry"]["id"].as_str().unwrap().to_owned(), planned, quantity));
                }
            }
        }
        let sum = |planned: bool| (7 * known.iter().filter(|entry| entry.1 == planned).map(|entry| entry.2).sum::<u32>()).to_string();
        let shown = ann.ask(DAY, json!({ "date": date })).await["viewer"]["foodDay"].take();
        assert_eq!(sums(&shown), (sum(false).as_str(), sum(true).as_str()), "seed {seed}");
        let report = "query($date: Date!) { viewer { nutritionReport(from: $date, to: $date) { days { totals { calories } } } } }";
        let days = ann.ask(report, json!({ "date": date })).await["viewer"]["nutritionReport"]["days"].take();
        let eaten = known.iter().any(|entry| !entry.1).then(|| json!({ "totals": { "calories": sum(false) } }));
        assert_eq!(days, json!(eaten.into_iter().collect::<Vec<_>>()), "seed {seed}");
    }
}

/// Entries that several people and devices log, amend and delete at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn totals_are_the_sum_of_the_entries_while_many_write() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["CALORIE"], true).await;
    let oats = app
        .value::<uuid::Uuid>(
            "SELECT food_item_id FROM nutrition_data WHERE owner_id IS NULL AND serving_unit = 'g' ORDER BY food_item_id LIMIT 1",
        )
        .await
        .to_string();
    let milk =
        ann.creates_food(json!({ "name": "Milk", "servingSize": "100", "servingUnit": "ml", "nutrition": { "calories": "64" } })).await;
    let group = bowl(&ann, json!({})).await["group"]["id"].clone();
    let entries = "query($id: UUID!) { person(id: $id) { foodDay {
        entries { id version name quantity nutrition { calories } } totals { calories } } } }";
    // What the database sums for others who read the same entries.
    let sums = "query($id: UUID!) { person(id: $id) { waterDay(date: \"2026-03-10\") { drinksInFoodDiary }
        nutritionReport(from: \"2026-03-10\", to: \"2026-03-10\") { days { totals { calories } } } } }";
    let consistent = async |reader: &Person<'_>| {
        let read = async || reader.ask(entries, json!({ "id": ann.id })).await["person"]["foodDay"].take();
        let shown = read().await;
        let summed = reader.ask(sums, json!({ "id": ann.id })).await["person"].take();
        let decimal = |value: &Value| Decimal::from_str_exact(value.as_str().unwrap()).unwrap();
        let entries = shown["entries"].as_array().unwrap();
        let sum: Decimal = entries.iter().map(|entry| decimal(&entry["nutrition"]["calories"])).sum();
        assert_eq!(decimal(&shown["totals"]["calories"]), sum);
        // Where each entry is at the version that it was at before, nobody wrote in between.
        let undisturbed = read().await == shown;
        if undisturbed {
            let drunk: Decimal = entries.iter().filter(|entry| entry["name"] == "Milk").map(|entry| decimal(&entry["quantity"])).sum();
            assert_eq!(decimal(&summed["nutritionReport"]["days"][0]["totals"]["calories"]), sum);
            assert_eq!(decimal(&summed["waterDay"]["drinksInFoodDiary"]), drunk);
        }
        (sum, undisturbed)
    };
    let writes = async |writer: &Person<'_>, food: &str, unit: &str, seed: u32| {
        for n in 0..6u32 {
            let mut input = food_entry(food, json!({ "quantity": (seed + n).to_string(), "unit": unit }));
            input["personId"] = json!(ann.id);
            let entry = writer.ask(LOG_FOOD, json!({ "input": input })).await["logFood"]["entry"]["id"].clone();
            let change = json!({ "id": entry, "personId": ann.id, "quantity": (seed + 2 * n + 1).to_string() });
            writer.ask(UPDATE_ENTRY, json!({ "input": change })).await;
            if n % 2 == 0 {
                writer.ask(DELETE_ENTRY, json!({ "input": { "id": entry, "personId": ann.id } })).await;
            }
            consistent(writer).await;
        }
    };
    let scales = async |writer: &Person<'_>, from: u32| {
        for n in 1..=6u32 {
            let change = json!({ "id": group, "personId": ann.id, "quantity": (from + n).to_string() });
            writer.ask(UPDATE_GROUP, json!({ "input": change })).await;
        }
    };
    tokio::join!(
        writes(&ann, &oats, "g", 10),
        writes(&ben, &oats, "g", 20),
        writes(&ann, &milk, "ml", 30),
        scales(&ann, 0),
        scales(&ben, 10)
    );
    let (before, undisturbed) = consistent(&ann).await;
    assert!(undisturbed, "all have written");
    // Whoever came last scaled it: back at one it is what was logged.
    ann.ask(UPDATE_GROUP, json!({ "input": { "id": group, "quantity": "1" } })).await;
    let (after, undisturbed) = consistent(&ben).await;
    assert!(undisturbed && after < before);
    let parts: Vec<String> =
        app.value("SELECT array_agg(trim_scale(calories)::text ORDER BY calories) FROM food_diary WHERE group_id IS NOT NULL").await;
    assert_eq!(parts, ["52", "80"]);
    let days: i64 = app.value("SELECT count(*) FROM food_diary WHERE deleted_at IS NULL").await;
    assert_eq!(days, 3 * 3 + 2, "each writer left every other entry");
}
