//! Households: families that share routines, and who belongs to them.

use std::{collections::HashMap, sync::Arc};

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject, Subscription, dataloader::Loader};
use entity::{
    household_invitations as invitations, household_members as members, households as rows,
    id::{HouseholdId, HouseholdInvitationId, HouseholdMemberId, RoutineId},
};
use futures_util::{Stream, StreamExt};
use service::{
    calendar_feeds, calendars,
    changes::{self, Followed},
    households, routines, unavailability,
};

use super::{
    calendar_feeds::CalendarFeed,
    calendars::ConnectedCalendar,
    changes::follow,
    error::{Error, Result},
    person::Person,
    routines::Routine,
    scalars::{CheckOption, DateTime, Unchecked, Uuid},
    scope::{Rows, boxed, loaders, nullable, scope},
    unavailability::Unavailability,
};

/// A family that shares routines. Only its members know of it, and to be one of them opens nobody's diary or measurements.
pub struct Household(pub rows::Model);

/// A family that shares routines. Only its members know of it, and to be one of them opens nobody's diary or measurements.
#[Object]
impl Household {
    /// Identifies the household.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// What it is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Who belongs to it, in the order they came.
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Also those who left or were removed; false when absent.")] former: Option<bool>,
    ) -> Result<Vec<HouseholdMember>> {
        boxed(async {
            let rows = households::members(&*scope(ctx).read().await?, self.0.id, former.unwrap_or_default()).await?;
            Ok(rows.into_iter().map(HouseholdMember).collect())
        })
        .await
    }

    /// The viewer as a member of it: `role` says what they may do. Null once they have left.
    async fn you(&self, ctx: &Context<'_>) -> Option<Result<HouseholdMember>> {
        nullable(async { Ok(HouseholdMember(households::membership(&*scope(ctx).read().await?, self.0.id).await?)) }).await
    }

    /// Who was invited, newest first: for administrators, empty for others.
    async fn invitations(&self, ctx: &Context<'_>) -> Result<Vec<HouseholdInvitation>> {
        boxed(async {
            let rows = households::invitations(&*scope(ctx).read().await?, self.0.id).await?;
            Ok(rows.into_iter().map(HouseholdInvitation).collect())
        })
        .await
    }

    /// What it does by turns.
    async fn routines(&self, ctx: &Context<'_>) -> Result<Vec<Routine>> {
        boxed(async {
            let rows = routines::list(&*scope(ctx).read().await?, self.0.id).await?;
            Ok(rows.into_iter().map(Routine).collect())
        })
        .await
    }

    /// One of its routines; null when there is none with this id.
    async fn routine(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: Unchecked<Uuid>) -> Option<Result<Routine>> {
        boxed(async {
            let id = RoutineId(id.check("id")?.0);
            Ok(routines::find(&*scope(ctx).read().await?, self.0.id, id).await?.map(Routine))
        })
        .await
        .transpose()
    }

    /// When members take no turns.
    async fn unavailability(&self, ctx: &Context<'_>) -> Result<Vec<Unavailability>> {
        boxed(async {
            let rows = unavailability::list(&*scope(ctx).read().await?, self.0.id).await?;
            Ok(rows.into_iter().map(Unavailability).collect())
        })
        .await
    }

    /// Its connection to a calendar; null where there is none.
    async fn calendar(&self, ctx: &Context<'_>) -> Option<Result<ConnectedCalendar>> {
        async { Ok(calendars::find(&*scope(ctx).read().await?, self.0.id).await?.map(ConnectedCalendar)) }.await.transpose()
    }

    /// The secret links to its turns that work, oldest first.
    async fn calendar_feeds(&self, ctx: &Context<'_>) -> Result<Vec<CalendarFeed>> {
        let rows = calendar_feeds::list(&*scope(ctx).read().await?, self.0.id).await?;
        Ok(rows.into_iter().map(CalendarFeed).collect())
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// Somebody of a household: with an account or without, now or formerly.
#[derive(Clone)]
pub struct HouseholdMember(pub members::Model);

/// Somebody of a household: with an account or without, now or formerly.
#[Object]
impl HouseholdMember {
    /// Identifies the member within the household.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// What the household calls them.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Adult, child or helper.
    async fn kind(&self) -> MemberKind {
        self.0.kind.into()
    }

    /// What they may do.
    async fn role(&self) -> MemberRole {
        self.0.role.into()
    }

    /// Their account, by id and full name; null when they have none.
    async fn person(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let id = self.0.user_id?;
        Some(Person::known_as(ctx, id).await)
    }

    /// When they left or were removed; null while they belong to it.
    async fn left_at(&self) -> Option<DateTime> {
        self.0.removed_at.map(DateTime)
    }

    /// Counts the changes; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.version
    }
}

