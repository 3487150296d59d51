//! What a body is made of, as far as weight, height and girths tell: BMI, body fat, lean mass, ratios. Each has its rules of where it
//! applies, and says so where it does not.

use chrono::NaiveDate;
use entity::{id::UserId, unit::round};
use rust_decimal::{Decimal, MathematicalOps};
use sea_orm::{DbBackend, FromQueryResult, Statement};

use crate::{
    access::Tx,
    day, energy_needs,
    error::Result,
    explanation::{Explanation, input},
    profiles::{self, Maternity, Profile, Sex},
};

/// From this age on WHO's classes of BMI apply to everyone.
const ADULT: i32 = 20;
/// Decimals of what is shown.
const SHOWN_DECIMALS: u32 = 4;

/// What was measured last of a body, up to a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, FromQueryResult)]
pub struct Girths {
    /// kg.
    pub weight: Option<Decimal>,
    /// cm.
    pub height: Option<Decimal>,
    /// cm.
    pub neck: Option<Decimal>,
    /// cm.
    pub waist: Option<Decimal>,
    /// cm.
    pub hips: Option<Decimal>,
    /// Percent of the weight, by a scale or calipers.
    pub body_fat: Option<Decimal>,
}

/// A derived number, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub enum Derived {
    /// It is known.
    Known {
        /// Rounded as it is shown.
        value: Decimal,
        /// How it came about.
        explanation: Explanation,
    },
    /// It cannot be told, and why.
    Unknown(&'static str),
}

/// WHO's classes of BMI of adults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BmiClass {
    /// Below 16.
    SevereThinness,
    /// Below 17.
    ModerateThinness,
    /// Below 18.5.
    MildThinness,
    /// Below 25.
    Normal,
    /// Below 30.
    Overweight,
    /// Below 35.
    ObesityI,
    /// Below 40.
    ObesityII,
    /// 40 and more.
    ObesityIII,
}

/// What a body is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct BodyComposition {
    /// kg/m².
    pub bmi: Derived,
    /// Of adults who are not pregnant, else none.
    pub bmi_class: Option<BmiClass>,
    /// Percent, by the girths of neck, waist and hips.
    pub navy_body_fat: Derived,
    /// kg, by the body fat that was measured, else by the girths.
    pub lean_mass: Derived,
    /// Lean mass by the square of the height, kg/m².
    pub fat_free_mass_index: Derived,
    /// Waist by hips.
    pub waist_to_hip: Derived,
    /// Waist by height.
    pub waist_to_height: Derived,
}

/// What a person's body was made of on a day, by what was measured last until then.
pub async fn of(tx: &Tx, person: UserId, on: NaiveDate) -> Result<BodyComposition> {
    day::checked("date", on)?;
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT max(value) FILTER (WHERE type = 'weight') / 1000 AS weight, max(value) FILTER (WHERE type = 'height') * 100 AS height,
           max(value) FILTER (WHERE type = 'neck') * 100 AS neck, max(value) FILTER (WHERE type = 'waist') * 100 AS waist,
           max(value) FILTER (WHERE type = 'hips') * 100 AS hips, max(value) FILTER (WHERE type = 'body_fat') AS body_fat
         FROM (SELECT DISTINCT ON (type) type, round(canonical_value, 6) AS value FROM measurements
               WHERE user_id = $1 AND type IN ('weight', 'height', 'neck', 'waist', 'hips', 'body_fat') AND measured_on <= $2 AND deleted_at IS NULL
               ORDER BY type, measured_at DESC, id DESC) latest",
        [person.0.into(), on.into()],
    );
    let girths = Girths::find_by_statement(statement).one(tx).await?.unwrap_or_default();
    Ok(composition(&profiles::as_of(tx, person, on).await?, &girths, on))
}

