//! Exercises: search, and one's own.
#![expect(clippy::too_many_arguments, reason = "what exercises are looked for by are arguments of one field")]

use std::collections::HashMap;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, SimpleObject, dataloader::Loader};
use entity::{exercises as rows, id::ExerciseId};
use service::{exercises, page::PageRequest};

use super::{
    error::{Error, Result},
    page::Connection,
    personal_records::{OneRepMaxFormula, PersonalRecord, RecordsOf},
    scalars::{CheckOption, CheckPatch, Decimal, Unchecked, Uuid},
    scope::{Rows, loaders, nullable, scope},
};

/// An exercise of the shared catalogue, or one's own.
#[derive(Clone)]
pub struct Exercise(pub rows::Model);

/// An exercise of the shared catalogue, or one's own.
#[Object]
impl Exercise {
    /// Identifies the exercise.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// strength, cardio, stretching, …
    async fn category(&self) -> Option<&str> {
        self.0.category.as_deref()
    }

    /// The muscles it trains, the main ones first.
    async fn muscle_groups(&self) -> &[String] {
        &self.0.muscle_groups
    }

    /// The muscles it trains most.
    async fn primary_muscles(&self) -> Vec<&str> {
        let helping = &self.0.secondary_muscles;
        self.0.muscle_groups.iter().filter(|muscle| !helping.contains(muscle)).map(String::as_str).collect()
    }

    /// The muscles that only help.
    async fn secondary_muscles(&self) -> &[String] {
        &self.0.secondary_muscles
    }

    /// What is recorded of a set: weight_reps, reps_only, duration or duration_distance.
    async fn modality(&self) -> &str {
        &self.0.modality
    }

    /// push, pull or static.
    async fn force(&self) -> Option<&str> {
        self.0.force.as_deref()
    }

    /// compound or isolation.
    async fn mechanic(&self) -> Option<&str> {
        self.0.mechanic.as_deref()
    }

    /// How much practice it takes: beginner, intermediate or expert.
    async fn level(&self) -> Option<&str> {
        self.0.level.as_deref()
    }

    /// What is needed for it.
    async fn equipment(&self) -> Option<&str> {
        self.0.equipment.as_deref()
    }

    /// How it is done.
    async fn instructions(&self) -> Option<&str> {
        self.0.instructions.as_deref()
    }

    /// How it is done, step by step.
    async fn steps(&self) -> Vec<&str> {
        self.0.instructions.as_deref().unwrap_or_default().lines().map(str::trim).filter(|step| !step.is_empty()).collect()
    }

    /// Multiples of resting energy that it takes (Compendium of Physical Activities); what estimates of energy rest on.
    async fn met(&self) -> Option<Decimal> {
        self.0.met.map(Decimal)
    }

    /// The part of the body weight that it moves: 1 for a pull-up, 0.64 for a push-up; null where only what is held counts.
    async fn body_weight_fraction(&self) -> Option<Decimal> {
        self.0.body_weight_fraction.map(Decimal)
    }

    /// Where it comes from: user, hale, free-exercise-db, …
    async fn source(&self) -> &str {
        &self.0.source
    }

