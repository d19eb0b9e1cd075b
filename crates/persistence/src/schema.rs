//! The tables as the migrations create them on both databases, and how a database may differ from them.

use core::fmt;

/// How the schema of a database differs from the one that this program was built for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SchemaStatus {
    /// Names of the migrations that have not been applied, in order.
    pub pending: Vec<String>,
    /// Versions of applied migrations that this program does not know, in order. A newer version applied them.
    pub unknown: Vec<String>,
}

impl SchemaStatus {
    /// Compares the migrations of this program, each with version and name, with the versions applied to a database.
    pub(crate) fn compare(known: &[(String, String)], applied: &[String]) -> Self {
        Self {
            pending: known
                .iter()
                .filter(|(version, _)| !applied.contains(version))
                .map(|(_, name)| name.clone())
                .collect(),
            unknown: applied
                .iter()
                .filter(|version| !known.iter().any(|(own, _)| own == *version))
                .cloned()
                .collect(),
        }
    }

    /// Whether there is no difference.
    pub fn is_current(&self) -> bool {
        self.pending.is_empty() && self.unknown.is_empty()
    }
}

impl fmt::Display for SchemaStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pending.as_slice(), self.unknown.as_slice()) {
            ([], []) => f.write_str("the schema is current"),
            (pending, []) => write!(f, "pending migrations: {}", pending.join(", ")),
            ([], unknown) => write!(f, "unknown migrations applied: {}", unknown.join(", ")),
            (pending, unknown) => write!(
                f,
                "unknown migrations applied: {}; pending migrations: {}",
                unknown.join(", "),
                pending.join(", ")
            ),
        }
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        email -> Text,
        email_canonical -> Text,
        name -> Nullable<Text>,
        status -> Text,
        version -> BigInt,
        password_digest -> Text,
        password_version -> BigInt,
        created_at -> BigInt,
        updated_at -> BigInt,
        vouched -> Bool,
        email_verified_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    user_roles (user_id, role) {
        user_id -> Text,
        role -> Text,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> Text,
        key -> Binary,
        generation -> BigInt,
        rotated_at -> BigInt,
        created_at -> BigInt,
        last_used_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        end_reason -> Nullable<Text>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        kind -> Text,
        client_id -> Nullable<Text>,
        parent_id -> Nullable<Text>,
        authenticated_at -> Nullable<BigInt>,
        methods -> Nullable<Text>,
        repeats -> BigInt,
        repeated_generation -> Nullable<BigInt>,
    }
}

diesel::table! {
    attempts (key) {
        key -> Binary,
        failures -> BigInt,
        recent -> Binary,
        last_at -> BigInt,
    }
}

diesel::table! {
    known_networks (key) {
        key -> Binary,
        account_key -> Binary,
        last_at -> BigInt,
    }
}

diesel::table! {
    events (id) {
        id -> Text,
        at -> BigInt,
        kind -> Text,
        outcome -> Text,
        user_id -> Nullable<Text>,
        actor_id -> Nullable<Text>,
        session_id -> Nullable<Text>,
        ip -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        request_id -> Text,
        detail -> Text,
        service_id -> Nullable<Text>,
        actor_service_id -> Nullable<Text>,
    }
}

diesel::table! {
    keys (purpose, ordinal) {
        purpose -> Text,
        ordinal -> BigInt,
        id -> Text,
        algorithm -> Text,
        public -> Binary,
        sealed -> Binary,
        created_at -> BigInt,
    }
}

diesel::table! {
    jobs (id) {
        id -> Text,
        kind -> Text,
        payload -> Text,
        dedupe_key -> Nullable<Text>,
        attempts -> BigInt,
        created_at -> BigInt,
        due_at -> BigInt,
        give_up_at -> BigInt,
        died_at -> Nullable<BigInt>,
        last_failure -> Nullable<Text>,
    }
}

diesel::table! {
    password_pepper (id) {
        id -> Integer,
        pepper_id -> Nullable<Binary>,
    }
}

diesel::table! {
    outbox (id) {
        id -> Text,
        kind -> Text,
        user_id -> Text,
        recipient -> Text,
        locale -> Text,
        params -> Text,
        dedupe_key -> Text,
        state -> Text,
        attempt -> BigInt,
        created_at -> BigInt,
        expires_at -> BigInt,
        ended_at -> Nullable<BigInt>,
        last_failure -> Nullable<Text>,
    }
}

diesel::table! {
    setup (id) {
        id -> Integer,
        token_digest -> Nullable<Binary>,
        token_configured -> Bool,
        completed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    // Diesel's record of applied migrations.
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

diesel::joinable!(user_roles -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(users, user_roles, sessions);
