//! The food diary: what was eaten, in the person's days, with nutrition as it was when it was logged.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    food_diary::{ActiveModel, Column, Entity, Model},
    id::{FoodEntryId, FoodId, UserId},
    unit::round,
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, JsonValue, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde::Serialize;

use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    foods, input,
    nutrition::Nutrition,
    sync::{
        collection::{self, Collection, Context, Deletion, Document, Draft, Kind, derived, fixed, group, written},
        merge::Refused,
    },
};

/// Something eaten, as it is logged.
#[derive(Clone, Debug, Serialize)]
pub struct NewFoodEntry {
    /// Made by the client, or by the server.
    pub id: Option<FoodEntryId>,
    /// Whose diary; the viewer's when absent.
    pub person: Option<UserId>,
    /// What.
    pub food: FoodId,
    /// How much.
    pub quantity: Decimal,
    /// A unit or a portion of the food.
    pub unit: String,
    /// breakfast, lunch, dinner, snack or one's own.
    pub meal_type: String,
    /// When; now when absent.
    pub consumed_at: Option<DateTime<Utc>>,
    /// Where; the person's zone when absent.
    pub time_zone: Option<Tz>,
}

/// What is to change of an entry; absent keeps.
#[derive(Clone, Debug, Default)]
pub struct FoodEntryChange {
    /// How much.
    pub quantity: Option<Decimal>,
    /// A unit or a portion of the food.
    pub unit: Option<String>,
    /// Which meal.
    pub meal_type: Option<String>,
    /// When.
    pub consumed_at: Option<DateTime<Utc>>,
    /// Where.
    pub time_zone: Option<Tz>,
    /// Refuse when the entry is at another version.
    pub expected_version: Option<i32>,
}

/// The entries of a person's days from `from` to `to`, in the order they were eaten.
pub async fn between(tx: &Tx, person: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<Model>> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(person))
        .filter(Column::ConsumedOn.between(from, to))
        .filter(Column::DeletedAt.is_null())
        .order_by_asc(Column::ConsumedOn)
        .order_by_asc(Column::ConsumedAt)
        .order_by_asc(Column::Id);
    Ok(rows.all(tx).await?)
}

/// Logs something eaten, and keeps what it contains.
pub async fn log(tx: &Tx, new: NewFoodEntry) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    // Asked first: the food of an entry that is sent again may be gone by now.
    if let Some(id) = new.id
        && let Some(row) = find(tx, person, id).await?
    {
        return input::repeated(Some(row), |row| row.created_from.as_ref() == Some(&created_from));
    }
    let id = new.id.unwrap_or_else(|| FoodEntryId(tx.new_id()));
    let quantity = quantity(new.quantity)?;
    let meal_type = meal_type(&new.meal_type)?;
    let unit = input::line("unit", &new.unit, 100)?;
    let moment = Calendar::of(tx, person).await?.moment("consumedAt", new.consumed_at, new.time_zone, tx.now())?;
    let food = foods::find(tx, new.food).await?.ok_or(Error::NoSuch { field: "foodId", what: "food" })?;
    let (servings, unit) = food.servings(quantity, &unit)?;
    let nutrition = food.nutrition.times(servings)?;

    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        food_item_id: Set(Some(food.id)),
        food_name: Set(food.name),
        food_brand: Set(food.brand),
        nutrition_version: Set(Some(food.nutrition_version)),
        quantity: Set(quantity),
        unit: Set(unit),
        servings: Set(round(servings, 12)),
        meal_type: Set(meal_type),
        consumed_at: Set(moment.at),
        time_zone: Set(moment.time_zone.name().to_owned()),
        consumed_on: Set(moment.on),
        created_from: Set(Some(created_from.clone())),
        ..with_nutrition(nutrition)
    };
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => Ok(row),
        None => input::repeated(find(tx, person, id).await?, |row| row.created_from.as_ref() == Some(&created_from)),
    }
}

