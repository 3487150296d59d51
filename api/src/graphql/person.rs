//! A person: the type that everything personal hangs from, oneself and a relative alike.
#![expect(clippy::too_many_arguments, reason = "what rows are looked for by are arguments of one field")]

use std::collections::HashMap;

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject, Subscription, dataloader::Loader};
use chrono::NaiveDate;
use entity::{
    family_access, goals,
    id::{ActivityId, ExerciseId, NootId, UserId, WorkoutId},
    user_preferences,
};
use futures_util::{Stream, StreamExt};
use service::{
    access::Tx, activities, changes, cooked_batches, day::Calendar, device_samples, devices, exercise_energy, exercises,
    family_access as grants, fasts, favourite_foods, food_providers::choices, meal_plans, meals, measurements, moods, nutrients, organiser,
    people, personal_records, privacy_zones, progress_photos, recipe_servers, second_factors, sessions, training_programmes,
    training_volume, workout_templates, workouts,
};

use super::{
    access_log::AccessLogEntry,
    activities::{Activity, ActivityDetails, ActivityRecord, Sport, TrainingZone},
    adaptive_expenditure::Expenditure,
    allergens::{self, Allergen},
    body_composition::BodyComposition,
    changes::follow_person,
    cooked_batches::CookedBatch,
    device_samples::{Sample, SampleDay, SampleSource},
    devices::Device,
    energy_ledger::EnergyDay,
    energy_needs::EnergyNeeds,
    error::{Error, Result},
    exercise_diary::ExerciseDay,
    exercises::Exercise,
    family_access::{AccessType, FamilyAccess},
    fasts::{Fast, FastingStatistics},
    food_diary::FoodDay,
    food_import::FoodImport,
    food_providers::FoodProvider,
    foods::Food,
    goals::{Goal, GoalStatus},
    meal_plans::MealPlanTemplate,
    meal_types::MealType,
    meals::Meal,
    measurements::Measurement,
    moods::{Mood, MoodDay, MoodTag},
    noots::ConflictedNoot,
    nutrients::PersonalNutrient,
    nutrition_targets::NutritionTargetRule,
    organiser::{ListKind, OrganiserList},
    page::Connection,
    personal_records::{OneRepMaxEstimate, OneRepMaxFormula, PersonalRecord, RepetitionRecord, TrainingVolume},
    planned_meals::MealPlanDay,
    privacy_zones::PrivacyZone,
    profiles::Profile,
    progress_photos::{PhotoKind, ProgressPhoto},
    recipe_servers::RecipeServer,
    reports::NutritionReport,
    scalars::{CheckOption, Date, TimeZone, Unchecked, Uuid},
    scope::{Rows, boxed, loaders, nullable, scope},
    second_factors::SecondFactor,
    security_events::SecurityEvent,
    sessions::SignedInSession,
    sleep::{SleepAverages, SleepDay},
    source_rankings::SourceRanking,
    sync::{self, RejectedChange, SyncHead, SyncPage},
    training_programmes::{FollowedProgramme, NextWorkout, TrainingProgramme},
    water::{WaterContainer, WaterDay},
    weight_trend::WeightTrendPoint,
    workout_templates::WorkoutTemplate,
    workouts::Workout,
};

/// Someone: oneself, or a relative as far as they share. What is not shared is null; `accessTypes` says what is.
#[derive(Clone)]
pub struct Person(pub people::Person);

impl Person {
    /// The person of an id that the viewer has before them, with the name if the two still have to do with each other.
    pub async fn known_as(ctx: &Context<'_>, id: UserId) -> Result<Self> {
        let unnamed = || people::Person { id, full_name: None, email: None };
        Ok(Self(loaders(ctx).load_one(id).await?.unwrap_or_else(unnamed)))
    }

    fn id(&self) -> UserId {
        self.0.id
    }

    async fn is_viewer(&self, ctx: &Context<'_>) -> Result<bool> {
        Ok(scope(ctx).viewer()?.user_id() == self.id())
    }

    /// Whether a field that this type of access covers is shown, which goes into the person's access log. Row policies decide what is in it; this only tells nothing
    /// shared from nothing there.
    async fn shares(&self, ctx: &Context<'_>, access_type: family_access::AccessType) -> Result<bool> {
        if self.is_viewer(ctx).await? {
            return Ok(true);
        }
        let shared = grants::types_of(&*scope(ctx).read().await?, self.id()).await?.contains(&access_type);
        if shared {
            scope(ctx).note_read(self.id(), access_type);
        }
        Ok(shared)
    }

    async fn day_or_today(&self, tx: &Tx, date: Option<Unchecked<Date>>) -> Result<NaiveDate> {
        match date.check("date")? {
            Some(date) => Ok(date.0),
            None => Ok(Calendar::of(tx, self.id()).await?.today(tx.now())),
        }
    }
}

/// Someone: oneself, or a relative as far as they share. What is not shared is null; `accessTypes` says what is.
#[Object]
impl Person {
    /// Identifies the person.
    #[graphql(name = "id")]
    async fn person_id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// How others see the person.
    async fn full_name(&self) -> Option<&str> {
        self.0.full_name.as_deref()
    }

    /// The address the person signs in with; null for anyone but the viewer.
    async fn email(&self) -> Option<&str> {
        self.0.email.as_deref()
    }

    /// How the person wants things shown and days cut; null for anyone but the viewer.
    async fn preferences(&self, ctx: &Context<'_>) -> Option<Result<Preferences>> {
        match self.is_viewer(ctx).await {
            Ok(true) => nullable(async { Ok(people::preferences(&*scope(ctx).read().await?).await?.into()) }).await,
            _ => None,
        }
    }

    /// The providers of foods, in the order in which they are asked for the person; null for anyone but the viewer.
    async fn food_providers(&self, ctx: &Context<'_>) -> Option<Result<Vec<FoodProvider>>> {
        match self.is_viewer(ctx).await {
            Ok(true) => nullable(async { Ok(FoodProvider::all(ctx, choices::all(&*scope(ctx).read().await?).await?)) }).await,
            _ => None,
        }
    }

