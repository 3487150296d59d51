//! A food as a provider states it, in one form for all of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use entity::{
    food_provider_settings::FoodProvider,
    nutrition_data::{Basis, CarbohydrateBasis},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::{
    catalogue::{Food, Portion, amount, fdc_json, tidy},
    foods::{self, Details, NewFood, Provenance, Source},
    nutrition::{Headline, NutrientAmount, Nutrition},
};

/// A food as a provider states it: per 100 g, 100 ml or a serving. What it does not state is unknown.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderFood {
    /// Whose.
    pub provider: FoodProvider,
    /// What is stated; `source_id` is the provider's id.
    pub food: Food,
    /// What it contains that one may be allergic to, and what it may contain though it should not.
    pub details: Details,
    /// When the provider was asked.
    pub fetched_at: DateTime<Utc>,
    /// What is to be known of the amounts before they are trusted.
    pub remarks: Vec<Remark>,
}

/// Something about stated amounts that whoever uses them should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remark {
    /// Only kilojoules are stated: kcal are kJ / 4.184, not what a label would say.
    EnergyFromKilojoules,
    /// No energy is stated: it was computed from protein, carbohydrates and fat.
    EnergyComputed,
    /// Kilocalories and kilojoules were in each other's place, and were exchanged.
    EnergySwapped,
    /// The stated energy is far from what protein, carbohydrates, fat, fibre and alcohol give.
    EnergyImplausible,
    /// The amounts are those of the prepared food, for the product as sold states none.
    Prepared,
    /// The amounts are those of a serving whose weight nobody states.
    PerServing,
    /// Something is stated that cannot be an amount, such as -7 g: it is left out, and so unknown.
    AmountsLeftOut,
}

/// Amounts by code of the table `nutrients`, the headline ones by their INFOODS tag names, in the units given there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Amounts(BTreeMap<&'static str, Decimal>);

impl Amounts {
    /// Notes an amount that can be one.
    pub fn set(&mut self, code: &'static str, value: Option<Decimal>) {
        if let Some(value) = value.map(amount::stored).and_then(|value| amount::in_range(value).ok()) {
            self.0.insert(code, value);
        }
    }

    pub fn get(&self, code: &str) -> Option<Decimal> {
        self.0.get(code).copied()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same of another amount of food. What would no longer be an amount is left out.
    pub fn times(self, factor: Decimal) -> Self {
        let mut scaled = Self::default();
        for (code, value) in self.0 {
            scaled.set(code, value.checked_mul(factor));
        }
        scaled
    }

    fn take(&mut self, code: &str) -> Option<Decimal> {
        self.0.remove(code)
    }
}

/// What is known of a food before its amounts are.
pub(super) struct Described {
    pub provider: FoodProvider,
    pub id: String,
    pub name: String,
    pub brand: Option<String>,
    pub barcode: Option<String>,
    pub size: Decimal,
    pub unit: &'static str,
    pub basis: Basis,
    pub carbohydrate_basis: CarbohydrateBasis,
    pub portions: Vec<Portion>,
}

impl Described {
    /// With amounts of `size`.
    pub fn with(self, mut amounts: Amounts, mut remarks: Vec<Remark>, now: DateTime<Utc>) -> Option<ProviderFood> {
        let terms = super::terms(self.provider);
        if self.unit == "serving" {
            remarks.push(Remark::PerServing);
        }
        let food = Food {
            source: terms.source,
            source_id: self.id,
            name: self.name,
            brand: self.brand,
            barcode: self.barcode,
            serving_size: self.size,
            serving_unit: self.unit.to_owned(),
            calories: amounts.take("ENERC_KCAL"),
            protein: amounts.take("PROCNT"),
            carbohydrates: amounts.take("CHOCDF"),
            fat: amounts.take("FAT"),
            fiber: amounts.take("FIBTG"),
            sugar: amounts.take("SUGAR"),
            sodium: amounts.take("NA"),
            nutrients: amounts.0,
            basis: self.basis,
            licence: terms.licence,
            carbohydrate_basis: self.carbohydrate_basis,
            portions: self.portions,
        };
        ProviderFood::of(self.provider, food, remarks, now)
    }
}

impl ProviderFood {
    /// A food that has a name, and of which something is known.
    pub(super) fn of(provider: FoodProvider, mut food: Food, mut remarks: Vec<Remark>, now: DateTime<Utc>) -> Option<Self> {
        food.name = shortened(&food.name, 255);
        food.brand = food.brand.map(|brand| shortened(&brand, 255)).filter(|brand| !brand.is_empty());
        food.portions.truncate(foods::MOST_PORTIONS);
        let computed = computed_energy(&food);
        match (food.calories, computed) {
            (None, Some(computed)) => {
                food.calories = Some(computed);
                remarks.push(Remark::EnergyComputed);
            }
            (Some(stated), Some(computed)) if is_implausible(stated, computed) => remarks.push(Remark::EnergyImplausible),
            _ => {}
        }
        let derived = [Remark::EnergyFromKilojoules, Remark::EnergyComputed, Remark::EnergySwapped];
        if food.basis == Basis::Label && remarks.iter().any(|remark| derived.contains(remark)) {
            food.basis = Basis::Estimated;
        }
        let headline = [food.calories, food.protein, food.carbohydrates, food.fat, food.fiber, food.sugar, food.sodium];
        let known = headline.iter().any(Option::is_some) || !food.nutrients.is_empty();
        (known && !food.name.is_empty() && !food.source_id.is_empty()).then_some(Self {
            provider,
            food,
            details: Details::default(),
            fetched_at: now,
            remarks,
        })
    }

