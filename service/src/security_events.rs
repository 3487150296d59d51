//! What happened to an account, for its person to see: a list that nobody changes, and for what matters a mail.

use chrono::{DateTime, Utc};
use entity::{
    id::{SessionId, UserId},
    security_events::{Column, Entity, Model},
};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement, Value};
use uuid::Uuid;

use crate::{
    access::{Tx, Viewer},
    account_mails,
    accounts::SignedInFrom,
    error::{Error, Result},
    page::{Page, PageRequest},
};

/// What may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody signed in.
    SignedIn,
    /// Somebody could not, for want of the password.
    SignInFailed,
    /// Somebody knew the password and not the second factor.
    SecondFactorFailed,
    /// The address was proved.
    EmailVerified,
    /// The address is another.
    EmailChanged,
    /// The password is another.
    PasswordChanged,
    /// From now on a code is asked for.
    SecondFactorAdded,
    /// No code is asked for any more.
    SecondFactorRemoved,
    /// There are new recovery codes.
    RecoveryCodesReplaced,
    /// A recovery code was taken.
    RecoveryCodeUsed,
    /// A session was ended from another one.
    SessionRevoked,
}

impl Event {
    /// Every one.
    pub const ALL: [Self; 11] = [
        Self::SignedIn,
        Self::SignInFailed,
        Self::SecondFactorFailed,
        Self::EmailVerified,
        Self::EmailChanged,
        Self::PasswordChanged,
        Self::SecondFactorAdded,
        Self::SecondFactorRemoved,
        Self::RecoveryCodesReplaced,
        Self::RecoveryCodeUsed,
        Self::SessionRevoked,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SignedIn => "signed_in",
            Self::SignInFailed => "sign_in_failed",
            Self::SecondFactorFailed => "second_factor_failed",
            Self::EmailVerified => "email_verified",
            Self::EmailChanged => "email_changed",
            Self::PasswordChanged => "password_changed",
            Self::SecondFactorAdded => "second_factor_added",
            Self::SecondFactorRemoved => "second_factor_removed",
            Self::RecoveryCodesReplaced => "recovery_codes_replaced",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::SessionRevoked => "session_revoked",
        }
    }

    /// The one of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// The subject and the text of the mail that tells of it, if one does.
    pub(crate) fn mail(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::SignedIn | Self::SignInFailed | Self::SecondFactorFailed | Self::EmailVerified | Self::SessionRevoked => None,
            Self::EmailChanged => Some((
                "Your e-mail address was changed",
                "The e-mail address of your account at Hale was changed. This one is no longer in use there.",
            )),
            Self::PasswordChanged => {
                Some(("Your password was changed", "The password of your account at Hale was changed, and its other sessions have ended."))
            }
            Self::SecondFactorAdded => {
                Some(("A second factor was added", "From now on Hale asks for a code of your authenticator app when you sign in."))
            }
            Self::SecondFactorRemoved => {
                Some(("Your second factor was removed", "Hale no longer asks for a code of your authenticator app when you sign in."))
            }
            Self::RecoveryCodesReplaced => Some((
                "Your recovery codes were replaced",
                "Your account at Hale has new recovery codes. The former ones are not taken any more.",
            )),
            Self::RecoveryCodeUsed => Some((
                "A recovery code was used",
                "Somebody signed in to your account at Hale, or changed it, with one of your recovery codes.",
            )),
        }
    }
}

/// What happened to the viewer's account, newest first.
pub async fn list(tx: &Tx, page: &PageRequest) -> Result<Page<Model>> {
    let viewer = tx.viewer()?;
    let mut rows = Entity::find().filter(Column::UserId.eq(viewer));
    if let Some((at, id)) = page.key::<(DateTime<Utc>, Uuid)>(&("security_events", viewer))? {
        let same_time = Condition::all().add(Column::HappenedAt.eq(at)).add(Column::Id.lt(id));
        rows = rows.filter(Condition::any().add(Column::HappenedAt.lt(at)).add(same_time));
    }
    let rows = rows.order_by_desc(Column::HappenedAt).order_by_desc(Column::Id).limit(page.limit()?).all(tx).await?;
    page.page(&("security_events", viewer), rows, |row| (row.happened_at, row.id))
}

/// What a row is about; `None` where only a later version knows it.
pub fn event_of(row: &Model) -> Option<Event> {
    Event::named(&row.kind)
}

/// Notes what the viewer did to their own account, and mails it to their address where that is called for.
pub(crate) async fn note_own(tx: &Tx, viewer: &Viewer, event: Event) -> Result<()> {
    let user = entity::users::Entity::find_by_id(viewer.user_id()).one(tx).await?;
    let user = user.ok_or(Error::Unauthenticated("this account no longer exists"))?;
    note(tx, user.id, event, viewer.session_id(), None, Some(&user.email)).await
}

/// Notes what happened to an account, and mails it to `to` where that is called for. What nobody says of where is that of the session.
pub(crate) async fn note(
    tx: &Tx,
    person: UserId,
    event: Event,
    session: Option<SessionId>,
    from: Option<&SignedInFrom>,
    to: Option<&str>,
) -> Result<()> {
    let (network, agent) = from.map(|from| (from.network(), from.agent())).unwrap_or_default();
    let values: [Value; 7] = [
        tx.new_id().into(),
        person.0.into(),
        event.name().into(),
        session.map(|session| session.0).into(),
        network.into(),
        agent.into(),
        tx.now().into(),
    ];
    tx.execute_raw(statement("SELECT auth.note_security_event($1, $2, $3, $4, $5, $6, $7)", values)).await?;
    match to {
        Some(to) if event.mail().is_some() => account_mails::tell(tx, person, event, to).await,
        _ => Ok(()),
    }
}

/// Notes that somebody could not sign in, whether or not anybody has that login.
pub(crate) async fn note_failed_sign_in(tx: &Tx, login: &str, from: &SignedInFrom) -> Result<()> {
    let values: [Value; 5] = [tx.new_id().into(), login.into(), from.network().into(), from.agent().into(), tx.now().into()];
    tx.execute_raw(statement("SELECT auth.note_failed_sign_in($1, $2, $3, $4, $5)", values)).await?;
    Ok(())
}

fn statement(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}
