//! Households: families that share routines. Row policies, triggers and two doors decide who may do what; here it is said in
//! words. To belong to a household opens nothing but the household's own rows.

use chrono::{DateTime, Utc};
use entity::{
    household_invitations::{self, InvitationStatus},
    household_members::{self, MemberKind, MemberRole},
    households,
    id::{HouseholdId, HouseholdInvitationId, HouseholdMemberId},
};
use sea_orm::{
    ActiveEnum,
    ActiveValue::{Set, Unchanged},
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, JsonValue, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Statement,
    sea_query::Expr,
};
use serde::Serialize;

use crate::{
    access::Tx,
    accounts,
    error::{Error, Result},
    input, people, routines,
};

/// A household as it is made.
#[derive(Clone, Debug, Serialize)]
pub struct NewHousehold {
    /// Made by the client, or by the server.
    pub id: Option<HouseholdId>,
    /// What it is called.
    pub name: String,
    /// What the household calls the viewer; the viewer's full name when absent.
    pub your_name: Option<String>,
}

/// A member as they are added. An account follows by invitation.
#[derive(Clone, Debug, Serialize)]
pub struct NewMember {
    /// Made by the client, or by the server.
    pub id: Option<HouseholdMemberId>,
    /// What the household calls them.
    pub name: String,
    /// Adult, child or helper.
    pub kind: MemberKind,
}

/// What is to change of a member; absent keeps.
#[derive(Clone, Debug, Default)]
pub struct MemberChange {
    /// What the household calls them.
    pub name: Option<String>,
    /// Adult, child or helper.
    pub kind: Option<MemberKind>,
    /// What they may do.
    pub role: Option<MemberRole>,
    /// Refuse when it is at another version.
    pub expected_version: Option<i32>,
}

/// The viewer's households, by name.
pub async fn list(tx: &Tx) -> Result<Vec<households::Model>> {
    Ok(households::Entity::find().order_by_asc(households::Column::Name).order_by_asc(households::Column::Id).all(tx).await?)
}

/// One of the viewer's households.
pub async fn find(tx: &Tx, id: HouseholdId) -> Result<Option<households::Model>> {
    Ok(households::Entity::find_by_id(id).one(tx).await?)
}

/// Makes a household whose administrator the viewer is.
pub async fn create(tx: &Tx, new: NewHousehold) -> Result<households::Model> {
    let created_from = input::fingerprint(&new)?;
    let id = new.id.unwrap_or_else(|| HouseholdId(tx.new_id()));
    let name = input::line("name", &new.name, 100)?;
    let your_name = match new.your_name {
        Some(name) => name,
        None => people::viewer(tx).await?.full_name.ok_or_else(|| Error::invalid("yourName", "say what the household calls you"))?,
    };
    let your_name = input::line("yourName", &your_name, 100)?;
    if let Some(existing) = find(tx, id).await? {
        return input::repeated(Some(existing), |row| row.created_from.as_ref() == Some(&created_from));
    }
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT auth.found_household($1, $2, $3, $4, $5)",
        [id.0.into(), name.into(), tx.new_id().into(), your_name.into(), created_from.into()],
    );
    tx.execute_raw(statement).await?;
    find(tx, id).await?.ok_or(Error::NotFound("household"))
}

/// Gives a household another name.
pub async fn rename(tx: &Tx, id: HouseholdId, name: &str, expected_version: Option<i32>) -> Result<households::Model> {
    let name = input::line("name", name, 100)?;
    administered(tx, id).await?;
    let row = households::Entity::find_by_id(id).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("household"))?;
    input::expect_version(expected_version, row.version, || serde_json::json!({ "id": row.id, "name": row.name, "version": row.version }))?;
    Ok(households::Entity::update(households::ActiveModel { id: Unchanged(id), name: Set(name), ..Default::default() }).exec(tx).await?)
}

