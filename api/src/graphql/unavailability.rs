//! When members take no turns.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject};
use entity::{
    id::{HouseholdId, HouseholdMemberId, RoutineId, UnavailabilityId},
    unavailability as rows,
};
use service::{
    routines,
    unavailability::{self, Absence, NewUnavailability},
};

use super::{
    error::{Error, Result},
    households::{Household, HouseholdMember},
    routines::Weekday,
    scalars::{CheckOption, Date, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// When a member takes no turns.
pub struct Unavailability(pub rows::Model);

/// When a member takes no turns.
#[Object]
impl Unavailability {
    /// Identifies it within the household.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// Who.
    async fn member(&self, ctx: &Context<'_>) -> Option<Result<HouseholdMember>> {
        HouseholdMember::known_as(ctx, self.0.household_id, self.0.member_id).await.transpose()
    }

    /// Of which routine; null for all.
    async fn routine_id(&self) -> Option<Uuid> {
        self.0.routine_id.map(|id| Uuid(id.0))
    }

    /// How the days are told.
    async fn kind(&self) -> UnavailabilityKind {
        self.0.kind.into()
    }

    /// On which weekdays; null for all days from `from` to `until`.
    async fn weekdays(&self) -> Option<Vec<Weekday>> {
        self.0.weekdays.as_deref().map(|numbers| routines::weekdays(numbers).into_iter().map(Into::into).collect())
    }

    /// The first day; of alternating weeks, a day of the first week away.
    async fn from(&self) -> Option<Date> {
        self.0.starts_on.map(Date)
    }

    /// The last day; null for no end.
    async fn until(&self) -> Option<Date> {
        self.0.ends_on.map(Date)
    }
}

/// How the days are told on which a member takes no turns.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "rows::UnavailabilityKind")]
pub enum UnavailabilityKind {
    /// Never on these weekdays. A share of them is owed all the same.
    Weekly,
    /// Away from one day to another. Nothing of them is owed.
    Dates,
    /// Away on these weekdays of every other week. Nothing of them is owed.
    AlternatingWeeks,
}

/// When a member takes no turns: days away from `from` to `until`, or weekdays of every week, or those of every other week.
#[derive(InputObject)]
pub struct AddUnavailabilityInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Made by the client, so that a repeated request adds nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Who. Everybody says it for themselves, an administrator for everybody.
    member_id: Unchecked<Uuid>,
    /// Of which routine; all when absent.
    routine_id: Option<Unchecked<Uuid>>,
    /// Never on these weekdays; a share of them is owed all the same. With `everyOtherWeek` away on them, and nothing is owed.
    weekdays: Option<Vec<Weekday>>,
    /// Away every other week, on `weekdays`, which are all seven when absent. `from` is a day of the first week away.
    every_other_week: Option<bool>,
    /// The first day away. Not for plain weekdays.
    from: Option<Unchecked<Date>>,
    /// The last day away; no end when absent.
    until: Option<Unchecked<Date>>,
}

impl AddUnavailabilityInput {
    fn when(&mut self) -> Result<Absence> {
        let from = self.from.take().check("from")?.map(|date| date.0);
        let until = self.until.take().check("until")?.map(|date| date.0);
        let weekdays = self.weekdays.take().map(|days| days.into_iter().map(Into::into).collect());
        let needed = || from.ok_or_else(|| Error::invalid("from", "is needed: the first day away"));
        Ok(match (self.every_other_week.unwrap_or_default(), weekdays) {
            (true, days) => Absence::AlternatingWeeks {
                weekdays: days.unwrap_or_else(|| routines::weekdays(&[1, 2, 3, 4, 5, 6, 7])),
                from: needed()?,
                until,
            },
            (false, Some(days)) => match (from, until) {
                (None, None) => Absence::Weekly(days),
                _ => return Err(Error::invalid("weekdays", "have no from and until: leave them out, or set everyOtherWeek")),
            },
            (false, None) => Absence::Dates { from: needed()?, until },
        })
    }
}

/// Which unavailability.
#[derive(InputObject)]
pub struct RemoveUnavailabilityInput {
    /// Of which household.
    household_id: Unchecked<Uuid>,
    /// Which one.
    id: Unchecked<Uuid>,
}

/// What was added.
#[derive(SimpleObject)]
pub struct AddUnavailabilityPayload {
    /// When the member takes no turns. Published turns stay until the next plan.
    unavailability: Unavailability,
}

/// What was taken back.
#[derive(SimpleObject)]
pub struct RemoveUnavailabilityPayload {
    /// The household, with what is left.
    household: Option<Household>,
}

/// Saying when members take no turns.
#[derive(Default)]
pub struct UnavailabilityMutation;

#[Object]
impl UnavailabilityMutation {
    /// Says when a member takes no turns: everybody for themselves, an administrator for everybody. Published turns stay until the
    /// next plan.
    async fn add_unavailability(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "When who takes no turns.")] mut input: AddUnavailabilityInput,
    ) -> Option<Result<AddUnavailabilityPayload>> {
        nullable(async {
            let when = input.when()?;
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let new = NewUnavailability {
                id: input.id.check("id")?.map(|id| UnavailabilityId(id.0)),
                member: HouseholdMemberId(input.member_id.check("memberId")?.0),
                routine: input.routine_id.check("routineId")?.map(|id| RoutineId(id.0)),
                when,
            };
            let tx = scope(ctx).write().await?;
            let row = unavailability::add(&tx, household, new).await?;
            tx.commit().await?;
            Ok(AddUnavailabilityPayload { unavailability: Unavailability(row) })
        })
        .await
    }

    /// Takes back that a member takes no turns. Days away that have been stay: nothing is owed for them.
    async fn remove_unavailability(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RemoveUnavailabilityInput,
    ) -> Option<Result<RemoveUnavailabilityPayload>> {
        nullable(async {
            let household = HouseholdId(input.household_id.check("householdId")?.0);
            let id = UnavailabilityId(input.id.check("id")?.0);
            let tx = scope(ctx).write().await?;
            unavailability::remove(&tx, household, id).await?;
            let household = service::households::find(&tx, household).await?;
            tx.commit().await?;
            Ok(RemoveUnavailabilityPayload { household: household.map(Household) })
        })
        .await
    }
}
