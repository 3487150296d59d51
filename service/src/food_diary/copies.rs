//! Copying what was logged to another day, another meal or another person. A copy is a snapshot of a snapshot: what the food has
//! become meanwhile does not matter, and one that the other person cannot see stays behind.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use entity::{
    family_access, food_diary as entries,
    food_diary::EntryStatus,
    food_diary_groups as groups, food_items,
    id::{FoodEntryId, FoodGroupId, FoodId, UserId},
};
use sea_orm::{ActiveEnum, ActiveValue::Set, ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde::Serialize;
use uuid::Uuid;

use super::{Amount, Content, Occasion};
use crate::{
    access::Tx,
    day::{self, Calendar},
    error::{Error, Result},
    input, meal_types,
};

/// The most entries that are copied at once.
const MOST: usize = 500;

/// What is copied where.
#[derive(Clone, Debug, Serialize)]
pub struct NewCopy {
    /// By which a repetition is known.
    pub id: Option<Uuid>,
    /// From whose diary; the viewer's when absent.
    pub from: Option<UserId>,
    /// What.
    pub source: Source,
    /// Into whose diary; the viewer's when absent.
    pub to: Option<UserId>,
    /// To which day.
    pub date: NaiveDate,
    /// To which meal; the same one when absent.
    pub meal_type: Option<String>,
    /// Whether it was eaten there; when absent, what is planned stays planned, and what is copied to a day to come is planned.
    pub status: Option<EntryStatus>,
}

/// What is copied.
#[derive(Clone, Debug, Serialize)]
pub enum Source {
    /// These entries, as entries of their own.
    Entries(Vec<FoodEntryId>),
    /// A logged meal.
    Group(FoodGroupId),
    /// What was logged for a meal of a day, or the whole day.
    Day {
        /// The day.
        date: NaiveDate,
        /// Only this meal.
        meal_type: Option<String>,
    },
}

/// The person whose diary was read, the one whose was written, and the entries made there, in the order of the source.
pub struct Copied {
    /// Whose diary was read.
    pub from: UserId,
    /// Whose was written.
    pub to: UserId,
    /// The copies.
    pub entries: Vec<entries::Model>,
}

/// Copies entries: each at the time of its source on the wall, in the zone in which the other person lives.
pub async fn copy(tx: &Tx, new: NewCopy) -> Result<Copied> {
    let created_from = input::fingerprint(&new)?;
    let (from, to) = (tx.viewer_or(new.from)?, tx.viewer_or(new.to)?);
    let meal_type = new.meal_type.as_deref().map(|meal| input::line("toMealType", meal, 20)).transpose()?.map(|meal| meal.to_lowercase());
    let date = day::checked("toDate", new.date)?;
    let calendar = Calendar::of(tx, to).await?;
    let sources = sources(tx, from, &new.source).await?;

    // Sent again it answers with what it made, whatever has become of the source.
    if let Some(copy) = new.id {
        let ids: Vec<FoodEntryId> = sources.iter().map(|source| derived(copy, source.id.0).map(FoodEntryId)).collect::<Result<_>>()?;
        let made = of_ids(to, &ids).all(tx).await?;
        if !made.is_empty() {
            if made.iter().any(|row| row.created_from.as_ref() != Some(&created_from)) {
                return Err(Error::conflict("this id is taken by something else: make a new one"));
            }
            return Ok(Copied { from, to, entries: in_order(&ids, made) });
        }
    }
    let sources: Vec<entries::Model> = sources.into_iter().filter(|source| source.deleted_at.is_none()).collect();
    if sources.is_empty() {
        return Err(Error::NotFound("entry to copy"));
    }
    if sources.len() > MOST {
        return Err(Error::invalid("source", format!("at most {MOST} entries are copied at once, these are {}", sources.len())));
    }
    let id = |source: Uuid| new.id.map_or_else(|| Ok(tx.new_id()), |copy| derived(copy, source));
    let usual_time = match &meal_type {
        Some(meal) => Some(meal_types::default_time(tx, to, meal).await?),
        None => None,
    };
    let on = |source_at: DateTime<Utc>, source_zone: &str, source_meal: &str| {
        let zone: Tz = day::zone("timeZone", source_zone)?;
        // What becomes another meal is eaten when that one usually is.
        let moved = usual_time.filter(|_| meal_type.as_deref() != Some(source_meal));
        let time: NaiveTime = moved.unwrap_or_else(|| source_at.with_timezone(&zone).time());
        calendar.moment_on("date", date, time, calendar.time_zone)
    };
    let to_come = date > calendar.today(tx.now());
    let status = |source: EntryStatus| match new.status {
        Some(status) => status,
        None if to_come => EntryStatus::Planned,
        None => source,
    };

    let mut copied_groups: BTreeMap<FoodGroupId, FoodGroupId> = BTreeMap::new();
    if !matches!(new.source, Source::Entries(_)) {
        let named: BTreeSet<FoodGroupId> = sources.iter().filter_map(|source| source.group_id).collect();
        let mut rows = Vec::with_capacity(named.len());
        for group in living_groups(tx, from, named).await? {
            let moment = on(group.consumed_at, &group.time_zone, &group.meal_type)?;
            let copy = FoodGroupId(id(group.id.0)?);
            copied_groups.insert(group.id, copy);
            rows.push(groups::ActiveModel {
                user_id: Set(to),
                id: Set(copy),
                // Another person's meal is nothing that this diary can name.
                meal_id: Set(group.meal_id.filter(|_| from == to)),
                name: Set(group.name),
                quantity: Set(group.quantity),
                unit: Set(group.unit),
                meal_type: Set(meal_type.clone().unwrap_or(group.meal_type)),
                consumed_at: Set(moment.at),
                time_zone: Set(moment.time_zone.name().to_owned()),
                consumed_on: Set(moment.on),
                note: Set(group.note),
                created_from: Set(Some(created_from.clone())),
                ..Default::default()
            });
        }
        groups::Entity::insert_many(rows).exec_without_returning(tx).await?;
    }
    let visible = referable(tx, sources.iter().filter_map(|source| source.food_item_id).collect(), to).await?;
    let mut rows = Vec::with_capacity(sources.len());
    let mut ids = Vec::with_capacity(sources.len());
    for source in sources {
        let moment = on(source.consumed_at, &source.time_zone, &source.meal_type)?;
        let food = source.food_item_id.filter(|food| visible.contains(food));
        let copy = FoodEntryId(id(source.id.0)?);
        ids.push(copy);
        let occasion = Occasion {
            meal_type: meal_type.clone().unwrap_or(source.meal_type.clone()),
            moment,
            status: status(source.status),
            note: source.note.clone(),
        };
        let content = Content {
            food,
            nutrition_version: source.nutrition_version.filter(|_| food.is_some()),
            amount: Amount::from(&source),
            name: source.food_name,
            brand: source.food_brand,
            quick_nutrition: source.quick_nutrition,
        };
        let group = source.group_id.and_then(|group| copied_groups.get(&group).copied());
        rows.push(entries::ActiveModel { created_from: Set(Some(created_from.clone())), ..content.row(to, copy, group, &occasion) });
    }
    let made = entries::Entity::insert_many(rows).exec_with_returning(tx).await?;
    Ok(Copied { from, to, entries: in_order(&ids, made) })
}

/// What is copied, deleted entries too, for a repetition to be known by; in the order in which it was eaten.
async fn sources(tx: &Tx, person: UserId, source: &Source) -> Result<Vec<entries::Model>> {
    let rows = entries::Entity::find().filter(entries::Column::UserId.eq(person));
    let rows = match source {
        Source::Entries(ids) => rows.filter(entries::Column::Id.is_in(ids.iter().map(|id| id.0))),
        Source::Group(id) => rows.filter(entries::Column::GroupId.eq(*id)),
        Source::Day { date, meal_type: None } => rows.filter(entries::Column::ConsumedOn.eq(day::checked("source.day.date", *date)?)),
        Source::Day { date, meal_type: Some(meal) } => rows
            .filter(entries::Column::ConsumedOn.eq(day::checked("source.day.date", *date)?))
            .filter(entries::Column::MealType.eq(super::meal_type(meal)?)),
    };
    Ok(rows.order_by_asc(entries::Column::ConsumedAt).order_by_asc(entries::Column::Id).all(tx).await?)
}

async fn living_groups(tx: &Tx, person: UserId, named: BTreeSet<FoodGroupId>) -> Result<Vec<groups::Model>> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let rows = groups::Entity::find()
        .filter(groups::Column::UserId.eq(person))
        .filter(groups::Column::Id.is_in(named.into_iter().map(|id| id.0)))
        .filter(groups::Column::DeletedAt.is_null());
    Ok(rows.all(tx).await?)
}

