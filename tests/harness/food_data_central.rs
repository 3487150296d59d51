//! A FoodData Central of one's own: the same record in full and flattened, and keys.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::trouble::Trouble;

/// A key that is accepted, and one that was.
pub const KEY: &str = "key-of-the-operator-0001";
pub const DISABLED_KEY: &str = "key-that-was-disabled-0002";

/// A food of Foundation, which has no energy 1008.
pub const HUMMUS: u64 = 321_358;
/// One of SR Legacy.
pub const APPLE: u64 = 171_688;
/// Labels of one barcode, the newer one last.
pub const OLD_LABEL: u64 = 400_001;
pub const NEW_LABEL: u64 = 400_002;
pub const CHIPS: &str = "00028400090858";
/// A label of which nothing is known but a serving.
pub const LABEL_ALONE: u64 = 400_003;
/// A food of surveys with portions.
pub const SURVEY: u64 = 2_705_383;
/// One with its energy in kilojoules alone, and vitamin D in international units.
pub const MILK: u64 = 400_004;

/// FoodData Central.
#[derive(Clone)]
pub struct FoodDataCentral {
    pub url: String,
    pub trouble: Trouble,
    foods: Arc<Mutex<Vec<Value>>>,
    keys: Arc<Mutex<Vec<String>>>,
}

fn nutrient(id: u32, number: &str, unit: &str, amount: impl Into<Value>) -> Value {
    json!({ "type": "FoodNutrient", "nutrient": { "id": id, "number": number, "name": "x", "unitName": unit }, "amount": amount.into() })
}

fn foods() -> Vec<Value> {
    vec![
        json!({
            "fdcId": HUMMUS, "description": "Hummus, commercial", "dataType": "Foundation", "publicationDate": "4/1/2019",
            "foodNutrients": [
                nutrient(2047, "957", "kcal", 243), nutrient(2048, "958", "kcal", 229), nutrient(1062, "268", "kJ", 958),
                nutrient(1003, "203", "g", 7.35), nutrient(1004, "204", "g", 17.1), nutrient(1005, "205", "g", 14.9),
                nutrient(1063, "269.3", "g", 0.34), nutrient(1093, "307", "mg", 438), nutrient(1114, "328", "µg", 0), nutrient(1110, "324", "IU", 0)
            ],
            "foodPortions": [{ "gramWeight": 33.9, "amount": 2.0, "modifier": "", "measureUnit": { "name": "tablespoon" } }]
        }),
        json!({
            "fdcId": APPLE, "description": "Apples, raw, with skin", "dataType": "SR Legacy",
            "foodNutrients": [
                nutrient(1008, "208", "KCAL", 52), nutrient(1003, "203", "G", 0.26), nutrient(1004, "204", "G", 0.17), nutrient(1005, "205", "G", 13.81),
                nutrient(1079, "291", "G", 2.4), nutrient(2000, "269", "G", 10.39), nutrient(1093, "307", "MG", 1), nutrient(1162, "401", "MG", 4.6),
                nutrient(1106, "320", "UG", 3), nutrient(1104, "318", "IU", 54), nutrient(1109, "323", "MG_ATE", 0.18), nutrient(208, "1008", "kcal", 9999)
            ],
            "foodPortions": [{ "gramWeight": 182, "amount": 1, "modifier": "medium", "measureUnit": { "name": "undetermined" } }]
        }),
        json!({
            "fdcId": OLD_LABEL, "description": "POTATO CHIPS, OLD", "dataType": "Branded", "gtinUpc": "028400090858", "brandOwner": "Chips Inc.",
            "publishedDate": "2019-04-01", "servingSize": 28, "servingSizeUnit": "g", "foodNutrients": [nutrient(1008, "208", "KCAL", 571)]
        }),
        json!({
            "fdcId": NEW_LABEL, "description": "POTATO CHIPS", "dataType": "Branded", "gtinUpc": "0028400090858", "brandOwner": "Chips Inc.", "brandName": "",
            "publishedDate": "2023-10-26", "servingSize": 28.0, "servingSizeUnit": "GRM", "householdServingFullText": "15 chips",
            "foodNutrients": [
                nutrient(1008, "208", "KCAL", 536), nutrient(1003, "203", "G", 7.14), nutrient(1004, "204", "G", 35.71), nutrient(1005, "205", "G", 53.57),
                nutrient(1093, "307", "MG", 607)
            ],
            "labelNutrients": { "calories": { "value": 150 }, "fat": { "value": 10 }, "postassium": { "value": 350 } }
        }),
        json!({
            "fdcId": LABEL_ALONE, "description": "COLA", "dataType": "Branded", "gtinUpc": "049000028904", "brandOwner": "Cola Co.",
            "servingSize": 355, "servingSizeUnit": "ml", "foodNutrients": [],
            "labelNutrients": { "calories": { "value": 142 }, "carbohydrates": { "value": 39.05 }, "sodium": { "value": 46.15 }, "postassium": { "value": 0 } }
        }),
        json!({
            "fdcId": SURVEY, "description": "Milk, human", "dataType": "Survey (FNDDS)",
            "foodNutrients": [nutrient(1008, "208", "kcal", 70), nutrient(1003, "203", "g", 1.03)],
            "foodPortions": [
                { "gramWeight": 30.8, "portionDescription": "1 fl oz", "modifier": "30000", "measureUnit": { "name": "undetermined" } },
                { "gramWeight": 246, "portionDescription": "Quantity not specified", "modifier": "90000", "measureUnit": { "name": "undetermined" } }
            ]
        }),
        json!({
            "fdcId": MILK, "description": "MILK, WHOLE", "dataType": "Branded", "gtinUpc": "00041303001806", "brandName": "Dairy", "servingSize": "240",
            "servingSizeUnit": "MLT", "householdServingFullText": "1 cup",
            "foodNutrients": [nutrient(1062, "268", "kJ", "262"), nutrient(1003, "203", "G", "3.3"), nutrient(1110, "324", "IU", 52)]
        }),
    ]
}

