//! What to buy for what is planned: lists of the organiser that are computed from plans.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::{
    family_access::AccessType,
    id::{NootId, UserId},
};
use service::{
    organiser::{List, Target},
    shopping_lists::{self, Range},
};

use super::{
    error::{Error, Result},
    organiser::OrganiserList,
    scalars::{CheckOption, Date, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// A shopping list for what is planned.
#[derive(InputObject)]
pub struct CreateShoppingListInput {
    /// Made by the client, so that a repeated request makes no second list; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose list it becomes; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is called; the days when absent.
    title: Option<String>,
    /// The first day.
    from: Unchecked<Date>,
    /// The last day, at most 92 from the first.
    to: Unchecked<Date>,
    /// Whose plans it is for, at most 10: the viewer, and people who share CALORIE; the viewer alone when absent.
    plan_of: Option<Vec<Unchecked<Uuid>>>,
}

/// A shopping list that is to be computed anew.
#[derive(InputObject)]
pub struct RefreshShoppingListInput {
    /// Which list.
    list_id: Unchecked<Uuid>,
    /// Whose list; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// The first day; as before when absent.
    from: Option<Unchecked<Date>>,
    /// The last day; needed with `from`.
    to: Option<Unchecked<Date>>,
    /// Refuse with CONFLICT when the list is at another version.
    expected_version: Option<i32>,
}

/// The list that was made.
#[derive(SimpleObject)]
pub struct CreateShoppingListPayload {
    /// The list.
    list: OrganiserList,
}

/// The list as it is now.
#[derive(SimpleObject)]
pub struct RefreshShoppingListPayload {
    /// The list.
    list: OrganiserList,
}

fn noted(ctx: &Context<'_>, list: List, range: &[UserId]) -> OrganiserList {
    scope(ctx).note_read(list.noot.user_id, AccessType::Organiser);
    for person in range {
        scope(ctx).note_read(*person, AccessType::Calorie);
    }
    OrganiserList(list)
}

/// Shopping lists.
#[derive(Default)]
pub struct ShoppingListsMutation;

#[Object]
impl ShoppingListsMutation {
    /// Makes a shopping list of what is planned and neither eaten nor skipped: one item for each food, in the amounts of a shop. It is a
    /// list of the organiser like any other: those with ORGANISER see it, and tick and edit it where their grant lets them write.
    async fn create_shopping_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "For which days.")] input: CreateShoppingListInput,
    ) -> Option<Result<CreateShoppingListPayload>> {
        nullable(async {
            let planner = |(place, id): (usize, Unchecked<Uuid>)| Ok::<_, Error>(UserId(id.check(&format!("planOf[{place}]"))?.0));
            let people = input.plan_of.unwrap_or_default().into_iter().enumerate().map(planner).collect::<Result<Vec<_>>>()?;
            let new = shopping_lists::NewShoppingList {
                id: input.id.check("id")?.map(|id| NootId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                title: input.title,
                range: Range { from: input.from.check("from")?.0, to: input.to.check("to")?.0, people: people.clone() },
            };
            let tx = scope(ctx).write().await?;
            let list = shopping_lists::create(&tx, new).await?;
            let list = noted(ctx, list, &people);
            tx.commit().await?;
            Ok(CreateShoppingListPayload { list })
        })
        .await
    }

    /// Computes a shopping list anew from what is planned now. What was ticked, edited or added by hand stays; what nobody needs any more
    /// goes, unless it was ticked or edited.
    async fn refresh_shopping_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which list.")] input: RefreshShoppingListInput,
    ) -> Option<Result<RefreshShoppingListPayload>> {
        nullable(async {
            let target = Target {
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                id: NootId(input.list_id.check("listId")?.0),
                expected_version: input.expected_version,
            };
            let days = match (input.from.check("from")?, input.to.check("to")?) {
                (Some(from), Some(to)) => Some((from.0, to.0)),
                (None, None) => None,
                _ => return Err(Error::invalid("to", "give the first and the last day, or neither")),
            };
            let tx = scope(ctx).write().await?;
            let (list, range) = shopping_lists::refresh(&tx, target, days).await?;
            let list = noted(ctx, list, &range.people);
            tx.commit().await?;
            Ok(RefreshShoppingListPayload { list })
        })
        .await
    }
}
