//! Hale's rules. Each file is a feature; its functions take a [`access::Tx`], in which PostgreSQL knows who asks, and read as
//! the feature's story. This crate knows nothing of HTTP or GraphQL, and filters nothing by viewer: row policies do.

pub mod access;
pub mod clock;
pub mod day;
pub mod error;
pub mod food_diary;
pub mod foods;
mod input;
pub mod nutrition;
pub mod page;
pub mod people;
pub mod random;
pub mod tokens;
