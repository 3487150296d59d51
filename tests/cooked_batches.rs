//! Cook once, eat in portions: Ann cooks for Ben and Carla, who let her write in their diaries. Dan did not.

use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{Person, Refusal, TestApp},
    meals::creates_meal,
};

const COOK: &str = "mutation($input: CookMealInput!) { cookMeal(input: $input) {
    batch { id name measure total servings leftOver version portions { person { fullName } amount } }
    groups { id name quantity unit totals { calories protein } entries { name quantity unit createdBy { fullName } nutrition { calories } } } } }";
const PORTION: &str = "mutation($input: PortionCookedBatchInput!) { portionCookedBatch(input: $input) {
    batch { id leftOver version portions { person { fullName } amount } } groups { quantity unit totals { calories } entries { name quantity nutrition { calories } } } } }";

/// Beans of 127 and meat of 250 kcal per 100 g: 800 g and 500 g of them in a chili for 4 that weighs 1,500 g.
async fn chili(ann: &Person<'_>) -> String {
    let beans = ann.creates_food(json!({ "name": "Beans", "nutrition": { "calories": "127", "protein": "8.67" } })).await;
    let meat = ann.creates_food(json!({ "name": "Meat", "nutrition": { "calories": "250", "protein": "26" } })).await;
    let ingredients = json!([{ "foodId": beans, "quantity": "800", "unit": "g" }, { "foodId": meat, "quantity": "500", "unit": "g" }]);
    creates_meal(ann, json!({ "cookedWeight": "1500", "ingredients": ingredients })).await
}

async fn cooks(ann: &Person<'_>, input: Value) -> Value {
    ann.ask(COOK, json!({ "input": input })).await["cookMeal"].take()
}

async fn portions(ann: &Person<'_>, batch: &Value, portions: Value) -> Value {
    ann.ask(PORTION, portion_of(batch, portions)).await["portionCookedBatch"].take()
}

fn portion_of(batch: &Value, portions: Value) -> Value {
    json!({ "input": { "id": batch["id"], "portions": portions, "serving": { "mealType": "dinner" } } })
}

/// A decimal of at most six places in millionths.
fn millionths(value: &Value) -> i64 {
    let (whole, places) = value.as_str().unwrap().split_once('.').unwrap_or((value.as_str().unwrap(), ""));
    format!("{whole}{places:0<6}").parse().unwrap()
}

#[tokio::test]
async fn ann_cooks_chili_for_ben_and_carla_who_allowed_it_and_not_for_dan() {
    let app = TestApp::new().await;
    let (ann, ben, carla, dan) = (app.person("ann").await, app.person("ben").await, app.person("carla").await, app.person("dan").await);
    app.verify(&ann).await;
    shares(&ben, &ann, &["CALORIE"], true).await;
    shares(&carla, &ann, &["CALORIE"], true).await;
    // Dan lets her look and not write.
    shares(&dan, &ann, &["CALORIE"], false).await;
    let chili = chili(&ann).await;

    let of = |person: &Person<'_>, quantity: &str, unit: &str| json!({ "personId": person.id, "quantity": quantity, "unit": unit });
    let asked =
        json!({ "mealId": chili, "portions": [of(&ann, "1", "serving"), of(&dan, "1", "serving")], "serving": { "mealType": "dinner" } });
    let refused = ann.refused(COOK, json!({ "input": asked })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("portions[1].personId")));
    assert_eq!(app.value::<i64>("SELECT (SELECT count(*) FROM cooked_batches) + (SELECT count(*) FROM food_diary)").await, 0);

    // It weighed 1,400 g in the end.
    let cooked = cooks(
        &ann,
        json!({ "mealId": chili, "cookedWeight": "1400", "serving": { "mealType": "dinner" }, "portions": [
        of(&ann, "1", "serving"), of(&ben, "333.333", "g"), of(&carla, "0.25", "batch")] }),
    )
    .await;
    let batch = &cooked["batch"];
    assert_eq!((&batch["measure"], &batch["total"], &batch["leftOver"]), (&json!("GRAMS"), &json!("1400"), &json!("366.667")));
    assert_eq!(batch["portions"][1], json!({ "person": { "fullName": "ben" }, "amount": "333.333" }));
    assert_eq!(
        cooked["groups"][0]["entries"][0],
        json!({ "name": "Beans", "quantity": "200", "unit": "g", "createdBy": null, "nutrition": { "calories": "254" } })
    );
    assert_eq!(cooked["groups"][1]["entries"][0]["createdBy"]["fullName"], "ann");
    assert_eq!((&cooked["groups"][2]["quantity"], &cooked["groups"][2]["unit"]), (&json!("350"), &json!("g")));

    // Each has it in their own diary, which the others do not see.
    let day = "query($id: UUID!) { person(id: $id) { foodDay { totals { calories } } } }";
    assert_eq!(ann.calories_on(None).await, "566.5");
    assert_eq!(ben.ask(day, json!({ "id": ann.id })).await["person"], json!(null));
    // (1016 + 1250) · 333.333 / 1400, each part once to the last digit.
    assert_eq!(ben.calories_on(None).await, cooked["groups"][1]["totals"]["calories"].as_str().unwrap());
    assert_eq!(millionths(&cooked["groups"][1]["totals"]["calories"]) / 1_000, 539_523);
    assert_eq!(dan.calories_on(None).await, "0");

    // Later Ben eats the rest: all portions together are what was cooked.
    app.clock.advance(chrono::TimeDelta::minutes(5));
    let rest = portions(&ann, batch, json!([{ "personId": ben.id }])).await;
    assert_eq!(rest["batch"]["leftOver"], "0");
    let groups = cooked["groups"].as_array().unwrap().iter().chain([&rest["groups"][0]]);
    let sums = groups.fold((0, 0), |(beans, meat), group| {
        (
            beans + millionths(&group["entries"][0]["nutrition"]["calories"]),
            meat + millionths(&group["entries"][1]["nutrition"]["calories"]),
        )
    });
    assert_eq!(sums, (1_016_000_000, 1_250_000_000));

    let nothing = ann.refused(PORTION, portion_of(batch, json!([of(&ann, "1", "g")]))).await;
    assert_eq!((nothing.code.as_str(), nothing.field.as_deref()), ("BAD_USER_INPUT", Some("portions[0].quantity")));
}

