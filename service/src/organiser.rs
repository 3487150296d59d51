//! The organiser: to-do lists, shopping lists and notes. A list is a noot, and what is on it are activities of that noot, so that
//! what a relative ticks here and what a client brings that was offline are changes of one row.
//!
//! The kind and the title of a list stand in an activity of type `list`. A noot without one, as other clients make them, is what
//! its first known activity makes it, and has no title.

pub mod generated;

use chrono::{DateTime, NaiveDate, Utc};
use entity::{
    id::{NootId, UserId},
    noots::{ActiveModel, Column, Entity, Model},
};
use rust_decimal::Decimal;
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, Condition, EntityTrait, JsonValue, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait},
};
use serde::Serialize;
use serde_json::{Map, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    access::Tx,
    day,
    error::{Error, Result},
    input,
    noots::content::Content,
    page::{Page, PageRequest},
};

/// The type of the activity that names a list.
const HEADER: &str = "list";

/// What a list is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ListKind {
    /// Things to do.
    Todo,
    /// Things to buy.
    Shopping,
    /// Things to remember.
    Notes,
}

impl ListKind {
    const ALL: [Self; 3] = [Self::Todo, Self::Shopping, Self::Notes];

    /// How the header of a list says it.
    fn code(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Shopping => "shopping",
            Self::Notes => "notes",
        }
    }

    /// The type of activity that is on it.
    fn activity_type(self) -> &'static str {
        match self {
            Self::Todo => "todo",
            Self::Shopping => "shoppingItem",
            Self::Notes => "note",
        }
    }
}

/// How much a thing to do matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Priority {
    /// Less than others.
    Low,
    /// As others do.
    Normal,
    /// More than others.
    High,
}

impl Priority {
    const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    fn code(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }
}

/// A list.
#[derive(Clone, Debug)]
pub struct List {
    /// The noot that it is.
    pub noot: Model,
    /// What it is for; nothing when it holds something that the organiser does not know.
    pub kind: Option<ListKind>,
    /// What it is called.
    pub title: Option<String>,
    /// What is on it, in order.
    pub items: Vec<Item>,
}

/// Something on a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Identifies it on its list: its own id, or one made of what it says while it has none.
    pub id: String,
    /// The type of the activity.
    pub activity_type: String,
    /// Whether its client encrypted it; then nothing else is known of it.
    pub encrypted: bool,
    /// What it is.
    pub title: Option<String>,
    /// More about it.
    pub text: Option<String>,
    /// Whether it is done, or bought.
    pub completed: Option<bool>,
    /// How much it matters.
    pub priority: Option<Priority>,
    /// When it is to be done.
    pub due_on: Option<NaiveDate>,
    /// How much of it to buy.
    pub quantity: Option<Decimal>,
    /// The unit of `quantity`.
    pub unit: Option<String>,
}

/// A list as it is made.
#[derive(Clone, Debug, Serialize)]
pub struct NewList {
    /// Made by the client, or by the server.
    pub id: Option<NootId>,
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// What it is for.
    pub kind: ListKind,
    /// What it is called.
    pub title: String,
    /// What is on it.
    pub items: Vec<NewItem>,
}

/// Something to put on a list.
#[derive(Clone, Debug, Serialize)]
pub struct NewItem {
    /// Made by the client, or by the server.
    pub id: Option<Uuid>,
    /// What it is.
    pub title: String,
    /// The rest.
    pub change: ItemChange,
}

/// What is to change of something on a list: absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ItemChange {
    /// What it is.
    pub title: Option<String>,
    /// More about it.
    pub text: Option<Option<String>>,
    /// Whether it is done, or bought.
    pub completed: Option<bool>,
    /// How much it matters.
    pub priority: Option<Option<Priority>>,
    /// When it is to be done.
    pub due_on: Option<Option<NaiveDate>>,
    /// How much of it to buy.
    pub quantity: Option<Option<Decimal>>,
    /// The unit of `quantity`.
    pub unit: Option<Option<String>>,
}

/// Which list.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Whose; the viewer's when absent.
    pub person: Option<UserId>,
    /// The noot that it is.
    pub id: NootId,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// Which lists.
