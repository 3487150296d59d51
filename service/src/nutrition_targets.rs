//! What a day's intake is judged by. The four daily goals hold for every day; targets say more: for every day, certain weekdays,
//! training days or one date; of energy, the macronutrients in grams or in percent of the energy, and any other nutrient; as an amount
//! to aim at, a least, a most, or both.
//!
//! Nothing of a target but its end ever changes, and a new one ends none: of those in force on a day the more particular one holds, of
//! these the one that began last, then the one that was set last. Energy, the three macronutrients together, and each further nutrient
//! are looked up by themselves, so that a training day may have more energy and keep the fibre of every day.

pub mod macronutrients;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Datelike, NaiveDate, Utc, Weekday};
use entity::{
    id::{NutritionTargetId, UserId},
    nutrition_targets::{ActiveModel, Column, Entity, Model, TargetDays},
    unit::{Unit, round},
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, Condition, DbBackend, EntityTrait, FromQueryResult, JsonValue, QueryFilter, QueryOrder, QuerySelect, Statement,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    input, nutrients,
    page::{Page, PageRequest},
    routines,
};

/// The code of energy, in kcal.
pub const ENERGY: &str = "ENERC_KCAL";
/// The codes of protein, carbohydrates and fat, in g.
pub const MACRONUTRIENTS: [&str; 3] = ["PROCNT", "CHOCDF", "FAT"];
/// The most nutrients that one target is about.
const MOST_AIMS: usize = 60;
/// Decimals of amounts that are typed.
const DECIMALS: u32 = 3;

/// What is aimed at of a nutrient, in its unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aim {
    /// So much.
    Amount(Decimal),
    /// At least so much.
    Minimum(Decimal),
    /// At most so much.
    Maximum(Decimal),
    /// At least and at most so much.
    Range(Decimal, Decimal),
}

impl Aim {
    /// The least that reaches it.
    pub fn minimum(self) -> Option<Decimal> {
        match self {
            Self::Amount(least) | Self::Minimum(least) | Self::Range(least, _) => Some(least),
            Self::Maximum(_) => None,
        }
    }

    /// The most that does not exceed it.
    pub fn maximum(self) -> Option<Decimal> {
        match self {
            Self::Amount(most) | Self::Maximum(most) | Self::Range(_, most) => Some(most),
            Self::Minimum(_) => None,
        }
    }

    /// It as one number: of a range the middle.
    pub fn centre(self) -> Decimal {
        match self {
            Self::Amount(amount) | Self::Minimum(amount) | Self::Maximum(amount) => amount,
            Self::Range(least, most) => round((least + most) / Decimal::TWO, DECIMALS),
        }
    }

    /// How far it is from what was eaten.
    pub fn judge(self, eaten: Decimal) -> Judgement {
        let missing = self.minimum().map_or(Decimal::ZERO, |least| (least - eaten).max(Decimal::ZERO));
        let over = self.maximum().map_or(Decimal::ZERO, |most| (eaten - most).max(Decimal::ZERO));
        let left = self.maximum().map_or(missing, |most| (most - eaten).max(Decimal::ZERO));
        let standing = match (missing.is_zero(), over.is_zero()) {
            (false, _) => Standing::Below,
            (_, false) => Standing::Above,
            _ => Standing::Within,
        };
        Judgement { missing, left, over, standing }
    }
}

/// What is left of an aim. None of the amounts is ever negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// To the least.
    pub missing: Decimal,
    /// To the most; where there is none, to the least.
    pub left: Decimal,
    /// Beyond the most.
    pub over: Decimal,
    /// Where it stands.
    pub standing: Standing,
}

/// Where what was eaten stands beside an aim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The least is not reached.
    Below,
    /// Neither too little nor too much.
    Within,
    /// The most is exceeded.
    Above,
}

/// The parts of the energy that protein, carbohydrates and fat have, in percent: 100 together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Percentages {
    /// Of protein.
    pub protein: Decimal,
    /// Of carbohydrates.
    pub carbohydrates: Decimal,
    /// Of fat.
    pub fat: Decimal,
}