    /// The person's recipe servers; null for anyone but the viewer.
    async fn recipe_servers(&self, ctx: &Context<'_>) -> Option<Result<Vec<RecipeServer>>> {
        match self.is_viewer(ctx).await {
            Ok(true) => {
                nullable(async {
                    let servers = recipe_servers::all(&*scope(ctx).read().await?).await?;
                    Ok(servers.into_iter().map(Into::into).collect())
                })
                .await
            }
            _ => None,
        }
    }

    /// What the person ate on a day, with totals. Today in the person's zone when no date is given. Needs CALORIE.
    async fn food_day(&self, ctx: &Context<'_>, #[graphql(desc = "The day.")] date: Option<Unchecked<Date>>) -> Option<Result<FoodDay>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let date = self.day_or_today(&tx, date).await?;
            Ok(FoodDay::between(&tx, self.id(), date, date).await?.pop())
        })
        .await
        .transpose()
    }

    /// What the person ate from one day to another: one item per day, empty days included, at most 400. Needs CALORIE.
    async fn food_days(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Unchecked<Date>,
        #[graphql(desc = "The last day.")] to: Unchecked<Date>,
    ) -> Option<Result<Vec<FoodDay>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            FoodDay::between(&tx, self.id(), from.check("from")?.0, to.check("to")?.0).await.map(Some)
        })
        .await
        .transpose()
    }

    /// The meals of the person's day in their order, hidden ones too. Needs CALORIE.
    async fn meal_types(&self, ctx: &Context<'_>) -> Option<Result<Vec<MealType>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            MealType::of(&*scope(ctx).read().await?, self.id()).await.map(Some)
        })
        .await
        .transpose()
    }

    /// What the person drank on a day. Today in the person's zone when no date is given. Needs CALORIE.
    async fn water_day(&self, ctx: &Context<'_>, #[graphql(desc = "The day.")] date: Option<Unchecked<Date>>) -> Option<Result<WaterDay>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let date = self.day_or_today(&tx, date).await?;
            Ok(WaterDay::between(&tx, self.id(), date, date).await?.pop())
        })
        .await
        .transpose()
    }

    /// What the person drank from one day to another: one item per day, empty days included, at most 400. Needs CALORIE.
    async fn water_days(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Unchecked<Date>,
        #[graphql(desc = "The last day.")] to: Unchecked<Date>,
    ) -> Option<Result<Vec<WaterDay>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            WaterDay::between(&tx, self.id(), from.check("from")?.0, to.check("to")?.0).await.map(Some)
        })
        .await
        .transpose()
    }

    /// What the person drinks from, the primary one first. Needs CALORIE.
    async fn water_containers(&self, ctx: &Context<'_>) -> Option<Result<Vec<WaterContainer>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            WaterContainer::of(&*scope(ctx).read().await?, self.id()).await.map(Some)
        })
        .await
        .transpose()
    }

    /// The viewer's favourite foods, those added last first; null for anyone but the viewer.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn favourite_foods(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Food>>> {
        boxed(async {
            if !self.is_viewer(ctx).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let page = favourite_foods::list(&*scope(ctx).read().await?, &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, |food| Food(scope(ctx).noted(food)))))
        })
        .await
        .transpose()
    }

    /// What the person ate in the last 90 days, what was eaten last first: foods that the viewer sees. Needs CALORIE.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn recent_foods(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Food>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let today = self.day_or_today(&tx, None).await?;
            let continued = after.is_some();
            let page = favourite_foods::recent(&tx, self.id(), today, &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, |food| Food(scope(ctx).noted(food)))))
        })
        .await
        .transpose()
    }

    /// What the person ate most often in the last 90 days, at one meal or at any: foods that the viewer sees. Needs CALORIE.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn usual_foods(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "breakfast, lunch, dinner, snack or one of the person's own; any when absent.")] meal_type: Option<String>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Food>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let today = self.day_or_today(&tx, None).await?;
            let continued = after.is_some();
            let request = service::page::PageRequest { first, after };
            let page = favourite_foods::usual(&tx, self.id(), today, meal_type.as_deref(), &request).await?;
            Ok(Some(Connection::new(page, continued, |food| Food(scope(ctx).noted(food)))))
        })
        .await
        .transpose()
    }

    /// The nutrients that the person defined, by name. Needs FOOD_LIST.
    async fn nutrients(&self, ctx: &Context<'_>) -> Option<Result<Vec<PersonalNutrient>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::FoodList).await? {
                return Ok(None);
            }
            let rows = nutrients::personal(&*scope(ctx).read().await?, self.id()).await?;
            Ok(Some(rows.into_iter().map(PersonalNutrient::from).collect()))
        })
        .await
        .transpose()
    }

    /// What the person did, what was done last first: exercises that the viewer sees. Needs CALORIE.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn recent_exercises(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Exercise>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let page = exercises::recent(&*scope(ctx).read().await?, self.id(), &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, Exercise)))
        })
        .await
        .transpose()
    }

    /// The workout that runs or is paused; null when none does. Needs CALORIE.
    async fn running_workout(&self, ctx: &Context<'_>) -> Option<Result<Workout>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            Ok(workouts::running(&tx, self.id()).await?.map(|workout| Workout::of(&tx, workout)))
        })
        .await
        .transpose()
    }

    /// A workout of the person's; null for any other id. Needs CALORIE.
    async fn workout(&self, ctx: &Context<'_>, #[graphql(desc = "Which workout.")] id: Unchecked<Uuid>) -> Option<Result<Workout>> {
        boxed(async {
            let id = WorkoutId(id.check("id")?.0);
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            Ok(workouts::find(&tx, self.id(), id).await?.map(|workout| Workout::of(&tx, workout)))
        })
        .await
        .transpose()
    }

    /// The person's workouts, those begun last first. Needs CALORIE.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn workouts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Workout>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let tx = scope(ctx).read().await?;
            let page = workouts::list(&tx, self.id(), &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, |workout| Workout::of(&tx, workout))))
        })
        .await
        .transpose()
    }

    /// The person's records of all exercises, those made last first; computed from what is in the diary now. Needs CALORIE.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn personal_records(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How one repetition is estimated from several.", default)] formula: OneRepMaxFormula,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<PersonalRecord>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let request = service::page::PageRequest { first, after };
            let page = personal_records::list(&*scope(ctx).read().await?, self.id(), formula.into(), &request).await?;
            Ok(Some(Connection::new(page, continued, PersonalRecord::of(self.id()))))
        })
        .await
        .transpose()
    }

    /// What the person could lift once of an exercise, estimated from the best set of each day that has one: at most ten years. Needs
    /// CALORIE.
    async fn estimated_one_rep_max(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which exercise.")] exercise_id: Unchecked<Uuid>,
        #[graphql(desc = "The first day.")] from: Unchecked<Date>,
        #[graphql(desc = "The last day.")] to: Unchecked<Date>,
        #[graphql(desc = "The formula.", default)] formula: OneRepMaxFormula,
    ) -> Option<Result<Vec<OneRepMaxEstimate>>> {
        boxed(async {
            let exercise = ExerciseId(exercise_id.check("exerciseId")?.0);
            let days = (from.check("from")?.0, to.check("to")?.0);
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let estimates = personal_records::estimated_max(&tx, self.id(), exercise, days, formula.into()).await?;
            Ok(Some(estimates.into_iter().map(Into::into).collect()))
        })
        .await
        .transpose()
    }

    /// The most repetitions that the person made with each load of an exercise, the 100 heaviest loads first. Needs CALORIE.
    async fn most_reps_by_load(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which exercise.")] exercise_id: Unchecked<Uuid>,
    ) -> Option<Result<Vec<RepetitionRecord>>> {
        boxed(async {
            let exercise = ExerciseId(exercise_id.check("exerciseId")?.0);
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let records = personal_records::reps_by_load(&*scope(ctx).read().await?, self.id(), exercise).await?;
            Ok(Some(records.into_iter().map(Into::into).collect()))
        })
        .await
        .transpose()
    }

    /// How much the person trained on some days, at most 366, muscle by muscle. Needs CALORIE.
    async fn training_volume(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Unchecked<Date>,
        #[graphql(desc = "The last day.")] to: Unchecked<Date>,
    ) -> Option<Result<TrainingVolume>> {
        boxed(async {
            let (from, to) = (from.check("from")?.0, to.check("to")?.0);
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            Ok(Some(training_volume::between(&*scope(ctx).read().await?, self.id(), from, to).await?.into()))
        })
        .await
        .transpose()
    }

    /// The person's templates of workouts, in the order in which they were made. Needs CALORIE.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn workout_templates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<WorkoutTemplate>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let tx = scope(ctx).read().await?;
            let page = workout_templates::list(&tx, self.id(), &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, WorkoutTemplate::of(tx.now()))))
        })
        .await
        .transpose()
    }

    /// The person's programmes, in the order in which they were made. Needs CALORIE.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn training_programmes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<TrainingProgramme>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let request = service::page::PageRequest { first, after };
            let page = training_programmes::list(&*scope(ctx).read().await?, self.id(), &request).await?;
            Ok(Some(Connection::new(page, continued, TrainingProgramme)))
        })
        .await
        .transpose()
    }

    /// The programme that the person follows on a day; today when no date is given. Needs CALORIE.
    async fn followed_programme(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day.")] date: Option<Unchecked<Date>>,
    ) -> Option<Result<FollowedProgramme>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let date = self.day_or_today(&tx, date).await?;
            FollowedProgramme::on(&tx, self.id(), date).await
        })
        .await
        .transpose()
    }

    /// What the programme that the person follows says is next, as of a day; today when no date is given. Needs CALORIE.
    async fn next_workout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day.")] date: Option<Unchecked<Date>>,
    ) -> Option<Result<NextWorkout>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let date = self.day_or_today(&tx, date).await?;
            NextWorkout::of(&tx, self.id(), date).await
        })
        .await
        .transpose()
    }

    /// What the person trained on a day. Today in the person's zone when no date is given. Needs CALORIE.
    async fn exercise_day(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day.")] date: Option<Unchecked<Date>>,
    ) -> Option<Result<ExerciseDay>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let date = self.day_or_today(&tx, date).await?;
            ExerciseDay::on(&tx, self.id(), date).await.map(Some)
        })
        .await
        .transpose()
    }

    /// What the person burned on a day, and why so much. Today in the person's zone when no date is given. Needs CALORIE.
    async fn energy_day(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day.")] date: Option<Unchecked<Date>>,
    ) -> Option<Result<EnergyDay>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let date = self.day_or_today(&tx, date).await?;
            EnergyDay::on(&tx, self.id(), date).await.map(Some)
        })
        .await
        .transpose()
    }

    /// The person's recorded activities, the last one first. Needs CALORIE.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn activities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Activity>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let request = service::page::PageRequest { first, after };
            let page = activities::list(&*scope(ctx).read().await?, self.id(), &request).await?;
            Ok(Some(Connection::new(page, continued, Activity)))
        })
        .await
        .transpose()
    }

    /// A recorded activity in detail; null where there is none of this id. Needs CALORIE.
    async fn activity(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: Unchecked<Uuid>) -> Option<Result<ActivityDetails>> {
        boxed(async {
            let id = ActivityId(id.check("id")?.0);
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            ActivityDetails::find(&*scope(ctx).read().await?, self.id(), id).await
        })
        .await
        .transpose()
    }

    /// The fastest stretch of each standard distance among the person's activities of a sport, the shortest first. Needs CALORIE.
    async fn activity_records(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which sport.")] sport: Sport,
    ) -> Option<Result<Vec<ActivityRecord>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let records = activities::records(&*scope(ctx).read().await?, self.id(), sport.into()).await?;
            Ok(Some(records.into_iter().map(ActivityRecord::from).collect()))
        })
        .await
        .transpose()
    }

    /// Heart rates for the person to train at: 50, 60, 70, 80 and 90 % of the maximal one, which is 208 - 0.7 × age (Tanaka) unless it is given, or
    /// with `restingHeartRate` of what lies between the two (Karvonen). Null where the maximum is not given and the age not known. Needs CHECKIN.
    async fn training_zones(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The maximal heart rate, 100 to 250, where it was measured.")] max_heart_rate: Option<i32>,
        #[graphql(desc = "The resting heart rate, 20 to 99.")] resting_heart_rate: Option<i32>,
    ) -> Option<Result<Vec<TrainingZone>>> {
        boxed(async {
            if max_heart_rate.is_some_and(|rate| !(100..=250).contains(&rate)) {
                return Err(Error::invalid("maxHeartRate", "must be between 100 and 250"));
            }
            if resting_heart_rate.is_some_and(|rate| !(20..=99).contains(&rate)) {
                return Err(Error::invalid("restingHeartRate", "must be between 20 and 99"));
            }
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let highest = match max_heart_rate {
                Some(given) => Some(given.into()),
                None => exercise_energy::max_heart_rate_of(&*scope(ctx).read().await?, self.id()).await?,
            };
            Ok(highest.map(|highest| TrainingZone::all(highest, resting_heart_rate)))
        })
        .await
        .transpose()
    }

    /// Where the person's tracks are hidden from others; null for anyone but the viewer.
    async fn privacy_zones(&self, ctx: &Context<'_>) -> Option<Result<Vec<PrivacyZone>>> {
        match self.is_viewer(ctx).await {
            Ok(true) => {
                nullable(async {
                    let zones = privacy_zones::all(&*scope(ctx).read().await?).await?;
                    Ok(zones.into_iter().map(Into::into).collect())
                })
                .await
            }
            _ => None,
        }
    }

    /// The person's measurements, newest first. Needs CHECKIN.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn measurements(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "type", desc = "Only this type, such as weight.")] kind: Option<String>,
        #[graphql(desc = "From this day on.")] from: Option<Unchecked<Date>>,
        #[graphql(desc = "Up to this day.")] to: Option<Unchecked<Date>>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Measurement>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let (from, to) = (from.check("from")?.map(|date| date.0), to.check("to")?.map(|date| date.0));
            let filter = measurements::Filter { person: self.id(), kind, from, to };
            let continued = after.is_some();
            let page = measurements::list(&*scope(ctx).read().await?, &filter, &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, Measurement)))
        })
        .await
        .transpose()
    }

    /// Who the person is to formulas, on a day. Needs CHECKIN.
    async fn profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; the person's today when absent.")] date: Option<Unchecked<Date>>,
    ) -> Option<Result<Profile>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let date = self.day_or_today(&tx, date).await?;
            Ok(Some(service::profiles::as_of(&tx, self.id(), date).await?.into()))
        })
        .await
        .transpose()
    }

    /// How much energy the person needs on a day, by what was known and measured then. Needs CHECKIN.
    async fn energy_needs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; the person's today when absent.")] date: Option<Unchecked<Date>>,
    ) -> Option<Result<EnergyNeeds>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let date = self.day_or_today(&tx, date).await?;
            Ok(Some(service::energy_needs::of(&tx, self.id(), date).await?.into()))
        })
        .await
        .transpose()
    }

    /// What the person burns in a day, by what they ate and how their weight moved; formulas are weighed in as what was expected. Needs
    /// CALORIE and CHECKIN.
    async fn expenditure(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The last day; the person's yesterday when absent, since today is not over.")] to: Option<Unchecked<Date>>,
        #[graphql(default = 28, desc = "How many days up to it, 14 to 90.")] days: i32,
    ) -> Option<Result<Expenditure>> {
        boxed(async {
            let (eats, weighs) =
                (self.shares(ctx, family_access::AccessType::Calorie).await?, self.shares(ctx, family_access::AccessType::Checkin).await?);
            if !eats || !weighs {
                return Ok(None);
            }
            let to = to.check("to")?.map(|to| to.0);
            Ok(Some(service::adaptive_expenditure::of(&*scope(ctx).read().await?, self.id(), to, days).await?.into()))
        })
        .await
        .transpose()
    }

    /// What the person's body is made of on a day, by what was measured last until then. Needs CHECKIN.
    async fn body_composition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The day; the person's today when absent.")] date: Option<Unchecked<Date>>,
    ) -> Option<Result<BodyComposition>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let date = self.day_or_today(&tx, date).await?;
            Ok(Some(service::body_composition::of(&tx, self.id(), date).await?.into()))
        })
        .await
        .transpose()
    }

    /// The person's weight and its trend on each day that has a reading, at most ten years. Needs CHECKIN.
    #[graphql(complexity = "50 + 2 * child_complexity")]
    async fn weight_trend(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Unchecked<Date>,
        #[graphql(desc = "The last day.")] to: Unchecked<Date>,
    ) -> Option<Result<Vec<WeightTrendPoint>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let (from, to) = (from.check("from")?.0, to.check("to")?.0);
            let points = service::weight_trend::between(&*scope(ctx).read().await?, self.id(), from, to).await?;
            Ok(Some(points.into_iter().map(WeightTrendPoint).collect()))
        })
        .await
        .transpose()
    }

    /// How the person slept until they woke on a day. Today in the person's zone when no date is given. Needs CHECKIN.
    async fn sleep_day(&self, ctx: &Context<'_>, #[graphql(desc = "The day.")] date: Option<Unchecked<Date>>) -> Option<Result<SleepDay>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let date = self.day_or_today(&tx, date).await?;
            Ok(SleepDay::between(&tx, self.id(), date, date).await?.pop())
        })
        .await
        .transpose()
    }

    /// How the person slept from one day of waking to another: one item per day, empty days included, at most 400. Needs CHECKIN.
    async fn sleep_days(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Unchecked<Date>,
        #[graphql(desc = "The last day.")] to: Unchecked<Date>,
    ) -> Option<Result<Vec<SleepDay>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            SleepDay::between(&tx, self.id(), from.check("from")?.0, to.check("to")?.0).await.map(Some)
        })
        .await
        .transpose()
    }

    /// When and how long the person sleeps, over at most 400 days. Needs CHECKIN.
    async fn sleep_averages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Unchecked<Date>,
        #[graphql(desc = "The last day.")] to: Unchecked<Date>,
    ) -> Option<Result<SleepAverages>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            SleepAverages::between(&tx, self.id(), from.check("from")?.0, to.check("to")?.0).await.map(Some)
        })
        .await
        .transpose()
    }

    /// How the person felt, newest first. Needs CHECKIN.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn moods(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "From this day on.")] from: Option<Unchecked<Date>>,
        #[graphql(desc = "Up to this day.")] to: Option<Unchecked<Date>>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Mood>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let (from, to) = (from.check("from")?.map(|date| date.0), to.check("to")?.map(|date| date.0));
            let filter = moods::Filter { person: self.id(), from, to };
            let continued = after.is_some();
            let page = moods::list(&*scope(ctx).read().await?, &filter, &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, Mood)))
        })
        .await
        .transpose()
    }

    /// How the person felt on a day. Today in the person's zone when no date is given. Needs CHECKIN.
    async fn mood_day(&self, ctx: &Context<'_>, #[graphql(desc = "The day.")] date: Option<Unchecked<Date>>) -> Option<Result<MoodDay>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let date = self.day_or_today(&tx, date).await?;
            Ok(MoodDay::between(&tx, self.id(), date, date).await?.pop())
        })
        .await
        .transpose()
    }

    /// How the person felt from one day to another: one item per day, empty days included, at most 400. Needs CHECKIN.
    async fn mood_days(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Unchecked<Date>,
        #[graphql(desc = "The last day.")] to: Unchecked<Date>,
    ) -> Option<Result<Vec<MoodDay>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            MoodDay::between(&tx, self.id(), from.check("from")?.0, to.check("to")?.0).await.map(Some)
        })
        .await
        .transpose()
    }

    /// The words that the person has for moods, the most used first, then those that everybody has. Needs CHECKIN.
    async fn mood_tags(&self, ctx: &Context<'_>) -> Option<Result<Vec<MoodTag>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            MoodTag::of(&*scope(ctx).read().await?, self.id()).await.map(Some)
        })
        .await
        .transpose()
    }

    /// The fast that runs; null where none does. Needs CHECKIN.
    async fn current_fast(&self, ctx: &Context<'_>) -> Option<Result<Fast>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            Ok(fasts::running(&*scope(ctx).read().await?, self.id()).await?.map(Fast))
        })
        .await
        .transpose()
    }

    /// The person's fasts, newest first. Needs CHECKIN.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn fasts(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Those that ended on this day or later, or still run.")] from: Option<Unchecked<Date>>,
        #[graphql(desc = "Those that ended up to this day.")] to: Option<Unchecked<Date>>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Fast>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let (from, to) = (from.check("from")?.map(|date| date.0), to.check("to")?.map(|date| date.0));
            let filter = fasts::Filter { person: self.id(), from, to };
            let continued = after.is_some();
            let page = fasts::list(&*scope(ctx).read().await?, &filter, &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, Fast)))
        })
        .await
        .transpose()
    }

    /// What the person's fasts that ended in these days come to; all of them when no days are given. Needs CHECKIN.
    async fn fasting_statistics(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Option<Unchecked<Date>>,
        #[graphql(desc = "The last day.")] to: Option<Unchecked<Date>>,
    ) -> Option<Result<FastingStatistics>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let (from, to) = (from.check("from")?.map(|date| date.0), to.check("to")?.map(|date| date.0));
            FastingStatistics::of(&*scope(ctx).read().await?, self.id(), from, to).await.map(Some)
        })
        .await
        .transpose()
    }

    /// The devices and apps that told samples, by name. Needs CHECKIN.
    async fn sample_sources(&self, ctx: &Context<'_>) -> Option<Result<Vec<SampleSource>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            SampleSource::of(&*scope(ctx).read().await?, self.id()).await.map(Some)
        })
        .await
        .transpose()
    }

    /// What a metric comes to from one day to another: one item per day, empty days included, at most 100. Needs CHECKIN.
    async fn sample_days(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A code of `sampleMetrics`.")] metric: String,
        #[graphql(desc = "The first day.")] from: Unchecked<Date>,
        #[graphql(desc = "The last day.")] to: Unchecked<Date>,
    ) -> Option<Result<Vec<SampleDay>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            SampleDay::between(&tx, self.id(), &metric, from.check("from")?.0, to.check("to")?.0).await.map(Some)
        })
        .await
        .transpose()
    }

    /// What devices told of a metric, as they told it, newest first: what counts and what does not. Needs CHECKIN.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn samples(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A code of `sampleMetrics`.")] metric: String,
        #[graphql(desc = "This source alone.")] source: Option<String>,
        #[graphql(desc = "From this day on.")] from: Option<Unchecked<Date>>,
        #[graphql(desc = "Up to this day.")] to: Option<Unchecked<Date>>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Sample>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            let (from, to) = (from.check("from")?.map(|date| date.0), to.check("to")?.map(|date| date.0));
            let filter = device_samples::Filter { person: self.id(), metric, source, from, to };
            let continued = after.is_some();
            let page = device_samples::list(&*scope(ctx).read().await?, &filter, &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, Sample)))
        })
        .await
        .transpose()
    }

    /// Pictures of the viewer's body, newest first; null for anyone but the viewer, whatever is shared.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn progress_photos(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that were taken from there.")] kind: Option<PhotoKind>,
        #[graphql(desc = "From this day on.")] from: Option<Unchecked<Date>>,
        #[graphql(desc = "Up to this day.")] to: Option<Unchecked<Date>>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<ProgressPhoto>>> {
        boxed(async {
            if !self.is_viewer(ctx).await? {
                return Ok(None);
            }
            let (from, to) = (from.check("from")?.map(|date| date.0), to.check("to")?.map(|date| date.0));
            let filter = progress_photos::Filter { kind: kind.map(Into::into), from, to };
            let continued = after.is_some();
            let page = progress_photos::list(&*scope(ctx).read().await?, &filter, &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, ProgressPhoto)))
        })
        .await
        .transpose()
    }

    /// Which source counts where several tell of the same, by metric. Needs CHECKIN.
    async fn source_rankings(&self, ctx: &Context<'_>) -> Option<Result<Vec<SourceRanking>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Checkin).await? {
                return Ok(None);
            }
            SourceRanking::of(&*scope(ctx).read().await?, self.id()).await.map(Some)
        })
        .await
        .transpose()
    }

    /// The person's goals, newest first: of intake and training with CALORIE, of body and weight with CHECKIN.
    async fn goals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that stand so.")] status: Option<GoalStatus>,
    ) -> Option<Result<Vec<Goal>>> {
        boxed(async {
            let (intake, body) =
                (self.shares(ctx, family_access::AccessType::Calorie).await?, self.shares(ctx, family_access::AccessType::Checkin).await?);
            if !intake && !body {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let rows = service::goals::list(&tx, self.id(), status.map(goals::GoalStatus::from)).await?;
            let current = service::goals::current_values(&tx, self.id(), &rows).await?;
            Ok(Some(rows.into_iter().zip(current).map(|(row, current)| Goal { row, current }).collect()))
        })
        .await
        .transpose()
    }

    /// What the person's days are judged by beside the daily goals, as it was set, what begins last first. `FoodDay.targets` says what holds
    /// on a day. Needs CALORIE.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn nutrition_targets(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only what is in force on this day or a later one.")] from: Option<Unchecked<Date>>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<NutritionTargetRule>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let filter = service::nutrition_targets::Filter { person: self.id(), from: from.check("from")?.map(|date| date.0) };
            let continued = after.is_some();
            let page = service::page::PageRequest { first, after };
            let page = service::nutrition_targets::list(&*scope(ctx).read().await?, &filter, &page).await?;
            Ok(Some(Connection::new(page, continued, NutritionTargetRule::from)))
        })
        .await
        .transpose()
    }

    /// Sums per day of what the person ate, for days with entries, and their mean. At most 400 days. Needs REPORTS or CALORIE.
    async fn nutrition_report(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Unchecked<Date>,
        #[graphql(desc = "The last day.")] to: Unchecked<Date>,
    ) -> Option<Result<NutritionReport>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Reports).await? && !self.shares(ctx, family_access::AccessType::Calorie).await?
            {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            let report = service::reports::nutrition(&tx, self.id(), from.check("from")?.0, to.check("to")?.0).await?;
            Ok(Some(NutritionReport::from(report)))
        })
        .await
        .transpose()
    }

    /// CSV files that the viewer rehearsed or committed, newest first; null for anyone but the viewer.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn food_imports(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<FoodImport>>> {
        boxed(async {
            if !self.is_viewer(ctx).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let page = service::food_import::list(&*scope(ctx).read().await?, &service::page::PageRequest { first, after }).await?;
            let items = page.items.into_iter().map(|(cursor, row)| Ok((cursor, FoodImport::of(row)?)));
            let page = service::page::Page { items: items.collect::<Result<_>>()?, has_next: page.has_next };
            Ok(Some(Connection::new(page, continued, |import| import)))
        })
        .await
        .transpose()
    }

    /// The person's meals and recipes, by name. Needs FOOD_LIST.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn meals(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those whose name holds each of these words.")] search: Option<String>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<Meal>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::FoodList).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let page = service::page::PageRequest { first, after };
            let page = meals::list(&*scope(ctx).read().await?, self.id(), search.as_deref(), &page).await?;
            Ok(Some(Connection::new(page, continued, Meal)))
        })
        .await
        .transpose()
    }

    /// What is planned to be eaten from one day to another, and how those days went: one item per day, empty days included, at most 400.
    /// Needs CALORIE.
    async fn meal_plan(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first day.")] from: Unchecked<Date>,
        #[graphql(desc = "The last day.")] to: Unchecked<Date>,
    ) -> Option<Result<Vec<MealPlanDay>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Calorie).await? {
                return Ok(None);
            }
            let tx = scope(ctx).read().await?;
            MealPlanDay::between(&tx, self.id(), from.check("from")?.0, to.check("to")?.0).await.map(Some)
        })
        .await
        .transpose()
    }

    /// The viewer's meal plan templates, newest first; null for anyone but the viewer.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn meal_plan_templates(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<MealPlanTemplate>>> {
        boxed(async {
            if !self.is_viewer(ctx).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let page = meal_plans::list(&*scope(ctx).read().await?, &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, MealPlanTemplate)))
        })
        .await
        .transpose()
    }

    /// What the viewer cooked to be eaten in portions, newest first; null for anyone but the viewer.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn cooked_batches(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those of which something is left.", default)] left_over: bool,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<CookedBatch>>> {
        boxed(async {
            if !self.is_viewer(ctx).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let page = service::page::PageRequest { first, after };
            let page = cooked_batches::list(&*scope(ctx).read().await?, left_over, &page).await?;
            Ok(Some(Connection::new(page, continued, CookedBatch)))
        })
        .await
        .transpose()
    }

    /// What the viewer may see of this person; of oneself, everything.
    async fn access_types(&self, ctx: &Context<'_>) -> Option<Result<Vec<AccessType>>> {
        nullable(async {
            let types = grants::types_of(&*scope(ctx).read().await?, self.id()).await?;
            Ok(types.into_iter().map(AccessType::from).collect())
        })
        .await
    }

    /// Who read the viewer's data, newest first; null for anyone but the viewer.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn access_log(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<AccessLogEntry>>> {
        boxed(async {
            if !self.is_viewer(ctx).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let page = service::access_log::list(&*scope(ctx).read().await?, &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, AccessLogEntry)))
        })
        .await
        .transpose()
    }

    /// The person's to-do lists, shopping lists and notes, newest first. Needs ORGANISER.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn lists(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those for this.")] kind: Option<ListKind>,
        #[graphql(desc = "Those that were deleted in place of those that were not.", default)] deleted: bool,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<OrganiserList>>> {
        boxed(async {
            if !self.shares(ctx, family_access::AccessType::Organiser).await? {
                return Ok(None);
            }
            let filter = organiser::Filter { person: self.id(), kind: kind.map(Into::into), deleted };
            let continued = after.is_some();
            let page = organiser::lists(&*scope(ctx).read().await?, &filter, &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, OrganiserList)))
        })
        .await
        .transpose()
    }

    /// One of the person's lists; null when there is none with this id, or it was deleted. Needs ORGANISER.
    async fn list(&self, ctx: &Context<'_>, #[graphql(desc = "Which list.")] id: Unchecked<Uuid>) -> Option<Result<OrganiserList>> {
        boxed(async {
            let id = NootId(id.check("id")?.0);
            if !self.shares(ctx, family_access::AccessType::Organiser).await? {
                return Ok(None);
            }
            Ok::<_, Error>(organiser::find(&*scope(ctx).read().await?, self.id(), id).await?.map(OrganiserList))
        })
        .await
        .transpose()
    }

    /// Copies of the viewer's noots that lost against others, newest first; null for anyone but the viewer.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn conflicted_noots(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<ConflictedNoot>>> {
        boxed(async {
            if !self.is_viewer(ctx).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let page = service::noots::conflicted(&*scope(ctx).read().await?, &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, ConflictedNoot)))
        })
        .await
        .transpose()
    }

    /// The rows of this person that changed after `after`, each as it is now, in the order of their last changes, as far as the viewer
    /// may see them. Devices read it page by page, then follow `syncChanged`.
    #[graphql(complexity = "super::sync::page_cost(first, child_complexity)")]
    async fn sync_page(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 1000; 100 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on; from the beginning when absent.")] after: Option<String>,
        #[graphql(desc = "Only these tables; all when absent.")] collections: Option<Vec<String>>,
    ) -> Option<Result<SyncPage>> {
        nullable(sync::asked(ctx, self, after, first, collections)).await
    }

    /// Where the viewer's feed stands, and digests that tell whether a device has all of it; null for anyone but the viewer.
    async fn sync_head(&self, ctx: &Context<'_>) -> Option<Result<SyncHead>> {
        match self.is_viewer(ctx).await {
            Ok(true) => nullable(sync::head(ctx)).await,
            _ => None,
        }
    }

    /// The second factor that is asked of the viewer at sign-in; null where none is, and for anyone but the viewer.
    async fn second_factor(&self, ctx: &Context<'_>) -> Option<Result<SecondFactor>> {
        boxed(async {
            if !self.is_viewer(ctx).await? {
                return Ok(None);
            }
            Ok(second_factors::own(&*scope(ctx).read().await?).await?.map(SecondFactor::from))
        })
        .await
        .transpose()
    }

    /// Where the viewer is signed in, what was used last first, at most 200; null for anyone but the viewer.
    async fn sessions(&self, ctx: &Context<'_>) -> Option<Result<Vec<SignedInSession>>> {
        match self.is_viewer(ctx).await {
            Ok(true) => {
                nullable(async { Ok(sessions::list(&*scope(ctx).read().await?).await?.into_iter().map(SignedInSession).collect()) }).await
            }
            _ => None,
        }
    }

    /// What happened to the viewer's account, newest first; null for anyone but the viewer.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn security_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<SecurityEvent>>> {
        boxed(async {
            if !self.is_viewer(ctx).await? {
                return Ok(None);
            }
            let continued = after.is_some();
            let page = service::security_events::list(&*scope(ctx).read().await?, &service::page::PageRequest { first, after }).await?;
            Ok(Some(Connection::new(page, continued, SecurityEvent)))
        })
        .await
        .transpose()
    }

    /// The viewer's devices, those seen last first; null for anyone but the viewer.
    async fn devices(&self, ctx: &Context<'_>) -> Option<Result<Vec<Device>>> {
        match self.is_viewer(ctx).await {
            Ok(true) => nullable(async { Ok(devices::list(&*scope(ctx).read().await?).await?.into_iter().map(Device).collect()) }).await,
            _ => None,
        }
    }

    /// What the viewer's devices wrote that is not in the rows, rejected or lost to other writes, newest first; null for anyone but the
    /// viewer. It is kept for 90 days, or until it is resubmitted or dismissed.
    #[graphql(complexity = "super::page::cost(first, child_complexity)")]
    async fn sync_rejections(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100; 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor after which to go on.")] after: Option<String>,
    ) -> Option<Result<Connection<RejectedChange>>> {
        match self.is_viewer(ctx).await {
            Ok(true) => nullable(sync::rejections(ctx, first, after)).await,
            _ => None,
        }
    }

    /// What the viewer shares with others, ended grants included, newest first; null for anyone but the viewer.
    async fn access_given(&self, ctx: &Context<'_>) -> Option<Result<Vec<FamilyAccess>>> {
        match self.is_viewer(ctx).await {
            Ok(true) => {
                nullable(async { Ok(grants::given(&*scope(ctx).read().await?).await?.into_iter().map(FamilyAccess).collect()) }).await
            }
            _ => None,
        }
    }

    /// What others offer to or share with the viewer, ended grants included, newest first; null for anyone but the viewer.
    async fn access_received(&self, ctx: &Context<'_>) -> Option<Result<Vec<FamilyAccess>>> {
        match self.is_viewer(ctx).await {
            Ok(true) => {
                nullable(async { Ok(grants::received(&*scope(ctx).read().await?).await?.into_iter().map(FamilyAccess).collect()) }).await
            }
            _ => None,
        }
    }
}

