//! The tables, as the migrations make them on both databases.

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
    revocations (number) {
        number -> BigInt,
        at -> BigInt,
        session_id -> Nullable<Text>,
        user_id -> Nullable<Text>,
        lowest_version -> Nullable<BigInt>,
    }
}

diesel::table! {
    setup (id) {
        id -> Integer,
        token_digest -> Nullable<Binary>,
        completed_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    // Diesel's own record of the migrations that were applied.
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

diesel::joinable!(user_roles -> users (user_id));
diesel::joinable!(sessions -> users (user_id));
diesel::allow_tables_to_appear_in_same_query!(users, user_roles, sessions);
