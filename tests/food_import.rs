//! Foods and diaries from CSV files: what is found, what is added, and what an undo leaves alone.

use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{
    family_access::shares,
    harness::{PASSWORD, Person, TestApp},
};

const REHEARSE: &str =
    "mutation($input: RehearseImportInput!) { rehearseImport(input: $input) { import { id kind state keptUntil lines added duplicates
    rejected additions(first: 2) { nodes { line description } pageInfo { endCursor hasNextPage } } guesses { column message } problems(first: 100) { nodes { line kind column message } } } } }";
const COMMIT: &str = "mutation($id: UUID!) { commitImport(input: { id: $id }) { import { id state added keptUntil } } }";
const UNDO: &str =
    "mutation($id: UUID!) { undoImport(input: { id: $id }) { import { state } removed kept keptExamples { id name reason } } }";

/// Rehearses a diary.
pub async fn rehearses(person: &Person<'_>, csv: &str, more: Value) -> Value {
    let mut input = json!({ "kind": "DIARY", "csv": csv });
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    person.ask(REHEARSE, json!({ "input": input })).await["rehearseImport"]["import"].take()
}

/// Commits what was rehearsed.
pub async fn commits(person: &Person<'_>, import: &Value) -> Value {
    person.ask(COMMIT, json!({ "id": import["id"] })).await["commitImport"]["import"].take()
}

/// What is refused of a file, and why.
async fn refused(person: &Person<'_>, input: Value) -> (String, String) {
    let refusal = person.refused(REHEARSE, json!({ "input": input })).await;
    assert_eq!(refusal.code, "BAD_USER_INPUT", "{refusal:?}");
    (refusal.field.unwrap(), refusal.message)
}

/// Counts of lines, to be added, duplicates and rejected.
fn counts(import: &Value) -> [i64; 4] {
    ["lines", "added", "duplicates", "rejected"].map(|field| import[field].as_i64().unwrap())
}

fn problems(import: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |problem: &Value| {
        format!("{} {} {}: {}", problem["line"], text(&problem["kind"]), text(&problem["column"]), text(&problem["message"]))
    };
    import["problems"]["nodes"].as_array().unwrap().iter().map(line).collect()
}

fn guesses(import: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    import["guesses"].as_array().unwrap().iter().map(|guess| format!("{}: {}", text(&guess["column"]), text(&guess["message"]))).collect()
}

/// The entries of March 2026, each with the fields that are asked for.
async fn entries(person: &Person<'_>, fields: &str) -> Vec<Value> {
    let document = format!("{{ viewer {{ foodDays(from: \"2026-03-01\", to: \"2026-03-31\") {{ entries {{ {fields} }} }} }} }}");
    let days = person.ask(&document, json!({})).await["viewer"]["foodDays"].take();
    days.as_array().unwrap().iter().flat_map(|day| day["entries"].as_array().unwrap().clone()).collect()
}