/// Deletes a household with everything in it.
pub async fn delete(tx: &Tx, id: HouseholdId) -> Result<()> {
    administered(tx, id).await?;
    households::Entity::delete_by_id(id).exec(tx).await?;
    Ok(())
}

/// The viewer as a member of this household.
pub async fn membership(tx: &Tx, household: HouseholdId) -> Result<household_members::Model> {
    household_members::Entity::find()
        .filter(household_members::Column::HouseholdId.eq(household))
        .filter(household_members::Column::UserId.eq(tx.viewer()?))
        .filter(household_members::Column::RemovedAt.is_null())
        .one(tx)
        .await?
        .ok_or(Error::NotFound("household"))
}

/// Says clearly that something is for administrators. That it does not happen otherwise is up to the policies.
pub(crate) async fn administered(tx: &Tx, household: HouseholdId) -> Result<()> {
    match membership(tx, household).await?.role {
        MemberRole::Administrator => Ok(()),
        MemberRole::Member => Err(Error::Forbidden("only an administrator of the household may do this".to_owned())),
    }
}

/// The members of a household in the order they came, with those who are gone if `former`.
pub async fn members(tx: &Tx, household: HouseholdId, former: bool) -> Result<Vec<household_members::Model>> {
    let mut rows = household_members::Entity::find().filter(household_members::Column::HouseholdId.eq(household));
    if !former {
        rows = rows.filter(household_members::Column::RemovedAt.is_null());
    }
    Ok(rows.order_by_asc(Expr::cust("created_at")).order_by_asc(household_members::Column::Id).all(tx).await?)
}

/// Everybody who belongs or belonged to these households.
pub async fn members_of(tx: &Tx, households: &[HouseholdId]) -> Result<Vec<household_members::Model>> {
    let rows = household_members::Entity::find().filter(household_members::Column::HouseholdId.is_in(households.iter().copied()));
    Ok(rows.order_by_asc(Expr::cust("created_at")).order_by_asc(household_members::Column::Id).all(tx).await?)
}

/// A member who has not left. `field` is the input field that names them.
pub(crate) async fn member(
    tx: &Tx,
    household: HouseholdId,
    id: HouseholdMemberId,
    field: &'static str,
) -> Result<household_members::Model> {
    household_members::Entity::find_by_id((household, id))
        .filter(household_members::Column::RemovedAt.is_null())
        .one(tx)
        .await?
        .ok_or(Error::NoSuch { field, what: "member" })
}

/// Adds somebody who has no account yet, or never will.
pub async fn add_member(tx: &Tx, household: HouseholdId, new: NewMember) -> Result<household_members::Model> {
    let created_from = input::fingerprint(&new)?;
    let name = input::line("name", &new.name, 100)?;
    administered(tx, household).await?;
    let id = new.id.unwrap_or_else(|| HouseholdMemberId(tx.new_id()));
    let row = household_members::ActiveModel {
        household_id: Set(household),
        id: Set(id),
        name: Set(name),
        kind: Set(new.kind),
        created_from: Set(Some(created_from.clone())),
        ..Default::default()
    };
    let insert = household_members::Entity::insert(row)
        .on_conflict_do_nothing_on([household_members::Column::HouseholdId, household_members::Column::Id]);
    match input::created(tx, insert).await? {
        Some(row) => Ok(row),
        None => {
            let existing = household_members::Entity::find_by_id((household, id)).one(tx).await?;
            input::repeated(existing, |row| row.created_from.as_ref() == Some(&created_from))
        }
    }
}

