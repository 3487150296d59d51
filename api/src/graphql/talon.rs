//! Talon: sync by messages, for apps that keep their data with it.

use async_graphql::{Context, Enum, InputObject, Object, SimpleObject, Subscription};
use futures_util::Stream;
use service::{
    sync::merge::Refused,
    talon::{self, Cursor, Fate, Message, NewMessage, Page, Pushed},
};

use super::{
    changes::follow_pages,
    error::Result,
    scalars::Uuid,
    scope::{nullable, scope},
    sync::RejectionCode,
};

/// How many messages an event of the stream has at most.
const EVENT: u32 = 500;

/// What a page costs: a message is a line of one table, so ten come for a point.
fn cost(limit: i32, fields: usize) -> usize {
    usize::try_from(limit).unwrap_or_default() / 10 + fields
}

/// A message of Talon's: the value of a cell, and when it was written.
#[derive(SimpleObject)]
pub struct TalonMessage {
    /// The id that the device gave it. What did not come as a message has one that is always the same for the same write.
    id: String,
    /// The table: food_diary, measurements, …
    table_name: String,
    /// The row's id.
    row: String,
    /// The column. `deleted` is a bool like others: a row that is deleted stays so until it is written to 0, whatever else is written.
    column: String,
    /// What `value` is: string, int, double, bool, datetime, json or null. Decimals are doubles, whose text is exact. Dates, times of day
    /// and ids are strings.
    data_type: String,
    /// The value as text. Null is empty, a bool 1 or 0, a datetime ISO 8601 in UTC, json JSON.
    value: String,
    /// Where it stands among all of the person's, a 64 bit integer; no time. Numbers have no holes, and are in the order of the commits.
    /// Null in `current`, which is no place to go on from.
    server_timestamp: Option<String>,
    /// The hybrid logical clock of the write: milliseconds padded to 15 digits, counter in base 36 padded to 5, node. It decides who wins.
    local_timestamp: String,
    /// Whose row.
    user_id: Uuid,
    /// The device that wrote it; `hale` for the server, which also fills in what follows from a device's write.
    client_id: String,
}

impl From<Message> for TalonMessage {
    fn from(message: Message) -> Self {
        Self {
            id: message.id,
            table_name: message.table_name,
            row: message.row,
            column: message.column,
            data_type: message.data_type,
            value: message.value,
            server_timestamp: message.server_timestamp.map(|number| number.to_string()),
            local_timestamp: message.local_timestamp,
            user_id: Uuid(message.user_id.0),
            client_id: message.client_id,
        }
    }
}

/// A page of messages. Those of one write are never torn apart.
#[derive(SimpleObject)]
pub struct TalonPage {
    /// The messages, in the order of their numbers.
    messages: Vec<TalonMessage>,
    /// Pass it as `after` to go on. Keep it once all messages of the page are kept, and never a greater one.
    cursor: String,
    /// The history that the numbers are of, which a restored backup ends. `{epoch}:{serverTimestamp}` is a cursor too.
    epoch: Uuid,
    /// Whether there is more already. Only this says so: a page may be short.
    has_more: bool,
    /// Whether these are the rows as they are, with the clocks of the writes they stem from, and not all that was ever written.
    snapshot: bool,
    /// Whether the cursor that was asked for means nothing any more: this page begins anew. Keep the messages that are not synced, to
    /// send them, and forget the others and their rows, but for what comes now.
    resync: bool,
}

impl From<Page> for TalonPage {
    fn from(page: Page) -> Self {
        Self {
            snapshot: page.snapshot,
            messages: page.messages.into_iter().map(Into::into).collect(),
            cursor: page.cursor.to_string(),
            epoch: Uuid(page.cursor.epoch),
            has_more: page.has_more,
            resync: page.resync,
        }
    }
}

/// A message as a device sends it: Talon's fields.
#[derive(InputObject)]
pub struct TalonMessageInput {
    /// Made by the device: a UUID, or another text of 1 to 100 characters.
    id: String,
    /// The table: food_diary, measurements, …
    table_name: String,
    /// The row's id, a UUID, lower-case and hyphenated: made by the device for a new row.
    row: String,
    /// The column; `deleted` deletes the row and brings it back.
    column: String,
    /// null, string, int, double, bool, datetime or json; empty for a text.
    #[graphql(default)]
    data_type: String,
    /// The value as text, at most 64 KiB. A datetime tells its offset: `toUtc().toIso8601String()`.
    value: String,
    /// The hybrid logical clock of the write, `{milliseconds since 1970}:{counter in base 36}:{clientId}`, in any width.
    local_timestamp: String,
    /// Your own id.
    user_id: String,
    /// The device: 1 to 100 characters, always the same.
    client_id: String,
}

impl From<TalonMessageInput> for NewMessage {
    fn from(input: TalonMessageInput) -> Self {
        Self {
            id: input.id,
            table_name: input.table_name,
            row: input.row,
            column: input.column,
            data_type: input.data_type,
            value: input.value,
            local_timestamp: input.local_timestamp,
            user_id: input.user_id,
            client_id: input.client_id,
        }
    }
}