#[tokio::test]
async fn a_diary_is_rehearsed_then_added_as_a_whole_and_never_twice() {
    let app = TestApp::new().await;
    let ann = app.person_in("ann", "Europe/Berlin").await;
    let csv = "\u{feff}Date,Time,Meal,Name,Brand,Quantity,Unit,Energy (kcal),Protein (g),Note\r\n\
        2026-03-09,07:30,Breakfast,\"Oats, rolled\",Acme,80,g,300,10.5,\"with \"\"milk\"\"\"\r\n\
        2026-03-09,13:00,Lunch,Soup,,2,serving,240,,\r\n\
        2026-02-30,13:00,Lunch,Soup,,2,serving,240,,\r\n\
        2026-03-09,13:00,Lunch,Soup,,2,serving,240,,\r\n\
        2026-03-09,13:00,Lunch,Mystery,,1,serving,,,\r\n\
        2026-03-09,13:00,Lunch,Bread,,-1,slice,80,,\r\n";
    let rehearsed = rehearses(&ann, csv, json!({})).await;
    assert_eq!(counts(&rehearsed), [6, 2, 1, 3]);
    assert_eq!(
        problems(&rehearsed),
        [
            "4 REJECTED Date: “2026-02-30” is not a date such as 2026-03-29",
            "5 DUPLICATE -: a line before it says the same; keepRepeated adds both",
            "6 REJECTED Name: is no food that is known, and the line says no nutrients",
            "7 REJECTED Quantity: “-1” does not begin with a number",
        ]
    );
    let additions = json!([{ "line": 2, "description": "2026-03-09: 80 g Oats, rolled (breakfast)" }, { "line": 3, "description": "2026-03-09: 2 serving Soup (lunch)" }]);
    assert_eq!(rehearsed["additions"]["nodes"], additions);
    const ADDITIONS: &str = "query($first: Int, $after: String) { viewer { foodImports { nodes {
        additions(first: $first, after: $after) { nodes { line } pageInfo { endCursor hasNextPage } } } } } }";
    let additions_from = async |after: Option<&Value>| {
        let mut answer = ann.ask(ADDITIONS, json!({ "first": 1, "after": after })).await;
        answer["viewer"]["foodImports"]["nodes"][0]["additions"].take()
    };
    let first = additions_from(None).await;
    assert_eq!((&first["nodes"], &first["pageInfo"]["hasNextPage"]), (&json!([{ "line": 2 }]), &json!(true)));
    let second = additions_from(Some(&first["pageInfo"]["endCursor"])).await;
    assert_eq!((&second["nodes"], &second["pageInfo"]["hasNextPage"]), (&json!([{ "line": 3 }]), &json!(false)));
    assert_eq!((&rehearsed["state"], &rehearsed["keptUntil"]), (&json!("REHEARSED"), &json!("2026-03-11T12:00:00Z")));
    assert_eq!(guesses(&rehearsed), Vec::<String>::new());
    assert!(entries(&ann, "id").await.is_empty());

    let committed = commits(&ann, &rehearsed).await;
    assert_eq!((&committed["state"], &committed["added"]), (&json!("COMMITTED"), &json!(2)));
    assert_eq!(additions_from(None).await["nodes"], json!([]), "what is in the diary is no longer to be added");
    let fields =
        "name brand quantity unit mealType consumedAt timeZone date note nutrition { calories protein fat } food { id } createdBy { id }";
    let expected = json!([
        { "name": "Oats, rolled", "brand": "Acme", "quantity": "80", "unit": "g", "mealType": "breakfast", "consumedAt": "2026-03-09T06:30:00Z",
          "timeZone": "Europe/Berlin", "date": "2026-03-09", "note": "with \"milk\"",
          "nutrition": { "calories": "300", "protein": "10.5", "fat": null }, "food": null, "createdBy": null },
        { "name": "Soup", "brand": null, "quantity": "2", "unit": "serving", "mealType": "lunch", "consumedAt": "2026-03-09T12:00:00Z",
          "timeZone": "Europe/Berlin", "date": "2026-03-09", "note": null,
          "nutrition": { "calories": "240", "protein": null, "fat": null }, "food": null, "createdBy": null },
    ]);
    assert_eq!(json!(entries(&ann, fields).await), expected);

    // The same again, by the same import and by the same file.
    assert_eq!(commits(&ann, &rehearsed).await, committed);
    let again = rehearses(&ann, csv, json!({})).await;
    assert_eq!(counts(&again), [6, 0, 3, 3]);
    assert_eq!(problems(&again)[0], "2 DUPLICATE -: it is in the diary already");
    commits(&ann, &again).await;
    assert_eq!(entries(&ann, "id").await.len(), 2);

    // Two soups at once were two soups, if she says so.
    let twice = rehearses(&ann, csv, json!({ "keepRepeated": true })).await;
    assert_eq!(counts(&twice), [6, 1, 2, 3]);
    commits(&ann, &twice).await;
    assert_eq!(counts(&rehearses(&ann, csv, json!({ "keepRepeated": true })).await), [6, 0, 3, 3]);
    assert_eq!(entries(&ann, "id").await.len(), 3);
}

