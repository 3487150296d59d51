//! Copying what was logged, and taking deletions back.

use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{Person, TestApp},
    sync::id,
};

const COPY: &str = "mutation($input: CopyFoodEntriesInput!) { copyFoodEntries(input: $input) {
    entries { id name brand quantity unit mealType status note consumedAt timeZone date food { id } group { id name quantity entries { id } } createdBy { id }
      nutrition { calories protein } }
    day { date totals { calories } planned { calories } } } }";
const UPDATE_FOOD: &str = "mutation($input: UpdateFoodInput!) { updateFood(input: $input) { food { id } } }";
const UPDATE_ENTRY: &str =
    "mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) { entry { nutrition { calories } } } }";
const DELETE_ENTRY: &str = "mutation($input: DeleteInput!) { deleteFoodEntry(input: $input) { deletedId day { totals { calories } } } }";
const DELETE_GROUP: &str = "mutation($input: DeleteInput!) { deleteFoodGroup(input: $input) { deletedId } }";
const RESTORE_ENTRY: &str =
    "mutation($input: RestoreInput!) { restoreFoodEntry(input: $input) { entry { id version } day { date totals { calories } } } }";
const RESTORE_GROUP: &str = "mutation($input: RestoreInput!) { restoreFoodGroup(input: $input) {
    group { id entries { id } } days { date totals { calories } } } }";
const LOG_GROUP: &str = "mutation($input: LogFoodGroupInput!) { logFoodGroup(input: $input) { group { id entries { id } } } }";

async fn copies(person: &Person<'_>, input: Value) -> Value {
    person.ask(COPY, json!({ "input": input })).await["copyFoodEntries"].take()
}

fn each<'a>(copied: &'a Value, field: &str) -> Vec<&'a Value> {
    copied["entries"].as_array().unwrap().iter().map(|entry| &entry[field]).collect()
}

async fn soup(person: &Person<'_>) -> Value {
    let parts = json!([{ "name": "Soup", "nutrition": { "calories": "90" }, "quantity": "2" }, { "name": "Bread", "nutrition": { "calories": "70" }, "quantity": "1" }]);
    let input = json!({ "name": "Soup and bread", "mealType": "lunch", "parts": parts, "consumedAt": "2026-03-10T11:00:00Z" });
    person.ask(LOG_GROUP, json!({ "input": input })).await["logFoodGroup"]["group"].take()
}

#[tokio::test]
async fn yesterday_is_copied_to_today_as_it_was_then() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Europe/Berlin").await;
    let oats = ann.creates_food(json!({ "brand": "Acme" })).await;
    for (quantity, meal, at) in
        [("1", "breakfast", "2026-03-09T06:30:00Z"), ("2", "dinner", "2026-03-09T18:00:00Z"), ("3", "breakfast", "2026-03-08T06:30:00Z")]
    {
        ann.logs_food(&oats, json!({ "quantity": quantity, "mealType": meal, "consumedAt": at })).await;
    }
    ann.ask(UPDATE_FOOD, json!({ "input": { "id": oats, "name": "Porridge", "nutrition": { "calories": "999" } } })).await;

    let copied = copies(&ann, json!({ "source": { "day": { "date": "2026-03-09" } }, "toDate": "2026-03-10" })).await;
    assert_eq!(copied["day"], json!({ "date": "2026-03-10", "totals": { "calories": "300" }, "planned": { "calories": "0" } }));
    assert_eq!(each(&copied, "name"), ["Oats", "Oats"]);
    assert_eq!(each(&copied, "consumedAt"), ["2026-03-10T06:30:00Z", "2026-03-10T18:00:00Z"]);
    assert_eq!(each(&copied, "food"), [&json!({ "id": oats }), &json!({ "id": oats })]);
    // A copy is amended by the nutrition that its source had.
    let first = copied["entries"][0]["id"].clone();
    let amended = ann.ask(UPDATE_ENTRY, json!({ "input": { "id": first, "quantity": "4" } })).await;
    assert_eq!(amended["updateFoodEntry"]["entry"]["nutrition"]["calories"], "400");

    // One meal, to another meal of a day to come: it is planned there, for when that meal usually is.
    let source = json!({ "day": { "date": "2026-03-09", "mealType": "Breakfast" } });
    let copied = copies(&ann, json!({ "source": source, "toDate": "2026-03-12", "toMealType": "dinner" })).await;
    assert_eq!((each(&copied, "status"), each(&copied, "mealType")), (vec![&json!("PLANNED")], vec![&json!("dinner")]));
    assert_eq!(each(&copied, "consumedAt"), ["2026-03-12T17:30:00Z"]);
    assert_eq!(copied["day"]["planned"]["calories"], "100");
    // Unless she says that it was eaten.
    let copied = copies(&ann, json!({ "source": { "entryIds": [first] }, "toDate": "2026-03-13", "status": "EATEN" })).await;
    assert_eq!(copied["day"]["totals"]["calories"], "400");

    for (field, input) in [
        ("toDate", json!({ "source": { "day": { "date": "2026-03-09" } }, "toDate": "2201-01-01" })),
        ("source.day.date", json!({ "source": { "day": { "date": "never" } }, "toDate": "2026-03-10" })),
    ] {
        let refused = ann.refused(COPY, json!({ "input": input })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)));
    }
    for source in [json!({ "day": { "date": "2026-01-01" } }), json!({ "entryIds": [id()] }), json!({ "groupId": id() })] {
        assert_eq!(ann.refused(COPY, json!({ "input": { "source": source, "toDate": "2026-03-10" } })).await.code, "NOT_FOUND");
    }
}

