//! A FatSecret of one's own: tokens, strings for numbers, errors with the status 200, and XML unless asked otherwise.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Form, Json, Router,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::trouble::Trouble;

pub const CLIENT: &str = "client-of-the-operator";
pub const SECRET: &str = "secret-of-the-operator";

/// A food with one serving, of which there is an object and no list.
pub const YOGHURT: &str = "4000000000068";
pub const YOGHURT_ID: &str = "33691";
/// One with several.
pub const APPLE_ID: &str = "35718";
/// One whose serving nobody weighed.
pub const SALAD_ID: &str = "40001";

/// FatSecret.
#[derive(Clone)]
pub struct FatSecret {
    pub url: String,
    pub token_url: String,
    pub trouble: Trouble,
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    clients: Vec<(String, String)>,
    tokens: Vec<String>,
    given: u32,
    error: Option<(u32, &'static str)>,
}

fn servings(id: &str) -> Option<(&'static str, Value)> {
    let apple = |id: &str, description: &str, grams: &str, calories: &str, fat: &str| {
        json!({ "serving_id": id, "serving_description": description, "metric_serving_amount": grams, "metric_serving_unit": "g", "number_of_units": "1.000",
            "measurement_description": description, "calories": calories, "carbohydrate": "25.13", "protein": "0.47", "fat": fat, "fiber": "4.4", "sugar": "18.91",
            "sodium": "2", "potassium": "195", "vitamin_a": "5", "vitamin_c": "8.4", "calcium": "11", "iron": "0.22" })
    };
    Some(match id {
        YOGHURT_ID => (
            "Vanilla &amp; Yoghurt",
            json!({ "serving_id": "1", "serving_description": "1 cup", "metric_serving_amount": "150.000", "metric_serving_unit": "g", "number_of_units": "1.000",
                "calories": "120", "carbohydrate": "15.00", "protein": "6.00", "fat": "4.50", "sodium": "75", "vitamin_c": "3", "calcium": "180", "iron": "0.3" }),
        ),
        APPLE_ID => (
            "Apples",
            json!([
                apple("1", "1 medium", "182.000", "95", "0.31"),
                { "serving_id": "2", "serving_description": "1 slice", "metric_serving_amount": "1.000", "metric_serving_unit": "oz", "calories": "15" },
                { "serving_id": "3", "serving_description": "1 serving", "calories": "72" }
            ]),
        ),
        SALAD_ID => (
            "House salad",
            json!({ "serving_id": "1", "serving_description": "1 serving", "calories": "310", "protein": "9.0", "fat": "21.0", "carbohydrate": "22.0" }),
        ),
        _ => return None,
    })
}

impl FatSecret {
    pub async fn start() -> Self {
        let clients = vec![(CLIENT.to_owned(), SECRET.to_owned())];
        let world = Arc::new(Mutex::new(World { clients, ..World::default() }));
        let mut fake = Self { url: String::new(), token_url: String::new(), trouble: Trouble::default(), world };
        let router = Router::new()
            .route("/connect/token", post(token))
            .route("/rest/foods/search/v1", get(search))
            .route("/rest/food/v1", get(food_1))
            .route("/rest/food/v3", get(food_3))
            .route("/rest/food/barcode/find-by-id/v1", get(barcode))
            .with_state(fake.clone());
        let url = fake.trouble.serve(router).await;
        fake.url = format!("{url}/rest");
        fake.token_url = format!("{url}/connect/token");
        fake
    }

    /// Tokens are refused from now on, before their time.
    pub fn drops_tokens(&self) {
        self.world.lock().unwrap().tokens.clear();
    }

    /// How many tokens were given.
    pub fn tokens_given(&self) -> u32 {
        self.world.lock().unwrap().given
    }

    /// Somebody registers a client.
    pub fn registers(&self, client: &str, secret: &str) {
        self.world.lock().unwrap().clients.push((client.to_owned(), secret.to_owned()));
    }

