//! How much energy a person needs: at rest by published formulas, and in all by how much they move.

use chrono::NaiveDate;
use entity::{id::UserId, unit::round};
use rust_decimal::Decimal;
use sea_orm::{DbBackend, FromQueryResult, Statement};

use crate::{
    access::Tx,
    day,
    error::Result,
    explanation::{Explanation, Input, input},
    profiles::{self, ActivityLevel, BmrFormula, Profile, Sex},
};

/// From this age on formulas for adults are used.
const ADULT: i32 = 18;
/// Decimals of kcal as they are shown.
const SHOWN_DECIMALS: u32 = 3;

/// What is measured of a person, as of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Body {
    /// kg.
    pub weight: Option<Decimal>,
    /// cm.
    pub height: Option<Decimal>,
    /// Percent of the weight.
    pub body_fat: Option<Decimal>,
}

/// Something that a formula asks for and nobody has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// A measurement of weight.
    Weight,
    /// A measurement of height.
    Height,
    /// A measurement of body fat.
    BodyFat,
    /// The day of birth.
    BornOn,
    /// How much the person moves.
    ActivityLevel,
}

/// A number of kcal, or between which two it is where the sex is not said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Between {
    /// The smaller one.
    pub least: Decimal,
    /// The greater one; the same where the sex is said or not asked for.
    pub most: Decimal,
}

/// What a person needs on a day.
#[derive(Clone, Debug, PartialEq)]
pub struct EnergyNeeds {
    /// The day.
    pub on: NaiveDate,
    /// How resting energy was estimated, or would be.
    pub formula: BmrFormula,
    /// kcal a day at rest.
    pub resting: Option<Between>,
    /// By which factor moving multiplies it.
    pub activity_factor: Option<Decimal>,
    /// kcal a day in all.
    pub total: Option<Between>,
    /// What is missing for either.
    pub missing: Vec<Missing>,
    /// How resting energy came about.
    pub explanation: Option<Explanation>,
}

/// By which factor a level of activity multiplies resting energy: common practice, within the bands of FAO/WHO/UNU 2001.
pub fn activity_factor(level: ActivityLevel) -> Decimal {
    match level {
        ActivityLevel::Sedentary => Decimal::new(12, 1),
        ActivityLevel::Light => Decimal::new(1375, 3),
        ActivityLevel::Moderate => Decimal::new(155, 2),
        ActivityLevel::VeryActive => Decimal::new(1725, 3),
        ActivityLevel::ExtraActive => Decimal::new(19, 1),
    }
}

#[derive(FromQueryResult)]
struct Latest {
    weight: Option<Decimal>,
    height: Option<Decimal>,
    body_fat: Option<Decimal>,
}

/// What was measured last, up to a day.
pub async fn body_as_of(tx: &Tx, person: UserId, on: NaiveDate) -> Result<Body> {
    let latest = |kind: &str, scale: &str| {
        format!(
            "(SELECT round(canonical_value {scale}, 6) FROM measurements WHERE user_id = $1 AND type = '{kind}' AND measured_on <= $2
              AND deleted_at IS NULL ORDER BY measured_at DESC, id DESC LIMIT 1)"
        )
    };
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        format!(
            "SELECT {} AS weight, {} AS height, {} AS body_fat",
            latest("weight", "/ 1000"),
            latest("height", "* 100"),
            latest("body_fat", "* 1")
        ),
        [person.0.into(), on.into()],
    );
    let row = Latest::find_by_statement(statement).one(tx).await?;
    Ok(row.map(|row| Body { weight: row.weight, height: row.height, body_fat: row.body_fat }).unwrap_or_default())
}

/// What a person needs on a day, by what was known and measured then.
pub async fn of(tx: &Tx, person: UserId, on: NaiveDate) -> Result<EnergyNeeds> {
    day::checked("date", on)?;
    let profile = profiles::as_of(tx, person, on).await?;
    Ok(needs(&profile, &body_as_of(tx, person, on).await?, on))
}

/// What a person needs.
pub fn needs(profile: &Profile, body: &Body, on: NaiveDate) -> EnergyNeeds {
    let age = profile.age_on(on);
    let (formula, remarks) = choose(profile, body, age);
    let mut missing = Vec::new();
    let estimate = estimate(formula, profile.sex, body, age, &mut missing);
    let activity_factor = profile.activity_level.map(activity_factor);
    if activity_factor.is_none() {
        missing.push(Missing::ActivityLevel);
    }
    let resting = estimate.as_ref().map(|(between, _)| *between);
    let shown = |between: Between| Between { least: round(between.least, SHOWN_DECIMALS), most: round(between.most, SHOWN_DECIMALS) };
    EnergyNeeds {
        on,
        formula,
        resting: resting.map(shown),
        activity_factor,
        total: resting
            .zip(activity_factor)
            .map(|(resting, factor)| shown(Between { least: resting.least * factor, most: resting.most * factor })),
        missing,
        explanation: estimate.map(|(between, inputs)| explain(formula, profile.sex, between, inputs, remarks)),
    }
}

