//! The food diary: what was eaten or is planned, in the person's days, with nutrition as it was when it was logged.

mod content;
mod copies;
mod corrections;
mod groups;

pub(crate) use content::volume;
pub use content::{Amount, Content};
pub use copies::{Copied, NewCopy, Source, copy};
pub use corrections::{Corrected, Correction, Corrections, correct};
pub use groups::{FoodGroup, GroupChange, MOST_PARTS, NewGroup, NewPart};
pub use groups::{
    SYNCED as SYNCED_GROUPS, by_ids as groups_by_ids, delete as delete_group, log as log_group, logged_before as group_logged_before,
    restore as restore_group, update as update_group,
};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    food_diary::{ActiveModel, Column, Entity, EntryStatus, Model},
    id::{FoodEntryId, FoodId, UserId},
    unit::round,
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveEnum,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, JsonValue, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde::Serialize;

use self::content::{Logged, quick_amount, typed, typed_nutrition};
use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    foods, input, meal_types,
    nutrition::Headline,
    sync::{
        collection::{Collection, Context, Deletion, Draft, Kind, derived, fixed, group, written},
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
    /// On which day, in place of `consumed_at`: now when that is today, else at the usual time of the meal.
    pub date: Option<NaiveDate>,
    /// Where; the person's zone when absent.
    pub time_zone: Option<Tz>,
    /// Whether it was eaten.
    pub status: EntryStatus,
    /// What the person wrote beside it, at most 1,000 characters.
    pub note: Option<String>,
}

/// Something eaten of which energy and nutrients are known, and no food.
#[derive(Clone, Debug, Serialize)]
pub struct NewQuickEntry {
    /// Made by the client, or by the server.
    pub id: Option<FoodEntryId>,
    /// Whose diary; the viewer's when absent.
    pub person: Option<UserId>,
    /// What it is called.
    pub name: String,
    /// What one of it contains.
    pub nutrition: Headline,
    /// How many of it.
    pub quantity: Decimal,
    /// breakfast, lunch, dinner, snack or one's own.
    pub meal_type: String,
    /// When; now when absent.
    pub consumed_at: Option<DateTime<Utc>>,
    /// On which day, in place of `consumed_at`: now when that is today, else at the usual time of the meal.
    pub date: Option<NaiveDate>,
    /// Where; the person's zone when absent.
    pub time_zone: Option<Tz>,
    /// Whether it was eaten.
    pub status: EntryStatus,
    /// What the person wrote beside it, at most 1,000 characters.
    pub note: Option<String>,
}

/// What is to change of an entry; absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct FoodEntryChange {
    /// Another name, of an entry without a food.
    pub name: Option<String>,
    /// What one of it contains, of an entry without a food.
    pub nutrition: Option<Headline>,
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
    /// Whether it was eaten.
    pub status: Option<EntryStatus>,
    /// What the person wrote beside it.
    pub note: Option<Option<String>>,
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

/// Those entries that were eaten: what is planned counts in no sum of what was.
pub fn eaten(entries: &[Model]) -> impl Iterator<Item = &Model> {
    entries.iter().filter(|entry| entry.status == EntryStatus::Eaten)
}

/// Those entries that are planned.
pub fn planned(entries: &[Model]) -> impl Iterator<Item = &Model> {
    entries.iter().filter(|entry| entry.status == EntryStatus::Planned)
}

/// Logs something eaten, and keeps what it contains.
pub async fn log(tx: &Tx, new: NewFoodEntry) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    // Asked first: the food of an entry that is sent again may be gone by now.
    if let Some(row) = logged_before(tx, person, new.id, &created_from).await? {
        return Ok(row);
    }
    let quantity = quantity(new.quantity)?;
    let unit = input::line("unit", &new.unit, 100)?;
    let occasion =
        Occasion::of(tx, person, &new.meal_type, When::of(new.consumed_at, new.date, new.time_zone), new.status, new.note.as_deref())
            .await?;
    let food = foods::meant(tx, new.food).await?.ok_or(Error::NoSuch { field: "foodId", what: "food" })?;
    insert(tx, person, new.id, &occasion, Content::of_food(&food, quantity, &unit)?, created_from).await
}

/// Logs something eaten of which energy and nutrients are known, and no food.
pub async fn log_nutrition(tx: &Tx, new: NewQuickEntry) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    if let Some(row) = logged_before(tx, person, new.id, &created_from).await? {
        return Ok(row);
    }
    let occasion =
        Occasion::of(tx, person, &new.meal_type, When::of(new.consumed_at, new.date, new.time_zone), new.status, new.note.as_deref())
            .await?;
    insert(tx, person, new.id, &occasion, Content::quick(&new.name, new.nutrition, new.quantity)?, created_from).await
}

