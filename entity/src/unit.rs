//! The closed list of units, each with its dimension and its exact factor to the dimension's base unit.
//!
//! Factors are exact by definition (international avoirdupois pound 0.45359237 kg, US gallon 231 in³, thermochemical calorie).

use std::sync::LazyLock;

use rust_decimal::{Decimal, RoundingStrategy};

/// What a unit measures. Amounts convert within a dimension and never across.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// Base unit g.
    Mass,
    /// Base unit ml.
    Volume,
    /// Base unit kcal.
    Energy,
    /// Base unit m.
    Length,
    /// Base unit s.
    Duration,
    /// Things counted, one by one.
    Count,
    /// Steps walked, which are no pieces of anything.
    Steps,
    /// Servings of a food, whatever one is.
    Serving,
    /// Base unit %.
    Proportion,
    /// Base unit beats per minute.
    Rate,
    /// Base unit mmHg.
    Pressure,
    /// Base unit °C.
    Temperature,
}

impl Dimension {
    /// How a person would call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mass => "mass",
            Self::Volume => "volume",
            Self::Energy => "energy",
            Self::Length => "length",
            Self::Duration => "duration",
            Self::Count => "count",
            Self::Steps => "number of steps",
            Self::Serving => "serving",
            Self::Proportion => "percentage",
            Self::Rate => "heart rate",
            Self::Pressure => "pressure",
            Self::Temperature => "temperature",
        }
    }
}

/// A unit of measurement.
#[derive(Debug, PartialEq, Eq)]
pub struct Unit {
    /// The one spelling in which it is stored and answered.
    pub code: &'static str,
    /// What it measures.
    pub dimension: Dimension,
    /// What else it is called.
    aliases: &'static [&'static str],
    /// How much of the base unit one of it is.
    factor: Decimal,
    /// Where its zero lies, in the unit itself; not 0 for °F alone.
    zero: Decimal,
}

static UNITS: LazyLock<Vec<Unit>> = LazyLock::new(|| {
    use Dimension::{Count, Duration, Energy, Length, Mass, Pressure, Proportion, Rate, Serving, Steps, Temperature, Volume};
    let unit = |dimension, code, factor: &str, aliases| Unit {
        code,
        dimension,
        aliases,
        factor: Decimal::from_str_exact(factor).expect("factors are decimal literals"),
        zero: Decimal::ZERO,
    };
    vec![
        unit(Mass, "g", "1", &["gram", "grams", "gramme", "grammes"]),
        unit(Mass, "ug", "0.000001", &["µg", "μg", "mcg", "microgram", "micrograms"]),
        unit(Mass, "mg", "0.001", &["milligram", "milligrams"]),
        unit(Mass, "kg", "1000", &["kilogram", "kilograms", "kgs"]),
        unit(Mass, "oz", "28.349523125", &["ounce", "ounces"]),
        unit(Mass, "lb", "453.59237", &["lbs", "pound", "pounds"]),
        unit(Mass, "st", "6350.29318", &["stone", "stones"]),
        unit(Volume, "ml", "1", &["millilitre", "millilitres", "milliliter", "milliliters"]),
        unit(Volume, "cl", "10", &["centilitre", "centiliter"]),
        unit(Volume, "dl", "100", &["decilitre", "deciliter"]),
        unit(Volume, "l", "1000", &["litre", "litres", "liter", "liters"]),
        unit(Volume, "tsp", "4.92892159375", &["teaspoon", "teaspoons"]),
        unit(Volume, "tbsp", "14.78676478125", &["tablespoon", "tablespoons"]),
        unit(Volume, "fl_oz", "29.5735295625", &["fl oz", "floz", "fluid ounce", "fluid ounces"]),
        unit(Volume, "imp_fl_oz", "28.4130625", &["imp fl oz"]),
        unit(Volume, "cup", "236.5882365", &["cups"]),
        unit(Volume, "metric_cup", "250", &["metric cup", "metric cups"]),
        unit(Volume, "pint", "473.176473", &["pints", "pt"]),
        unit(Volume, "quart", "946.352946", &["quarts", "qt"]),
        unit(Volume, "gallon", "3785.411784", &["gallons", "gal"]),
        unit(Energy, "kcal", "1", &["cal", "calorie", "calories"]),
        // 1 kJ is 1/4.184 kcal: see `to_base`, which divides by what the factor says for energy in joules.
        unit(Energy, "kJ", "4.184", &["kilojoule", "kilojoules"]),
        unit(Length, "m", "1", &["metre", "metres", "meter", "meters"]),
        unit(Length, "mm", "0.001", &["millimetre", "millimetres", "millimeter", "millimeters"]),
        unit(Length, "cm", "0.01", &["centimetre", "centimetres", "centimeter", "centimeters"]),
        unit(Length, "km", "1000", &["kilometre", "kilometres", "kilometer", "kilometers"]),
        unit(Length, "in", "0.0254", &["inch", "inches"]),
        unit(Length, "ft", "0.3048", &["foot", "feet"]),
        unit(Length, "yd", "0.9144", &["yard", "yards"]),
        unit(Length, "mi", "1609.344", &["mile", "miles"]),
        unit(Duration, "s", "1", &["sec", "second", "seconds"]),
        unit(Duration, "min", "60", &["minute", "minutes"]),
        unit(Duration, "h", "3600", &["hr", "hour", "hours"]),
        unit(Count, "piece", "1", &["pieces", "pcs", "count", "x"]),
        unit(Steps, "steps", "1", &["step"]),
        unit(Serving, "serving", "1", &["servings"]),
        unit(Proportion, "%", "1", &["percent"]),
        unit(Rate, "bpm", "1", &["/min"]),
        unit(Pressure, "mmHg", "1", &[]),
        unit(Temperature, "°C", "1", &["c", "celsius", "degc"]),
        Unit { zero: Decimal::from(32), ..unit(Temperature, "°F", "1.8", &["f", "fahrenheit", "degf"]) },
    ]
});

