//! Nutrition as arithmetic: amounts that may be unknown, scaled and summed exactly. Unknown is not zero.

use entity::{food_diary, nutrition_data::CarbohydrateBasis, unit::round};
use rust_decimal::Decimal;
use sea_orm::{FromQueryResult, JsonValue};
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Result},
    meals::scaling::Share,
    sync::{
        collection::{self, Document},
        merge::Refused,
    },
};

/// Decimals that a diary row keeps of a nutrient. A label's finest figure has three per 100 g and a quantity three of its
/// own; six hold their product for every portion up to a gram's thousandth, so sums of rows are exact.
pub const SNAPSHOT_DECIMALS: u32 = 6;

/// The most servings that a diary row holds: those of a microgram in a hundred kilograms.
const MOST_SERVINGS: i64 = 100_000_000_000;

/// What a food or an amount of it contains; `None` where the source does not say.
#[derive(Clone, Debug, PartialEq, Serialize, FromQueryResult)]
pub struct Nutrition {
    /// Energy in kcal.
    pub calories: Option<Decimal>,
    /// Protein in g.
    pub protein: Option<Decimal>,
    /// Carbohydrates in g.
    pub carbohydrates: Option<Decimal>,
    /// Fat in g.
    pub fat: Option<Decimal>,
    /// Fibre in g.
    pub fiber: Option<Decimal>,
    /// Sugars in g.
    pub sugar: Option<Decimal>,
    /// Sodium in mg.
    pub sodium: Option<Decimal>,
    /// Further nutrients: decimal strings by code.
    pub nutrients: JsonValue,
}

/// An amount of a nutrient that has no column of its own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NutrientAmount {
    /// Code of the catalogue of nutrients.
    pub code: String,
    /// How much, in the unit that the catalogue gives it.
    pub amount: Decimal,
}

/// What a serving contains as a person types it. Part of a creation's fingerprint.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Headline {
    /// Energy in kcal.
    pub calories: Option<Decimal>,
    /// Protein in g.
    pub protein: Option<Decimal>,
    /// Carbohydrates in g.
    pub carbohydrates: Option<Decimal>,
    /// Fat in g.
    pub fat: Option<Decimal>,
    /// Fibre in g.
    pub fiber: Option<Decimal>,
    /// Sugars in g.
    pub sugar: Option<Decimal>,
    /// Sodium in mg.
    pub sodium: Option<Decimal>,
    /// Further nutrients, which `nutrients::checked` makes ready to be stored; `None` when nothing is said of them.
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub nutrients: Option<Vec<NutrientAmount>>,
}

/// Carbohydrates in the ways that they are told. `None` where what is known does not say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Carbohydrates {
    /// What the food itself states.
    pub basis: Option<CarbohydrateBasis>,
    /// With fibre, as in the USA, in g.
    pub total: Option<Decimal>,
    /// Without fibre, as in the EU, in g.
    pub available: Option<Decimal>,
    /// Available ones without erythritol, the polyol that gives no energy, in g.
    pub net: Option<Decimal>,
}

impl Headline {
    /// The headline nutrients, each checked under its field's name, and none besides.
    pub(crate) fn checked(self) -> Result<Nutrition> {
        let amount = |field: &str, value: Option<Decimal>| {
            value
                .map(|value| crate::input::number(&format!("nutrition.{field}"), value, 6, Decimal::ZERO..=Decimal::from(100_000)))
                .transpose()
        };
        Ok(Nutrition {
            calories: amount("calories", self.calories)?,
            protein: amount("protein", self.protein)?,
            carbohydrates: amount("carbohydrates", self.carbohydrates)?,
            fat: amount("fat", self.fat)?,
            fiber: amount("fiber", self.fiber)?,
            sugar: amount("sugar", self.sugar)?,
            sodium: amount("sodium", self.sodium)?,
            nutrients: JsonValue::Object(serde_json::Map::new()),
        })
    }
}