#[tokio::test]
async fn summaries_of_meals_become_entries_that_are_called_like_the_meal() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let csv = "Date,Meal,Calories,Fat (g),Saturated Fat,Polyunsaturated Fat,Cholesterol,Sodium (mg),Carbohydrates (g),Fiber,Sugar,Protein (g),Vitamin A,Calcium,Note\n\
        2026-03-08,Breakfast,\"1,234.5\",12.3,4.1,1,20,450,60,8,12,25,10,4,\n\
        2026-03-08,Snacks,210,9,2,0.5,0,100,30,2,18,3,0,0,\n";
    let rehearsed = rehearses(&ann, csv, json!({})).await;
    assert_eq!(counts(&rehearsed), [2, 2, 0, 0]);
    assert_eq!(
        guesses(&rehearsed),
        [
            "Saturated Fat: has no unit: read as g",
            "Polyunsaturated Fat: has no unit: read as g",
            "Cholesterol: has no unit: read as mg",
            "Vitamin A: has no unit, and may be a share of a daily value: it is left unread",
            "Calcium: has no unit, and may be a share of a daily value: it is left unread",
            "-: no column names a food: each line becomes an entry that is called like its meal",
            "-: no column says how much: 1 serving, of which a line's nutrients are",
            "-: no column says at which time: each meal at its usual time",
        ]
    );
    commits(&ann, &rehearsed).await;
    let fields = "name quantity unit mealType consumedAt nutrition { calories fat sodium fasat: nutrient(code: \"FASAT\") vitamin: nutrient(code: \"VITA_RAE\") }";
    let expected = json!([
        { "name": "Breakfast", "quantity": "1", "unit": "serving", "mealType": "breakfast", "consumedAt": "2026-03-08T08:00:00Z",
          "nutrition": { "calories": "1234.5", "fat": "12.3", "sodium": "450", "fasat": "4.1", "vitamin": null } },
        { "name": "Snacks", "quantity": "1", "unit": "serving", "mealType": "snack", "consumedAt": "2026-03-08T15:30:00Z",
          "nutrition": { "calories": "210", "fat": "9", "sodium": "100", "fasat": "2", "vitamin": null } },
    ]);
    assert_eq!(json!(entries(&ann, fields).await), expected);
}

#[tokio::test]
async fn lines_go_to_anns_own_meals_at_their_times_and_fine_quantities_are_told_to_be_rounded() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let own = "mutation($input: CreateMealTypeInput!) { createMealType(input: $input) { mealType { code } } }";
    ann.ask(own, json!({ "input": { "name": "Supper", "defaultTime": "21:15" } })).await;
    let csv = "Date,Meal,Name,Quantity,Calories\n2026-03-08,SUPPER,Soup,1.23456,120\n2026-03-08,Abendessen,Bread,1,80\n";
    let rehearsed = rehearses(&ann, csv, json!({})).await;
    let told = guesses(&rehearsed);
    assert!(told.contains(&"-: some quantities have more than 3 decimals: they are rounded to 3".to_owned()), "{told:?}");
    commits(&ann, &rehearsed).await;
    let expected = json!([
        { "name": "Bread", "quantity": "1", "mealType": "dinner", "consumedAt": "2026-03-08T18:30:00Z" },
        { "name": "Soup", "quantity": "1.235", "mealType": "supper", "consumedAt": "2026-03-08T21:15:00Z" },
    ]);
    assert_eq!(json!(entries(&ann, "name quantity mealType consumedAt").await), expected);
}

#[tokio::test]
async fn servings_of_another_program_keep_their_amounts_and_nutrients() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let csv = "Day,Time,Group,Food Name,Amount,Energy (kcal),B12 (Cobalamin) (µg),Vitamin D (IU),Sodium (mg),Category\n\
        2026-03-08,8:05 AM,Breakfast,\"Egg, cooked\",\"2.00 x 1 large\",155.0,1.11,82,124,Dairy\n\
        2026-03-08,,Uncategorized,Oats,40.00 g,151.6,0,0,2.4,Grains\n";
    let rehearsed = rehearses(&ann, csv, json!({})).await;
    assert_eq!(counts(&rehearsed), [2, 2, 0, 0]);
    assert_eq!(guesses(&rehearsed), ["Category: is nothing that is known: it is left unread"]);
    commits(&ann, &rehearsed).await;
    let fields =
        "name quantity unit mealType consumedAt nutrition { calories b12: nutrient(code: \"VITB12\") d: nutrient(code: \"VITD\") sodium }";
    let expected = json!([
        { "name": "Egg, cooked", "quantity": "2", "unit": "large", "mealType": "breakfast", "consumedAt": "2026-03-08T08:05:00Z",
          "nutrition": { "calories": "155", "b12": "1.11", "d": "2.05", "sodium": "124" } },
        { "name": "Oats", "quantity": "40", "unit": "g", "mealType": "snack", "consumedAt": "2026-03-08T15:30:00Z",
          "nutrition": { "calories": "151.6", "b12": "0", "d": "0", "sodium": "2.4" } },
    ]);
    assert_eq!(json!(entries(&ann, fields).await), expected);
}

