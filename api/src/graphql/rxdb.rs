//! RxDB's replication by GraphQL: what its own query builders ask for, under the names that they make.
//!
//! A client is to be able to do nothing wrong for good: it sends a push again until the answer has no errors, and a stream that ends
//! with an error or completes never begins again. So whatever a document holds is accepted here, and what cannot be is answered as a
//! conflict; and a stream ends with its connection alone.

pub mod documents;

use std::{borrow::Cow, marker::PhantomData, sync::Arc};

use async_graphql::{
    Context, InputObject, InputType, InputValueResult, Object, Pos, SimpleObject, Subscription, TypeName, Value,
    registry::{MetaType, MetaTypeId, Registry},
};
use futures_util::{Stream, StreamExt, stream, stream::BoxStream};
use service::{
    error::Error as ServiceError,
    rxdb::{self, Collection, Document, Pulled, PushRow},
    sync::{self, Cursor, FeedPage},
};

use self::documents::{ExerciseEntryDocument, FoodEntryDocument, GoalDocument, MeasurementDocument, NootDocument, Replicated};
use super::{
    changes::LOOK_AGAIN,
    error::{Error, Result},
    scalars::{Unchecked, Uuid},
    scope::{RequestScope, nullable, scope},
    sync::follow_feed,
};

/// A document as it was sent, with the type of `D`: absent fields are still told from null.
pub struct Sent<D>(Document, PhantomData<fn() -> D>);

impl<D: Replicated> InputType for Sent<D> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        <D as InputType>::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        <D as InputType>::create_type_info(registry)
    }

    fn parse(value: Option<Value>) -> InputValueResult<Self> {
        match value.unwrap_or_default().into_json() {
            Ok(serde_json::Value::Object(document)) => Ok(Self(document, PhantomData)),
            _ => Err("must be an object".into()),
        }
    }

    fn to_value(&self) -> Value {
        Value::from_json(self.0.clone().into()).unwrap_or_default()
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

/// A document that a client pushes.
#[derive(InputObject)]
#[graphql(name_type)]
pub struct InputPushRow<D: Replicated> {
    /// What the client took the server to have; absent when it made the document.
    assumed_master_state: Option<Sent<D>>,
    /// What it made of it.
    new_document_state: Sent<D>,
}

impl<D: Replicated> TypeName for InputPushRow<D> {
    fn type_name() -> Cow<'static, str> {
        format!("{}InputPushRow", D::NAME).into()
    }
}

/// How far a client has come, as the server told it.
#[derive(InputObject)]
#[graphql(name_type)]
pub struct InputCheckpoint<D: Replicated> {
    /// In which history.
    epoch: Unchecked<Uuid>,
    /// How far in it, as the server told it.
    seq: String,
    #[graphql(skip)]
    of: PhantomData<fn() -> D>,
}

impl<D: Replicated> TypeName for InputCheckpoint<D> {
    fn type_name() -> Cow<'static, str> {
        format!("{}InputCheckpoint", D::NAME).into()
    }
}

impl<D: Replicated> InputCheckpoint<D> {
    fn check(self) -> Result<Cursor> {
        let epoch = self.epoch.check("checkpoint.epoch")?.0;
        Cursor::at(epoch, &self.seq).ok_or_else(|| Error::invalid("checkpoint.seq", "must be what this server gave, as a string"))
    }
}

/// The headers that RxDB passes to a stream, whatever they are. They change nothing: the connection's own token counts.
pub struct InputHeaders<D>(PhantomData<fn() -> D>);

impl<D: Replicated> InputType for InputHeaders<D> {
    type RawValueType = Self;

    fn type_name() -> Cow<'static, str> {
        format!("{}InputHeaders", D::NAME).into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let description = "The headers that RxDB passes to a stream, an object. They change nothing: the connection's own token counts.";
        registry.create_input_type::<Self, _>(MetaTypeId::Scalar, |_| MetaType::Scalar {
            name: Self::type_name().into_owned(),
            description: Some(description.to_owned()),
            is_valid: None,
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            specified_by_url: None,
            directive_invocations: Vec::new(),
            requires_scopes: Vec::new(),
        })
    }

    fn parse(_: Option<Value>) -> InputValueResult<Self> {
        Ok(Self(PhantomData))
    }

    fn to_value(&self) -> Value {
        Value::Null
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }
}

/// How far a client has come. It is opaque: pass it back as it is.
#[derive(SimpleObject)]
pub struct ReplicationCheckpoint {
    /// In which history: a restored backup begins another one.
    epoch: Uuid,
    /// How far in it, as the server told it.
    seq: String,
}