impl From<&food_diary::Model> for Nutrition {
    fn from(row: &food_diary::Model) -> Self {
        Self {
            calories: row.calories,
            protein: row.protein,
            carbohydrates: row.carbohydrates,
            fat: row.fat,
            fiber: row.fiber,
            sugar: row.sugar,
            sodium: row.sodium,
            nutrients: row.nutrients.clone(),
        }
    }
}

impl TryFrom<&Document> for Nutrition {
    type Error = Refused;

    fn try_from(document: &Document) -> Result<Self, Refused> {
        let amount = |column| collection::decimal(document, column);
        Ok(Self {
            calories: amount("calories")?,
            protein: amount("protein")?,
            carbohydrates: amount("carbohydrates")?,
            fat: amount("fat")?,
            fiber: amount("fiber")?,
            sugar: amount("sugar")?,
            sodium: amount("sodium")?,
            nutrients: document.get("nutrients").cloned().unwrap_or_else(|| serde_json::Map::new().into()),
        })
    }
}

impl Nutrition {
    /// That of which nothing is known.
    pub fn unknown() -> Self {
        Self {
            calories: None,
            protein: None,
            carbohydrates: None,
            fat: None,
            fiber: None,
            sugar: None,
            sodium: None,
            nutrients: serde_json::Map::new().into(),
        }
    }