#[tokio::test]
async fn semicolons_decimal_commas_dates_and_kilojoules_are_guessed_from_the_whole_file_and_told() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let csv = "Datum;Mahlzeit;Lebensmittel;Menge;Einheit;Energie;Eiweiß (g);Kohlenhydrate (g);Fett (g);Salz (g)\n\
        03.04.2026;Frühstück;Brot;1,5;Scheibe;1046;12;43,5;2,5;1,2\n\
        14.03.2026;Mittagessen;Suppe;300;g;418,4;5;15;2,2;0,6\n";
    let rehearsed = rehearses(&ann, csv, json!({})).await;
    assert_eq!(counts(&rehearsed), [2, 2, 0, 0]);
    assert_eq!(
        guesses(&rehearsed),
        [
            "Energie: has no unit: read as kcal",
            "Salz (g): salt is read as sodium: 2.5 g of salt hold 1 g",
            "-: no column says at which time: each meal at its usual time",
            "-: cells are parted by ;",
            "Date: dates are written such as 29.03.2026, since most of them are dates then",
            "-: a comma stands before the decimals, since most of the numbers say so",
            "-: energy is more than twice what its protein, carbohydrates and fat come to: taken for kJ, and divided by 4.184",
        ]
    );
    commits(&ann, &rehearsed).await;
    let expected = json!([{ "name": "Suppe", "quantity": "300", "date": "2026-03-14", "mealType": "lunch", "nutrition": { "calories": "100", "fat": "2.2", "sodium": "240" } }]);
    assert_eq!(json!(entries(&ann, "name quantity date mealType nutrition { calories fat sodium }").await), expected);

    // Where nothing tells, she is asked.
    let unclear = "Date,Name,Calories\n03/04/2026,Soup,100\n05/06/2026,Soup,100\n";
    let (field, message) = refused(&ann, json!({ "kind": "DIARY", "csv": unclear })).await;
    assert!(field == "dateOrder" && message.contains("whether the day or the month"), "{message}");
    assert_eq!(
        rehearses(&ann, unclear, json!({ "dateOrder": "MONTH_DAY_YEAR" })).await["additions"]["nodes"][0]["description"],
        "2026-03-04: 1 serving Soup (snack)"
    );
}

