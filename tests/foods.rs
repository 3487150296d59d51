//! Foods of one's own: making, changing and finding them by barcode.

use serde_json::{Value, json};

use crate::{
    harness::{Person, TestApp},
    sync::{Device, change, id as sync_id},
};

const CREATE: &str = "mutation($input: CreateFoodInput!) { createFood(input: $input) { food {
    id name brand barcode source servingSize servingUnit version portions { name amount unit } nutrition { calories protein nutrient(code: \"CA\") } } } }";
const UPDATE: &str = "mutation($input: UpdateFoodInput!) { updateFood(input: $input) { food {
    name brand barcode servingSize version portions { name } nutrition { calories protein } } } }";
const DELETE: &str = "mutation($input: DeleteInput!) { deleteFood(input: $input) { deletedId } }";
const BY_BARCODE: &str = "query($barcode: String!) { foodByBarcode(barcode: $barcode) { id barcode } }";
const ID: &str = "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f";

fn food(input: Value) -> Value {
    let mut food = json!({ "name": "Oats", "servingSize": "100", "servingUnit": "g", "nutrition": { "calories": "100" } });
    food.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    json!({ "input": food })
}

async fn updated(person: &Person<'_>, input: Value) -> Value {
    person.ask(UPDATE, json!({ "input": input })).await["updateFood"]["food"].take()
}

#[tokio::test]
async fn absent_keeps_and_null_clears() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let portions = json!([{ "name": "bowl", "amount": "60", "unit": "g" }]);
    let id = ann.creates_food(json!({ "brand": "Acme", "barcode": "4260392550101", "portions": portions })).await;
    let kept = updated(&ann, json!({ "id": id, "name": "  Rolled oats " })).await;
    assert_eq!(
        kept,
        json!({ "name": "Rolled oats", "brand": "Acme", "barcode": "04260392550101", "servingSize": "100", "version": 2,
            "portions": [{ "name": "bowl" }], "nutrition": { "calories": "100", "protein": null } })
    );
    let cleared = updated(&ann, json!({ "id": id, "brand": null, "barcode": null })).await;
    assert_eq!((&cleared["brand"], &cleared["barcode"], &cleared["name"]), (&json!(null), &json!(null), &json!("Rolled oats")));
    let replaced = updated(&ann, json!({ "id": id, "nutrition": { "protein": "13.5" }, "portions": [] })).await;
    assert_eq!(replaced["nutrition"], json!({ "calories": null, "protein": "13.5" }));
    assert_eq!((&replaced["portions"], &replaced["version"]), (&json!([]), &json!(4)));
}

#[tokio::test]
async fn creating_twice_with_one_id_creates_once() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let first = ann.ask(CREATE, food(json!({ "id": ID }))).await;
    assert_eq!(ann.ask(CREATE, food(json!({ "id": ID }))).await, first);
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_items WHERE owner_id IS NOT NULL").await, 1);
    assert_eq!(ann.refused(CREATE, food(json!({ "id": ID, "name": "Other" }))).await.code, "CONFLICT");
    updated(&ann, json!({ "id": ID, "name": "Porridge" })).await;
    let again = ann.ask(CREATE, food(json!({ "id": ID }))).await;
    assert_eq!((&again["createFood"]["food"]["name"], &again["createFood"]["food"]["version"]), (&json!("Porridge"), &json!(2)));

    // Whether the id belongs to a food that nobody else sees does not change the answer.
    let hidden = ben.refused(CREATE, food(json!({ "id": ID }))).await;
    assert_eq!((hidden.code.as_str(), hidden.field), ("CONFLICT", None));
    assert_eq!(ben.ask("query($id: UUID!) { food(id: $id) { id } }", json!({ "id": ID })).await["food"], json!(null));
}

#[tokio::test]
async fn no_change_of_a_food_is_lost_or_anybody_elses() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let id = ann.creates_food(json!({ "brand": "Acme" })).await;
    updated(&ann, json!({ "id": id, "name": "Porridge", "expectedVersion": 1 })).await;
    for document in [UPDATE, DELETE] {
        let clash = ann.json(document, json!({ "input": { "id": id, "expectedVersion": 1 } })).await;
        let extensions = &clash["errors"][0]["extensions"];
        assert_eq!(extensions["code"], "CONFLICT");
        assert_eq!(
            extensions["current"],
            json!({ "id": id, "name": "Porridge", "brand": "Acme", "barcode": null, "source": "user", "servingSize": "100",
                "servingUnit": "g", "version": 2 })
        );
        assert_eq!(ben.refused(document, json!({ "input": { "id": id } })).await.code, "NOT_FOUND");
    }
    let of_the_catalogue: String = app.value("SELECT id::text FROM food_items WHERE source = 'hale' LIMIT 1").await;
    for document in [UPDATE, DELETE] {
        assert_eq!(ann.refused(document, json!({ "input": { "id": of_the_catalogue } })).await.code, "NOT_FOUND");
    }
    ann.ask(DELETE, json!({ "input": { "id": id, "expectedVersion": 2 } })).await;
    assert_eq!(ann.refused(UPDATE, json!({ "input": { "id": id } })).await.code, "NOT_FOUND");
    assert_eq!(ann.refused(DELETE, json!({ "input": { "id": id } })).await.code, "NOT_FOUND");
    assert_eq!(ann.ask("query($id: UUID!) { food(id: $id) { id } }", json!({ "id": id })).await["food"], json!(null));
}