/// The formula: the one that was chosen, else by lean mass where body fat is known, else by weight, height, age and sex. Children get
/// Schofield's, the others being made with adults.
fn choose(profile: &Profile, body: &Body, age: Option<i32>) -> (BmrFormula, Vec<String>) {
    let by_default = if body.body_fat.is_some() { BmrFormula::KatchMcArdle } else { BmrFormula::MifflinStJeor };
    let chosen = profile.bmr_formula.unwrap_or(by_default);
    if age.is_some_and(|age| age < ADULT) && chosen != BmrFormula::Schofield {
        return (BmrFormula::Schofield, vec![format!("the other formulas were made with adults, from {ADULT} years on")]);
    }
    (chosen, Vec::new())
}

/// kcal a day at rest and what went in, or nothing, and what is missing.
fn estimate(
    formula: BmrFormula,
    sex: Option<Sex>,
    body: &Body,
    age: Option<i32>,
    missing: &mut Vec<Missing>,
) -> Option<(Between, Vec<Input>)> {
    let mut need = |value: Option<Decimal>, what: Missing| {
        if value.is_none() {
            missing.push(what);
        }
        value
    };
    let weight = need(body.weight, Missing::Weight);
    match formula {
        BmrFormula::KatchMcArdle | BmrFormula::Cunningham => {
            let (body_fat, weight) = (need(body.body_fat, Missing::BodyFat)?, weight?);
            let lean = lean_mass(weight, body_fat);
            let kilocalories = by_lean_mass(formula, lean);
            let inputs = vec![input("weight", weight, "kg"), input("bodyFat", body_fat, "%"), input("lean", lean, "kg")];
            Some((Between { least: kilocalories, most: kilocalories }, inputs))
        }
        BmrFormula::Schofield => {
            let (age, weight) = (need(age.map(Decimal::from), Missing::BornOn)?, weight?);
            let of = |sex| schofield(sex, weight, age);
            Some((of_sexes(sex, of), vec![input("weight", weight, "kg"), input("age", age, "years")]))
        }
        BmrFormula::MifflinStJeor | BmrFormula::HarrisBenedict1984 | BmrFormula::HarrisBenedict1919 => {
            let (height, age) = (need(body.height, Missing::Height), need(age.map(Decimal::from), Missing::BornOn));
            let (weight, height, age) = (weight?, height?, age?);
            let of = |sex| {
                let [constant, per_kilogram, per_centimetre, per_year] = factors(formula, sex);
                constant + per_kilogram * weight + per_centimetre * height - per_year * age
            };
            Some((of_sexes(sex, of), vec![input("weight", weight, "kg"), input("height", height, "cm"), input("age", age, "years")]))
        }
    }
}

fn of_sexes(sex: Option<Sex>, of: impl Fn(Sex) -> Decimal) -> Between {
    let (one, other) = sex.map_or_else(|| (of(Sex::Female), of(Sex::Male)), |sex| (of(sex), of(sex)));
    Between { least: one.min(other), most: one.max(other) }
}

/// kg of a body that are not fat.
pub fn lean_mass(weight: Decimal, body_fat: Decimal) -> Decimal {
    weight * (Decimal::ONE - body_fat / Decimal::ONE_HUNDRED)
}

/// The constant, and what a kg, a cm and a year (which is taken off) make.
fn factors(formula: BmrFormula, sex: Sex) -> [Decimal; 4] {
    let number = |mantissa, decimals| Decimal::new(mantissa, decimals);
    match (formula, sex) {
        (BmrFormula::HarrisBenedict1984, Sex::Male) => [number(88_362, 3), number(13_397, 3), number(4_799, 3), number(5_677, 3)],
        (BmrFormula::HarrisBenedict1984, Sex::Female) => [number(447_593, 3), number(9_247, 3), number(3_098, 3), number(4_330, 3)],
        (BmrFormula::HarrisBenedict1919, Sex::Male) => [number(664_730, 4), number(137_516, 4), number(50_033, 4), number(67_550, 4)],
        (BmrFormula::HarrisBenedict1919, Sex::Female) => [number(6_550_955, 4), number(95_634, 4), number(18_496, 4), number(46_756, 4)],
        (_, Sex::Male) => [number(5, 0), number(10, 0), number(625, 2), number(5, 0)],
        (_, Sex::Female) => [number(-161, 0), number(10, 0), number(625, 2), number(5, 0)],
    }
}

