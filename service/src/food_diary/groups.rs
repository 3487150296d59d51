//! Meals that were logged as one: a group keeps its parts, which are entries that can be edited one by one.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use entity::{
    food_diary::{self as entries, EntryStatus},
    food_diary_groups::{ActiveModel, Column, Entity, Model},
    id::{FoodEntryId, FoodGroupId, FoodId, UserId},
    unit::round,
};
use futures_util::future::BoxFuture;
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, EntityTrait, JsonValue, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

use super::{Amount, Content, Occasion, When, content::write_amounts};
use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    foods, input,
    meals::scaling::Share,
    nutrition::Headline,
    sync::{
        collection::{Collection, Context, Deletion, Document, Draft, Kind, derived, fixed, group, written},
        merge::{Refused, Row},
    },
};

/// The most parts of a group.
pub const MOST_PARTS: usize = 100;

/// A meal as it is logged.
#[derive(Clone, Debug, Serialize)]
pub struct NewGroup {
    /// Made by the client, or by the server.
    pub id: Option<FoodGroupId>,
    /// Whose diary; the viewer's when absent.
    pub person: Option<UserId>,
    /// The meal or recipe that it is logged from.
    pub meal_id: Option<Uuid>,
    /// What it is called.
    pub name: String,
    /// How much of the meal, 0.001 to 100,000 with at most 3 decimals. The parts are what that much contains.
    pub quantity: Decimal,
    /// What `quantity` counts, such as serving.
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
    /// The fingerprint of what was asked for, by which a repetition is known; of all of this when absent.
    #[serde(skip)]
    pub created_from: Option<Vec<u8>>,
    /// What it consists of, 1 to [`MOST_PARTS`].
    pub parts: Vec<NewPart>,
}

/// A part of a meal.
#[derive(Clone, Debug, Serialize)]
pub enum NewPart {
    /// An amount of a food, by the nutrition that it has now.
    Food {
        /// What.
        food: FoodId,
        /// How much.
        quantity: Decimal,
        /// A unit or a portion of the food.
        unit: String,
    },
    /// Something of which energy and nutrients are known, and no food.
    Quick {
        /// What it is called.
        name: String,
        /// What one of it contains.
        nutrition: Headline,
        /// How many of it.
        quantity: Decimal,
    },
    /// What somebody has scaled already, with nutrition rounded once to [`crate::nutrition::SNAPSHOT_DECIMALS`]. A food that is named
    /// must be one that the viewer sees.
    Snapshot(Content),
}

/// What is to change of a group; absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct GroupChange {
    /// What it is called.
    pub name: Option<String>,
    /// How much of the meal: the parts follow.
    pub quantity: Option<Decimal>,
    /// Which meal: the parts follow.
    pub meal_type: Option<String>,
    /// When: the parts follow.
    pub consumed_at: Option<DateTime<Utc>>,
    /// Where: the parts follow.
    pub time_zone: Option<Tz>,
    /// Whether its parts were eaten.
    pub status: Option<EntryStatus>,
    /// What the person wrote beside it.
    pub note: Option<Option<String>>,
    /// Refuse when the group is at another version.
    pub expected_version: Option<i32>,
}

/// A group with its parts, in the order in which they were logged.
#[derive(Clone, Debug)]
pub struct FoodGroup {
    /// The group.
    pub group: Model,
    /// Its parts.
    pub parts: Vec<entries::Model>,
}

/// The group that the same request logged, when it is sent again.
pub async fn logged_before(tx: &Tx, person: Option<UserId>, id: Option<FoodGroupId>, created_from: &[u8]) -> Result<Option<FoodGroup>> {
    let person = tx.viewer_or(person)?;
    let Some(id) = id else { return Ok(None) };
    match by_ids(tx, person, &[id]).await?.pop() {
        Some(group) => input::repeated(Some(group), |group| group.group.created_from.as_deref() == Some(created_from)).map(Some),
        None => Ok(None),
    }
}