impl Loader<UserId> for Rows {
    type Value = people::Person;
    type Error = Error;

    async fn load(&self, ids: &[UserId]) -> Result<HashMap<UserId, people::Person>> {
        let people = people::by_ids(&*self.0.read().await?, ids).await?;
        Ok(people.into_iter().map(|person| (person.id, person)).collect())
    }
}

/// How a person wants things shown and days cut.
#[derive(SimpleObject)]
pub struct Preferences {
    /// Where the person lives: decides which day "today" is.
    time_zone: TimeZone,
    /// Which units are shown first. Values keep the unit they were typed in.
    units_system: UnitsSystem,
    /// system, light or dark.
    theme: String,
    /// The provider that AI chat uses.
    ai_provider: Option<String>,
    /// When the person's day starts, "00:00" to "12:00". What comes before counts for the day before.
    day_starts_at: String,
    /// What the person wants to be warned of in foods.
    allergens: Vec<Allergen>,
}

impl From<user_preferences::Model> for Preferences {
    fn from(row: user_preferences::Model) -> Self {
        Self {
            time_zone: TimeZone(row.time_zone.parse().unwrap_or(chrono_tz::Tz::UTC)),
            units_system: row.units_system.into(),
            theme: row.theme,
            ai_provider: row.ai_provider,
            day_starts_at: row.day_starts_at.format("%H:%M").to_string(),
            allergens: allergens::shown(&row.allergens),
        }
    }
}

