//! Following a person or a household: what subscriptions of every feature share.

use std::{sync::Arc, time::Duration};

use entity::id::UserId;
use futures_util::{Stream, stream};
use service::{
    access::Tx,
    changes::{Followed, News},
};

use super::{
    error::{Error, Result},
    scope::RequestScope,
};

/// How long to wait when the database does not answer.
pub const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What `look` finds of a person (the viewer when there is none) each time that its key is another one than before. See [`follow`].
pub async fn follow_person<K, T, L>(
    scope: &Arc<RequestScope>,
    person: Option<UserId>,
    look: L,
) -> Result<impl Stream<Item = Result<T>> + use<K, T, L>>
where
    K: PartialEq,
    L: AsyncFn(Arc<Tx>, UserId, Option<&K>) -> Result<Option<(K, T)>>,
{
    let person = person.map_or_else(|| Ok(scope.viewer()?.user_id()), Ok::<_, Error>)?;
    follow(scope, Followed::Person(person), async move |tx: Arc<Tx>, seen: Option<&K>| look(tx, person, seen).await).await
}

/// What `look` finds of a person or a household each time that its key is another one than before. `look` reads under the viewer's
/// policies, is told the key before, and answers a key and what is to be sent, or nothing when it is not the viewer's to see. Between two
/// events no transaction is open.
pub async fn follow<K, T, L>(scope: &Arc<RequestScope>, followed: Followed, look: L) -> Result<impl Stream<Item = Result<T>> + use<K, T, L>>
where
    K: PartialEq,
    L: AsyncFn(Arc<Tx>, Option<&K>) -> Result<Option<(K, T)>>,
{
    // Before the first look, so that nothing falls between the two.
    let news = News::of(scope.database(), followed).await;
    let (seen, _) = look(scope.read().await?, None).await?.ok_or_else(|| followed.unseen())?;
    scope.end_read().await;
    let follower = Follower { scope: scope.clone(), followed, news, seen, look };
    Ok(stream::unfold(Some(follower), async |follower| {
        let mut follower = follower?;
        match follower.next().await {
            Ok(item) => Some((Ok(item), Some(follower))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

struct Follower<K, L> {
    scope: Arc<RequestScope>,
    followed: Followed,
    news: News,
    seen: K,
    look: L,
}

impl<K, T, L> Follower<K, L>
where
    K: PartialEq,
    L: AsyncFn(Arc<Tx>, Option<&K>) -> Result<Option<(K, T)>>,
{
    async fn next(&mut self) -> Result<T> {
        loop {
            self.news.come().await;
            let found = loop {
                match self.look().await {
                    Err(error) if error.is_passing() => {
                        self.scope.end_read().await;
                        tokio::time::sleep(LOOK_AGAIN).await;
                    }
                    found => break found?,
                }
            };
            let (key, item) = found.ok_or_else(|| self.followed.unseen())?;
            if key != self.seen {
                self.seen = key;
                // The transaction stays open for the fields of what is sent.
                return Ok(item);
            }
            self.scope.end_read().await;
        }
    }

    async fn look(&self) -> Result<Option<(K, T)>> {
        (self.look)(self.scope.read().await?, Some(&self.seen)).await
    }
}

/// The pages of a person after `after`, and those that come as long as anybody listens. `read` reads under the viewer's policies what
/// comes after a place, and answers where to go on, and a page where there is one. None is left out, whatever woke the reader: each
/// begins where the one before ended.
pub async fn follow_pages<C, P, R>(
    scope: &Arc<RequestScope>,
    person: UserId,
    after: C,
    read: R,
) -> Result<impl Stream<Item = Result<P>> + use<C, P, R>>
where
    C: Clone,
    R: AsyncFn(Arc<Tx>, C) -> Result<(C, Option<P>)>,
{
    let news = News::of(scope.database(), Followed::Person(person)).await;
    let mut reader = PageReader { scope: scope.clone(), news, after, read };
    // What is not the viewer's to see is refused before anything is sent.
    let first = reader.read().await?;
    Ok(stream::unfold(Some((reader, first)), async |following| {
        let (mut reader, read) = following?;
        let page = match read {
            Some(page) => Ok(page),
            None => reader.next().await,
        };
        let following = page.is_ok().then_some((reader, None));
        Some((page, following))
    }))
}

struct PageReader<C, R> {
    scope: Arc<RequestScope>,
    news: News,
    after: C,
    read: R,
}

impl<C, R> PageReader<C, R> {
    async fn next<P>(&mut self) -> Result<P>
    where
        C: Clone,
        R: AsyncFn(Arc<Tx>, C) -> Result<(C, Option<P>)>,
    {
        loop {
            match self.read().await {
                Ok(Some(page)) => return Ok(page),
                Ok(None) => self.news.come().await,
                Err(error) if error.is_passing() => tokio::time::sleep(LOOK_AGAIN).await,
                Err(error) => return Err(error),
            }
        }
    }

    async fn read<P>(&mut self) -> Result<Option<P>>
    where
        C: Clone,
        R: AsyncFn(Arc<Tx>, C) -> Result<(C, Option<P>)>,
    {
        let read = (self.read)(self.scope.read().await?, self.after.clone()).await;
        self.scope.end_read().await;
        let (after, page) = read?;
        self.after = after;
        Ok(page)
    }
}