/// Changes a member's name, kind or role.
pub async fn update_member(
    tx: &Tx,
    household: HouseholdId,
    id: HouseholdMemberId,
    change: MemberChange,
) -> Result<household_members::Model> {
    administered(tx, household).await?;
    let member = locked(tx, household, id).await?;
    input::expect_version(change.expected_version, member.version, || scalars(&member))?;
    let mut row = household_members::ActiveModel { household_id: Unchanged(household), id: Unchanged(id), ..Default::default() };
    if let Some(name) = change.name {
        row.name = Set(input::line("name", &name, 100)?);
    }
    if let Some(kind) = change.kind {
        row.kind = Set(kind);
    }
    if let Some(role) = change.role {
        row.role = Set(role);
    }
    if !sea_orm::ActiveModelTrait::is_changed(&row) {
        return Ok(member);
    }
    Ok(household_members::Entity::update(row).exec(tx).await?)
}

/// Takes somebody out of a household. What they did stays; from the next statement on they see nothing of it any more.
pub async fn remove_member(tx: &Tx, household: HouseholdId, id: HouseholdMemberId) -> Result<household_members::Model> {
    administered(tx, household).await?;
    remove(tx, locked(tx, household, id).await?).await
}

/// Leaves a household. With the last account goes the household; the last administrator hands over first.
/// Answers the household if it is still there for others.
pub async fn leave(tx: &Tx, household: HouseholdId) -> Result<Option<household_members::Model>> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT pg_advisory_xact_lock(hashtextextended('household ' || $1::text, 0))",
        [household.0.to_string().into()],
    );
    tx.execute_raw(statement).await?;
    let me = membership(tx, household).await?;
    let others = household_members::Entity::find()
        .filter(household_members::Column::HouseholdId.eq(household))
        .filter(household_members::Column::UserId.ne(tx.viewer()?))
        .filter(household_members::Column::RemovedAt.is_null());
    if others.count(tx).await? == 0 {
        delete(tx, household).await?;
        return Ok(None);
    }
    remove(tx, me).await.map(Some)
}

async fn remove(tx: &Tx, member: household_members::Model) -> Result<household_members::Model> {
    routines::note_departure(tx, member.household_id, member.id).await?;
    household_invitations::Entity::update_many()
        .col_expr(household_invitations::Column::Status, Expr::value(InvitationStatus::Revoked))
        .filter(household_invitations::Column::HouseholdId.eq(member.household_id))
        .filter(household_invitations::Column::MemberId.eq(member.id))
        .filter(household_invitations::Column::Status.eq(InvitationStatus::Offered))
        .exec(tx)
        .await?;
    let row = household_members::ActiveModel {
        household_id: Unchanged(member.household_id),
        id: Unchanged(member.id),
        removed_at: Set(Some(tx.now())),
        ..Default::default()
    };
    Ok(household_members::Entity::update(row).exec(tx).await?)
}