/// Documents that changed.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub struct PullBulk<D: Replicated> {
    /// In the order of their last changes, each as it is now.
    documents: Vec<D>,
    /// Where to go on.
    checkpoint: ReplicationCheckpoint,
    /// Whether the checkpoint that was sent means nothing any more, after a restored backup or half a year away: these documents begin
    /// anew. Once all that was written is pushed, remove the documents that do not come again, or the collection, and replicate it anew.
    resync: bool,
}

impl<D: Replicated> TypeName for PullBulk<D> {
    fn type_name() -> Cow<'static, str> {
        format!("{}PullBulk", D::NAME).into()
    }
}

impl<D: Replicated> TryFrom<Pulled> for PullBulk<D> {
    type Error = Error;

    fn try_from(pulled: Pulled) -> Result<Self> {
        Ok(Self {
            documents: pulled.documents.into_iter().map(told).collect::<Result<_>>()?,
            checkpoint: ReplicationCheckpoint { epoch: Uuid(pulled.checkpoint.epoch), seq: pulled.checkpoint.position() },
            resync: pulled.resync,
        })
    }
}

fn told<D: Replicated>(document: Document) -> Result<D> {
    let value = Value::from_json(document.into()).ok();
    D::parse(value).map_err(|error| ServiceError::Internal(error.into_server_error(Pos::default()).message.into()).into())
}

/// What a page costs: it is one statement that reads rows as they are sent.
fn page_cost(limit: i32) -> usize {
    1 + usize::try_from(limit).unwrap_or_default() / 50
}

async fn pull<D: Replicated>(ctx: &Context<'_>, checkpoint: Option<InputCheckpoint<D>>, limit: i32) -> Result<PullBulk<D>> {
    let checkpoint = checkpoint.map(InputCheckpoint::check).transpose()?;
    // Never fewer than were asked for: a page that is not full ends a client's catch-up.
    let limit = u32::try_from(limit).unwrap_or_default();
    if !(1..=D::LARGEST_PAGE).contains(&limit) {
        return Err(Error::invalid("limit", format!("must be between 1 and {}, is {limit}: set pull.batchSize", D::LARGEST_PAGE)));
    }
    rxdb::pull(&*scope(ctx).read().await?, D::collection(), checkpoint, limit).await?.try_into()
}

async fn push<D: Replicated>(ctx: &Context<'_>, field: &str, rows: Option<Vec<InputPushRow<D>>>) -> Result<Vec<D>> {
    let rows = rows.unwrap_or_default();
    if rows.len() > sync::MOST_MUTATIONS {
        let (most, asked) = (sync::MOST_MUTATIONS, rows.len());
        return Err(Error::invalid(field, format!("must be at most {most} documents, are {asked}: set a smaller push.batchSize")));
    }
    let row = |row: InputPushRow<D>| PushRow { assumed: row.assumed_master_state.map(|sent| sent.0), new: row.new_document_state.0 };
    let rows = rows.into_iter().map(row).collect();
    let viewer = scope(ctx).viewer()?;
    scope(ctx).end_read().await;
    let shown = ctx.look_ahead();
    let masters = rxdb::push(viewer, D::collection(), rows, |name| shown.field(name).exists()).await?;
    masters.into_iter().map(told).collect()
}

/// What a client may have missed since its connection was acknowledged, and all that changes from then on.
async fn follow<D: Replicated>(scope: &Arc<RequestScope>) -> Result<impl Stream<Item = Result<PullBulk<D>>> + use<D>> {
    match scope.read().await {
        Err(error) if !error.is_passing() => return Err(error),
        _ => scope.end_read().await,
    }
    let follower = Follower { scope: scope.clone(), collection: D::collection(), largest_page: D::LARGEST_PAGE, after: None, pages: None };
    Ok(stream::unfold(follower, async |mut follower| Some((follower.next().await.try_into(), follower))))
}

struct Follower {
    scope: Arc<RequestScope>,
    collection: &'static Collection,
    largest_page: u32,
    after: Option<Cursor>,
    pages: Option<BoxStream<'static, Result<FeedPage>>>,
}

impl Follower {
    /// The next page, however often it takes: an error would end the client's stream for good. Whoever may not go on loses the connection.
    async fn next(&mut self) -> Pulled {
        loop {
            match self.try_next().await {
                Ok(page) if page.rows.is_empty() && !page.resync => self.after = Some(page.cursor),
                Ok(page) => {
                    self.after = Some(page.cursor);
                    return Pulled::new(self.collection, page);
                }
                Err(_) => {
                    self.pages = None;
                    self.scope.end_read().await;
                    tokio::time::sleep(LOOK_AGAIN).await;
                }
            }
        }
    }