/// Logs a meal with its parts.
pub async fn log(tx: &Tx, new: NewGroup) -> Result<FoodGroup> {
    let created_from = new.created_from.as_ref().map_or_else(|| input::fingerprint(&new), |known| Ok(known.clone()))?;
    let person = tx.viewer_or(new.person)?;
    if let Some(group) = logged_before(tx, Some(person), new.id, &created_from).await? {
        return Ok(group);
    }
    if !(1..=MOST_PARTS).contains(&new.parts.len()) {
        return Err(Error::invalid("parts", format!("must be 1 to {MOST_PARTS}, are {}", new.parts.len())));
    }
    let id = new.id.unwrap_or_else(|| FoodGroupId(tx.new_id()));
    let note = new.note.as_deref().map(super::note).transpose()?;
    let occasion = Occasion::of(tx, person, &new.meal_type, When::of(new.consumed_at, new.date, new.time_zone), new.status, None).await?;
    let contents = contents(tx, new.parts).await?;
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        meal_id: Set(new.meal_id),
        name: Set(input::line("name", &new.name, 255)?),
        quantity: Set(super::quantity(new.quantity)?),
        unit: Set(input::line("unit", &new.unit, 100)?),
        meal_type: Set(occasion.meal_type.clone()),
        consumed_at: Set(occasion.moment.at),
        time_zone: Set(occasion.moment.time_zone.name().to_owned()),
        consumed_on: Set(occasion.moment.on),
        note: Set(note),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    let Some(group) = input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? else {
        let existing = by_ids(tx, person, &[id]).await?.pop();
        return input::repeated(existing, |group| group.group.created_from.as_ref() == Some(&created_from));
    };
    let ids = tx.new_ids(contents.len());
    let rows = ids.zip(contents).map(|(entry, content)| content.row(person, FoodEntryId(entry), Some(id), &occasion));
    let parts = entries::Entity::insert_many(rows).exec_with_returning(tx).await?;
    Ok(FoodGroup { group, parts })
}

/// What the parts hold: their foods are read by one statement.
async fn contents(tx: &Tx, parts: Vec<NewPart>) -> Result<Vec<Content>> {
    let named: Vec<FoodId> =
        parts.iter().filter_map(|part| if let NewPart::Food { food, .. } = part { Some(*food) } else { None }).collect();
    let foods: BTreeMap<FoodId, foods::Food> = match named.is_empty() {
        true => BTreeMap::new(),
        false => foods::by_references(tx, &named).await?.into_iter().collect(),
    };
    let content = |(place, part): (usize, NewPart)| {
        let held = match part {
            NewPart::Food { food, quantity, unit } => foods
                .get(&food)
                .ok_or_else(|| Error::invalid("foodId", "no food with this id"))
                .and_then(|food| Content::of_food(food, super::quantity(quantity)?, &input::line("unit", &unit, 100)?)),
            NewPart::Quick { name, nutrition, quantity } => Content::quick(&name, nutrition, quantity),
            NewPart::Snapshot(content) => Ok(content),
        };
        held.map_err(|error| error.within(&format!("parts[{place}]")))
    };
    parts.into_iter().enumerate().map(content).collect()
}

/// Groups of a person with their parts, in any order. Those whose parts are all gone come without parts.
pub async fn by_ids(tx: &Tx, person: UserId, ids: &[FoodGroupId]) -> Result<Vec<FoodGroup>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let groups = Entity::find().filter(Column::UserId.eq(person)).filter(Column::Id.is_in(ids.clone())).filter(Column::DeletedAt.is_null());
    let groups = groups.all(tx).await?;
    let parts = living_parts(person).filter(entries::Column::GroupId.is_in(ids)).all(tx).await?;
    let with_parts =
        |group: Model| FoodGroup { parts: parts.iter().filter(|part| part.group_id == Some(group.id)).cloned().collect(), group };
    Ok(groups.into_iter().map(with_parts).collect())
}

fn living_parts(person: UserId) -> sea_orm::Select<entries::Entity> {
    entries::Entity::find()
        .filter(entries::Column::UserId.eq(person))
        .filter(entries::Column::DeletedAt.is_null())
        .order_by_asc(entries::Column::Id)
}

