//! Lines of a diary: what each says, by which food it is told, and the entry that it becomes.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use entity::{
    id::FoodId,
    unit::{Unit, round},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Addition, Options,
    cells::{Cells, Form},
    columns::Column,
    report::Findings,
    values,
};
use crate::{
    barcode,
    day::{self, Calendar, Moment},
    error::{Error, Result},
    food_diary,
    foods::Food,
    input,
    meal_types::{self, MealType},
    nutrition::{Nutrition, SNAPSHOT_DECIMALS},
};

/// Meals as programs call them, and as Hale does.
const MEALS: [(&str, &[&str]); 4] = [
    ("breakfast", &["fruhstuck", "petit dejeuner", "desayuno", "colazione"]),
    ("lunch", &["mittagessen", "dejeuner", "almuerzo", "pranzo"]),
    ("dinner", &["supper", "abendessen", "diner", "cena"]),
    ("snack", &["snacks", "uncategorized", "imbiss", "zwischenmahlzeit"]),
];

/// What a line says, before any food is looked at.
#[derive(Debug)]
pub struct DiaryLine {
    /// Where it begins.
    pub number: u64,
    /// Of which entry it is, in Hale's own exports.
    pub id: Option<Uuid>,
    /// When and where.
    moment: Moment,
    /// Whether it says at which time.
    timed: bool,
    status: String,
    meal_type: String,
    /// What was eaten.
    pub name: String,
    /// Who makes it.
    pub brand: Option<String>,
    /// Its barcode, as GTIN-14.
    pub barcode: Option<String>,
    /// The food, in Hale's own exports.
    pub food: Option<FoodId>,
    quantity: Decimal,
    unit: String,
    note: Option<String>,
    nutrients: BTreeMap<String, Decimal>,
}

/// An entry that a line becomes, as it is stored until it is committed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StagedEntry {
    /// Its line.
    pub line: u64,
    /// The entry's id.
    pub id: Uuid,
    /// Whether the line says at which time it was.
    pub timed: bool,
    /// How many lines of the file up to this one say the same.
    pub occurrence: i64,
    /// What it was told by.
    pub food_item_id: Option<FoodId>,
    /// The version of the food's nutrition, where the line says nothing else.
    pub nutrition_version: Option<i32>,
    /// Name.
    pub food_name: String,
    /// Brand.
    pub food_brand: Option<String>,
    /// How much.
    pub quantity: Decimal,
    /// Of what.
    pub unit: String,
    /// The food's servings.
    pub servings: Decimal,
    /// kcal.
    pub calories: Option<Decimal>,
    /// g.
    pub protein: Option<Decimal>,
    /// g.
    pub carbohydrates: Option<Decimal>,
    /// g.
    pub fat: Option<Decimal>,
    /// g.
    pub fiber: Option<Decimal>,
    /// g.
    pub sugar: Option<Decimal>,
    /// mg.
    pub sodium: Option<Decimal>,
    /// Others, by code.
    pub nutrients: serde_json::Value,
    /// Which meal.
    pub meal_type: String,
    /// When.
    pub consumed_at: DateTime<Utc>,
    /// Where.
    pub time_zone: String,
    /// The day.
    pub consumed_on: NaiveDate,
    /// eaten or planned.
    pub status: String,
    /// What is written beside it.
    pub note: Option<String>,
    /// Of servings without a food: what one contains, so that it can be edited.
    pub quick_nutrition: Option<serde_json::Value>,
    /// The volume of a drink.
    pub milliliters: Option<Decimal>,
}

impl StagedEntry {
    /// Day, amount, name and meal, to be shown before it is committed.
    pub fn addition(&self) -> Addition {
        let description =
            format!("{}: {} {} {} ({})", self.consumed_on, self.quantity.normalize(), self.unit, self.food_name, self.meal_type);
        Addition { line: self.line, description }
    }
}