#[tokio::test]
async fn half_past_seven_stays_half_past_seven_whatever_clocks_do() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Europe/Berlin").await;
    let oats = ann.creates_food(json!({})).await;
    let logged = ann.logs_food(&oats, json!({ "consumedAt": "2026-03-10T06:30:00Z" })).await;
    let night = ann.logs_food(&oats, json!({ "consumedAt": "2026-03-10T01:30:00Z", "mealType": "snack" })).await;
    let (morning, night) = (logged["entry"]["id"].clone(), night["entry"]["id"].clone());
    let at = async |entry: &Value, date: &str| {
        let copied = copies(&ann, json!({ "source": { "entryIds": [entry] }, "toDate": date })).await;
        assert_eq!(copied["entries"][0]["date"], date);
        copied["entries"][0]["consumedAt"].clone()
    };
    assert_eq!(at(&morning, "2026-03-28").await, "2026-03-28T06:30:00Z");
    assert_eq!(at(&morning, "2026-03-29").await, "2026-03-29T05:30:00Z", "in summer time");
    assert_eq!(at(&morning, "2026-10-25").await, "2026-10-25T06:30:00Z", "and in winter time again");
    // Clocks leap over half past two on that night; there are two of it on the other.
    assert_eq!(at(&night, "2026-03-29").await, "2026-03-29T01:00:00Z");
    assert_eq!(at(&night, "2026-10-25").await, "2026-10-25T00:30:00Z");
}

#[tokio::test]
async fn a_copy_that_is_sent_again_copies_nothing_twice() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    soup(&ann).await;
    let copy = json!({ "id": id(), "source": { "day": { "date": "2026-03-10" } }, "toDate": "2026-03-09" });
    let first = copies(&ann, copy.clone()).await;
    assert_eq!(first["day"]["totals"]["calories"], "250");
    assert_eq!(copies(&ann, copy.clone()).await, first);
    // Nor when the source has become more, or less, meanwhile.
    let group = soup(&ann).await;
    assert_eq!(copies(&ann, copy.clone()).await, first);
    ann.ask(DELETE_GROUP, json!({ "input": { "id": group["id"] } })).await;
    assert_eq!(copies(&ann, copy.clone()).await, first);
    let mut other = copy.clone();
    other["toDate"] = json!("2026-03-08");
    assert_eq!(ann.refused(COPY, json!({ "input": other })).await.code, "CONFLICT");
    assert_eq!(ann.calories_on(Some("2026-03-08")).await, "0");
}

#[tokio::test]
async fn a_copied_meal_is_a_meal_of_its_own() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let group = soup(&ann).await;
    let copied = copies(&ann, json!({ "source": { "groupId": group["id"] }, "toDate": "2026-03-09" })).await;
    let copy = &copied["entries"][0]["group"];
    assert_eq!((&copy["name"], copy["entries"].as_array().unwrap().len()), (&json!("Soup and bread"), 2));
    assert_ne!(copy["id"], group["id"]);
    // Parts that are copied by themselves are in no meal.
    let parts: Vec<_> = group["entries"].as_array().unwrap().iter().map(|part| part["id"].clone()).collect();
    let copied = copies(&ann, json!({ "source": { "entryIds": parts }, "toDate": "2026-03-08" })).await;
    assert_eq!(each(&copied, "group"), [&json!(null), &json!(null)]);

    ann.ask(DELETE_GROUP, json!({ "input": { "id": copy["id"] } })).await;
    assert_eq!(ann.calories_on(Some("2026-03-10")).await, "250", "the source stays");
}

