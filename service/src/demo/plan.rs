//! A day of someone of the household, planned from a profile and chance alone, as the inputs of the diaries.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use entity::{
    food_diary::EntryStatus,
    id::{ExerciseId, FoodId, UserId},
};
use rust_decimal::Decimal;

use super::{
    chance::Chance,
    profile::{Activity, Dish, Life, Profile, Session, Trend},
};
use crate::{
    error::{Error, Result},
    exercise_diary::{NewExerciseEntry, NewSet},
    food_diary::NewFoodEntry,
    measurements::NewMeasurement,
};

/// How many days the diaries go back, today included.
pub const DAYS: i64 = 120;
/// The day on which goals and recipes change, counted from the first.
pub const HALF_WAY: i64 = DAYS / 2;

/// What the keys in the profiles stand for.
#[derive(Default)]
pub struct Known {
    /// Foods of the starter catalogue and people's own.
    pub foods: HashMap<String, FoodId>,
    /// Exercises of the starter catalogue.
    pub exercises: HashMap<String, ExerciseId>,
    /// The household by address.
    pub people: HashMap<&'static str, UserId>,
}

/// What is written down on one day.
#[derive(Debug)]
pub struct Day {
    /// Into the food diary.
    pub eaten: Vec<NewFoodEntry>,
    /// Into the exercise diary.
    pub trained: Vec<NewExerciseEntry>,
    /// As measurements.
    pub measured: Vec<NewMeasurement>,
}

impl Known {
    /// The food of this key.
    pub fn food(&self, key: &str) -> Result<FoodId> {
        let missing =
            || Error::conflict(format!("the food \"{key}\" of Hale's starter catalogue is missing: load the starter catalogue first"));
        self.foods.get(key).copied().ok_or_else(missing)
    }

    /// The exercise of this key.
    pub fn exercise(&self, key: &str) -> Result<ExerciseId> {
        let missing =
            || Error::conflict(format!("the exercise \"{key}\" of Hale's starter catalogue is missing: load the starter catalogue first"));
        self.exercises.get(key).copied().ok_or_else(missing)
    }

    fn person(&self, email: &str) -> Result<UserId> {
        self.people.get(email).copied().ok_or_else(|| Error::internal(format!("{email} is not of the demo household")))
    }
}

impl Day {
    /// The day of this number, counted from the first, on this date.
    pub fn of(profile: &Profile, known: &Known, number: i64, date: NaiveDate) -> Result<Self> {
        let mut chance = Chance::of(profile.seed, number);
        let place = Place::of(profile, number, date);
        Ok(Self {
            measured: place.measured(profile, number, &mut chance),
            trained: place.trained(known, number, &mut chance)?,
            eaten: place.eaten(profile, known, number, &mut chance)?,
        })
    }

    /// The part of the day that has happened by `now`.
    pub fn until(mut self, now: DateTime<Utc>) -> Self {
        self.eaten.retain(|entry| entry.consumed_at.is_some_and(|at| at <= now));
        self.trained.retain(|entry| entry.performed_at.is_some_and(|at| at <= now));
        self.measured.retain(|entry| entry.measured_at.is_some_and(|at| at <= now));
        self
    }
}

/// Where a day is spent, and what life is like there.
struct Place<'a> {
    date: NaiveDate,
    zone: Tz,
    /// The zone, where it is not that of the person's home.
    away: Option<Tz>,
    life: &'a Life,
}

impl<'a> Place<'a> {
    fn of(profile: &'a Profile, number: i64, date: NaiveDate) -> Self {
        match profile.trip.as_ref().filter(|trip| trip.days.contains(&number)) {
            Some(trip) => Self { date, zone: trip.zone, away: Some(trip.zone), life: &trip.life },
            None => Self { date, zone: profile.home, away: None, life: &profile.life },
        }
    }

    fn at(&self, minute: i64) -> DateTime<Utc> {
        instant(self.zone, self.date, minute)
    }

    fn is_weekend(&self) -> bool {
        matches!(self.date.weekday(), Weekday::Sat | Weekday::Sun)
    }

