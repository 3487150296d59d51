//! What a list holds because something was computed, such as what to buy for a plan. It can be computed anew: what somebody ticked,
//! edited or added stays.

use rust_decimal::Decimal;
use sea_orm::JsonValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{HEADER, List, ListKind, Target, activity, editable, id_of, is_encrypted, properties, store, type_of};
use crate::{access::Tx, error::Result};

/// Something that was computed to be on a list.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratedItem {
    /// The same for the same thing, whenever it is computed.
    pub id: Uuid,
    /// What it is.
    pub title: String,
    /// How much of it to buy.
    pub quantity: Option<Decimal>,
    /// The unit of `quantity`.
    pub unit: Option<String>,
}

/// What an item says that was computed, beside what it says now: whoever edits it changes only the latter.
const GENERATED: &str = "generated";
/// What the header says that it was computed from.
const ORIGIN: &str = "generatedFrom";

/// What the items of a list were computed from; nothing of a list that nobody computed.
pub fn origin(list: &List) -> Option<JsonValue> {
    let header = list.activities().iter().find(|activity| type_of(activity) == HEADER && !is_encrypted(activity))?;
    header["properties"].get(ORIGIN).cloned()
}

/// Puts what was computed from `origin` on a list, in place of what was computed before.
pub async fn put(tx: &Tx, target: Target, origin: JsonValue, items: Vec<GeneratedItem>) -> Result<List> {
    let (list, activities) = editable(tx, target).await?;
    let mut wanted: Vec<Option<GeneratedItem>> = items.into_iter().map(Some).collect();
    let mut kept = Vec::with_capacity(activities.len());
    for mut there in activities {
        if is_encrypted(&there) {
            kept.push(there);
            continue;
        }
        if type_of(&there) == HEADER {
            properties(&mut there)?.insert(ORIGIN.to_owned(), origin.clone());
        } else if let Some(before) = there["properties"].get(GENERATED).cloned() {
            let id = id_of(&there).and_then(|id| id.parse::<Uuid>().ok());
            let is_edited = says(&there) != before;
            let again = wanted.iter_mut().find(|item| item.as_ref().map(|item| item.id) == id).and_then(Option::take);
            match again {
                Some(item) => item.write(&mut there, is_edited)?,
                None if !is_edited && there["properties"]["completed"] != true => continue,
                None => {}
            }
        }
        kept.push(there);
    }
    for item in wanted.into_iter().flatten() {
        let mut added = activity(item.id, ListKind::Shopping.activity_type(), json!({ "completed": false }));
        item.write(&mut added, false)?;
        kept.push(added);
    }
    store(tx, list, kept).await
}

/// What an item says, in the form in which it is compared.
fn says(activity: &JsonValue) -> JsonValue {
    let property = |name: &str| activity["properties"].get(name).cloned().unwrap_or(Value::Null);
    json!({ "title": property("title"), "quantity": property("quantity"), "unit": property("unit") })
}

impl GeneratedItem {
    fn write(&self, activity: &mut JsonValue, is_edited: bool) -> Result<()> {
        let generated = json!({ "title": self.title, "quantity": self.quantity, "unit": self.unit });
        let properties = properties(activity)?;
        if !is_edited {
            for (name, value) in generated.as_object().into_iter().flatten() {
                match value {
                    Value::Null => drop(properties.remove(name)),
                    value => drop(properties.insert(name.clone(), value.clone())),
                }
            }
        }
        properties.insert(GENERATED.to_owned(), generated);
        Ok(())
    }
}
