//! Hale's rules. Each file is a feature; its functions take a [`access::Tx`], in which PostgreSQL knows who asks, and read as
//! the feature's story. This crate knows nothing of HTTP or GraphQL, and filters nothing by viewer: row policies do.

pub mod access;
pub mod catalogue;
pub mod clock;
pub mod error;
pub mod random;
pub mod tokens;
