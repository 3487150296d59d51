//! Household measures: "1 cup, chopped" of 91 g, "3 crackers" of 15 g.

use std::collections::HashSet;

use entity::unit::{Dimension, Unit};
use rust_decimal::Decimal;

use super::{Portion, amount, tidy};

const LONGEST_NAME: usize = 100;
const MOST_PORTIONS: usize = 100;

/// The portion that a description such as "3 crackers" names, when all of it weighs `amount`: one cracker, where that can be
/// said exactly. `None` where the description names nothing that a unit does not say already.
pub(crate) fn described(description: &str, amount: Decimal, unit: &'static str) -> Option<Portion> {
    let description = tidy(description);
    let (count, thing) = leading_count(&description).unwrap_or((Count::ONE, &description));
    let dimension = dimension(thing);
    if thing.is_empty() || matches!(dimension, Some(Dimension::Mass | Dimension::Energy)) || !amount::is_positive(amount) {
        return None;
    }
    let each = amount::stored(amount * count.under / count.over);
    let (name, amount) = match each * count.over == amount * count.under {
        // "1 serving" is as much as the nutrition is stated for; what the maker calls one needs a name of its own.
        true if dimension == Some(Dimension::Serving) => (format!("serving of {each} {unit}"), each),
        true if count.over > count.under => (singular(thing), each),
        true => (thing.to_owned(), each),
        false => (description, amount),
    };
    let storable = amount::is_positive(amount) && name.chars().count() <= LONGEST_NAME;
    storable.then_some(Portion { name, amount, unit })
}

/// What a portion's name measures already, as the name of a unit.
fn dimension(name: &str) -> Option<Dimension> {
    let name = name.trim_end_matches('.');
    let unit = Unit::named(name).or_else(|| Unit::named(name.strip_suffix(['s', 'S'])?));
    unit.map(|unit| unit.dimension)
}

/// "crackers, small" is what several are called: one is a "cracker, small". What has another singular stays as it is.
fn singular(thing: &str) -> String {
    let end = thing.find([',', '(']).map_or(thing.len(), |end| thing[..end].trim_end().len());
    let (plural, rest) = thing.split_at(end);
    let irregular = ["ss", "ves", "ches", "shes", "xes", "rries"].iter().any(|ending| plural.ends_with(ending));
    let one = if irregular { plural } else { plural.strip_suffix('s').unwrap_or(plural) };
    format!("{one}{rest}")
}

/// The portions of a food; of two with one name the first counts.
pub(crate) fn distinct(portions: impl IntoIterator<Item = Portion>) -> Vec<Portion> {
    let mut names = HashSet::new();
    portions.into_iter().filter(|portion| names.insert(portion.name.to_lowercase())).take(MOST_PORTIONS).collect()
}

/// How many: a fraction, since a third is no decimal.
struct Count {
    over: Decimal,
    under: Decimal,
}

impl Count {
    const ONE: Self = Self { over: Decimal::ONE, under: Decimal::ONE };
}

/// "2 eggs", ".5 cup", "1/2 cup", "1 1/2 cups": the count and what is counted.
fn leading_count(description: &str) -> Option<(Count, &str)> {
    let (first, rest) = split_word(description);
    let (second, after) = split_word(rest);
    let (count, rest) = match (fraction(first), amount::parse_amount(first).ok(), fraction(second)) {
        (Some(count), ..) => (count, rest),
        (None, Some(whole), Some(part)) => (Count { over: whole * part.under + part.over, under: part.under }, after),
        (None, Some(over), None) => (Count { over, under: Decimal::ONE }, rest),
        (None, None, _) => return None,
    };
    (!count.over.is_zero()).then_some((count, rest))
}

fn split_word(text: &str) -> (&str, &str) {
    text.split_once(' ').unwrap_or((text, ""))
}

fn fraction(word: &str) -> Option<Count> {
    let (over, under) = word.split_once('/')?;
    let count = Count { over: amount::parse_amount(over).ok()?, under: amount::parse_amount(under).ok()? };
    (!count.under.is_zero()).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(description: &str, amount: &str, expected: Option<(&str, &str)>) {
        let amount = amount::parse_amount(amount).expect("an amount");
        let portion = described(description, amount, "g").map(|portion| (portion.name, portion.amount.to_string()));
        assert_eq!(portion, expected.map(|(name, amount)| (name.to_owned(), amount.to_owned())), "{description}");
    }

    #[test]
    fn divides_a_leading_count_out() {
        check("1 cup, chopped", "91", Some(("cup, chopped", "91")));
        check("2 slices", "57", Some(("slice", "28.5")));
        check("10 crackers, (1 NLEA serving)", "30", Some(("cracker, (1 NLEA serving)", "3")));
        check("2 leaves", "30", Some(("leaves", "15")));
        check("1 slices", "30", Some(("slices", "30")));
        check(".5 cup", "122", Some(("cup", "244")));
        check("0.5 cup", "122", Some(("cup", "244")));
        check("1/2 cup", "122", Some(("cup", "244")));
        check("1/3 cup", "40", Some(("cup", "120")));
        check("1 1/2 cups", "90", Some(("cup", "60")));
        check("1 6 oz container, (6 oz)", "170", Some(("6 oz container, (6 oz)", "170")));
        check("8 fl oz", "240", Some(("fl oz", "30")));
        check("large", "50", Some(("large", "50")));
    }

    #[test]
    fn keeps_the_count_where_division_is_not_exact() {
        check("7 slices", "100", Some(("7 slices", "100")));
        check(".333 cup, (1 NLEA serving)", "30", Some((".333 cup, (1 NLEA serving)", "30")));
        check("2/3 cup", "40", Some(("cup", "60")));
        check("1/0 cup", "40", Some(("1/0 cup", "40")));
        check("0/2 cup", "40", Some(("0/2 cup", "40")));
        check("0 cups", "40", Some(("0 cups", "40")));
    }

    #[test]
    fn tidies_white_space() {
        check("1 pat,  (1\" sq, 1/3\" high)", "5", Some(("pat, (1\" sq, 1/3\" high)", "5")));
        check("  1\tcup\u{0}\n", "5", Some(("cup", "5")));
    }

    #[test]
    fn leaves_mass_and_energy_to_their_units() {
        for name in ["1 oz", "3 oz", "7 OZ", "100 grams", "1 lb", "2 lbs.", "g", "1 Pound", "200 kcal", "Ounces"] {
            check(name, "100", None);
        }
        check("3 oz, cooked", "84", Some(("oz, cooked", "28")));
    }

    #[test]
    fn a_serving_of_the_maker_is_not_what_the_nutrition_is_stated_for() {
        check("1 serving", "30", Some(("serving of 30 g", "30")));
        check("2 servings", "75", Some(("serving of 37.5 g", "37.5")));
        check("1 serving, 1/2 cup", "120", Some(("serving, 1/2 cup", "120")));
    }

    #[test]
    fn drops_what_cannot_be_stored() {
        check("1 cup", "0", None);
        check("", "10", None);
        check("3", "10", None);
        check(&"x".repeat(100), "10", Some((&"x".repeat(100), "10")));
        check(&"x".repeat(101), "10", None);
    }

    #[test]
    fn of_two_names_the_first_counts() {
        let portion = |name: &str, amount| Portion { name: name.to_owned(), amount, unit: "g" };
        let portions = [portion("Cup", Decimal::ONE), portion("cup", Decimal::TEN), portion("slice", Decimal::TEN)];
        assert_eq!(distinct(portions), [portion("Cup", Decimal::ONE), portion("slice", Decimal::TEN)]);
    }
}
