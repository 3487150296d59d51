//! The energy that exercise takes, and how it was found: as a device says, else by heart rate where that formula holds, else by the
//! metabolic equivalent of the exercise, else unknown. What it was computed from is kept, so that it can be explained later.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::{exercise_diary, id::UserId, profiles::Sex, unit::round};
use rust_decimal::Decimal;
use sea_orm::{DbBackend, FromQueryResult, JsonValue, Statement};
use serde::{Deserialize, Serialize};

use crate::{
    access::Tx,
    day::Calendar,
    error::{Error, Result},
    profiles,
};

/// Raised whenever a formula or its limits change, so that what was kept tells how it came about.
pub const VERSION: i32 = 1;
/// Energy is rounded once, half away from zero, to so many decimals of a kcal.
pub const DECIMALS: u32 = 3;
/// Kilojoules of a kilocalorie, thermochemical.
const KILOJOULES: Decimal = Decimal::from_parts(4184, 0, 0, false, 3);
/// Adult METs are measured on adults. Children's resting energy per kilogram is higher, so that they would be told too little.
const ADULT: i32 = 18;
/// The Compendium is of adults from 19 to 59.
const OLDER_ADULT: i32 = 60;

/// Where the energy of an entry is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A device said it.
    Device,
    /// Computed from the heart rate (Keytel et al. 2005).
    HeartRate,
    /// Computed from the exercise's metabolic equivalent (Compendium of Physical Activities).
    Met,
}

impl Method {
    /// As it is stored.
    pub fn code(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::HeartRate => "heart_rate",
            Self::Met => "met",
        }
    }

    /// The method of a code.
    pub fn named(code: &str) -> Option<Self> {
        [Self::Device, Self::HeartRate, Self::Met].into_iter().find(|method| method.code() == code)
    }

    /// The formula, with where it is from.
    pub fn formula(self) -> &'static str {
        match self {
            Self::Device => "as a device said",
            Self::HeartRate => {
                "kJ/min, men: -55.0969 + 0.6309 × heart rate + 0.1988 × kg + 0.2017 × age; women: -20.4022 + 0.4472 × heart rate - 0.1263 × kg \
                 + 0.0740 × age; with VO2max, men: -95.7735 + 0.634 × heart rate + 0.404 × VO2max + 0.394 × kg + 0.271 × age; women: -59.3954 \
                 + 0.450 × heart rate + 0.380 × VO2max + 0.103 × kg + 0.274 × age; divided by 4.184, times minutes (Keytel et al., J Sports \
                 Sci 2005;23:289)"
            }
            Self::Met => {
                "MET × 3.5 × kg / 200 × minutes (Compendium of Physical Activities; Ainsworth et al., Med Sci Sports Exerc 2011;43:1575)"
            }
        }
    }
}

/// What is known of a body at the time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Body {
    /// Its weight in kg.
    pub kilograms: Option<Decimal>,
    /// Completed years.
    pub age: Option<i32>,
    /// As stated; nothing is assumed of who does not state it.
    pub sex: Option<Sex>,
    /// Maximal oxygen uptake in ml per kg and minute, where it was measured.
    pub vo2_max: Option<Decimal>,
}

/// What is known of something trained.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Effort {
    /// Energy in kcal as a device says.
    pub device: Option<Decimal>,
    /// Metabolic equivalent of the exercise.
    pub met: Option<Decimal>,
    /// How long.
    pub minutes: Option<Decimal>,
    /// Beats per minute, on average.
    pub heart_rate: Option<i32>,
}

/// The energy of something trained, and how it was found: what is kept with the entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// What it was found by; `None` when it is unknown.
    pub method: Option<Method>,
    /// The version of the formula.
    pub version: i32,
    /// In kcal, resting energy of that time included.
    pub gross: Option<Decimal>,
    /// In kcal beyond resting energy (1 MET) of that time, where weight and duration are known.
    pub net: Option<Decimal>,
    /// What went in.
    pub inputs: Vec<Input>,
    /// Why a better method was not used, and what limits this one.
    pub notes: Vec<String>,
}

/// A number that went into a formula.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// What it is: met, weight, duration, heart_rate, age, sex, max_heart_rate, vo2_max.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its unit, where it has one.
    pub unit: Option<String>,
}

impl Energy {
    /// The same effort over `minutes` in place of `before`, where nothing can be computed anew.
    pub(crate) fn stretched(self, before: Decimal, minutes: Decimal) -> Self {
        let scaled = |energy: Option<Decimal>| energy.map(|energy| round(energy * minutes / before, DECIMALS));
        let mut notes = self.notes;
        notes.push(format!("as much per minute as when it took {} min", before.normalize()));
        Self { gross: scaled(self.gross), net: scaled(self.net), notes, ..self }
    }

