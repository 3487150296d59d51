//! CSV of a diary and of foods: what a spreadsheet can be given, and what comes back without loss.

use reqwest::{StatusCode, header};
use serde_json::{Value, json};

use crate::{
    family_access::shares,
    food_import::{commits, rehearses},
    harness::{Person, TestApp},
};

async fn exports(person: &Person<'_>, path: &str) -> reqwest::Response {
    person.app.get(path).bearer_auth(person.token.as_ref().unwrap()).send().await.unwrap()
}

async fn file(person: &Person<'_>, path: &str) -> String {
    let response = exports(person, path).await;
    assert_eq!(response.status(), StatusCode::OK);
    response.text().await.unwrap()
}

const DIARY: &str = "/export/food-diary.csv";

/// Everything that the API tells of the entries of March 2026.
async fn told(person: &Person<'_>) -> Value {
    let document = "{ viewer { foodDays(from: \"2026-03-01\", to: \"2026-03-31\") { date entries { id name brand quantity unit mealType consumedAt timeZone date status note
        food { id } nutrition { calories protein carbohydrates fat fiber sugar sodium calcium: nutrient(code: \"CA\") } } totals { calories } } } }";
    person.ask(document, json!({})).await["viewer"]["foodDays"].take()
}

/// Logs a few things that are hard to write down.
async fn logs_a_week(person: &Person<'_>) {
    let oats = json!({ "name": "Oats, \"rolled\"", "brand": "=Acme", "nutrition": { "calories": "372.5", "protein": "13.5", "fiber": "10", "nutrients": [{ "code": "CA", "amount": "52" }] },
        "portions": [{ "name": "cup", "amount": "90.5", "unit": "g" }] });
    let oats = person.creates_food(oats).await;
    let soup = person.creates_food(json!({ "name": "-1 Süppchen 🍲", "nutrition": {} })).await;
    let entries = [
        (&oats, json!({ "quantity": "0.333", "unit": "cup", "consumedAt": "2026-03-08T23:30:00Z", "timeZone": "Europe/Berlin" })),
        (&oats, json!({ "quantity": "80", "unit": "g", "note": "@home, with \"milk\"\nand more", "consumedAt": "2026-03-09T07:00:00.5Z" })),
        (
            &soup,
            json!({ "mealType": "second breakfast", "status": "PLANNED", "consumedAt": "2026-03-10T20:00:00Z", "timeZone": "America/New_York" }),
        ),
        (&soup, json!({ "mealType": "second breakfast", "consumedAt": "2026-03-10T20:05:00Z", "timeZone": "America/New_York" })),
    ];
    for (food, entry) in entries {
        person.logs_food(food, entry).await;
    }
}

#[tokio::test]
async fn a_diary_is_exported_so_that_no_spreadsheet_runs_it_and_a_script_can_read_it() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Europe/Berlin").await;
    logs_a_week(&ann).await;
    let response = exports(&ann, &format!("{DIARY}?from=2026-03-09&to=2026-03-10")).await;
    let of = |name: header::HeaderName| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(of(header::CONTENT_TYPE), "text/csv; charset=utf-8; header=present");
    assert_eq!(
        (of(header::CONTENT_DISPOSITION), of(header::CACHE_CONTROL)),
        ("attachment; filename=\"food-diary.csv\"".to_owned(), "no-store".to_owned())
    );
    let text = response.text().await.unwrap();
    let mut lines: Vec<_> = text.split("\r\n").collect();
    assert_eq!(lines.pop(), Some(""));
    assert_eq!(
        lines[0],
        "id,date,time,time_zone,consumed_at,status,meal,name,brand,food_id,quantity,unit,note,calories_kcal,protein_g,carbohydrates_g,fat_g,fiber_g,sugar_g,sodium_mg,CA"
    );
    let without_ids: Vec<_> = lines[1..]
        .iter()
        .map(|line| {
            let cells: Vec<_> = line.split(',').collect();
            cells.iter().filter(|cell| cell.len() != 36).copied().collect::<Vec<_>>().join(",")
        })
        .collect();
    assert_eq!(
        without_ids,
        [
            "2026-03-09,00:30:00,Europe/Berlin,2026-03-08T23:30:00Z,eaten,breakfast,\"Oats, \"\"rolled\"\"\",'=Acme,0.333,cup,,112.258463,4.068428,,,3.01365,,,15.67098",
            "2026-03-09,08:00:00,Europe/Berlin,2026-03-09T07:00:00.500Z,eaten,breakfast,\"Oats, \"\"rolled\"\"\",'=Acme,80,g,\"'@home, with \"\"milk\"\"\nand more\",298,10.8,,,8,,,41.6",
            "2026-03-10,16:00:00,America/New_York,2026-03-10T20:00:00Z,planned,second breakfast,'-1 Süppchen 🍲,,1,serving,,,,,,,,,",
            "2026-03-10,16:05:00,America/New_York,2026-03-10T20:05:00Z,eaten,second breakfast,'-1 Süppchen 🍲,,1,serving,,,,,,,,,",
        ]
    );
    assert!(file(&ann, &format!("{DIARY}?bom=1")).await.starts_with("\u{feff}id,date,"));
    // A diary without an entry has a header.
    assert_eq!(file(&ann, &format!("{DIARY}?from=2026-01-01&to=2026-01-31")).await.lines().count(), 1);
}

#[tokio::test]
async fn a_diary_that_was_exported_is_imported_without_loss_by_its_owner_and_by_another() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person_in("ann", "Europe/Berlin").await, app.person("ben").await);
    logs_a_week(&ann).await;
    let (before, csv) = (told(&ann).await, file(&ann, &format!("{DIARY}?bom=1")).await);
    // Nothing of it is new to her.
    let nothing = rehearses(&ann, &csv, json!({})).await;
    assert_eq!((&nothing["lines"], &nothing["added"], &nothing["duplicates"]), (&json!(4), &json!(0), &json!(4)));
    assert_eq!(nothing["guesses"], json!([]));

    // What she deletes comes back as it was, under new ids.
    for entry in before.as_array().unwrap().iter().flat_map(|day| day["entries"].as_array().unwrap()) {
        ann.ask("mutation($id: UUID!) { deleteFoodEntry(input: { id: $id }) { deletedId } }", json!({ "id": entry["id"] })).await;
    }
    commits(&ann, &rehearses(&ann, &csv, json!({})).await).await;
    let without_ids = |mut days: Value, foods: bool| {
        for entry in days.as_array_mut().unwrap().iter_mut().flat_map(|day| day["entries"].as_array_mut().unwrap()) {
            entry["id"].take();
            if !foods {
                entry["food"].take();
            }
        }
        days
    };
    assert_eq!(without_ids(told(&ann).await, true), without_ids(before.clone(), true));
    assert_eq!(rehearses(&ann, &csv, json!({})).await["added"], 0);
    // Entries are told by the same version of the food as before: half of it is half of it.
    let entry = told(&ann)
        .await
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|day| day["entries"].as_array().unwrap().clone())
        .find(|entry| entry["unit"] == "cup")
        .unwrap();
    let update = "mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) { entry { nutrition { calories } } } }";
    let whole = ann.ask(update, json!({ "input": { "id": entry["id"], "quantity": "1" } })).await;
    assert_eq!(whole["updateFoodEntry"]["entry"]["nutrition"]["calories"], "337.1125");

    // Ben has none of her foods: the same entries, with the same ids, told by none.
    commits(&ben, &rehearses(&ben, &csv, json!({})).await).await;
    let mut expected = before;
    for entry in expected.as_array_mut().unwrap().iter_mut().flat_map(|day| day["entries"].as_array_mut().unwrap()) {
        entry["food"].take();
    }
    // An entry without a food of which nothing is known cannot be told from a mistake.
    let known = |mut days: Value| {
        for day in days.as_array_mut().unwrap() {
            day["entries"].as_array_mut().unwrap().retain(|entry| !entry["nutrition"]["calories"].is_null());
        }
        days
    };
    assert_eq!(known(told(&ben).await), known(expected));
}

