//! Nutrients beyond energy and macros: the catalogue of them with what a day should have of each, and those that people define.

use std::collections::HashMap;

use entity::{
    id::UserId,
    nutrients::{Column, Entity},
    personal_nutrients as personal,
};
pub use entity::{
    nutrients::{Category, Model as Nutrient},
    personal_nutrients::Model as PersonalNutrient,
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, JsonValue, QueryFilter, QueryOrder,
};
use uuid::Uuid;

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

/// The nutrients that amounts are kept under these keys for, by key: codes of the catalogue, and ids of those that people defined, as far
/// as the viewer may see them.
pub async fn by_keys(tx: &Tx, keys: &[String]) -> Result<HashMap<String, Nutrient>> {
    let (ids, codes): (Vec<_>, Vec<_>) = keys.iter().partition(|key| is_personal_key(key));
    let mut nutrients = HashMap::new();
    if !codes.is_empty() {
        let rows = Entity::find().filter(Column::Code.is_in(codes)).all(tx).await?;
        nutrients.extend(rows.into_iter().map(|row| (row.code.clone(), row)));
    }
    if !ids.is_empty() {
        let ids: Vec<_> = ids.iter().filter_map(|id| Uuid::parse_str(id).ok()).collect();
        let rows = personal::Entity::find().filter(personal::Column::Id.is_in(ids)).all(tx).await?;
        nutrients.extend(rows.into_iter().map(|row| (row.id.to_string(), described(row))));
    }
    Ok(nutrients)
}

/// A nutrient that somebody defined, in the terms of the catalogue: last in order, and nobody recommends any of it.
fn described(row: PersonalNutrient) -> Nutrient {
    let PersonalNutrient { code, name, unit, .. } = row;
    Nutrient { code, name, unit, position: 1001, category: Category::Other, headline: None, fda_daily_value: None, eu_daily_value: None }
}

/// Amounts by key as they are stored, each checked under its place in `nutrition.nutrients`. Codes that begin with X_ are the viewer's own.
pub(crate) async fn checked(tx: &Tx, amounts: Vec<NutrientAmount>) -> Result<JsonValue> {
    let mut stored = serde_json::Map::new();
    if amounts.is_empty() {
        return Ok(stored.into());
    }
    if amounts.len() > MOST_AMOUNTS {
        return Err(Error::invalid("nutrition.nutrients", format!("write at most {MOST_AMOUNTS}")));
    }
    let codes: Vec<_> = amounts.iter().map(|nutrient| nutrient.code.clone()).collect();
    let catalogue = Entity::find().filter(Column::Code.is_in(codes.clone())).all(tx).await?;
    let mut keys: HashMap<_, _> = catalogue.into_iter().map(|row| (row.code.clone(), (row.code, row.headline))).collect();
    if codes.iter().any(|code| is_personal_code(code)) {
        let own = personal::Entity::find().filter(personal::Column::UserId.eq(tx.viewer()?)).filter(personal::Column::Code.is_in(codes));
        keys.extend(own.all(tx).await?.into_iter().map(|row| (row.code, (row.id.to_string(), None))));
    }
    for (position, NutrientAmount { code, amount }) in amounts.into_iter().enumerate() {
        let field = |name: &str| format!("nutrition.nutrients[{position}].{name}");
        let refused = |message: String| Err(Error::invalid(field("code"), message));
        let key = match keys.get(&code) {
            None if is_personal_code(&code) => return refused(format!("you have defined no {code}: createNutrient does")),
            None => return refused(format!("\"{code}\" is no nutrient: the query `nutrients` lists those that there are")),
            Some((_, Some(headline))) => return refused(format!("{code} has a field of its own: write it as nutrition.{headline}")),
            Some((key, None)) => key,
        };
        let amount = input::number(&field("amount"), amount, 6, Decimal::ZERO..=Decimal::from(100_000))?;
        if stored.insert(key.clone(), amount.to_string().into()).is_some() {
            return refused(format!("{code} is there twice: write one amount of it"));
        }
    }
    Ok(stored.into())
}