impl FoodDataCentral {
    pub async fn start() -> Self {
        let keys = Arc::new(Mutex::new(vec![KEY.to_owned()]));
        let mut fake = Self { url: String::new(), trouble: Trouble::default(), foods: Arc::new(Mutex::new(foods())), keys };
        let router =
            Router::new().route("/fdc/v1/foods/search", get(search)).route("/fdc/v1/food/{id}", get(food)).with_state(fake.clone());
        fake.url = format!("{}/fdc/v1", fake.trouble.serve(router).await);
        fake
    }

    /// Somebody signs up for a key.
    pub fn gives_key(&self, key: &str) {
        self.keys.lock().unwrap().push(key.to_owned());
    }

    /// A food is published.
    pub fn has(&self, food: Value) {
        self.foods.lock().unwrap().push(food);
    }

    #[expect(clippy::result_large_err, reason = "a refusal is an answer like any other here")]
    fn admits(&self, headers: &HeaderMap, query: &HashMap<String, String>) -> Result<(), Response> {
        let key = headers.get("x-api-key").and_then(|key| key.to_str().ok()).or(query.get("api_key").map(String::as_str));
        let code = match key {
            Some(key) if self.keys.lock().unwrap().iter().any(|known| known == key) => return Ok(()),
            Some(DISABLED_KEY) => "API_KEY_DISABLED",
            Some(_) => "API_KEY_INVALID",
            None => "API_KEY_MISSING",
        };
        Err((StatusCode::FORBIDDEN, Json(json!({ "error": { "code": code, "message": "get a key at https://api.data.gov/signup" } })))
            .into_response())
    }
}

/// A food as it is in a list that was searched for.
fn flat(food: &Value) -> Value {
    let mut flat = food.clone();
    let nutrients = food["foodNutrients"].as_array().unwrap().iter().map(|stated| {
        let of = &stated["nutrient"];
        json!({ "nutrientId": of["id"], "nutrientNumber": of["number"], "nutrientName": of["name"], "unitName": of["unitName"], "value": stated["amount"] })
    });
    flat["foodNutrients"] = nutrients.collect();
    flat.as_object_mut().unwrap().remove("foodPortions");
    flat
}

async fn search(
    State(fake): State<FoodDataCentral>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Response> {
    fake.admits(&headers, &query)?;
    let all_words = query.get("requireAllWords").is_some_and(|all| all == "true");
    let words: Vec<_> = query["query"].to_lowercase().split_whitespace().map(str::to_owned).collect();
    let matches = |food: &&Value| {
        let text = format!("{} {} {}", food["description"], food["gtinUpc"], food["brandOwner"]).to_lowercase().replace('"', " ");
        let holds = |word: &String| text.split(|c: char| !c.is_alphanumeric()).any(|known| known == word);
        let kind = query.get("dataType").is_none_or(|kinds| kinds.split(',').any(|kind| food["dataType"] == kind));
        kind && if all_words { words.iter().all(holds) } else { words.iter().any(holds) }
    };
    let foods = fake.foods.lock().unwrap();
    let found: Vec<_> = foods.iter().filter(matches).map(flat).collect();
    let (page, size): (usize, usize) =
        (query.get("pageNumber").map_or(1, |page| page.parse().unwrap()), query["pageSize"].parse().unwrap());
    let shown: Vec<_> = found.iter().skip((page - 1) * size).take(size).cloned().collect();
    Ok(Json(json!({ "totalHits": found.len(), "currentPage": page, "totalPages": found.len().div_ceil(size), "foods": shown }))
        .into_response())
}

async fn food(
    State(fake): State<FoodDataCentral>,
    headers: HeaderMap,
    Path(id): Path<u64>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Response> {
    fake.admits(&headers, &query)?;
    let foods = fake.foods.lock().unwrap();
    let found = foods.iter().find(|food| food["fdcId"] == id);
    Ok(found.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |food| Json(food.clone()).into_response()))
}