#[tokio::test]
async fn foods_that_were_exported_are_imported_by_another_without_loss() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    logs_a_week(&ann).await;
    let milk = json!({ "name": "Milk", "servingUnit": "ml", "density": "1.03", "allergens": ["MILK"], "traces": [] });
    ann.creates_food(milk).await;
    let csv = file(&ann, "/export/foods.csv").await;
    let import = "mutation($input: RehearseImportInput!) { rehearseImport(input: $input) { import { id added guesses { message } problems { nodes { message } } } } }";
    let rehearsed = ben.ask(import, json!({ "input": { "kind": "FOODS", "csv": csv } })).await["rehearseImport"]["import"].take();
    let all = json!({ "id": rehearsed["id"], "added": 3, "guesses": [], "problems": { "nodes": [] } });
    assert_eq!(rehearsed, all);
    commits(&ben, &rehearsed).await;
    assert_eq!(file(&ben, "/export/foods.csv").await, csv);
    assert!(csv.contains("\"Oats, \"\"rolled\"\"\",'=Acme,,100,g,cup = 90.5 g,user,,,,,372.5,13.5,,,10,,,52"), "{csv}");
    assert!(csv.contains("\nMilk,,,100,ml,,user,,1.03,milk,none,"), "{csv}");
}

#[tokio::test]
async fn a_relative_exports_what_they_may_read_and_it_is_logged() {
    let app = TestApp::new().await;
    let (ann, ben, carla) = (app.person("ann").await, app.person("ben").await, app.person("carla").await);
    for person in [&ben, &carla] {
        app.verify(person).await;
    }
    shares(&ann, &ben, &["CALORIE"], false).await;
    shares(&ann, &carla, &["REPORTS", "FOOD_LIST"], false).await;
    logs_a_week(&ann).await;
    let path = format!("{DIARY}?personId={}", ann.id);
    assert_eq!(file(&ben, &path).await, file(&ann, DIARY).await);
    for (person, path) in [
        (&carla, path.clone()),
        (&ben, format!("{DIARY}?personId=0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f")),
        (&carla, format!("/export/foods.csv?personId={}", ann.id)),
    ] {
        let response = exports(person, &path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"], json!({ "code": "NOT_FOUND", "field": "personId" }));
    }
    let log = ann.ask("{ viewer { accessLog { nodes { reader { fullName } accessType } } } }", json!({})).await;
    assert_eq!(log["viewer"]["accessLog"]["nodes"], json!([{ "reader": { "fullName": "ben" }, "accessType": "CALORIE" }]));
    assert_eq!(file(&ben, DIARY).await.lines().count(), 1);
}

#[tokio::test]
async fn an_export_needs_a_token_and_a_range_that_is_one() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    for token in [None, Some("nonsense")] {
        let request = app.get(DIARY);
        let response = if let Some(token) = token { request.bearer_auth(token) } else { request }.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.json::<Value>().await.unwrap()["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    }
    for (query, field) in [
        ("from=2026-03-10&to=2026-03-09", "to"),
        ("from=tomorrow", "from"),
        ("from=1899-12-31", "from"),
        ("personId=ann", "personId"),
        ("until=2026-03-10", "query"),
    ] {
        let response = exports(&ann, &format!("{DIARY}?{query}")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["errors"][0]["extensions"], json!({ "code": "BAD_USER_INPUT", "field": field }), "{query}");
    }
}

#[tokio::test]
async fn a_long_diary_comes_in_parts_of_one_snapshot() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut csv = "Date,Name,Calories\n".to_owned();
    for line in 0..1_700 {
        csv += &format!("2026-03-{:02},Soup {line},{}\n", line % 28 + 1, line % 900);
    }
    commits(&ann, &rehearses(&ann, &csv, json!({})).await).await;
    let mut response = exports(&ann, DIARY).await;
    assert_eq!((response.status(), response.content_length()), (StatusCode::OK, None));
    let first = response.chunk().await.unwrap().unwrap();
    // Whatever happens now, she gets what there was when she asked.
    sqlx::query("DELETE FROM food_diary").execute(&mut app.connect("hale_owner").await).await.unwrap();
    let mut text = String::from_utf8(first.to_vec()).unwrap();
    let mut rest = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        rest.extend_from_slice(&chunk);
    }
    text += std::str::from_utf8(&rest).unwrap();
    assert_eq!(text.lines().count(), 1_701);
    assert_eq!(file(&ann, DIARY).await.lines().count(), 1);
}
