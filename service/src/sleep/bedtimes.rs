//! Times of day, which have no middle on a line: half past eleven and half past twelve at night meet at midnight, not at noon.

use chrono::{NaiveTime, Timelike};
use entity::unit::round;
use rust_decimal::Decimal;

const DAY: i64 = 86_400;

/// The middle of some times of day, and how far they lie from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    /// The time from which they lie the least far, on the way round the clock that is shorter.
    pub time: NaiveTime,
    /// The standard deviation from it, in minutes with one decimal.
    pub deviation: Decimal,
}

/// The time of day with the least mean square of the distances from `times`, each the shorter way round the clock: the intrinsic
/// mean on a circle. Unlike the mean of directions it needs no trigonometry, and is exact.
pub fn usual(times: impl IntoIterator<Item = NaiveTime>) -> Option<Usual> {
    let mut seconds: Vec<i64> = times.into_iter().map(|time| i64::from(time.num_seconds_from_midnight())).collect();
    seconds.sort_unstable();
    let count = i64::try_from(seconds.len()).ok().filter(|count| *count > 0)?;
    let mut sum: i64 = seconds.iter().sum();
    let mut squares: i64 = seconds.iter().map(|second| second * second).sum();
    // Wherever the circle is cut, the earlier times come a day later; one of these cuts lies opposite the mean.
    let spread = |sum: i64, squares: i64| i128::from(count) * i128::from(squares) - i128::from(sum) * i128::from(sum);
    let mut best = (spread(sum, squares), sum);
    for second in seconds {
        sum += DAY;
        squares += DAY * (2 * second + DAY);
        best = best.min((spread(sum, squares), sum));
    }
    let (spread, sum) = best;
    let second = u32::try_from((sum + count / 2).div_euclid(count).rem_euclid(DAY)).ok()?;
    let hundredths = i64::try_from((spread.unsigned_abs() * 10_000).isqrt()).ok()?;
    let deviation = Decimal::from(hundredths) / Decimal::from(count * 100 * 60);
    Some(Usual { time: NaiveTime::from_num_seconds_from_midnight_opt(second, 0)?, deviation: round(deviation, 1) })
}

/// How many minutes later than `from` a time of day is, the shorter way round the clock: -720 to 720.
pub fn minutes_after(from: NaiveTime, time: NaiveTime) -> Decimal {
    let seconds = i64::from(time.num_seconds_from_midnight()) - i64::from(from.num_seconds_from_midnight());
    let shorter = (seconds + DAY / 2).rem_euclid(DAY) - DAY / 2;
    Decimal::from(shorter) / Decimal::from(60)
}

/// How many minutes later than the median of `others` a time of day is: -720 to 720.
pub fn minutes_after_median(others: &[NaiveTime], time: NaiveTime) -> Option<Decimal> {
    let mut after: Vec<Decimal> = others.iter().map(|other| minutes_after(*other, time)).collect();
    after.sort_unstable();
    let middle = after.get((after.len().checked_sub(1)?) / 2..=after.len() / 2)?;
    Some(middle.iter().sum::<Decimal>() / Decimal::from(middle.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> NaiveTime {
        format!("{text}:00").parse().expect("a time")
    }

    fn usual_of(times: &[&str]) -> Usual {
        usual(times.iter().map(|text| time(text))).expect("there are times")
    }

    #[test]
    fn bedtimes_meet_at_midnight() {
        assert_eq!(usual_of(&["23:30", "00:30"]), Usual { time: time("00:00"), deviation: Decimal::from(30) });
        assert_eq!(usual_of(&["22:00", "23:00", "00:00"]).time, time("23:00"));
        assert_eq!(usual_of(&["23:50", "00:10", "00:30", "23:30"]).time, time("00:00"));
        assert_eq!(usual_of(&["07:00", "07:30"]), Usual { time: time("07:15"), deviation: Decimal::from(15) });
        assert_eq!(usual_of(&["03:00"]), Usual { time: time("03:00"), deviation: Decimal::ZERO });
        assert_eq!(usual([]), None);
    }

    #[test]
    fn tonight_is_later_or_earlier_than_the_median() {
        let nights = ["23:00", "23:10", "22:50", "00:20"].map(time);
        assert_eq!(minutes_after_median(&nights, time("00:05")), Some(Decimal::from(60)));
        assert_eq!(minutes_after_median(&nights[..3], time("22:30")), Some(Decimal::from(-30)));
        assert_eq!(minutes_after_median(&[], time("22:30")), None);
    }

    proptest! {
        #[test]
        fn turning_the_clock_turns_the_mean(minutes in prop::collection::vec(0u32..360, 1..30), turn in 0u32..1440) {
            let at = |minute: u32| NaiveTime::from_num_seconds_from_midnight_opt(minute % 1440 * 60, 0).expect("a time");
            let before = usual(minutes.iter().map(|minute| at(*minute))).expect("there are times");
            let after = usual(minutes.iter().map(|minute| at(minute + turn))).expect("there are times");
            // Halves of a second round the same way, so they turn with it.
            let turned = minutes_after(at(turn), after.time) - minutes_after(at(0), before.time);
            let whole = Decimal::from(1440);
            prop_assert!([-whole, Decimal::ZERO, whole].iter().any(|around| (turned - around).abs() <= Decimal::new(2, 2)), "{turned}");
            prop_assert_eq!(before.deviation, after.deviation);
            // Within six hours it is the plain mean.
            let mean = Decimal::from(minutes.iter().sum::<u32>()) / Decimal::from(minutes.len());
            prop_assert!((minutes_after(at(0), before.time) - mean).abs() <= Decimal::new(2, 2));
        }
    }
}
