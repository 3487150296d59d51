//! Swaps: a member asks another, or whoever wants, to take a turn, perhaps for one of theirs. The one who takes it over has it
//! from then on, and the credit. Who may answer, and until when, is decided by a trigger, on the clock of the database.

use chrono::{DateTime, Utc};
use entity::{
    assignments::{self, AssignmentStatus},
    household_members,
    id::{AssignmentId, HouseholdId, HouseholdMemberId, SwapRequestId},
    routines,
    swap_requests::{ActiveModel, Column, Entity, Model, SwapStatus},
};
use sea_orm::{ActiveValue, ActiveValue::Set, ActiveValue::Unchanged, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Serialize;

use crate::{
    access::Tx,
    assignments::{begins, hand_over, lock},
    error::{Error, Result},
    households, input,
    routines::calendar,
};

/// What is asked.
#[derive(Clone, Debug, Serialize)]
pub struct NewSwap {
    /// Made by the client, or by the server.
    pub id: Option<SwapRequestId>,
    /// The turn to be taken: one of the viewer's.
    pub assignment: AssignmentId,
    /// Who is asked; everybody when absent.
    pub to: Option<HouseholdMemberId>,
    /// A turn of theirs that the viewer would take.
    pub in_return: Option<AssignmentId>,
    /// What the viewer says to it.
    pub message: Option<String>,
    /// When it ends by itself; after a week when absent.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The requests about turns of a routine, newest first.
pub async fn list(tx: &Tx, routine: &routines::Model) -> Result<Vec<Model>> {
    let turns = assignments::Entity::find()
        .select_only()
        .column(assignments::Column::Id)
        .filter(assignments::Column::HouseholdId.eq(routine.household_id))
        .filter(assignments::Column::RoutineId.eq(routine.id));
    let rows = Entity::find()
        .filter(Column::HouseholdId.eq(routine.household_id))
        .filter(Column::AssignmentId.in_subquery(sea_orm::QueryTrait::into_query(turns)));
    Ok(rows.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).limit(MOST).all(tx).await?)
}

/// How many requests are listed.
const MOST: u64 = 200;

/// Asks for a swap.
pub async fn request(tx: &Tx, household: HouseholdId, new: NewSwap) -> Result<Model> {
    let created_from = input::fingerprint(&new)?;
    let me = households::membership(tx, household).await?;
    let id = new.id.unwrap_or_else(|| SwapRequestId(tx.new_id()));
    if let Some(existing) = Entity::find_by_id((household, id)).one(tx).await? {
        return input::repeated(Some(existing), |row| row.created_from.as_ref() == Some(&created_from));
    }
    if let Some(member) = new.to {
        households::member(tx, household, member, "toMemberId").await?;
        if member == me.id {
            return Err(Error::invalid("toMemberId", "this is yourself"));
        }
    }
    let turns = lock(tx, household, &[Some(new.assignment), new.in_return].into_iter().flatten().collect::<Vec<_>>()).await?;
    let turn = movable(tx, &turns, new.assignment, me.id, "assignmentId").await?;
    if let Some(in_return) = new.in_return {
        let other = new.to.ok_or_else(|| Error::invalid("inReturnId", "needs toMemberId: a turn in return is that of somebody"))?;
        movable(tx, &turns, in_return, other, "inReturnId").await?;
    }
    if new.expires_at.is_some_and(|end| end <= tx.now()) {
        return Err(Error::invalid("expiresAt", "must be in the future"));
    }
    let row = ActiveModel {
        household_id: Set(household),
        id: Set(id),
        assignment_id: Set(turn.id),
        from_member_id: Set(me.id),
        to_member_id: Set(new.to),
        in_return_id: Set(new.in_return),
        message: Set(new.message.map(|text| input::paragraph("message", &text, 500)).transpose()?),
        expires_at: new.expires_at.map_or(ActiveValue::NotSet, Set),
        created_from: Set(Some(created_from)),
        ..Default::default()
    };
    Ok(Entity::insert(row).exec_with_returning(tx).await?)
}

/// Takes a turn over, and gives the one that was asked for in return. Answers the request and the turns as they are now.
pub async fn accept(tx: &Tx, household: HouseholdId, id: SwapRequestId) -> Result<(Model, Vec<assignments::Model>)> {
    let asked = answer(tx, household, id, SwapStatus::Accepted).await?;
    let taker = asked.answered_by.ok_or_else(|| Error::internal("an accepted swap that nobody answered"))?;
    let turns = lock(tx, household, &[Some(asked.assignment_id), asked.in_return_id].into_iter().flatten().collect::<Vec<_>>()).await?;
    let members = households::members(tx, household, false).await?;
    let named = |id: HouseholdMemberId| -> Result<&household_members::Model> {
        members.iter().find(|member| member.id == id).ok_or_else(|| Error::conflict("who asked for this has left the household"))
    };
    let turn = movable(tx, &turns, asked.assignment_id, asked.from_member_id, "id").await?;
    let mut moved = vec![hand_over(tx, turn, named(taker)?).await?];
    if let Some(in_return) = asked.in_return_id {
        let turn = movable(tx, &turns, in_return, taker, "id").await?;
        moved.push(hand_over(tx, turn, named(asked.from_member_id)?).await?);
    }
    Ok((asked, moved))
}

/// Refuses a request that was made to the viewer.
pub async fn decline(tx: &Tx, household: HouseholdId, id: SwapRequestId) -> Result<Model> {
    answer(tx, household, id, SwapStatus::Declined).await
}

/// Takes a request back.
pub async fn withdraw(tx: &Tx, household: HouseholdId, id: SwapRequestId) -> Result<Model> {
    answer(tx, household, id, SwapStatus::Withdrawn).await
}

async fn answer(tx: &Tx, household: HouseholdId, id: SwapRequestId, status: SwapStatus) -> Result<Model> {
    let asked = Entity::find_by_id((household, id)).lock_exclusive().one(tx).await?.ok_or(Error::NotFound("swap request"))?;
    if asked.status != SwapStatus::Open {
        return Err(Error::conflict("this request is no longer open"));
    }
    let row = ActiveModel { household_id: Unchanged(household), id: Unchanged(id), status: Set(status), ..Default::default() };
    Ok(Entity::update(row).exec(tx).await?)
}

/// A turn that is still to come and still that of the member who gives it.
async fn movable<'a>(
    tx: &Tx,
    turns: &'a [assignments::Model],
    id: AssignmentId,
    of: HouseholdMemberId,
    field: &'static str,
) -> Result<&'a assignments::Model> {
    let turn = turns.iter().find(|turn| turn.id == id).ok_or(Error::NoSuch { field, what: "assignment" })?;
    if turn.member_id != Some(of) {
        return Err(Error::conflict(format!("the turn of {} is {}'s now", turn.date, turn.name)));
    }
    let routine = crate::routines::find(tx, turn.household_id, turn.routine_id).await?.ok_or(Error::NotFound("routine"))?;
    let today = calendar(&routine)?.today(tx.now());
    if turn.status != AssignmentStatus::Planned || begins(turn, today, tx.now()) {
        return Err(Error::conflict(format!("the turn of {} has been", turn.date)));
    }
    Ok(turn)
}
