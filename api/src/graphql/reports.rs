//! Reports: sums over days.

use async_graphql::SimpleObject;
use service::reports;

use super::{foods::NutritionTotals, nutrition_targets::NutritionTarget, scalars::Date};

/// What a person ate over a range of days, summed by day.
#[derive(SimpleObject)]
pub struct NutritionReport {
    /// The days on which something was eaten, or that were marked complete, oldest first.
    days: Vec<NutritionReportDay>,
    /// The mean of those days, rounded to 6 decimals; null without one.
    average: Option<NutritionTotals>,
}

/// The sums of a day.
#[derive(SimpleObject)]
pub struct NutritionReportDay {
    /// The day.
    date: Date,
    /// Its sums.
    totals: NutritionTotals,
    /// The daily targets that were in force on it; null when none was.
    goal: Option<NutritionTarget>,
    /// Whether it was marked complete: with sums of 0 nothing was eaten then, which is not the same as nothing logged.
    complete: bool,
}

impl From<reports::NutritionReport> for NutritionReport {
    fn from(report: reports::NutritionReport) -> Self {
        let day = |day: reports::ReportDay| NutritionReportDay {
            date: Date(day.day),
            totals: day.totals.into(),
            goal: day.target.map(NutritionTarget::from),
            complete: day.complete,
        };
        Self { days: report.days.into_iter().map(day).collect(), average: report.average.map(Into::into) }
    }
}
