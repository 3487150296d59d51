//! Why a provider did not answer, as whoever asked may be told: a closed list.

use std::time::Duration;

use crate::{
    error::Error,
    provider::{Answer, Resting},
};

/// The longest that a provider is left alone because it says so: what it says may be a mistake.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Why a provider did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The operator has not set it up, or the person has turned it off.
    Off,
    /// It needs a key, and there is none.
    NoKey,
    /// It does not accept the key.
    KeyRefused,
    /// It was asked too often, by this server or by whoever shares its key.
    RateLimited {
        /// When to try again.
        retry_after: Duration,
    },
    /// It failed several times in a row, and is left alone for a while.
    Resting {
        /// When to try again.
        retry_after: Duration,
    },
    /// It took too long.
    TimedOut,
    /// It is not reached, or answers with an error.
    Unavailable,
    /// Its answer is not what is documented.
    Unreadable,
}

impl Failure {
    /// What an answer 429 says.
    pub(crate) fn limited(answer: &Answer) -> Self {
        Self::RateLimited { retry_after: answer.retry_after.unwrap_or(Duration::from_secs(60)).min(LONGEST_WAIT) }
    }

    /// When to try again, where that is known.
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Resting { retry_after } => Some(retry_after),
            _ => None,
        }
    }

    /// The same as an error of an operation that needed this provider alone.
    pub(crate) fn of(self, provider: &'static str) -> Error {
        match self {
            Self::Off => Error::NotConfigured("this provider is turned off, or not set up on this server"),
            Self::NoKey => Error::Forbidden(format!("{provider} needs a key: add one of your own")),
            Self::KeyRefused => Error::Forbidden(format!("{provider} does not accept the key: renew it")),
            Self::RateLimited { retry_after } => Error::RateLimited { retry_after },
            failure => Error::ProviderUnavailable {
                provider,
                retry_after: failure.retry_after().unwrap_or(Duration::from_secs(30)),
                source: format!("{failure:?}").into(),
            },
        }
    }
}

/// What went wrong between here and there, from how the client of all providers tells it.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::RateLimited { retry_after } => Self::RateLimited { retry_after },
            Error::ProviderUnavailable { retry_after, source, .. } => {
                if source.is::<Resting>() {
                    Self::Resting { retry_after }
                } else if source.is::<crate::provider::Unreadable>() {
                    Self::Unreadable
                } else if source.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout) {
                    Self::TimedOut
                } else {
                    Self::Unavailable
                }
            }
            _ => Self::Unavailable,
        }
    }
}
