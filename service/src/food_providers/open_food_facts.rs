//! Open Food Facts, versions 2 and 3 of its API: packaged foods by barcode, as their labels are typed in by volunteers.
//!
//! Every mass is in grams there, of vitamins and sodium too; `energy` is in kilojoules; "100g" is also written for 100 ml.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use entity::{
    allergen::Allergen,
    food_provider_settings::FoodProvider,
    nutrition_data::{Basis, CarbohydrateBasis},
    unit::{Dimension, Unit},
};
use reqwest::{Client, RequestBuilder, header};
use rust_decimal::Decimal;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{
    Asking, FoodCatalogue, Found,
    failure::Failure,
    provider_food::{Amounts, Described, Loose, OneOrMany, ProviderFood, Remark, energy, plain},
};
use crate::{
    barcode,
    catalogue::{fdc_json, portion},
    error::Result,
    foods::Details,
    plausibility,
    provider::{Answer, Provider},
};

/// What is asked for of a product. The fields of both forms in which nutrition comes are among them.
const FIELDS: &str = "code,product_name,product_name_en,generic_name,lc,brands,product_quantity,product_quantity_unit,serving_size,\
    serving_quantity,serving_quantity_unit,allergens_tags,traces_tags,nutriments,nutrition,nutrition_data_per,nutrition_data_prepared_per";
const PAGE: u32 = 20;

/// Nutrients by their names there: code, and the unit in which Hale keeps it.
const NUTRIENTS: [(&str, &str, &str); 42] = [
    ("proteins", "PROCNT", "g"),
    ("carbohydrates", "CHOCDF", "g"),
    ("fat", "FAT", "g"),
    ("fiber", "FIBTG", "g"),
    ("sugars", "SUGAR", "g"),
    ("sodium", "NA", "mg"),
    ("saturated-fat", "FASAT", "g"),
    ("monounsaturated-fat", "FAMS", "g"),
    ("polyunsaturated-fat", "FAPU", "g"),
    ("trans-fat", "FATRN", "g"),
    ("omega-3-fat", "FAPUN3", "g"),
    ("omega-6-fat", "FAPUN6", "g"),
    ("added-sugars", "SUGAD", "g"),
    ("starch", "STARCH", "g"),
    ("polyols", "POLYL", "g"),
    ("water", "WATER", "g"),
    ("cholesterol", "CHOLE", "mg"),
    ("caffeine", "CAFFN", "mg"),
    ("calcium", "CA", "mg"),
    ("iron", "FE", "mg"),
    ("magnesium", "MG", "mg"),
    ("phosphorus", "P", "mg"),
    ("potassium", "K", "mg"),
    ("chloride", "CLD", "mg"),
    ("zinc", "ZN", "mg"),
    ("copper", "CU", "mg"),
    ("manganese", "MN", "mg"),
    ("selenium", "SE", "ug"),
    ("iodine", "ID", "ug"),
    ("vitamin-a", "VITA_RAE", "ug"),
    ("beta-carotene", "CARTB", "ug"),
    ("vitamin-c", "VITC", "mg"),
    ("vitamin-d", "VITD", "ug"),
    ("vitamin-e", "VITE", "mg"),
    ("vitamin-k", "VITK", "ug"),
    ("vitamin-b1", "THIA", "mg"),
    ("vitamin-b2", "RIBF", "mg"),
    ("vitamin-pp", "NIA", "mg"),
    ("pantothenic-acid", "PANTAC", "mg"),
    ("vitamin-b6", "VITB6A", "mg"),
    ("vitamin-b9", "FOL", "ug"),
    ("vitamin-b12", "VITB12", "ug"),
];

/// Allergens by their tags there.
const ALLERGENS: [(&str, Allergen); 14] = [
    ("en:gluten", Allergen::Gluten),
    ("en:crustaceans", Allergen::Crustaceans),
    ("en:eggs", Allergen::Eggs),
    ("en:fish", Allergen::Fish),
    ("en:peanuts", Allergen::Peanuts),
    ("en:soybeans", Allergen::Soybeans),
    ("en:milk", Allergen::Milk),
    ("en:nuts", Allergen::Nuts),
    ("en:celery", Allergen::Celery),
    ("en:mustard", Allergen::Mustard),
    ("en:sesame-seeds", Allergen::Sesame),
    ("en:sulphur-dioxide-and-sulphites", Allergen::Sulphites),
    ("en:lupin", Allergen::Lupin),
    ("en:molluscs", Allergen::Molluscs),
];

