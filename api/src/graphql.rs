//! The GraphQL schema: one file per feature below this one. Resolvers name fields, page lists, batch look-ups and map errors;
//! rules live in `service`, and this crate can name neither a pool nor a statement.

pub mod access_log;
pub mod account_mails;
pub mod accounts;
pub mod allergens;
pub mod assignments;
pub mod body_composition;
pub mod calendar_feeds;
pub mod calendars;
pub mod changes;
pub mod completed_days;
pub mod cooked_batches;
pub mod cost;
pub mod devices;
pub mod documents;
pub mod energy_needs;
pub mod error;
pub mod exercise_diary;
pub mod exercises;
pub mod explanation;
pub mod family_access;
pub mod favourite_foods;
pub mod food_diary;
pub mod food_import;
pub mod food_merging;
pub mod food_providers;
pub mod foods;
pub mod goals;
pub mod households;
pub mod limits;
pub mod meal_plans;
pub mod meal_types;
pub mod meals;
pub mod measurements;
pub mod noots;
pub mod nutrients;
pub mod nutrition_targets;
pub mod organiser;
pub mod page;
pub mod parser;
pub mod person;
pub mod personal_records;
pub mod planned_meals;
pub mod profiles;
pub mod recipe_servers;
pub mod reminders;
pub mod reports;
pub mod routine_statistics;
pub mod routines;
pub mod rxdb;
pub mod scalars;
pub mod scope;
pub mod second_factors;
pub mod security_events;
pub mod sessions;
pub mod shopping_lists;
pub mod swap_requests;
pub mod sync;
pub mod talon;
pub mod training_programmes;
pub mod unavailability;
pub mod variables;
pub mod water;
pub mod weight_trend;
pub mod workout_templates;
pub mod workouts;

use std::sync::atomic::{AtomicBool, Ordering};

use async_graphql::{
    MergedObject, MergedSubscription, Response, ServerError, ValidationMode, ValidationResult,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextValidation},
};

/// What can be asked.
#[derive(MergedObject, Default)]
pub struct Query(
    person::PersonQuery,
    foods::FoodsQuery,
    food_providers::FoodProvidersQuery,
    recipe_servers::RecipeServersQuery,
    meals::MealsQuery,
    nutrients::NutrientsQuery,
    food_merging::FoodMergingQuery,
    exercises::ExercisesQuery,
    households::HouseholdsQuery,
    noots::NootsQuery,
    rxdb::RxdbQuery,
    talon::TalonQuery,
);

/// What can be done. Each field commits alone; a failed one is null with an error and leaves the others' answers alone.
#[derive(MergedObject, Default)]
pub struct Mutation(
    accounts::AccountsMutation,
    account_mails::AccountMailsMutation,
    second_factors::SecondFactorsMutation,
    sessions::SessionsMutation,
    person::PersonMutation,
    foods::FoodsMutation,
    food_providers::FoodProvidersMutation,
    recipe_servers::RecipeServersMutation,
    favourite_foods::FavouriteFoodsMutation,
    food_merging::FoodMergingMutation,
    nutrients::NutrientsMutation,
    food_diary::FoodDiaryMutation,
    meals::MealsMutation,
    cooked_batches::CookedBatchesMutation,
    meal_plans::MealPlansMutation,
    planned_meals::PlannedMealsMutation,
    shopping_lists::ShoppingListsMutation,
    food_diary::FoodGroupsMutation,
    food_diary::FoodCopiesMutation,
    food_diary::FoodCorrectionsMutation,
    completed_days::CompletedDaysMutation,
    meal_types::MealTypesMutation,
    water::WaterMutation,
    food_import::FoodImportMutation,
    exercises::ExercisesMutation,
    exercise_diary::ExerciseDiaryMutation,
    profiles::ProfilesMutation,
    workouts::WorkoutsMutation,
    workout_templates::WorkoutTemplatesMutation,
    training_programmes::TrainingProgrammesMutation,
    measurements::MeasurementsMutation,
    goals::GoalsMutation,
    nutrition_targets::NutritionTargetsMutation,
    family_access::FamilyAccessMutation,
    calendars::CalendarsMutation,
    calendar_feeds::CalendarFeedsMutation,
    households::HouseholdsMutation,
    routines::RoutinesMutation,
    unavailability::UnavailabilityMutation,
    assignments::AssignmentsMutation,
    reminders::RemindersMutation,
    swap_requests::SwapRequestsMutation,
    noots::NootsMutation,
    organiser::OrganiserMutation,
    sync::SyncMutation,
    devices::DevicesMutation,
    talon::TalonMutation,
    rxdb::RxdbMutation,
);

/// What can be followed.
#[derive(MergedSubscription, Default)]
pub struct Subscription(
    person::PersonSubscription,
    food_diary::FoodDiarySubscription,
    households::HouseholdsSubscription,
    routines::RoutinesSubscription,
    noots::NootsSubscription,
    sync::SyncSubscription,
    rxdb::RxdbSubscription,
    talon::TalonSubscription,
);

/// Hale's schema.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// The schema, for documents that [`documents::Documents`] found valid. `explorable` servers answer introspection.
pub fn schema(explorable: bool) -> Schema {
    let builder = Schema::build(Query::default(), Mutation::default(), Subscription::default())
        .limit_recursive_depth(limits::LIMITS.selections)
        .validation_mode(ValidationMode::Fast)
        .extension(NoteExecution);
    if explorable { builder.finish() } else { builder.disable_introspection().finish() }
}

/// Whether a request got as far as being executed. What failed before is an error of the request, not of a field.
#[derive(Default)]
pub struct Executed(AtomicBool);

impl Executed {
    /// Whether execution began.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct NoteExecution;

impl ExtensionFactory for NoteExecution {
    fn create(&self) -> std::sync::Arc<dyn Extension> {
        std::sync::Arc::new(Self)
    }
}

#[async_graphql::async_trait::async_trait]
impl Extension for NoteExecution {
    /// Only what was found valid comes any further. Its cost is known here: it is limited, and paid.
    async fn validation(&self, ctx: &ExtensionContext<'_>, next: NextValidation<'_>) -> Result<ValidationResult, Vec<ServerError>> {
        if ctx.data_opt::<documents::Validated>().is_none() {
            return Err(limits::Refusal::from(limits::Problem::new("this document was never validated")).into());
        }
        let valid = next.run(ctx).await?;
        let (asked, allowed) = (valid.complexity, limits::LIMITS.cost);
        if asked > allowed {
            return Err(limits::Refusal::TooMuch { what: "cost", asked, allowed }.into());
        }
        if let Some(bill) = ctx.data_opt::<std::sync::Arc<cost::Bill>>() {
            bill.pay(asked).map_err(|refused| vec![refused])?;
        }
        Ok(valid)
    }

    async fn execute(&self, ctx: &ExtensionContext<'_>, operation_name: Option<&str>, next: NextExecute<'_>) -> Response {
        if let Some(executed) = ctx.data_opt::<std::sync::Arc<Executed>>() {
            executed.0.store(true, Ordering::Relaxed);
        }
        next.run(ctx, operation_name).await
    }
}

/// The schema in the schema definition language, as it is checked in.
pub fn sdl() -> String {
    schema(true).sdl_with_options(async_graphql::SDLExportOptions::new().include_specified_by().use_space_ident())
}
