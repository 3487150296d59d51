//! Mail that proves an address: verifying and changing it, setting a password anew, signing in by a link.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use service::account_mails;

use super::{
    accounts::{Session, opened, signed_in_from},
    error::Result,
    person::Person,
    scalars::{Unchecked, Uuid},
    scope::{nullable, scope},
};

/// That a mail was asked for.
#[derive(SimpleObject)]
pub struct RequestEmailVerificationPayload {
    /// Always true: the mail is on its way.
    requested: bool,
}

/// That a mail was asked for.
#[derive(SimpleObject)]
pub struct RequestEmailChangePayload {
    /// Always true: if the address can be written to, the mail is on its way.
    requested: bool,
}

/// That a mail was asked for.
#[derive(SimpleObject)]
pub struct RequestPasswordResetPayload {
    /// Always true: if the address has an account, the mail is on its way.
    requested: bool,
}

/// That a mail was asked for.
#[derive(SimpleObject)]
pub struct RequestSignInLinkPayload {
    /// Always true: if the address has an account, the mail is on its way.
    requested: bool,
}

/// Another address.
#[derive(InputObject)]
pub struct RequestEmailChangeInput {
    /// The address that shall be the account's.
    new_email: String,
    /// The viewer's password.
    password: String,
}

/// The secret of a mail.
#[derive(InputObject)]
pub struct VerifyEmailInput {
    /// As the mail has it.
    secret: String,
}

/// A verified address.
#[derive(SimpleObject)]
pub struct VerifyEmailPayload {
    /// The address of the account from now on.
    email: String,
}

/// Whose password is forgotten.
#[derive(InputObject)]
pub struct RequestPasswordResetInput {
    /// The address of the account.
    email: String,
}

/// A password in place of one that is forgotten.
#[derive(InputObject)]
pub struct ResetPasswordInput {
    /// As the mail has it.
    secret: String,
    /// 8 to 128 characters, and not easy to guess.
    new_password: String,
}

/// That the password is another.
#[derive(SimpleObject)]
pub struct ResetPasswordPayload {
    /// Always true. Every session has ended: sign in.
    reset: bool,
}

/// Who wants to sign in.
#[derive(InputObject)]
pub struct RequestSignInLinkInput {
    /// The address of the account.
    email: String,
}

/// The secret of a mail that signs in.
#[derive(InputObject)]
pub struct SignInWithLinkInput {
    /// As the mail has it.
    secret: String,
    /// How the person will recognise this sign-in in a list.
    device_name: Option<String>,
    /// The device, where it keeps a copy of the data; see signIn.
    device_id: Option<Unchecked<Uuid>>,
}

/// A new session.
#[derive(SimpleObject)]
pub struct SignInWithLinkPayload {
    /// The session.
    session: Session,
    /// Who signed in.
    viewer: Person,
}

/// Mail that proves an address. Each is RATE_LIMITED per address and per caller, and UNAVAILABLE where the server sends no mail.
#[derive(Default)]
pub struct AccountMailsMutation;

#[Object]
impl AccountMailsMutation {
    /// Mails the viewer a secret for verifyEmail. CONFLICT where the address is verified already.
    async fn request_email_verification(&self, ctx: &Context<'_>) -> Option<Result<RequestEmailVerificationPayload>> {
        nullable(async {
            let viewer = scope(ctx).viewer()?;
            scope(ctx).outside().mailer()?;
            account_mails::request_verification(viewer).await?;
            Ok(RequestEmailVerificationPayload { requested: true })
        })
        .await
    }

    /// Mails a secret for verifyEmail to another address, which is the viewer's from when that was called; until then nothing changes. The
    /// former address is told.
    async fn request_email_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The address, and the password.")] input: RequestEmailChangeInput,
    ) -> Option<Result<RequestEmailChangePayload>> {
        nullable(async {
            let viewer = scope(ctx).viewer()?;
            scope(ctx).outside().mailer()?;
            account_mails::request_change(viewer, &input.new_email, input.password).await?;
            Ok(RequestEmailChangePayload { requested: true })
        })
        .await
    }

    /// Verifies an address by the secret that was mailed there, once, within a day; no session is needed. A changed address ends the
    /// account's other sessions, and is CONFLICT where it has an account by then.
    async fn verify_email(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The secret.")] input: VerifyEmailInput,
    ) -> Option<Result<VerifyEmailPayload>> {
        nullable(async {
            let email = account_mails::verify_email(scope(ctx).database(), scope(ctx).client(), &input.secret).await?;
            Ok(VerifyEmailPayload { email })
        })
        .await
    }

    /// Mails a secret for resetPassword, if the address has an account; the answer does not tell.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The address.")] input: RequestPasswordResetInput,
    ) -> Option<Result<RequestPasswordResetPayload>> {
        nullable(async {
            scope(ctx).outside().mailer()?;
            account_mails::request_password_reset(scope(ctx).database(), scope(ctx).client(), &input.email).await?;
            Ok(RequestPasswordResetPayload { requested: true })
        })
        .await
    }

    /// Sets a password anew by the secret that was mailed, once, within half an hour. Every session of the account ends.
    async fn reset_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The secret, and the password.")] input: ResetPasswordInput,
    ) -> Option<Result<ResetPasswordPayload>> {
        nullable(async {
            let (database, client) = (scope(ctx).database(), scope(ctx).client());
            account_mails::reset_password(database, client, &input.secret, input.new_password).await?;
            Ok(ResetPasswordPayload { reset: true })
        })
        .await
    }

    /// Mails a secret for signInWithLink, if the address has an account; the answer does not tell.
    async fn request_sign_in_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The address.")] input: RequestSignInLinkInput,
    ) -> Option<Result<RequestSignInLinkPayload>> {
        nullable(async {
            scope(ctx).outside().mailer()?;
            account_mails::request_sign_in(scope(ctx).database(), scope(ctx).client(), &input.email).await?;
            Ok(RequestSignInLinkPayload { requested: true })
        })
        .await
    }

    /// Signs in by the secret that was mailed, once, within a quarter of an hour. Where the account has a second factor, this is
    /// SECOND_FACTOR_REQUIRED, as with signIn.
    async fn sign_in_with_link(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The secret.")] input: SignInWithLinkInput,
    ) -> Option<Result<SignInWithLinkPayload>> {
        nullable(async {
            let from = signed_in_from(ctx, input.device_name, input.device_id)?;
            let session = account_mails::sign_in(scope(ctx).database(), &input.secret, from).await?;
            let (session, viewer) = opened(session).await?;
            Ok(SignInWithLinkPayload { session, viewer })
        })
        .await
    }
}