/// The members of a household, those who are gone included: what belongs to it names them.
pub type Members = Arc<Vec<members::Model>>;

impl Loader<HouseholdId> for Rows {
    type Value = Members;
    type Error = Error;

    async fn load(&self, ids: &[HouseholdId]) -> Result<HashMap<HouseholdId, Members>> {
        let tx = self.0.read().await?;
        let mut found: HashMap<HouseholdId, Vec<members::Model>> = HashMap::new();
        for member in households::members_of(&tx, ids).await? {
            found.entry(member.household_id).or_default().push(member);
        }
        Ok(found.into_iter().map(|(id, members)| (id, Arc::new(members))).collect())
    }
}

impl HouseholdMember {
    /// The member of this id, also one who has left.
    pub async fn known_as(ctx: &Context<'_>, household: HouseholdId, id: HouseholdMemberId) -> Result<Option<Self>> {
        let members = all_members(ctx, household).await?;
        Ok(members.iter().find(|member| member.id == id).cloned().map(Self))
    }
}

/// Everybody who belongs or belonged to a household.
pub async fn all_members(ctx: &Context<'_>, household: HouseholdId) -> Result<Members> {
    Ok(loaders(ctx).load_one(household).await?.unwrap_or_default())
}

/// An account for a member, offered to an address. It can be accepted by an account that has verified it.
pub struct HouseholdInvitation(pub invitations::Model);

/// An account for a member, offered to an address. It can be accepted by an account that has verified it.
#[Object]
impl HouseholdInvitation {
    /// Identifies the invitation.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// What the household is called.
    async fn household_name(&self) -> &str {
        &self.0.household_name
    }

    /// The address, as typed.
    async fn email(&self) -> &str {
        &self.0.email
    }

    /// The member who gets the account; null for whoever does not belong to the household yet.
    async fn member(&self, ctx: &Context<'_>) -> Option<Result<HouseholdMember>> {
        HouseholdMember::known_as(ctx, self.0.household_id, self.0.member_id).await.transpose()
    }

    /// Who invites; null when their account is gone.
    async fn invited_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let id = self.0.created_by?;
        Some(Person::known_as(ctx, id).await)
    }

    /// Where it stands.
    async fn status(&self, ctx: &Context<'_>) -> InvitationStatus {
        match self.0.status {
            invitations::InvitationStatus::Offered if self.0.expires_at <= scope(ctx).database().now() => InvitationStatus::Expired,
            invitations::InvitationStatus::Offered => InvitationStatus::Offered,
            invitations::InvitationStatus::Accepted => InvitationStatus::Accepted,
            invitations::InvitationStatus::Declined => InvitationStatus::Declined,
            invitations::InvitationStatus::Revoked => InvitationStatus::Revoked,
        }
    }

    /// When it ends by itself.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }
}

/// Who somebody is to a household.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "members::MemberKind")]
pub enum MemberKind {
    /// Takes turns like everybody.
    Adult,
    /// Takes turns, and may have no account.
    Child,
    /// Comes from outside and has no turns of their own: what they do counts for nobody.
    Helper,
}

/// What a member may do.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "members::MemberRole")]
pub enum MemberRole {
    /// Also manages members, routines and plans.
    Administrator,
    /// Sees everything of the household and manages what is their own.
    Member,
}

/// Where an invitation stands.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum InvitationStatus {
    /// Waiting for an answer.
    Offered,
    /// The member has the account.
    Accepted,
    /// Refused.
    Declined,
    /// Taken back.
    Revoked,
    /// Past its end.
    Expired,
}

