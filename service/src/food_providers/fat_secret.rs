//! FatSecret Platform, by OAuth 2.0 client credentials. Its terms let ids be stored and nothing else.
//!
//! Numbers arrive as strings, a list of one as its item, and errors with the status 200. XML is what it speaks unless asked.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use entity::{
    food_provider_settings::FoodProvider,
    nutrition_data::{Basis, CarbohydrateBasis},
    unit::Unit,
};
use reqwest::Client;
use rust_decimal::Decimal;
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    Asking, Credential, FoodCatalogue, Found,
    failure::Failure,
    provider_food::{Amounts, Described, Loose, OneOrMany, ProviderFood, plain},
};
use crate::{
    catalogue::{amount, portion},
    error::Result,
    provider::Provider,
};

const PAGE: u32 = 20;
const SCOPES: &str = "basic premier barcode localization";
/// A token is not used up to its last moment.
const EARLY: TimeDelta = TimeDelta::minutes(1);

/// The amounts of a serving since version 2, with code and unit as stored. Until then A, C, calcium and iron were percents of a day.
const NUTRIENTS: [(&str, &str); 19] = [
    ("calories", "ENERC_KCAL"),
    ("protein", "PROCNT"),
    ("carbohydrate", "CHOCDF"),
    ("fat", "FAT"),
    ("fiber", "FIBTG"),
    ("sugar", "SUGAR"),
    ("sodium", "NA"),
    ("saturated_fat", "FASAT"),
    ("polyunsaturated_fat", "FAPU"),
    ("monounsaturated_fat", "FAMS"),
    ("trans_fat", "FATRN"),
    ("added_sugars", "SUGAD"),
    ("cholesterol", "CHOLE"),
    ("potassium", "K"),
    ("vitamin_a", "VITA_RAE"),
    ("vitamin_c", "VITC"),
    ("vitamin_d", "VITD"),
    ("calcium", "CA"),
    ("iron", "FE"),
];

/// FatSecret, as Hale's own client.
pub(super) struct FatSecret {
    provider: Provider,
    url: String,
    token_url: String,
    tokens: Mutex<HashMap<Credential, Token>>,
}

#[derive(Clone)]
struct Token {
    text: String,
    until: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: i64,
}

/// What every answer may be in place of what was asked for.
#[derive(Deserialize)]
struct Answered {
    error: Option<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    #[serde(default)]
    code: Loose,
}

impl FatSecret {
    /// A client of the API at `url`, with tokens from `token_url`.
    pub fn new(client: Client, url: String, token_url: String, rest: Duration) -> Self {
        Self { provider: Provider::over("FatSecret", client, rest), url, token_url, tokens: Mutex::default() }
    }

    fn forget(&self, credential: &Credential) {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner).remove(credential);
    }

    async fn token(&self, credential: &Credential, asking: &Asking<'_>) -> Result<String, Failure> {
        let now = asking.now;
        let known = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(credential).cloned();
        if let Some(token) = known.filter(|token| token.until > now) {
            return Ok(token.text);
        }
        let request = self
            .provider
            .client()
            .post(&self.token_url)
            .basic_auth(&credential.key, credential.secret.as_deref())
            .form(&[("grant_type", "client_credentials"), ("scope", SCOPES)])
            .timeout(asking.left()?);
        let answer = self.provider.send(request).await?;
        let granted: Granted = match answer.status {
            200..=299 => answer.json()?,
            400 | 401 | 403 => return Err(Failure::KeyRefused),
            429 => return Err(Failure::limited(&answer)),
            _ => return Err(Failure::Unavailable),
        };
        let until = now + TimeDelta::seconds(granted.expires_in.clamp(0, 86_400)) - EARLY;
        let token = Token { text: granted.access_token, until };
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, token| token.until > now);
        tokens.insert(credential.clone(), token.clone());
        Ok(token.text)
    }

    /// What is answered at `path`; `None` where it says that there is no such thing. A token that is refused before its time is
    /// replaced once.
    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)], asking: &Asking<'_>) -> Result<Option<T>, Failure> {
        let credential = asking.credential.ok_or(Failure::NoKey)?;
        match self.get_once(path, query, credential, asking).await {
            Err(Refusal::Token) => {
                self.forget(credential);
                self.get_once(path, query, credential, asking).await.map_err(|refusal| match refusal {
                    Refusal::Token => Failure::KeyRefused,
                    Refusal::For(failure) => failure,
                })
            }
            Err(Refusal::For(failure)) => Err(failure),
            Ok(answer) => Ok(answer),
        }
    }

    async fn get_once<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        credential: &Credential,
        asking: &Asking<'_>,
    ) -> Result<Option<T>, Refusal> {
        let token = self.token(credential, asking).await?;
        let request = self.provider.client().get(format!("{}{path}", self.url)).query(query).query(&[("format", "json")]);
        let answer = self.provider.send(request.bearer_auth(token).timeout(asking.left()?)).await.map_err(Failure::from)?;
        match answer.status {
            200..=299 => {}
            401 => return Err(Refusal::Token),
            403 => return Err(Failure::KeyRefused.into()),
            404 => return Ok(None),
            429 => return Err(Failure::limited(&answer).into()),
            _ => return Err(Failure::Unavailable.into()),
        }
        let answered: Answered = answer.json().map_err(Failure::from)?;
        let Some(refused) = answered.error else { return Ok(Some(answer.json().map_err(Failure::from)?)) };
        Err(match refused.code.0.and_then(|code| u32::try_from(code).ok()) {
            // No such food, or none with this barcode.
            Some(106 | 110 | 211) => return Ok(None),
            Some(13) => Refusal::Token,
            Some(2..=9 | 14 | 21) => Failure::KeyRefused.into(),
            Some(11 | 12) => Failure::RateLimited { retry_after: Duration::from_secs(60) }.into(),
            _ => Failure::Unavailable.into(),
        })
    }
}

