//! Hale's tests, in one binary: the real HTTP stack over a real PostgreSQL with its policies.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod accounts;
mod bad_input;
mod calendar_feeds;
mod catalogue_import;
mod catalogue_of_tables;
mod command_line;
mod days;
mod demo;
mod exercise_diary;
mod exercises;
mod family_access;
mod food_diary;
mod foods;
mod goals;
mod google_calendar;
mod harness;
mod households;
mod http;
mod idempotency;
mod isolation;
mod jobs;
mod measurements;
mod migrations;
mod preferences;
mod reports;
mod routines;
mod schema;
mod search;
mod walls;
