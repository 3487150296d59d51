//! What every typed value is held to, whichever feature it belongs to.

use std::ops::RangeInclusive;

use chrono::NaiveTime;
use rust_decimal::Decimal;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, TryInsert, TryInsertResult};
use serde::Serialize;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;

use crate::{
    access::Tx,
    error::{Error, Result},
};

/// One line of text: NFC, trimmed, 1 to `max` characters, none of them a control character.
pub(crate) fn line(field: &str, value: &str, max: usize) -> Result<String> {
    text(field, value, max, |character| character.is_control())
}

/// Text of several lines: NFC, trimmed, 1 to `max` characters, no control characters but line feeds and tabs.
pub(crate) fn paragraph(field: &str, value: &str, max: usize) -> Result<String> {
    text(field, value, max, |character| character.is_control() && !matches!(character, '\n' | '\r' | '\t'))
}

fn text(field: &str, value: &str, max: usize, refused: impl Fn(char) -> bool) -> Result<String> {
    let text: String = value.nfc().collect();
    let text = text.trim();
    if text.chars().all(is_invisible) {
        return Err(Error::invalid(field, "must not be empty"));
    }
    let length = text.chars().count();
    if length > max {
        return Err(Error::invalid(field, format!("must have at most {max} characters, has {length}")));
    }
    if text.chars().any(refused) {
        return Err(Error::invalid(field, "must not contain control characters"));
    }
    Ok(text.to_owned())
}

/// White space, and characters that only tell how others are shown: nobody sees a text of these alone.
fn is_invisible(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A number within `range` that `decimals` decimals hold exactly: Hale does not round what somebody typed.
pub(crate) fn number(field: &str, value: Decimal, decimals: u32, range: RangeInclusive<Decimal>) -> Result<Decimal> {
    let value = value.normalize();
    if value.scale() > decimals {
        return Err(Error::invalid(field, format!("must have at most {decimals} decimals, is {value}")));
    }
    if !range.contains(&value) {
        return Err(Error::invalid(field, format!("must be between {} and {}, is {value}", range.start(), range.end())));
    }
    Ok(value)
}

/// A whole number within `range`.
pub(crate) fn integer(field: &str, value: i32, range: RangeInclusive<i32>) -> Result<i32> {
    if range.contains(&value) {
        Ok(value)
    } else {
        Err(Error::invalid(field, format!("must be between {} and {}, is {value}", range.start(), range.end())))
    }
}

/// A time of day, HH:MM.
pub(crate) fn time(field: &str, text: &str) -> Result<NaiveTime> {
    let time = NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|_| text.len() == 5);
    time.ok_or_else(|| Error::invalid(field, "must be a time such as 19:30"))
}

/// The name by which clients know a column: `consumedAt` of `consumed_at`.
pub(crate) fn field(column: &str) -> String {
    let mut words = column.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// The fingerprint by which a repeated creation is told from another one with the same id.
pub(crate) fn fingerprint(input: &impl Serialize) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(input).map_err(|error| Error::Internal(error.into()))?;
    Ok(Sha256::digest(json).to_vec())
}

/// Creates a row; `None` when its id is taken. SeaORM's `exec_with_returning` would call a taken id a row that was not found.
pub(crate) async fn created<Row>(tx: &Tx, insert: TryInsert<Row>) -> Result<Option<<Row::Entity as EntityTrait>::Model>>
where
    Row: ActiveModelTrait,
    <Row::Entity as EntityTrait>::Model: IntoActiveModel<Row>,
{
    match insert.exec_with_returning_many(tx).await? {
        TryInsertResult::Inserted(mut rows) => Ok(rows.pop()),
        _ => Ok(None),
    }
}

/// What a creation comes to when its id is taken: the row that the same input made, or a clash.
pub(crate) fn repeated<Row>(existing: Option<Row>, same_input: impl Fn(&Row) -> bool) -> Result<Row> {
    existing.filter(same_input).ok_or_else(|| Error::conflict("this id is taken by something else: make a new one"))
}

/// Refuses an update of a row that has changed since its editor read it.
pub(crate) fn expect_version(expected: Option<i32>, current: i32, row: impl FnOnce() -> serde_json::Value) -> Result<()> {
    match expected {
        Some(expected) if expected != current => Err(Error::Conflict {
            message: format!("this has changed meanwhile: it is at version {current}, not {expected}"),
            current: Some(row()),
        }),
        _ => Ok(()),
    }
}
