//! Meal plan templates: some days of meals, such as a week, with what a day aims at. They are their owner's alone.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use entity::{
    id::{FoodId, MealId, MealPlanTemplateId, UserId},
    meal_plan_template_items as items,
    meal_plan_templates::{ActiveModel, Column, Entity, Model},
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{NotSet, Set, Unchanged},
    ColumnTrait, Condition, EntityTrait, JsonValue, QueryFilter, QueryOrder, QuerySelect,
};
use serde::Serialize;

use crate::{
    access::Tx,
    error::{Error, Result},
    input,
    meals::{
        dish::{Dish, NewDish, Pantry},
        recipe::{self, Part},
    },
    nutrition::Totals,
    page::{Page, PageRequest},
};

/// A template as its owner describes it.
#[derive(Clone, Debug, Serialize)]
pub struct NewTemplate {
    /// Made by the client, or by the server.
    pub id: Option<MealPlanTemplateId>,
    /// What it is called.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// kcal a day that it aims at.
    pub target_calories: Option<Decimal>,
    /// How long it is before it begins anew: 1 to 366.
    pub days: i32,
    /// What is eaten on them.
    pub items: Vec<NewItem>,
}

/// What is eaten on a day of a template.
#[derive(Clone, Debug, Serialize)]
pub struct NewItem {
    /// On which day, from 1.
    pub day: i32,
    /// breakfast, lunch, dinner, snack or one of one's own.
    pub meal_type: String,
    /// What, and how much of it.
    pub dish: NewDish,
    /// What is to be remembered.
    pub note: Option<String>,
}

/// What is to change of a template: absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct TemplateChange {
    /// What it is called.
    pub name: Option<String>,
    /// What it is.
    pub description: Option<Option<String>>,
    /// kcal a day that it aims at.
    pub target_calories: Option<Option<Decimal>>,
    /// Whether its owner uses it.
    pub is_active: Option<bool>,
    /// How long it is.
    pub days: Option<i32>,
    /// Replaces all items.
    pub items: Option<Vec<NewItem>>,
    /// Refuse when the template is at another version.
    pub expected_version: Option<i32>,
}

const MOST_ITEMS: usize = 500;

/// The viewer's templates, newest first.
pub async fn list(tx: &Tx, page: &PageRequest) -> Result<Page<Model>> {
    let owner = tx.viewer()?;
    let filter = ("meal plan templates", owner);
    let mut rows = Entity::find().filter(Column::UserId.eq(owner));
    if let Some((at, id)) = page.key::<(DateTime<Utc>, MealPlanTemplateId)>(&filter)? {
        let same_time = Condition::all().add(Column::CreatedAt.eq(at)).add(Column::Id.lt(id));
        rows = rows.filter(Condition::any().add(Column::CreatedAt.lt(at)).add(same_time));
    }
    let rows = rows.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).limit(page.limit()?).all(tx).await?;
    page.page(&filter, rows, |row| (row.created_at, row.id))
}

/// A template of the viewer's own.
pub async fn find(tx: &Tx, id: MealPlanTemplateId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id((tx.viewer()?, id)).one(tx).await?)
}

/// What is eaten on the days of the viewer's templates, in order.
pub async fn items(tx: &Tx, templates: &[MealPlanTemplateId]) -> Result<Vec<items::Model>> {
    let rows = items::Entity::find()
        .filter(items::Column::UserId.eq(tx.viewer()?))
        .filter(items::Column::TemplateId.is_in(templates.iter().copied()))
        .order_by_asc(items::Column::TemplateId)
        .order_by_asc(items::Column::Position);
    Ok(rows.all(tx).await?)
}

/// What the days of templates come to.
#[derive(Debug, Default)]
pub struct DayTotals {
    /// What those days come to on which something is eaten, as it is today.
    pub of: HashMap<MealPlanTemplateId, BTreeMap<i32, Totals>>,
    /// Whose meals and foods tell it.
    pub owners: HashSet<UserId>,
}

