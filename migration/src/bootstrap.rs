//! Makes the roles and the database, with an administrator's URL: what no migration may do.

use std::fmt;

use sea_orm::{DbErr, QueryResult, Value};

use crate::error::{Error, has_code};
use crate::password;
use crate::session::{Session, statement};

/// Roles belong to the whole server, so this lock is held in the database `postgres`.
const LOCK: i64 = i64::from_be_bytes(*b"haleboot");

const MAINTENANCE_DATABASE: &str = "postgres";

const EXTENSIONS: [&str; 2] = ["pg_trgm", "unaccent"];

/// What `hale doctor` and `hale maintain` look with, where the server has it and the administrator may make it: nothing needs them.
const TOOLS: [&str; 3] = ["amcheck", "pgstattuple", "pg_stat_statements"];

/// What hale_owner may look at beside its own: statistics, settings and sessions of the whole server.
const MONITOR: &str = "pg_monitor";

/// Roles that own the functions which read past one person's rows.
const FUNCTION_OWNERS: [&str; 3] = ["hale_auth", "hale_search", "hale_reports"];

/// Whose sessions a restore ends, which a member of the role may do.
const DISCONNECTED: &str = "hale_app";

/// A request that takes longer has gone wrong.
const APP_SETTINGS: [(&str, &str); 3] =
    [("statement_timeout", "5s"), ("lock_timeout", "2s"), ("idle_in_transaction_session_timeout", "15s")];

/// What [`bootstrap`] makes.
#[derive(Clone)]
pub struct Bootstrap {
    /// The database's name.
    pub database: String,
    /// The password of hale_owner; empty leaves it as it is.
    pub owner_password: String,
    /// The password of hale_app; empty leaves it as it is.
    pub app_password: String,
}

impl fmt::Debug for Bootstrap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Bootstrap").field("database", &self.database).finish_non_exhaustive()
    }
}

/// A role's name with its attributes, in the order of [`ATTRIBUTES`].
struct Role {
    name: &'static str,
    login: bool,
    bypass_rls: bool,
    create_database: bool,
    inherit: bool,
}

const ROLES: [Role; 5] = [
    Role { name: "hale_owner", login: true, bypass_rls: true, create_database: true, inherit: true },
    Role { name: "hale_app", login: true, bypass_rls: false, create_database: false, inherit: false },
    Role::function_owner(FUNCTION_OWNERS[0]),
    Role::function_owner(FUNCTION_OWNERS[1]),
    Role::function_owner(FUNCTION_OWNERS[2]),
];

impl Role {
    const fn function_owner(name: &'static str) -> Self {
        Self { name, login: false, bypass_rls: false, create_database: false, inherit: true }
    }

    /// Each attribute's column of pg_roles, its keyword, and whether the role has it.
    const fn attributes(&self) -> [(&'static str, &'static str, bool); 7] {
        [
            ("rolcanlogin", "LOGIN", self.login),
            ("rolbypassrls", "BYPASSRLS", self.bypass_rls),
            ("rolcreatedb", "CREATEDB", self.create_database),
            ("rolinherit", "INHERIT", self.inherit),
            ("rolsuper", "SUPERUSER", false),
            ("rolcreaterole", "CREATEROLE", false),
            ("rolreplication", "REPLICATION", false),
        ]
    }
}

/// Makes Hale's roles and its database, or what is missing of them. May run again, and in any
/// number of processes at once; what is right already is not written again.
pub async fn bootstrap(admin_url: &str, settings: &Bootstrap) -> Result<(), Error> {
    check_name(&settings.database)?;
    let server = Session::open(admin_url, Some(MAINTENANCE_DATABASE)).await?;
    let result = async {
        server.lock(LOCK).await?;
        make_roles(&server).await?;
        set_password(&server, "hale_owner", &settings.owner_password).await?;
        set_password(&server, "hale_app", &settings.app_password).await?;
        make_database(&server, &settings.database).await?;
        let database = Session::open(admin_url, Some(&settings.database)).await?;
        let result = prepare_database(&database, &settings.database).await;
        database.close().await;
        result
    }
    .await;
    server.close().await;
    result
}

