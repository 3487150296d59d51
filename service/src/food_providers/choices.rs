//! Whom a person wants to be asked, in which order, and with which keys of their own.

use entity::{
    food_provider_settings::{ActiveModel, Column, Entity, FoodProvider},
    id::UserId,
};
use sea_orm::{
    ActiveEnum,
    ActiveValue::Set,
    ColumnTrait, EntityTrait, Iterable, QueryFilter,
    sea_query::{Expr, OnConflict},
};

use super::{Credential, Needs, failure::Failure, terms};
use crate::{
    access::{Database, Tx},
    error::{Error, Result},
    input, sealing,
};

/// How a person wants a provider to be asked.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Which provider.
    pub provider: FoodProvider,
    /// Whether it is asked.
    pub enabled: bool,
    /// Whether the person has a key of their own.
    pub has_key: bool,
    /// How that ends: at most four characters.
    pub hint: Option<String>,
    sealed: Option<String>,
}

impl Choice {
    /// The person's own key. One that does not open any more is as good as refused.
    pub(super) fn credential(&self, database: &Database, person: UserId) -> Option<Result<Credential, Failure>> {
        let sealed = self.sealed.as_ref()?;
        let opened = sealing::open(database.keys(), &context(person, self.provider), sealed);
        let credential = opened.ok().and_then(|json| serde_json::from_str(&json).ok());
        Some(credential.ok_or(Failure::KeyRefused))
    }
}

/// Every provider as the viewer wants it asked, in the viewer's order.
pub async fn all(tx: &Tx) -> Result<Vec<Choice>> {
    let rows = Entity::find().filter(Column::UserId.eq(tx.viewer()?)).all(tx).await?;
    let mut choices: Vec<_> = (0..)
        .zip(FoodProvider::iter())
        .map(|(usual, provider)| {
            let row = rows.iter().find(|row| row.provider == provider);
            let choice = Choice {
                provider,
                enabled: row.is_none_or(|row| row.enabled),
                has_key: row.is_some_and(|row| row.credential.is_some()),
                hint: row.and_then(|row| row.hint.clone()),
                sealed: row.and_then(|row| row.credential.clone()),
            };
            (row.map_or(usual, |row| row.position), usual, choice)
        })
        .collect();
    choices.sort_by_key(|(position, usual, _)| (*position, *usual));
    Ok(choices.into_iter().map(|(_, _, choice)| choice).collect())
}

/// Puts providers first, in this order, and turns each on or off; the others follow as they were.
pub async fn arrange(tx: &Tx, wanted: &[(FoodProvider, Option<bool>)]) -> Result<Vec<Choice>> {
    let before = all(tx).await?;
    let mut arranged: Vec<(FoodProvider, bool)> = Vec::new();
    for (position, (provider, enabled)) in wanted.iter().enumerate() {
        if arranged.iter().any(|(known, _)| known == provider) {
            return Err(Error::invalid(format!("providers[{position}].provider"), "is there twice: name each provider once"));
        }
        let was = before.iter().find(|choice| choice.provider == *provider).is_none_or(|choice| choice.enabled);
        arranged.push((*provider, enabled.unwrap_or(was)));
    }
    let others = before.iter().filter(|choice| wanted.iter().all(|(provider, _)| *provider != choice.provider));
    arranged.extend(others.map(|choice| (choice.provider, choice.enabled)));
    let person = tx.viewer()?;
    let rows = (0..).zip(arranged).map(|(position, (provider, enabled))| ActiveModel {
        user_id: Set(person),
        provider: Set(provider),
        enabled: Set(enabled),
        position: Set(position),
        ..Default::default()
    });
    let again = OnConflict::columns([Column::UserId, Column::Provider]).update_columns([Column::Enabled, Column::Position]).to_owned();
    Entity::insert_many(rows).on_conflict(again).exec_without_returning(tx).await?;
    all(tx).await
}

/// Keeps a key of the viewer's own, sealed for this person and provider.
pub async fn set_key(database: &Database, tx: &Tx, provider: FoodProvider, key: &str, secret: Option<&str>) -> Result<Vec<Choice>> {
    let person = tx.viewer()?;
    let credential = checked(provider, key, secret)?;
    let hint = hint(credential.secret.as_deref().unwrap_or(&credential.key));
    let json = serde_json::to_string(&credential).map_err(|error| Error::Internal(error.into()))?;
    let position = FoodProvider::iter().position(|known| known == provider).and_then(|place| place.try_into().ok());
    let row = ActiveModel {
        user_id: Set(person),
        provider: Set(provider),
        position: Set(position.unwrap_or_default()),
        credential: Set(Some(sealing::seal(database.keys(), database.random(), &context(person, provider), &json)?)),
        hint: Set(hint),
        ..Default::default()
    };
    let again = OnConflict::columns([Column::UserId, Column::Provider]).update_columns([Column::Credential, Column::Hint]).to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(tx).await?;
    all(tx).await
}

/// Forgets the viewer's own key; the operator's is used again, where there is one.
pub async fn remove_key(tx: &Tx, provider: FoodProvider) -> Result<Vec<Choice>> {
    Entity::update_many()
        .col_expr(Column::Credential, Expr::value(Option::<String>::None))
        .col_expr(Column::Hint, Expr::value(Option::<String>::None))
        .filter(Column::UserId.eq(tx.viewer()?))
        .filter(Column::Provider.eq(provider))
        .exec(tx)
        .await?;
    all(tx).await
}

fn checked(provider: FoodProvider, key: &str, secret: Option<&str>) -> Result<Credential> {
    let key = secret_text("key", key)?;
    match (terms(provider).needs, secret) {
        (Needs::Nothing, _) => Err(Error::invalid("provider", format!("{} needs no key", terms(provider).name))),
        (Needs::Key, None) => Ok(Credential { key, secret: None }),
        (Needs::Key, Some(_)) => Err(Error::invalid("secret", format!("{} needs a key alone: leave it out", terms(provider).name))),
        (Needs::ClientAndSecret, Some(secret)) => Ok(Credential { key, secret: Some(secret_text("secret", secret)?) }),
        (Needs::ClientAndSecret, None) => {
            Err(Error::invalid("secret", format!("{} needs the client's id as key, and its secret", terms(provider).name)))
        }
    }
}

/// What can stand in a header: printable ASCII without blanks.
pub(crate) fn secret_text(field: &str, text: &str) -> Result<String> {
    let text = input::line(field, text, 500)?;
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text)
    } else {
        Err(Error::invalid(field, "must be letters, digits and signs of ASCII, without blanks: copy it once more"))
    }
}

/// How a secret ends, so that its owner knows it again: four characters, of one that is long enough to stay secret.
pub(crate) fn hint(secret: &str) -> Option<String> {
    (secret.len() >= 12).then(|| secret[secret.len() - 4..].to_owned())
}

/// What a key is sealed for: it opens for no other person or provider.
fn context(person: UserId, provider: FoodProvider) -> String {
    format!("food provider {} {person}", ActiveEnum::to_value(&provider))
}