/// What the days of the viewer's templates come to. Of what is gone nothing is known.
pub async fn day_totals(tx: &Tx, templates: &[MealPlanTemplateId]) -> Result<DayTotals> {
    let items = items(tx, templates).await?;
    let dishes: Vec<_> = items.iter().map(dish_of_item).collect();
    let pantry = Pantry::of_dishes(tx, &dishes).await?;
    let mut eaten: HashMap<_, BTreeMap<_, Vec<Part>>> = HashMap::new();
    for (item, dish) in items.iter().zip(dishes) {
        let on_day = eaten.entry(item.template_id).or_default().entry(item.day).or_default();
        on_day.extend(pantry.dish_or_words(dish)?.parts()?);
    }
    let total = |parts: Vec<Part>| recipe::totals(parts.iter().map(|part| &part.nutrition));
    let of_days = |days: BTreeMap<_, Vec<Part>>| days.into_iter().map(|(day, parts)| (day, total(parts))).collect();
    Ok(DayTotals { of: eaten.into_iter().map(|(template, days)| (template, of_days(days))).collect(), owners: pantry.owners() })
}

/// Adds a template of the viewer's own.
pub async fn create(tx: &Tx, new: NewTemplate) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let owner = tx.viewer()?;
    let repeated = |existing: Option<Model>| input::repeated(existing, |row| row.created_from.as_ref() == Some(&created_from));
    if let Some(id) = new.id
        && let Some(row) = find(tx, id).await?
    {
        return repeated(Some(row));
    }
    let id = new.id.unwrap_or_else(|| MealPlanTemplateId(tx.new_id()));
    let days = days(new.days)?;
    let row = ActiveModel {
        user_id: Set(owner),
        id: Set(id),
        name: Set(input::line("name", &new.name, 255)?),
        description: Set(new.description.map(|text| input::paragraph("description", &text, 10_000)).transpose()?),
        target_calories: Set(new.target_calories.map(target).transpose()?),
        days: Set(days),
        is_active: Set(true),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    let items = checked_items(tx, new.items, days).await?;
    let Some(row) = input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? else {
        return repeated(find(tx, id).await?);
    };
    insert_items(tx, owner, id, items).await?;
    Ok(row)
}

/// Changes a template of the viewer's own. What was planned by it stays.
pub async fn update(tx: &Tx, id: MealPlanTemplateId, change: TemplateChange) -> Result<Model> {
    let template = editable(tx, id, change.expected_version).await?;
    let owner = template.user_id;
    let days = days(change.days.unwrap_or(template.days))?;
    let mut row = ActiveModel {
        user_id: Unchanged(owner),
        id: Unchanged(id),
        name: change.name.map(|name| input::line("name", &name, 255)).transpose()?.map_or(NotSet, Set),
        description: change
            .description
            .map(|text| text.map(|text| input::paragraph("description", &text, 10_000)).transpose())
            .transpose()?
            .map_or(NotSet, Set),
        target_calories: change.target_calories.map(|value| value.map(target).transpose()).transpose()?.map_or(NotSet, Set),
        is_active: change.is_active.map_or(NotSet, Set),
        days: change.days.map_or(NotSet, |_| Set(days)),
        ..Default::default()
    };
    match change.items {
        Some(new) => {
            let new = checked_items(tx, new, days).await?;
            items::Entity::delete_many().filter(items::Column::UserId.eq(owner)).filter(items::Column::TemplateId.eq(id)).exec(tx).await?;
            insert_items(tx, owner, id, new).await?;
            // New items are a change of the template too, so its version must count them.
            row.days = Set(days);
        }
        None if days < template.days => {
            if let Some(item) = items(tx, &[id]).await?.iter().find(|item| item.day > days) {
                return Err(Error::invalid("days", format!("{} is eaten on day {}: move or remove it first", item.name, item.day)));
            }
        }
        None => {}
    }
    if !sea_orm::ActiveModelTrait::is_changed(&row) {
        return Ok(template);
    }
    Ok(Entity::update(row).exec(tx).await?)
}