#[tokio::test]
async fn what_was_cooked_stays_as_it_was_and_thirds_are_all_of_it() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let beans = ann.creates_food(json!({ "name": "Beans" })).await;
    let salt_free =
        creates_meal(&ann, json!({ "servings": "3", "ingredients": [{ "foodId": beans, "quantity": "1000", "unit": "g" }] })).await;
    // Twice as much of everything, but for what was counted.
    let twice = cooks(&ann, json!({ "mealId": salt_free, "times": "2" })).await;
    assert_eq!((&twice["batch"]["measure"], &twice["batch"]["total"]), (&json!("SERVINGS"), &json!("6")));
    let really = json!([{ "foodId": beans, "quantity": "100", "unit": "g" }, { "name": "Salt" }]);
    let batch = cooks(&ann, json!({ "mealId": salt_free, "ingredients": really, "cookedWeight": "1000" })).await["batch"].take();
    // Neither the recipe nor the food is there any more.
    ann.ask(
        "mutation($id: UUID!) { deleteMeal(input: { id: $id }) { deletedId } deleteFood(input: { id: \"$food\" }) { deletedId } }"
            .replace("\"$food\"", &format!("\"{beans}\""))
            .as_str(),
        json!({ "id": salt_free }),
    )
    .await;
    let mut calories = Vec::new();
    for left in ["666.667", "333.333", "0"] {
        let given = portions(&ann, &batch, json!([{ "personId": ann.id, "quantity": "1" }])).await;
        assert_eq!(given["batch"]["leftOver"], left);
        calories.push(given["groups"][0]["entries"][0]["nutrition"]["calories"].as_str().unwrap().to_owned());
    }
    assert_eq!(calories, ["33.3333", "33.3334", "33.3333"]);
    assert_eq!(ann.calories_on(None).await, "100");
}

#[tokio::test]
async fn two_who_portion_at_once_give_out_no_more_than_there_is() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let batch = cooks(&ann, json!({ "mealId": chili(&ann).await })).await["batch"].take();
    let third = async || ann.json(PORTION, portion_of(&batch, json!([{ "personId": ann.id, "quantity": "0.4", "unit": "batch" }]))).await;
    let answers: [Value; 4] = tokio::join!(third(), third(), third(), third()).into();
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer["errors"][0]["extensions"]["field"].as_str()).collect();
    assert_eq!(refused, ["portions[0].quantity"; 2]);
    assert_eq!(app.value::<String>("SELECT portioned::text FROM cooked_batches").await, "1200.000");
    let left = portions(&ann, &batch, json!([{ "personId": ann.id, "quantity": "200", "unit": "g" }, { "personId": ann.id }])).await;
    assert_eq!(left["batch"]["leftOver"], "0");
    assert_eq!(ann.calories_on(None).await, "2266");
}