/// For which days a target is set.
#[derive(Clone, Debug, Serialize)]
pub enum When {
    /// Every day from one on, until another if one is given.
    EveryDay,
    /// Certain days of the week.
    Weekdays(Vec<Weekday>),
    /// Days with an entry in the exercise diary, and those of the week on which training is planned.
    TrainingDays(Vec<Weekday>),
    /// One day.
    Date(NaiveDate),
}

/// A target as it is set.
#[derive(Clone, Debug, Serialize)]
pub struct NewNutritionTarget {
    /// Made by the client, or by the server.
    pub id: Option<NutritionTargetId>,
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// For which days.
    pub when: When,
    /// First day in force; today when absent. A date is its own.
    pub valid_from: Option<NaiveDate>,
    /// First day no longer in force, if that is known already.
    pub valid_to: Option<NaiveDate>,
    /// Nutrients, by code or headline name, with what is aimed at: an amount, or a least, a most or both.
    pub aims: Vec<(String, Amounts)>,
    /// The macronutrients in percent of the energy instead.
    pub percentages: Option<Percentages>,
}

/// What is aimed at as it is typed.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Amounts {
    /// So much.
    pub amount: Option<Decimal>,
    /// At least so much.
    pub minimum: Option<Decimal>,
    /// At most so much.
    pub maximum: Option<Decimal>,
}

/// Which targets are listed.
#[derive(Clone, Debug, Serialize)]
pub struct Filter {
    /// Whose.
    pub person: UserId,
    /// Only those in force on this day or a later one.
    pub from: Option<NaiveDate>,
}

/// A person's targets, those that begin last first.
pub async fn list(tx: &Tx, filter: &Filter, page: &PageRequest) -> Result<Page<Model>> {
    let mut rows = Entity::find().filter(Column::UserId.eq(filter.person));
    if let Some(from) = filter.from {
        let day = day::checked("from", from)?;
        rows = rows.filter(Condition::any().add(Column::ValidTo.is_null()).add(Column::ValidTo.gt(day)));
    }
    if let Some((from, id)) = page.key::<(NaiveDate, NutritionTargetId)>(&("nutrition_targets", filter))? {
        let same_day = Condition::all().add(Column::ValidFrom.eq(from)).add(Column::Id.lt(id));
        rows = rows.filter(Condition::any().add(Column::ValidFrom.lt(from)).add(same_day));
    }
    let rows = rows.order_by_desc(Column::ValidFrom).order_by_desc(Column::Id).limit(page.limit()?).all(tx).await?;
    page.page(&("nutrition_targets", filter), rows, |row| (row.valid_from, row.id))
}

/// What is aimed at, by what amounts of each nutrient are kept under.
pub fn aims(row: &Model) -> Result<BTreeMap<String, Aim>> {
    stored_aims(&row.aims)
}

/// Sets a target. Those that are there stay as they are.
pub async fn set(tx: &Tx, new: NewNutritionTarget) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    let id = new.id.unwrap_or_else(|| NutritionTargetId(tx.new_id()));
    let (days, weekdays) = match &new.when {
        When::EveryDay => (TargetDays::EveryDay, None),
        When::Weekdays(days) => (TargetDays::Weekdays, Some(routines::numbers(days)?)),
        When::TrainingDays(planned) if planned.is_empty() => (TargetDays::TrainingDays, None),
        When::TrainingDays(planned) => (TargetDays::TrainingDays, Some(routines::numbers(planned)?)),
        When::Date(_) => (TargetDays::Date, None),
    };
    let (valid_from, valid_to) = match new.when {
        When::Date(date) => (day::checked("date", date)?, date.succ_opt()),
        _ => {
            let today = Calendar::of(tx, person).await?.today(tx.now());
            let from = new.valid_from.map_or(Ok(today), |date| day::checked("validFrom", date))?;
            (from, new.valid_to.map(|date| day::checked("validTo", date)).transpose()?)
        }
    };
    if valid_to.is_some_and(|end| end <= valid_from) {
        return Err(Error::invalid("validTo", "must be after validFrom: it is the first day on which the target is no longer in force"));
    }
    let aims = checked_aims(tx, person, new.aims, new.percentages.is_some()).await?;
    let percentages = new.percentages.map(checked_percentages).transpose()?;

    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        days: Set(days),
        weekdays: Set(weekdays),
        valid_from: Set(valid_from),
        valid_to: Set(valid_to),
        aims: Set(serde_json::to_value(aims).map_err(|error| Error::Internal(error.into()))?),
        protein_percent: Set(percentages.map(|parts| parts.protein)),
        carbohydrates_percent: Set(percentages.map(|parts| parts.carbohydrates)),
        fat_percent: Set(percentages.map(|parts| parts.fat)),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => Ok(row),
        None => {
            let row = Entity::find_by_id((person, id)).one(tx).await?;
            input::repeated(row, |row| row.created_from.as_ref() == Some(&created_from))
        }
    }
}