fn by_lean_mass(formula: BmrFormula, lean: Decimal) -> Decimal {
    match formula {
        BmrFormula::Cunningham => Decimal::from(500) + Decimal::from(22) * lean,
        _ => Decimal::from(370) + Decimal::new(216, 1) * lean,
    }
}

/// By groups of age: kcal of a kg, and a constant.
fn schofield(sex: Sex, weight: Decimal, age: Decimal) -> Decimal {
    let (per_kilogram, constant) = match (sex, age) {
        (Sex::Male, age) if age < Decimal::from(3) => (59_512, -304),
        (Sex::Male, age) if age < Decimal::from(10) => (22_706, 5_043),
        (Sex::Male, age) if age < Decimal::from(18) => (17_686, 6_582),
        (Sex::Male, age) if age < Decimal::from(30) => (15_057, 6_922),
        (Sex::Male, age) if age < Decimal::from(60) => (11_472, 8_731),
        (Sex::Male, _) => (11_711, 5_877),
        (Sex::Female, age) if age < Decimal::from(3) => (58_317, -311),
        (Sex::Female, age) if age < Decimal::from(10) => (20_315, 4_859),
        (Sex::Female, age) if age < Decimal::from(18) => (13_384, 6_926),
        (Sex::Female, age) if age < Decimal::from(30) => (14_818, 4_866),
        (Sex::Female, age) if age < Decimal::from(60) => (8_126, 8_456),
        (Sex::Female, _) => (9_082, 6_585),
    };
    Decimal::new(per_kilogram, 3) * weight + Decimal::new(constant, 1)
}