#[tokio::test]
async fn lines_are_told_by_the_foods_they_name_and_never_by_one_of_several() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ann).await;
    let own = json!({ "name": "Skyr", "brand": "Isey", "nutrition": { "calories": "60", "protein": "11" }, "portions": [{ "name": "cup", "amount": "170", "unit": "g" }] });
    let skyr = ann.creates_food(own).await;
    let scanned = ann.creates_food(json!({ "name": "Muesli bar", "barcode": "4006381333931", "nutrition": { "calories": "400" } })).await;
    for calories in ["89", "95"] {
        ann.creates_food(json!({ "name": "Banana", "nutrition": { "calories": calories } })).await;
    }
    let shared = ben.creates_food(json!({ "name": "Ben's bread", "nutrition": { "calories": "250" } })).await;
    let hidden = "2026-03-09,Ben's bread,,,100,g,\n";
    let csv = format!(
        "Date,Name,Brand,Barcode,Quantity,Unit,Calories\n\
         2026-03-09,SKYR,isey,,2,cup,\n\
         2026-03-09,Bar,,4006381333931,50,g,\n\
         2026-03-09,Skyr,Isey,,100,g,61.5\n\
         2026-03-09,Banana,,,100,g,\n\
         2026-03-09,Banana,,,1,piece,90\n\
         2026-03-09,Skyr,Isey,,1,slice,\n\
         {hidden}"
    );
    let rehearsed = rehearses(&ann, &csv, json!({})).await;
    assert_eq!(counts(&rehearsed), [7, 4, 0, 3]);
    let problems = problems(&rehearsed);
    assert_eq!(problems[0], "5 REJECTED Name: is no food that is known, and the line says no nutrients");
    assert!(problems[1].starts_with("7 REJECTED Unit: "), "{problems:?}");
    assert!(problems[2].starts_with("8 REJECTED Name: "), "{problems:?}");
    assert!(guesses(&rehearsed).contains(&"-: “Banana” is what 2 foods are called: taken for none of them".to_owned()));
    commits(&ann, &rehearsed).await;
    let mut told: Vec<_> = entries(&ann, "name quantity unit food { id } nutrition { calories protein }").await;
    told.sort_by_key(Value::to_string);
    let mut expected = vec![
        json!({ "name": "SKYR", "quantity": "2", "unit": "cup", "food": { "id": skyr }, "nutrition": { "calories": "204", "protein": "37.4" } }),
        json!({ "name": "Bar", "quantity": "50", "unit": "g", "food": { "id": scanned }, "nutrition": { "calories": "200", "protein": null } }),
        json!({ "name": "Skyr", "quantity": "100", "unit": "g", "food": { "id": skyr }, "nutrition": { "calories": "61.5", "protein": null } }),
        json!({ "name": "Banana", "quantity": "1", "unit": "piece", "food": null, "nutrition": { "calories": "90", "protein": null } }),
    ];
    expected.sort_by_key(Value::to_string);
    assert_eq!(told, expected);

    // What a relative shares is seen by name, too.
    shares(&ben, &ann, &["FOOD_LIST"], false).await;
    let seen = rehearses(&ann, &format!("Date,Name,Brand,Barcode,Quantity,Unit,Calories\n{hidden}"), json!({})).await;
    commits(&ann, &seen).await;
    let bread =
        entries(&ann, "name food { id } nutrition { calories }").await.into_iter().find(|entry| entry["name"] == "Ben's bread").unwrap();
    assert_eq!(bread, json!({ "name": "Ben's bread", "food": { "id": shared }, "nutrition": { "calories": "250" } }));
}

#[tokio::test]
async fn what_changed_between_rehearsal_and_commit_is_told_and_nothing_is_added() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oats = ann.creates_food(json!({})).await;
    let csv = "Date,Name,Quantity,Unit,Calories\n2026-03-09,Oats,80,g,\n2026-03-09,Soup,1,serving,120\n";
    let (first, second) = (rehearses(&ann, csv, json!({})).await, rehearses(&ann, csv, json!({})).await);
    // Her oats are others by now.
    ann.ask(
        "mutation($input: UpdateFoodInput!) { updateFood(input: $input) { food { id } } }",
        json!({ "input": { "id": oats, "nutrition": { "calories": "380" } } }),
    )
    .await;
    let refusal = ann.refused(COMMIT, json!({ "id": first["id"] })).await;
    assert_eq!(refusal.code, "CONFLICT");
    assert!(refusal.message.contains("1 of its lines"), "{}", refusal.message);
    assert!(entries(&ann, "id").await.is_empty());
    let third = rehearses(&ann, csv, json!({})).await;
    commits(&ann, &third).await;
    // And the lines are there by now.
    let refusal = ann.refused(COMMIT, json!({ "id": second["id"] })).await;
    assert!(refusal.code == "CONFLICT" && refusal.message.contains("of its lines"), "{refusal:?}");
    assert_eq!(entries(&ann, "nutrition { calories }").await.len(), 2);
}