/// Ends a target: from this day on, today when absent, it is no longer in force. The days before are judged by it as ever.
pub async fn end(
    tx: &Tx,
    person: Option<UserId>,
    id: NutritionTargetId,
    valid_to: Option<NaiveDate>,
    expected_version: Option<i32>,
) -> Result<Model> {
    let person = tx.viewer_or(person)?;
    let target = editable(tx, person, id, expected_version).await?;
    if target.days == TargetDays::Date {
        return Err(Error::invalid("id", "a target for one date has no other end: delete it"));
    }
    let end = match valid_to {
        Some(date) => day::checked("validTo", date)?,
        None => Calendar::of(tx, person).await?.today(tx.now()).max(target.valid_from),
    };
    if end < target.valid_from {
        return Err(Error::invalid("validTo", format!("must not be before {}, when the target begins", target.valid_from)));
    }
    let row = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), valid_to: Set(Some(end)), ..Default::default() };
    Ok(Entity::update(row).exec(tx).await?)
}

/// Takes a target back as if it had never been set.
pub async fn delete(tx: &Tx, person: Option<UserId>, id: NutritionTargetId, expected_version: Option<i32>) -> Result<Model> {
    let person = tx.viewer_or(person)?;
    let target = editable(tx, person, id, expected_version).await?;
    Entity::delete_by_id((person, id)).exec(tx).await?;
    Ok(target)
}