/// Open Food Facts, as Hale's own client.
pub(super) struct OpenFoodFacts {
    provider: Provider,
    url: String,
    /// Who asks: without a name and an address a reader is taken for a robot.
    user_agent: String,
}

impl OpenFoodFacts {
    /// A client of the server at `url`. `contact` is where its volunteers reach whoever runs this one.
    pub fn new(client: Client, url: String, contact: &str, rest: Duration) -> Self {
        let user_agent = format!("Hale/{} ({contact})", env!("CARGO_PKG_VERSION"));
        Self { provider: Provider::over("Open Food Facts", client, rest), url, user_agent }
    }

    async fn send(&self, request: RequestBuilder, asking: &Asking<'_>) -> Result<Answer, Failure> {
        let request = request.header(header::USER_AGENT, &self.user_agent).timeout(asking.left()?);
        let answer = self.provider.send(request).await?;
        match answer.status {
            200..=299 | 404 => Ok(answer),
            429 => Err(Failure::limited(&answer)),
            401 | 403 => Err(Failure::KeyRefused),
            _ => Err(Failure::Unavailable),
        }
    }

    async fn product(&self, code: &str, asking: &Asking<'_>) -> Result<Option<ProviderFood>, Failure> {
        let request = self.provider.client().get(format!("{}/api/v2/product/{code}", self.url)).query(&[("fields", FIELDS)]);
        let answer = self.send(request, asking).await?;
        let Answered { product, .. } = match answer.json::<Answered>() {
            // A page that is not there, in whatever form.
            Err(_) if answer.status == 404 => return Ok(None),
            answered => answered?,
        };
        Ok(product.and_then(|product| product.read(asking)))
    }
}

#[async_trait]
impl FoodCatalogue for OpenFoodFacts {
    async fn by_barcode(&self, gtin: &str, asking: &Asking<'_>) -> Result<Option<ProviderFood>, Failure> {
        let food = self.product(&code(gtin), asking).await?;
        // What is answered for another product is not this one.
        Ok(food.filter(|food| food.food.barcode.as_deref().is_none_or(|barcode| barcode == gtin)))
    }

    async fn by_id(&self, id: &str, asking: &Asking<'_>) -> Result<Option<ProviderFood>, Failure> {
        if id.is_empty() || id.len() > 24 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(None);
        }
        self.product(id, asking).await
    }

    async fn search(&self, words: &str, page: u32, asking: &Asking<'_>) -> Result<Found, Failure> {
        let (page_number, page_size) = (page.to_string(), PAGE.to_string());
        let query = [
            ("search_terms", words),
            ("search_simple", "1"),
            ("action", "process"),
            ("json", "1"),
            ("page", &page_number),
            ("page_size", &page_size),
            ("fields", FIELDS),
        ];
        let answer = self.send(self.provider.client().get(format!("{}/cgi/search.pl", self.url)).query(&query), asking).await?;
        if answer.status == 404 {
            return Err(Failure::Unavailable);
        }
        let list: List = answer.json()?;
        let more = list.count.0.is_some_and(|count| count > Decimal::from(page * PAGE));
        Ok(Found { foods: list.products.into_iter().filter_map(|product| product.read(asking)).collect(), more })
    }
}

/// A GTIN-14 as products are listed: without leading zeros, but of 8 or 13 digits at least.
fn code(gtin: &str) -> String {
    let digits = gtin.trim_start_matches('0');
    if digits.len() <= 8 { format!("{digits:0>8}") } else { format!("{digits:0>13}") }
}

/// The answer for one product. A miss has no product, whatever else versions say of it.
#[derive(Deserialize)]
struct Answered {
    product: Option<Product>,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    count: Loose,
    #[serde(default)]
    products: Vec<Product>,
}

/// A product, field by field: which there are and of which type differs from product to product and from version to version.
#[derive(Deserialize)]
#[serde(transparent)]
struct Product(HashMap<String, Box<RawValue>>);

