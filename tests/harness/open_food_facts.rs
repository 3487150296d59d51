//! An Open Food Facts of one's own: products as the real one has them, with what is odd about them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::trouble::Trouble;

/// Open Food Facts.
#[derive(Clone)]
pub struct OpenFoodFacts {
    pub url: String,
    pub trouble: Trouble,
    world: Arc<Mutex<World>>,
}

struct World {
    products: Vec<Value>,
    /// Whether what is not there is told as since version 3.
    misses_as_version_3: bool,
}

/// Spread of hazelnuts, with everything in it: numbers as strings, entities in names, grams of vitamins.
pub const SPREAD: &str = "3017620422003";
/// Since version 3.5: 400 kJ on the label, and 140.5 kcal computed.
pub const OLIVES: &str = "4260392550101";
/// Its label has kilojoules alone.
pub const BISCUITS: &str = "5901234123457";
/// Stated per serving, and nobody says how much that is.
pub const BAR: &str = "4000000000006";
/// Stated per serving of 40 g, by a number.
pub const CEREAL: &str = "034000470693";
/// Stated as prepared alone, per 100 ml of soup.
pub const SOUP: &str = "4000000000013";
/// Kilocalories and kilojoules in each other's place.
pub const SWAPPED: &str = "4000000000020";
/// A product of which nobody has typed in anything.
pub const EMPTY: &str = "4000000000037";
/// A beer, in millilitres, with a name in one language alone.
pub const BEER: &str = "4000000000044";
/// Per 100 ml in version 3.5, from a set that was typed in, in the units of the label.
pub const DRINK: &str = "4000000000051";

fn products() -> Vec<Value> {
    vec![
        json!({
            "code": SPREAD, "product_name": "Hazelnut &amp; Cocoa  Spread", "lc": "fr", "brands": "Noisette, Other Brand", "quantity": "400 g",
            "product_quantity": "400", "product_quantity_unit": "g", "serving_size": "1 tartine (15 g)", "serving_quantity": "15",
            "nutrition_data_per": "100g", "allergens_tags": ["en:milk", "en:nuts", "fr:inconnu"], "traces_tags": [],
            "nutriments": {
                "energy": 2252, "energy_100g": 2252, "energy_unit": "kcal", "energy-kj_100g": 2252, "energy-kcal": 539, "energy-kcal_100g": "539",
                "fat_100g": 30.9, "saturated-fat_100g": 10.6, "carbohydrates_100g": 57.5, "sugars_100g": 56.3, "proteins_100g": 6.3,
                "fiber_100g": 3, "fiber_modifier": "-", "salt_100g": 0.107, "sodium_100g": 0.0428, "sodium_unit": "mg",
                "vitamin-d_100g": 0.0000025, "vitamin-d_unit": "µg", "vitamin-c_100g": 0.012, "calcium_100g": 0.108, "iron_100g": "0.0044"
            }
        }),
        json!({
            "code": OLIVES, "product_name": "Green olives", "brands": ["Oliva", "Second"], "schema_version": 1003,
            "nutrition": {
                "aggregated_set": { "per": "100g", "preparation": "as_sold", "nutrients": {
                    "energy-kj": { "value": 400, "value_computed": 585.5, "unit": "kJ", "source": "packaging", "source_per": "100g" },
                    "energy-kcal": { "value": 140.5, "value_computed": 140.5, "unit": "kcal" },
                    "proteins": { "value": 4.5, "unit": "g" }, "carbohydrates": { "value": 10.5, "unit": "g" },
                    "fat": { "value": 8.5, "unit": "g", "modifier": "~" }, "fiber": { "value": "2", "unit": "g" },
                    "salt": { "value": 0.0502, "unit": "g" }, "sodium": { "value": 0.02008, "unit": "g" }
                } },
                "input_sets": [{ "per": "100g", "per_quantity": 100, "per_unit": "g", "preparation": "as_sold", "source": "packaging", "nutrients": {
                    "energy-kj": { "value": 400, "value_string": "400", "value_computed": 585.5, "unit": "kJ" },
                    "salt": { "value": 50.2, "value_string": "50.2", "unit": "mg" }
                } }]
            }
        }),
        json!({
            "code": BISCUITS, "product_name": "Butter biscuits",
            "nutriments": { "energy_100g": 400, "energy": 400, "energy_unit": "kJ", "fat_100g": 2, "salt_100g": 1.2 }
        }),
        json!({
            "code": BAR, "product_name": "Nut bar", "nutrition_data_per": "serving", "serving_size": "1 bar", "serving_quantity": 0,
            "nutriments": { "energy-kcal_serving": 190, "proteins_serving": 6, "carbohydrates_serving": 15, "fat_serving": 12, "sodium_serving": 0.11 }
        }),
        json!({
            "code": "0034000470693", "product_name": "Corn cereal", "nutrition_data_per": "serving", "serving_size": "40 g", "serving_quantity": 40,
            "nutriments": { "energy-kcal_serving": "150", "carbohydrates-total_serving": 33.6, "proteins_serving": 2.8, "fat_serving": 0.4 }
        }),
        json!({
            "code": SOUP, "product_name": "Tomato soup", "nutrition_data_prepared_per": "100g", "product_quantity_unit": "l", "product_quantity": 0.5,
            "nutriments": { "energy-kcal_prepared_100g": 32, "carbohydrates_prepared_100g": 6, "proteins_prepared_100g": 0.8, "fat_prepared_100g": 0.5 }
        }),
        json!({
            "code": SWAPPED, "product_name": "Crackers",
            "nutriments": { "energy-kcal_100g": 1883, "energy-kj_100g": 450, "fat_100g": 16, "carbohydrates_100g": 64, "proteins_100g": 10 }
        }),
        json!({ "code": EMPTY, "product_name": "", "nutriments": {} }),
        json!({
            "code": BEER, "product_name": "", "product_name_de": "Helles &quot;Hausbräu&quot;", "lc": "de", "product_quantity": "500",
            "product_quantity_unit": "ml", "serving_quantity_unit": "ml",
            "nutriments": { "energy-kcal_100g": 42, "carbohydrates_100g": 3.6, "proteins_100g": 0.5, "fat_100g": 0, "alcohol_100g": 5, "alcohol_unit": "% vol" }
        }),
        json!({
            "code": DRINK, "product_name": "Isotonic drink",
            "nutrition": { "aggregated_set": null, "input_sets": [
                { "per": "serving", "per_quantity": null, "preparation": "as_sold", "nutrients": { "energy-kcal": { "value": 120, "unit": "kcal" } } },
                { "per": "100ml", "per_quantity": "100", "per_unit": "ml", "preparation": "as_sold", "nutrients": {
                    "energy-kcal": { "value": "24", "unit": "kcal" }, "carbohydrates": { "value": 6, "unit": "g" },
                    "sodium": { "value": 50, "unit": "mg" }, "proteins": { "value": null, "unit": "g" } } }
            ] }
        }),
    ]
}