    /// What is kept of it.
    pub(crate) fn stored(&self) -> Result<JsonValue> {
        serde_json::to_value(self).map_err(|error| Error::Internal(error.into()))
    }
}

/// The energy of an effort of this body.
pub fn estimate(effort: &Effort, body: &Body) -> Energy {
    let mut energy = Energy { method: None, version: VERSION, gross: None, net: None, inputs: Vec::new(), notes: Vec::new() };
    let mut took = |name: &str, value: String, unit: Option<&str>| {
        energy.inputs.push(Input { name: name.to_owned(), value, unit: unit.map(str::to_owned) });
    };
    if let Some(minutes) = effort.minutes {
        took("duration", minutes.normalize().to_string(), Some("min"));
    }
    if let Some(kilograms) = body.kilograms {
        took("weight", kilograms.normalize().to_string(), Some("kg"));
    }
    let resting = effort.minutes.zip(body.kilograms).map(|(minutes, kilograms)| per_met(kilograms, minutes));

    if let Some(device) = effort.device {
        (energy.method, energy.gross) = (Some(Method::Device), Some(device));
    } else if let Some(heart_rate) = effort.heart_rate {
        match by_heart_rate(heart_rate, effort.minutes, body) {
            Ok((gross, age, sex)) => {
                took("heart_rate", heart_rate.to_string(), Some("bpm"));
                took("age", age.to_string(), Some("a"));
                took("sex", if sex == Sex::Female { "female" } else { "male" }.to_owned(), None);
                took("max_heart_rate", max_heart_rate(age).normalize().to_string(), Some("bpm"));
                if let Some(vo2_max) = body.vo2_max {
                    took("vo2_max", vo2_max.normalize().to_string(), Some("ml/kg/min"));
                }
                (energy.method, energy.gross) = (Some(Method::HeartRate), Some(gross));
            }
            Err(why) => energy.notes.push(format!("not by heart rate: {why}")),
        }
    }
    if energy.gross.is_none() {
        match (effort.met, resting, body.age) {
            (_, _, Some(age)) if age < ADULT => {
                energy.notes.push(format!("not by MET: those of adults do not hold below {ADULT} years, and the age then was {age}"));
            }
            (None, ..) => energy.notes.push("not by MET: the exercise states none".to_owned()),
            (_, None, _) if effort.minutes.is_none() => energy.notes.push("not by MET: the duration is missing".to_owned()),
            (_, None, _) => energy.notes.push("not by MET: no weight is known".to_owned()),
            (Some(met), Some(resting), age) => {
                energy.inputs.push(Input { name: "met".to_owned(), value: met.normalize().to_string(), unit: None });
                (energy.method, energy.gross) = (Some(Method::Met), Some(round(met * resting, DECIMALS)));
                match age {
                    None => energy.notes.push("the age is not known: taken for an adult's".to_owned()),
                    Some(OLDER_ADULT..) => {
                        energy.notes.push(format!("METs are those of 19 to 59 years: from {OLDER_ADULT} on this is too much"))
                    }
                    Some(_) => {}
                }
            }
        }
    }
    energy.net = energy.gross.zip(resting).map(|(gross, resting)| match (energy.method, effort.met) {
        (Some(Method::Met), Some(met)) => round((met - Decimal::ONE) * resting, DECIMALS),
        _ => round(gross - resting, DECIMALS),
    });
    // Light exercises have less than 1 MET, and devices say what they like.
    energy.net = energy.net.map(|net| net.max(Decimal::ZERO));
    energy
}

/// Energy in kcal by heart rate, with the age and the sex it is for; or why the formula does not hold.
fn by_heart_rate(heart_rate: i32, minutes: Option<Decimal>, body: &Body) -> Result<(Decimal, i32, Sex), String> {
    let sex = body.sex.ok_or("the sex is not stated, and the formulas of women and men differ")?;
    let age = body.age.ok_or("the age is not known")?;
    let kilograms = body.kilograms.ok_or("no weight is known")?;
    let minutes = minutes.ok_or("the duration is missing")?;
    if !(18..=45).contains(&age) {
        return Err(format!("the formula is for 18 to 45 years, and the age then was {age}"));
    }
    if !(Decimal::from(47)..=Decimal::from(120)).contains(&kilograms) {
        return Err(format!("the formula is for 47 to 120 kg, and the weight was {} kg", kilograms.normalize()));
    }
    let share = Decimal::from(heart_rate) * Decimal::ONE_HUNDRED / max_heart_rate(age);
    if !(Decimal::from(57)..=Decimal::from(90)).contains(&share) {
        return Err(format!("the formula is for 57 to 90 % of the maximal heart rate, and this was {} %", round(share, 0)));
    }
    let per_minute = match body.vo2_max {
        Some(vo2_max) => keytel_by_vo2_max(heart_rate, vo2_max, kilograms, age, sex),
        None => keytel(heart_rate, kilograms, age, sex),
    };
    Ok((round(per_minute * minutes / KILOJOULES, DECIMALS), age, sex))
}