    fn eaten(&self, profile: &Profile, known: &Known, number: i64, chance: &mut Chance) -> Result<Vec<NewFoodEntry>> {
        let mut eaten = Vec::new();
        // The last days are what a visitor looks at first.
        let forgotten = chance.happens(4) && number < DAYS - 3;
        for meal in self.life.meals.iter().filter(|_| !forgotten) {
            let (at, dishes) = if self.is_weekend() { (meal.at_weekend, meal.dishes_at_weekend) } else { (meal.at, meal.dishes) };
            let at = self.at(at + chance.within(-20, 20));
            let skipped = chance.happens(meal.skipped);
            if let Some(dish) = chance.pick(dishes).filter(|_| !skipped) {
                eaten.extend(self.served(dish, meal.name, at, None, known, chance)?);
            }
        }
        for cooked in profile.cooked.iter().filter(|cooked| cooked.day == number) {
            let eater = Some(known.person(cooked.eater)?);
            eaten.extend(self.served(cooked.dish, "dinner", self.at(cooked.at), eater, known, chance)?);
        }
        Ok(eaten)
    }

    fn served(
        &self,
        dish: Dish,
        meal: &str,
        at: DateTime<Utc>,
        person: Option<UserId>,
        known: &Known,
        chance: &mut Chance,
    ) -> Result<Vec<NewFoodEntry>> {
        let entry = |(food, amount, unit): &(&str, i64, &str)| {
            Ok(NewFoodEntry {
                id: None,
                person,
                food: known.food(food)?,
                quantity: helping(*amount, unit, chance),
                unit: (*unit).to_owned(),
                meal_type: meal.to_owned(),
                consumed_at: Some(at),
                date: None,
                time_zone: self.away,
                status: EntryStatus::Eaten,
                note: None,
            })
        };
        dish.iter().map(entry).collect()
    }

    fn trained(&self, known: &Known, number: i64, chance: &mut Chance) -> Result<Vec<NewExerciseEntry>> {
        let mut trained = Vec::new();
        for session in self.life.training.iter().filter(|session| session.on.contains(&self.date.weekday())) {
            if !chance.happens(session.skipped) {
                trained.extend(self.session(session, known, number / 7, chance)?);
            }
        }
        Ok(trained)
    }

    fn session(&self, session: &Session, known: &Known, week: i64, chance: &mut Chance) -> Result<Vec<NewExerciseEntry>> {
        let mut minute = session.at + chance.within(-15, 15);
        let mut note = chance.pick(NOTES).filter(|_| chance.happens(12));
        let entry = |activity: &Activity| {
            let done = Done::of(activity, week, chance);
            let at = self.at(minute);
            minute += done.tenths_of_minutes / 10 + 3;
            Ok(NewExerciseEntry {
                id: None,
                person: None,
                exercise: known.exercise(activity.exercise())?,
                duration_minutes: Some(Decimal::new(done.tenths_of_minutes, 1)),
                calories_burned: done.calories.map(Decimal::from),
                distance: done.distance.map(|(distance, _)| distance),
                distance_unit: done.distance.map(|(_, unit)| unit.to_owned()),
                sets: done.sets,
                average_heart_rate: None,
                max_heart_rate: None,
                workout: None,
                workout_position: None,
                superset_group: None,
                notes: note.take().map(str::to_owned),
                performed_at: Some(at),
                time_zone: self.away,
            })
        };
        session.activities.iter().map(entry).collect()
    }

    fn measured(&self, profile: &Profile, number: i64, chance: &mut Chance) -> Vec<NewMeasurement> {
        let body = &profile.body;
        let at = self.at(body.wakes_at + if self.is_weekend() { 75 } else { 0 } + chance.within(-10, 10));
        let mut taken = Vec::new();
        let mut take = |kind: &str, value: Decimal, unit: &str| {
            taken.push(NewMeasurement {
                id: None,
                person: None,
                kind: kind.to_owned(),
                value,
                unit: unit.to_owned(),
                measured_at: Some(at),
                time_zone: self.away,
            });
        };
        // Salt and late dinners show on Monday.
        let after_weekend = if self.date.weekday() == Weekday::Mon { body.weight.noise / 2 } else { 0 };
        let weight = body.weight.on(number, chance) + after_weekend;
        // Scales and tape stay at home.
        if chance.happens(86) && self.away.is_none() {
            take("weight", Decimal::new(weight, 1), body.weight_unit);
        }
        if self.date.weekday() == Weekday::Sun && self.away.is_none() {
            take("waist", Decimal::new(body.waist.on(number, chance), 1), body.waist_unit);
            take("body_fat", Decimal::new(body.body_fat.on(number, chance), 1), "%");
        }
        let rate = body.resting_heart_rate.on(number, chance);
        if chance.happens(body.takes_heart_rate) {
            take("resting_heart_rate", Decimal::from(rate), "bpm");
        }
        taken
    }
}

