//! What is planned to be eaten on dates, and what became of it. Planning writes nothing to the diary; what was eaten of it does.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use entity::{
    food_diary,
    id::{FoodEntryId, FoodGroupId, MealPlanTemplateId, PlannedMealId, UserId},
    planned_meals::{ActiveModel, Column, Entity, Model, PlanStatus},
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{NotSet, Set, Unchanged},
    ColumnTrait, DbBackend, EntityTrait, ExprTrait, FromQueryResult, JsonValue, QueryFilter, QueryOrder, QuerySelect, Statement,
    TryInsertResult,
    sea_query::Expr,
};
use serde::Serialize;

use crate::{
    access::Tx,
    day,
    error::{Error, Result},
    food_diary::FoodGroup,
    input,
    meal_plans::{self, dish_of, dish_of_item},
    meals::{
        diary::{self, Occasion},
        dish::{Dish, NewDish, Pantry},
    },
};

/// Something to be eaten, as it is planned.
#[derive(Clone, Debug, Serialize)]
pub struct NewPlannedMeal {
    /// Made by the client, or by the server.
    pub id: Option<PlannedMealId>,
    /// Whose plan; the viewer's when absent.
    pub person: Option<UserId>,
    /// On which day.
    pub date: NaiveDate,
    /// breakfast, lunch, dinner, snack or one's own.
    pub meal_type: String,
    /// What, and how much of it.
    pub dish: NewDish,
    /// What is to be remembered.
    pub note: Option<String>,
}

/// A template as it is put on dates.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Placement {
    /// Made by the client, or by the server: the first of what is planned has it.
    pub id: Option<PlannedMealId>,
    /// Whose plan; the viewer's when absent.
    pub person: Option<UserId>,
    /// Which template of the viewer's.
    pub template: MealPlanTemplateId,
    /// The date of its first day.
    pub from: NaiveDate,
    /// How often, one after the other.
    pub times: i32,
}

/// What is to change of something planned: absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct PlannedMealChange {
    /// On which day.
    pub date: Option<NaiveDate>,
    /// Which meal.
    pub meal_type: Option<String>,
    /// How much.
    pub quantity: Option<Decimal>,
    /// Unit of `quantity`.
    pub unit: Option<String>,
    /// What is to be remembered.
    pub note: Option<Option<String>>,
    /// Whether it is not eaten.
    pub skipped: Option<bool>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// How something planned was eaten.
#[derive(Clone, Debug, Default)]
pub struct Eating {
    /// How much; what was planned when absent.
    pub quantity: Option<Decimal>,
    /// Unit of `quantity`; the planned one when absent.
    pub unit: Option<String>,
    /// When; now when it was planned for today, else at the usual time of the meal on the planned day.
    pub consumed_at: Option<DateTime<Utc>>,
    /// Where; the person's zone when absent.
    pub time_zone: Option<Tz>,
}

/// What was eaten in place of something planned.
#[derive(Clone, Copy, Debug)]
pub enum Replacement {
    /// A logged meal.
    Group(FoodGroupId),
    /// An entry.
    Entry(FoodEntryId),
}

/// Something planned, and how it stands now.
#[derive(Clone, Debug, FromQueryResult)]
pub struct PlannedMeal {
    /// The row.
    #[sea_orm(nested)]
    pub row: Model,
    /// What became of it, as the diary bears out.
    pub stands: PlanStatus,
}

/// How a day went.
#[derive(Clone, Debug, FromQueryResult)]
pub struct DayAdherence {
    /// The day.
    pub day: NaiveDate,
    /// How much was planned.
    pub planned: i64,
    /// How much of that was eaten.
    pub eaten: i64,
    /// In place of how much something else was eaten.
    pub replaced: i64,
    /// How much was skipped.
    pub skipped: i64,
    /// Planned kcal, as far as they are known.
    pub planned_calories: Decimal,
    /// Whether they are known of every part of all that was planned.
    pub calories_known: bool,
    /// kcal that the template aims at from which the day was planned; `None` where that is none, several, or not the viewer's.
    pub target_calories: Option<Decimal>,
    /// kcal of all that was eaten on the day, planned or not.
    pub eaten_calories: Decimal,
}

const MOST_AT_ONCE: usize = 1_000;
const MOST_DAYS: i64 = 400;

