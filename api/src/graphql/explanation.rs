//! How a derived number came about.

use async_graphql::SimpleObject;
use service::explanation;

use super::scalars::Decimal;

/// How a derived number came about: whoever has this can do the sum again.
#[derive(Clone, SimpleObject)]
pub struct Explanation {
    /// The formula, with the names of `inputs`.
    formula: String,
    /// Where the formula is published.
    source: String,
    /// Counts the changes of how Hale computes it, from 1.
    version: i32,
    /// What went in.
    inputs: Vec<ExplanationInput>,
    /// How the result was rounded.
    rounding: String,
    /// What else to know: what was left out, and where the formula does not hold.
    remarks: Vec<String>,
}

/// A number that went into a formula.
#[derive(Clone, SimpleObject)]
pub struct ExplanationInput {
    /// As in the formula.
    name: String,
    /// How much.
    value: Decimal,
    /// Of what.
    unit: String,
}

impl From<explanation::Explanation> for Explanation {
    fn from(explanation: explanation::Explanation) -> Self {
        let input = |input: explanation::Input| ExplanationInput {
            name: input.name.to_owned(),
            value: Decimal(input.value),
            unit: input.unit.to_owned(),
        };
        Self {
            formula: explanation.formula,
            source: explanation.source.to_owned(),
            version: explanation.version,
            inputs: explanation.inputs.into_iter().map(input).collect(),
            rounding: explanation.rounding.to_owned(),
            remarks: explanation.remarks,
        }
    }
}