/// Nutrition since version 3.5.
#[derive(Deserialize)]
struct Nutrition {
    aggregated_set: Option<Set>,
    #[serde(default)]
    input_sets: Vec<Set>,
}

/// Amounts of one preparation per something, from the label or put together.
#[derive(Deserialize)]
struct Set {
    #[serde(default)]
    per: String,
    #[serde(default)]
    per_quantity: Loose,
    per_unit: Option<String>,
    #[serde(default)]
    preparation: String,
    #[serde(default)]
    nutrients: HashMap<String, Nutrient>,
}

#[derive(Deserialize)]
struct Nutrient {
    #[serde(default)]
    value: Loose,
    #[serde(default)]
    value_computed: Loose,
    unit: Option<String>,
    modifier: Option<String>,
}

/// What amounts are of.
struct Stated {
    amounts: Amounts,
    remarks: Vec<Remark>,
    total_carbohydrates: bool,
    size: Decimal,
    unit: &'static str,
}

impl Product {
    fn field<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_str(self.0.get(name)?.get()).ok()
    }

    fn text(&self, name: &str) -> Option<String> {
        self.field::<String>(name).map(|text| plain(&text)).filter(|text| !text.is_empty())
    }

    /// The name, in whatever language there is one: the product's own first.
    fn name(&self) -> Option<String> {
        let own = self.field::<String>("lc").and_then(|language| self.text(&format!("product_name_{language}")));
        let mut translations: Vec<_> = self.0.keys().filter(|key| key.starts_with("product_name_")).collect();
        translations.sort();
        let translated = || translations.into_iter().find_map(|key| self.text(key));
        self.text("product_name").or(own).or_else(translated).or_else(|| self.text("generic_name"))
    }

    /// The first of the brands, which are a text with commas or a list.
    fn brand(&self) -> Option<String> {
        let brands: OneOrMany<String> = self.field("brands")?;
        brands.0.iter().flat_map(|brands| brands.split(',')).map(plain).find(|brand| !brand.is_empty())
    }

    /// g, or ml where anything says that it is a liquid.
    fn unit(&self) -> &'static str {
        let says_volume = |name: &str| self.text(name).is_some_and(|unit| volume(&unit).is_some());
        let per = self.text("nutrition_data_per").is_some_and(|per| per.ends_with("ml"));
        if per || says_volume("product_quantity_unit") || says_volume("serving_quantity_unit") { "ml" } else { "g" }
    }

    fn read(&self, asking: &Asking<'_>) -> Option<ProviderFood> {
        let code: String = self.field("code").or_else(|| self.field::<u64>("code").map(|code| code.to_string()))?;
        let (unit, serving) = (self.unit(), self.field("serving_quantity").and_then(Loose::positive));
        let nutrition = self.field::<Nutrition>("nutrition").and_then(|nutrition| nutrition.read(unit));
        let stated = nutrition.or_else(|| self.nutriments(unit, serving))?;
        let name = self.name()?;
        let described = Described {
            provider: FoodProvider::OpenFoodFacts,
            name: if stated.remarks.contains(&Remark::Prepared) { format!("{name} (prepared)") } else { name },
            brand: self.brand(),
            barcode: barcode_of(&code),
            id: code,
            size: stated.size,
            unit: stated.unit,
            basis: Basis::Label,
            carbohydrate_basis: if stated.total_carbohydrates { CarbohydrateBasis::Total } else { CarbohydrateBasis::Available },
            portions: serving.filter(|_| stated.unit != "serving").and_then(|size| self.serving(size, unit)).into_iter().collect(),
        };
        let food = described.with(stated.amounts, stated.remarks, asking.now)?;
        let details = Details { allergens: self.allergens("allergens_tags"), traces: self.allergens("traces_tags"), ..Details::default() };
        Some(ProviderFood { details, ..food })
    }

    /// Allergens by their tags. No tags may mean that there are none, or that nobody typed them in: it is unknown.
    fn allergens(&self, field: &str) -> Option<Vec<Allergen>> {
        let tags: Vec<String> = self.field(field)?;
        let known = ALLERGENS.into_iter().filter(|(tag, _)| tags.iter().any(|stated| stated == tag)).map(|(_, allergen)| allergen);
        Some(known.collect::<Vec<_>>()).filter(|allergens| !allergens.is_empty())
    }

    /// The serving as a portion: what the label calls it, without the weight in brackets behind.
    fn serving(&self, size: Decimal, unit: &'static str) -> Option<crate::catalogue::Portion> {
        let label = self.text("serving_size").unwrap_or_default();
        let label = label.split_once('(').map_or(label.as_str(), |(label, _)| label).trim();
        // "30 g" says no more than the size does, and "1 bottle, 33 cl" no less.
        let telling = label.split(' ').any(|word| word.chars().count() > 2 && word.chars().all(char::is_alphabetic));
        let named = telling.then(|| portion::described(label, size, unit)).flatten();
        named.or_else(|| portion::described("1 serving", size, unit))
    }

    /// Nutrition until version 3.4: flat keys. Of the product as sold per 100 g before that of a serving, and of what is prepared
    /// from it where nothing else is stated.
    fn nutriments(&self, unit: &'static str, serving: Option<Decimal>) -> Option<Stated> {
        let nutriments: HashMap<String, Box<RawValue>> = self.field("nutriments")?;
        for suffix in ["_100g", "_serving", "_prepared_100g", "_prepared_serving"] {
            let value = |name: &str| {
                let uncommunicated = nutriments.get(&format!("{name}_modifier")).is_some_and(|modifier| modifier.get() == "\"-\"");
                let raw = nutriments.get(&format!("{name}{suffix}")).filter(|_| !uncommunicated)?;
                Loose::of(raw).0
            };
            let kilojoules = value("energy-kj").or_else(|| value("energy"));
            let grams = |name: &str| value(name).map(|value| (value, "g"));
            let (amounts, remark, total_carbohydrates) = amounts(grams, energy(value("energy-kcal"), kilojoules, None), unit);
            if amounts.is_empty() {
                continue;
            }
            let mut remarks: Vec<_> = remark.into_iter().collect();
            if suffix.starts_with("_prepared") {
                remarks.push(Remark::Prepared);
            }
            let (amounts, size, unit) = match serving {
                _ if suffix.ends_with("_100g") => (amounts, Decimal::ONE_HUNDRED, unit),
                Some(serving) => (amounts.times(Decimal::ONE_HUNDRED.checked_div(serving)?), Decimal::ONE_HUNDRED, unit),
                None => (amounts, Decimal::ONE, "serving"),
            };
            return Some(Stated { amounts, remarks, total_carbohydrates, size, unit });
        }
        None
    }
}

