//! Templates of workouts: exercises with planned sets, and how their weight goes on.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject};
use chrono::Utc;
use entity::{
    family_access::AccessType,
    id::{ExerciseId, UserId, WorkoutId, WorkoutTemplateId},
};
use service::{
    exercise_diary::ExerciseEntry as Entry,
    progression::{self, Outcome},
    workout_templates::{self, NewPlannedExercise, NewPlannedSet, NewRule, PlannedSet as Set},
    workouts::LastTime,
};

use super::{
    error::{Error, Result},
    exercise_diary::ExerciseEntry,
    exercises::Exercise,
    foods::DeleteInput,
    scalars::{CheckOption, Decimal, Unchecked, Uuid},
    scope::{loaders, nullable, scope},
};

/// A workout as it is planned.
#[derive(Clone)]
pub struct WorkoutTemplate {
    template: workout_templates::WorkoutTemplate,
    now: chrono::DateTime<Utc>,
}

impl WorkoutTemplate {
    /// A template as it is at this moment.
    pub fn of(now: chrono::DateTime<Utc>) -> impl Fn(workout_templates::WorkoutTemplate) -> Self {
        move |template| Self { template, now }
    }
}

/// A workout as it is planned.
#[Object]
impl WorkoutTemplate {
    /// Identifies the template among this person's.
    async fn id(&self) -> Uuid {
        Uuid(self.template.row.id.0)
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.template.row.name
    }

    /// What it is.
    async fn description(&self) -> Option<&str> {
        self.template.row.description.as_deref()
    }

    /// Its exercises as they were planned, in their order. `nextExercises` has their weights as they are by now.
    async fn exercises(&self) -> Vec<PlannedExercise> {
        PlannedExercise::all(self.template.row.user_id, self.template.exercises.clone(), self.now)
    }

    /// Its exercises as they are to be done next: weights by what was made so far, percentages as weights, as far as known.
    async fn next_exercises(&self, ctx: &Context<'_>) -> Result<Vec<PlannedExercise>> {
        let planned = workout_templates::next(&*scope(ctx).read().await?, &self.template).await?;
        Ok(PlannedExercise::all(self.template.row.user_id, planned, self.now))
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.template.row.version
    }
}

/// An exercise as it is planned, and what became of it in a workout.
#[derive(Clone)]
pub struct PlannedExercise {
    person: UserId,
    planned: workout_templates::PlannedExercise,
    before: chrono::DateTime<Utc>,
    workout: Option<WorkoutId>,
    entry: Option<Entry>,
}

impl PlannedExercise {
    /// What is planned of a person's, to be done after `before`.
    pub fn all(person: UserId, planned: Vec<workout_templates::PlannedExercise>, before: chrono::DateTime<Utc>) -> Vec<Self> {
        planned.into_iter().map(|planned| Self { person, planned, before, workout: None, entry: None }).collect()
    }

    /// What was planned for a workout, beside what was done in it.
    pub fn beside(
        person: UserId,
        plan: Vec<workout_templates::PlannedExercise>,
        workout: WorkoutId,
        started_at: chrono::DateTime<Utc>,
        entries: &[Entry],
    ) -> Vec<Self> {
        let matched: Vec<_> = workout_templates::matched(&plan, entries).into_iter().map(|entry| entry.cloned()).collect();
        let beside = |(planned, entry)| Self { person, planned, before: started_at, workout: Some(workout), entry };
        plan.into_iter().zip(matched).map(beside).collect()
    }
}

/// Whether the planned sets were made.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "Outcome")]
pub enum PlannedOutcome {
    /// Every planned set had the most repetitions that were planned.
    Made,
    /// Every planned set had the least repetitions, some not the most.
    Held,
    /// A planned set is missing, had fewer repetitions or less weight.
    Failed,
}

/// What a rule of progression decided.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "progression::Step")]
pub enum ProgressionStep {
    /// Nothing was done yet: the plan's own weight.
    Start,
    /// More, for all planned sets were made.
    Add,
    /// The same again.
    Repeat,
    /// Less, after failures in a row.
    Deload,
}

