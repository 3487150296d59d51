//! Migrations against a real server: up and down and up again, several at once, and what is refused.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::harness::{database_url, empty_database};

/// Everything that a migration can make, one line each, in an order that does not depend on how it was made.
const FINGERPRINT: &str = "
    WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
    relations AS (SELECT c.* FROM pg_class c WHERE c.relnamespace IN (SELECT oid FROM ours) AND c.relname !~ '^migrations'),
    rights AS (
      SELECT 'schema ' || nspname AS what, a.* FROM pg_namespace n, aclexplode(nspacl) a WHERE n.oid IN (SELECT oid FROM ours)
      UNION ALL SELECT 'relation ' || c.oid::regclass, a.* FROM relations c, aclexplode(relacl) a
      UNION ALL SELECT 'column ' || c.oid::regclass || '.' || attname, x.* FROM relations c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(attacl) x
      UNION ALL SELECT 'function ' || p.oid::regprocedure, a.* FROM pg_proc p, aclexplode(proacl) a WHERE p.pronamespace IN (SELECT oid FROM ours)
      UNION ALL SELECT 'default ' || defaclobjtype::text, a.* FROM pg_default_acl, aclexplode(defaclacl) a)
    SELECT 'relation ' || concat_ws(' ', oid::regclass, relkind, relpersistence, relrowsecurity, relforcerowsecurity, relowner::regrole, reloptions) AS line FROM relations
    UNION ALL SELECT 'column ' || concat_ws(' ', c.oid::regclass, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
      FROM relations c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    UNION ALL SELECT 'constraint ' || concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(k.oid)) FROM pg_constraint k JOIN relations c ON c.oid = k.conrelid
    UNION ALL SELECT 'index ' || pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN relations c ON c.oid = i.indrelid
    UNION ALL SELECT 'policy ' || concat_ws(' ', polrelid::regclass, polname, polcmd, polpermissive, polroles::regrole[], pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy
    UNION ALL SELECT 'trigger ' || pg_get_triggerdef(g.oid) FROM pg_trigger g WHERE NOT tgisinternal
    UNION ALL SELECT 'function ' || proowner::regrole || ' ' || pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace IN (SELECT oid FROM ours) AND prokind = 'f'
    UNION ALL SELECT 'schema ' || nspname || ' ' || nspowner::regrole FROM pg_namespace WHERE oid IN (SELECT oid FROM ours)
    UNION ALL SELECT 'comment ' || pg_describe_object(classoid, objoid, objsubid) || ' ' || description FROM pg_description JOIN relations c ON c.oid = objoid AND classoid = 'pg_class'::regclass
    UNION ALL SELECT concat_ws(' ', 'right', what, grantee::regrole, privilege_type, is_grantable) FROM rights
    ORDER BY 1";

/// A database as bootstrap leaves it.
pub struct Empty {
    pub name: String,
    /// Its URL for hale_owner.
    pub owner: String,
    /// Its URL for hale_app.
    pub app: String,
    /// As hale_owner.
    pub connection: PgConnection,
}

impl Empty {
    pub async fn new() -> Self {
        let name = empty_database().await;
        let owner = database_url("hale_owner", &name);
        let connection = PgConnection::connect(&owner).await.unwrap();
        Self { owner, app: database_url("hale_app", &name), connection, name }
    }

    /// The schema.
    pub async fn fingerprint(&mut self) -> Vec<String> {
        let lines: Vec<(String,)> = sqlx::query_as(FINGERPRINT).fetch_all(&mut self.connection).await.unwrap();
        lines.into_iter().map(|(line,)| line).collect()
    }
}

/// The lines that only one of two schemas has.
pub fn differences<'a>(left: &'a [String], right: &'a [String]) -> Vec<&'a String> {
    left.iter().filter(|line| !right.contains(line)).chain(right.iter().filter(|line| !left.contains(line))).collect()
}

#[tokio::test]
async fn up_down_to_nothing_and_up_again_is_the_same_schema() {
    let mut database = Empty::new().await;
    let count = migration::migrations().len();
    let before = database.fingerprint().await;
    assert_eq!(migration::up(&database.owner, |_| {}).await.unwrap().len(), count);
    let first = database.fingerprint().await;
    assert!(first.len() > before.len() + 300, "{} lines", first.len());

    assert_eq!(migration::down(&database.owner, 1_000).await.unwrap().len(), count);
    let left = database.fingerprint().await;
    assert!(differences(&before, &left).is_empty(), "reverting all leaves {:#?}", differences(&before, &left));

    assert_eq!(migration::up(&database.owner, |_| {}).await.unwrap().len(), count);
    let again = database.fingerprint().await;
    assert!(differences(&first, &again).is_empty(), "{:#?}", differences(&first, &again));
    assert!(migration::up(&database.owner, |_| {}).await.unwrap().is_empty());
}

#[tokio::test]
async fn migrations_revert_one_by_one() {
    let mut database = Empty::new().await;
    migration::up(&database.owner, |_| {}).await.unwrap();
    let mut steps = vec![database.fingerprint().await];
    for _ in migration::migrations() {
        assert_eq!(migration::down(&database.owner, 1).await.unwrap().len(), 1);
        steps.push(database.fingerprint().await);
    }
    assert!(migration::down(&database.owner, 1).await.unwrap().is_empty());
    migration::up(&database.owner, |_| {}).await.unwrap();
    let again = database.fingerprint().await;
    assert!(differences(&steps[0], &again).is_empty(), "{:#?}", differences(&steps[0], &again));
    assert!(steps.windows(2).all(|pair| pair[0].len() > pair[1].len()), "a migration's down file removes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_at_once_apply_each_file_once() {
    let mut database = Empty::new().await;
    let all = futures_util::future::join_all((0..4).map(|_| {
        let url = database.owner.clone();
        tokio::spawn(async move { migration::up(&url, |_| {}).await })
    }))
    .await;
    let applied: Vec<_> = all.into_iter().flat_map(|one| one.unwrap().unwrap()).map(|file| file.version).collect();
    assert_eq!(applied, migration::migrations().iter().map(|file| file.version()).collect::<Vec<_>>());
    let (rows,): (i64,) = sqlx::query_as("SELECT count(*) FROM migrations").fetch_one(&mut database.connection).await.unwrap();
    assert_eq!(usize::try_from(rows).unwrap(), applied.len());
    migration::verify(&database.app).await.unwrap();
}

#[tokio::test]
async fn what_is_pending_is_known_to_hale_app_before_and_after() {
    let mut database = Empty::new().await;
    let count = migration::migrations().len();
    assert_eq!(migration::pending(&database.app).await.unwrap().len(), count);
    assert!(matches!(migration::verify(&database.app).await, Err(migration::Error::Pending { count: pending, .. }) if pending == count));
    assert!(migration::status(&database.app).await.unwrap().iter().all(|row| row.applied_at.is_none()));

    migration::up(&database.owner, |_| {}).await.unwrap();
    assert!(migration::pending(&database.app).await.unwrap().is_empty());
    let status = migration::status(&database.app).await.unwrap();
    assert!(status.iter().all(|row| row.applied_at.is_some() && row.checksum_matches == Some(true)));

    // Applied later than a newer one: allowed, and said.
    let first = migration::migrations()[0].version();
    let last = migration::migrations()[count - 1].version();
    let forget = format!("DELETE FROM migrations WHERE version = '{first}'");
    database.connection.execute(AssertSqlSafe(forget)).await.unwrap();
    let pending = migration::pending(&database.app).await.unwrap();
    assert_eq!((pending.len(), pending[0].version, pending[0].out_of_order), (1, first, true));
    assert!(migration::up(&database.app, |_| {}).await.is_err(), "hale_app must not be able to migrate");
    migration::mark(&database.owner, first).await.unwrap();
    migration::verify(&database.app).await.unwrap();
    assert!(matches!(migration::mark(&database.owner, "2001_01_01_00_00").await, Err(migration::Error::UnknownVersion(_))));
    assert_eq!(migration::down(&database.owner, 1).await.unwrap()[0].version, last);
}

#[tokio::test]
async fn a_changed_file_is_refused_until_somebody_accepts_it() {
    let mut database = Empty::new().await;
    migration::up(&database.owner, |_| {}).await.unwrap();
    let version = migration::migrations()[2].version();
    let change = format!("UPDATE migrations SET checksum = 'another text' WHERE version = '{version}'");
    database.connection.execute(AssertSqlSafe(change)).await.unwrap();
    let before = database.fingerprint().await;
    for refused in [
        migration::up(&database.owner, |_| {}).await.unwrap_err(),
        migration::down(&database.owner, 1).await.unwrap_err(),
        migration::verify(&database.app).await.unwrap_err(),
        migration::pending(&database.app).await.unwrap_err(),
    ] {
        assert!(matches!(&refused, migration::Error::Drift { .. }), "{refused}");
        assert!(refused.to_string().contains(&format!("hale migrate mark {version}")), "{refused}");
    }
    assert_eq!(database.fingerprint().await, before);
    let status = migration::status(&database.app).await.unwrap();
    assert_eq!(status.iter().filter(|row| row.checksum_matches == Some(false)).count(), 1);
    migration::mark(&database.owner, version).await.unwrap();
    migration::verify(&database.app).await.unwrap();
}

#[tokio::test]
async fn a_schema_of_a_newer_hale_is_refused() {
    let mut database = Empty::new().await;
    migration::up(&database.owner, |_| {}).await.unwrap();
    let newer = "INSERT INTO migrations (version, name, checksum) VALUES ('2099_01_01_00_00', 'from_the_future', '')";
    database.connection.execute(newer).await.unwrap();
    for refused in [
        migration::up(&database.owner, |_| {}).await.unwrap_err(),
        migration::down(&database.owner, 1).await.unwrap_err(),
        migration::verify(&database.app).await.unwrap_err(),
    ] {
        assert!(matches!(&refused, migration::Error::NewerSchema { version, .. } if version == "2099_01_01_00_00"), "{refused}");
        assert!(refused.to_string().contains("update hale"), "{refused}");
    }
    let status = migration::status(&database.app).await.unwrap();
    assert_eq!(status.last().map(|row| (row.name.as_str(), row.checksum_matches)), Some(("from_the_future", None)));
}

#[tokio::test]
async fn roles_and_database_can_be_made_any_number_of_times_at_once() {
    let name = empty_database().await;
    let admin = database_url("postgres", &name);
    let roles = migration::Bootstrap { database: name.clone(), owner_password: String::new(), app_password: String::new() };
    let all = futures_util::future::join_all((0..4).map(|_| migration::bootstrap(&admin, &roles))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let mut connection = PgConnection::connect(&admin).await.unwrap();
    let (roles,): (i64,) =
        sqlx::query_as("SELECT count(*) FROM pg_roles WHERE rolname ~ '^hale_'").fetch_one(&mut connection).await.unwrap();
    assert_eq!(roles, 5);
    let own = migration::Bootstrap { database: "postgres".into(), owner_password: String::new(), app_password: String::new() };
    assert!(matches!(migration::bootstrap(&admin, &own).await, Err(migration::Error::BadDatabase(_))));
}
