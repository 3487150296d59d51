//! The organiser: to-do lists, shopping lists and notes.

use async_graphql::{Context, Enum, InputObject, MaybeUndefined, Object, SimpleObject};
use entity::{
    family_access::AccessType,
    id::{NootId, UserId},
};
use service::organiser::{self, Item, List, Target};

use super::{
    error::{Error, Result},
    foods::DeleteInput,
    noots::Noot,
    person::Person,
    scalars::{CheckOption, CheckPatch, Date, DateTime, Decimal, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// A to-do list, a shopping list or a list of notes. It is a noot, which clients that keep noots offline change too.
#[derive(Clone)]
pub struct OrganiserList(pub List);

/// A to-do list, a shopping list or a list of notes. It is a noot, which clients that keep noots offline change too.
#[Object]
impl OrganiserList {
    /// Identifies the list among this person's: the id of its noot.
    async fn id(&self) -> Uuid {
        Uuid(self.0.noot.id.0)
    }

    /// What it is for; null when its client put on it what the organiser does not know.
    async fn kind(&self) -> Option<ListKind> {
        self.0.kind.map(ListKind::from)
    }

    /// What it is called; null when its client gave it no name, or encrypted it.
    async fn title(&self) -> Option<&str> {
        self.0.title.as_deref()
    }

    /// What is on it, in order; at most 500.
    async fn items(&self) -> Vec<ListItem> {
        self.0.items.iter().cloned().map(ListItem).collect()
    }

    /// The same as a noot.
    async fn noot(&self) -> Noot {
        Noot(self.0.noot.clone())
    }

    /// Whether it was deleted.
    async fn deleted(&self) -> bool {
        self.0.noot.deleted
    }

    /// Counts the changes of the list and of what is on it; pass it as `expectedVersion` to lose no other change.
    async fn version(&self) -> i32 {
        self.0.noot.version
    }

    /// Who made it, when someone else did.
    async fn created_by(&self, ctx: &Context<'_>) -> Option<Result<Person>> {
        let writer = self.0.noot.created_by.filter(|writer| *writer != self.0.noot.user_id)?;
        Some(Person::known_as(ctx, writer).await)
    }

    /// When it came to the server.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.noot.created_at)
    }

    /// When it last changed.
    async fn updated_at(&self) -> DateTime {
        DateTime(self.0.noot.updated_at)
    }
}

/// Something on a list.
#[derive(Clone)]
pub struct ListItem(pub Item);

/// Something on a list.
#[Object]
impl ListItem {
    /// Identifies it on its list. An item to which its client gave no id has one until that client changes it.
    async fn id(&self) -> &str {
        &self.0.id
    }

    /// What kind of activity it is: todo, shoppingItem, note, or something that only its client knows.
    async fn activity_type(&self) -> &str {
        &self.0.activity_type
    }

    /// Whether its client encrypted it. Then the rest is null, and only that client can change it.
    async fn encrypted(&self) -> bool {
        self.0.encrypted
    }

    /// What it is.
    async fn title(&self) -> Option<&str> {
        self.0.title.as_deref()
    }

    /// More about it.
    async fn text(&self) -> Option<&str> {
        self.0.text.as_deref()
    }

    /// Whether it is done, or bought; null where nothing is to be done.
    async fn completed(&self) -> Option<bool> {
        self.0.completed
    }

    /// How much it matters.
    async fn priority(&self) -> Option<ItemPriority> {
        self.0.priority.map(ItemPriority::from)
    }

    /// When it is to be done.
    async fn due_on(&self) -> Option<Date> {
        self.0.due_on.map(Date)
    }

    /// How much of it to buy.
    async fn quantity(&self) -> Option<Decimal> {
        self.0.quantity.map(Decimal)
    }

    /// The unit of `quantity`.
    async fn unit(&self) -> Option<&str> {
        self.0.unit.as_deref()
    }
}

/// What a list is for.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "organiser::ListKind")]
pub enum ListKind {
    /// Things to do.
    Todo,
    /// Things to buy.
    Shopping,
    /// Things to remember.
    Notes,
}

/// How much something to do matters.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "organiser::Priority")]
pub enum ItemPriority {
    /// Less than others.
    Low,
    /// As others do.
    Normal,
    /// More than others.
    High,
}

/// A list to make.
#[derive(InputObject)]
pub struct CreateListInput {
    /// Made by the client, so that a repeated request makes nothing twice; by the server when absent.
    id: Option<Unchecked<Uuid>>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is for.
    kind: ListKind,
    /// What it is called.
    title: String,
    /// What is on it.
    #[graphql(default)]
    items: Vec<NewListItemInput>,
}

/// Something to put on a list that is made.
#[derive(InputObject)]
pub struct NewListItemInput {
    /// Made by the client, or by the server.
    id: Option<Unchecked<Uuid>>,
    /// What it is.
    title: String,
    /// More about it.
    text: Option<String>,
    /// How much it matters; of something to do.
    priority: Option<ItemPriority>,
    /// When it is to be done; of something to do.
    due_on: Option<Unchecked<Date>>,
    /// How much to buy, at most 3 decimals; of something to buy.
    quantity: Option<Unchecked<Decimal>>,
    /// The unit of `quantity`, in any words.
    unit: Option<String>,
}

/// What a list is to be called.
#[derive(InputObject)]
pub struct RenameListInput {
    /// Which list.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What it is to be called.
    title: String,
    /// Refuse with CONFLICT when the list is at another version.
    expected_version: Option<i32>,
}

/// Something to put on a list.
#[derive(InputObject)]
pub struct AddListItemInput {
    /// Which list.
    list_id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// What to put on it. With an id of the client's, a repeated request adds nothing twice.
    item: NewListItemInput,
    /// Where among what is on it, from 0; at its end when absent.
    position: Option<i32>,
    /// Refuse with CONFLICT when the list is at another version.
    expected_version: Option<i32>,
}

/// What is to change of something on a list. Absent keeps, null clears.
#[derive(InputObject)]
pub struct UpdateListItemInput {
    /// Which list.
    list_id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Which item.
    item_id: String,
    /// What it is.
    title: Option<String>,
    /// More about it; null clears it.
    text: MaybeUndefined<String>,
    /// Whether it is done, or bought.
    completed: Option<bool>,
    /// How much it matters; null clears it.
    priority: MaybeUndefined<ItemPriority>,
    /// When it is to be done; null clears it.
    due_on: MaybeUndefined<Unchecked<Date>>,
    /// How much to buy; null clears it.
    quantity: MaybeUndefined<Unchecked<Decimal>>,
    /// The unit of `quantity`; null clears it.
    unit: MaybeUndefined<String>,
    /// Refuse with CONFLICT when the list is at another version. Without it, whoever ticks something else meanwhile is in nobody's way.
    expected_version: Option<i32>,
}

/// Where something on a list is to be.
#[derive(InputObject)]
pub struct MoveListItemInput {
    /// Which list.
    list_id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Which item.
    item_id: String,
    /// Where among what is on the list, from 0.
    position: i32,
    /// Refuse with CONFLICT when the list is at another version.
    expected_version: Option<i32>,
}

/// What is to be taken off a list.
#[derive(InputObject)]
pub struct RemoveListItemInput {
    /// Which list.
    list_id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Which item.
    item_id: String,
    /// Refuse with CONFLICT when the list is at another version.
    expected_version: Option<i32>,
}

/// Which list is to come back.
#[derive(InputObject)]
pub struct UndeleteListInput {
    /// Which list.
    id: Unchecked<Uuid>,
    /// Whose; the viewer's when absent.
    person_id: Option<Unchecked<Uuid>>,
    /// Refuse with CONFLICT when it is at another version.
    expected_version: Option<i32>,
}

/// The list that was made.
#[derive(SimpleObject)]
pub struct CreateListPayload {
    /// The list.
    list: OrganiserList,
}

/// The list after the change.
#[derive(SimpleObject)]
pub struct RenameListPayload {
    /// The list.
    list: OrganiserList,
}

/// What was put on a list.
#[derive(SimpleObject)]
pub struct AddListItemPayload {
    /// The list.
    list: OrganiserList,
    /// What is on it now.
    item: ListItem,
}

/// What changed on a list.
#[derive(SimpleObject)]
pub struct UpdateListItemPayload {
    /// The list.
    list: OrganiserList,
    /// The item after the change.
    item: ListItem,
}

/// What was moved on a list.
#[derive(SimpleObject)]
pub struct MoveListItemPayload {
    /// The list.
    list: OrganiserList,
    /// The item.
    item: ListItem,
}

/// The list without what was taken off it.
#[derive(SimpleObject)]
pub struct RemoveListItemPayload {
    /// The list.
    list: OrganiserList,
}

/// The list that was deleted.
#[derive(SimpleObject)]
pub struct DeleteListPayload {
    /// Its id.
    deleted_id: Uuid,
}

/// The list that is there again.
#[derive(SimpleObject)]
pub struct UndeleteListPayload {
    /// The list.
    list: OrganiserList,
}

impl NewListItemInput {
    fn check(self, path: &str) -> Result<organiser::NewItem> {
        let field = |name: &str| format!("{path}.{name}");
        Ok(organiser::NewItem {
            id: self.id.check(&field("id"))?.map(|id| id.0),
            title: self.title,
            change: organiser::ItemChange {
                text: self.text.map(Some),
                priority: self.priority.map(|priority| Some(priority.into())),
                due_on: self.due_on.check(&field("dueOn"))?.map(|date| Some(date.0)),
                quantity: self.quantity.check(&field("quantity"))?.map(|quantity| Some(quantity.0)),
                unit: self.unit.map(Some),
                ..Default::default()
            },
        })
    }
}

fn target(field: &str, id: Unchecked<Uuid>, person: Option<Unchecked<Uuid>>, expected_version: Option<i32>) -> Result<Target> {
    let person = person.check("personId")?.map(|id| UserId(id.0));
    Ok(Target { person, id: NootId(id.check(field)?.0), expected_version })
}

/// A list that is answered: if it is somebody else's, it was read.
fn answered(ctx: &Context<'_>, list: List) -> OrganiserList {
    scope(ctx).note_read(list.noot.user_id, AccessType::Organiser);
    OrganiserList(list)
}

/// Keeping lists.
#[derive(Default)]
pub struct OrganiserMutation;

#[Object]
impl OrganiserMutation {
    /// Makes a list.
    async fn create_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The list.")] input: CreateListInput,
    ) -> Option<Result<CreateListPayload>> {
        nullable(async {
            let items = input.items.into_iter().enumerate().map(|(place, item)| item.check(&format!("items[{place}]")));
            let new = organiser::NewList {
                id: input.id.check("id")?.map(|id| NootId(id.0)),
                person: input.person_id.check("personId")?.map(|id| UserId(id.0)),
                kind: input.kind.into(),
                title: input.title,
                items: items.collect::<Result<_, Error>>()?,
            };
            let tx = scope(ctx).write().await?;
            let list = answered(ctx, organiser::create(&tx, new).await?);
            tx.commit().await?;
            Ok(CreateListPayload { list })
        })
        .await
    }

    /// Calls a list something else.
    async fn rename_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which list, and its title.")] input: RenameListInput,
    ) -> Option<Result<RenameListPayload>> {
        nullable(async {
            let target = target("id", input.id, input.person_id, input.expected_version)?;
            let tx = scope(ctx).write().await?;
            let list = answered(ctx, organiser::rename(&tx, target, &input.title).await?);
            tx.commit().await?;
            Ok(RenameListPayload { list })
        })
        .await
    }

    /// Puts something on a list.
    async fn add_list_item(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What, and where.")] input: AddListItemInput,
    ) -> Option<Result<AddListItemPayload>> {
        nullable(async {
            let target = target("listId", input.list_id, input.person_id, input.expected_version)?;
            let item = input.item.check("item")?;
            let tx = scope(ctx).write().await?;
            let (list, item) = organiser::add_item(&tx, target, item, input.position).await?;
            let list = answered(ctx, list);
            tx.commit().await?;
            Ok(AddListItemPayload { list, item: ListItem(item) })
        })
        .await
    }

    /// Changes something on a list, or ticks it.
    async fn update_list_item(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The change.")] input: UpdateListItemInput,
    ) -> Option<Result<UpdateListItemPayload>> {
        nullable(async {
            let target = target("listId", input.list_id, input.person_id, input.expected_version)?;
            let change = organiser::ItemChange {
                title: input.title,
                text: input.text.into(),
                completed: input.completed,
                priority: Option::<Option<ItemPriority>>::from(input.priority).map(|priority| priority.map(Into::into)),
                due_on: input.due_on.check("dueOn")?.map(|date| date.map(|date| date.0)),
                quantity: input.quantity.check("quantity")?.map(|quantity| quantity.map(|quantity| quantity.0)),
                unit: input.unit.into(),
            };
            let tx = scope(ctx).write().await?;
            let (list, item) = organiser::update_item(&tx, target, &input.item_id, &change).await?;
            let list = answered(ctx, list);
            tx.commit().await?;
            Ok(UpdateListItemPayload { list, item: ListItem(item) })
        })
        .await
    }

    /// Moves something on a list to another position.
    async fn move_list_item(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What, and where to.")] input: MoveListItemInput,
    ) -> Option<Result<MoveListItemPayload>> {
        nullable(async {
            let target = target("listId", input.list_id, input.person_id, input.expected_version)?;
            let tx = scope(ctx).write().await?;
            let (list, item) = organiser::move_item(&tx, target, &input.item_id, input.position).await?;
            let list = answered(ctx, list);
            tx.commit().await?;
            Ok(MoveListItemPayload { list, item: ListItem(item) })
        })
        .await
    }

    /// Takes something off a list.
    async fn remove_list_item(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What.")] input: RemoveListItemInput,
    ) -> Option<Result<RemoveListItemPayload>> {
        nullable(async {
            let target = target("listId", input.list_id, input.person_id, input.expected_version)?;
            let tx = scope(ctx).write().await?;
            let list = answered(ctx, organiser::remove_item(&tx, target, &input.item_id).await?);
            tx.commit().await?;
            Ok(RemoveListItemPayload { list })
        })
        .await
    }

    /// Deletes a list, or any noot. `undeleteList` takes it back.
    async fn delete_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: DeleteInput,
    ) -> Option<Result<DeleteListPayload>> {
        nullable(async {
            let target = target("id", input.id, input.person_id, input.expected_version)?;
            let tx = scope(ctx).write().await?;
            let deleted = organiser::delete(&tx, target).await?;
            tx.commit().await?;
            Ok(DeleteListPayload { deleted_id: Uuid(deleted.0) })
        })
        .await
    }

    /// Takes the deletion of a list back, with all that was on it.
    async fn undelete_list(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: UndeleteListInput,
    ) -> Option<Result<UndeleteListPayload>> {
        nullable(async {
            let target = target("id", input.id, input.person_id, input.expected_version)?;
            let tx = scope(ctx).write().await?;
            let list = answered(ctx, organiser::undelete(&tx, target).await?);
            tx.commit().await?;
            Ok(UndeleteListPayload { list })
        })
        .await
    }
}