/// An exercise as it is planned, and what became of it in a workout.
#[Object]
impl PlannedExercise {
    /// The exercise as it is today; null when it was deleted or is not visible.
    async fn exercise(&self, ctx: &Context<'_>) -> Option<Result<Exercise>> {
        loaders(ctx).load_one(self.planned.exercise).await.map(|exercise| exercise.map(Exercise)).transpose()
    }

    /// The exercise's name when it was planned.
    async fn name(&self) -> &str {
        &self.planned.name
    }

    /// Exercises with the same number are a superset: they are done in turns.
    async fn superset_group(&self) -> Option<i32> {
        self.planned.superset_group
    }

    /// Free text.
    async fn notes(&self) -> Option<&str> {
        self.planned.notes.as_deref()
    }

    /// Its sets, in their order.
    async fn sets(&self) -> Vec<PlannedSet> {
        self.planned.sets.iter().cloned().map(PlannedSet::from).collect()
    }

    /// How its weight goes on from workout to workout.
    async fn progression(&self) -> Option<ProgressionRule> {
        self.planned.progression.as_ref().map(ProgressionRule::from)
    }

    /// What the progression decided for this time, and why; null without one, and in a template.
    async fn decision(&self) -> Option<ProgressionDecision> {
        let (decision, rule) = self.planned.decision.as_ref().zip(self.planned.progression.as_ref())?;
        let unit = self.planned.sets.first().map_or("kg", |set| set.weight_unit.as_str());
        Some(ProgressionDecision {
            step: decision.step.into(),
            weight: Decimal(decision.weight),
            weight_unit: unit.to_owned(),
            failures: i32::try_from(decision.failures).unwrap_or(i32::MAX),
            explanation: decision.explanation(rule, unit),
        })
    }

    /// What was done of this exercise the last time before; null the first time.
    async fn last_time(&self, ctx: &Context<'_>) -> Option<Result<ExerciseEntry>> {
        let last_time =
            LastTime { person: self.person, exercise: self.planned.exercise, before: self.before, entry: None, workout: self.workout };
        loaders(ctx).load_one(last_time).await.map(|entry| entry.map(ExerciseEntry)).transpose()
    }

    /// What was done of it in the workout; null where nothing was, and outside a workout.
    async fn entry(&self) -> Option<ExerciseEntry> {
        self.entry.clone().map(ExerciseEntry)
    }

    /// What became of it in the workout; null where nothing was done.
    async fn outcome(&self) -> Option<PlannedOutcome> {
        self.entry.as_ref().map(|entry| workout_templates::outcome(&self.planned, entry).0.into())
    }
}

/// A set as it is planned.
#[derive(SimpleObject)]
pub struct PlannedSet {
    /// working, warmup, drop or failure.
    kind: String,
    /// The fewest repetitions.
    reps_min: Option<i32>,
    /// The most repetitions.
    reps_max: Option<i32>,
    /// Weight; of a set by percentage, what it comes to by now.
    weight: Option<Decimal>,
    /// The unit of `weight`.
    weight_unit: String,
    /// Weight as a percentage of what could be lifted once, by Epley's formula.
    percent_of_max: Option<Decimal>,
    /// How hard it is to be: a rate of perceived exertion.
    rpe: Option<Decimal>,
    /// Rest after it, in seconds.
    rest_seconds: Option<i32>,
    /// How long, in seconds.
    duration_seconds: Option<Decimal>,
}

impl From<Set> for PlannedSet {
    fn from(set: Set) -> Self {
        Self {
            kind: set.kind,
            reps_min: set.reps_min,
            reps_max: set.reps_max,
            weight: set.weight.map(Decimal),
            weight_unit: set.weight_unit,
            percent_of_max: set.percent_of_max.map(Decimal),
            rpe: set.rpe.map(Decimal),
            rest_seconds: set.rest_seconds,
            duration_seconds: set.duration_seconds.map(Decimal),
        }
    }
}

/// How the weight of an exercise goes on.
#[derive(SimpleObject)]
pub struct ProgressionRule {
    /// What is added once all planned sets were made, in the unit of the sets.
    increment: Decimal,
    /// After how many failures in a row the weight goes down.
    deload_after: i32,
    /// By how many percent it does, down to a multiple of `increment`.
    deload_percent: Decimal,
}

