//! What can go wrong, in the caller's terms.

use std::{error::Error as StdError, time::Duration};

use sea_orm::{DbErr, RuntimeErr};

use crate::input;

/// A result whose error a client may be told about.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation did not happen. Nothing has changed when one of these is returned.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No one is signed in, the token is not valid, or the session has ended.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The password is right, and a second factor is asked for, too.
    #[error("a code of the authenticator app is needed, too: send it as code, or to completeSignIn with the challenge")]
    SecondFactorRequired {
        /// What completing the sign-in takes beside the code.
        challenge: String,
        /// Until when.
        expires_at: chrono::DateTime<chrono::Utc>,
    },
    /// There is no such thing, or it is not the viewer's to know about.
    #[error("no {0} with this id")]
    NotFound(&'static str),
    /// An input field names something that does not exist, or that is not the viewer's to know about.
    #[error("{field}: no {what} with this id")]
    NoSuch {
        /// The input field, as the schema names it.
        field: &'static str,
        /// What it should name.
        what: &'static str,
    },
    /// The viewer sees it but may not do this with it.
    #[error("{0}")]
    Forbidden(String),
    /// A value that cannot be accepted.
    #[error("{field}: {message}")]
    Invalid {
        /// The input field, as the schema names it, with a dotted path for nested ones.
        field: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// Something else was there first or has changed meanwhile.
    #[error("{message}")]
    Conflict {
        /// What clashes and what to do.
        message: String,
        /// The row as it is now, where there is one: scalar fields by their schema names.
        current: Option<serde_json::Value>,
    },
    /// Too many attempts.
    #[error("too many attempts, try again in {} seconds", .retry_after.as_secs().max(1))]
    RateLimited {
        /// When the next attempt is allowed.
        retry_after: Duration,
    },
    /// The database took too long.
    #[error("this took too long and was given up")]
    Timeout,
    /// The server cannot do this right now.
    #[error("the server cannot answer right now")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
        /// For the log, never for the client.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Somebody else's server did not do what was asked.
    #[error("{provider} does not answer right now")]
    ProviderUnavailable {
        /// Whose.
        provider: &'static str,
        /// When to try again.
        retry_after: Duration,
        /// For the log, never for the client.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The operator has not set up what this needs.
    #[error("{0}")]
    NotConfigured(&'static str),
    /// A defect of Hale's. The source is for the log, never for the client.
    #[error("internal error")]
    Internal(#[source] Box<dyn StdError + Send + Sync>),
}

impl Error {
    /// A value of `field` that cannot be accepted.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), message: message.into() }
    }

    /// The same about a field that lies in another, which `path` names.
    pub(crate) fn within(self, path: &str) -> Self {
        match self {
            Self::Invalid { field, message } => Self::Invalid { field: format!("{path}.{field}"), message },
            Self::NoSuch { field, what } => Self::invalid(format!("{path}.{field}"), format!("no {what} with this id")),
            other => other,
        }
    }

    /// A clash without a row to show.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict { message: message.into(), current: None }
    }

    /// What the log is told: nothing that somebody typed, and nobody's data, of which a person's own error may be full.
    pub fn for_log(&self) -> String {
        match self {
            Self::Internal(source) | Self::Unavailable { source, .. } => source.to_string(),
            Self::ProviderUnavailable { provider, source, .. } => format!("{provider}: {source}"),
            Self::Invalid { field, .. } => format!("{field} cannot be accepted"),
            Self::Conflict { .. } => "a conflict".to_owned(),
            error => error.to_string(),
        }
    }

    /// Stored JSON that is not what was expected. What serde says may quote it.
    pub(crate) fn stored_json(error: serde_json::Error) -> Self {
        Self::internal(format!("stored JSON cannot be read ({:?})", error.classify()))
    }

    /// A defect of Hale's.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into().into())
    }
}

/// What the user did, for each constraint that a user can break after validation: uniqueness is decided by the database.
fn broken_constraint(name: &str) -> Option<Error> {
    Some(match name {
        "users_email_key" => Error::conflict("this e-mail address already has an account: sign in instead"),
        "users_username_key" => Error::conflict("this username is taken: choose another"),
        "goals_open_key" => Error::conflict("a goal of this type was set at the same moment: read it and try again"),
        "personal_nutrients_code_key" => Error::conflict("you have defined a nutrient with this code already: choose another"),
        "food_items_merged_into_fkey" => Error::NoSuch { field: "keepId", what: "food of your own" },
        "food_portions_name_key" => Error::invalid("portions", "two portions of a food may not have the same name"),
        "family_access_open_key" | "family_access_active_key" => {
            Error::conflict("this is already offered to or shared with this address: revoke it first to change it")
        }
        "family_access_change_check" => Error::conflict("this offer has ended: ask for a new one"),
        "households_pkey" => Error::conflict("this id is taken by something else: make a new one"),
        "household_members_account_key" => Error::conflict("you belong to this household already"),
        "household_members_removed_check" => Error::conflict("this member has left: add them again as a new one"),
        "household_members_account_check" => Error::invalid("role", "an administrator needs an account: invite them first"),
        "household_members_last_check" => {
            Error::conflict("this is the last administrator: make somebody else one first, or delete the household")
        }
        "household_members_administrator_check" | "assignments_administrator_check" => {
            Error::Forbidden("only an administrator of the household may do this".to_owned())
        }
        "household_invitations_open_key" => Error::conflict("this member is invited already: revoke that invitation first"),
        "household_invitations_change_check" => Error::conflict("this invitation has ended: ask for a new one"),
        "swap_requests_open_key" => Error::conflict("a swap of this turn is asked for already: withdraw that request first"),
        "swap_requests_over_check" => Error::conflict("this request is no longer open"),
        "swap_requests_answer_check" => Error::Forbidden("this request is not for you to answer".to_owned()),
        "meal_types_code_key" => Error::conflict("a meal of this name was added at the same moment: choose another name"),
        "water_containers_primary_key" => Error::conflict("another container was made the primary one at the same moment: try again"),
        "water_entries_container_fkey" => Error::NoSuch { field: "containerId", what: "container" },
        "food_diary_group_fkey" => Error::NoSuch { field: "groupId", what: "logged meal" },
        "food_diary_quick_nutrition_check" => Error::invalid("nutrition", "what an entry of a food contains is the food's: leave it out"),
        "exercise_diary_workout_fkey" => Error::NoSuch { field: "workoutId", what: "workout" },
        "exercise_diary_heart_rates_check" => Error::invalid("averageHeartRate", "must not be above maxHeartRate"),
        "workouts_running_key" => Error::conflict("another workout is running: finish or discard it first"),
        "workouts_order_check" => Error::invalid("finishedAt", "must not be before startedAt, nor leave less time than the pauses took"),
        "workouts_paused_while_running_check" => Error::invalid("pausedAt", "a workout that is finished is not paused"),
        "calendar_feeds_member_fkey" => Error::NoSuch { field: "memberId", what: "member" },
        "calendar_feeds_routine_fkey" => Error::NoSuch { field: "routineId", what: "routine" },
        "meal_ingredients_cycle_check" => Error::invalid("ingredients", "a meal cannot contain itself, nor a meal that contains it"),
        "meal_ingredients_depth_check" => Error::invalid("ingredients", "meals may lie at most five deep in each other"),
        "meal_ingredients_part_meal_fkey" => Error::invalid("ingredients", "a meal that it is made of was deleted at the same moment"),
        "meals_restored_parts_check" => Error::conflict("this is made of another meal that was deleted: restore that one first"),
        "meals_restored_depth_check" => Error::conflict(
            "what this is made of contains more by now, and meals lie at most five deep in each other: take something out there first",
        ),
        "meals_used_check" => Error::conflict("another meal of yours is made of this one: take it out there first"),
        "cooked_portions_pkey" => Error::conflict("one of these ids is taken by another portion: make a new one"),
        "cooked_batches_left_over_check" => Error::invalid("portions", "is more than is left: read the batch and try again"),
        "planned_meals_template_fkey" => Error::NoSuch { field: "templateId", what: "meal plan template" },
        "meals_source_key" => Error::conflict("this recipe was imported before: update or delete that meal"),
        "family_access_not_self_check" => Error::invalid("granteeEmail", "this is your own address"),
        _ => return None,
    })
}

/// Two writers of one new row at once, or an id of somebody else's.
fn taken(constraint: &str) -> Option<Error> {
    let table = constraint.strip_suffix("_pkey")?;
    TABLES.contains(&table).then(|| Error::conflict("this id is taken by something else: make a new one"))
}

/// The tables whose columns a client names as fields.
const TABLES: &[&str] = &[
    // Before the table whose name it begins with.
    "food_diary_groups",
    "food_diary",
    "meal_types",
    "completed_days",
    "water_entries",
    "water_containers",
    "exercise_diary",
    "exercise_sets",
    "workouts",
    "workout_templates",
    "training_programmes",
    "measurements",
    "profiles",
    "goals",
    "food_items",
    "nutrition_data",
    "food_portions",
    "favourite_foods",
    "personal_nutrients",
    "users",
    "user_preferences",
    "family_access",
    "exercises",
    "households",
    "household_members",
    "household_invitations",
    "routines",
    "routine_reminders",
    "unavailability",
    "assignments",
    "swap_requests",
    "meal_ingredients",
    "meals",
    "meal_plan_template_items",
    "meal_plan_templates",
    "planned_meals",
    "cooked_batches",
    "cooked_portions",
    "nutrition_targets",
];

/// The field of a broken CHECK, which is named `table_column_check`; `None` where no client knows the table. Validation in the
/// service comes first, so this catches what only the stored type decides, such as a product that grew too large.
fn out_of_range(constraint: &str) -> Option<Error> {
    let name = constraint.strip_suffix("_check")?;
    let column = TABLES.iter().find_map(|table| name.strip_prefix(table)?.strip_prefix('_'))?;
    Some(Error::invalid(input::field(column), "out of range"))
}

/// Classes of SQLSTATE whose messages name parts of the schema and of the server at most. Those of others, such as 22 and 23, may quote
/// what was to be stored.
const TELLING: [&str; 17] = ["08", "0A", "25", "26", "28", "2D", "34", "3D", "40", "42", "53", "54", "55", "57", "58", "P0", "XX"];
/// Their messages may quote a search.
const SYNTAX_ERROR: &str = "42601";

/// What the log is told of what PostgreSQL says.
fn told(error: &dyn sqlx::error::DatabaseError) -> String {
    let code = error.code().unwrap_or_default();
    if code.get(..2).is_some_and(|class| TELLING.contains(&class)) && code != SYNTAX_ERROR {
        return format!("PostgreSQL {code}: {}", error.message());
    }
    let place = |what, name: Option<&str>| name.map(|name| format!(", {what} {name}")).unwrap_or_default();
    format!("PostgreSQL {code}{}{}", place("table", error.table()), place("constraint", error.constraint()))
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        let (DbErr::Query(RuntimeErr::SqlxError(source))
        | DbErr::Exec(RuntimeErr::SqlxError(source))
        | DbErr::Conn(RuntimeErr::SqlxError(source))) = &error
        else {
            return match error {
                // Their texts may quote what is stored.
                DbErr::Json(_) => Self::internal("stored JSON cannot be read"),
                DbErr::Type(_) => Self::internal("a stored value is not of its type"),
                error => Self::Internal(error.into()),
            };
        };
        let sqlx::Error::Database(database) = source.as_ref() else {
            let lost = matches!(
                source.as_ref(),
                sqlx::Error::Io(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::WorkerCrashed
                    | sqlx::Error::Protocol(_)
            );
            return if lost {
                Self::Unavailable { retry_after: Duration::from_secs(2), source: error.into() }
            } else {
                Self::Internal(error.into())
            };
        };
        let internal = || Self::Internal(told(database.as_ref()).into());
        let code = database.code().unwrap_or_default();
        match code.as_ref() {
            "28000" => Self::Unauthenticated("this session has ended: sign in again"),
            "42501" => Self::NotFound("row"),
            "23505" | "23514" | "23503" => {
                let constraint = database.constraint().unwrap_or_default();
                broken_constraint(constraint).or_else(|| taken(constraint)).or_else(|| out_of_range(constraint)).unwrap_or_else(internal)
            }
            // PostgreSQL has no text for it, and JSON may hold it at any depth.
            "22021" | "22P05" => Self::invalid("value", "must not contain U+0000"),
            "57014" | "55P03" => Self::Timeout,
            "40001" | "40P01" => Self::conflict("this was changed at the same moment: read it and try again"),
            // The server is going down, starting up, full, only a copy of the one that can be written to, or a pooler that has lost
            // it; or an earlier statement of this transaction failed, by which it could not be told what came of this one.
            "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "53100" | "53200" | "58030" | "25006" | "25P02" | "25P03" | "08000"
            | "08003" | "08006" | "08P01" => {
                Self::Unavailable { retry_after: Duration::from_secs(2), source: told(database.as_ref()).into() }
            }
            _ => internal(),
        }
    }
}