/// PostgreSQL's own databases are not for Hale, and a longer name would be cut off in silence.
fn check_name(name: &str) -> Result<(), Error> {
    let own = [MAINTENANCE_DATABASE, "template0", "template1"];
    if name.is_empty() || name.len() > 63 || name.contains('\0') || own.contains(&name) {
        return Err(Error::BadDatabase(name.to_owned()));
    }
    Ok(())
}

async fn make_roles(server: &Session) -> Result<(), Error> {
    for role in &ROLES {
        let name = role.name;
        // Somebody who does not hold the lock may make the same role: that is as good.
        run(
            server,
            &format!("make the role {name}"),
            &format!(
                "DO $hale$ BEGIN
                    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{name}')
                    THEN CREATE ROLE {name}; END IF;
                EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $hale$"
            ),
        )
        .await?;
        let attributes = role.attributes();
        if !has_attributes(server, role).await? {
            let keywords: String =
                attributes.iter().map(|(_, keyword, value)| format!(" {}{keyword}", if *value { "" } else { "NO" })).collect();
            let sql = format!("ALTER ROLE {name}{keywords}");
            run(server, &format!("set the attributes of {name}"), &sql).await?;
        }
    }
    for (setting, value) in APP_SETTINGS {
        if !has_setting(server, setting, value).await? {
            let sql = format!("ALTER ROLE hale_app SET {setting} = '{value}'");
            run(server, &format!("set {setting} of hale_app"), &sql).await?;
        }
    }
    for role in FUNCTION_OWNERS.into_iter().chain([DISCONNECTED]) {
        make_member(server, role).await?;
    }
    // An administrator who is no superuser may not have it to give.
    if let Err(error) = make_member(server, MONITOR).await {
        tracing::warn!(%error, "hale doctor will see less");
    }
    Ok(())
}

async fn has_attributes(server: &Session, role: &Role) -> Result<bool, Error> {
    let attributes = role.attributes();
    let right = attributes.iter().map(|(column, _, value)| format!("{column} = {value}")).collect::<Vec<_>>().join(" AND ");
    exists(server, &format!("SELECT FROM pg_catalog.pg_roles WHERE rolname = $1 AND {right}"), [role.name.into()]).await
}

async fn has_setting(server: &Session, setting: &str, value: &str) -> Result<bool, Error> {
    exists(
        server,
        "SELECT FROM pg_catalog.pg_db_role_setting s
        JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
        WHERE r.rolname = 'hale_app' AND s.setdatabase = 0 AND $1 = ANY (s.setconfig)",
        [format!("{setting}={value}").into()],
    )
    .await
}

/// hale_owner must be a member of the roles that it hands functions over to, and inherit from them: without that, PostgreSQL 16
/// and newer answer its later GRANT and REVOKE on such a function with a warning and do nothing. As a member of hale_app it may end the
/// server's sessions, which a restore does. It bypasses row level security anyway.
async fn make_member(server: &Session, role: &str) -> Result<(), Error> {
    if is_member(server, role).await? {
        return Ok(());
    }
    let options = if has_grant_options(server).await? { " WITH INHERIT TRUE, SET TRUE" } else { "" };
    run(server, &format!("grant {role} to hale_owner"), &format!("GRANT {role} TO hale_owner{options}")).await
}

async fn is_member(server: &Session, role: &str) -> Result<bool, Error> {
    let options = if has_grant_options(server).await? { "AND m.set_option AND m.inherit_option" } else { "" };
    let sql = format!(
        "SELECT FROM pg_catalog.pg_auth_members m
        JOIN pg_catalog.pg_roles r ON r.oid = m.roleid JOIN pg_catalog.pg_roles o ON o.oid = m.member
        WHERE r.rolname = $1 AND o.rolname = 'hale_owner' {options}"
    );
    exists(server, &sql, [role.into()]).await
}

/// Whether memberships have options, which they do since PostgreSQL 16.
async fn has_grant_options(server: &Session) -> Result<bool, Error> {
    exists(server, "SELECT WHERE current_setting('server_version_num')::int >= 160000", []).await
}