/// A target that the viewer may change, locked until the transaction ends.
async fn editable(tx: &Tx, person: UserId, id: NutritionTargetId, expected_version: Option<i32>) -> Result<Model> {
    let target = Entity::find_by_id((person, id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("nutrition target"))?;
    input::expect_version(
        expected_version,
        target.version,
        || serde_json::json!({ "id": target.id, "validFrom": target.valid_from, "validTo": target.valid_to, "version": target.version }),
    )?;
    Ok(target)
}

async fn checked_aims(tx: &Tx, person: UserId, typed: Vec<(String, Amounts)>, in_percent: bool) -> Result<BTreeMap<String, Aim>> {
    if typed.is_empty() || typed.len() > MOST_AIMS {
        return Err(Error::invalid("aims", format!("must name 1 to {MOST_AIMS} nutrients")));
    }
    let known = nutrients::known_to(tx, person).await?;
    let mut aims = BTreeMap::new();
    for (place, (nutrient, amounts)) in typed.into_iter().enumerate() {
        let field = format!("aims[{place}]");
        let refused = |message: String| Error::invalid(format!("{field}.nutrient"), message);
        let name = nutrient.to_lowercase();
        let meant = |(_, known): &&(String, nutrients::Nutrient)| known.code == nutrient || known.headline.as_ref() == Some(&name);
        let key = known.iter().find(meant).map(|(key, _)| key);
        let key = key.ok_or_else(|| refused("is no nutrient: write a code such as FASAT, or a name such as fiber".to_owned()))?;
        let aim = checked_aim(&field, amounts)?;
        if in_percent && MACRONUTRIENTS.contains(&key.as_str()) {
            return Err(refused("is told in percent of the energy already: leave out one of the two".to_owned()));
        }
        if aims.insert(key.clone(), aim).is_some() {
            return Err(refused("is named twice: a least and a most go together".to_owned()));
        }
    }
    if in_percent && !aims.contains_key(ENERGY) {
        return Err(Error::invalid("percentages", "are of the energy: aim at an amount of calories, too"));
    }
    Ok(aims)
}

fn checked_aim(field: &str, typed: Amounts) -> Result<Aim> {
    let amount = |name: &str, value: Option<Decimal>| {
        let checked = |value| input::number(&format!("{field}.{name}"), value, DECIMALS, Decimal::ZERO..=Decimal::from(100_000));
        value.map(checked).transpose()
    };
    match (amount("amount", typed.amount)?, amount("minimum", typed.minimum)?, amount("maximum", typed.maximum)?) {
        (Some(amount), None, None) => Ok(Aim::Amount(amount)),
        (None, Some(least), None) => Ok(Aim::Minimum(least)),
        (None, None, Some(most)) => Ok(Aim::Maximum(most)),
        (None, Some(least), Some(most)) if least <= most => Ok(Aim::Range(least, most)),
        (None, Some(_), Some(_)) => Err(Error::invalid(format!("{field}.maximum"), "must not be less than minimum")),
        _ => Err(Error::invalid(field, "must have either amount, or minimum, maximum or both")),
    }
}

fn checked_percentages(typed: Percentages) -> Result<Percentages> {
    let part = |name: &str, value| input::number(&format!("percentages.{name}"), value, 1, Decimal::ZERO..=Decimal::ONE_HUNDRED);
    let parts = Percentages {
        protein: part("protein", typed.protein)?,
        carbohydrates: part("carbohydrates", typed.carbohydrates)?,
        fat: part("fat", typed.fat)?,
    };
    let together = parts.protein + parts.carbohydrates + parts.fat;
    if together != Decimal::ONE_HUNDRED {
        return Err(Error::invalid("percentages", format!("must add up to 100, and add up to {}", together.normalize())));
    }
    Ok(parts)
}

fn stored_aims(aims: &JsonValue) -> Result<BTreeMap<String, Aim>> {
    BTreeMap::deserialize(aims).map_err(Error::stored_json)
}

/// What a day's energy and macronutrients are judged by; `None` where nothing was in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NutritionTarget {
    /// kcal a day.
    pub calories: Option<Decimal>,
    /// g a day.
    pub protein: Option<Decimal>,
    /// g a day.
    pub carbohydrates: Option<Decimal>,
    /// g a day.
    pub fat: Option<Decimal>,
}

/// What a day is judged by of one nutrient, and why by that.
#[derive(Clone, Debug, PartialEq)]
pub struct NutrientTarget {
    /// What amounts of it are kept under.
    pub nutrient: String,
    /// What is aimed at.
    pub aim: Aim,
    /// Of a macronutrient: its part of the energy, as typed, or as the grams of all three come to.
    pub percent: Option<Decimal>,
    /// Why it holds on this day.
    pub reason: Reason,
    /// The goal or the target that says so.
    pub set_by: Uuid,
}

/// Why a day is judged by something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It was set for this date.
    Date,
    /// There is an entry in the exercise diary.
    Trained,
    /// Training is planned on this day of the week.
    TrainingPlanned,
    /// It is for this day of the week.
    Weekday,
    /// It is for every day.
    EveryDay,
    /// It is a daily goal.
    Goal,
}

#[derive(FromQueryResult)]
struct InForce {
    r#type: Option<String>,
    target_value: Option<Decimal>,
    target_unit: Option<String>,
    id: Uuid,
    days: TargetDays,
    weekdays: Option<Vec<i16>>,
    aims: Option<JsonValue>,
    protein_percent: Option<Decimal>,
    carbohydrates_percent: Option<Decimal>,
    fat_percent: Option<Decimal>,
    trained_on: Option<Vec<NaiveDate>>,
    valid_from: NaiveDate,
    valid_to: Option<NaiveDate>,
    set_at: DateTime<Utc>,
}

/// A goal or a target, as days are judged by it.
struct Candidate {
    id: Uuid,
    goal: bool,
    days: TargetDays,
    weekdays: Vec<Weekday>,
    trained_on: BTreeSet<NaiveDate>,
    valid_from: NaiveDate,
    valid_to: Option<NaiveDate>,
    aims: BTreeMap<String, Aim>,
    percentages: Option<[Decimal; 3]>,
}

