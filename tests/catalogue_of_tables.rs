//! What must hold for every table, policy and function, read from the database's own catalogue: a new one that forgets a rule
//! is named here. Each rule is shown to see what breaks it.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::harness::TestApp;

/// A rule: a query for what breaks it, and something that does, with how it must be named.
struct Rule {
    name: &'static str,
    offenders: &'static str,
    offence: &'static str,
    named: &'static str,
}

/// The start of every query: Hale's own tables, columns and functions.
const OURS: &str = "
    WITH tables AS (
      SELECT c.* FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
        AND c.relpersistence <> 't' AND c.oid <> to_regclass('public.migrations')),
    columns AS (
      SELECT a.*, t.relname, t.oid AS relation FROM pg_attribute a JOIN tables t ON t.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped),
    functions AS (
      SELECT p.* FROM pg_proc p WHERE p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')),
    bounds AS (
      SELECT c.conrelid, column_number, pg_get_constraintdef(c.oid) AS definition FROM pg_constraint c, unnest(c.conkey) column_number WHERE c.contype = 'c'),
    policies AS (
      SELECT p.*, p.polrelid::regclass || ': ' || p.polname AS title,
        concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) AS condition FROM pg_policy p)";

const RULES: &[Rule] = &[
    Rule {
        name: "row level security is enabled and forced",
        offenders: "SELECT relname::text FROM tables WHERE NOT (relrowsecurity AND relforcerowsecurity)",
        offence: "ALTER TABLE food_diary NO FORCE ROW LEVEL SECURITY",
        named: "food_diary",
    },
    Rule {
        name: "what hale_app may do is covered by a policy for it",
        offenders: "SELECT relname || ' ' || command FROM tables
            CROSS JOIN (VALUES ('SELECT', 'r'), ('INSERT', 'a'), ('UPDATE', 'w'), ('DELETE', 'd')) AS commands (command, kind)
            WHERE (has_table_privilege('hale_app', tables.oid, command) OR command <> 'DELETE' AND has_any_column_privilege('hale_app', tables.oid, command))
              AND NOT EXISTS (SELECT FROM policies WHERE polrelid = tables.oid AND polpermissive AND polcmd::text IN ('*', kind) AND 'hale_app'::regrole = ANY (polroles))",
        offence: "DROP POLICY own_update ON sessions",
        named: "sessions UPDATE",
    },
    Rule {
        name: "every policy names its role",
        offenders: "SELECT title FROM policies WHERE 0 = ANY (polroles)",
        offence: "CREATE POLICY everybody ON goals USING (user_id = (SELECT auth.uid()))",
        named: "goals: everybody",
    },
    Rule {
        name: "no policy shows everything, but for roles of functions and the catalogue of nutrients",
        offenders: "SELECT title FROM policies WHERE condition ~ '^[( ]*true[) ]*( |$)' AND 'hale_app'::regrole = ANY (polroles) AND polrelid <> 'nutrients'::regclass",
        offence: "CREATE POLICY everything ON goals TO hale_app USING (true)",
        named: "goals: everything",
    },
    Rule {
        name: "auth.uid() is read once per statement",
        offenders: r"SELECT title FROM policies WHERE replace(condition, '( SELECT auth.uid() AS uid)', '') LIKE '%auth.uid()%'",
        offence: "CREATE POLICY each_row ON goals TO hale_app USING (user_id = auth.uid())",
        named: "goals: each_row",
    },
    Rule {
        name: "no policy calls a function for each row",
        offenders: r"SELECT title FROM policies WHERE regexp_replace(condition, '\m(ARRAY|EXISTS|ANY) ?\(', '', 'g') ~ '\m[a-z_][a-z_0-9.]*\([^)]'",
        offence: "CREATE POLICY slow ON goals TO hale_app USING (EXISTS (SELECT FROM auth.calendar_of(user_id)))",
        named: "goals: slow",
    },
    Rule {
        name: "what a policy compares leads an index",
        offenders: "SELECT DISTINCT title || ' ' || attname FROM policies JOIN columns ON relation = polrelid
            WHERE attname IN ('user_id', 'owner_id', 'grantor_user_id', 'grantee_user_id', 'household_id') AND condition ~ ('\\m' || attname || ' = ')
              AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = relation AND i.indpred IS NULL AND i.indkey[0] = attnum)",
        offence: "DROP INDEX food_portions_owner_id_idx",
        named: "food_portions: own owner_id",
    },
    Rule {
        name: "foreign keys lead an index",
        offenders: "SELECT c.conrelid::regclass || ' ' || c.conname FROM pg_constraint c JOIN tables t ON t.oid = c.conrelid WHERE c.contype = 'f'
              AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL
                              AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)",
        offence: "DROP INDEX food_diary_created_by_idx",
        named: "food_diary food_diary_created_by_fkey",
    },
    Rule {
        name: "nobody's row goes because of somebody else's",
        offenders: "SELECT c.conrelid::regclass || ' ' || c.conname FROM pg_constraint c JOIN columns a ON a.relation = c.conrelid AND a.attnum = c.conkey[1]
            WHERE c.contype = 'f' AND cardinality(c.conkey) = 1 AND a.attname IN ('created_by', 'food_item_id', 'exercise_id')
              AND EXISTS (SELECT FROM columns own WHERE own.relation = c.conrelid AND own.attname = 'user_id') AND c.confdeltype <> 'n'",
        offence: "ALTER TABLE food_diary DROP CONSTRAINT food_diary_food_item_id_fkey,
            ADD CONSTRAINT food_diary_food_item_id_fkey FOREIGN KEY (food_item_id) REFERENCES food_items (id) ON DELETE CASCADE",
        named: "food_diary food_diary_food_item_id_fkey",
    },
    Rule {
        name: "rows of a person are told apart within that person's rows",
        offenders: "SELECT c.conrelid::regclass || ' ' || c.conname FROM pg_constraint c JOIN columns a ON a.relation = c.conrelid AND a.attname = 'user_id'
            WHERE c.contype IN ('p', 'u') AND NOT a.attnum = ANY (c.conkey) AND c.conname <> 'refresh_tokens_token_key'
              AND NOT EXISTS (SELECT FROM columns of WHERE of.relation = c.conrelid AND of.attname = 'household_id')",
        offence: "CREATE TABLE notes (id uuid CONSTRAINT notes_pkey PRIMARY KEY, user_id uuid)",
        named: "notes notes_pkey",
    },
    Rule {
        name: "rows of a household are told apart within that household's rows, and hang on rows of that household alone",
        offenders: "SELECT c.conrelid::regclass || ' ' || c.conname FROM pg_constraint c JOIN columns a ON a.relation = c.conrelid AND a.attname = 'household_id'
            WHERE (c.contype IN ('p', 'u') OR c.contype = 'f' AND EXISTS (SELECT FROM columns of WHERE of.relation = c.confrelid AND of.attname = 'household_id'))
              AND a.attnum <> c.conkey[1]
              -- A consent and its tokens are a person's, for a household; the hash of a secret is nobody's to choose.
              AND c.conrelid NOT IN ('oauth_consents'::regclass, 'oauth_tokens'::regclass) AND c.conname <> 'calendar_feeds_token_key'",
        offence: "CREATE TABLE chores (id uuid CONSTRAINT chores_pkey PRIMARY KEY, household_id uuid)",
        named: "chores chores_pkey",
    },
    Rule {
        name: "households are read once per statement",
        offenders: r"SELECT title FROM policies WHERE replace(replace(condition, '( SELECT auth.households() AS households)', ''),
            '( SELECT auth.administered_households() AS administered_households)', '') ~ 'auth\.[a-z_]*households'",
        offence: "CREATE POLICY each_row ON routines TO hale_app USING (household_id = ANY (auth.households()))",
        named: "routines: each_row",
    },
    Rule {
        name: "every table has created_at and updated_at",
        offenders: "SELECT relname || ' ' || wanted FROM tables CROSS JOIN (VALUES ('created_at'), ('updated_at')) AS wanted (wanted)
            WHERE NOT EXISTS (SELECT FROM columns a WHERE a.relation = tables.oid AND a.attname = wanted AND a.attnotnull AND a.atttypid = 'timestamptz'::regtype)",
        offence: "ALTER TABLE goals DROP COLUMN updated_at",
        named: "goals updated_at",
    },
    Rule {
        name: "a trigger keeps updated_at, and version where there is one",
        offenders: "SELECT relname::text FROM tables WHERE NOT EXISTS (SELECT FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
            WHERE g.tgrelid = tables.oid AND g.tgenabled = 'O' AND g.tgtype = 19 AND p.pronamespace = 'auth'::regnamespace
              AND p.proname = CASE WHEN EXISTS (SELECT FROM columns a WHERE a.relation = tables.oid AND a.attname = 'version') THEN 'touch_and_count' ELSE 'touch' END)",
        offence: "ALTER TABLE measurements DISABLE TRIGGER touch",
        named: "measurements",
    },
    Rule {
        name: "whoever follows a person is told when rows come, change and go",
        // The log of who read what, and answers that are kept, are no data of theirs; what belongs to a household is not followed by person.
        // Samples come by the thousand: the row of their source changes with them.
        offenders: "SELECT relname::text FROM tables WHERE relname NOT IN ('access_log', 'idempotency_keys', 'sync_mutations', 'device_samples') AND has_any_column_privilege('hale_app', tables.oid, 'INSERT')
            AND EXISTS (SELECT FROM columns a WHERE a.relation = tables.oid AND a.attname IN ('user_id', 'owner_id', 'grantor_user_id'))
            AND NOT EXISTS (SELECT FROM columns a WHERE a.relation = tables.oid AND a.attname = 'household_id')
            AND (SELECT bit_or(g.tgtype) & 28 FROM pg_trigger g WHERE g.tgrelid = tables.oid AND g.tgenabled = 'O' AND g.tgfoid = 'auth.note_change'::regproc) IS DISTINCT FROM 28",
        offence: "DROP TRIGGER gone ON food_portions",
        named: "food_portions",
    },
    Rule {
        name: "whoever follows a household is told when rows come, change and go",
        // Of these members see nothing, or what only says how a calendar stands; what is noted for a plan or written down about it changes with it.
        offenders: "SELECT relname::text FROM tables WHERE relname NOT IN ('household_invitations', 'oauth_consents', 'oauth_tokens', 'calendar_settings', 'calendar_events',
              'calendar_feeds', 'notification_channels', 'plan_causes', 'assignment_changes', 'routine_reminders', 'reminder_mails')
            AND has_any_column_privilege('hale_app', tables.oid, 'UPDATE') AND EXISTS (SELECT FROM columns a WHERE a.relation = tables.oid AND a.attname = 'household_id')
            AND (SELECT bit_or(g.tgtype) & 28 FROM pg_trigger g WHERE g.tgrelid = tables.oid AND g.tgenabled = 'O' AND g.tgfoid = 'auth.note_household_change'::regproc) IS DISTINCT FROM 28",
        offence: "DROP TRIGGER gone ON swap_requests",
        named: "swap_requests",
    },
    Rule {
        name: "numbers and dates are bounded on both sides",
        offenders: "SELECT relname || '.' || attname FROM columns a WHERE atttypid IN ('numeric'::regtype, 'date'::regtype, 'float4'::regtype, 'float8'::regtype)
            AND NOT EXISTS (SELECT FROM bounds b WHERE b.conrelid = a.relation AND b.column_number = a.attnum
              AND definition ~ (attname || ' >= ') AND definition ~ (attname || ' <= '))",
        offence: "ALTER TABLE food_diary DROP CONSTRAINT food_diary_quantity_check",
        named: "food_diary.quantity",
    },
    Rule {
        name: "instants that people give are bounded on both sides",
        offenders: "SELECT relname || '.' || attname FROM columns a WHERE atttypid = 'timestamptz'::regtype AND attname NOT IN ('deleted_at', 'revoked_at')
            AND (has_column_privilege('hale_app', a.relation, a.attnum, 'INSERT') OR has_column_privilege('hale_app', a.relation, a.attnum, 'UPDATE'))
            AND NOT EXISTS (SELECT FROM bounds b WHERE b.conrelid = a.relation AND b.column_number = a.attnum
              AND definition ~ (attname || ' >= ') AND definition ~ (attname || ' <= '))",
        offence: "ALTER TABLE measurements DROP CONSTRAINT measurements_measured_at_check",
        named: "measurements.measured_at",
    },
    Rule {
        name: "text that people give is bounded",
        offenders: "SELECT relname || '.' || attname FROM columns a WHERE atttypid IN ('text'::regtype, 'text[]'::regtype, 'jsonb'::regtype, 'bytea'::regtype)
            AND (has_column_privilege('hale_app', a.relation, a.attnum, 'INSERT') OR has_column_privilege('hale_app', a.relation, a.attnum, 'UPDATE'))
            AND NOT EXISTS (SELECT FROM bounds b WHERE b.conrelid = a.relation AND b.column_number = a.attnum)",
        offence: "ALTER TABLE exercise_diary DROP CONSTRAINT exercise_diary_notes_check",
        named: "exercise_diary.notes",
    },
    Rule {
        name: "numbers are exact",
        offenders: "SELECT relname || '.' || attname FROM columns WHERE atttypid IN ('float4'::regtype, 'float8'::regtype, 'money'::regtype)",
        offence: "ALTER TABLE measurements ADD COLUMN guess float8 CHECK (guess BETWEEN 0 AND 1)",
        named: "measurements.guess",
    },
    Rule {
        name: "instants have a zone",
        offenders: "SELECT relname || '.' || attname FROM columns WHERE atttypid IN ('timestamp'::regtype, 'timetz'::regtype)",
        offence: "ALTER TABLE measurements ADD COLUMN local timestamp",
        named: "measurements.local",
    },
    Rule {
        name: "constraints have names of their own, since errors are mapped from them",
        offenders: r"SELECT conrelid::regclass || ' ' || conname FROM pg_constraint JOIN tables ON tables.oid = conrelid
            WHERE contype IN ('c', 'u', 'p', 'f') AND (conname !~ ('^' || relname || '_') OR conname ~ '_(check|key|fkey)[0-9]+$')",
        offence: "ALTER TABLE goals ADD CHECK (version > 0), ADD CHECK (version > -1)",
        named: "goals goals_version_check1",
    },
    Rule {
        name: "functions with their owner's rights have a fixed search_path",
        offenders: "SELECT oid::regprocedure::text FROM functions WHERE prosecdef
            AND NOT EXISTS (SELECT FROM unnest(proconfig) setting WHERE setting ~ '^search_path=pg_catalog, .*pg_temp$')",
        offence: "CREATE FUNCTION auth.loose() RETURNS void LANGUAGE sql SECURITY DEFINER AS ''",
        named: "auth.loose()",
    },
    Rule {
        name: "functions are not the public's",
        offenders: "SELECT f.oid::regprocedure::text FROM functions f, aclexplode(coalesce(proacl, acldefault('f', proowner))) granted WHERE granted.grantee = 0",
        offence: "GRANT EXECUTE ON FUNCTION auth.credentials(text) TO PUBLIC",
        named: "auth.credentials(text)",
    },
    Rule {
        name: "functions with their owner's rights belong to a role that cannot sign in, bypass anything or own tables",
        offenders: "SELECT f.oid::regprocedure::text FROM functions f JOIN pg_roles r ON r.oid = f.proowner WHERE prosecdef
            AND (rolcanlogin OR rolsuper OR rolbypassrls OR EXISTS (SELECT FROM tables WHERE relowner = r.oid))",
        offence: "ALTER FUNCTION search.foods(text, text, text[], text[], boolean, uuid[], uuid[], integer[], integer, numeric, uuid) OWNER TO hale_owner",
        named: "search.foods(text,text,text[],text[],boolean,uuid[],uuid[],integer[],integer,numeric,uuid)",
    },
    Rule {
        name: "triggers have no rights but the writer's",
        offenders: "SELECT g.tgrelid::regclass || ' ' || g.tgname FROM pg_trigger g JOIN functions f ON f.oid = g.tgfoid WHERE f.prosecdef",
        offence: "ALTER FUNCTION auth.touch() SECURITY DEFINER",
        named: "rate_limits touch",
    },
    Rule {
        name: "no function claims to leak nothing",
        offenders: "SELECT oid::regprocedure::text FROM functions WHERE proleakproof",
        offence: "ALTER FUNCTION search.fold(text) LEAKPROOF",
        named: "search.fold(text)",
    },
    Rule {
        name: "hale_app owns nothing",
        offenders: "SELECT pg_describe_object(classid, objid, objsubid) FROM pg_shdepend JOIN pg_database d ON d.oid = dbid
            WHERE d.datname = current_database() AND refobjid = 'hale_app'::regrole AND deptype = 'o'",
        offence: "CREATE TABLE mine (id uuid); ALTER TABLE mine OWNER TO hale_app",
        named: "table mine",
    },
    Rule {
        name: "hale_app can read and change rows and nothing else",
        offenders: "SELECT relname || ' ' || privilege FROM tables CROSS JOIN (VALUES ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) AS p (privilege)
            WHERE has_table_privilege('hale_app', tables.oid, privilege) OR privilege = 'REFERENCES' AND has_any_column_privilege('hale_app', tables.oid, privilege)",
        offence: "GRANT TRUNCATE ON food_diary TO hale_app",
        named: "food_diary TRUNCATE",
    },
    Rule {
        name: "nobody but the owners of functions makes anything",
        offenders: "SELECT nspname || ' ' || rolname FROM pg_namespace CROSS JOIN pg_roles WHERE rolname IN ('hale_app', 'hale_auth', 'hale_search', 'hale_reports')
            AND nspname !~ '^pg_' AND nspname <> 'information_schema' AND has_schema_privilege(rolname, pg_namespace.oid, 'CREATE') AND rolname <> 'hale_' || nspname
            UNION ALL SELECT 'database ' || rolname FROM pg_roles WHERE rolname IN ('hale_app', 'hale_auth', 'hale_search', 'hale_reports')
            AND (has_database_privilege(rolname, current_database(), 'CREATE') OR has_database_privilege(rolname, current_database(), 'TEMPORARY'))",
        offence: "GRANT CREATE ON SCHEMA public TO hale_app",
        named: "public hale_app",
    },
    Rule {
        name: "whose row it is never changes, nor who made it",
        offenders: "SELECT relname || '.' || attname FROM columns WHERE attname IN ('user_id', 'id', 'owner_id', 'household_id', 'created_by', 'created_at', 'updated_at', 'version',
            'grantor_user_id', 'grantee_user_id', 'grantee_email', 'access_type', 'can_write', 'expires_at') AND has_column_privilege('hale_app', relation, attnum, 'UPDATE')
            -- Clients of noots may count versions themselves; the trigger sees to it that they never go back.
            AND (relname, attname) <> ('noots', 'version')",
        offence: "GRANT UPDATE ON goals TO hale_app",
        named: "goals.user_id",
    },
    Rule {
        name: "who made a row is not for its writer to say",
        offenders: "SELECT relname || '.' || attname FROM columns WHERE attname IN ('created_by', 'created_at', 'updated_at', 'version')
            AND has_column_privilege('hale_app', relation, attnum, 'INSERT') AND (relname, attname) <> ('noots', 'version')",
        offence: "GRANT INSERT ON goals TO hale_app",
        named: "goals.created_by",
    },
    Rule {
        name: "hale_app cannot read secrets",
        offenders: "SELECT relname || '.' || attname FROM columns WHERE (relname, attname) IN (('users', 'password_hash'), ('refresh_tokens', 'token'), ('rate_limits', 'bucket'),
            ('calendar_feeds', 'token'), ('notification_channels', 'token'),
            ('account_mails', 'secret'), ('second_factors', 'secret'), ('recovery_codes', 'code'))
            AND has_column_privilege('hale_app', relation, attnum, 'SELECT')",
        offence: "GRANT SELECT ON users TO hale_app",
        named: "users.password_hash",
    },
    Rule {
        name: "only the owner and Hale's roles have any right",
        offenders: "SELECT relname || ' ' || coalesce(grantee::regrole::text, 'PUBLIC') FROM tables, aclexplode(relacl)
            WHERE grantee::regrole::text NOT IN ('hale_owner', 'hale_app', 'hale_auth', 'hale_search', 'hale_reports')",
        offence: "GRANT SELECT ON food_diary TO PUBLIC",
        named: "food_diary -",
    },
    Rule {
        name: "nothing is granted on what is still to be made",
        offenders: "SELECT defaclobjtype::text || ' ' || grantee::regrole FROM pg_default_acl, aclexplode(defaclacl) WHERE grantee <> defaclrole",
        offence: "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO hale_app",
        named: "r hale_app",
    },
    Rule {
        name: "no index is invalid",
        offenders: "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid",
        offence: "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'goals_open_key'::regclass",
        named: "goals_open_key",
    },
    Rule {
        name: "views have the rights of whoever asks, and none is kept",
        offenders: "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
            AND (relkind = 'm' OR NOT coalesce(reloptions, '{}') && ARRAY['security_invoker=true', 'security_invoker=on'])",
        offence: "CREATE VIEW everything AS SELECT * FROM food_diary",
        named: "everything",
    },
    Rule {
        name: "no counter tells how many rows others have",
        offenders: "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'S' AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)",
        offence: "CREATE SEQUENCE numbers",
        named: "numbers",
    },
];

