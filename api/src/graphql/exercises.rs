//! Exercises: search, and one's own.

use std::collections::HashMap;

use async_graphql::{Context, InputObject, Object, SimpleObject, dataloader::Loader};
use entity::{exercises as rows, id::ExerciseId};
use service::{exercises, page::PageRequest};

use super::{
    error::{Error, Result},
    page::Connection,
    scalars::{CheckOption, Decimal, Unchecked, Uuid},
    scope::{Rows, nullable, scope},
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

    /// What is needed for it.
    async fn equipment(&self) -> Option<&str> {
        self.0.equipment.as_deref()
    }

    /// How it is done.
    async fn instructions(&self) -> Option<&str> {
        self.0.instructions.as_deref()
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
    /// What is needed for it.
    equipment: Option<String>,
    /// How it is done.
    instructions: Option<String>,
    /// Multiples of resting energy that it takes, 0.9 to 30 with at most one decimal.
    met: Option<Unchecked<Decimal>>,
    /// The part of the body weight that it moves, 0.01 to 1 with at most three decimals: 1 for a pull-up.
    body_weight_fraction: Option<Unchecked<Decimal>>,
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

    /// Exercises, best match first; all of them when nothing is asked for.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn exercises(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Words of the name, in any order, spelling mistakes forgiven.")] search: Option<String>,
        #[graphql(desc = "A muscle it trains, such as chest.")] muscle: Option<String>,
        #[graphql(desc = "What it needs, such as barbell.")] equipment: Option<String>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Exercise>>> {
        nullable(async {
            let continued = after.is_some();
            let search = exercises::Search { words: search, muscle, equipment };
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
                equipment: input.equipment,
                instructions: input.instructions,
                met: input.met.check("met")?.map(|met| met.0),
                body_weight_fraction: input.body_weight_fraction.check("bodyWeightFraction")?.map(|fraction| fraction.0),
            };
            let tx = scope(ctx).write().await?;
            let exercise = exercises::create(&tx, new).await?;
            tx.commit().await?;
            Ok(CreateExercisePayload { exercise: Exercise(exercise) })
        })
        .await
    }
}