/// Deletes a template of the viewer's own. What was planned by it stays.
pub async fn delete(tx: &Tx, id: MealPlanTemplateId, expected_version: Option<i32>) -> Result<MealPlanTemplateId> {
    let template = editable(tx, id, expected_version).await?;
    Entity::delete_by_id((template.user_id, id)).exec(tx).await?;
    Ok(id)
}

async fn editable(tx: &Tx, id: MealPlanTemplateId, expected_version: Option<i32>) -> Result<Model> {
    let template =
        Entity::find_by_id((tx.viewer()?, id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("meal plan template of your own"))?;
    input::expect_version(expected_version, template.version, || scalars(&template))?;
    Ok(template)
}

fn days(days: i32) -> Result<i32> {
    input::integer("days", days, 1..=366)
}

fn target(calories: Decimal) -> Result<Decimal> {
    input::number("targetCalories", calories, 3, Decimal::ZERO..=Decimal::from(100_000))
}

/// What is kept of a template's item.
struct Item {
    day: i32,
    meal_type: String,
    dish: Dish,
    note: Option<String>,
}

async fn checked_items(tx: &Tx, new: Vec<NewItem>, days: i32) -> Result<Vec<Item>> {
    if new.len() > MOST_ITEMS {
        return Err(Error::invalid("items", format!("a template has at most {MOST_ITEMS} items")));
    }
    let pantry = Pantry::of(tx, new.iter().filter_map(|item| item.dish.meal), new.iter().filter_map(|item| item.dish.food)).await?;
    let check = |(place, item): (usize, NewItem)| {
        let checked = || {
            Ok(Item {
                day: input::integer("day", item.day, 1..=days)?,
                meal_type: crate::food_diary::meal_type(&item.meal_type)?,
                dish: pantry.dish(item.dish)?,
                note: item.note.map(|note| input::paragraph("note", &note, 1_000)).transpose()?,
            })
        };
        checked().map_err(|error: Error| error.within(&format!("items[{place}]")))
    };
    new.into_iter().enumerate().map(check).collect()
}

async fn insert_items(tx: &Tx, owner: UserId, template: MealPlanTemplateId, new: Vec<Item>) -> Result<()> {
    let rows = (0..).zip(new).map(|(position, item)| items::ActiveModel {
        user_id: Set(owner),
        template_id: Set(template),
        position: Set(position),
        day: Set(item.day),
        meal_type: Set(item.meal_type),
        meal_owner_id: Set(item.dish.meal.map(|(owner, _)| owner)),
        meal_id: Set(item.dish.meal.map(|(_, meal)| meal)),
        food_item_id: Set(item.dish.food),
        name: Set(item.dish.name),
        quantity: Set(item.dish.quantity),
        unit: Set(item.dish.unit),
        note: Set(item.note),
    });
    items::Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// What an item of a template is.
pub(crate) fn dish_of_item(item: &items::Model) -> NewDish {
    dish_of((item.meal_owner_id, item.meal_id), item.food_item_id, &item.name, item.quantity, &item.unit)
}

/// The dish that a row names.
pub(crate) fn dish_of(meal: (Option<UserId>, Option<MealId>), food: Option<FoodId>, name: &str, quantity: Decimal, unit: &str) -> NewDish {
    NewDish { meal: meal.0.zip(meal.1), food, name: Some(name.to_owned()), quantity, unit: unit.to_owned() }
}

fn scalars(template: &Model) -> JsonValue {
    serde_json::json!({
        "id": template.id, "name": template.name, "description": template.description, "days": template.days, "isActive": template.is_active,
        "targetCalories": template.target_calories.map(|calories| calories.normalize()), "version": template.version,
    })
}
