//! x
pub mod embedded_postgres;
