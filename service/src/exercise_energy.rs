//! The energy that exercise takes.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{id::UserId, unit::round};
use rust_decimal::Decimal;
use sea_orm::{DbBackend, FromQueryResult, Statement};

use crate::{access::Tx, error::Result};

/// `calories_source` of what a device told.
pub(crate) const DEVICE: &str = "device";
/// `calories_source` of what was estimated from the exercise's MET.
pub(crate) const ESTIMATED_BY_MET: &str = "met";

/// What a device says, else gross MET × 3.5 × kg / 200 × minutes (Compendium of Physical Activities), else unknown.
pub(crate) async fn energy(
    tx: &Tx,
    person: UserId,
    device: Option<Decimal>,
    met: Option<Decimal>,
    minutes: Option<Decimal>,
    at: DateTime<Utc>,
) -> Result<(Option<Decimal>, Option<String>)> {
    if device.is_some() {
        return Ok((device, Some(DEVICE.to_owned())));
    }
    let (Some(met), Some(minutes)) = (met, minutes) else { return Ok((None, None)) };
    let Some(kilograms) = weight_at(tx, person, at).await? else { return Ok((None, None)) };
    Ok((Some(gross_calories(met, kilograms, minutes)), Some(ESTIMATED_BY_MET.to_owned())))
}

/// Gross energy in kcal, to three decimals: MET × 3.5 × kg / 200 × minutes.
pub(crate) fn gross_calories(met: Decimal, kilograms: Decimal, minutes: Decimal) -> Decimal {
    round(met * Decimal::new(35, 1) * kilograms / Decimal::from(200) * minutes, 3)
}

/// The weight in kg measured last before `at`, else the first one after it.
async fn weight_at(tx: &Tx, person: UserId, at: DateTime<Utc>) -> Result<Option<Decimal>> {
    Ok(weights_at(tx, person, &[at]).await?.remove(&at))
}

#[derive(FromQueryResult)]
struct WeightAt {
    at: DateTime<Utc>,
    kilograms: Decimal,
}

/// The weights in kg at these instants, as far as they are known.
pub(crate) async fn weights_at(tx: &Tx, person: UserId, instants: &[DateTime<Utc>]) -> Result<HashMap<DateTime<Utc>, Decimal>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT w.at, m.canonical_value / 1000 AS kilograms FROM unnest($2::timestamptz[]) AS w (at) CROSS JOIN LATERAL (
           SELECT canonical_value FROM (
             (SELECT canonical_value, 1 AS choice FROM measurements WHERE user_id = $1 AND type = 'weight' AND measured_at <= w.at AND deleted_at IS NULL
              ORDER BY measured_at DESC, id DESC LIMIT 1)
             UNION ALL
             (SELECT canonical_value, 2 FROM measurements WHERE user_id = $1 AND type = 'weight' AND measured_at > w.at AND deleted_at IS NULL
              ORDER BY measured_at, id LIMIT 1)) weights
           ORDER BY choice LIMIT 1) m",
        [person.0.into(), instants.to_vec().into()],
    );
    let weights = WeightAt::find_by_statement(statement).all(tx).await?;
    Ok(weights.into_iter().map(|weight| (weight.at, weight.kilograms)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compendium_example_holds() {
        let decimal = |text: &str| Decimal::from_str_exact(text).expect("a literal");
        for (met, kilograms, minutes, expected) in
            [("9.8", "70", "30", "360.15"), ("3.5", "62", "45", "170.888"), ("6.0", "90", "60", "567")]
        {
            assert_eq!(gross_calories(decimal(met), decimal(kilograms), decimal(minutes)), decimal(expected));
        }
    }
}
