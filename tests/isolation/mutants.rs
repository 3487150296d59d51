//! Does the matrix see? Each policy is weakened in every way its text allows, each table loses its protection, and every time
//! some cell, or a lint for what no cell can see, must go red.

use futures_util::future::join_all;

use super::{
    access::{Access, Cell, Layer},
    tables::{TABLES, Table},
    world::World,
};
use crate::harness::report;

/// What no cell sees: forced row level security binds the owner alone, and a policy's role may be widened to one that has no
/// privilege on the table, or a policy of its own. Answers what is wrong.
const LINTS: &str = "
    SELECT relname || ' lacks row level security for everybody' FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'migrations' AND NOT (relrowsecurity AND relforcerowsecurity)
    UNION ALL SELECT polrelid::regclass || ': ' || polname || ' is for everybody' FROM pg_policy WHERE 0 = ANY (polroles)
    UNION ALL SELECT polrelid::regclass || ': ' || polname || ' is for hale_app and a role of functions' FROM pg_policy
      WHERE 'hale_app'::regrole = ANY (polroles) AND cardinality(polroles) > 1
    UNION ALL SELECT relname || ' has no policy for ' || command FROM pg_class c
      CROSS JOIN (VALUES ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd')) AS commands (command, kind)
      WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relname <> 'migrations'
        AND (has_table_privilege('hale_app', c.oid, command) OR command <> 'DELETE' AND has_any_column_privilege('hale_app', c.oid, command))
        AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd::text IN ('*', kind) AND 'hale_app'::regrole = ANY (p.polroles))";

const POLICIES: &str = "
    SELECT polrelid::regclass || '|' || quote_ident(polname) || '|' || polcmd::text || '|' || (SELECT string_agg(role::regrole::text, ', ') FROM unnest(polroles) role)
      || '|' || coalesce(pg_get_expr(polqual, polrelid), '') || '|' || coalesce(pg_get_expr(polwithcheck, polrelid), '')
    FROM pg_policy WHERE polrelid::regclass::text IN (SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace)
    ORDER BY polrelid::regclass::text, polname";

/// The principals who tell most: they are asked first.
const TELLING: [&str; 15] = [
    "household_member",
    "household_removed",
    "household_invited",
    "household_administrator",
    "expired",
    "declined",
    "calorie_writer",
    "checkin_writer",
    "organiser_writer",
    "organiser",
    "calorie",
    "checkin",
    "all",
    "reports",
    "food_list",
];

struct Mutant {
    relation: String,
    name: String,
    sql: String,
    /// Whether no cell could see it.
    for_lints: bool,
    /// The command whose cells are most likely to see it.
    command: char,
    /// What the policy said where something else stands now.
    part: String,
    /// Reads the text that must differ from `text`, else nothing was weakened.
    text: Option<(String, String)>,
}

#[tokio::test]
async fn every_weakened_policy_is_seen() {
    let cells = Access::read().cells();
    let mut world = World::new().await;
    assert_eq!(world.texts(LINTS).await, Vec::<String>::new());
    let mut mutants = of_tables();
    mutants.extend(of_functions());
    for policy in world.texts(POLICIES).await {
        mutants.extend(of_policy(&policy));
    }
    drop(world);
    // Each on a database of its own; PostgreSQL does the work.
    let shares = mutants.chunks(mutants.len().div_ceil(SHARES)).map(|share| try_all(share, &cells));
    let tallies = join_all(shares).await;
    let sum = |count: fn(&Tally) -> usize| tallies.iter().map(count).sum::<usize>();
    let survivors: Vec<_> = tallies.iter().flat_map(|tally| &tally.survivors).copied().collect();
    let made = sum(|tally| tally.made);
    let killed = made - survivors.len();
    report(&format!(
        "isolation: {killed} of {made} mutants seen ({} %), {} of them by lints",
        killed * 100 / made,
        sum(|tally| tally.for_lints)
    ));
    assert!(survivors.is_empty(), "{} mutants live:\n{}", survivors.len(), survivors.join("\n"));
}

const SHARES: usize = 3;

#[derive(Default)]
struct Tally<'a> {
    made: usize,
    for_lints: usize,
    survivors: Vec<&'a str>,
}