    /// What the stated size of it contains.
    pub fn nutrition(&self) -> Nutrition {
        let food = &self.food;
        let further = food.nutrients.iter().map(|(code, amount)| ((*code).to_owned(), amount.normalize().to_string().into()));
        Nutrition {
            calories: food.calories,
            protein: food.protein,
            carbohydrates: food.carbohydrates,
            fat: food.fat,
            fiber: food.fiber,
            sugar: food.sugar,
            sodium: food.sodium,
            nutrients: further.collect::<serde_json::Map<_, _>>().into(),
        }
    }

    /// The same as a food of somebody's own.
    pub(super) fn into_new(self, id: Option<entity::id::FoodId>) -> NewFood {
        let Self { food, details, fetched_at, .. } = self;
        NewFood {
            id,
            name: food.name,
            brand: food.brand,
            barcode: food.barcode,
            serving_size: food.serving_size,
            serving_unit: food.serving_unit,
            nutrition: Headline {
                calories: food.calories,
                protein: food.protein,
                carbohydrates: food.carbohydrates,
                fat: food.fat,
                fiber: food.fiber,
                sugar: food.sugar,
                sodium: food.sodium,
                nutrients: Some(
                    food.nutrients.into_iter().map(|(code, amount)| NutrientAmount { code: code.to_owned(), amount }).collect(),
                ),
            },
            portions: food
                .portions
                .into_iter()
                .map(|portion| foods::Portion { name: portion.name, amount: portion.amount, unit: portion.unit.to_owned() })
                .collect(),
            provenance: Provenance {
                basis: food.basis,
                licence: Some(food.licence.to_owned()),
                fetched_at: Some(fetched_at),
                carbohydrate_basis: Some(food.carbohydrate_basis),
            },
            details,
            source: Some(Source { name: food.source.to_owned(), id: Some(food.source_id) }),
        }
    }
}

/// Energy in kcal by the general factors: 4 for protein and carbohydrates, 9 for fat, 7 for alcohol, and 2 for fibre where it is not
/// among the carbohydrates. `None` unless protein, carbohydrates and fat are known.
fn computed_energy(food: &Food) -> Option<Decimal> {
    let (protein, carbohydrates, fat) = (food.protein?, food.carbohydrates?, food.fat?);
    let alcohol = food.nutrients.get("ALC").copied().unwrap_or_default();
    let fiber = match food.carbohydrate_basis {
        CarbohydrateBasis::Available => food.fiber.unwrap_or_default(),
        CarbohydrateBasis::Total => Decimal::ZERO,
    };
    let factors = [(protein, 4), (carbohydrates, 4), (fat, 9), (alcohol, 7), (fiber, 2)];
    Some(amount::stored(factors.into_iter().map(|(grams, kilocalories)| grams * Decimal::from(kilocalories)).sum()))
}

/// Off by more than 30 % and 5 kcal. Of almost nothing nothing is said.
fn is_implausible(stated: Decimal, computed: Decimal) -> bool {
    stated.max(computed) > Decimal::from(13) && (stated - computed).abs() > stated * Decimal::new(3, 1) + Decimal::from(5)
}

/// The best energy of what is stated, in kcal, and what is to be known of it. `computed` is what the provider worked out itself.
pub(super) fn energy(
    kilocalories: Option<Decimal>,
    kilojoules: Option<Decimal>,
    computed: Option<Decimal>,
) -> (Option<Decimal>, Option<Remark>) {
    let swapped = |(kilocalories, kilojoules): (Decimal, Decimal)| {
        let ratio = kilocalories.checked_div(kilojoules).unwrap_or_default();
        ratio >= Decimal::new(40, 1) && ratio <= Decimal::new(44, 1)
    };
    match (kilocalories, kilojoules) {
        (Some(calories), Some(joules)) if swapped((calories, joules)) => (Some(joules), Some(Remark::EnergySwapped)),
        (Some(calories), _) => (Some(calories), None),
        (None, Some(joules)) => (fdc_json::kilocalories(joules), Some(Remark::EnergyFromKilojoules)),
        (None, None) => (computed, computed.map(|_| Remark::EnergyComputed)),
    }
}

/// Text that was written for a web page, as people read it: entities decoded, one blank between words.
pub(super) fn plain(text: &str) -> String {
    tidy(&html_escape::decode_html_entities(text))
}

fn shortened(text: &str, most: usize) -> String {
    text.chars().take(most).collect::<String>().trim().to_owned()
}

/// A number as providers write it: as a number or as a string, and with all its decimals. `None` where it is neither, or less than nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Loose(pub Option<Decimal>);

impl Loose {
    pub fn of(raw: &RawValue) -> Self {
        Self(amount::exact(raw.get().trim_matches('"')).ok().filter(|value| !value.is_sign_negative() || value.is_zero()))
    }