#[tokio::test]
async fn a_portion_tells_an_amount_under_a_name_of_its_own() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let portion = |name: &str, amount: &str, unit: &str| json!({ "name": name, "amount": amount, "unit": unit });
    for (portions, field) in [
        (json!([portion("oz", "30", "g")]), "portions[0].name"),
        (json!([portion("slice", "28", "g"), portion("Grams", "1", "g")]), "portions[1].name"),
        (json!([portion("kcal", "1", "g")]), "portions[0].name"),
        (json!([portion("serving", "30", "g")]), "portions[0].name"),
        (json!([portion("", "30", "g")]), "portions[0].name"),
        (json!([portion("slice", "0", "g")]), "portions[0].amount"),
        (json!([portion("slice", "28", "ml")]), "portions[0].unit"),
        (json!([portion("slice", "28", "stamps")]), "portions[0].unit"),
        (json!([portion("slice", "28", "g"), portion("Slice", "30", "g")]), "portions"),
        (json!(vec![portion("slice", "28", "g"); 51]), "portions"),
    ] {
        let refused = ann.refused(CREATE, food(json!({ "portions": portions }))).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{}", refused.message);
    }
    let portions = json!([portion("cup", "91", "Grams"), portion("tbsp", "14.2", "g"), portion("half", "0.5", "serving")]);
    let made = ann.ask(CREATE, food(json!({ "portions": portions }))).await;
    let kept = json!([portion("cup", "91", "g"), portion("tbsp", "14.2", "g"), portion("half", "0.5", "serving")]);
    assert_eq!(made["createFood"]["food"]["portions"], kept);
    // A unit of another kind would leave the portions meaning nothing.
    let id = made["createFood"]["food"]["id"].as_str().unwrap();
    let refused = ann.refused(UPDATE, json!({ "input": { "id": id, "servingUnit": "ml" } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("portions[0].unit")));
}

#[tokio::test]
async fn barcodes_of_one_product_find_it() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    for (written, stored, asked) in [
        ("4260392550101", "04260392550101", "04260392550101"),
        ("3017620422003", "03017620422003", "3 017620 422003"),
        ("5901234123457", "05901234123457", "5901234123457"),
        ("96385074", "00000096385074", "0000096385074"),
        ("034000470693", "00034000470693", "0034000470693"),
        ("04252614", "00042100005264", "042100005264"),
        ("012345000065", "00012345000065", "01234565"),
        ("01234531", "00012300000451", "00012300000451"),
        ("01234543", "00012340000053", "012340000053"),
        // A spreadsheet took the zeros away.
        ("614141007", "00000614141007", "0614141007"),
        ("85239284544", "00085239284544", "085239284544"),
    ] {
        let made = ann.ask(CREATE, food(json!({ "barcode": written }))).await["createFood"]["food"].take();
        assert_eq!(made["barcode"], stored);
        let found = ann.ask(BY_BARCODE, json!({ "barcode": asked })).await["foodByBarcode"].take();
        assert_eq!(found, json!({ "id": made["id"], "barcode": stored }), "{asked}");
        assert_eq!(ben.ask(BY_BARCODE, json!({ "barcode": asked })).await["foodByBarcode"], json!(null), "it is not ben's");
    }
    for wrong in
        ["4260392550102", "12345", "42100000014", "0000000000000", "", "abc", "123456789012345", "4260392550101\u{0}", "٤٢٦٠٣٩٢٥٥٠١٠١"]
    {
        let refused = ann.refused(BY_BARCODE, json!({ "barcode": wrong })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("barcode")), "{wrong}");
        let refused = ann.refused(CREATE, food(json!({ "barcode": wrong }))).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("barcode")), "{wrong}");
    }

    let mut owner = app.connect("hale_owner").await;
    sqlx::query("UPDATE food_items SET barcode = '04260392550101' WHERE source = 'hale' AND source_id = 'oats'")
        .execute(&mut owner)
        .await
        .unwrap();
    let found = async |person: &Person<'_>| {
        let found = person.ask("{ foodByBarcode(barcode: \"4260392550101\") { source } }", json!({})).await;
        found["foodByBarcode"]["source"].as_str().unwrap().to_owned()
    };
    assert_eq!(found(&ann).await, "user", "one's own comes before the catalogue's");
    assert_eq!(found(&ben).await, "hale");
}

#[tokio::test]
async fn an_update_that_changes_nothing_is_no_new_version() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let food = ann.creates_food(json!({})).await;
    let update = "mutation($input: UpdateFoodInput!) { updateFood(input: $input) { food { version } } }";
    assert_eq!(ann.ask(update, json!({ "input": { "id": food } })).await["updateFood"]["food"]["version"], 1);
    let portions = json!([{ "name": "bowl", "amount": "50", "unit": "g" }]);
    assert_eq!(ann.ask(update, json!({ "input": { "id": food, "portions": portions } })).await["updateFood"]["food"]["version"], 2);
}

