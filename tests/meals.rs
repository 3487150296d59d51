//! Meals and recipes: what they are made of, what they come to, and who sees them.

use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{Person, TestApp},
};

const CREATE: &str = "mutation($input: CreateMealInput!) { createMeal(input: $input) { meal { id name version } } }";
const UPDATE: &str = "mutation($input: UpdateMealInput!) { updateMeal(input: $input) { meal {
    id name description notes servings cookedWeight steps sourceUrl version ingredients { name } statedNutrition { calories } } } }";
const DELETE: &str = "mutation($input: DeleteInput!) { deleteMeal(input: $input) { deletedId } }";
const MEAL: &str =
    "query($id: UUID!, $person: UUID) { meal(id: $id, personId: $person) { id name owner { fullName } servings cookedWeight steps
    all: nutrition { calories protein unknown } serving: nutrition(quantity: 1, unit: \"serving\") { calories protein unknown }
    ingredients { name quantity unit note food { id } meal { name } nutrition { calories unknown } } } }";

/// The id of a meal for four, unless `input` says otherwise.
pub async fn creates_meal(person: &Person<'_>, input: Value) -> String {
    let answer = person.ask(CREATE, meal(input)).await;
    answer["createMeal"]["meal"]["id"].as_str().unwrap().to_owned()
}

fn meal(input: Value) -> Value {
    let mut meal = json!({ "name": "Chili", "servings": "4" });
    meal.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    json!({ "input": meal })
}

async fn read(person: &Person<'_>, id: &str) -> Value {
    person.ask(MEAL, json!({ "id": id })).await["meal"].take()
}

#[tokio::test]
async fn a_recipe_comes_to_what_is_in_it_and_names_what_is_not_known() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let beans = ann.creates_food(json!({ "name": "Beans", "nutrition": { "calories": "127", "protein": "8.67" } })).await;
    let egg = ann
        .creates_food(json!({ "name": "Egg", "nutrition": { "calories": "143", "protein": "12.56" },
            "portions": [{ "name": "large", "amount": "50", "unit": "g" }] }))
        .await;
    let ingredients = json!([
        { "foodId": beans, "quantity": "2", "unit": "oz", "note": "drained" },
        { "foodId": egg, "quantity": "3", "unit": "LARGE" },
    ]);
    let id = creates_meal(&ann, json!({ "servings": "4", "cookedWeight": "500", "steps": ["Soak.", "Boil."], "ingredients": ingredients }))
        .await;
    let known = read(&ann, &id).await;
    // 56.69904625 g of beans and 150 g of egg.
    assert_eq!(known["all"]["calories"], "286.507789");
    assert_eq!(known["all"]["protein"], "23.755807");
    assert_eq!(known["serving"]["calories"], "71.626947");
    assert_eq!(known["all"]["unknown"], json!(["carbohydrates", "fat", "fiber", "sugar", "sodium"]));
    assert_eq!(known["ingredients"][1]["unit"], "large");
    assert_eq!(
        known["ingredients"][0],
        json!({ "name": "Beans", "quantity": "2", "unit": "oz", "note": "drained", "food": { "id": beans },
        "meal": null, "nutrition": { "calories": "72.007789", "unknown": ["carbohydrates", "fat", "fiber", "sugar", "sodium"] } })
    );

    // Salt to taste is known to be in it, and nothing is known of it.
    let ingredients = json!([{ "foodId": beans, "quantity": "100", "unit": "g" }, { "name": "Salt" }]);
    ann.ask(UPDATE, json!({ "input": { "id": id, "ingredients": ingredients } })).await;
    let salted = read(&ann, &id).await;
    assert_eq!(
        salted["all"],
        json!({ "calories": "127", "protein": "8.67",
        "unknown": ["calories", "protein", "carbohydrates", "fat", "fiber", "sugar", "sodium"] })
    );

    // By weight, and by what the beans are today.
    ann.ask(
        "mutation($id: UUID!) { updateFood(input: { id: $id, nutrition: { calories: \"130\" } }) { food { id } } }",
        json!({ "id": beans }),
    )
    .await;
    let weighed = ann
        .ask("query($id: UUID!) { meal(id: $id) { nutrition(quantity: \"250\", unit: \"g\") { calories } } }", json!({ "id": id }))
        .await;
    assert_eq!(weighed["meal"]["nutrition"]["calories"], "65");
}

