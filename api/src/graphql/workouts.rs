//! Workouts: sessions of several exercises, and what was done last time beside each.

use std::collections::HashMap;

use async_graphql::{ComplexObject, Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject, dataloader::Loader};
use entity::{
    family_access::AccessType,
    id::{TrainingProgrammeId, UserId, WorkoutId, WorkoutTemplateId},
    workouts as rows,
};
use service::{
    access::Tx,
    day,
    exercise_diary::{self, ExerciseEntry as Entry},
    workout_templates,
    workouts::{self, LastTime},
};

use super::{
    error::{Error, Result},
    exercise_diary::{ExerciseDay, ExerciseEntry},
    person::Person,
    personal_records::{self, OneRepMaxFormula, PersonalRecord},
    scalars::{CheckOption, Date, DateTime, Decimal, TimeZone, Unchecked, Uuid},
    scope::{Rows, loaders, nullable, scope},
    workout_templates::PlannedExercise,
};

/// A session of several exercises.
#[derive(Clone)]
pub struct Workout {
    row: rows::Model,
    now: chrono::DateTime<chrono::Utc>,
}

impl Workout {
    /// The workout of a row, as it is at the moment of this transaction.
    pub fn of(tx: &Tx, row: rows::Model) -> Self {
        Self { row, now: tx.now() }
    }
}

/// What a workout is doing.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum WorkoutStatus {
    /// Its clock runs.
    Running,
    /// It is paused.
    Paused,
    /// It has ended.
    Finished,
}

/// A session of several exercises.
#[Object]
impl Workout {
    /// Identifies the workout among this person's.
    async fn id(&self) -> Uuid {
        Uuid(self.row.id.0)
    }

    /// What it is called.
    async fn name(&self) -> Option<&str> {
        self.row.name.as_deref()
    }

    /// Free text.
    async fn notes(&self) -> Option<&str> {
        self.row.notes.as_deref()
    }

    /// What it is doing.
    async fn status(&self) -> WorkoutStatus {
        match (self.row.finished_at, self.row.paused_at) {
            (Some(_), _) => WorkoutStatus::Finished,
            (None, Some(_)) => WorkoutStatus::Paused,
            (None, None) => WorkoutStatus::Running,
        }
    }

    /// When it began.
    async fn started_at(&self) -> DateTime {
        DateTime(self.row.started_at)
    }

    /// The zone it began in.
    async fn time_zone(&self) -> Result<TimeZone> {
        Ok(TimeZone(day::zone("timeZone", &self.row.time_zone)?))
    }

    /// The day it counts for, fixed when it was started.
    async fn date(&self) -> Date {
        Date(self.row.started_on)
    }

    /// Since when it is paused.
    async fn paused_at(&self) -> Option<DateTime> {
        self.row.paused_at.map(DateTime)
    }

    /// When it ended.
    async fn finished_at(&self) -> Option<DateTime> {
        self.row.finished_at.map(DateTime)
    }

    /// Seconds from its beginning to its end, or until now while it runs.
    async fn elapsed_seconds(&self) -> Decimal {
        Decimal(workouts::seconds(&self.row, self.now).0)
    }

    /// The same without its pauses.
    async fn active_seconds(&self) -> Decimal {
        Decimal(workouts::seconds(&self.row, self.now).1)
    }

    /// What was done in it, in its order.
    async fn entries(&self, ctx: &Context<'_>) -> Result<Vec<ExerciseEntry>> {
        let entries = loaders(ctx).load_one(EntriesOf(self.row.user_id, self.row.id)).await?.unwrap_or_default();
        Ok(entries.into_iter().map(ExerciseEntry).collect())
    }

    /// What was planned when it was started, exercise by exercise, beside what was done; nothing for one without a plan.
    async fn plan(&self, ctx: &Context<'_>) -> Result<Vec<PlannedExercise>> {
        let plan = workout_templates::plan_of(&self.row)?;
        if plan.is_empty() {
            return Ok(Vec::new());
        }
        let entries = loaders(ctx).load_one(EntriesOf(self.row.user_id, self.row.id)).await?.unwrap_or_default();
        Ok(PlannedExercise::beside(self.row.user_id, plan, self.row.id, self.row.started_at, &entries))
    }

