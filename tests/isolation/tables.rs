//! The row factory: how one row of each table is made and changed. A table that is missing here fails the matrix.

/// A relation of schema public. Values are SQL, in which `{owner}`, `{id}` and the like are filled in (see [`Values`]).
pub struct Table {
    pub name: &'static str,
    /// The column that identifies a row here.
    pub key: &'static str,
    /// The column that says whose the row is, or `NULL::uuid`.
    pub owner: &'static str,
    /// A second person whom the row concerns.
    pub other_party: &'static str,
    /// What tells apart rows of one person that different people see.
    pub facet: &'static str,
    pub columns: &'static [(&'static str, &'static str)],
    /// Columns that hale_app leaves to their defaults.
    pub reserved: &'static [(&'static str, &'static str)],
    /// The columns of the primary key.
    pub primary: &'static str,
    /// What an update sets: constants, since reading a column brings in the policies for SELECT and hides what those for UPDATE let through.
    pub change: &'static str,
    /// The overrides with which each person gets one row more.
    pub more_rows: &'static [&'static [(&'static str, &'static str)]],
    /// Whether there are rows without an owner too, made like the others.
    pub common: bool,
    /// Whether it only shows rows of other tables.
    pub view: bool,
    /// Operations that this table alone has: their names, and SQL.
    pub operations: &'static [(&'static str, &'static str)],
}

const TABLE: Table = Table {
    name: "",
    key: "id",
    owner: "user_id",
    other_party: "NULL::uuid",
    facet: "NULL",
    columns: &[],
    reserved: &[],
    primary: "user_id, id",
    change: "",
    more_rows: &[],
    common: false,
    view: false,
    operations: &[],
};

/// What a statement is made for.
pub struct Values<'a> {
    /// Whose row it says it is.
    pub owner: &'a str,
    /// Whose id it takes.
    pub holder: &'a str,
    /// The number of the id.
    pub n: u32,
    /// 1 where other things than the id must not be taken either.
    pub m: u32,
    pub viewer: &'a str,
    pub target: &'a str,
}