async fn set_password(server: &Session, role: &str, password: &str) -> Result<(), Error> {
    if password.is_empty() {
        return Ok(());
    }
    let doing = format!("set the password of {role}");
    // Only a superuser may read what is stored; anybody else sets it again.
    let readable = "SELECT WHERE has_table_privilege('pg_catalog.pg_authid', 'SELECT')";
    if exists(server, readable, []).await? {
        let sql = "SELECT rolpassword AS stored FROM pg_catalog.pg_authid WHERE rolname = $1";
        let stored: Option<String> = first(server, sql, [role.into()], "stored").await?;
        if stored.is_some_and(|stored| password::matches(&stored, password)) {
            return Ok(());
        }
    }
    let sql = "SELECT uuid_send(gen_random_uuid()) AS salt";
    let salt: Vec<u8> = first(server, sql, [], "salt").await?;
    let secret = password::verifier(password, &salt).unwrap_or_else(|| password.to_owned());
    let sql = format!("ALTER ROLE {role} PASSWORD {}", literal(&secret));
    run(server, &doing, &sql).await
}

async fn make_database(server: &Session, name: &str) -> Result<(), Error> {
    let found = "SELECT FROM pg_catalog.pg_database WHERE datname = $1";
    if !exists(server, found, [name.into()]).await? {
        let sql = format!("CREATE DATABASE {} OWNER hale_owner ENCODING 'UTF8' TEMPLATE template0", identifier(name));
        match server.execute(&sql).await {
            Err(error) if !has_code(&error, "42P04") => {
                return Err(Error::doing(format!("make the database {name}"))(error));
            }
            _ => {}
        }
    }
    let sql = "SELECT pg_get_userbyid(datdba)::text AS owner FROM pg_database WHERE datname = $1";
    let owner: String = first(server, sql, [name.into()], "owner").await?;
    if owner != "hale_owner" {
        return Err(Error::ForeignDatabase { database: name.to_owned(), owner });
    }
    let sql = "SELECT pg_encoding_to_char(encoding)::text AS encoding
        FROM pg_database WHERE datname = $1";
    let encoding: String = first(server, sql, [name.into()], "encoding").await?;
    if encoding != "UTF8" {
        return Err(Error::Encoding { database: name.to_owned(), encoding });
    }
    Ok(())
}

/// Gives an empty database that hale_owner made, and whose URL this is, what [`bootstrap`] gives to one.
pub async fn prepare(owner_url: &str, database: &str) -> Result<(), Error> {
    let session = Session::open(owner_url, Some(database)).await?;
    let result = prepare_database(&session, database).await;
    session.close().await;
    result
}

async fn prepare_database(database: &Session, name: &str) -> Result<(), Error> {
    let name = identifier(name);
    let readers = FUNCTION_OWNERS.join(", ");
    run(
        database,
        "set the rights in the database",
        &format!(
            "ALTER SCHEMA public OWNER TO hale_owner;
            REVOKE CREATE ON SCHEMA public FROM PUBLIC;
            GRANT USAGE ON SCHEMA public TO hale_app, {readers};
            REVOKE CONNECT, TEMPORARY ON DATABASE {name} FROM PUBLIC;
            GRANT CONNECT ON DATABASE {name} TO hale_app;
            GRANT CREATE, CONNECT, TEMPORARY ON DATABASE {name} TO hale_owner;"
        ),
    )
    .await?;
    for extension in EXTENSIONS {
        let sql = "SELECT FROM pg_catalog.pg_extension WHERE extname = $1";
        if !exists(database, sql, [extension.into()]).await? {
            let sql = format!("CREATE EXTENSION IF NOT EXISTS {extension} WITH SCHEMA public");
            let doing = format!("make the extension {extension}, of PostgreSQL's contrib package");
            run(database, &doing, &sql).await?;
        }
    }
    make_tools(database).await
}

