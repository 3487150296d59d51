//! A Mealie of one's own: texts for amounts, and slugs that change with the name.

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

pub const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.mealie-of-ann";
/// With amounts as people type them.
pub const CURRY: &str = "0b5fbd8e-3c07-4b3b-9a51-1d1d0b6f7a01";
/// With none at all, as version 1 has it.
pub const BREAD: &str = "0b5fbd8e-3c07-4b3b-9a51-1d1d0b6f7a02";

/// Mealie.
#[derive(Clone)]
pub struct Mealie {
    pub url: String,
    pub trouble: Trouble,
    recipes: Arc<Mutex<Vec<Value>>>,
}

fn recipes() -> Vec<Value> {
    vec![
        json!({
            "id": CURRY, "slug": "chickpea-curry", "name": "Chickpea  curry", "description": "Quick", "recipeYield": "bowls", "recipeServings": 4.0,
            "recipeYieldQuantity": 0, "orgURL": "https://example.org/curry",
            "recipeIngredient": [
                { "quantity": 400.0, "unit": { "id": "u1", "name": "gram", "abbreviation": "g" }, "food": { "id": "f1", "name": "chickpeas" }, "note": "drained",
                  "display": "400 grams chickpeas, drained", "originalText": null, "referenceId": "r1" },
                { "quantity": 1.5, "unit": null, "food": { "id": "f2", "name": "onions" }, "note": "", "display": "", "originalText": null },
                { "quantity": 0, "unit": null, "food": null, "note": "salt to taste", "display": "salt to taste" }
            ],
            "recipeInstructions": [{ "id": "i1", "title": "", "text": "Fry the onions." }, { "id": "i2", "title": "Finish", "text": "Add the rest." }],
            "nutrition": { "calories": "250 kcal", "carbohydrateContent": "30,5", "cholesterolContent": null, "fatContent": "9 g", "fiberContent": "about 7",
                "proteinContent": " 12.25 grams ", "saturatedFatContent": "", "sodiumContent": "480", "sugarContent": "5g" }
        }),
        json!({
            "id": BREAD, "slug": "bread", "name": "Bread", "description": "", "recipeYield": "12 servings", "orgURL": null,
            "recipeIngredient": [{ "quantity": "500", "unit": "g", "food": "flour", "note": null, "originalText": "500 g flour" }],
            "recipeInstructions": null, "nutrition": null
        }),
    ]
}

impl Mealie {
    pub async fn start() -> Self {
        let mut fake = Self { url: String::new(), trouble: Trouble::default(), recipes: Arc::new(Mutex::new(recipes())) };
        let router = Router::new().route("/api/recipes", get(list)).route("/api/recipes/{slug}", get(recipe)).with_state(fake.clone());
        fake.url = fake.trouble.serve(router).await;
        fake
    }

    /// Somebody renames a recipe: its slug changes too.
    pub fn renames(&self, id: &str, name: &str, slug: &str) {
        let mut recipes = self.recipes.lock().unwrap();
        let recipe = recipes.iter_mut().find(|recipe| recipe["id"] == id).unwrap();
        (recipe["name"], recipe["slug"]) = (json!(name), json!(slug));
    }
}

#[expect(clippy::result_large_err, reason = "a refusal is an answer like any other here")]
fn admitted(headers: &HeaderMap) -> Result<(), Response> {
    let expected = format!("Bearer {TOKEN}");
    let admitted = headers.get(header::AUTHORIZATION).is_some_and(|value| value == expected.as_str());
    if admitted {
        Ok(())
    } else {
        Err((StatusCode::UNAUTHORIZED, Json(json!({ "detail": "Could not validate credentials" }))).into_response())
    }
}

async fn list(State(fake): State<Mealie>, headers: HeaderMap, Query(query): Query<HashMap<String, String>>) -> Result<Response, Response> {
    admitted(&headers)?;
    let recipes = fake.recipes.lock().unwrap();
    let words = query["search"].to_lowercase();
    let found: Vec<_> = recipes.iter().filter(|recipe| recipe["name"].as_str().unwrap().to_lowercase().contains(&words)).collect();
    let (page, size): (usize, usize) = (query["page"].parse().unwrap(), query["perPage"].parse().unwrap());
    let shown: Vec<_> = found
        .iter()
        .skip((page - 1) * size)
        .take(size)
        .map(|recipe| json!({ "id": recipe["id"], "slug": recipe["slug"], "name": recipe["name"], "description": recipe["description"] }))
        .collect();
    let pages = found.len().div_ceil(size);
    Ok(Json(json!({ "page": page, "per_page": size, "total": found.len(), "total_pages": pages, "items": shown })).into_response())
}

/// By slug or by id.
async fn recipe(State(fake): State<Mealie>, headers: HeaderMap, Path(slug): Path<String>) -> Result<Response, Response> {
    admitted(&headers)?;
    let recipes = fake.recipes.lock().unwrap();
    let found = recipes.iter().find(|recipe| recipe["slug"] == slug.as_str() || recipe["id"] == slug.as_str());
    Ok(found.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |recipe| Json(recipe.clone()).into_response()))
}