    /// The headline nutrients with their names.
    pub(crate) fn headline(&self) -> [(&'static str, Option<Decimal>); 7] {
        let amounts = [self.calories, self.protein, self.carbohydrates, self.fat, self.fiber, self.sugar, self.sodium];
        std::array::from_fn(|place| (NAMES[place], amounts[place]))
    }

    /// What `servings` of it contain, rounded once.
    pub fn times(&self, servings: Decimal) -> Result<Self> {
        self.share(Share::of(servings, Decimal::ONE))
    }

    /// What a share of it contains, or several times as much of it, rounded once.
    pub(crate) fn share(&self, share: Share) -> Result<Self> {
        let too_much = || Error::invalid("quantity", "is more than anyone can eat: check the unit");
        // Nothing need be known of a food, so that its nutrients alone do not tell.
        if share.amount(Decimal::ONE).is_none_or(|times| times > Decimal::from(MOST_SERVINGS)) {
            return Err(too_much());
        }
        let scaled = |amount: Decimal| {
            share
                .amount(amount)
                .map(|product| round(product, SNAPSHOT_DECIMALS))
                .filter(|product| *product <= Decimal::from(10_000_000))
                .ok_or_else(too_much)
        };
        self.each(scaled)
    }

    /// The same with each amount that is known made another one.
    pub(crate) fn each(&self, other: impl Fn(Decimal) -> Result<Decimal>) -> Result<Self> {
        let maybe = |amount: Option<Decimal>| amount.map(&other).transpose();
        let mut nutrients = serde_json::Map::new();
        for (code, amount) in self.further() {
            nutrients.insert(code.to_owned(), other(amount)?.normalize().to_string().into());
        }
        Ok(Self {
            calories: maybe(self.calories)?,
            protein: maybe(self.protein)?,
            carbohydrates: maybe(self.carbohydrates)?,
            fat: maybe(self.fat)?,
            fiber: maybe(self.fiber)?,
            sugar: maybe(self.sugar)?,
            sodium: maybe(self.sodium)?,
            nutrients: nutrients.into(),
        })
    }

    /// As JSON, which [`Nutrition::try_from`] reads again.
    pub(crate) fn document(&self) -> Document {
        let amount = |amount: Option<Decimal>| amount.map(|amount| amount.normalize().to_string()).into();
        let mut document: Document = self.headline().into_iter().map(|(name, value)| (name.to_owned(), amount(value))).collect();
        document.insert("nutrients".to_owned(), self.nutrients.clone());
        document
    }

    /// Further nutrients: codes and amounts, ordered by code.
    pub fn further(&self) -> impl Iterator<Item = (&str, Decimal)> {
        self.nutrients.as_object().into_iter().flatten().filter_map(|(code, amount)| Some((code.as_str(), parse(amount)?)))
    }

    /// Salt in g: 2.5 times sodium by Regulation (EU) 1169/2011, Annex I.
    pub fn salt(&self) -> Option<Decimal> {
        self.sodium.map(|sodium| round(sodium * Decimal::new(25, 4), SNAPSHOT_DECIMALS))
    }

    /// Carbohydrates by both conventions. What includes fibre and what does not differ by it, so it must be known; more fibre than
    /// carbohydrates that should include it is no statement at all.
    pub fn carbohydrates_by(&self, basis: Option<CarbohydrateBasis>) -> Carbohydrates {
        let stated = self.carbohydrates;
        let (total, available) = match basis {
            Some(CarbohydrateBasis::Total) => {
                (stated, stated.zip(self.fiber).map(|(total, fiber)| total - fiber).filter(|rest| !rest.is_sign_negative()))
            }
            Some(CarbohydrateBasis::Available) => (stated.zip(self.fiber).map(|(available, fiber)| available + fiber), stated),
            None => (None, None),
        };
        let erythritol = self.nutrient("ERYTHL").unwrap_or_default();
        let net = available.map(|available| (available - erythritol).max(Decimal::ZERO));
        Carbohydrates { basis, total, available, net }
    }

    /// A nutrient by its code; the headline ones answer to their INFOODS tag names too.
    pub fn nutrient(&self, code: &str) -> Option<Decimal> {
        match code {
            "ENERC_KCAL" => self.calories,
            "PROCNT" => self.protein,
            "CHOCDF" => self.carbohydrates,
            "FAT" => self.fat,
            "FIBTG" => self.fiber,
            "SUGAR" => self.sugar,
            "NA" => self.sodium,
            _ => self.nutrients.get(code).and_then(parse),
        }
    }
}

impl Nutrition {
    /// How many percent of the energy of macros protein, carbohydrates and fat have, by 4, 4 and 9 kcal per g; together 100. `None`
    /// unless all three are known and one of them is there.
    pub fn energy_percentages(&self) -> Option<[u32; 3]> {
        let energy = [self.protein? * Decimal::from(4), self.carbohydrates? * Decimal::from(4), self.fat? * Decimal::from(9)];
        percentages(&energy)?.try_into().ok()
    }
}

/// Whole percentages of `parts` that add up to 100, by largest remainder; of equal remainders the first. `None` without anything to
/// share out.
pub fn percentages(parts: &[Decimal]) -> Option<Vec<u32>> {
    let sum: Decimal = parts.iter().sum();
    if sum <= Decimal::ZERO || parts.iter().any(|part| part.is_sign_negative() && !part.is_zero()) {
        return None;
    }
    let exact = parts.iter().map(|part| part.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(sum)).collect::<Option<Vec<_>>>()?;
    let mut whole = exact.iter().map(|share| u32::try_from(share.trunc()).ok()).collect::<Option<Vec<_>>>()?;
    let mut by_remainder: Vec<_> = (0..exact.len()).collect();
    by_remainder.sort_by_key(|place| std::cmp::Reverse(exact[*place].fract()));
    let missing = 100_u32.saturating_sub(whole.iter().sum());
    for place in by_remainder.into_iter().take(usize::try_from(missing).unwrap_or_default()) {
        whole[place] += 1;
    }
    Some(whole)
}

fn parse(amount: &JsonValue) -> Option<Decimal> {
    amount.as_str().and_then(|text| Decimal::from_str_exact(text).ok())
}

/// Sums of what is known, and the names of what at least one part does not state.
#[derive(Clone, Debug, Default, PartialEq, FromQueryResult)]
pub struct Totals {
    /// Energy in kcal.
    pub calories: Decimal,
    /// Protein in g.
    pub protein: Decimal,
    /// Carbohydrates in g.
    pub carbohydrates: Decimal,
    /// Fat in g.
    pub fat: Decimal,
    /// Fibre in g.
    pub fiber: Decimal,
    /// Sugars in g.
    pub sugar: Decimal,
    /// Sodium in mg.
    pub sodium: Decimal,
    /// Names of nutrients that are not known of every part, in the order of the fields.
    pub unknown: Vec<String>,
}

impl Totals {
    /// The sums of diary rows. A day is read with its rows, so that its totals cost no second statement.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a food_diary::Model>) -> Self {
        let mut totals = Self::default();
        let mut missing = [false; 7];
        for row in rows {
            let parts = [row.calories, row.protein, row.carbohydrates, row.fat, row.fiber, row.sugar, row.sodium];
            for ((sum, part), missing) in totals.sums().into_iter().zip(parts).zip(&mut missing) {
                *sum += part.unwrap_or_default();
                *missing |= part.is_none();
            }
        }
        totals.unknown = NAMES.iter().zip(missing).filter(|(_, missing)| *missing).map(|(name, _)| (*name).to_owned()).collect();
        totals
    }

