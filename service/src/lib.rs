//! Hale's rules. Each file is a feature; its functions take a [`access::Tx`], in which PostgreSQL knows who asks, and read as
//! the feature's story. This crate knows nothing of HTTP or GraphQL, and filters nothing by viewer: row policies do.

pub mod access;
pub mod access_log;
pub mod accounts;
pub mod assignments;
pub mod barcode;
pub mod catalogue;
pub mod changes;
pub mod clock;
pub mod day;
pub mod demo;
pub mod error;
pub mod exercise_diary;
pub mod exercises;
pub mod family_access;
pub mod food_diary;
pub mod foods;
pub mod goals;
pub mod households;
pub mod idempotency;
mod input;
pub mod measurements;
pub mod nutrition;
pub mod page;
pub mod people;
pub mod random;
pub mod reports;
pub mod rota;
pub mod routine_statistics;
pub mod routines;
pub mod swap_requests;
pub mod tokens;
pub mod unavailability;