impl From<&progression::Rule> for ProgressionRule {
    fn from(rule: &progression::Rule) -> Self {
        Self {
            increment: Decimal(rule.increment),
            deload_after: i32::try_from(rule.deload_after).unwrap_or(i32::MAX),
            deload_percent: Decimal(rule.deload_percent),
        }
    }
}

/// What a rule of progression decided, and why.
#[derive(SimpleObject)]
pub struct ProgressionDecision {
    /// What it decided.
    step: ProgressionStep,
    /// The heaviest weight of the working sets.
    weight: Decimal,
    /// The unit of `weight`.
    weight_unit: String,
    /// How many failures there were in a row.
    failures: i32,
    /// Why, in words.
    explanation: String,
}

/// An exercise to plan.
#[derive(InputObject)]
pub struct PlannedExerciseInput {
    /// Which exercise.
    exercise_id: Unchecked<Uuid>,
    /// Exercises with the same number, 1 to 100, are a superset.
    superset_group: Option<i32>,
    /// Free text.
    notes: Option<String>,
    /// Its sets in their order, at most 50.
    sets: Option<Vec<PlannedSetInput>>,
    /// How its weight goes on from workout to workout; not at all when absent.
    progression: Option<ProgressionRuleInput>,
}

/// A set to plan.
#[derive(InputObject)]
pub struct PlannedSetInput {
    /// working, warmup, drop or failure; working when absent.
    kind: Option<String>,
    /// The fewest repetitions, 1 to 1000; `repsMax` when absent.
    reps_min: Option<i32>,
    /// The most repetitions, 1 to 1000; `repsMin` when absent.
    reps_max: Option<i32>,
    /// Weight, at most 3 decimals.
    weight: Option<Unchecked<Decimal>>,
    /// The unit of `weight`, the same for all sets of the exercise; kg when absent.
    weight_unit: Option<String>,
    /// In place of `weight`, a percentage of what could be lifted once: 1 to 150, at most 1 decimal.
    percent_of_max: Option<Unchecked<Decimal>>,
    /// How hard it is to be, 1 to 10 in halves.
    rpe: Option<Unchecked<Decimal>>,
    /// Rest after it, in seconds: 0 to 86400.
    rest_seconds: Option<i32>,
    /// How long, in seconds.
    duration_seconds: Option<Unchecked<Decimal>>,
}

/// How the weight of an exercise is to go on.
#[derive(InputObject)]
pub struct ProgressionRuleInput {
    /// What is added once all planned sets were made, in the unit of the sets: 0 to 1000.
    increment: Unchecked<Decimal>,
    /// After how many failures in a row the weight goes down, 1 to 10; 3 when absent.
    deload_after: Option<i32>,
    /// By how many percent it does, 1 to 90; 10 when absent.
    deload_percent: Option<Unchecked<Decimal>>,
}

/// The exercises as they came in.
fn planned(inputs: Vec<PlannedExerciseInput>) -> Result<Vec<NewPlannedExercise>> {
    let exercise = |(place, input): (usize, PlannedExerciseInput)| {
        let field = |name: &str| format!("exercises[{place}].{name}");
        let set = |(nth, input): (usize, PlannedSetInput)| {
            let number = |name: &str, value: Option<Unchecked<Decimal>>| {
                Ok::<_, Error>(value.check(&field(&format!("sets[{nth}].{name}")))?.map(|value| value.0))
            };
            Ok::<_, Error>(NewPlannedSet {
                kind: input.kind,
                reps_min: input.reps_min,
                reps_max: input.reps_max,
                weight: number("weight", input.weight)?,
                weight_unit: input.weight_unit,
                percent_of_max: number("percentOfMax", input.percent_of_max)?,
                rpe: number("rpe", input.rpe)?,
                rest_seconds: input.rest_seconds,
                duration_seconds: number("durationSeconds", input.duration_seconds)?,
            })
        };
        let rule = |input: ProgressionRuleInput| {
            Ok::<_, Error>(NewRule {
                increment: input.increment.check(&field("progression.increment"))?.0,
                deload_after: input.deload_after,
                deload_percent: input.deload_percent.check(&field("progression.deloadPercent"))?.map(|percent| percent.0),
            })
        };
        Ok::<_, Error>(NewPlannedExercise {
            exercise: ExerciseId(input.exercise_id.check(&field("exerciseId"))?.0),
            superset_group: input.superset_group,
            notes: input.notes,
            sets: input.sets.unwrap_or_default().into_iter().enumerate().map(set).collect::<Result<_>>()?,
            progression: input.progression.map(rule).transpose()?,
        })
    };
    inputs.into_iter().enumerate().map(exercise).collect()
}