#[tokio::test]
async fn of_one_file_committed_twice_at_once_one_adds() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let csv = "Date,Name,Calories\n2026-03-09,Soup,120\n2026-03-09,Bread,80\n";
    let mut imports = Vec::new();
    for _ in 0..4 {
        imports.push(rehearses(&ann, csv, json!({})).await["id"].take());
    }
    let mut tasks = Vec::new();
    for id in imports {
        let request =
            app.post("/graphql").bearer_auth(ann.token.as_ref().unwrap()).json(&json!({ "query": COMMIT, "variables": { "id": id } }));
        tasks.push(tokio::spawn(async move { request.send().await.unwrap().json::<Value>().await.unwrap() }));
    }
    let mut codes = Vec::new();
    for task in tasks {
        codes.push(task.await.unwrap().pointer("/errors/0/extensions/code").and_then(Value::as_str).unwrap_or("OK").to_owned());
    }
    codes.sort();
    assert_eq!(codes, ["CONFLICT", "CONFLICT", "CONFLICT", "OK"]);
    assert_eq!(entries(&ann, "id").await.len(), 2);
}

#[tokio::test]
async fn an_undo_takes_out_what_was_imported_but_what_was_changed_since() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let before = ann.creates_food(json!({ "name": "Before" })).await;
    ann.logs_food(&before, json!({ "consumedAt": "2026-03-09T12:00:00Z" })).await;
    let csv = "Date,Name,Calories\n2026-03-09,Soup,120\n2026-03-09,Bread,80\n2026-03-10,Apple,50\n";
    let import = rehearses(&ann, csv, json!({})).await;
    assert_eq!(ann.refused(UNDO, json!({ "id": import["id"] })).await.code, "CONFLICT");
    commits(&ann, &import).await;
    let soup = entries(&ann, "id name").await.into_iter().find(|entry| entry["name"] == "Soup").unwrap();
    let update = "mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) { entry { nutrition { calories } } } }";
    let doubled = ann.ask(update, json!({ "input": { "id": soup["id"], "quantity": "2" } })).await;
    assert_eq!(doubled["updateFoodEntry"]["entry"]["nutrition"]["calories"], "240");

    let undone = ann.ask(UNDO, json!({ "id": import["id"] })).await["undoImport"].take();
    let expected = json!({ "import": { "state": "UNDONE" }, "removed": 2, "kept": 1, "keptExamples": [{ "id": soup["id"], "name": "Soup", "reason": "CHANGED" }] });
    assert_eq!(undone, expected);
    let mut names: Vec<_> = entries(&ann, "name").await.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, ["Before", "Soup"]);
    for document in [UNDO, COMMIT] {
        assert_eq!(ann.refused(document, json!({ "id": import["id"] })).await.code, "CONFLICT");
    }
    // It can come back: with what is not there.
    let again = rehearses(&ann, csv, json!({})).await;
    assert_eq!(counts(&again), [3, 3, 0, 0]);
    commits(&ann, &again).await;
    assert_eq!(entries(&ann, "name").await.len(), 5);
}