impl Unit {
    /// The unit of that code or name, upper or lower case.
    pub fn named(name: &str) -> Option<&'static Self> {
        let name = name.trim();
        UNITS.iter().find(|unit| unit.code.eq_ignore_ascii_case(name) || unit.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name)))
    }

    /// The codes of a dimension, for telling someone what would be right.
    pub fn codes(dimension: Dimension) -> String {
        UNITS.iter().filter(|unit| unit.dimension == dimension).map(|unit| unit.code).collect::<Vec<_>>().join(", ")
    }

    /// The same amount in the base unit of the dimension; `None` when it is too large to be written.
    pub fn to_base(&self, amount: Decimal) -> Option<Decimal> {
        let amount = amount.checked_sub(self.zero)?;
        // These two are defined the other way round, so dividing keeps them exact.
        if matches!(self.code, "kJ" | "°F") { amount.checked_div(self.factor) } else { amount.checked_mul(self.factor) }
    }

    /// The same amount in this unit, from the base unit of the dimension.
    pub fn of_base(&self, amount: Decimal) -> Option<Decimal> {
        let scaled = if matches!(self.code, "kJ" | "°F") { amount.checked_mul(self.factor) } else { amount.checked_div(self.factor) };
        scaled?.checked_add(self.zero)
    }
}

/// Rounds half away from zero, as PostgreSQL's numeric does.
pub fn round(amount: Decimal, decimals: u32) -> Decimal {
    amount.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect("a literal")
    }

    fn convert(amount: &str, from: &str, to: &str, decimals: u32) -> Decimal {
        let (from, to) = (Unit::named(from).expect(from), Unit::named(to).expect(to));
        assert_eq!(from.dimension, to.dimension);
        round(to.of_base(from.to_base(decimal(amount)).expect("in range")).expect("in range"), decimals)
    }

    #[test]
    fn published_conversions_hold() {
        for (amount, from, to, expected) in [
            ("2", "oz", "g", "56.69904625"),
            ("80", "kg", "lb", "176.369810"),
            ("176.4", "lb", "kg", "80.013694"),
            ("11", "st", "kg", "69.853225"),
            ("500", "ml", "fl_oz", "16.907011"),
            ("500", "ml", "imp_fl_oz", "17.597540"),
            ("2", "cup", "ml", "473.176473"),
            ("100", "kcal", "kJ", "418.4"),
            ("400", "kJ", "kcal", "95.6023"),
            ("71", "in", "cm", "180.34"),
            ("98.6", "°F", "°C", "37.0"),
            ("1", "mi", "m", "1609.344"),
        ] {
            let expected = decimal(expected);
            assert_eq!(convert(amount, from, to, expected.scale()), expected, "{amount} {from} in {to}");
        }
    }

    /// An amount in so many whole units, and what is left of it in smaller ones.
    fn split(amount: &str, from: &str, whole: &str, rest: &str) -> (Decimal, Decimal) {
        let [from, whole, rest] = [from, whole, rest].map(|name| Unit::named(name).expect(name));
        let base = from.to_base(decimal(amount)).expect("in range");
        let count = whole.of_base(base).expect("in range").floor();
        let left = base - whole.to_base(count).expect("in range");
        (count, round(rest.of_base(left).expect("in range"), 3))
    }

    #[test]
    fn stones_and_feet_with_what_is_left_of_them_are_the_whole() {
        assert_eq!(split("80", "kg", "st", "lb"), (decimal("12"), decimal("8.370")));
        assert_eq!(split("180", "cm", "ft", "in"), (decimal("5"), decimal("10.866")));
        let grams = |amount: &str, unit: &str| Unit::named(unit).expect(unit).to_base(decimal(amount)).expect("in range");
        assert_eq!(round((grams("11", "st") + grams("4", "lb")) / decimal("1000"), 6), decimal("71.667594"));
        let meters = grams("5", "ft") + grams("11", "in");
        assert_eq!(meters * decimal("100"), decimal("180.34"));
    }

    #[test]
    fn a_calorie_is_the_thermochemical_one_of_labels_and_not_that_of_steam_tables() {
        assert_eq!(convert("1", "kcal", "kJ", 4), decimal("4.184"));
        assert_ne!(convert("1", "kcal", "kJ", 4), decimal("4.1868"));
        assert_eq!(convert("8400", "kJ", "kcal", 3), decimal("2007.648"), "which the EU rounds to 2000 kcal");
    }

    #[test]
    fn a_cup_is_the_customary_one_and_not_that_of_labels() {
        for (unit, customary, label) in
            [("cup", "236.588", "240"), ("fl_oz", "29.574", "30"), ("tbsp", "14.787", "15"), ("tsp", "4.929", "5")]
        {
            assert_eq!(convert("1", unit, "ml", 3), decimal(customary));
            assert_ne!(convert("1", unit, "ml", 3), decimal(label), "a label's {unit} is a portion of its food");
        }
    }

    #[test]
    fn no_two_units_share_a_name() {
        for unit in UNITS.iter() {
            for name in unit.aliases.iter().chain([&unit.code]) {
                assert_eq!(Unit::named(name), Some(unit), "{name}");
            }
        }
    }

    proptest! {
        #[test]
        fn there_and_back_is_where_it_was(mantissa in 1i64..100_000_000, index in 0usize..UNITS.len()) {
            let (unit, amount) = (&UNITS[index], Decimal::new(mantissa, 3));
            let back = unit.of_base(unit.to_base(amount).expect("in range")).expect("in range");
            prop_assert_eq!(round(back, 9), amount.normalize());
        }
    }
}