    async fn try_next(&mut self) -> Result<FeedPage> {
        let after = match self.after {
            Some(after) => after,
            None => *self.after.insert(rxdb::stream_start(&*self.scope.read().await?, self.scope.acknowledged()).await?),
        };
        let pages = match &mut self.pages {
            Some(pages) => pages,
            None => {
                let viewer = self.scope.viewer()?.user_id();
                let pages = follow_feed(&self.scope, viewer, Some(after), vec![self.collection.name], self.largest_page).await?;
                self.pages.insert(pages.boxed())
            }
        };
        pages.next().await.unwrap_or_else(|| Err(ServiceError::Timeout.into()))
    }
}

/// What RxDB pulls.
#[derive(Default)]
pub struct RxdbQuery;

#[Object]
impl RxdbQuery {
    /// Food entries that changed after the checkpoint, for RxDB's `pullQueryBuilderFromRxSchema('foodEntry', …)`. Set `pull.batchSize`: a page is as full
    /// as was asked for, and one that is not is the last.
    #[graphql(complexity = "page_cost(limit)")]
    async fn pull_food_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "After which to go on; from the beginning when absent.")] checkpoint: Option<InputCheckpoint<FoodEntryDocument>>,
        #[graphql(desc = "How many, 1 to 1000.")] limit: i32,
    ) -> Option<Result<PullBulk<FoodEntryDocument>>> {
        nullable(pull(ctx, checkpoint, limit)).await
    }

    /// Measurements that changed after the checkpoint, for RxDB's `pullQueryBuilderFromRxSchema('measurement', …)`. Set `pull.batchSize`: a page is as full
    /// as was asked for, and one that is not is the last.
    #[graphql(complexity = "page_cost(limit)")]
    async fn pull_measurement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "After which to go on; from the beginning when absent.")] checkpoint: Option<InputCheckpoint<MeasurementDocument>>,
        #[graphql(desc = "How many, 1 to 1000.")] limit: i32,
    ) -> Option<Result<PullBulk<MeasurementDocument>>> {
        nullable(pull(ctx, checkpoint, limit)).await
    }

    /// Exercise entries that changed after the checkpoint, for RxDB's `pullQueryBuilderFromRxSchema('exerciseEntry', …)`. Set `pull.batchSize`: a page is as full
    /// as was asked for, and one that is not is the last.
    #[graphql(complexity = "page_cost(limit)")]
    async fn pull_exercise_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "After which to go on; from the beginning when absent.")] checkpoint: Option<
            InputCheckpoint<ExerciseEntryDocument>,
        >,
        #[graphql(desc = "How many, 1 to 1000.")] limit: i32,
    ) -> Option<Result<PullBulk<ExerciseEntryDocument>>> {
        nullable(pull(ctx, checkpoint, limit)).await
    }

    /// Goals that changed after the checkpoint, for RxDB's `pullQueryBuilderFromRxSchema('goal', …)`. Set `pull.batchSize`: a page is as full
    /// as was asked for, and one that is not is the last.
    #[graphql(complexity = "page_cost(limit)")]
    async fn pull_goal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "After which to go on; from the beginning when absent.")] checkpoint: Option<InputCheckpoint<GoalDocument>>,
        #[graphql(desc = "How many, 1 to 1000.")] limit: i32,
    ) -> Option<Result<PullBulk<GoalDocument>>> {
        nullable(pull(ctx, checkpoint, limit)).await
    }

    /// Noots that changed after the checkpoint, for RxDB's `pullQueryBuilderFromRxSchema('noot', …)`. Set `pull.batchSize`: a page is as full
    /// as was asked for, and one that is not is the last.
    #[graphql(complexity = "page_cost(limit)")]
    async fn pull_noot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "After which to go on; from the beginning when absent.")] checkpoint: Option<InputCheckpoint<NootDocument>>,
        #[graphql(desc = "How many, 1 to 100.")] limit: i32,
    ) -> Option<Result<PullBulk<NootDocument>>> {
        nullable(pull(ctx, checkpoint, limit)).await
    }
}

/// What RxDB pushes.
#[derive(Default)]
pub struct RxdbMutation;

