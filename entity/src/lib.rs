//! Hale's tables as SeaORM entities, one file per table, with typed ids and the units that quantities are written in.
//! This crate knows nothing of rules, HTTP or GraphQL.

pub mod id;