impl Nutrition {
    /// The set that was put together; else the best of those that were typed in.
    fn read(&self, unit: &'static str) -> Option<Stated> {
        let typed = |name: &str| self.input_sets.is_empty() || self.input_sets.iter().any(|set| set.stated(name).is_some());
        let aggregated = self.aggregated_set.as_ref().and_then(|set| set.read(unit, &typed));
        aggregated.or_else(|| {
            let mut sets: Vec<_> = self.input_sets.iter().collect();
            sets.sort_by_key(|set| (set.preparation == "prepared", !set.per.starts_with("100")));
            sets.into_iter().find_map(|set| set.read(unit, &|_| true))
        })
    }
}

impl Set {
    fn stated(&self, name: &str) -> Option<(Decimal, &str)> {
        let nutrient = self.nutrients.get(name).filter(|nutrient| nutrient.modifier.as_deref() != Some("-"))?;
        let usual = match name {
            "energy-kcal" => "kcal",
            "energy-kj" | "energy" => "kJ",
            _ => "g",
        };
        Some((nutrient.value.0?, nutrient.unit.as_deref().unwrap_or(usual)))
    }

    /// `typed` tells whether anybody typed in a nutrient: an energy that nobody did was computed, and gives way to one that somebody did.
    fn read(&self, unit: &'static str, typed: &dyn Fn(&str) -> bool) -> Option<Stated> {
        let plain_value = |name: &str| self.stated(name).filter(|_| typed(name)).map(|(value, _)| value);
        let computed = self.nutrients.get("energy-kcal").and_then(|energy| energy.value_computed.0.or(energy.value.0));
        let kilojoules = plain_value("energy-kj").or_else(|| plain_value("energy"));
        let energy = energy(plain_value("energy-kcal"), kilojoules, computed);
        let unit =
            if self.per.ends_with("ml") || self.per_unit.as_deref().is_some_and(|unit| volume(unit).is_some()) { "ml" } else { unit };
        let (amounts, remark, total_carbohydrates) = amounts(|name| self.stated(name), energy, unit);
        if amounts.is_empty() {
            return None;
        }
        let mut remarks: Vec<_> = remark.into_iter().collect();
        if self.preparation == "prepared" {
            remarks.push(Remark::Prepared);
        }
        let size = self.per_quantity.positive().filter(|_| !self.per.starts_with("100"));
        let (amounts, size, unit) = match size {
            _ if self.per.starts_with("100") => (amounts, Decimal::ONE_HUNDRED, unit),
            Some(quantity) => (amounts.times(Decimal::ONE_HUNDRED.checked_div(quantity)?), Decimal::ONE_HUNDRED, unit),
            None => (amounts, Decimal::ONE, "serving"),
        };
        Some(Stated { amounts, remarks, total_carbohydrates, size, unit })
    }
}