/// A household, whose administrator the viewer will be.
#[derive(InputObject)]
pub struct CreateHouseholdInput {
    /// Made by the client, so that a repeated request makes nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// What it is called, at most 100 characters.
    name: String,
    /// What the household calls the viewer; their full name when absent.
    your_name: Option<String>,
}

/// Another name for a household.
#[derive(InputObject)]
pub struct RenameHouseholdInput {
    /// Which household.
    id: Unchecked<Uuid>,
    /// What it is called, at most 100 characters.
    name: String,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// Which household.
#[derive(InputObject)]
pub struct HouseholdInput {
    /// Its id.
    id: Unchecked<Uuid>,
}

/// Somebody to add. An account follows by invitation; a child or a helper needs none.
#[derive(InputObject)]
pub struct AddHouseholdMemberInput {
    /// To which household.
    household_id: Unchecked<Uuid>,
    /// Made by the client, so that a repeated request adds nobody twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// What the household calls them, at most 100 characters.
    name: String,
    /// Adult, child or helper; adult when absent.
    kind: Option<MemberKind>,
}

/// A change of a member. Absent keeps.
#[derive(InputObject)]
pub struct UpdateHouseholdMemberInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Which member.
    id: Unchecked<Uuid>,
    /// What the household calls them, at most 100 characters.
    name: Option<String>,
    /// Adult, child or helper.
    kind: Option<MemberKind>,
    /// What they may do. An administrator needs an account, and the last one stays.
    role: Option<MemberRole>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// Which member.
#[derive(InputObject)]
pub struct HouseholdMemberInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Which member.
    id: Unchecked<Uuid>,
}

/// An account for a member.
#[derive(InputObject)]
pub struct InviteHouseholdMemberInput {
    /// To which household.
    household_id: Unchecked<Uuid>,
    /// The member who gets the account.
    member_id: Unchecked<Uuid>,
    /// The address, whether or not it has an account.
    email: String,
    /// When it ends by itself; after two weeks when absent.
    expires_at: Option<Unchecked<DateTime>>,
}

/// Which invitation.
#[derive(InputObject)]
pub struct HouseholdInvitationInput {
    /// Its id.
    id: Unchecked<Uuid>,
}

/// Which invitation of a household.
#[derive(InputObject)]
pub struct RevokeHouseholdInvitationInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Which invitation.
    id: Unchecked<Uuid>,
}

/// The household that was made.
#[derive(SimpleObject)]
pub struct CreateHouseholdPayload {
    /// The household.
    household: Household,
}

/// The household under its new name.
#[derive(SimpleObject)]
pub struct RenameHouseholdPayload {
    /// The household.
    household: Household,
}

/// The household that is gone.
#[derive(SimpleObject)]
pub struct DeleteHouseholdPayload {
    /// Its id.
    deleted_id: Uuid,
}

/// The household that was left.
#[derive(SimpleObject)]
pub struct LeaveHouseholdPayload {
    /// Its id.
    left_id: Uuid,
    /// Whether it went along, since nobody else with an account belonged to it.
    deleted: bool,
}

/// The member who was added.
#[derive(SimpleObject)]
pub struct AddHouseholdMemberPayload {
    /// The member.
    member: HouseholdMember,
}

/// The member after the change.
#[derive(SimpleObject)]
pub struct UpdateHouseholdMemberPayload {
    /// The member.
    member: HouseholdMember,
}

/// The member who was removed.
#[derive(SimpleObject)]
pub struct RemoveHouseholdMemberPayload {
    /// The member.
    member: HouseholdMember,
}

/// The invitation that was made.
#[derive(SimpleObject)]
pub struct InviteHouseholdMemberPayload {
    /// The invitation.
    invitation: HouseholdInvitation,
}

/// The household that the viewer belongs to now.
#[derive(SimpleObject)]
pub struct AcceptHouseholdInvitationPayload {
    /// The household.
    household: Household,
}

/// The invitation that was declined.
#[derive(SimpleObject)]
pub struct DeclineHouseholdInvitationPayload {
    /// The invitation.
    invitation: HouseholdInvitation,
}