/// The entry that the same input made, when it is sent again.
async fn logged_before(tx: &Tx, person: UserId, id: Option<FoodEntryId>, created_from: &[u8]) -> Result<Option<Model>> {
    let Some(id) = id else { return Ok(None) };
    match find(tx, person, id).await? {
        Some(row) => input::repeated(Some(row), |row| row.created_from.as_deref() == Some(created_from)).map(Some),
        None => Ok(None),
    }
}

async fn insert(
    tx: &Tx,
    person: UserId,
    id: Option<FoodEntryId>,
    occasion: &Occasion,
    content: Content,
    created_from: Vec<u8>,
) -> Result<Model> {
    let id = id.unwrap_or_else(|| FoodEntryId(tx.new_id()));
    let row = ActiveModel { created_from: Set(Some(created_from.clone())), ..content.row(person, id, None, occasion) };
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => Ok(row),
        None => input::repeated(find(tx, person, id).await?, |row| row.created_from.as_ref() == Some(&created_from)),
    }
}

/// When something is eaten: at an instant, or on a day.
#[derive(Clone, Copy, Debug)]
struct When {
    at: Option<DateTime<Utc>>,
    date: Option<NaiveDate>,
    time_zone: Option<Tz>,
}

impl When {
    fn of(at: Option<DateTime<Utc>>, date: Option<NaiveDate>, time_zone: Option<Tz>) -> Self {
        Self { at, date, time_zone }
    }
}

/// When, where and at which meal something is eaten.
#[derive(Clone, Debug)]
struct Occasion {
    meal_type: String,
    moment: day::Moment,
    status: EntryStatus,
    note: Option<String>,
}

impl Occasion {
    async fn of(tx: &Tx, person: UserId, meal: &str, when: When, status: EntryStatus, note: Option<&str>) -> Result<Self> {
        let meal_type = meal_type(meal)?;
        let note = note.map(self::note).transpose()?;
        let calendar = Calendar::of(tx, person).await?;
        let time_zone = when.time_zone.unwrap_or(calendar.time_zone);
        let today = calendar.day_of(tx.now(), time_zone);
        let moment = match (when.date, when.at) {
            (Some(_), Some(_)) => return Err(Error::invalid("date", "leave out date or consumedAt, which says the day too")),
            (Some(date), None) if date != today => {
                let time = meal_types::default_time(tx, person, &meal_type).await?;
                calendar.moment_on("date", date, time, time_zone)?
            }
            (_, at) => calendar.moment("consumedAt", at, Some(time_zone), tx.now())?,
        };
        Ok(Self { meal_type, moment, status, note })
    }
}

/// Changes an entry. What it contains changes with the amount alone, by the nutrition that it was logged with.
/// Answers with the entry and the day it was on before.
pub async fn update(tx: &Tx, person: Option<UserId>, id: FoodEntryId, change: FoodEntryChange) -> Result<(Model, NaiveDate)> {
    let person = tx.viewer_or(person)?;
    let entry = editable(tx, person, id, change.expected_version).await?;
    let before = entry.consumed_on;
    if entry.quick_nutrition.is_none() && (change.name.is_some() || change.nutrition.is_some()) {
        let field = if change.name.is_some() { "name" } else { "nutrition" };
        return Err(Error::invalid(field, "this is the food's own: change the food, or log what you know without one"));
    }
    let mut row = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), ..Default::default() };
    if change.quantity.is_some() || change.unit.is_some() {
        let quantity = quantity(change.quantity.unwrap_or(entry.quantity))?;
        let unit = change.unit.as_ref().map_or_else(|| Ok(entry.unit.clone()), |unit| input::line("unit", unit, 100))?;
        let food = match (entry.food_item_id, entry.nutrition_version) {
            (Some(food), Some(version)) => foods::in_version(tx, food, version).await?,
            _ => None,
        };
        row = Logged::from(&entry).rescaled(food.as_ref(), quantity, &unit)?.patch(row);
    }
    if let Some(name) = &change.name {
        row.food_name = Set(input::line("name", name, 255)?);
    }
    if let Some(nutrition) = change.nutrition {
        row.quick_nutrition = Set(Some(typed(&nutrition)?));
        row = quick_amount(nutrition, quantity(change.quantity.unwrap_or(entry.quantity))?)?.patch(row);
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
    if let Some(status) = change.status {
        row.status = Set(status);
    }
    if let Some(note) = &change.note {
        row.note = Set(note.as_deref().map(self::note).transpose()?);
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

/// Takes a deletion back, while the row is kept. An entry that is there stays as it is; one whose meal was deleted brings that back.
pub async fn restore(tx: &Tx, person: Option<UserId>, id: FoodEntryId) -> Result<Model> {
    let person = tx.viewer_or(person)?;
    let entry = Entity::find_by_id((person, id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("food entry"))?;
    if entry.deleted_at.is_none() {
        return Ok(entry);
    }
    let restored =
        Entity::update(ActiveModel { user_id: Unchanged(person), id: Unchanged(id), deleted_at: Set(None), ..Default::default() });
    let entry = restored.exec(tx).await?;
    if let Some(group) = entry.group_id {
        groups::revive(tx, person, group).await?;
    }
    Ok(entry)
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
                // Of an entry without a food; else it is the food's.
                written("food_name", Kind::Text),
                derived("food_brand", Kind::Text),
                derived("nutrition_version", Kind::Integer),
            ],
        ),
        fixed("group", &[written("group_id", Kind::Id)]),
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
                written("quick_nutrition", Kind::Json),
                derived("milliliters", Kind::Decimal),
            ],
        ),
        group("meal", &[written("meal_type", Kind::Text)]),
        group("moment", &[written("consumed_at", Kind::Instant), written("time_zone", Kind::Text), derived("consumed_on", Kind::Date)]),
        group("status", &[written("status", Kind::Text)]),
        group("note", &[written("note", Kind::Text)]),
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
    let status = draft.optional_text("status")?.unwrap_or("eaten").to_lowercase();
    EntryStatus::try_from_value(&status).map_err(|_| Error::invalid("status", "must be eaten or planned"))?;
    draft.set("status", status);
    if let Some(note) = draft.optional_text("note")? {
        let note = self::note(note)?;
        draft.set("note", note);
    }
    Ok(())
}

