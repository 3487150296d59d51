//! The meals of a day: their names, order and usual times, and days that are complete.

use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{LOG_FOOD, Person, TestApp, food_entry},
    sync::{Device, change, id},
};

const CREATE: &str = "mutation($input: CreateMealTypeInput!) { createMealType(input: $input) { mealType { code name position defaultTime hidden builtIn version } } }";
const UPDATE: &str = "mutation($input: UpdateMealTypeInput!) { updateMealType(input: $input) { mealType { code name position defaultTime hidden builtIn version } } }";
const DELETE: &str = "mutation($input: DeleteMealTypeInput!) { deleteMealType(input: $input) { deletedCode mealTypes { code } } }";
const MEALS: &str = "query($date: Date) { viewer { foodDay(date: $date) { meals { code mealType { name } entries { name } totals { calories } planned { calories } } } } }";

async fn codes(person: &Person<'_>) -> Vec<String> {
    let types = person.ask("{ viewer { mealTypes { code hidden } } }", json!({})).await["viewer"]["mealTypes"].take();
    types
        .as_array()
        .unwrap()
        .iter()
        .map(|meal| format!("{}{}", meal["code"].as_str().unwrap(), if meal["hidden"] == true { " (hidden)" } else { "" }))
        .collect()
}

async fn meals(person: &Person<'_>) -> Vec<(String, String)> {
    let meals = person.ask(MEALS, json!({ "date": "2026-03-10" })).await["viewer"]["foodDay"]["meals"].take();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    meals.as_array().unwrap().iter().map(|meal| (text(&meal["mealType"]["name"]), text(&meal["totals"]["calories"]))).collect()
}

fn shown(meals: &[(&str, &str)]) -> Vec<(String, String)> {
    meals.iter().map(|(name, calories)| ((*name).to_owned(), (*calories).to_owned())).collect()
}

#[tokio::test]
async fn ann_eats_a_second_breakfast_and_no_snacks() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Europe/Berlin").await;
    assert_eq!(codes(&ann).await, ["breakfast", "lunch", "dinner", "snack"]);
    let second = json!({ "id": id(), "name": "Second breakfast", "position": 150, "defaultTime": "10:15" });
    let made = ann.ask(CREATE, json!({ "input": second })).await["createMealType"]["mealType"].take();
    assert_eq!(
        made,
        json!({ "code": "second breakfast", "name": "Second breakfast", "position": 150, "defaultTime": "10:15", "hidden": false, "builtIn": false, "version": 1 })
    );
    assert_eq!(ann.ask(CREATE, json!({ "input": second })).await["createMealType"]["mealType"], made, "sent again it is added once");
    let changed = ann.ask(UPDATE, json!({ "input": { "code": "breakfast", "name": "Frühstück", "defaultTime": "07:00" } })).await;
    assert_eq!(changed["updateMealType"]["mealType"]["name"], "Frühstück");
    ann.ask(UPDATE, json!({ "input": { "code": "snack", "hidden": true } })).await;
    assert_eq!(codes(&ann).await, ["breakfast", "second breakfast", "lunch", "dinner", "snack (hidden)"]);

    // Of another day than today it is logged at the usual time of the meal.
    let oats = ann.creates_food(json!({})).await;
    for (meal, date, at) in [
        ("Second breakfast", "2026-03-09", "2026-03-09T09:15:00Z"),
        ("breakfast", "2026-03-09", "2026-03-09T06:00:00Z"),
        ("lunch", "2026-07-01", "2026-07-01T10:30:00Z"),
        ("brunch", "2026-03-09", "2026-03-09T11:00:00Z"),
        ("breakfast", "2026-03-10", "2026-03-10T12:00:00Z"),
    ] {
        let logged = ann.logs_food(&oats, json!({ "mealType": meal, "date": date })).await;
        assert_eq!((&logged["entry"]["consumedAt"], &logged["entry"]["date"]), (&json!(at), &json!(date)), "{meal}");
        assert_eq!(logged["entry"]["mealType"], meal.to_lowercase());
    }
    let both = food_entry(&oats, json!({ "date": "2026-03-09", "consumedAt": "2026-03-09T08:00:00Z" }));
    let refused = ann.refused(LOG_FOOD, json!({ "input": both })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("date")));

    // The day shows its meals in her order, those that something was logged for though they are hidden, and others last.
    ann.logs_food(&oats, json!({ "mealType": "zz", "quantity": "2" })).await;
    ann.logs_food(&oats, json!({ "mealType": "second breakfast", "quantity": "3" })).await;
    ann.logs_food(&oats, json!({ "mealType": "second breakfast", "status": "PLANNED" })).await;
    let expected = [("Frühstück", "100"), ("Second breakfast", "300"), ("Lunch", "0"), ("Dinner", "0"), ("-", "200")];
    assert_eq!(meals(&ann).await, shown(&expected));
    ann.logs_food(&oats, json!({ "mealType": "snack" })).await;
    let expected = [("Frühstück", "100"), ("Second breakfast", "300"), ("Lunch", "0"), ("Dinner", "0"), ("Snack", "100"), ("-", "200")];
    assert_eq!(meals(&ann).await, shown(&expected));

    // A meal that is deleted stays with its entries.
    let deleted = ann.ask(DELETE, json!({ "input": { "code": "second breakfast" } })).await;
    assert_eq!(deleted["deleteMealType"]["deletedCode"], "second breakfast");
    let expected = [("Frühstück", "100"), ("Lunch", "0"), ("Dinner", "0"), ("Snack", "100"), ("-", "300"), ("-", "200")];
    assert_eq!(meals(&ann).await, shown(&expected));
    assert_eq!(ann.ask(CREATE, json!({ "input": { "name": "Second Breakfast" } })).await["createMealType"]["mealType"]["position"], 500);
}