/// The invitation that was taken back.
#[derive(SimpleObject)]
pub struct RevokeHouseholdInvitationPayload {
    /// The invitation.
    invitation: HouseholdInvitation,
}

/// Reading households.
#[derive(Default)]
pub struct HouseholdsQuery;

#[Object]
impl HouseholdsQuery {
    /// The households that the viewer belongs to, by name.
    async fn households(&self, ctx: &Context<'_>) -> Option<Result<Vec<Household>>> {
        nullable(async { Ok(households::list(&*scope(ctx).read().await?).await?.into_iter().map(Household).collect()) }).await
    }

    /// One of the viewer's households; null for any other.
    async fn household(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: Unchecked<Uuid>) -> Option<Result<Household>> {
        boxed(async {
            let id = HouseholdId(id.check("id")?.0);
            Ok(households::find(&*scope(ctx).read().await?, id).await?.map(Household))
        })
        .await
        .transpose()
    }

    /// The open invitations to the viewer's verified address, newest first.
    async fn household_invitations(&self, ctx: &Context<'_>) -> Option<Result<Vec<HouseholdInvitation>>> {
        nullable(async { Ok(households::received(&*scope(ctx).read().await?).await?.into_iter().map(HouseholdInvitation).collect()) }).await
    }
}

/// Making households and managing who belongs to them.
#[derive(Default)]
pub struct HouseholdsMutation;

#[Object]
impl HouseholdsMutation {
    /// Makes a household. The viewer is its administrator.
    async fn create_household(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The household.")] input: CreateHouseholdInput,
    ) -> Option<Result<CreateHouseholdPayload>> {
        nullable(async {
            let id = input.id.check("id")?.map(|id| HouseholdId(id.0));
            let tx = scope(ctx).write().await?;
            let household = households::create(&tx, households::NewHousehold { id, name: input.name, your_name: input.your_name }).await?;
            tx.commit().await?;
            Ok(CreateHouseholdPayload { household: Household(household) })
        })
        .await
    }

    /// Gives a household another name. For administrators.
    async fn rename_household(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The name.")] input: RenameHouseholdInput,
    ) -> Option<Result<RenameHouseholdPayload>> {
        nullable(async {
            let id = HouseholdId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let household = households::rename(&tx, id, &input.name, input.expected_version).await?;
            tx.commit().await?;
            Ok(RenameHouseholdPayload { household: Household(household) })
        })
        .await
    }