/// What the lines of a diary say.
pub fn read(
    cells: &Cells<'_>,
    options: &Options,
    calendar: &Calendar,
    meals: &[MealType],
    findings: &mut Findings,
) -> Result<Vec<DiaryLine>> {
    let has = |column| cells.has(column);
    if !has(&Column::Date) && !has(&Column::ConsumedAt) {
        return Err(Error::invalid("csv", "has no column that says the day: call one Date"));
    }
    if !(has(&Column::Name) || has(&Column::Meal) && cells.has_nutrients()) {
        return Err(Error::invalid("csv", "has no column that names the food: call one Name, or have one Meal and some of nutrients"));
    }
    if !has(&Column::Name) {
        findings.guess(None, "no column names a food: each line becomes an entry that is called like its meal");
    }
    if !has(&Column::Meal) {
        findings.guess(None, "no column names the meal: snack");
    }
    if !has(&Column::Quantity) {
        findings.guess(None, "no column says how much: 1 serving, of which a line's nutrients are");
    }
    if !has(&Column::Time) && !has(&Column::ConsumedAt) {
        findings.guess(None, "no column says at which time: each meal at its usual time");
    }
    let form = cells.form(options, findings)?;
    let finer = |place| matches!(cells.amount(place, &form, &Column::Quantity, &Column::Unit), Ok((Some(quantity), _)) if quantity != round(quantity, 3));
    if (0..cells.count()).any(finer) {
        findings.guess(None, "some quantities have more than 3 decimals: they are rounded to 3");
    }
    let mut lines = Vec::new();
    for place in 0..cells.count() {
        if let Some(line) = findings.of_line(cells.number(place), line(cells, place, &form, options, calendar, meals)) {
            lines.push(line);
        }
    }
    Ok(lines)
}

/// A reason for which a line cannot be taken, and the column that it is about.
type Reason = (Column, String);

