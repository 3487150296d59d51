//! Requests to swap a turn.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use entity::{
    id::{AssignmentId, HouseholdId, HouseholdMemberId, SwapRequestId},
    swap_requests as rows,
};
use service::swap_requests;

use super::{
    assignments::Assignment,
    error::Result,
    households::HouseholdMember,
    scalars::{CheckOption, DateTime, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// A member asks another, or whoever wants, to take a turn, perhaps for one of theirs.
pub struct SwapRequest(pub rows::Model);

/// A member asks another, or whoever wants, to take a turn, perhaps for one of theirs.
#[Object]
impl SwapRequest {
    /// Identifies the request within the household.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// The turn to be taken.
    async fn assignment_id(&self) -> Uuid {
        Uuid(self.0.assignment_id.0)
    }

    /// Who asks.
    async fn from_member(&self, ctx: &Context<'_>) -> Option<Result<HouseholdMember>> {
        HouseholdMember::known_as(ctx, self.0.household_id, self.0.from_member_id).await.transpose()
    }

    /// Who is asked; null for everybody.
    async fn to_member(&self, ctx: &Context<'_>) -> Option<Result<HouseholdMember>> {
        HouseholdMember::known_as(ctx, self.0.household_id, self.0.to_member_id?).await.transpose()
    }

    /// The turn that the one who asks would take for it; null for none.
    async fn in_return_id(&self) -> Option<Uuid> {
        self.0.in_return_id.map(|id| Uuid(id.0))
    }

    /// What the one who asks says to it.
    async fn message(&self) -> Option<&str> {
        self.0.message.as_deref()
    }

    /// Where it stands.
    async fn status(&self, ctx: &Context<'_>) -> SwapStatus {
        match self.0.status {
            rows::SwapStatus::Open if self.0.expires_at <= scope(ctx).database().now() => SwapStatus::Expired,
            rows::SwapStatus::Open => SwapStatus::Open,
            rows::SwapStatus::Accepted => SwapStatus::Accepted,
            rows::SwapStatus::Declined => SwapStatus::Declined,
            rows::SwapStatus::Withdrawn => SwapStatus::Withdrawn,
        }
    }

    /// When it ends by itself.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }

    /// Who answered.
    async fn answered_by(&self, ctx: &Context<'_>) -> Option<Result<HouseholdMember>> {
        HouseholdMember::known_as(ctx, self.0.household_id, self.0.answered_by?).await.transpose()
    }

    /// When it was answered or taken back.
    async fn answered_at(&self) -> Option<DateTime> {
        self.0.answered_at.map(DateTime)
    }
}

/// Where a request stands.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum SwapStatus {
    /// Waiting for an answer.
    Open,
    /// The turn has changed hands.
    Accepted,
    /// Refused.
    Declined,
    /// Taken back.
    Withdrawn,
    /// Past its end.
    Expired,
}

/// A swap to ask for.
#[derive(InputObject)]
pub struct RequestSwapInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Made by the client, so that a repeated request asks nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// The turn to be taken: one of the viewer's that is still to come.
    assignment_id: Unchecked<Uuid>,
    /// Who is asked; everybody when absent.
    to_member_id: Option<Unchecked<Uuid>>,
    /// A turn of theirs that the viewer would take for it.
    in_return_id: Option<Unchecked<Uuid>>,
    /// What to say to it, at most 500 characters.
    message: Option<String>,
    /// When it ends by itself; after a week when absent.
    expires_at: Option<Unchecked<DateTime>>,
}

/// Which request.
#[derive(InputObject)]
pub struct SwapRequestInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Which request.
    id: Unchecked<Uuid>,
}

impl SwapRequestInput {
    fn read(self) -> Result<(HouseholdId, SwapRequestId)> {
        Ok((HouseholdId(self.household_id.check("householdId")?.0), SwapRequestId(self.id.check("id")?.0)))
    }
}

/// The request that was made.
#[derive(SimpleObject)]
pub struct RequestSwapPayload {
    /// The request.
    swap_request: SwapRequest,
}

/// The request that was accepted.
#[derive(SimpleObject)]
pub struct AcceptSwapPayload {
    /// The request.
    swap_request: SwapRequest,
    /// The turns in their new hands.
    assignments: Vec<Assignment>,
}

/// The request that was declined.
#[derive(SimpleObject)]
pub struct DeclineSwapPayload {
    /// The request.
    swap_request: SwapRequest,
}

/// The request that was taken back.
#[derive(SimpleObject)]
pub struct WithdrawSwapPayload {
    /// The request.
    swap_request: SwapRequest,
}

/// Swapping turns.
#[derive(Default)]
pub struct SwapRequestsMutation;

#[Object]
impl SwapRequestsMutation {
    /// Asks another member, or everybody, to take an own turn.
    async fn request_swap(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked.")] input: RequestSwapInput,
    ) -> Option<Result<RequestSwapPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let new = swap_requests::NewSwap {
                id: input.id.check("id")?.map(|id| SwapRequestId(id.0)),
                assignment: AssignmentId(input.assignment_id.check("assignmentId")?.0),
                to: input.to_member_id.check("toMemberId")?.map(|id| HouseholdMemberId(id.0)),
                in_return: input.in_return_id.check("inReturnId")?.map(|id| AssignmentId(id.0)),
                message: input.message,
                expires_at: input.expires_at.check("expiresAt")?.map(|at| at.0),
            };
            let tx = scope(ctx).write().await?;
            let asked = swap_requests::request(&tx, household, new).await?;
            tx.commit().await?;
            Ok(RequestSwapPayload { swap_request: SwapRequest(asked) })
        })
        .await
    }

    /// Takes the turn over, and gives the one that was asked for in return. Whoever takes it has it, and the credit. By who was asked;
    /// by an administrator for a member without an account.
    async fn accept_swap(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which request.")] input: SwapRequestInput,
    ) -> Option<Result<AcceptSwapPayload>> {
        nullable(async {
            let (household, id) = input.read()?;
            let tx = scope(ctx).write().await?;
            let (asked, turns) = swap_requests::accept(&tx, household, id).await?;
            tx.commit().await?;
            Ok(AcceptSwapPayload { swap_request: SwapRequest(asked), assignments: turns.into_iter().map(Assignment).collect() })
        })
        .await
    }

    /// Refuses a request. By who was asked; by an administrator for a member without an account.
    async fn decline_swap(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which request.")] input: SwapRequestInput,
    ) -> Option<Result<DeclineSwapPayload>> {
        nullable(async {
            let (household, id) = input.read()?;
            let tx = scope(ctx).write().await?;
            let asked = swap_requests::decline(&tx, household, id).await?;
            tx.commit().await?;
            Ok(DeclineSwapPayload { swap_request: SwapRequest(asked) })
        })
        .await
    }

    /// Takes a request back. By who asked, or an administrator.
    async fn withdraw_swap(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which request.")] input: SwapRequestInput,
    ) -> Option<Result<WithdrawSwapPayload>> {
        nullable(async {
            let (household, id) = input.read()?;
            let tx = scope(ctx).write().await?;
            let asked = swap_requests::withdraw(&tx, household, id).await?;
            tx.commit().await?;
            Ok(WithdrawSwapPayload { swap_request: SwapRequest(asked) })
        })
        .await
    }
}
