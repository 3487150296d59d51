//! What people drink, and how it adds up.

use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{Person, TestApp},
    sync::{Device, change, id},
};

const LOG: &str = "mutation($input: LogWaterInput!) { logWater(input: $input) {
    entry { id drink quantity unit milliliters containerId drankAt date note version } day { water otherDrinks drinks } } }";
const UPDATE: &str = "mutation($input: UpdateWaterEntryInput!) { updateWaterEntry(input: $input) { entry { milliliters drink version } days { date water otherDrinks } } }";
const DELETE: &str = "mutation($input: DeleteInput!) { deleteWaterEntry(input: $input) { deletedId day { water entries { id } } } }";
const DAY: &str = "query($date: Date) { viewer { waterDay(date: $date) {
    entries { drink } water otherDrinks drinksInFoodDiary drinks totalWater foodsWithoutWater goal } } }";
const CREATE_CONTAINER: &str = "mutation($input: CreateWaterContainerInput!) { createWaterContainer(input: $input) { container { id primary } containers { name primary } } }";
const UPDATE_CONTAINER: &str = "mutation($input: UpdateWaterContainerInput!) { updateWaterContainer(input: $input) { container { id version } containers { name primary } } }";
const DELETE_CONTAINER: &str = "mutation($input: DeleteInput!) { deleteWaterContainer(input: $input) { deletedId containers { name } } }";

async fn drinks(person: &Person<'_>, input: Value) -> Value {
    person.ask(LOG, json!({ "input": input })).await["logWater"].take()
}