    /// The sums of amounts.
    pub fn of_nutrition<'a>(amounts: impl IntoIterator<Item = &'a Nutrition>) -> Self {
        let mut totals = Self::default();
        let mut missing = [false; 7];
        for amount in amounts {
            for ((sum, (_, part)), missing) in totals.sums().into_iter().zip(amount.headline()).zip(&mut missing) {
                *sum += part.unwrap_or_default();
                *missing |= part.is_none();
            }
        }
        totals.unknown = NAMES.iter().zip(missing).filter(|(_, missing)| *missing).map(|(name, _)| (*name).to_owned()).collect();
        totals
    }

    /// The mean over `days`; `None` without a day.
    pub fn average(days: &[Self]) -> Option<Self> {
        let count = Decimal::from(days.len());
        let mut mean = Self::default();
        for day in days {
            let mut day = day.clone();
            for (sum, part) in mean.sums().into_iter().zip(day.sums()) {
                *sum += *part;
            }
        }
        for sum in mean.sums() {
            *sum = round(sum.checked_div(count)?, SNAPSHOT_DECIMALS);
        }
        mean.unknown = NAMES
            .iter()
            .filter(|name| days.iter().any(|day| day.unknown.iter().any(|unknown| unknown == *name)))
            .map(|name| (*name).to_owned())
            .collect();
        Some(mean)
    }

    fn sums(&mut self) -> [&mut Decimal; 7] {
        [&mut self.calories, &mut self.protein, &mut self.carbohydrates, &mut self.fat, &mut self.fiber, &mut self.sugar, &mut self.sodium]
    }
}

