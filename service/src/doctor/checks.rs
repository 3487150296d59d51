//! The checks, and all of their SQL.

use sea_orm::{DbErr, RuntimeErr};

/// What a check's statement answers.
pub(super) enum Shape {
    /// Rows (status, line, remedy): nothing, or `ok` alone, is fine.
    Rows(&'static str),
    /// Rows (about, statement), of which each statement answers rows as above; `ok` ones are not shown.
    Probes(&'static str),
    /// What `hale maintain` would do to tables; beside it rows as above.
    Tables(&'static str),
    /// What `hale maintain` would do to indexes.
    Indexes,
}

pub(super) struct Check {
    pub name: &'static str,
    pub shape: Shape,
    /// The extension without which it cannot be made.
    pub needs: Option<&'static str>,
    /// What is said when nothing was found; of probes, after their number.
    pub fine: &'static str,
    pub advice: &'static str,
}

/// What to do about a missing extension.
pub(super) fn how_to_have(extension: &str) -> String {
    match extension {
        "pg_stat_statements" => {
            "set shared_preload_libraries = 'pg_stat_statements' for the server, restart it, and run `hale migrate bootstrap` as an administrator again".to_owned()
        }
        _ => format!(
            "install PostgreSQL's contrib package where the server runs, and run `hale migrate bootstrap` as a superuser again, or there: CREATE EXTENSION {extension}; Hale's own PostgreSQL gets it at its next start"
        ),
    }
}

/// Whether a failure says nothing about the data: a right that is missing, a library that is not loaded, somebody who holds a lock.
pub(super) fn is_refusal(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(source)) | DbErr::Query(RuntimeErr::SqlxError(source))) = error else { return false };
    let code = source.as_database_error().and_then(|error| error.code());
    // insufficient_privilege, object_not_in_prerequisite_state, lock_not_available, undefined_table (gone since it was listed)
    code.is_some_and(|code| matches!(code.as_ref(), "42501" | "55000" | "55P03" | "42P01"))
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "server",
        shape: Shape::Rows("
            SELECT 'ok', format('PostgreSQL %s, database %s', current_setting('server_version'), current_database()), NULL::text
            UNION ALL SELECT 'failed', name || ' is off: a crash may lose or tear what was acknowledged', NULL
              FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'
            UNION ALL SELECT 'warning', 'synchronous_commit is off: a crash loses what was acknowledged in its last moments', NULL
              WHERE current_setting('synchronous_commit') = 'off'
            UNION ALL SELECT 'warning', name || ' is off: tables grow, and plans get worse', NULL
              FROM pg_settings WHERE name IN ('autovacuum', 'track_counts') AND setting = 'off'
            UNION ALL SELECT 'failed', 'the server is a standby: it takes no writes', NULL WHERE pg_is_in_recovery()
            UNION ALL SELECT 'failed', format('the system sorts text by version %s of its rules, and indexes were built by %s', pg_database_collation_actual_version(oid), datcollversion), NULL
              FROM pg_database WHERE datname = current_database() AND datcollversion <> pg_database_collation_actual_version(oid)"),
        needs: None,
        fine: "",
        advice: "set what is off to on in the server's configuration; after a change of collation rules REINDEX DATABASE, then ALTER DATABASE … REFRESH COLLATION VERSION",
    },
    Check {
        name: "clock",
        // Access tokens tolerate 30 seconds.
        shape: Shape::Rows("
            SELECT CASE WHEN abs(ahead) > 30 THEN 'failed' WHEN abs(ahead) > 2 THEN 'warning' ELSE 'ok' END,
              format('the database''s clock is %s s %s Hale''s', round(abs(ahead), 1), CASE WHEN ahead < 0 THEN 'behind' ELSE 'ahead of' END), NULL::text
            FROM (SELECT extract(epoch FROM clock_timestamp() - current_setting('hale.now')::timestamptz) AS ahead) AS clocks"),
        needs: None,
        fine: "",
        advice: "let both machines take the time from NTP: tokens, jobs and days go by Hale's clock, and backups and statistics by the database's",
    },
    Check {
        name: "connections",
        shape: Shape::Rows("
            WITH server AS (
              SELECT least(current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
                  nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)) AS allowed,
                (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
                (SELECT count(*) FROM pg_stat_activity WHERE usename = 'hale_app') AS ours,
                current_setting('hale.connections')::int + 1 AS wanted
              FROM pg_database d LEFT JOIN pg_roles r ON r.rolname = 'hale_app' WHERE d.datname = current_database())
            SELECT CASE WHEN wanted > allowed THEN 'failed' WHEN used * 5 > allowed * 4 OR used - ours + wanted > allowed THEN 'warning' ELSE 'ok' END,
              format('%s of %s connections are used, %s of them by Hale''s servers; each takes up to %s', used, allowed, ours, wanted), NULL::text
            FROM server"),
        needs: None,
        fine: "",
        advice: "raise the server's max_connections, or lower HALE_MAX_CONNECTIONS, or put a pooler between",
    },
    Check {
        name: "page_checksums",
        shape: Shape::Rows("
            SELECT 'warning', 'pages carry no checksums: what a disk gives back wrongly is taken for right', NULL::text WHERE current_setting('data_checksums') = 'off'
            UNION ALL SELECT 'failed', format('%s pages were read with a wrong checksum, the last one at %s', checksum_failures, checksum_last_failure), NULL
              FROM pg_stat_database WHERE datname = current_database() AND checksum_failures > 0"),
        needs: None,
        fine: "on, and none was wrong since statistics began",
        advice: "without checksums: pg_checksums --enable on the stopped server; with wrong ones: make a backup of what can be read, distrust the disk, and restore the newest good backup",
    },
    Check {
        name: "heap_pages",
        // By their numbers: hale_owner may not look names up in pg_toast.
        shape: Shape::Probes("
            SELECT oid::regclass::text, format(
              'SELECT ''failed'', format(''%%s: block %%s: %%s'', %L, blkno, msg), NULL::text FROM verify_heapam(%L::regclass, on_error_stop := true) LIMIT 10',
              oid::regclass, oid::text)
            FROM pg_class WHERE relkind IN ('r', 'm', 't') AND relam <> 0 AND relpersistence = 'p' ORDER BY oid"),
        needs: Some("amcheck"),
        fine: "tables, catalogues and TOAST are readable and well-formed on every page",
        advice: "make a backup of what can be read, distrust the disk, and restore the newest good backup",
    },
    Check {
        name: "btree_indexes",
        shape: Shape::Probes("
            SELECT i.indexrelid::regclass::text, format('SELECT ''ok'', bt_index_check(%L::regclass, true)::text, NULL::text', i.indexrelid::text)
            FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
            WHERE a.amname = 'btree' AND c.relpersistence = 'p' AND c.relkind = 'i' AND i.indisvalid AND i.indisready ORDER BY 1"),
        needs: Some("amcheck"),
        fine: "B-tree indexes are in order and hold every row of their tables; amcheck knows no other kinds",
        advice: "REINDEX INDEX CONCURRENTLY what is named, and distrust the disk: more may be damaged",
    },
    Check {
        name: "invalid_indexes",
        // While one is being built it is not valid either.
        shape: Shape::Rows(r"
            SELECT 'failed', format('%s of %s is invalid: a build was broken off', i.indexrelid::regclass, i.indrelid::regclass),
              format(CASE WHEN c.relname ~ '_cc(new|old)\d*$' THEN 'DROP INDEX CONCURRENTLY %s' ELSE 'REINDEX INDEX CONCURRENTLY %s' END, i.indexrelid::regclass)
            FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
            WHERE NOT (i.indisvalid AND i.indisready AND i.indislive) AND c.relkind = 'i'
              AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.relid = i.indrelid) ORDER BY 2"),
        needs: None,
        fine: "none",
        advice: "hale doctor --fix: it drops what REINDEX left (…_ccnew, …_ccold) and rebuilds the others",
    },
    Check {
        name: "foreign_keys",
        shape: Shape::Probes("
            SELECT format('%s of %s', k.conname, k.conrelid::regclass), format(
              'SELECT CASE WHEN orphans > 0 THEN ''failed'' WHEN %L THEN ''ok'' ELSE ''warning'' END,
                 CASE WHEN orphans > 0 THEN format(''%%s of %%s: %%s rows without what they refer to'', %L, %L, orphans)
                   ELSE format(''%%s of %%s is NOT VALID, and no row breaks it'', %L, %L) END,
                 CASE WHEN orphans = 0 AND NOT %L THEN %L END
               FROM (SELECT count(*) AS orphans FROM %s c WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s)) AS counted',
              k.convalidated, k.conname, k.conrelid::regclass, k.conname, k.conrelid::regclass, k.convalidated,
              format('ALTER TABLE %s VALIDATE CONSTRAINT %I', k.conrelid::regclass, k.conname),
              k.conrelid::regclass, string_agg(format('c.%I IS NOT NULL', child.attname), ' AND '),
              k.confrelid::regclass, string_agg(format('p.%I = c.%I', parent.attname, child.attname), ' AND '))
            FROM pg_constraint k, unnest(k.conkey, k.confkey) AS pair (child, parent)
              JOIN pg_attribute child ON true JOIN pg_attribute parent ON true
            WHERE k.contype = 'f' AND child.attrelid = k.conrelid AND child.attnum = pair.child AND parent.attrelid = k.confrelid AND parent.attnum = pair.parent
            GROUP BY k.oid, k.conname, k.conrelid, k.confrelid, k.convalidated ORDER BY 1"),
        needs: None,
        fine: "foreign keys hold for every row, and none is NOT VALID",
        advice: "look at the rows named, restore what they refer to or delete them, then ALTER TABLE … VALIDATE CONSTRAINT; hale doctor --fix validates what nothing breaks",
    },
    Check {
        name: "constraints",
        shape: Shape::Rows("
            SELECT 'warning', format('%s of %s is NOT VALID: rows from before may break it', conname, conrelid::regclass),
              format('ALTER TABLE %s VALIDATE CONSTRAINT %I', conrelid::regclass, conname)
            FROM pg_constraint WHERE contype = 'c' AND NOT convalidated AND conrelid <> 0
            UNION ALL SELECT 'failed', format('the trigger %s of %s is disabled: what it keeps right is not kept', t.tgname, t.tgrelid::regclass), NULL
            FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgenabled IN ('D', 'R') AND pg_has_role(c.relowner, 'USAGE')
            ORDER BY 1, 2"),
        needs: None,
        fine: "every CHECK is valid, and every trigger is enabled",
        advice: "hale doctor --fix validates constraints that no row breaks; after a look at why it was disabled, ALTER TABLE … ENABLE TRIGGER",
    },
    Check {
        name: "transaction_age",
        shape: Shape::Rows("
            SELECT CASE WHEN age > old * 2 THEN 'failed' WHEN age > old THEN 'warning' ELSE 'ok' END,
              format('the oldest transaction is %s transactions ago; PostgreSQL stops at 2,000,000,000', age), NULL::text
            FROM (SELECT greatest(age(datfrozenxid), mxid_age(datminmxid)) AS age, current_setting('autovacuum_freeze_max_age')::int8 * 2.5 AS old
              FROM pg_database WHERE datname = current_database()) AS ages"),
        needs: None,
        fine: "",
        advice: "see that autovacuum is on, that no old transaction, prepared transaction or replication slot holds it up, and run `hale maintain`",
    },
    Check {
        name: "long_transactions",
        shape: Shape::Rows("
            SELECT 'warning', format('process %s of %s has been in a transaction since %s%s', pid, coalesce(usename, backend_type), xact_start,
                CASE WHEN state LIKE 'idle%' THEN ', and does nothing' ELSE '' END), NULL::text
            FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
              AND xact_start < current_setting('hale.now')::timestamptz - interval '5 minutes'
            UNION ALL SELECT 'warning', format('process %s of %s has been waiting for a lock since %s', pid, usename, state_change), NULL
            FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
              AND state_change < current_setting('hale.now')::timestamptz - interval '1 minute'
            UNION ALL SELECT 'warning', format('the prepared transaction %s waits since %s', gid, prepared), NULL
            FROM pg_prepared_xacts WHERE database = current_database() AND prepared < current_setting('hale.now')::timestamptz - interval '5 minutes'
            UNION ALL SELECT 'warning', format('the replication slot %s is used by nobody, and keeps what it has not read', slot_name), NULL
            FROM pg_replication_slots WHERE NOT active ORDER BY 2"),
        needs: None,
        fine: "none longer than five minutes",
        advice: "end what nobody needs (SELECT pg_terminate_backend(…), ROLLBACK PREPARED, pg_drop_replication_slot): meanwhile dead rows stay",
    },
    Check {
        name: "jobs",
        // Where no server runs, nothing is overdue.
        shape: Shape::Rows("
            SELECT 'warning', format('%s jobs of the kind %s were given up, the last one at %s', count(*), kind, max(dead_at)), NULL::text
            FROM jobs WHERE dead_at IS NOT NULL GROUP BY kind
            UNION ALL SELECT 'warning', format('%s jobs of the kind %s have been due for more than ten minutes, the first one since %s', count(*), kind, min(due_at)), NULL
            FROM jobs WHERE dead_at IS NULL AND due_at < current_setting('hale.now')::timestamptz - interval '10 minutes'
              AND EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'hale_app' AND datname = current_database()) GROUP BY kind ORDER BY 2"),
        needs: None,
        fine: "none was given up or is overdue",
        advice: "`hale jobs list --dead` says why, `hale jobs retry ID` tries one again; where jobs are overdue, see that a server runs them (HALE_JOBS) or a `hale worker`",
    },
    Check {
        name: "size",
        shape: Shape::Rows("
            SELECT 'ok', format('the database takes %s', pg_size_pretty(pg_database_size(current_database()))), NULL::text
            UNION ALL (SELECT 'ok', format('the table %s takes %s, and its indexes %s', c.oid::regclass, pg_size_pretty(pg_table_size(c.oid)), pg_size_pretty(pg_indexes_size(c.oid))), NULL
              FROM pg_class c WHERE c.relkind IN ('r', 'm') AND c.relnamespace = 'public'::regnamespace ORDER BY pg_total_relation_size(c.oid) DESC LIMIT 10)"),
        needs: None,
        fine: "",
        advice: "",
    },
    Check {
        name: "statistics",
        shape: Shape::Tables("
            SELECT 'ok', format('of tables with more than 1,000 rows, %s was vacuumed longest ago, at %s, and %s analysed, at %s', v.relation, v.at, a.relation, a.at), NULL::text
            FROM (SELECT relid::regclass AS relation, coalesce(greatest(last_vacuum, last_autovacuum)::text, 'no time that is known') AS at FROM pg_stat_user_tables
                WHERE n_live_tup > 1000 ORDER BY greatest(last_vacuum, last_autovacuum) NULLS FIRST LIMIT 1) AS v,
              (SELECT relid::regclass AS relation, coalesce(greatest(last_analyze, last_autoanalyze)::text, 'no time that is known') AS at FROM pg_stat_user_tables
                WHERE n_live_tup > 1000 ORDER BY greatest(last_analyze, last_autoanalyze) NULLS FIRST LIMIT 1) AS a"),
        needs: None,
        fine: "small tables alone, which need none",
        advice: "hale maintain; hale doctor --fix analyses",
    },
    Check {
        name: "index_bloat",
        shape: Shape::Indexes,
        needs: None,
        fine: "no B-tree index of 1 MiB and more is half empty",
        advice: "hale maintain",
    },
    Check {
        name: "table_bloat",
        // Where pgstattuple is, it counts; else pages are compared with rows and the width of their columns.
        shape: Shape::Probes("
            SELECT c.oid::regclass::text, CASE WHEN EXISTS (SELECT FROM pg_extension WHERE extname = 'pgstattuple')
              THEN format('SELECT ''warning'', format(''%%s %%%% of the %%s of %%s is empty, as pgstattuple counts'', round((approx_free_percent + dead_tuple_percent)::numeric), pg_size_pretty(table_len), %L), NULL::text
                FROM pgstattuple_approx(%L::regclass) WHERE approx_free_percent + dead_tuple_percent > 50', c.oid::regclass, c.oid::regclass)
              ELSE format('SELECT ''warning'', format(''%%s %%%% of the %%s of %%s is empty, estimated from statistics'', round(empty::numeric * 100), pg_size_pretty(pg_relation_size(%L::regclass)), %L), NULL::text
                FROM (SELECT 1 - %s * (28 + sum(avg_width * (1 - null_frac))) / %s AS empty FROM pg_stats WHERE schemaname = %L AND tablename = %L) AS guess WHERE empty > 0.5',
                c.oid::regclass, c.oid::regclass, greatest(c.reltuples, 0), pg_relation_size(c.oid), n.nspname, c.relname) END
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND pg_has_role(c.relowner, 'USAGE') AND pg_relation_size(c.oid) >= 10485760 ORDER BY 1"),
        needs: None,
        fine: "tables of 10 MiB and more are at least half full",
        advice: "new rows will fill it; to give it back now, VACUUM FULL in a pause, for it locks the table",
    },
    Check {
        name: "missing_indexes",
        shape: Shape::Rows("
            SELECT 'warning', format('%s of %s leads no index: deleting what it refers to reads the whole table', k.conname, k.conrelid::regclass), NULL::text
            FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
            WHERE k.contype = 'f' AND pg_has_role(c.relowner, 'USAGE') AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL
              AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)
            UNION ALL SELECT 'warning', format('%s, with %s rows, was read from end to end %s times', relid::regclass, n_live_tup, seq_scan), NULL
            FROM pg_stat_user_tables WHERE n_live_tup > 10000 AND seq_scan > 1000 AND seq_tup_read / seq_scan > 10000 ORDER BY 2"),
        needs: None,
        fine: "every foreign key leads one, and no large table is read from end to end again and again",
        advice: "report it: an index belongs into a migration; until then CREATE INDEX CONCURRENTLY helps",
    },
    Check {
        name: "unused_indexes",
        // Statistics begin anew after a crash: a table that was hardly used since says nothing about its indexes.
        shape: Shape::Rows("
            WITH known AS (SELECT greatest(s.stats_reset, (SELECT min(applied_at) FROM migrations)) AS since FROM pg_stat_database s WHERE s.datname = current_database())
            SELECT 'skipped', format('statistics go back to %s only', since), NULL::text FROM known WHERE since > current_setting('hale.now')::timestamptz - interval '30 days'
            UNION ALL SELECT 'warning', format('%s of %s takes %s and was not used since %s', i.indexrelid::regclass, i.relid::regclass, pg_size_pretty(pg_relation_size(i.indexrelid)), since), NULL
            FROM known, pg_stat_user_indexes i JOIN pg_index x ON x.indexrelid = i.indexrelid JOIN pg_stat_user_tables t ON t.relid = i.relid
            WHERE since <= current_setting('hale.now')::timestamptz - interval '30 days' AND i.idx_scan = 0 AND NOT x.indisunique AND x.indisvalid
              AND pg_relation_size(i.indexrelid) >= 1048576 AND t.seq_scan + coalesce(t.idx_scan, 0) > 1000
              AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.contype = 'f' AND k.conrelid = x.indrelid
                AND (x.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey) ORDER BY 2"),
        needs: None,
        fine: "none of a table that is used",
        advice: "statistics of thirty days say which indexes nobody uses; report what is named, for dropping one belongs into a migration",
    },
    Check {
        name: "slow_statements",
        // Only statements whose constants PostgreSQL replaces; others' texts may hold secrets.
        shape: Shape::Rows(r"
            SELECT 'warning', format('%s ms on average, %s times: %s', round(mean_exec_time::numeric), calls, left(regexp_replace(query, '\s+', ' ', 'g'), 200)), NULL::text
            FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND r.rolname = 'hale_app'
              AND mean_exec_time > 250 AND calls >= 5 AND query ~* '^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\M' ORDER BY total_exec_time DESC LIMIT 5"),
        needs: Some("pg_stat_statements"),
        fine: "none of Hale's takes more than 250 ms on average",
        advice: "see whether statistics are fresh (`hale maintain`) and the server's memory suffices, and report it",
    },
];
