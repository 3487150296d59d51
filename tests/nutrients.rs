//! Nutrients beyond the headline, where they come from, and what a day should have of them.

use serde_json::{Value, json};

use crate::harness::TestApp;

const CREATE: &str =
    "mutation($input: CreateFoodInput!) { createFood(input: $input) { food { id nutrition { nutrients { code name amount unit } } } } }";
const UPDATE: &str =
    "mutation($input: UpdateFoodInput!) { updateFood(input: $input) { food { version nutrition { nutrients { code amount } } } } }";

fn food(nutrition: Value) -> Value {
    json!({ "input": { "name": "Oats", "servingSize": "100", "servingUnit": "g", "nutrition": nutrition } })
}

#[tokio::test]
async fn the_catalogue_has_every_micronutrient_with_its_daily_values() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let asked = "{ nutrients { code unit category field fda: dailyValue(standard: FDA) eu: dailyValue(standard: EU) } }";
    let nutrients = ann.ask(asked, json!({})).await["nutrients"].take();
    let nutrients = nutrients.as_array().unwrap();
    let micronutrients = nutrients.iter().filter(|nutrient| ["VITAMIN", "MINERAL"].contains(&nutrient["category"].as_str().unwrap()));
    assert!(micronutrients.count() >= 33);
    let of = |code: &str| {
        let nutrient = nutrients.iter().find(|nutrient| nutrient["code"] == code).unwrap_or_else(|| panic!("{code}"));
        ["unit", "fda", "eu"].map(|field| nutrient[field].as_str().unwrap_or("-").to_owned()).join(" ")
    };
    for expected in [
        // 8400 kJ in the EU, which it writes as 2000 kcal; a label of the USA says what its 2000 kcal are an example of, and no value.
        "ENERC_KCAL kcal - 2000",
        "FAT g 78 70",
        "FASAT g 20 20",
        "FATRN g - -",
        "CHOLE mg 300 -",
        "CHOCDF g 275 260",
        "FIBTG g 28 -",
        "SUGAR g - 90",
        "SUGAD g 50 -",
        "PROCNT g 50 50",
        "NA mg 2300 2400",
        "K mg 4700 2000",
        "CLD mg 2300 800",
        "CA mg 1300 800",
        "P mg 1250 700",
        "MG mg 420 375",
        "FE mg 18 14",
        "ZN mg 11 10",
        "CU mg 0.9 1",
        "MN mg 2.3 2",
        "FD mg - 3.5",
        "SE ug 55 55",
        "CR ug 35 40",
        "MO ug 45 50",
        "ID ug 150 150",
        "VITA_RAE ug 900 800",
        "VITC mg 90 80",
        "VITD ug 20 5",
        "VITE mg 15 12",
        "VITK ug 120 75",
        "THIA mg 1.2 1.1",
        "RIBF mg 1.3 1.4",
        "NIA mg 16 16",
        "PANTAC mg 5 6",
        "VITB6A mg 1.7 1.4",
        "BIOT ug 30 50",
        "FOLDFE ug 400 -",
        "FOL ug - 200",
        "VITB12 ug 2.4 2.5",
        "CHOLN mg 550 -",
    ] {
        let code = expected.split(' ').next().unwrap();
        assert_eq!(format!("{code} {}", of(code)), expected);
    }
    let sodium = nutrients.iter().find(|nutrient| nutrient["field"] == "sodium").unwrap();
    assert_eq!(sodium["code"], "NA", "what has a field of its own says which");
}

#[tokio::test]
async fn ann_writes_calcium_and_her_diary_keeps_it() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let nutrition = json!({ "calories": "46", "nutrients": [{ "code": "VITB12", "amount": "0.38" }, { "code": "CA", "amount": "120" }] });
    let made = ann.ask(CREATE, food(nutrition)).await["createFood"]["food"].take();
    let kept = json!([
        { "code": "CA", "name": "Calcium", "amount": "120", "unit": "mg" },
        { "code": "VITB12", "name": "Vitamin B12", "amount": "0.38", "unit": "ug" },
    ]);
    assert_eq!(made["nutrition"]["nutrients"], kept, "in order of display");

    let logged = ann
        .ask(
            "mutation($input: LogFoodInput!) { logFood(input: $input) { entry { nutrition { nutrients { code amount } } } } }",
            json!({ "input": { "foodId": made["id"], "quantity": "250", "unit": "g", "mealType": "breakfast" } }),
        )
        .await["logFood"]["entry"]
        .take();
    assert_eq!(logged["nutrition"]["nutrients"], json!([{ "code": "CA", "amount": "300" }, { "code": "VITB12", "amount": "0.95" }]));

    let updated = async |nutrition: Value| {
        ann.ask(UPDATE, json!({ "input": { "id": made["id"], "nutrition": nutrition } })).await["updateFood"]["food"].take()
    };
    let kept = updated(json!({ "calories": "47" })).await;
    assert_eq!(kept["nutrition"]["nutrients"].as_array().unwrap().len(), 2, "nothing was said of them");
    let replaced = updated(json!({ "calories": "47", "nutrients": [{ "code": "FE", "amount": "0" }] })).await;
    assert_eq!(replaced, json!({ "version": 3, "nutrition": { "nutrients": [{ "code": "FE", "amount": "0" }] } }));
    assert_eq!(updated(json!({ "calories": "47", "nutrients": [] })).await["nutrition"]["nutrients"], json!([]));
}