/// Changes a group, and its parts with it. Answers with the group and the days its parts were on before.
pub async fn update(tx: &Tx, person: Option<UserId>, id: FoodGroupId, change: GroupChange) -> Result<(FoodGroup, Vec<NaiveDate>)> {
    let person = tx.viewer_or(person)?;
    let group = editable(tx, person, id, change.expected_version).await?;
    let parts = living_parts(person).filter(entries::Column::GroupId.eq(id)).lock_exclusive().all(tx).await?;
    let mut before: Vec<NaiveDate> = parts.iter().map(|part| part.consumed_on).collect();
    before.sort_unstable();
    before.dedup();

    let mut row = ActiveModel { user_id: Unchanged(person), id: Unchanged(id), ..Default::default() };
    let mut of_parts = entries::Entity::update_many().filter(entries::Column::UserId.eq(person)).filter(entries::Column::GroupId.eq(id));
    let mut parts_change = false;
    if let Some(name) = &change.name {
        row.name = Set(input::line("name", name, 255)?);
    }
    if let Some(note) = &change.note {
        row.note = Set(note.as_deref().map(super::note).transpose()?);
    }
    if let Some(quantity) = change.quantity {
        let quantity = super::quantity(quantity)?;
        scale(tx, person, &parts, group.quantity, quantity).await?;
        row.quantity = Set(quantity);
    }
    if let Some(meal) = &change.meal_type {
        let meal = super::meal_type(meal)?;
        row.meal_type = Set(meal.clone());
        of_parts = of_parts.col_expr(entries::Column::MealType, Expr::value(meal));
        parts_change = true;
    }
    if change.consumed_at.is_some() || change.time_zone.is_some() {
        let time_zone = change.time_zone.map_or_else(|| day::zone("timeZone", &group.time_zone), Ok)?;
        let at = change.consumed_at.unwrap_or(group.consumed_at);
        let moment = Calendar::of(tx, person).await?.moment("consumedAt", Some(at), Some(time_zone), tx.now())?;
        row.consumed_at = Set(moment.at);
        row.time_zone = Set(moment.time_zone.name().to_owned());
        row.consumed_on = Set(moment.on);
        of_parts = of_parts
            .col_expr(entries::Column::ConsumedAt, Expr::value(moment.at))
            .col_expr(entries::Column::TimeZone, Expr::value(moment.time_zone.name()))
            .col_expr(entries::Column::ConsumedOn, Expr::value(moment.on));
        parts_change = true;
    }
    if let Some(status) = change.status {
        of_parts = of_parts.col_expr(entries::Column::Status, Expr::value(sea_orm::ActiveEnum::to_value(&status)));
        parts_change = true;
    }
    if parts_change {
        of_parts.filter(entries::Column::DeletedAt.is_null()).exec(tx).await?;
    }
    if sea_orm::ActiveModelTrait::is_changed(&row) {
        Entity::update(row).exec(tx).await?;
    }
    let changed = by_ids(tx, person, &[id]).await?.pop().ok_or(Error::NotFound("logged meal"))?;
    Ok((changed, before))
}

/// Scales parts with their group, each once from what it was before the group was ever scaled: there and back is as before. A part
/// that was edited since is scaled from what it was edited to.
async fn scale(tx: &Tx, person: UserId, parts: &[entries::Model], from: Decimal, to: Decimal) -> Result<()> {
    let mut records = Vec::with_capacity(parts.len());
    for part in parts {
        let base = base_of(part, from)?;
        let scaled = scaled(&base, to)?;
        let mut record = scaled.document();
        record.insert("id".to_owned(), json!(part.id));
        record.insert("group_base".to_owned(), JsonValue::Object(base));
        records.push(record);
    }
    write_amounts(tx, person, records).await
}

/// The quantity of the group in which a base was taken.
const BASE_QUANTITY: &str = "group_quantity";

/// What a part is scaled from: what was kept when its group was scaled first, unless it is something else by now.
fn base_of(part: &entries::Model, group_quantity: Decimal) -> Result<Document> {
    let now = Amount::from(part);
    if let Some(JsonValue::Object(kept)) = &part.group_base
        && scaled(kept, group_quantity)? == now
    {
        return Ok(kept.clone());
    }
    let mut base = now.document();
    base.insert(BASE_QUANTITY.to_owned(), json!(group_quantity));
    Ok(base)
}

