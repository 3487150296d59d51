//! What a request costs PostgreSQL, read from its log.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Person, TestApp, server_log};

/// Hears what the server sends to PostgreSQL, on the one connection that it has.
pub struct Listener<'a> {
    person: &'a Person<'a>,
    process: i32,
}

impl<'a> Listener<'a> {
    pub async fn new(app: &TestApp, person: &'a Person<'a>) -> Self {
        let mut admin = app.connect("postgres").await;
        let mut run = async |sql| sqlx::raw_sql(sql).execute(&mut admin).await.unwrap();
        run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET log_statement = ''all''', current_database()); END $$").await;
        // Only a new connection takes notice.
        run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ '^hale(/|$)'",
        )
        .await;
        person.ask("{ viewer { id } }", json!({})).await;
        let process = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name ~ '^hale(/|$)'";
        let process = sqlx::query_as::<_, (i32,)>(process).fetch_one(&mut admin).await.unwrap().0;
        Self { person, process }
    }

    /// The answer, and the statements on the way to it, without what differs by nature: ids, times, names of prepared statements.
    pub async fn hear(&self, document: &str) -> (Value, Vec<String>) {
        let before = server_log().len();
        let answer = self.person.json(document, json!({})).await;
        // What ends a transaction may come after its answer. One more question has to wait for it.
        self.person.ask("{ viewer { id } }", json!({})).await;
        let log = server_log();
        let process = format!("[{}] ", self.process);
        let statements = log[before..].lines().filter_map(|line| line.split_once(&process)).map(|(_, said)| said);
        let statements: Vec<_> = statements.filter(|said| !said.starts_with("DETAIL")).map(without_values).collect();
        let begun = |statement: &String| statement.contains("BEGIN");
        let (first, last) = (statements.iter().position(begun).unwrap(), statements.iter().rposition(begun).unwrap());
        (answer, statements[first..last].to_vec())
    }
}

/// Ids and numbers as `?`.
fn without_values(statement: &str) -> String {
    let word = |word: &str| {
        let value = Uuid::parse_str(word.trim_matches('\'')).is_ok() || word.chars().any(|c| c.is_ascii_digit());
        if value { "?".to_owned() } else { word.to_owned() }
    };
    statement.split([' ', ',', '(', ')', ';']).map(word).collect::<Vec<_>>().join(" ")
}
