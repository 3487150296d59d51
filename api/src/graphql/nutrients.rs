//! Nutrients: the catalogue of them, and amounts beside what a day should have.

use std::collections::{BTreeSet, HashMap};

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject, dataloader::Loader};
use service::{
    nutrients::{self, Category, DailyValues},
    nutrition,
};

use super::{
    error::{Error, Result},
    scalars::{Decimal, Unchecked, Uuid},
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
    /// Which nutrient: an INFOODS tag name such as CA or VITC, or the code of one that the food's owner defined, such as X_CREATINE.
    async fn code(&self) -> &str {
        &self.nutrient.code
    }

    /// What it is called: in English, or as its owner does.
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
    /// Which nutrient: one of the query `nutrients` that has no field of its own, or one that the viewer defined.
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

/// What amounts of a nutrient are kept under.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NutrientKey(String);

impl Loader<NutrientKey> for Rows {
    type Value = nutrients::Nutrient;
    type Error = Error;

    async fn load(&self, keys: &[NutrientKey]) -> Result<HashMap<NutrientKey, nutrients::Nutrient>> {
        let keys: Vec<_> = keys.iter().map(|key| key.0.clone()).collect();
        let nutrients = nutrients::by_keys(&*self.0.read().await?, &keys).await?;
        Ok(nutrients.into_iter().map(|(key, nutrient)| (NutrientKey(key), nutrient)).collect())
    }
}

/// What clients call what amounts are kept under: its code, or as it is kept where somebody defined it and it is gone or not shown.
pub async fn code_of(ctx: &Context<'_>, key: &str) -> Result<String> {
    if !nutrients::is_personal_key(key) {
        return Ok(key.to_owned());
    }
    let nutrient = loaders(ctx).load_one(NutrientKey(key.to_owned())).await?;
    Ok(nutrient.map_or_else(|| key.to_owned(), |nutrient| nutrient.code))
}

/// What amounts of a code are kept under in any of `nutritions`: several where several people define nutrients of this code.
pub async fn keys_of<'a>(ctx: &Context<'_>, code: &str, nutritions: impl Iterator<Item = &'a nutrition::Nutrition>) -> Result<Vec<String>> {
    if !nutrients::is_personal_code(code) {
        return Ok(vec![code.to_owned()]);
    }
    let keys = nutritions.flat_map(|nutrition| nutrition.further().map(|(key, _)| key).filter(|key| nutrients::is_personal_key(key)));
    let keys: BTreeSet<_> = keys.map(|key| NutrientKey(key.to_owned())).collect();
    let known = loaders(ctx).load_many(keys).await?;
    Ok(known.into_iter().filter(|(_, nutrient)| nutrient.code == code).map(|(key, _)| key.0).collect())
}

impl NutrientAmount {
    /// The nutrients of `nutrition` that have no field of their own, in order of display.
    pub async fn further(ctx: &Context<'_>, nutrition: &nutrition::Nutrition) -> Result<Vec<Self>> {
        let mut known = loaders(ctx).load_many(nutrition.further().map(|(code, _)| NutrientKey(code.to_owned()))).await?;
        let named = nutrition.further().filter_map(|(code, amount)| {
            let nutrient = known.remove(&NutrientKey(code.to_owned()))?;
            Some(Self { nutrient, amount })
        });
        let mut amounts: Vec<_> = named.collect();
        amounts.sort_by(|one, other| (one.nutrient.position, &one.nutrient.code).cmp(&(other.nutrient.position, &other.nutrient.code)));
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
        let nutrient = loaders(ctx).load_one(NutrientKey(code)).await?;
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

/// A nutrient that a person defined: creatine, say. Whoever sees one of their foods sees its amounts under this name.
#[derive(SimpleObject)]
pub struct PersonalNutrient {
    /// Identifies it.
    id: Uuid,
    /// What it is written by in `NutritionInput.nutrients`.
    code: String,
    /// What it is called.
    name: String,
    /// The unit of its amounts: g, mg or ug.
    unit: String,
    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    version: i32,
}

impl From<nutrients::PersonalNutrient> for PersonalNutrient {
    fn from(row: nutrients::PersonalNutrient) -> Self {
        Self { id: Uuid(row.id), code: row.code, name: row.name, unit: row.unit, version: row.version }
    }
}

/// A nutrient to define.
#[derive(InputObject)]
pub struct CreateNutrientInput {
    /// X_ and 1 to 18 capital letters, digits or underscores: X_CREATINE. It stays.
    code: String,
    /// What it is called.
    name: String,
    /// The unit of its amounts: g, mg or ug. It stays.
    unit: String,
}

/// What is to change of a nutrient of one's own.
#[derive(InputObject)]
pub struct UpdateNutrientInput {
    /// Which nutrient.
    id: Unchecked<Uuid>,
    /// What it is called.
    name: String,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// Which nutrient of one's own to delete.
#[derive(InputObject)]
pub struct DeleteNutrientInput {
    /// Which nutrient.
    id: Unchecked<Uuid>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// The nutrient that was defined.
#[derive(SimpleObject)]
pub struct CreateNutrientPayload {
    /// The nutrient.
    nutrient: PersonalNutrient,
}

/// The nutrient after the change.
#[derive(SimpleObject)]
pub struct UpdateNutrientPayload {
    /// The nutrient.
    nutrient: PersonalNutrient,
}

/// The nutrient that was deleted.
#[derive(SimpleObject)]
pub struct DeleteNutrientPayload {
    /// Its id.
    deleted_id: Uuid,
}

/// Nutrients of one's own.
#[derive(Default)]
pub struct NutrientsMutation;

#[Object]
impl NutrientsMutation {
    /// Defines a nutrient of the viewer's own, whose amounts foods may then state.
    async fn create_nutrient(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The nutrient.")] input: CreateNutrientInput,
    ) -> Option<Result<CreateNutrientPayload>> {
        nullable(async {
            let tx = scope(ctx).write().await?;
            let nutrient = nutrients::create(&tx, &input.code, &input.name, &input.unit).await?;
            tx.commit().await?;
            Ok(CreateNutrientPayload { nutrient: nutrient.into() })
        })
        .await
    }

    /// Renames a nutrient of the viewer's own.
    async fn update_nutrient(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateNutrientInput,
    ) -> Option<Result<UpdateNutrientPayload>> {
        nullable(async {
            let id = input.id.check("id")?.0;
            let tx = scope(ctx).write().await?;
            let nutrient = nutrients::rename(&tx, id, &input.name, input.expected_version).await?;
            tx.commit().await?;
            Ok(UpdateNutrientPayload { nutrient: nutrient.into() })
        })
        .await
    }

    /// Deletes a nutrient of the viewer's own. Amounts of it are shown no more.
    async fn delete_nutrient(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which nutrient.")] input: DeleteNutrientInput,
    ) -> Option<Result<DeleteNutrientPayload>> {
        nullable(async {
            let id = input.id.check("id")?.0;
            let tx = scope(ctx).write().await?;
            let deleted = nutrients::delete(&tx, id, input.expected_version).await?;
            tx.commit().await?;
            Ok(DeleteNutrientPayload { deleted_id: Uuid(deleted) })
        })
        .await
    }
}