/// The nutrition of a new entry is the food's, or typed; an older one keeps what it was logged with.
fn complete_amount(context: &Context, draft: &mut Draft) -> Result<(), Refused> {
    let quantity = quantity(draft.decimal("quantity")?)?;
    let food_id: Option<FoodId> = draft.optional_text("food_item_id")?.and_then(|id| id.parse().ok()).map(FoodId);
    let quick = Some(draft.value("quick_nutrition")).filter(|typed| !typed.is_null()).map(typed_nutrition).transpose()?;
    let before = draft.before.as_ref().map(Logged::try_from).transpose()?;
    let has_food = before.as_ref().map_or(food_id.is_some(), |before| before.quick_nutrition.is_none());
    if has_food && quick.is_some() {
        return Err(Error::invalid("quick_nutrition", "what an entry of a food contains is the food's: leave it out").into());
    }
    let amount = match (before, quick) {
        (_, Some(nutrition)) => {
            draft.set("quick_nutrition", typed(&nutrition)?);
            if draft.before.is_none() {
                let name = input::line("food_name", draft.text("food_name")?, 255)?;
                draft.set("food_name", name);
            }
            quick_amount(nutrition, quantity)?
        }
        (None, None) => {
            let unit = input::line("unit", draft.text("unit")?, 100)?;
            let food = food_id.ok_or_else(|| Refused::missing("food_item_id"))?;
            let food = context.foods.get(&(food, None)).ok_or(Error::NoSuch { field: "food_item_id", what: "food" })?;
            let content = Content::of_food(food, quantity, &unit)?;
            // A device may not know yet that the food was a duplicate, which became another one.
            draft.set("food_item_id", food.id.to_string());
            draft.set("food_name", content.name);
            draft.set("food_brand", content.brand);
            draft.set("nutrition_version", food.nutrition_version);
            content.amount
        }
        (Some(entry), None) => {
            let unit = input::line("unit", draft.text("unit")?, 100)?;
            if entry.quick_nutrition.is_some() {
                return Err(Refused::missing("quick_nutrition"));
            }
            entry.rescaled(food_id.and_then(|food| context.foods.get(&(food, entry.nutrition_version))), quantity, &unit)?
        }
    };
    draft.set_decimal("quantity", Some(amount.quantity));
    draft.set("unit", amount.unit);
    draft.set_decimal("servings", Some(round(amount.servings, 12)));
    for (column, amount) in amount.nutrition.headline() {
        draft.set_decimal(column, amount);
    }
    draft.set("nutrients", amount.nutrition.nutrients);
    draft.set_decimal("milliliters", amount.milliliters);
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

fn quantity(value: Decimal) -> Result<Decimal> {
    input::number("quantity", value, 3, Decimal::new(1, 3)..=Decimal::from(100_000))
}

pub(crate) fn meal_type(value: &str) -> Result<String> {
    Ok(input::line("mealType", value, 20)?.to_lowercase())
}

fn note(value: &str) -> Result<String> {
    input::paragraph("note", value, 1000)
}

fn scalars(entry: &Model) -> JsonValue {
    serde_json::json!({
        "id": entry.id, "name": entry.food_name, "brand": entry.food_brand, "quantity": entry.quantity.normalize(), "unit": entry.unit,
        "mealType": entry.meal_type, "consumedAt": entry.consumed_at, "timeZone": entry.time_zone, "date": entry.consumed_on,
        "status": entry.status.to_value().to_uppercase(), "note": entry.note, "version": entry.version,
    })
}
