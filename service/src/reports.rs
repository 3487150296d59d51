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

/// The days of a nutrition report on which something was eaten, or that were logged in full.
pub struct NutritionReport {
    /// Each day.
    pub days: Vec<ReportDay>,
    /// The mean of those days.
    pub average: Option<Totals>,
}

/// A day of a nutrition report.
pub struct ReportDay {
    /// Which.
    pub day: NaiveDate,
    /// The sums of what was eaten.
    pub totals: Totals,
    /// What it is judged by.
    pub target: Option<NutritionTarget>,
    /// Whether the person said that it is logged in full.
    pub complete: bool,
}

/// What a person ate from `from` to `to`, summed by day.
pub async fn nutrition(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<NutritionReport> {
    let (from, to) = day::range(from, to, 400)?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT day, calories, protein, carbohydrates, fat, fiber, sugar, sodium, unknown, complete FROM reports.nutrition_days($1, $2, $3)",
        [person.0.into(), from.into(), to.into()],
    );
    let rows = tx.query_all_raw(statement).await?;
    let targets = NutritionTargets::between(tx, person, from, to).await?;
    let sums = rows.iter().map(|row| Totals::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
    let average = Totals::average(&sums);
    let days = rows.iter().zip(sums).map(|(row, totals)| {
        let day: NaiveDate = row.try_get("", "day")?;
        Ok(ReportDay { day, totals, target: targets.on(day), complete: row.try_get("", "complete")? })
    });
    Ok(NutritionReport { days: days.collect::<Result<_>>()?, average })
}
