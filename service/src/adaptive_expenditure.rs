//! What a person really burns, from what they eat and how their weight moves: energy that went in and is not on the scales was burnt.
//!
//! E = mean intake − 7700 kcal/kg × slope of the weight, with the standard errors of both. What formulas say beforehand is weighed in by
//! inverse variance, so that few days move the answer little and many days decide it.

use chrono::{Days, NaiveDate};
use entity::{id::UserId, unit::round};
use rust_decimal::{Decimal, MathematicalOps};
use sea_orm::{DbBackend, FromQueryResult, Statement};

use crate::{
    access::Tx,
    day::{self, Calendar},
    energy_needs::{self, Between},
    error::{Error, Result},
    explanation::{Explanation, input},
};

/// Energy of a kg of body weight, in kcal (3,500 kcal a pound).
const OF_A_KILOGRAM: Decimal = Decimal::from_parts(7700, 0, 0, false, 0);
/// How far what formulas say is off in most people: its standard deviation, as a share of it.
const OFF_BY: Decimal = Decimal::from_parts(15, 0, 0, false, 2);
/// Water alone makes a weight vary by this much from day to day, in kg, however even the readings are.
const LEAST_SPREAD: Decimal = Decimal::from_parts(3, 0, 0, false, 1);
/// Half the width of an interval that holds 95 of 100, in standard errors.
const WIDTH: Decimal = Decimal::from_parts(196, 0, 0, false, 2);
/// The days with food that are needed, of each fourteen.
const DAYS_OF_FOURTEEN: usize = 10;
/// The days with a weight that are needed.
const LEAST_WEIGHTS: usize = 4;
/// The fewest and the most days that are looked at.
pub const WINDOW: std::ops::RangeInclusive<i32> = 14..=90;

/// What is known of a day.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Day {
    /// The day.
    pub on: NaiveDate,
    /// kcal eaten; none when nothing was logged.
    pub intake: Option<Decimal>,
    /// How many entries do not say their energy.
    pub unknown: i64,
    /// Whether the person said that all of it was logged.
    pub completed: bool,
    /// The mean weight in kg.
    pub weight: Option<Decimal>,
}

/// Why the food of a day does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Nothing was logged.
    NothingLogged,
    /// The person marks days as complete, and not this one.
    NotCompleted,
    /// Entries do not say their energy.
    EnergyUnknown,
    /// Less than half of what the person burns at rest.
    TooLittle,
}

/// What would make an answer possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// More days of which all food is logged.
    LoggedDays,
    /// More days with a weight.
    Weights,
}

/// What a person burns in a day.
#[derive(Clone, Debug, PartialEq)]
pub struct Expenditure {
    /// The first day that was looked at.
    pub from: NaiveDate,
    /// The last one.
    pub to: NaiveDate,
    /// kcal a day; none when too little is known.
    pub estimate: Option<Decimal>,
    /// Between which it is in 95 of 100 cases, in kcal.
    pub interval: Option<Between>,
    /// How many days of food count.
    pub days: usize,
    /// How many days have a weight.
    pub weights: usize,
    /// The days whose food does not count, and why.
    pub left_out: Vec<(NaiveDate, LeftOut)>,
    /// What is lacking for an answer.
    pub lacking: Vec<Lacking>,
    /// How it came about.
    pub explanation: Option<Explanation>,
}