/// What became of a row `p`: what was logged for it and taken out of the diary again was not eaten.
const STANDS: &str = "CASE WHEN planned_meals.status IN ('eaten', 'replaced')
    AND NOT EXISTS (SELECT FROM food_diary e WHERE e.user_id = planned_meals.user_id AND e.id = planned_meals.eaten_entry_id AND e.deleted_at IS NULL)
    AND NOT EXISTS (SELECT FROM food_diary_groups g WHERE g.user_id = planned_meals.user_id AND g.id = planned_meals.eaten_group_id AND g.deleted_at IS NULL)
  THEN 'planned' ELSE planned_meals.status END";

/// What is planned from one day to another, in order.
pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<PlannedMeal>> {
    let rows = Entity::find()
        .expr_as(Expr::cust(STANDS), "stands")
        .filter(Column::UserId.eq(person))
        .filter(Column::PlannedOn.between(from, to))
        .order_by_asc(Column::PlannedOn)
        .order_by_asc(Column::Id);
    Ok(rows.into_model().all(tx).await?)
}

/// How the days from one to another went: one row for each.
pub async fn adherence(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<DayAdherence>> {
    let sql = format!(
        "SELECT d.day, p.planned, p.eaten, p.replaced, p.skipped, p.planned_calories, p.calories_known, p.target_calories, e.eaten_calories
         FROM (SELECT day::date FROM generate_series($2::timestamp, $3::timestamp, interval '1 day') AS s (day)) d
         LEFT JOIN LATERAL (
           SELECT count(*) AS planned, count(*) FILTER (WHERE stands = 'eaten') AS eaten, count(*) FILTER (WHERE stands = 'replaced') AS replaced,
             count(*) FILTER (WHERE stands = 'skipped') AS skipped, coalesce(sum(calories), 0) AS planned_calories,
             coalesce(bool_and(NOT 'calories' = ANY (unknown)), true) AS calories_known,
             CASE WHEN count(DISTINCT template_id) = 1 THEN min(target_calories) END AS target_calories
           FROM (SELECT planned_meals.calories, planned_meals.unknown, planned_meals.template_id, t.target_calories, {STANDS} AS stands
                 FROM planned_meals LEFT JOIN meal_plan_templates t ON t.user_id = planned_meals.user_id AND t.id = planned_meals.template_id
                 WHERE planned_meals.user_id = $1 AND planned_meals.planned_on = d.day) of_day
         ) p ON true
         LEFT JOIN LATERAL (
           SELECT coalesce(sum(f.calories), 0) AS eaten_calories FROM food_diary f
           WHERE f.user_id = $1 AND f.consumed_on = d.day AND f.deleted_at IS NULL AND f.status = 'eaten'
         ) e ON true
         ORDER BY d.day"
    );
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [person.0.into(), from.into(), to.into()]);
    Ok(DayAdherence::find_by_statement(statement).all(tx).await?)
}

/// Plans something.
pub async fn plan(tx: &Tx, new: NewPlannedMeal) -> Result<PlannedMeal> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    let repeated =
        |existing: Option<PlannedMeal>| input::repeated(existing, |planned| planned.row.created_from.as_ref() == Some(&created_from));
    if let Some(id) = new.id
        && let Some(planned) = find(tx, person, id).await?
    {
        return repeated(Some(planned));
    }
    let id = new.id.unwrap_or_else(|| PlannedMealId(tx.new_id()));
    let dish = Dish::of(tx, new.dish).await?;
    let row = ActiveModel {
        id: Set(id),
        created_from: Set(Some(created_from.clone())),
        ..planned_row(person, day::checked("date", new.date)?, &new.meal_type, &dish, new.note)?
    };
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => Ok(PlannedMeal { stands: row.status, row }),
        None => repeated(find(tx, person, id).await?),
    }
}