/// Energy in kJ per minute (Keytel et al. 2005), whether or not it holds there.
fn keytel(heart_rate: i32, kilograms: Decimal, age: i32, sex: Sex) -> Decimal {
    let of = |constant: i64, per_beat: i64, per_kilogram: i64, per_year: i64| {
        Decimal::new(constant, 4)
            + Decimal::new(per_beat, 4) * Decimal::from(heart_rate)
            + Decimal::new(per_kilogram, 4) * kilograms
            + Decimal::new(per_year, 4) * Decimal::from(age)
    };
    match sex {
        Sex::Male => of(-55_0969, 6309, 1988, 2017),
        Sex::Female => of(-20_4022, 4472, -1263, 740),
    }
}

/// The same with the maximal oxygen uptake in ml per kg and minute, which tells more than weight and age.
fn keytel_by_vo2_max(heart_rate: i32, vo2_max: Decimal, kilograms: Decimal, age: i32, sex: Sex) -> Decimal {
    let of = |constant: i64, per_beat: i64, per_uptake: i64, per_kilogram: i64, per_year: i64| {
        Decimal::new(constant, 4)
            + Decimal::new(per_beat, 3) * Decimal::from(heart_rate)
            + Decimal::new(per_uptake, 3) * vo2_max
            + Decimal::new(per_kilogram, 3) * kilograms
            + Decimal::new(per_year, 3) * Decimal::from(age)
    };
    match sex {
        Sex::Male => of(-95_7735, 634, 404, 394, 271),
        Sex::Female => of(-59_3954, 450, 380, 103, 274),
    }
}

/// The maximal heart rate in beats per minute at this age: 208 - 0.7 × age (Tanaka et al., J Am Coll Cardiol 2001;37:153).
pub fn max_heart_rate(age: i32) -> Decimal {
    Decimal::from(208) - Decimal::new(7, 1) * Decimal::from(age)
}

/// The heart rate to train at with this percentage of what lies between rest and maximum (Karvonen et al., Ann Med Exp Fenn 1957;35:307).
pub fn target_heart_rate(resting: Decimal, highest: Decimal, percent: i32) -> Decimal {
    resting + Decimal::new(percent.into(), 2) * (highest - resting)
}

/// Resting energy in kcal, 1 MET: 3.5 ml of oxygen per kg and minute, of which a litre is 5 kcal. Not rounded.
fn per_met(kilograms: Decimal, minutes: Decimal) -> Decimal {
    Decimal::new(35, 1) * kilograms / Decimal::from(200) * minutes
}

/// A person's maximal heart rate today, as far as the viewer knows the age.
pub async fn max_heart_rate_of(tx: &Tx, person: UserId) -> Result<Option<Decimal>> {
    Ok(body_at(tx, person, tx.now()).await?.age.map(max_heart_rate))
}

/// The energy of an effort of this person at this instant, as far as the viewer knows the person's body.
pub(crate) async fn energy(tx: &Tx, person: UserId, effort: Effort, at: DateTime<Utc>) -> Result<Energy> {
    Ok(estimate(&effort, &body_at(tx, person, at).await?))
}

/// How the energy of an entry was found. Where a device that was offline wrote it, what it was computed from is not known any more.
pub fn of_entry(entry: &exercise_diary::Model) -> Energy {
    let basis: Option<Energy> = entry.calories_basis.clone().and_then(|basis| serde_json::from_value(basis).ok());
    let method = entry.calories_source.as_deref().and_then(Method::named);
    if let Some(basis) = basis.filter(|basis| (basis.method, basis.gross) == (method, entry.calories_burned)) {
        return basis;
    }
    let minutes = entry.duration_minutes;
    Energy {
        method,
        version: VERSION,
        gross: entry.calories_burned,
        net: None,
        inputs: minutes
            .map(|minutes| Input { name: "duration".to_owned(), value: minutes.normalize().to_string(), unit: Some("min".to_owned()) })
            .into_iter()
            .collect(),
        notes: vec![if method.is_some() { "computed without keeping the inputs" } else { "nothing to compute it from" }.to_owned()],
    }
}