/// What a person burns in a day, of the days up to one, which is over.
pub async fn of(tx: &Tx, person: UserId, to: Option<NaiveDate>, window: i32) -> Result<Expenditure> {
    let today = Calendar::of(tx, person).await?.today(tx.now());
    // A day that is not over has not been eaten yet.
    let to = to.map_or(Ok(today - Days::new(1)), |to| day::checked("to", to))?;
    if to >= today {
        return Err(Error::invalid("to", format!("must be before {today}, which is not over")));
    }
    let window = crate::input::integer("days", window, WINDOW)?;
    let needs = energy_needs::of(tx, person, to).await?;
    let from = to - Days::new(u64::try_from(window - 1).unwrap_or_default());
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT d.on_day::date AS on, f.intake, coalesce(f.unknown, 0) AS unknown, c.id IS NOT NULL AS completed, w.weight
         FROM generate_series($2::date, $3::date, interval '1 day') AS d (on_day)
         LEFT JOIN (SELECT consumed_on, sum(calories) AS intake, count(*) FILTER (WHERE calories IS NULL) AS unknown FROM food_diary
                    WHERE user_id = $1 AND consumed_on BETWEEN $2 AND $3 AND status = 'eaten' AND deleted_at IS NULL GROUP BY consumed_on) f
           ON f.consumed_on = d.on_day
         LEFT JOIN completed_days c ON c.user_id = $1 AND c.consumed_on = d.on_day
         LEFT JOIN (SELECT measured_on, round(avg(canonical_value) / 1000, 9) AS weight FROM measurements
                    WHERE user_id = $1 AND type = 'weight' AND measured_on BETWEEN $2 AND $3 AND deleted_at IS NULL GROUP BY measured_on) w
           ON w.measured_on = d.on_day
         ORDER BY d.on_day",
        [person.0.into(), from.into(), to.into()],
    );
    let days = Day::find_by_statement(statement).all(tx).await?;
    Ok(estimate(&days, needs.resting, needs.total))
}

/// What a person burns, of days in order without gaps, beside what formulas say of them at rest and in all.
pub fn estimate(days: &[Day], resting: Option<Between>, total: Option<Between>) -> Expenditure {
    let marks_days = days.iter().any(|day| day.completed);
    let judged: Vec<_> = days.iter().map(|day| (day, counts(day, marks_days, resting))).collect();
    let intakes: Vec<_> = judged.iter().filter_map(|(day, counts)| counts.is_ok().then_some(day.intake).flatten()).collect();
    let left_out = judged.iter().filter_map(|(day, counts)| counts.err().map(|why| (day.on, why))).collect();
    let weights: Vec<_> =
        days.iter().zip(0_i64..).filter_map(|(day, place)| day.weight.map(|weight| (Decimal::from(place), weight))).collect();
    let mut lacking = Vec::new();
    if intakes.len() * 14 < DAYS_OF_FOURTEEN * days.len() {
        lacking.push(Lacking::LoggedDays);
    }
    if weights.len() < LEAST_WEIGHTS {
        lacking.push(Lacking::Weights);
    }
    let (from, to) = (days.first().map_or(day::FIRST, |day| day.on), days.last().map_or(day::FIRST, |day| day.on));
    let answer = if lacking.is_empty() { balance(&intakes, &weights, total) } else { None };
    Expenditure {
        from,
        to,
        estimate: answer.as_ref().map(|(expenditure, ..)| round(*expenditure, 0)),
        interval: answer.as_ref().map(|(expenditure, error, _)| Between {
            least: round((expenditure - WIDTH * error).max(Decimal::ZERO), 0),
            most: round(expenditure + WIDTH * error, 0),
        }),
        days: intakes.len(),
        weights: weights.len(),
        left_out,
        lacking,
        explanation: answer.map(|(.., explanation)| explanation),
    }
}

/// Whether the food of a day counts.
fn counts(day: &Day, marks_days: bool, resting: Option<Between>) -> std::result::Result<(), LeftOut> {
    let intake = day.intake.ok_or(LeftOut::NothingLogged)?;
    if marks_days && !day.completed {
        return Err(LeftOut::NotCompleted);
    }
    if day.unknown > 0 {
        return Err(LeftOut::EnergyUnknown);
    }
    // Who says that a day is complete may have fasted.
    if !day.completed && resting.is_some_and(|resting| intake * Decimal::TWO < resting.least) {
        return Err(LeftOut::TooLittle);
    }
    Ok(())
}