impl Candidate {
    fn of(row: InForce) -> Result<Self> {
        let mut aims = row.aims.as_ref().map(stored_aims).transpose()?.unwrap_or_default();
        if let (Some(kind), Some(value)) = (&row.r#type, row.target_value) {
            let unit = row.target_unit.as_deref().and_then(Unit::named);
            let amount = unit.and_then(|unit| unit.to_base(value)).map_or(value, |amount| round(amount, 6));
            let code = match kind.as_str() {
                "calorie_target" => ENERGY,
                "protein_target" => MACRONUTRIENTS[0],
                "carbohydrate_target" => MACRONUTRIENTS[1],
                _ => MACRONUTRIENTS[2],
            };
            aims.insert(code.to_owned(), Aim::Amount(amount));
        }
        let percentages = match (row.protein_percent, row.carbohydrates_percent, row.fat_percent) {
            (Some(protein), Some(carbohydrates), Some(fat)) => Some([protein, carbohydrates, fat]),
            _ => None,
        };
        Ok(Self {
            id: row.id,
            goal: row.r#type.is_some(),
            days: row.days,
            weekdays: routines::weekdays(row.weekdays.as_deref().unwrap_or_default()),
            trained_on: row.trained_on.into_iter().flatten().collect(),
            valid_from: row.valid_from,
            valid_to: row.valid_to,
            aims,
            percentages,
        })
    }

    /// Why it judges this day, if it does.
    fn reason(&self, day: NaiveDate) -> Option<Reason> {
        if day < self.valid_from || self.valid_to.is_some_and(|end| end <= day) {
            return None;
        }
        let of_week = self.weekdays.contains(&day.weekday());
        match self.days {
            TargetDays::EveryDay if self.goal => Some(Reason::Goal),
            TargetDays::EveryDay => Some(Reason::EveryDay),
            TargetDays::Weekdays => of_week.then_some(Reason::Weekday),
            TargetDays::TrainingDays if self.trained_on.contains(&day) => Some(Reason::Trained),
            TargetDays::TrainingDays => of_week.then_some(Reason::TrainingPlanned),
            TargetDays::Date => Some(Reason::Date),
        }
    }

    fn about_macronutrients(&self) -> bool {
        self.percentages.is_some() || MACRONUTRIENTS.iter().any(|code| self.aims.contains_key(*code))
    }
}

/// What a range of days is judged by.
pub struct NutritionTargets(Vec<Candidate>);