/// What a device wrote.
#[derive(InputObject)]
pub struct TalonPushInput {
    /// The messages, in the order in which they were written; at most 500. Those of one row are applied together or not at all, so it
    /// is good to send a new row in one.
    messages: Vec<TalonMessageInput>,
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub enum TalonStatus {
    /// It is the newest of its cell.
    Applied,
    /// The cell was written later, or one that is merged with it, as a quantity is with its unit. `current` is what stands.
    Superseded,
    /// It was there before.
    Duplicate,
    /// The row is not complete without others of its cells: it is kept until they come.
    Held,
    /// It cannot be. Nothing changed.
    Rejected,
}

/// What became of a message.
#[derive(SimpleObject)]
pub struct TalonOutcome {
    /// The message's id.
    id: String,
    /// What became of it.
    status: TalonStatus,
    /// Why it was rejected.
    code: Option<RejectionCode>,
    /// Which column, or which field of the message, is wrong.
    field: Option<String>,
    /// What would be right.
    message: Option<String>,
    /// Whether the device's clock was more than five minutes ahead: the server's was taken instead. Set the device's clock back.
    clock_skew: bool,
    /// The cell as it is now; null where the row is not there. Keep its value and its clock for the message's: the server may have
    /// written the value in another way, set the clock back, or kept another value.
    current: Option<TalonMessage>,
}

impl From<Pushed> for TalonOutcome {
    fn from(pushed: Pushed) -> Self {
        let (status, refused) = match pushed.fate {
            Fate::Applied => (TalonStatus::Applied, None),
            Fate::Superseded => (TalonStatus::Superseded, None),
            Fate::Duplicate => (TalonStatus::Duplicate, None),
            Fate::Held => (TalonStatus::Held, None),
            Fate::Rejected(refused) => (TalonStatus::Rejected, Some(refused)),
        };
        let (code, field, message) = match refused {
            Some(Refused { code, field, message }) => (Some(code.into()), Some(field), Some(message)),
            None => (None, None, None),
        };
        Self { id: pushed.id, status, code, field, message, clock_skew: pushed.clock_skew, current: pushed.current.map(Into::into) }
    }
}

/// What became of what a device wrote.
#[derive(SimpleObject)]
pub struct TalonPushPayload {
    /// The ids of the messages that the server has: all that were not rejected. Talon marks these as synced. A rejected one stays
    /// rejected, and Talon sends nothing behind the first batch that has one, so mark it as well once the person was told; what could be
    /// read of it is among `syncRejections`.
    succeeded: Vec<String>,
    /// What became of each message, in the order of the messages.
    outcomes: Vec<TalonOutcome>,
}

/// Reading messages.
#[derive(Default)]
pub struct TalonQuery;

#[Object]
impl TalonQuery {
    /// The viewer's messages after a cursor, their own devices' included. Without a cursor the rows as they are: a new device need not
    /// hear what has been overwritten since. So it is too after a cursor from before the oldest change that is kept, 90 days ago.
    #[graphql(complexity = "cost(limit, child_complexity)")]
    async fn talon_messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor after which to go on; `{epoch}:0` for all changes that are kept; absent for the rows as they are.")]
        after: Option<String>,
        #[graphql(desc = "How many at most, 50 to 1000. A page may have fewer, whether or not there are more.", default = 500)] limit: i32,
        #[graphql(desc = "Leave out what this device wrote; a snapshot leaves out nothing.")] exclude_client: Option<String>,
    ) -> Option<Result<TalonPage>> {
        nullable(async {
            let after = after.as_deref().map(str::parse::<Cursor>).transpose()?;
            let limit = u32::try_from(limit).unwrap_or_default();
            let tx = scope(ctx).read().await?;
            Ok(talon::messages(&tx, after, limit, exclude_client.as_deref()).await?.into())
        })
        .await
    }
}

/// Writing messages.
#[derive(Default)]
pub struct TalonMutation;

#[Object]
impl TalonMutation {
    /// Applies a device's messages. What is wrong with one keeps no other from being applied, but those of its row that make no sense
    /// without it. Sending them again does no harm.
    async fn talon_push(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What was written.")] input: TalonPushInput,
    ) -> Option<Result<TalonPushPayload>> {
        nullable(async {
            let messages: Vec<_> = input.messages.into_iter().map(NewMessage::from).collect();
            scope(ctx).end_read().await;
            let pushed = talon::push(scope(ctx).viewer()?, &messages).await?;
            let succeeded = pushed.iter().filter(|message| !matches!(message.fate, Fate::Rejected(_)));
            Ok(TalonPushPayload {
                succeeded: succeeded.map(|message| message.id.clone()).collect(),
                outcomes: pushed.into_iter().map(Into::into).collect(),
            })
        })
        .await
    }
}

/// Following messages.
#[derive(Default)]
pub struct TalonSubscription;

#[Subscription]
impl TalonSubscription {
    /// The viewer's messages after a cursor, then each as it is written, in pages of at most 500. None is left out, whatever breaks in
    /// between: subscribe again with the cursor of the last page that was kept.
    async fn talon_stream(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The cursor after which to go on; absent for the rows as they are.")] after: Option<String>,
        #[graphql(desc = "Leave out what this device wrote; a snapshot leaves out nothing.")] exclude_client: Option<String>,
    ) -> Result<impl Stream<Item = Result<TalonPage>>> {
        let after = after.as_deref().map(str::parse::<Cursor>).transpose()?;
        let person = scope(ctx).viewer()?.user_id();
        follow_pages(scope(ctx), person, after, async move |tx, mut after| {
            loop {
                let page = talon::messages(&tx, after, EVENT, exclude_client.as_deref()).await?;
                after = Some(page.cursor);
                if !page.messages.is_empty() || page.resync {
                    return Ok((after, Some(page.into())));
                }
                if !page.has_more {
                    return Ok((after, None));
                }
            }
        })
        .await
    }
}
