//! The hale server and its command line.

pub mod embedded_postgres;
pub mod graphql;
pub mod http;
