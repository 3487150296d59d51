//! Reads access.toml and fields.toml, and makes the cells of the matrices of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    doors::{DOORS, Door},
    fields::FieldCell,
    people::{PRINCIPALS, Principal},
    statements::{GRANTED, OPEN, OPERATIONS, statement},
    tables::{TABLES, Table},
};

/// The reviewed files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    principals: BTreeMap<String, Vec<String>>,
    operations: BTreeMap<String, Vec<String>>,
    class: BTreeMap<String, Entry>,
    pub relation: BTreeMap<String, Entry>,
    pub function: BTreeMap<String, Entry>,
    pub field: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The class whose rules come first.
    class: Option<String>,
    #[serde(default)]
    rules: Vec<BTreeMap<String, String>>,
    /// Of a field: the ways to ask for it.
    #[serde(default)]
    ask: BTreeMap<String, String>,
}

/// What else is changed while a cell runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Layer {
    /// Nothing.
    AsItIs,
    /// hale_app has every privilege on the table: the policies hold alone.
    Granted,
    /// family_access, users and household_members show everything, but where they are themselves tried: policies that look into
    /// them hold alone.
    Open,
    /// Both.
    OpenAndGranted,
}

impl Layer {
    pub const ALL: [Self; 4] = [Self::AsItIs, Self::Granted, Self::Open, Self::OpenAndGranted];

    /// How cells that are run once more in this layer are told apart.
    pub fn suffix(self) -> &'static str {
        if matches!(self, Self::Open | Self::OpenAndGranted) { " (open)" } else { "" }
    }

    /// What makes it.
    pub fn setup(self, relation: &str) -> String {
        let open = |table| format!("CREATE POLICY open ON {table} FOR SELECT TO hale_app, hale_search, hale_reports USING (true);");
        match (self, relation) {
            (Self::AsItIs, _) => String::new(),
            (Self::Granted, _) => format!("GRANT ALL ON {relation} TO hale_app"),
            (Self::Open, _) => {
                ["users", "family_access", "household_members"].into_iter().filter(|table| *table != relation).map(open).collect()
            }
            (Self::OpenAndGranted, _) => Self::Open.setup(relation) + &Self::Granted.setup(relation),
        }
    }
}

/// One thing that one principal tries.
pub struct Cell {
    pub relation: &'static str,
    /// The table or function whose entry says what comes of it.
    pub title: &'static str,
    pub operation: &'static str,
    pub principal: Principal,
    pub layer: Layer,
    pub sql: String,
    /// Whether it answers keys of rows; else it is judged by what it changed.
    pub shows: bool,
    pub expected: String,
}

impl Access {
    pub fn read() -> Self {
        let files = concat!(include_str!("access.toml"), include_str!("fields.toml"));
        toml::from_str(files).unwrap_or_else(|error| panic!("access.toml and fields.toml: {error}"))
    }

    /// Every cell. Whatever the file does not say, and whatever it says of nothing, fails.
    pub fn cells(&self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for table in TABLES {
            let entry = self.relation.get(table.name).unwrap_or_else(|| panic!("access.toml has no entry for {}", table.name));
            let own: Vec<_> = table.operations.iter().map(|(name, _)| *name).collect();
            let operations: Vec<_> = OPERATIONS.iter().chain(GRANTED).copied().chain(own.iter().copied()).collect();
            self.check(table.name, entry, &operations);
            let once = operations.iter().map(|name| (if granted(name) { Layer::Granted } else { Layer::AsItIs }, *name));
            let again = OPEN.iter().chain(GRANTED).copied().chain(own.iter().copied());
            let again = again.map(|name| (if granted(name) { Layer::OpenAndGranted } else { Layer::Open }, name));
            for (layer, operation) in once.chain(again.filter(|_| table.name != "users")) {
                cells.extend(PRINCIPALS.iter().map(|principal| self.cell(entry, table, layer, operation, principal)));
            }
        }
        for door in DOORS {
            let entry = self.function.get(door.name).unwrap_or_else(|| panic!("access.toml has no entry for {}", door.name));
            self.check(door.name, entry, &["call"]);
            cells.extend(PRINCIPALS.iter().map(|principal| self.call(entry, door, principal)));
        }
        cells
    }