fn line(
    cells: &Cells<'_>,
    place: usize,
    form: &Form,
    options: &Options,
    calendar: &Calendar,
    meals: &[MealType],
) -> Result<DiaryLine, Reason> {
    cells.complete(place)?;
    let text = |column: Column| cells.text(place, &column);
    let in_column = |column: Column| move |reason: String| (column, reason);
    let checked = |column: Column, max: usize| text(column.clone()).map(|value| line_of(column, value, max)).transpose();

    let time_zone = match text(Column::TimeZone) {
        Some(name) => {
            day::zone("timeZone", name).map_err(|_| (Column::TimeZone, format!("{} is not an IANA time zone", values::shown(name))))?
        }
        None => options.time_zone.unwrap_or(calendar.time_zone),
    };
    let meal_type = match text(Column::Meal) {
        Some(meal) => meal_named(&line_of(Column::Meal, meal, 255)?, meals),
        None => "snack".to_owned(),
    };
    if meal_type.chars().count() > 20 {
        return Err((Column::Meal, "must have at most 20 characters".to_owned()));
    }
    let date = text(Column::Date).map(|date| form.dates.date(date).map_err(in_column(Column::Date))).transpose()?;
    let time = text(Column::Time).map(|time| values::time(time).map_err(in_column(Column::Time))).transpose()?;
    let at = text(Column::ConsumedAt).map(instant).transpose()?;
    let moment = match (at, date) {
        (Some(at), date) => on_stated_day(at, time_zone, date, calendar)?,
        (None, Some(date)) => at_time(date, time.unwrap_or_else(|| meal_types::usual_time(meals, &meal_type)), time_zone, calendar),
        (None, None) => return Err((Column::Date, "says no day".to_owned())),
    };
    if !(day::FIRST..=day::LAST).contains(&moment.on) {
        return Err((Column::Date, format!("must be between {} and {}", day::FIRST, day::LAST)));
    }

    let status = match text(Column::Status).map(str::to_lowercase).as_deref() {
        None | Some("eaten") => "eaten",
        Some("planned") => "planned",
        Some(_) => return Err((Column::Status, "must be eaten or planned".to_owned())),
    };
    let (quantity, unit) = cells.amount(place, form, &Column::Quantity, &Column::Unit)?;
    let quantity = match quantity {
        Some(quantity) => round(quantity, 3),
        None if cells.has(&Column::Quantity) => return Err((Column::Quantity, "says no quantity".to_owned())),
        None => Decimal::ONE,
    };
    if !(Decimal::new(1, 3)..=Decimal::from(100_000)).contains(&quantity) {
        return Err((Column::Quantity, format!("must be between 0.001 and 100000, is {quantity}")));
    }
    let unit = line_of(Column::Unit, unit.as_deref().unwrap_or("serving"), 100)?;
    let name = match checked(Column::Name, 255)? {
        Some(name) => name,
        None if cells.has(&Column::Name) => return Err((Column::Name, "names no food".to_owned())),
        None => text(Column::Meal).map_or_else(|| Ok(meal_type.clone()), |meal| line_of(Column::Meal, meal, 255))?,
    };
    let id = |column: Column| {
        let id = text(column.clone()).map(|id| Uuid::parse_str(id).map_err(|_| (column, format!("{} is not a UUID", values::shown(id)))));
        id.transpose()
    };
    let barcode =
        text(Column::Barcode).map(|code| barcode::gtin14("barcode", code).map_err(|error| (Column::Barcode, reason(error)))).transpose()?;
    let note =
        text(Column::Note).map(|note| input::paragraph("note", note, 1_000).map_err(|error| (Column::Note, reason(error)))).transpose()?;
    Ok(DiaryLine {
        number: cells.number(place),
        id: id(Column::Id)?,
        moment,
        timed: at.is_some() || time.is_some(),
        status: status.to_owned(),
        meal_type,
        name,
        brand: checked(Column::Brand, 255)?,
        barcode,
        food: id(Column::FoodId)?.map(FoodId),
        quantity,
        unit,
        note,
        nutrients: cells.nutrients(place, form, Decimal::from(10_000_000))?,
    })
}

/// A line of text as the diary holds it.
fn line_of(column: Column, value: &str, max: usize) -> Result<String, Reason> {
    input::line("cell", value, max).map_err(|error| (column, reason(error)))
}

/// What an error says, without the field that it is about.
pub fn reason(error: Error) -> String {
    match error {
        Error::Invalid { message, .. } => message,
        error => error.to_string(),
    }
}

fn instant(text: &str) -> Result<DateTime<Utc>, Reason> {
    let at = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    at.map_err(|_| (Column::ConsumedAt, format!("{} is not an instant such as 2026-03-29T07:30:00Z", values::shown(text))))
}

fn meal_named(meal: &str, meals: &[MealType]) -> String {
    let folded = super::columns::folded(meal);
    let is_named = |own: &&MealType| [&own.code, &own.name].iter().any(|name| super::columns::folded(name) == folded);
    if let Some(own) = meals.iter().find(is_named) {
        return own.code.clone();
    }
    let known = MEALS.iter().find(|(own, others)| *own == folded || others.contains(&folded.as_str()));
    known.map_or_else(|| meal.to_lowercase(), |(own, _)| (*own).to_owned())
}

/// An instant of a day that the file says, as it was fixed when it was logged; else of the day that it belongs to.
fn on_stated_day(at: DateTime<Utc>, time_zone: Tz, date: Option<NaiveDate>, calendar: &Calendar) -> Result<Moment, Reason> {
    let local = at.with_timezone(&time_zone).date_naive();
    let on = date.unwrap_or_else(|| calendar.day_of(at, time_zone));
    if (on - local).num_days().abs() > 1 {
        return Err((Column::Date, format!("is {on}, but the instant lies on {local}")));
    }
    Ok(Moment { at, time_zone, on })
}