#[tokio::test]
async fn what_a_shop_prints_stays_private_and_a_book_is_no_food() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let made =
        ann.ask(CREATE, food(json!({ "name": "Cheese from the counter", "barcode": "20203467" }))).await["createFood"]["food"].take();
    assert_eq!(made["barcode"], "00000020203467");
    assert_eq!(ann.ask(BY_BARCODE, json!({ "barcode": "20203467" })).await["foodByBarcode"]["id"], made["id"]);
    let mut owner = app.connect("hale_owner").await;
    for internal in ["00000020203467", "02012345678903", "00212345678909", "00412345678903"] {
        let public = sqlx::query("UPDATE food_items SET barcode = $1 WHERE source = 'hale' AND source_id = 'oats'").bind(internal);
        let error = public.execute(&mut owner).await.unwrap_err();
        assert!(error.to_string().contains("food_items_public_barcode_check"), "{error}");
    }
    for book in ["9783161484100", "9770317847001", "9791234567896"] {
        for refused in
            [ann.refused(CREATE, food(json!({ "barcode": book }))).await, ann.refused(BY_BARCODE, json!({ "barcode": book })).await]
        {
            assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("barcode")), "{book}");
            assert!(refused.message.contains("not of a food"), "{}", refused.message);
        }
    }
}

#[tokio::test]
async fn a_relatives_product_is_found_before_the_catalogues() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let mut owner = app.connect("hale_owner").await;
    let public = "UPDATE food_items SET barcode = '04260392550101' WHERE source = 'hale' AND source_id = 'oats'";
    sqlx::query(public).execute(&mut owner).await.unwrap();
    let anns = ann.creates_food(json!({ "barcode": "4260392550101" })).await;
    let found = async || ben.ask(BY_BARCODE, json!({ "barcode": "4260392550101" })).await["foodByBarcode"]["id"].take();
    assert_ne!(found().await, json!(anns));
    app.verify(&ben).await;
    crate::family_access::shares(&ann, &ben, &["FOOD_LIST"], false).await;
    assert_eq!(found().await, json!(anns));
    let bens = ben.creates_food(json!({ "barcode": "4260392550101" })).await;
    assert_eq!(found().await, json!(bens));
}

#[tokio::test]
async fn a_food_whose_density_is_known_is_logged_by_volume() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let oil = ann.creates_food(json!({ "name": "Olive oil", "nutrition": { "calories": "900" } })).await;
    let log = async |unit: &str| {
        ann.json(crate::harness::LOG_FOOD, json!({ "input": crate::harness::food_entry(&oil, json!({ "quantity": "100", "unit": unit })) }))
            .await
    };
    assert_eq!(log("ml").await["errors"][0]["extensions"]["field"], "unit", "nobody said how dense it is");
    let update = "mutation($input: UpdateFoodInput!) { updateFood(input: $input) { food { density portions { name } } } }";
    let change = async |input: Value| ann.json(update, json!({ "input": input })).await;
    assert_eq!(change(json!({ "id": oil, "density": "0.92" })).await["data"]["updateFood"]["food"]["density"], "0.92");
    assert_eq!(log("ml").await["data"]["logFood"]["entry"]["nutrition"]["calories"], "828");
    let bottle = json!([{ "name": "bottle", "amount": "500", "unit": "ml" }]);
    change(json!({ "id": oil, "portions": bottle })).await;
    assert_eq!(log("g").await["data"]["logFood"]["entry"]["nutrition"]["calories"], "900");
    let refused = change(json!({ "id": oil, "density": null })).await;
    assert_eq!(refused["errors"][0]["extensions"]["field"], "portions[0].unit", "the bottle would mean nothing");
    for density in ["0", "-1", "30", "0.0000001"] {
        assert_eq!(change(json!({ "id": oil, "density": density })).await["errors"][0]["extensions"]["field"], "density", "{density}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_pointed_out_and_left_as_it_is() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let create = "mutation($input: CreateFoodInput!) { createFood(input: $input) { food {
        id warnings { field code message } nutrition { calories energyPercentages { protein carbohydrates fat } } } } }";
    let made = async |nutrition: Value| ann.ask(create, food(json!({ "nutrition": nutrition }))).await["createFood"]["food"].take();
    let right = made(json!({ "calories": "368", "protein": "25", "carbohydrates": "40", "fat": "12" })).await;
    assert_eq!(right["warnings"], json!([]));
    assert_eq!(right["nutrition"]["energyPercentages"], json!({ "protein": 27, "carbohydrates": 44, "fat": 29 }));
    let kilojoules = made(json!({ "calories": "1540", "protein": "25", "carbohydrates": "40", "fat": "12", "sugar": "41" })).await;
    assert_eq!(kilojoules["nutrition"]["calories"], "1540", "nothing is rewritten");
    let warned: Vec<_> = kilojoules["warnings"].as_array().unwrap().iter().map(|warning| (&warning["field"], &warning["code"])).collect();
    assert_eq!(
        warned,
        [(&json!("nutrition.calories"), &json!("KILOJOULES_FOR_KILOCALORIES")), (&json!("nutrition.sugar"), &json!("PART_OVER_WHOLE"))]
    );
    let update = "mutation($input: UpdateFoodInput!) { updateFood(input: $input) { food { warnings { code } } } }";
    let heavy = json!({ "id": right["id"], "nutrition": { "protein": "25000" } });
    let heavy = ann.ask(update, json!({ "input": heavy })).await["updateFood"]["food"]["warnings"].take();
    assert_eq!(heavy, json!([{ "code": "MILLIGRAMS_FOR_GRAMS" }]));
    let stored = ann.ask("query($id: UUID!) { food(id: $id) { warnings { code } } }", json!({ "id": right["id"] })).await;
    assert_eq!(stored["food"]["warnings"], heavy);
}

#[tokio::test]
async fn ann_is_warned_of_what_she_is_allergic_to_and_nobody_else_is() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let create = "mutation($input: CreateFoodInput!) { createFood(input: $input) { food { id allergens traces } } }";
    let bar = food(json!({ "name": "Granola bar", "allergens": ["NUTS", "GLUTEN"], "traces": ["PEANUTS", "MILK"] }));
    let bar = ann.ask(create, bar).await["createFood"]["food"].take();
    assert_eq!((&bar["allergens"], &bar["traces"]), (&json!(["GLUTEN", "NUTS"]), &json!(["PEANUTS", "MILK"])));
    let unsaid = ann.ask(create, food(json!({}))).await["createFood"]["food"].take();
    assert_eq!((&unsaid["allergens"], &unsaid["traces"]), (&json!(null), &json!(null)), "nobody said is not none");

    let prefer = "mutation($of: [Allergen!]) { updatePreferences(input: { allergens: $of }) { preferences { allergens } } }";
    let preferred = ann.ask(prefer, json!({ "of": ["PEANUTS", "GLUTEN", "FISH"] })).await;
    assert_eq!(preferred["updatePreferences"]["preferences"]["allergens"], json!(["GLUTEN", "FISH", "PEANUTS"]));
    app.verify(&ben).await;
    crate::family_access::shares(&ann, &ben, &["FOOD_LIST"], false).await;
    let warned = async |person: &Person<'_>| {
        let asked = "query($id: UUID!) { food(id: $id) { allergenWarnings { allergen tracesOnly } } }";
        person.ask(asked, json!({ "id": bar["id"] })).await["food"]["allergenWarnings"].take()
    };
    let warnings = json!([{ "allergen": "GLUTEN", "tracesOnly": false }, { "allergen": "PEANUTS", "tracesOnly": true }]);
    assert_eq!(warned(&ann).await, warnings);
    assert_eq!(warned(&ben).await, json!([]), "ben eats everything");
    let update = "mutation($input: UpdateFoodInput!) { updateFood(input: $input) { food { allergens traces } } }";
    let changed = ann.ask(update, json!({ "input": { "id": bar["id"], "allergens": [], "traces": null } })).await;
    assert_eq!(changed["updateFood"]["food"], json!({ "allergens": [], "traces": null }));
    assert_eq!(warned(&ann).await, json!([]));
}

