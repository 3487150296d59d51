//! Second factors: codes of an authenticator app, and recovery codes.

use async_graphql::{Context, InputObject, Object, SimpleObject};
use service::{accounts, second_factors};

use super::{
    accounts::{Session, opened, signed_in_from},
    error::Result,
    person::Person,
    scalars::{DateTime, Unchecked, Uuid},
    scope::{nullable, scope},
};

/// What is asked of the viewer at sign-in besides their password: a code of an authenticator app.
#[derive(SimpleObject)]
pub struct SecondFactor {
    /// Since when it is asked for.
    enabled_at: DateTime,
    /// How many recovery codes were not used yet.
    recovery_codes_left: i32,
}

impl From<second_factors::SecondFactor> for SecondFactor {
    fn from(factor: second_factors::SecondFactor) -> Self {
        Self { enabled_at: DateTime(factor.enabled_at), recovery_codes_left: i32::try_from(factor.recovery_codes).unwrap_or(i32::MAX) }
    }
}

/// Whose second factor it is to be.
#[derive(InputObject)]
pub struct BeginSecondFactorInput {
    /// The viewer's password.
    password: String,
}

/// What an authenticator app is told.
#[derive(SimpleObject)]
pub struct BeginSecondFactorPayload {
    /// The secret in base 32, for typing.
    secret: String,
    /// The same as an otpauth address, to be shown as a QR code.
    uri: String,
}

/// That the app makes codes.
#[derive(InputObject)]
pub struct ConfirmSecondFactorInput {
    /// The code that the app shows.
    code: String,
}

/// What is for when the app is lost.
#[derive(SimpleObject)]
pub struct ConfirmSecondFactorPayload {
    /// Each is taken once in place of a code. They are shown this once: keep them where the app is not.
    recovery_codes: Vec<String>,
}

/// Who asks for new recovery codes.
#[derive(InputObject)]
pub struct ReplaceRecoveryCodesInput {
    /// The viewer's password.
    password: String,
    /// A code of the app, or a recovery code.
    code: String,
}

/// What is for when the app is lost.
#[derive(SimpleObject)]
pub struct ReplaceRecoveryCodesPayload {
    /// They are shown this once; former ones are not taken any more.
    recovery_codes: Vec<String>,
}

/// Who wants no second factor any more.
#[derive(InputObject)]
pub struct DisableSecondFactorInput {
    /// The viewer's password.
    password: String,
    /// A code of the app, or a recovery code.
    code: String,
}

/// That there is no second factor.
#[derive(SimpleObject)]
pub struct DisableSecondFactorPayload {
    /// Always true.
    disabled: bool,
}

/// The second half of signing in.
#[derive(InputObject)]
pub struct CompleteSignInInput {
    /// As SECOND_FACTOR_REQUIRED had it, in its extensions.
    challenge: String,
    /// A code of the app, or a recovery code.
    code: String,
    /// How the person will recognise this sign-in in a list.
    device_name: Option<String>,
    /// The device, where it keeps a copy of the data; see signIn.
    device_id: Option<Unchecked<Uuid>>,
}

/// A new session.
#[derive(SimpleObject)]
pub struct CompleteSignInPayload {
    /// The session.
    session: Session,
    /// Who signed in.
    viewer: Person,
}

/// Second factors. Wrong codes are BAD_USER_INPUT, and RATE_LIMITED when there were too many.
#[derive(Default)]
pub struct SecondFactorsMutation;

#[Object]
impl SecondFactorsMutation {
    /// Makes a secret for an authenticator app. Nothing is asked for until confirmSecondFactor. CONFLICT where there is a second factor.
    async fn begin_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password.")] input: BeginSecondFactorInput,
    ) -> Option<Result<BeginSecondFactorPayload>> {
        nullable(async {
            let enrolment = second_factors::begin(scope(ctx).viewer()?, input.password).await?;
            Ok(BeginSecondFactorPayload { secret: enrolment.secret, uri: enrolment.uri })
        })
        .await
    }

    /// From now on a code is asked for at sign-in. A mail tells the viewer.
    async fn confirm_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "A code.")] input: ConfirmSecondFactorInput,
    ) -> Option<Result<ConfirmSecondFactorPayload>> {
        nullable(async {
            let recovery_codes = second_factors::confirm(scope(ctx).viewer()?, &input.code).await?;
            Ok(ConfirmSecondFactorPayload { recovery_codes })
        })
        .await
    }

    /// Makes new recovery codes in place of the former ones. A mail tells the viewer.
    async fn replace_recovery_codes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Password and code.")] input: ReplaceRecoveryCodesInput,
    ) -> Option<Result<ReplaceRecoveryCodesPayload>> {
        nullable(async {
            let recovery_codes = second_factors::replace_recovery_codes(scope(ctx).viewer()?, input.password, &input.code).await?;
            Ok(ReplaceRecoveryCodesPayload { recovery_codes })
        })
        .await
    }

    /// Asks for no code any more. A mail tells the viewer.
    async fn disable_second_factor(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Password and code.")] input: DisableSecondFactorInput,
    ) -> Option<Result<DisableSecondFactorPayload>> {
        nullable(async {
            second_factors::disable(scope(ctx).viewer()?, input.password, &input.code).await?;
            Ok(DisableSecondFactorPayload { disabled: true })
        })
        .await
    }

    /// Completes a sign-in that was answered with SECOND_FACTOR_REQUIRED, within five minutes; after that sign in again.
    async fn complete_sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Challenge and code.")] input: CompleteSignInInput,
    ) -> Option<Result<CompleteSignInPayload>> {
        nullable(async {
            let from = signed_in_from(ctx, input.device_name, input.device_id)?;
            let session = accounts::complete_sign_in(scope(ctx).database(), &input.challenge, &input.code, from).await?;
            let (session, viewer) = opened(session).await?;
            Ok(CompleteSignInPayload { session, viewer })
        })
        .await
    }
}