/// Makes what `hale doctor` looks with, or leaves it.
async fn make_tools(database: &Session) -> Result<(), Error> {
    for tool in TOOLS {
        let wanted = "SELECT FROM pg_catalog.pg_available_extensions WHERE name = $1 AND installed_version IS NULL
            AND (name <> 'pg_stat_statements' OR current_setting('shared_preload_libraries', true) ~ name)";
        if !exists(database, wanted, [tool.into()]).await? {
            continue;
        }
        let sql = format!("CREATE EXTENSION IF NOT EXISTS {tool} WITH SCHEMA public");
        if let Err(error) = run(database, &format!("make the extension {tool}"), &sql).await {
            tracing::warn!(%error, "hale doctor will see less");
        }
    }
    // Of amcheck nobody but its owner may run anything.
    let grant = "DO $hale$ DECLARE tool regprocedure; BEGIN
            FOR tool IN SELECT p.oid FROM pg_catalog.pg_proc p
                JOIN pg_catalog.pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
                JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND e.extname = 'amcheck'
                WHERE NOT has_function_privilege('hale_owner', p.oid, 'EXECUTE')
            LOOP EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO hale_owner', tool); END LOOP;
        END $hale$";
    if let Err(error) = run(database, "let hale_owner run amcheck", grant).await {
        tracing::warn!(%error, "hale doctor will see less");
    }
    Ok(())
}

/// What [`bootstrap`] makes and is not so in this database, for people; empty when all is. Changes nothing, and works as hale_owner.
pub async fn unmet(url: &str) -> Result<Vec<String>, Error> {
    let database = Session::open(url, None).await?;
    let found = find_unmet(&database).await;
    database.close().await;
    found
}

async fn find_unmet(database: &Session) -> Result<Vec<String>, Error> {
    let mut unmet = Vec::new();
    for role in &ROLES {
        let name = role.name;
        if !exists(database, "SELECT FROM pg_catalog.pg_roles WHERE rolname = $1", [name.into()]).await? {
            unmet.push(format!("there is no role {name}"));
        } else if !has_attributes(database, role).await? {
            let keywords = role.attributes().map(|(_, keyword, value)| format!("{}{keyword}", if value { "" } else { "NO" }));
            unmet.push(format!("the role {name} is not {}", keywords.join(" ")));
        }
    }
    for (setting, value) in APP_SETTINGS {
        if !has_setting(database, setting, value).await? {
            unmet.push(format!("{setting} of hale_app is not {value}"));
        }
    }
    for role in FUNCTION_OWNERS.into_iter().chain([MONITOR, DISCONNECTED]) {
        if !is_member(database, role).await? {
            unmet.push(format!("hale_owner is not a member of {role}"));
        }
    }
    for extension in EXTENSIONS {
        if !exists(database, "SELECT FROM pg_catalog.pg_extension WHERE extname = $1", [extension.into()]).await? {
            unmet.push(format!("there is no extension {extension}"));
        }
    }
    let open = "SELECT FROM pg_catalog.pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = 'public' AND a.grantee = 0 AND a.privilege_type = 'CREATE'";
    if exists(database, open, []).await? {
        unmet.push("everybody may make things in the schema public".to_owned());
    }
    Ok(unmet)
}

async fn run(session: &Session, doing: &str, sql: &str) -> Result<(), Error> {
    session.execute(sql).await.map_err(Error::doing(doing))
}

async fn exists(session: &Session, query: &str, values: impl IntoIterator<Item = Value>) -> Result<bool, Error> {
    let sql = format!("SELECT EXISTS ({query}) AS found");
    first(session, &sql, values, "found").await
}

async fn first<T: sea_orm::TryGetable>(
    session: &Session,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
    column: &str,
) -> Result<T, Error> {
    let rows = session.query(statement(sql, values)).await;
    rows.and_then(|rows| get(rows, column)).map_err(Error::doing("read PostgreSQL's catalogue"))
}

fn get<T: sea_orm::TryGetable>(rows: Vec<QueryResult>, column: &str) -> Result<T, DbErr> {
    let row = rows.first().ok_or_else(|| DbErr::RecordNotFound(format!("PostgreSQL answered without a row for {column}")))?;
    row.try_get("", column)
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// With backslashes as in `E''`, which no setting of the server changes.
fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("a'b\\'c"), "E'a''b\\\\''c'");
    }

    #[test]
    fn a_password_is_not_printed() {
        let settings = Bootstrap { database: "hale".to_owned(), owner_password: "secret".to_owned(), app_password: "secret".to_owned() };
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    fn postgresqls_own_databases_are_refused() {
        assert!(check_name("postgres").is_err());
        assert!(check_name(&"a".repeat(64)).is_err());
        assert!(check_name("hale").is_ok());
    }
}