#[derive(Clone, Debug, Serialize)]
pub struct Filter {
    /// Whose.
    pub person: UserId,
    /// For what.
    pub kind: Option<ListKind>,
    /// Whether those that were deleted, else those that were not.
    pub deleted: bool,
}

/// What [`List::of`] makes of a noot's kind, for filtering.
const KIND: &str = "(SELECT CASE WHEN named IN ('todo', 'shopping', 'notes') THEN named ELSE
       CASE jsonb_path_query_first(data, '$.activities[*].activityType ? (@ == \"todo\" || @ == \"shoppingItem\" || @ == \"note\")') #>> '{}'
         WHEN 'todo' THEN 'todo' WHEN 'shoppingItem' THEN 'shopping' WHEN 'note' THEN 'notes' END END
     FROM (SELECT jsonb_path_query_first(data, '$.activities[*] ? (@.activityType == \"list\")') -> 'properties' ->> 'kind') AS header (named))";

/// Lists, newest first.
pub async fn lists(tx: &Tx, filter: &Filter, page: &PageRequest) -> Result<Page<List>> {
    let mut rows = Entity::find().filter(Column::UserId.eq(filter.person)).filter(Column::Deleted.eq(filter.deleted));
    if let Some(kind) = filter.kind {
        rows = rows.filter(ExprTrait::eq(Expr::cust(KIND), kind.code()));
    }
    if let Some((at, id)) = page.key::<(DateTime<Utc>, NootId)>(&("lists", filter))? {
        let same_time = Condition::all().add(Column::CreatedAt.eq(at)).add(Column::Id.lt(id));
        rows = rows.filter(Condition::any().add(Column::CreatedAt.lt(at)).add(same_time));
    }
    let rows = rows.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).limit(page.limit()?).all(tx).await?;
    page.page(&("lists", filter), rows.into_iter().map(List::of).collect(), |list| (list.noot.created_at, list.noot.id))
}

/// A list that is not deleted.
pub async fn find(tx: &Tx, person: UserId, id: NootId) -> Result<Option<List>> {
    Ok(Entity::find_by_id((person, id)).filter(Column::Deleted.eq(false)).one(tx).await?.map(List::of))
}

/// Makes a list.
pub async fn create(tx: &Tx, new: NewList) -> Result<List> {
    let created_from = input::fingerprint(&new)?;
    let person = tx.viewer_or(new.person)?;
    let id = new.id.unwrap_or_else(|| NootId(tx.new_id()));
    let title = input::line("title", &new.title, 200)?;
    let properties = json!({ "title": title, "kind": new.kind.code() });
    let mut activities = vec![activity(tx.new_id(), HEADER, properties)];
    for (place, item) in new.items.into_iter().enumerate() {
        activities.push(item.activity(tx, new.kind).map_err(|error| error.within(&format!("items[{place}]")))?);
    }
    let content = content(activities)?;
    let row = ActiveModel {
        user_id: Set(person),
        id: Set(id),
        checksum: Set(content.checksum.clone()),
        data: Set(content.data()?),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    let row = match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => row,
        None => {
            let row = Entity::find_by_id((person, id)).filter(Column::Deleted.eq(false)).one(tx).await?;
            input::repeated(row, |row| row.created_from.as_ref() == Some(&created_from))?
        }
    };
    Ok(List::of(row))
}

/// Calls a list something else.
pub async fn rename(tx: &Tx, target: Target, title: &str) -> Result<List> {
    let title = input::line("title", title, 200)?;
    let (list, mut activities) = editable(tx, target).await?;
    match activities.iter_mut().find(|activity| type_of(activity) == HEADER) {
        Some(header) => drop(properties(header)?.insert("title".to_owned(), json!(title))),
        None => {
            let kind = list.kind.map(ListKind::code);
            activities.insert(0, activity(tx.new_id(), HEADER, json!({ "title": title, "kind": kind })));
        }
    }
    store(tx, list, activities).await
}

