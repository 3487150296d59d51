//! How a derived number came about, so that whoever reads it can do the sum again.

use rust_decimal::Decimal;

/// How a derived number came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The formula, with the names of `inputs`.
    pub formula: String,
    /// Where the formula is published.
    pub source: &'static str,
    /// Counts the changes of Hale's way of computing it, from 1.
    pub version: i32,
    /// What went in.
    pub inputs: Vec<Input>,
    /// How the result was rounded.
    pub rounding: &'static str,
    /// What its reader should know: what was left out, and where it does not hold.
    pub remarks: Vec<String>,
}

/// A number that went into a formula.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// As in the formula.
    pub name: &'static str,
    /// How much.
    pub value: Decimal,
    /// Of what.
    pub unit: &'static str,
}

/// A number that goes into a formula.
pub fn input(name: &'static str, value: Decimal, unit: &'static str) -> Input {
    Input { name, value, unit }
}