/// Changes an entry. What it contains changes with the amount alone, by the nutrition that it was logged with.
/// Answers with the entry and the day it was on before.
pub async fn update(tx: &Tx, person: Option<UserId>, id: FoodEntryId, change: FoodEntryChange) -> Result<(Model, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let entry = editable(tx, person, id, change.expected_version).await?;
    let before = entry.consumed_on;
    let mut row = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), ..Default::default() };
    if change.quantity.is_some() || change.unit.is_some() {
        let quantity = quantity(change.quantity.unwrap_or(entry.quantity))?;
        let unit = change.unit.as_ref().map_or_else(|| Ok(entry.unit.clone()), |unit| input::line("unit", unit, 100))?;
        let food = match (entry.food_item_id, entry.nutrition_version) {
            (Some(food), Some(version)) => foods::in_version(tx, food, version).await?,
            _ => None,
        };
        let (servings, unit, nutrition) = Logged::from(&entry).rescaled(food.as_ref(), quantity, &unit)?;
        row = ActiveModel { quantity: Set(quantity), unit: Set(unit), servings: Set(round(servings, 12)), ..patched(row, nutrition) };
    }
    if let Some(meal) = &change.meal_type {
        row.meal_type = Set(meal_type(meal)?);
    }
    if change.consumed_at.is_some() || change.time_zone.is_some() {
        let time_zone = change.time_zone.map_or_else(|| day::zone("timeZone", &entry.time_zone), Ok)?;
        let at = change.consumed_at.unwrap_or(entry.consumed_at);
        let moment = Calendar::of(tx, person).await?.moment("consumedAt", Some(at), Some(time_zone), tx.now())?;
        row.consumed_at = Set(moment.at);
        row.time_zone = Set(moment.time_zone.name().to_owned());
        row.consumed_on = Set(moment.on);
    }
    if !sea_orm::ActiveModelTrait::is_changed(&row) {
        return Ok((entry, before));
    }
    Ok((Entity::update(row).exec(tx).await?, before))
}

/// Takes an entry out of the diary. Answers with the day it was on.
pub async fn delete(tx: &Tx, person: Option<UserId>, id: FoodEntryId, expected_version: Option<i32>) -> Result<(UserId, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let entry = editable(tx, person, id, expected_version).await?;
    Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(tx.now()))
        .filter(Column::UserId.eq(person))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok((person, entry.consumed_on))
}

/// The food diary on devices.
pub static SYNCED: Collection = Collection {
    name: "food_diary",
    person_column: "user_id",
    access: Some("calorie"),
    deletion: Deletion::At,
    groups: &[
        fixed(
            "food",
            &[
                written("food_item_id", Kind::Id),
                derived("food_name", Kind::Text),
                derived("food_brand", Kind::Text),
                derived("nutrition_version", Kind::Integer),
            ],
        ),
        group(
            "amount",
            &[
                written("quantity", Kind::Decimal),
                written("unit", Kind::Text),
                derived("servings", Kind::Decimal),
                derived("calories", Kind::Decimal),
                derived("protein", Kind::Decimal),
                derived("carbohydrates", Kind::Decimal),
                derived("fat", Kind::Decimal),
                derived("fiber", Kind::Decimal),
                derived("sugar", Kind::Decimal),
                derived("sodium", Kind::Decimal),
                derived("nutrients", Kind::Json),
            ],
        ),
        group("meal", &[written("meal_type", Kind::Text)]),
        group("moment", &[written("consumed_at", Kind::Instant), written("time_zone", Kind::Text), derived("consumed_on", Kind::Date)]),
    ],
    complete,
    complement: None,
};

fn complete(context: &Context, draft: &mut Draft) -> Result<(), Refused> {
    if draft.changes("amount") {
        complete_amount(context, draft)?;
    }
    if draft.changes("meal") {
        let meal_type = meal_type(draft.text("meal_type")?)?;
        draft.set("meal_type", meal_type);
    }
    if draft.changes("moment") {
        draft.fix_day(context, "consumed_at", "consumed_on")?;
    }
    Ok(())
}

/// The nutrition of a new entry is the food's; an older one keeps what it was logged with.
fn complete_amount(context: &Context, draft: &mut Draft) -> Result<(), Refused> {
    let quantity = quantity(draft.decimal("quantity")?)?;
    let unit = input::line("unit", draft.text("unit")?, 100)?;
    let food_id: Option<FoodId> = draft.optional_text("food_item_id")?.and_then(|id| id.parse().ok()).map(FoodId);
    let (servings, unit, nutrition) = match draft.before.as_ref().map(Logged::try_from).transpose()? {
        None => {
            let food = food_id.ok_or_else(|| Refused::missing("food_item_id"))?;
            let food = context.foods.get(&(food, None)).ok_or(Error::NoSuch { field: "food_item_id", what: "food" })?;
            let (servings, unit) = food.servings(quantity, &unit)?;
            draft.set("food_name", food.name.clone());
            draft.set("food_brand", food.brand.clone());
            draft.set("nutrition_version", food.nutrition_version);
            (servings, unit, food.nutrition.times(servings)?)
        }
        Some(entry) => entry.rescaled(food_id.and_then(|food| context.foods.get(&(food, entry.nutrition_version))), quantity, &unit)?,
    };
    draft.set_decimal("quantity", Some(quantity));
    draft.set("unit", unit);
    draft.set_decimal("servings", Some(round(servings, 12)));
    for (column, amount) in nutrition.headline() {
        draft.set_decimal(column, amount);
    }
    draft.set("nutrients", nutrition.nutrients);
    Ok(())
}