#[tokio::test]
async fn cooking_is_refused_by_its_field_and_repeated_without_harm() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let chili = chili(&ann).await;
    let id = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";
    let once =
        json!({ "id": id, "mealId": chili, "serving": { "mealType": "dinner" }, "portions": [{ "personId": ann.id, "quantity": "1" }] });
    let first = cooks(&ann, once.clone()).await;
    let again = cooks(&ann, once.clone()).await;
    assert_eq!((&again["batch"], &again["groups"]), (&first["batch"], &first["groups"]));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_diary").await, 2);

    // Nor are portions with ids given out twice, however often the answer is lost.
    let (one, two) = ("0199c1f0-5b7e-7cc3-98c4-dc0c0c073990", "0199c1f0-5b7e-7cc3-98c4-dc0c0c073991");
    let gives = async |portions: Value| ann.json(PORTION, portion_of(&first["batch"], portions)).await;
    let two_bowls = json!([{ "id": two, "personId": ann.id, "quantity": "1" }, { "id": one, "personId": ann.id, "quantity": "0.5" }]);
    let (given, at_once) = tokio::join!(gives(two_bowls.clone()), gives(two_bowls.clone()));
    assert_eq!(given["data"]["portionCookedBatch"]["groups"].as_array().map(Vec::len), Some(2), "{given}");
    assert_eq!((&given, &given), (&at_once, &gives(two_bowls).await));
    assert_eq!(given["data"]["portionCookedBatch"]["batch"]["leftOver"], "562.5");
    assert_eq!(cooks(&ann, once).await["groups"], first["groups"], "what was given out later is no part of the cooking");
    let another = json!([{ "id": two, "personId": ann.id, "quantity": "1" }, { "id": one, "personId": ann.id, "quantity": "0.6" }]);
    assert_eq!(gives(another).await["errors"][0]["extensions"]["code"], "CONFLICT");
    let mixed = json!([{ "id": "0199c1f0-5b7e-7cc3-98c4-dc0c0c073992", "personId": ann.id, "quantity": "1" }, { "personId": ann.id, "quantity": "1" }]);
    assert_eq!(gives(mixed).await["errors"][0]["extensions"]["field"], "portions");
    let group = "mutation($id: UUID!) { deleteFoodGroup(input: { id: $id }) { deletedId } }";
    for id in [one, two] {
        ann.ask(group, json!({ "id": id })).await;
    }

    let cook = async |input: Value| -> Refusal {
        let mut asked = json!({ "mealId": chili });
        asked.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        ann.refused(COOK, json!({ "input": asked })).await
    };
    for (input, field) in [
        (json!({ "times": "0" }), "times"),
        (json!({ "times": "2", "ingredients": [] }), "times"),
        (json!({ "cookedWeight": "0" }), "cookedWeight"),
        (json!({ "ingredients": [{ "name": "" }] }), "ingredients[0].name"),
        (json!({ "portions": [{ "personId": ann.id }] }), "serving"),
        (json!({ "portions": [{ "personId": "x" }], "serving": { "mealType": "dinner" } }), "portions[0].personId"),
        (
            json!({ "portions": [{ "personId": ann.id, "quantity": "1", "unit": "cup" }], "serving": { "mealType": "dinner" } }),
            "portions[0].unit",
        ),
        (json!({ "portions": [{ "personId": ann.id, "quantity": "5" }], "serving": { "mealType": "dinner" } }), "portions[0].quantity"),
    ] {
        let refused = cook(input.clone()).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{input}: {refused:?}");
    }
    assert_eq!(cook(json!({ "mealId": id })).await.code, "NOT_FOUND");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM cooked_batches").await, 1);
    let deleted = ann.ask("mutation($id: UUID!) { deleteCookedBatch(input: { id: $id }) { deletedId } }", json!({ "id": id })).await;
    assert_eq!(deleted["deleteCookedBatch"]["deletedId"], id);
    assert_eq!(ann.calories_on(None).await, "566.5", "what was eaten stays");
}