/// Why an answer is none: another token may help, or nothing will.
enum Refusal {
    Token,
    For(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::For(failure)
    }
}

#[async_trait]
impl FoodCatalogue for FatSecret {
    async fn by_barcode(&self, gtin: &str, asking: &Asking<'_>) -> Result<Option<ProviderFood>, Failure> {
        // Thirteen digits are all that it knows.
        let Some(code) = gtin.strip_prefix('0') else { return Ok(None) };
        let found: Option<OfBarcode> = self.get("/food/barcode/find-by-id/v1", &[("barcode", code)], asking).await?;
        let Some(id) = found.map(|found| found.food_id.value).filter(|id| id != "0") else { return Ok(None) };
        let mut food = self.by_id(&id, asking).await?;
        if let Some(food) = &mut food {
            food.food.barcode = Some(gtin.to_owned());
        }
        Ok(food)
    }

    async fn by_id(&self, id: &str, asking: &Asking<'_>) -> Result<Option<ProviderFood>, Failure> {
        if id.parse::<u64>().is_err() {
            return Ok(None);
        }
        let answer: Option<OfId> = self.get("/food/v3", &[("food_id", id)], asking).await?;
        Ok(answer.and_then(|answer| answer.food.read(asking)))
    }

    async fn search(&self, words: &str, page: u32, asking: &Asking<'_>) -> Result<Found, Failure> {
        // Pages are counted from zero there.
        let (page_number, page_size) = ((page - 1).to_string(), PAGE.to_string());
        let query = [("search_expression", words), ("page_number", page_number.as_str()), ("max_results", &page_size)];
        let Some(list) = self.get::<OfWords>("/foods/search/v1", &query, asking).await? else { return Ok(Found::default()) };
        let more = list.foods.total_results.0.is_some_and(|total| total > Decimal::from(page * PAGE));
        Ok(Found { foods: list.foods.food.0.into_iter().filter_map(|row| row.read(asking)).collect(), more })
    }

    /// A barcode gives an id, and that a food.
    fn requests_of_a_barcode(&self) -> u32 {
        2
    }
}

#[derive(Deserialize)]
struct OfBarcode {
    food_id: Id,
}

#[derive(Deserialize)]
struct Id {
    value: String,
}

#[derive(Deserialize)]
struct OfId {
    food: Detailed,
}

#[derive(Deserialize)]
struct Detailed {
    food_id: String,
    food_name: String,
    brand_name: Option<String>,
    servings: Servings,
}

#[derive(Deserialize)]
struct Servings {
    serving: OneOrMany<Serving>,
}

