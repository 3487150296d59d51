//! Whether nutrition can be true: what does not fit together is pointed out with what may be right, and never changed.

use entity::{
    nutrition_data::CarbohydrateBasis,
    unit::{Dimension, Unit, round},
};
use rust_decimal::Decimal;

use crate::nutrition::Nutrition;

/// Something that is hardly right.
#[derive(Clone, Debug, PartialEq)]
pub struct Warning {
    /// The input field, as the schema names it.
    pub field: &'static str,
    /// What kind of mistake it looks like.
    pub code: Code,
    /// What does not fit, and what may be right.
    pub message: String,
}

/// What kind of mistake it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The energy is not that of what is in it.
    EnergyMismatch,
    /// The energy seems to be in kJ.
    KilojoulesForKilocalories,
    /// A part is more than what it is a part of.
    PartOverWhole,
    /// There is more in it than it weighs.
    OverWeight,
    /// An amount in g seems to be in mg.
    MilligramsForGrams,
}

/// Energy by what contains it, in both units: on labels of the EU one is not the other times 4.184.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Energy {
    /// kcal.
    pub kilocalories: Decimal,
    /// kJ.
    pub kilojoules: Decimal,
}

/// Less energy than this per 100 g is all rounding.
const LITTLE_ENERGY: Decimal = Decimal::from_parts(13, 0, 0, false, 0);
/// What labels may be off: a share of what they declare, and some kcal.
const TOLERATED_SHARE: Decimal = Decimal::from_parts(3, 0, 0, false, 1);
const TOLERATED_ENERGY: Decimal = Decimal::from_parts(5, 0, 0, false, 0);
/// kcal of 100 g of pure fat, by the most generous factor.
const MOST_ENERGY: Decimal = Decimal::from_parts(902, 0, 0, false, 0);
/// mg of sodium in 100 g of pure salt, and a little.
const MOST_SODIUM: Decimal = Decimal::from_parts(39_400, 0, 0, false, 0);
/// What is rounded to whole grams may add up to a little over 100.
const MOST_WEIGHT: Decimal = Decimal::from_parts(101, 0, 0, false, 0);
const KILOJOULES: Decimal = Decimal::from_parts(4184, 0, 0, false, 3);

/// Energy of protein, carbohydrates, fat, alcohol and, by the European factors, fibre, polyols and organic acids. `None` unless all
/// three macros are known. Factors: 21 CFR 101.9(c)(1) for total carbohydrates, Regulation (EU) 1169/2011, Annex XIV for available ones.
pub fn energy(nutrition: &Nutrition, basis: CarbohydrateBasis) -> Option<Energy> {
    let (protein, carbohydrates, fat) = (nutrition.protein?, nutrition.carbohydrates?, nutrition.fat?);
    let of = |code: &str| nutrition.nutrient(code).unwrap_or_default();
    let (polyols, erythritol) = (of("POLYL"), of("ERYTHL"));
    let sweet = polyols.max(erythritol);
    // Grams, kcal and kJ per gram.
    let parts: Vec<(Decimal, Decimal, i64)> = match basis {
        CarbohydrateBasis::Total => vec![
            (protein, Decimal::from(4), 17),
            (carbohydrates, Decimal::from(4), 17),
            (fat, Decimal::from(9), 37),
            (of("ALC"), Decimal::from(7), 29),
        ],
        CarbohydrateBasis::Available => vec![
            (protein, Decimal::from(4), 17),
            ((carbohydrates - sweet).max(Decimal::ZERO), Decimal::from(4), 17),
            (sweet - erythritol, Decimal::new(24, 1), 10),
            (fat, Decimal::from(9), 37),
            (nutrition.fiber.unwrap_or_default(), Decimal::TWO, 8),
            (of("ALC"), Decimal::from(7), 29),
            (of("OA"), Decimal::from(3), 13),
        ],
    };
    let kilocalories = parts.iter().map(|(grams, factor, _)| *grams * *factor).sum();
    let kilojoules = parts.iter().map(|(grams, _, factor)| *grams * Decimal::from(*factor)).sum();
    Some(Energy { kilocalories, kilojoules })
}