    /// The template that it was started from, while it exists.
    async fn template_id(&self) -> Option<Uuid> {
        self.row.template_id.map(|id| Uuid(id.0))
    }

    /// The programme that it is a day of, while it exists.
    async fn programme_id(&self) -> Option<Uuid> {
        self.row.programme_id.map(|id| Uuid(id.0))
    }

    /// Which of the programme's days it is, from 0.
    async fn programme_day(&self) -> Option<i32> {
        self.row.programme_day
    }

    /// The energy that its entries took in kcal, of what is known; null when nothing is.
    async fn calories_burned(&self, ctx: &Context<'_>) -> Result<Option<Decimal>> {
        let entries = loaders(ctx).load_one(EntriesOf(self.row.user_id, self.row.id)).await?.unwrap_or_default();
        Ok(exercise_diary::calories_burned(&entries).map(Decimal))
    }

    /// Repetitions times load of its sets, warm-ups apart, in kg.
    async fn volume_kg(&self, ctx: &Context<'_>) -> Result<Decimal> {
        let entries = loaders(ctx).load_one(EntriesOf(self.row.user_id, self.row.id)).await?.unwrap_or_default();
        Ok(Decimal(exercise_diary::volume(&entries)))
    }

    /// Who started it, when someone else did.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let writer = self.row.created_by.filter(|writer| *writer != self.row.user_id)?;
        Some(Person::known_as(ctx, writer).await)
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.row.version
    }
}

/// The entries of a workout.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EntriesOf(pub UserId, pub WorkoutId);

impl Loader<EntriesOf> for Rows {
    type Value = Vec<Entry>;
    type Error = Error;

    async fn load(&self, asked: &[EntriesOf]) -> Result<HashMap<EntriesOf, Vec<Entry>>> {
        let tx = self.0.read().await?;
        let mut found = HashMap::new();
        for (person, workouts) in by_person(asked, |asked| asked.0) {
            let workouts: Vec<_> = workouts.iter().map(|asked| asked.1).collect();
            let entries = workouts::entries(&tx, person, &workouts).await?;
            found.extend(entries.into_iter().map(|(workout, entries)| (EntriesOf(person, workout), entries)));
        }
        Ok(found)
    }
}

impl Loader<LastTime> for Rows {
    type Value = Entry;
    type Error = Error;

    async fn load(&self, asked: &[LastTime]) -> Result<HashMap<LastTime, Entry>> {
        let tx = self.0.read().await?;
        let mut found = HashMap::new();
        for (person, asked) in by_person(asked, |asked| asked.person) {
            found.extend(workouts::last_times(&tx, person, &asked).await?);
        }
        Ok(found)
    }
}

/// What is asked for, person by person: one statement each.
pub fn by_person<Key: Copy>(asked: &[Key], person: impl Fn(&Key) -> UserId) -> HashMap<UserId, Vec<Key>> {
    let mut people: HashMap<UserId, Vec<Key>> = HashMap::new();
    for key in asked {
        people.entry(person(key)).or_default().push(*key);
    }
    people
}

/// A workout.
#[derive(InputObject)]
pub struct StartWorkoutInput {
    /// Made by the client, so that a repeated request starts nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called.
    name: Option<String>,
    /// Free text.
    notes: Option<String>,
    /// When; now when absent.
    started_at: Option<Unchecked<DateTime>>,
    /// When it ended, of one that is over already and written down afterwards.
    finished_at: Option<Unchecked<DateTime>>,
    /// Where; the person's zone when absent.
    time_zone: Option<Unchecked<TimeZone>>,
    /// The template that it follows, whose plan it takes as it is by now.
    template_id: Option<Unchecked<Uuid>>,
    /// In place of `templateId`, the programme that it is a day of; together with `programmeDay`.
    programme_id: Option<Unchecked<Uuid>>,
    /// Which of the programme's days, from 0.
    programme_day: Option<i32>,
}

