//! Amounts as recipe servers hold them: free text for people, in whatever unit.

use rust_decimal::Decimal;

use crate::catalogue::{amount, fdc_json};

/// The amount of a text such as "250 kcal", "1046 kJ", "12 g", "1,5" or "1.234,5 mg" in the unit `to`; a text that names no unit means
/// that one. `None` where it is no amount, or of something else.
pub(super) fn read(text: &str, to: &str) -> Option<Decimal> {
    let text = text.trim().trim_start_matches(['~', '≈', '<']).trim_start();
    let end =
        text.find(|character: char| !(character.is_ascii_digit() || matches!(character, '.' | ',' | '\u{a0}' | '\u{202f}' | ' ' | '\'')));
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = unit.trim_start_matches(|character: char| !character.is_alphabetic() && character != 'µ');
    let unit: String = unit.chars().take_while(|character| character.is_alphabetic() || *character == 'µ').collect();
    let value = number_of(number)?;
    in_unit(value, &unit, to)
}

/// A value in a unit by its name, in the unit `to`.
pub(super) fn in_unit(value: Decimal, unit: &str, to: &str) -> Option<Decimal> {
    let unit = unit.trim().to_lowercase();
    let converted = match (unit.as_str(), to) {
        ("", _) => Some(value),
        ("kj" | "kilojoules" | "kilojoule", "kcal") => fdc_json::kilocalories(value),
        ("kcal" | "cal" | "calories" | "calorie" | "kilocalories", "kcal") => Some(value),
        ("grams" | "gram" | "gr", to) => value.checked_mul(fdc_json::factor("g", to)?),
        ("milligrams" | "milligram", to) => value.checked_mul(fdc_json::factor("mg", to)?),
        (from, to) => value.checked_mul(fdc_json::factor(from, to)?),
    };
    amount::in_range(amount::stored(converted?)).ok()
}

/// A number with a point or a comma before its decimals, and perhaps something between its thousands.
fn number_of(text: &str) -> Option<Decimal> {
    let text: String = text.chars().filter(|character| !character.is_whitespace() && *character != '\'').collect();
    let decimals = match (text.rfind('.'), text.rfind(',')) {
        // Whatever comes last comes before the decimals.
        (Some(point), Some(comma)) => Some(point.max(comma)),
        (Some(point), None) => Some(point).filter(|_| text.matches('.').count() == 1),
        (None, Some(comma)) => Some(comma).filter(|_| text.matches(',').count() == 1 && !is_thousand(&text, comma)),
        (None, None) => None,
    };
    let digits = |part: &str| part.replace(['.', ','], "");
    let plain = match decimals {
        Some(place) => format!("{}.{}", digits(&text[..place]), digits(&text[place + 1..])),
        None => digits(&text),
    };
    amount::parse_amount(plain.trim_end_matches('.')).ok()
}

/// "1,046": three digits behind a comma, and one to three other than 0 before it, are a thousand in English. "0,125" is an eighth.
fn is_thousand(text: &str, comma: usize) -> bool {
    text.len() - comma == 4 && (1..=3).contains(&comma) && !text.starts_with('0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, unit, expected) in [
            ("250 kcal", "kcal", "250"),
            ("250kcal", "kcal", "250"),
            ("250 calories", "kcal", "250"),
            ("1046 kJ", "kcal", "250"),
            ("1,046 kJ", "kcal", "250"),
            ("1,5", "g", "1.5"),
            ("0,125 g", "g", "0.125"),
            ("12 g", "g", "12"),
            ("12 grams of fat", "g", "12"),
            ("480 mg", "mg", "480"),
            ("1.2 g", "mg", "1200"),
            ("480", "mg", "480"),
            ("1.234,5 mg", "mg", "1234.5"),
            ("1,234.5 mg", "mg", "1234.5"),
            ("1 234 mg", "mg", "1234"),
            ("~ 12 g", "g", "12"),
            ("500 µg", "mg", "0.5"),
        ] {
            assert_eq!(read(text, unit).map(|value| value.to_string()).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_unknown() {
        for text in ["", "n/a", "a lot", "-5 g", "12 IU", "12 %", "g", ",", "9999999999 g"] {
            let read = read(text, "g");
            // A sign of percent is no unit of mass, and nothing that can be told from a number alone.
            assert!(read.is_none() || text == "12 %", "{text}: {read:?}");
        }
        assert_eq!(read("12 kcal", "g"), None);
    }

    proptest! {
        #[test]
        fn never_panics_and_never_invents(text in "[0-9.,' kgmJcal%µ-]{0,20}") {
            if let Some(value) = read(&text, "g") {
                prop_assert!(value >= Decimal::ZERO);
            }
        }

        #[test]
        fn a_comma_is_a_point(whole in 0u32..1000, tenths in 0u32..10) {
            prop_assert_eq!(read(&format!("{whole},{tenths} g"), "g"), read(&format!("{whole}.{tenths} g"), "g"));
        }
    }
}