/// The part of a group of that quantity: the same multiple of its base, rounded once.
fn scaled(base: &Document, group_quantity: Decimal) -> Result<Amount> {
    let unreadable = |_| Error::internal("a part of a group that cannot be read");
    let amount = Amount::try_from(base).map_err(unreadable)?;
    let of = crate::sync::collection::decimal(base, BASE_QUANTITY).map_err(unreadable)?.unwrap_or(Decimal::ONE);
    let share = Share::of(group_quantity, of);
    let least = Decimal::new(1, 3);
    let quantity = share.amount(amount.quantity).map(|quantity| round(quantity, 3).max(least));
    let too_much = || Error::invalid("quantity", "would make a part of the meal more than 100000 of its unit");
    amount.share(share, quantity.filter(|quantity| *quantity <= Decimal::from(100_000)).ok_or_else(too_much)?)
}

/// Takes a group and its parts out of the diary. Answers with the days they were on.
pub async fn delete(tx: &Tx, person: Option<UserId>, id: FoodGroupId, expected_version: Option<i32>) -> Result<(UserId, Vec<NaiveDate>)> {
    let person = tx.viewer_or(person)?;
    let group = editable(tx, person, id, expected_version).await?;
    let parts = living_parts(person).filter(entries::Column::GroupId.eq(id)).lock_exclusive().all(tx).await?;
    let mut days: Vec<NaiveDate> = parts.iter().map(|part| part.consumed_on).collect();
    days.push(group.consumed_on);
    days.sort_unstable();
    days.dedup();
    Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(tx.now()))
        .filter(Column::UserId.eq(person))
        .filter(Column::Id.eq(id))
        .exec(tx)
        .await?;
    delete_parts(tx, person, &[id.0]).await?;
    Ok((person, days))
}

