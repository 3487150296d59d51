//! How fast something was: pace and speed, from a distance and the time that it took.

use entity::unit::round;
use rust_decimal::Decimal;

/// How fast something was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Seconds that a kilometre took, to three decimals.
    pub seconds_per_kilometre: Decimal,
    /// Seconds that a mile took, to three decimals.
    pub seconds_per_mile: Decimal,
    /// Speed in km/h, to four decimals.
    pub kilometres_per_hour: Decimal,
    /// Speed in mi/h, to four decimals.
    pub miles_per_hour: Decimal,
}

/// Metres of an international mile.
const MILE: Decimal = Decimal::from_parts(1_609_344, 0, 0, false, 3);
const KILOMETRE: Decimal = Decimal::ONE_THOUSAND;

impl Pace {
    /// The pace of `metres` in `seconds`; `None` where nobody moved or no time passed, for there is no pace at speed 0.
    pub fn of(metres: Decimal, seconds: Decimal) -> Option<Self> {
        if metres <= Decimal::ZERO || seconds <= Decimal::ZERO {
            return None;
        }
        let per = |unit: Decimal| seconds.checked_mul(unit)?.checked_div(metres).map(|seconds| round(seconds, 3));
        let each_hour =
            |unit: Decimal| metres.checked_mul(Decimal::from(3600))?.checked_div(seconds.checked_mul(unit)?).map(|speed| round(speed, 4));
        Some(Self {
            seconds_per_kilometre: per(KILOMETRE)?,
            seconds_per_mile: per(MILE)?,
            kilometres_per_hour: each_hour(KILOMETRE)?,
            miles_per_hour: each_hour(MILE)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect("a literal")
    }

    #[test]
    fn ten_kilometres_in_52_minutes_and_a_half() {
        let pace = Pace::of(number("10000"), number("3150")).expect("a pace");
        assert_eq!(pace.seconds_per_kilometre, number("315"));
        assert_eq!(pace.seconds_per_mile, number("506.943"));
        assert_eq!(pace.kilometres_per_hour, number("11.4286"));
        assert_eq!(pace.miles_per_hour, number("7.1014"));
    }

    #[test]
    fn who_stands_still_has_no_pace() {
        assert_eq!(Pace::of(Decimal::ZERO, number("60")), None);
        assert_eq!(Pace::of(number("60"), Decimal::ZERO), None);
    }

    #[test]
    fn the_extremes_that_can_be_stored_overflow_nothing() {
        assert!(Pace::of(number("100000000"), number("604800")).is_some());
        assert!(Pace::of(number("0.000001"), number("604800")).is_some());
    }
}