/// Puts a template on dates. Answers with the first and the last of them.
pub async fn place(tx: &Tx, placement: Placement) -> Result<(UserId, NaiveDate, NaiveDate)> {
    let created_from = input::fingerprint(&placement)?;
    let person = tx.viewer_or(placement.person)?;
    let from = day::checked("from", placement.from)?;
    let times = input::integer("times", placement.times, 1..=52)?;
    let template =
        meal_plans::find(tx, placement.template).await?.ok_or(Error::NoSuch { field: "templateId", what: "meal plan template" })?;
    let last = from + TimeDelta::days(i64::from(template.days) * i64::from(times) - 1);
    day::range(from, last, MOST_DAYS).map_err(|_| {
        Error::invalid("times", format!("would reach to {last}: a plan is put on at most {MOST_DAYS} days at once, up to {}", day::LAST))
    })?;
    // Asked first: what is on the template may be gone by now.
    if placed_before(tx, person, placement.id, &created_from).await? {
        return Ok((person, from, last));
    }
    let items = meal_plans::items(tx, &[template.id]).await?;
    if items.is_empty() {
        return Err(Error::invalid("templateId", "there is nothing on this template yet"));
    }
    if items.len() * usize::try_from(times).unwrap_or_default() > MOST_AT_ONCE {
        return Err(Error::invalid(
            "times",
            format!("would plan {} meals each time, and at most {MOST_AT_ONCE} are planned at once", items.len()),
        ));
    }
    let dishes: Vec<_> = items.iter().map(dish_of_item).collect();
    let pantry = Pantry::of_dishes(tx, &dishes).await?;
    let new_ids = tx.new_ids(items.len() * usize::try_from(times).unwrap_or_default());
    let mut ids = placement.id.map(|id| id.0).into_iter().chain(new_ids);
    let mut rows = Vec::new();
    for (item, dish) in items.iter().zip(dishes) {
        let dish = pantry.dish(dish).map_err(|error| {
            Error::invalid("templateId", format!("{} on day {} cannot be planned any more: {error}", item.name, item.day))
        })?;
        for (time, id) in (0..times).zip(ids.by_ref()) {
            let date = from + TimeDelta::days(i64::from(time) * i64::from(template.days) + i64::from(item.day) - 1);
            rows.push(ActiveModel {
                id: Set(PlannedMealId(id)),
                // Of another person's plan a template of one's own is no business.
                template_id: Set((person == template.user_id).then_some(template.id)),
                created_from: Set(Some(created_from.clone())),
                ..planned_row(person, date, &item.meal_type, &dish, item.note.clone())?
            });
        }
    }
    let rest = rows.split_off(1);
    // Whoever sends the same at the same time waits here for the other one.
    let first = Entity::insert_many(rows).on_conflict_do_nothing_on([Column::UserId, Column::Id]).exec_without_returning(tx).await?;
    let taken = matches!(first, TryInsertResult::Conflicted | TryInsertResult::Inserted(0));
    if taken && placed_before(tx, person, placement.id, &created_from).await? {
        return Ok((person, from, last));
    }
    Entity::insert_many(rest).exec_without_returning(tx).await?;
    Ok((person, from, last))
}

/// Whether the same request planned something, of which anything is planned still; refused where something else has its id.
async fn placed_before(tx: &Tx, person: UserId, id: Option<PlannedMealId>, created_from: &[u8]) -> Result<bool> {
    let Some(id) = id else { return Ok(false) };
    let same = |row: &Model| row.created_from.as_deref() == Some(created_from);
    let rows = Entity::find().filter(Column::UserId.eq(person)).filter(Column::Id.eq(id).or(Column::CreatedFrom.eq(created_from)));
    match rows.all(tx).await?.into_iter().max_by_key(same) {
        Some(row) => input::repeated(Some(row), same).map(|_| true),
        None => Ok(false),
    }
}

/// Moves, changes or skips something planned. What was eaten already stays as it is.
pub async fn update(tx: &Tx, person: Option<UserId>, id: PlannedMealId, change: PlannedMealChange) -> Result<(PlannedMeal, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let planned = editable(tx, person, id, change.expected_version).await?;
    let before = planned.row.planned_on;
    let is_eaten = matches!(planned.stands, PlanStatus::Eaten | PlanStatus::Replaced);
    if is_eaten && (change.quantity.is_some() || change.unit.is_some() || change.skipped == Some(true)) {
        return Err(Error::conflict("this was eaten: change what is in the diary, or take it out there first"));
    }
    let mut row = ActiveModel {
        user_id: Unchanged(person),
        id: Unchanged(id),
        planned_on: change.date.map(|date| day::checked("date", date)).transpose()?.map_or(NotSet, Set),
        meal_type: change.meal_type.map(|meal| crate::food_diary::meal_type(&meal)).transpose()?.map_or(NotSet, Set),
        note: change.note.map(|note| note.map(|note| input::paragraph("note", &note, 1_000)).transpose()).transpose()?.map_or(NotSet, Set),
        ..Default::default()
    };
    if change.quantity.is_some() || change.unit.is_some() {
        row = with_dish(row, &planned.dish_as_it_is(tx, change.quantity, change.unit).await?)?;
    }
    match change.skipped {
        Some(true) => row.status = Set(PlanStatus::Skipped),
        Some(false) if planned.stands == PlanStatus::Skipped => row.status = Set(PlanStatus::Planned),
        _ => {}
    }
    if sea_orm::ActiveModelTrait::is_changed(&row) {
        Entity::update(row).exec(tx).await?;
    }
    let planned = find(tx, person, id).await?.ok_or(Error::NotFound("planned meal"))?;
    Ok((planned, before))
}