/// Alcohol in g of a drink of `millilitres` with `percent` by volume. `None` when that is more than can be written.
pub fn alcohol(millilitres: Decimal, percent: Decimal) -> Option<Decimal> {
    millilitres.checked_mul(percent)?.checked_mul(Decimal::new(789, 5))
}

/// What is hardly right about a serving's nutrition; nothing for what cannot be told.
pub fn warnings(
    nutrition: &Nutrition,
    basis: Option<CarbohydrateBasis>,
    serving: (Decimal, &str),
    density: Option<Decimal>,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let hundred = Hundred::of(serving, density);
    let weighs = hundred.as_ref().is_some_and(|hundred| hundred.weighs);
    let per_hundred = hundred.and_then(|hundred| hundred.times(nutrition));
    energy_warning(&mut warnings, per_hundred.as_ref().unwrap_or(nutrition), basis, weighs);
    parts_over_wholes(&mut warnings, nutrition, basis);
    if let Some(per_hundred) = per_hundred.filter(|_| weighs) {
        over_weight(&mut warnings, &per_hundred, basis);
    }
    warnings
}

/// What makes 100 g of a serving, or 100 ml where nobody knows what those weigh.
struct Hundred {
    servings: Decimal,
    weighs: bool,
}

impl Hundred {
    fn of((size, unit): (Decimal, &str), density: Option<Decimal>) -> Option<Self> {
        let unit = Unit::named(unit)?;
        let base = unit.to_base(size)?;
        let (amount, weighs) = match (unit.dimension, density) {
            (Dimension::Mass, _) => (base, true),
            (Dimension::Volume, Some(density)) => (base.checked_mul(density)?, true),
            (Dimension::Volume, None) => (base, false),
            _ => return None,
        };
        Some(Self { servings: Decimal::ONE_HUNDRED.checked_div(amount)?, weighs })
    }

    fn times(&self, nutrition: &Nutrition) -> Option<Nutrition> {
        nutrition.times(self.servings).ok()
    }
}

fn energy_warning(warnings: &mut Vec<Warning>, nutrition: &Nutrition, basis: Option<CarbohydrateBasis>, weighs: bool) {
    let Some(declared) = nutrition.calories.filter(|declared| *declared > LITTLE_ENERGY) else { return };
    let bases = match basis {
        Some(basis) => vec![basis],
        None => vec![CarbohydrateBasis::Total, CarbohydrateBasis::Available],
    };
    let computed: Vec<_> = bases.into_iter().filter_map(|basis| energy(nutrition, basis)).map(|energy| energy.kilocalories).collect();
    let fits =
        |declared: Decimal| computed.iter().any(|computed| (declared - computed).abs() <= TOLERATED_SHARE * declared + TOLERATED_ENERGY);
    let as_kilocalories = round(declared / KILOJOULES, 1);
    let shown = |amount: Decimal| round(amount, 1).normalize();
    let mistake = match computed.first() {
        Some(_) if fits(declared) => None,
        Some(_) if fits(as_kilocalories) => Some(Code::KilojoulesForKilocalories),
        Some(_) => Some(Code::EnergyMismatch),
        None if weighs && declared > MOST_ENERGY => Some(Code::KilojoulesForKilocalories),
        None => None,
    };
    let Some(code) = mistake else { return };
    let message = match (code, computed.first()) {
        (Code::KilojoulesForKilocalories, _) => {
            format!("{} looks like kJ: that is {} kcal", shown(declared), shown(as_kilocalories))
        }
        (_, Some(computed)) => format!(
            "protein, carbohydrates, fat and alcohol have {} kcal, and {} is stated: check these, and whether all of them are per the same amount",
            shown(*computed),
            shown(declared)
        ),
        (_, None) => return,
    };
    warnings.push(Warning { field: "nutrition.calories", code, message });
}

