//! What happened to the viewer's account.

use async_graphql::{Enum, Object};
use entity::security_events as rows;
use service::security_events::{self, Event};

use super::scalars::{DateTime, Uuid};

/// What may happen to an account.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub enum SecurityEventKind {
    /// Somebody signed in.
    SignedIn,
    /// Somebody could not, for want of the password: `count` times within an hour.
    SignInFailed,
    /// A code of the second factor was wrong.
    SecondFactorFailed,
    /// The address was verified.
    EmailVerified,
    /// The address is another. The former one was told by mail.
    EmailChanged,
    /// The password is another. A mail told.
    PasswordChanged,
    /// From then on a code was asked for at sign-in. A mail told.
    SecondFactorAdded,
    /// No code was asked for any more. A mail told.
    SecondFactorRemoved,
    /// There were new recovery codes. A mail told.
    RecoveryCodesReplaced,
    /// A recovery code was taken in place of a code. A mail told.
    RecoveryCodeUsed,
    /// Sessions were ended from another one.
    SessionRevoked,
    /// Something that this version of the server does not know.
    Other,
}

impl From<Option<Event>> for SecurityEventKind {
    fn from(event: Option<Event>) -> Self {
        match event {
            Some(Event::SignedIn) => Self::SignedIn,
            Some(Event::SignInFailed) => Self::SignInFailed,
            Some(Event::SecondFactorFailed) => Self::SecondFactorFailed,
            Some(Event::EmailVerified) => Self::EmailVerified,
            Some(Event::EmailChanged) => Self::EmailChanged,
            Some(Event::PasswordChanged) => Self::PasswordChanged,
            Some(Event::SecondFactorAdded) => Self::SecondFactorAdded,
            Some(Event::SecondFactorRemoved) => Self::SecondFactorRemoved,
            Some(Event::RecoveryCodesReplaced) => Self::RecoveryCodesReplaced,
            Some(Event::RecoveryCodeUsed) => Self::RecoveryCodeUsed,
            Some(Event::SessionRevoked) => Self::SessionRevoked,
            None => Self::Other,
        }
    }
}

/// Something that happened to the viewer's account. Kept for a year; nobody changes it.
#[derive(Clone)]
pub struct SecurityEvent(pub rows::Model);

/// Something that happened to the viewer's account. Kept for a year; nobody changes it.
#[Object]
impl SecurityEvent {
    /// Identifies it.
    async fn id(&self) -> Uuid {
        Uuid(self.0.id)
    }

    /// What happened.
    async fn kind(&self) -> SecurityEventKind {
        security_events::event_of(&self.0).into()
    }

    /// When; of what happened several times within an hour, the first time.
    async fn happened_at(&self) -> DateTime {
        DateTime(self.0.happened_at)
    }

    /// How often within that hour.
    async fn count(&self) -> i32 {
        self.0.count
    }

    /// The network that it came from ("203.0.113.0/24"), as far as that is known.
    async fn network(&self) -> Option<&str> {
        self.0.address.as_deref()
    }

    /// What the client called itself, as far as that is known.
    async fn user_agent(&self) -> Option<&str> {
        self.0.user_agent.as_deref()
    }
}
