//! A database with people in it, and what happens when somebody tries something.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row as _, postgres::PgRow, raw_sql, types::Uuid};

use super::{
    access::Cell,
    people::{NOBODY, PEOPLE, Principal, grants, memberships, person},
    statements::insert,
    tables::{TABLES, Table, Values},
};
use crate::harness::TestApp;

/// One row, as the owner of the schema sees it.
struct Row {
    owner: Option<Uuid>,
    other_party: Option<Uuid>,
    facet: Option<String>,
}

/// A row that a statement showed or changed.
pub struct Touched {
    relation: String,
    key: String,
    /// Whose it is, where that was looked up.
    owner: Option<Uuid>,
}

/// A query of the rows of these tables as they are now.
fn rows_of(which: impl Fn(&Table) -> bool) -> String {
    let row = |table: &Table| {
        format!(
            "SELECT '{0}' AS relation, {1}::text AS key, {2} AS owner, md5(t::text) AS hash FROM {0} t",
            table.name, table.key, table.owner
        )
    };
    TABLES.iter().filter(|table| !table.view && which(table)).map(row).collect::<Vec<_>>().join(" UNION ALL ")
}

/// Everybody's rows, and a superuser's connection inside a transaction that is never committed. It acts as hale_app by SET ROLE,
/// so that rows can be compared as the owner sees them, and everything can be undone, in one transaction.
pub struct World {
    pub app: TestApp,
    pub connection: PgConnection,
    rows: BTreeMap<String, BTreeMap<String, Row>>,
    /// Every row there is now; the table `before` holds every row there was.
    now: String,
    /// How much this session wrote to each table.
    counts: BTreeMap<String, i64>,
    /// As hale_app itself: COPY cannot share a batch with other statements.
    copies: Option<PgConnection>,
}

impl World {
    pub async fn new() -> Self {
        let app = TestApp::new().await;
        let mut connection = app.connect("postgres").await;
        run(
            &mut connection,
            "DELETE FROM food_items; DELETE FROM food_words; DELETE FROM exercises; DELETE FROM nutrients WHERE code > 'C'",
        )
        .await;
        // What is written to the feed has clocks of the time that it is in the app.
        run(&mut connection, "SET app.now = '2026-03-10T11:00:00Z'").await;
        for sql in seeds(&mut connection).await {
            run(&mut connection, &sql).await;
        }
        run(&mut connection, "RESET app.now").await;
        let now = rows_of(|_| true);
        run(&mut connection, &format!("CREATE TEMPORARY TABLE before AS {now}")).await;
        let mut world = Self { app, connection, rows: BTreeMap::new(), now, counts: BTreeMap::new(), copies: None };
        world.read_rows().await;
        world.run("BEGIN").await;
        world
    }