const AT_HAND: &str = "query($meal: String) { viewer { favouriteFoods { nodes { name favourite } } recentFoods { nodes { name } }
    usualFoods(mealType: $meal) { nodes { name } } } }";

fn listed(answer: &Value, list: &str) -> Vec<String> {
    answer["viewer"][list]["nodes"].as_array().unwrap().iter().map(|food| food["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn favourites_and_what_is_eaten_are_at_hand() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let mut foods = Vec::new();
    for name in ["Oats", "Milk", "Bread"] {
        foods.push(ann.creates_food(json!({ "name": name })).await);
    }
    let add = "mutation($id: UUID!) { addFavouriteFood(input: { foodId: $id }) { food { favourite } } }";
    let remove = "mutation($id: UUID!) { removeFavouriteFood(input: { foodId: $id }) { removedId food { favourite } } }";
    for food in [&foods[0], &foods[1], &foods[0]] {
        assert_eq!(ann.ask(add, json!({ "id": food })).await["addFavouriteFood"]["food"]["favourite"], true);
        app.clock.advance(chrono::TimeDelta::seconds(60));
    }
    assert_eq!(ben.refused(add, json!({ "id": foods[0] })).await.code, "NOT_FOUND", "ben does not see it");
    for (food, at, meal) in [
        (0, "2026-03-09T07:00:00Z", "breakfast"),
        (0, "2026-03-08T07:00:00Z", "breakfast"),
        (1, "2026-03-09T08:00:00Z", "breakfast"),
        (2, "2026-03-09T19:00:00Z", "dinner"),
        (2, "2025-11-01T19:00:00Z", "breakfast"),
    ] {
        ann.logs_food(&foods[food], json!({ "consumedAt": at, "mealType": meal })).await;
    }
    let at_hand = ann.ask(AT_HAND, json!({ "meal": "Breakfast" })).await;
    assert_eq!(listed(&at_hand, "favouriteFoods"), ["Milk", "Oats"]);
    assert_eq!(at_hand["viewer"]["favouriteFoods"]["nodes"][0]["favourite"], true);
    assert_eq!(listed(&at_hand, "recentFoods"), ["Bread", "Milk", "Oats"]);
    assert_eq!(listed(&at_hand, "usualFoods"), ["Oats", "Milk"], "what was eaten long ago is forgotten");
    assert_eq!(listed(&ann.ask(AT_HAND, json!({})).await, "usualFoods")[0], "Oats");
    let mut page = ann.ask("{ viewer { recentFoods(first: 2) { nodes { name } pageInfo { endCursor hasNextPage } } } }", json!({})).await;
    let page = page["viewer"]["recentFoods"].take();
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    let next = "query($after: String) { viewer { recentFoods(first: 2, after: $after) { nodes { name } } } }";
    assert_eq!(listed(&ann.ask(next, json!({ "after": page["pageInfo"]["endCursor"] })).await, "recentFoods"), ["Oats"]);
    let favourite = ann.ask("{ viewer { favouriteFoods(first: 1) { pageInfo { endCursor } } } }", json!({})).await;
    let next = "query($after: String) { viewer { favouriteFoods(after: $after) { nodes { name } } } }";
    let after = &favourite["viewer"]["favouriteFoods"]["pageInfo"]["endCursor"];
    assert_eq!(listed(&ann.ask(next, json!({ "after": after })).await, "favouriteFoods"), ["Oats"]);

    let removed = ann.ask(remove, json!({ "id": foods[1] })).await["removeFavouriteFood"].take();
    assert_eq!(removed, json!({ "removedId": foods[1], "food": { "favourite": false } }));
    assert_eq!(ann.refused(remove, json!({ "id": foods[1] })).await.code, "NOT_FOUND");
    ann.ask(DELETE, json!({ "input": { "id": foods[0] } })).await;
    let left = ann.ask(AT_HAND, json!({})).await;
    assert_eq!((listed(&left, "favouriteFoods"), listed(&left, "recentFoods")), (vec![], vec!["Bread".to_owned(), "Milk".to_owned()]));
    assert_eq!(listed(&ben.ask(AT_HAND, json!({})).await, "recentFoods"), [""; 0]);
}

const MERGE: &str = "mutation($input: MergeFoodsInput!) { mergeFoods(input: $input) {
    food { id barcode favourite portions { name } nutrition { calories } } mergedIds diaryEntries preview } }";