fn of_ids(person: UserId, ids: &[FoodEntryId]) -> Select<entries::Entity> {
    let rows = entries::Entity::find().filter(entries::Column::UserId.eq(person)).filter(entries::Column::DeletedAt.is_null());
    rows.filter(entries::Column::Id.is_in(ids.iter().map(|id| id.0)))
}

fn in_order(ids: &[FoodEntryId], rows: Vec<entries::Model>) -> Vec<entries::Model> {
    let mut rows: BTreeMap<FoodEntryId, entries::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    ids.iter().filter_map(|id| rows.remove(id)).collect()
}

/// The foods that an entry of `person` may name: those that the viewer sees and knows the person to see.
async fn referable(tx: &Tx, foods: BTreeSet<FoodId>, person: UserId) -> Result<BTreeSet<FoodId>> {
    if foods.is_empty() {
        return Ok(BTreeSet::new());
    }
    let viewer = tx.viewer()?;
    let rows: Vec<(FoodId, Option<UserId>)> = food_items::Entity::find()
        .select_only()
        .column(food_items::Column::Id)
        .column(food_items::Column::OwnerId)
        .filter(food_items::Column::Id.is_in(foods.into_iter().map(|id| id.0)))
        .filter(food_items::Column::DeletedAt.is_null())
        .into_tuple()
        .all(tx)
        .await?;
    let shares = viewer == person || shares_foods(tx, viewer, person).await?;
    let seen = |owner: Option<UserId>| owner.is_none_or(|owner| viewer == person || owner == person || owner == viewer && shares);
    Ok(rows.into_iter().filter(|(_, owner)| seen(*owner)).map(|(food, _)| food).collect())
}

async fn shares_foods(tx: &Tx, viewer: UserId, person: UserId) -> Result<bool> {
    use family_access::Column;
    let grant = family_access::Entity::find()
        .filter(Column::GrantorUserId.eq(viewer))
        .filter(Column::GranteeUserId.eq(person))
        .filter(Column::AccessType.eq(family_access::AccessType::FoodList))
        .filter(Column::Status.eq(family_access::AccessStatus::Active.to_value()))
        .filter(Column::ExpiresAt.is_null().or(Column::ExpiresAt.gt(tx.now())));
    Ok(grant.one(tx).await?.is_some())
}

/// The id of what a copy makes of a row: the same whenever it is asked for again.
fn derived(copy: Uuid, source: Uuid) -> Result<Uuid> {
    let digest = input::fingerprint(&(copy, source))?;
    let bytes = digest[..16].try_into().map_err(|_| Error::internal("a fingerprint of less than 16 bytes"))?;
    Ok(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}