impl NutritionTargets {
    /// What was in force on some day from `from` to `to`, as far as the viewer may see it.
    pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Self> {
        let statement = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "SELECT * FROM reports.nutrition_targets($1, $2, $3)",
            [person.0.into(), from.into(), to.into()],
        );
        Self::of(InForce::find_by_statement(statement).all(tx).await?)
    }

    fn of(mut rows: Vec<InForce>) -> Result<Self> {
        // The one that holds first.
        rows.sort_by_key(|row| std::cmp::Reverse((row.days, row.valid_from, row.set_at, row.id)));
        Ok(Self(rows.into_iter().map(Candidate::of).collect::<Result<_>>()?))
    }

    /// What this day is judged by, nutrient by nutrient: energy, the macronutrients, then the others by their codes.
    pub fn of_day(&self, day: NaiveDate) -> Vec<NutrientTarget> {
        let candidates: Vec<_> = self.0.iter().filter_map(|candidate| Some((candidate, candidate.reason(day)?))).collect();
        let target = |(candidate, reason): &(&Candidate, Reason), nutrient: &str, aim| NutrientTarget {
            nutrient: nutrient.to_owned(),
            aim,
            percent: None,
            reason: *reason,
            set_by: candidate.id,
        };
        let first_about = |code: &str| candidates.iter().find_map(|found| Some(target(found, code, *found.0.aims.get(code)?)));

        let energy = first_about(ENERGY);
        let mut macronutrients = Vec::new();
        if let Some(found) = candidates.iter().find(|(candidate, _)| candidate.about_macronutrients()) {
            match (found.0.percentages, &energy) {
                (Some(percentages), Some(energy)) => {
                    let grams = macronutrients::grams(energy.aim.centre(), percentages);
                    for place in 0..3 {
                        let amount = target(found, MACRONUTRIENTS[place], Aim::Amount(grams[place]));
                        macronutrients.push(NutrientTarget { percent: Some(percentages[place]), ..amount });
                    }
                }
                // Daily goals are set one by one, and belong together.
                _ if found.0.goal => {
                    let goals = candidates.iter().filter(|(candidate, _)| candidate.goal);
                    macronutrients = MACRONUTRIENTS
                        .iter()
                        .filter_map(|code| goals.clone().find_map(|goal| Some(target(goal, code, *goal.0.aims.get(*code)?))))
                        .collect();
                }
                _ => {
                    let stated = MACRONUTRIENTS.iter().filter_map(|code| Some(target(found, code, *found.0.aims.get(*code)?)));
                    macronutrients = stated.collect();
                }
            }
        }
        in_percent(&mut macronutrients);

        let headline = |code: &&String| *code == ENERGY || MACRONUTRIENTS.contains(&code.as_str());
        let others: BTreeSet<_> =
            candidates.iter().flat_map(|(candidate, _)| candidate.aims.keys()).filter(|code| !headline(code)).collect();
        let others = others.into_iter().filter_map(|code| first_about(code));
        energy.clone().into_iter().chain(macronutrients).chain(others).collect()
    }

    /// What this day's energy and macronutrients are judged by, as one number each; `None` when by nothing.
    pub fn on(&self, day: NaiveDate) -> Option<NutritionTarget> {
        let targets = self.of_day(day);
        let of = |code: &str| targets.iter().find(|target| target.nutrient == code).map(|target| target.aim.centre());
        let [protein, carbohydrates, fat] = MACRONUTRIENTS.map(of);
        let target = NutritionTarget { calories: of(ENERGY), protein, carbohydrates, fat };
        (target != NutritionTarget::default()).then_some(target)
    }
}