async fn offenders(connection: &mut PgConnection, rule: &Rule) -> Vec<String> {
    let sql = format!("{OURS} {} ORDER BY 1", rule.offenders);
    let rows: Vec<(String,)> =
        sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await.unwrap_or_else(|error| panic!("{}: {error}", rule.name));
    rows.into_iter().map(|(name,)| name).collect()
}

#[tokio::test]
async fn every_table_policy_and_function_keeps_the_rules() {
    let app = TestApp::new().await;
    let mut admin = app.connect("postgres").await;
    let mut broken = Vec::new();
    for rule in RULES {
        let names = offenders(&mut admin, rule).await;
        if !names.is_empty() {
            broken.push(format!("{}: {}", rule.name, names.join(", ")));
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[tokio::test]
async fn every_rule_names_what_breaks_it() {
    let app = TestApp::new().await;
    let mut admin = app.connect("postgres").await;
    for rule in RULES {
        let mut tx = admin.begin().await.unwrap();
        tx.execute("SET LOCAL ROLE hale_owner").await.unwrap();
        if rule.offence.starts_with("UPDATE pg_") || rule.offence.contains("OWNER TO hale_app") || rule.offence.contains("LEAKPROOF") {
            tx.execute("SET LOCAL ROLE postgres").await.unwrap();
        }
        tx.execute(rule.offence).await.unwrap_or_else(|error| panic!("{}: {error}", rule.offence));
        tx.execute("SET LOCAL ROLE postgres").await.unwrap();
        let names = offenders(&mut tx, rule).await;
        assert!(names.iter().any(|name| name == rule.named), "{} does not see {}: {names:?}", rule.name, rule.offence);
        tx.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn the_tables_that_the_product_grew_from_are_there() {
    const SEEDS: [&str; 14] = [
        "assignments",
        "chat_history",
        "exercise_diary",
        "exercises",
        "family_access",
        "food_diary",
        "food_items",
        "goals",
        "meal_plan_templates",
        "measurements",
        "migrations",
        "nutrition_data",
        "user_preferences",
        "users",
    ];
    let app = TestApp::new().await;
    let tables: Vec<String> =
        app.value("SELECT array_agg(relname::text) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace").await;
    let missing: Vec<_> = SEEDS.iter().filter(|seed| !tables.iter().any(|table| table == *seed)).collect();
    assert!(missing.is_empty(), "{missing:?} are missing");
}

#[tokio::test]
async fn the_doors_open_for_hale_app_alone_and_the_server_has_no_other() {
    let app = TestApp::new().await;
    let doors: Vec<String> = app
        .value("SELECT array_agg(p.oid::regprocedure::text ORDER BY p.oid::regprocedure::text COLLATE \"C\") FROM pg_proc p WHERE prosecdef AND has_function_privilege('hale_app', p.oid, 'EXECUTE')")
        .await;
    let mut expected = [
        "auth.add_catalogue_food(jsonb)",
        "auth.account_of_secret(text,text,timestamp with time zone)",
        "auth.administered_households()",
        "auth.change_password(text,text,uuid,timestamp with time zone)",
        "auth.collect_accounts(timestamp with time zone,integer)",
        "auth.begin_second_factor(text)",
        "auth.confirm_second_factor(text,bigint,timestamp with time zone)",
        "auth.note_failed_sign_in(uuid,text,text,text,timestamp with time zone)",
        "auth.note_security_event(uuid,uuid,text,uuid,text,text,timestamp with time zone)",
        "auth.own_second_factor()",
        "auth.remove_second_factor()",
        "auth.replace_recovery_codes(text[])",
        "auth.second_factor_of(uuid)",
        "auth.take_code(uuid,bigint)",
        "auth.take_recovery_code(uuid,text,timestamp with time zone)",
        "auth.notify_account(uuid,uuid,text,text,timestamp with time zone)",
        "auth.prepare_account_mail(uuid,uuid,text,timestamp with time zone)",
        "auth.request_account_mail(uuid,text,text,uuid,timestamp with time zone)",
        "auth.reset_password(text,text,timestamp with time zone)",
        "auth.sign_in_by_link(text,timestamp with time zone)",
        "auth.verify_email(text,timestamp with time zone)",
        "auth.calendar_of(uuid)",
        "auth.change_numbers(uuid[],uuid[])",
        "auth.count_change(uuid,text[])",
        "auth.count_jobs(timestamp with time zone)",
        "auth.count_household_change(uuid,uuid)",
        "auth.collect_sync(timestamp with time zone,integer)",
        "auth.log_change(text,uuid,uuid)",
        "auth.sync_epoch()",
        "auth.last_backup()",
        "auth.tombstone_floor(uuid)",
        "auth.claim_job(uuid,timestamp with time zone,timestamp with time zone)",
        "auth.clean_up(timestamp with time zone,integer)",
        "auth.credentials(text)",
        "auth.enqueue(uuid,text,text,timestamp with time zone,interval,boolean)",
        "auth.enter(uuid,uuid,timestamp with time zone)",
        "auth.enter_channel(uuid,text,timestamp with time zone)",
        "auth.enter_consent(text,timestamp with time zone)",
        "auth.enter_feed(text,timestamp with time zone)",
        "auth.enter_job(uuid,uuid)",
        "auth.refresh_calendar(uuid)",
        "auth.refresh_reminders(uuid)",
        "auth.schedule_plans(timestamp with time zone)",
        "auth.extend_job(uuid,uuid,timestamp with time zone)",
        "auth.fail_job(uuid,uuid,timestamp with time zone,timestamp with time zone,text)",
        "auth.finish_job(uuid,uuid,timestamp with time zone,timestamp with time zone,boolean)",
        "auth.found_household(uuid,text,uuid,text,bytea)",
        "auth.households()",
        "auth.join_household(uuid)",
        "auth.open_session(uuid,uuid,text,timestamp with time zone,text,timestamp with time zone,text,text,timestamp with time zone)",
        "auth.readers()",
        "auth.refill(text)",
        "auth.relatives()",
        "auth.rotate(text,text,timestamp with time zone,timestamp with time zone,interval)",
        "auth.schedule(uuid,text,interval,timestamp with time zone)",
        "auth.settle(text[],bigint[],timestamp with time zone,timestamp with time zone)",
        "auth.sign_up(uuid,text,text,text,text)",
        "auth.take(text,integer,interval,timestamp with time zone)",
        "auth.activity_track(uuid,uuid)",
        "reports.nutrition_days(uuid,date,date)",
        "reports.nutrition_targets(uuid,date,date)",
        "search.exercises(text,text,text,text,text,boolean,uuid[],integer[],integer,numeric,uuid)",
        "search.foods(text,text,text[],text[],boolean,uuid[],uuid[],integer[],integer,numeric,uuid)",
    ];
    expected.sort_unstable();
    assert_eq!(doors, expected, "a new door is a decision: add it here");
}
