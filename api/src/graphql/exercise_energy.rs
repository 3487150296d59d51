//! How the energy of an exercise entry was found.

use async_graphql::{Enum, SimpleObject};
use service::exercise_energy::{self as energy, DECIMALS};

use super::scalars::Decimal;

/// What the energy of an entry was found by.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "energy::Method")]
pub enum CaloriesMethod {
    /// A device said it.
    Device,
    /// Computed from the average heart rate (Keytel et al. 2005), where that formula holds.
    HeartRate,
    /// Computed from the exercise's metabolic equivalent (Compendium of Physical Activities).
    Met,
}

/// How the energy of an entry was found: enough to compute it again.
#[derive(SimpleObject)]
pub struct CaloriesExplanation {
    /// What it was found by; null when it is unknown, for the reasons in `notes`.
    method: Option<CaloriesMethod>,
    /// The formula in words and symbols, with where it is from.
    formula: Option<&'static str>,
    /// The version of the formulas and their limits.
    version: i32,
    /// The energy in kcal, resting energy of that time included.
    gross: Option<Decimal>,
    /// The energy in kcal beyond resting (1 MET: 3.5 ml of oxygen per kg and minute); null without a weight or a duration.
    net: Option<Decimal>,
    /// What went in.
    inputs: Vec<CaloriesInput>,
    /// How it was rounded.
    rounding: String,
    /// Why a better method was not used, and what limits this one.
    notes: Vec<String>,
}

/// Something that went into a formula.
#[derive(SimpleObject)]
pub struct CaloriesInput {
    /// What it is: duration, weight, met, heart_rate, age, sex, max_heart_rate, vo2_max.
    name: String,
    /// Its value.
    value: String,
    /// Its unit: min, kg, bpm, a (years), ml/kg/min; null where it has none.
    unit: Option<String>,
}

impl From<energy::Energy> for CaloriesExplanation {
    fn from(energy: energy::Energy) -> Self {
        let inputs = energy.inputs.into_iter();
        Self {
            method: energy.method.map(Into::into),
            formula: energy.method.map(energy::Method::formula),
            version: energy.version,
            gross: energy.gross.map(Decimal),
            net: energy.net.map(Decimal),
            inputs: inputs.map(|input| CaloriesInput { name: input.name, value: input.value, unit: input.unit }).collect(),
            rounding: format!("once, half away from zero, to {DECIMALS} decimals"),
            notes: energy.notes,
        }
    }
}