impl StartWorkoutInput {
    fn plan(&mut self) -> Result<workouts::Plan> {
        let wrong = |field: &str, message: &str| Err(service::error::Error::invalid(field, message).into());
        match (self.template_id.take(), self.programme_id.take(), self.programme_day) {
            (None, None, None) => Ok(workouts::Plan::None),
            (Some(id), None, None) => Ok(workouts::Plan::Template(WorkoutTemplateId(id.check("templateId")?.0))),
            (None, Some(id), Some(day)) => Ok(workouts::Plan::Day(TrainingProgrammeId(id.check("programmeId")?.0), day)),
            (Some(_), ..) => wrong("templateId", "leave it out: the programme's day has a template"),
            (None, Some(_), None) => wrong("programmeDay", "is missing: which day of the programme it is, from 0"),
            (None, None, Some(_)) => wrong("programmeId", "is missing: which programme it is a day of"),
        }
    }
}

/// Which workout.
#[derive(InputObject)]
pub struct WorkoutInput {
    /// Which workout.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Refuse with CONFLICT when the workout is at another version.
    expected_version: Option<i32>,
}

/// The end of a workout.
#[derive(InputObject)]
pub struct FinishWorkoutInput {
    /// Which workout.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// When; now when absent.
    finished_at: Option<Unchecked<DateTime>>,
    /// Replaces its notes.
    notes: Option<String>,
    /// Refuse with CONFLICT when the workout is at another version.
    expected_version: Option<i32>,
}

/// What is to change of a workout. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateWorkoutInput {
    /// Which workout.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called.
    name: MaybeUndefined<String>,
    /// Free text.
    notes: MaybeUndefined<String>,
    /// When it began; the day follows.
    started_at: Option<Unchecked<DateTime>>,
    /// When it ended, of one that has.
    finished_at: Option<Unchecked<DateTime>>,
    /// Where; the day follows.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Refuse with CONFLICT when the workout is at another version.
    expected_version: Option<i32>,
}

/// Which workout is not to have been.
#[derive(InputObject)]
pub struct DiscardWorkoutInput {
    /// Which workout.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Whether what was logged in it stays in the diary, in no workout; false when absent.
    keep_entries: Option<bool>,
    /// Refuse with CONFLICT when the workout is at another version.
    expected_version: Option<i32>,
}

/// The workout that runs.
#[derive(SimpleObject)]
pub struct StartWorkoutPayload {
    /// The workout.
    workout: Workout,
}

/// The workout, paused.
#[derive(SimpleObject)]
pub struct PauseWorkoutPayload {
    /// The workout.
    workout: Workout,
}

/// The workout, running again.
#[derive(SimpleObject)]
pub struct ResumeWorkoutPayload {
    /// The workout.
    workout: Workout,
}

/// The workout that has ended, and the day to draw.
#[derive(SimpleObject)]
#[graphql(complex)]
pub struct FinishWorkoutPayload {
    /// The workout.
    workout: Workout,
    /// The day it is on.
    day: ExerciseDay,
}

#[ComplexObject]
impl FinishWorkoutPayload {
    /// The records that were made in the workout: what beats all that was done of the exercise before it. The first time beats nothing.
    async fn new_records(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How one repetition is estimated from several.", default)] formula: OneRepMaxFormula,
    ) -> Result<Vec<PersonalRecord>> {
        let person = self.workout.row.user_id;
        let entries = loaders(ctx).load_one(EntriesOf(person, self.workout.row.id)).await?.unwrap_or_default();
        let (ids, exercises): (Vec<_>, Vec<_>) = entries.iter().map(|entry| (entry.row.id, entry.row.exercise_id)).unzip();
        let exercises: Vec<_> = exercises.into_iter().flatten().collect();
        personal_records::made_by(ctx, person, &exercises, &ids, formula).await
    }
}

/// The workout after the change, and the days to draw.
#[derive(SimpleObject)]
pub struct UpdateWorkoutPayload {
    /// The workout.
    workout: Workout,
    /// The day it is on, and before that the one it was on if it moved.
    days: Vec<ExerciseDay>,
}

/// What is gone, and the day to draw.
#[derive(SimpleObject)]
pub struct DiscardWorkoutPayload {
    /// The id of the workout.
    deleted_id: Uuid,
    /// The day it was on.
    day: ExerciseDay,
}

/// Workouts.
#[derive(Default)]
pub struct WorkoutsMutation;

