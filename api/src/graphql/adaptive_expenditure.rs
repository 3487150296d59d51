//! What a person really burns.

use async_graphql::{Enum, SimpleObject};
use service::adaptive_expenditure as adaptive;

use super::{
    energy_needs::EnergyRange,
    explanation::Explanation,
    scalars::{Date, Decimal},
};

/// What a person burns in a day, by what they ate and how their weight moved.
#[derive(Clone, SimpleObject)]
pub struct Expenditure {
    /// The first day that was looked at.
    from: Date,
    /// The last one.
    to: Date,
    /// kcal a day; null when too little is known: see `lacking`.
    estimate: Option<Decimal>,
    /// Between which it is in 95 of 100 cases, in kcal.
    interval: Option<EnergyRange>,
    /// How many days of food count.
    logged_days: i32,
    /// How many days have a weight.
    weighed_days: i32,
    /// The days whose food does not count, and why.
    left_out: Vec<LeftOutDay>,
    /// What is lacking for an answer.
    lacking: Vec<LackingForExpenditure>,
    /// How it came about.
    explain: Option<Explanation>,
}

/// A day whose food does not count.
#[derive(Clone, SimpleObject)]
pub struct LeftOutDay {
    /// The day.
    date: Date,
    /// Why.
    reason: LeftOutReason,
}

/// Why the food of a day does not count.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "adaptive::LeftOut")]
pub enum LeftOutReason {
    /// Nothing was logged.
    NothingLogged,
    /// The person marks days as complete, and not this one.
    NotCompleted,
    /// Entries do not say their energy.
    EnergyUnknown,
    /// Less than half of what the person burns at rest. A day that is marked as complete counts.
    TooLittle,
}

/// What would make an answer possible.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "adaptive::Lacking")]
pub enum LackingForExpenditure {
    /// Ten of fourteen days with all their food.
    LoggedDays,
    /// Four days with a weight.
    Weights,
}

impl From<adaptive::Expenditure> for Expenditure {
    fn from(of: adaptive::Expenditure) -> Self {
        let number = |days: usize| i32::try_from(days).unwrap_or(i32::MAX);
        Self {
            from: Date(of.from),
            to: Date(of.to),
            estimate: of.estimate.map(Decimal),
            interval: of.interval.map(Into::into),
            logged_days: number(of.days),
            weighed_days: number(of.weights),
            left_out: of.left_out.into_iter().map(|(on, why)| LeftOutDay { date: Date(on), reason: why.into() }).collect(),
            lacking: of.lacking.into_iter().map(Into::into).collect(),
            explain: of.explanation.map(Into::into),
        }
    }
}