const NOTES: &[&str] = &[
    "Felt strong today.",
    "Tired after a short night, took it easy.",
    "Left knee a little stiff, warmed up longer.",
    "New personal best?",
];

/// What came of an activity.
#[derive(Default)]
struct Done {
    tenths_of_minutes: i64,
    calories: Option<i64>,
    distance: Option<(Decimal, &'static str)>,
    sets: Vec<NewSet>,
}

impl Done {
    fn of(activity: &Activity, week: i64, chance: &mut Chance) -> Self {
        match *activity {
            Activity::Lift { minutes, sets, reps, weight, gain, .. } => {
                // Every fourth week is an easy one.
                let percent = if week % 4 == 3 { 90 } else { 100 };
                let weight = (weight + gain * week) * percent / 100;
                let warmup = lifted("warmup", reps + 2, Some(weight / 2));
                let working = (0..sets).map(|set| lifted("working", reps - chance.within(0, i64::from(set > 1)), Some(weight)));
                Self { sets: std::iter::once(warmup).chain(working).collect(), ..Self::lasting(minutes, chance) }
            }
            Activity::Bodyweight { minutes, sets, reps, .. } => {
                let sets = (0..sets).map(|set| lifted("working", reps + week / 2 - set.min(2) + chance.within(0, 1), None));
                Self { sets: sets.collect(), ..Self::lasting(minutes, chance) }
            }
            Activity::Distance { tenths, gain, unit, pace, watch, .. } => {
                let tenths = tenths + gain * week + chance.within(-2, 2);
                let seconds = tenths * (pace - 2 * week + chance.within(-9, 9)) / 10;
                Self {
                    tenths_of_minutes: seconds / 6,
                    calories: watch.map(|a_minute| seconds * a_minute / 60 + chance.within(-15, 15)),
                    distance: Some((Decimal::new(tenths, 1), unit)),
                    ..Self::default()
                }
            }
            Activity::Time { minutes, .. } => Self::lasting(minutes, chance),
        }
    }