/// Takes something off the plan. What was eaten of it stays in the diary. Answers with the day it was on.
pub async fn remove(tx: &Tx, person: Option<UserId>, id: PlannedMealId, expected_version: Option<i32>) -> Result<(UserId, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let planned = editable(tx, person, id, expected_version).await?;
    Entity::delete_by_id((person, id)).exec(tx).await?;
    Ok((person, planned.row.planned_on))
}

/// Logs something planned as eaten, once: while it is in the diary, asking again answers the same.
pub async fn eat(tx: &Tx, person: Option<UserId>, id: PlannedMealId, eating: Eating) -> Result<(PlannedMeal, FoodGroup)> {
    let person = tx.viewer_or(person)?;
    let planned = editable(tx, person, id, None).await?;
    match planned.stands {
        PlanStatus::Eaten => {
            let group = planned.row.eaten_group_id.ok_or_else(|| Error::internal("a planned meal that was eaten names no group"))?;
            let group = crate::food_diary::groups_by_ids(tx, person, &[group]).await?.pop().ok_or(Error::NotFound("logged meal"))?;
            return Ok((planned, group));
        }
        PlanStatus::Replaced => return Err(Error::conflict("something else was eaten in place of this: take that out of the diary first")),
        PlanStatus::Planned | PlanStatus::Skipped => {}
    }
    let occasion = Occasion {
        meal_type: planned.row.meal_type.clone(),
        date: eating.consumed_at.is_none().then_some(planned.row.planned_on),
        consumed_at: eating.consumed_at,
        time_zone: eating.time_zone,
        note: planned.row.note.clone(),
    };
    let dish = planned.dish_as_it_is(tx, eating.quantity, eating.unit).await?;
    let group = diary::log_dish(tx, None, Some(person), &dish, occasion, None).await?;
    let became = ActiveModel {
        status: Set(PlanStatus::Eaten),
        eaten_group_id: Set(Some(group.group.id)),
        eaten_entry_id: Set(None),
        ..Default::default()
    };
    Ok((became_of(tx, person, id, became).await?, group))
}

/// Notes that something else was eaten in place of something planned.
pub async fn replace(tx: &Tx, person: Option<UserId>, id: PlannedMealId, by: Replacement) -> Result<PlannedMeal> {
    let person = tx.viewer_or(person)?;
    let planned = editable(tx, person, id, None).await?;
    if planned.stands == PlanStatus::Eaten {
        return Err(Error::conflict("this was eaten as planned: take that out of the diary first"));
    }
    let mut became =
        ActiveModel { status: Set(PlanStatus::Replaced), eaten_group_id: Set(None), eaten_entry_id: Set(None), ..Default::default() };
    match by {
        Replacement::Group(group) => {
            let there = crate::food_diary::groups_by_ids(tx, person, &[group]).await?.pop();
            became.eaten_group_id = Set(Some(there.ok_or(Error::NoSuch { field: "groupId", what: "logged meal" })?.group.id));
        }
        Replacement::Entry(entry) => {
            let there = food_diary::Entity::find_by_id((person, entry)).filter(food_diary::Column::DeletedAt.is_null()).one(tx).await?;
            became.eaten_entry_id = Set(Some(there.ok_or(Error::NoSuch { field: "entryId", what: "food entry" })?.id));
        }
    }
    became_of(tx, person, id, became).await
}