/// The parts go with their groups, and at the same instant, by which an undo knows them.
async fn delete_parts(tx: &Tx, person: UserId, groups: &[Uuid]) -> Result<()> {
    entries::Entity::update_many()
        .col_expr(entries::Column::DeletedAt, Expr::value(tx.now()))
        .filter(entries::Column::UserId.eq(person))
        .filter(entries::Column::GroupId.is_in(groups.iter().copied()))
        .filter(entries::Column::DeletedAt.is_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// Takes a deletion back, while the rows are kept: the parts that went with the group come with it.
pub async fn restore(tx: &Tx, person: Option<UserId>, id: FoodGroupId) -> Result<FoodGroup> {
    let person = tx.viewer_or(person)?;
    let group = Entity::find_by_id((person, id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("logged meal"))?;
    if let Some(deleted_at) = group.deleted_at {
        revive(tx, person, id).await?;
        entries::Entity::update_many()
            .col_expr(entries::Column::DeletedAt, Expr::value(None::<DateTime<Utc>>))
            .filter(entries::Column::UserId.eq(person))
            .filter(entries::Column::GroupId.eq(id))
            .filter(entries::Column::DeletedAt.eq(deleted_at))
            .exec(tx)
            .await?;
    }
    by_ids(tx, person, &[id]).await?.pop().ok_or(Error::NotFound("logged meal"))
}

/// Brings a group back without its parts.
pub(super) async fn revive(tx: &Tx, person: UserId, id: FoodGroupId) -> Result<()> {
    Entity::update_many()
        .col_expr(Column::DeletedAt, Expr::value(None::<DateTime<Utc>>))
        .filter(Column::UserId.eq(person))
        .filter(Column::Id.eq(id))
        .filter(Column::DeletedAt.is_not_null())
        .exec(tx)
        .await?;
    Ok(())
}

/// A group that the viewer may change, locked until the transaction ends.
async fn editable(tx: &Tx, person: UserId, id: FoodGroupId, expected_version: Option<i32>) -> Result<Model> {
    let group = Entity::find_by_id((person, id))
        .filter(Column::DeletedAt.is_null())
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound("logged meal"))?;
    input::expect_version(expected_version, group.version, || scalars(&group))?;
    Ok(group)
}

/// Logged meals on devices. A device that scales one writes its parts too.
pub static SYNCED: Collection = Collection {
    name: "food_diary_groups",
    person_column: "user_id",
    access: Some("calorie"),
    deletion: Deletion::At,
    groups: &[
        fixed("meal_id", &[written("meal_id", Kind::Id)]),
        group("name", &[written("name", Kind::Text)]),
        group("amount", &[written("quantity", Kind::Decimal), written("unit", Kind::Text)]),
        group("meal", &[written("meal_type", Kind::Text)]),
        group("moment", &[written("consumed_at", Kind::Instant), written("time_zone", Kind::Text), derived("consumed_on", Kind::Date)]),
        group("note", &[written("note", Kind::Text)]),
    ],
    complete,
    complement: Some(delete_parts_of_deleted),
};

fn complete(context: &Context, draft: &mut Draft) -> Result<(), Refused> {
    let name = input::line("name", draft.text("name")?, 255)?;
    draft.set("name", name);
    if draft.changes("amount") {
        let quantity = super::quantity(draft.decimal("quantity")?)?;
        let unit = input::line("unit", draft.text("unit")?, 100)?;
        draft.set_decimal("quantity", Some(quantity));
        draft.set("unit", unit);
    }
    if draft.changes("meal") {
        let meal_type = super::meal_type(draft.text("meal_type")?)?;
        draft.set("meal_type", meal_type);
    }
    if draft.changes("moment") {
        draft.fix_day(context, "consumed_at", "consumed_on")?;
    }
    if let Some(note) = draft.optional_text("note")? {
        let note = super::note(note)?;
        draft.set("note", note);
    }
    Ok(())
}

/// A device that takes a group out of the diary may not know all of its parts.
fn delete_parts_of_deleted<'a>(tx: &'a Tx, person: UserId, rows: &'a BTreeMap<Uuid, Row>) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        let deleted: Vec<Uuid> = rows.iter().filter(|(_, row)| row.deleted).map(|(id, _)| *id).collect();
        if deleted.is_empty() { Ok(()) } else { delete_parts(tx, person, &deleted).await }
    })
}

fn scalars(group: &Model) -> JsonValue {
    json!({
        "id": group.id, "name": group.name, "quantity": group.quantity.normalize(), "unit": group.unit, "mealType": group.meal_type,
        "consumedAt": group.consumed_at, "timeZone": group.time_zone, "date": group.consumed_on, "note": group.note, "version": group.version,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::nutrition::Nutrition;

    proptest! {
        #[test]
        fn a_part_is_scaled_with_its_group_linearly_and_back_is_as_before(
            calories in 0i64..1_000_000_000, part in 1i64..1_000_000, logged in 1i64..100_000, a in 1i64..100_000, b in 1i64..100_000,
        ) {
            let thousandths = |number| Decimal::new(number, 3);
            // So that it stays in the range of what anyone eats.
            let logged = Decimal::TEN + thousandths(logged);
            let nutrition = Nutrition { calories: Some(Decimal::new(calories, 6)), ..Nutrition::unknown() };
            let was = Amount { quantity: thousandths(part), unit: "g".to_owned(), servings: Decimal::ONE, nutrition, milliliters: None };
            let mut base = was.document();
            base.insert(BASE_QUANTITY.to_owned(), json!(logged));
            let of = |quantity: Decimal| scaled(&base, quantity).expect("in range");
            prop_assert_eq!(&of(logged), &was);
            let (one, other, both) = (of(thousandths(a)), of(thousandths(b)), of(thousandths(a + b)));
            let apart = one.nutrition.calories.zip(other.nutrition.calories).zip(both.nutrition.calories);
            let apart = apart.map(|((one, other), both)| (one + other - both).abs());
            prop_assert!(apart <= Some(Decimal::new(1, 6)), "{apart:?}");
            prop_assert!((one.servings + other.servings - both.servings).abs() <= Decimal::new(1, 12));
        }
    }
}