/// Puts something on a list: at `position` among what is on it, from 0, else at its end. Sent again with the same id it is there once.
pub async fn add_item(tx: &Tx, target: Target, item: NewItem, position: Option<i32>) -> Result<(List, Item)> {
    let (list, mut activities) = editable(tx, target).await?;
    let kind = list
        .kind
        .ok_or_else(|| Error::invalid("listId", "this list holds what the organiser does not know: only its own app adds to it"))?;
    let added = item.activity(tx, kind)?;
    let id = id_of(&added).unwrap_or_default().to_owned();
    if let Some(place) = list.items.iter().position(|item| item.id == id) {
        let there = activities.get(list.place(place)).filter(|there| **there == added).map(|_| list.items[place].clone());
        return input::repeated(there, |_| true).map(|item| (list, item));
    }
    let position = match position {
        Some(position) => place("position", position, list.items.len())?,
        None => list.items.len(),
    };
    let place = if position == list.items.len() { activities.len() } else { list.place(position) };
    activities.insert(place, added);
    with_item(store(tx, list, activities).await?, &id)
}

/// Changes something on a list, or ticks it.
pub async fn update_item(tx: &Tx, target: Target, item: &str, change: &ItemChange) -> Result<(List, Item)> {
    let (list, mut activities) = editable(tx, target).await?;
    let activity = &mut activities[list.place(list.position(item)?)];
    change.apply(activity)?;
    identify(activity, item);
    with_item(store(tx, list, activities).await?, item)
}

/// Moves something on a list to another position, from 0.
pub async fn move_item(tx: &Tx, target: Target, item: &str, position: i32) -> Result<(List, Item)> {
    let (list, mut activities) = editable(tx, target).await?;
    let from = list.position(item)?;
    let to = place("position", position, list.items.len() - 1)?;
    let (from, to) = (list.place(from), list.place(to));
    let mut moved = activities.remove(from);
    identify(&mut moved, item);
    activities.insert(to, moved);
    with_item(store(tx, list, activities).await?, item)
}

/// Takes something off a list.
pub async fn remove_item(tx: &Tx, target: Target, item: &str) -> Result<List> {
    let (list, mut activities) = editable(tx, target).await?;
    activities.remove(list.place(list.position(item)?));
    store(tx, list, activities).await
}

/// Deletes a list. What is on it stays, for [`undelete`].
pub async fn delete(tx: &Tx, target: Target) -> Result<NootId> {
    let (list, _) = editable(tx, target).await?;
    set_deleted(tx, &list.noot, true).await?;
    Ok(target.id)
}

/// Takes the deletion of a list back.
pub async fn undelete(tx: &Tx, target: Target) -> Result<List> {
    let row = locked(tx, target).await?;
    Ok(List::of(if row.deleted { set_deleted(tx, &row, false).await? } else { row }))
}

async fn set_deleted(tx: &Tx, row: &Model, deleted: bool) -> Result<Model> {
    let row = ActiveModel { user_id: Unchanged(row.user_id), id: Unchanged(row.id), deleted: Set(deleted), ..Default::default() };
    Ok(Entity::update(row).exec(tx).await?)
}