    async fn read_rows(&mut self) {
        for table in TABLES {
            let sql = format!(
                "SELECT {}::text, {}::text, ({})::text, ({})::text FROM {}",
                table.key, table.owner, table.other_party, table.facet, table.name
            );
            let id = |row: &PgRow, column| row.get::<Option<String>, usize>(column).map(|id| id.parse().unwrap());
            let rows = raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection).await.unwrap();
            let rows = rows.iter().map(|row| (row.get(0), Row { owner: id(row, 1), other_party: id(row, 2), facet: row.get(3) }));
            self.rows.insert(table.name.to_owned(), rows.collect());
        }
    }

    /// Runs what must succeed, as superuser.
    pub async fn run(&mut self, sql: &str) {
        run(&mut self.connection, sql).await;
    }

    /// Undoes everything since the people were made. A transaction of its own for each experiment: what a long one leaves dead in
    /// PostgreSQL's own tables makes it slower and slower.
    pub async fn undo(&mut self) {
        self.run("ROLLBACK; BEGIN").await;
    }

    /// Runs what may fail, as superuser.
    pub async fn try_run(&mut self, sql: &str) -> bool {
        self.connection.execute(AssertSqlSafe(sql)).await.is_ok()
    }

    /// The first columns of a query of the superuser.
    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        let rows = raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Rows that are no longer there: the table, the key and the owner.
    pub async fn vanished(&mut self) -> Vec<String> {
        let sql = format!(
            "SELECT relation || ' ' || key || ' ' || coalesce(owner::text, '') FROM before
             WHERE NOT EXISTS (SELECT FROM ({}) now WHERE now.relation = before.relation AND now.key = before.key)",
            self.now
        );
        self.texts(&sql).await
    }

    /// Which cells do not come out as expected; only the first where one suffices.
    pub async fn mismatches<'a>(&mut self, cells: impl IntoIterator<Item = &'a Cell>, one_suffices: bool) -> Vec<String> {
        let mut mismatches = Vec::new();
        for cell in cells {
            let outcome = self.outcome(cell).await;
            if outcome != cell.expected {
                mismatches.push(format!(
                    "{} · {} · {}{}: {outcome}, not {}",
                    cell.relation,
                    cell.principal.name,
                    cell.operation,
                    cell.layer.suffix(),
                    cell.expected
                ));
                if one_suffices {
                    break;
                }
            }
        }
        mismatches
    }

    /// What happens: whose rows it shows or changes, "refused" by a policy, "denied" for want of a privilege, or the SQLSTATE.
    async fn outcome(&mut self, cell: &Cell) -> String {
        if cell.sql.starts_with("COPY") {
            return self.copy(cell).await.unwrap_or_else(|error| failure(&error));
        }
        let enter = cell.principal.enter();
        let role = cell.operation.strip_prefix("select as ").map_or_else(String::new, |role| format!("SET LOCAL ROLE {role};"));
        let batch = format!("SAVEPOINT cell; SET LOCAL ROLE hale_app; {enter}; {role} {}", cell.sql);
        let answer = raw_sql(AssertSqlSafe(batch)).fetch_all(&mut self.connection).await;
        let outcome = match answer {
            Err(error) => failure(&error),
            // The first row is what entering answered.
            Ok(rows) if cell.shows => self.describe(&cell.principal, cell.relation, rows[1..].iter().map(|row| touched(cell, row.get(0)))),
            Ok(_) => {
                let changed = self.changed_since().await;
                self.describe(&cell.principal, cell.relation, changed.into_iter())
            }
        };
        self.run("ROLLBACK TO SAVEPOINT cell; RELEASE SAVEPOINT cell").await;
        outcome
    }

    /// Every row that came, went or is another since the people were made, when nothing is left of what was changed before this was asked
    /// last: only tables that were written to are compared, which PostgreSQL counts for each session, what is rolled back included.
    async fn changed_since(&mut self) -> Vec<Touched> {
        let counts = "RESET ROLE; SELECT relname::text, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables
            WHERE schemaname = 'public' AND n_tup_ins + n_tup_upd + n_tup_del > 0";
        let counts = raw_sql(counts).fetch_all(&mut self.connection).await.unwrap();
        let counts: BTreeMap<String, i64> = counts.iter().map(|row| (row.get(0), row.get(1))).collect();
        let written: Vec<_> =
            counts.iter().filter(|(name, count)| self.counts.get(*name) != Some(*count)).map(|(name, _)| name.clone()).collect();
        self.counts = counts;
        self.changed_in(&written).await
    }

    async fn changed_in(&mut self, tables: &[String]) -> Vec<Touched> {
        if tables.is_empty() {
            return Vec::new();
        }
        let sql = format!(
            "RESET ROLE; WITH now AS MATERIALIZED ({}), before AS MATERIALIZED (SELECT * FROM before WHERE relation IN ('{}'))
             SELECT relation, key, owner::text FROM (TABLE now EXCEPT TABLE before) come
             UNION SELECT relation, key, owner::text FROM (TABLE before EXCEPT TABLE now) gone",
            rows_of(|table| tables.iter().any(|name| name == table.name)),
            tables.join("', '")
        );
        let rows = raw_sql(AssertSqlSafe(sql)).fetch_all(&mut self.connection).await.unwrap();
        let owner = |row: &PgRow| row.get::<Option<String>, _>(2).map(|id| id.parse().unwrap());
        rows.iter().map(|row| Touched { relation: row.get(0), key: row.get(1), owner: owner(row) }).collect()
    }

    /// Keeps every row as it is, for [`World::changed_by`] to bring back, and from now on notes which tables are written to.
    pub async fn keep(&mut self) {
        let tables = || TABLES.iter().filter(|table| !table.view).map(|table| table.name);
        let copies: String = tables().map(|name| format!("CREATE TABLE kept.{name} AS TABLE {name};")).collect();
        let triggers = tables().map(|name| {
            format!("CREATE TRIGGER noted AFTER INSERT OR UPDATE OR DELETE ON {name} FOR EACH STATEMENT EXECUTE FUNCTION kept.note();")
        });
        let triggers: String = triggers.collect();
        self.run(&format!(
            "CREATE SCHEMA kept; {copies} CREATE TABLE kept.written (relation text);
             CREATE FUNCTION kept.note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
               $$ BEGIN INSERT INTO kept.written VALUES (TG_TABLE_NAME); RETURN NULL; END $$;
             -- As a replica: triggers and foreign keys have had their say.
             CREATE FUNCTION kept.bring_back(relation text, key text, keys text[]) RETURNS void
             LANGUAGE plpgsql SET session_replication_role = replica AS $$
             DECLARE
               columns text := (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
                                WHERE attrelid = relation::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
             BEGIN
               EXECUTE format('DELETE FROM %I WHERE (%s)::text = ANY ($1)', relation, key) USING keys;
               EXECUTE format('INSERT INTO %1$I (%2$s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM kept.%1$I WHERE (%3$s)::text = ANY ($1)',
                              relation, columns, key) USING keys;
             END $$;
             {triggers}"
        ))
        .await;
    }

    /// Whose rows changed since the last time; now they are again what they were. Buckets of rate limits, counts of changes, what
    /// the feed says of other rows, the log of who read what, and that of what happened to accounts, are no rows that somebody asked to change.
    pub async fn changed_by(&mut self, principal: &Principal) -> String {
        let changed = self.undo_changes().await;
        let relations: BTreeSet<_> = changed.iter().map(|row| row.relation.clone()).collect();
        let mut words = BTreeSet::new();
        let follows = [
            "rate_limits",
            "change_counts",
            "household_change_counts",
            "access_log",
            "security_events",
            "sync_spaces",
            "sync_rows",
            "sync_changes",
        ];
        for relation in relations.iter().filter(|relation| !follows.contains(&relation.as_str())) {
            let rows = changed.iter().filter(|row| row.relation == *relation);
            let rows = rows.map(|row| Touched { relation: row.relation.clone(), key: row.key.clone(), owner: row.owner });
            words.extend(self.describe(principal, relation, rows).split(' ').map(str::to_owned));
        }
        if words.is_empty() { "none".to_owned() } else { words.into_iter().collect::<Vec<_>>().join(" ") }
    }

    /// Makes everything what it was, and answers what was not.
    pub async fn undo_changes(&mut self) -> Vec<Touched> {
        let written = "WITH noted AS (DELETE FROM kept.written RETURNING relation) SELECT DISTINCT relation FROM noted";
        let written = self.texts(written).await;
        let changed = self.changed_in(&written).await;
        let bring_back = |table: &Table| {
            let keys: Vec<_> = changed.iter().filter(|row| row.relation == table.name).map(|row| row.key.replace('\'', "''")).collect();
            let key = table.key.replace('\'', "''");
            (!keys.is_empty()).then(|| format!("SELECT kept.bring_back('{}', '{key}', ARRAY['{}']);", table.name, keys.join("', '")))
        };
        let bring_back: String = TABLES.iter().filter_map(bring_back).collect();
        self.run(&bring_back).await;
        changed
    }

    /// Whose rows these texts are ids of; a name or an address stands for the person.
    pub fn whose<'a>(&self, principal: &Principal, texts: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
        let mut texts: BTreeSet<String> = texts
            .map(|text| match text.trim_end_matches("@example.org") {
                name if PEOPLE.contains(&name) => person(name).to_string(),
                _ => text.to_owned(),
            })
            .collect();
        let mut words = BTreeSet::new();
        for (relation, rows) in &self.rows {
            // A child may be known by its parent's id; the parent comes first.
            let keys: Vec<_> = texts.iter().filter(|text| rows.contains_key(*text) && text.parse::<Uuid>().is_ok()).cloned().collect();
            texts.retain(|text| !keys.contains(text));
            let touched = keys.into_iter().map(|key| Touched { relation: relation.clone(), key, owner: None });
            let described = self.describe(principal, relation, touched);
            words.extend(described.split(' ').filter(|word| *word != "none").map(str::to_owned));
        }
        words
    }

    /// COPY, on a connection of hale_app's own. sqlx cannot use one further on which COPY TO failed.
    async fn copy(&mut self, cell: &Cell) -> sqlx::Result<String> {
        let mut connection = match self.copies.take() {
            Some(connection) => connection,
            None => {
                let mut connection = self.app.connect("hale_app").await;
                // It waits for its next cell inside a transaction, on a slow machine for long.
                connection.execute("SET idle_in_transaction_session_timeout = 0").await?;
                connection
            }
        };
        let begin = format!("ROLLBACK; BEGIN; {}", cell.principal.enter());
        connection.execute(AssertSqlSafe(begin)).await?;
        if cell.operation == "copy from" {
            let copied = match connection.copy_in_raw(&cell.sql).await {
                Ok(copy) => copy.finish().await.map(|rows| format!("copies in {rows}")),
                Err(error) => Err(error),
            };
            self.copies = Some(connection);
            return copied;
        }
        let chunks: Vec<_> = connection.copy_out_raw(&cell.sql).await?.try_collect().await?;
        self.copies = Some(connection);
        let text = String::from_utf8(chunks.concat()).unwrap();
        Ok(self.describe(&cell.principal, cell.relation, text.lines().map(|key| touched(cell, key.to_owned()))))
    }

    /// Whose rows these are, seen from a principal: all of them, or by facet which.
    fn describe(&self, principal: &Principal, relation: &str, touched: impl Iterator<Item = Touched>) -> String {
        let none = BTreeMap::new();
        let all = self.rows.get(relation).unwrap_or(&none);
        let mut keys = BTreeSet::new();
        let mut whole = BTreeSet::new();
        let mut elsewhere = BTreeSet::new();
        for Touched { relation: touched, key, owner } in touched {
            let row = self.rows.get(&touched).and_then(|rows| rows.get(&key));
            let group = match row {
                Some(row) if owner.is_none() || owner == row.owner => group(principal, row.owner, row.other_party),
                _ => group(principal, owner, None),
            };
            if touched != relation {
                elsewhere.insert((group, touched));
            } else if row.is_none_or(|row| owner.is_some() && owner != row.owner) {
                whole.insert(group);
            } else {
                keys.insert(key);
            }
        }
        if keys.len() == all.len() && keys.iter().any(|key| group_of(principal, &all[key]) == Group::Others) {
            return "everything".to_owned();
        }
        let groups: BTreeSet<_> = keys.iter().map(|key| group_of(principal, &all[key])).chain(whole.iter().copied()).collect();
        let mut words = Vec::new();
        for group in &groups {
            let members: Vec<_> = all.iter().filter(|(_, row)| group_of(principal, row) == *group).collect();
            let touched: Vec<_> = members.iter().filter(|(key, _)| keys.contains(*key)).collect();
            if whole.contains(group) || touched.len() == members.len() {
                words.push(group.word().to_owned());
            } else {
                let facets: BTreeSet<_> = touched.iter().map(|(_, row)| row.facet.as_deref().unwrap_or("part")).collect();
                words.extend(facets.into_iter().map(|facet| format!("{}.{facet}", group.word())));
            }
        }
        // What a change draws after it elsewhere is worth a word only where it reaches somebody else.
        let farther = elsewhere.into_iter().filter(|(group, _)| !groups.contains(group));
        words.extend(farther.map(|(group, relation)| format!("{} in {relation}", group.word())));
        if words.is_empty() { "none".to_owned() } else { words.join(" ") }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Mine,
    Received,
    Theirs,
    Between,
    Common,
    Others,
}

