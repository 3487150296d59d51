//! The weight that somebody could lift once, estimated from a set of several repetitions by one of seven published formulas.
//!
//! All are the weight times a factor of the repetitions, so a table of factors is what a statement over sets needs.

use entity::unit::round;
use rust_decimal::{Decimal, MathematicalOps};
use serde::Serialize;

/// A formula. Each answers the weight itself for one repetition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub enum Formula {
    /// Epley (1985): w (1 + r/30).
    #[default]
    Epley,
    /// Brzycki (1993): 36 w / (37 − r).
    Brzycki,
    /// Lombardi (1989): w r^0.10.
    Lombardi,
    /// O'Conner (1989): w (1 + 0.025 r).
    OConner,
    /// Lander (1985): 100 w / (101.3 − 2.67123 r).
    Lander,
    /// Mayhew (1992): 100 w / (52.2 + 41.9 e^(−0.055 r)).
    Mayhew,
    /// Wathan (1994): 100 w / (48.8 + 53.8 e^(−0.075 r)).
    Wathan,
}

/// Sets of more repetitions tell little of one: they are estimated, with low confidence, and make no record.
pub const MOST_REPS_OF_A_RECORD: i32 = 12;

/// An estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// In the unit of the weight, to three decimals.
    pub weight: Decimal,
    /// Whether it comes from so many repetitions that it is hardly more than a guess.
    pub is_low_confidence: bool,
}

impl Formula {
    /// What `weight` lifted `reps` times comes to; `None` where the formula says nothing.
    pub fn estimate(self, weight: Decimal, reps: i32) -> Option<Estimate> {
        let weight = round(weight.checked_mul(self.factor(reps)?)?, 3);
        Some(Estimate { weight, is_low_confidence: reps > MOST_REPS_OF_A_RECORD })
    }

    /// The factors of 1, 2, … up to [`MOST_REPS_OF_A_RECORD`] repetitions.
    pub(crate) fn factors(self) -> Vec<Decimal> {
        (1..=MOST_REPS_OF_A_RECORD).filter_map(|reps| Some(round(self.factor(reps)?, 20))).collect()
    }

    fn factor(self, reps: i32) -> Option<Decimal> {
        let decimal = |mantissa, scale| Decimal::new(mantissa, scale);
        if reps < 1 {
            return None;
        }
        if reps == 1 {
            return Some(Decimal::ONE);
        }
        let reps = Decimal::from(reps);
        let share = |of: Decimal, part: Decimal| (part > Decimal::ZERO).then(|| of.checked_div(part)).flatten();
        match self {
            Self::Epley => Some(Decimal::ONE + reps / decimal(30, 0)),
            Self::Brzycki => share(decimal(36, 0), decimal(37, 0) - reps),
            Self::Lombardi => reps.checked_powd(decimal(1, 1)),
            Self::OConner => Some(Decimal::ONE + decimal(25, 3) * reps),
            Self::Lander => share(Decimal::ONE_HUNDRED, decimal(1013, 1) - decimal(267_123, 5) * reps),
            Self::Mayhew => share(
                Decimal::ONE_HUNDRED,
                decimal(522, 1) + decimal(419, 1) * (decimal(-55, 3) * reps).checked_exp_with_tolerance(TOLERANCE)?,
            ),
            Self::Wathan => share(
                Decimal::ONE_HUNDRED,
                decimal(488, 1) + decimal(538, 1) * (decimal(-75, 3) * reps).checked_exp_with_tolerance(TOLERANCE)?,
            ),
        }
    }
}

/// How close a power of e is computed.
const TOLERANCE: Decimal = Decimal::from_parts(1, 0, 0, false, 12);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Formula; 7] =
        [Formula::Epley, Formula::Brzycki, Formula::Lombardi, Formula::OConner, Formula::Lander, Formula::Mayhew, Formula::Wathan];

    fn number(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect("a literal")
    }

    #[test]
    fn every_published_value_comes_out() {
        let sets = [("100", 5), ("80", 10), ("60", 1), ("50", 12)];
        for (formula, expected) in ALL.into_iter().zip([
            ["116.667", "106.667", "60", "70"],
            ["112.5", "106.667", "60", "72"],
            ["117.462", "100.714", "60", "64.104"],
            ["112.5", "100", "60", "65"],
            ["113.709", "107.256", "60", "72.207"],
            ["119.011", "104.747", "60", "67.699"],
            ["116.583", "107.797", "60", "70.748"],
        ]) {
            for ((weight, reps), expected) in sets.into_iter().zip(expected) {
                let estimate = formula.estimate(number(weight), reps).expect("an estimate");
                assert_eq!((estimate.weight, estimate.is_low_confidence), (number(expected), false), "{formula:?} of {weight} × {reps}");
            }
        }
    }

    #[test]
    fn many_repetitions_tell_little_and_none_tell_nothing() {
        for formula in ALL {
            assert!(formula.estimate(number("50"), 13).is_some_and(|estimate| estimate.is_low_confidence), "{formula:?}");
            assert_eq!(formula.estimate(number("50"), 0), None);
            assert_eq!(formula.estimate(number("50"), -3), None);
        }
        assert_eq!(Formula::Brzycki.estimate(number("50"), 37), None, "it diverges there");
        assert_eq!(Formula::Lander.estimate(number("50"), 38), None, "and this one a little later");
    }

    #[test]
    fn a_statement_gets_a_factor_for_each_number_of_repetitions() {
        for formula in ALL {
            assert_eq!(formula.factors().len(), 12);
        }
    }

    proptest! {
        #[test]
        fn more_repetitions_and_more_weight_never_mean_less(thousandths in 1i64..500_000_000, reps in 1i32..36) {
            let weight = Decimal::new(thousandths, 3);
            for formula in ALL {
                let estimate = |weight, reps| formula.estimate(weight, reps).expect("an estimate").weight;
                prop_assert!(estimate(weight, reps + 1) >= estimate(weight, reps));
                prop_assert!(estimate(weight + Decimal::ONE, reps) > estimate(weight, reps));
                prop_assert!(estimate(weight, reps) >= weight);
            }
        }
    }
}
