//! Meal plans: templates, what is planned on dates, and what became of it.

use serde_json::{Value, json};

use crate::{
    family_access::{answers, shares},
    harness::{Person, TestApp},
    meals::creates_meal,
};

const CREATE: &str = "mutation($input: CreateMealPlanTemplateInput!) { createMealPlanTemplate(input: $input) { template { id version
    items { day mealType name quantity unit meal { name } food { name } } } } }";
const UPDATE: &str = "mutation($input: UpdateMealPlanTemplateInput!) { updateMealPlanTemplate(input: $input) { template {
    name description targetCalories days isActive version items { day name } } } }";
const PLAN: &str =
    "mutation($input: PlanMealInput!) { planMeal(input: $input) { plannedMeal { id date mealType name quantity unit note status
    calories createdBy { fullName } version } day { planned plannedCalories caloriesKnown } } }";
const PLACE: &str = "mutation($input: PlanMealsInput!) { planMeals(input: $input) { days { date planned meals { name mealType } } } }";
const MOVE: &str = "mutation($input: UpdatePlannedMealInput!) { updatePlannedMeal(input: $input) { plannedMeal { date mealType quantity note status calories
    version } days { date planned skipped } } }";
const EAT: &str = "mutation($input: EatPlannedMealInput!) { eatPlannedMeal(input: $input) { plannedMeal { status version }
    group { id name quantity unit totals { calories } entries { name } } foodDay { date totals { calories } } } }";
const DAYS: &str =
    "query($from: Date!, $to: Date!, $id: UUID!) { person(id: $id) { mealPlan(from: $from, to: $to) { date planned eaten replaced skipped
    plannedCalories caloriesKnown eatenCalories meals { id name status meal { name } group { name } entryId } } } }";

/// Porridge for two of 400 kcal.
async fn porridge(ann: &Person<'_>) -> String {
    let oats = ann.creates_food(json!({ "name": "Oats", "nutrition": { "calories": "400" } })).await;
    creates_meal(ann, json!({ "name": "Porridge", "servings": "2", "ingredients": [{ "foodId": oats, "quantity": "100", "unit": "g" }] }))
        .await
}

async fn plans(person: &Person<'_>, input: Value) -> Value {
    let mut planned = json!({ "date": "2026-03-12", "mealType": "breakfast", "quantity": "1", "unit": "serving" });
    planned.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    person.ask(PLAN, json!({ "input": planned })).await["planMeal"].take()
}

async fn day(reader: &Person<'_>, of: &Person<'_>, date: &str) -> Value {
    reader.ask(DAYS, json!({ "from": date, "to": date, "id": of.id })).await["person"]["mealPlan"][0].take()
}

