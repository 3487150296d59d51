//! Family access: offering, accepting and ending it.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use entity::{family_access as rows, id::FamilyAccessId};
use service::family_access;

use super::{
    error::{Error, Result},
    person::Person,
    scalars::{CheckOption, DateTime, Unchecked, Uuid},
    scope::{loaders, nullable, scope},
};

/// What one person lets another see. Until it is accepted the grantor sees the address as typed and no grantee, account or not.
pub struct FamilyAccess(pub rows::Model);

/// What one person lets another see. Until it is accepted the grantor sees the address as typed and no grantee, account or not.
#[Object]
impl FamilyAccess {
    /// Identifies the grant.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// Who shares. Without a name once the two have nothing to do with each other any more.
    async fn grantor(&self, ctx: &Context<'_>) -> Result<Person> {
        Person::known_as(ctx, self.0.grantor_user_id).await
    }

    /// With whom; null until it is accepted.
    async fn grantee(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let grantee = self.0.grantee_user_id?;
        loaders(ctx).load_one(grantee).await.map(|person| person.map(Person)).transpose()
    }

    /// The address it was offered to, as typed.
    async fn grantee_email(&self) -> Option<&str> {
        Some(&self.0.grantee_email)
    }

    /// What is shared.
    async fn access_type(&self) -> AccessType {
        self.0.access_type.into()
    }

    /// Whether the grantee may write too.
    async fn can_write(&self) -> bool {
        self.0.can_write
    }

    /// Where it stands.
    async fn status(&self, ctx: &Context<'_>) -> AccessStatus {
        let over = self.0.expires_at.is_some_and(|end| end <= scope(ctx).database().now());
        match self.0.status {
            rows::AccessStatus::Offered | rows::AccessStatus::Active if over => AccessStatus::Expired,
            rows::AccessStatus::Offered => AccessStatus::Offered,
            rows::AccessStatus::Active => AccessStatus::Active,
            rows::AccessStatus::Declined => AccessStatus::Declined,
            rows::AccessStatus::Revoked => AccessStatus::Revoked,
        }
    }

    /// When it ends by itself; null for never.
    async fn expires_at(&self) -> Option<DateTime> {
        self.0.expires_at.map(DateTime)
    }

    /// When it was offered.
    async fn offered_at(&self) -> DateTime {
        DateTime(self.0.offered_at)
    }

    /// When it was accepted.
    async fn granted_at(&self) -> Option<DateTime> {
        self.0.granted_at.map(DateTime)
    }
}

/// What is shared.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::AccessType")]
pub enum AccessType {
    /// Food and exercise diary, nutrition totals and targets, goals of intake and training.
    Calorie,
    /// Measurements, and goals of body and weight.
    Checkin,
    /// Sums per day and longer, never an entry.
    Reports,
    /// Private foods and meals.
    FoodList,
    /// To-do lists, shopping lists and notes.
    Organiser,
}

/// Where a grant stands.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum AccessStatus {
    /// Waiting for an answer; nothing is shared yet.
    Offered,
    /// Accepted.
    Active,
    /// Refused.
    Declined,
    /// Ended by either side.
    Revoked,
    /// Past its end.
    Expired,
}

/// What to offer to whom.
#[derive(InputObject)]
pub struct OfferAccessInput {
    /// The address, whether or not it has an account. It can be accepted by an account that has verified it.
    grantee_email: String,
    /// What to share: one grant each.
    access_types: Vec<AccessType>,
    /// Whether the grantee may write too; false when absent.
    can_write: Option<bool>,
    /// When it ends by itself; never when absent.
    expires_at: Option<Unchecked<DateTime>>,
}

/// Which grant.
#[derive(InputObject)]
pub struct AccessInput {
    /// Its id.
    id: Unchecked<Uuid>,
}

/// The offers that were made.
#[derive(SimpleObject)]
pub struct OfferAccessPayload {
    /// One per access type.
    offers: Vec<FamilyAccess>,
}

/// The grant that was accepted.
#[derive(SimpleObject)]
pub struct AcceptAccessPayload {
    /// The grant.
    access: FamilyAccess,
}

/// The offer that was declined.
#[derive(SimpleObject)]
pub struct DeclineAccessPayload {
    /// The grant.
    access: FamilyAccess,
}

/// The grant that was ended.
#[derive(SimpleObject)]
pub struct RevokeAccessPayload {
    /// The grant.
    access: FamilyAccess,
}

impl AccessInput {
    fn id(self) -> Result<FamilyAccessId, Error> {
        Ok(FamilyAccessId(self.id.check("id")?.0))
    }
}

/// Sharing with the family.
#[derive(Default)]
pub struct FamilyAccessMutation;

#[Object]
impl FamilyAccessMutation {
    /// Offers access to an address. The answer is the same whether or not it has an account.
    async fn offer_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The offer.")] input: OfferAccessInput,
    ) -> Option<Result<OfferAccessPayload>> {
        nullable(async {
            let offer = family_access::Offer {
                grantee_email: input.grantee_email,
                access_types: input.access_types.into_iter().map(Into::into).collect(),
                can_write: input.can_write.unwrap_or_default(),
                expires_at: input.expires_at.check("expiresAt")?.map(|at| at.0),
            };
            let tx = scope(ctx).write().await?;
            let offers = family_access::offer(&tx, offer).await?;
            tx.commit().await?;
            Ok(OfferAccessPayload { offers: offers.into_iter().map(FamilyAccess).collect() })
        })
        .await
    }

    /// Accepts an offer made to the viewer's verified address.
    async fn accept_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which offer.")] input: AccessInput,
    ) -> Option<Result<AcceptAccessPayload>> {
        nullable(async {
            let id = input.id()?;
            let tx = scope(ctx).write().await?;
            let access = family_access::accept(&tx, id).await?;
            tx.commit().await?;
            Ok(AcceptAccessPayload { access: FamilyAccess(access) })
        })
        .await
    }

    /// Declines an offer made to the viewer's verified address.
    async fn decline_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which offer.")] input: AccessInput,
    ) -> Option<Result<DeclineAccessPayload>> {
        nullable(async {
            let id = input.id()?;
            let tx = scope(ctx).write().await?;
            let access = family_access::decline(&tx, id).await?;
            tx.commit().await?;
            Ok(DeclineAccessPayload { access: FamilyAccess(access) })
        })
        .await
    }

    /// Ends a grant, by either side, at any moment. It holds from the next statement on.
    async fn revoke_access(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which grant.")] input: AccessInput,
    ) -> Option<Result<RevokeAccessPayload>> {
        nullable(async {
            let id = input.id()?;
            let tx = scope(ctx).write().await?;
            let access = family_access::revoke(&tx, id).await?;
            tx.commit().await?;
            Ok(RevokeAccessPayload { access: FamilyAccess(access) })
        })
        .await
    }
}