    fn lasting(minutes: i64, chance: &mut Chance) -> Self {
        Self { tenths_of_minutes: 10 * (minutes + chance.within(-2, 3)), ..Self::default() }
    }
}

/// A set; `weight` in tenths of a kilogram, brought down to what plates of 1.25 kg on either side make.
fn lifted(kind: &str, reps: i64, weight: Option<i64>) -> NewSet {
    NewSet {
        reps: i32::try_from(reps).ok(),
        weight: weight.map(|tenths| Decimal::new(tenths / 25 * 25, 1)),
        weight_unit: None,
        kind: Some(kind.to_owned()),
        ..NewSet::default()
    }
}

/// What somebody who aims at `amount` puts on the plate. Slices and pieces come whole, the rest is weighed.
fn helping(amount: i64, unit: &str, chance: &mut Chance) -> Decimal {
    match unit {
        "g" | "ml" => Decimal::from((amount * chance.within(88, 112) / 100).max(1)),
        "oz" => Decimal::new(amount * 10 + chance.within(-6, 6), 1),
        _ => Decimal::from(amount),
    }
}

impl Trend {
    fn on(self, number: i64, chance: &mut Chance) -> i64 {
        self.from + (self.to - self.from) * number / (DAYS - 1) + chance.within(-self.noise, self.noise)
    }
}

/// The instant at which a wall clock shows this minute of that date. Where the clock was put forward over it, an hour later;
/// where it shows it twice, the first time.
fn instant(zone: Tz, date: NaiveDate, minute: i64) -> DateTime<Utc> {
    let local = date.and_time(NaiveTime::MIN) + TimeDelta::minutes(minute);
    let shown = |local: NaiveDateTime| zone.from_local_datetime(&local).earliest();
    shown(local).or_else(|| shown(local + TimeDelta::hours(1))).map_or_else(|| local.and_utc(), |at| at.to_utc())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{
        super::{HOUSEHOLD, ann::ANN, ben::BEN, carla::CARLA},
        *,
    };
    use crate::day::Calendar;

    fn known() -> Known {
        let id = |key: &str| Uuid::from_u128(key.bytes().fold(0, |id, byte| id * 31 + u128::from(byte)));
        Known {
            foods: HOUSEHOLD.iter().flat_map(|profile| profile.foods_eaten()).map(|key| (key.to_owned(), FoodId(id(key)))).collect(),
            exercises: HOUSEHOLD.iter().flat_map(|who| who.exercises_done()).map(|key| (key.to_owned(), ExerciseId(id(key)))).collect(),
            people: HOUSEHOLD.iter().map(|profile| (profile.email, UserId(id(profile.email)))).collect(),
        }
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    /// All days up to this one, oldest first.
    fn diary(profile: &Profile, last: &str) -> Vec<(NaiveDate, Day)> {
        let known = known();
        let on = |number: i64| date(last) - TimeDelta::days(DAYS - 1 - number);
        (0..DAYS).map(|number| (on(number), Day::of(profile, &known, number, on(number)).expect("everything is known"))).collect()
    }

    #[test]
    fn the_same_day_is_planned_the_same() {
        for profile in HOUSEHOLD {
            assert_eq!(format!("{:?}", diary(profile, "2026-05-01")), format!("{:?}", diary(profile, "2026-05-01")));
            assert_ne!(format!("{:?}", diary(profile, "2026-05-01")), format!("{:?}", diary(profile, "2026-05-02")));
        }
    }

    #[test]
    fn everything_counts_for_the_day_it_was_planned_on() {
        // Spring and autumn: the days on which the clocks change in Berlin, London and New York are among them.
        for (profile, last) in HOUSEHOLD.into_iter().flat_map(|profile| [(profile, "2026-05-01"), (profile, "2026-12-01")]) {
            let calendar =
                Calendar { time_zone: profile.home, day_starts_at: format!("{}:00", profile.day_starts_at).parse().expect("a time") };
            for (on, day) in diary(profile, last) {
                let eaten = day.eaten.iter().map(|entry| (entry.consumed_at, entry.time_zone));
                let trained = day.trained.iter().map(|entry| (entry.performed_at, entry.time_zone));
                let measured = day.measured.iter().map(|entry| (entry.measured_at, entry.time_zone));
                for (at, zone) in eaten.chain(trained).chain(measured) {
                    assert_eq!(calendar.day_of(at.expect("an instant"), zone.unwrap_or(profile.home)), on, "{}", profile.full_name);
                }
            }
        }
    }

    #[test]
    fn a_week_away_is_lived_there() {
        let days = diary(&BEN, "2026-05-01");
        let away = |day: &Day| day.eaten.iter().any(|entry| entry.time_zone == Some(Tz::America__New_York));
        assert_eq!(days.iter().filter(|(_, day)| away(day)).count(), 7);
        assert!(days[75..82].iter().all(|(_, day)| day.measured.iter().all(|taken| taken.kind != "weight")));
    }

    #[test]
    fn weights_on_the_bar_grow() {
        let heaviest = |days: &[(NaiveDate, Day)]| {
            days.iter().flat_map(|(_, day)| &day.trained).flat_map(|entry| &entry.sets).filter_map(|set| set.weight).max()
        };
        let days = diary(&BEN, "2026-05-01");
        assert!(heaviest(&days[..30]) < heaviest(&days[90..]));
    }

    #[test]
    fn what_has_not_happened_yet_is_left_out() {
        let (on, day) = diary(&ANN, "2026-05-01").pop().expect("today");
        let noon = instant(ANN.home, on, 12 * 60);
        let before_noon = day.until(noon);
        assert!(!before_noon.eaten.is_empty() && before_noon.eaten.iter().all(|entry| entry.consumed_at <= Some(noon)));
    }

    #[test]
    fn an_hour_that_does_not_exist_is_the_next_one() {
        let at = |zone, text, hour: i64| instant(zone, date(text), hour * 60 + 30).to_rfc3339();
        assert_eq!(at(Tz::Europe__Berlin, "2026-03-29", 2), "2026-03-29T01:30:00+00:00");
        assert_eq!(at(Tz::Europe__Berlin, "2026-10-25", 2), "2026-10-25T00:30:00+00:00");
        assert_eq!(at(CARLA.home, "2026-03-28", 25), "2026-03-29T01:30:00+00:00");
    }
}
