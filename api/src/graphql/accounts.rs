//! Signing up, in and out, and staying signed in.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use entity::id::DeviceId;
use service::{
    accounts::{self, SignedInFrom},
    people, sessions,
};

use super::{
    error::Result,
    person::Person,
    scalars::{CheckOption, DateTime, TimeZone, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// What a client keeps to stay signed in.
#[derive(SimpleObject)]
pub struct Session {
    /// Sent with each request: `Authorization: Bearer …`.
    access_token: String,
    /// When the access token stops being valid: refresh the session before.
    access_token_expires_at: DateTime,
    /// Exchanged by refreshSession, once. Keep it secret.
    refresh_token: String,
}

impl From<accounts::Session> for Session {
    fn from(session: accounts::Session) -> Self {
        Self {
            access_token: session.access_token,
            access_token_expires_at: DateTime(session.access_token_expires_at),
            refresh_token: session.refresh_token,
        }
    }
}

/// A new account.
#[derive(InputObject)]
pub struct SignUpInput {
    /// The address to sign in with.
    email: String,
    /// 8 to 128 characters of any kind, and not easy to guess: not one that many people use, nor the person's own name or address.
    password: String,
    /// How others see the person.
    full_name: Option<String>,
    /// Where the person lives; UTC when absent.
    time_zone: Option<Unchecked<TimeZone>>,
}

/// A password attempt.
#[derive(InputObject)]
pub struct SignInInput {
    /// The e-mail address or username.
    email: String,
    /// The password.
    password: String,
    /// The second factor, when SECOND_FACTOR_REQUIRED asked for it.
    code: Option<String>,
    /// How the person will recognise this sign-in in a list.
    device_name: Option<String>,
    /// The device, where it keeps a copy of the data: made by it, and kept. It is registered under `deviceName`; see registerDevice.
    device_id: Option<Unchecked<Uuid>>,
}

/// The token to exchange.
#[derive(InputObject)]
pub struct RefreshSessionInput {
    /// As the last session answered it.
    refresh_token: String,
}

/// What to end.
#[derive(InputObject)]
pub struct SignOutInput {
    /// All of the viewer's sessions, not just this one.
    everywhere: Option<bool>,
}

/// The first session of a new account.
#[derive(SimpleObject)]
pub struct SignUpPayload {
    /// The session; null where mail is configured and a message to the address goes on from there.
    session: Option<Session>,
    /// Who signed up; null where the session is.
    viewer: Option<Person>,
}

/// A new session.
#[derive(SimpleObject)]
pub struct SignInPayload {
    /// The session.
    session: Session,
    /// Who signed in.
    viewer: Person,
}

/// What is answered of a session that was just opened.
pub async fn opened(session: accounts::Session) -> Result<(Session, Person)> {
    let viewer = Person(people::viewer(&session.viewer.read().await?).await?);
    Ok((session.into(), viewer))
}

/// Another password.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The one that it was so far.
    password: String,
    /// 8 to 128 characters, and not easy to guess.
    new_password: String,
}

/// That the password is another.
#[derive(SimpleObject)]
pub struct ChangePasswordPayload {
    /// Always true. The viewer's other sessions have ended.
    changed: bool,
}

/// The session's next tokens.
#[derive(SimpleObject)]
pub struct RefreshSessionPayload {
    /// The session.
    session: Session,
}

/// The end of a session.
#[derive(SimpleObject)]
pub struct SignOutPayload {
    /// Always true.
    signed_out: bool,
}

/// Where somebody signs in, as far as the request tells.
pub fn signed_in_from(ctx: &Context<'_>, device_name: Option<String>, device_id: Option<Unchecked<Uuid>>) -> Result<SignedInFrom> {
    let device = device_id.check("deviceId")?.map(|id| DeviceId(id.0));
    let (client, user_agent) = (scope(ctx).client().to_owned(), scope(ctx).user_agent().map(str::to_owned));
    Ok(SignedInFrom { device_name, device, client, user_agent })
}

/// Accounts and sessions.
#[derive(Default)]
pub struct AccountsMutation;

#[Object]
impl AccountsMutation {
    /// Makes an account and signs in. A taken address is CONFLICT.
    async fn sign_up(&self, ctx: &Context<'_>, #[graphql(desc = "The account.")] input: SignUpInput) -> Option<Result<SignUpPayload>> {
        nullable(async {
            let new = accounts::SignUp {
                email: input.email,
                password: input.password,
                full_name: input.full_name,
                time_zone: input.time_zone.check("timeZone")?.map(|zone| zone.0),
            };
            let session = accounts::sign_up(scope(ctx).database(), new, signed_in_from(ctx, None, None)?).await?;
            let viewer = Person(people::viewer(&session.viewer.read().await?).await?);
            Ok(SignUpPayload { session: Some(session.into()), viewer: Some(viewer) })
        })
        .await
    }

    /// Signs in. A wrong password and an unknown address answer alike: UNAUTHENTICATED. Where the password is right and the account has a
    /// second factor, an attempt without a code is SECOND_FACTOR_REQUIRED, with a `challenge` for completeSignIn in its extensions, valid
    /// until `expiresAt`; or the attempt is made again, with the code.
    async fn sign_in(&self, ctx: &Context<'_>, #[graphql(desc = "The attempt.")] input: SignInInput) -> Option<Result<SignInPayload>> {
        nullable(async {
            let from = signed_in_from(ctx, input.device_name, input.device_id)?;
            let attempt = accounts::SignIn { login: input.email, password: input.password, code: input.code };
            let session = accounts::sign_in(scope(ctx).database(), attempt, from).await?;
            let (session, viewer) = opened(session).await?;
            Ok(SignInPayload { session, viewer })
        })
        .await
    }

    /// Exchanges a refresh token for new tokens. Using one a second time ends its session: one of its two holders is a thief.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The token.")] input: RefreshSessionInput,
    ) -> Option<Result<RefreshSessionPayload>> {
        nullable(async {
            let session = accounts::refresh_session(scope(ctx).database(), &input.refresh_token).await?;
            Ok(RefreshSessionPayload { session: session.into() })
        })
        .await
    }

    /// Changes the viewer's password. Their other sessions end, and a mail tells them.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Both passwords.")] input: ChangePasswordInput,
    ) -> Option<Result<ChangePasswordPayload>> {
        nullable(async {
            accounts::change_password(scope(ctx).viewer()?, input.password, input.new_password).await?;
            Ok(ChangePasswordPayload { changed: true })
        })
        .await
    }

    /// Ends this session, or all of the viewer's. Its access token is refused from the next request on.
    async fn sign_out(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to end; this session when absent.")] input: Option<SignOutInput>,
    ) -> Option<Result<SignOutPayload>> {
        nullable(async {
            let everywhere = input.and_then(|input| input.everywhere).unwrap_or_default();
            let tx = scope(ctx).write().await?;
            sessions::sign_out(&tx, scope(ctx).viewer()?.session_id(), everywhere).await?;
            tx.commit().await?;
            Ok(SignOutPayload { signed_out: true })
        })
        .await
    }
}