    /// More than nothing.
    pub fn positive(self) -> Option<Decimal> {
        self.0.filter(|value| !value.is_zero())
    }
}

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::of(&Box::<RawValue>::deserialize(deserializer)?))
    }
}

/// A list that providers write as its only item where it has one.
#[derive(Clone, Debug, Default)]
pub(super) struct OneOrMany<T>(pub Vec<T>);

impl<'de, T: serde::de::DeserializeOwned> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let of = |error| serde::de::Error::custom(format!("{error}"));
        Ok(Self(match raw.get().as_bytes().first() {
            Some(b'[') => serde_json::from_str(raw.get()).map_err(of)?,
            Some(b'n') => Vec::new(),
            _ => vec![serde_json::from_str(raw.get()).map_err(of)?],
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect("a literal")
    }

    fn described(carbohydrate_basis: CarbohydrateBasis) -> Described {
        Described {
            provider: FoodProvider::OpenFoodFacts,
            id: "1".into(),
            name: "Food".into(),
            brand: None,
            barcode: None,
            size: Decimal::ONE_HUNDRED,
            unit: "g",
            basis: Basis::Label,
            carbohydrate_basis,
            portions: Vec::new(),
        }
    }

    fn of(amounts: &[(&'static str, &str)], carbohydrate_basis: CarbohydrateBasis) -> Option<ProviderFood> {
        let mut stated = Amounts::default();
        for (code, value) in amounts {
            stated.set(code, Some(decimal(value)));
        }
        described(carbohydrate_basis).with(stated, Vec::new(), DateTime::UNIX_EPOCH)
    }

    #[test]
    fn energy_that_nobody_states_is_computed_and_said_to_be() {
        let eu =
            of(&[("PROCNT", "4.5"), ("CHOCDF", "10.5"), ("FAT", "8.5"), ("FIBTG", "2")], CarbohydrateBasis::Available).expect("a food");
        assert_eq!((eu.food.calories, eu.remarks.as_slice()), (Some(decimal("140.5")), &[Remark::EnergyComputed][..]));
        assert_eq!(eu.food.basis, Basis::Estimated);
        let us = of(&[("PROCNT", "25"), ("CHOCDF", "40"), ("FAT", "12")], CarbohydrateBasis::Total).expect("a food");
        assert_eq!(us.food.calories, Some(decimal("368")));
        let beer = of(&[("PROCNT", "0.5"), ("CHOCDF", "3.6"), ("FAT", "0"), ("ALC", "3.9")], CarbohydrateBasis::Available).expect("a food");
        assert_eq!(beer.food.calories, Some(decimal("43.7")));
        assert_eq!(of(&[("PROCNT", "25"), ("FAT", "12")], CarbohydrateBasis::Total).expect("a food").food.calories, None);
    }

    #[test]
    fn energy_far_from_its_parts_is_remarked_and_kept() {
        let amounts = [("PROCNT", "4.5"), ("CHOCDF", "10.5"), ("FAT", "8.5"), ("FIBTG", "2"), ("ENERC_KCAL", "95.6")];
        let food = of(&amounts, CarbohydrateBasis::Available).expect("a food");
        assert_eq!((food.food.calories, food.remarks.as_slice()), (Some(decimal("95.6")), &[Remark::EnergyImplausible][..]));
        let close = [("PROCNT", "4.5"), ("CHOCDF", "10.5"), ("FAT", "8.5"), ("FIBTG", "2"), ("ENERC_KCAL", "130")];
        assert_eq!(of(&close, CarbohydrateBasis::Available).expect("a food").remarks, []);
        let little = [("PROCNT", "0.1"), ("CHOCDF", "2"), ("FAT", "0"), ("ENERC_KCAL", "1")];
        assert_eq!(of(&little, CarbohydrateBasis::Available).expect("a food").remarks, []);
    }

    #[test]
    fn kilojoules_stand_in_and_exchanged_energies_are_put_right() {
        let kcal = |value: &str| Some(decimal(value));
        assert_eq!(energy(None, kcal("400"), kcal("140.5")), (kcal("95.602294"), Some(Remark::EnergyFromKilojoules)));
        assert_eq!(energy(kcal("2252"), kcal("539"), None), (kcal("539"), Some(Remark::EnergySwapped)));
        assert_eq!(energy(kcal("539"), kcal("2252"), None), (kcal("539"), None));
        assert_eq!(energy(kcal("0"), kcal("0"), None), (kcal("0"), None));
        assert_eq!(energy(None, None, kcal("140.5")), (kcal("140.5"), Some(Remark::EnergyComputed)));
        assert_eq!(energy(None, None, None), (None, None));
    }

    #[test]
    fn a_food_without_a_name_or_of_which_nothing_is_known_is_none() {
        assert_eq!(of(&[], CarbohydrateBasis::Total), None);
        let nameless = Described { name: String::new(), ..described(CarbohydrateBasis::Total) };
        let mut amounts = Amounts::default();
        amounts.set("FAT", Some(Decimal::ONE));
        assert_eq!(nameless.with(amounts, Vec::new(), DateTime::UNIX_EPOCH), None);
    }

    #[test]
    fn numbers_are_read_however_they_are_written() {
        let read = |json: &str| serde_json::from_str::<Loose>(json).expect("anything").0;
        assert_eq!((read("1.50"), read("\"1.50\""), read("1e2")), (Some(decimal("1.5")), Some(decimal("1.5")), Some(decimal("100"))));
        for none in ["null", "\"\"", "\"traces\"", "-1", "true", "{}", "1e40"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn a_millionth_of_a_gram_is_a_microgram_before_it_is_rounded() {
        let read = |json: &str| serde_json::from_str::<Loose>(json).expect("anything").0.expect("a number");
        let micrograms = read("0.0000025").checked_mul(fdc_json::factor("g", "ug").expect("units of mass"));
        assert_eq!(micrograms, Some(decimal("2.5")));
    }

    #[test]
    fn one_item_is_a_list_too() {
        let read = |json: &str| serde_json::from_str::<OneOrMany<u8>>(json).map(|list| list.0).ok();
        assert_eq!((read("[1, 2]"), read("3"), read("null"), read("\"x\"")), (Some(vec![1, 2]), Some(vec![3]), Some(vec![]), None));
    }

    #[test]
    fn text_of_web_pages_becomes_plain() {
        assert_eq!(plain("Ben &amp; Jerry&#39;s  &quot;Cr&egrave;me&quot;\n"), "Ben & Jerry's \"Crème\"");
    }
}