impl OpenFoodFacts {
    pub async fn start() -> Self {
        let (trouble, world) = (Trouble::default(), Arc::new(Mutex::new(World { products: products(), misses_as_version_3: false })));
        let mut fake = Self { url: String::new(), trouble, world };
        let router =
            Router::new().route("/api/v2/product/{code}", get(product)).route("/cgi/search.pl", get(search)).with_state(fake.clone());
        fake.url = fake.trouble.serve(router).await;
        fake
    }

    /// Somebody types in a product.
    pub fn has(&self, product: Value) {
        self.world.lock().unwrap().products.push(product);
    }

    /// What is not there is told as since version 3 from now on.
    pub fn misses_as_version_3(&self) {
        self.world.lock().unwrap().misses_as_version_3 = true;
    }
}

/// Whoever does not say who they are is taken for a robot.
#[expect(clippy::result_large_err, reason = "a refusal is an answer like any other here")]
fn admitted(headers: &HeaderMap) -> Result<(), Response> {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    let told = agent.starts_with("Hale/") && agent.contains("(ops@example.org)");
    if told { Ok(()) } else { Err((StatusCode::FORBIDDEN, "<html>Are you a robot?</html>").into_response()) }
}

/// Of a product what was asked for.
fn selected(product: &Value, query: &HashMap<String, String>) -> Value {
    let fields: Vec<&str> = query["fields"].split(',').collect();
    let asked = |name: &str| fields.contains(&name) || name.starts_with("product_name_") && fields.contains(&"product_name");
    let kept = product.as_object().unwrap().iter().filter(|(name, _)| asked(name));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// One product whatever zeros its code begins with.
fn normal(code: &str) -> String {
    let digits = code.trim_start_matches('0');
    if digits.len() <= 8 { format!("{digits:0>8}") } else { format!("{digits:0>13}") }
}

async fn product(
    State(fake): State<OpenFoodFacts>,
    headers: HeaderMap,
    Path(code): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Response> {
    admitted(&headers)?;
    let world = fake.world.lock().unwrap();
    let found = world.products.iter().find(|product| normal(product["code"].as_str().unwrap()) == normal(&code));
    let missing = || match world.misses_as_version_3 {
        true => json!({ "code": code, "status": "failure", "result": { "id": "product_not_found", "name": "Product not found" },
            "errors": [{ "field": { "id": "code", "value": code }, "impact": { "id": "failure" }, "message": { "id": "product_not_found" } }], "warnings": [] }),
        false => json!({ "code": code, "status": 0, "status_verbose": "product not found" }),
    };
    Ok(match found {
        Some(product) => {
            Json(json!({ "code": product["code"], "product": selected(product, &query), "status": 1, "status_verbose": "product found" }))
                .into_response()
        }
        None => (StatusCode::NOT_FOUND, Json(missing())).into_response(),
    })
}

async fn search(
    State(fake): State<OpenFoodFacts>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Response> {
    admitted(&headers)?;
    // Without these the answer is a page for people.
    if (query["json"].as_str(), query["action"].as_str(), query["search_simple"].as_str()) != ("1", "process", "1") {
        return Ok("<html>Results</html>".into_response());
    }
    let (page, size): (usize, usize) = (query["page"].parse().unwrap(), query["page_size"].parse().unwrap());
    let world = fake.world.lock().unwrap();
    let words = query["search_terms"].to_lowercase();
    let named = |product: &&Value| product.to_string().to_lowercase().contains(&words);
    let found: Vec<_> = world.products.iter().filter(named).map(|product| selected(product, &query)).collect();
    let shown: Vec<_> = found.iter().skip((page - 1) * size).take(size).cloned().collect();
    // The count is a string in some versions.
    Ok(Json(json!({ "count": found.len().to_string(), "page": page, "page_count": shown.len(), "page_size": size, "skip": 0, "products": shown })).into_response())
}
