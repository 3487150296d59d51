//! Reports: sums over days, for those who may see sums as for those who may see entries.

use chrono::NaiveDate;
use entity::id::UserId;
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};

use crate::{
    access::Tx,
    day,
    error::Result,
    nutrition::Totals,
    nutrition_targets::{NutritionTarget, NutritionTargets},
};

/// The days of a nutrition report on which something was logged.
pub struct NutritionReport {
    /// Each day, with its sums and what it is judged by.
    pub days: Vec<(NaiveDate, Totals, Option<NutritionTarget>)>,
    /// The mean of those days.
    pub average: Option<Totals>,
}

/// What a person ate from `from` to `to`, summed by day.
pub async fn nutrition(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<NutritionReport> {
    let (from, to) = day::range(from, to, 400)?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT day, calories, protein, carbohydrates, fat, fiber, sugar, sodium, unknown FROM reports.nutrition_days($1, $2, $3)",
        [person.0.into(), from.into(), to.into()],
    );
    let rows = tx.query_all_raw(statement).await?;
    let targets = NutritionTargets::between(tx, person, from, to).await?;
    let sums = rows.iter().map(|row| Totals::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
    let average = Totals::average(&sums);
    let days = rows.iter().zip(sums).map(|(row, totals)| {
        let day: NaiveDate = row.try_get("", "day")?;
        Ok((day, totals, targets.on(day)))
    });
    Ok(NutritionReport { days: days.collect::<Result<_>>()?, average })
}