#[tokio::test]
async fn duplicates_become_one_food_and_one_again_two() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let kept = ann.creates_food(json!({ "name": "Oats", "portions": [{ "name": "bowl", "amount": "60", "unit": "g" }] })).await;
    let duplicate = ann
        .creates_food(json!({ "name": "Oat flakes", "barcode": "4260392550101", "nutrition": { "calories": "120" },
            "portions": [{ "name": "Bowl", "amount": "50", "unit": "g" }, { "name": "spoon", "amount": "10", "unit": "g" },
                { "name": "glass", "amount": "2", "unit": "serving" }] }))
        .await;
    ann.ask("mutation($id: UUID!) { addFavouriteFood(input: { foodId: $id }) { food { id } } }", json!({ "id": duplicate })).await;
    ann.logs_food(&duplicate, json!({ "quantity": "2", "unit": "spoon" })).await;
    let porridge = json!({ "name": "Porridge", "servings": "2", "ingredients": [{ "foodId": duplicate, "quantity": "80", "unit": "g" }] });
    let porridge = crate::meals::creates_meal(&ann, porridge).await;
    let planned = json!({ "date": "2026-03-11", "mealType": "breakfast", "foodId": duplicate, "quantity": "50", "unit": "g" });
    ann.ask("mutation($input: PlanMealInput!) { planMeal(input: $input) { plannedMeal { id } } }", json!({ "input": planned })).await;
    let deletion = "query($id: UUID!) { foodDeletion(id: $id) { food { name } diaryEntries plannedEntries firstEatenAt lastEatenAt meals plannedMeals duplicates favourite } }";
    let at = "2026-03-10T12:00:00Z";
    assert_eq!(
        ann.ask(deletion, json!({ "id": duplicate })).await["foodDeletion"],
        json!({ "food": { "name": "Oat flakes" }, "diaryEntries": 1, "plannedEntries": 0, "firstEatenAt": at, "lastEatenAt": at, "meals": 1, "plannedMeals": 1, "duplicates": 0, "favourite": true })
    );
    assert_eq!(ben.refused(deletion, json!({ "id": duplicate })).await.code, "NOT_FOUND");

    let expected = |preview: bool| {
        json!({ "food": { "id": kept, "barcode": "04260392550101", "favourite": true, "portions": [{ "name": "bowl" }, { "name": "spoon" }],
            "nutrition": { "calories": "100" } }, "mergedIds": [duplicate], "diaryEntries": 1, "preview": preview })
    };
    let merge = |preview: bool| json!({ "input": { "keepId": kept, "duplicateIds": [duplicate], "preview": preview } });
    let told = ann.ask(MERGE, merge(true)).await["mergeFoods"].take();
    assert_eq!((&told["mergedIds"], &told["diaryEntries"], &told["preview"]), (&json!([duplicate]), &json!(1), &json!(true)));
    assert_eq!(told["food"]["portions"], expected(true)["food"]["portions"]);
    let food = "query($id: UUID!) { food(id: $id) { name barcode } }";
    assert_eq!(ann.ask(food, json!({ "id": duplicate })).await["food"]["name"], "Oat flakes", "that was a preview");
    assert_eq!(ann.ask(food, json!({ "id": kept })).await["food"]["barcode"], json!(null));

    assert_eq!(ann.ask(MERGE, merge(false)).await["mergeFoods"], expected(false));
    assert_eq!(ann.ask(food, json!({ "id": duplicate })).await["food"], json!(null));
    let day = "{ viewer { foodDay { entries { id name food { id name } nutrition { calories } } } } }";
    let entry = ann.ask(day, json!({})).await["viewer"]["foodDay"]["entries"][0].take();
    assert_eq!(
        json!({ "name": entry["name"], "food": entry["food"], "calories": entry["nutrition"]["calories"] }),
        json!({ "name": "Oat flakes", "food": { "id": kept, "name": "Oats" }, "calories": "24" }),
        "it means the kept food, and is what was eaten"
    );
    let more = "mutation($input: UpdateFoodEntryInput!) { updateFoodEntry(input: $input) { entry { nutrition { calories } } } }";
    let more = ann.ask(more, json!({ "input": { "id": entry["id"], "quantity": "3" } })).await;
    assert_eq!(more["updateFoodEntry"]["entry"]["nutrition"]["calories"], "36", "by what it was logged with");
    assert_eq!(ann.ask(BY_BARCODE, json!({ "barcode": "4260392550101" })).await["foodByBarcode"]["id"], json!(kept));
    assert_eq!(ann.ask(deletion, json!({ "id": kept })).await["foodDeletion"]["duplicates"], 1);

    let made_of = "query($id: UUID!) { meal(id: $id) { nutrition { calories } ingredients { name food { id } } } }";
    let ingredient = json!({ "name": "Oat flakes", "food": { "id": kept } });
    assert_eq!(
        ann.ask(made_of, json!({ "id": porridge })).await["meal"],
        json!({ "nutrition": { "calories": "80" }, "ingredients": [ingredient] }),
        "the recipe is one of the kept food"
    );

    let undo = "mutation($input: UndoFoodMergeInput!) { undoFoodMerge(input: $input) { food { id name } } }";
    assert_eq!(ben.refused(undo, json!({ "input": { "id": duplicate } })).await.code, "NOT_FOUND");
    assert_eq!(
        ann.ask(undo, json!({ "input": { "id": duplicate } })).await["undoFoodMerge"]["food"],
        json!({ "id": duplicate, "name": "Oat flakes" })
    );
    let entry = ann.ask(day, json!({})).await["viewer"]["foodDay"]["entries"][0].take();
    assert_eq!(entry["food"]["id"], json!(duplicate));
    let ingredient = json!({ "name": "Oat flakes", "food": { "id": duplicate } });
    assert_eq!(
        ann.ask(made_of, json!({ "id": porridge })).await["meal"],
        json!({ "nutrition": { "calories": "96" }, "ingredients": [ingredient] }),
        "and the recipe is one of the duplicate again"
    );
    assert_eq!(ann.refused(undo, json!({ "input": { "id": duplicate } })).await.code, "NOT_FOUND");
}

