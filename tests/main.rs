//! Hale's tests, in one binary: the real HTTP stack over a real PostgreSQL with its policies.

mod food_diary;
mod harness;
