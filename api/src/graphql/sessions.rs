//! Where the viewer is signed in.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::{id::SessionId, sessions as rows};
use service::sessions;

use super::{
    error::Result,
    scalars::{DateTime, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// A sign-in of the viewer's that has not ended.
#[derive(Clone)]
pub struct SignedInSession(pub rows::Model);

/// A sign-in of the viewer's that has not ended.
#[Object]
impl SignedInSession {
    /// Identifies it.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id.0)
    }

    /// Whether it is the one that asks.
    async fn current(&self, ctx: &Context<'_>) -> bool {
        scope(ctx).viewer().is_ok_and(|viewer| viewer.session_id() == Some(self.0.id))
    }

    /// As it was called when it was opened.
    async fn device_name(&self) -> Option<&str> {
        self.0.device_name.as_deref()
    }

    /// What the client called itself then.
    async fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }

    /// The network that it was opened from ("203.0.113.0/24").
    async fn network(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// When it was opened.
    async fn opened_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// When its tokens were last refreshed, which a client in use does every ten minutes.
    async fn last_used_at(&self) -> DateTime {
        DateTime(self.0.last_used_at)
    }

    /// When it ends, however often it is refreshed.
    async fn expires_at(&self) -> DateTime {
        DateTime(self.0.expires_at)
    }
}

/// Which session to end.
#[derive(InputObject)]
pub struct RevokeSessionInput {
    /// One of the viewer's.
    id: Unchecked<Uuid>,
}

/// That a session has ended.
#[derive(SimpleObject)]
pub struct RevokeSessionPayload {
    /// Which one.
    revoked_id: Uuid,
}

/// That sessions have ended.
#[derive(SimpleObject)]
pub struct RevokeOtherSessionsPayload {
    /// How many.
    revoked: i32,
}

/// Ending sessions: their tokens are refused from the next request on, and what they follow ends.
#[derive(Default)]
pub struct SessionsMutation;

#[Object]
impl SessionsMutation {
    /// Ends one of the viewer's sessions.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which one.")] input: RevokeSessionInput,
    ) -> Option<Result<RevokeSessionPayload>> {
        nullable(async {
            let id = input.id.check("id")?;
            let tx = scope(ctx).write().await?;
            sessions::revoke(&tx, scope(ctx).viewer()?, SessionId(id.0)).await?;
            tx.commit().await?;
            Ok(RevokeSessionPayload { revoked_id: id })
        })
        .await
    }

    /// Ends all of the viewer's sessions but this one.
    async fn revoke_other_sessions(&self, ctx: &Context<'_>) -> Option<Result<RevokeOtherSessionsPayload>> {
        nullable(async {
            let tx = scope(ctx).write().await?;
            let revoked = sessions::revoke_others(&tx, scope(ctx).viewer()?).await?;
            tx.commit().await?;
            Ok(RevokeOtherSessionsPayload { revoked: i32::try_from(revoked).unwrap_or(i32::MAX) })
        })
        .await
    }
}