async fn locked(tx: &Tx, target: Target) -> Result<Model> {
    let person = tx.viewer_or(target.person)?;
    let row = Entity::find_by_id((person, target.id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("list"))?;
    input::expect_version(target.expected_version, row.version, || List::of(row.clone()).scalars())?;
    Ok(row)
}

async fn editable(tx: &Tx, target: Target) -> Result<(List, Vec<JsonValue>)> {
    let list = List::of(locked(tx, target).await?);
    if list.noot.deleted {
        return Err(Error::NotFound("list"));
    }
    let activities = list.activities().to_vec();
    Ok((list, activities))
}

async fn store(tx: &Tx, list: List, activities: Vec<JsonValue>) -> Result<List> {
    let content = content(activities)?;
    if content.checksum == list.noot.checksum {
        return Ok(list);
    }
    let row = ActiveModel {
        user_id: Unchanged(list.noot.user_id),
        id: Unchanged(list.noot.id),
        checksum: Set(content.checksum.clone()),
        data: Set(content.data()?),
        ..Default::default()
    };
    Ok(List::of(Entity::update(row).exec(tx).await?))
}

fn with_item(list: List, id: &str) -> Result<(List, Item)> {
    let item = list.items[list.position(id)?].clone();
    Ok((list, item))
}

fn place(field: &str, position: i32, last: usize) -> Result<usize> {
    let last = i32::try_from(last).unwrap_or(i32::MAX);
    Ok(usize::try_from(input::integer(field, position, 0..=last)?).unwrap_or_default())
}

impl List {
    /// The list that a noot is.
    pub fn of(noot: Model) -> Self {
        let activities = activities_of(&noot);
        let header = activities.iter().find(|activity| type_of(activity) == HEADER);
        let named = header.and_then(|header| text_of(header, "kind"));
        let kind = ListKind::ALL.into_iter().find(|kind| named.as_deref() == Some(kind.code())).or_else(|| {
            let kind_of = |activity| ListKind::ALL.into_iter().find(|kind| kind.activity_type() == type_of(activity));
            activities.iter().find_map(kind_of)
        });
        let mut items: Vec<Item> = Vec::new();
        for activity in activities.iter().filter(|activity| type_of(activity) != HEADER) {
            let id = id_of(activity).filter(|id| items.iter().all(|item| item.id != *id)).map(str::to_owned);
            let id = id.unwrap_or_else(|| {
                let taken = |id: &String| items.iter().any(|item| item.id == *id);
                (0..).map(|repetition| made_id(noot.id, activity, repetition)).find(|id| !taken(id)).unwrap_or_default()
            });
            items.push(Item::of(id, activity));
        }
        Self { kind, title: header.and_then(|header| text_of(header, "title")), items, noot }
    }

    fn activities(&self) -> &[JsonValue] {
        activities_of(&self.noot)
    }

    /// Where the item at a position stands among the activities.
    fn place(&self, position: usize) -> usize {
        let places = self.activities().iter().enumerate().filter(|(_, activity)| type_of(activity) != HEADER).map(|(place, _)| place);
        places.into_iter().nth(position).unwrap_or_default()
    }

    fn position(&self, id: &str) -> Result<usize> {
        self.items.iter().position(|item| item.id == id).ok_or(Error::NoSuch { field: "itemId", what: "item" })
    }

    fn scalars(&self) -> JsonValue {
        json!({
            "id": self.noot.id, "kind": self.kind.map(|kind| kind.code().to_uppercase()), "title": self.title, "version": self.noot.version,
            "deleted": self.noot.deleted, "updatedAt": self.noot.updated_at,
        })
    }
}

impl Item {
    fn of(id: String, activity: &JsonValue) -> Self {
        let property = |name| activity["properties"].get(name).filter(|_| !is_encrypted(activity));
        let text = |name| property(name).and_then(JsonValue::as_str).map(str::to_owned);
        let quantity = property("quantity").and_then(|quantity| match quantity {
            JsonValue::String(text) => text.parse().ok(),
            JsonValue::Number(number) => number.to_string().parse().ok(),
            _ => None,
        });
        Self {
            id,
            activity_type: type_of(activity).to_owned(),
            encrypted: is_encrypted(activity),
            title: text("title"),
            text: text("text"),
            completed: property("completed").and_then(JsonValue::as_bool),
            priority: text("priority").and_then(|code| Priority::ALL.into_iter().find(|priority| priority.code() == code)),
            due_on: text("dueOn").and_then(|date| date.parse().ok()).filter(|date| (day::FIRST..=day::LAST).contains(date)),
            quantity,
            unit: text("unit"),
        }
    }
}

impl NewItem {
    fn activity(self, tx: &Tx, kind: ListKind) -> Result<JsonValue> {
        let properties = if kind == ListKind::Notes { json!({}) } else { json!({ "completed": false }) };
        let mut made = activity(self.id.unwrap_or_else(|| tx.new_id()), kind.activity_type(), properties);
        ItemChange { title: Some(self.title), ..self.change }.apply(&mut made)?;
        Ok(made)
    }
}

impl ItemChange {
    /// Changes the properties that are known here, and leaves the others.
    fn apply(&self, activity: &mut JsonValue) -> Result<()> {
        let activity_type = type_of(activity).to_owned();
        let only = |field: &str, asked: bool, types: &[&str], of: &str| {
            let right = !asked || types.contains(&activity_type.as_str());
            if right { Ok(()) } else { Err(Error::invalid(field, format!("only {of} has one"))) }
        };
        only("completed", self.completed.is_some(), &["todo", "shoppingItem"], "something to do or to buy")?;
        only("priority", self.priority.is_some(), &["todo"], "something to do")?;
        only("dueOn", self.due_on.is_some(), &["todo"], "something to do")?;
        only("quantity", self.quantity.is_some(), &["shoppingItem"], "something to buy")?;
        only("unit", self.unit.is_some(), &["shoppingItem"], "something to buy")?;
        let properties = properties(activity)?;
        let mut set = |name: &str, value: Option<JsonValue>| match value {
            Some(value) => drop(properties.insert(name.to_owned(), value)),
            None => drop(properties.remove(name)),
        };
        if let Some(title) = &self.title {
            set("title", Some(json!(input::line("title", title, 200)?)));
        }
        if let Some(text) = &self.text {
            set("text", text.as_ref().map(|text| input::paragraph("text", text, 10_000)).transpose()?.map(JsonValue::from));
        }
        if let Some(completed) = self.completed {
            set("completed", Some(json!(completed)));
        }
        if let Some(priority) = self.priority {
            set("priority", priority.map(|priority| json!(priority.code())));
        }
        if let Some(due_on) = self.due_on {
            set("dueOn", due_on.map(|date| day::checked("dueOn", date)).transpose()?.map(|date| json!(date)));
        }
        if let Some(quantity) = self.quantity {
            let range = Decimal::ZERO..=Decimal::from(1_000_000);
            set(
                "quantity",
                quantity.map(|quantity| input::number("quantity", quantity, 3, range)).transpose()?.map(|quantity| json!(quantity)),
            );
        }
        if let Some(unit) = &self.unit {
            set("unit", unit.as_ref().map(|unit| input::line("unit", unit, 20)).transpose()?.map(JsonValue::from));
        }
        Ok(())
    }
}

fn content(activities: Vec<JsonValue>) -> Result<Content> {
    Content::of(&JsonValue::Array(activities)).map_err(|rejection| Error::invalid("items", rejection.message))
}

fn activity(id: Uuid, activity_type: &str, properties: JsonValue) -> JsonValue {
    let base = json!({ "encrypted": false, "syncPriority": "normal" });
    json!({ "id": id, "activityType": activity_type, "properties": properties, "baseProperties": base })
}

fn activities_of(noot: &Model) -> &[JsonValue] {
    noot.data["activities"].as_array().map_or(&[], Vec::as_slice)
}

fn type_of(activity: &JsonValue) -> &str {
    activity["activityType"].as_str().unwrap_or_default()
}

fn id_of(activity: &JsonValue) -> Option<&str> {
    activity["id"].as_str()
}

fn is_encrypted(activity: &JsonValue) -> bool {
    activity["baseProperties"]["encrypted"] == true
}

fn text_of(activity: &JsonValue, property: &str) -> Option<String> {
    if is_encrypted(activity) { None } else { activity["properties"][property].as_str().map(str::to_owned) }
}

/// The properties of an activity, unless they are encrypted.
fn properties(activity: &mut JsonValue) -> Result<&mut Map<String, JsonValue>> {
    if is_encrypted(activity) {
        return Err(Error::Forbidden("this was encrypted by the app that made it: only that app can change it".to_owned()));
    }
    activity["properties"].as_object_mut().ok_or_else(|| Error::internal("an activity without properties"))
}

/// An id for an activity that its client gave none: the same as long as it says the same.
fn made_id(noot: NootId, activity: &JsonValue, repetition: usize) -> String {
    let hash = Sha256::digest(format!("{noot} {repetition} {activity}"));
    let bytes: [u8; 16] = std::array::from_fn(|place| hash[place]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// What was changed here keeps the id that it was known by.
fn identify(activity: &mut JsonValue, id: &str) {
    activity["id"] = json!(id);
}
