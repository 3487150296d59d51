//! How much energy a person needs.

use async_graphql::{Enum, SimpleObject};
use service::energy_needs as needs;

use super::{
    explanation::Explanation,
    profiles::BmrFormula,
    scalars::{Date, Decimal},
};

/// How much energy a person needs on a day, by what was known and measured of them then.
#[derive(Clone, SimpleObject)]
pub struct EnergyNeeds {
    /// The day.
    date: Date,
    /// How resting energy was estimated, or would be: as the profile says, else by lean mass where body fat is known, else by weight,
    /// height, age and sex. Children get the formula that was made with children.
    formula: BmrFormula,
    /// Energy at rest, in kcal a day; null when something is missing.
    resting: Option<EnergyRange>,
    /// By which factor the person's activity level multiplies it; null when none is said.
    activity_factor: Option<Decimal>,
    /// Energy in all, in kcal a day; null when something is missing.
    total: Option<EnergyRange>,
    /// What is missing for either: with it the answer is complete.
    missing: Vec<MissingForNeeds>,
    /// How resting energy came about.
    explain: Option<Explanation>,
}

/// An energy in kcal, or between which two it is where the sex is not said.
#[derive(Clone, SimpleObject)]
pub struct EnergyRange {
    /// The smaller one.
    least: Decimal,
    /// The greater one; the same where one number is known.
    most: Decimal,
}

/// Something that a formula asks for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "needs::Missing")]
pub enum MissingForNeeds {
    /// A measurement of the type weight.
    Weight,
    /// A measurement of the type height.
    Height,
    /// A measurement of the type body_fat.
    BodyFat,
    /// The day of birth, in the profile.
    BornOn,
    /// The activity level, in the profile.
    ActivityLevel,
}

impl From<needs::EnergyNeeds> for EnergyNeeds {
    fn from(needs: needs::EnergyNeeds) -> Self {
        let range = |between: needs::Between| EnergyRange { least: Decimal(between.least), most: Decimal(between.most) };
        Self {
            date: Date(needs.on),
            formula: needs.formula.into(),
            resting: needs.resting.map(range),
            activity_factor: needs.activity_factor.map(Decimal),
            total: needs.total.map(range),
            missing: needs.missing.into_iter().map(Into::into).collect(),
            explain: needs.explanation.map(Into::into),
        }
    }
}
