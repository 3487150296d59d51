//! The exercise diary: days, their entries, and logging.

use async_graphql::{ComplexObject, Context, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::NaiveDate;
use entity::{
    exercise_sets,
    family_access::AccessType,
    id::{ExerciseEntryId, ExerciseId, UserId, WorkoutId},
};
use service::{
    access::Tx,
    day, exercise_diary, exercise_energy, one_rep_max, pace,
    workouts::{self, LastTime},
};

use super::{
    error::{Error, Result},
    exercise_energy::{CaloriesExplanation, CaloriesMethod},
    exercises::Exercise,
    foods::DeleteInput,
    person::Person,
    personal_records::{self, OneRepMaxFormula, PersonalRecord},
    scalars::{CheckOption, CheckPatch, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{loaders, nullable, scope},
    workouts::Workout,
};

/// What a person trained on a day.
pub struct ExerciseDay {
    date: NaiveDate,
    entries: Vec<exercise_diary::ExerciseEntry>,
    workouts: Vec<Workout>,
}

impl ExerciseDay {
    /// The day `date`.
    pub async fn on(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Self> {
        let workouts = workouts::between(tx, person, date, date).await?;
        Ok(Self {
            date,
            entries: exercise_diary::between(tx, person, date, date).await?,
            workouts: workouts.into_iter().map(|workout| Workout::of(tx, workout)).collect(),
        })
    }
}

/// What a person trained on a day.
#[Object]
impl ExerciseDay {
    /// The day, as the person's zone and start of day cut it.
    async fn date(&self) -> Date {
        Date(self.date)
    }

    /// What was done, in that order.
    async fn entries(&self) -> Vec<ExerciseEntry> {
        self.entries.iter().cloned().map(ExerciseEntry).collect()
    }

    /// The workouts that began on it, in that order.
    async fn workouts(&self) -> &[Workout] {
        &self.workouts
    }

    /// The energy that the entries took in kcal, of what is known; null when nothing is.
    async fn calories_burned(&self) -> Option<Decimal> {
        exercise_diary::calories_burned(&self.entries).map(Decimal)
    }
}

/// Something trained.
pub struct ExerciseEntry(pub exercise_diary::ExerciseEntry);

/// Something trained.
#[Object]
impl ExerciseEntry {
    /// Identifies the entry in this person's diary.
    async fn id(&self) -> Uuid {
        Uuid(self.0.row.id.0)
    }

    /// The exercise as it is today; null when it was deleted or is not visible.
    async fn exercise(&self, ctx: &Context<'_>) -> Option<Result<Exercise>> {
        let exercise = self.0.row.exercise_id?;
        loaders(ctx).load_one(exercise).await.map(|exercise| exercise.map(Exercise)).transpose()
    }

    /// The exercise's name when it was logged.
    async fn name(&self) -> &str {
        &self.0.row.exercise_name
    }

    /// How long, in minutes.
    async fn duration_minutes(&self) -> Option<Decimal> {
        self.0.row.duration_minutes.map(Decimal)
    }

    /// How far, as typed.
    async fn distance(&self) -> Option<Decimal> {
        self.0.row.distance.map(Decimal)
    }

    /// The unit of `distance`.
    async fn distance_unit(&self) -> Option<&str> {
        self.0.row.distance_unit.as_deref()
    }

    /// The sets, in order.
    async fn sets(&self) -> Vec<ExerciseSet> {
        let set = |set| ExerciseSet { set, body_load: self.0.row.body_load_kg };
        self.0.sets.iter().cloned().map(set).collect()
    }

    /// Repetitions times load of its sets, warm-ups apart, in kg.
    async fn volume_kg(&self) -> Decimal {
        Decimal(exercise_diary::volume(std::slice::from_ref(&self.0)))
    }

    /// How fast it was, by its distance and duration; null where one of them is not known.
    async fn pace(&self) -> Option<Pace> {
        let seconds = self.0.row.duration_minutes? * rust_decimal::Decimal::from(60);
        pace::Pace::of(self.0.row.distance_m?, seconds).map(Pace::from)
    }

    /// Heartbeats per minute, on average.
    async fn average_heart_rate(&self) -> Option<i32> {
        self.0.row.average_heart_rate
    }

    /// The highest heart rate, in beats per minute.
    async fn max_heart_rate(&self) -> Option<i32> {
        self.0.row.max_heart_rate
    }

    /// The part of the body weight that the exercise moves, in kg, by the weight then; null where the exercise moves none of it, or no
    /// weight was known. Sets of body weight load this and what they add.
    async fn body_load_kg(&self) -> Option<Decimal> {
        self.0.row.body_load_kg.map(Decimal)
    }

    /// The workout that it is a part of.
    async fn workout_id(&self) -> Option<Uuid> {
        self.0.row.workout_id.map(|workout| Uuid(workout.0))
    }

    /// Its place in the workout, from 0.
    async fn workout_position(&self) -> Option<i32> {
        self.0.row.workout_position
    }

    /// What was done of this exercise the last time before, in another workout; null the first time.
    async fn last_time(&self, ctx: &Context<'_>) -> Option<Result<ExerciseEntry>> {
        let row = &self.0.row;
        let last_time = LastTime {
            person: row.user_id,
            exercise: row.exercise_id?,
            before: row.performed_at,
            entry: Some(row.id),
            workout: row.workout_id,
        };
        loaders(ctx).load_one(last_time).await.map(|entry| entry.map(ExerciseEntry)).transpose()
    }

    /// Exercises of a workout with the same number are a superset: they are done in turns.
    async fn superset_group(&self) -> Option<i32> {
        self.0.row.superset_group
    }

    /// Energy in kcal, resting energy of that time included: as a device said, else by heart rate, else by MET; null where it is unknown.
    async fn calories_burned(&self) -> Option<Decimal> {
        self.0.row.calories_burned.map(Decimal)
    }

    /// What `caloriesBurned` was found by; null where it is unknown.
    async fn calories_method(&self) -> Option<CaloriesMethod> {
        exercise_energy::of_entry(&self.0.row).method.map(Into::into)
    }

    /// Energy in kcal beyond resting; null where that is unknown.
    async fn calories_net(&self) -> Option<Decimal> {
        exercise_energy::of_entry(&self.0.row).net.map(Decimal)
    }

    /// How `caloriesBurned` was found: formula, what went in, and why not by a better one.
    async fn explain_calories(&self) -> CaloriesExplanation {
        exercise_energy::of_entry(&self.0.row).into()
    }

    /// Free text.
    async fn notes(&self) -> Option<&str> {
        self.0.row.notes.as_deref()
    }

    /// When it was done.
    async fn performed_at(&self) -> DateTime {
        DateTime(self.0.row.performed_at)
    }

    /// The zone it was done in.
    async fn time_zone(&self) -> Result<TimeZone> {
        Ok(TimeZone(day::zone("timeZone", &self.0.row.time_zone)?))
    }

    /// The day it counts for, fixed when it was logged.
    async fn date(&self) -> Date {
        Date(self.0.row.performed_on)
    }

    /// Who logged it, when someone else did.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let writer = self.0.row.created_by.filter(|writer| *writer != self.0.row.user_id)?;
        Some(Person::known_as(ctx, writer).await)
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.row.version
    }
}

/// How fast something was.
#[derive(SimpleObject)]
pub struct Pace {
    /// Seconds that a kilometre took, to three decimals.
    seconds_per_kilometre: Decimal,
    /// Seconds that a mile took, to three decimals.
    seconds_per_mile: Decimal,
    /// Speed in km/h, to four decimals.
    kilometres_per_hour: Decimal,
    /// Speed in mi/h, to four decimals.
    miles_per_hour: Decimal,
}

impl From<pace::Pace> for Pace {
    fn from(pace: pace::Pace) -> Self {
        Self {
            seconds_per_kilometre: Decimal(pace.seconds_per_kilometre),
            seconds_per_mile: Decimal(pace.seconds_per_mile),
            kilometres_per_hour: Decimal(pace.kilometres_per_hour),
            miles_per_hour: Decimal(pace.miles_per_hour),
        }
    }
}

/// A set.
pub struct ExerciseSet {
    /// As it was logged.
    pub set: exercise_sets::Model,
    /// What the exercise moves of the body weight, in kg.
    pub body_load: Option<rust_decimal::Decimal>,
}

/// A set.
#[Object]
impl ExerciseSet {
    /// Repetitions.
    async fn reps(&self) -> Option<i32> {
        self.set.reps
    }

    /// Weight, as typed.
    async fn weight(&self) -> Option<Decimal> {
        self.set.weight.map(Decimal)
    }

    /// The unit of `weight`.
    async fn weight_unit(&self) -> Option<&str> {
        self.set.weight_unit.as_deref()
    }

    /// working, warmup, drop or failure.
    async fn kind(&self) -> &str {
        &self.set.kind
    }

    /// What `weight` means: weighted (it is the load), bodyweight (it comes on top of the body weight that is moved), or assisted (it is
    /// taken off that).
    async fn load_kind(&self) -> &str {
        &self.set.load_kind
    }

    /// Whether `weight` is what one hand holds, of two.
    async fn per_hand(&self) -> bool {
        self.set.per_hand
    }

    /// What was moved in each repetition, in kg: the weight, of both hands, and the part of the body weight; null where it is not known.
    async fn load_kg(&self) -> Option<Decimal> {
        exercise_diary::load(&self.set, self.body_load).map(Decimal)
    }

    /// What could have been lifted once, in kg; null without a load, and for a warm-up. From more than 12 repetitions it is hardly more
    /// than a guess, and makes no record.
    async fn estimated_one_rep_max_kg(&self, #[graphql(desc = "The formula.", default)] formula: OneRepMaxFormula) -> Option<Decimal> {
        let load = exercise_diary::load(&self.set, self.body_load).filter(|_| self.set.kind != "warmup")?;
        one_rep_max::Formula::from(formula).estimate(load, self.set.reps?).map(|estimate| Decimal(estimate.weight))
    }

    /// How long, in seconds.
    async fn duration_seconds(&self) -> Option<Decimal> {
        self.set.duration_seconds.map(Decimal)
    }

    /// How far, as typed.
    async fn distance(&self) -> Option<Decimal> {
        self.set.distance.map(Decimal)
    }

    /// The unit of `distance`.
    async fn distance_unit(&self) -> Option<&str> {
        self.set.distance_unit.as_deref()
    }

    /// How fast it was, by its distance and duration; null where one of them is not known.
    async fn pace(&self) -> Option<Pace> {
        pace::Pace::of(self.set.distance_m?, self.set.duration_seconds?).map(Pace::from)
    }

    /// Rest after it, in seconds.
    async fn rest_seconds(&self) -> Option<i32> {
        self.set.rest_seconds
    }

    /// Rate of perceived exertion: 10 is all that one can.
    async fn rpe(&self) -> Option<Decimal> {
        self.set.rpe.map(Decimal)
    }

    /// Repetitions in reserve: how many more could have been done.
    async fn rir(&self) -> Option<i32> {
        self.set.rir
    }

    /// Free text.
    async fn notes(&self) -> Option<&str> {
        self.set.notes.as_deref()
    }
}

/// A set.
#[derive(InputObject)]
pub struct ExerciseSetInput {
    /// Repetitions, 0 to 10000.
    reps: Option<i32>,
    /// Weight, at most 3 decimals.
    weight: Option<Unchecked<Decimal>>,
    /// The unit of `weight`; kg when absent.
    weight_unit: Option<String>,
    /// working, warmup, drop or failure; working when absent.
    kind: Option<String>,
    /// What `weight` means: weighted (it is the load), bodyweight (it comes on top of the body weight that is moved), or assisted (it is
    /// taken off that). When absent, bodyweight for an exercise with a `bodyWeightFraction`, weighted for any other.
    load_kind: Option<String>,
    /// Whether `weight` is what one hand holds, of two; false when absent.
    per_hand: Option<bool>,
    /// How long, in seconds: 0.001 to 604800.
    duration_seconds: Option<Unchecked<Decimal>>,
    /// How far.
    distance: Option<Unchecked<Decimal>>,
    /// The unit of `distance`: km, mi, m, …
    distance_unit: Option<String>,
    /// Rest after it, in seconds: 0 to 86400.
    rest_seconds: Option<i32>,
    /// Rate of perceived exertion: 1 to 10, in halves.
    rpe: Option<Unchecked<Decimal>>,
    /// Repetitions in reserve, 0 to 10.
    rir: Option<i32>,
    /// Free text.
    notes: Option<String>,
}

fn sets(inputs: Vec<ExerciseSetInput>) -> Result<Vec<exercise_diary::NewSet>> {
    let set = |(position, input): (usize, ExerciseSetInput)| {
        let number = |name: &str, value: Option<Unchecked<Decimal>>| {
            Ok::<_, Error>(value.check(&format!("sets[{position}].{name}"))?.map(|value| value.0))
        };
        Ok::<_, Error>(exercise_diary::NewSet {
            reps: input.reps,
            weight: number("weight", input.weight)?,
            weight_unit: input.weight_unit,
            kind: input.kind,
            load_kind: input.load_kind,
            per_hand: input.per_hand,
            duration_seconds: number("durationSeconds", input.duration_seconds)?,
            distance: number("distance", input.distance)?,
            distance_unit: input.distance_unit,
            rest_seconds: input.rest_seconds,
            rpe: number("rpe", input.rpe)?,
            rir: input.rir,
            notes: input.notes,
        })
    };
    inputs.into_iter().enumerate().map(set).collect()
}

/// Something trained.
#[derive(InputObject)]
pub struct LogExerciseInput {
    /// Made by the client, so that a repeated request logs nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose diary; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What was done.
    exercise_id: Unchecked<Uuid>,
    /// How long, in minutes.
    duration_minutes: Option<Unchecked<Decimal>>,
    /// Energy in kcal as a device says; when absent it is estimated from MET and weight.
    calories_burned: Option<Unchecked<Decimal>>,
    /// How far.
    distance: Option<Unchecked<Decimal>>,
    /// The unit of `distance`: km, mi, m, …
    distance_unit: Option<String>,
    /// Sets, in order.
    sets: Option<Vec<ExerciseSetInput>>,
    /// Heartbeats per minute, on average: 20 to 300.
    average_heart_rate: Option<i32>,
    /// The highest heart rate, in beats per minute: 20 to 300.
    max_heart_rate: Option<i32>,
    /// The workout that it is a part of.
    workout_id: Option<Unchecked<Uuid>>,
    /// Its place in the workout, from 0; the last when absent.
    workout_position: Option<i32>,
    /// Exercises of a workout with the same number, 1 to 100, are a superset.
    superset_group: Option<i32>,
    /// Free text.
    notes: Option<String>,
    /// When; now when absent.
    performed_at: Option<Unchecked<DateTime>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
}

/// What is to change of an entry. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateExerciseEntryInput {
    /// Which entry.
    id: Unchecked<Uuid>,
    /// Whose diary; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// How long, in minutes.
    duration_minutes: MaybeUndefined<Unchecked<Decimal>>,
    /// Energy in kcal as a device says; cleared, it is estimated again.
    calories_burned: MaybeUndefined<Unchecked<Decimal>>,
    /// How far.
    distance: MaybeUndefined<Unchecked<Decimal>>,
    /// The unit of `distance`.
    distance_unit: MaybeUndefined<String>,
    /// Replaces all sets.
    sets: MaybeUndefined<Vec<ExerciseSetInput>>,
    /// Heartbeats per minute, on average: 20 to 300.
    average_heart_rate: MaybeUndefined<i32>,
    /// The highest heart rate, in beats per minute: 20 to 300.
    max_heart_rate: MaybeUndefined<i32>,
    /// The workout that it is a part of; null takes it out.
    workout_id: MaybeUndefined<Unchecked<Uuid>>,
    /// Its place in the workout, from 0; in another workout the last when absent.
    workout_position: Option<i32>,
    /// Exercises of a workout with the same number, 1 to 100, are a superset.
    superset_group: MaybeUndefined<i32>,
    /// Free text.
    notes: MaybeUndefined<String>,
    /// When; the day follows.
    performed_at: Option<Unchecked<DateTime>>,
    /// Where; the day follows.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Refuse with CONFLICT when the entry is at another version.
    expected_version: Option<i32>,
}

/// What was logged, and the day to draw.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct LogExercisePayload {
    /// The entry.
    entry: ExerciseEntry,
    /// The day it is on.
    day: ExerciseDay,
}

