//! Hale's tests, in one binary: the real HTTP stack over a real PostgreSQL with its policies.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod accounts;
mod attacks;
mod bad_input;
mod bad_values;
mod catalogue_import;
mod catalogue_of_tables;
mod clients;
mod command_line;
mod days;
mod demo;
mod documents;
mod exercise_diary;
mod exercises;
mod family_access;
mod food_diary;
mod foods;
mod goals;
mod harness;
mod households;
mod http;
mod idempotency;
mod isolation;
mod measurements;
mod migrations;
mod points;
mod preferences;
mod reports;
mod rota_engine;
mod routines;
mod schema;
mod search;
mod subscriptions;
mod trusted_documents;
mod walls;