#[tokio::test]
async fn a_meal_in_a_meal_counts_for_its_share() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let tomatoes = ann.creates_food(json!({ "name": "Tomatoes", "nutrition": { "calories": "18" } })).await;
    let sauce = creates_meal(
        &ann,
        json!({ "name": "Sauce", "servings": "3", "cookedWeight": "700",
        "ingredients": [{ "foodId": tomatoes, "quantity": "1", "unit": "kg" }] }),
    )
    .await;
    let lasagne = creates_meal(
        &ann,
        json!({ "name": "Lasagne", "servings": "6", "ingredients": [
        { "mealId": sauce, "quantity": "350", "unit": "g" }, { "mealId": sauce, "quantity": "1", "unit": "serving" }] }),
    )
    .await;
    let meal = read(&ann, &lasagne).await;
    // Half and a third of 180 kcal.
    assert_eq!((&meal["all"]["calories"], &meal["serving"]["calories"]), (&json!("150"), &json!("25")));
    assert_eq!(meal["ingredients"][0]["meal"]["name"], "Sauce");

    // Litres of it cannot be told, nor grams once nothing says what it weighs.
    let unit = ann.refused(CREATE, meal_of(&sauce, "2", "l")).await;
    assert_eq!((unit.code.as_str(), unit.field.as_deref()), ("BAD_USER_INPUT", Some("ingredients[0].unit")));
    assert!(unit.message.contains("batch, serving, g"), "{}", unit.message);
    ann.ask(UPDATE, json!({ "input": { "id": sauce, "cookedWeight": null } })).await;
    assert_eq!(ann.refused(CREATE, meal_of(&sauce, "2", "g")).await.field.as_deref(), Some("ingredients[0].unit"));
    let meal = read(&ann, &lasagne).await;
    assert_eq!(meal["all"]["calories"], "60");
    assert_eq!(meal["all"]["unknown"][0], "calories");

    // What others are made of stays.
    assert_eq!(ann.refused(DELETE, json!({ "input": { "id": sauce } })).await.code, "CONFLICT");
    ann.ask(DELETE, json!({ "input": { "id": lasagne } })).await;
    ann.ask(DELETE, json!({ "input": { "id": sauce } })).await;

    // That was a mistake: first the sauce comes back, and then what is made of it.
    let restore = "mutation($id: UUID!) { restoreMeal(input: { id: $id }) { meal { name version nutrition { calories } } } }";
    let without = ann.refused(restore, json!({ "id": lasagne })).await;
    assert_eq!(without.code, "CONFLICT");
    assert!(without.message.contains("restore that one first"), "{}", without.message);
    assert_eq!(ann.ask(restore, json!({ "id": sauce })).await["restoreMeal"]["meal"]["name"], "Sauce");
    let restored = ann.ask(restore, json!({ "id": lasagne })).await["restoreMeal"].take();
    assert_eq!(restored["meal"], json!({ "name": "Lasagne", "version": 3, "nutrition": { "calories": "60" } }));
    assert_eq!(ann.ask(restore, json!({ "id": lasagne })).await["restoreMeal"], restored, "what is there stays as it is");
    assert_eq!(app.person("dan").await.refused(restore, json!({ "id": lasagne })).await.code, "NOT_FOUND");
    // Meanwhile the sauce has got parts of parts, as deep as may be: the lasagne would lie deeper.
    ann.ask(DELETE, json!({ "input": { "id": lasagne } })).await;
    let mut part = creates_meal(&ann, json!({ "name": "Water" })).await;
    for depth in 0..4 {
        part = creates_meal(
            &ann,
            json!({ "name": format!("Stock {depth}"), "ingredients": [{ "mealId": part, "quantity": "1", "unit": "batch" }] }),
        )
        .await;
    }
    ann.ask(UPDATE, json!({ "input": { "id": sauce, "ingredients": [{ "mealId": part, "quantity": "1", "unit": "batch" }] } })).await;
    let deep = ann.refused(restore, json!({ "id": lasagne })).await;
    assert_eq!(deep.code, "CONFLICT");
    assert!(deep.message.contains("five deep"), "{}", deep.message);
    ann.ask(DELETE, json!({ "input": { "id": sauce } })).await;
    assert_eq!(read(&ann, &sauce).await, json!(null));
}

fn meal_of(part: &str, quantity: &str, unit: &str) -> Value {
    meal(json!({ "name": "Whole", "ingredients": [{ "mealId": part, "quantity": quantity, "unit": unit }] }))
}

