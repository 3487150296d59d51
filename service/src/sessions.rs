//! Where a person is signed in, and signing out: of this session, of another, of all others.

use entity::{
    id::SessionId,
    sessions::{Column, Entity, Model},
};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};

use crate::{
    access::{Tx, Viewer},
    error::{Error, Result},
    security_events::{self, Event},
};

/// How many are listed at most.
const MOST: u64 = 200;

/// The viewer's sessions that have not ended, those used last first.
pub async fn list(tx: &Tx) -> Result<Vec<Model>> {
    let living = Condition::all().add(Column::RevokedAt.is_null()).add(Column::ExpiresAt.gt(tx.now()));
    let own = Entity::find().filter(Column::UserId.eq(tx.viewer()?)).filter(living);
    Ok(own.order_by_desc(Column::LastUsedAt).order_by_desc(Column::Id).limit(MOST).all(tx).await?)
}

/// Ends this session of the viewer's, or all of them.
pub async fn sign_out(tx: &Tx, session: Option<SessionId>, everywhere: bool) -> Result<()> {
    let which = if everywhere { Condition::all() } else { Condition::all().add(Column::Id.eq(session)) };
    end(tx, which).await.map(drop)
}

/// Ends one of the viewer's sessions. Its tokens are refused from the next request on.
pub async fn revoke(tx: &Tx, viewer: &Viewer, session: SessionId) -> Result<()> {
    if end(tx, Condition::all().add(Column::Id.eq(session))).await? == 0 {
        return Err(Error::NotFound("session"));
    }
    security_events::note_own(tx, viewer, Event::SessionRevoked).await
}

/// Ends all of the viewer's sessions but this one; answers how many that were.
pub async fn revoke_others(tx: &Tx, viewer: &Viewer) -> Result<u64> {
    let ended = end(tx, Condition::all().add(Column::Id.ne(viewer.session_id()))).await?;
    if ended > 0 {
        security_events::note_own(tx, viewer, Event::SessionRevoked).await?;
    }
    Ok(ended)
}

async fn end(tx: &Tx, which: Condition) -> Result<u64> {
    let living = Condition::all().add(Column::UserId.eq(tx.viewer()?)).add(Column::RevokedAt.is_null()).add(which);
    let ended = Entity::update_many().col_expr(Column::RevokedAt, Expr::value(tx.now())).filter(living).exec(tx).await?;
    Ok(ended.rows_affected)
}