#[tokio::test]
async fn what_was_logged_of_a_wrong_label_is_corrected_when_ann_says_so() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ben).await;
    crate::family_access::shares(&ann, &ben, &["FOOD_LIST", "CALORIE"], true).await;
    let portions = json!([{ "name": "bowl", "amount": "60", "unit": "g" }, { "name": "spoon", "amount": "10", "unit": "g" }]);
    let oats = ann.creates_food(json!({ "name": "Oats", "nutrition": { "calories": "37" }, "portions": portions })).await;
    for (date, quantity, unit) in [("08", "2", "bowl"), ("09", "150", "g"), ("10", "3", "spoon")] {
        ann.logs_food(&oats, json!({ "quantity": quantity, "unit": unit, "consumedAt": format!("2026-03-{date}T10:00:00Z") })).await;
    }
    ben.logs_food(&oats, json!({ "quantity": "100", "unit": "g", "consumedAt": "2026-03-09T10:00:00Z" })).await;
    // She had mistyped 370 kcal, and has no use for spoons.
    let portions = json!([{ "name": "bowl", "amount": "60", "unit": "g" }]);
    let update = "mutation($input: UpdateFoodInput!) { updateFood(input: $input) { food { id } } }";
    ann.ask(update, json!({ "input": { "id": oats, "nutrition": { "calories": "370" }, "portions": portions } })).await;
    assert_eq!(ann.calories_on(Some("2026-03-09")).await, "55.5", "nothing changes by itself");

    let correct = "mutation($input: CorrectFoodEntriesInput!) { correctFoodEntries(input: $input) { nutritionVersion preview
        corrected { before { calories } entry { quantity unit version nutrition { calories } } } left { unit nutrition { calories } } } }";
    let asked = |more: Value| {
        let mut input = json!({ "foodId": oats, "from": "2026-03-09", "to": "2026-03-10" });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "input": input })
    };
    let would = ann.ask(correct, asked(json!({ "preview": true }))).await["correctFoodEntries"].take();
    let changed = json!([{ "before": { "calories": "55.5" }, "entry": { "quantity": "150", "unit": "g", "version": 2, "nutrition": { "calories": "555" } } }]);
    let left = json!([{ "unit": "spoon", "nutrition": { "calories": "11.1" } }]);
    assert_eq!(would, json!({ "nutritionVersion": 2, "preview": true, "corrected": changed, "left": left }));
    assert_eq!(ann.calories_on(Some("2026-03-09")).await, "55.5", "that was a preview");
    assert_eq!(ann.refused(correct, asked(json!({ "expectedNutritionVersion": 1 }))).await.code, "CONFLICT");

    let did = ann.ask(correct, asked(json!({ "expectedNutritionVersion": 2 }))).await["correctFoodEntries"].take();
    assert_eq!(did, json!({ "nutritionVersion": 2, "preview": false, "corrected": changed, "left": left }));
    let days =
        [ann.calories_on(Some("2026-03-08")).await, ann.calories_on(Some("2026-03-09")).await, ben.calories_on(Some("2026-03-09")).await];
    assert_eq!(days, ["44.4", "555", "37"], "the day before was not asked for, and Ben's diary is Ben's");
    let again = ann.ask(correct, asked(json!({}))).await["correctFoodEntries"].take();
    assert_eq!((&again["corrected"], &again["left"]), (&json!([]), &left));

    let stranger = app.person("dan").await;
    let refused = stranger.refused(correct, asked(json!({}))).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("NOT_FOUND", Some("foodId")));
    assert_eq!(ann.refused(correct, asked(json!({ "to": "2026-03-08" }))).await.field.as_deref(), Some("to"));
    assert_eq!(ann.refused(correct, asked(json!({ "from": "2025-01-01" }))).await.field.as_deref(), Some("to"));
}