async fn contains(person: &Person<'_>, whole: &str, part: &str) -> Value {
    let ingredients = json!([{ "mealId": part, "quantity": "1", "unit": "serving" }]);
    person.json(UPDATE, json!({ "input": { "id": whole, "ingredients": ingredients } })).await
}

#[tokio::test]
async fn no_meal_contains_itself_not_even_by_two_writers_at_once() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let refusal = |answer: &Value| (answer["errors"][0]["extensions"]["code"].clone(), answer["errors"][0]["extensions"]["field"].clone());
    let bad_ingredients = (json!("BAD_USER_INPUT"), json!("ingredients"));
    let a = creates_meal(&ann, json!({})).await;
    let b = creates_meal(&ann, json!({})).await;
    let c = creates_meal(&ann, json!({})).await;
    assert_eq!(refusal(&contains(&ann, &a, &a).await), bad_ingredients);
    assert!(contains(&ann, &a, &b).await.get("errors").is_none());
    assert!(contains(&ann, &b, &c).await.get("errors").is_none());
    assert_eq!(refusal(&contains(&ann, &c, &a).await), bad_ingredients);

    for _ in 0..10 {
        let (x, y) = (creates_meal(&ann, json!({})).await, creates_meal(&ann, json!({})).await);
        let (first, second) = tokio::join!(contains(&ann, &x, &y), contains(&ann, &y, &x));
        let refused = [&first, &second].into_iter().filter(|answer| answer.get("errors").is_some()).collect::<Vec<_>>();
        assert_eq!(refused.len(), 1, "{first} {second}");
        assert_eq!(refusal(refused[0]), bad_ingredients);
    }

    // Five deep, and no deeper: neither from above nor from below.
    let mut chain = vec![creates_meal(&ann, json!({})).await];
    for _ in 0..5 {
        let whole =
            creates_meal(&ann, json!({ "ingredients": [{ "mealId": chain.last().unwrap(), "quantity": "1", "unit": "serving" }] })).await;
        chain.push(whole);
    }
    assert_eq!(ann.refused(CREATE, meal_of(chain.last().unwrap(), "1", "batch")).await.field.as_deref(), Some("ingredients"));
    assert_eq!(refusal(&contains(&ann, &chain[0], &c).await), bad_ingredients);
    assert_eq!(read(&ann, chain.last().unwrap()).await["all"]["unknown"].as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn absent_keeps_and_null_clears() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let input = json!({ "description": "Hot", "notes": "Less salt", "cookedWeight": "900", "steps": ["Fry."], "sourceUrl": "https://example.org/chili",
        "statedNutrition": { "calories": "500" }, "ingredients": [{ "name": "Beans", "quantity": "2", "unit": "cans" }] });
    let id = creates_meal(&ann, input).await;
    let update = async |input: Value| ann.ask(UPDATE, json!({ "input": input })).await["updateMeal"]["meal"].take();
    let kept = update(json!({ "id": id, "name": " Chili sin carne " })).await;
    assert_eq!(
        kept,
        json!({ "id": id, "name": "Chili sin carne", "description": "Hot", "notes": "Less salt", "servings": "4", "cookedWeight": "900",
        "steps": ["Fry."], "sourceUrl": "https://example.org/chili", "version": 2, "ingredients": [{ "name": "Beans" }],
        "statedNutrition": { "calories": "500" } })
    );
    // What its source says holds, until it is cleared.
    assert_eq!(read(&ann, &id).await["all"]["calories"], "2000");
    let servings = ann.refused(UPDATE, json!({ "input": { "id": id, "servings": null } })).await;
    assert_eq!(servings.field.as_deref(), Some("statedNutrition"));
    let cleared =
        update(json!({ "id": id, "description": null, "notes": null, "cookedWeight": null, "sourceUrl": null, "statedNutrition": null,
        "ingredients": [], "steps": [], "expectedVersion": 2 }))
        .await;
    assert_eq!(
        cleared,
        json!({ "id": id, "name": "Chili sin carne", "description": null, "notes": null, "servings": "4", "cookedWeight": null,
        "steps": [], "sourceUrl": null, "version": 3, "ingredients": [], "statedNutrition": null })
    );
    assert_eq!(ann.refused(UPDATE, json!({ "input": { "id": id, "servings": null } })).await.field.as_deref(), Some("servings"));

    let clash = ann.json(UPDATE, json!({ "input": { "id": id, "name": "x", "expectedVersion": 2 } })).await;
    assert_eq!(
        clash["errors"][0]["extensions"]["current"],
        json!({ "id": id, "name": "Chili sin carne", "description": null, "notes": null,
        "steps": [], "servings": "4", "cookedWeight": null, "sourceUrl": null, "version": 3 })
    );
    // New ingredients alone are a change too.
    assert_eq!(update(json!({ "id": id, "ingredients": [{ "name": "Rice" }] })).await["version"], 4);
}

