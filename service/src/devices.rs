//! Devices: which of a person's keep a copy, and how far each has come. Deleted rows wait for them.

use chrono::TimeDelta;
use entity::{
    devices::{ActiveModel, Column, Entity, Model},
    id::{DeviceId, SessionId},
};
use sea_orm::{
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, ExprTrait, PaginatorTrait, QueryFilter, QueryOrder, Statement,
    sea_query::{Expr, OnConflict},
};

use crate::{
    access::Tx,
    error::{Error, Result},
    input,
    sync::{self, Cursor},
};

/// How many a person has at most.
pub const MOST: u64 = 20;
/// After how long unseen a device is no longer waited for.
pub const FORGOTTEN_AFTER: TimeDelta = TimeDelta::days(180);

/// The viewer's devices, those that were seen last first.
pub async fn list(tx: &Tx) -> Result<Vec<Model>> {
    let own = Entity::find().filter(Column::UserId.eq(tx.viewer()?)).filter(Column::RevokedAt.is_null());
    Ok(own.order_by_desc(Column::LastSeenAt).order_by_asc(Column::Id).all(tx).await?)
}

/// Registers the device that this session is on. The same id is the same device, whatever it is called now; one that was revoked is
/// back, since whoever signed in on it knows the password.
pub async fn register(tx: &Tx, session: SessionId, id: DeviceId, name: &str) -> Result<Model> {
    let (viewer, now) = (tx.viewer()?, tx.now());
    let name = input::line("deviceName", name, 100)?;
    let living = Column::RevokedAt.is_null().and(Column::LastSeenAt.gt(now - FORGOTTEN_AFTER));
    let others = Entity::find().filter(Column::UserId.eq(viewer)).filter(Column::Id.ne(id)).filter(living).count(tx).await?;
    if others >= MOST {
        return Err(Error::conflict(format!("there are {MOST} devices already: revoke one that is not used any more")));
    }
    let row = ActiveModel {
        user_id: Set(viewer),
        id: Set(id),
        name: Set(name),
        last_seen_at: Set(now),
        revoked_at: Set(None),
        ..Default::default()
    };
    let again =
        OnConflict::columns([Column::UserId, Column::Id]).update_columns([Column::Name, Column::LastSeenAt, Column::RevokedAt]).to_owned();
    let device = Entity::insert(row).on_conflict(again).exec_with_returning(tx).await?;
    let statement = "UPDATE sessions SET device_id = $3 WHERE user_id = $1 AND id = $2";
    tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, statement, [viewer.0.into(), session.0.into(), id.0.into()]))
        .await?;
    Ok(device)
}

/// Notes how far the device of this session keeps its owner's feed, so that deleted rows need not wait for it any longer.
pub async fn acknowledge(tx: &Tx, session: SessionId, cursor: Cursor) -> Result<Model> {
    let viewer = tx.viewer()?;
    let head = sync::head(tx).await?.cursor;
    if cursor.epoch != head.epoch {
        return Err(Error::invalid("cursor", "is of another history: read the feed from the beginning"));
    }
    if cursor.number > head.number {
        return Err(Error::invalid("cursor", "is of a change that has not happened"));
    }
    let statement = "SELECT device_id FROM sessions WHERE user_id = $1 AND id = $2 AND device_id IS NOT NULL";
    let row = tx
        .query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, statement, [viewer.0.into(), session.0.into()]))
        .await?
        .ok_or_else(|| Error::conflict("this session is on no device: register it first"))?;
    let id = DeviceId(row.try_get_by_index(0)?);
    let seen = ActiveModel {
        user_id: Unchanged(viewer),
        id: Unchanged(id),
        epoch: Set(Some(cursor.epoch)),
        acknowledged: Set(cursor.number),
        last_seen_at: Set(tx.now()),
        ..Default::default()
    };
    Ok(Entity::update(seen).exec(tx).await?)
}

/// Takes a device off the list and ends its sessions: what it holds it keeps, what comes it does not see.
pub async fn revoke(tx: &Tx, id: DeviceId) -> Result<DeviceId> {
    let (viewer, now) = (tx.viewer()?, tx.now());
    let revoked = Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(now))
        .filter(Column::UserId.eq(viewer))
        .filter(Column::Id.eq(id))
        .filter(Column::RevokedAt.is_null())
        .exec(tx)
        .await?;
    if revoked.rows_affected == 0 {
        return Err(Error::NotFound("device"));
    }
    let statement = "UPDATE sessions SET revoked_at = $3 WHERE user_id = $1 AND device_id = $2 AND revoked_at IS NULL";
    tx.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, statement, [viewer.0.into(), id.0.into(), now.into()])).await?;
    Ok(id)
}