impl Group {
    fn word(self) -> &'static str {
        match self {
            Self::Mine => "mine",
            Self::Received => "received",
            Self::Theirs => "theirs",
            Self::Between => "between",
            Self::Common => "common",
            Self::Others => "others",
        }
    }
}

fn group_of(principal: &Principal, row: &Row) -> Group {
    group(principal, row.owner, row.other_party)
}

fn group(principal: &Principal, owner: Option<Uuid>, other_party: Option<Uuid>) -> Group {
    let Some(owner) = owner else { return Group::Common };
    if owner == person(principal.viewer()) {
        Group::Mine
    } else if other_party == Some(person(principal.viewer())) {
        Group::Received
    } else if owner == person(principal.target) {
        Group::Theirs
    } else if principal.between.is_some_and(|between| owner == person(between)) {
        Group::Between
    } else {
        Group::Others
    }
}

fn touched(cell: &Cell, key: String) -> Touched {
    Touched { relation: cell.relation.to_owned(), key, owner: None }
}

fn failure(error: &sqlx::Error) -> String {
    let error = error.as_database_error().unwrap_or_else(|| panic!("not an answer of PostgreSQL: {error}"));
    match error.code().as_deref() {
        Some("42501") if error.message().contains("row-level security policy") => "refused".to_owned(),
        Some("42501") => "denied".to_owned(),
        Some(code) => code.to_owned(),
        None => panic!("an error without a code: {error}"),
    }
}