/// kcal a day with their standard error, and how they came about.
fn balance(intakes: &[Decimal], weights: &[(Decimal, Decimal)], total: Option<Between>) -> Option<(Decimal, Decimal, Explanation)> {
    let (intake, intake_variance) = mean(intakes)?;
    let (slope, slope_variance) = slope(weights)?;
    let observed = intake - OF_A_KILOGRAM * slope;
    let variance = intake_variance + OF_A_KILOGRAM * OF_A_KILOGRAM * slope_variance;
    let mut inputs = vec![
        input("intake", round(intake, 3), "kcal/d"),
        input("slope", round(slope, 6), "kg/d"),
        input("intakeError", round(intake_variance.sqrt()?, 3), "kcal/d"),
        input("slopeError", round(slope_variance.sqrt()?, 6), "kg/d"),
    ];
    let (expenditure, variance, formula) = match total {
        None => (observed, variance, "intake - 7700 × slope"),
        Some(total) => {
            let expected = (total.least + total.most) / Decimal::TWO;
            let spread = OFF_BY * expected;
            let half_range = (total.most - total.least) / Decimal::TWO;
            let expected_variance = spread * spread + half_range * half_range;
            inputs.push(input("expected", round(expected, 3), "kcal/d"));
            inputs.push(input("expectedError", round(expected_variance.sqrt()?, 3), "kcal/d"));
            let combined = (observed * expected_variance + expected * variance) / (variance + expected_variance);
            let formula =
                "of intake - 7700 × slope, error √(intakeError² + (7700 × slopeError)²), and of expected, each weighed by 1 / error²";
            (combined, variance * expected_variance / (variance + expected_variance), formula)
        }
    };
    let explanation = Explanation {
        formula: formula.to_owned(),
        source: "energy balance; 7700 kcal/kg is 3500 kcal/lb (Wishnofsky, Am J Clin Nutr 1958;6:542)",
        version: 1,
        inputs,
        rounding: "shown as whole kcal, half away from zero; the interval is the estimate and 1.96 errors to either side",
        remarks: vec!["slope is of the least squares through the daily weights, which vary by 0.3 kg at least".to_owned()],
    };
    Some((expenditure, variance.sqrt()?, explanation))
}

fn length(values: usize) -> Decimal {
    Decimal::from(u64::try_from(values).unwrap_or(u64::MAX))
}

/// The mean and the variance of the mean.
fn mean(values: &[Decimal]) -> Option<(Decimal, Decimal)> {
    let n = length(values.len());
    let mean = values.iter().sum::<Decimal>().checked_div(n)?;
    let squares: Decimal = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some((mean, squares.checked_div((n - Decimal::ONE) * n)?))
}