/// The part, the whole, and the field where a mistake shows; amounts in the same unit.
fn parts_over_wholes(warnings: &mut Vec<Warning>, nutrition: &Nutrition, basis: Option<CarbohydrateBasis>) {
    const PAIRS: [(&str, &str, &str, &str, &str); 12] = [
        ("SUGAR", "sugar", "CHOCDF", "carbohydrates", "nutrition.sugar"),
        ("STARCH", "starch", "CHOCDF", "carbohydrates", "nutrition.nutrients"),
        ("POLYL", "polyols", "CHOCDF", "carbohydrates", "nutrition.nutrients"),
        ("SUGAD", "added sugars", "SUGAR", "sugar", "nutrition.nutrients"),
        ("FASAT", "saturated fat", "FAT", "fat", "nutrition.nutrients"),
        ("FAMS", "monounsaturated fat", "FAT", "fat", "nutrition.nutrients"),
        ("FAPU", "polyunsaturated fat", "FAT", "fat", "nutrition.nutrients"),
        ("FATRN", "trans fat", "FAT", "fat", "nutrition.nutrients"),
        ("FAPUN3", "omega-3 fatty acids", "FAPU", "polyunsaturated fat", "nutrition.nutrients"),
        ("FAPUN6", "omega-6 fatty acids", "FAPU", "polyunsaturated fat", "nutrition.nutrients"),
        ("FIBSOL", "soluble fibre", "FIBTG", "fiber", "nutrition.nutrients"),
        ("FIBINS", "insoluble fibre", "FIBTG", "fiber", "nutrition.nutrients"),
    ];
    let fiber = ("FIBTG", "fiber", "CHOCDF", "carbohydrates", "nutrition.fiber");
    let pairs = PAIRS.into_iter().chain((basis == Some(CarbohydrateBasis::Total)).then_some(fiber));
    for (part, part_name, whole, whole_name, field) in pairs {
        let (Some(part), Some(whole)) = (nutrition.nutrient(part), nutrition.nutrient(whole)) else { continue };
        if part > whole {
            let (part, whole) = (part.normalize(), whole.normalize());
            let message =
                format!("{part_name} of {part} g is more than the {whole_name} of {whole} g that it is a part of: one of them is wrong");
            warnings.push(Warning { field, code: Code::PartOverWhole, message });
        }
    }
}