#[Object]
impl WorkoutsMutation {
    /// Starts a workout. At most one of a person's runs: CONFLICT while another one does.
    async fn start_workout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The workout.")] mut input: StartWorkoutInput,
    ) -> Option<Result<StartWorkoutPayload>> {
        nullable(async {
            let plan = input.plan()?;
            let new = workouts::NewWorkout {
                plan,
                id: input.id.check("id")?.map(|id| WorkoutId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                name: input.name,
                notes: input.notes,
                started_at: input.started_at.check("startedAt")?.map(|at| at.0),
                finished_at: input.finished_at.check("finishedAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
            };
            let tx = scope(ctx).write().await?;
            let workout = Workout::of(&tx, workouts::start(&tx, new).await?);
            scope(ctx).note_read(workout.row.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(StartWorkoutPayload { workout })
        })
        .await
    }

    /// Stops the clock of a workout. One that is paused stays so.
    async fn pause_workout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which workout.")] input: WorkoutInput,
    ) -> Option<Result<PauseWorkoutPayload>> {
        nullable(async {
            let id = WorkoutId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let workout = Workout::of(&tx, workouts::pause(&tx, person, id, input.expected_version).await?);
            scope(ctx).note_read(workout.row.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(PauseWorkoutPayload { workout })
        })
        .await
    }

    /// Lets the clock of a workout run on. One that runs stays so.
    async fn resume_workout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which workout.")] input: WorkoutInput,
    ) -> Option<Result<ResumeWorkoutPayload>> {
        nullable(async {
            let id = WorkoutId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let workout = Workout::of(&tx, workouts::resume(&tx, person, id, input.expected_version).await?);
            scope(ctx).note_read(workout.row.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(ResumeWorkoutPayload { workout })
        })
        .await
    }

    /// Ends a workout; a pause ends with it.
    async fn finish_workout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which workout, and when.")] input: FinishWorkoutInput,
    ) -> Option<Result<FinishWorkoutPayload>> {
        nullable(async {
            let id = WorkoutId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let finished_at = input.finished_at.check("finishedAt")?.map(|at| at.0);
            let tx = scope(ctx).write().await?;
            let workout = workouts::finish(&tx, person, id, finished_at, input.notes, input.expected_version).await?;
            let day = ExerciseDay::on(&tx, workout.user_id, workout.started_on).await?;
            scope(ctx).note_read(workout.user_id, AccessType::Calorie);
            let workout = Workout::of(&tx, workout);
            tx.commit().await?;
            Ok(FinishWorkoutPayload { workout, day })
        })
        .await
    }

    /// Changes a workout.
    async fn update_workout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateWorkoutInput,
    ) -> Option<Result<UpdateWorkoutPayload>> {
        nullable(async {
            let id = WorkoutId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = workouts::WorkoutChange {
                name: input.name.into(),
                notes: input.notes.into(),
                started_at: input.started_at.check("startedAt")?.map(|at| at.0),
                finished_at: input.finished_at.check("finishedAt")?.map(|at| at.0),
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let (workout, before) = workouts::update(&tx, person, id, change).await?;
            let mut days = Vec::new();
            if before != workout.started_on {
                days.push(ExerciseDay::on(&tx, workout.user_id, before).await?);
            }
            days.push(ExerciseDay::on(&tx, workout.user_id, workout.started_on).await?);
            scope(ctx).note_read(workout.user_id, AccessType::Calorie);
            let workout = Workout::of(&tx, workout);
            tx.commit().await?;
            Ok(UpdateWorkoutPayload { workout, days })
        })
        .await
    }

    /// Takes a workout away, running or not, with what was logged in it unless `keepEntries` says otherwise.
    async fn discard_workout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which workout.")] input: DiscardWorkoutInput,
    ) -> Option<Result<DiscardWorkoutPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let keep = input.keep_entries.unwrap_or_default();
            let tx = scope(ctx).write().await?;
            let (person, date) = workouts::discard(&tx, person, WorkoutId(id.0), keep, input.expected_version).await?;
            let day = ExerciseDay::on(&tx, person, date).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(DiscardWorkoutPayload { deleted_id: id, day })
        })
        .await
    }
}
