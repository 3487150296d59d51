//! Hale's tables as SeaORM entities, one file per table, with typed ids and the units that quantities are written in.
//! This crate knows nothing of rules, HTTP or GraphQL.

pub mod access_log;
pub mod assignment_changes;
pub mod assignments;
pub mod calendar_feeds;
pub mod calendar_settings;
pub mod conflicted_noots;
pub mod devices;
pub mod exercise_diary;
pub mod exercise_sets;
pub mod exercises;
pub mod family_access;
pub mod food_diary;
pub mod food_items;
pub mod food_portions;
pub mod goals;
pub mod household_invitations;
pub mod household_members;
pub mod households;
pub mod id;
pub mod idempotency_keys;
pub mod measurements;
pub mod noots;
pub mod nutrition_data;
pub mod plan_causes;
pub mod routine_members;
pub mod routines;
pub mod security_events;
pub mod sessions;
pub mod swap_requests;
pub mod unavailability;
pub mod unit;
pub mod user_preferences;
pub mod users;