#[tokio::test]
async fn a_week_is_put_on_dates_and_the_diary_stays_empty() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let porridge = porridge(&ann).await;
    let apple = ann.creates_food(json!({ "name": "Apple", "portions": [{ "name": "piece", "amount": "180", "unit": "g" }] })).await;
    let items = json!([
        { "day": 1, "mealType": "Breakfast", "mealId": porridge, "quantity": "1", "unit": "serving" },
        { "day": 3, "mealType": "snack", "foodId": apple, "quantity": "2", "unit": "piece" },
        { "day": 7, "mealType": "dinner", "name": "Pizza out", "quantity": "1", "unit": "pizza", "note": "Book a table" },
    ]);
    let template =
        ann.ask(CREATE, json!({ "input": { "name": "Spring", "targetCalories": "2000", "items": items } })).await["createMealPlanTemplate"]
            ["template"]
            .take();
    assert_eq!(
        template["items"][0],
        json!({ "day": 1, "mealType": "breakfast", "name": "Porridge", "quantity": "1", "unit": "serving",
        "meal": { "name": "Porridge" }, "food": null })
    );
    // Two apples of 180 g have 360 kcal, of the pizza nobody knows, and nothing is 0.
    let days = "{ viewer { mealPlanTemplates { nodes { dayTotals { day targetCalories totals { calories unknown } } } } } }";
    let days = ann.ask(days, json!({})).await["viewer"]["mealPlanTemplates"]["nodes"][0]["dayTotals"].take();
    let comes_to =
        |day: usize| (days[day - 1]["totals"]["calories"].as_str().unwrap(), days[day - 1]["totals"]["unknown"][0] == "calories");
    assert_eq!([1, 2, 3, 7].map(comes_to), [("200", false), ("0", false), ("360", false), ("0", true)]);
    assert_eq!((days.as_array().unwrap().len(), &days[6]["day"], &days[6]["targetCalories"]), (7, &json!(7), &json!("2000")));
    let days =
        ann.ask(PLACE, json!({ "input": { "templateId": template["id"], "from": "2026-03-30", "times": 2 } })).await["planMeals"]["days"]
            .take();
    let planned: Vec<_> = days
        .as_array()
        .unwrap()
        .iter()
        .filter(|day| day["planned"] != 0)
        .map(|day| (day["date"].as_str().unwrap(), day["meals"][0]["name"].as_str().unwrap()))
        .collect();
    assert_eq!(
        planned,
        [
            ("2026-03-30", "Porridge"),
            ("2026-04-01", "Apple"),
            ("2026-04-05", "Pizza out"),
            ("2026-04-06", "Porridge"),
            ("2026-04-08", "Apple"),
            ("2026-04-12", "Pizza out")
        ]
    );
    assert_eq!(days.as_array().unwrap().len(), 14);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_diary").await, 0);
    assert_eq!(ann.calories_on(Some("2026-03-30")).await, "0");
    let aims = "query($date: Date!) { viewer { mealPlan(from: $date, to: $date) { plannedCalories targetCalories } } }";
    let aims = async |date: &str| ann.ask(aims, json!({ "date": date })).await["viewer"]["mealPlan"][0].take();
    assert_eq!(aims("2026-03-30").await, json!({ "plannedCalories": "200", "targetCalories": "2000" }));
    assert_eq!(aims("2026-03-31").await["targetCalories"], json!(null), "nothing is planned from the template");
    // Of the pizza nothing is known, which is not zero.
    let pizza = day(&ann, &ann, "2026-04-05").await;
    assert_eq!((&pizza["plannedCalories"], &pizza["caloriesKnown"]), (&json!("0"), &json!(false)));

    // What is planned stays when the template changes or goes.
    let updated =
        ann.ask(UPDATE, json!({ "input": { "id": template["id"], "targetCalories": null, "isActive": false, "items": [] } })).await;
    assert_eq!(
        updated["updateMealPlanTemplate"]["template"],
        json!({ "name": "Spring", "description": null, "targetCalories": null, "days": 7,
        "isActive": false, "version": 2, "items": [] })
    );
    let empty = ann.refused(PLACE, json!({ "input": { "templateId": template["id"], "from": "2026-03-30" } })).await;
    assert_eq!(empty.field.as_deref(), Some("templateId"));
    ann.ask("mutation($id: UUID!) { deleteMealPlanTemplate(input: { id: $id }) { deletedId } }", json!({ "id": template["id"] })).await;
    assert_eq!(day(&ann, &ann, "2026-04-06").await["planned"], 1);
    let listed = ann.ask("{ viewer { mealPlanTemplates { nodes { id } } } }", json!({})).await;
    assert_eq!(listed["viewer"]["mealPlanTemplates"]["nodes"], json!([]));
}

#[tokio::test]
async fn a_template_that_is_sent_again_is_put_on_dates_once() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let items = json!([{ "day": 2, "mealType": "dinner", "name": "Pizza", "quantity": "1", "unit": "pizza" },
        { "day": 1, "mealType": "lunch", "name": "Soup", "quantity": "1", "unit": "bowl" }]);
    let template = json!({ "name": "Weekend", "days": 2, "items": items });
    let template = ann.ask(CREATE, json!({ "input": template })).await["createMealPlanTemplate"]["template"]["id"].take();
    let placed =
        |from: &str| json!({ "input": { "id": "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f", "templateId": template, "from": from, "times": 2 } });
    let (first, at_once) = tokio::join!(ann.json(PLACE, placed("2026-04-04")), ann.json(PLACE, placed("2026-04-04")));
    assert_eq!(first["data"]["planMeals"]["days"].as_array().map(Vec::len), Some(4), "{first}");
    assert_eq!(first, at_once);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM planned_meals").await, 4);
    // What was taken off the plan meanwhile, though it was the first of it, stays off it.
    let remove = "mutation($id: UUID!) { removePlannedMeal(input: { id: $id }) { deletedId } }";
    ann.ask(remove, json!({ "id": "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f" })).await;
    ann.ask(UPDATE, json!({ "input": { "id": template, "items": [] } })).await;
    ann.ask(PLACE, placed("2026-04-04")).await;
    assert_eq!(app.value::<i64>("SELECT count(*) FROM planned_meals").await, 3);
    plans(&ann, json!({ "id": "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f", "name": "Salad" })).await;
    assert_eq!(ann.refused(PLACE, placed("2026-04-11")).await.code, "CONFLICT");
}