/// Which units are shown first.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "user_preferences::UnitsSystem")]
pub enum UnitsSystem {
    /// Kilograms and centimetres.
    Metric,
    /// Pounds and inches.
    Imperial,
}

/// What is to change of the viewer's preferences. Absent keeps.
#[derive(InputObject)]
pub struct UpdatePreferencesInput {
    /// Where the person lives. Days that were written stay where they are.
    time_zone: Option<Unchecked<TimeZone>>,
    /// Which units are shown first.
    units_system: Option<UnitsSystem>,
    /// system, light or dark.
    theme: Option<String>,
    /// The provider that AI chat uses; null clears it.
    ai_provider: MaybeUndefined<String>,
    /// When the day starts, "00:00" to "12:00".
    day_starts_at: Option<String>,
    /// What to warn of in foods; replaces all of them.
    allergens: Option<Vec<Allergen>>,
}

/// The preferences after the change.
#[derive(SimpleObject)]
pub struct UpdatePreferencesPayload {
    /// All of them.
    preferences: Preferences,
}

/// Who is who.
#[derive(Default)]
pub struct PersonQuery;

#[Object]
impl PersonQuery {
    /// Oneself. Null with UNAUTHENTICATED without a session.
    async fn viewer(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        nullable(async { Ok(Person(people::viewer(&*scope(ctx).read().await?).await?)) }).await
    }