#[tokio::test]
async fn a_nutrient_that_nobody_knows_is_refused_by_its_place() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let amount = |code: &str, amount: &str| json!({ "code": code, "amount": amount });
    for (nutrients, field) in [
        (json!([amount("CA", "1"), amount("FE", "1"), amount("XX", "1")]), "nutrition.nutrients[2].code"),
        (json!([amount("CA", "1"), amount("CA", "2")]), "nutrition.nutrients[1].code"),
        (json!([amount("ca", "1")]), "nutrition.nutrients[0].code"),
        (json!([amount("PROCNT", "1")]), "nutrition.nutrients[0].code"),
        (json!([amount("CA", "-1")]), "nutrition.nutrients[0].amount"),
        (json!([amount("CA", "0.0000001")]), "nutrition.nutrients[0].amount"),
        (json!([amount("CA", "100001")]), "nutrition.nutrients[0].amount"),
        (json!([amount("CA", "much")]), "nutrition.nutrients[0].amount"),
    ] {
        let refused = ann.refused(CREATE, food(json!({ "nutrients": nutrients }))).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{}", refused.message);
    }
    let refused = ann.refused(CREATE, food(json!({ "nutrients": [amount("NA", "1")] }))).await;
    assert!(refused.message.contains("nutrition.sodium"), "{}", refused.message);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_items WHERE owner_id IS NOT NULL").await, 0);
}

#[tokio::test]
async fn a_share_of_the_day_is_told_by_either_standard() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let id = ann.creates_food(json!({ "nutrition": { "sodium": "643", "nutrients": [{ "code": "CA", "amount": "120" }] } })).await;
    let asked = "query($id: UUID!) { food(id: $id) { nutrition { salt
        fda: dailyValuePercent(code: \"NA\", standard: FDA) eu: dailyValuePercent(code: \"NA\", standard: EU)
        fat: dailyValuePercent(code: \"FAT\", standard: EU) none: dailyValuePercent(code: \"XX\", standard: EU)
        nutrients { dailyValuePercent(standard: FDA) } } } }";
    let nutrition = ann.ask(asked, json!({ "id": id })).await["food"]["nutrition"].take();
    assert_eq!(
        nutrition,
        json!({ "salt": "1.6075", "fda": "27.96", "eu": "26.79", "fat": null, "none": null, "nutrients": [{ "dailyValuePercent": "9.23" }] })
    );
}

#[tokio::test]
async fn a_version_of_nutrition_says_where_it_comes_from() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let shown = "provenance { basis licence fetchedAt sourceId } carbohydrates { basis total available net } version";
    let create = format!("mutation($input: CreateFoodInput!) {{ createFood(input: $input) {{ food {{ id {shown} }} }} }}");
    let update = format!("mutation($input: UpdateFoodInput!) {{ updateFood(input: $input) {{ food {{ {shown} }} }} }}");
    let rye = json!({ "input": { "name": "Rye bread", "servingSize": "100", "servingUnit": "g", "basis": "LABEL", "licence": "ODbL-1.0",
        "carbohydrateBasis": "AVAILABLE", "nutrition": { "carbohydrates": "38.8", "fiber": "8.5" } } });
    let made = ann.ask(&create, rye).await["createFood"]["food"].take();
    assert_eq!(made["provenance"], json!({ "basis": "LABEL", "licence": "ODbL-1.0", "fetchedAt": null, "sourceId": null }));
    assert_eq!(made["carbohydrates"], json!({ "basis": "AVAILABLE", "total": "47.3", "available": "38.8", "net": "38.8" }));

    let updated = async |mut input: Value| {
        input["id"] = made["id"].clone();
        ann.ask(&update, json!({ "input": input })).await["updateFood"]["food"].take()
    };
    let retyped = updated(json!({ "nutrition": { "carbohydrates": "39", "fiber": "8" } })).await;
    let typed = json!({ "basis": "USER", "licence": null, "fetchedAt": null, "sourceId": null });
    assert_eq!(retyped["provenance"], typed, "what ann typed is not the source's any more");
    assert_eq!(retyped["carbohydrates"]["total"], "47", "though she means the same by carbohydrates");
    let unsaid = updated(json!({ "carbohydrateBasis": null, "basis": "ESTIMATED" })).await;
    assert_eq!(unsaid["carbohydrates"], json!({ "basis": null, "total": null, "available": null, "net": null }));
    assert_eq!((&unsaid["provenance"]["basis"], &unsaid["version"]), (&json!("ESTIMATED"), &json!(3)));

    let oats = "{ foods(search: \"oats rolled dry\", first: 1) { nodes { source provenance { basis licence sourceId } carbohydrates { basis } } } }";
    let oats = ann.ask(oats, json!({})).await["foods"]["nodes"][0].take();
    let stated = json!({ "source": "hale", "provenance": { "basis": "ESTIMATED", "licence": "MIT OR Apache-2.0", "sourceId": "oats" },
        "carbohydrates": { "basis": "TOTAL" } });
    assert_eq!(oats, stated);
}