/// The instant of a day at a local time: what comes before the person's day starts is in the small hours after that day.
fn at_time(on: NaiveDate, time: NaiveTime, time_zone: Tz, calendar: &Calendar) -> Moment {
    let date = if time < calendar.day_starts_at { on.checked_add_days(Days::new(1)).unwrap_or(on) } else { on };
    Moment { at: local_instant(date.and_time(time), time_zone), time_zone, on }
}

/// Of a time that the clock shows twice the first; one that it skips is told by the clock as it stood before.
fn local_instant(local: NaiveDateTime, time_zone: Tz) -> DateTime<Utc> {
    match time_zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => at.to_utc(),
        LocalResult::None => {
            let before = local - TimeDelta::hours(3);
            time_zone
                .from_local_datetime(&before)
                .earliest()
                .map_or_else(|| Utc.from_utc_datetime(&local), |at| at.to_utc() + TimeDelta::hours(3))
        }
    }
}

impl DiaryLine {
    /// The entry that the line becomes, told by `food` where there is one. What the line says of nutrients holds; where it says nothing,
    /// the food does.
    pub fn staged(self, id: Uuid, food: Option<&Food>) -> Result<StagedEntry, Reason> {
        let by_food = food.map(|food| {
            let (servings, unit) = food.servings(self.quantity, &self.unit)?;
            Ok::<_, Error>((servings, unit, food.nutrition.times(servings)?, food.nutrition_version))
        });
        let stated = (!self.nutrients.is_empty()).then(|| nutrition(&self.nutrients));
        let (servings, unit, nutrition, nutrition_version) = match (by_food, stated) {
            (Some(Ok((servings, unit, told, version))), stated) if stated.as_ref().is_none_or(|stated| same(stated, &told)) => {
                (round(servings, 12), unit, told, Some(version))
            }
            (_, Some(stated)) => (self.quantity, known_unit(&self.unit), stated, None),
            (Some(Err(error)), None) => return Err((Column::Unit, reason(error))),
            (_, None) => return Err((Column::Name, "is no food that is known, and the line says no nutrients".to_owned())),
        };
        let quick_nutrition = food.is_none().then(|| of_one_serving(&nutrition, self.quantity, &unit)).flatten();
        let milliliters = food.zip(nutrition_version).and_then(|(food, _)| food_diary::volume(food, servings, &unit));
        Ok(StagedEntry {
            line: self.number,
            id,
            timed: self.timed,
            occurrence: 1,
            food_item_id: food.map(|food| food.id),
            nutrition_version,
            food_name: self.name,
            food_brand: self.brand,
            quantity: self.quantity,
            unit,
            servings,
            calories: nutrition.calories,
            protein: nutrition.protein,
            carbohydrates: nutrition.carbohydrates,
            fat: nutrition.fat,
            fiber: nutrition.fiber,
            sugar: nutrition.sugar,
            sodium: nutrition.sodium,
            nutrients: nutrition.nutrients,
            meal_type: self.meal_type,
            consumed_at: self.moment.at,
            time_zone: self.moment.time_zone.name().to_owned(),
            consumed_on: self.moment.on,
            status: self.status,
            note: self.note,
            quick_nutrition,
            milliliters,
        })
    }
}

/// What one serving contains, where it is energy and macronutrients alone, and so many of it contain exactly that.
fn of_one_serving(nutrition: &Nutrition, quantity: Decimal, unit: &str) -> Option<serde_json::Value> {
    if unit != "serving" || nutrition.nutrients.as_object().is_some_and(|others| !others.is_empty()) {
        return None;
    }
    let of_one = |(name, amount): (&'static str, Option<Decimal>)| {
        let amount = amount?;
        let one = round(amount.checked_div(quantity)?, SNAPSHOT_DECIMALS);
        Some((round(one * quantity, SNAPSHOT_DECIMALS) == amount).then(|| (name.to_owned(), one.normalize().to_string().into())))
    };
    let of_one: Option<serde_json::Map<_, _>> = nutrition.headline().into_iter().filter_map(of_one).collect();
    of_one.map(serde_json::Value::Object)
}

