//! The trend of a weight: what remains of it when water and meals are smoothed away.

use chrono::NaiveDate;
use entity::{id::UserId, unit::round};
use rust_decimal::Decimal;
use sea_orm::{DbBackend, FromQueryResult, Statement};

use crate::{
    access::Tx,
    day,
    error::Result,
    explanation::{Explanation, input},
};

/// How much of the distance to a day's weight the trend goes in a day (Walker, The Hacker's Diet).
const SMOOTHING: Decimal = Decimal::from_parts(1, 0, 0, false, 1);
/// Decimals of a trend in kg while it is computed; it is shown with [`SHOWN_DECIMALS`].
const DECIMALS: u32 = 9;
/// Decimals of a trend in kg as it is shown.
const SHOWN_DECIMALS: u32 = 3;
/// The longest range that is asked for at once, in days.
pub const MOST_DAYS: i64 = 3660;

/// The weight of a day with its trend.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendPoint {
    /// The day.
    pub on: NaiveDate,
    /// The mean of the day's readings in kg.
    pub weight: Decimal,
    /// The trend in kg.
    pub trend: Decimal,
    /// The day before that has a weight, and its trend in kg; none of the first one.
    pub previous: Option<(NaiveDate, Decimal)>,
}

/// The trend of daily weights in order of their days: each day it goes a tenth of the way to the weight; after a gap of d days, 1 − 0.9^d.
pub fn trend(weights: &[(NaiveDate, Decimal)]) -> Vec<TrendPoint> {
    let mut points: Vec<TrendPoint> = Vec::with_capacity(weights.len());
    for &(on, weight) in weights {
        let previous = points.last().map(|last| (last.on, last.trend));
        let trend =
            previous.map_or(weight, |(before, trend)| round(trend + share_after((on - before).num_days()) * (weight - trend), DECIMALS));
        points.push(TrendPoint { on, weight, trend, previous });
    }
    points
}

/// How much of the distance to a weight the trend goes after that many days without one.
fn share_after(days: i64) -> Decimal {
    // After a year nothing is left of what was before.
    let kept = (0..days.clamp(0, 365)).fold(Decimal::ONE, |kept, _| round(kept * (Decimal::ONE - SMOOTHING), 20));
    Decimal::ONE - kept
}

#[derive(FromQueryResult)]
struct DailyWeight {
    measured_on: NaiveDate,
    kilograms: Decimal,
}

/// The daily means of a person's weight in kg up to a day, oldest first.
pub(crate) async fn daily_weights(tx: &Tx, person: UserId, to: NaiveDate) -> Result<Vec<(NaiveDate, Decimal)>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT measured_on, round(avg(canonical_value) / 1000, 9) AS kilograms FROM measurements
         WHERE user_id = $1 AND type = 'weight' AND measured_on <= $2 AND deleted_at IS NULL GROUP BY measured_on ORDER BY measured_on",
        [person.0.into(), to.into()],
    );
    let days = DailyWeight::find_by_statement(statement).all(tx).await?;
    Ok(days.into_iter().map(|day| (day.measured_on, day.kilograms)).collect())
}

/// The weights of a person's days from `from` to `to` with their trend, which begins with the first weight there is.
pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<TrendPoint>> {
    let (from, to) = day::range(from, to, MOST_DAYS)?;
    let points = trend(&daily_weights(tx, person, to).await?);
    Ok(points.into_iter().filter(|point| point.on >= from).collect())
}

/// A weight in kg as it is shown.
pub fn shown(kilograms: Decimal) -> Decimal {
    round(kilograms, SHOWN_DECIMALS)
}

/// How the trend of a day came about.
pub fn explain(point: &TrendPoint) -> Explanation {
    let mut inputs = vec![input("weight", point.weight, "kg")];
    let formula = match point.previous {
        None => "trend = weight",
        Some((before, trend)) => {
            inputs.push(input("previous", trend, "kg"));
            inputs.push(input("days", Decimal::from((point.on - before).num_days()), "d"));
            "trend = previous + (1 - 0.9^days) × (weight - previous)"
        }
    };
    Explanation {
        formula: formula.to_owned(),
        source: "John Walker, The Hacker's Diet: exponentially smoothed moving average, 10 % a day",
        version: 1,
        inputs,
        rounding: "computed with 9 decimals, shown with 3, half away from zero",
        remarks: vec!["weight is the mean of the day's readings; under a steady loss the trend lags nine days behind".to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use chrono::Days;
    use proptest::prelude::*;

    use super::*;

    fn days(weights: &[&str]) -> Vec<(NaiveDate, Decimal)> {
        let first = NaiveDate::from_ymd_opt(2026, 3, 1).expect("a date");
        weights.iter().zip(0..).map(|(weight, n)| (first + Days::new(n), weight.parse().expect("a number"))).collect()
    }

    #[test]
    fn the_published_week_comes_out_exactly() {
        let trend: Vec<_> = trend(&days(&["82.0", "81.4", "82.3", "81.2", "81.0", "81.9", "80.8"]))
            .iter()
            .map(|point| point.trend.normalize().to_string())
            .collect();
        assert_eq!(trend, ["82", "81.94", "81.976", "81.8984", "81.80856", "81.817704", "81.7159336"]);
    }

    #[test]
    fn after_a_gap_of_three_days_the_trend_goes_27_percent_of_the_way() {
        let first = NaiveDate::from_ymd_opt(2026, 3, 28).expect("a date");
        let points = trend(&[(first, "82".parse().expect("a number")), (first + Days::new(3), "81".parse().expect("a number"))]);
        assert_eq!(
            (share_after(3).normalize().to_string(), points[1].trend.normalize().to_string()),
            ("0.271".to_owned(), "81.729".to_owned())
        );
        let explanation = explain(&points[1]);
        assert_eq!(explanation.inputs.iter().map(|input| input.name).collect::<Vec<_>>(), ["weight", "previous", "days"]);
    }

    proptest! {
        #[test]
        fn a_trend_stays_within_the_weights_and_a_gap_is_as_good_as_standing_still(
            weights in proptest::collection::vec((20_000_u32..300_000, 1_u64..40), 1..60)
        ) {
            let mut on = NaiveDate::from_ymd_opt(2020, 1, 1).expect("a date");
            let weights: Vec<_> = weights.into_iter().map(|(grams, gap)| { on = on + Days::new(gap); (on, Decimal::new(i64::from(grams), 3)) }).collect();
            let points = trend(&weights);
            let least = weights.iter().map(|(_, weight)| *weight).min().unwrap_or_default();
            let most = weights.iter().map(|(_, weight)| *weight).max().unwrap_or_default();
            prop_assert!(points.iter().all(|point| (least..=most).contains(&point.trend)));
            // The same weight on each day of the gap leads to the same trend, but for what is rounded.
            let (last, before) = weights.split_last().expect("at least one");
            if let Some((previous, _)) = before.last() {
                let mut filled = before.to_vec();
                let gap = u64::try_from((last.0 - *previous).num_days()).expect("in order");
                filled.extend((1..=gap).map(|n| (*previous + Days::new(n), last.1)));
                let (one, many) = (points.last().expect("one").trend, trend(&filled).last().expect("one").trend);
                prop_assert!((one - many).abs() < Decimal::new(1, 6), "{one} {many}");
            }
        }
    }
}
