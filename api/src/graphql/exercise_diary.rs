//! The exercise diary: days, their entries, and logging.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::NaiveDate;
use entity::{
    exercise_sets,
    family_access::AccessType,
    id::{ExerciseEntryId, ExerciseId, UserId},
};
use service::{access::Tx, day, exercise_diary, exercise_energy};

use super::{
    error::{Error, Result},
    exercise_energy::{CaloriesExplanation, CaloriesMethod},
    exercises::Exercise,
    foods::DeleteInput,
    person::Person,
    scalars::{CheckOption, CheckPatch, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{loaders, nullable, scope},
};

/// What a person trained on a day.
pub struct ExerciseDay {
    date: NaiveDate,
    entries: Vec<exercise_diary::ExerciseEntry>,
}

impl ExerciseDay {
    /// The day `date`.
    pub async fn on(tx: &Tx, person: UserId, date: NaiveDate) -> Result<Self> {
        Ok(Self { date, entries: exercise_diary::between(tx, person, date, date).await? })
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

    /// The energy that the entries took in kcal, of what is known; null when nothing is.
    async fn calories_burned(&self) -> Option<Decimal> {
        exercise_diary::calories_burned(&self.entries).map(Decimal)
    }
}

/// Something trained.
pub struct ExerciseEntry(exercise_diary::ExerciseEntry);

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
        self.0.sets.iter().cloned().map(ExerciseSet::from).collect()
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

/// A set.
#[derive(SimpleObject)]
pub struct ExerciseSet {
    /// Repetitions.
    reps: Option<i32>,
    /// Weight, as typed.
    weight: Option<Decimal>,
    /// The unit of `weight`.
    weight_unit: Option<String>,
    /// working, warmup, drop or failure.
    kind: String,
}

impl From<exercise_sets::Model> for ExerciseSet {
    fn from(set: exercise_sets::Model) -> Self {
        Self { reps: set.reps, weight: set.weight.map(Decimal), weight_unit: set.weight_unit, kind: set.kind }
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
}

fn sets(inputs: Vec<ExerciseSetInput>) -> Result<Vec<exercise_diary::NewSet>> {
    let set = |(position, input): (usize, ExerciseSetInput)| {
        let weight = input.weight.check(&format!("sets[{position}].weight"))?.map(|weight| weight.0);
        Ok::<_, Error>(exercise_diary::NewSet { reps: input.reps, weight, weight_unit: input.weight_unit, kind: input.kind })
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
pub struct LogExercisePayload {
    /// The entry.
    entry: ExerciseEntry,
    /// The day it is on.
    day: ExerciseDay,
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