#[ComplexObject]
impl LogExercisePayload {
    /// The records that the entry made: what beats all that was done of the exercise before. The first time beats nothing.
    async fn new_records(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How one repetition is estimated from several.", default)] formula: OneRepMaxFormula,
    ) -> Result<Vec<PersonalRecord>> {
        let row = &self.entry.0.row;
        personal_records::made_by(ctx, row.user_id, row.exercise_id.as_slice(), &[row.id], formula).await
    }
}

/// The entry after the change, and the days to draw.
#[derive(SimpleObject)]
pub struct UpdateExerciseEntryPayload {
    /// The entry.
    entry: ExerciseEntry,
    /// The day it is on, and before that the one it was on if it moved.
    days: Vec<ExerciseDay>,
}

/// What is gone, and the day to draw.
#[derive(SimpleObject)]
pub struct DeleteExerciseEntryPayload {
    /// The id of the entry.
    deleted_id: Uuid,
    /// The day it was on.
    day: ExerciseDay,
}

/// Logging training.
#[derive(Default)]
pub struct ExerciseDiaryMutation;

#[Object]
impl ExerciseDiaryMutation {
    /// Logs something trained.
    async fn log_exercise(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What was done.")] input: LogExerciseInput,
    ) -> Option<Result<LogExercisePayload>> {
        nullable(async {
            let new = exercise_diary::NewExerciseEntry {
                id: input.id.check("id")?.map(|id| ExerciseEntryId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                exercise: ExerciseId(input.exercise_id.check("exerciseId")?.0),
                duration_minutes: input.duration_minutes.check("durationMinutes")?.map(|minutes| minutes.0),
                calories_burned: input.calories_burned.check("caloriesBurned")?.map(|calories| calories.0),
                distance: input.distance.check("distance")?.map(|distance| distance.0),
                distance_unit: input.distance_unit,
                sets: sets(input.sets.unwrap_or_default())?,
                average_heart_rate: input.average_heart_rate,
                max_heart_rate: input.max_heart_rate,
                workout: input.workout_id.check("workoutId")?.map(|id| WorkoutId(id.0)),
                workout_position: input.workout_position,
                superset_group: input.superset_group,
                notes: input.notes,
                performed_at: input.performed_at.check("performedAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
            };
            let tx = scope(ctx).write().await?;
            let entry = exercise_diary::log(&tx, new).await?;
            let day = ExerciseDay::on(&tx, entry.row.user_id, entry.row.performed_on).await?;
            scope(ctx).note_read(entry.row.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(LogExercisePayload { entry: ExerciseEntry(entry), day })
        })
        .await
    }

    /// Changes an entry.
    async fn update_exercise_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateExerciseEntryInput,
    ) -> Option<Result<UpdateExerciseEntryPayload>> {
        nullable(async {
            let id = ExerciseEntryId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = exercise_diary::ExerciseEntryChange {
                duration_minutes: input
                    .duration_minutes
                    .check("durationMinutes")?
                    .map(|duration_minutes| duration_minutes.map(|duration_minutes| duration_minutes.0)),
                calories_burned: input
                    .calories_burned
                    .check("caloriesBurned")?
                    .map(|calories_burned| calories_burned.map(|calories_burned| calories_burned.0)),
                distance: input.distance.check("distance")?.map(|distance| distance.map(|distance| distance.0)),
                distance_unit: input.distance_unit.into(),
                sets: Option::<Option<_>>::from(input.sets).map(|replaced| sets(replaced.unwrap_or_default())).transpose()?,
                average_heart_rate: input.average_heart_rate.into(),
                max_heart_rate: input.max_heart_rate.into(),
                workout: input.workout_id.check("workoutId")?.map(|workout| workout.map(|id| WorkoutId(id.0))),
                workout_position: input.workout_position,
                superset_group: input.superset_group.into(),
                notes: input.notes.into(),
                performed_at: input.performed_at.check("performedAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let (entry, before) = exercise_diary::update(&tx, person, id, change).await?;
            let mut days = Vec::new();
            if before != entry.row.performed_on {
                days.push(ExerciseDay::on(&tx, entry.row.user_id, before).await?);
            }
            days.push(ExerciseDay::on(&tx, entry.row.user_id, entry.row.performed_on).await?);
            scope(ctx).note_read(entry.row.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(UpdateExerciseEntryPayload { entry: ExerciseEntry(entry), days })
        })
        .await
    }

    /// Takes an entry out of the diary.
    async fn delete_exercise_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which entry.")] input: DeleteInput,
    ) -> Option<Result<DeleteExerciseEntryPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let (person, date) = exercise_diary::delete(&tx, person, ExerciseEntryId(id.0), input.expected_version).await?;
            let day = ExerciseDay::on(&tx, person, date).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(DeleteExerciseEntryPayload { deleted_id: id, day })
        })
        .await
    }
}