#[tokio::test]
async fn anns_own_nutrient_is_told_where_her_food_is_shared() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let define = "mutation($input: CreateNutrientInput!) { createNutrient(input: $input) { nutrient { id code name unit version } } }";
    let creatine = json!({ "input": { "code": "X_CREATINE", "name": "Creatine", "unit": "g" } });
    let made = ann.ask(define, creatine.clone()).await["createNutrient"]["nutrient"].take();
    assert_eq!((&made["code"], &made["unit"], &made["version"]), (&json!("X_CREATINE"), &json!("g"), &json!(1)));
    assert_eq!(ann.refused(define, creatine).await.code, "CONFLICT");
    for (code, name, unit, field) in [
        ("CREATINE", "Creatine", "g", "code"),
        ("X_", "Creatine", "g", "code"),
        ("X_creatine", "Creatine", "g", "code"),
        ("X_ABCDEFGHIJKLMNOPQRS", "Creatine", "g", "code"),
        ("X_A", "", "g", "name"),
        ("X_A", "A", "IU", "unit"),
    ] {
        let refused = ann.refused(define, json!({ "input": { "code": code, "name": name, "unit": unit } })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{}", refused.message);
    }
    // Ben means something else by the same code.
    ben.ask(define, json!({ "input": { "code": "X_CREATINE", "name": "Ben's", "unit": "mg" } })).await;
    let powder =
        ann.ask(CREATE, food(json!({ "nutrients": [{ "code": "X_CREATINE", "amount": "88" }] }))).await["createFood"]["food"].take();
    let shown = json!([{ "code": "X_CREATINE", "name": "Creatine", "amount": "88", "unit": "g" }]);
    assert_eq!(powder["nutrition"]["nutrients"], shown);
    app.verify(&ben).await;
    crate::family_access::shares(&ann, &ben, &["FOOD_LIST"], false).await;
    let asked = "query($id: UUID!) { food(id: $id) { nutrition { nutrients { code name amount unit } } } }";
    assert_eq!(ben.ask(asked, json!({ "id": powder["id"] })).await["food"]["nutrition"]["nutrients"], shown);
    let of_ann = "query($id: UUID!) { person(id: $id) { nutrients { name } } viewer { nutrients { name } } }";
    let of_ann = ben.ask(of_ann, json!({ "id": ann.id })).await;
    assert_eq!(
        (&of_ann["person"]["nutrients"], &of_ann["viewer"]["nutrients"]),
        (&json!([{ "name": "Creatine" }]), &json!([{ "name": "Ben's" }]))
    );
    let logged = "mutation($input: LogFoodInput!) { logFood(input: $input) { entry { nutrition { nutrients { name amount unit } } } } }";
    let logged = ben.ask(logged, json!({ "input": { "foodId": powder["id"], "quantity": "5", "unit": "g", "mealType": "snack" } })).await;
    assert_eq!(logged["logFood"]["entry"]["nutrition"]["nutrients"], json!([{ "name": "Creatine", "amount": "4.4", "unit": "g" }]));

    let rename = "mutation($input: UpdateNutrientInput!) { updateNutrient(input: $input) { nutrient { name version } } }";
    let renamed = ann.ask(rename, json!({ "input": { "id": made["id"], "name": "Creatine monohydrate", "expectedVersion": 1 } })).await;
    assert_eq!(renamed["updateNutrient"]["nutrient"], json!({ "name": "Creatine monohydrate", "version": 2 }));
    assert_eq!(ann.refused(rename, json!({ "input": { "id": made["id"], "name": "X", "expectedVersion": 1 } })).await.code, "CONFLICT");
    assert_eq!(ben.refused(rename, json!({ "input": { "id": made["id"], "name": "X" } })).await.code, "NOT_FOUND");
    let delete = "mutation($id: UUID!) { deleteNutrient(input: { id: $id }) { deletedId } }";
    assert_eq!(ben.refused(delete, json!({ "id": made["id"] })).await.code, "NOT_FOUND");
    assert_eq!(ann.ask(delete, json!({ "id": made["id"] })).await["deleteNutrient"]["deletedId"], made["id"]);
    assert_eq!(ann.ask(asked, json!({ "id": powder["id"] })).await["food"]["nutrition"]["nutrients"], json!([]));
    let refused = ann.refused(CREATE, food(json!({ "nutrients": [{ "code": "X_CREATINE", "amount": "1" }] }))).await;
    assert_eq!(refused.field.as_deref(), Some("nutrition.nutrients[0].code"));
}