fn explain(formula: BmrFormula, sex: Option<Sex>, between: Between, inputs: Vec<Input>, mut remarks: Vec<String>) -> Explanation {
    let lean = "lean = weight × (1 - bodyFat / 100)";
    let terms = |sex| {
        let [constant, per_kilogram, per_centimetre, per_year] = factors(formula, sex).map(|factor| factor.normalize());
        format!("{per_kilogram} × weight + {per_centimetre} × height - {per_year} × age + {constant}")
    };
    let of_sex = |of: &dyn Fn(Sex) -> String| match sex {
        Some(sex) => of(sex),
        None => format!("female: {}; male: {}", of(Sex::Female), of(Sex::Male)),
    };
    let (text, source) = match formula {
        BmrFormula::MifflinStJeor => (of_sex(&terms), "Mifflin et al., Am J Clin Nutr 1990;51:241"),
        BmrFormula::HarrisBenedict1984 => (of_sex(&terms), "Roza and Shizgal, Am J Clin Nutr 1984;40:168"),
        BmrFormula::HarrisBenedict1919 => (of_sex(&terms), "Harris and Benedict, Carnegie Institution 1919, publication 279"),
        BmrFormula::KatchMcArdle => (format!("370 + 21.6 × lean, {lean}"), "Katch and McArdle, Exercise Physiology"),
        BmrFormula::Cunningham => (format!("500 + 22 × lean, {lean}"), "Cunningham, Am J Clin Nutr 1980;33:2372"),
        BmrFormula::Schofield => {
            ("a × weight + b, with a and b of the sex and the age".to_owned(), "Schofield, Hum Nutr Clin Nutr 1985;39C; FAO/WHO/UNU 2001")
        }
    };
    if between.least != between.most {
        remarks.push("the sex is not said: the answer is between those of both".to_owned());
    }
    Explanation { formula: text, source, version: 1, inputs, rounding: "shown with 3 decimals, half away from zero", remarks }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn on() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, 10).expect("a date")
    }

    fn number(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    fn person(formula: Option<BmrFormula>, sex: Option<Sex>, age: i32) -> Profile {
        let born_on = NaiveDate::from_ymd_opt(2026 - age, 1, 1);
        Profile { born_on, sex, bmr_formula: formula, activity_level: Some(ActivityLevel::Light), ..Profile::default() }
    }

    fn body(weight: &str, height: &str, body_fat: Option<&str>) -> Body {
        Body { weight: Some(number(weight)), height: Some(number(height)), body_fat: body_fat.map(number) }
    }

    #[test]
    fn each_formula_gives_its_published_number() {
        use BmrFormula::{Cunningham, HarrisBenedict1919, HarrisBenedict1984, KatchMcArdle, MifflinStJeor, Schofield};
        for (formula, sex, age, weight, height, body_fat, expected) in [
            (MifflinStJeor, Sex::Male, 30, "80", "180", None, "1780"),
            (MifflinStJeor, Sex::Female, 28, "65", "165", None, "1380.25"),
            (MifflinStJeor, Sex::Female, 61, "92.5", "158", None, "1446.5"),
            (HarrisBenedict1984, Sex::Male, 30, "80", "180", None, "1853.632"),
            (HarrisBenedict1984, Sex::Female, 28, "65", "165", None, "1438.578"),
            (HarrisBenedict1919, Sex::Male, 30, "80", "180", None, "1864.545"),
            (KatchMcArdle, Sex::Male, 30, "80", "180", Some("20"), "1752.4"),
            (KatchMcArdle, Sex::Female, 28, "65", "165", Some("28"), "1380.88"),
            (Cunningham, Sex::Male, 30, "80", "180", Some("20"), "1908"),
            (Schofield, Sex::Male, 25, "70", "175", None, "1746.19"),
            (Schofield, Sex::Female, 12, "40", "150", None, "1227.96"),
        ] {
            let needs = needs(&person(Some(formula), Some(sex), age), &body(weight, height, body_fat), on());
            let resting = needs.resting.expect("all is known");
            assert_eq!((resting.least, resting.most), (number(expected), number(expected)), "{formula:?} {sex:?}");
        }
    }

    #[test]
    fn moving_multiplies_it_by_the_factor_of_the_level() {
        use ActivityLevel::{ExtraActive, Light, Moderate, Sedentary, VeryActive};
        for (level, expected) in [(Sedentary, "2136"), (Light, "2447.5"), (Moderate, "2759"), (VeryActive, "3070.5"), (ExtraActive, "3382")]
        {
            let profile = Profile { activity_level: Some(level), ..person(None, Some(Sex::Male), 30) };
            let total = needs(&profile, &body("80", "180", None), on()).total.expect("all is known");
            assert_eq!(total.least, number(expected), "{level:?}");
        }
    }

    #[test]
    fn without_a_sex_it_is_between_two_numbers_or_by_lean_mass_and_never_a_guess() {
        let unsaid = needs(&person(None, None, 30), &body("80", "180", None), on());
        let resting = unsaid.resting.expect("a range");
        assert_eq!((resting.least, resting.most), (number("1614"), number("1780")));
        assert_eq!(unsaid.explanation.expect("it is known").remarks, ["the sex is not said: the answer is between those of both"]);
        let by_lean_mass = needs(&person(None, None, 30), &body("80", "180", Some("20")), on());
        assert_eq!((by_lean_mass.formula, by_lean_mass.resting.expect("one number").most), (BmrFormula::KatchMcArdle, number("1752.4")));
    }

    #[test]
    fn what_is_missing_is_named_and_children_get_their_formula() {
        let nothing = needs(&Profile::default(), &Body::default(), on());
        assert_eq!((nothing.resting, nothing.total), (None, None));
        assert_eq!(nothing.missing, [Missing::Weight, Missing::Height, Missing::BornOn, Missing::ActivityLevel]);
        let child = needs(&person(Some(BmrFormula::MifflinStJeor), Some(Sex::Female), 12), &body("40", "150", None), on());
        assert_eq!((child.formula, child.resting.expect("all is known").least), (BmrFormula::Schofield, number("1227.96")));
        assert_eq!(child.explanation.expect("all is known").remarks.len(), 1);
    }

    proptest! {
        #[test]
        fn heavier_people_need_more_by_every_formula(kilograms in 30_u32..200, age in 18_i32..90, fat in 5_u32..60) {
            use BmrFormula::{Cunningham, HarrisBenedict1919, HarrisBenedict1984, KatchMcArdle, MifflinStJeor, Schofield};
            for formula in [MifflinStJeor, HarrisBenedict1984, HarrisBenedict1919, KatchMcArdle, Cunningham, Schofield] {
                let of = |kilograms: u32| {
                    let body = Body { weight: Some(kilograms.into()), height: Some(Decimal::from(170)), body_fat: Some(fat.into()) };
                    needs(&person(Some(formula), None, age), &body, on()).resting.expect("all is known")
                };
                let (lighter, heavier) = (of(kilograms), of(kilograms + 1));
                prop_assert!(lighter.least < heavier.least && lighter.most < heavier.most && lighter.least <= lighter.most);
            }
        }
    }
}