fn known_unit(name: &str) -> String {
    Unit::named(name).map_or_else(|| name.to_owned(), |unit| unit.code.to_owned())
}

/// Nutrition of amounts by code.
pub fn nutrition(amounts: &BTreeMap<String, Decimal>) -> Nutrition {
    let of = |code: &str| amounts.get(code).map(|amount| round(*amount, SNAPSHOT_DECIMALS));
    let headline = ["ENERC_KCAL", "PROCNT", "CHOCDF", "FAT", "FIBTG", "SUGAR", "NA"];
    let others = amounts.iter().filter(|(code, _)| !headline.contains(&code.as_str()));
    let others = others.map(|(code, amount)| (code.clone(), round(*amount, SNAPSHOT_DECIMALS).normalize().to_string().into()));
    Nutrition {
        calories: of(headline[0]),
        protein: of(headline[1]),
        carbohydrates: of(headline[2]),
        fat: of(headline[3]),
        fiber: of(headline[4]),
        sugar: of(headline[5]),
        sodium: of(headline[6]),
        nutrients: serde_json::Value::Object(others.collect()),
    }
}

/// Whether two say the same of every nutrient.
fn same(one: &Nutrition, other: &Nutrition) -> bool {
    one.headline() == other.headline() && one.nutrients == other.nutrients
}

/// Counts, for each entry, how many before it in the file say the same.
pub fn count_occurrences(entries: &mut [StagedEntry]) {
    let mut counts: HashMap<String, i64> = HashMap::new();
    for entry in entries {
        let at = entry.timed.then_some(entry.consumed_at);
        let key = format!(
            "{:?}",
            (
                entry.consumed_on,
                at,
                &entry.meal_type,
                entry.food_name.to_lowercase(),
                &entry.food_brand,
                entry.quantity.normalize(),
                &entry.unit,
                entry.calories.map(|calories| calories.normalize())
            )
        );
        let count = counts.entry(key).or_default();
        *count += 1;
        entry.occurrence = *count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_is_an_instant_of_the_day_that_the_file_says() {
        let calendar = |zone: &str, hour| Calendar {
            time_zone: zone.parse().expect("a zone"),
            day_starts_at: NaiveTime::from_hms_opt(hour, 0, 0).expect("a time"),
        };
        let berlin = calendar("Europe/Berlin", 3);
        let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
        for (day, time, at) in [
            ("2026-03-10", "08:00", "2026-03-10T07:00:00Z"),
            // In the small hours after that day.
            ("2026-03-10", "01:00", "2026-03-11T00:00:00Z"),
            // The clock goes from 02:00 to 03:00 in the night after the 28th.
            ("2026-03-28", "02:30", "2026-03-29T01:30:00Z"),
        ] {
            let moment = at_time(date(day), values::time(time).expect("a time"), berlin.time_zone, &berlin);
            assert_eq!((moment.at, moment.on), (at.parse().expect("an instant"), date(day)), "{day} {time}");
        }
        let stated =
            on_stated_day("2026-03-10T23:30:00Z".parse().expect("an instant"), berlin.time_zone, Some(date("2026-03-10")), &berlin);
        assert_eq!(stated.expect("a moment").on, date("2026-03-10"));
        assert!(
            on_stated_day("2026-03-10T23:30:00Z".parse().expect("an instant"), berlin.time_zone, Some(date("2026-03-13")), &berlin)
                .is_err()
        );
    }

    #[test]
    fn meals_are_called_as_hale_calls_them() {
        for (typed, meal) in
            [("Snacks", "snack"), ("Frühstück", "breakfast"), ("Supper", "dinner"), ("Second Breakfast", "second breakfast")]
        {
            assert_eq!(meal_named(typed, &[]), meal);
        }
    }
}
