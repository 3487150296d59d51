//! One migration: a pair of SQL files, embedded when the crate was built.

use sea_orm::{ConnectionTrait, DbErr};
use sea_orm_migration::{MigrationName, MigrationTrait, SchemaManager};
use sha2::{Digest, Sha256};

use crate::file::{self, Direction};

static MIGRATIONS: &[SqlMigration] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Every migration this binary knows, in the order of their versions.
pub fn migrations() -> &'static [SqlMigration] {
    MIGRATIONS
}

/// A pair of SQL files that changes the schema and changes it back.
#[derive(Clone, Copy, Debug)]
pub struct SqlMigration {
    stem: &'static str,
    version: &'static str,
    description: &'static str,
    up: &'static str,
    down: &'static str,
}

impl SqlMigration {
    /// Takes the files' stem (`YYYY_MM_DD_HH_MM_description`) and their texts.
    ///
    /// # Panics
    /// If the stem has another form, which the build script has ruled out.
    pub const fn new(stem: &'static str, up: &'static str, down: &'static str) -> Self {
        let Some((version, description)) = file::split_stem(stem) else {
            panic!("a migration's stem must be YYYY_MM_DD_HH_MM_description");
        };
        Self { stem, version, description, up, down }
    }

    /// The time in the files' names, `YYYY_MM_DD_HH_MM`: what `migrations.version` holds.
    pub const fn version(&self) -> &'static str {
        self.version
    }

    /// The description in the files' names: what `migrations.name` holds.
    pub const fn description(&self) -> &'static str {
        self.description
    }

    /// The SHA-256 of the up file, in hexadecimal: what `migrations.checksum` holds.
    pub fn checksum(&self) -> String {
        use std::fmt::Write;
        Sha256::digest(self.up.as_bytes()).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// The SQL that applies it.
    pub const fn sql(&self) -> &'static str {
        self.text(Direction::Up)
    }

    pub(crate) const fn text(&self, direction: Direction) -> &'static str {
        match direction {
            Direction::Up => self.up,
            Direction::Down => self.down,
        }
    }

    /// Whether the file of this direction holds one statement that no transaction may wrap.
    pub(crate) fn is_no_transaction(&self, direction: Direction) -> bool {
        file::is_no_transaction(self.text(direction))
    }
}

impl MigrationName for SqlMigration {
    fn name(&self) -> &str {
        self.stem
    }
}

#[async_trait::async_trait]
impl MigrationTrait for SqlMigration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        connection.execute_unprepared(self.up).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        connection.execute_unprepared(self.down).await.map(drop)
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(!self.is_no_transaction(Direction::Up))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_up_file() {
        let migration = SqlMigration::new("2025_11_22_04_33_food_diary", "abc", "def");
        assert_eq!(migration.version(), "2025_11_22_04_33");
        assert_eq!(migration.description(), "food_diary");
        assert_eq!(migration.name(), "2025_11_22_04_33_food_diary");
        assert_eq!(migration.checksum(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn the_embedded_files_are_in_order() {
        assert!(migrations().is_sorted_by(|a, b| a.version() < b.version()));
    }
}
