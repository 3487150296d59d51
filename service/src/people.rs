//! People as others may know them, and the viewer as they know themselves.

use entity::{
    allergen::Allergen,
    id::UserId,
    user_preferences::{self, UnitsSystem},
    users,
};
use sea_orm::{
    ActiveEnum,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, DbBackend, EntityTrait, FromQueryResult, QueryFilter, Statement,
};

use crate::{
    access::Tx,
    day,
    error::{Error, Result},
    input,
    sync::{
        collection::{Collection, Context, Deletion, Draft, Kind, group, written},
        merge::Refused,
    },
};

/// Someone the viewer may know of.
#[derive(Clone, Debug, FromQueryResult)]
pub struct Person {
    /// Identifies the person.
    pub id: UserId,
    /// How others see the person.
    pub full_name: Option<String>,
    /// The viewer's own address; `None` for anyone else.
    pub email: Option<String>,
}

/// The viewer.
pub async fn viewer(tx: &Tx) -> Result<Person> {
    let user = users::Entity::find_by_id(tx.viewer()?).one(tx).await?.ok_or(Error::Unauthenticated("this account no longer exists"))?;
    Ok(Person { id: user.id, full_name: user.full_name, email: Some(user.email) })
}

/// The person of this id: the viewer, or someone who shares something with the viewer.
pub async fn find(tx: &Tx, id: UserId) -> Result<Option<Person>> {
    if id == tx.viewer()? {
        return viewer(tx).await.map(Some);
    }
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT r.id, r.full_name, NULL AS email FROM auth.relatives() r JOIN auth.calendar_of($1) ON true WHERE r.id = $1",
        [id.0.into()],
    );
    Ok(Person::find_by_statement(statement).one(tx).await?)
}

/// These people by name, as far as the viewer may know them.
pub async fn by_ids(tx: &Tx, ids: &[UserId]) -> Result<Vec<Person>> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT id, full_name, email FROM users WHERE id = ANY ($1)
         UNION ALL SELECT id, full_name, NULL FROM (SELECT * FROM auth.relatives() UNION SELECT * FROM auth.readers()) known WHERE id = ANY ($1)
         ORDER BY full_name, id",
        [ids.into()],
    );
    Ok(Person::find_by_statement(statement).all(tx).await?)
}

/// What is to change of the viewer's preferences; absent keeps, `Some(None)` clears.
#[derive(Clone, Debug, Default)]
pub struct PreferencesChange {
    /// IANA zone.
    pub time_zone: Option<chrono_tz::Tz>,
    /// Metric or imperial.
    pub units_system: Option<UnitsSystem>,
    /// system, light or dark.
    pub theme: Option<String>,
    /// The provider of AI chat.
    pub ai_provider: Option<Option<String>>,
    /// When the day starts, "HH:MM".
    pub day_starts_at: Option<String>,
    /// What the person wants to be warned of.
    pub allergens: Option<Vec<Allergen>>,
}

/// The viewer's preferences.
pub async fn preferences(tx: &Tx) -> Result<user_preferences::Model> {
    user_preferences::Entity::find()
        .filter(user_preferences::Column::UserId.eq(tx.viewer()?))
        .one(tx)
        .await?
        .ok_or_else(|| Error::internal("a person without preferences"))
}

/// Changes the viewer's preferences. Days that were written stay where they are.
pub async fn update_preferences(tx: &Tx, change: PreferencesChange) -> Result<user_preferences::Model> {
    let current = preferences(tx).await?;
    let mut row = user_preferences::ActiveModel { user_id: Unchanged(current.user_id), id: Unchanged(current.id), ..Default::default() };
    if let Some(zone) = change.time_zone {
        row.time_zone = Set(zone.name().to_owned());
    }
    if let Some(units) = change.units_system {
        row.units_system = Set(units);
    }
    if let Some(theme) = change.theme {
        row.theme = Set(checked_theme("theme", theme)?);
    }
    if let Some(provider) = change.ai_provider {
        row.ai_provider = Set(provider.map(|provider| input::line("aiProvider", &provider, 50)).transpose()?);
    }
    if let Some(text) = change.day_starts_at {
        row.day_starts_at = Set(day_start("dayStartsAt", &text)?);
    }
    if let Some(allergens) = change.allergens {
        row.allergens = Set(Allergen::to_codes(&allergens));
    }
    if !sea_orm::ActiveModelTrait::is_changed(&row) {
        return Ok(current);
    }
    Ok(user_preferences::Entity::update(row).exec(tx).await?)
}

fn checked_theme(field: &str, theme: String) -> Result<String> {
    if matches!(theme.as_str(), "system" | "light" | "dark") {
        Ok(theme)
    } else {
        Err(Error::invalid(field, "must be system, light or dark"))
    }
}

fn day_start(field: &str, text: &str) -> Result<chrono::NaiveTime> {
    let time = chrono::NaiveTime::parse_from_str(text, "%H:%M").ok().filter(|time| text.len() == 5 && *time <= day::LATEST_START);
    time.ok_or_else(|| Error::invalid(field, "must be a time between 00:00 and 12:00, such as 03:00"))
}

/// Preferences on devices: one row, which the account came with.
pub static SYNCED: Collection = Collection {
    name: "user_preferences",
    person_column: "user_id",
    access: None,
    deletion: Deletion::Never,
    groups: &[
        group("theme", &[written("theme", Kind::Text)]),
        group("ai_provider", &[written("ai_provider", Kind::Text)]),
        group("units_system", &[written("units_system", Kind::Text)]),
        group("time_zone", &[written("time_zone", Kind::Text)]),
        group("day_starts_at", &[written("day_starts_at", Kind::Time)]),
    ],
    complete,
    complement: None,
};

fn complete(_: &Context, draft: &mut Draft) -> Result<(), Refused> {
    checked_theme("theme", draft.text("theme")?.to_owned())?;
    let units = draft.text("units_system")?.to_owned();
    UnitsSystem::try_from_value(&units).map_err(|_| Error::invalid("units_system", "must be metric or imperial"))?;
    let zone = day::zone("time_zone", draft.text("time_zone")?)?;
    draft.set("time_zone", zone.name());
    day_start("day_starts_at", draft.text("day_starts_at")?)?;
    if let Some(provider) = draft.optional_text("ai_provider")? {
        let provider = input::line("ai_provider", provider, 50)?;
        draft.set("ai_provider", provider);
    }
    Ok(())
}
