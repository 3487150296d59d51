//! Goals, effective-dated: a day is judged by the goal that was in force on it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use entity::{
    goals::{ActiveModel, Column, Entity, GoalStatus, Model},
    id::{GoalId, UserId},
    unit::{Dimension, Unit, round},
    user_preferences,
};
use futures_util::future::BoxFuture;
use rust_decimal::Decimal;
use sea_orm::{
    ActiveEnum,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, JsonValue, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::{Expr, LockType},
};
use serde::Serialize;
use uuid::Uuid;

use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    input, measurements,
    sync::{
        collection::{Collection, Context, Deletion, Draft, Kind, derived, fixed, group, written},
        merge::{Refused, Row},
    },
    water,
};

/// A goal as it is set.
#[derive(Clone, Debug, Serialize)]
pub struct NewGoal {
    /// Made by the client, or by the server.
    pub id: Option<GoalId>,
    /// calorie_target, weight_loss, …
    pub kind: String,
    /// What is aimed at.
    pub target_value: Option<Decimal>,
    /// Unit of `target_value`.
    pub target_unit: Option<String>,
    /// Until when.
    pub target_date: Option<NaiveDate>,
    /// First day in force; today when absent.
    pub valid_from: Option<NaiveDate>,
}

/// What is to change: absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct GoalChange {
    /// A correction of what is aimed at, for all the days the goal was in force.
    pub target_value: Option<Option<Decimal>>,
    /// Unit of `target_value`.
    pub target_unit: Option<Option<String>>,
    /// Until when.
    pub target_date: Option<Option<NaiveDate>>,
    /// Progress of a goal without data of its own.
    pub current_value: Option<Option<Decimal>>,
    /// Where it stands.
    pub status: Option<GoalStatus>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// A person's goals, newest first.
pub async fn list(tx: &Tx, person: UserId, status: Option<GoalStatus>) -> Result<Vec<Model>> {
    let rows = Entity::find().filter(Column::UserId.eq(person)).filter(Column::DeletedAt.is_null());
    let rows = rows.order_by_desc(Column::ValidFrom).order_by_desc(Column::Id).all(tx).await?;
    let today = Calendar::of(tx, person).await?.today(tx.now());
    let goals = rows.into_iter().map(|goal| standing(goal, today));
    Ok(goals.filter(|goal| status.is_none_or(|status| goal.status == status)).collect())
}

/// A goal as it stands today: one that a newer one replaces is in force until that one is.
fn standing(goal: Model, today: NaiveDate) -> Model {
    let over = goal.valid_to.is_some_and(|end| end <= today.max(goal.valid_from));
    let status = if over && goal.status == GoalStatus::Active { GoalStatus::Completed } else { goal.status };
    Model { status, ..goal }
}

/// Sets a goal from a day on. The one of the same type that was in force until then ends on that day.
pub async fn set(tx: &Tx, new: NewGoal) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer()?;
    let id = new.id.unwrap_or_else(|| GoalId(tx.new_id()));
    let kind = measurements::type_name("type", &new.kind)?;
    let (target_value, target_unit) = target(&kind, new.target_value, new.target_unit.as_deref())?;
    let target_date = new.target_date.map(|date| day::checked("targetDate", date)).transpose()?;
    let today = Calendar::of(tx, person).await?.today(tx.now());
    let valid_from = new.valid_from.map_or(Ok(today), |date| day::checked("validFrom", date))?;
    // A person's goals are set one after the other: of two at once neither would see the other, and both would be in force.
    user_preferences::Entity::find().filter(user_preferences::Column::UserId.eq(person)).lock(LockType::NoKeyUpdate).one(tx).await?;
    if let Some(existing) = Entity::find_by_id((person, id)).one(tx).await? {
        let repeated = |row: &Model| row.created_from.as_ref() == Some(&created_from) && row.deleted_at.is_none();
        return Ok(standing(input::repeated(Some(existing), repeated)?, today));
    }

    let of_type = || Entity::find().filter(Column::UserId.eq(person)).filter(Column::Type.eq(&kind)).filter(Column::DeletedAt.is_null());
    let next = of_type().filter(Column::ValidFrom.gt(valid_from)).order_by_asc(Column::ValidFrom).one(tx).await?;
    let in_force = Entity::update_many()
        .col_expr(Column::ValidTo, Expr::value(valid_from))
        .filter(Column::UserId.eq(person))
        .filter(Column::Type.eq(&kind))
        .filter(Column::DeletedAt.is_null())
        .filter(Column::ValidFrom.lte(valid_from))
        .filter(Expr::cust_with_values("(valid_to IS NULL OR valid_to > $1)", [valid_from]));
    in_force.exec(tx).await?;

    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        r#type: Set(kind.clone()),
        target_value: Set(target_value),
        target_unit: Set(target_unit),
        target_date: Set(target_date),
        status: Set(GoalStatus::Active),
        valid_from: Set(valid_from),
        valid_to: Set(next.map(|goal| goal.valid_from)),
        created_from: Set(Some(created_from)),
        ..Default::default()
    };
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => Ok(standing(row, today)),
        None => Err(Error::conflict("this id is taken by something else: make a new one")),
    }
}