const NAMES: [&str; 7] = ["calories", "protein", "carbohydrates", "fat", "fiber", "sugar", "sodium"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_calories(calories: Option<Decimal>) -> Nutrition {
        Nutrition { calories, ..Headline::default().checked().expect("nothing to refuse") }
    }

    #[test]
    fn unknown_stays_unknown() {
        assert_eq!(of_calories(None).times(Decimal::TWO).expect("in range").calories, None);
        assert_eq!(of_calories(Some(Decimal::ZERO)).times(Decimal::TWO).expect("in range").calories, Some(Decimal::ZERO));
    }

    #[test]
    fn an_average_needs_a_day() {
        assert_eq!(Totals::average(&[]), None);
    }

    #[test]
    fn a_tablespoon_of_butter_keeps_every_digit() {
        let fat = of_calories(Some(Decimal::new(8111, 2)));
        assert_eq!(fat.times(Decimal::new(142, 3)).expect("in range").calories, Some(Decimal::new(1_151_762, 5)));
    }

    #[test]
    fn carbohydrates_are_told_with_and_without_fibre() {
        let decimal = |text: &str| Some(Decimal::from_str_exact(text).expect("a literal"));
        let of = |carbohydrates: &str, fiber: Option<&str>| Nutrition {
            carbohydrates: decimal(carbohydrates),
            fiber: fiber.and_then(decimal),
            ..of_calories(None)
        };
        let banana = of("22.84", Some("2.6")).carbohydrates_by(Some(CarbohydrateBasis::Total));
        assert_eq!((banana.total, banana.available, banana.net), (decimal("22.84"), decimal("20.24"), decimal("20.24")));
        let sweetened = Nutrition { nutrients: serde_json::json!({ "ERYTHL": "5" }), ..of("30", Some("8")) };
        assert_eq!(sweetened.carbohydrates_by(Some(CarbohydrateBasis::Total)).net, decimal("17"));
        let rye = of("38.8", Some("8.5")).carbohydrates_by(Some(CarbohydrateBasis::Available));
        assert_eq!((rye.total, rye.available), (decimal("47.3"), decimal("38.8")));
        let without_fiber = of("22.84", None).carbohydrates_by(Some(CarbohydrateBasis::Total));
        assert_eq!((without_fiber.total, without_fiber.available), (decimal("22.84"), None));
        let nobody_said = of("22.84", Some("2.6")).carbohydrates_by(None);
        assert_eq!((nobody_said.total, nobody_said.available, nobody_said.net), (None, None, None));
        assert_eq!(of("5", Some("8")).carbohydrates_by(Some(CarbohydrateBasis::Total)).available, None, "this cannot be");
    }

    #[test]
    fn salt_is_two_and_a_half_times_sodium() {
        let salted = Nutrition { sodium: Some(Decimal::from(643)), ..of_calories(None) };
        assert_eq!(salted.salt(), Some(Decimal::new(16_075, 4)));
        assert_eq!(of_calories(None).salt(), None);
    }

    #[test]
    fn percentages_add_up_by_largest_remainder() {
        let of = |parts: &[i64]| percentages(&parts.iter().map(|part| Decimal::from(*part)).collect::<Vec<_>>());
        assert_eq!(of(&[1, 1, 1]), Some(vec![34, 33, 33]));
        assert_eq!(of(&[100, 160, 108]), Some(vec![27, 44, 29]));
        assert_eq!(of(&[0, 0, 7]), Some(vec![0, 0, 100]));
        assert_eq!(of(&[0, 0, 0]), None);
        assert_eq!(of(&[]), None);
        let macros = |fat: Option<i64>| Nutrition {
            protein: Some(Decimal::from(25)),
            carbohydrates: Some(Decimal::from(40)),
            fat: fat.map(Decimal::from),
            ..of_calories(Some(Decimal::from(900)))
        };
        assert_eq!(macros(Some(12)).energy_percentages(), Some([27, 44, 29]), "by their own sum, not by what is declared");
        assert_eq!(macros(None).energy_percentages(), None);
    }

    proptest! {
        #[test]
        fn percentages_are_whole_and_near(parts in proptest::collection::vec(0i64..1_000_000, 1..8)) {
            let parts: Vec<_> = parts.into_iter().map(Decimal::from).collect();
            let sum: Decimal = parts.iter().sum();
            match percentages(&parts) {
                None => prop_assert!(sum.is_zero()),
                Some(shares) => {
                    prop_assert_eq!(shares.iter().sum::<u32>(), 100);
                    for (part, share) in parts.iter().zip(shares) {
                        prop_assert!((part * Decimal::ONE_HUNDRED / sum - Decimal::from(share)).abs() < Decimal::ONE);
                    }
                }
            }
        }

        #[test]
        fn whole_servings_scale_exactly(thousandths in 0i64..100_000_000, servings in 1i64..100) {
            let amount = Decimal::new(thousandths, 3);
            let scaled = of_calories(Some(amount)).times(Decimal::from(servings));
            match scaled {
                Ok(scaled) => prop_assert_eq!(scaled.calories, Some(amount * Decimal::from(servings))),
                Err(_) => prop_assert!(amount * Decimal::from(servings) > Decimal::from(10_000_000)),
            }
        }
    }
}