#[tokio::test]
async fn what_is_planned_is_eaten_once_and_counts_from_then_on() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let porridge = porridge(&ann).await;
    let planned = plans(&ann, json!({ "mealId": porridge, "date": "2026-03-10" })).await;
    assert_eq!(planned["day"], json!({ "planned": 1, "plannedCalories": "200", "caloriesKnown": true }));
    let id = &planned["plannedMeal"]["id"];
    assert_eq!(ann.calories_on(None).await, "0");

    let eat = async || ann.ask(EAT, json!({ "input": { "id": id } })).await["eatPlannedMeal"].take();
    let (first, second) = tokio::join!(eat(), eat());
    assert_eq!(first["group"]["id"], second["group"]["id"]);
    assert_eq!(first["plannedMeal"]["status"], "EATEN");
    assert_eq!(eat().await["group"], first["group"]);
    assert_eq!(ann.calories_on(None).await, "200");
    let went = day(&ann, &ann, "2026-03-10").await;
    assert_eq!((&went["eaten"], &went["plannedCalories"], &went["eatenCalories"]), (&json!(1), &json!("200"), &json!("200")));

    // What is taken out of the diary was not eaten, and can be eaten again, in another amount.
    ann.ask("mutation($id: UUID!) { deleteFoodGroup(input: { id: $id }) { deletedId } }", json!({ "id": first["group"]["id"] })).await;
    let went = day(&ann, &ann, "2026-03-10").await;
    assert_eq!((&went["eaten"], &went["meals"][0]["status"]), (&json!(0), &json!("PLANNED")));
    let more = ann.ask(EAT, json!({ "input": { "id": id, "quantity": "1.5" } })).await["eatPlannedMeal"].take();
    assert_ne!(more["group"]["id"], first["group"]["id"]);
    assert_eq!((&more["group"]["quantity"], &more["foodDay"]["totals"]["calories"]), (&json!("1.5"), &json!("300")));
    let eaten = ann.refused(MOVE, json!({ "input": { "id": id, "skipped": true } })).await;
    assert_eq!(eaten.code, "CONFLICT");

    // Yesterday's supper goes to yesterday.
    let late = plans(&ann, json!({ "mealId": porridge, "date": "2026-03-09", "mealType": "dinner" })).await;
    let late = ann.ask(EAT, json!({ "input": { "id": late["plannedMeal"]["id"] } })).await["eatPlannedMeal"].take();
    assert_eq!(late["foodDay"]["date"], "2026-03-09");
}

