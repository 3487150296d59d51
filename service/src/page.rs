//! Pages of a long list, by a cursor that holds where the last one ended.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{Error, Result},
    input,
};

/// Part of a list, and whether there is more of it.
pub struct Page<Item> {
    /// The items, each with the cursor after which the next page starts.
    pub items: Vec<(String, Item)>,
    /// Whether more follow.
    pub has_next: bool,
}

/// Which part of a list is wanted.
pub struct PageRequest {
    /// How many items, 1 to 100.
    pub first: Option<i32>,
    /// The cursor of the item before.
    pub after: Option<String>,
}

/// How many items a page has when nothing is said.
pub const DEFAULT_SIZE: i32 = 20;

impl PageRequest {
    /// How many items to read: one more than wanted tells whether there is a next page.
    pub(crate) fn limit(&self) -> Result<u64> {
        let size = input::integer("first", self.first.unwrap_or(DEFAULT_SIZE), 1..=100)?;
        Ok(u64::try_from(size).unwrap_or_default() + 1)
    }

    /// The key after which to read on. `filter` is what the list was asked for; a cursor of another list is refused.
    pub(crate) fn key<Key: DeserializeOwned>(&self, filter: &impl Serialize) -> Result<Option<Key>> {
        let Some(cursor) = &self.after else { return Ok(None) };
        let refused = || Error::invalid("after", "not a cursor of this list: take one from pageInfo of the same query");
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
        let (of, key): (String, Key) = serde_json::from_slice(&bytes).map_err(|_| refused())?;
        if of == list_name(filter)? { Ok(Some(key)) } else { Err(refused()) }
    }

    /// The page of `rows`, which were read up to [`PageRequest::limit`].
    pub(crate) fn page<Item, Key: Serialize>(
        &self,
        filter: &impl Serialize,
        mut rows: Vec<Item>,
        key: impl Fn(&Item) -> Key,
    ) -> Result<Page<Item>> {
        let size = usize::try_from(self.limit()? - 1).unwrap_or_default();
        let has_next = rows.len() > size;
        rows.truncate(size);
        let of = list_name(filter)?;
        let items = rows.into_iter().map(|row| {
            let cursor = serde_json::to_vec(&(&of, key(&row))).map_err(|error| Error::Internal(error.into()))?;
            Ok((BASE64_URL_SAFE_NO_PAD.encode(cursor), row))
        });
        Ok(Page { items: items.collect::<Result<_>>()?, has_next })
    }
}

fn list_name(filter: &impl Serialize) -> Result<String> {
    Ok(BASE64_URL_SAFE_NO_PAD.encode(&input::fingerprint(filter)?[..6]))
}
