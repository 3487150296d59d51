//! The catalogue of nutrients: what there is beyond energy and macros, in which unit, and what a day should have of it.

use std::collections::HashMap;

pub use entity::nutrients::{Category, Model as Nutrient};
use entity::nutrients::{Column, Entity};
use rust_decimal::Decimal;
use sea_orm::{ColumnTrait, EntityTrait, JsonValue, QueryFilter, QueryOrder};

use crate::{
    access::Tx,
    error::{Error, Result},
    input,
    nutrition::NutrientAmount,
};

/// Whose recommendation a share of a day's amount is told by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DailyValues {
    /// 21 CFR 101.9 of 2016, for adults and children of 4 and more.
    Fda,
    /// Regulation (EU) 1169/2011, Annex XIII.
    Eu,
}

/// All nutrients, in order of display.
pub async fn all(tx: &Tx) -> Result<Vec<Nutrient>> {
    Ok(Entity::find().order_by_asc(Column::Position).order_by_asc(Column::Code).all(tx).await?)
}

/// The nutrients of these codes, in order of display.
pub async fn by_codes(tx: &Tx, codes: &[String]) -> Result<Vec<Nutrient>> {
    Ok(Entity::find().filter(Column::Code.is_in(codes)).order_by_asc(Column::Position).order_by_asc(Column::Code).all(tx).await?)
}

/// Amounts by code as they are stored, each checked under its place in `nutrition.nutrients`.
pub(crate) async fn checked(tx: &Tx, amounts: Vec<NutrientAmount>) -> Result<JsonValue> {
    let mut stored = serde_json::Map::new();
    if amounts.is_empty() {
        return Ok(stored.into());
    }
    let codes: Vec<_> = amounts.iter().map(|nutrient| nutrient.code.clone()).collect();
    let known: HashMap<_, _> = by_codes(tx, &codes).await?.into_iter().map(|nutrient| (nutrient.code.clone(), nutrient)).collect();
    for (position, NutrientAmount { code, amount }) in amounts.into_iter().enumerate() {
        let field = |name: &str| format!("nutrition.nutrients[{position}].{name}");
        let refused = |message: String| Err(Error::invalid(field("code"), message));
        match known.get(&code).map(|nutrient| nutrient.headline.as_deref()) {
            None => return refused(format!("\"{code}\" is no nutrient: the query `nutrients` lists those that there are")),
            Some(Some(headline)) => return refused(format!("{code} has a field of its own: write it as nutrition.{headline}")),
            Some(None) => {}
        }
        let amount = input::number(&field("amount"), amount, 6, Decimal::ZERO..=Decimal::from(100_000))?;
        if stored.insert(code.clone(), amount.to_string().into()).is_some() {
            return refused(format!("{code} is there twice: write one amount of it"));
        }
    }
    Ok(stored.into())
}

/// How much of what `standard` recommends a day `amount` is, in percent with two decimals; `None` where it recommends nothing.
pub fn daily_share(nutrient: &Nutrient, amount: Decimal, standard: DailyValues) -> Option<Decimal> {
    let daily_value = match standard {
        DailyValues::Fda => nutrient.fda_daily_value,
        DailyValues::Eu => nutrient.eu_daily_value,
    }?;
    let share = amount.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(daily_value)?;
    Some(entity::unit::round(share, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_a_days_sodium() {
        let sodium = Nutrient {
            code: "NA".to_owned(),
            name: "Sodium".to_owned(),
            unit: "mg".to_owned(),
            position: 1,
            category: Category::Mineral,
            headline: Some("sodium".to_owned()),
            fda_daily_value: Some(Decimal::from(2300)),
            eu_daily_value: Some(Decimal::from(2400)),
        };
        let share = |standard| daily_share(&sodium, Decimal::from(643), standard).expect("recommended by both").to_string();
        assert_eq!((share(DailyValues::Fda), share(DailyValues::Eu)), ("27.96".to_owned(), "26.79".to_owned()));
        let without = Nutrient { fda_daily_value: None, ..sodium.clone() };
        assert_eq!(daily_share(&without, Decimal::ONE, DailyValues::Fda), None);
    }
}