/// Whether a nutrient of this code is one that somebody defines.
#[must_use]
pub fn is_personal_code(code: &str) -> bool {
    code.starts_with(PERSONAL)
}

/// Whether amounts under this key are of a nutrient that somebody defined.
#[must_use]
pub fn is_personal_key(key: &str) -> bool {
    Uuid::parse_str(key).is_ok()
}

/// All nutrients that `person` can write amounts of, by what these are kept under.
pub async fn known_to(tx: &Tx, person: UserId) -> Result<Vec<(String, Nutrient)>> {
    let catalogue = all(tx).await?.into_iter().map(|row| (row.code.clone(), row));
    let personal = personal(tx, person).await?.into_iter().map(|row| (row.id.to_string(), described(row)));
    Ok(catalogue.chain(personal).collect())
}

/// What codes of nutrients that people define begin with, and none of the catalogue does.
const PERSONAL: &str = "X_";
const MOST_AMOUNTS: usize = 200;
const MOST_PERSONAL: u64 = 100;

/// The nutrients that `person` defined, by name.
pub async fn personal(tx: &Tx, person: UserId) -> Result<Vec<PersonalNutrient>> {
    let rows = personal::Entity::find().filter(personal::Column::UserId.eq(person));
    Ok(rows.order_by_asc(personal::Column::Name).order_by_asc(personal::Column::Id).all(tx).await?)
}

/// Defines a nutrient of the viewer's own. Whoever sees a food sees its amounts under this name.
pub async fn create(tx: &Tx, code: &str, name: &str, unit: &str) -> Result<PersonalNutrient> {
    let viewer = tx.viewer()?;
    let after = code.strip_prefix(PERSONAL).unwrap_or_default();
    let fits =
        (1..=18).contains(&after.len()) && after.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !fits {
        return Err(Error::invalid("code", "must be X_ and 1 to 18 capital letters, digits or underscores, such as X_CREATINE"));
    }
    if !matches!(unit, "g" | "mg" | "ug") {
        return Err(Error::invalid("unit", "must be g, mg or ug"));
    }
    let name = input::line("name", name, 100)?;
    if personal(tx, viewer).await?.len() as u64 >= MOST_PERSONAL {
        return Err(Error::conflict(format!("{MOST_PERSONAL} nutrients are defined already: delete one first")));
    }
    let row = personal::ActiveModel {
        user_id: Set(viewer),
        id: Set(tx.new_id()),
        code: Set(code.to_owned()),
        name: Set(name),
        unit: Set(unit.to_owned()),
        ..Default::default()
    };
    Ok(personal::Entity::insert(row).exec_with_returning(tx).await?)
}

/// Renames a nutrient of the viewer's own. Its code and unit stay: amounts are known in it.
pub async fn rename(tx: &Tx, id: Uuid, name: &str, expected_version: Option<i32>) -> Result<PersonalNutrient> {
    let row = own(tx, id, expected_version).await?;
    let name = input::line("name", name, 100)?;
    if name == row.name {
        return Ok(row);
    }
    let row = personal::ActiveModel { user_id: Unchanged(row.user_id), id: Unchanged(id), name: Set(name), ..Default::default() };
    Ok(personal::Entity::update(row).exec(tx).await?)
}

/// Deletes a nutrient of the viewer's own: its amounts are shown no more.
pub async fn delete(tx: &Tx, id: Uuid, expected_version: Option<i32>) -> Result<Uuid> {
    let row = own(tx, id, expected_version).await?;
    personal::Entity::delete_by_id((row.user_id, id)).exec(tx).await?;
    Ok(id)
}

async fn own(tx: &Tx, id: Uuid, expected_version: Option<i32>) -> Result<PersonalNutrient> {
    let row = personal::Entity::find_by_id((tx.viewer()?, id)).one(tx).await?.ok_or(Error::NotFound("nutrient of your own"))?;
    input::expect_version(
        expected_version,
        row.version,
        || serde_json::json!({ "id": row.id, "code": row.code, "name": row.name, "unit": row.unit, "version": row.version }),
    )?;
    Ok(row)
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
