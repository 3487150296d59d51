//! Shopping lists for what is planned: in the amounts of a shop, ticked by the family, and computed anew without losing what they did.

use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{Person, TestApp},
    meals::creates_meal,
};

const CREATE: &str = "mutation($input: CreateShoppingListInput!) { createShoppingList(input: $input) { list { id title kind version
    items { id title quantity unit completed } } } }";
const REFRESH: &str = "mutation($input: RefreshShoppingListInput!) { refreshShoppingList(input: $input) { list { version
    items { id title quantity unit completed } } } }";
const TICK: &str = "mutation($input: UpdateListItemInput!) { updateListItem(input: $input) { item { title completed } } }";
const PLAN: &str = "mutation($input: PlanMealInput!) { planMeal(input: $input) { plannedMeal { id } } }";

async fn plans(person: &Person<'_>, date: &str, meal: &str, servings: &str) -> Value {
    let input = json!({ "date": date, "mealType": "dinner", "mealId": meal, "quantity": servings, "unit": "serving" });
    person.ask(PLAN, json!({ "input": input })).await["planMeal"]["plannedMeal"]["id"].take()
}

/// What is on a list: "1.2 kg Beans", with a + for what is ticked.
fn items(list: &Value) -> Vec<String> {
    let said = |item: &Value| {
        let text = |field: &str| item[field].as_str().map(|text| format!("{text} ")).unwrap_or_default();
        let tick = if item["completed"] == true { "+" } else { "" };
        format!("{tick}{}{}{}", text("quantity"), text("unit"), item["title"].as_str().unwrap())
    };
    list["items"].as_array().unwrap().iter().map(said).collect()
}

fn id_of(list: &Value, title: &str) -> Value {
    list["items"].as_array().unwrap().iter().find(|item| item["title"] == title).unwrap()["id"].clone()
}

/// A sauce of eggs and milk, and a pie for two with half of the sauce in it.
async fn pie(ann: &Person<'_>) -> String {
    let egg = ann.creates_food(json!({ "name": "Egg", "portions": [{ "name": "egg", "amount": "50", "unit": "g" }] })).await;
    let milk = ann.creates_food(json!({ "name": "Milk", "servingUnit": "ml" })).await;
    let flour = ann.creates_food(json!({ "name": "Flour", "portions": [{ "name": "cup", "amount": "120", "unit": "g" }] })).await;
    let sauce = creates_meal(
        ann,
        json!({ "name": "Sauce", "servings": "4", "statedNutrition": { "calories": "100" }, "ingredients": [
        { "foodId": egg, "quantity": "3", "unit": "egg" }, { "foodId": milk, "quantity": "2", "unit": "cup" }] }),
    )
    .await;
    let ingredients = json!([
        { "mealId": sauce, "quantity": "2", "unit": "serving" },
        { "foodId": flour, "quantity": "2", "unit": "cup" },
        { "foodId": flour, "quantity": "300", "unit": "g" },
        { "name": "Salt" },
        { "name": "Tomatoes", "quantity": "1.5", "unit": "cans" },
    ]);
    creates_meal(ann, json!({ "name": "Pie", "servings": "2", "ingredients": ingredients })).await
}

#[tokio::test]
async fn a_list_has_each_food_once_in_the_amounts_of_a_shop() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let pie = pie(&ann).await;
    plans(&ann, "2026-03-12", &pie, "2").await;
    plans(&ann, "2026-03-14", &pie, "1").await;
    // Neither what is outside, nor what is skipped, nor what was eaten is bought.
    plans(&ann, "2026-03-16", &pie, "2").await;
    let skipped = plans(&ann, "2026-03-13", &pie, "2").await;
    ann.ask(
        "mutation($id: UUID!) { updatePlannedMeal(input: { id: $id, skipped: true }) { plannedMeal { id } } }",
        json!({ "id": skipped }),
    )
    .await;
    let eaten = plans(&ann, "2026-03-12", &pie, "2").await;
    ann.ask("mutation($id: UUID!) { eatPlannedMeal(input: { id: $id }) { group { id } } }", json!({ "id": eaten })).await;

    let list = ann.ask(CREATE, json!({ "input": { "from": "2026-03-11", "to": "2026-03-15" } })).await["createShoppingList"]["list"].take();
    assert_eq!((&list["title"], &list["kind"]), (&json!("2026-03-11 – 2026-03-15"), &json!("SHOPPING")));
    // One pie and a half: 2.25 eggs, 354.88 ml, 1.5 × 540 g, 2.25 cans.
    assert_eq!(items(&list), ["3 egg Egg", "810 g Flour", "355 ml Milk", "Salt", "3 cans Tomatoes"]);
    let weeks =
        ann.ask(CREATE, json!({ "input": { "from": "2026-03-11", "to": "2026-03-18", "title": "Big shop" } })).await["createShoppingList"]
            ["list"]
            .take();
    assert_eq!(items(&weeks)[1], "1.35 kg Flour");
}

