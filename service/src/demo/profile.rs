//! What there is to know about someone of the demo household. Amounts are whole numbers of the stated part of a unit, so that
//! the tables read well and no float takes part.

use std::ops::Range;

use chrono::Weekday;
use chrono_tz::Tz;
use entity::user_preferences::UnitsSystem;
use rust_decimal::Decimal;

use crate::nutrition::Headline;

/// Someone of the household.
pub struct Profile {
    /// Sets the person's chance apart from the others'.
    pub seed: u64,
    /// How others see the person.
    pub full_name: &'static str,
    /// What the person signs in with.
    pub email: &'static str,
    /// Where the person lives.
    pub home: Tz,
    /// In which units the person thinks.
    pub units: UnitsSystem,
    /// When the person's day starts, "HH:MM".
    pub day_starts_at: &'static str,
    /// What the person aims at.
    pub aims: &'static [Aim],
    /// The person's own foods.
    pub foods: &'static [OwnFood],
    /// The person's body.
    pub body: Body,
    /// An ordinary week.
    pub life: Life,
    /// A week elsewhere.
    pub trip: Option<Trip>,
    /// What the person cooked for somebody else, and logged for them.
    pub cooked: &'static [Cooked],
}

/// A daily or long-term goal, set on the first day and perhaps again half-way.
pub struct Aim {
    /// calorie_target, weight, …
    pub kind: &'static str,
    /// What is aimed at first.
    pub target: i64,
    /// What is aimed at from half-way on.
    pub target_later: Option<i64>,
    /// Unit of both.
    pub unit: &'static str,
    /// How many days from today it should be reached; `None` for a daily target.
    pub due_in_days: Option<i64>,
}

/// A food that its owner described, per 100 g or ml.
pub struct OwnFood {
    /// What dishes call it.
    pub key: &'static str,
    /// Name.
    pub name: &'static str,
    /// Brand.
    pub brand: Option<&'static str>,
    /// Barcode.
    pub barcode: Option<&'static str>,
    /// g or ml.
    pub unit: &'static str,
    /// What 100 of `unit` contain.
    pub contains: Contents,
    /// What they contain from half-way on.
    pub contains_later: Option<Contents>,
    /// Named amounts in `unit`.
    pub portions: &'static [(&'static str, i64)],
}

/// Tenths of kcal, of grams of protein, carbohydrates, fat, fibre and sugars, and of milligrams of sodium.
#[derive(Clone, Copy)]
pub struct Contents(pub [i64; 7]);

impl From<Contents> for Headline {
    fn from(Contents(tenths): Contents) -> Self {
        let [calories, protein, carbohydrates, fat, fiber, sugar, sodium] = tenths.map(|tenths| Some(Decimal::new(tenths, 1)));
        Self { calories, protein, carbohydrates, fat, fiber, sugar, sodium, nutrients: None }
    }
}

/// How the body changes from the first day to the last.
pub struct Body {
    /// Minute of the day at which the person steps on the scales.
    pub wakes_at: i64,
    /// Unit of `weight`.
    pub weight_unit: &'static str,
    /// Tenths of `weight_unit`.
    pub weight: Trend,
    /// Tenths of `waist_unit`.
    pub waist: Trend,
    /// Unit of `waist`.
    pub waist_unit: &'static str,
    /// Tenths of a percent.
    pub body_fat: Trend,
    /// Beats per minute.
    pub resting_heart_rate: Trend,
    /// On how many mornings of a hundred the heart rate is taken.
    pub takes_heart_rate: i64,
}

/// A value that goes from one to another, and how far a day is off that line at most.
#[derive(Clone, Copy)]
pub struct Trend {
    /// On the first day.
    pub from: i64,
    /// On the last day.
    pub to: i64,
    /// To either side.
    pub noise: i64,
}

/// What a week is made of.
pub struct Life {
    /// Meals in the order of the day.
    pub meals: &'static [Meal],
    /// Training.
    pub training: &'static [Session],
}