/// A template.
#[derive(InputObject)]
pub struct CreateWorkoutTemplateInput {
    /// Made by the client, so that a repeated request creates nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called.
    name: String,
    /// What it is.
    description: Option<String>,
    /// Its exercises in their order, at most 50.
    exercises: Vec<PlannedExerciseInput>,
}

/// What is to change of a template. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateWorkoutTemplateInput {
    /// Which template.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called.
    name: Option<String>,
    /// What it is.
    description: MaybeUndefined<String>,
    /// Replaces all exercises.
    exercises: Option<Vec<PlannedExerciseInput>>,
    /// Refuse with CONFLICT when the template is at another version.
    expected_version: Option<i32>,
}

/// The template that was made.
#[derive(SimpleObject)]
pub struct CreateWorkoutTemplatePayload {
    /// The template.
    template: WorkoutTemplate,
}

/// The template after the change.
#[derive(SimpleObject)]
pub struct UpdateWorkoutTemplatePayload {
    /// The template.
    template: WorkoutTemplate,
}

/// What is gone.
#[derive(SimpleObject)]
pub struct DeleteWorkoutTemplatePayload {
    /// The id of the template.
    deleted_id: Uuid,
}

/// Templates of workouts.
#[derive(Default)]
pub struct WorkoutTemplatesMutation;

#[Object]
impl WorkoutTemplatesMutation {
    /// Makes a template of workouts.
    async fn create_workout_template(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The template.")] input: CreateWorkoutTemplateInput,
    ) -> Option<Result<CreateWorkoutTemplatePayload>> {
        nullable(async {
            let new = workout_templates::NewWorkoutTemplate {
                id: input.id.check("id")?.map(|id| WorkoutTemplateId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                name: input.name,
                description: input.description,
                exercises: planned(input.exercises)?,
            };
            let tx = scope(ctx).write().await?;
            let template = WorkoutTemplate::of(tx.now())(workout_templates::create(&tx, new).await?);
            scope(ctx).note_read(template.template.row.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(CreateWorkoutTemplatePayload { template })
        })
        .await
    }

    /// Changes a template. Workouts that were started from it keep their plan.
    async fn update_workout_template(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateWorkoutTemplateInput,
    ) -> Option<Result<UpdateWorkoutTemplatePayload>> {
        nullable(async {
            let id = WorkoutTemplateId(input.id.check("id")?.0);
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let change = workout_templates::WorkoutTemplateChange {
                name: input.name,
                description: input.description.into(),
                exercises: input.exercises.map(planned).transpose()?,
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let template = WorkoutTemplate::of(tx.now())(workout_templates::update(&tx, person, id, change).await?);
            scope(ctx).note_read(template.template.row.user_id, AccessType::Calorie);
            tx.commit().await?;
            Ok(UpdateWorkoutTemplatePayload { template })
        })
        .await
    }

    /// Deletes a template. Programmes keep the day, without a template; workouts keep their plan.
    async fn delete_workout_template(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which template.")] input: DeleteInput,
    ) -> Option<Result<DeleteWorkoutTemplatePayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let person = input.person_id.check("personId")?.map(|id| UserId(id.0));
            let tx = scope(ctx).write().await?;
            let person = workout_templates::delete(&tx, person, WorkoutTemplateId(id.0), input.expected_version).await?;
            scope(ctx).note_read(person, AccessType::Calorie);
            tx.commit().await?;
            Ok(DeleteWorkoutTemplatePayload { deleted_id: id })
        })
        .await
    }
}
