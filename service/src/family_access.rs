//! Family access: what one person lets another see, offered, accepted and ended. Row policies and one trigger decide who may
//! do what; here it is said in words.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use entity::{
    family_access::{AccessStatus, AccessType, Column, Entity, Model},
    id::{FamilyAccessId, UserId},
};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, sea_query::Expr};

use crate::{
    access::Tx,
    accounts,
    error::{Error, Result},
    input,
};

/// What is offered to whom.
pub struct Offer {
    /// The address, whether or not it has an account.
    pub grantee_email: String,
    /// What is shared: one grant each.
    pub access_types: Vec<AccessType>,
    /// Whether the grantee may write too.
    pub can_write: bool,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Offers access. The answer is the same whether or not the address has an account.
pub async fn offer(tx: &Tx, offer: Offer) -> Result<Vec<Model>> {
    let grantor = tx.viewer()?;
    let typed = input::line("granteeEmail", &offer.grantee_email, 255)?;
    let address = accounts::address("granteeEmail", &typed)?;
    if crate::people::viewer(tx).await?.email.as_deref() == Some(&address) {
        return Err(Error::invalid("granteeEmail", "this is your own address"));
    }
    let access_types = offer.access_types;
    if access_types.is_empty() || (1..access_types.len()).any(|index| access_types[..index].contains(&access_types[index])) {
        return Err(Error::invalid("accessTypes", "must name at least one type, each once"));
    }
    if offer.expires_at.is_some_and(|end| end <= tx.now()) {
        return Err(Error::invalid("expiresAt", "must be in the future"));
    }
    // What has run out makes room for a new offer.
    end(
        tx,
        Entity::update_many()
            .filter(Column::GrantorUserId.eq(grantor))
            .filter(Expr::cust("expires_at <= statement_timestamp()"))
            .filter(Column::Status.is_in([AccessStatus::Offered, AccessStatus::Active])),
    )
    .await?;
    let rows = access_types.into_iter().map(|access_type| entity::family_access::ActiveModel {
        grantor_user_id: Set(grantor),
        grantee_email: Set(typed.clone()),
        grantee_address: Set(address.clone()),
        access_type: Set(access_type),
        can_write: Set(offer.can_write),
        expires_at: Set(offer.expires_at),
        ..Default::default()
    });
    Ok(Entity::insert_many(rows).exec_with_returning(tx).await?)
}

/// Accepts an offer made to the viewer's verified address.
pub async fn accept(tx: &Tx, id: FamilyAccessId) -> Result<Model> {
    answer(tx, id, AccessStatus::Active).await
}

/// Declines an offer made to the viewer's verified address.
pub async fn decline(tx: &Tx, id: FamilyAccessId) -> Result<Model> {
    answer(tx, id, AccessStatus::Declined).await
}

/// Ends a grant, by either side. It holds from the next statement on.
pub async fn revoke(tx: &Tx, id: FamilyAccessId) -> Result<Model> {
    let viewer = tx.viewer()?;
    let mine = sea_orm::Condition::any().add(Column::GrantorUserId.eq(viewer)).add(Column::GranteeUserId.eq(viewer));
    let ended = end(
        tx,
        Entity::update_many()
            .filter(Column::Id.eq(id))
            .filter(mine)
            .filter(Column::Status.is_in([AccessStatus::Offered, AccessStatus::Active])),
    )
    .await?;
    ended.into_iter().next().ok_or(Error::NotFound("family access"))
}

/// What the viewer has given, newest first.
pub async fn given(tx: &Tx) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::GrantorUserId.eq(tx.viewer()?))
        .order_by_desc(Column::OfferedAt)
        .order_by_desc(Column::Id)
        .all(tx)
        .await?)
}

/// What the viewer was offered or given, newest first.
pub async fn received(tx: &Tx) -> Result<Vec<Model>> {
    Ok(Entity::find()
        .filter(Column::GrantorUserId.ne(tx.viewer()?))
        .order_by_desc(Column::OfferedAt)
        .order_by_desc(Column::Id)
        .all(tx)
        .await?)
}

const ACCESS_TYPES: [AccessType; 5] =
    [AccessType::Calorie, AccessType::Checkin, AccessType::Reports, AccessType::FoodList, AccessType::Organiser];

/// What the viewer may see of this person now: everything of oneself.
pub async fn types_of(tx: &Tx, person: UserId) -> Result<Vec<AccessType>> {
    let viewer = tx.viewer()?;
    if person == viewer {
        return Ok(ACCESS_TYPES.to_vec());
    }
    let rows = Entity::find()
        .filter(Column::GrantorUserId.eq(person))
        .filter(Column::GranteeUserId.eq(viewer))
        .filter(Column::Status.eq(AccessStatus::Active))
        .filter(Expr::cust("(expires_at IS NULL OR expires_at > statement_timestamp())"));
    let shared: Vec<_> = rows.all(tx).await?.into_iter().map(|row| row.access_type).collect();
    Ok(ACCESS_TYPES.into_iter().filter(|access_type| shared.contains(access_type)).collect())
}

/// Those of `people` who share this with the viewer now, or let the viewer write it; the viewer among them.
pub async fn sharing(tx: &Tx, people: &[UserId], access_type: AccessType, writing: bool) -> Result<HashSet<UserId>> {
    let viewer = tx.viewer()?;
    let mut rows = Entity::find()
        .filter(Column::GrantorUserId.is_in(people.iter().copied()))
        .filter(Column::GranteeUserId.eq(viewer))
        .filter(Column::AccessType.eq(access_type))
        .filter(Column::Status.eq(AccessStatus::Active))
        .filter(Expr::cust("(expires_at IS NULL OR expires_at > statement_timestamp())"));
    if writing {
        rows = rows.filter(Column::CanWrite.eq(true));
    }
    let mut sharing: HashSet<_> = rows.all(tx).await?.into_iter().map(|row| row.grantor_user_id).collect();
    sharing.extend(people.iter().copied().filter(|person| *person == viewer));
    Ok(sharing)
}

/// The people who share something with the viewer now.
pub async fn grantors(tx: &Tx) -> Result<Vec<UserId>> {
    let rows = Entity::find()
        .filter(Column::GranteeUserId.eq(tx.viewer()?))
        .filter(Column::Status.eq(AccessStatus::Active))
        .filter(Expr::cust("(expires_at IS NULL OR expires_at > statement_timestamp())"))
        .order_by_asc(Column::GrantorUserId);
    let mut people: Vec<_> = rows.all(tx).await?.into_iter().map(|row| row.grantor_user_id).collect();
    people.dedup();
    Ok(people)
}

async fn answer(tx: &Tx, id: FamilyAccessId, status: AccessStatus) -> Result<Model> {
    let offered = Entity::update_many()
        .col_expr(Column::Status, Expr::value(status))
        .filter(Column::Id.eq(id))
        .filter(Column::GrantorUserId.ne(tx.viewer()?))
        .filter(Column::Status.eq(AccessStatus::Offered));
    offered.exec_with_returning(tx).await?.into_iter().next().ok_or(Error::NotFound("offer to a verified address of yours"))
}

async fn end(tx: &Tx, rows: sea_orm::UpdateMany<Entity>) -> Result<Vec<Model>> {
    Ok(rows.col_expr(Column::Status, Expr::value(AccessStatus::Revoked)).exec_with_returning(tx).await?)
}
