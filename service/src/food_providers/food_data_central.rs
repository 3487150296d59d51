//! USDA FoodData Central: analysed foods, survey foods and labels of the USA. What a record says is read as in its downloads.

use std::time::Duration;

use async_trait::async_trait;
use entity::{food_provider_settings::FoodProvider, nutrition_data::Basis};
use reqwest::{Client, RequestBuilder};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Asking, FoodCatalogue, Found,
    failure::Failure,
    provider_food::{Loose, ProviderFood, Remark},
};
use crate::{
    catalogue::{Food, amount, fdc_json},
    error::Result,
    provider::{Answer, Provider},
};

const PAGE: u32 = 20;
/// Several records have one barcode: a label that changed is a new one.
const SAME_BARCODE: &str = "25";

/// FoodData Central, as Hale's own client.
pub(super) struct FoodDataCentral {
    provider: Provider,
    url: String,
}

impl FoodDataCentral {
    /// A client of the API at `url`.
    pub fn new(client: Client, url: String, rest: Duration) -> Self {
        Self { provider: Provider::over("FoodData Central", client, rest), url }
    }

    async fn get(&self, path: &str, query: &[(&str, &str)], asking: &Asking<'_>) -> Result<Option<Answer>, Failure> {
        let key = asking.credential.ok_or(Failure::NoKey)?;
        // In a header: addresses are logged by whoever is between.
        let request: RequestBuilder = self.provider.client().get(format!("{}{path}", self.url)).query(query).header("X-Api-Key", &key.key);
        let answer = self.provider.send(request.timeout(asking.left()?)).await?;
        match answer.status {
            200..=299 => Ok(Some(answer)),
            404 => Ok(None),
            401 | 403 => Err(Failure::KeyRefused),
            429 => Err(Failure::limited(&answer)),
            _ => Err(Failure::Unavailable),
        }
    }

    async fn list(&self, query: &[(&str, &str)], asking: &Asking<'_>) -> Result<List, Failure> {
        Ok(match self.get("/foods/search", query, asking).await? {
            Some(answer) => answer.json()?,
            None => List::default(),
        })
    }
}

#[async_trait]
impl FoodCatalogue for FoodDataCentral {
    /// There is no look-up by barcode: the spellings under which it may be listed are searched for, and what comes is compared.
    async fn by_barcode(&self, gtin: &str, asking: &Asking<'_>) -> Result<Option<ProviderFood>, Failure> {
        let spellings = [&gtin[2..], &gtin[1..], gtin].join(" ");
        let list = self.list(&[("query", &spellings), ("dataType", "Branded"), ("pageSize", SAME_BARCODE)], asking).await?;
        let same =
            list.foods.iter().filter_map(|record| read(record, asking)).filter(|(_, food)| food.food.barcode.as_deref() == Some(gtin));
        let newest = same.max_by(|(one, _), (other, _)| one.newness().cmp(&other.newness()));
        Ok(newest.map(|(_, food)| food))
    }

    async fn by_id(&self, id: &str, asking: &Asking<'_>) -> Result<Option<ProviderFood>, Failure> {
        if id.parse::<u64>().is_err() {
            return Ok(None);
        }
        let Some(answer) = self.get(&format!("/food/{id}"), &[("format", "full")], asking).await? else { return Ok(None) };
        let record: Box<RawValue> = answer.json()?;
        Ok(read(&record, asking).map(|(_, food)| food))
    }

    async fn search(&self, words: &str, page: u32, asking: &Asking<'_>) -> Result<Found, Failure> {
        let query = [("query", words), ("pageSize", &PAGE.to_string()), ("pageNumber", &page.to_string()), ("requireAllWords", "true")];
        let list = self.list(&query, asking).await?;
        let more = list.total_hits > u64::from(page * PAGE);
        Ok(Found { foods: list.foods.iter().filter_map(|record| read(record, asking)).map(|(_, food)| food).collect(), more })
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct List {
    #[serde(default)]
    total_hits: u64,
    #[serde(default)]
    foods: Vec<Box<RawValue>>,
}

/// What a record says beside what its download does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Label {
    fdc_id: u64,
    data_type: Option<String>,
    published_date: Option<String>,
    publication_date: Option<String>,
    label_nutrients: Option<LabelNutrients>,
    #[serde(default)]
    serving_size: Loose,
}

impl Label {
    /// When it was published, where that is told as a date that compares; records that are newer have greater ids.
    fn newness(&self) -> (Option<&str>, u64) {
        let published = self.published_date.as_deref().or(self.publication_date.as_deref());
        (published.filter(|date| date.as_bytes().get(4) == Some(&b'-')), self.fdc_id)
    }
}

/// What the label says of a serving, which is not 100 g.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LabelNutrients {
    calories: Option<PerServing>,
    protein: Option<PerServing>,
    carbohydrates: Option<PerServing>,
    fat: Option<PerServing>,
    fiber: Option<PerServing>,
    sugars: Option<PerServing>,
    sodium: Option<PerServing>,
}

#[derive(Deserialize, Clone, Copy)]
struct PerServing {
    #[serde(default)]
    value: Loose,
}

/// The food of a record. One that cannot be read is as good as none: others of its list can.
fn read(record: &RawValue, asking: &Asking<'_>) -> Option<(Label, ProviderFood)> {
    let label: Label = serde_json::from_str(record.get()).ok()?;
    let (mut food, problems) = fdc_json::food_with_problems(record).ok()?;
    let mut remarks: Vec<_> = (!problems.is_empty()).then_some(Remark::AmountsLeftOut).into_iter().collect();
    if label.data_type.as_deref().is_some_and(|kind| kind.starts_with("Survey")) {
        food.basis = Basis::Estimated;
    }
    if states_nothing(&food) {
        food = of_label(food, &label)?;
    }
    if food.calories.is_some() && fdc_json::states_kilojoules_alone(record) {
        remarks.push(Remark::EnergyFromKilojoules);
    }
    let food = ProviderFood::of(FoodProvider::FoodDataCentral, food, remarks, asking.now)?;
    Some((label, food))
}

fn states_nothing(food: &Food) -> bool {
    [food.calories, food.protein, food.carbohydrates, food.fat].iter().all(Option::is_none) && food.nutrients.is_empty()
}

/// The food by its label alone, whose amounts are those of a serving.
fn of_label(food: Food, label: &Label) -> Option<Food> {
    let stated = label.label_nutrients.as_ref()?;
    // In the food's own unit, which the portion of that size has.
    let serving = food.portions.first().map(|portion| portion.amount).or(label.serving_size.positive())?;
    let of = |stated: Option<PerServing>| {
        let scaled = stated?.value.0?.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(serving)?;
        amount::in_range(amount::stored(scaled)).ok()
    };
    Some(Food {
        calories: of(stated.calories),
        protein: of(stated.protein),
        carbohydrates: of(stated.carbohydrates),
        fat: of(stated.fat),
        fiber: of(stated.fiber),
        sugar: of(stated.sugars),
        sodium: of(stated.sodium),
        ..food
    })
}
