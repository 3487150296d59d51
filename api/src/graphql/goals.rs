//! Goals.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject};
use entity::{goals as rows, id::GoalId};
use service::goals;

use super::{
    error::Result,
    scalars::{CheckOption, CheckPatch, Date, Decimal, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// What a person aims at, from a day on.
pub struct Goal {
    /// The goal.
    pub row: rows::Model,
    /// How far it has come.
    pub current: Option<rust_decimal::Decimal>,
}

/// What a person aims at, from a day on.
#[Object]
impl Goal {
    /// Identifies the goal among this person's.
    async fn id(&self) -> Uuid {
        Uuid(self.row.id.0)
    }

    /// calorie_target, protein_target, carbohydrate_target, fat_target (a day), weight_loss, weight_gain, muscle_gain, …
    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        &self.row.r#type
    }

    /// What is aimed at.
    async fn target_value(&self) -> Option<Decimal> {
        self.row.target_value.map(Decimal)
    }

    /// The unit of `targetValue` and `currentValue`.
    async fn target_unit(&self) -> Option<&str> {
        self.row.target_unit.as_deref()
    }

    /// Until when.
    async fn target_date(&self) -> Option<Date> {
        self.row.target_date.map(Date)
    }

    /// How far it has come: the newest measurement that the goal is about, else what was typed.
    async fn current_value(&self) -> Option<Decimal> {
        self.current.map(Decimal)
    }

    /// Where it stands.
    async fn status(&self) -> GoalStatus {
        self.row.status.into()
    }

    /// The first day it is in force.
    async fn valid_from(&self) -> Date {
        Date(self.row.valid_from)
    }

    /// The first day it is no longer in force; null while it is.
    async fn valid_to(&self) -> Option<Date> {
        self.row.valid_to.map(Date)
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.row.version
    }
}

/// Where a goal stands.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::GoalStatus")]
pub enum GoalStatus {
    /// In force, or to be.
    Active,
    /// Reached, or replaced by a newer one.
    Completed,
    /// Set aside: days are not judged by it.
    Paused,
}

/// A goal from a day on. The one of the same type that was in force until then ends on that day.
#[derive(InputObject)]
pub struct SetGoalInput {
    /// Made by the client, so that a repeated request sets nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// calorie_target, protein_target, carbohydrate_target, fat_target (a day), weight_loss, weight_gain, muscle_gain, … or one's own.
    #[graphql(name = "type")]
    kind: String,
    /// What is aimed at, at most 3 decimals.
    target_value: Option<Unchecked<Decimal>>,
    /// The unit of `targetValue`; kcal, g, kg, cm or % by the type when absent.
    target_unit: Option<String>,
    /// Until when.
    target_date: Option<Unchecked<Date>>,
    /// The first day in force; today when absent.
    valid_from: Option<Unchecked<Date>>,
}

/// A correction of a goal. Absent keeps, null clears. To aim at something else from a day on, set a new goal.
#[derive(InputObject)]
pub struct UpdateGoalInput {
    /// Which goal.
    id: Unchecked<Uuid>,
    /// What is aimed at, for all days that the goal was in force.
    target_value: MaybeUndefined<Unchecked<Decimal>>,
    /// The unit of `targetValue`.
    target_unit: MaybeUndefined<String>,
    /// Until when.
    target_date: MaybeUndefined<Unchecked<Date>>,
    /// Progress of a goal that no measurement is about.
    current_value: MaybeUndefined<Unchecked<Decimal>>,
    /// Where it stands.
    status: Option<GoalStatus>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// The goal that was set.
#[derive(SimpleObject)]
pub struct SetGoalPayload {
    /// The goal.
    goal: Goal,
}

/// The goal after the change.
#[derive(SimpleObject)]
pub struct UpdateGoalPayload {
    /// The goal.
    goal: Goal,
}

/// Setting goals.
#[derive(Default)]
pub struct GoalsMutation;

#[Object]
impl GoalsMutation {
    /// Sets a goal from a day on. Each day is judged by the goal that was in force on it.
    async fn set_goal(&self, ctx: &Context<'_>, #[graphql(desc = "The goal.")] input: SetGoalInput) -> Option<Result<SetGoalPayload>> {
        nullable(async {
            let new = goals::NewGoal {
                id: input.id.check("id")?.map(|id| GoalId(id.0)),
                kind: input.kind,
                target_value: input.target_value.check("targetValue")?.map(|value| value.0),
                target_unit: input.target_unit,
                target_date: input.target_date.check("targetDate")?.map(|date| date.0),
                valid_from: input.valid_from.check("validFrom")?.map(|date| date.0),
            };
            let tx = scope(ctx).write().await?;
            let row = goals::set(&tx, new).await?;
            let current = goals::current_values(&tx, row.user_id, std::slice::from_ref(&row)).await?.pop().flatten();
            tx.commit().await?;
            Ok(SetGoalPayload { goal: Goal { row, current } })
        })
        .await
    }

    /// Corrects a goal.
    async fn update_goal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The correction.")] input: UpdateGoalInput,
    ) -> Option<Result<UpdateGoalPayload>> {
        nullable(async {
            let id = GoalId(input.id.check("id")?.0);
            let change = goals::GoalChange {
                target_value: input.target_value.check("targetValue")?.map(|value| value.map(|value| value.0)),
                target_unit: input.target_unit.into(),
                target_date: input.target_date.check("targetDate")?.map(|date| date.map(|date| date.0)),
                current_value: input.current_value.check("currentValue")?.map(|value| value.map(|value| value.0)),
                status: input.status.map(Into::into),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let row = goals::update(&tx, id, change).await?;
            let current = goals::current_values(&tx, row.user_id, std::slice::from_ref(&row)).await?.pop().flatten();
            tx.commit().await?;
            Ok(UpdateGoalPayload { goal: Goal { row, current } })
        })
        .await
    }
}