#[tokio::test]
async fn meals_have_one_name_each_and_somebody_who_may_change_them() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    for (document, field, input) in [
        (CREATE, "name", json!({ "name": "LUNCH" })),
        (CREATE, "name", json!({ "name": "a meal of too many letters" })),
        (CREATE, "position", json!({ "name": "Tea", "position": -1 })),
        (CREATE, "defaultTime", json!({ "name": "Tea", "defaultTime": "7 o'clock" })),
        (UPDATE, "name", json!({ "code": "dinner", "name": "Lunch" })),
        (UPDATE, "code", json!({ "code": "tea", "name": "Tea" })),
        (DELETE, "code", json!({ "code": "dinner" })),
        (DELETE, "code", json!({ "code": "tea" })),
    ] {
        let refused = ann.refused(document, json!({ "input": input })).await;
        assert_eq!(refused.field.as_deref(), Some(field), "{input}");
        assert!(matches!(refused.code.as_str(), "BAD_USER_INPUT" | "NOT_FOUND"), "{refused:?}");
    }
    let first = ann.ask(UPDATE, json!({ "input": { "code": "dinner", "name": "Supper", "expectedVersion": 0 } })).await;
    assert_eq!(first["updateMealType"]["mealType"]["version"], 1);
    assert_eq!(ann.refused(UPDATE, json!({ "input": { "code": "dinner", "name": "Tea", "expectedVersion": 0 } })).await.code, "CONFLICT");

    app.verify(&ben).await;
    let of_ann = json!({ "input": { "code": "lunch", "name": "Luncheon", "personId": ann.id } });
    assert_eq!(ben.refused(UPDATE, of_ann.clone()).await.code, "NOT_FOUND");
    shares(&ann, &ben, &["CALORIE"], true).await;
    ben.ask(UPDATE, of_ann).await;
    assert_eq!(
        ben.ask("{ viewer { mealTypes { name } } }", json!({})).await["viewer"]["mealTypes"][1]["name"],
        "Lunch",
        "his own is as it was"
    );
    assert_eq!(ann.ask("{ viewer { mealTypes { name } } }", json!({})).await["viewer"]["mealTypes"][1]["name"], "Luncheon");

    let phone = Device::new(&ann, "phone");
    let tea = json!({ "name": "Tea", "position": 250, "default_time": "16:00" });
    let pushed = phone.pushes(json!([change("meal_types", &id(), &phone.at("07:00:00"), tea.clone())])).await;
    assert_eq!(pushed[0]["status"], "APPLIED", "{pushed:?}");
    let pushed = phone.pushes(json!([change("meal_types", &id(), &phone.at("07:01:00"), tea)])).await;
    assert_eq!((&pushed[0]["status"], &pushed[0]["code"]), (&json!("REJECTED"), &json!("CONFLICT")), "{pushed:?}");
    assert_eq!(codes(&ann).await, ["breakfast", "lunch", "tea", "dinner", "snack"]);
}