/// More than 100 g in 100 g.
fn over_weight(warnings: &mut Vec<Warning>, per_hundred: &Nutrition, basis: Option<CarbohydrateBasis>) {
    let macros = [
        ("nutrition.protein", "protein", per_hundred.protein),
        ("nutrition.carbohydrates", "carbohydrates", per_hundred.carbohydrates),
        ("nutrition.fat", "fat", per_hundred.fat),
        ("nutrition.fiber", "fiber", per_hundred.fiber),
        ("nutrition.sugar", "sugar", per_hundred.sugar),
    ];
    let shown = |amount: Decimal| round(amount, 3).normalize();
    let before = warnings.len();
    for (field, name, amount) in macros {
        let Some(amount) = amount.filter(|amount| *amount > Decimal::ONE_HUNDRED) else { continue };
        let (code, hint) = if amount >= Decimal::from(200) {
            (Code::MilligramsForGrams, format!("if it is in mg, that is {} g", shown(amount / Decimal::ONE_THOUSAND)))
        } else {
            (Code::OverWeight, "check it, and what it is per".to_owned())
        };
        warnings.push(Warning { field, code, message: format!("{} g of {name} in 100 g cannot be: {hint}", shown(amount)) });
    }
    if let Some(sodium) = per_hundred.sodium.filter(|sodium| *sodium > MOST_SODIUM) {
        let message = format!(
            "{} mg of sodium in 100 g is more than pure salt has: if it is in µg, that is {} mg",
            shown(sodium),
            shown(sodium / Decimal::ONE_THOUSAND)
        );
        warnings.push(Warning { field: "nutrition.sodium", code: Code::OverWeight, message });
    }
    let apart = match basis {
        Some(CarbohydrateBasis::Available) => per_hundred.fiber,
        _ => None,
    };
    let parts = [
        per_hundred.protein,
        per_hundred.carbohydrates,
        per_hundred.fat,
        apart,
        per_hundred.nutrient("ALC"),
        per_hundred.nutrient("WATER"),
    ];
    let sum: Decimal = parts.into_iter().flatten().sum();
    if warnings.len() == before && sum > MOST_WEIGHT {
        let message = format!(
            "protein, carbohydrates, fat and what else is stated weigh {} g in 100 g: check them, and what they are per",
            shown(sum)
        );
        warnings.push(Warning { field: "nutrition", code: Code::OverWeight, message });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::nutrition::Headline;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect("a literal")
    }

    /// kcal, protein, carbohydrates, fat.
    fn of(calories: &str, protein: &str, carbohydrates: &str, fat: &str) -> Nutrition {
        Nutrition {
            calories: Some(decimal(calories)),
            protein: Some(decimal(protein)),
            carbohydrates: Some(decimal(carbohydrates)),
            fat: Some(decimal(fat)),
            ..Headline::default().checked().expect("nothing to refuse")
        }
    }

    fn with(nutrition: Nutrition, code: &str, amount: &str) -> Nutrition {
        Nutrition { nutrients: serde_json::json!({ code: amount }), ..nutrition }
    }

    fn codes(nutrition: &Nutrition, basis: Option<CarbohydrateBasis>) -> Vec<(&'static str, Code)> {
        let found = warnings(nutrition, basis, (Decimal::ONE_HUNDRED, "g"), None);
        found.into_iter().map(|warning| (warning.field, warning.code)).collect()
    }

    #[test]
    fn published_energies_hold() {
        let us = energy(&of("0", "25", "40", "12"), CarbohydrateBasis::Total).expect("all known");
        assert_eq!(us.kilocalories, decimal("368"));
        let eu = Nutrition { fiber: Some(Decimal::TWO), ..of("0", "4.5", "10.5", "8.5") };
        let eu = energy(&eu, CarbohydrateBasis::Available).expect("all known");
        assert_eq!((eu.kilocalories, eu.kilojoules), (decimal("140.5"), decimal("585.5")));
        let beer = energy(&with(of("0", "0.5", "3.6", "0"), "ALC", "3.9"), CarbohydrateBasis::Available).expect("all known");
        assert_eq!((beer.kilocalories, beer.kilojoules), (decimal("43.7"), decimal("182.8")));
        let grams = alcohol(decimal("500"), decimal("5")).expect("little");
        assert_eq!((grams, grams * Decimal::from(7)), (decimal("19.725"), decimal("138.075")));
        let erythritol = with(of("0", "0", "100", "0"), "ERYTHL", "100");
        assert_eq!(energy(&erythritol, CarbohydrateBasis::Available).expect("all known").kilocalories, Decimal::ZERO);
        assert_eq!(energy(&Headline::default().checked().expect("empty"), CarbohydrateBasis::Total), None);
    }

    #[test]
    fn energy_that_does_not_fit_is_pointed_out() {
        assert_eq!(codes(&of("368", "25", "40", "12"), None), []);
        assert_eq!(codes(&of("13", "0", "0", "0"), None), [], "so little is rounding");
        assert_eq!(codes(&of("200", "25", "40", "12"), None), [("nutrition.calories", Code::EnergyMismatch)]);
        // 30 % of what is declared and 5 kcal are tolerated, and no more.
        assert_eq!(codes(&of("100", "0", "16.25", "0"), None), []);
        assert_eq!(codes(&of("100", "0", "16.2", "0"), None), [("nutrition.calories", Code::EnergyMismatch)]);
        let kilojoules = warnings(&of("1540", "25", "40", "12"), None, (Decimal::ONE_HUNDRED, "g"), None);
        assert_eq!(kilojoules.first().map(|warning| warning.code), Some(Code::KilojoulesForKilocalories));
        assert!(kilojoules[0].message.contains("368.1 kcal"), "{}", kilojoules[0].message);
        let alone = Nutrition { calories: Some(decimal("1570")), ..Headline::default().checked().expect("empty") };
        assert_eq!(codes(&alone, None), [("nutrition.calories", Code::KilojoulesForKilocalories)], "no food has so much");
        // Bran: by European factors its fibre counts, whatever the label meant.
        let bran = Nutrition { fiber: Some(decimal("43")), ..of("216", "15.6", "64.5", "4.3") };
        assert_eq!(codes(&bran, Some(CarbohydrateBasis::Total)), [("nutrition.calories", Code::EnergyMismatch)]);
    }

    #[test]
    fn a_part_is_never_more_than_the_whole() {
        let sweet = Nutrition { sugar: Some(decimal("12")), ..of("80", "0", "10", "4.4") };
        assert_eq!(codes(&sweet, None), [("nutrition.sugar", Code::PartOverWhole)]);
        assert_eq!(codes(&with(of("90", "0", "0", "10"), "FASAT", "10.1"), None), [("nutrition.nutrients", Code::PartOverWhole)]);
        assert_eq!(codes(&with(of("90", "0", "0", "10"), "FASAT", "10"), None), []);
        let bran = Nutrition { fiber: Some(decimal("43")), ..of("200", "15", "20", "4") };
        assert_eq!(codes(&bran, Some(CarbohydrateBasis::Available)), [], "fibre is no part of these");
    }

    #[test]
    fn nothing_holds_more_than_it_weighs() {
        let milligrams = warnings(&of("368", "25000", "40", "12"), None, (Decimal::ONE_HUNDRED, "g"), None);
        let milligrams = milligrams.iter().find(|warning| warning.code == Code::MilligramsForGrams).expect("a warning");
        assert!(milligrams.field == "nutrition.protein" && milligrams.message.contains("25 g"), "{}", milligrams.message);
        assert_eq!(codes(&of("650", "60", "50", "20"), None), [("nutrition", Code::OverWeight)]);
        let salt = Nutrition { sodium: Some(decimal("643000")), ..of("0", "0", "0", "0") };
        assert_eq!(codes(&salt, None), [("nutrition.sodium", Code::OverWeight)]);
        // Per piece nobody knows what it weighs, and per 100 ml of a syrup there is more than 100 g.
        let syrup = of("440", "0", "110", "0");
        assert_eq!(warnings(&syrup, None, (Decimal::ONE, "piece"), None), []);
        assert_eq!(warnings(&syrup, None, (Decimal::ONE_HUNDRED, "ml"), None), []);
        assert_eq!(warnings(&syrup, None, (Decimal::ONE_HUNDRED, "ml"), Some(decimal("1.4"))), []);
        assert_eq!(warnings(&syrup, None, (Decimal::ONE_HUNDRED, "ml"), Some(Decimal::ONE)).len(), 1);
        assert_eq!(warnings(&syrup, None, (decimal("150"), "g"), None), [], "what counts is 100 g of it");
    }

    proptest! {
        #[test]
        fn what_adds_up_is_never_pointed_out(protein in 0i64..30, carbohydrates in 0i64..30, fat in 0i64..30, size in 1i64..1000) {
            let grams = |amount: i64| Decimal::from(amount);
            let calories = grams(4) * (grams(protein) + grams(carbohydrates)) + grams(9) * grams(fat);
            let per_hundred = of(&calories.to_string(), &protein.to_string(), &carbohydrates.to_string(), &fat.to_string());
            let serving = per_hundred.times(grams(size) / Decimal::ONE_HUNDRED).expect("little");
            prop_assert_eq!(warnings(&serving, None, (grams(size), "g"), None), vec![]);
        }
    }
}