/// Amounts by code from values by the names there, each with its unit; and whether carbohydrates are those of a label of the USA.
fn amounts<'a>(
    stated: impl Fn(&str) -> Option<(Decimal, &'a str)>,
    (calories, remark): (Option<Decimal>, Option<Remark>),
    unit: &str,
) -> (Amounts, Option<Remark>, bool) {
    let mut amounts = Amounts::default();
    let of = |name: &str, to: &str| {
        let (value, from) = stated(name)?;
        value.checked_mul(fdc_json::factor(from, to)?)
    };
    amounts.set("ENERC_KCAL", calories);
    for (name, code, unit) in NUTRIENTS {
        amounts.set(code, of(name, unit));
    }
    if amounts.get("NA").is_none() {
        // Salt is 2.5 times the sodium, by EU 1169/2011.
        amounts.set("NA", of("salt", "mg").map(|salt| salt / Decimal::new(25, 1)));
    }
    let total_carbohydrates = amounts.get("CHOCDF").is_none() && of("carbohydrates-total", "g").is_some();
    if total_carbohydrates {
        amounts.set("CHOCDF", of("carbohydrates-total", "g"));
    }
    // Percent of the volume tell grams of a liquid alone.
    if unit == "ml" {
        amounts.set("ALC", stated("alcohol").and_then(|(percent, _)| plausibility::alcohol(Decimal::ONE_HUNDRED, percent)));
    }
    (amounts, remark, total_carbohydrates)
}

/// The unit of volume of that name.
fn volume(unit: &str) -> Option<&'static Unit> {
    Unit::named(unit).filter(|unit| unit.dimension == Dimension::Volume)
}

/// The GTIN-14 of a code, which may have lost the zeros it begins with.
fn barcode_of(code: &str) -> Option<String> {
    let digits = code.trim_start_matches('0');
    let padded = match digits.len() {
        0 => return None,
        1..=8 => format!("{digits:0>8}"),
        9..=12 => format!("{digits:0>13}"),
        _ => digits.to_owned(),
    };
    // Eight digits are a GTIN-8 here, never UPC-E.
    barcode::gtin14("barcode", &format!("{padded:0>13}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_asked_for_as_they_are_listed() {
        assert_eq!(code("00034000470693"), "0034000470693");
        assert_eq!(code("03017620422003"), "3017620422003");
        assert_eq!(code("00000096385074"), "96385074");
        assert_eq!(code("10614141000415"), "10614141000415");
    }

    #[test]
    fn codes_without_their_zeros_are_known_again() {
        assert_eq!(barcode_of("34000470693").as_deref(), Some("00034000470693"));
        assert_eq!(barcode_of("0034000470693").as_deref(), Some("00034000470693"));
        assert_eq!(barcode_of("96385074").as_deref(), Some("00000096385074"));
        assert_eq!((barcode_of(""), barcode_of("0000"), barcode_of("12345")), (None, None, None));
    }
}