/// What a body is made of.
pub fn composition(profile: &Profile, girths: &Girths, on: NaiveDate) -> BodyComposition {
    let bmi = match (girths.weight, girths.height) {
        (Some(weight), Some(height)) => known(
            by_square_of(height, weight),
            "weight / (height / 100)²",
            "Quetelet; WHO Technical Report Series 894",
            vec![input("weight", weight, "kg"), input("height", height, "cm")],
        ),
        _ => Derived::Unknown("needs a weight and a height"),
    };
    let is_adult = profile.age_on(on).is_some_and(|age| age >= ADULT) && profile.maternity != Some(Maternity::Pregnant);
    // The classes are of the number before it is rounded.
    let bmi_class = girths.weight.zip(girths.height).filter(|_| is_adult).map(|(weight, height)| bmi_class(by_square_of(height, weight)));
    let navy_body_fat = navy_body_fat(profile.sex, girths);
    let body_fat = girths.body_fat.or(match &navy_body_fat {
        Derived::Known { value, .. } => Some(*value),
        Derived::Unknown(_) => None,
    });
    let (lean_mass, fat_free_mass_index) = match (girths.weight, body_fat) {
        (Some(weight), Some(body_fat)) => {
            let lean = energy_needs::lean_mass(weight, body_fat);
            let parts = || vec![input("weight", weight, "kg"), input("bodyFat", body_fat, "%")];
            let index = girths.height.map_or(Derived::Unknown("needs a height"), |height| {
                let inputs = [parts(), vec![input("height", height, "cm")]].concat();
                let formula = "weight × (1 - bodyFat / 100) / (height / 100)²";
                known(by_square_of(height, lean), formula, "VanItallie et al., Am J Clin Nutr 1990;52:953", inputs)
            });
            (known(lean, "weight × (1 - bodyFat / 100)", "by definition", parts()), index)
        }
        _ => (Derived::Unknown("needs a weight and a body fat"), Derived::Unknown("needs a weight, a height and a body fat")),
    };
    let ratio = |one: Option<Decimal>, other: Option<Decimal>, names: (&'static str, &'static str), formula, source, why| match (one, other)
    {
        (Some(one), Some(other)) => known(one / other, formula, source, vec![input(names.0, one, "cm"), input(names.1, other, "cm")]),
        _ => Derived::Unknown(why),
    };
    BodyComposition {
        bmi,
        bmi_class,
        navy_body_fat,
        lean_mass,
        fat_free_mass_index,
        waist_to_hip: ratio(
            girths.waist,
            girths.hips,
            ("waist", "hips"),
            "waist / hips",
            "WHO Expert Consultation 2008: at risk from 0.90 (men), 0.85 (women)",
            "needs a waist and hips",
        ),
        waist_to_height: ratio(
            girths.waist,
            girths.height,
            ("waist", "height"),
            "waist / height",
            "NICE guideline: at risk from 0.5",
            "needs a waist and a height",
        ),
    }
}

fn by_square_of(height: Decimal, mass: Decimal) -> Decimal {
    let metres = height / Decimal::ONE_HUNDRED;
    mass / (metres * metres)
}

fn bmi_class(bmi: Decimal) -> BmiClass {
    let below = |tenths: i64| bmi < Decimal::new(tenths, 1);
    match () {
        () if below(160) => BmiClass::SevereThinness,
        () if below(170) => BmiClass::ModerateThinness,
        () if below(185) => BmiClass::MildThinness,
        () if below(250) => BmiClass::Normal,
        () if below(300) => BmiClass::Overweight,
        () if below(350) => BmiClass::ObesityI,
        () if below(400) => BmiClass::ObesityII,
        () => BmiClass::ObesityIII,
    }
}

/// Body fat by girths (Hodgdon and Beckett 1984), in its form for centimetres.
fn navy_body_fat(sex: Option<Sex>, girths: &Girths) -> Derived {
    let Some(sex) = sex else { return Derived::Unknown("the formula is of a sex, and none is said") };
    let (Some(height), Some(neck), Some(waist)) = (girths.height, girths.neck, girths.waist) else {
        return Derived::Unknown("needs a height, a neck and a waist");
    };
    let mut inputs = vec![input("height", height, "cm"), input("neck", neck, "cm"), input("waist", waist, "cm")];
    let constant = |mantissa: i64| Decimal::new(mantissa, 5);
    let (girth, formula, of) = match sex {
        Sex::Male => (
            waist - neck,
            "495 / (1.0324 - 0.19077 × log10(waist - neck) + 0.15456 × log10(height)) - 450",
            [constant(103_240), constant(19_077), constant(15_456)],
        ),
        Sex::Female => {
            let Some(hips) = girths.hips else { return Derived::Unknown("needs a height, a neck, a waist and hips") };
            inputs.push(input("hips", hips, "cm"));
            (
                waist + hips - neck,
                "495 / (1.29579 - 0.35004 × log10(waist + hips - neck) + 0.22100 × log10(height)) - 450",
                [constant(129_579), constant(35_004), constant(22_100)],
            )
        }
    };
    let (Some(of_girth), Some(of_height)) =
        (Some(girth).filter(|girth| *girth > Decimal::ZERO).and_then(|girth| girth.checked_log10()), height.checked_log10())
    else {
        return Derived::Unknown("the waist must be wider than the neck");
    };
    let density = of[0] - of[1] * of_girth + of[2] * of_height;
    let fat = Decimal::from(495).checked_div(density).map(|fat| fat - Decimal::from(450));
    match fat.filter(|fat| (Decimal::TWO..=Decimal::from(60)).contains(fat)) {
        Some(fat) => known(fat, formula, "Hodgdon and Beckett, Naval Health Research Center 1984 (84-11, 84-29), in cm", inputs),
        None => Derived::Unknown("the girths give a body fat outside of 2 to 60 %, which nobody has: measure them again"),
    }
}

