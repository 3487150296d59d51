//! Foods from others' servers: the real clients against a server of each kind that answers as the real one does, oddities included.

use std::{sync::Arc, time::Duration};

use api::config::Outside;
use chrono::TimeDelta;
use serde_json::{Value, json};
use service::food_providers::{Credential, FoodProviders, Settings, quota::Quota};

use crate::harness::{
    Person, TestApp,
    fat_secret::{self, FatSecret},
    food_data_central::{self, FoodDataCentral},
    open_food_facts::{self, OpenFoodFacts},
    trouble::Fault,
};

const SCAN: &str = "mutation($barcode: String!) { findFoodByBarcode(input: { barcode: $barcode }) {
    food { id name brand barcode source servingSize servingUnit portions { name amount unit } provenance { basis licence fetchedAt sourceId }
      allergens traces carbohydrates { basis }
      nutrition { calories protein carbohydrates fat fiber sugar sodium vitaminC: nutrient(code: \"VITC\") vitaminD: nutrient(code: \"VITD\")
        calcium: nutrient(code: \"CA\") alcohol: nutrient(code: \"ALC\") } }
    unstored { provider id name servingSize servingUnit remarks attribution storable portions { name amount unit }
      nutrition { calories protein sodium vitaminC: nutrient(code: \"VITC\") calcium: nutrient(code: \"CA\") } }
    answers { provider found failure retryAfter } storeInternal } }";
const SEARCH: &str = "query($search: String!, $page: Int, $providers: [FoodProviderName!]) {
    providerFoods(search: $search, page: $page, providers: $providers) {
      foods { provider id name brand barcode servingSize servingUnit basis carbohydrateBasis remarks portions { name amount unit }
        nutrition { calories protein carbohydrates fat fiber sugar sodium } }
      answers { provider found more failure retryAfter } } }";
const SAVE: &str = "mutation($input: SaveProviderFoodInput!) { saveProviderFood(input: $input) {
    food { id name barcode source servingUnit provenance { basis licence sourceId }
      nutrition { calories protein fat sodium nutrient(code: \"VITD\") vitaminC: nutrient(code: \"VITC\") } portions { name amount unit } } } }";
const SET_KEY: &str =
    "mutation($input: SetFoodProviderKeyInput!) { setFoodProviderKey(input: $input) { foodProviders { provider key keyHint } } }";
const ARRANGE: &str =
    "mutation($input: UpdateFoodProvidersInput!) { updateFoodProviders(input: $input) { foodProviders { provider enabled } } }";

/// Providers that are all off, with time enough for a busy machine and room for all that tests ask.
fn settings() -> Settings {
    let plenty: Quota = "10000/min".parse().unwrap();
    Settings {
        contact: "ops@example.org".into(),
        open_food_facts_url: None,
        open_food_facts_products: plenty,
        open_food_facts_searches: plenty,
        fdc_url: None,
        fdc_key: Some(food_data_central::KEY.into()),
        fdc_requests: plenty,
        fat_secret_url: None,
        fat_secret_token_url: "http://127.0.0.1:9/token".into(),
        fat_secret_client: Some(Credential { key: fat_secret::CLIENT.into(), secret: Some(fat_secret::SECRET.into()) }),
        fat_secret_licence: None,
        fat_secret_requests: plenty,
        deadline: Duration::from_secs(5),
        rest: Duration::from_secs(600),
    }
}

fn of(settings: Settings) -> Outside {
    Outside { food_providers: Arc::new(FoodProviders::new(settings).unwrap()), ..Outside::default() }
}

async fn open_food_facts() -> (TestApp, OpenFoodFacts) {
    let fake = OpenFoodFacts::start().await;
    let app = TestApp::with_providers(of(Settings { open_food_facts_url: Some(fake.url.clone()), ..settings() })).await;
    (app, fake)
}

async fn food_data_central() -> (TestApp, FoodDataCentral) {
    let fake = FoodDataCentral::start().await;
    let app = TestApp::with_providers(of(Settings { fdc_url: Some(fake.url.clone()), ..settings() })).await;
    (app, fake)
}

fn with_fat_secret(fake: &FatSecret) -> Settings {
    Settings { fat_secret_url: Some(fake.url.clone()), fat_secret_token_url: fake.token_url.clone(), ..settings() }
}

async fn fat_secret() -> (TestApp, FatSecret) {
    let fake = FatSecret::start().await;
    (TestApp::with_providers(of(with_fat_secret(&fake))).await, fake)
}

async fn scanned(person: &Person<'_>, barcode: &str) -> Value {
    person.ask(SCAN, json!({ "barcode": barcode })).await["findFoodByBarcode"].take()
}

async fn searched(person: &Person<'_>, variables: Value) -> Value {
    person.ask(SEARCH, variables).await["providerFoods"].take()
}

async fn saved(person: &Person<'_>, input: Value) -> Value {
    person.ask(SAVE, json!({ "input": input })).await["saveProviderFood"]["food"].take()
}

/// Why the only provider that was asked did not answer.
fn failure(answer: &Value) -> &str {
    answer["answers"][0]["failure"].as_str().unwrap_or("none")
}

/// The food of that name among those that were found.
fn named<'a>(found: &'a Value, name: &str) -> &'a Value {
    found["foods"].as_array().unwrap().iter().find(|food| food["name"] == name).unwrap_or_else(|| panic!("no {name} in {found}"))
}

// ----------------------------------------------------------------------------------------------------- scanning

#[tokio::test]
async fn ann_scans_a_jar_and_ben_finds_it_without_anybody_being_asked_again() {
    let (app, fake) = open_food_facts().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let by_ann = scanned(&ann, open_food_facts::SPREAD).await;
    let food = &by_ann["food"];
    assert_eq!(
        (&food["name"], &food["brand"], &food["barcode"]),
        (&json!("Hazelnut & Cocoa Spread"), &json!("Noisette"), &json!("03017620422003"))
    );
    assert_eq!((&food["servingSize"], &food["servingUnit"], &food["source"]), (&json!("100"), &json!("g"), &json!("open-food-facts")));
    assert_eq!(
        food["nutrition"],
        json!({ "calories": "539", "protein": "6.3", "carbohydrates": "57.5", "fat": "30.9", "fiber": null, "sugar": "56.3", "sodium": "42.8",
            "vitaminC": "12", "vitaminD": "2.5", "calcium": "108", "alcohol": null }),
        "grams became the units of Hale, and what the label does not tell is unknown"
    );
    assert_eq!((&food["allergens"], &food["traces"]), (&json!(["MILK", "NUTS"]), &json!(null)));
    assert_eq!(food["portions"], json!([{ "name": "tartine", "amount": "15", "unit": "g" }]));
    let provenance =
        json!({ "basis": "LABEL", "licence": "ODbL-1.0", "fetchedAt": "2026-03-10T12:00:00Z", "sourceId": open_food_facts::SPREAD });
    assert_eq!((&food["provenance"], &food["carbohydrates"]["basis"]), (&provenance, &json!("AVAILABLE")));
    assert_eq!(by_ann["answers"], json!([{ "provider": "OPEN_FOOD_FACTS", "found": 1, "failure": null, "retryAfter": null }]));
    assert_eq!(fake.trouble.requests().len(), 1);

    let by_ben = scanned(&ben, "03017620422003").await;
    assert_eq!((&by_ben["food"]["id"], &by_ben["answers"]), (&food["id"], &json!([])));
    assert_eq!(fake.trouble.requests(), Vec::<String>::new());
    let logged = ben.logs_food(food["id"].as_str().unwrap(), json!({ "unit": "tartine", "quantity": "2" })).await;
    assert_eq!(logged["entry"]["nutrition"]["calories"], "161.7");
}

#[tokio::test]
async fn ann_who_cannot_eat_nuts_is_warned_before_she_saves_what_she_found() {
    let (app, fake) = open_food_facts().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    fake.has(json!({ "code": "7613035351233", "product_name": "Nut roll", "nutriments": { "energy-kcal_100g": 400 },
        "allergens_tags": ["en:gluten", "en:milk"], "traces_tags": ["en:nuts", "en:peanuts"] }));
    fake.has(json!({ "code": "7613035351240", "product_name": "Nut-like roll", "nutriments": { "energy-kcal_100g": 400 } }));
    let prefer = "mutation($input: UpdatePreferencesInput!) { updatePreferences(input: $input) { preferences { allergens } } }";
    ann.ask(prefer, json!({ "input": { "allergens": ["NUTS", "GLUTEN"] } })).await;
    let search = "{ providerFoods(search: \"roll\") { foods { name allergens traces allergenWarnings { allergen tracesOnly } } } }";
    let found = ann.ask(search, json!({})).await["providerFoods"].take();
    assert_eq!(
        named(&found, "Nut roll"),
        &json!({ "name": "Nut roll", "allergens": ["GLUTEN", "MILK"], "traces": ["PEANUTS", "NUTS"],
            "allergenWarnings": [{ "allergen": "GLUTEN", "tracesOnly": false }, { "allergen": "NUTS", "tracesOnly": true }] })
    );
    assert_eq!(
        named(&found, "Nut-like roll"),
        &json!({ "name": "Nut-like roll", "allergens": null, "traces": null, "allergenWarnings": [] }),
        "nobody said"
    );
    let to_ben = ben.ask(search, json!({})).await["providerFoods"].take();
    assert_eq!(named(&to_ben, "Nut roll")["allergenWarnings"], json!([]), "he eats everything");
}

#[tokio::test]
async fn a_food_of_ones_own_and_one_of_a_relative_come_before_what_a_provider_says() {
    let (app, fake) = open_food_facts().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let own = ann.creates_food(json!({ "name": "My spread", "barcode": open_food_facts::SPREAD })).await;
    assert_eq!(scanned(&ann, open_food_facts::SPREAD).await["food"]["id"], json!(own));
    assert_eq!(fake.trouble.requests().len(), 0, "nobody was asked");
    // Ben sees nothing of hers, so the provider is asked for him, and what it says does not replace hers for Ann.
    assert_eq!(scanned(&ben, open_food_facts::SPREAD).await["food"]["name"], "Hazelnut & Cocoa Spread");
    assert_eq!(scanned(&ann, open_food_facts::SPREAD).await["food"]["id"], json!(own));
}

#[tokio::test]
async fn two_people_who_scan_one_code_at_once_make_one_food() {
    let (app, _fake) = open_food_facts().await;
    let names = ["ann", "ben", "carla", "dora", "emil", "finn"];
    let mut people = Vec::new();
    for name in names {
        people.push(app.person(name).await);
    }
    let found = futures_util::future::join_all(people.iter().map(|person| scanned(person, open_food_facts::SPREAD))).await;
    let ids: std::collections::BTreeSet<_> = found.iter().map(|found| found["food"]["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_items WHERE barcode = '03017620422003'").await, 1);
    assert_eq!(
        app.value::<i64>(
            "SELECT count(*) FROM nutrition_data n JOIN food_items f ON f.id = n.food_item_id WHERE f.barcode = '03017620422003'"
        )
        .await,
        1
    );
}

#[tokio::test]
async fn what_a_shop_numbered_itself_is_asked_of_nobody_and_stays_private() {
    let (app, fake) = open_food_facts().await;
    let ann = app.person("ann").await;
    fake.has(json!({ "code": "20203467", "product_name": "Somebody else's", "nutriments": { "energy-kcal_100g": 1 } }));
    for code in ["20203467", "2000000000015", "0212345678909", "0412345678903"] {
        let answer = scanned(&ann, code).await;
        assert_eq!((&answer["storeInternal"], &answer["food"], &answer["answers"]), (&json!(true), &json!(null), &json!([])), "{code}");
    }
    let book = ann.refused(SCAN, json!({ "barcode": "9780306406157" })).await;
    assert_eq!((book.code.as_str(), book.field.as_deref()), ("BAD_USER_INPUT", Some("barcode")));
    assert_eq!(fake.trouble.requests().len(), 0);
    let refused =
        ann.refused(SAVE, json!({ "input": { "provider": "OPEN_FOOD_FACTS", "providerFoodId": "20203467", "to": "CATALOGUE" } })).await;
    assert_eq!(refused.code, "FORBIDDEN");
    let own = saved(&ann, json!({ "provider": "OPEN_FOOD_FACTS", "providerFoodId": "20203467" })).await;
    assert_eq!(own["barcode"], "00000020203467");
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_items WHERE owner_id IS NULL AND barcode = '00000020203467'").await, 0);
    assert_eq!(scanned(&ann, "20203467").await["food"]["id"], own["id"]);
}

#[tokio::test]
async fn providers_are_asked_in_ones_own_order_until_one_knows() {
    let (off, fdc) = (OpenFoodFacts::start().await, FoodDataCentral::start().await);
    let settings = Settings { open_food_facts_url: Some(off.url.clone()), fdc_url: Some(fdc.url.clone()), ..settings() };
    let app = TestApp::with_providers(of(settings)).await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let chips = scanned(&ann, food_data_central::CHIPS).await;
    assert_eq!(chips["food"]["source"], "usda-fdc");
    let asked: Vec<_> =
        chips["answers"].as_array().unwrap().iter().map(|answer| (answer["provider"].clone(), answer["found"].clone())).collect();
    assert_eq!(asked, [(json!("OPEN_FOOD_FACTS"), json!(0)), (json!("FOOD_DATA_CENTRAL"), json!(1))]);

    let order = json!({ "providers": [{ "provider": "FOOD_DATA_CENTRAL" }, { "provider": "OPEN_FOOD_FACTS", "enabled": false }] });
    let arranged = ben.ask(ARRANGE, json!({ "input": order })).await;
    assert_eq!(
        arranged["updateFoodProviders"]["foodProviders"],
        json!([{ "provider": "FOOD_DATA_CENTRAL", "enabled": true }, { "provider": "OPEN_FOOD_FACTS", "enabled": false }, { "provider": "FAT_SECRET", "enabled": true }])
    );
    off.trouble.requests();
    let nothing = scanned(&ben, open_food_facts::SPREAD).await;
    assert_eq!(nothing["food"], json!(null));
    assert_eq!(nothing["answers"], json!([{ "provider": "FOOD_DATA_CENTRAL", "found": 0, "failure": null, "retryAfter": null }]));
    assert_eq!(off.trouble.requests(), Vec::<String>::new());
    let twice = json!({ "providers": [{ "provider": "FAT_SECRET" }, { "provider": "FAT_SECRET" }] });
    let refused = ben.refused(ARRANGE, json!({ "input": twice })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("providers[1].provider")));
}

#[tokio::test]
async fn what_a_provider_said_is_remembered_for_a_while_though_nothing_was_stored() {
    let (app, fake) = open_food_facts().await;
    let ann = app.person("ann").await;
    for _ in 0..3 {
        assert_eq!(scanned(&ann, "4006381333931").await["food"], json!(null));
    }
    assert_eq!(fake.trouble.requests().len(), 1);
    fake.misses_as_version_3();
    app.clock.advance(TimeDelta::minutes(11));
    assert_eq!(failure(&scanned(&app.person("ben").await, "4006381333931").await), "none");
    assert_eq!(fake.trouble.requests().len(), 1);
    fake.has(json!({ "code": "4006381333931", "product_name": "Chalk", "nutriments": { "energy-kcal_100g": 0 } }));
    assert_eq!(scanned(&app.person("carla").await, "4006381333931").await["food"], json!(null), "not yet");
    app.clock.advance(TimeDelta::minutes(11));
    assert_eq!(scanned(&app.person("dora").await, "4006381333931").await["food"]["name"], "Chalk");
}

// ------------------------------------------------------------------------------------------------ Open Food Facts

#[tokio::test]
async fn open_food_facts_is_read_whatever_form_a_product_has() {
    let (app, _fake) = open_food_facts().await;
    let ann = app.person("ann").await;
    let found = searched(&ann, json!({ "search": "nut" })).await;
    assert_eq!(found["foods"].as_array().unwrap().len(), found["answers"][0]["found"].as_u64().unwrap() as usize);
    let food = async |code: &str, name: &str| {
        let found = searched(&ann, json!({ "search": code.trim_start_matches('0') })).await;
        named(&found, name).clone()
    };

    // A label of 400 kJ wins over what was computed, and is remarked for it does not fit the rest.
    let olives = food(open_food_facts::OLIVES, "Green olives").await;
    assert_eq!(
        (&olives["nutrition"]["calories"], &olives["remarks"]),
        (&json!("95.602294"), &json!(["ENERGY_FROM_KILOJOULES", "ENERGY_IMPLAUSIBLE"]))
    );
    assert_eq!(
        (&olives["nutrition"]["sodium"], &olives["brand"], &olives["basis"]),
        (&json!("20.08"), &json!("Oliva"), &json!("ESTIMATED"))
    );

    let biscuits = food(open_food_facts::BISCUITS, "Butter biscuits").await;
    assert_eq!((&biscuits["nutrition"]["calories"], &biscuits["remarks"]), (&json!("95.602294"), &json!(["ENERGY_FROM_KILOJOULES"])));
    assert_eq!((&biscuits["nutrition"]["sodium"], &biscuits["nutrition"]["protein"]), (&json!("480"), &json!(null)));

    let bar = food(open_food_facts::BAR, "Nut bar").await;
    assert_eq!((&bar["servingSize"], &bar["servingUnit"], &bar["remarks"]), (&json!("1"), &json!("serving"), &json!(["PER_SERVING"])));
    assert_eq!((&bar["nutrition"]["calories"], &bar["nutrition"]["sodium"]), (&json!("190"), &json!("110")));

    let cereal = food(open_food_facts::CEREAL, "Corn cereal").await;
    assert_eq!((&cereal["servingSize"], &cereal["nutrition"]["calories"]), (&json!("100"), &json!("375")));
    assert_eq!((&cereal["nutrition"]["carbohydrates"], &cereal["carbohydrateBasis"]), (&json!("84"), &json!("TOTAL")));
    assert_eq!(
        (&cereal["barcode"], &cereal["portions"][0]),
        (&json!("00034000470693"), &json!({ "name": "serving of 40 g", "amount": "40", "unit": "g" }))
    );

    let soup = food(open_food_facts::SOUP, "Tomato soup (prepared)").await;
    assert_eq!(
        (&soup["servingUnit"], &soup["remarks"], &soup["nutrition"]["calories"]),
        (&json!("ml"), &json!(["PREPARED"]), &json!("32"))
    );

    let crackers = food(open_food_facts::SWAPPED, "Crackers").await;
    assert_eq!((&crackers["nutrition"]["calories"], &crackers["remarks"]), (&json!("450"), &json!(["ENERGY_SWAPPED"])));

    let drink = food(open_food_facts::DRINK, "Isotonic drink").await;
    assert_eq!(
        (&drink["servingUnit"], &drink["nutrition"]["sodium"], &drink["nutrition"]["protein"]),
        (&json!("ml"), &json!("50"), &json!(null))
    );

    let beer = scanned(&ann, open_food_facts::BEER).await;
    assert_eq!((&beer["food"]["name"], &beer["food"]["nutrition"]["alcohol"]), (&json!("Helles \"Hausbräu\""), &json!("3.945")));
    let empty = scanned(&ann, open_food_facts::EMPTY).await;
    assert_eq!((&empty["food"], &empty["answers"][0]["found"]), (&json!(null), &json!(0)), "of which nobody knows anything");
}

#[tokio::test]
async fn a_search_has_pages() {
    let (app, fake) = open_food_facts().await;
    let ann = app.person("ann").await;
    for number in 0..25 {
        fake.has(json!({ "code": format!("76131{number:03}00000"), "product_name": format!("Muesli {number}"), "nutriments": { "energy-kcal_100g": 370 } }));
    }
    let first = searched(&ann, json!({ "search": "muesli" })).await;
    assert_eq!((first["foods"].as_array().unwrap().len(), &first["answers"][0]["more"]), (20, &json!(true)));
    let second = searched(&ann, json!({ "search": "muesli", "page": 2 })).await;
    assert_eq!((second["foods"].as_array().unwrap().len(), &second["answers"][0]["more"]), (5, &json!(false)));
    let refused = ann.refused(SEARCH, json!({ "search": "muesli", "page": 0 })).await;
    assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some("page")));
}

// ----------------------------------------------------------------------------------------------- FoodData Central

#[tokio::test]
async fn food_data_central_is_read_by_ids_of_nutrients_in_whatever_units_they_are() {
    let (app, _fake) = food_data_central().await;
    let ann = app.person("ann").await;
    let hummus = named(&searched(&ann, json!({ "search": "hummus" })).await, "Hummus, commercial").clone();
    assert_eq!(
        (&hummus["nutrition"]["calories"], &hummus["basis"], &hummus["carbohydrateBasis"]),
        (&json!("229"), &json!("ANALYSED"), &json!("TOTAL"))
    );
    assert_eq!((&hummus["nutrition"]["sugar"], &hummus["nutrition"]["sodium"]), (&json!("0.34"), &json!("438")));

    let apple = named(&searched(&ann, json!({ "search": "apples skin" })).await, "Apples, raw, with skin").clone();
    assert_eq!(
        apple["nutrition"],
        json!({ "calories": "52", "protein": "0.26", "carbohydrates": "13.81", "fat": "0.17", "fiber": "2.4", "sugar": "10.39", "sodium": "1" })
    );
    let kept = saved(&ann, json!({ "provider": "FOOD_DATA_CENTRAL", "providerFoodId": apple["id"], "to": "CATALOGUE" })).await;
    assert_eq!(
        (&kept["portions"], &kept["provenance"]["licence"]),
        (&json!([{ "name": "medium", "amount": "182", "unit": "g" }]), &json!("CC0-1.0"))
    );
    assert_eq!(kept["nutrition"]["vitaminC"], "4.6");

    let milk = saved(&ann, json!({ "provider": "FOOD_DATA_CENTRAL", "providerFoodId": food_data_central::MILK.to_string() })).await;
    assert_eq!((&milk["servingUnit"], &milk["portions"]), (&json!("ml"), &json!([{ "name": "cup", "amount": "240", "unit": "ml" }])));
    assert_eq!(
        (&milk["nutrition"]["calories"], &milk["nutrition"]["nutrient"]),
        (&json!("62.619503"), &json!("1.3")),
        "52 IU of vitamin D are 1.3 µg"
    );
    assert_eq!(milk["provenance"]["basis"], "ESTIMATED", "kilocalories were computed");

    let survey = saved(&ann, json!({ "provider": "FOOD_DATA_CENTRAL", "providerFoodId": food_data_central::SURVEY.to_string() })).await;
    assert_eq!(
        (&survey["provenance"]["basis"], &survey["portions"]),
        (&json!("ESTIMATED"), &json!([{ "name": "fl oz", "amount": "30.8", "unit": "g" }]))
    );
}

#[tokio::test]
async fn the_newest_label_of_a_barcode_counts_and_is_per_hundred_grams() {
    let (app, _fake) = food_data_central().await;
    let ann = app.person("ann").await;
    let chips = scanned(&ann, "028400090858").await["food"].take();
    assert_eq!((&chips["name"], &chips["nutrition"]["calories"]), (&json!("POTATO CHIPS"), &json!("536")));
    assert_eq!(chips["portions"], json!([{ "name": "15 chips", "amount": "28", "unit": "g" }]));
    let cola = scanned(&ann, "049000028904").await["food"].take();
    assert_eq!(
        (&cola["nutrition"]["calories"], &cola["nutrition"]["carbohydrates"], &cola["nutrition"]["sodium"]),
        (&json!("40"), &json!("11"), &json!("13"))
    );
    // Both labels are found by their words, and are one product.
    let found = searched(&ann, json!({ "search": "potato chips" })).await;
    assert_eq!((found["foods"].as_array().unwrap().len(), &found["answers"][0]["found"]), (1, &json!(2)));
}

#[tokio::test]
async fn what_food_data_central_says_to_a_key_is_told_apart() {
    let (app, fake) = food_data_central().await;
    let ann = app.person("ann").await;
    for (status, code, expected) in [
        (403, "API_KEY_MISSING", "KEY_REFUSED"),
        (403, "API_KEY_INVALID", "KEY_REFUSED"),
        (403, "API_KEY_UNAUTHORIZED", "KEY_REFUSED"),
        (403, "API_KEY_UNVERIFIED", "KEY_REFUSED"),
        (429, "OVER_RATE_LIMIT", "RATE_LIMITED"),
    ] {
        let body = json!({ "error": { "code": code, "message": "Contact us at https://api.data.gov/contact/ for assistance" } });
        fake.trouble.fails("/foods/search", Fault::Answers(status, "application/json", body.to_string()), 1);
        let answer = searched(&ann, json!({ "search": "hummus" })).await["answers"][0].take();
        let wait = if expected == "RATE_LIMITED" { json!(60) } else { json!(null) };
        assert_eq!((&answer["failure"], &answer["retryAfter"]), (&json!(expected), &wait), "{code}");
    }
    fake.trouble.requests();
    assert_eq!(failure(&searched(&ann, json!({ "search": "hummus" })).await), "RATE_LIMITED");
    assert_eq!(fake.trouble.requests(), Vec::<String>::new(), "it is left alone for a minute");
}

#[tokio::test]
async fn a_label_that_says_the_same_as_a_hundred_grams_is_not_scaled_once_more() {
    let (app, fake) = food_data_central().await;
    let ann = app.person("ann").await;
    // As an example that goes round has it: 140 kcal in both, which cannot be of a serving of 40 g and of 100 g.
    fake.has(json!({ "fdcId": 534_358, "description": "NUT 'N BERRY MIX", "dataType": "Branded", "gtinUpc": "077034085228", "servingSize": 40,
        "servingSizeUnit": "g", "foodNutrients": [{ "nutrient": { "id": 1008, "number": "208", "name": "Energy", "unitName": "kcal" }, "amount": 140 }],
        "labelNutrients": { "calories": { "value": 140 } } }));
    let mix = saved(&ann, json!({ "provider": "FOOD_DATA_CENTRAL", "providerFoodId": "534358" })).await;
    assert_eq!((&mix["nutrition"]["calories"], &mix["servingUnit"]), (&json!("140"), &json!("g")), "what is per 100 g holds");
}

#[tokio::test]
async fn one_amount_that_cannot_be_leaves_the_rest_of_a_food_alone() {
    let (app, fake) = food_data_central().await;
    let ann = app.person("ann").await;
    fake.has(json!({ "fdcId": 77, "description": "Odd broth", "dataType": "SR Legacy", "foodNutrients": [
        { "nutrient": { "id": 1008, "number": "208", "name": "Energy", "unitName": "KCAL" }, "amount": 12 },
        { "nutrient": { "id": 1003, "number": "203", "name": "Protein", "unitName": "G" }, "amount": -7 },
        { "nutrient": { "id": 1093, "number": "307", "name": "Sodium", "unitName": "MG" }, "amount": "much" },
        { "nutrient": { "id": 1004, "number": "204", "name": "Fat", "unitName": "G" }, "amount": 0.4 }],
        "foodPortions": [{ "gramWeight": -3, "amount": 1, "modifier": "bowl" }, { "gramWeight": 250, "amount": 1, "modifier": "cup" }] }));
    let broth = named(&searched(&ann, json!({ "search": "odd broth" })).await, "Odd broth").clone();
    assert_eq!(broth["remarks"], json!(["AMOUNTS_LEFT_OUT"]));
    assert_eq!(
        broth["nutrition"],
        json!({ "calories": "12", "protein": null, "carbohydrates": null, "fat": "0.4", "fiber": null, "sugar": null, "sodium": null }),
        "what cannot be is unknown"
    );
    let kept = saved(&ann, json!({ "provider": "FOOD_DATA_CENTRAL", "providerFoodId": "77" })).await;
    assert_eq!(
        (&kept["nutrition"]["calories"], &kept["nutrition"]["protein"], &kept["portions"]),
        (&json!("12"), &json!(null), &json!([{ "name": "cup", "amount": "250", "unit": "g" }]))
    );
}

#[tokio::test]
async fn a_key_that_is_missing_or_refused_is_told_apart() {
    let fake = FoodDataCentral::start().await;
    fake.gives_key("key-of-ann-alone-abcd");
    let app = TestApp::with_providers(of(Settings { fdc_url: Some(fake.url.clone()), fdc_key: None, ..settings() })).await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    assert_eq!(failure(&scanned(&ann, food_data_central::CHIPS).await), "NO_KEY");
    assert_eq!(fake.trouble.requests().len(), 0);
    ann.ask(SET_KEY, json!({ "input": { "provider": "FOOD_DATA_CENTRAL", "key": food_data_central::DISABLED_KEY } })).await;
    assert_eq!(failure(&scanned(&ann, food_data_central::CHIPS).await), "KEY_REFUSED");
    let refused = ann.refused(SAVE, json!({ "input": { "provider": "FOOD_DATA_CENTRAL", "providerFoodId": "171688" } })).await;
    assert_eq!((refused.code.as_str(), refused.message.contains("renew it")), ("FORBIDDEN", true));

    let set = ann.ask(SET_KEY, json!({ "input": { "provider": "FOOD_DATA_CENTRAL", "key": "key-of-ann-alone-abcd" } })).await;
    assert_eq!(set["setFoodProviderKey"]["foodProviders"][1], json!({ "provider": "FOOD_DATA_CENTRAL", "key": "OWN", "keyHint": "abcd" }));
    assert_eq!(failure(&searched(&ann, json!({ "search": "apples" })).await), "none");
    assert_eq!(failure(&searched(&ben, json!({ "search": "apples" })).await), "NO_KEY", "hers is hers alone");
    let stored: String = app.value("SELECT credential FROM food_provider_settings WHERE provider = 'food_data_central'").await;
    assert!(!stored.contains("abcd") && !stored.contains("key-of"), "{stored}");

    let remove = "mutation { removeFoodProviderKey(input: { provider: FOOD_DATA_CENTRAL }) { foodProviders { provider key keyHint } } }";
    let removed = ann.ask(remove, json!({})).await;
    assert_eq!(
        removed["removeFoodProviderKey"]["foodProviders"][1],
        json!({ "provider": "FOOD_DATA_CENTRAL", "key": "MISSING", "keyHint": null })
    );
    assert_eq!(failure(&searched(&ann, json!({ "search": "hummus" })).await), "NO_KEY");
}

#[tokio::test]
async fn anns_own_key_that_is_used_up_keeps_nobody_else_waiting() {
    let fake = FoodDataCentral::start().await;
    fake.gives_key("key-of-ann-alone-abcd");
    let settings = Settings { fdc_url: Some(fake.url.clone()), fdc_requests: "4/min".parse().unwrap(), ..settings() };
    let app = TestApp::with_providers(of(settings)).await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    ann.ask(SET_KEY, json!({ "input": { "provider": "FOOD_DATA_CENTRAL", "key": "key-of-ann-alone-abcd" } })).await;
    fake.trouble.fails("/foods/search", Fault::TooOften(120), 1);
    let limited = searched(&ann, json!({ "search": "hummus" })).await;
    assert_eq!((failure(&limited), &limited["answers"][0]["retryAfter"]), ("RATE_LIMITED", &json!(120)));
    assert_eq!(failure(&searched(&ben, json!({ "search": "hummus" })).await), "none", "he is answered by the operator's key");
    fake.trouble.requests();
    assert_eq!(failure(&searched(&ann, json!({ "search": "apples" })).await), "RATE_LIMITED", "it asked her to wait");
    assert_eq!(fake.trouble.requests(), Vec::<String>::new());

    // What Hale allows itself, two at once, is counted by key too: Ben's two are not those of Carla's own key.
    let (carla, dora) = (app.person("carla").await, app.person("dora").await);
    fake.gives_key("key-of-carla-alone-efgh");
    carla.ask(SET_KEY, json!({ "input": { "provider": "FOOD_DATA_CENTRAL", "key": "key-of-carla-alone-efgh" } })).await;
    assert_eq!(failure(&searched(&ben, json!({ "search": "apples" })).await), "none");
    assert_eq!(failure(&searched(&dora, json!({ "search": "milk" })).await), "RATE_LIMITED");
    assert_eq!(failure(&searched(&carla, json!({ "search": "milk" })).await), "none");

    // Nobody is sent away for longer than an hour, whatever a provider says.
    fake.trouble.fails("/foods/search", Fault::TooOften(u32::MAX), 1);
    assert_eq!(searched(&carla, json!({ "search": "chips" })).await["answers"][0]["retryAfter"], json!(3_600));
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_with_what_would_be_right() {
    let app = TestApp::with_providers(of(settings())).await;
    let ann = app.person("ann").await;
    for (input, field) in [
        (json!({ "provider": "OPEN_FOOD_FACTS", "key": "x" }), "provider"),
        (json!({ "provider": "FOOD_DATA_CENTRAL", "key": "" }), "key"),
        (json!({ "provider": "FOOD_DATA_CENTRAL", "key": "two words" }), "key"),
        (json!({ "provider": "FOOD_DATA_CENTRAL", "key": "clé" }), "key"),
        (json!({ "provider": "FOOD_DATA_CENTRAL", "key": "x", "secret": "y" }), "secret"),
        (json!({ "provider": "FAT_SECRET", "key": "x" }), "secret"),
        (json!({ "provider": "FAT_SECRET", "key": "x".repeat(501), "secret": "y" }), "key"),
    ] {
        let refused = ann.refused(SET_KEY, json!({ "input": input })).await;
        assert_eq!((refused.code.as_str(), refused.field.as_deref()), ("BAD_USER_INPUT", Some(field)), "{input}");
    }
    let list = "{ viewer { foodProviders { provider title enabled available needs key keyHint storable licence attribution } } }";
    let listed = ann.ask(list, json!({})).await;
    assert_eq!(
        listed["viewer"]["foodProviders"][0],
        json!({ "provider": "OPEN_FOOD_FACTS", "title": "Open Food Facts", "enabled": true, "available": false, "needs": "NOTHING", "key": "NOT_NEEDED",
            "keyHint": null, "storable": true, "licence": "ODbL-1.0",
            "attribution": "Contains information from Open Food Facts (openfoodfacts.org), made available under the Open Database License (ODbL)" })
    );
    assert_eq!(failure(&searched(&ann, json!({ "search": "x", "providers": ["OPEN_FOOD_FACTS"] })).await), "OFF");
    assert_eq!(searched(&ann, json!({ "search": "x" })).await, json!({ "foods": [], "answers": [] }));
}

// --------------------------------------------------------------------------------------------------------- FatSecret

#[tokio::test]
async fn fatsecret_is_read_from_strings_and_single_items_and_nothing_of_it_is_stored() {
    let (app, fake) = fat_secret().await;
    let ann = app.person("ann").await;
    let yoghurt = scanned(&ann, fat_secret::YOGHURT).await;
    assert_eq!(yoghurt["food"], json!(null));
    let stated = &yoghurt["unstored"];
    assert_eq!(
        (&stated["name"], &stated["id"], &stated["storable"]),
        (&json!("Vanilla & Yoghurt"), &json!(fat_secret::YOGHURT_ID), &json!(false))
    );
    assert_eq!(
        stated["nutrition"],
        json!({ "calories": "80", "protein": "4", "sodium": "50", "vitaminC": "2", "calcium": "120" }),
        "milligrams, which version 1 would have told in percents of a day"
    );
    assert_eq!(stated["portions"], json!([{ "name": "cup", "amount": "150", "unit": "g" }]));
    assert_eq!(failure(&scanned(&ann, "4006381333931").await), "none", "211 is that it knows none");
    assert!(fake.trouble.requests().iter().skip(1).all(|line| line.contains("format=json")));

    let found = searched(&ann, json!({ "search": "apple" })).await;
    let apples = named(&found, "Apples");
    assert_eq!((&apples["servingSize"], &apples["servingUnit"], &apples["nutrition"]["fat"]), (&json!("100"), &json!("g"), &json!("0.17")));
    let salad = named(&found, "Apple salad");
    assert_eq!(
        (&salad["servingUnit"], &salad["remarks"], &salad["nutrition"]["calories"]),
        (&json!("serving"), &json!(["PER_SERVING"]), &json!("310"))
    );
    let juice = named(&found, "Apple juice");
    assert_eq!((&juice["servingUnit"], &juice["nutrition"]["calories"]), (&json!("ml"), &json!("46")));
    let one = searched(&ann, json!({ "search": "yoghurt" })).await;
    assert_eq!((one["foods"].as_array().unwrap().len(), failure(&one)), (1, "none"), "one item is no list there");
    assert_eq!(searched(&ann, json!({ "search": "nothing of that name" })).await["foods"], json!([]));

    for to in ["OWN", "CATALOGUE"] {
        let refused =
            ann.refused(SAVE, json!({ "input": { "provider": "FAT_SECRET", "providerFoodId": fat_secret::APPLE_ID, "to": to } })).await;
        assert_eq!((refused.code.as_str(), refused.message.contains("let nobody store")), ("FORBIDDEN", true));
    }
    assert_eq!(app.value::<i64>("SELECT count(*) FROM food_items WHERE source = 'fatsecret' OR name ILIKE '%yoghurt%'").await, 0);
    assert_eq!(fake.tokens_given(), 1, "a token lives for a day");
}

#[tokio::test]
async fn fatsecret_is_asked_with_thirteen_digits_whatever_was_scanned() {
    let (app, fake) = fat_secret().await;
    let ann = app.person("ann").await;
    for (scan, asked) in [
        // UPC-E, UPC-A, GTIN-8 and GTIN-13.
        ("04252614", "0042100005264"),
        ("034000470693", "0034000470693"),
        ("96385074", "0000096385074"),
        ("4006381333931", "4006381333931"),
    ] {
        fake.trouble.requests();
        assert_eq!(failure(&scanned(&ann, scan).await), "none");
        let requests = fake.trouble.requests();
        assert!(requests.iter().any(|line| line.contains(&format!("barcode={asked}&"))), "{scan}: {requests:?}");
    }
}

#[tokio::test]
async fn an_operator_who_has_a_licence_of_fatsecrets_may_store_its_foods_under_it() {
    let fake = FatSecret::start().await;
    let settings = Settings { fat_secret_licence: Some("FatSecret Premier, contract 42".into()), ..with_fat_secret(&fake) };
    let app = TestApp::with_providers(of(settings)).await;
    let ann = app.person("ann").await;
    let yoghurt = scanned(&ann, fat_secret::YOGHURT).await["food"].take();
    assert_eq!((&yoghurt["source"], &yoghurt["provenance"]["licence"]), (&json!("fatsecret"), &json!("FatSecret Premier, contract 42")));
    let apple = saved(&ann, json!({ "provider": "FAT_SECRET", "providerFoodId": fat_secret::APPLE_ID })).await;
    assert_eq!(apple["nutrition"]["calories"], "52.197802", "of the largest serving that was weighed");
    assert_eq!(
        apple["portions"],
        json!([{ "name": "medium", "amount": "182", "unit": "g" }, { "name": "slice", "amount": "28.349523", "unit": "g" }])
    );
}

#[tokio::test]
async fn a_token_of_fatsecrets_is_renewed_when_it_is_refused_and_when_it_is_old() {
    let (app, fake) = fat_secret().await;
    let ann = app.person("ann").await;
    assert_eq!(failure(&searched(&ann, json!({ "search": "apple" })).await), "none");
    fake.drops_tokens();
    assert_eq!(failure(&searched(&ann, json!({ "search": "yoghurt" })).await), "none");
    assert_eq!(fake.tokens_given(), 2);
    app.clock.advance(TimeDelta::hours(25));
    // A session of Hale's is over by then, too.
    let ben = app.person("ben").await;
    assert_eq!(failure(&searched(&ben, json!({ "search": "salad" })).await), "none");
    assert_eq!(fake.tokens_given(), 3);
}

#[tokio::test]
async fn errors_of_fatsecrets_come_with_the_status_200_and_are_told_apart() {
    let (app, fake) = fat_secret().await;
    let ann = app.person("ann").await;
    for (code, expected) in [(8, "KEY_REFUSED"), (21, "KEY_REFUSED"), (1, "UNAVAILABLE"), (13, "KEY_REFUSED")] {
        fake.errs(Some((code, "no")));
        assert_eq!(failure(&searched(&ann, json!({ "search": "apple" })).await), expected, "{code}");
    }
    fake.errs(None);
    fake.trouble.fails("/foods/search", Fault::Answers(200, "text/xml", "<?xml version=\"1.0\"?><foods/>".into()), 1);
    assert_eq!(failure(&searched(&ann, json!({ "search": "apple" })).await), "UNREADABLE");
    let own = json!({ "input": { "provider": "FAT_SECRET", "key": "client-of-ann", "secret": "nobody-knows-it" } });
    ann.ask(SET_KEY, own).await;
    assert_eq!(failure(&searched(&ann, json!({ "search": "apple" })).await), "KEY_REFUSED");
    fake.registers("client-of-ann", "nobody-knows-it");
    assert_eq!(failure(&searched(&ann, json!({ "search": "apple" })).await), "none");
    fake.errs(Some((12, "User is performing too many actions")));
    let limited = searched(&ann, json!({ "search": "salad" })).await;
    assert_eq!((failure(&limited), limited["answers"][0]["retryAfter"].as_u64().unwrap() > 0), ("RATE_LIMITED", true));
}

#[tokio::test]
async fn a_question_that_takes_several_requests_has_one_deadline() {
    let fake = FatSecret::start().await;
    let app = TestApp::with_providers(of(Settings { deadline: Duration::from_secs(2), ..with_fat_secret(&fake) })).await;
    let ann = app.person("ann").await;
    let slow = Fault::Slow(Duration::from_millis(1_200));
    fake.trouble.fails("/connect/token", slow.clone(), 1);
    fake.trouble.fails("/foods/search", slow.clone(), 1);
    assert_eq!(failure(&searched(&ann, json!({ "search": "apple" })).await), "TIMED_OUT", "a token, and then the foods");
    assert_eq!(failure(&searched(&ann, json!({ "search": "apple" })).await), "none", "the token was not got in vain");
    assert_eq!(fake.tokens_given(), 1);
    fake.trouble.fails("/barcode/find-by-id", slow.clone(), 1);
    fake.trouble.fails("/food/v3", slow, 1);
    assert_eq!(failure(&scanned(&ann, fat_secret::YOGHURT).await), "TIMED_OUT", "an id, and then its food");
}

// ------------------------------------------------------------------------------------------------------ what goes wrong

#[tokio::test]
async fn a_search_shows_what_some_found_though_another_says_nothing() {
    let (off, fdc, fat) = (OpenFoodFacts::start().await, FoodDataCentral::start().await, FatSecret::start().await);
    let settings = Settings {
        open_food_facts_url: Some(off.url.clone()),
        fdc_url: Some(fdc.url.clone()),
        deadline: Duration::from_secs(2),
        ..with_fat_secret(&fat)
    };
    let app = TestApp::with_providers(of(settings)).await;
    let ann = app.person("ann").await;
    fdc.has(json!({ "fdcId": 1, "description": "Corn cereal", "dataType": "Branded", "gtinUpc": "034000470693", "foodNutrients": [
        { "nutrient": { "id": 1008, "number": "208", "name": "Energy", "unitName": "KCAL" }, "amount": 370 }] }));
    fdc.has(json!({ "fdcId": 2, "description": "Cereal bar", "foodNutrients": [
        { "nutrient": { "id": 1008, "number": "208", "name": "Energy", "unitName": "KCAL" }, "amount": 400 }] }));
    fat.trouble.fails("/foods/search", Fault::Silence, 1);
    let found = searched(&ann, json!({ "search": "cereal" })).await;
    let seen: Vec<_> = found["foods"].as_array().unwrap().iter().map(|food| (food["provider"].clone(), food["name"].clone())).collect();
    assert_eq!(
        seen,
        [(json!("OPEN_FOOD_FACTS"), json!("Corn cereal")), (json!("FOOD_DATA_CENTRAL"), json!("Cereal bar"))],
        "one of each barcode"
    );
    let failures: Vec<_> = found["answers"].as_array().unwrap().iter().map(|answer| answer["failure"].clone()).collect();
    assert_eq!(failures, [json!(null), json!(null), json!("TIMED_OUT")]);
}

#[tokio::test]
async fn a_provider_that_fails_is_told_by_how_it_fails() {
    let (app, fake) = open_food_facts().await;
    let ann = app.person("ann").await;
    for (fault, expected) in [
        (Fault::Overloaded, "UNAVAILABLE"),
        (Fault::Oversized, "UNAVAILABLE"),
        (Fault::Elsewhere("http://127.0.0.1:9/".into()), "UNAVAILABLE"),
        (Fault::Answers(200, "text/html", "<html>Maintenance</html>".into()), "UNREADABLE"),
        (Fault::Answers(200, "application/json", "{\"products\": 5}".into()), "UNREADABLE"),
    ] {
        fake.trouble.fails("/cgi/search.pl", fault.clone(), 1);
        let found = searched(&ann, json!({ "search": "nut" })).await;
        assert_eq!((failure(&found), &found["foods"]), (expected, &json!([])), "{fault:?}");
    }
    assert_eq!(failure(&searched(&ann, json!({ "search": "nut" })).await), "none", "and none of it is remembered");
    fake.trouble.fails("/api/v2/product", Fault::TooOften(120), 1);
    let limited = scanned(&ann, open_food_facts::SPREAD).await;
    assert_eq!((failure(&limited), &limited["answers"][0]["retryAfter"]), ("RATE_LIMITED", &json!(120)));
    fake.trouble.requests();
    let again = scanned(&ann, open_food_facts::SPREAD).await;
    assert_eq!((failure(&again), fake.trouble.requests().len()), ("RATE_LIMITED", 0), "it asked to be left alone");
    let refused = ann.refused(SAVE, json!({ "input": { "provider": "OPEN_FOOD_FACTS", "providerFoodId": open_food_facts::SPREAD } })).await;
    assert_eq!(refused.code, "RATE_LIMITED");
}

#[tokio::test]
async fn a_provider_that_fails_again_and_again_is_left_alone_and_asked_again_after_a_while() {
    let fake = OpenFoodFacts::start().await;
    let settings = Settings { open_food_facts_url: Some(fake.url.clone()), rest: Duration::from_millis(300), ..settings() };
    let app = TestApp::with_providers(of(settings)).await;
    let ann = app.person("ann").await;
    fake.trouble.fails("/cgi/search.pl", Fault::Overloaded, usize::MAX);
    let mut seen = Vec::new();
    for _ in 0..100 {
        seen.push(failure(&searched(&ann, json!({ "search": "nut" })).await).to_owned());
        if seen.last().unwrap() == "RESTING" {
            break;
        }
    }
    assert_eq!((seen[..5].iter().all(|failure| failure == "UNAVAILABLE"), seen.last().unwrap().as_str()), (true, "RESTING"), "{seen:?}");
    fake.trouble.ends();
    for _ in 0..100 {
        if failure(&searched(&ann, json!({ "search": "nut" })).await) == "none" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it is never asked again");
}

#[tokio::test]
async fn all_servers_on_a_database_ask_a_provider_no_more_often_than_it_wants() {
    let fake = OpenFoodFacts::start().await;
    let limited =
        || Settings { open_food_facts_url: Some(fake.url.clone()), open_food_facts_products: "4/min".parse().unwrap(), ..settings() };
    let app = TestApp::with_providers(of(limited())).await;
    let beside = app.beside_with_providers(of(limited())).await;
    let ann = app.person("ann").await;
    let ann_there = Person { app: &beside, ..ann.clone() };
    // Two at once, and two more in the course of a minute, wherever it begins.
    assert_eq!(failure(&scanned(&ann, "4006381333931").await), "none");
    assert_eq!(failure(&scanned(&ann_there, "5449000000996").await), "none");
    let refused = scanned(&ann, "8712100849084").await;
    assert_eq!((failure(&refused), &refused["answers"][0]["retryAfter"]), ("RATE_LIMITED", &json!(30)));
    assert_eq!(failure(&scanned(&ann_there, "8712100849084").await), "RATE_LIMITED");
    assert_eq!(fake.trouble.requests().len(), 2);
    assert_eq!(failure(&searched(&ann, json!({ "search": "nut" })).await), "none", "searches are counted for themselves");
    app.clock.advance(TimeDelta::seconds(30));
    assert_eq!(failure(&scanned(&ann_there, "8712100849084").await), "none");
    assert_eq!(failure(&scanned(&ann, "8712100849084").await), "RATE_LIMITED", "it is another server, which remembers nothing of it");
}

#[tokio::test]
async fn saving_a_food_again_with_ones_own_id_makes_it_once() {
    let (app, _fake) = open_food_facts().await;
    let (ann, ben) = (app.person("ann").await, app.person("ben").await);
    let input =
        json!({ "provider": "OPEN_FOOD_FACTS", "providerFoodId": open_food_facts::SPREAD, "id": "0199c1f0-5b7e-7cc3-98c4-dc0c0c07398f" });
    let (once, again) = (saved(&ann, input.clone()).await, saved(&ann, input).await);
    assert_eq!((&once, &once["source"], &once["provenance"]["licence"]), (&again, &json!("open-food-facts"), &json!("ODbL-1.0")));
    let seen = ben.ask("{ foodByBarcode(barcode: \"3017620422003\") { id } }", json!({})).await;
    assert_eq!(seen["foodByBarcode"], json!(null), "it is Ann's own");
    let common = saved(&ben, json!({ "provider": "OPEN_FOOD_FACTS", "providerFoodId": open_food_facts::SPREAD, "to": "CATALOGUE" })).await;
    let twice = saved(&ben, json!({ "provider": "OPEN_FOOD_FACTS", "providerFoodId": open_food_facts::SPREAD, "to": "CATALOGUE" })).await;
    assert_eq!(common, twice);
    for id in ["0000000000000", "no number", "../../etc/passwd"] {
        let refused = ann.refused(SAVE, json!({ "input": { "provider": "OPEN_FOOD_FACTS", "providerFoodId": id } })).await;
        assert_eq!(refused.code, "NOT_FOUND", "{id}");
    }
}

#[tokio::test]
async fn no_transaction_is_open_while_a_provider_is_asked() {
    let fake = OpenFoodFacts::start().await;
    let settings = Settings { open_food_facts_url: Some(fake.url.clone()), deadline: Duration::from_secs(2), ..settings() };
    let app = TestApp::with_providers(of(settings)).await;
    let ann = app.person("ann").await;
    fake.trouble.fails("/cgi/search.pl", Fault::Silence, 1);
    let document =
        "{ viewer { fullName } providerFoods(search: \"nut\") { answers { failure } } foods(search: \"oats\") { nodes { id } } }";
    let asking = ann.ask(document, json!({}));
    let watching = async {
        // From when the provider was asked, for as long as it says nothing.
        while fake.trouble.requests().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        app.value::<i64>(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = 'hale_app' AND datname = current_database() AND state <> 'idle'",
        )
        .await
    };
    let (answer, open) = tokio::join!(asking, watching);
    assert_eq!((open, &answer["providerFoods"]["answers"][0]["failure"]), (0, &json!("TIMED_OUT")));
    assert_eq!(answer["viewer"]["fullName"], "ann");
}

#[tokio::test]
async fn whoever_is_not_signed_in_asks_nobody() {
    let (app, fake) = open_food_facts().await;
    let nobody = app.nobody();
    for (document, variables) in [
        (SCAN, json!({ "barcode": open_food_facts::SPREAD })),
        (SEARCH, json!({ "search": "nut" })),
        (SAVE, json!({ "input": { "provider": "OPEN_FOOD_FACTS", "providerFoodId": open_food_facts::SPREAD } })),
    ] {
        assert_eq!(nobody.refused(document, variables).await.code, "UNAUTHENTICATED");
    }
    assert_eq!(fake.trouble.requests().len(), 0);
    let ann = app.person("ann").await;
    assert_eq!(ann.refused(SCAN, json!({ "barcode": "12345" })).await.field.as_deref(), Some("barcode"));
}