/// Tells amounts of all three in percent, where they are not already.
fn in_percent(macronutrients: &mut [NutrientTarget]) {
    let [protein, carbohydrates, fat] = macronutrients else { return };
    let (None, Aim::Amount(of_protein), Aim::Amount(of_carbohydrates), Aim::Amount(of_fat)) =
        (protein.percent, protein.aim, carbohydrates.aim, fat.aim)
    else {
        return;
    };
    let percentages = macronutrients::percentages([of_protein, of_carbohydrates, of_fat]);
    for (target, percent) in [protein, carbohydrates, fat].into_iter().zip(percentages.into_iter().flatten()) {
        target.percent = Some(percent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn target(id: u128, days: TargetDays, from: &str, aims: &str) -> InForce {
        InForce {
            r#type: None,
            target_value: None,
            target_unit: None,
            id: Uuid::from_u128(id),
            days,
            weekdays: None,
            aims: Some(serde_json::from_str(aims).expect("JSON")),
            protein_percent: None,
            carbohydrates_percent: None,
            fat_percent: None,
            trained_on: None,
            valid_from: date(from),
            valid_to: None,
            set_at: DateTime::UNIX_EPOCH,
        }
    }

    fn energy(targets: &NutritionTargets, day: &str) -> Option<(Decimal, Reason)> {
        let found = targets.of_day(date(day)).into_iter().find(|target| target.nutrient == ENERGY)?;
        Some((found.aim.centre(), found.reason))
    }

    #[test]
    fn the_more_particular_target_holds_and_of_these_the_later_one() {
        let every =
            |id, from: &str, kcal: u32| target(id, TargetDays::EveryDay, from, &format!(r#"{{"ENERC_KCAL": {{"amount": "{kcal}"}}}}"#));
        let mut sunday = every(3, "2026-03-01", 2400);
        (sunday.days, sunday.weekdays) = (TargetDays::Weekdays, Some(vec![7]));
        let mut training = every(4, "2026-03-01", 2600);
        (training.days, training.weekdays, training.trained_on) = (TargetDays::TrainingDays, Some(vec![2]), Some(vec![date("2026-03-15")]));
        let mut party = every(5, "2026-03-17", 4000);
        (party.days, party.valid_to) = (TargetDays::Date, Some(date("2026-03-18")));
        let targets = NutritionTargets::of(vec![every(1, "2026-03-01", 2000), every(2, "2026-03-12", 1800), sunday, training, party])
            .expect("targets");
        for (day, expected) in [
            ("2026-02-28", None),
            ("2026-03-02", Some((2000, Reason::EveryDay))),
            ("2026-03-12", Some((1800, Reason::EveryDay))),
            ("2026-03-08", Some((2400, Reason::Weekday))),
            ("2026-03-10", Some((2600, Reason::TrainingPlanned))),
            ("2026-03-15", Some((2600, Reason::Trained))),
            ("2026-03-17", Some((4000, Reason::Date))),
            ("2026-03-18", Some((1800, Reason::EveryDay))),
        ] {
            assert_eq!(energy(&targets, day), expected.map(|(kcal, reason)| (Decimal::from(kcal), reason)), "{day}");
        }
    }

    #[test]
    fn a_training_day_with_more_energy_keeps_the_percentages_and_the_fibre_of_every_day() {
        let mut every = target(1, TargetDays::EveryDay, "2026-03-01", r#"{"ENERC_KCAL": {"amount": "2000"}, "FIBTG": {"minimum": "30"}}"#);
        (every.protein_percent, every.carbohydrates_percent, every.fat_percent) =
            (Some(Decimal::from(30)), Some(Decimal::from(40)), Some(Decimal::from(30)));
        let mut training = target(2, TargetDays::TrainingDays, "2026-03-01", r#"{"ENERC_KCAL": {"amount": "2600"}}"#);
        training.trained_on = Some(vec![date("2026-03-10")]);
        let targets = NutritionTargets::of(vec![every, training]).expect("targets");
        let told = |day: &str| -> Vec<_> {
            let targets = targets.of_day(date(day)).into_iter();
            targets.map(|target| format!("{} {} {:?}", target.nutrient, target.aim.centre().normalize(), target.reason)).collect()
        };
        assert_eq!(
            told("2026-03-10"),
            ["ENERC_KCAL 2600 Trained", "PROCNT 195 EveryDay", "CHOCDF 260 EveryDay", "FAT 86.7 EveryDay", "FIBTG 30 EveryDay"]
        );
        assert_eq!(told("2026-03-11")[1..4], ["PROCNT 150 EveryDay", "CHOCDF 200 EveryDay", "FAT 66.7 EveryDay"]);
    }

    #[test]
    fn what_is_left_is_never_negative() {
        let number = Decimal::from;
        let told = |aim: Aim, eaten: i32| {
            let Judgement { missing, left, over, standing } = aim.judge(number(eaten));
            (missing, left, over, standing)
        };
        let expected = |missing: i32, left: i32, over: i32, standing| (number(missing), number(left), number(over), standing);
        assert_eq!(told(Aim::Minimum(number(30)), 10), expected(20, 20, 0, Standing::Below));
        assert_eq!(told(Aim::Minimum(number(30)), 45), expected(0, 0, 0, Standing::Within));
        assert_eq!(told(Aim::Maximum(number(30)), 10), expected(0, 20, 0, Standing::Within));
        assert_eq!(told(Aim::Maximum(number(30)), 45), expected(0, 0, 15, Standing::Above));
        assert_eq!(told(Aim::Amount(number(30)), 10), expected(20, 20, 0, Standing::Below));
        assert_eq!(told(Aim::Amount(number(30)), 30), expected(0, 0, 0, Standing::Within));
        assert_eq!(told(Aim::Amount(number(30)), 45), expected(0, 0, 15, Standing::Above));
        assert_eq!(told(Aim::Range(number(20), number(30)), 10), expected(10, 20, 0, Standing::Below));
        assert_eq!(told(Aim::Range(number(20), number(30)), 25), expected(0, 5, 0, Standing::Within));
    }
}