    /// Deletes a household with its members, routines and everything that was done in them. For administrators.
    async fn delete_household(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which household.")] input: HouseholdInput,
    ) -> Option<Result<DeleteHouseholdPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let tx = scope(ctx).write().await?;
            households::delete(&tx, HouseholdId(id.0)).await?;
            tx.commit().await?;
            Ok(DeleteHouseholdPayload { deleted_id: id })
        })
        .await
    }

    /// Leaves a household. What the viewer did stays in its past; from now on they see nothing of it. The last administrator makes
    /// somebody else one first; with the last account goes the household.
    async fn leave_household(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which household.")] input: HouseholdInput,
    ) -> Option<Result<LeaveHouseholdPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let tx = scope(ctx).write().await?;
            let deleted = households::leave(&tx, HouseholdId(id.0)).await?.is_none();
            tx.commit().await?;
            Ok(LeaveHouseholdPayload { left_id: id, deleted })
        })
        .await
    }

    /// Adds somebody to a household. For administrators.
    async fn add_household_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The member.")] input: AddHouseholdMemberInput,
    ) -> Option<Result<AddHouseholdMemberPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let new = households::NewMember {
                id: input.id.check("id")?.map(|id| HouseholdMemberId(id.0)),
                name: input.name,
                kind: input.kind.unwrap_or(MemberKind::Adult).into(),
            };
            let tx = scope(ctx).write().await?;
            let member = households::add_member(&tx, household, new).await?;
            tx.commit().await?;
            Ok(AddHouseholdMemberPayload { member: HouseholdMember(member) })
        })
        .await
    }

    /// Changes a member's name, kind or role. For administrators.
    async fn update_household_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateHouseholdMemberInput,
    ) -> Option<Result<UpdateHouseholdMemberPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let id = HouseholdMemberId(input.id.check("id")?.0);
            let change = households::MemberChange {
                name: input.name,
                kind: input.kind.map(Into::into),
                role: input.role.map(Into::into),
                expected_version: input.expected_version,
            };
            let tx = scope(ctx).write().await?;
            let member = households::update_member(&tx, household, id, change).await?;
            tx.commit().await?;
            Ok(UpdateHouseholdMemberPayload { member: HouseholdMember(member) })
        })
        .await
    }

    /// Takes somebody out of a household. What they did stays in its past; from now on they see nothing of it. Their coming turns
    /// are given to others by the next plan. For administrators.
    async fn remove_household_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which member.")] input: HouseholdMemberInput,
    ) -> Option<Result<RemoveHouseholdMemberPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let id = HouseholdMemberId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let member = households::remove_member(&tx, household, id).await?;
            tx.commit().await?;
            Ok(RemoveHouseholdMemberPayload { member: HouseholdMember(member) })
        })
        .await
    }

    /// Offers a member an account. The answer is the same whether or not the address has one. For administrators.
    async fn invite_household_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The invitation.")] input: InviteHouseholdMemberInput,
    ) -> Option<Result<InviteHouseholdMemberPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let member = HouseholdMemberId(input.member_id.check("memberId")?.0);
            let expires_at = input.expires_at.check("expiresAt")?.map(|at| at.0);
            let tx = scope(ctx).write().await?;
            let invitation = households::invite(&tx, household, member, &input.email, expires_at).await?;
            tx.commit().await?;
            Ok(InviteHouseholdMemberPayload { invitation: HouseholdInvitation(invitation) })
        })
        .await
    }

    /// Accepts an invitation to the viewer's verified address: from now on they belong to the household.
    async fn accept_household_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which invitation.")] input: HouseholdInvitationInput,
    ) -> Option<Result<AcceptHouseholdInvitationPayload>> {
        nullable(async {
            let id = HouseholdInvitationId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let household = households::accept(&tx, id).await?;
            tx.commit().await?;
            Ok(AcceptHouseholdInvitationPayload { household: Household(household) })
        })
        .await
    }

    /// Declines an invitation to the viewer's verified address.
    async fn decline_household_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which invitation.")] input: HouseholdInvitationInput,
    ) -> Option<Result<DeclineHouseholdInvitationPayload>> {
        nullable(async {
            let id = HouseholdInvitationId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let invitation = households::decline(&tx, id).await?;
            tx.commit().await?;
            Ok(DeclineHouseholdInvitationPayload { invitation: HouseholdInvitation(invitation) })
        })
        .await
    }

    /// Takes an invitation back. For administrators.
    async fn revoke_household_invitation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which invitation.")] input: RevokeHouseholdInvitationInput,
    ) -> Option<Result<RevokeHouseholdInvitationPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let id = HouseholdInvitationId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let invitation = households::revoke(&tx, household, id).await?;
            tx.commit().await?;
            Ok(RevokeHouseholdInvitationPayload { invitation: HouseholdInvitation(invitation) })
        })
        .await
    }
}

/// Following households.
#[derive(Default)]
pub struct HouseholdsSubscription;

#[Subscription]
impl HouseholdsSubscription {
    /// A household each time that its name, its members, when they cannot, or one of its routines changed: the routine itself, who takes
    /// turns, the plan, what became of a turn, a request to swap. Changes in quick succession may come as one. Nothing is sent at
    /// first, so subscribe, then ask what there is. When the viewer does not belong to it any more, a last event has the error
    /// NOT_FOUND, and the stream completes.
    async fn household_changed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which household.")] id: Unchecked<Uuid>,
    ) -> Result<impl Stream<Item = Result<Household>>> {
        let id = HouseholdId(id.check("id")?.0);
        scope(ctx).viewer()?;
        let followed = follow(scope(ctx), Followed::Household(id), async move |tx, _| {
            let Some(found) = households::find(&tx, id).await? else { return Ok(None) };
            Ok(Some((changes::count_in_household(&tx, id, None).await?, found)))
        });
        Ok(followed.await?.map(|household| household.map(Household)))
    }
}