    /// Every cell of the matrix over GraphQL.
    pub fn fields(&self) -> Vec<FieldCell> {
        let mut cells = Vec::new();
        for (field, entry) in &self.field {
            let ways: Vec<&str> = match entry.ask.keys().map(String::as_str).collect::<Vec<_>>()[..] {
                ["field"] => vec!["of oneself", "of the target", "of the family"],
                ref ways => ways.to_vec(),
            };
            self.check(field, entry, &ways);
            for principal in PRINCIPALS {
                let expected = |way: &str| self.expected(field, entry, way, principal.name);
                cells.extend(FieldCell::of(field, &entry.ask, principal, expected));
            }
        }
        cells
    }

    fn cell(&self, entry: &Entry, table: &'static Table, layer: Layer, operation: &'static str, principal: &Principal) -> Cell {
        let sql = statement(table, operation, principal);
        let shows = sql.starts_with("SELECT") || sql.starts_with("COPY");
        let expected = self.expected(table.name, entry, operation, principal.name);
        Cell { relation: table.name, title: table.name, operation, principal: *principal, layer, sql, shows, expected }
    }

    fn call(&self, entry: &Entry, door: &'static Door, principal: &Principal) -> Cell {
        let expected = self.expected(door.name, entry, "call", principal.name);
        let sql = door.call(principal);
        Cell {
            relation: door.relation,
            title: door.name,
            operation: "call",
            principal: *principal,
            layer: Layer::AsItIs,
            sql,
            shows: door.shows,
            expected,
        }
    }

    /// What the last rule says that speaks of this.
    fn expected(&self, title: &str, entry: &Entry, operation: &str, principal: &str) -> String {
        let rules = self.rules(entry);
        let said = rules.iter().rev().filter(|rule| self.who(rule).contains(principal)).find_map(|rule| {
            rule.iter()
                .find(|(operations, _)| *operations != "who" && self.named(operations).iter().any(|name| [operation, ANY].contains(name)))
                .map(|(_, outcome)| outcome)
        });
        said.unwrap_or_else(|| panic!("access.toml does not say what comes of {title} · {principal} · {operation}")).clone()
    }

    /// The rules of the entry's class, of the class's class and so on, and then its own.
    fn rules<'a>(&'a self, entry: &'a Entry) -> Vec<&'a BTreeMap<String, String>> {
        let class = entry.class.as_ref().map(|name| self.class.get(name).unwrap_or_else(|| panic!("access.toml has no class {name}")));
        class.map(|class| self.rules(class)).unwrap_or_default().into_iter().chain(&entry.rules).collect()
    }

    fn who<'a>(&'a self, rule: &'a BTreeMap<String, String>) -> BTreeSet<&'a str> {
        let who = rule.get("who").expect("every rule of access.toml says who");
        let members = |name: &'a str| self.principals.get(name).map_or(vec![name], |group| group.iter().map(String::as_str).collect());
        who.split(", ").flat_map(members).collect()
    }

    fn named<'a>(&'a self, operations: &'a str) -> Vec<&'a str> {
        let members = |name: &'a str| self.operations.get(name).map_or(vec![name], |group| group.iter().map(String::as_str).collect());
        operations.split(", ").flat_map(members).collect()
    }

    /// Every name in the rules is that of a principal and of an operation.
    fn check(&self, title: &str, entry: &Entry, operations: &[&str]) {
        let everyone: BTreeSet<_> = PRINCIPALS.iter().map(|principal| principal.name).collect();
        for rule in self.rules(entry) {
            let stranger = self.who(rule).into_iter().find(|name| !everyone.contains(name));
            assert_eq!(stranger, None, "access.toml names nobody in {title}");
            let names = rule.keys().filter(|name| *name != "who").flat_map(|names| self.named(names));
            let unknown = names.into_iter().find(|name| !operations.contains(name) && *name != ANY);
            assert_eq!(unknown, None, "access.toml names no operation of {title}");
        }
    }
}

/// Stands for every operation in a rule.
const ANY: &str = "*";

fn granted(operation: &str) -> bool {
    operation.ends_with(" (granted)")
}