#[tokio::test]
async fn creating_twice_with_one_id_creates_once() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let input = meal(json!({ "id": "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f", "ingredients": [{ "name": "Beans" }] }));
    let first = ann.ask(CREATE, input.clone()).await;
    assert_eq!(ann.ask(CREATE, input.clone()).await, first);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM meal_ingredients").await, 1);
    let other = meal(json!({ "id": "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f", "name": "Other" }));
    assert_eq!(ann.refused(CREATE, other).await.code, "CONFLICT");
    // Ids are a person's own: nobody learns that somebody else has it.
    ben.ask(CREATE, input).await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_its_field() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let secret = ben.creates_food(json!({})).await;
    let (oats, of_ben) = (ann.creates_food(json!({})).await, creates_meal(&ben, json!({})).await);
    let ingredients = |ingredient: Value| json!({ "ingredients": [{ "name": "Salt" }, ingredient] });
    for (input, field) in [
        (json!({ "name": " " }), "name"),
        (json!({ "servings": null }), "servings"),
        (json!({ "servings": "0" }), "servings"),
        (json!({ "servings": "1.0001" }), "servings"),
        (json!({ "cookedWeight": "-1" }), "cookedWeight"),
        (json!({ "sourceUrl": "javascript:alert(1)" }), "sourceUrl"),
        (json!({ "steps": ["Fry.", ""] }), "steps[1]"),
        (json!({ "statedNutrition": { "calories": "-1" } }), "statedNutrition.calories"),
        (json!({ "statedNutrition": { "protein": "x" } }), "statedNutrition.protein"),
        (json!({ "statedNutrition": { "nutrients": [{ "code": "NOPE", "amount": "1" }] } }), "statedNutrition.nutrients[0].code"),
        (json!({ "servings": null, "cookedWeight": "500", "statedNutrition": {} }), "statedNutrition"),
        (ingredients(json!({})), "ingredients[1].name"),
        (ingredients(json!({ "foodId": secret, "quantity": "1", "unit": "g" })), "ingredients[1].foodId"),
        (ingredients(json!({ "mealId": of_ben, "quantity": "1", "unit": "batch" })), "ingredients[1].mealId"),
        (ingredients(json!({ "foodId": oats, "mealId": of_ben })), "ingredients[1].mealId"),
        (ingredients(json!({ "foodId": oats, "unit": "g" })), "ingredients[1].quantity"),
        (ingredients(json!({ "foodId": oats, "quantity": "1" })), "ingredients[1].unit"),
        (ingredients(json!({ "foodId": oats, "quantity": "1", "unit": "slice" })), "ingredients[1].unit"),
        (ingredients(json!({ "foodId": "x", "quantity": "1", "unit": "slice" })), "ingredients[1].foodId"),
        (ingredients(json!({ "name": "Rice", "quantity": "0.0001" })), "ingredients[1].quantity"),
        (json!({ "ingredients": vec![json!({ "name": "Salt" }); 201] }), "ingredients"),
    ] {
        let refused = ann.refused(CREATE, meal(input.clone())).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{input}: {refused:?}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM meals").await, 1);
}

