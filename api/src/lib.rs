//! The hale server and its command line: HTTP and GraphQL in front of `service`. This crate can name neither a table's
//! statement nor a connection.

pub mod backup;
pub mod command;
pub mod config;
pub mod doctor;
pub mod embedded_postgres;
pub mod graphql;
pub mod http;
pub mod metrics;
pub mod progress;
pub mod settings;
pub mod store;
pub mod telemetry;