#[tokio::test]
async fn a_day_tells_what_was_eaten_as_planned_replaced_and_skipped() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let porridge = porridge(&ann).await;
    let mut ids = Vec::new();
    for meal_type in ["breakfast", "lunch", "dinner", "snack"] {
        let planned = plans(&ann, json!({ "mealId": porridge, "date": "2026-03-10", "mealType": meal_type })).await;
        ids.push(planned["plannedMeal"]["id"].as_str().unwrap().to_owned());
    }
    ann.ask(EAT, json!({ "input": { "id": ids[0] } })).await;
    let cake = ann.creates_food(json!({ "name": "Cake" })).await;
    let cake = ann.logs_food(&cake, json!({ "quantity": "350", "unit": "g", "mealType": "lunch" })).await["entry"]["id"].take();
    let replace = "mutation($input: ReplacePlannedMealInput!) { replacePlannedMeal(input: $input) { plannedMeal { status entryId } } }";
    let replaced = ann.ask(replace, json!({ "input": { "id": ids[1], "entryId": cake } })).await;
    assert_eq!(replaced["replacePlannedMeal"]["plannedMeal"], json!({ "status": "REPLACED", "entryId": cake }));
    assert_eq!(ann.refused(replace, json!({ "input": { "id": ids[0], "entryId": cake } })).await.code, "CONFLICT");
    assert_eq!(ann.refused(replace, json!({ "input": { "id": ids[2], "entryId": ids[2] } })).await.field.as_deref(), Some("entryId"));
    assert_eq!(ann.refused(replace, json!({ "input": { "id": ids[2] } })).await.field.as_deref(), Some("groupId"));
    assert_eq!(ann.refused(EAT, json!({ "input": { "id": ids[1] } })).await.code, "CONFLICT");
    let skipped = ann.ask(MOVE, json!({ "input": { "id": ids[2], "skipped": true } })).await;
    assert_eq!(skipped["updatePlannedMeal"]["days"], json!([{ "date": "2026-03-10", "planned": 4, "skipped": 1 }]));

    let went = day(&ann, &ann, "2026-03-10").await;
    let numbers = ["planned", "eaten", "replaced", "skipped", "plannedCalories", "eatenCalories"].map(|field| went[field].clone());
    assert_eq!(json!(numbers), json!([4, 1, 1, 1, "800", "550"]));
    // What was planned stays what it was, whatever becomes of the meal.
    ann.ask("mutation($id: UUID!) { deleteMeal(input: { id: $id }) { deletedId } }", json!({ "id": porridge })).await;
    let went = day(&ann, &ann, "2026-03-10").await;
    assert_eq!(
        (&went["plannedCalories"], &went["meals"][3]["name"], &went["meals"][3]["meal"]),
        (&json!("800"), &json!("Porridge"), &json!(null))
    );
    let gone = ann.refused(EAT, json!({ "input": { "id": ids[3] } })).await;
    assert_eq!((gone.code.as_str(), gone.field.as_deref()), ("CONFLICT", None), "{gone:?}");
    assert!(gone.message.contains("Porridge") && gone.message.contains("replace"), "{}", gone.message);
    let more = ann.refused(MOVE, json!({ "input": { "id": ids[3], "quantity": "2" } })).await;
    assert_eq!((more.code.as_str(), more.field.as_deref()), ("CONFLICT", None), "{more:?}");
    // She does as she is told.
    let skipped = ann.ask(MOVE, json!({ "input": { "id": ids[3], "skipped": true } })).await;
    assert_eq!(skipped["updatePlannedMeal"]["plannedMeal"]["status"], "SKIPPED");
}

#[tokio::test]
async fn a_meal_that_is_shared_no_longer_cannot_be_eaten_as_planned() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    let grant = shares(&ann, &ben, &["FOOD_LIST"], false).await;
    let porridge = porridge(&ann).await;
    let bowl = plans(&ben, json!({ "mealId": porridge, "mealPersonId": ann.id, "date": "2026-03-10" })).await;
    let apple = ben.creates_food(json!({ "name": "Apple" })).await;
    let apple_planned = plans(&ben, json!({ "foodId": apple, "date": "2026-03-10" })).await;
    answers(&ann, "revoke", &grant[0]).await;
    ben.ask("mutation($id: UUID!) { deleteFood(input: { id: $id }) { deletedId } }", json!({ "id": apple })).await;
    for (planned, name) in [(&bowl, "Porridge"), (&apple_planned, "Apple")] {
        let gone = ben.refused(EAT, json!({ "input": { "id": planned["plannedMeal"]["id"] } })).await;
        assert_eq!(gone.code, "CONFLICT", "{gone:?}");
        assert!(gone.message.contains(name), "{}", gone.message);
    }
    // An amount that is no amount is still her mistake, and not the plan's.
    let pizza = plans(&ben, json!({ "name": "Pizza", "unit": "slice", "date": "2026-03-10" })).await;
    let none = ben.refused(EAT, json!({ "input": { "id": pizza["plannedMeal"]["id"], "quantity": "0" } })).await;
    assert_eq!((none.code.as_str(), none.field.as_deref()), ("BAD_USER_INPUT", Some("quantity")));
}

