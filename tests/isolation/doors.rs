//! The SECURITY DEFINER functions: what they tell or change for whom. One that is missing here fails the matrix.

use super::people::{PEOPLE, Principal, person, row_id};

/// A function that sees more than its caller.
pub struct Door {
    /// As PostgreSQL writes it.
    pub name: &'static str,
    /// The table whose keys it answers, or which it changes.
    pub relation: &'static str,
    pub shows: bool,
    call: &'static str,
}

const fn shows(name: &'static str, relation: &'static str, call: &'static str) -> Door {
    Door { name, relation, shows: true, call }
}

const fn changes(name: &'static str, relation: &'static str, call: &'static str) -> Door {
    Door { name, relation, shows: false, call }
}

pub const DOORS: &[Door] = &[
    shows(
        "search.foods(text,text,text[],text[],boolean,uuid[],uuid[],integer[],integer,numeric,uuid)",
        "food_items",
        "SELECT id::text FROM search.foods('porridge', NULL, '{own,family,catalogue}', NULL, false, NULL, NULL, NULL, 100, NULL, NULL)",
    ),
    shows(
        "search.exercises(text,text,text,text,text,boolean,uuid[],integer[],integer,numeric,uuid)",
        "exercises",
        "SELECT id::text FROM search.exercises('rowing', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 100, NULL, NULL)",
    ),
    shows(
        "reports.nutrition_days(uuid,date,date)",
        "users",
        "SELECT p::text FROM unnest({people}) p, LATERAL reports.nutrition_days(p, '2026-01-01', '2026-12-31')",
    ),
    shows(
        "reports.nutrition_targets(uuid,date,date)",
        "users",
        "SELECT p::text FROM unnest({people}) p, LATERAL reports.nutrition_targets(p, '2026-01-01', '2026-12-31')",
    ),
    shows("auth.households()", "households", "SELECT unnest(auth.households())::text"),
    shows("auth.administered_households()", "households", "SELECT unnest(auth.administered_households())::text"),
    changes(
        "auth.found_household(uuid,text,uuid,text,bytea)",
        "households",
        "SELECT auth.found_household(gen_random_uuid(), 'New', gen_random_uuid(), 'new', NULL)",
    ),
    changes(
        "auth.join_household(uuid)",
        "household_invitations",
        "SELECT auth.join_household({invitation}), auth.join_household({unverified_invitation})",
    ),
    shows("auth.relatives()", "users", "SELECT id::text FROM auth.relatives()"),
    shows("auth.readers()", "users", "SELECT id::text FROM auth.readers()"),
    shows("auth.calendar_of(uuid)", "users", "SELECT p::text FROM unnest({people}) p, LATERAL auth.calendar_of(p)"),
    // The points of everybody's tracks lie in a privacy zone of theirs: what is told is that there is a track.
    shows(
        "auth.activity_track(uuid,uuid)",
        "users",
        "SELECT p::text FROM unnest({people}, {activities}) t (p, a), LATERAL auth.activity_track(p, a)",
    ),
    shows("auth.credentials(text)", "users", "SELECT user_id::text FROM auth.credentials('{target}@example.org')"),
    // With a session of somebody else's.
    changes("auth.enter(uuid,uuid,timestamp with time zone)", "users", "SELECT auth.enter({target_id}, {strange_session}, now())"),
    changes(
        "auth.sign_up(uuid,text,text,text,text)",
        "users",
        "SELECT auth.sign_up(gen_random_uuid(), 'new@example.org', 'not a hash, but long enough', 'New', 'UTC')",
    ),
    changes(
        "auth.open_session(uuid,uuid,text,timestamp with time zone,text,timestamp with time zone,text,text,timestamp with time zone)",
        "sessions",
        "SELECT auth.open_session({target_id}, gen_random_uuid(), 'phone', '2100-01-01', repeat('0', 64), '2100-01-01', NULL, NULL, now())",
    ),
    changes(
        "auth.rotate(text,text,timestamp with time zone,timestamp with time zone,interval)",
        "refresh_tokens",
        "SELECT auth.rotate(encode(sha256('{target}0'), 'hex'), repeat('0', 64), '2100-01-01', now(), '10 s')",
    ),
    changes(
        "auth.request_account_mail(uuid,text,text,uuid,timestamp with time zone)",
        "account_mails",
        "SELECT auth.request_account_mail(gen_random_uuid(), 'verify_email', 'new@example.org', NULL, '2100-01-01')",
    ),
    changes(
        "auth.notify_account(uuid,uuid,text,text,timestamp with time zone)",
        "account_mails",
        "SELECT auth.notify_account(gen_random_uuid(), {target_id}, 'password_changed', 'new@example.org', '2100-01-01')",
    ),
    // With a claim of somebody else's.
    changes(
        "auth.prepare_account_mail(uuid,uuid,text,timestamp with time zone)",
        "account_mails",
        "SELECT auth.prepare_account_mail({target_job}, {strange_job}, repeat('0', 64), now())",
    ),
    // With the hash of a secret that was mailed to the target.
    shows(
        "auth.account_of_secret(text,text,timestamp with time zone)",
        "users",
        "SELECT person::text FROM auth.account_of_secret(encode(sha256('{target}10'), 'hex'), 'reset_password', now())",
    ),
    changes(
        "auth.verify_email(text,timestamp with time zone)",
        "users",
        "SELECT auth.verify_email(encode(sha256('{target}00'), 'hex'), now())",
    ),
    changes(
        "auth.reset_password(text,text,timestamp with time zone)",
        "users",
        "SELECT auth.reset_password(encode(sha256('{target}10'), 'hex'), repeat('x', 50), now())",
    ),
    changes(
        "auth.sign_in_by_link(text,timestamp with time zone)",
        "account_mails",
        "SELECT auth.sign_in_by_link(encode(sha256('{target}20'), 'hex'), now())",
    ),
    changes(
        "auth.change_password(text,text,uuid,timestamp with time zone)",
        "users",
        "SELECT auth.change_password('not a hash, but long enough', repeat('x', 50), NULL, now())",
    ),
    changes(
        "auth.note_security_event(uuid,uuid,text,uuid,text,text,timestamp with time zone)",
        "security_events",
        "SELECT auth.note_security_event(gen_random_uuid(), {target_id}, 'signed_in', NULL, NULL, NULL, now())",
    ),
    changes(
        "auth.note_failed_sign_in(uuid,text,text,text,timestamp with time zone)",
        "security_events",
        "SELECT auth.note_failed_sign_in(gen_random_uuid(), '{target}@example.org', NULL, NULL, now())",
    ),
    shows("auth.second_factor_of(uuid)", "users", "SELECT id::text FROM auth.second_factor_of({target_id})"),
    changes("auth.take_code(uuid,bigint)", "second_factors", "SELECT auth.take_code({target_id}, 9)"),
    changes(
        "auth.take_recovery_code(uuid,text,timestamp with time zone)",
        "recovery_codes",
        "SELECT auth.take_recovery_code({target_id}, encode(sha256('{target}0'), 'hex'), now())",
    ),
    shows("auth.own_second_factor()", "users", "SELECT id::text FROM auth.own_second_factor()"),
    changes("auth.begin_second_factor(text)", "second_factors", "SELECT auth.begin_second_factor('sealed, and long enough')"),
    changes(
        "auth.confirm_second_factor(text,bigint,timestamp with time zone)",
        "second_factors",
        "SELECT auth.confirm_second_factor('sealed, and long enough', 9, now())",
    ),
    changes("auth.replace_recovery_codes(text[])", "recovery_codes", "SELECT auth.replace_recovery_codes(ARRAY[repeat('0', 64)])"),
    changes("auth.remove_second_factor()", "second_factors", "SELECT auth.remove_second_factor()"),
    changes("auth.collect_accounts(timestamp with time zone,integer)", "account_mails", "SELECT auth.collect_accounts(now(), 1000)"),
    changes("auth.count_change(uuid,text[])", "change_counts", "SELECT auth.count_change({target_id}, '{calorie}')"),
    changes("auth.count_household_change(uuid,uuid)", "household_change_counts", "SELECT auth.count_household_change({target_id}, NULL)"),
    shows("auth.change_numbers(uuid[],uuid[])", "users", "SELECT id::text FROM auth.change_numbers({people}, {people})"),
    changes("auth.take(text,integer,interval,timestamp with time zone)", "rate_limits", "SELECT auth.take('new', 5, '1 s', now())"),
    changes(
        "auth.settle(text[],bigint[],timestamp with time zone,timestamp with time zone)",
        "rate_limits",
        "SELECT auth.settle(ARRAY['new'], ARRAY[1000000], now(), now() + interval '1 hour')",
    ),
    changes("auth.refill(text)", "rate_limits", "SELECT auth.refill('{target}0')"),
    changes(
        "auth.add_catalogue_food(jsonb)",
        "food_items",
        r#"SELECT auth.add_catalogue_food('{"id": "00000000-0000-7000-8000-0000000000f1", "source": "usda-fdc", "source_id": "new", "name": "New",
            "serving_size": "100", "serving_unit": "g", "nutrients": {}, "basis": "label", "licensed_by": "CC0-1.0",
            "portions": [{"name": "cup", "amount": "240", "unit": "g"}]}')"#,
    ),
    changes(
        "auth.enqueue(uuid,text,text,timestamp with time zone,interval,boolean)",
        "jobs",
        "SELECT auth.enqueue(gen_random_uuid(), 'clean_up', 'new', now(), NULL, false)",
    ),
    changes(
        "auth.schedule(uuid,text,interval,timestamp with time zone)",
        "jobs",
        "SELECT auth.schedule(gen_random_uuid(), 'clean_up', '1 hour', now())",
    ),
    changes(
        "auth.claim_job(uuid,timestamp with time zone,timestamp with time zone)",
        "jobs",
        "SELECT auth.claim_job(gen_random_uuid(), now(), now() + interval '1 minute')",
    ),
    shows("auth.count_jobs(timestamp with time zone)", "jobs", "SELECT count::text FROM auth.count_jobs(now())"),
    // With a claim of somebody else's.
    changes(
        "auth.extend_job(uuid,uuid,timestamp with time zone)",
        "jobs",
        "SELECT auth.extend_job({target_job}, {strange_job}, '2100-01-01')",
    ),
    changes("auth.enter_job(uuid,uuid)", "users", "SELECT auth.enter_job({target_job}, {strange_job})"),
    changes(
        "auth.finish_job(uuid,uuid,timestamp with time zone,timestamp with time zone,boolean)",
        "jobs",
        "SELECT auth.finish_job({target_job}, {strange_job}, now(), NULL, true)",
    ),
    changes(
        "auth.fail_job(uuid,uuid,timestamp with time zone,timestamp with time zone,text)",
        "jobs",
        "SELECT auth.fail_job({target_job}, {strange_job}, now(), NULL, 'no')",
    ),
    // With the hash of a secret of the target's.
    shows(
        "auth.enter_feed(text,timestamp with time zone)",
        "users",
        "SELECT person::text FROM auth.enter_feed(encode(sha256('{target}00'), 'hex'), now())",
    ),
    shows(
        "auth.enter_consent(text,timestamp with time zone)",
        "users",
        "SELECT person::text FROM auth.enter_consent(encode(sha256('{target}00'), 'hex'), now())",
    ),
    shows(
        "auth.enter_channel(uuid,text,timestamp with time zone)",
        "users",
        "SELECT person::text FROM auth.enter_channel({target_channel}, 'resource', now())",
    ),
    changes("auth.refresh_calendar(uuid)", "jobs", "SELECT auth.refresh_calendar({target_id})"),
    changes("auth.refresh_reminders(uuid)", "jobs", "SELECT auth.refresh_reminders({target_id})"),
    changes("auth.schedule_plans(timestamp with time zone)", "jobs", "SELECT auth.schedule_plans(now())"),
    changes("auth.log_change(text,uuid,uuid)", "sync_rows", "SELECT auth.log_change('measurements', {target_id}, {target_measurement})"),
    shows("auth.sync_epoch()", "sync_epochs", "SELECT auth.sync_epoch()::text"),
    shows("auth.last_backup()", "backups", "SELECT id::text FROM auth.last_backup()"),
    shows("auth.tombstone_floor(uuid)", "users", "SELECT p::text FROM unnest({people}) p WHERE auth.tombstone_floor(p) IS NOT NULL"),
    changes("auth.collect_sync(timestamp with time zone,integer)", "sync_rows", "SELECT auth.collect_sync('2026-03-11', 1000)"),
    changes("auth.clean_up(timestamp with time zone,integer)", "rate_limits", "SELECT auth.clean_up(now(), 1000)"),
];

