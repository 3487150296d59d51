//! The SQL of the operations.

use super::{
    people::{NOBODY, Principal, person, row_id},
    tables::{Table, Values},
};

/// What every table is tried with, as hale_app and with its privileges.
pub const OPERATIONS: &[&str] = &[
    "select",
    "select for update",
    "copy to",
    "copy from",
    "insert own",
    "insert for another",
    "insert taken id",
    "upsert own",
    "upsert another's",
    "upsert taken id",
    "update",
    "change owner",
    "delete",
    "truncate",
    "select as hale_auth",
    "select as hale_search",
    "select as hale_reports",
];

/// What is tried with every privilege on the table: here the policies hold alone.
pub const GRANTED: &[&str] = &[
    "select (granted)",
    "insert for another (granted)",
    "update (granted)",
    "change owner (granted)",
    "give to the target (granted)",
    "delete (granted)",
];

/// What is tried once more while family_access and users show everything: here a policy holds without what theirs hide from it.
pub const OPEN: &[&str] =
    &["select", "select for update", "insert own", "insert for another", "update", "delete", "select as hale_reports"];

/// The statement of an operation on a table.
pub fn statement(table: &Table, operation: &str, principal: &Principal) -> String {
    let (viewer, target) = (principal.viewer(), principal.target);
    let name = table.name;
    let new = |owner| Values { owner, holder: owner, n: 7, m: 1, viewer, target };
    let existing = |owner, m| Values { owner, holder: if m == 0 { owner } else { target }, n: 0, m, viewer, target };
    let upsert =
        |values| format!("{} ON CONFLICT ({}) DO UPDATE SET {}", insert(table, &values, table.reserved), table.primary, table.change);
    // A table without an owner column has nobody to move a row to: the key must do.
    let give = |to: &str| match table.owner {
        "NULL::uuid" => format!("UPDATE {name} SET {} = 'moved'", table.key),
        owner => format!("UPDATE {name} SET {owner} = '{}'", person(to)),
    };
    match operation.trim_end_matches(" (granted)") {
        "select" | "select as hale_auth" | "select as hale_search" | "select as hale_reports" => {
            format!("SELECT {}::text FROM {name}", table.key)
        }
        "select for update" => format!("SELECT {}::text FROM {name} FOR UPDATE", table.key),
        "copy to" if table.key.starts_with('(') => format!("COPY (SELECT {} FROM {name}) TO STDOUT", table.key),
        "copy to" => format!("COPY {name} ({}) TO STDOUT", table.key),
        "copy from" => {
            let columns: Vec<_> = table.columns.iter().map(|(column, _)| *column).collect();
            format!("COPY {name} ({}) FROM STDIN", columns.join(", "))
        }
        "insert own" => insert(table, &new(viewer), &[]),
        "insert for another" => insert(table, &new(target), &[]),
        "insert taken id" => insert(table, &existing(viewer, 1), table.reserved),
        "upsert own" => upsert(existing(viewer, 0)),
        "upsert another's" => upsert(existing(target, 0)),
        "upsert taken id" => upsert(existing(viewer, 1)),
        "update" => format!("UPDATE {name} SET {}", table.change),
        "change owner" => give("stranger"),
        "give to the target" => give(target),
        "delete" => format!("DELETE FROM {name}"),
        "truncate" => format!("TRUNCATE {name} CASCADE"),
        _ => {
            let own = table.operations.iter().find(|(own, _)| *own == operation);
            fill(own.expect("an operation of this table").1, table, &new(viewer))
        }
    }
}

/// An INSERT with the table's columns and `more`, which come in place of columns of the same name.
pub fn insert(table: &Table, values: &Values<'_>, more: &[(&str, &str)]) -> String {
    let kept = table.columns.iter().filter(|(column, _)| !more.iter().any(|(other, _)| other == column));
    let (columns, parts): (Vec<_>, Vec<_>) = kept.chain(more).map(|(column, value)| (*column, fill(value, table, values))).unzip();
    format!("INSERT INTO {} ({}) VALUES ({})", table.name, columns.join(", "), parts.join(", "))
}

fn fill(template: &str, table: &Table, values: &Values<'_>) -> String {
    let id = |holder: &str, relation: &str, n: u32| format!("'{}'", row_id(holder, relation, n));
    let owner = if values.owner == NOBODY { "NULL".to_owned() } else { id(values.owner, "users", 0) };
    // Everybody's data were read by ann, and ann's by `all`.
    let reader = if values.owner == "ann" { "all" } else { "ann" };
    [
        ("{owner}", owner),
        ("{id}", id(values.holder, table.name, values.n)),
        ("{n}", values.n.to_string()),
        ("{m}", values.m.to_string()),
        ("{name}", values.holder.to_owned()),
        ("{reader}", id(reader, "users", 0)),
        ("{food}", id(values.owner, "food_items", 0)),
        ("{held_food}", id(values.holder, "food_items", 0)),
        ("{own_meal}", id(values.viewer, "meals", 0)),
        ("{hidden_meal}", id("stranger", "meals", 0)),
        ("{target_meal}", id(values.target, "meals", 0)),
        ("{held_template}", id(values.holder, "meal_plan_templates", 0)),
        ("{batch}", id(values.owner, "cooked_batches", 0)),
        ("{held_meal}", id(values.holder, "meals", 0)),
        ("{held_entry}", id(values.holder, "exercise_diary", 0)),
        ("{held_sleep}", id(values.holder, "sleep_entries", 0)),
        ("{held_activity}", id(values.holder, "activities", 0)),
        ("{calendar}", id(values.owner, "calendar_settings", 0)),
        ("{held_session}", id(values.holder, "sessions", 0)),
        ("{common_food}", id(NOBODY, "food_items", 0)),
        ("{common_exercise}", id(NOBODY, "exercises", 0)),
        ("{hidden_food}", id("stranger", "food_items", 0)),
        ("{hidden_exercise}", id("stranger", "exercises", 0)),
        ("{deleted_food}", id(NOBODY, "food_items", 1)),
        ("{deleted_exercise}", id(NOBODY, "exercises", 1)),
        ("{target_food}", id(values.target, "food_items", 0)),
        ("{member}", id(values.owner, "household_members", 0)),
        ("{own_member}", id(values.viewer, "household_members", 0)),
        ("{target_member}", id(values.target, "household_members", 0)),
        // Of the viewer in the household of ann, where they are or were a member.
        ("{member_there}", id(values.viewer, "household_members", 1)),
        ("{turn_there}", id(values.viewer, "assignments", 1)),
        ("{routine}", id(values.owner, "routines", 0)),
        ("{assignment}", id(values.owner, "assignments", 0)),
        ("{own_assignment}", id(values.viewer, "assignments", 0)),
        ("{missing}", id("missing", table.name, 0)),
        ("{viewer_id}", id(values.viewer, "users", 0)),
        ("{target_id}", id(values.target, "users", 0)),
        ("{stranger_id}", id("stranger", "users", 0)),
    ]
    .iter()
    .fold(template.to_owned(), |sql, (place, value)| sql.replace(place, value))
}