#[tokio::test]
async fn ann_cooks_for_ben_and_copies_her_supper_to_his_diary() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person_in("ben", "America/New_York").await);
    let own = ann.creates_food(json!({ "name": "Ann's stew" })).await;
    let bread = app
        .value::<uuid::Uuid>(
            "SELECT food_item_id FROM nutrition_data WHERE owner_id IS NULL AND serving_unit = 'g' ORDER BY food_item_id LIMIT 1",
        )
        .await
        .to_string();
    ann.logs_food(&own, json!({ "mealType": "dinner" })).await;
    ann.logs_food(&bread, json!({ "mealType": "dinner", "quantity": "50", "unit": "g" })).await;
    let copy = json!({ "source": { "day": { "date": "2026-03-10", "mealType": "dinner" } }, "toPersonId": ben.id, "toDate": "2026-03-10" });
    assert_eq!(ann.refused(COPY, json!({ "input": copy })).await.code, "NOT_FOUND", "Ben shares nothing");
    for verified in [&ann, &ben] {
        app.verify(verified).await;
    }
    let reading = shares(&ben, &ann, &["CALORIE"], false).await;
    assert_eq!(ann.refused(COPY, json!({ "input": copy })).await.code, "NOT_FOUND", "to read is not to write");
    ann.ask("mutation($id: UUID!) { revokeAccess(input: { id: $id }) { access { id } } }", json!({ "id": reading[0] })).await;
    shares(&ben, &ann, &["CALORIE"], true).await;

    let copied = copies(&ann, copy.clone()).await;
    assert_eq!(each(&copied, "createdBy"), [&json!({ "id": ann.id }), &json!({ "id": ann.id })]);
    // Noon where she is, noon where he is.
    assert_eq!(each(&copied, "timeZone"), ["America/New_York", "America/New_York"]);
    assert_eq!(each(&copied, "consumedAt"), ["2026-03-10T16:00:00Z", "2026-03-10T16:00:00Z"]);
    let of_ben = "{ viewer { foodDay(date: \"2026-03-10\") { entries { name food { id } nutrition { calories } } } } }";
    let foods = async || ben.ask(of_ben, json!({})).await["viewer"]["foodDay"]["entries"].take();
    let seen = foods().await;
    assert_eq!(
        (&seen[0]["name"], &seen[0]["food"], &seen[0]["nutrition"]["calories"]),
        (&json!("Ann's stew"), &json!(null), &json!("100"))
    );
    assert_eq!(seen[1]["food"]["id"], bread.as_str());
    let named: i64 = app.value("SELECT count(food_item_id) FROM food_diary WHERE created_by <> user_id").await;
    assert_eq!(named, 1, "what Ben cannot see his diary does not name");

    // Once she shares her foods, it does.
    shares(&ann, &ben, &["FOOD_LIST"], false).await;
    copies(&ann, copy).await;
    assert_eq!(foods().await[2]["food"]["id"], own.as_str());
    // Ben takes Ann's day to his own diary when she lets him read it.
    let back = json!({ "fromPersonId": ann.id, "source": { "day": { "date": "2026-03-10" } }, "toDate": "2026-03-09" });
    assert_eq!(ben.refused(COPY, json!({ "input": back })).await.code, "NOT_FOUND");
    shares(&ann, &ben, &["CALORIE"], false).await;
    assert_eq!(copies(&ben, back).await["entries"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn what_was_deleted_by_mistake_comes_back() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let oats = ann.creates_food(json!({})).await;
    let entry = ann.logs_food(&oats, json!({})).await["entry"]["id"].clone();
    ann.ask(DELETE_ENTRY, json!({ "input": { "id": entry } })).await;
    assert_eq!(ann.calories_on(None).await, "0");
    let restored = ann.ask(RESTORE_ENTRY, json!({ "input": { "id": entry } })).await["restoreFoodEntry"].take();
    assert_eq!(
        restored,
        json!({ "entry": { "id": entry, "version": 3 }, "day": { "date": "2026-03-10", "totals": { "calories": "100" } } })
    );
    let again = ann.ask(RESTORE_ENTRY, json!({ "input": { "id": entry } })).await["restoreFoodEntry"].take();
    assert_eq!(again, restored, "what is there stays as it is");

    let group = soup(&ann).await;
    let first = group["entries"][0]["id"].clone();
    ann.ask(DELETE_ENTRY, json!({ "input": { "id": first } })).await;
    app.clock.advance(chrono::TimeDelta::seconds(5));
    ann.ask(DELETE_GROUP, json!({ "input": { "id": group["id"] } })).await;
    let restored = ann.ask(RESTORE_GROUP, json!({ "input": { "id": group["id"] } })).await["restoreFoodGroup"].take();
    assert_eq!(restored["group"]["entries"].as_array().unwrap().len(), 1, "what was deleted before it stays deleted");
    // A part brings its meal back.
    ann.ask(DELETE_GROUP, json!({ "input": { "id": group["id"] } })).await;
    ann.ask(RESTORE_ENTRY, json!({ "input": { "id": first } })).await;
    let day = ann.ask("{ viewer { foodDay { groups { id entries { id } } } } }", json!({})).await;
    assert_eq!(day["viewer"]["foodDay"]["groups"], json!([{ "id": group["id"], "entries": [{ "id": first }] }]));

    for (document, id) in [(RESTORE_ENTRY, &entry), (RESTORE_GROUP, &group["id"])] {
        assert_eq!(ben.refused(document, json!({ "input": { "id": id, "personId": ann.id } })).await.code, "NOT_FOUND");
        assert_eq!(ben.refused(document, json!({ "input": { "id": id } })).await.code, "NOT_FOUND");
    }
}
