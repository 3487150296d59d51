//! Hale's tests, in one binary: the real HTTP stack over a real PostgreSQL with its policies.

mod access;
mod accounts;
mod catalogue_of_tables;
mod command_line;
mod food_diary;
mod harness;
mod http;
mod migrations;
mod schema;
mod walls;
