//! What one request shares: who asks, one read transaction, and the loaders.

use std::sync::Arc;

use async_graphql::{
    Context,
    dataloader::{DataLoader, NoCache},
    runtime::{TokioSpawner, TokioTimer},
};
use entity::{family_access::AccessType, id::UserId};
use service::{
    access::{Database, Tx, Viewer},
    access_log::Reads,
    error::Error as ServiceError,
    idempotency::KeyedRequest,
    sync::Cursor,
};
use tokio::sync::Mutex;

use super::error::Result;
use crate::config::Outside;

/// One request. A query's fields share one read transaction, opened when the first of them needs it.
pub struct RequestScope {
    database: Database,
    outside: Arc<Outside>,
    viewer: Result<Viewer, &'static str>,
    client: String,
    user_agent: Option<String>,
    read: Mutex<Option<Arc<Tx>>>,
    reads: std::sync::Mutex<Reads>,
    /// The request as its client may send it again.
    keyed: Option<Arc<KeyedRequest>>,
    /// Where the viewer's feed stood when the connection was acknowledged that this came by.
    acknowledged: Option<Cursor>,
}

/// What a request is answered with.
pub enum Answer {
    /// What came of it.
    New(String),
    /// What was answered when it came the first time.
    Before(String),
}

/// Loads rows in batches, one implementation of `Loader` in the file of each feature.
pub struct Rows(pub Arc<RequestScope>);

/// The loaders of a request. They do not cache: a mutation's answer must show what it changed.
pub type Loaders = DataLoader<Rows, NoCache>;

impl RequestScope {
    /// A request by the bearer of `token` from the address `client`.
    pub fn new(database: Database, outside: Arc<Outside>, token: Option<&str>, client: String) -> Self {
        let viewer = match token.map(|token| database.authenticate(token)) {
            Some(Ok(viewer)) => Ok(viewer),
            Some(Err(_)) => Err("this access token is not valid: refresh the session or sign in"),
            None => Err("sign in first: send Authorization: Bearer with an access token"),
        };
        Self {
            database,
            outside,
            viewer,
            client,
            user_agent: None,
            read: Mutex::new(None),
            reads: std::sync::Mutex::default(),
            keyed: None,
            acknowledged: None,
        }
    }

    /// The same request by a client that calls itself something.
    pub fn user_agent_is(self, user_agent: Option<String>) -> Self {
        Self { user_agent, ..self }
    }

    /// The same request with an Idempotency-Key.
    pub fn keyed(self, keyed: KeyedRequest) -> Self {
        Self { keyed: Some(Arc::new(keyed)), ..self }
    }

    /// The same request by a connection that was acknowledged when the viewer's feed stood there.
    pub fn acknowledged_at(self, head: Option<Cursor>) -> Self {
        Self { acknowledged: head, ..self }
    }

    /// Where the viewer's feed stood when the connection was acknowledged that this came by, if it came by one.
    pub fn acknowledged(&self) -> Option<Cursor> {
        self.acknowledged
    }

    /// The loaders for this request.
    pub fn loaders(self: &Arc<Self>) -> Loaders {
        DataLoader::new(Rows(self.clone()), TokioSpawner::current(), TokioTimer::default())
    }

    /// Who asks.
    pub fn viewer(&self) -> Result<&Viewer> {
        self.viewer.as_ref().map_err(|reason| ServiceError::Unauthenticated(reason).into())
    }

    /// The database, for what happens before there is a viewer.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Others' servers.
    pub fn outside(&self) -> &Outside {
        &self.outside
    }

    /// The address of the caller.
    pub fn client(&self) -> &str {
        &self.client
    }

    /// What the client calls itself.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// The transaction that all fields of this request read in.
    pub async fn read(&self) -> Result<Arc<Tx>> {
        if let Some(tx) = self.keyed.as_ref().and_then(|keyed| keyed.done()) {
            return Ok(tx);
        }
        let mut read = self.read.lock().await;
        if let Some(tx) = read.as_ref() {
            return Ok(tx.clone());
        }
        let tx = Arc::new(self.viewer()?.read().await?);
        *read = Some(tx.clone());
        Ok(tx)
    }

    /// Ends that transaction. The next field that reads opens another.
    pub async fn end_read(&self) {
        self.read.lock().await.take();
    }

    /// Asks others' servers: with no transaction in which fields of this request read, and none before they have answered.
    pub async fn outside_transactions<T>(&self, asking: impl Future<Output = T>) -> T {
        let mut read = self.read.lock().await;
        read.take();
        asking.await
    }

    /// Notes that something of `person` is read, if that is somebody else.
    pub fn note_read(&self, person: UserId, access_type: AccessType) {
        if self.viewer().is_ok_and(|viewer| viewer.user_id() == person) {
            return;
        }
        let mut reads = self.reads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        reads.note(person, access_type);
    }

    /// Ends the request: writes down what was read of other people, and keeps what a keyed request did together with its answer.
    /// An answer may be sent only after that; it is another one where the request was answered before.
    pub async fn finish(&self, answer: String) -> Result<Answer> {
        self.end_read().await;
        let reads = std::mem::take(&mut *self.reads.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        let Ok(viewer) = self.viewer() else { return Ok(Answer::New(answer)) };
        let before = self.keyed.as_ref().and_then(|keyed| keyed.answered_before());
        let (answer, reads) = match (before, &self.keyed) {
            (Some((before, reads)), _) => (Answer::Before(before), reads),
            (None, Some(keyed)) if keyed.done().is_some() => {
                keyed.keep(&answer, &reads).await?;
                return Ok(Answer::New(answer));
            }
            _ => (Answer::New(answer), reads),
        };
        if !reads.is_empty() {
            let tx = viewer.write().await?;
            reads.write(&tx).await?;
            tx.commit().await?;
        }
        Ok(answer)
    }

    /// A transaction for one mutation. The shared one is given up first: whoever waited for a second connection while holding
    /// one could wait for ever.
    pub async fn write(&self) -> Result<Tx> {
        self.end_read().await;
        let viewer = self.viewer()?;
        match &self.keyed {
            Some(keyed) => Ok(keyed.begin(viewer).await?),
            None => Ok(viewer.write().await?),
        }
    }
}

/// The request that a resolver runs in.
pub fn scope<'a>(ctx: &Context<'a>) -> &'a Arc<RequestScope> {
    ctx.data_unchecked()
}

/// The loaders of the request that a resolver runs in.
pub fn loaders<'a>(ctx: &Context<'a>) -> &'a Loaders {
    ctx.data_unchecked()
}

/// Runs the body of a nullable field. Such a field answers `Option<Result<_>>`, so that its failure leaves its siblings alone.
pub fn nullable<'a, T: 'a>(body: impl Future<Output = Result<T>> + Send + 'a) -> Boxed<'a, Option<Result<T>>> {
    Box::pin(async { Some(body.await) })
}

/// The body of a field, on the heap. Without optimisation the futures of all fields of an object lie beside each other on the
/// stack, and those that query are large.
pub fn boxed<'a, T: 'a>(body: impl Future<Output = Result<T>> + Send + 'a) -> Boxed<'a, Result<T>> {
    Box::pin(body)
}

/// A future on the heap.
pub type Boxed<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
