//! Who asks: people with rows of their own and what they share, and those who are nobody.

use sqlx::types::Uuid;

/// Everybody who has an account, hence one row in each table. `ann` is the one whose rows the others try to reach.
pub const PEOPLE: &[&str] = &[
    "ann",
    "other",
    "stranger",
    "calorie",
    "checkin",
    "reports",
    "food_list",
    "all",
    "offered",
    "unverified",
    "withdrawn",
    "declined",
    "expired",
    "revoked",
    "transitive",
    "calorie_writer",
    "checkin_writer",
    "organiser",
    "organiser_writer",
    "household_member",
    "household_administrator",
    "household_invited",
    "household_unverified",
    "household_removed",
    "deleted",
];

/// Owns what belongs to nobody: rows of the shared catalogue.
pub const NOBODY: &str = "nobody";

/// Who acts in a cell, and on whose rows.
#[derive(Clone, Copy)]
pub struct Principal {
    pub name: &'static str,
    enters: Enters,
    /// Whose rows are "theirs".
    pub target: &'static str,
    /// Whose rows are "between": who shares with the viewer what ann shared with them.
    pub between: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Enters {
    /// With a session that lives.
    As(&'static str),
    /// Not at all: nothing is set.
    No,
    /// With an id that nobody has any more.
    Deleted,
    /// With what is no id.
    Malformed,
}

const fn principal(name: &'static str) -> Principal {
    Principal { name, enters: Enters::As(name), target: "ann", between: None }
}

pub const PRINCIPALS: &[Principal] = &[
    Principal { enters: Enters::As("ann"), target: "other", ..principal("owner") },
    principal("other"),
    principal("calorie"),
    principal("checkin"),
    principal("reports"),
    principal("food_list"),
    principal("all"),
    principal("offered"),
    principal("unverified"),
    principal("withdrawn"),
    principal("declined"),
    principal("expired"),
    principal("revoked"),
    // ann looks back at somebody who may see everything of hers.
    Principal { enters: Enters::As("ann"), target: "all", ..principal("grantor") },
    Principal { between: Some("all"), ..principal("transitive") },
    principal("calorie_writer"),
    principal("checkin_writer"),
    principal("organiser"),
    principal("organiser_writer"),
    principal("household_member"),
    principal("household_administrator"),
    principal("household_invited"),
    principal("household_unverified"),
    principal("household_removed"),
    Principal { enters: Enters::No, ..principal("anonymous") },
    Principal { enters: Enters::Deleted, ..principal("deleted") },
    Principal { enters: Enters::Malformed, ..principal("malformed") },
];

impl Principal {
    /// Whose rows are "mine"; for those who are nobody, an id that nobody has.
    pub fn viewer(&self) -> &'static str {
        match self.enters {
            Enters::As(name) => name,
            Enters::No | Enters::Deleted | Enters::Malformed => "deleted",
        }
    }

    /// Whom an access token speaks for, and of which session; none for those who have no token.
    pub fn subject(&self) -> Option<(String, String)> {
        match self.enters {
            Enters::As(name) => Some((person(name).to_string(), row_id(name, "sessions", 0).to_string())),
            Enters::No => None,
            Enters::Deleted => Some((person("deleted").to_string(), row_id("deleted", "sessions", 0).to_string())),
            Enters::Malformed => Some(("ann".to_owned(), row_id("ann", "sessions", 0).to_string())),
        }
    }

    /// The statement that the server sends after BEGIN, and for those whom it would never let in, what it comes down to.
    /// It answers one row.
    pub fn enter(&self) -> String {
        let set = |id: &str| format!("SELECT set_config('app.user_id', '{id}', true)");
        match self.enters {
            Enters::As(name) => format!("SELECT auth.enter('{}', '{}', now())", person(name), row_id(name, "sessions", 0)),
            Enters::No => "SELECT 1".to_owned(),
            Enters::Deleted => set(&person("deleted").to_string()),
            Enters::Malformed => set("ann"),
        }
    }
}

/// The id of somebody.
pub fn person(name: &str) -> Uuid {
    row_id(name, "users", 0)
}

/// The id of somebody's nth row in a table.
pub fn row_id(name: &str, relation: &str, n: u32) -> Uuid {
    // FNV-1a: ids only have to differ, and be the same in every run.
    let hash =
        |text: &str| text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let rows = hash(relation).wrapping_add(u64::from(n));
    Uuid::from_u128(u128::from(hash(name)) << 64 | u128::from(rows))
}

/// The id of a grant.
pub fn grant_id(grantor: &str, grantee: &str, access_type: &str) -> Uuid {
    row_id(&format!("{grantor} to {grantee}"), access_type, 0)
}

/// What ann shares with whom, and one grant further on: grantor, grantee, type, can_write, status, expires_at.
pub fn grants() -> Vec<String> {
    const TYPES: [&str; 5] = ["calorie", "checkin", "reports", "food_list", "organiser"];
    let grant = |grantor: &str, grantee: &str, access_type: &str, can_write: bool, status: &str, expires_at: &str| {
        // An offer, and one that was withdrawn before it was answered, know an address alone.
        let known = !matches!(grantee, "offered" | "unverified" | "withdrawn");
        let person_id = if known { format!("'{}'", person(grantee)) } else { "NULL".to_owned() };
        format!(
            "INSERT INTO family_access (id, grantor_user_id, grantee_user_id, grantee_email, grantee_address, access_type, can_write, status, expires_at, granted_at)
             VALUES ('{}', '{}', {person_id}, '{grantee}@Example.org', '{grantee}@example.org', '{access_type}', {can_write}, '{status}', {expires_at}, now())",
            grant_id(grantor, grantee, access_type),
            person(grantor)
        )
    };
    let mut grants: Vec<_> = TYPES.iter().map(|access_type| grant("ann", access_type, access_type, false, "active", "NULL")).collect();
    for access_type in TYPES {
        grants.push(grant("ann", "all", access_type, false, "active", "now() + interval '1 day'"));
        grants.push(grant("all", "transitive", access_type, false, "active", "NULL"));
        // Whoever has no access would have all of it, to write too.
        for (grantee, status) in [
            ("offered", "offered"),
            ("unverified", "offered"),
            ("withdrawn", "revoked"),
            ("declined", "declined"),
            ("revoked", "revoked"),
            ("deleted", "active"),
        ] {
            grants.push(grant("ann", grantee, access_type, true, status, "NULL"));
        }
        grants.push(grant("ann", "expired", access_type, true, "active", "now() - interval '1 second'"));
    }
    grants.push(grant("ann", "calorie_writer", "calorie", true, "active", "NULL"));
    grants.push(grant("ann", "checkin_writer", "checkin", true, "active", "now() + interval '1 day'"));
    grants.push(grant("ann", "organiser_writer", "organiser", true, "active", "NULL"));
    grants
}

/// Who belongs to ann's household besides her, or did, or is invited: each has a turn there, an absence, a request to swap,
/// and is reminded.
pub fn memberships() -> Vec<String> {
    let ann = person("ann");
    let mut rows = Vec::new();
    for (place, (name, account, role, removed_at)) in [
        ("household_member", true, "member", "NULL"),
        ("household_administrator", true, "administrator", "NULL"),
        ("household_removed", true, "administrator", "'2026-03-09'"),
        ("household_invited", false, "member", "NULL"),
        ("household_unverified", false, "member", "NULL"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = |relation| row_id(name, relation, 1);
        let user = if account { format!("'{}'", person(name)) } else { "NULL".to_owned() };
        let (member, turn) = (id("household_members"), id("assignments"));
        rows.push(format!(
            "INSERT INTO household_members (household_id, id, user_id, name, role, removed_at) VALUES ('{ann}', '{member}', {user}, '{name}', '{role}', {removed_at});
             INSERT INTO assignments (household_id, id, routine_id, date, member_id, name, reason)
             VALUES ('{ann}', '{turn}', '{}', '2026-03-2{place}', '{member}', '{name}', 'Order');
             INSERT INTO unavailability (household_id, id, member_id, kind, starts_on) VALUES ('{ann}', '{}', '{member}', 'dates', '2026-06-10');
             INSERT INTO swap_requests (household_id, id, assignment_id, from_member_id) VALUES ('{ann}', '{}', '{turn}', '{member}');
             INSERT INTO routine_reminders (household_id, id, routine_id, member_id, minutes_before) VALUES ('{ann}', '{}', '{}', '{member}', 30);
             INSERT INTO reminder_mails (household_id, id, routine_id, member_id, date) VALUES ('{ann}', '{}', '{}', '{member}', '2100-03-20')",
            row_id("ann", "routines", 0),
            id("unavailability"),
            id("swap_requests"),
            id("routine_reminders"),
            row_id("ann", "routines", 0),
            id("reminder_mails"),
            row_id("ann", "routines", 0),
        ));
    }
    for (n, name, status) in [
        (1, "household_invited", "offered"),
        (2, "household_invited", "revoked"),
        (3, "household_invited", "declined"),
        (1, "household_unverified", "offered"),
    ] {
        rows.push(format!(
            "INSERT INTO household_invitations (household_id, id, member_id, household_name, email, address, status, created_by)
             VALUES ('{ann}', '{}', '{}', 'Family of ann', '{name}@Example.org', '{name}@example.org', '{status}', '{ann}')",
            row_id(name, "household_invitations", n),
            row_id(name, "household_members", 1),
        ));
    }
    rows
}