async fn try_all<'a>(mutants: &'a [Mutant], cells: &[Cell]) -> Tally<'a> {
    let mut world = World::new().await;
    let mut tally = Tally::default();
    let unchanged = mutant("goals", "unchanged", "SELECT".to_owned());
    assert!(!seen(&mut world, cells, &unchanged).await, "what changes nothing is no mutant");
    for mutant in mutants {
        if !apply(&mut world, mutant).await {
            continue;
        }
        tally.made += 1;
        let seen = if mutant.for_lints {
            tally.for_lints += 1;
            !world.texts(LINTS).await.is_empty()
        } else {
            seen(&mut world, cells, mutant).await
        };
        if !seen {
            tally.survivors.push(&mutant.name);
        }
        world.undo().await;
    }
    tally
}

/// Weakens, unless what comes out does not compile or is what was there before.
async fn apply(world: &mut World, mutant: &Mutant) -> bool {
    let applied = world.try_run(&mutant.sql).await
        && match &mutant.text {
            Some((query, text)) => world.texts(query).await != [text.as_str()],
            None => true,
        };
    if !applied {
        world.undo().await;
    }
    applied
}

/// Whether some cell of the table, or of a function, goes red. Those come first that are likely to.
async fn seen(world: &mut World, cells: &[Cell], mutant: &Mutant) -> bool {
    let mut layers = Layer::ALL;
    // What a policy looks up about the viewer is hidden from it by the other table's own policies; only in the open does it matter.
    if mutant.part.starts_with("(family_access.grantee_user_id =")
        || mutant.part.starts_with("(users.id =")
        || mutant.part.contains("m.removed_at")
    {
        layers.reverse();
    }
    let likely: &[&str] = match mutant.command {
        'r' => &["select"],
        'a' => &["insert for another", "insert own"],
        'w' => &["update", "give to the target (granted)", "change owner (granted)", "select for update"],
        'd' => &["delete"],
        _ => &["insert for another", "select", "update"],
    };
    for (first, layer) in [true, false].into_iter().flat_map(|first| layers.map(|layer| (first, layer))) {
        let mut here: Vec<_> = cells
            .iter()
            .filter(|cell| cell.layer == layer && cell.title == mutant.relation && likely.contains(&cell.operation) == first)
            .filter(|cell| !cell.sql.starts_with("COPY"))
            .collect();
        here.sort_by_key(|cell| TELLING.iter().position(|name| *name == cell.principal.name).unwrap_or(TELLING.len()));
        world.run("SAVEPOINT layer").await;
        world.run(&layer.setup(&mutant.relation)).await;
        let seen = !world.mismatches(here, true).await.is_empty();
        world.run("ROLLBACK TO SAVEPOINT layer").await;
        if seen {
            return true;
        }
    }
    let calls = cells.iter().filter(|cell| cell.operation == "call");
    !world.mismatches(calls, true).await.is_empty()
}

fn of_tables() -> Vec<Mutant> {
    let (views, tables): (Vec<_>, Vec<_>) = TABLES.iter().partition(|table| table.view);
    let protected = tables.iter().filter(|table| table.name != "migrations");
    let mut mutants: Vec<_> = protected
        .flat_map(|table| {
            ["DISABLE ROW LEVEL SECURITY", "NO FORCE ROW LEVEL SECURITY"]
                .map(|change| mutant(table.name, change, format!("ALTER TABLE {} {change}", table.name)))
        })
        .collect();
    mutants.extend(tables.iter().map(|table| mutant(table.name, "GRANT ALL", format!("GRANT ALL ON {} TO hale_app", table.name))));
    let as_owner = |view: &&Table| mutant(view.name, "as its owner", format!("ALTER VIEW {} SET (security_invoker = false)", view.name));
    mutants.extend(views.iter().map(as_owner));
    for table in ["family_access", "household_members", "household_invitations", "assignments", "swap_requests"] {
        mutants.push(mutant(table, "DROP TRIGGER change", format!("DROP TRIGGER change ON {table}")));
    }
    mutants
}