async fn run(connection: &mut PgConnection, sql: &str) {
    connection.execute(AssertSqlSafe(sql)).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
}

/// One row of each person in each table, those of the catalogue, and the grants. What migrations filled stays as it is.
async fn seeds(connection: &mut PgConnection) -> Vec<String> {
    let mut seeds = Vec::new();
    for table in TABLES.iter().filter(|table| !table.view) {
        let filled = raw_sql(AssertSqlSafe(format!("SELECT 1 FROM {} LIMIT 1", table.name)));
        if !filled.fetch_all(&mut *connection).await.unwrap().is_empty() {
            continue;
        }
        let common = table.common.then_some(NOBODY);
        for owner in PEOPLE.iter().copied().chain(common) {
            let values = |n| Values { owner, holder: owner, n, m: 0, viewer: owner, target: owner };
            if owner != NOBODY {
                seeds.push(format!("SET app.user_id = '{}'", person(owner)));
            }
            seeds.push(insert(table, &values(0), table.reserved));
            for (n, overrides) in (1..).zip(table.more_rows) {
                seeds.push(insert(table, &values(n), overrides));
            }
        }
        if table.facet.contains("deleted_at") {
            let gone = Values { owner: NOBODY, holder: NOBODY, n: 1, m: 0, viewer: NOBODY, target: NOBODY };
            seeds.push(insert(table, &gone, &[("deleted_at", "now()")]));
        }
    }
    seeds.push("RESET app.user_id".to_owned());
    seeds.extend(grants());
    seeds.extend(memberships());
    seeds.push(
        "UPDATE users SET email_verified_at = NULL WHERE email IN ('unverified@example.org', 'household_unverified@example.org')"
            .to_owned(),
    );
    seeds.push(format!("DELETE FROM users WHERE id = '{}'", person("deleted")));
    seeds
}