    /// The viewer's records of this exercise.
    async fn personal_records(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How one repetition is estimated from several.", default)] formula: OneRepMaxFormula,
    ) -> Result<Vec<PersonalRecord>> {
        let viewer = scope(ctx).viewer()?.user_id();
        let records = loaders(ctx).load_one(RecordsOf(viewer, self.0.id, formula)).await?.unwrap_or_default();
        Ok(records.into_iter().map(PersonalRecord::of(viewer)).collect())
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// An exercise of one's own.
#[derive(InputObject)]
pub struct CreateExerciseInput {
    /// Made by the client, so that a repeated request creates nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// What it is called.
    name: String,
    /// strength, cardio, …
    category: Option<String>,
    /// The muscles it trains, the main ones first.
    muscle_groups: Option<Vec<String>>,
    /// Muscles that only help.
    secondary_muscles: Option<Vec<String>>,
    /// What is needed for it.
    equipment: Option<String>,
    /// How it is done, a step per line.
    instructions: Option<String>,
    /// Multiples of resting energy that it takes, 0.9 to 30 with at most one decimal.
    met: Option<Unchecked<Decimal>>,
    /// The part of the body weight that it moves, 0.01 to 1 with at most three decimals: 1 for a pull-up.
    body_weight_fraction: Option<Unchecked<Decimal>>,
    /// What is recorded of a set: weight_reps, reps_only, duration or duration_distance; what its category and equipment suggest when absent.
    modality: Option<String>,
    /// push, pull or static.
    force: Option<String>,
    /// compound or isolation.
    mechanic: Option<String>,
    /// How much practice it takes: beginner, intermediate or expert.
    level: Option<String>,
}

/// What is to change of an exercise of one's own. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateExerciseInput {
    /// Which exercise.
    id: Unchecked<Uuid>,
    /// What it is called.
    name: Option<String>,
    /// strength, cardio, …
    category: MaybeUndefined<String>,
    /// Replaces the muscles it trains most.
    muscle_groups: MaybeUndefined<Vec<String>>,
    /// Replaces the muscles that only help.
    secondary_muscles: MaybeUndefined<Vec<String>>,
    /// What is needed for it.
    equipment: MaybeUndefined<String>,
    /// How it is done, a step per line.
    instructions: MaybeUndefined<String>,
    /// Multiples of resting energy that it takes, 0.9 to 30 with at most one decimal.
    met: MaybeUndefined<Unchecked<Decimal>>,
    /// The part of the body weight that it moves, 0.01 to 1 with at most three decimals.
    body_weight_fraction: MaybeUndefined<Unchecked<Decimal>>,
    /// What is recorded of a set: weight_reps, reps_only, duration or duration_distance.
    modality: Option<String>,
    /// push, pull or static.
    force: MaybeUndefined<String>,
    /// compound or isolation.
    mechanic: MaybeUndefined<String>,
    /// How much practice it takes: beginner, intermediate or expert.
    level: MaybeUndefined<String>,
    /// Refuse with CONFLICT when the exercise is at another version.
    expected_version: Option<i32>,
}

/// Which exercise of one's own.
#[derive(InputObject)]
pub struct DeleteExerciseInput {
    /// Which exercise.
    id: Unchecked<Uuid>,
    /// Refuse with CONFLICT when the exercise is at another version.
    expected_version: Option<i32>,
}

/// The exercise after the change.
#[derive(SimpleObject)]
pub struct UpdateExercisePayload {
    /// The exercise.
    exercise: Exercise,
}

/// What is gone.
#[derive(SimpleObject)]
pub struct DeleteExercisePayload {
    /// The id of the exercise.
    deleted_id: Uuid,
}

/// The exercise that was made.
#[derive(SimpleObject)]
pub struct CreateExercisePayload {
    /// The exercise.
    exercise: Exercise,
}

impl Loader<ExerciseId> for Rows {
    type Value = rows::Model;
    type Error = Error;

    async fn load(&self, ids: &[ExerciseId]) -> Result<HashMap<ExerciseId, rows::Model>> {
        let exercises = exercises::by_ids(&*self.0.read().await?, ids).await?;
        Ok(exercises.into_iter().map(|exercise| (exercise.id, exercise)).collect())
    }
}

/// Finding exercises.
#[derive(Default)]
pub struct ExercisesQuery;

#[Object]
impl ExercisesQuery {
    /// An exercise of the shared catalogue or one's own; null for any other.
    async fn exercise(&self, ctx: &Context<'_>, #[graphql(desc = "Which exercise.")] id: Unchecked<Uuid>) -> Option<Result<Exercise>> {
        async { Ok::<_, Error>(exercises::find(&*scope(ctx).read().await?, ExerciseId(id.check("id")?.0)).await?.map(Exercise)) }
            .await
            .transpose()
    }

