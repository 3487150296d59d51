//! Amounts as files write them, exactly: no number passes through a float.

use std::str::FromStr;

use entity::unit::round;
use rust_decimal::Decimal;

/// What the columns of nutrition hold: six decimals, and this much at most.
const DECIMALS: u32 = 6;
const MOST: Decimal = Decimal::from_parts(100_000, 0, 0, false, 0);

/// A plain or scientific decimal number, rounded as it will be stored.
pub(crate) fn parse(text: &str) -> Result<Decimal, String> {
    exact(text).map(stored)
}

/// A plain or scientific decimal number as it is written: to be converted first, and rounded then.
pub(crate) fn exact(text: &str) -> Result<Decimal, String> {
    let text = text.trim();
    let bad = || format!("{text:?} is not a number");
    // Decimal would read 1_000 too.
    if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return Err(bad());
    }
    let value = if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { Decimal::from_str(text) };
    value.map_err(|_| bad())
}

/// A number that can be an amount of something eaten.
pub(crate) fn parse_amount(text: &str) -> Result<Decimal, String> {
    parse(text).and_then(in_range)
}

/// The number, when it can be an amount of something eaten.
pub(crate) fn in_range(value: Decimal) -> Result<Decimal, String> {
    match value {
        value if value < Decimal::ZERO => Err(format!("{value} is negative")),
        value if value > MOST => Err(format!("{value} is more than {MOST}")),
        value => Ok(value),
    }
}

/// Rounded half away from zero to the decimals that are stored, and without trailing zeros, so that equal amounts look equal.
pub(crate) fn stored(value: Decimal) -> Decimal {
    round(value, DECIMALS).normalize()
}

/// Whether this is an amount that a portion or serving can have.
pub(crate) fn is_positive(value: Decimal) -> bool {
    value > Decimal::ZERO && value <= MOST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_exactly_and_rounds_half_away_from_zero() {
        let read = |text| parse_amount(text).map(|value| value.to_string());
        assert_eq!(read("0.1"), Ok("0.1".into()));
        assert_eq!(read(" .50 "), Ok("0.5".into()));
        assert_eq!(read("229.0"), Ok("229".into()));
        assert_eq!(read("1.5e-3"), Ok("0.0015".into()));
        assert_eq!(read("2E2"), Ok("200".into()));
        assert_eq!(read("0.0000005"), Ok("0.000001".into()));
        assert_eq!(read("0.00000049"), Ok("0".into()));
        assert_eq!(read("-0.0"), Ok("0".into()));
    }

    #[test]
    fn refuses_what_is_no_amount() {
        for text in ["", "NaN", "inf", "Infinity", "1_000", "1,5", "~", "1e", "-1", "100000.1", "1e40", "0x10"] {
            assert!(parse_amount(text).is_err(), "{text}");
        }
    }
}
