//! Importing catalogues: the published files, and small ones with mistakes in them.

use std::fs::File;

use serde_json::json;
use service::catalogue::{self, BadRow, ExerciseFormat, FoodFormat, Outcome};

use crate::harness::{TestApp, shared_data};

#[tokio::test]
async fn the_published_foods_import_and_a_day_of_them_adds_up() {
    let Some(file) = shared_data("usda-sr28/ABBREV.csv") else { return };
    let app = TestApp::new().await;
    let maintenance = app.maintenance().await;
    let import = async || catalogue::import_foods(&maintenance, FoodFormat::UsdaSr, File::open(&file).unwrap(), |_| {}).await.unwrap();
    assert_eq!(import().await, Outcome { added: 8463, ..Outcome::default() });
    let latest = "SELECT max(updated_at)::text FROM food_items";
    let written: String = app.value(latest).await;
    assert_eq!(import().await, Outcome { unchanged: 8463, ..Outcome::default() });
    assert_eq!(app.value::<String>(latest).await, written, "the second import touches no row");

    let ann = app.person("ann").await;
    let mut owner = app.connect("hale_owner").await;
    let mut day = json!(null);
    for (number, quantity, unit, meal) in [
        ("09040", "118", "g", "breakfast"),
        ("01123", "100", "g", "breakfast"),
        ("18069", "2", "slice", "breakfast"),
        ("05064", "140", "g", "lunch"),
        ("11090", "1", "cup", "lunch"),
        ("01001", "1", "tbsp", "dinner"),
    ] {
        let food: String = sqlx::query_scalar("SELECT id::text FROM food_items WHERE source = 'usda-sr' AND source_id = $1")
            .bind(number)
            .fetch_one(&mut owner)
            .await
            .unwrap();
        day = ann.logs_food(&food, json!({ "quantity": quantity, "unit": unit, "mealType": meal })).await["day"].take();
    }
    let totals = ["calories", "protein", "fat", "carbohydrates"].map(|name| day["totals"][name].clone());
    assert_eq!(json!(totals), json!(["760.174", "65.0851", "28.53812", "61.19572"]));
    assert_eq!(day["totals"]["unknown"], json!([]));

    // Her meals add up to the day, and tomorrow she plans to eat the same: that changes nothing of today.
    let meals = "query($date: Date!) { viewer { foodDay(date: $date) { meals { code totals { calories } planned { calories } } totals { calories } planned { calories } } } }";
    let meals = async |date: &str| ann.ask(meals, json!({ "date": date })).await["viewer"]["foodDay"].take();
    let today = meals("2026-03-10").await;
    let by_meal: Vec<_> = today["meals"].as_array().unwrap().iter().map(|meal| (&meal["code"], &meal["totals"]["calories"])).collect();
    let expected = [("breakfast", "396.42"), ("lunch", "261.94"), ("dinner", "101.814"), ("snack", "0")]
        .map(|(code, calories)| (json!(code), json!(calories)));
    assert_eq!(by_meal, expected.iter().map(|(code, calories)| (code, calories)).collect::<Vec<_>>());
    let copy = "mutation($input: CopyFoodEntriesInput!) { copyFoodEntries(input: $input) { day { date } } }";
    ann.ask(copy, json!({ "input": { "source": { "day": { "date": "2026-03-10" } }, "toDate": "2026-03-11" } })).await;
    let tomorrow = meals("2026-03-11").await;
    assert_eq!((&tomorrow["totals"]["calories"], &tomorrow["planned"]["calories"]), (&json!("0"), &json!("760.174")));
    assert_eq!(meals("2026-03-10").await, today);
}

#[tokio::test]
async fn the_other_published_files_import_twice_to_the_same() {
    let (Some(foods), Some(exercises)) = (shared_data("usda-foundation/foundation.json"), shared_data("free-exercise-db/exercises.json"))
    else {
        return;
    };
    let app = TestApp::new().await;
    let maintenance = app.maintenance().await;
    let import = async || {
        let of_foods = catalogue::import_foods(&maintenance, FoodFormat::FdcJson, File::open(&foods).unwrap(), |_| {}).await.unwrap();
        let file = File::open(&exercises).unwrap();
        (of_foods, catalogue::import_exercises(&maintenance, ExerciseFormat::FreeExerciseDb, file, |_| {}).await.unwrap())
    };
    let added = |added| Outcome { added, ..Outcome::default() };
    assert_eq!(import().await, (added(9), added(873)));
    let unchanged = |unchanged| Outcome { unchanged, ..Outcome::default() };
    assert_eq!(import().await, (unchanged(9), unchanged(873)));
    assert_eq!(catalogue::load_starter(&maintenance).await.unwrap().added, 0);
    let described = "SELECT concat_ws(' ', muscle_groups[1], cardinality(secondary_muscles), modality, force, level, trim_scale(body_weight_fraction), trim_scale(met))
        FROM exercises WHERE source = 'free-exercise-db' AND name = 'Pullups'";
    assert_eq!(app.value::<String>(described).await, "lats 2 reps_only pull beginner 1 3.5");
}