#[tokio::test]
async fn ann_drinks_from_her_bottle_all_day() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let nothing = ann.refused(LOG, json!({ "input": {} })).await;
    assert_eq!((nothing.code.as_str(), nothing.field.as_deref()), ("BAD_USER_INPUT", Some("containerId")), "she has no container yet");
    let bottle = json!({ "id": id(), "name": "Bottle", "volume": "0.75", "unit": "l", "servings": 3, "primary": true });
    let made = ann.ask(CREATE_CONTAINER, json!({ "input": bottle })).await;
    assert_eq!(ann.ask(CREATE_CONTAINER, json!({ "input": bottle })).await, made, "sent again it is added once");
    let glass = json!({ "name": "Glass", "volume": "8", "unit": "fl oz" });
    let glass = ann.ask(CREATE_CONTAINER, json!({ "input": glass })).await["createWaterContainer"]["container"]["id"].clone();

    let sip = drinks(&ann, json!({})).await;
    assert_eq!(
        (&sip["entry"]["milliliters"], &sip["entry"]["drink"], &sip["entry"]["unit"]),
        (&json!("250"), &json!("water"), &json!("l"))
    );
    assert_eq!(drinks(&ann, json!({ "servings": "1.5" })).await["day"]["water"], "625");
    assert_eq!(drinks(&ann, json!({ "containerId": glass })).await["entry"]["milliliters"], "236.588237");
    let tea = drinks(&ann, json!({ "quantity": "2", "unit": "metric cup", "drink": " Green Tea ", "note": "at work" })).await;
    assert_eq!((&tea["entry"]["drink"], &tea["entry"]["milliliters"]), (&json!("green tea"), &json!("500")));
    assert_eq!(
        (&tea["day"]["water"], &tea["day"]["otherDrinks"], &tea["day"]["drinks"]),
        (&json!("861.588237"), &json!("500"), &json!("1361.588237"))
    );
    // Of another day it was at noon.
    assert_eq!(drinks(&ann, json!({ "date": "2026-03-09" })).await["entry"]["drankAt"], "2026-03-09T12:00:00Z");

    let tea = tea["entry"]["id"].clone();
    let moved =
        json!({ "id": tea, "quantity": "300", "unit": "ml", "drink": "water", "drankAt": "2026-03-09T20:00:00Z", "expectedVersion": 1 });
    let moved = ann.ask(UPDATE, json!({ "input": moved })).await["updateWaterEntry"].take();
    assert_eq!(moved["entry"], json!({ "milliliters": "300", "drink": "water", "version": 2 }));
    assert_eq!(
        moved["days"],
        json!([{ "date": "2026-03-10", "water": "861.588237", "otherDrinks": "0" }, { "date": "2026-03-09", "water": "550", "otherDrinks": "0" }])
    );
    assert_eq!(ann.refused(UPDATE, json!({ "input": { "id": tea, "quantity": "1", "expectedVersion": 1 } })).await.code, "CONFLICT");
    let deleted = ann.ask(DELETE, json!({ "input": { "id": tea } })).await;
    assert_eq!(deleted["deleteWaterEntry"]["day"]["water"], "250");
    let restore =
        "mutation($id: UUID!, $of: UUID) { restoreWaterEntry(input: { id: $id, personId: $of }) { entry { version } day { water } } }";
    let restored = ann.ask(restore, json!({ "id": tea })).await["restoreWaterEntry"].take();
    assert_eq!(restored, json!({ "entry": { "version": 4 }, "day": { "water": "550" } }));
    assert_eq!(ann.ask(restore, json!({ "id": tea })).await["restoreWaterEntry"], restored, "what is there stays as it is");
    let stranger = app.person("dan").await;
    for of in [json!(null), json!(ann.id)] {
        assert_eq!(stranger.refused(restore, json!({ "id": tea, "of": of })).await.code, "NOT_FOUND");
    }
    ann.ask(DELETE, json!({ "input": { "id": tea } })).await;

    // There is one primary container, and what was drunk from one that is gone stays.
    let other = ann.ask(UPDATE_CONTAINER, json!({ "input": { "id": glass, "primary": true } })).await;
    assert_eq!(
        other["updateWaterContainer"]["containers"],
        json!([{ "name": "Glass", "primary": true }, { "name": "Bottle", "primary": false }])
    );
    ann.ask(DELETE_CONTAINER, json!({ "input": { "id": glass } })).await;
    let day = ann.ask(DAY, json!({ "date": "2026-03-10" })).await;
    assert_eq!(day["viewer"]["waterDay"]["water"], "861.588237");

    for (field, input) in [
        ("unit", json!({ "quantity": "1", "unit": "g" })),
        ("unit", json!({ "quantity": "1" })),
        ("quantity", json!({ "unit": "ml" })),
        ("quantity", json!({ "quantity": "0", "unit": "ml" })),
        ("quantity", json!({ "quantity": "101", "unit": "l" })),
        ("quantity", json!({ "quantity": "1", "unit": "ml", "servings": "1" })),
        ("servings", json!({ "servings": "0", "containerId": made["createWaterContainer"]["container"]["id"] })),
        ("drink", json!({ "quantity": "1", "unit": "ml", "drink": "x".repeat(51) })),
        ("date", json!({ "quantity": "1", "unit": "ml", "date": "2026-03-09", "drankAt": "2026-03-09T20:00:00Z" })),
    ] {
        let refused = ann.refused(LOG, json!({ "input": input })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{input}");
    }
    let gone = ann.refused(LOG, json!({ "input": { "containerId": glass } })).await;
    assert_eq!((gone.code.as_str(), gone.field.as_deref()), ("NOT_FOUND", Some("containerId")));
    for (field, input) in [
        ("volume", json!({ "volume": "0" })),
        ("unit", json!({ "unit": "kg" })),
        ("servings", json!({ "servings": 0 })),
        ("name", json!({ "name": " " })),
    ] {
        let mut container = json!({ "name": "Cup", "volume": "1", "unit": "cup" });
        container.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        let refused = ann.refused(CREATE_CONTAINER, json!({ "input": container })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
}

#[tokio::test]
async fn anns_sips_are_told_in_ml_by_what_her_bottle_holds_and_not_by_its_thousandths() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let container = async |name: &str, volume: &str, unit: &str, servings: i32| {
        let made =
            ann.ask(CREATE_CONTAINER, json!({ "input": { "name": name, "volume": volume, "unit": unit, "servings": servings } })).await;
        made["createWaterContainer"]["container"]["id"].clone()
    };
    let (bottle, canister) = (container("Bottle", "1", "l", 3).await, container("Canister", "1", "gal", 7).await);
    let sip = drinks(&ann, json!({ "containerId": bottle })).await["entry"].take();
    assert_eq!((&sip["quantity"], &sip["unit"], &sip["milliliters"]), (&json!("0.333"), &json!("l"), &json!("333.333333")));
    drinks(&ann, json!({ "containerId": bottle })).await;
    assert_eq!(drinks(&ann, json!({ "containerId": bottle })).await["day"]["water"], "999.999999", "three of them are the bottle");
    assert_eq!(drinks(&ann, json!({ "containerId": bottle, "servings": "3" })).await["entry"]["milliliters"], "1000");
    assert_eq!(drinks(&ann, json!({ "containerId": canister })).await["entry"]["milliliters"], "540.773112");
}

#[tokio::test]
async fn drinks_are_one_figure_and_all_water_is_another() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let milk = ann.creates_food(json!({ "name": "Milk", "servingUnit": "ml", "nutrition": { "calories": "64" } })).await;
    let oats = ann.creates_food(json!({ "name": "Oats" })).await;
    let mut owner = app.connect("hale_owner").await;
    for (food, water, caffeine) in [(&milk, "88", None), (&oats, "8.2", Some("0.004"))] {
        let nutrients = match caffeine {
            Some(caffeine) => json!({ "WATER": water, "CAFFN": caffeine }),
            None => json!({ "WATER": water }),
        };
        sqlx::query("UPDATE nutrition_data SET nutrients = $2 WHERE food_item_id = $1::uuid")
            .bind(food)
            .bind(nutrients)
            .execute(&mut owner)
            .await
            .unwrap();
    }
    let day = async || ann.ask(DAY, json!({ "date": "2026-03-10" })).await["viewer"]["waterDay"].take();
    drinks(&ann, json!({ "quantity": "500", "unit": "ml" })).await;
    ann.logs_food(&milk, json!({ "quantity": "250", "unit": "ml" })).await;
    ann.logs_food(&oats, json!({ "quantity": "50", "unit": "g" })).await;
    let expected = json!({ "entries": [{ "drink": "water" }], "water": "500", "otherDrinks": "0", "drinksInFoodDiary": "250", "drinks": "750",
        "totalWater": "724.1", "foodsWithoutWater": 0, "goal": null });
    assert_eq!(day().await, expected, "500 + 0.88 · 250 + 0.082 · 50");

    // A spoonful is no drink, what is planned was not drunk, and what does not state its water is told.
    ann.logs_food(&milk, json!({ "quantity": "1", "unit": "tbsp", "status": "PLANNED" })).await;
    assert_eq!(day().await, expected);
    let spoon = ann.logs_food(&milk, json!({ "quantity": "2", "unit": "tbsp" })).await["entry"]["id"].clone();
    let unknown = ann.creates_food(json!({ "name": "Soup", "servingUnit": "ml" })).await;
    ann.logs_food(&unknown, json!({ "quantity": "300", "unit": "ml" })).await;
    let shown = day().await;
    assert_eq!((&shown["drinksInFoodDiary"], &shown["foodsWithoutWater"]), (&json!("550"), &json!(1)));
    // Poured from a glass after all.
    let update = "mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) { entry { id } } }";
    ann.ask(update, json!({ "input": { "id": spoon, "quantity": "100", "unit": "ml" } })).await;
    assert_eq!(day().await["drinksInFoodDiary"], "650");

    // Caffeine and alcohol are nutrients of the day.
    let nutrients = "{ viewer { foodDay { caffeine: nutrient(code: \"CAFFN\") { amount knownEntries unknownEntries } alcohol: nutrient(code: \"ALC\") { amount unknownEntries } energy: nutrient(code: \"ENERC_KCAL\") { amount } } } }";
    let told = ann.ask(nutrients, json!({})).await["viewer"]["foodDay"].take();
    assert_eq!(told["caffeine"], json!({ "amount": "0.002", "knownEntries": 1, "unknownEntries": 3 }));
    assert_eq!(told["alcohol"], json!({ "amount": null, "unknownEntries": 4 }));
    assert_eq!(told["energy"]["amount"], ann.calories_on(None).await);

    let set = "mutation($input: SetGoalInput!) { setGoal(input: $input) { goal { targetUnit } } }";
    ann.ask(set, json!({ "input": { "type": "water_target", "targetValue": "2.5", "targetUnit": "l", "validFrom": "2026-03-10" } })).await;
    assert_eq!(day().await["goal"], "2500");
    assert_eq!(ann.ask(DAY, json!({ "date": "2026-03-09" })).await["viewer"]["waterDay"]["goal"], json!(null));
    let without_unit = ann.ask(set, json!({ "input": { "type": "water_target", "targetValue": "2000", "validFrom": "2026-03-11" } })).await;
    assert_eq!(without_unit["setGoal"]["goal"]["targetUnit"], "ml");
    let refused = ann.refused(set, json!({ "input": { "type": "water_target", "targetValue": "2", "targetUnit": "kg" } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("targetUnit")));
}

#[tokio::test]
async fn kefir_from_a_glass_is_a_drink_though_it_is_described_by_weight() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let kefir = json!({ "name": "Kefir", "servingUnit": "g", "density": "1.03",
        "portions": [{ "name": "glass", "amount": "200", "unit": "ml" }, { "name": "cup", "amount": "150", "unit": "g" }] });
    let kefir = ann.creates_food(kefir).await;
    // What is told by weight is no drink, nor what a portion that is named like a unit of volume weighs, nor a spoonful.
    for (quantity, unit, so_far) in [
        ("103", "g", "0"),
        ("250", "ml", "250"),
        ("1", "glass", "450"),
        ("1", "cup", "450"),
        ("2", "tbsp", "450"),
        ("1", "pint", "923.176473"),
    ] {
        ann.logs_food(&kefir, json!({ "quantity": quantity, "unit": unit })).await;
        let day = ann.ask(DAY, json!({ "date": "2026-03-10" })).await["viewer"]["waterDay"].take();
        assert_eq!(day["drinksInFoodDiary"], so_far, "after {quantity} {unit}");
    }
}