#[tokio::test]
async fn what_is_known_in_part_is_summed_and_told_to_be_a_part() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({ "name": "Oats", "nutrition": { "calories": "400" } })).await;
    let ingredients =
        json!([{ "foodId": oats, "quantity": "100", "unit": "g" }, { "name": "Berries", "quantity": "1", "unit": "handful" }]);
    let porridge = creates_meal(&ann, json!({ "name": "Porridge", "servings": "2", "ingredients": ingredients })).await;
    let planned = plans(&ann, json!({ "mealId": porridge })).await;
    assert_eq!(planned["day"], json!({ "planned": 1, "plannedCalories": "200", "caloriesKnown": false }), "nobody knows of the berries");
    let told = "query($id: UUID!) { person(id: $id) { mealPlan(from: \"2026-03-12\", to: \"2026-03-12\") { caloriesKnown meals { calories protein unknown } } } }";
    let told = ann.ask(told, json!({ "id": ann.id })).await["person"]["mealPlan"][0].take();
    let unknown = json!(["calories", "protein", "carbohydrates", "fat"]);
    assert_eq!(told, json!({ "caloriesKnown": false, "meals": [{ "calories": "200", "protein": null, "unknown": unknown }] }));
    // Without the berries all of the energy is known.
    let oats = plans(&ann, json!({ "foodId": oats, "quantity": "50", "unit": "g", "date": "2026-03-13" })).await;
    assert_eq!(oats["day"], json!({ "planned": 1, "plannedCalories": "200", "caloriesKnown": true }));
}

#[tokio::test]
async fn planned_meals_move_change_and_go() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let porridge = porridge(&ann).await;
    let id = plans(&ann, json!({ "mealId": porridge, "note": "With berries" })).await["plannedMeal"]["id"].take();
    let moved = ann
        .ask(MOVE, json!({ "input": { "id": id, "date": "2026-03-13", "mealType": "LUNCH", "quantity": "2", "expectedVersion": 1 } }))
        .await["updatePlannedMeal"]
        .take();
    assert_eq!(
        moved["plannedMeal"],
        json!({ "date": "2026-03-13", "mealType": "lunch", "quantity": "2", "note": "With berries", "status": "PLANNED",
        "calories": "400", "version": 2 })
    );
    assert_eq!(
        moved["days"],
        json!([{ "date": "2026-03-12", "planned": 0, "skipped": 0 }, { "date": "2026-03-13", "planned": 1, "skipped": 0 }])
    );
    let cleared = ann.ask(MOVE, json!({ "input": { "id": id, "note": null } })).await;
    assert_eq!(cleared["updatePlannedMeal"]["plannedMeal"]["note"], json!(null));
    assert_eq!(ann.refused(MOVE, json!({ "input": { "id": id, "date": "2026-03-13", "expectedVersion": 1 } })).await.code, "CONFLICT");
    let remove = "mutation($id: UUID!) { removePlannedMeal(input: { id: $id }) { deletedId day { date planned } } }";
    assert_eq!(ann.ask(remove, json!({ "id": id })).await["removePlannedMeal"]["day"], json!({ "date": "2026-03-13", "planned": 0 }));
    assert_eq!(ann.refused(remove, json!({ "id": id })).await.code, "NOT_FOUND");

    let planned = |input: Value| {
        let mut planned = json!({ "date": "2026-03-12", "mealType": "lunch", "quantity": "1", "unit": "serving" });
        planned.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        json!({ "input": planned })
    };
    for (input, field) in [
        (json!({}), "name"),
        (json!({ "mealId": porridge, "unit": "g" }), "unit"),
        (json!({ "mealId": porridge, "quantity": "0" }), "quantity"),
        (json!({ "name": "Pizza", "mealType": "" }), "mealType"),
        (json!({ "name": "Pizza", "date": "1899-01-01" }), "date"),
    ] {
        assert_eq!(ann.refused(PLAN, planned(input.clone())).await.field.as_deref(), Some(field), "{input}");
    }
    let once = planned(json!({ "id": "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f", "name": "Pizza" }));
    assert_eq!(ann.ask(PLAN, once.clone()).await, ann.ask(PLAN, once).await);
}