async fn became_of(tx: &Tx, person: UserId, id: PlannedMealId, became: ActiveModel) -> Result<PlannedMeal> {
    Entity::update(ActiveModel { user_id: Unchanged(person), id: Unchanged(id), ..became }).exec(tx).await?;
    find(tx, person, id).await?.ok_or(Error::NotFound("planned meal"))
}

async fn find(tx: &Tx, person: UserId, id: PlannedMealId) -> Result<Option<PlannedMeal>> {
    Ok(Entity::find_by_id((person, id)).expr_as(Expr::cust(STANDS), "stands").into_model().one(tx).await?)
}

/// Something planned that the viewer may change, locked until the transaction ends.
async fn editable(tx: &Tx, person: UserId, id: PlannedMealId, expected_version: Option<i32>) -> Result<PlannedMeal> {
    let row = Entity::find_by_id((person, id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("planned meal"))?;
    input::expect_version(expected_version, row.version, || scalars(&row))?;
    find(tx, person, id).await?.ok_or(Error::NotFound("planned meal"))
}

impl PlannedMeal {
    /// What is planned.
    pub fn as_planned(&self) -> NewDish {
        self.dish(None, None)
    }

    /// What is planned, as it is today. That it is gone is no fault of what was asked.
    async fn dish_as_it_is(&self, tx: &Tx, quantity: Option<Decimal>, unit: Option<String>) -> Result<Dish> {
        Dish::of(tx, self.dish(quantity, unit)).await.map_err(|error| match error {
            Error::NoSuch { what, .. } => Error::conflict(format!(
                "{} cannot be eaten as planned: the {what} was deleted or is not shared with you any more. Log what was eaten and replace it by that, or skip it",
                self.row.name
            )),
            other => other,
        })
    }

    /// What is planned, in another amount if one is given.
    fn dish(&self, quantity: Option<Decimal>, unit: Option<String>) -> NewDish {
        let row = &self.row;
        let unit = unit.unwrap_or_else(|| row.unit.clone());
        dish_of((row.meal_owner_id, row.meal_id), row.food_item_id, &row.name, quantity.unwrap_or(row.quantity), &unit)
    }
}

fn planned_row(person: UserId, date: NaiveDate, meal_type: &str, dish: &Dish, note: Option<String>) -> Result<ActiveModel> {
    let row = ActiveModel {
        user_id: Set(person),
        planned_on: Set(date),
        meal_type: Set(crate::food_diary::meal_type(meal_type)?),
        meal_owner_id: Set(dish.meal.map(|(owner, _)| owner)),
        meal_id: Set(dish.meal.map(|(_, meal)| meal)),
        food_item_id: Set(dish.food),
        name: Set(dish.name.clone()),
        note: Set(note.map(|note| input::paragraph("note", &note, 1_000)).transpose()?),
        status: Set(PlanStatus::Planned),
        ..Default::default()
    };
    with_dish(row, dish)
}

/// What is kept of what is planned: sums of what is known, `None` where nothing is.
const KEPT: [&str; 4] = ["calories", "protein", "carbohydrates", "fat"];

/// The amount, what it contains as far as that is known, and what is not known of every part.
fn with_dish(row: ActiveModel, dish: &Dish) -> Result<ActiveModel> {
    let parts = dish.parts()?;
    let unknown = dish.totals()?.unknown.into_iter().filter(|name| KEPT.contains(&name.as_str())).collect();
    let sum = |amount: fn(&crate::nutrition::Nutrition) -> Option<Decimal>| {
        parts.iter().filter_map(|part| amount(&part.nutrition)).reduce(|sum, part| sum + part)
    };
    Ok(ActiveModel {
        quantity: Set(dish.quantity),
        unit: Set(dish.unit.clone()),
        calories: Set(sum(|nutrition| nutrition.calories)),
        protein: Set(sum(|nutrition| nutrition.protein)),
        carbohydrates: Set(sum(|nutrition| nutrition.carbohydrates)),
        fat: Set(sum(|nutrition| nutrition.fat)),
        unknown: Set(unknown),
        ..row
    })
}

fn scalars(row: &Model) -> JsonValue {
    serde_json::json!({
        "id": row.id, "date": row.planned_on, "mealType": row.meal_type, "name": row.name, "quantity": row.quantity.normalize(), "unit": row.unit,
        "note": row.note, "version": row.version,
    })
}