#[tokio::test]
async fn a_relative_who_may_see_the_list_of_foods_sees_meals_and_changes_none() {
    let app = TestApp::new().await;
    let (ann, ben, carla) = (app.person("ann").await, app.person("ben").await, app.person("carla").await);
    let oats = ann.creates_food(json!({ "name": "Oats" })).await;
    let id = creates_meal(&ann, json!({ "name": "Porridge", "ingredients": [{ "foodId": oats, "quantity": "200", "unit": "g" }] })).await;
    app.verify(&ben).await;
    app.verify(&carla).await;
    shares(&ann, &ben, &["FOOD_LIST"], true).await;
    shares(&ann, &carla, &["CALORIE"], true).await;
    let seen = ben.ask(MEAL, json!({ "id": id, "person": ann.id })).await["meal"].take();
    assert_eq!((&seen["owner"]["fullName"], &seen["all"]["calories"]), (&json!("ann"), &json!("200")));
    let list = "query($id: UUID!) { person(id: $id) { meals { nodes { name ingredients { name } } } } }";
    assert_eq!(ben.ask(list, json!({ "id": ann.id })).await["person"]["meals"]["nodes"][0]["name"], "Porridge");
    assert_eq!(carla.ask(list, json!({ "id": ann.id })).await["person"]["meals"], json!(null));
    assert_eq!(carla.ask(MEAL, json!({ "id": id, "person": ann.id })).await["meal"], json!(null));
    for person in [&ben, &carla] {
        assert_eq!(person.refused(UPDATE, json!({ "input": { "id": id, "name": "x" } })).await.code, "NOT_FOUND");
        assert_eq!(person.refused(DELETE, json!({ "input": { "id": id } })).await.code, "NOT_FOUND");
    }
    let log = ann.ask("{ viewer { accessLog { nodes { reader { fullName } accessType } } } }", json!({})).await;
    assert_eq!(log["viewer"]["accessLog"]["nodes"], json!([{ "reader": { "fullName": "ben" }, "accessType": "FOOD_LIST" }]));
}

#[tokio::test]
async fn meals_are_listed_by_name_and_found_by_words() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for name in ["Zürcher Geschnetzeltes", "Chili con carne", "Chili sin carne", "Apfelstrudel", "100% Rye"] {
        creates_meal(&ann, json!({ "name": name })).await;
    }
    let found = async |search: Option<&str>, after: Value| {
        let document = "query($search: String, $after: String) { viewer { meals(search: $search, first: 2, after: $after) {
            nodes { name } pageInfo { hasNextPage endCursor } } } }";
        ann.ask(document, json!({ "search": search, "after": after })).await["viewer"]["meals"].take()
    };
    let names =
        |page: &Value| page["nodes"].as_array().unwrap().iter().map(|meal| meal["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let first = found(None, json!(null)).await;
    assert_eq!(names(&first), ["100% Rye", "Apfelstrudel"]);
    let second = found(None, first["pageInfo"]["endCursor"].clone()).await;
    assert_eq!(names(&second), ["Chili con carne", "Chili sin carne"]);
    let third = found(None, second["pageInfo"]["endCursor"].clone()).await;
    assert_eq!((names(&third), &third["pageInfo"]["hasNextPage"]), (vec!["Zürcher Geschnetzeltes".to_owned()], &json!(false)));
    assert_eq!(names(&found(Some("CARNE sin"), json!(null)).await), ["Chili sin carne"]);
    assert_eq!(names(&found(Some("zurcher"), json!(null)).await), ["Zürcher Geschnetzeltes"]);
    assert_eq!(names(&found(Some("100%"), json!(null)).await), ["100% Rye"]);
    assert_eq!(names(&found(Some("%"), json!(null)).await).len(), 2, "punctuation alone says nothing");
}

const LOG: &str = "mutation($input: LogMealInput!) { logMeal(input: $input) { group { id name quantity unit mealType date
    entries { name quantity unit nutrition { calories protein } food { id } } totals { calories protein unknown } }
    day { totals { calories protein } } } }";