/// A file of two foods in Latin-1; the second is what `second` says.
fn file(second: &[u8]) -> Vec<u8> {
    let heading = b"NDB_No,Shrt_Desc,Energ_Kcal,Protein_(g),Lipid_Tot_(g),Carbohydrt_(g),Fiber_TD_(g),GmWt_1,GmWt_Desc1\r\n";
    [heading, &b"90001,CR\xC8ME BR\xDBL\xC9E,300,4,25,15,,120,1 cup\r\n"[..], second].concat()
}

#[tokio::test]
async fn a_bad_row_is_reported_and_a_changed_one_becomes_a_new_version() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let maintenance = app.maintenance().await;
    let import =
        async |second: &[u8]| catalogue::import_foods(&maintenance, FoodFormat::UsdaSr, file(second).as_slice(), |_| {}).await.unwrap();
    let outcome = import(b"90002,BAD,-1,0,0,0,,,\r\n90003,TEST BREAD,265,9,3,49,2.7,28,1 slice\r\n90001,TWICE,1,1,1,1,,,\r\n").await;
    assert_eq!((outcome.added, outcome.changed, outcome.unchanged), (2, 0, 0));
    let bad = |line, record, reason: &str| BadRow { line, record, reason: reason.to_owned() };
    let skipped = [bad(3, 2, "Energ_Kcal: -1 is negative"), bad(5, 4, "an earlier record has the id 90001 too")];
    assert_eq!(outcome.skipped, skipped);

    let search = "query($words: String!) { foods(search: $words, first: 1) { nodes { id name version nutrition { calories fiber } portions { name amount } } } }";
    let creme = ann.ask(search, json!({ "words": "creme brulee" })).await["foods"]["nodes"][0].take();
    assert_eq!((&creme["name"], &creme["nutrition"]["fiber"]), (&json!("Crème brûlée"), &json!(null)));
    let bread = ann.ask(search, json!({ "words": "test bread" })).await["foods"]["nodes"][0].take();
    let logged = ann.logs_food(bread["id"].as_str().unwrap(), json!({ "quantity": "2", "unit": "slice" })).await;
    assert_eq!(logged["entry"]["nutrition"]["calories"], "148.4");

    let outcome = import(b"90003,TEST BREAD,300,9,3,49,2.7,30,1 slice\r\n").await;
    assert_eq!((outcome.added, outcome.changed, outcome.unchanged), (0, 1, 1));
    assert_eq!(ann.calories_on(None).await, "148.4", "the day stays as it was");
    let changed = ann.ask(search, json!({ "words": "test bread" })).await["foods"]["nodes"][0].take();
    assert_eq!((&changed["id"], &changed["nutrition"]["calories"], &changed["version"]), (&bread["id"], &json!("300"), &json!(2)));
    let versions = "SELECT array_agg(n.nutrition_version ORDER BY n.nutrition_version)::text FROM nutrition_data n
        JOIN food_items f ON f.id = n.food_item_id WHERE f.source_id = '90003'";
    assert_eq!(app.value::<String>(versions).await, "{1,2}");
    let again = ann.logs_food(bread["id"].as_str().unwrap(), json!({ "quantity": "2", "unit": "slice" })).await;
    assert_eq!(again["entry"]["nutrition"]["calories"], "180");
    let outcome = import(b"90003,TEST BREAD,300,9,3,49,2.7,30,1 slice\r\n").await;
    assert_eq!((outcome.added, outcome.changed, outcome.unchanged), (0, 0, 2));
}

#[tokio::test]
async fn another_kind_of_file_is_refused_and_imports_nothing() {
    let app = TestApp::new().await;
    let maintenance = app.maintenance().await;
    let count = "SELECT count(*) FROM food_items";
    let before: i64 = app.value(count).await;
    for (format, content) in [
        (FoodFormat::UsdaSr, &b"name;energy\nbread;265\n"[..]),
        (FoodFormat::UsdaSr, b""),
        (FoodFormat::FdcJson, b"NDB_No,Shrt_Desc\n"),
        (FoodFormat::FdcJson, b"{\"FoundationFoods\": [{\"fdcId\""),
    ] {
        let error = catalogue::import_foods(&maintenance, format, content, |_| {}).await.unwrap_err();
        assert!(error.to_string().starts_with("file: "), "{error}");
    }
    assert_eq!(app.value::<i64>(count).await, before);
}