/// Corrects a goal. To aim at something else from a day on, set a new one.
pub async fn update(tx: &Tx, id: GoalId, change: GoalChange) -> Result<Model> {
    let person = tx.viewer()?;
    let goal = Entity::find_by_id((person, id))
        .filter(Column::DeletedAt.is_null())
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound("goal"))?;
    input::expect_version(change.expected_version, goal.version, || scalars(&goal))?;
    let mut row = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), ..Default::default() };
    if change.target_value.is_some() || change.target_unit.is_some() {
        let unit = change.target_unit.unwrap_or(goal.target_unit.clone());
        let (value, unit) = target(&goal.r#type, change.target_value.unwrap_or(goal.target_value), unit.as_deref())?;
        row.target_value = Set(value);
        row.target_unit = Set(unit);
    }
    if let Some(date) = change.target_date {
        row.target_date = Set(date.map(|date| day::checked("targetDate", date)).transpose()?);
    }
    if let Some(value) = change.current_value {
        row.current_value = Set(value.map(|value| progress("currentValue", value)).transpose()?);
    }
    if let Some(status) = change.status {
        row.status = Set(status);
    }
    let goal = if sea_orm::ActiveModelTrait::is_changed(&row) { Entity::update(row).exec(tx).await? } else { goal };
    Ok(standing(goal, Calendar::of(tx, person).await?.today(tx.now())))
}

#[derive(FromQueryResult)]
struct Latest {
    r#type: String,
    canonical_value: Decimal,
}