#[tokio::test]
async fn anns_own_nutrient_is_summed_aimed_at_and_goes_out_and_in_by_its_code() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let define = "mutation($input: CreateNutrientInput!) { createNutrient(input: $input) { nutrient { id } } }";
    let creatine = json!({ "input": { "code": "X_CREATINE", "name": "Creatine", "unit": "g" } });
    ann.ask(define, creatine.clone()).await;
    let powder = json!({ "name": "Powder", "nutrition": { "nutrients": [{ "code": "X_CREATINE", "amount": "88" }] } });
    let powder = ann.creates_food(powder).await;
    ann.logs_food(&powder, json!({ "quantity": "5", "unit": "g" })).await;
    let aims = json!([{ "nutrient": "X_CREATINE", "minimum": "5" }, { "nutrient": "ALC", "maximum": "10" }]);
    let set = "mutation($input: SetNutritionTargetInput!) { setNutritionTarget(input: $input) { target { aims { nutrient } } } }";
    let target = json!({ "input": { "days": "EVERY_DAY", "aims": aims } });
    let mut aimed_at: Vec<Value> = ann.ask(set, target.clone()).await["setNutritionTarget"]["target"]["aims"].as_array().unwrap().clone();
    aimed_at.sort_by_key(Value::to_string);
    assert_eq!(json!(aimed_at), json!([{ "nutrient": "ALC" }, { "nutrient": "X_CREATINE" }]));
    assert_eq!(ben.refused(set, target.clone()).await.field.as_deref(), Some("aims[0].nutrient"));
    let day = "{ viewer { foodDay { creatine: nutrient(code: \"X_CREATINE\") { amount knownEntries unknownEntries }
        entries { nutrition { nutrient(code: \"X_CREATINE\") } } targets { nutrient eaten left } } } }";
    let day = ann.ask(day, json!({})).await["viewer"]["foodDay"].take();
    assert_eq!(day["creatine"], json!({ "amount": "4.4", "knownEntries": 1, "unknownEntries": 0 }));
    assert_eq!(day["entries"], json!([{ "nutrition": { "nutrient": "4.4" } }]));
    assert!(day["targets"].as_array().unwrap().contains(&json!({ "nutrient": "X_CREATINE", "eaten": "4.4", "left": "0.6" })), "{day}");

    let exported = app.get("/export/foods.csv").bearer_auth(ann.token.as_ref().unwrap()).send().await.unwrap().text().await.unwrap();
    let (header, line) = exported.split_once("\r\n").unwrap();
    assert_eq!((header.rsplit(',').next(), line.trim_end().rsplit(',').next()), (Some("X_CREATINE"), Some("88")));
    // Ben has no such nutrient, and is told so; once he has, it comes in as his.
    let unread = crate::food_import::rehearses(&ben, &exported, json!({ "kind": "FOODS" })).await;
    assert!(unread.to_string().contains("X_CREATINE"), "{unread}");
    ben.ask(define, creatine).await;
    let import = crate::food_import::rehearses(&ben, &exported, json!({ "kind": "FOODS" })).await;
    crate::food_import::commits(&ben, &import).await;
    let foods = "{ foods(search: \"powder\", first: 1) { nodes { nutrition { nutrients { code amount } } } } }";
    let nutrients = json!([{ "nutrition": { "nutrients": [{ "code": "X_CREATINE", "amount": "88" }] } }]);
    assert_eq!(ben.ask(foods, json!({})).await["foods"]["nodes"], nutrients);
}