pub const TABLES: &[Table] = &[
    Table {
        name: "users",
        owner: "id",
        facet: "split_part(email, '@', 1)",
        columns: &[
            ("id", "{id}"),
            ("email", "'{name}' || repeat('x', {n}) || '@example.org'"),
            ("password_hash", "'not a hash, but long enough'"),
            ("email_verified_at", "now()"),
            ("full_name", "'{name}'"),
        ],
        primary: "id",
        change: "full_name = 'changed'",
        operations: &[
            ("read the password", "SELECT password_hash FROM users"),
            ("change the address", "UPDATE users SET email = 'ann@example.com'"),
            ("verify the address", "UPDATE users SET email_verified_at = now()"),
            ("change the password", "UPDATE users SET password_hash = repeat('x', 50)"),
        ],
        ..TABLE
    },
    // Before the tables whose rows are counted in it.
    Table {
        name: "change_counts",
        facet: "access_type",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("access_type", "'own'")],
        change: "number = 9",
        more_rows: &[
            &[("access_type", "'calorie'")],
            &[("access_type", "'checkin'")],
            &[("access_type", "'reports'")],
            &[("access_type", "'food_list'")],
            &[("access_type", "'organiser'")],
        ],
        ..TABLE
    },
    // And before those whose rows are numbered in them.
    Table {
        name: "sync_spaces",
        key: "('space of ' || user_id)",
        columns: &[("user_id", "{owner}")],
        primary: "user_id",
        change: "head = 9",
        ..TABLE
    },
    Table {
        name: "sync_rows",
        key: "(user_id || ' ' || collection || ' ' || id)",
        facet: "access_type",
        columns: &[
            ("user_id", "{owner}"),
            ("collection", "'seeds'"),
            ("id", "{id}"),
            ("number", "-{n}"),
            ("access_type", "'own'"),
            ("document", "'{}'"),
            ("clocks", "'{}'"),
            ("deleted", "false"),
            ("written_at", "now()"),
        ],
        primary: "user_id, collection, id",
        change: "deleted = true",
        more_rows: &[
            &[("access_type", "'calorie'")],
            &[("access_type", "'checkin'")],
            &[("access_type", "'food_list'")],
            &[("access_type", "'organiser'")],
        ],
        ..TABLE
    },
    Table {
        name: "sync_changes",
        key: "(user_id || ' ' || number)",
        columns: &[
            ("user_id", "{owner}"),
            ("number", "-{n}"),
            ("first_number", "-{n}"),
            ("collection", "'seeds'"),
            ("id", "{id}"),
            ("cells", "'{}'"),
            ("client", "'seeds'"),
        ],
        primary: "user_id, number",
        change: "client = 'changed'",
        ..TABLE
    },
    Table {
        name: "messages",
        key: "(user_id || ' ' || server_timestamp)",
        columns: &[("user_id", "{owner}"), ("value", "'x'")],
        primary: "id",
        change: "value = 'changed'",
        view: true,
        ..TABLE
    },
    Table {
        name: "user_preferences",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("time_zone", "'Europe/Paris'")],
        change: "theme = 'dark'",
        ..TABLE
    },
    Table {
        name: "sessions",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("expires_at", "'2100-01-01'")],
        change: "revoked_at = now()",
        operations: &[("prolong", "UPDATE sessions SET expires_at = '2100-12-31'")],
        ..TABLE
    },
    Table {
        name: "refresh_tokens",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("session_id", "{held_session}"),
            ("token", "encode(sha256('{name}{m}'), 'hex')"),
            ("expires_at", "'2100-01-01'"),
        ],
        change: "used_at = now()",
        ..TABLE
    },
    Table {
        name: "second_factors",
        key: "('second factor of ' || user_id)",
        columns: &[("user_id", "{owner}"), ("secret", "'sealed, and long enough'"), ("confirmed_at", "now()")],
        primary: "user_id",
        change: "last_step = 9",
        ..TABLE
    },
    Table {
        name: "recovery_codes",
        key: "code",
        columns: &[("user_id", "{owner}"), ("code", "encode(sha256('{name}{m}'), 'hex')")],
        primary: "user_id, code",
        change: "used_at = now()",
        ..TABLE
    },
    Table {
        name: "security_events",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("kind", "'signed_in'"), ("happened_at", "now()")],
        change: "count = 9",
        ..TABLE
    },
    Table {
        name: "account_mails",
        owner: "owner_id",
        facet: "kind",
        columns: &[
            ("id", "{id}"),
            ("owner_id", "{owner}"),
            ("kind", "'verify_email'"),
            ("address", "'{name}@example.org'"),
            ("secret", "encode(sha256('{name}{n}{m}'), 'hex')"),
            ("expires_at", "'2100-01-01'"),
        ],
        primary: "id",
        change: "used_at = now()",
        more_rows: &[
            &[("kind", "'reset_password'")],
            &[("kind", "'sign_in'")],
            &[("kind", "'change_email'"), ("address", "'{name}@example.com'")],
        ],
        ..TABLE
    },
    Table {
        name: "rate_limits",
        key: "bucket",
        owner: "NULL::uuid",
        columns: &[("bucket", "'{name}{n}'"), ("full_at", "now()")],
        primary: "bucket",
        change: "full_at = now()",
        ..TABLE
    },
    Table {
        name: "family_access",
        owner: "grantor_user_id",
        other_party: "coalesce(grantee_user_id, (SELECT u.id FROM users u WHERE u.email = grantee_address))",
        facet: "split_part(grantee_email, '@', 1)",
        columns: &[("grantor_user_id", "{owner}"), ("grantee_email", "'nobody{m}@example.org'"), ("grantee_address", "'nobody{m}@example.org'"), ("access_type", "'calorie'")],
        reserved: &[("id", "{id}")],
        primary: "id",
        change: "status = 'revoked'",
        operations: &[
            ("accept", "UPDATE family_access SET status = 'active' WHERE grantee_address = 'offered@example.org'"),
            ("decline", "UPDATE family_access SET status = 'declined' WHERE grantee_address = 'offered@example.org'"),
            ("accept unverified", "UPDATE family_access SET status = 'active' WHERE grantee_address = 'unverified@example.org'"),
            ("accept what was withdrawn", "UPDATE family_access SET status = 'active' WHERE grantee_address = 'withdrawn@example.org'"),
            ("accept what was declined", "UPDATE family_access SET status = 'active' WHERE grantee_address = 'declined@example.org'"),
            ("accept what was revoked", "UPDATE family_access SET status = 'active' WHERE grantee_address = 'revoked@example.org'"),
            ("offer again what was revoked", "UPDATE family_access SET status = 'offered' WHERE grantee_address = 'revoked@example.org'"),
            ("revoke what was accepted", "UPDATE family_access SET status = 'revoked' WHERE grantee_address = 'calorie@example.org'"),
            ("revoke what was offered", "UPDATE family_access SET status = 'revoked' WHERE grantee_address = 'offered@example.org'"),
            ("change can_write", "UPDATE family_access SET can_write = true"),
            ("change expires_at", "UPDATE family_access SET expires_at = NULL"),
            ("change access_type", "UPDATE family_access SET access_type = 'reports'"),
            ("change the grantee", "UPDATE family_access SET grantee_user_id = {viewer_id}"),
            ("change the address", "UPDATE family_access SET grantee_email = 'other@example.org'"),
            (
                "offer to oneself as accepted",
                "INSERT INTO family_access (grantor_user_id, grantee_user_id, grantee_email, grantee_address, access_type, status, granted_at)
                 VALUES ({target_id}, {viewer_id}, 'new@example.org', 'new@example.org', 'calorie', 'active', now())",
            ),
            (
                "offer with a grantee (granted)",
                "INSERT INTO family_access (grantor_user_id, grantee_user_id, grantee_email, grantee_address, access_type)
                 VALUES ({viewer_id}, {stranger_id}, 'new@example.org', 'new@example.org', 'calorie')",
            ),
            (
                "offer as ended (granted)",
                "INSERT INTO family_access (grantor_user_id, grantee_email, grantee_address, access_type, status)
                 VALUES ({viewer_id}, 'new@example.org', 'new@example.org', 'calorie', 'declined')",
            ),
        ],
        ..TABLE
    },
    Table {
        name: "nutrients",
        key: "code",
        owner: "NULL::uuid",
        columns: &[("code", "'X{n}'"), ("name", "'{name}'"), ("unit", "'g'")],
        primary: "code",
        change: "name = 'changed'",
        ..TABLE
    },
    Table {
        name: "food_words",
        key: "word",
        owner: "NULL::uuid",
        columns: &[("word", "'{name}{n}'")],
        primary: "word",
        change: "word = 'changed'",
        ..TABLE
    },
    Table {
        name: "personal_nutrients",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("code", "'X_' || {n} || {m}"), ("name", "'Creatine'"), ("unit", "'g'")],
        change: "name = 'changed'",
        operations: &[("change the unit", "UPDATE personal_nutrients SET unit = 'mg'")],
        ..TABLE
    },
    Table {
        name: "favourite_foods",
        key: "food_id",
        // The ids are of no food: whose foods somebody sees is told by other tables.
        columns: &[("user_id", "{owner}"), ("food_id", "{id}"), ("added_at", "'2026-03-10'")],
        primary: "user_id, food_id",
        change: "added_at = '2026-03-11'",
        operations: &[
            (
                "add a food of the catalogue",
                "INSERT INTO favourite_foods (user_id, food_id, added_at) VALUES ({viewer_id}, {common_food}, '2026-03-10')",
            ),
            ("add a hidden food", "INSERT INTO favourite_foods (user_id, food_id, added_at) VALUES ({viewer_id}, {hidden_food}, '2026-03-10')"),
            ("add a deleted food", "INSERT INTO favourite_foods (user_id, food_id, added_at) VALUES ({viewer_id}, {deleted_food}, '2026-03-10')"),
        ],
        ..TABLE
    },
    Table {
        name: "food_items",
        owner: "owner_id",
        facet: "CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'deleted' END",
        columns: &[
            ("id", "{id}"),
            ("owner_id", "{owner}"),
            ("name", "'Porridge'"),
            ("barcode", "CASE '{name}' WHEN 'ann' THEN '04006381333931' WHEN 'nobody' THEN '00012345678905' END"),
        ],
        primary: "id",
        change: "name = 'changed'",
        common: true,
        operations: &[("insert for everybody", "INSERT INTO food_items (id, owner_id, name) VALUES (gen_random_uuid(), NULL, 'Porridge')")],
        ..TABLE
    },
    Table {
        name: "nutrition_data",
        owner: "owner_id",
        columns: &[
            ("id", "{id}"),
            ("food_item_id", "{food}"),
            ("owner_id", "{owner}"),
            ("nutrition_version", "1 + {m}"),
            ("serving_size", "100"),
            ("serving_unit", "'g'"),
        ],
        primary: "id",
        change: "calories = 1",
        common: true,
        operations: &[
            (
                "insert own beside a hidden food",
                "INSERT INTO nutrition_data (food_item_id, owner_id, nutrition_version, serving_size, serving_unit) VALUES ({hidden_food}, {viewer_id}, 9, 1, 'g')",
            ),
            (
                "insert own beside a missing food",
                "INSERT INTO nutrition_data (food_item_id, owner_id, nutrition_version, serving_size, serving_unit) VALUES ({missing}, {viewer_id}, 9, 1, 'g')",
            ),
            (
                "insert own beside the target's food",
                "INSERT INTO nutrition_data (food_item_id, owner_id, nutrition_version, serving_size, serving_unit) VALUES ({target_food}, {viewer_id}, 9, 1, 'g')",
            ),
            (
                "insert own beside a common food",
                "INSERT INTO nutrition_data (food_item_id, owner_id, nutrition_version, serving_size, serving_unit) VALUES ({common_food}, {viewer_id}, 9, 1, 'g')",
            ),
            (
                "insert for everybody",
                "INSERT INTO nutrition_data (food_item_id, nutrition_version, serving_size, serving_unit) VALUES ({common_food}, 9, 1, 'g')",
            ),
        ],
        ..TABLE
    },
    Table {
        name: "food_portions",
        key: "food_item_id",
        owner: "owner_id",
        columns: &[
            ("food_item_id", "{held_food}"),
            ("owner_id", "{owner}"),
            ("position", "{n}"),
            ("name", "'slice {n}'"),
            ("amount", "28"),
            ("unit", "'g'"),
        ],
        primary: "food_item_id, position",
        change: "amount = 30",
        common: true,
        operations: &[
            (
                "insert own beside a hidden food",
                "INSERT INTO food_portions (food_item_id, owner_id, position, name, amount, unit) VALUES ({hidden_food}, {viewer_id}, 9, 'cup', 1, 'g')",
            ),
            (
                "insert own beside a missing food",
                "INSERT INTO food_portions (food_item_id, owner_id, position, name, amount, unit) VALUES ({missing}, {viewer_id}, 9, 'cup', 1, 'g')",
            ),
            (
                "insert own beside the target's food",
                "INSERT INTO food_portions (food_item_id, owner_id, position, name, amount, unit) VALUES ({target_food}, {viewer_id}, 9, 'cup', 1, 'g')",
            ),
            (
                "insert own beside a common food",
                "INSERT INTO food_portions (food_item_id, owner_id, position, name, amount, unit) VALUES ({common_food}, {viewer_id}, 9, 'cup', 1, 'g')",
            ),
            (
                "insert for everybody",
                "INSERT INTO food_portions (food_item_id, position, name, amount, unit) VALUES ({common_food}, 9, 'cup', 1, 'g')",
            ),
        ],
        ..TABLE
    },
    Table {
        name: "food_diary",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("food_item_id", "{common_food}"),
            ("food_name", "'Porridge'"),
            ("quantity", "1"),
            ("unit", "'g'"),
            ("servings", "1"),
            ("calories", "100"),
            ("meal_type", "'breakfast'"),
            ("consumed_at", "'2026-03-10T12:00:00Z'"),
            ("time_zone", "'UTC'"),
            ("consumed_on", "'2026-03-10'"),
        ],
        change: "calories = 1",
        operations: &[
            (
                "log a hidden food",
                "INSERT INTO food_diary (user_id, id, food_item_id, food_name, quantity, unit, servings, meal_type, consumed_at, time_zone, consumed_on) VALUES ({viewer_id}, {missing}, {hidden_food}, 'x', 1, 'g', 1, 'lunch', '2026-03-10', 'UTC', '2026-03-10')",
            ),
            (
                "log a missing food",
                "INSERT INTO food_diary (user_id, id, food_item_id, food_name, quantity, unit, servings, meal_type, consumed_at, time_zone, consumed_on) VALUES ({viewer_id}, {missing}, {missing}, 'x', 1, 'g', 1, 'lunch', '2026-03-10', 'UTC', '2026-03-10')",
            ),
            (
                "log a deleted food",
                "INSERT INTO food_diary (user_id, id, food_item_id, food_name, quantity, unit, servings, meal_type, consumed_at, time_zone, consumed_on) VALUES ({viewer_id}, {missing}, {deleted_food}, 'x', 1, 'g', 1, 'lunch', '2026-03-10', 'UTC', '2026-03-10')",
            ),
            (
                "log no food of the catalogue",
                "INSERT INTO food_diary (user_id, id, food_name, quantity, unit, servings, meal_type, consumed_at, time_zone, consumed_on) VALUES ({viewer_id}, {missing}, 'x', 1, 'g', 1, 'lunch', '2026-03-10', 'UTC', '2026-03-10')",
            ),
            ("log another food", "UPDATE food_diary SET food_item_id = {hidden_food}"),
            ("sign as another", "UPDATE food_diary SET created_by = {stranger_id}"),
        ],
        ..TABLE
    },
    Table {
        name: "food_diary_groups",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("name", "'Porridge with berries'"),
            ("quantity", "1"),
            ("unit", "'serving'"),
            ("meal_type", "'breakfast'"),
            ("consumed_at", "'2026-03-10T12:00:00Z'"),
            ("time_zone", "'UTC'"),
            ("consumed_on", "'2026-03-10'"),
        ],
        change: "name = 'changed'",
        operations: &[("sign as another", "UPDATE food_diary_groups SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "completed_days",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("consumed_on", "'2026-03-10'::date + {m}"), ("completed_at", "'2026-03-10T22:00:00Z'")],
        change: "completed_at = '2026-03-11'",
        operations: &[("sign as another", "UPDATE completed_days SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "water_containers",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("name", "'Bottle'"), ("volume", "500"), ("unit", "'ml'")],
        change: "name = 'changed'",
        operations: &[("sign as another", "UPDATE water_containers SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "water_entries",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("drink", "'water'"),
            ("quantity", "250"),
            ("unit", "'ml'"),
            ("milliliters", "250"),
            ("drank_at", "'2026-03-10T12:00:00Z'"),
            ("time_zone", "'UTC'"),
            ("drank_on", "'2026-03-10'"),
        ],
        change: "drink = 'tea'",
        operations: &[("sign as another", "UPDATE water_entries SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "meal_types",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("code", "left(md5('{name}{n}{m}'), 12)"), ("name", "'Second breakfast'"), ("position", "150")],
        change: "name = 'changed'",
        operations: &[("sign as another", "UPDATE meal_types SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "exercises",
        owner: "owner_id",
        facet: "CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'deleted' END",
        columns: &[("id", "{id}"), ("owner_id", "{owner}"), ("name", "'Rowing'")],
        primary: "id",
        change: "name = 'changed'",
        common: true,
        operations: &[("insert for everybody", "INSERT INTO exercises (id, owner_id, name) VALUES (gen_random_uuid(), NULL, 'Rowing')")],
        ..TABLE
    },
    Table {
        name: "workout_templates",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("name", "'Push'"), ("exercises", "'[]'")],
        change: "name = 'changed'",
        operations: &[("sign as another", "UPDATE workout_templates SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "training_programmes",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("name", "'Push, pull, legs'"), ("mode", "'sequence'"), ("days", "'[]'")],
        change: "name = 'changed'",
        operations: &[("sign as another", "UPDATE training_programmes SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "active_programmes",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("valid_from", "'2026-03-10'::date + {m}")],
        change: "programme_id = NULL",
        operations: &[("sign as another", "UPDATE active_programmes SET created_by = {stranger_id}")],
        ..TABLE
    },
    // Finished, for of those that are not each person has at most one.
    Table {
        name: "workouts",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("name", "'Push'"),
            ("started_at", "'2026-03-10T12:00:00Z'"),
            ("time_zone", "'UTC'"),
            ("started_on", "'2026-03-10'"),
            ("finished_at", "'2026-03-10T13:00:00Z'"),
        ],
        change: "name = 'changed'",
        operations: &[("sign as another", "UPDATE workouts SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "exercise_diary",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("exercise_id", "{common_exercise}"),
            ("exercise_name", "'Rowing'"),
            ("performed_at", "'2026-03-10T12:00:00Z'"),
            ("time_zone", "'UTC'"),
            ("performed_on", "'2026-03-10'"),
        ],
        change: "notes = 'changed'",
        operations: &[
            (
                "log a hidden exercise",
                "INSERT INTO exercise_diary (user_id, id, exercise_id, exercise_name, performed_at, time_zone, performed_on) VALUES ({viewer_id}, {missing}, {hidden_exercise}, 'x', '2026-03-10', 'UTC', '2026-03-10')",
            ),
            (
                "log a missing exercise",
                "INSERT INTO exercise_diary (user_id, id, exercise_id, exercise_name, performed_at, time_zone, performed_on) VALUES ({viewer_id}, {missing}, {missing}, 'x', '2026-03-10', 'UTC', '2026-03-10')",
            ),
            (
                "log a deleted exercise",
                "INSERT INTO exercise_diary (user_id, id, exercise_id, exercise_name, performed_at, time_zone, performed_on) VALUES ({viewer_id}, {missing}, {deleted_exercise}, 'x', '2026-03-10', 'UTC', '2026-03-10')",
            ),
            (
                "log no exercise of the catalogue",
                "INSERT INTO exercise_diary (user_id, id, exercise_name, performed_at, time_zone, performed_on) VALUES ({viewer_id}, {missing}, 'x', '2026-03-10', 'UTC', '2026-03-10')",
            ),
            ("log another exercise", "UPDATE exercise_diary SET exercise_id = {hidden_exercise}"),
            ("sign as another", "UPDATE exercise_diary SET created_by = {stranger_id}"),
        ],
        ..TABLE
    },
    Table {
        name: "exercise_sets",
        key: "exercise_entry_id",
        columns: &[("user_id", "{owner}"), ("exercise_entry_id", "{held_entry}"), ("position", "{n}"), ("reps", "10")],
        primary: "user_id, exercise_entry_id, position",
        change: "reps = 12",
        operations: &[(
            "log beside a missing entry",
            "INSERT INTO exercise_sets (user_id, exercise_entry_id, position) VALUES ({viewer_id}, {missing}, 0)",
        )],
        ..TABLE
    },
    Table {
        name: "energy_records",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("source", "'{name}{n}{m}'"),
            ("started_at", "'2026-03-10T08:00:00Z'"),
            ("ended_at", "'2026-03-10T09:00:00Z'"),
            ("time_zone", "'UTC'"),
            ("started_on", "'2026-03-10'"),
            ("active_calories", "100"),
        ],
        change: "steps = 1000",
        operations: &[("sign as another", "UPDATE energy_records SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "activities",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("exercise_entry_id", "{held_entry}"),
            ("sport", "'running'"),
            ("started_at", "'2026-03-10T12:00:00Z'"),
            ("elapsed_seconds", "300"),
            ("duration_seconds", "300"),
            ("moving_seconds", "300"),
        ],
        change: "device = 'changed'",
        ..TABLE
    },
    Table {
        name: "activity_splits",
        key: "activity_id",
        columns: &[
            ("user_id", "{owner}"),
            ("activity_id", "{held_activity}"),
            ("kind", "'best'"),
            ("position", "{n}"),
            ("distance_m", "1000"),
            ("begins_seconds", "0"),
            ("duration_seconds", "300"),
        ],
        primary: "user_id, activity_id, kind, position",
        change: "average_heart_rate = 150",
        ..TABLE
    },
    Table {
        name: "activity_recordings",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("activity_id", "{held_activity}"),
            ("is_primary", "true"),
            ("sha256", "sha256('{name}{n}{m}'::bytea)"),
            ("format", "'gpx'"),
            ("file", "'x'::bytea"),
            ("sport", "'running'"),
            ("started_at", "'2026-03-10T12:00:00Z'"),
            ("ended_at", "'2026-03-10T12:05:00Z'"),
            ("offsets", "ARRAY[0, 300000]"),
            ("latitudes", "ARRAY[525000000, 525010000]"),
            ("longitudes", "ARRAY[134000000, 134000000]"),
            ("elevations", "ARRAY[]::integer[]"),
            ("heart_rates", "ARRAY[]::integer[]"),
            ("cadences", "ARRAY[]::integer[]"),
            ("powers", "ARRAY[]::integer[]"),
        ],
        change: "device = 'changed'",
        ..TABLE
    },
    Table {
        name: "privacy_zones",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("latitude", "52.5"), ("longitude", "13.4"), ("radius_m", "200")],
        change: "name = 'changed'",
        ..TABLE
    },
    Table {
        name: "profiles",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("valid_from", "'2026-01-01'::date + {m}"), ("born_on", "'1990-05-17'")],
        change: "activity_level = 'light'",
        operations: &[("sign as another", "UPDATE profiles SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "measurements",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("type", "'weight'"),
            ("value", "70"),
            ("unit", "'kg'"),
            ("canonical_value", "70"),
            ("measured_at", "'2026-03-10T12:00:00Z'"),
            ("time_zone", "'UTC'"),
            ("measured_on", "'2026-03-10'"),
        ],
        change: "value = 71",
        operations: &[("sign as another", "UPDATE measurements SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "source_rankings",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("metric", "'m' || left(md5('{name}{n}{m}'), 12)"),
            ("sources", "ARRAY['watch']"),
        ],
        change: "sources = ARRAY['changed']",
        operations: &[("sign as another", "UPDATE source_rankings SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "moods",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("value", "70"),
            ("tags", r#"'["calm"]'"#),
            ("felt_at", "'2026-03-10T12:00:00Z'"),
            ("time_zone", "'UTC'"),
            ("felt_on", "'2026-03-10'"),
        ],
        change: "value = 71",
        operations: &[("sign as another", "UPDATE moods SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "fasts",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            // Of one person no two may overlap.
            ("started_at", "timestamptz '1960-01-01T00:00:00Z' + hashtext('{name}{n}{m}') % 500000 * interval '30 minutes'"),
            ("ended_at", "timestamptz '1960-01-01T00:10:00Z' + hashtext('{name}{n}{m}') % 500000 * interval '30 minutes'"),
            ("ended_on", "'2026-03-10'"),
            ("time_zone", "'UTC'"),
        ],
        change: "note = 'changed'",
        operations: &[("sign as another", "UPDATE fasts SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "progress_photos",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("kind", "'front'"),
            ("taken_on", "'2026-03-10'"),
            ("width", "1"),
            ("height", "1"),
            ("jpeg", r"'\xffd8ffd9'"),
        ],
        change: "kind = 'side'",
        ..TABLE
    },
    Table {
        name: "device_sources",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("name", "'{name}{n}{m}'"),
            ("last_received_at", "'2026-03-10T12:00:00Z'"),
        ],
        change: "last_received_at = '2026-03-11T12:00:00Z'",
        ..TABLE
    },
    Table {
        name: "device_samples",
        key: "source_id",
        columns: &[
            ("user_id", "{owner}"),
            ("source", "'{name}{n}{m}'"),
            ("metric", "'steps'"),
            ("source_id", "{id}"),
            ("started_at", "'2026-03-10T12:00:00Z'"),
            ("ended_at", "'2026-03-10T12:10:00Z'"),
            ("time_zone", "'UTC'"),
            ("recorded_on", "'2026-03-10'"),
            ("value", "700"),
        ],
        primary: "user_id, source, metric, source_id",
        change: "value = 71",
        ..TABLE
    },
    Table {
        name: "sleep_entries",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("started_at", "'2026-03-09T22:00:00Z'"),
            ("ended_at", "'2026-03-10T06:00:00Z'"),
            ("time_zone", "'UTC'"),
            ("woke_on", "'2026-03-10'"),
            // Of one source no two may overlap.
            ("source", "'{name}{n}{m}'"),
        ],
        change: "note = 'changed'",
        operations: &[("sign as another", "UPDATE sleep_entries SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "sleep_stages",
        key: "sleep_entry_id",
        columns: &[
            ("user_id", "{owner}"),
            ("sleep_entry_id", "{held_sleep}"),
            ("position", "{n}"),
            ("stage", "'deep'"),
            ("started_at", "'2026-03-10T01:00:00Z'"),
            ("ended_at", "'2026-03-10T02:00:00Z'"),
        ],
        primary: "user_id, sleep_entry_id, position",
        change: "stage = 'rem'",
        ..TABLE
    },
    Table {
        name: "goals",
        facet: "access_type",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("type", "'calorie_target'"),
            ("target_value", "2000"),
            ("valid_from", "'2026-01-01'"),
            ("valid_to", "'2026-12-31'"),
        ],
        change: "target_value = 1",
        more_rows: &[&[("type", "'weight'")]],
        operations: &[
            (
                "insert a goal of the body for another",
                "INSERT INTO goals (user_id, id, type, valid_from) VALUES ({target_id}, {missing}, 'weight', '2026-01-01')",
            ),
            ("change what a goal is about", "UPDATE goals SET type = 'weight'"),
            (
                "give goals of intake to the target (granted)",
                "DELETE FROM goals WHERE access_type = 'checkin'; UPDATE goals SET user_id = {target_id}",
            ),
            (
                "give goals of the body to the target (granted)",
                "DELETE FROM goals WHERE access_type = 'calorie'; UPDATE goals SET user_id = {target_id}",
            ),
            ("sign as another", "UPDATE goals SET created_by = {stranger_id}"),
        ],
        ..TABLE
    },
    Table {
        name: "nutrition_targets",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("days", "'every_day'"),
            ("valid_from", "'2026-01-01'"),
            ("aims", r#"'{"ENERC_KCAL": {"amount": "2000"}}'"#),
        ],
        change: "valid_to = '2026-12-31'",
        operations: &[
            ("sign as another", "UPDATE nutrition_targets SET created_by = {stranger_id}"),
            ("aim at something else", "UPDATE nutrition_targets SET aims = '{}'"),
        ],
        ..TABLE
    },
    Table {
        name: "food_imports",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("kind", "'diary'"),
            ("report", r#"'{"lines": 0, "added": 0, "duplicates": 0, "rejected": 0, "guesses": [], "problems": []}'"#),
            ("rows", "'[]'"),
            ("kept_until", "'2100-01-01'"),
        ],
        change: "state = 'undone'",
        // One that can be undone.
        more_rows: &[&[("state", "'committed'")]],
        operations: &[("import something else", "UPDATE food_imports SET kind = 'foods'")],
        ..TABLE
    },
    Table {
        name: "noots",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("version", "3"),
            ("checksum", "repeat('0', 64)"),
            ("data", r#"'{"activities": [{"activityType": "todo", "id": "milk", "properties": {"title": "Milk"}}, {"activityType": "note", "properties": {}}]}'"#),
        ],
        change: "deleted = true, version = 9",
        operations: &[("sign as another", "UPDATE noots SET created_by = {stranger_id}")],
        ..TABLE
    },
    Table {
        name: "conflicted_noots",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("noot_id", "{missing}"),
            ("base_version", "1"),
            ("checksum", "repeat('{m}', 64)"),
            ("data", r#"'{"activities": []}'"#),
        ],
        change: "base_version = 2",
        ..TABLE
    },
    Table {
        name: "meals",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("name", "'Chili'"), ("servings", "4")],
        change: "name = 'changed'",
        ..TABLE
    },
    Table {
        name: "meal_ingredients",
        key: "meal_id",
        columns: &[("user_id", "{owner}"), ("meal_id", "{held_meal}"), ("position", "{n}"), ("food_item_id", "{common_food}"), ("name", "'Beans'")],
        primary: "user_id, meal_id, position",
        change: "name = 'changed'",
        operations: &[
            (
                "log a hidden food",
                "INSERT INTO meal_ingredients (user_id, meal_id, position, food_item_id, name) VALUES ({viewer_id}, {held_meal}, 9, {hidden_food}, 'x')",
            ),
            (
                "log a missing food",
                "INSERT INTO meal_ingredients (user_id, meal_id, position, food_item_id, name) VALUES ({viewer_id}, {held_meal}, 9, {missing}, 'x')",
            ),
            (
                "log a deleted food",
                "INSERT INTO meal_ingredients (user_id, meal_id, position, food_item_id, name) VALUES ({viewer_id}, {held_meal}, 9, {deleted_food}, 'x')",
            ),
            ("log another food", "UPDATE meal_ingredients SET food_item_id = {hidden_food}"),
        ],
        ..TABLE
    },
    Table {
        name: "meal_plan_templates",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("name", "'Weekdays'")],
        change: "name = 'changed'",
        ..TABLE
    },
    Table {
        name: "meal_plan_template_items",
        key: "template_id",
        columns: &[
            ("user_id", "{owner}"),
            ("template_id", "{held_template}"),
            ("position", "{n}"),
            ("day", "1"),
            ("meal_type", "'lunch'"),
            ("food_item_id", "{common_food}"),
            ("name", "'Porridge'"),
            ("quantity", "1"),
            ("unit", "'serving'"),
        ],
        primary: "user_id, template_id, position",
        change: "name = 'changed'",
        operations: &[
            (
                "log a hidden food",
                "INSERT INTO meal_plan_template_items (user_id, template_id, position, day, meal_type, name, quantity, unit, food_item_id) VALUES ({viewer_id}, {held_template}, 9, 1, 'lunch', 'x', 1, 'serving', {hidden_food})",
            ),
            (
                "log a missing food",
                "INSERT INTO meal_plan_template_items (user_id, template_id, position, day, meal_type, name, quantity, unit, food_item_id) VALUES ({viewer_id}, {held_template}, 9, 1, 'lunch', 'x', 1, 'serving', {missing})",
            ),
            (
                "log a deleted food",
                "INSERT INTO meal_plan_template_items (user_id, template_id, position, day, meal_type, name, quantity, unit, food_item_id) VALUES ({viewer_id}, {held_template}, 9, 1, 'lunch', 'x', 1, 'serving', {deleted_food})",
            ),
            (
                "plan a hidden meal",
                "INSERT INTO meal_plan_template_items (user_id, template_id, position, day, meal_type, name, quantity, unit, meal_owner_id, meal_id) VALUES ({viewer_id}, {held_template}, 9, 1, 'lunch', 'x', 1, 'serving', {stranger_id}, {hidden_meal})",
            ),
            (
                "plan the target's meal",
                "INSERT INTO meal_plan_template_items (user_id, template_id, position, day, meal_type, name, quantity, unit, meal_owner_id, meal_id) VALUES ({viewer_id}, {held_template}, 9, 1, 'lunch', 'x', 1, 'serving', {target_id}, {target_meal})",
            ),
            (
                "plan one's own meal as another's",
                "INSERT INTO meal_plan_template_items (user_id, template_id, position, day, meal_type, name, quantity, unit, meal_owner_id, meal_id) VALUES ({viewer_id}, {held_template}, 9, 1, 'lunch', 'x', 1, 'serving', {stranger_id}, {own_meal})",
            ),
            (
                "plan another's meal as one's own",
                "INSERT INTO meal_plan_template_items (user_id, template_id, position, day, meal_type, name, quantity, unit, meal_owner_id, meal_id) VALUES ({viewer_id}, {held_template}, 9, 1, 'lunch', 'x', 1, 'serving', {viewer_id}, {hidden_meal})",
            ),
            (
                "plan a deleted meal",
                "UPDATE meals SET deleted_at = '2026-03-10' WHERE id = {own_meal}; INSERT INTO meal_plan_template_items (user_id, template_id, position, day, meal_type, name, quantity, unit, meal_owner_id, meal_id) VALUES ({viewer_id}, {held_template}, 9, 1, 'lunch', 'x', 1, 'serving', {viewer_id}, {own_meal})",
            ),
            ("log another food", "UPDATE meal_plan_template_items SET food_item_id = {hidden_food}"),
        ],
        ..TABLE
    },
    Table {
        name: "planned_meals",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("planned_on", "'2026-03-10'"),
            ("meal_type", "'lunch'"),
            ("name", "'Pizza'"),
            ("quantity", "1"),
            ("unit", "'serving'"),
        ],
        change: "name = 'changed'",
        operations: &[
            (
                "log a hidden food",
                "INSERT INTO planned_meals (user_id, id, planned_on, meal_type, name, quantity, unit, food_item_id) VALUES ({viewer_id}, {missing}, '2026-03-10', 'lunch', 'x', 1, 'serving', {hidden_food})",
            ),
            (
                "log a missing food",
                "INSERT INTO planned_meals (user_id, id, planned_on, meal_type, name, quantity, unit, food_item_id) VALUES ({viewer_id}, {missing}, '2026-03-10', 'lunch', 'x', 1, 'serving', {missing})",
            ),
            (
                "log a deleted food",
                "INSERT INTO planned_meals (user_id, id, planned_on, meal_type, name, quantity, unit, food_item_id) VALUES ({viewer_id}, {missing}, '2026-03-10', 'lunch', 'x', 1, 'serving', {deleted_food})",
            ),
            (
                "plan a hidden meal",
                "INSERT INTO planned_meals (user_id, id, planned_on, meal_type, name, quantity, unit, meal_owner_id, meal_id) VALUES ({viewer_id}, {missing}, '2026-03-10', 'lunch', 'x', 1, 'serving', {stranger_id}, {hidden_meal})",
            ),
            (
                "plan the target's meal",
                "INSERT INTO planned_meals (user_id, id, planned_on, meal_type, name, quantity, unit, meal_owner_id, meal_id) VALUES ({viewer_id}, {missing}, '2026-03-10', 'lunch', 'x', 1, 'serving', {target_id}, {target_meal})",
            ),
            (
                "plan one's own meal as another's",
                "INSERT INTO planned_meals (user_id, id, planned_on, meal_type, name, quantity, unit, meal_owner_id, meal_id) VALUES ({viewer_id}, {missing}, '2026-03-10', 'lunch', 'x', 1, 'serving', {stranger_id}, {own_meal})",
            ),
            (
                "plan another's meal as one's own",
                "INSERT INTO planned_meals (user_id, id, planned_on, meal_type, name, quantity, unit, meal_owner_id, meal_id) VALUES ({viewer_id}, {missing}, '2026-03-10', 'lunch', 'x', 1, 'serving', {viewer_id}, {hidden_meal})",
            ),
            (
                "plan a deleted meal",
                "UPDATE meals SET deleted_at = '2026-03-10' WHERE id = {own_meal}; INSERT INTO planned_meals (user_id, id, planned_on, meal_type, name, quantity, unit, meal_owner_id, meal_id) VALUES ({viewer_id}, {missing}, '2026-03-10', 'lunch', 'x', 1, 'serving', {viewer_id}, {own_meal})",
            ),
            ("log another food", "UPDATE planned_meals SET food_item_id = {hidden_food}"),
            ("sign as another", "UPDATE planned_meals SET created_by = {stranger_id}"),
        ],
        ..TABLE
    },
    Table {
        name: "cooked_batches",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("name", "'Chili'"),
            ("measure", "'g'"),
            ("total", "1000"),
            ("parts", r#"'[{"name": "Beans", "nutrition": {}}]'"#),
            ("cooked_at", "'2026-03-10T12:00:00Z'"),
        ],
        change: "name = 'changed'",
        ..TABLE
    },
    Table {
        name: "cooked_portions",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("batch_id", "{batch}"),
            ("eater_id", "{owner}"),
            ("amount", "1"),
            ("portioned_at", "'2026-03-10T12:00:00Z'"),
        ],
        change: "amount = 2",
        operations: &[
            (
                "portion for a stranger",
                "INSERT INTO cooked_portions (user_id, id, batch_id, eater_id, amount, portioned_at) VALUES ({viewer_id}, {missing}, {batch}, {stranger_id}, 1, '2026-03-10')",
            ),
            (
                "portion for the target",
                "INSERT INTO cooked_portions (user_id, id, batch_id, eater_id, amount, portioned_at) VALUES ({viewer_id}, {missing}, {batch}, {target_id}, 1, '2026-03-10')",
            ),
        ],
        ..TABLE
    },
    Table {
        name: "chat_history",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("message", "'Hello'"), ("response", "'Hello'")],
        change: "response = 'changed'",
        ..TABLE
    },
    Table {
        name: "access_log",
        columns: &[("user_id", "{owner}"), ("access_type", "'calorie'"), ("read_at", "'2026-03-10T1{m}:00:00Z'")],
        reserved: &[("id", "{id}"), ("reader_id", "{reader}")],
        change: "read_at = now()",
        operations: &[
            ("log checkin", "INSERT INTO access_log (user_id, access_type, read_at) VALUES ({target_id}, 'checkin', now())"),
            ("log reports", "INSERT INTO access_log (user_id, access_type, read_at) VALUES ({target_id}, 'reports', now())"),
            ("log food_list", "INSERT INTO access_log (user_id, access_type, read_at) VALUES ({target_id}, 'food_list', now())"),
            ("log organiser", "INSERT INTO access_log (user_id, access_type, read_at) VALUES ({target_id}, 'organiser', now())"),
            (
                "log as another (granted)",
                "INSERT INTO access_log (user_id, reader_id, access_type, read_at) VALUES ({target_id}, {stranger_id}, 'calorie', now())",
            ),
        ],
        ..TABLE
    },
    // A person's household has the person's id: whose a row is, is whose household it is in.
    Table {
        name: "households",
        owner: "id",
        facet: "replace(name, 'Family of ', '')",
        columns: &[("id", "{owner}"), ("name", "'Family of {name}'")],
        primary: "id",
        change: "name = 'changed'",
        ..TABLE
    },
    Table {
        name: "household_change_counts",
        owner: "household_id",
        facet: "CASE WHEN routine_id IS NULL THEN 'all' ELSE 'routine' END",
        columns: &[("household_id", "{owner}"), ("id", "{id}"), ("routine_id", "{id}")],
        primary: "household_id, id",
        change: "number = 9",
        ..TABLE
    },
    Table {
        name: "household_members",
        owner: "household_id",
        facet: "CASE WHEN removed_at IS NULL THEN role ELSE 'former' END",
        columns: &[("household_id", "{owner}"), ("id", "{id}"), ("name", "'{name}'")],
        reserved: &[("user_id", "{owner}"), ("role", "'administrator'")],
        primary: "household_id, id",
        change: "name = 'changed'",
        operations: &[
            ("leave", "UPDATE household_members SET removed_at = now() WHERE household_id = {target_id} AND user_id = {viewer_id}"),
            ("leave unseen", "UPDATE household_members SET removed_at = now()"),
            ("leave alone", "UPDATE household_members SET removed_at = now() WHERE household_id = {viewer_id}"),
            ("come back", "UPDATE household_members SET removed_at = NULL"),
            ("become administrator", "UPDATE household_members SET role = 'administrator' WHERE household_id = {target_id}"),
            (
                "become administrator while leaving",
                "UPDATE household_members SET role = 'administrator', removed_at = now() WHERE household_id = {target_id} AND user_id = {viewer_id}",
            ),
            ("take an account", "UPDATE household_members SET user_id = {viewer_id}"),
            (
                "give an own membership away (granted)",
                "UPDATE household_members SET user_id = {stranger_id}, removed_at = now() WHERE household_id = {target_id} AND user_id = {viewer_id}",
            ),
            ("insert with an account", "INSERT INTO household_members (household_id, id, user_id, name) VALUES ({target_id}, {missing}, {viewer_id}, 'x')"),
        ],
        ..TABLE
    },
    Table {
        name: "household_invitations",
        owner: "household_id",
        facet: "status",
        columns: &[
            ("household_id", "{owner}"),
            ("member_id", "{member}"),
            ("household_name", "'Family of {name}'"),
            ("email", "'{name}{m}@example.com'"),
            ("address", "'{name}{m}@example.com'"),
        ],
        reserved: &[("id", "{id}"), ("status", "'revoked'")],
        primary: "household_id, id",
        change: "status = 'revoked'",
        operations: &[
            ("decline", "UPDATE household_invitations SET status = 'declined' WHERE household_id = {target_id} AND status = 'offered'"),
            ("accept by hand", "UPDATE household_invitations SET status = 'accepted' WHERE household_id = {target_id} AND status = 'offered'"),
            ("offer again", "UPDATE household_invitations SET status = 'offered' WHERE household_id = {viewer_id}"),
            ("prolong", "UPDATE household_invitations SET expires_at = '2100-01-01'"),
            ("decline again", "UPDATE household_invitations SET status = 'declined' WHERE household_id = {target_id} AND status = 'declined'"),
            (
                "invite as accepted (granted)",
                "INSERT INTO household_invitations (household_id, member_id, household_name, email, address, status)
                 VALUES ({viewer_id}, {own_member}, 'x', 'x@example.org', 'x@example.org', 'accepted')",
            ),
        ],
        ..TABLE
    },
    Table {
        name: "routines",
        owner: "household_id",
        columns: &[("household_id", "{owner}"), ("id", "{id}"), ("name", "'Bedtime'"), ("starts_on", "'2026-01-01'"), ("time_zone", "'UTC'")],
        primary: "household_id, id",
        change: "name = 'changed'",
        ..TABLE
    },
    Table {
        name: "routine_members",
        owner: "household_id",
        columns: &[
            ("household_id", "{owner}"),
            ("id", "{id}"),
            ("routine_id", "{routine}"),
            ("member_id", "{member}"),
            ("rank", "0"),
            ("starts_on", "'2026-01-01'"),
            ("ends_on", "'2026-12-31'"),
        ],
        primary: "household_id, id",
        change: "rank = 1",
        ..TABLE
    },
    Table {
        name: "unavailability",
        owner: "household_id",
        facet: "(SELECT m.name FROM household_members m WHERE m.household_id = unavailability.household_id AND m.id = member_id)",
        columns: &[
            ("household_id", "{owner}"),
            ("id", "{id}"),
            ("member_id", "{member}"),
            ("kind", "'dates'"),
            ("starts_on", "'2026-06-10'"),
        ],
        primary: "household_id, id",
        change: "ends_on = '2026-07-01'",
        operations: &[
            (
                "be away in the target's household",
                "INSERT INTO unavailability (household_id, id, member_id, kind, starts_on) VALUES ({target_id}, {missing}, {member_there}, 'dates', '2026-03-10')",
            ),
            (
                "move an own absence to the target's household (granted)",
                "UPDATE unavailability SET household_id = {target_id}, member_id = {member_there}",
            ),
            ("say that another is away", "UPDATE unavailability SET member_id = {missing}"),
            ("give an own absence to another (granted)", "UPDATE unavailability SET member_id = {target_member} WHERE member_id = {member_there}"),
        ],
        ..TABLE
    },
    Table {
        name: "assignments",
        owner: "household_id",
        facet: "name",
        columns: &[
            ("household_id", "{owner}"),
            ("id", "{id}"),
            ("routine_id", "{routine}"),
            ("date", "'2026-03-1{m}'"),
            ("member_id", "{member}"),
            ("name", "'{name}'"),
            ("reason", "'Order'"),
        ],
        primary: "household_id, id",
        change: "status = 'skipped'",
        operations: &[
            ("skip a turn of one's own", "UPDATE assignments SET status = 'skipped' WHERE household_id = {target_id} AND member_id = {member_there}"),
            ("say that one did it", "UPDATE assignments SET status = 'done', done_at = now(), done_by = {member_there} WHERE household_id = {target_id}"),
            ("take a turn", "UPDATE assignments SET member_id = {member_there}, cause = 'swap' WHERE household_id = {target_id}"),
            ("give a turn away without a cause", "UPDATE assignments SET member_id = NULL, name = 'x', kind = 'helper' WHERE household_id = {viewer_id}"),
            ("change a decision", "UPDATE assignments SET pinned = true WHERE household_id = {target_id} AND member_id = {member_there}"),
            ("sign as another", "UPDATE assignments SET created_by = {stranger_id}"),
        ],
        ..TABLE
    },
    Table {
        name: "plan_causes",
        owner: "household_id",
        columns: &[("household_id", "{owner}"), ("id", "{id}"), ("routine_id", "{routine}"), ("kind", "'absence'"), ("starts_on", "'2026-01-10'"), ("ends_on", "'2026-01-12'")],
        primary: "household_id, id",
        change: "starts_on = '2026-03-11'",
        ..TABLE
    },
    Table {
        name: "assignment_changes",
        owner: "household_id",
        columns: &[
            ("household_id", "{owner}"),
            ("routine_id", "{routine}"),
            ("date", "'2026-03-10'"),
            ("before_name", "'{name}'"),
            ("cause", "'swap'"),
        ],
        reserved: &[("id", "{id}")],
        primary: "household_id, id",
        change: "cause = 'changed'",
        ..TABLE
    },
    Table {
        name: "swap_requests",
        owner: "household_id",
        facet: "status",
        columns: &[("household_id", "{owner}"), ("id", "{id}"), ("assignment_id", "{assignment}"), ("from_member_id", "{member}")],
        reserved: &[("status", "'withdrawn'")],
        primary: "household_id, id",
        change: "status = 'withdrawn'",
        operations: &[
            (
                "ask in the target's household",
                "INSERT INTO swap_requests (household_id, id, assignment_id, from_member_id) VALUES ({target_id}, {missing}, {turn_there}, {member_there})",
            ),
            (
                "ask as accepted (granted)",
                "INSERT INTO swap_requests (household_id, id, assignment_id, from_member_id, status) VALUES ({viewer_id}, {missing}, {own_assignment}, {own_member}, 'accepted')",
            ),
            ("accept", "UPDATE swap_requests SET status = 'accepted' WHERE household_id = {target_id}"),
            ("decline", "UPDATE swap_requests SET status = 'declined' WHERE household_id = {target_id}"),
            ("prolong", "UPDATE swap_requests SET expires_at = '2100-01-01'"),
            ("answer for another", "UPDATE swap_requests SET answered_by = {own_member}"),
        ],
        ..TABLE
    },
    Table {
        name: "backups",
        owner: "NULL::uuid",
        columns: &[("id", "{id}"), ("kind", "'manual'"), ("began_at", "now()"), ("ended_at", "now()"), ("file", "'{name}{m}'")],
        primary: "id",
        change: "bytes = 1",
        common: true,
        ..TABLE
    },
    Table { name: "sync_epochs", owner: "NULL::uuid", columns: &[("id", "{id}")], primary: "id", change: "updated_at = now()", common: true, ..TABLE },
    Table {
        name: "sync_mutations",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("request", "sha256('{name}')"), ("outcome", "'{}'")],
        change: "outcome = '{\"changed\": true}'",
        ..TABLE
    },
    Table {
        name: "sync_rejections",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("person_id", "{owner}"),
            ("request", "sha256('{name}{m}')"),
            ("client", "'phone'"),
            ("mutation", "'{\"id\": null, \"collection\": \"measurements\", \"row\": \"00000000-0000-7000-8000-000000000000\", \"write\": {\"cells\": {}}}'"),
            ("outcome", "'{\"status\": \"duplicate\", \"clock_skew\": false}'"),
        ],
        change: "outcome = '{\"changed\": true}'",
        ..TABLE
    },
    Table {
        name: "devices",
        columns: &[("user_id", "{owner}"), ("id", "{id}"), ("name", "'phone'"), ("last_seen_at", "'2026-03-10'")],
        change: "name = 'changed'",
        ..TABLE
    },
    Table {
        name: "routine_reminders",
        owner: "household_id",
        facet: "(SELECT m.name FROM household_members m WHERE m.household_id = routine_reminders.household_id AND m.id = member_id)",
        columns: &[
            ("household_id", "{owner}"),
            ("id", "{id}"),
            ("routine_id", "{routine}"),
            ("member_id", "{member}"),
            ("minutes_before", "30"),
        ],
        primary: "household_id, id",
        change: "minutes_before = 60",
        operations: &[
            (
                "be reminded in the target's household",
                "INSERT INTO routine_reminders (household_id, id, routine_id, member_id, minutes_before)
                 SELECT {target_id}, {missing}, (SELECT id FROM routines WHERE household_id = {target_id} LIMIT 1), {member_there}, 30",
            ),
            ("give an own reminder to another (granted)", "UPDATE routine_reminders SET member_id = {target_member} WHERE member_id = {member_there}"),
        ],
        ..TABLE
    },
    Table {
        name: "reminder_mails",
        owner: "household_id",
        facet: "(SELECT m.name FROM household_members m WHERE m.household_id = reminder_mails.household_id AND m.id = member_id)",
        columns: &[("household_id", "{owner}"), ("routine_id", "{routine}"), ("member_id", "{member}"), ("date", "'2100-03-1{m}'")],
        reserved: &[("id", "{id}")],
        primary: "household_id, id",
        change: "sent_at = '2026-03-10'",
        operations: &[
            (
                "note a mail in the target's household",
                "INSERT INTO reminder_mails (household_id, routine_id, member_id, date)
                 SELECT {target_id}, (SELECT id FROM routines WHERE household_id = {target_id} LIMIT 1), {member_there}, '2100-04-01'",
            ),
            ("send another's mail (granted)", "UPDATE reminder_mails SET member_id = {target_member} WHERE member_id = {member_there}"),
        ],
        ..TABLE
    },
    Table {
        name: "idempotency_keys",
        key: "key",
        columns: &[
            ("user_id", "{owner}"),
            ("key", "'{name}{n}'"),
            ("request", "sha256('{name}')"),
            ("expires_at", "'2100-01-01'"),
        ],
        primary: "user_id, key",
        change: "answer = 'changed'",
        operations: &[("use for another request", "UPDATE idempotency_keys SET request = sha256('changed')")],
        ..TABLE
    },
    Table {
        name: "jobs",
        owner: "owner_id",
        columns: &[
            ("id", "{id}"),
            ("owner_id", "{owner}"),
            ("kind", "'clean_up'"),
            ("key", "'{name}{m}'"),
            // ann's has waited longest.
            ("due_at", "CASE '{name}' WHEN 'ann' THEN '2020-01-01' ELSE '2026-01-01' END::timestamptz"),
            ("claim", "{id}"),
        ],
        primary: "id",
        change: "attempts = 1",
        common: true,
        ..TABLE
    },
    Table {
        name: "calendar_feeds",
        owner: "household_id",
        columns: &[("household_id", "{owner}"), ("id", "{id}"), ("token", "encode(sha256('{name}{n}{m}'), 'hex')")],
        primary: "household_id, id",
        change: "revoked_at = now()",
        // Of each household but one there are links that somebody made who belongs to ann's, and somebody who did once.
        more_rows: &[
            &[("created_by", "(SELECT id FROM users WHERE email = CASE '{name}' WHEN 'other' THEN 'other' ELSE 'household_member' END || '@example.org')")],
            &[("created_by", "(SELECT id FROM users WHERE email = CASE '{name}' WHEN 'other' THEN 'other' ELSE 'household_removed' END || '@example.org')")],
        ],
        operations: &[
            ("read the secret", "SELECT token FROM calendar_feeds"),
            ("give a link to another (granted)", "UPDATE calendar_feeds SET created_by = {stranger_id} WHERE household_id = {target_id}"),
            (
                "make a link of another's (granted)",
                "INSERT INTO calendar_feeds (household_id, id, token, created_by) VALUES ({viewer_id}, {missing}, repeat('0', 64), {stranger_id})",
            ),
        ],
        ..TABLE
    },
    Table {
        name: "oauth_consents",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("household_id", "{owner}"),
            ("provider", "'google'"),
            ("state", "encode(sha256('{name}{n}{m}'), 'hex')"),
            ("verifier", "'sealed'"),
            ("expires_at", "'2100-01-01'"),
        ],
        change: "used_at = now()",
        operations: &[(
            "consent for the target's household",
            "INSERT INTO oauth_consents (user_id, id, household_id, provider, state, verifier, expires_at)
             VALUES ({viewer_id}, {missing}, {target_id}, 'google', repeat('0', 64), 'x', '2100-01-01')",
        )],
        ..TABLE
    },
    Table {
        name: "oauth_tokens",
        columns: &[
            ("user_id", "{owner}"),
            ("id", "{id}"),
            ("household_id", "{owner}"),
            ("provider", "'google'"),
            ("access_token", "'sealed'"),
            ("refresh_token", "'sealed'"),
            ("expiry", "'2100-01-01'"),
        ],
        change: "expiry = now()",
        operations: &[(
            "connect the target's household",
            "INSERT INTO oauth_tokens (user_id, id, household_id, provider, access_token, refresh_token, expiry)
             VALUES ({viewer_id}, {missing}, {target_id}, 'google', 'x', 'x', '2100-01-01')",
        )],
        ..TABLE
    },
    // The people here have the first of each, and what is new is another.
    Table {
        name: "food_provider_settings",
        key: "(user_id || ' ' || provider)",
        columns: &[
            ("user_id", "{owner}"),
            ("provider", "(ARRAY['open_food_facts', 'food_data_central', 'fat_secret'])[1 + {n} % 3 + {m}]"),
            ("position", "0"),
            ("credential", "'sealed'"),
        ],
        primary: "user_id, provider",
        change: "enabled = false",
        ..TABLE
    },
    Table {
        name: "recipe_servers",
        key: "(user_id || ' ' || kind)",
        columns: &[
            ("user_id", "{owner}"),
            ("kind", "(ARRAY['mealie', 'tandoor'])[1 + {m}]"),
            ("url", "'https://recipes.example.org'"),
            ("token", "'sealed'"),
        ],
        primary: "user_id, kind",
        change: "token = 'changed'",
        ..TABLE
    },
    Table {
        name: "calendar_settings",
        owner: "household_id",
        columns: &[("household_id", "{owner}"), ("id", "{id}"), ("provider", "'google'")],
        primary: "household_id, id",
        change: "problem = 'changed'",
        ..TABLE
    },
    Table {
        name: "calendar_events",
        key: "event_id",
        owner: "household_id",
        columns: &[
            ("household_id", "{owner}"),
            ("calendar_id", "{calendar}"),
            ("event_id", "md5('{name}{n}')"),
            ("in_calendar", "'family'"),
            ("routine_id", "{routine}"),
            ("date", "'2026-03-1{m}'"),
        ],
        primary: "household_id, event_id",
        change: "etag = 'changed'",
        ..TABLE
    },
    Table {
        name: "notification_channels",
        owner: "household_id",
        columns: &[
            ("household_id", "{owner}"),
            ("id", "{id}"),
            ("calendar_id", "{calendar}"),
            ("in_calendar", "'family'"),
            ("token", "encode(sha256('{name}'), 'hex')"),
            ("starts_at", "'2026-01-01'"),
            ("expiration", "'2100-01-01'"),
        ],
        primary: "household_id, id",
        change: "resource_id = 'changed'",
        operations: &[("read the secret", "SELECT token FROM notification_channels")],
        ..TABLE
    },
    Table {
        name: "migrations",
        key: "version",
        owner: "NULL::uuid",
        columns: &[("version", "'{name}{n}'"), ("name", "'{name}'"), ("checksum", "'0'")],
        primary: "version",
        change: "checksum = '0'",
        ..TABLE
    },
];