const EAT: &str = "mutation($id: UUID!) { eatPlannedMeal(input: { id: $id }) {
    plannedMeal { food { id } } group { entries { name food { id } nutrition { calories } } } } }";

#[tokio::test]
async fn what_was_made_and_planned_of_a_duplicate_is_eaten_as_the_kept_food() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let kept = ann.creates_food(json!({ "name": "Oats", "nutrition": { "calories": "100" } })).await;
    let duplicate = ann.creates_food(json!({ "name": "Oat flakes", "nutrition": { "calories": "120" } })).await;
    let porridge = json!({ "name": "Porridge", "servings": "2", "ingredients": [{ "foodId": duplicate, "quantity": "80", "unit": "g" }] });
    let porridge = crate::meals::creates_meal(&ann, porridge).await;
    let cook = "mutation($id: UUID!) { cookMeal(input: { mealId: $id }) { batch { id } } }";
    let batch = ann.ask(cook, json!({ "id": porridge })).await["cookMeal"]["batch"]["id"].take();
    let plan = "mutation($input: PlanMealInput!) { planMeal(input: $input) { plannedMeal { id food { id } } } }";
    let plans = async |what: Value| {
        let mut planned = json!({ "date": "2026-03-10", "mealType": "breakfast" });
        planned.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        ann.ask(plan, json!({ "input": planned })).await["planMeal"]["plannedMeal"].take()
    };
    let flakes = plans(json!({ "foodId": duplicate, "quantity": "50", "unit": "g" })).await;
    let bowl = plans(json!({ "mealId": porridge, "quantity": "1", "unit": "serving" })).await;
    let later = plans(json!({ "foodId": duplicate, "quantity": "10", "unit": "g" })).await;
    let week =
        json!({ "name": "Spring", "items": [{ "day": 1, "mealType": "breakfast", "foodId": duplicate, "quantity": "50", "unit": "g" }] });
    let week = ann
        .ask(
            "mutation($input: CreateMealPlanTemplateInput!) { createMealPlanTemplate(input: $input) { template { id } } }",
            json!({ "input": week }),
        )
        .await["createMealPlanTemplate"]["template"]["id"]
        .take();
    ann.ask(MERGE, json!({ "input": { "keepId": kept, "duplicateIds": [duplicate] } })).await;

    let eaten = ann.ask(EAT, json!({ "id": flakes["id"] })).await["eatPlannedMeal"].take();
    let of = |name: &str, food: &str, calories: &str| json!({ "entries": [{ "name": name, "food": { "id": food }, "nutrition": { "calories": calories } }] });
    assert_eq!(eaten, json!({ "plannedMeal": { "food": { "id": kept } }, "group": of("Oat flakes", &kept, "50") }));
    assert_eq!(ann.ask(EAT, json!({ "id": bowl["id"] })).await["eatPlannedMeal"]["group"], of("Oat flakes", &kept, "40"));
    let place =
        "mutation($id: UUID!) { planMeals(input: { templateId: $id, from: \"2026-03-30\" }) { days { meals { food { id } calories } } } }";
    let placed = ann.ask(place, json!({ "id": week })).await["planMeals"]["days"][0].take();
    assert_eq!(placed, json!({ "meals": [{ "food": { "id": kept }, "calories": "50" }] }));
    // What was cooked before the merge has what was in it then.
    let portion =
        "mutation($id: UUID!, $ann: UUID!) { portionCookedBatch(input: { id: $id, portions: [{ personId: $ann, quantity: \"1\" }],
        serving: { mealType: \"lunch\" } }) { groups { entries { name food { id } nutrition { calories } } } } }";
    let given = ann.ask(portion, json!({ "id": batch, "ann": ann.id })).await["portionCookedBatch"]["groups"][0].take();
    assert_eq!(given, of("Oat flakes", &kept, "48"));
    // A device that has not heard of the merge names the duplicate still.
    ann.logs_food(&duplicate, json!({ "quantity": "10", "unit": "g" })).await;
    let snack = json!({ "name": "Snack", "ingredients": [{ "foodId": duplicate, "quantity": "10", "unit": "g" }] });
    crate::meals::creates_meal(&ann, snack).await;
    assert_eq!(plans(json!({ "foodId": duplicate, "quantity": "10", "unit": "g" })).await["food"]["id"], json!(kept));

    let phone = Device::new(&ann, "phone");
    let offline =
        json!({ "food_item_id": duplicate, "quantity": "10", "unit": "g", "meal_type": "snack", "consumed_at": "2026-03-10T07:00:00Z" });
    let pushed = phone.pushes(json!([change("food_diary", &sync_id(), &phone.at("07:00:00"), offline)])).await;
    let row = &pushed[0]["row"]["document"];
    assert_eq!(
        (&pushed[0]["status"], &row["food_item_id"], &row["calories"]),
        (&json!("APPLIED"), &json!(kept), &json!("10")),
        "{pushed:?}"
    );

    // Once the merge is taken back, what named the duplicate means it again, and what was eaten stays what it was.
    ann.ask("mutation($id: UUID!) { undoFoodMerge(input: { id: $id }) { food { id } } }", json!({ "id": duplicate })).await;
    assert_eq!(ann.ask(EAT, json!({ "id": later["id"] })).await["eatPlannedMeal"]["group"], of("Oat flakes", &duplicate, "12"));
    assert_eq!(ann.ask(EAT, json!({ "id": flakes["id"] })).await["eatPlannedMeal"]["group"], of("Oat flakes", &kept, "50"));
}