#[tokio::test]
async fn foods_are_imported_with_portions_and_provenance_and_those_that_were_eaten_survive_an_undo() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    ann.creates_food(json!({ "name": "There already", "barcode": "4006381333931" })).await;
    let csv = "Name,Brand,Barcode,Serving size,Portions,Basis,Energy (kJ),Protein (g),Fat (g),VITC,Vitamin D (IU)\n\
        Skyr,Isey,40084909,150 g,\"cup = 170 g; spoon = 15 g\",label,400,16.5,0.3,1.5,40\n\
        Scanned,,4006381333931,100 g,,,100,1,1,,\n\
        there ALREADY,,,100 g,,,100,1,1,,\n\
        Skyr,isey,,100 g,,,100,1,1,,\n\
        Bad,,4006381333932,100 g,,,100,1,1,,\n\
        Worse,,,100 furlongs,,,100,1,1,,\n\
        Worst,,,100 g,cup,,100,1,1,,\n\
        Water,,,1 l,,estimated,0,,,,\n";
    let foods =
        async |csv: &str| ann.ask(REHEARSE, json!({ "input": { "kind": "FOODS", "csv": csv } })).await["rehearseImport"]["import"].take();
    let rehearsed = foods(csv).await;
    assert_eq!(counts(&rehearsed), [8, 2, 3, 3]);
    let problems = problems(&rehearsed);
    assert_eq!(
        problems[..3],
        [
            "3 DUPLICATE -: a food of one's own has its barcode, or its name and brand",
            "4 DUPLICATE -: a food of one's own has its barcode, or its name and brand",
            "5 DUPLICATE -: a line before it has the same name and brand",
        ]
    );
    for (problem, start) in problems[3..].iter().zip(["6 REJECTED Barcode: ", "7 REJECTED Serving size: ", "8 REJECTED Portions: "]) {
        assert!(problem.starts_with(start), "{problem}");
    }
    commits(&ann, &rehearsed).await;
    let found = "{ foods(search: \"skyr\") { nodes { id name brand barcode source servingSize servingUnit portions { name amount unit } provenance { basis }
        nutrition { calories protein c: nutrient(code: \"VITC\") d: nutrient(code: \"VITD\") } } } }";
    let mut food = ann.ask(found, json!({})).await["foods"]["nodes"][0].take();
    let id = food["id"].take();
    let expected = json!({ "id": null, "name": "Skyr", "brand": "Isey", "barcode": "00000040084909", "source": "csv", "servingSize": "150", "servingUnit": "g",
        "portions": [{ "name": "cup", "amount": "170", "unit": "g" }, { "name": "spoon", "amount": "15", "unit": "g" }], "provenance": { "basis": "LABEL" },
        "nutrition": { "calories": "95.602294", "protein": "16.5", "c": "1.5", "d": "1" } });
    assert_eq!(food, expected);
    assert_eq!(counts(&foods(csv).await), [8, 0, 5, 3]);

    let water =
        ann.ask("{ foods(search: \"water\", filter: { whose: [OWN] }) { nodes { id } } }", json!({})).await["foods"]["nodes"][0]["id"]
            .take();
    let soup = json!({ "name": "Soup", "ingredients": [{ "foodId": water, "quantity": "1", "unit": "l" }] });
    crate::meals::creates_meal(&ann, soup).await;
    ann.logs_food(id.as_str().unwrap(), json!({ "quantity": "1", "unit": "cup" })).await;
    let undone = ann.ask(UNDO, json!({ "id": rehearsed["id"] })).await["undoImport"].take();
    assert_eq!(
        (&undone["removed"], &undone["keptExamples"]),
        (&json!(0), &json!([{ "id": id, "name": "Skyr", "reason": "USED" }, { "id": water, "name": "Water", "reason": "USED" }]))
    );
}

#[tokio::test]
async fn what_is_no_csv_of_a_diary_is_refused_with_the_reason_and_nothing_is_kept() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let bytes = |bytes: &[u8]| json!({ "kind": "DIARY", "csvBase64": BASE64_STANDARD.encode(bytes) });
    let text = |text: &str| json!({ "kind": "DIARY", "csv": text });
    let wide = format!("{}\n", "a,".repeat(10_000));
    let long = format!("Date,Name,Calories\n{}", "2026-03-09,Soup,1\n".repeat(10_001));
    for (input, field, reason) in [
        (text(""), "csv", "is empty"),
        (text("Date,Name\n2026-03-09,\"Soup\n"), "csv", "line 2 that is never closed"),
        (bytes(b"Date,Name\n2026-03-09,\xff\n"), "csv", "not UTF-8 on line 2"),
        (bytes(b"Date,Name\n2026-03-09,a\0b\n"), "csv", "NUL on line 2"),
        (bytes(b"\xff\xfeD\0a\0"), "csv", "UTF-16"),
        (text(&wide), "csv", "columns on line 1"),
        (text(&long), "csv", "more than 10000 lines"),
        (text("Name,Calories\nSoup,1\n"), "csv", "says the day"),
        (text("Date,Calories\n2026-03-09,1\n"), "csv", "names the food"),
        (json!({ "kind": "FOODS", "csv": "Name\nSoup\n" }), "csv", "column of a nutrient"),
        (json!({ "kind": "DIARY", "csvBase64": "%%%" }), "csvBase64", "base64"),
        (json!({ "kind": "DIARY" }), "csv", "must be there"),
        (json!({ "kind": "DIARY", "csv": "a", "csvBase64": "YQ==" }), "csv", "not both"),
    ] {
        let (named, message) = refused(&ann, input).await;
        assert!(named == field && message.contains(reason), "{named}: {message}, not {reason}");
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_imports").await, 0);
    // A line of another length, and of more than can be, is no reason to refuse the rest.
    let odd =
        "Date,Name,Calories\n2026-03-09,Soup\n2026-03-09,Soup,1e9\n2026-03-09,Soup,99999999\n2101-01-01,Soup,1\n2026-03-09,Soup,120\n";
    assert_eq!(counts(&rehearses(&ann, odd, json!({})).await), [5, 1, 0, 4]);
}

#[tokio::test]
async fn an_import_is_its_owners_alone_and_is_forgotten_when_its_time_is_over() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    shares(&ann, &ben, &["CALORIE"], true).await;
    let import = rehearses(&ann, "Date,Name,Calories\n2026-03-09,Soup,120\n", json!({})).await;
    for document in [COMMIT, UNDO] {
        assert_eq!(ben.refused(document, json!({ "id": import["id"] })).await.code, "NOT_FOUND");
    }
    let list = "query($id: UUID!) { person(id: $id) { foodImports { nodes { id state } } } }";
    assert_eq!(ben.ask(list, json!({ "id": ann.id })).await["person"]["foodImports"], json!(null));
    assert_eq!(
        ann.ask(list, json!({ "id": ann.id })).await["person"]["foodImports"]["nodes"],
        json!([{ "id": import["id"], "state": "REHEARSED" }])
    );

    app.clock.advance(TimeDelta::days(1));
    let sign_in = "mutation($input: SignInInput!) { signIn(input: $input) { session { accessToken } } }";
    let session = app.nobody().ask(sign_in, json!({ "input": { "email": ann.email, "password": PASSWORD } })).await;
    let ann = Person { token: session["signIn"]["session"]["accessToken"].as_str().map(str::to_owned), ..ann };
    assert_eq!(ann.refused(COMMIT, json!({ "id": import["id"] })).await.code, "NOT_FOUND");
    let clean_up = "SELECT auth.clean_up('2026-03-11T12:00:00Z', 1000)";
    sqlx::query(clean_up).execute(&mut app.connect("hale_app").await).await.unwrap();
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_imports").await, 0);
}