impl Door {
    pub fn call(&self, principal: &Principal) -> String {
        let people: Vec<_> = PEOPLE.iter().map(|name| format!("'{}'", person(name))).collect();
        let activities: Vec<_> = PEOPLE.iter().map(|name| format!("'{}'", row_id(name, "activities", 0))).collect();
        self.call
            .replace("{people}", &format!("ARRAY[{}]::uuid[]", people.join(", ")))
            .replace("{activities}", &format!("ARRAY[{}]::uuid[]", activities.join(", ")))
            .replace("{target}", principal.target)
            .replace("{target_id}", &format!("'{}'", person(principal.target)))
            .replace("{target_channel}", &format!("'{}'", row_id(principal.target, "notification_channels", 0)))
            .replace("{target_measurement}", &format!("'{}'", row_id(principal.target, "measurements", 0)))
            .replace("{target_job}", &format!("'{}'", row_id(principal.target, "jobs", 0)))
            .replace("{strange_job}", &format!("'{}'", row_id("stranger", "jobs", 0)))
            .replace("{invitation}", &format!("'{}'", row_id("household_invited", "household_invitations", 1)))
            .replace("{unverified_invitation}", &format!("'{}'", row_id("household_unverified", "household_invitations", 1)))
            .replace("{strange_session}", &format!("'{}'", row_id("stranger", "sessions", 0)))
    }
}