/// What policies ask about households is said in functions: each condition of them dropped, one at a time.
fn of_functions() -> Vec<Mutant> {
    const CONDITIONS: [(&str, &str); 3] = [
        ("auth.households()", "m.removed_at IS NULL"),
        ("auth.administered_households()", "m.removed_at IS NULL"),
        ("auth.administered_households()", "m.role = ''administrator''"),
    ];
    let whose = ["auth.households()", "auth.administered_households()"].map(|function| (function, "m.user_id = (SELECT auth.uid())"));
    let weaken = |(function, condition): (&str, &str)| {
        let change = format!(
            "DO $weaken$ BEGIN EXECUTE replace(pg_get_functiondef('{function}'::regprocedure), '{condition}', 'true'); END $weaken$"
        );
        let text = ("SELECT md5(string_agg(prosrc, '')) FROM pg_proc WHERE pronamespace = 'auth'::regnamespace".to_owned(), String::new());
        Mutant { text: Some(text), ..mutant("household_members", &format!("{function} without {condition}"), change) }
    };
    CONDITIONS.into_iter().chain(whose).map(weaken).collect()
}

fn mutant(relation: &str, change: &str, sql: String) -> Mutant {
    let for_lints = ["NO FORCE ROW LEVEL SECURITY", "for everybody", "for hale_app too"].iter().any(|lint| change.ends_with(lint));
    Mutant {
        relation: relation.to_owned(),
        name: format!("{relation}: {change}"),
        sql,
        for_lints,
        command: '*',
        part: String::new(),
        text: None,
    }
}

/// A policy dropped, given to everybody and to hale_app, and each of its conditions widened.
fn of_policy(policy: &str) -> Vec<Mutant> {
    let [relation, name, command, roles, using, check] = policy.split('|').collect::<Vec<_>>()[..] else { panic!("{policy}") };
    let title = format!("{relation}: {name}");
    let alter = format!("ALTER POLICY {name} ON {relation}");
    let command = command.chars().next().unwrap();
    let plain = |what: &str, sql: String| Mutant { command, ..mutant(relation, &format!("{name} {what}"), sql) };
    let mut mutants =
        vec![plain("dropped", format!("DROP POLICY {name} ON {relation}")), plain("for everybody", format!("{alter} TO PUBLIC"))];
    if !roles.contains("hale_app") {
        mutants.push(plain("for hale_app too", format!("{alter} TO {roles}, hale_app")));
    }
    for (clause, column, text) in [("USING", "polqual", using), ("WITH CHECK", "polwithcheck", check)] {
        for (part, weaker) in weaker(text) {
            let query = format!(
                "SELECT pg_get_expr({column}, polrelid) FROM pg_policy WHERE polrelid = '{relation}'::regclass AND quote_ident(polname) = '{name}'"
            );
            mutants.push(Mutant {
                relation: relation.to_owned(),
                name: format!("{title} {clause} without {part}: {weaker}"),
                sql: format!("{alter} {clause} ({weaker})"),
                for_lints: false,
                command,
                part: part.to_owned(),
                text: Some((query, text.to_owned())),
            });
        }
    }
    mutants
}

/// A condition with each bracketed part taken as true, `can_write` ignored, members in place of administrators, and another type of access, one place at a time: what
/// the policy no longer asks, and what it says instead. Not all of it compiles; what does not is no mutant.
fn weaker(text: &str) -> Vec<(&str, String)> {
    const TYPES: [&str; 5] = ["'calorie'::text", "'checkin'::text", "'reports'::text", "'food_list'::text", "'organiser'::text"];
    const ADMINISTERED: &str = "auth.administered_households()";
    let mut places: Vec<(usize, usize, &str)> = Vec::new();
    let mut open = Vec::new();
    for (place, character) in text.char_indices() {
        match character {
            '(' => open.push(place),
            ')' => places.push((open.pop().unwrap(), place + 1, "true")),
            _ => {}
        }
    }
    if places.is_empty() && !text.is_empty() && text != "true" {
        places.push((0, text.len(), "true"));
    }
    places.extend(text.match_indices(ADMINISTERED).map(|(place, word)| (place, place + word.len(), "auth.households()")));
    places.extend(text.match_indices("family_access.can_write").map(|(place, word)| (place, place + word.len(), "true")));
    for (number, access_type) in TYPES.iter().enumerate() {
        let another = TYPES[(number + 1) % TYPES.len()];
        places.extend(text.match_indices(access_type).map(|(place, word)| (place, place + word.len(), another)));
    }
    places.into_iter().map(|(start, end, instead)| (&text[start..end], format!("{}{instead}{}", &text[..start], &text[end..]))).collect()
}