#[tokio::test]
async fn ten_rehearsals_are_kept_and_the_eleventh_takes_the_place_of_the_first() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let mut imports = Vec::new();
    for day in 1..=11 {
        imports.push(rehearses(&ann, &format!("Date,Name,Calories\n2026-03-{day:02},Soup,120\n"), json!({})).await);
        app.clock.advance(TimeDelta::milliseconds(2));
    }
    assert_eq!(ann.refused(COMMIT, json!({ "id": imports[0]["id"] })).await.code, "NOT_FOUND");
    assert_eq!(commits(&ann, &imports[1]).await["added"], 1);
}

#[tokio::test]
async fn thousands_of_lines_are_added_at_once() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let lines: usize = std::env::var("HALE_IMPORT_LINES").ok().map_or(2_000, |lines| lines.parse().unwrap());
    let mut csv = "Date,Time,Name,Quantity,Unit,Calories\n".to_owned();
    for line in 0..lines {
        csv += &format!("2026-03-{:02},{:02}:{:02},Soup {line},1,serving,{}\n", line % 28 + 1, line % 24, line % 60, line % 900);
    }
    let begun = std::time::Instant::now();
    let rehearsed = rehearses(&ann, &csv, json!({})).await;
    let rehearsal = begun.elapsed();
    assert_eq!(rehearsed["added"], lines);
    commits(&ann, &rehearsed).await;
    crate::harness::report(&format!("import of {lines} lines: rehearsal {rehearsal:?}, commit {:?}", begun.elapsed() - rehearsal));
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_diary").await, i64::try_from(lines).unwrap());
    let again = rehearses(&ann, &csv, json!({})).await;
    assert_eq!((&again["added"], &again["duplicates"]), (&json!(0), &json!(lines)));
}
