//! Foods of one's own: making, changing and finding them by barcode.

use serde_json::{Value, json};

use crate::harness::{Person, TestApp};

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
    ] {
        let made = ann.ask(CREATE, food(json!({ "barcode": written }))).await["createFood"]["food"].take();
        assert_eq!(made["barcode"], stored);
        let found = ann.ask(BY_BARCODE, json!({ "barcode": asked })).await["foodByBarcode"].take();
        assert_eq!(found, json!({ "id": made["id"], "barcode": stored }), "{asked}");
        assert_eq!(ben.ask(BY_BARCODE, json!({ "barcode": asked })).await["foodByBarcode"], json!(null), "it is not ben's");
    }
    for wrong in ["4260392550102", "123", "", "abc", "123456789012345", "4260392550101\u{0}", "٤٢٦٠٣٩٢٥٥٠١٠١"] {
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