#[tokio::test]
async fn a_relative_sees_the_plan_with_calorie_and_plans_where_allowed() {
    let app = TestApp::new().await;
    let (ann, ben, carla) = (app.person("ann").await, app.person("ben").await, app.person("carla").await);
    app.verify(&ben).await;
    app.verify(&carla).await;
    shares(&ann, &ben, &["CALORIE"], true).await;
    shares(&ann, &carla, &["REPORTS", "FOOD_LIST"], true).await;
    let porridge = porridge(&ann).await;
    plans(&ann, json!({ "mealId": porridge })).await;
    // Ben plans a pizza for her, and eats it in her name.
    let pizza = plans(&ben, json!({ "personId": ann.id, "name": "Pizza", "date": "2026-03-10" })).await;
    ben.ask(EAT, json!({ "input": { "id": pizza["plannedMeal"]["id"], "personId": ann.id } })).await;
    assert_eq!(day(&ann, &ann, "2026-03-10").await["eaten"], 1);
    assert_eq!(day(&ben, &ann, "2026-03-12").await["meals"][0]["name"], "Porridge");
    // Her plan he sees, and what her template aims at he does not.
    let template = json!({ "name": "Diet", "days": 1, "targetCalories": "1500",
        "items": [{ "day": 1, "mealType": "lunch", "name": "Soup", "quantity": "1", "unit": "bowl" }] });
    let template = ann.ask(CREATE, json!({ "input": template })).await["createMealPlanTemplate"]["template"]["id"].take();
    ann.ask(PLACE, json!({ "input": { "templateId": template, "from": "2026-03-20" } })).await;
    let aims = "query($id: UUID!) { person(id: $id) { mealPlan(from: \"2026-03-20\", to: \"2026-03-20\") { planned targetCalories } } }";
    for (reader, target) in [(&ann, json!("1500")), (&ben, json!(null))] {
        let seen = reader.ask(aims, json!({ "id": ann.id })).await["person"]["mealPlan"][0].take();
        assert_eq!(seen, json!({ "planned": 1, "targetCalories": target }));
    }
    // Her meal itself she does not share with him.
    assert_eq!(day(&ben, &ann, "2026-03-12").await["meals"][0]["meal"], json!(null));
    let seen = carla.ask(DAYS, json!({ "from": "2026-03-12", "to": "2026-03-12", "id": ann.id })).await;
    assert_eq!(seen["person"]["mealPlan"], json!(null));
    // Carla may see the meal, so she may plan it for herself.
    let hers = plans(&carla, json!({ "mealId": porridge, "mealPersonId": ann.id })).await;
    assert_eq!(hers["day"]["plannedCalories"], "200");
    let refused = ben.refused(PLAN, json!({ "input": { "mealId": porridge, "mealPersonId": ann.id, "date": "2026-03-12", "mealType": "lunch", "quantity": "1", "unit": "serving" } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("NOT_FOUND", Some("mealId")));
}

#[tokio::test]
async fn templates_are_refused_by_their_fields() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let item = |item: Value| {
        let mut there = json!({ "day": 1, "mealType": "lunch", "name": "Pizza", "quantity": "1", "unit": "pizza" });
        there.as_object_mut().unwrap().extend(item.as_object().unwrap().clone());
        json!({ "items": [there] })
    };
    for (input, field) in [
        (json!({ "name": "" }), "name"),
        (json!({ "days": 0 }), "days"),
        (json!({ "days": 367 }), "days"),
        (json!({ "targetCalories": "-1" }), "targetCalories"),
        (item(json!({ "day": 8 })), "items[0].day"),
        (item(json!({ "mealType": " " })), "items[0].mealType"),
        (item(json!({ "quantity": "0" })), "items[0].quantity"),
        (item(json!({ "name": null })), "items[0].name"),
        (item(json!({ "foodId": "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f" })), "items[0].foodId"),
        (item(json!({ "mealId": "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f" })), "items[0].mealId"),
        (item(json!({ "mealId": "x" })), "items[0].mealId"),
    ] {
        let mut template = json!({ "name": "Spring" });
        template.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
        let refused = ann.refused(CREATE, json!({ "input": template })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{input}: {refused:?}");
    }
    let template = ann.ask(CREATE, json!({ "input": { "name": "Spring", "items": item(json!({ "day": 7 }))["items"] } })).await["createMealPlanTemplate"]["template"]["id"].take();
    assert_eq!(ann.refused(UPDATE, json!({ "input": { "id": template, "days": 6 } })).await.field.as_deref(), Some("days"));
    for (times, field) in [(0, "times"), (53, "times")] {
        let refused = ann.refused(PLACE, json!({ "input": { "templateId": template, "from": "2026-03-30", "times": times } })).await;
        assert_eq!(refused.field.as_deref(), Some(field));
    }
    ann.ask(UPDATE, json!({ "input": { "id": template, "days": 100 } })).await;
    let long = ann.refused(PLACE, json!({ "input": { "templateId": template, "from": "2026-03-30", "times": 5 } })).await;
    assert_eq!(long.field.as_deref(), Some("times"));
}
