//! The GraphQL schema: one file per feature below this one. Resolvers name fields, page lists, batch look-ups and map errors;
//! rules live in `service`, and this crate can name neither a pool nor a statement.

pub mod accounts;
pub mod error;
pub mod exercise_diary;
pub mod exercises;
pub mod family_access;
pub mod food_diary;
pub mod foods;
pub mod goals;
pub mod measurements;
pub mod page;
pub mod person;
pub mod reports;
pub mod scalars;
pub mod scope;

use async_graphql::{EmptySubscription, MergedObject};

/// What can be asked.
#[derive(MergedObject, Default)]
pub struct Query(person::PersonQuery, foods::FoodsQuery, exercises::ExercisesQuery);

/// What can be done. Each field commits alone; a failed one is null with an error and leaves the others' answers alone.
#[derive(MergedObject, Default)]
pub struct Mutation(
    accounts::AccountsMutation,
    person::PersonMutation,
    foods::FoodsMutation,
    food_diary::FoodDiaryMutation,
    exercises::ExercisesMutation,
    exercise_diary::ExerciseDiaryMutation,
    measurements::MeasurementsMutation,
    goals::GoalsMutation,
    family_access::FamilyAccessMutation,
);

/// Hale's schema.
pub type Schema = async_graphql::Schema<Query, Mutation, EmptySubscription>;