const STATUS: &str = "query($date: Date) { viewer { foodDay(date: $date) { status completedAt } } }";
const COMPLETE: &str = "mutation($input: FoodDayInput!) { completeFoodDay(input: $input) { day { date status completedAt } } }";
const REOPEN: &str = "mutation($input: FoodDayInput!) { reopenFoodDay(input: $input) { day { status } } }";

#[tokio::test]
async fn a_day_of_fasting_is_not_a_day_that_was_forgotten() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let oats = ann.creates_food(json!({})).await;
    let status = async |date: &str| ann.ask(STATUS, json!({ "date": date })).await["viewer"]["foodDay"]["status"].take();
    assert_eq!(status("2026-03-09").await, "NOT_LOGGED");
    ann.logs_food(&oats, json!({})).await;
    assert_eq!(status("2026-03-10").await, "OPEN");
    ann.logs_food(&oats, json!({ "status": "PLANNED", "date": "2026-03-11" })).await;
    assert_eq!(status("2026-03-11").await, "NOT_LOGGED", "what is planned was not eaten");

    let completed = ann.ask(COMPLETE, json!({ "input": { "date": "2026-03-09" } })).await;
    let fasted = json!({ "date": "2026-03-09", "status": "FASTED", "completedAt": "2026-03-10T12:00:00Z" });
    assert_eq!(completed["completeFoodDay"]["day"], fasted);
    app.clock.advance(chrono::TimeDelta::minutes(5));
    let again = ann.ask(COMPLETE, json!({ "input": { "date": "2026-03-09" } })).await;
    assert_eq!(again["completeFoodDay"]["day"], fasted, "said again it changes nothing");
    ann.ask(COMPLETE, json!({ "input": { "date": "2026-03-10" } })).await;
    ann.logs_food(&oats, json!({})).await;
    assert_eq!(status("2026-03-10").await, "COMPLETE", "what is added later leaves the mark");

    let report = "{ viewer { nutritionReport(from: \"2026-03-01\", to: \"2026-03-31\") { days { date complete totals { calories } } average { calories } } } }";
    let reported = ann.ask(report, json!({})).await["viewer"]["nutritionReport"].take();
    assert_eq!(
        reported["days"],
        json!([{ "date": "2026-03-09", "complete": true, "totals": { "calories": "0" } }, { "date": "2026-03-10", "complete": true, "totals": { "calories": "200" } }])
    );
    assert_eq!(reported["average"]["calories"], "100", "a day of fasting counts");

    assert_eq!(ann.ask(REOPEN, json!({ "input": { "date": "2026-03-09" } })).await["reopenFoodDay"]["day"]["status"], "NOT_LOGGED");
    assert_eq!(ann.refused(REOPEN, json!({ "input": { "date": "2026-03-09" } })).await.code, "NOT_FOUND");
    for document in [COMPLETE, REOPEN] {
        let refused = ann.refused(document, json!({ "input": { "date": "2201-01-01" } })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("date")));
        assert_eq!(ben.refused(document, json!({ "input": { "date": "2026-03-10", "personId": ann.id } })).await.code, "NOT_FOUND");
    }
    // Whoever sees reports sees which days are complete, and no entry.
    app.verify(&ben).await;
    shares(&ann, &ben, &["REPORTS"], false).await;
    let seen = ben.ask("query($id: UUID!) { person(id: $id) { foodDay { date } nutritionReport(from: \"2026-03-01\", to: \"2026-03-31\") { days { complete } } } }", json!({ "id": ann.id })).await;
    assert_eq!(seen["person"], json!({ "foodDay": null, "nutritionReport": { "days": [{ "complete": true }] } }));
}