/// How far each of these goals of one person has come: by the newest measurement that it is about, else as typed.
pub async fn current_values(tx: &Tx, person: UserId, goals: &[Model]) -> Result<Vec<Option<Decimal>>> {
    let kinds: Vec<&str> = goals.iter().filter_map(|goal| measured_by(&goal.r#type, goal.target_unit.as_deref())).collect();
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT t.type, m.canonical_value FROM unnest($2::text[]) AS t (type) CROSS JOIN LATERAL (
           SELECT canonical_value FROM measurements WHERE user_id = $1 AND type = t.type AND deleted_at IS NULL
           ORDER BY measured_at DESC, id DESC LIMIT 1) m",
        [person.0.into(), kinds.into_iter().map(str::to_owned).collect::<Vec<_>>().into()],
    );
    let latest = Latest::find_by_statement(statement).all(tx).await?;
    let current = |goal: &Model| {
        let Some(kind) = measured_by(&goal.r#type, goal.target_unit.as_deref()) else { return goal.current_value };
        let base = latest.iter().find(|latest| latest.r#type == kind)?.canonical_value;
        let unit = goal.target_unit.as_deref().and_then(Unit::named);
        unit.and_then(|unit| unit.of_base(base)).map(|value| round(value, 3))
    };
    Ok(goals.iter().map(current).collect())
}

/// The measurement that tells how far a goal of this type and unit has come.
fn measured_by(kind: &str, unit: Option<&str>) -> Option<&'static str> {
    Some(match kind {
        "weight" | "weight_loss" | "weight_gain" | "weight_maintenance" => "weight",
        "muscle_gain" | "muscle_mass" => "muscle_mass",
        "body_fat" => "body_fat",
        "fat_loss" => match Unit::named(unit?)?.dimension {
            Dimension::Mass => "fat_mass",
            Dimension::Proportion => "body_fat",
            _ => return None,
        },
        "waist" => "waist",
        "hips" => "hips",
        _ => return None,
    })
}

/// The dimension that a goal of this type is told in, where there is just one.
fn dimension(kind: &str) -> Option<Dimension> {
    Some(match kind {
        "calorie_target" => Dimension::Energy,
        "protein_target" | "carbohydrate_target" | "fat_target" => Dimension::Mass,
        water::TARGET => Dimension::Volume,
        "body_fat" => Dimension::Proportion,
        _ => match measured_by(kind, None)? {
            "weight" | "muscle_mass" => Dimension::Mass,
            "waist" | "hips" => Dimension::Length,
            _ => return None,
        },
    })
}

fn target(kind: &str, value: Option<Decimal>, unit: Option<&str>) -> Result<(Option<Decimal>, Option<String>)> {
    let value = value.map(|value| input::number("targetValue", value, 3, Decimal::ZERO..=Decimal::from(10_000_000))).transpose()?;
    let daily = matches!(kind, "calorie_target" | "protein_target" | "carbohydrate_target" | "fat_target" | water::TARGET);
    if daily && value.is_none() {
        return Err(Error::invalid("targetValue", format!("a {kind} needs an amount a day")));
    }
    let unit = match (unit, dimension(kind)) {
        (None, Some(Dimension::Energy)) => Some("kcal"),
        (None, Some(Dimension::Volume)) => Some("ml"),
        (None, Some(Dimension::Mass)) if daily => Some("g"),
        (None, Some(Dimension::Mass)) => Some("kg"),
        (None, Some(Dimension::Length)) => Some("cm"),
        (None, Some(Dimension::Proportion)) => Some("%"),
        (unit, _) => unit,
    };
    let Some(name) = unit else { return Ok((value, None)) };
    let unit = Unit::named(name).filter(|unit| dimension(kind).is_none_or(|dimension| unit.dimension == dimension));
    let unit = unit.ok_or_else(|| match dimension(kind) {
        Some(dimension) => {
            Error::invalid("targetUnit", format!("{kind} is a {}: write one of {}", dimension.name(), Unit::codes(dimension)))
        }
        None => Error::invalid("targetUnit", format!("not a known unit: {name}")),
    })?;
    Ok((value, Some(unit.code.to_owned())))
}

fn progress(field: &str, value: Decimal) -> Result<Decimal> {
    input::number(field, value, 3, Decimal::from(-1_000_000)..=Decimal::from(10_000_000))
}

/// Goals on devices.
pub static SYNCED: Collection = Collection {
    name: "goals",
    person_column: "user_id",
    access: None,
    deletion: Deletion::At,
    groups: &[
        fixed("type", &[written("type", Kind::Text)]),
        group("target", &[written("target_value", Kind::Decimal), written("target_unit", Kind::Text)]),
        group("target_date", &[written("target_date", Kind::Date)]),
        group("progress", &[written("current_value", Kind::Decimal)]),
        group("status", &[written("status", Kind::Text)]),
        group("validity", &[written("valid_from", Kind::Date), derived("valid_to", Kind::Date)]),
    ],
    complete,
    complement: Some(settle),
};

fn complete(_: &Context, draft: &mut Draft) -> Result<(), Refused> {
    let kind = measurements::type_name("type", draft.text("type")?)?;
    if draft.changes("target") {
        let (value, unit) = target(&kind, draft.optional_decimal("target_value")?, draft.optional_text("target_unit")?)?;
        draft.set_decimal("target_value", value);
        draft.set("target_unit", unit);
    }
    if let Some(value) = draft.optional_decimal("current_value")? {
        draft.set_decimal("current_value", Some(progress("current_value", value)?));
    }
    let status = draft.optional_text("status")?.unwrap_or("active").to_lowercase();
    GoalStatus::try_from_value(&status).map_err(|_| Error::invalid("status", "must be active, completed or paused"))?;
    draft.set("status", status);
    for column in ["target_date", "valid_from"] {
        if let Some(date) = draft.optional_text(column)? {
            day::checked(column, date.parse().map_err(|_| Error::invalid(column, "must be a date such as 2026-03-10"))?)?;
        }
    }
    // Until the person's goals are settled it is in force on no day.
    let valid_from = draft.text("valid_from")?.to_owned();
    draft.set("valid_to", valid_from);
    draft.set("type", kind);
    Ok(())
}

/// Each goal is in force until the next of its type is.
fn settle<'a>(tx: &'a Tx, person: UserId, _: &'a BTreeMap<Uuid, Row>) -> BoxFuture<'a, Result<()>> {
    const ENDS: &str = "UPDATE goals g SET valid_to = n.ends FROM (
          SELECT id, lead(valid_from) OVER (PARTITION BY type ORDER BY valid_from, created_at, id) AS ends
          FROM goals WHERE user_id = $1 AND deleted_at IS NULL) n
        WHERE g.user_id = $1 AND g.id = n.id AND g.valid_to IS DISTINCT FROM n.ends AND (n.ends IS NULL) = $2";
    Box::pin(async move {
        // Those that end first: of two without an end the database would refuse the second.
        for open in [false, true] {
            tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, ENDS, [person.0.into(), open.into()])).await?;
        }
        Ok(())
    })
}

fn scalars(goal: &Model) -> JsonValue {
    serde_json::json!({
        "id": goal.id, "type": goal.r#type, "targetValue": goal.target_value.map(|value| value.normalize()), "targetUnit": goal.target_unit,
        "targetDate": goal.target_date, "status": goal.status.to_value().to_uppercase(), "validFrom": goal.valid_from,
        "validTo": goal.valid_to, "version": goal.version,
    })
}