async fn find(tx: &Tx, person: UserId, id: FoodEntryId) -> Result<Option<Model>> {
    Ok(Entity::find_by_id((person, id)).filter(Column::DeletedAt.is_null()).one(tx).await?)
}

/// An entry that the viewer may change, locked until the transaction ends.
async fn editable(tx: &Tx, person: UserId, id: FoodEntryId, expected_version: Option<i32>) -> Result<Model> {
    let entry = Entity::find_by_id((person, id))
        .filter(Column::DeletedAt.is_null())
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound("food entry"))?;
    input::expect_version(expected_version, entry.version, || scalars(&entry))?;
    Ok(entry)
}

/// An entry as it was logged, from which another amount of it is told.
struct Logged {
    quantity: Decimal,
    unit: String,
    servings: Decimal,
    nutrition: Nutrition,
    nutrition_version: Option<i32>,
}

impl Logged {
    /// The servings, unit and nutrition of another amount; `food` is the food in the version it was logged with, while it exists.
    fn rescaled(&self, food: Option<&foods::Food>, quantity: Decimal, unit: &str) -> Result<(Decimal, String, Nutrition)> {
        let (servings, unit) = if unit.to_lowercase() == self.unit.to_lowercase() {
            (self.servings_in_same_unit(food, quantity)?, self.unit.clone())
        } else {
            let gone = || Error::invalid("unit", format!("the food is gone, so only {} can be told", self.unit));
            food.ok_or_else(gone)?.servings(quantity, unit)?
        };
        let nutrition = match food {
            Some(food) => food.nutrition.times(servings)?,
            None => self.nutrition.times(quantity / self.quantity)?,
        };
        Ok((servings, unit, nutrition))
    }

    /// In the same unit the portion at the time of logging is what counts, whatever the food says today. Where it still says the
    /// same, the food gives the servings in full; the ones of the entry were rounded when they were kept.
    fn servings_in_same_unit(&self, food: Option<&foods::Food>, quantity: Decimal) -> Result<Decimal> {
        if let Some(food) = food
            && let Ok((servings, _)) = food.servings(self.quantity, &self.unit)
            && round(servings, 12) == self.servings
        {
            return Ok(food.servings(quantity, &self.unit)?.0);
        }
        Ok(self.servings * quantity / self.quantity)
    }
}

impl From<&Model> for Logged {
    fn from(entry: &Model) -> Self {
        Self {
            quantity: entry.quantity,
            unit: entry.unit.clone(),
            servings: entry.servings,
            nutrition: Nutrition::from(entry),
            nutrition_version: entry.nutrition_version,
        }
    }
}

impl TryFrom<&Document> for Logged {
    type Error = Refused;

    fn try_from(entry: &Document) -> Result<Self, Refused> {
        Ok(Self {
            quantity: collection::required(collection::decimal(entry, "quantity")?, "quantity")?,
            unit: collection::required(collection::text(entry, "unit")?, "unit")?.to_owned(),
            servings: collection::required(collection::decimal(entry, "servings")?, "servings")?,
            nutrition: Nutrition::try_from(entry)?,
            nutrition_version: entry.get("nutrition_version").and_then(|version| i32::try_from(version.as_i64()?).ok()),
        })
    }
}

fn quantity(value: Decimal) -> Result<Decimal> {
    input::number("quantity", value, 3, Decimal::new(1, 3)..=Decimal::from(100_000))
}

fn meal_type(value: &str) -> Result<String> {
    Ok(input::line("mealType", value, 20)?.to_lowercase())
}

fn with_nutrition(nutrition: Nutrition) -> ActiveModel {
    patched(ActiveModel::default(), nutrition)
}

fn patched(row: ActiveModel, nutrition: Nutrition) -> ActiveModel {
    ActiveModel {
        calories: Set(nutrition.calories),
        protein: Set(nutrition.protein),
        carbohydrates: Set(nutrition.carbohydrates),
        fat: Set(nutrition.fat),
        fiber: Set(nutrition.fiber),
        sugar: Set(nutrition.sugar),
        sodium: Set(nutrition.sodium),
        nutrients: Set(nutrition.nutrients),
        ..row
    }
}

fn scalars(entry: &Model) -> JsonValue {
    serde_json::json!({
        "id": entry.id, "name": entry.food_name, "brand": entry.food_brand, "quantity": entry.quantity.normalize(), "unit": entry.unit,
        "mealType": entry.meal_type, "consumedAt": entry.consumed_at, "timeZone": entry.time_zone, "date": entry.consumed_on, "version": entry.version,
    })
}