#[tokio::test]
async fn anns_oats_are_found_by_the_barcode_of_their_duplicate_too() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let kept = ann.creates_food(json!({ "name": "Oats", "barcode": "3017620422003" })).await;
    let duplicate = ann.creates_food(json!({ "name": "Oat flakes", "barcode": "4260392550101" })).await;
    ann.ask(MERGE, json!({ "input": { "keepId": kept, "duplicateIds": [duplicate] } })).await;
    let search = "query($search: String!) { foods(search: $search) { nodes { id } } }";
    for barcode in ["3017620422003", "4260392550101"] {
        assert_eq!(ann.ask(BY_BARCODE, json!({ "barcode": barcode })).await["foodByBarcode"]["id"], json!(kept));
        assert_eq!(ann.ask(search, json!({ "search": barcode })).await["foods"]["nodes"], json!([{ "id": kept }]), "{barcode}");
        assert_eq!(ben.ask(search, json!({ "search": barcode })).await["foods"]["nodes"], json!([]), "they are not ben's");
    }
}

#[tokio::test]
async fn foods_with_more_portions_together_than_one_may_have_are_not_merged() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let with = async |name: &str, count: usize| {
        let portions: Vec<_> =
            (0..count).map(|number| json!({ "name": format!("{name} {number}"), "amount": "10", "unit": "g" })).collect();
        ann.creates_food(json!({ "name": name, "portions": portions })).await
    };
    let (kept, duplicate) = (with("bowl", 30).await, with("plate", 21).await);
    let refused = ann.refused(MERGE, json!({ "input": { "keepId": kept, "duplicateIds": [duplicate] } })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("duplicateIds")));
    assert!(refused.message.contains("51 portions"), "{}", refused.message);
}

#[tokio::test]
async fn nobody_eats_steps() {
    let app = TestApp::new().await;
    let ann = app.person("ann").await;
    let egg = ann.creates_food(json!({ "name": "Egg", "servingSize": "1", "servingUnit": "piece" })).await;
    let log = "mutation($input: LogFoodInput!) { logFood(input: $input) { entry { id } } }";
    let walked = json!({ "foodId": egg, "mealType": "breakfast", "quantity": "10", "unit": "steps" });
    let refused = ann.refused(log, json!({ "input": walked })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("unit")));
    let refused = ann.refused(CREATE, food(json!({ "servingUnit": "steps" }))).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("servingUnit")));
}

#[tokio::test]
async fn only_foods_of_ones_own_are_merged() {
    let app = TestApp::new().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    app.verify(&ann).await;
    crate::family_access::shares(&ben, &ann, &["FOOD_LIST"], true).await;
    let (anns, bens) = (ann.creates_food(json!({})).await, ben.creates_food(json!({})).await);
    let common: String = app.value("SELECT id::text FROM food_items WHERE source = 'hale' LIMIT 1").await;
    for (keep, duplicates, code, field) in [
        (&anns, json!([bens]), "NOT_FOUND", "duplicateIds"),
        (&anns, json!([common]), "NOT_FOUND", "duplicateIds"),
        (&bens, json!([anns]), "NOT_FOUND", "keepId"),
        (&anns, json!([anns]), "BAD_USER_INPUT", "duplicateIds"),
        (&anns, json!([]), "BAD_USER_INPUT", "duplicateIds"),
        (&anns, json!(["x"]), "BAD_USER_INPUT", "duplicateIds[0]"),
    ] {
        let refused = ann.refused(MERGE, json!({ "input": { "keepId": keep, "duplicateIds": duplicates } })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), (code, Some(field)), "{}", refused.message);
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_items WHERE deleted_at IS NOT NULL").await, 0);
}
