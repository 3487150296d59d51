//! Secret links to a household's turns, for calendars that subscribe to them.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::{
    calendar_feeds as rows,
    id::{CalendarFeedId, HouseholdId, HouseholdMemberId, RoutineId},
};
use service::calendar_feeds::{self, NewFeed};

use super::{
    error::Result,
    person::Person,
    scalars::{CheckOption, DateTime, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// A secret link to a household's turns, for calendars that subscribe to it. It speaks for whoever made it, as long as they belong to
/// the household. Its secret was shown once and cannot be shown again.
pub struct CalendarFeed(pub rows::Model);

/// A secret link to a household's turns, for calendars that subscribe to it. It speaks for whoever made it, as long as they belong to
/// the household. Its secret was shown once and cannot be shown again.
#[Object]
impl CalendarFeed {
    /// Identifies the link within the household.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// The member whose turns alone it shows; null for everybody's.
    async fn member_id(&self) -> Option<Uuid> {
        self.0.member_id.map(|id| Uuid(id.0))
    }

    /// The routine whose turns alone it shows; null for all.
    async fn routine_id(&self) -> Option<Uuid> {
        self.0.routine_id.map(|id| Uuid(id.0))
    }

    /// Who made it; null once the account is gone.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        Some(Person::known_as(ctx, self.0.created_by?).await)
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When a calendar last asked for it, to the hour; null for never.
    async fn last_read_at(&self) -> Option<DateTime> {
        self.0.last_read_at.map(DateTime)
    }

    /// When it was taken back; null while it works.
    async fn revoked_at(&self) -> Option<DateTime> {
        self.0.revoked_at.map(DateTime)
    }
}

/// A link to make.
#[derive(InputObject)]
pub struct CreateCalendarFeedInput {
    /// The household whose turns it shows.
    household_id: Unchecked<Uuid>,
    /// Only this member's turns; everybody's when absent.
    member_id: Option<Unchecked<Uuid>>,
    /// Only this routine's turns; all when absent.
    routine_id: Option<Unchecked<Uuid>>,
}

/// A link to take back.
#[derive(InputObject)]
pub struct RevokeCalendarFeedInput {
    /// Its household.
    household_id: Unchecked<Uuid>,
    /// Its id.
    id: Unchecked<Uuid>,
}

/// The link that was made.
#[derive(SimpleObject)]
pub struct CreateCalendarFeedPayload {
    /// The link.
    feed: CalendarFeed,
    /// Where it is read, on this server: `/calendars/` and the secret. This is the only time that it is shown.
    path: String,
    /// The whole address; null where the server does not know how it is reached from outside (HALE_PUBLIC_URL).
    url: Option<String>,
}

/// The link that was taken back.
#[derive(SimpleObject)]
pub struct RevokeCalendarFeedPayload {
    /// The link.
    feed: CalendarFeed,
}

/// Links to turns.
#[derive(Default)]
pub struct CalendarFeedsMutation;

#[Object]
impl CalendarFeedsMutation {
    /// Makes a secret link to turns of a household, for calendars that subscribe to it. Any member may.
    async fn create_calendar_feed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The link.")] input: CreateCalendarFeedInput,
    ) -> Option<Result<CreateCalendarFeedPayload>> {
        nullable(async {
            let new = NewFeed {
                household: HouseholdId(input.household_id.check("householdId")?.0),
                member: input.member_id.check("memberId")?.map(|id| HouseholdMemberId(id.0)),
                routine: input.routine_id.check("routineId")?.map(|id| RoutineId(id.0)),
            };
            let tx = scope(ctx).write().await?;
            let (feed, secret) = calendar_feeds::create(scope(ctx).database(), &tx, new).await?;
            tx.commit().await?;
            let path = format!("/calendars/{secret}.ics");
            let url = scope(ctx).outside().public_url.as_ref().map(|base| format!("{base}{path}"));
            Ok(CreateCalendarFeedPayload { feed: CalendarFeed(feed), path, url })
        })
        .await
    }

    /// Takes a link back: whoever reads it from now on finds nothing. Whoever made it may, and administrators.
    async fn revoke_calendar_feed(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which link.")] input: RevokeCalendarFeedInput,
    ) -> Option<Result<RevokeCalendarFeedPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let id = CalendarFeedId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            let feed = calendar_feeds::revoke(&tx, household, id).await?;
            tx.commit().await?;
            Ok(RevokeCalendarFeedPayload { feed: CalendarFeed(feed) })
        })
        .await
    }
}
