//! A Tandoor of one's own: names in another language, sums of the whole recipe, and slashes.

use std::collections::HashMap;

use axum::{
    Json, Router,
    extract::{Path, Query},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::trouble::Trouble;

pub const TOKEN: &str = "tda_0123456789abcdef";
/// Sums of its foods under German names, one of them with a food that is unknown.
pub const STEW: u64 = 7;
/// What older versions hold.
pub const CAKE: u64 = 8;
/// Sums, and nobody says for how many.
pub const SAUCE: u64 = 9;

/// Tandoor.
#[derive(Clone)]
pub struct Tandoor {
    pub url: String,
    pub trouble: Trouble,
}

fn sums() -> Value {
    json!({
        "1": { "id": 1, "name": "Kalorien", "unit": "kcal", "order": 0, "total_value": 2000.0, "missing_value": false, "food_values": { "3": { "value": 2000, "food": "Linsen" } } },
        "2": { "id": 2, "name": "Eiweiß", "unit": "g", "order": 1, "total_value": "96.4", "missing_value": true, "food_values": {} },
        "3": { "id": 3, "name": "Salz", "unit": "g", "order": 2, "total_value": 8, "missing_value": false, "food_values": {} },
        "4": { "id": 4, "name": "Natrium", "unit": "g", "order": 3, "total_value": 3.2, "missing_value": false, "food_values": {} },
        "5": { "id": 5, "name": "Fett", "unit": null, "order": 4, "total_value": 0, "missing_value": true, "food_values": {} }
    })
}

fn recipe(id: u64) -> Option<Value> {
    let ingredient = |food: &str, unit: Value, amount: Value, no_amount: bool| json!({ "food": { "id": 3, "name": food }, "unit": unit, "amount": amount, "note": "", "no_amount": no_amount, "is_header": false });
    let stew = [
        ingredient("Linsen", json!({ "id": 1, "name": "g" }), json!(500.0), false),
        ingredient("Salz", Value::Null, json!(0), true),
        json!({ "food": null, "unit": null, "amount": 0, "note": "For the top", "is_header": true, "no_amount": true }),
    ];
    Some(match id {
        STEW => json!({
            "id": id, "name": "Linseneintopf", "description": null, "servings": 4, "servings_text": "Teller", "source_url": "https://example.org/stew",
            "steps": [{ "name": "Vorbereiten", "instruction": "Kochen.", "ingredients": stew }, { "name": "", "instruction": "", "ingredients": [] }],
            "nutrition": null, "properties": [], "food_properties": sums()
        }),
        CAKE => json!({
            "id": id, "name": "Kuchen", "servings": 12, "servings_text": "", "steps": [], "properties": [
                { "id": 1, "property_amount": 21.5, "property_type": { "id": 6, "name": "Zucker", "unit": "g", "fdc_id": 2000, "open_data_slug": null } }
            ],
            "nutrition": { "carbohydrates": "40.5", "fats": 12, "proteins": 5, "calories": 290 }, "food_properties": {}
        }),
        SAUCE => {
            json!({ "id": id, "name": "Soße", "servings": 0, "steps": [], "nutrition": null, "properties": [], "food_properties": sums() })
        }
        _ => return None,
    })
}

/// The types of what is summed: what they are is told by ids of FoodData Central and by names in the open data, not by those of the space.
fn types() -> Value {
    json!([
        { "id": 1, "name": "Kalorien", "unit": "kcal", "fdc_id": 1008, "open_data_slug": "property-calories" },
        { "id": 2, "name": "Eiweiß", "unit": "g", "fdc_id": null, "open_data_slug": "property-proteins" },
        { "id": 3, "name": "Salz", "unit": "g", "fdc_id": null, "open_data_slug": null },
        { "id": 4, "name": "Natrium", "unit": "g", "fdc_id": 1093, "open_data_slug": null },
        { "id": 5, "name": "Fett", "unit": null, "fdc_id": 1004, "open_data_slug": "property-fats" }
    ])
}

impl Tandoor {
    pub async fn start() -> Self {
        let trouble = Trouble::default();
        let router = Router::new()
            .route("/api/recipe/", get(list))
            .route("/api/recipe/{id}/", get(one))
            .route("/api/property-type/", get(property_types))
            // A proxy that sends on what lacks its slash, to an address of its own.
            .route(
                "/api/recipe",
                get(|| async { (StatusCode::MOVED_PERMANENTLY, [(header::LOCATION, "http://127.0.0.1:9/api/recipe/")]) }),
            );
        let url = trouble.serve(router).await;
        Self { url, trouble }
    }
}

#[expect(clippy::result_large_err, reason = "a refusal is an answer like any other here")]
fn admitted(headers: &HeaderMap) -> Result<(), Response> {
    let expected = format!("Bearer {TOKEN}");
    let admitted = headers.get(header::AUTHORIZATION).is_some_and(|value| value == expected.as_str());
    if admitted { Ok(()) } else { Err((StatusCode::FORBIDDEN, Json(json!({ "detail": "Invalid token." }))).into_response()) }
}

async fn list(headers: HeaderMap, Query(query): Query<HashMap<String, String>>) -> Result<Response, Response> {
    admitted(&headers)?;
    let words = query["query"].to_lowercase();
    let all = [STEW, CAKE, SAUCE].into_iter().filter_map(recipe);
    let found: Vec<_> = all.filter(|recipe| recipe["name"].as_str().unwrap().to_lowercase().contains(&words)).collect();
    let (page, size): (usize, usize) = (query["page"].parse().unwrap(), query["page_size"].parse().unwrap());
    let shown: Vec<_> = found.iter().skip((page - 1) * size).take(size).map(|it| json!({ "id": it["id"], "name": it["name"] })).collect();
    let next = (page * size < found.len()).then(|| format!("http://elsewhere/api/recipe/?page={}", page + 1));
    Ok(Json(json!({ "count": found.len(), "next": next, "previous": null, "results": shown })).into_response())
}

async fn one(headers: HeaderMap, Path(id): Path<u64>) -> Result<Response, Response> {
    admitted(&headers)?;
    Ok(recipe(id).map_or_else(|| StatusCode::NOT_FOUND.into_response(), |recipe| Json(recipe).into_response()))
}

async fn property_types(headers: HeaderMap) -> Result<Response, Response> {
    admitted(&headers)?;
    Ok(Json(types()).into_response())
}