#[tokio::test]
async fn two_of_four_servings_of_a_nested_recipe_are_half_of_each_part() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let tomatoes = ann.creates_food(json!({ "name": "Tomatoes", "nutrition": { "calories": "18.123", "protein": "0.881" } })).await;
    let pasta = ann.creates_food(json!({ "name": "Pasta", "nutrition": { "calories": "371", "protein": "13.04" } })).await;
    // A third of 700 g of tomatoes, and 333 g of pasta, half of which is eaten.
    let sauce = creates_meal(
        &ann,
        json!({ "name": "Sauce", "servings": "3", "ingredients": [{ "foodId": tomatoes, "quantity": "700", "unit": "g" }] }),
    )
    .await;
    let dish = creates_meal(
        &ann,
        json!({ "name": "Pasta", "servings": "4", "ingredients": [
        { "mealId": sauce, "quantity": "1", "unit": "serving" }, { "foodId": pasta, "quantity": "333", "unit": "g" }] }),
    )
    .await;
    let eaten = json!({ "mealId": dish, "quantity": "2", "unit": "servings", "mealType": "Dinner" });
    let logged = ann.ask(LOG, json!({ "input": eaten })).await["logMeal"].take();
    let group = &logged["group"];
    assert_eq!(
        (&group["quantity"], &group["unit"], &group["mealType"], &group["date"]),
        (&json!("2"), &json!("serving"), &json!("dinner"), &json!("2026-03-10"))
    );
    // 700 / 3 / 2 g · 18.123 / 100 g = 21.1435, and 166.5 g · 3.71 = 617.715.
    assert_eq!(
        group["entries"],
        json!([
            { "name": "Tomatoes", "quantity": "116.667", "unit": "g", "nutrition": { "calories": "21.1435", "protein": "1.027833" }, "food": { "id": tomatoes } },
            { "name": "Pasta", "quantity": "166.5", "unit": "g", "nutrition": { "calories": "617.715", "protein": "21.7116" }, "food": { "id": pasta } },
        ])
    );
    assert_eq!(group["totals"]["calories"], "638.8585");
    assert_eq!(logged["day"]["totals"], json!({ "calories": "638.8585", "protein": "22.739433" }));

    // Neither the foods nor the meal change what was eaten.
    ann.ask(
        "mutation($id: UUID!) { updateFood(input: { id: $id, nutrition: { calories: \"1\" } }) { food { id } } }",
        json!({ "id": pasta }),
    )
    .await;
    ann.ask(UPDATE, json!({ "input": { "id": dish, "ingredients": [] } })).await;
    assert_eq!(ann.calories_on(None).await, "638.8585");
    // Scaled in the diary it scales once, too: there and back is as before.
    let scale = "mutation($id: UUID!, $quantity: Decimal!) { updateFoodGroup(input: { id: $id, quantity: $quantity }) { group { totals { calories } } } }";
    for (quantity, calories) in [("4", "1277.717"), ("2", "638.8585")] {
        let scaled = ann.ask(scale, json!({ "id": group["id"], "quantity": quantity })).await;
        assert_eq!(scaled["updateFoodGroup"]["group"]["totals"]["calories"], calories);
    }
}

#[tokio::test]
async fn a_meal_is_logged_by_weight_and_batch_and_once_for_each_id() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["FOOD_LIST"], false).await;
    let oats = ann.creates_food(json!({})).await;
    let soup = creates_meal(
        &ann,
        json!({ "name": "Soup", "servings": null, "cookedWeight": "800",
        "ingredients": [{ "foodId": oats, "quantity": "400", "unit": "g" }, { "name": "Salt" }] }),
    )
    .await;
    let by_weight =
        json!({ "id": "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f", "mealId": soup, "quantity": "200", "unit": "g", "mealType": "lunch" });
    let logged = ann.ask(LOG, json!({ "input": by_weight })).await;
    assert_eq!(logged["logMeal"]["group"]["totals"]["calories"], "100");
    // Of the salt nothing is known.
    assert_eq!(logged["logMeal"]["group"]["totals"]["unknown"][0], "calories");
    assert_eq!(ann.ask(LOG, json!({ "input": by_weight })).await, logged);
    // Ben, with whom she shares it, eats a quarter of a batch of hers; the food in it she shares too.
    let quarter = json!({ "mealId": soup, "mealPersonId": ann.id, "quantity": "0.25", "unit": "batch", "mealType": "lunch" });
    assert_eq!(ben.ask(LOG, json!({ "input": quarter })).await["logMeal"]["day"]["totals"]["calories"], "100");
    // What its source states holds, in one part.
    ann.ask(UPDATE, json!({ "input": { "id": soup, "servings": "2", "statedNutrition": { "calories": "333.3" } } })).await;
    let stated = ann.ask(LOG, json!({ "input": { "mealId": soup, "quantity": "1", "unit": "serving", "mealType": "lunch" } })).await;
    assert_eq!(stated["logMeal"]["group"]["entries"].as_array().unwrap().len(), 1);
    assert_eq!(ann.calories_on(None).await, "433.3");

    for (input, code, field) in [
        (json!({ "unit": "cup" }), "BAD_USER_INPUT", "unit"),
        (json!({ "quantity": "0" }), "BAD_USER_INPUT", "quantity"),
        (json!({ "mealType": "" }), "BAD_USER_INPUT", "mealType"),
        (json!({ "mealId": oats }), "NOT_FOUND", "mealId"),
        (json!({ "mealPersonId": ben.id }), "NOT_FOUND", "mealId"),
    ] {
        let mut asked = json!({ "mealId": soup, "quantity": "1", "unit": "g", "mealType": "lunch" });
        asked.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        let refused = ann.refused(LOG, json!({ "input": asked })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), (code, Some(field)), "{input}");
    }
}