    /// Every request is answered with this error from now on, and the status 200; `None` ends it.
    pub fn errs(&self, error: Option<(u32, &'static str)>) {
        self.world.lock().unwrap().error = error;
    }

    #[expect(clippy::result_large_err, reason = "a refusal is an answer like any other here")]
    fn admits(&self, headers: &HeaderMap, query: &HashMap<String, String>) -> Result<(), Response> {
        if query.get("format").is_none_or(|format| format != "json") {
            let xml = "<?xml version=\"1.0\"?><food xmlns=\"http://platform.fatsecret.com/api/1.0/\"></food>";
            return Err(([(header::CONTENT_TYPE, "text/xml")], xml).into_response());
        }
        let world = self.world.lock().unwrap();
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        if !token.is_some_and(|token| world.tokens.iter().any(|known| known == token)) {
            return Err(error(13, "Invalid token: Invalid or expired token"));
        }
        world.error.map_or(Ok(()), |(code, message)| Err(error(code, message)))
    }
}

/// An error, as it is told: with the status 200.
fn error(code: u32, message: &str) -> Response {
    Json(json!({ "error": { "code": code, "message": message } })).into_response()
}

async fn token(State(fake): State<FatSecret>, headers: HeaderMap, Form(form): Form<HashMap<String, String>>) -> Response {
    let mut world = fake.world.lock().unwrap();
    let basic = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let known =
        basic.is_some_and(|basic| world.clients.iter().any(|(id, secret)| basic == BASE64_STANDARD.encode(format!("{id}:{secret}"))));
    if !known || form.get("grant_type").is_none_or(|grant| grant != "client_credentials") {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_client" }))).into_response();
    }
    world.given += 1;
    let token = format!("token-{}", world.given);
    world.tokens.push(token.clone());
    Json(json!({ "access_token": token, "expires_in": 86_400, "token_type": "Bearer", "scope": form["scope"] })).into_response()
}

type Asked = (State<FatSecret>, HeaderMap, Query<HashMap<String, String>>);

fn food(id: &str, change: impl Fn(&mut Value)) -> Response {
    let Some((name, mut serving)) = servings(id) else { return error(106, "Invalid ID: food_id") };
    change(&mut serving);
    Json(json!({ "food": { "food_id": id, "food_name": name, "food_type": "Generic", "food_url": "https://example.org", "servings": { "serving": serving } } })).into_response()
}

/// The first version: A, C, calcium and iron in percents of a day.
async fn food_1((State(fake), headers, Query(query)): Asked) -> Result<Response, Response> {
    fake.admits(&headers, &query)?;
    Ok(food(&query["food_id"], |serving| {
        for name in ["vitamin_a", "vitamin_c", "calcium", "iron"] {
            if let Some(serving) = serving.as_object_mut() {
                serving.insert(name.to_owned(), json!("15"));
            }
        }
    }))
}

async fn food_3((State(fake), headers, Query(query)): Asked) -> Result<Response, Response> {
    fake.admits(&headers, &query)?;
    Ok(food(&query["food_id"], |_| {}))
}

async fn barcode((State(fake), headers, Query(query)): Asked) -> Result<Response, Response> {
    fake.admits(&headers, &query)?;
    let code = &query["barcode"];
    Ok(match code.as_str() {
        code if code.len() != 13 => error(107, "Value out of range: barcode"),
        YOGHURT => Json(json!({ "food_id": { "value": YOGHURT_ID } })).into_response(),
        _ => error(211, "No food item detected"),
    })
}

async fn search((State(fake), headers, Query(query)): Asked) -> Result<Response, Response> {
    fake.admits(&headers, &query)?;
    let row = |id: &str, name: &str, description: &str| json!({ "food_id": id, "food_name": name, "food_type": "Generic", "food_description": description });
    let rows = [
        row(APPLE_ID, "Apples", "Per 100g - Calories: 52kcal | Fat: 0.17g | Carbs: 13.81g | Protein: 0.26g"),
        row(SALAD_ID, "Apple salad", "Per 1 serving - Calories: 310kcal | Fat: 21.00g | Carbs: 22.00g | Protein: 9.00g"),
        row("40002", "Apple juice", "Per 200 ml - Calories: 92kcal | Fat: 0.26g | Carbs: 22.60g | Protein: 0.20g | from concentrate"),
        row(YOGHURT_ID, "Vanilla &amp; Yoghurt", "Per 1 cup - Calories: 120kcal | Fat: 4.50g | Carbs: 15.00g | Protein: 6.00g"),
    ];
    let words = query["search_expression"].to_lowercase();
    let found: Vec<_> = rows.into_iter().filter(|row| row["food_name"].as_str().unwrap().to_lowercase().contains(&words)).collect();
    let (page, size): (usize, usize) = (query["page_number"].parse().unwrap(), query["max_results"].parse().unwrap());
    let mut shown: Vec<_> = found.iter().skip(page * size).take(size).cloned().collect();
    let mut foods =
        json!({ "max_results": query["max_results"], "page_number": query["page_number"], "total_results": found.len().to_string() });
    match shown.len() {
        0 => {}
        1 => foods["food"] = shown.remove(0),
        _ => foods["food"] = shown.into(),
    }
    Ok(Json(json!({ "foods": foods })).into_response())
}