/// What is known of a person's body at this instant, as far as the viewer may know it: the weight measured last before, else the first
/// one after.
pub(crate) async fn body_at(tx: &Tx, person: UserId, at: DateTime<Utc>) -> Result<Body> {
    Ok(bodies_at(tx, person, &[at]).await?.remove(&at).unwrap_or_default())
}

/// The same at several instants.
pub(crate) async fn bodies_at(tx: &Tx, person: UserId, instants: &[DateTime<Utc>]) -> Result<HashMap<DateTime<Utc>, Body>> {
    let Some(latest) = instants.iter().max() else { return Ok(HashMap::new()) };
    let weights = weights_at(tx, person, instants).await?;
    let calendar = Calendar::of(tx, person).await?;
    let profile = profiles::as_of(tx, person, calendar.today(*latest)).await?;
    let body = |at: &DateTime<Utc>| Body {
        kilograms: weights.get(at).copied(),
        age: profile.age_on(calendar.today(*at)),
        sex: profile.sex,
        vo2_max: None,
    };
    Ok(instants.iter().map(|at| (*at, body(at))).collect())
}

#[derive(FromQueryResult)]
struct WeightAt {
    at: DateTime<Utc>,
    kilograms: Decimal,
}

/// The weights in kg at these instants, as far as they are known.
pub(crate) async fn weights_at(tx: &Tx, person: UserId, instants: &[DateTime<Utc>]) -> Result<HashMap<DateTime<Utc>, Decimal>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT w.at, m.canonical_value / 1000 AS kilograms FROM unnest($2::timestamptz[]) AS w (at) CROSS JOIN LATERAL (
           SELECT canonical_value FROM (
             (SELECT canonical_value, 1 AS choice FROM measurements WHERE user_id = $1 AND type = 'weight' AND measured_at <= w.at AND deleted_at IS NULL
              ORDER BY measured_at DESC, id DESC LIMIT 1)
             UNION ALL
             (SELECT canonical_value, 2 FROM measurements WHERE user_id = $1 AND type = 'weight' AND measured_at > w.at AND deleted_at IS NULL
              ORDER BY measured_at, id LIMIT 1)) weights
           ORDER BY choice LIMIT 1) m",
        [person.0.into(), instants.to_vec().into()],
    );
    let weights = WeightAt::find_by_statement(statement).all(tx).await?;
    Ok(weights.into_iter().map(|weight| (weight.at, weight.kilograms)).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect("a literal")
    }

    fn body(kilograms: &str, age: Option<i32>, sex: Option<Sex>) -> Body {
        Body { kilograms: Some(decimal(kilograms)), age, sex, vo2_max: None }
    }

    fn effort(minutes: &str, met: Option<&str>, heart_rate: Option<i32>) -> Effort {
        Effort { device: None, met: met.map(decimal), minutes: Some(decimal(minutes)), heart_rate }
    }

    #[test]
    fn the_compendium_example_holds() {
        for (met, kilograms, minutes, gross, net) in
            [("9.8", "70", "30", "360.15", "323.4"), ("3.5", "62", "45", "170.888", "122.063"), ("6.0", "90", "60", "567", "472.5")]
        {
            let energy = estimate(&effort(minutes, Some(met), None), &body(kilograms, Some(30), None));
            assert_eq!((energy.gross, energy.net), (Some(decimal(gross)), Some(decimal(net))), "{met}");
            assert_eq!((energy.method, energy.notes), (Some(Method::Met), vec![]));
        }
        // Before rounding.
        assert_eq!(decimal("3.5") * per_met(decimal("62"), decimal("45")), decimal("170.8875"));
    }

    #[test]
    fn keytel_holds_to_the_published_numbers() {
        let per_minute = |heart_rate, kilograms: &str, age, sex| keytel(heart_rate, decimal(kilograms), age, sex);
        assert_eq!(per_minute(150, "80", 30, Sex::Male), decimal("61.4931"));
        assert_eq!(round(per_minute(150, "80", 30, Sex::Male) / KILOJOULES, 4), decimal("14.6972"));
        assert_eq!(per_minute(140, "60", 35, Sex::Female), decimal("37.2178"));
        assert_eq!(round(per_minute(140, "60", 35, Sex::Female) / KILOJOULES, 4), decimal("8.8953"));
        assert_eq!(round(per_minute(60, "80", 30, Sex::Male), 2), decimal("4.71"));
        let with_uptake = keytel_by_vo2_max(150, decimal("45"), decimal("80"), 30, Sex::Male);
        assert_eq!(with_uptake, decimal("57.1565"));
        let measured = Body { vo2_max: Some(decimal("45")), ..body("80", Some(30), Some(Sex::Male)) };
        let energy = estimate(&effort("60", None, Some(150)), &measured);
        assert_eq!(energy.gross, Some(round(with_uptake * decimal("60") / KILOJOULES, 3)));
        for (heart_rate, kilograms, age, sex, minutes, expected) in
            [(150, "80", 30, Sex::Male, "45", "661.37"), (140, "60", 35, Sex::Female, "30", "266.86")]
        {
            let energy = estimate(&effort(minutes, Some("7"), Some(heart_rate)), &body(kilograms, Some(age), Some(sex)));
            assert_eq!((energy.method, energy.gross.map(|gross| round(gross, 2))), (Some(Method::HeartRate), Some(decimal(expected))));
        }
    }

    #[test]
    fn outside_its_validity_the_heart_rate_gives_way_to_the_met_and_says_why() {
        let tried = |heart_rate, kilograms: &str, age, sex| {
            let energy = estimate(&effort("30", Some("7"), Some(heart_rate)), &body(kilograms, age, sex));
            assert_eq!(energy.method, Some(Method::Met));
            energy.notes.first().cloned().expect("a reason")
        };
        assert!(tried(150, "80", Some(30), None).contains("sex is not stated"));
        assert!(tried(150, "80", None, Some(Sex::Male)).contains("age is not known"));
        assert!(tried(150, "80", Some(46), Some(Sex::Male)).contains("18 to 45"));
        assert!(tried(150, "46.9", Some(30), Some(Sex::Female)).contains("47 to 120"));
        assert!(tried(150, "120.1", Some(30), Some(Sex::Male)).contains("47 to 120"));
        // 57 % of 187 is 106.59, 90 % is 168.3.
        assert!(tried(106, "80", Some(30), Some(Sex::Male)).contains("57 to 90 %"));
        assert!(tried(169, "80", Some(30), Some(Sex::Male)).contains("57 to 90 %"));
        for heart_rate in [107, 168] {
            let energy = estimate(&effort("30", Some("7"), Some(heart_rate)), &body("80", Some(30), Some(Sex::Male)));
            assert_eq!(energy.method, Some(Method::HeartRate));
        }
    }

    #[test]
    fn adult_mets_are_not_for_children() {
        let energy = estimate(&effort("30", Some("7"), None), &body("40", Some(17), Some(Sex::Female)));
        assert_eq!((energy.method, energy.gross, energy.net), (None, None, None));
        assert!(energy.notes[0].contains("below 18 years"), "{:?}", energy.notes);
        assert_eq!(estimate(&effort("30", Some("7"), None), &body("40", Some(18), None)).method, Some(Method::Met));
        // What a child's device says is what it says.
        let told = Effort { device: Some(decimal("120")), ..effort("30", Some("7"), None) };
        assert_eq!(estimate(&told, &body("40", Some(12), None)).gross, Some(decimal("120")));
    }

    #[test]
    fn heart_rates_have_their_vectors() {
        assert_eq!(max_heart_rate(40), decimal("180"));
        assert_eq!(target_heart_rate(decimal("60"), decimal("180"), 70), decimal("144"));
    }

    proptest! {
        #[test]
        fn net_is_never_negative_and_never_more_than_gross(met in 1u32..300, grams in 20_000u32..300_000, minutes in 1u32..1000, device in prop::option::of(0u32..5000), beats in prop::option::of(20i32..300), age in prop::option::of(0i32..110)) {
            let effort = Effort {
                device: device.map(Decimal::from), met: Some(Decimal::new(met.into(), 1)), minutes: Some(minutes.into()), heart_rate: beats,
            };
            let energy = estimate(&effort, &Body { kilograms: Some(Decimal::new(grams.into(), 3)), age, sex: Some(Sex::Female), vo2_max: None });
            prop_assert_eq!(energy.method.is_some(), energy.gross.is_some());
            if let (Some(gross), Some(net)) = (energy.gross, energy.net) {
                prop_assert!(net >= Decimal::ZERO && net <= gross);
            } else {
                prop_assert!(!energy.notes.is_empty());
            }
        }
    }
}