fn known(value: Decimal, formula: &str, source: &'static str, inputs: Vec<crate::explanation::Input>) -> Derived {
    let explanation = Explanation {
        formula: formula.to_owned(),
        source,
        version: 1,
        inputs,
        rounding: "shown with 4 decimals, half away from zero",
        remarks: Vec::new(),
    };
    Derived::Known { value: round(value, SHOWN_DECIMALS), explanation }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    fn on() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 3, 10).expect("a date")
    }

    fn adult(sex: Sex) -> Profile {
        Profile { born_on: NaiveDate::from_ymd_opt(1990, 5, 17), sex: Some(sex), ..Profile::default() }
    }

    fn value(derived: &Derived) -> Decimal {
        match derived {
            Derived::Known { value, .. } => *value,
            Derived::Unknown(why) => panic!("{why}"),
        }
    }

    #[test]
    fn body_fat_by_girths_is_the_published_number_in_centimetres() {
        let man = Girths { height: Some(number("180")), neck: Some(number("40")), waist: Some(number("90")), ..Girths::default() };
        assert_eq!(value(&composition(&adult(Sex::Male), &man, on()).navy_body_fat), number("18.3675"));
        let woman = Girths {
            height: Some(number("165")),
            neck: Some(number("33")),
            waist: Some(number("75")),
            hips: Some(number("98")),
            ..Girths::default()
        };
        assert_eq!(value(&composition(&adult(Sex::Female), &woman, on()).navy_body_fat), number("28.435"));
        for (profile, girths, why) in [
            (Profile { sex: None, ..adult(Sex::Male) }, man, "the formula is of a sex, and none is said"),
            (adult(Sex::Male), Girths { waist: Some(number("40")), ..man }, "the waist must be wider than the neck"),
            (adult(Sex::Female), man, "needs a height, a neck, a waist and hips"),
            (adult(Sex::Male), Girths { neck: None, ..man }, "needs a height, a neck and a waist"),
        ] {
            assert_eq!(composition(&profile, &girths, on()).navy_body_fat, Derived::Unknown(why));
        }
    }

    #[test]
    fn bmi_ratios_and_lean_mass_are_the_published_numbers() {
        let body = |weight: &str, height: &str| Girths { weight: Some(number(weight)), height: Some(number(height)), ..Girths::default() };
        assert_eq!(value(&composition(&adult(Sex::Male), &body("80", "180"), on()).bmi), number("24.6914"));
        assert_eq!(value(&composition(&adult(Sex::Female), &body("92.5", "158"), on()).bmi), number("37.0534"));
        let measured = Girths { body_fat: Some(number("20")), waist: Some(number("90")), hips: Some(number("100")), ..body("80", "180") };
        let of = composition(&adult(Sex::Male), &measured, on());
        assert_eq!(
            [&of.lean_mass, &of.fat_free_mass_index, &of.waist_to_hip, &of.waist_to_height].map(value),
            ["64", "19.7531", "0.9", "0.5"].map(number)
        );
    }

    #[test]
    fn classes_are_half_open_and_of_adults_who_are_not_pregnant() {
        let of = |weight: &str| {
            composition(
                &adult(Sex::Female),
                &Girths { weight: Some(number(weight)), height: Some(number("200")), ..Girths::default() },
                on(),
            )
        };
        let cases = [
            ("63.996", BmiClass::SevereThinness),
            ("64", BmiClass::ModerateThinness),
            ("68", BmiClass::MildThinness),
            ("74", BmiClass::Normal),
            // 24.99996, which rounds to 25.
            ("99.99984", BmiClass::Normal),
            ("100", BmiClass::Overweight),
            ("120", BmiClass::ObesityI),
            ("140", BmiClass::ObesityII),
            ("160", BmiClass::ObesityIII),
        ];
        for (weight, class) in cases {
            assert_eq!(of(weight).bmi_class, Some(class), "{weight}");
        }
        let girths = Girths { weight: Some(number("80")), height: Some(number("180")), ..Girths::default() };
        let child = Profile { born_on: NaiveDate::from_ymd_opt(2010, 1, 1), ..adult(Sex::Female) };
        let pregnant = Profile { maternity: Some(Maternity::Pregnant), ..adult(Sex::Female) };
        for profile in [child, pregnant, Profile::default()] {
            assert_eq!(composition(&profile, &girths, on()).bmi_class, None);
        }
    }
}