    /// Exercises, best match first, those that the viewer owns and does often before others; all of them when nothing is asked for.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn exercises(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Words of the name, in any order, spelling mistakes forgiven.")] search: Option<String>,
        #[graphql(desc = "A muscle it trains, such as chest.")] muscle: Option<String>,
        #[graphql(desc = "What it needs, such as barbell.")] equipment: Option<String>,
        #[graphql(desc = "strength, cardio, stretching, …")] category: Option<String>,
        #[graphql(desc = "What is recorded of a set: weight_reps, reps_only, duration or duration_distance.")] modality: Option<String>,
        #[graphql(desc = "True for the viewer's own alone, false for the catalogue's alone; both when absent.")] own: Option<bool>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Exercise>>> {
        nullable(async {
            let continued = after.is_some();
            let search = exercises::Search { words: search, muscle, equipment, category, modality, own };
            let page = exercises::search(&*scope(ctx).read().await?, &search, &PageRequest { first, after }).await?;
            Ok(Connection::new(page, continued, Exercise))
        })
        .await
    }
}

/// Exercises of one's own.
#[derive(Default)]
pub struct ExercisesMutation;

#[Object]
impl ExercisesMutation {
    /// Adds an exercise that only the viewer sees.
    async fn create_exercise(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The exercise.")] input: CreateExerciseInput,
    ) -> Option<Result<CreateExercisePayload>> {
        nullable(async {
            let new = exercises::NewExercise {
                id: input.id.check("id")?.map(|id| ExerciseId(id.0)),
                name: input.name,
                category: input.category,
                muscle_groups: input.muscle_groups.unwrap_or_default(),
                secondary_muscles: input.secondary_muscles.unwrap_or_default(),
                equipment: input.equipment,
                instructions: input.instructions,
                met: input.met.check("met")?.map(|met| met.0),
                body_weight_fraction: input.body_weight_fraction.check("bodyWeightFraction")?.map(|fraction| fraction.0),
                modality: input.modality,
                force: input.force,
                mechanic: input.mechanic,
                level: input.level,
            };
            let tx = scope(ctx).write().await?;
            let exercise = exercises::create(&tx, new).await?;
            tx.commit().await?;
            Ok(CreateExercisePayload { exercise: Exercise(exercise) })
        })
        .await
    }

    /// Changes an exercise of the viewer's own. What was logged of it stays as it was.
    async fn update_exercise(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateExerciseInput,
    ) -> Option<Result<UpdateExercisePayload>> {
        nullable(async {
            let id = ExerciseId(input.id.check("id")?.0);
            let list = |list: MaybeUndefined<Vec<String>>| Option::<Option<_>>::from(list).map(Option::unwrap_or_default);
            let change = exercises::ExerciseChange {
                name: input.name,
                category: input.category.into(),
                muscle_groups: list(input.muscle_groups),
                secondary_muscles: list(input.secondary_muscles),
                equipment: input.equipment.into(),
                instructions: input.instructions.into(),
                met: input.met.check("met")?.map(|met| met.map(|met| met.0)),
                body_weight_fraction: input.body_weight_fraction.check("bodyWeightFraction")?.map(|part| part.map(|part| part.0)),
                modality: input.modality,
                force: input.force.into(),
                mechanic: input.mechanic.into(),
                level: input.level.into(),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let exercise = exercises::update(&tx, id, change).await?;
            tx.commit().await?;
            Ok(UpdateExercisePayload { exercise: Exercise(exercise) })
        })
        .await
    }

    /// Deletes an exercise of the viewer's own. What was logged of it stays, under its name.
    async fn delete_exercise(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which exercise.")] input: DeleteExerciseInput,
    ) -> Option<Result<DeleteExercisePayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let tx = scope(ctx).write().await?;
            exercises::delete(&tx, ExerciseId(id.0), input.expected_version).await?;
            tx.commit().await?;
            Ok(DeleteExercisePayload { deleted_id: id })
        })
        .await
    }
}