    /// Oneself, or someone who shares with the viewer; null for anyone else.
    async fn person(&self, ctx: &Context<'_>, #[graphql(desc = "Whose id.")] id: Unchecked<Uuid>) -> Option<Result<Person>> {
        boxed(async { Ok(people::find(&*scope(ctx).read().await?, UserId(id.check("id")?.0)).await?.map(Person)) }).await.transpose()
    }

    /// The viewer's family: everyone who shares with the viewer now.
    async fn people(&self, ctx: &Context<'_>) -> Option<Result<Vec<Person>>> {
        nullable(async {
            let tx = scope(ctx).read().await?;
            let ids = grants::grantors(&tx).await?;
            Ok(people::by_ids(&tx, &ids).await?.into_iter().map(Person).collect())
        })
        .await
    }
}

/// Changing oneself.
#[derive(Default)]
pub struct PersonMutation;

#[Object]
impl PersonMutation {
    /// Changes the viewer's preferences.
    async fn update_preferences(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdatePreferencesInput,
    ) -> Option<Result<UpdatePreferencesPayload>> {
        nullable(async {
            let change = people::PreferencesChange {
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
                units_system: input.units_system.map(Into::into),
                theme: input.theme,
                ai_provider: input.ai_provider.into(),
                day_starts_at: input.day_starts_at,
                allergens: input.allergens.map(allergens::taken),
            };
            let tx = scope(ctx).write().await?;
            let preferences = people::update_preferences(&tx, change).await?;
            tx.commit().await?;
            Ok(UpdatePreferencesPayload { preferences: preferences.into() })
        })
        .await
    }
}

/// Following people.
#[derive(Default)]
pub struct PersonSubscription;

#[Subscription]
impl PersonSubscription {
    /// The person each time that something of theirs changed which the viewer may see: an entry of a diary, a measurement, a goal, a
    /// food, a preference, or what is shared with whom. Changes in quick succession may come as one. Nothing is sent at first, so
    /// subscribe, then ask what there is. When the person shares nothing with the viewer any more, a last event has the error
    /// NOT_FOUND, and the stream completes.
    async fn person_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose id; the viewer's when absent.")] person_id: Option<Unchecked<Uuid>>,
    ) -> Result<impl Stream<Item = Result<Person>>> {
        let person = person_id.check("personId")?.map(|id| UserId(id.0));
        let followed = follow_person(scope(ctx), person, async |tx, person, _| {
            let Some(found) = people::find(&tx, person).await? else { return Ok(None) };
            Ok(Some((changes::count(&tx, person).await?, found)))
        });
        Ok(followed.await?.map(|person| person.map(Person)))
    }
}