#[tokio::test]
async fn a_glass_is_logged_once_by_whoever_may_and_without_a_network() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let glass = json!({ "id": id(), "personId": ann.id, "quantity": "200", "unit": "ml" });
    assert_eq!(ben.refused(LOG, json!({ "input": glass })).await.code, "NOT_FOUND");
    app.verify(&ben).await;
    shares(&ann, &ben, &["CALORIE"], true).await;
    let first = drinks(&ben, glass.clone()).await;
    assert_eq!(drinks(&ben, glass.clone()).await, first);
    let mut other = glass.clone();
    other["quantity"] = json!("300");
    assert_eq!(ben.refused(LOG, json!({ "input": other })).await.code, "CONFLICT");

    let (phone, row) = (Device::new(&ann, "phone"), id());
    let cup = json!({ "quantity": "1", "unit": "cup", "drank_at": "2026-03-10T07:00:00Z" });
    let results = phone.pushes(json!([change("water_entries", &row, &phone.at("07:00:00"), cup)])).await;
    assert_eq!(
        (&results[0]["status"], &results[0]["row"]["document"]["milliliters"]),
        (&json!("APPLIED"), &json!("236.588237")),
        "{results:?}"
    );
    let results =
        phone.pushes(json!([change("water_entries", &row, &phone.at("07:10:00"), json!({ "quantity": "1", "unit": "kg" }))])).await;
    assert_eq!((&results[0]["status"], &results[0]["field"]), (&json!("REJECTED"), &json!("unit")));
    let day = ann.ask("{ viewer { waterDay { entries { drink createdBy { id } } water } waterDays(from: \"2026-03-09\", to: \"2026-03-10\") { water } } }", json!({})).await;
    assert_eq!(day["viewer"]["waterDay"]["water"], "436.588237");
    assert_eq!(day["viewer"]["waterDays"], json!([{ "water": "0" }, { "water": "436.588237" }]));
    assert_eq!(day["viewer"]["waterDay"]["entries"][1]["createdBy"]["id"], ben.id.as_str());
}
