//! Nutrients: the catalogue of them, and amounts beside what a day should have.

use std::collections::HashMap;

use async_graphql::{Context, Enum, InputObject, Object, dataloader::Loader};
use service::{
    nutrients::{self, Category, DailyValues},
    nutrition,
};

use super::{
    error::{Error, Result},
    scalars::{Decimal, Unchecked},
    scope::{Rows, loaders, nullable, scope},
};

/// A nutrient that amounts can be told of.
#[derive(Clone)]
pub struct Nutrient(nutrients::Nutrient);

/// A nutrient that amounts can be told of.
#[Object]
impl Nutrient {
    /// Identifies it: an INFOODS tag name such as CA or VITC.
    async fn code(&self) -> &str {
        &self.0.code
    }

    /// What it is called, in English.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The unit of its amounts: kcal, g, mg or ug.
    async fn unit(&self) -> &str {
        &self.0.unit
    }

    /// What it is.
    async fn category(&self) -> NutrientCategory {
        self.0.category.into()
    }

    /// The field of `Nutrition` and `NutritionInput` that holds it; null for those that are told in `nutrients`.
    async fn field(&self) -> Option<&str> {
        self.0.headline.as_deref()
    }

    /// How much of it an adult should have a day, in `unit`; null where nothing is recommended.
    async fn daily_value(&self, #[graphql(desc = "By whose recommendation.")] standard: DailyValueStandard) -> Option<Decimal> {
        match standard {
            DailyValueStandard::Fda => self.0.fda_daily_value.map(Decimal),
            DailyValueStandard::Eu => self.0.eu_daily_value.map(Decimal),
        }
    }
}

/// What a nutrient is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Category")]
pub enum NutrientCategory {
    /// What food consists of, and its energy.
    Macronutrient,
    /// A vitamin, one of its forms, or choline.
    Vitamin,
    /// A mineral or trace element.
    Mineral,
    /// An indispensable amino acid.
    AminoAcid,
    /// Anything else.
    Other,
}

/// Whose recommendation a day's amount is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "DailyValues")]
pub enum DailyValueStandard {
    /// Of the USA: 21 CFR 101.9, rule of 2016, from 4 years on.
    Fda,
    /// Of the EU: Regulation 1169/2011, Annex XIII.
    Eu,
}

/// How much of a nutrient there is.
pub struct NutrientAmount {
    nutrient: nutrients::Nutrient,
    amount: rust_decimal::Decimal,
}

/// How much of a nutrient there is.
#[Object]
impl NutrientAmount {
    /// Which nutrient: an INFOODS tag name such as CA or VITC.
    async fn code(&self) -> &str {
        &self.nutrient.code
    }

    /// What it is called, in English.
    async fn name(&self) -> &str {
        &self.nutrient.name
    }

    /// How much, in `unit`.
    async fn amount(&self) -> Decimal {
        Decimal(self.amount)
    }

    /// The unit of `amount`: g, mg or ug.
    async fn unit(&self) -> &str {
        &self.nutrient.unit
    }

    /// How much of a day's recommended amount that is, in percent with two decimals; null where nothing is recommended.
    async fn daily_value_percent(&self, #[graphql(desc = "By whose recommendation.")] standard: DailyValueStandard) -> Option<Decimal> {
        nutrients::daily_share(&self.nutrient, self.amount, standard.into()).map(Decimal)
    }
}

/// How much of a nutrient there is.
#[derive(InputObject)]
pub struct NutrientAmountInput {
    /// Which nutrient: one of the query `nutrients` that has no field of its own.
    code: String,
    /// How much, in the unit of that nutrient.
    amount: Unchecked<Decimal>,
}

impl NutrientAmountInput {
    /// The amounts of a list in `nutrition.nutrients`.
    pub fn check(inputs: Vec<Self>) -> Result<Vec<nutrition::NutrientAmount>> {
        let amount = |(position, input): (usize, Self)| {
            let amount = input.amount.check(&format!("nutrition.nutrients[{position}].amount"))?.0;
            Ok(nutrition::NutrientAmount { code: input.code, amount })
        };
        inputs.into_iter().enumerate().map(amount).collect()
    }
}

/// The key of a nutrient.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct NutrientCode(String);

impl Loader<NutrientCode> for Rows {
    type Value = nutrients::Nutrient;
    type Error = Error;

    async fn load(&self, codes: &[NutrientCode]) -> Result<HashMap<NutrientCode, nutrients::Nutrient>> {
        let codes: Vec<_> = codes.iter().map(|code| code.0.clone()).collect();
        let nutrients = nutrients::by_codes(&*self.0.read().await?, &codes).await?;
        Ok(nutrients.into_iter().map(|nutrient| (NutrientCode(nutrient.code.clone()), nutrient)).collect())
    }
}

impl NutrientAmount {
    /// The nutrients of `nutrition` that have no field of their own, in order of display.
    pub async fn further(ctx: &Context<'_>, nutrition: &nutrition::Nutrition) -> Result<Vec<Self>> {
        let mut known = loaders(ctx).load_many(nutrition.further().map(|(code, _)| NutrientCode(code.to_owned()))).await?;
        let named = nutrition.further().filter_map(|(code, amount)| {
            let nutrient = known.remove(&NutrientCode(code.to_owned()))?;
            Some(Self { nutrient, amount })
        });
        let mut amounts: Vec<_> = named.collect();
        amounts.sort_by_key(|amount| amount.nutrient.position);
        Ok(amounts)
    }

    /// How much of a day's recommended amount of a nutrient `nutrition` has.
    pub async fn daily_share(
        ctx: &Context<'_>,
        nutrition: &nutrition::Nutrition,
        code: String,
        standard: DailyValueStandard,
    ) -> Result<Option<Decimal>> {
        let Some(amount) = nutrition.nutrient(&code) else { return Ok(None) };
        let nutrient = loaders(ctx).load_one(NutrientCode(code)).await?;
        Ok(nutrient.and_then(|nutrient| nutrients::daily_share(&nutrient, amount, standard.into())).map(Decimal))
    }
}

/// The catalogue of nutrients.
#[derive(Default)]
pub struct NutrientsQuery;

#[Object]
impl NutrientsQuery {
    /// All nutrients that amounts can be told of, in order of display.
    async fn nutrients(&self, ctx: &Context<'_>) -> Option<Result<Vec<Nutrient>>> {
        nullable(async { Ok(nutrients::all(&*scope(ctx).read().await?).await?.into_iter().map(Nutrient).collect()) }).await
    }
}