#[derive(Clone, Debug, Deserialize)]
struct Serving {
    #[serde(default)]
    serving_description: String,
    #[serde(default)]
    metric_serving_amount: Loose,
    metric_serving_unit: Option<String>,
    #[serde(flatten)]
    amounts: HashMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct OfWords {
    foods: Rows,
}

#[derive(Deserialize)]
struct Rows {
    #[serde(default)]
    total_results: Loose,
    #[serde(default = "none")]
    food: OneOrMany<Row>,
}

fn none() -> OneOrMany<Row> {
    OneOrMany(Vec::new())
}

#[derive(Debug, Deserialize)]
struct Row {
    food_id: String,
    food_name: String,
    brand_name: Option<String>,
    #[serde(default)]
    food_description: String,
}

impl Serving {
    /// How much it is, in g or ml.
    fn metric(&self) -> Option<(Decimal, &'static str)> {
        let amount = self.metric_serving_amount.positive()?;
        match self.metric_serving_unit.as_deref()?.to_ascii_lowercase().as_str() {
            "g" => Some((amount, "g")),
            "ml" => Some((amount, "ml")),
            "oz" => Some((Unit::named("oz")?.to_base(amount)?, "g")),
            _ => None,
        }
    }

    fn amounts(&self) -> Amounts {
        let mut amounts = Amounts::default();
        for (name, code) in NUTRIENTS {
            let value = self.amounts.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            amounts.set(code, value.and_then(|text| amount::parse_amount(&text).ok()));
        }
        amounts
    }
}

fn described(id: String, name: &str, brand: Option<&str>, (size, unit): (Decimal, &'static str)) -> Described {
    Described {
        provider: FoodProvider::FatSecret,
        id,
        name: plain(name),
        brand: brand.map(plain),
        barcode: None,
        size,
        unit,
        basis: Basis::Label,
        carbohydrate_basis: CarbohydrateBasis::Total,
        portions: Vec::new(),
    }
}

impl Detailed {
    /// Per 100 g or ml by the largest serving that is weighed, whose figures are rounded the least; else per serving.
    fn read(self, asking: &Asking<'_>) -> Option<ProviderFood> {
        let weighed = self.servings.serving.0.iter().filter_map(|serving| Some((serving, serving.metric()?)));
        let largest = weighed.max_by(|(_, (one, _)), (_, (other, _))| one.cmp(other));
        let (amounts, of) = match largest {
            Some((serving, (size, unit))) => {
                (serving.amounts().times(Decimal::ONE_HUNDRED.checked_div(size)?), (Decimal::ONE_HUNDRED, unit))
            }
            None => (self.servings.serving.0.first()?.amounts(), (Decimal::ONE, "serving")),
        };
        let portions = self.servings.serving.0.iter().filter_map(|serving| {
            let (size, unit) = serving.metric().filter(|(_, unit)| *unit == of.1)?;
            portion::described(&plain(&serving.serving_description), amount::stored(size), unit)
        });
        let portions = portion::distinct(portions);
        Described { portions, ..described(self.food_id, &self.food_name, self.brand_name.as_deref(), of) }.with(
            amounts,
            Vec::new(),
            asking.now,
        )
    }
}

impl Row {
    /// "Per 100g - Calories: 52kcal | Fat: 0.17g | Carbs: 13.81g | Protein: 0.26g", or per a portion of any name.
    fn read(self, asking: &Asking<'_>) -> Option<ProviderFood> {
        let (per, stated) = self.food_description.strip_prefix("Per ")?.split_once(" - ")?;
        let mut amounts = Amounts::default();
        for part in stated.split('|') {
            let Some((name, value)) = part.split_once(':') else { continue };
            let code = match name.trim() {
                "Calories" => "ENERC_KCAL",
                "Fat" => "FAT",
                "Carbs" => "CHOCDF",
                "Protein" => "PROCNT",
                _ => continue,
            };
            let digits = value.trim().trim_end_matches(|character: char| character.is_alphabetic());
            amounts.set(code, amount::parse_amount(digits).ok());
        }
        let (amounts, of) = match metric(per) {
            Some((size, unit)) => (amounts.times(Decimal::ONE_HUNDRED.checked_div(size)?), (Decimal::ONE_HUNDRED, unit)),
            None => (amounts, (Decimal::ONE, "serving")),
        };
        described(self.food_id, &self.food_name, self.brand_name.as_deref(), of).with(amounts, Vec::new(), asking.now)
    }
}

/// "100g", "30 ml": an amount and nothing else.
fn metric(per: &str) -> Option<(Decimal, &'static str)> {
    let (number, unit) = per.trim().split_at(per.trim().find(|character: char| character.is_alphabetic())?);
    let size = amount::parse_amount(number).ok().filter(|size| !size.is_zero())?;
    match unit {
        "g" => Some((size, "g")),
        "ml" => Some((size, "ml")),
        _ => None,
    }
}