/// The slope of the least squares through points, a day and a weight each, and its variance.
fn slope(points: &[(Decimal, Decimal)]) -> Option<(Decimal, Decimal)> {
    let n = length(points.len());
    let mean_x = points.iter().map(|(x, _)| x).sum::<Decimal>().checked_div(n)?;
    let mean_y = points.iter().map(|(_, y)| y).sum::<Decimal>().checked_div(n)?;
    let squares: Decimal = points.iter().map(|(x, _)| (x - mean_x) * (x - mean_x)).sum();
    let slope = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<Decimal>().checked_div(squares)?;
    let residuals: Decimal = points
        .iter()
        .map(|(x, y)| {
            let off = y - mean_y - slope * (x - mean_x);
            off * off
        })
        .sum();
    let spread = residuals.checked_div(n - Decimal::TWO)?.max(LEAST_SPREAD * LEAST_SPREAD);
    Some((slope, spread.checked_div(squares)?))
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};

    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    fn first() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 2, 1).expect("a date")
    }

    fn days(intakes: &[Option<&str>], weights: &[Option<Decimal>]) -> Vec<Day> {
        let day = |((intake, weight), n): ((&Option<&str>, &Option<Decimal>), u64)| Day {
            on: first() + Days::new(n),
            intake: intake.map(number),
            unknown: 0,
            completed: false,
            weight: *weight,
        };
        intakes.iter().zip(weights).zip(0..).map(day).collect()
    }

    fn steady(from: &str, slope: &str, days: u32) -> Vec<Option<Decimal>> {
        (0..days).map(|n| Some(number(from) + number(slope) * Decimal::from(n))).collect()
    }

    #[test]
    fn energy_that_went_in_and_is_not_on_the_scales_was_burnt() {
        // 2200 kcal a day and 0.6 kg less in 14 days: 2530; 2900 and 0.35 kg more in 21 days: 2771.667.
        for (intake, from, change, n, expected) in [("2200", "82", "-0.6", 14_u32, "2530"), ("2900", "70", "0.35", 21, "2772")] {
            let slope = (number(change) / Decimal::from(n)).to_string();
            let of = estimate(&days(&vec![Some(intake); n as usize], &steady(from, &slope, n)), None, None);
            assert_eq!(of.estimate, Some(number(expected)));
            let interval = of.interval.expect("it is known");
            assert!(interval.least < number(expected) && number(expected) < interval.most);
        }
    }

    #[test]
    fn days_that_cannot_count_are_named_and_too_few_give_no_answer() {
        let mut fortnight = days(&[Some("2200"); 14], &steady("80", "0", 14));
        fortnight[0].intake = None;
        fortnight[1].intake = Some(number("700"));
        fortnight[2].unknown = 1;
        let resting = Some(Between { least: number("1600"), most: number("1600") });
        let of = estimate(&fortnight, resting, None);
        let on = |n| first() + Days::new(n);
        let left_out = [(on(0), LeftOut::NothingLogged), (on(1), LeftOut::TooLittle), (on(2), LeftOut::EnergyUnknown)];
        assert_eq!((of.days, of.left_out.as_slice(), of.lacking.as_slice()), (11, left_out.as_slice(), [].as_slice()));
        assert!(of.estimate.is_some());

        // Who marks days means that the others are not complete; a day that is marked may be one of fasting.
        fortnight[1].completed = true;
        let marked = estimate(&fortnight, resting, None);
        assert_eq!((marked.days, marked.estimate, marked.lacking), (1, None, vec![Lacking::LoggedDays]));
        let unweighed = estimate(&days(&[Some("2200"); 14], &[None; 14]), None, None);
        assert_eq!((unweighed.estimate, unweighed.lacking), (None, vec![Lacking::Weights]));
    }

    #[test]
    fn few_days_leave_what_was_expected_and_many_decide() {
        let total = Some(Between { least: number("2000"), most: number("2000") });
        let apart = |n: u32| {
            let of = estimate(&days(&vec![Some("2600"); n as usize], &steady("80", "0", n)), None, total);
            of.estimate.expect("it is known")
        };
        assert!(number("2000") < apart(14) && apart(14) < apart(28) && apart(28) < apart(60) && apart(60) <= number("2600"));
    }

    /// Roughly normal: the sum of twelve even numbers.
    fn noise(chance: &mut Xoshiro256PlusPlus, deviation: &str) -> Decimal {
        let sum: i64 = (0..12).map(|_| i64::try_from(chance.next_u64() % 1_001).expect("small")).sum();
        Decimal::new(sum - 6_000, 3) * number(deviation)
    }

    #[test]
    fn people_whose_expenditure_is_known_are_inside_the_interval() {
        let inside = (0..100)
            .filter(|seed| {
                let mut chance = Xoshiro256PlusPlus::seed_from_u64(*seed);
                let burnt = number("2400") + noise(&mut chance, "300");
                let expected = burnt + noise(&mut chance, "200");
                let mut weight = number("80");
                let days: Vec<_> = (0..28)
                    .map(|n| {
                        let eaten = number("2200") + noise(&mut chance, "300");
                        let read = weight + noise(&mut chance, "0.6");
                        weight += (eaten - burnt) / OF_A_KILOGRAM;
                        let (logged, weighed) = (chance.next_u64() % 10 > 0, chance.next_u64() % 10 < 7);
                        Day {
                            on: first() + Days::new(n),
                            intake: Some(eaten).filter(|_| logged),
                            unknown: 0,
                            completed: false,
                            weight: Some(read).filter(|_| weighed),
                        }
                    })
                    .collect();
                let interval = estimate(&days, None, Some(Between { least: expected, most: expected })).interval;
                interval.is_some_and(|interval| (interval.least..=interval.most).contains(&burnt))
            })
            .count();
        assert!(inside >= 90, "{inside} of 100");
    }
}