async fn locked(tx: &Tx, household: HouseholdId, id: HouseholdMemberId) -> Result<household_members::Model> {
    household_members::Entity::find_by_id((household, id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("member"))
}

/// Offers a member an account: whoever has verified the address can accept. The answer is the same whether or not the address
/// has an account.
pub async fn invite(
    tx: &Tx,
    household: HouseholdId,
    id: HouseholdMemberId,
    email: &str,
    expires_at: Option<DateTime<Utc>>,
) -> Result<household_invitations::Model> {
    let typed = input::line("email", email, 255)?;
    let address = accounts::address("email", &typed)?;
    if expires_at.is_some_and(|end| end <= tx.now()) {
        return Err(Error::invalid("expiresAt", "must be in the future"));
    }
    administered(tx, household).await?;
    let member = member(tx, household, id, "memberId").await?;
    if member.user_id.is_some() {
        return Err(Error::conflict("this member has an account already"));
    }
    let name = find(tx, household).await?.ok_or(Error::NotFound("household"))?.name;
    // What has run out makes room for a new invitation.
    household_invitations::Entity::update_many()
        .col_expr(household_invitations::Column::Status, Expr::value(InvitationStatus::Revoked))
        .filter(household_invitations::Column::HouseholdId.eq(household))
        .filter(household_invitations::Column::Status.eq(InvitationStatus::Offered))
        .filter(Expr::cust("expires_at <= statement_timestamp()"))
        .exec(tx)
        .await?;
    let row = household_invitations::ActiveModel {
        household_id: Set(household),
        member_id: Set(id),
        household_name: Set(name),
        email: Set(typed),
        address: Set(address),
        expires_at: expires_at.map_or(sea_orm::ActiveValue::NotSet, Set),
        ..Default::default()
    };
    Ok(household_invitations::Entity::insert(row).exec_with_returning(tx).await?)
}

/// The invitations of a household, newest first: to its administrators, none to others.
pub async fn invitations(tx: &Tx, household: HouseholdId) -> Result<Vec<household_invitations::Model>> {
    let rows = household_invitations::Entity::find().filter(household_invitations::Column::HouseholdId.eq(household));
    Ok(newest_first(rows).all(tx).await?)
}

/// The open invitations to the viewer's verified address, newest first.
pub async fn received(tx: &Tx) -> Result<Vec<household_invitations::Model>> {
    let Some(address) = people::viewer(tx).await?.email else { return Ok(Vec::new()) };
    let rows = household_invitations::Entity::find()
        .filter(household_invitations::Column::Address.eq(address))
        .filter(household_invitations::Column::Status.eq(InvitationStatus::Offered))
        .filter(Expr::cust("expires_at > statement_timestamp()"));
    Ok(newest_first(rows).all(tx).await?)
}

fn newest_first(rows: sea_orm::Select<household_invitations::Entity>) -> sea_orm::Select<household_invitations::Entity> {
    rows.order_by_desc(household_invitations::Column::CreatedAt).order_by_desc(household_invitations::Column::Id)
}

/// Accepts an invitation to the viewer's verified address, and belongs to the household from then on.
pub async fn accept(tx: &Tx, invitation: HouseholdInvitationId) -> Result<households::Model> {
    let statement =
        Statement::from_sql_and_values(DbBackend::Postgres, "SELECT household FROM auth.join_household($1)", [invitation.0.into()]);
    let joined = tx.query_one_raw(statement).await?.ok_or(Error::NotFound("invitation to a verified address of yours"))?;
    find(tx, HouseholdId(joined.try_get_by_index(0)?)).await?.ok_or(Error::NotFound("household"))
}

/// Declines an invitation to the viewer's verified address.
pub async fn decline(tx: &Tx, invitation: HouseholdInvitationId) -> Result<household_invitations::Model> {
    let declined = household_invitations::Entity::update_many()
        .col_expr(household_invitations::Column::Status, Expr::value(InvitationStatus::Declined))
        .filter(household_invitations::Column::Id.eq(invitation))
        .filter(household_invitations::Column::Address.eq(people::viewer(tx).await?.email.unwrap_or_default()))
        .filter(household_invitations::Column::Status.eq(InvitationStatus::Offered));
    declined.exec_with_returning(tx).await?.into_iter().next().ok_or(Error::NotFound("invitation to a verified address of yours"))
}

/// Takes an invitation back.
pub async fn revoke(tx: &Tx, household: HouseholdId, invitation: HouseholdInvitationId) -> Result<household_invitations::Model> {
    administered(tx, household).await?;
    let revoked = household_invitations::Entity::update_many()
        .col_expr(household_invitations::Column::Status, Expr::value(InvitationStatus::Revoked))
        .filter(household_invitations::Column::HouseholdId.eq(household))
        .filter(household_invitations::Column::Id.eq(invitation))
        .filter(household_invitations::Column::Status.eq(InvitationStatus::Offered));
    revoked.exec_with_returning(tx).await?.into_iter().next().ok_or(Error::NotFound("open invitation"))
}

fn scalars(member: &household_members::Model) -> JsonValue {
    serde_json::json!({
        "id": member.id, "name": member.name, "kind": member.kind.to_value().to_uppercase(), "role": member.role.to_value().to_uppercase(),
        "version": member.version,
    })
}
