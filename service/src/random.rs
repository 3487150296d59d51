//! Where randomness comes from.

use chrono::{DateTime, Utc};
use rand::Rng;
use uuid::Uuid;

/// Gives random bytes. The server asks the operating system through a cryptographic generator, tests may seed theirs.
pub trait Random: Send + Sync {
    /// Fills `bytes` with random ones.
    fn fill(&self, bytes: &mut [u8]);
}

/// The thread's cryptographic generator, seeded by the operating system.
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "the one place that makes randomness")]
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// A new UUIDv7: ordered by time, so that a person's rows lie together in the order they were made.
pub(crate) fn uuid_v7(random: &dyn Random, now: DateTime<Utc>) -> Uuid {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let milliseconds = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &bytes).into_uuid()
}