#[tokio::test]
async fn what_the_family_ticked_edited_and_added_outlives_a_new_plan() {
    let app = TestApp::new().await;
    let (ann, ben, carla) = (app.person("ann").await, app.person("ben").await, app.person("carla").await);
    app.verify(&ben).await;
    app.verify(&carla).await;
    shares(&ann, &ben, &["ORGANISER"], true).await;
    shares(&ann, &carla, &["ORGANISER"], false).await;
    let pie = pie(&ann).await;
    let first = plans(&ann, "2026-03-12", &pie, "2").await;
    let input = json!({ "id": "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f", "from": "2026-03-11", "to": "2026-03-15" });
    let list = ann.ask(CREATE, json!({ "input": input })).await["createShoppingList"]["list"].take();
    let again = ann.ask(CREATE, json!({ "input": input })).await["createShoppingList"]["list"].take();
    assert_eq!(again, list, "asked for again it is the same list");

    // Ben ticks the eggs, buys less flour, and adds beer. Carla only sees it.
    let tick =
        |title: &str| json!({ "input": { "listId": list["id"], "personId": ann.id, "itemId": id_of(&list, title), "completed": true } });
    ben.ask(TICK, tick("Egg")).await;
    ben.ask(
        TICK,
        json!({ "input": { "listId": list["id"], "personId": ann.id, "itemId": id_of(&list, "Flour"), "quantity": "1" , "unit": "bag" } }),
    )
    .await;
    ben.ask("mutation($list: UUID!, $person: UUID!) { addListItem(input: { listId: $list, personId: $person, item: { title: \"Beer\" } }) { item { id } } }",
        json!({ "list": list["id"], "person": ann.id })).await;
    assert_eq!(carla.refused(TICK, tick("Milk")).await.code, "NOT_FOUND");
    let seen = carla
        .ask(
            "query($id: UUID!, $list: UUID!) { person(id: $id) { list(id: $list) { items { title } } } }",
            json!({ "id": ann.id, "list": list["id"] }),
        )
        .await;
    assert_eq!(seen["person"]["list"]["items"].as_array().unwrap().len(), 6);

    let refresh = async |person: &Person<'_>, input: Value| {
        let mut asked = json!({ "listId": list["id"] });
        asked.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        person.ask(REFRESH, json!({ "input": asked })).await["refreshShoppingList"]["list"].take()
    };
    plans(&ann, "2026-03-13", &pie, "2").await;
    assert_eq!(items(&refresh(&ann, json!({})).await), ["+3 egg Egg", "1 bag Flour", "474 ml Milk", "Salt", "3 cans Tomatoes", "Beer"]);
    // Nothing is planned any more: what was ticked, edited or added by hand stays.
    for day in [json!(first)] {
        ann.ask("mutation($id: UUID!) { removePlannedMeal(input: { id: $id }) { deletedId } }", json!({ "id": day })).await;
    }
    assert_eq!(items(&refresh(&ann, json!({ "from": "2026-03-14", "to": "2026-03-15" })).await), ["+3 egg Egg", "1 bag Flour", "Beer"]);
    // Ben sees no plan, so he cannot compute it.
    let refused = ben.refused(REFRESH, json!({ "input": { "listId": list["id"], "personId": ann.id } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("planOf[0]")));
}

#[tokio::test]
async fn one_list_serves_the_plans_of_a_family() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ann).await;
    let (of_ann, of_ben) = (
        pie(&ann).await,
        creates_meal(&ben, json!({ "name": "Soup", "ingredients": [{ "name": "tomatoes", "quantity": "2", "unit": "Cans" }] })).await,
    );
    plans(&ann, "2026-03-12", &of_ann, "2").await;
    plans(&ben, "2026-03-12", &of_ben, "4").await;
    let asked = json!({ "input": { "from": "2026-03-12", "to": "2026-03-12", "planOf": [ann.id, ben.id] } });
    let refused = ann.refused(CREATE, asked.clone()).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("planOf[1]")));
    shares(&ben, &ann, &["CALORIE"], false).await;
    let list = ann.ask(CREATE, asked).await["createShoppingList"]["list"].take();
    // His meal she does not see, so that what he calls it must do.
    assert_eq!(items(&list), ["2 egg Egg", "540 g Flour", "237 ml Milk", "Salt", "4 serving Soup", "2 cans Tomatoes"]);
    shares(&ben, &ann, &["FOOD_LIST"], false).await;
    let list = ann.ask(REFRESH, json!({ "input": { "listId": list["id"] } })).await["refreshShoppingList"]["list"].take();
    assert_eq!(items(&list), ["2 egg Egg", "540 g Flour", "237 ml Milk", "Salt", "4 cans Tomatoes"]);

    for (input, field) in [
        (json!({ "from": "2026-03-12", "to": "2026-03-11" }), "to"),
        (json!({ "from": "2026-03-12", "to": "2026-12-11" }), "to"),
        (json!({ "from": "2026-03-12", "to": "2026-03-12", "planOf": ["x"] }), "planOf[0]"),
    ] {
        assert_eq!(ann.refused(CREATE, json!({ "input": input })).await.field.as_deref(), Some(field));
    }
    let by_hand = ann.ask("mutation { createList(input: { kind: SHOPPING, title: \"By hand\" }) { list { id } } }", json!({})).await["createList"]["list"]["id"].take();
    assert_eq!(ann.refused(REFRESH, json!({ "input": { "listId": by_hand } })).await.field.as_deref(), Some("listId"));
}
