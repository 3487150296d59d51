//! Who a person is to formulas: age, sex, activity. It holds from a day on, until it is changed as of a later one.

use chrono::{Datelike, NaiveDate};
pub use entity::profiles::{ActivityLevel, BmrFormula, Maternity, Sex};
use entity::{
    id::{ProfileId, UserId},
    profiles::{ActiveModel, Column, Entity, Model},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};

use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
};

/// What is known of a person on a day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// The first day of which this is true; none when nothing is known.
    pub valid_from: Option<NaiveDate>,
    /// Day of birth.
    pub born_on: Option<NaiveDate>,
    /// The sex that formulas ask for.
    pub sex: Option<Sex>,
    /// Pregnant or breastfeeding.
    pub maternity: Option<Maternity>,
    /// How much the person moves, besides what is logged as exercise.
    pub activity_level: Option<ActivityLevel>,
    /// How resting energy is estimated; chosen by what is known when absent.
    pub bmr_formula: Option<BmrFormula>,
}

impl Profile {
    /// Full years on that day; `None` where the day of birth is unknown or later.
    pub fn age_on(&self, on: NaiveDate) -> Option<i32> {
        let born_on = self.born_on?;
        let had_birthday = (on.month(), on.day()) >= (born_on.month(), born_on.day());
        let age = on.year() - born_on.year() - i32::from(!had_birthday);
        (age >= 0).then_some(age)
    }
}

/// What is to change; absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// The day from which on; today when absent.
    pub valid_from: Option<NaiveDate>,
    /// Day of birth, of every day.
    pub born_on: Option<Option<NaiveDate>>,
    /// The sex that formulas ask for.
    pub sex: Option<Option<Sex>>,
    /// Pregnant or breastfeeding.
    pub maternity: Option<Option<Maternity>>,
    /// How much the person moves.
    pub activity_level: Option<Option<ActivityLevel>>,
    /// How resting energy is estimated.
    pub bmr_formula: Option<Option<BmrFormula>>,
}

/// Nobody is older.
const GREATEST_AGE: i32 = 130;

/// What is known of a person on a day; of days before anything was said, what was said first.
pub async fn as_of(tx: &Tx, person: UserId, on: NaiveDate) -> Result<Profile> {
    let rows = history(tx, person).await?;
    Ok(rows.iter().rev().find(|row| row.valid_from <= on).or(rows.first()).map(Profile::from).unwrap_or_default())
}

async fn history(tx: &Tx, person: UserId) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::UserId.eq(person)).order_by_asc(Column::ValidFrom).all(tx).await?)
}

/// Changes what is known of a person from a day on; what was said of later days stays.
pub async fn update(tx: &Tx, person: Option<UserId>, change: ProfileChange) -> Result<Profile> {
    let person = tx.viewer_or(person)?;
    let today = Calendar::of(tx, person).await?.today(tx.now());
    let valid_from = change.valid_from.map_or(Ok(today), |on| day::checked("validFrom", on))?;
    if let Some(Some(born_on)) = change.born_on {
        day::checked("bornOn", born_on)?;
        if born_on > today || today.year() - born_on.year() > GREATEST_AGE {
            return Err(Error::invalid("bornOn", format!("must be a day of the last {GREATEST_AGE} years")));
        }
        Entity::update_many().col_expr(Column::BornOn, Expr::value(born_on)).filter(Column::UserId.eq(person)).exec(tx).await?;
    }
    let before = as_of(tx, person, valid_from).await?;
    let sex = change.sex.unwrap_or(before.sex);
    let maternity = change.maternity.unwrap_or(before.maternity);
    if maternity.is_some() && sex == Some(Sex::Male) {
        return Err(Error::invalid("maternity", "must be empty where sex is male"));
    }
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(ProfileId(tx.new_id())),
        valid_from: Set(valid_from),
        born_on: Set(change.born_on.unwrap_or(before.born_on)),
        sex: Set(sex),
        maternity: Set(maternity),
        activity_level: Set(change.activity_level.unwrap_or(before.activity_level)),
        bmr_formula: Set(change.bmr_formula.unwrap_or(before.bmr_formula)),
        ..Default::default()
    };
    let changed = [Column::BornOn, Column::Sex, Column::Maternity, Column::ActivityLevel, Column::BmrFormula];
    let same_day = sea_orm::sea_query::OnConflict::columns([Column::UserId, Column::ValidFrom]).update_columns(changed).to_owned();
    Ok(Profile::from(&Entity::insert(row).on_conflict(same_day).exec_with_returning(tx).await?))
}

impl From<&Model> for Profile {
    fn from(row: &Model) -> Self {
        Self {
            valid_from: Some(row.valid_from),
            born_on: row.born_on,
            sex: row.sex,
            maternity: row.maternity,
            activity_level: row.activity_level,
            bmr_formula: row.bmr_formula,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birthday_counts_from_its_day_on() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let profile = Profile { born_on: Some(day("1996-02-29")), ..Profile::default() };
        for (on, age) in
            [("1996-02-28", None), ("1996-02-29", Some(0)), ("2025-02-28", Some(28)), ("2025-03-01", Some(29)), ("2028-02-29", Some(32))]
        {
            assert_eq!(profile.age_on(day(on)), age, "{on}");
        }
        assert_eq!(Profile::default().age_on(day("2026-03-10")), None);
    }
}
