//! Hale's tests, in one binary: the real HTTP stack over a real PostgreSQL with its policies.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod food_diary;
mod harness;
mod isolation;
