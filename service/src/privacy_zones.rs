//! Places around which a person's tracks are hidden from everybody else. The hiding is PostgreSQL's: `auth.activity_track`.

use entity::{
    id::{PrivacyZoneId, UserId},
    privacy_zones::{ActiveModel, Column, Entity, Model},
};
use rust_decimal::Decimal;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder};
use serde::Serialize;

use crate::{
    access::Tx,
    error::{Error, Result},
    input,
};

/// The most zones of a person.
const MOST: u64 = 20;

/// A zone as its owner describes it.
#[derive(Clone, Debug, Serialize)]
pub struct NewPrivacyZone {
    /// Made by the client, or by the server.
    pub id: Option<PrivacyZoneId>,
    /// What the person calls it.
    pub name: Option<String>,
    /// Degrees north.
    pub latitude: Decimal,
    /// Degrees east.
    pub longitude: Decimal,
    /// In metres, 50 to 5,000.
    pub radius: i32,
}

/// The viewer's zones.
pub async fn all(tx: &Tx) -> Result<Vec<Model>> {
    Ok(Entity::find().filter(Column::UserId.eq(tx.viewer()?)).order_by_asc(Column::Id).all(tx).await?)
}

/// Hides what lies in a zone from now on, in tracks of the past too.
pub async fn create(tx: &Tx, new: NewPrivacyZone) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let owner: UserId = tx.viewer()?;
    let degrees = |field: &str, degrees: Decimal, most: i64| input::number(field, degrees, 7, Decimal::from(-most)..=Decimal::from(most));
    let id = new.id.unwrap_or_else(|| PrivacyZoneId(tx.new_id()));
    let row = ActiveModel {
        user_id: Set(owner),
        id: Set(id),
        name: Set(new.name.map(|name| input::line("name", &name, 100)).transpose()?),
        latitude: Set(degrees("latitude", new.latitude, 90)?),
        longitude: Set(degrees("longitude", new.longitude, 180)?),
        radius_m: Set(input::integer("radius", new.radius, 50..=5_000)?),
        created_from: Set(Some(created_from.clone())),
    };
    let find = Entity::find_by_id((owner, id));
    if find.clone().one(tx).await?.is_none() && Entity::find().filter(Column::UserId.eq(owner)).count(tx).await? >= MOST {
        return Err(Error::invalid("id", format!("there are {MOST} zones already, which is as many as there may be: delete one first")));
    }
    match input::created(tx, Entity::insert(row).on_conflict_do_nothing_on([Column::UserId, Column::Id])).await? {
        Some(row) => Ok(row),
        None => input::repeated(find.one(tx).await?, |row| row.created_from.as_ref() == Some(&created_from)),
    }
}

/// Hides no more what lies in a zone.
pub async fn delete(tx: &Tx, id: PrivacyZoneId) -> Result<()> {
    let deleted = Entity::delete_by_id((tx.viewer()?, id)).exec(tx).await?;
    if deleted.rows_affected == 0 { Err(Error::NotFound("privacy zone")) } else { Ok(()) }
}