#[Object]
impl RxdbMutation {
    /// Writes food entries, for RxDB's `pushQueryBuilderFromRxSchema('foodEntry', …)`. Answers those that are not as the client believes: where
    /// another device wrote the same fields, theirs stay. What cannot be is no error: it is answered as it was before, or deleted, and is
    /// among `syncRejections`.
    async fn push_food_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The documents, at most 500.")] food_entry_push_row: Option<Vec<InputPushRow<FoodEntryDocument>>>,
    ) -> Option<Result<Vec<FoodEntryDocument>>> {
        nullable(push(ctx, "foodEntryPushRow", food_entry_push_row)).await
    }

    /// Writes measurements, for RxDB's `pushQueryBuilderFromRxSchema('measurement', …)`. Answers those that are not as the client believes: where
    /// another device wrote the same fields, theirs stay. What cannot be is no error: it is answered as it was before, or deleted, and is
    /// among `syncRejections`.
    async fn push_measurement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The documents, at most 500.")] measurement_push_row: Option<Vec<InputPushRow<MeasurementDocument>>>,
    ) -> Option<Result<Vec<MeasurementDocument>>> {
        nullable(push(ctx, "measurementPushRow", measurement_push_row)).await
    }

    /// Writes exercise entries, for RxDB's `pushQueryBuilderFromRxSchema('exerciseEntry', …)`. Answers those that are not as the client believes: where
    /// another device wrote the same fields, theirs stay. What cannot be is no error: it is answered as it was before, or deleted, and is
    /// among `syncRejections`.
    async fn push_exercise_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The documents, at most 500.")] exercise_entry_push_row: Option<Vec<InputPushRow<ExerciseEntryDocument>>>,
    ) -> Option<Result<Vec<ExerciseEntryDocument>>> {
        nullable(push(ctx, "exerciseEntryPushRow", exercise_entry_push_row)).await
    }

    /// Writes goals, for RxDB's `pushQueryBuilderFromRxSchema('goal', …)`. Answers those that are not as the client believes: where
    /// another device wrote the same fields, theirs stay. What cannot be is no error: it is answered as it was before, or deleted, and is
    /// among `syncRejections`.
    async fn push_goal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The documents, at most 500.")] goal_push_row: Option<Vec<InputPushRow<GoalDocument>>>,
    ) -> Option<Result<Vec<GoalDocument>>> {
        nullable(push(ctx, "goalPushRow", goal_push_row)).await
    }

    /// Writes noots, for RxDB's `pushQueryBuilderFromRxSchema('noot', …)`. Answers those that are not as the client believes: where
    /// another device wrote the same fields, theirs stay. What cannot be is no error: it is answered as it was before, or deleted, and is
    /// among `syncRejections`.
    async fn push_noot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The documents, at most 500.")] noot_push_row: Option<Vec<InputPushRow<NootDocument>>>,
    ) -> Option<Result<Vec<NootDocument>>> {
        nullable(push(ctx, "nootPushRow", noot_push_row)).await
    }
}

/// What RxDB follows.
#[derive(Default)]
pub struct RxdbSubscription;

#[Subscription]
impl RxdbSubscription {
    /// Food entries as they change, for RxDB's `pullStreamBuilderFromRxSchema('foodEntry', …)`. Nothing is left out since the connection was
    /// acknowledged; some may come again.
    async fn stream_food_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "They change nothing.")] headers: Option<InputHeaders<FoodEntryDocument>>,
    ) -> Result<impl Stream<Item = Result<PullBulk<FoodEntryDocument>>>> {
        let _ = headers;
        follow(scope(ctx)).await
    }

    /// Measurements as they change, for RxDB's `pullStreamBuilderFromRxSchema('measurement', …)`. Nothing is left out since the connection was
    /// acknowledged; some may come again.
    async fn stream_measurement(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "They change nothing.")] headers: Option<InputHeaders<MeasurementDocument>>,
    ) -> Result<impl Stream<Item = Result<PullBulk<MeasurementDocument>>>> {
        let _ = headers;
        follow(scope(ctx)).await
    }

    /// Exercise entries as they change, for RxDB's `pullStreamBuilderFromRxSchema('exerciseEntry', …)`. Nothing is left out since the connection was
    /// acknowledged; some may come again.
    async fn stream_exercise_entry(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "They change nothing.")] headers: Option<InputHeaders<ExerciseEntryDocument>>,
    ) -> Result<impl Stream<Item = Result<PullBulk<ExerciseEntryDocument>>>> {
        let _ = headers;
        follow(scope(ctx)).await
    }

    /// Goals as they change, for RxDB's `pullStreamBuilderFromRxSchema('goal', …)`. Nothing is left out since the connection was
    /// acknowledged; some may come again.
    async fn stream_goal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "They change nothing.")] headers: Option<InputHeaders<GoalDocument>>,
    ) -> Result<impl Stream<Item = Result<PullBulk<GoalDocument>>>> {
        let _ = headers;
        follow(scope(ctx)).await
    }

    /// Noots as they change, for RxDB's `pullStreamBuilderFromRxSchema('noot', …)`. Nothing is left out since the connection was
    /// acknowledged; some may come again.
    async fn stream_noot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "They change nothing.")] headers: Option<InputHeaders<NootDocument>>,
    ) -> Result<impl Stream<Item = Result<PullBulk<NootDocument>>>> {
        let _ = headers;
        follow(scope(ctx)).await
    }
}
