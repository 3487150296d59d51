//! Typed ids: a food's id cannot be passed where an exercise's is meant.

use sea_orm::{DbErr, DeriveValueType, TryFromU64};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, DbErr> {
                Err(DbErr::ConvertFromU64(stringify!($name)))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(formatter)
            }
        }
    )*};
}

ids! {
    /// A person with an account.
    UserId
    /// A sign-in on one device.
    SessionId
    /// A device that keeps a copy.
    DeviceId
    /// A food of the catalogue or of a person.
    FoodId
    /// A row of a food diary.
    FoodEntryId
    /// A meal or recipe of a person.
    MealId
    /// Some days of meals, to be put on dates.
    MealPlanTemplateId
    /// Something to be eaten on a date.
    PlannedMealId
    /// What was cooked once, to be eaten in portions.
    CookedBatchId
    /// A portion of what was cooked.
    CookedPortionId
    /// A file of foods or of a diary.
    FoodImportId
    /// A meal in a food diary that was logged as one.
    FoodGroupId
    /// A day that was logged in full.
    CompletedDayId
    /// A meal of a person's day.
    MealTypeId
    /// Something drunk.
    WaterEntryId
    /// Something to drink from.
    WaterContainerId
    /// An exercise of the catalogue or of a person.
    ExerciseId
    /// A row of an exercise diary.
    ExerciseEntryId
    /// What is known of a person from a day on.
    ProfileId
    /// A session of several exercises.
    WorkoutId
    /// A workout as it is planned.
    WorkoutTemplateId
    /// Days of training, each by a template.
    TrainingProgrammeId
    /// From which day on a programme is followed.
    ActiveProgrammeId
    /// A measurement.
    MeasurementId
    /// A goal.
    GoalId
    /// What certain days are judged by.
    NutritionTargetId
    /// A grant of family access.
    FamilyAccessId
    /// A row of an access log.
    AccessLogId
    /// A secret link to a household's turns.
    CalendarFeedId
    /// The connection of a household to a calendar.
    CalendarId
    /// A household.
    HouseholdId
    /// Somebody of a household.
    HouseholdMemberId
    /// An invitation to a household.
    HouseholdInvitationId
    /// A routine of a household.
    RoutineId
    /// A stretch of days in which a member takes turns.
    RoutineMemberId
    /// A time in which a member takes no turns.
    UnavailabilityId
    /// A turn.
    AssignmentId
    /// A change of a turn.
    AssignmentChangeId
    /// What happened since a plan was made.
    PlanCauseId
    /// A request to swap a turn.
    SwapRequestId
    /// A container of activities.
    NootId
    /// A copy of a noot that lost against another one.
    ConflictedNootId
}