/// A meal of the day and what is eaten at it.
pub struct Meal {
    /// breakfast, lunch, dinner, snack or one's own.
    pub name: &'static str,
    /// Minute of the day; past midnight when more than 1,440.
    pub at: i64,
    /// The same at the weekend.
    pub at_weekend: i64,
    /// How many of a hundred are left out or not logged.
    pub skipped: i64,
    /// What is eaten from Monday to Friday.
    pub dishes: &'static [Dish],
    /// What is eaten at the weekend.
    pub dishes_at_weekend: &'static [Dish],
}

/// Foods by key, how much of each, and the unit or portion.
pub type Dish = &'static [(&'static str, i64, &'static str)];

/// Training that is done on some days of the week.
pub struct Session {
    /// On which.
    pub on: &'static [Weekday],
    /// Minute of the day.
    pub at: i64,
    /// How many of a hundred are missed.
    pub skipped: i64,
    /// What is done one after the other.
    pub activities: &'static [Activity],
}

/// A part of a training session.
pub enum Activity {
    /// Sets with a weight that grows from week to week.
    Lift {
        /// Key of the exercise.
        exercise: &'static str,
        /// How long it takes.
        minutes: i64,
        /// Working sets.
        sets: i64,
        /// Repetitions in each.
        reps: i64,
        /// Tenths of a kilogram in the first week.
        weight: i64,
        /// By how many tenths it grows in a week.
        gain: i64,
    },
    /// Sets against the body's own weight, of more and more repetitions.
    Bodyweight {
        /// Key of the exercise.
        exercise: &'static str,
        /// How long it takes.
        minutes: i64,
        /// Sets.
        sets: i64,
        /// Repetitions in each, in the first week.
        reps: i64,
    },
    /// A way that grows longer and is done faster from week to week.
    Distance {
        /// Key of the exercise.
        exercise: &'static str,
        /// Tenths of `unit` in the first week.
        tenths: i64,
        /// By how many tenths it grows in a week.
        gain: i64,
        /// Unit of length.
        unit: &'static str,
        /// Seconds for one of `unit` in the first week.
        pace: i64,
        /// kcal a minute, as a watch says; estimated by Hale when absent.
        watch: Option<i64>,
    },
    /// Just time.
    Time {
        /// Key of the exercise.
        exercise: &'static str,
        /// How long.
        minutes: i64,
    },
}

impl Activity {
    /// Key of the exercise.
    pub fn exercise(&self) -> &'static str {
        match self {
            Self::Lift { exercise, .. }
            | Self::Bodyweight { exercise, .. }
            | Self::Distance { exercise, .. }
            | Self::Time { exercise, .. } => exercise,
        }
    }
}

/// Days elsewhere.
pub struct Trip {
    /// Which, counted from the first.
    pub days: Range<i64>,
    /// Where.
    pub zone: Tz,
    /// How the person lives there.
    pub life: Life,
}

/// A dinner that one person logged for another.
pub struct Cooked {
    /// Which day, counted from the first.
    pub day: i64,
    /// Minute of the day.
    pub at: i64,
    /// The other's address.
    pub eater: &'static str,
    /// What there was.
    pub dish: Dish,
}

impl Profile {
    /// All that the person ever eats or cooks.
    pub fn dishes(&self) -> impl Iterator<Item = Dish> {
        let meals = self.lives().flat_map(|life| life.meals).flat_map(|meal| meal.dishes.iter().chain(meal.dishes_at_weekend));
        meals.copied().chain(self.cooked.iter().map(|cooked| cooked.dish))
    }

    /// The keys of the foods in them.
    pub fn foods_eaten(&self) -> impl Iterator<Item = &'static str> {
        self.dishes().flat_map(|dish| dish.iter()).map(|(food, ..)| *food)
    }

    /// The keys of all exercises that the person does.
    pub fn exercises_done(&self) -> impl Iterator<Item = &'static str> {
        self.lives().flat_map(|life| life.training).flat_map(|session| session.activities).map(Activity::exercise)
    }

    fn lives(&self) -> impl Iterator<Item = &Life> {
        std::iter::once(&self.life).chain(self.trip.as_ref().map(|trip| &trip.life))
    }
}
