//! Accounts and sessions in bulk, and valid refresh tokens for these sessions.
//!
//! The database generates the rows from the numbers 1 to n in a few large statements, so that a million accounts take
//! seconds. Ids have the form of Doorward's (the time, then bits that look random), so that indexes behave the same.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use doorward_domain::id::{SessionId, UserId};
use doorward_domain::key::KeyPolicy;
use doorward_domain::password::PasswordHasher as _;
use doorward_domain::password::PlainPassword;
use doorward_domain::session::RefreshTokens as _;
use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::StoreResult;
use doorward_jwt::Algorithm;
use doorward_keys::{KeyRing, KeyRules, MasterKey, RefreshSealer};
use doorward_password::{Argon2Hasher, Argon2Params, Peppers};
use doorward_persistence::{Database, DatabaseSettings, DatabaseUrl, migrate};
use secrecy::{ExposeSecret as _, SecretString};

use crate::BenchResult;
use crate::clock::{OsEntropy, now};
use crate::database::{Kind, PlainConnection};

/// The password of every account.
pub(crate) const PASSWORD: &str = "correct horse battery bench";

/// Rows per statement.
const CHUNK: u64 = 100_000;

/// A database with accounts and sessions, and the keys to create valid tokens for them.
pub(crate) struct BenchData {
    pub(crate) url: String,
    pub(crate) master_key: SecretString,
    pub(crate) store: Arc<Database>,
    pub(crate) ring: Arc<KeyRing>,
    pub(crate) sealer: RefreshSealer,
    pub(crate) users: u64,
    pub(crate) sessions: u64,
    /// The time in the ids, before the number is added, in milliseconds since 1970.
    base: i64,
}

impl BenchData {
    /// Fills an empty database. Session `n` belongs to user `n` modulo the number of users; the last `expired` of the
    /// sessions have expired.
    pub(crate) fn create(url: &str, users: u64, sessions: u64, expired: u64) -> BenchResult<Self> {
        let parsed = DatabaseUrl::parse(url)?;
        migrate(&parsed)?;
        let store = Arc::new(Database::open(&DatabaseSettings {
            url: parsed,
            max_connections: 8,
            acquire_timeout: Duration::from_secs(20),
        })?);
        let master = MasterKey::generate(&OsEntropy);
        let master_key = master.to_base64();
        // Doorward's defaults.
        let rules = KeyRules {
            algorithm: Algorithm::EdDsa,
            policy: KeyPolicy {
                rotate_every: Duration::from_hours(90 * 24),
                access_life: Duration::from_secs(905),
                refresh_life: Duration::from_hours(30 * 24),
            },
        };
        let ring = Arc::new(KeyRing::open(&*store, &master.into(), rules, now(), &OsEntropy)?);
        let hasher = Argon2Hasher::new(Argon2Params::default(), Peppers::default())?;
        let digest = hasher.hash(&PlainPassword::new(&PASSWORD.into()), &OsEntropy)?;
        let data = Self {
            url: url.to_owned(),
            master_key,
            sealer: RefreshSealer::new(Arc::clone(&ring)),
            store,
            ring,
            users,
            sessions,
            base: now().as_micros() / 1000 - 20 * 24 * 3_600_000,
        };
        data.fill(digest.expose(), expired)?;
        Ok(data)
    }

    fn fill(&self, digest: &str, expired: u64) -> BenchResult<()> {
        let mut connection = PlainConnection::connect(&self.url)?;
        let kind = connection.kind();
        let (base, now) = (self.base * 1000, now().as_micros());
        let user = id_sql(kind, self.base, "i");
        let email = format!("'user-' || {} || '@bench.example'", decimal_sql(kind, "i"));
        chunks(&mut connection, "users", self.users, |numbers| {
            format!(
                "{numbers} INSERT INTO users (id, email, email_canonical, status, version, password_digest, \
                 password_version, created_at, updated_at) SELECT {user}, {email}, {email}, 'active', 1, '{digest}', 1, \
                 {base}, {base} FROM numbers"
            )
        })?;
        chunks(&mut connection, "roles", self.users, |numbers| {
            format!("{numbers} INSERT INTO user_roles (user_id, role) SELECT {user}, 'user' FROM numbers")
        })?;
        let (owner, key) = (
            id_sql(kind, self.base, &format!("(i % {} + 1)", self.users)),
            key_sql(kind),
        );
        let session = id_sql(kind, self.base, "(i + 1000000000)");
        let first_expired = self.sessions - expired;
        let (over, due) = (now - 86_400_000_000, now + 20 * 86_400_000_000);
        chunks(&mut connection, "sessions", self.sessions, |numbers| {
            format!(
                "{numbers} INSERT INTO sessions (id, user_id, key, generation, rotated_at, created_at, last_used_at, \
                 expires_at, ip, user_agent) SELECT {session}, {owner}, {key}, 0, {base}, {base}, {now}, \
                 CASE WHEN i > {first_expired} THEN {over} ELSE {due} END, '127.0.0.1', 'doorward-bench' FROM numbers"
            )
        })?;
        // Maintenance that the database would otherwise do during the measurement.
        connection.execute(match kind {
            Kind::Sqlite => "PRAGMA wal_checkpoint(TRUNCATE)",
            Kind::Postgres => "VACUUM ANALYZE",
        })
    }

    /// The e-mail address of user `number`, counted from 1.
    pub(crate) fn email(number: u64) -> String {
        format!("user-{number:09}@bench.example")
    }

    /// The id of user `number`, counted from 1.
    pub(crate) fn user_id(&self, number: u64) -> BenchResult<UserId> {
        Ok(UserId::parse(&id(self.base, number))?)
    }

    /// The id of session `number`, counted from 1.
    pub(crate) fn session_id(&self, number: u64) -> BenchResult<SessionId> {
        Ok(SessionId::parse(&id(self.base, number + 1_000_000_000))?)
    }

    /// The current refresh token of a session.
    pub(crate) fn refresh_token(&self, number: u64) -> BenchResult<String> {
        let id = self.session_id(number)?;
        let session = self
            .store
            .snapshot(|repos| -> StoreResult<_> { repos.sessions().find(id) })?
            .ok_or("a generated session is missing")?;
        let token = self.sealer.seal(&session, session.generation);
        Ok(token.expose().to_owned())
    }

    /// The current refresh tokens of sessions `from..to`.
    pub(crate) fn refresh_tokens(&self, from: u64, to: u64) -> BenchResult<Vec<String>> {
        (from..to).map(|number| self.refresh_token(number)).collect()
    }

    /// The master key, for the environment of a server.
    pub(crate) fn master_key(&self) -> &str {
        self.master_key.expose_secret()
    }
}

/// Runs a statement for the numbers from 1 to `count`, [`CHUNK`] at a time, in one transaction.
fn chunks(
    connection: &mut PlainConnection,
    what: &str,
    count: u64,
    statement: impl Fn(&str) -> String,
) -> BenchResult<()> {
    connection.execute("BEGIN")?;
    let mut from = 1;
    while from <= count {
        let to = (from + CHUNK - 1).min(count);
        connection.execute(&statement(&numbers_sql(connection.kind(), from, to)))?;
        if count > CHUNK {
            eprintln!("  {to} of {count} {what}");
        }
        from = to + 1;
    }
    connection.execute("COMMIT")
}

/// A common table expression `numbers` with a column `i`.
fn numbers_sql(kind: Kind, from: u64, to: u64) -> String {
    match kind {
        Kind::Sqlite => format!(
            "WITH RECURSIVE numbers (i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM numbers WHERE i < {to})"
        ),
        Kind::Postgres => {
            format!("WITH numbers (i) AS (SELECT generate_series({from}::BIGINT, {to}::BIGINT))")
        }
    }
}

/// The multiplier that turns a number into unique bits that look random.
const SCATTER: u64 = 2_654_435_761;

/// The id for a number.
fn id(base: i64, number: u64) -> String {
    let millis = base.unsigned_abs() + number % 1_000_000_000;
    let scattered = number.wrapping_mul(SCATTER);
    let mut id = String::with_capacity(36);
    // Writing to a string does not fail.
    let _ = write!(
        id,
        "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
        millis >> 16,
        millis & 0xffff,
        scattered & 0xfff,
        0x8000 | (scattered >> 12) & 0x3fff,
        scattered & 0xffff_ffff_ffff
    );
    id
}

/// The same in SQL, for an SQL expression.
fn id_sql(kind: Kind, base: i64, number: &str) -> String {
    let millis = format!("({base} + {number} % 1000000000)");
    let scattered = format!("({number} * {SCATTER})");
    let parts = [
        (8, format!("({millis} >> 16)")),
        (4, format!("({millis} & 65535)")),
        (3, format!("({scattered} & 4095)")),
        (4, format!("(32768 | (({scattered} >> 12) & 16383))")),
        (12, format!("({scattered} & 281474976710655)")),
    ];
    let parts = parts.map(|(width, value)| match kind {
        Kind::Sqlite => format!("printf('%0{width}x', {value})"),
        Kind::Postgres => format!("lpad(to_hex({value}::BIGINT), {width}, '0')"),
    });
    let [seconds, rest, version, variant, node] = parts;
    format!("{seconds} || '-' || {rest} || '-7' || {version} || '-' || {variant} || '-' || {node}")
}

/// A number with nine digits.
fn decimal_sql(kind: Kind, number: &str) -> String {
    match kind {
        Kind::Sqlite => format!("printf('%09d', {number})"),
        Kind::Postgres => format!("lpad({number}::TEXT, 9, '0')"),
    }
}

/// 32 bytes.
const fn key_sql(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "randomblob(32)",
        Kind::Postgres => "decode(md5(random()::TEXT) || md5(i::TEXT), 'hex')",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::BenchDatabase;

    #[test]
    fn generated_rows_have_the_same_ids_in_sql_and_in_rust() {
        let folder = tempfile::tempdir().unwrap();
        let database = BenchDatabase::sqlite(folder.path());
        let data = BenchData::create(&database.url, 3, 7, 2).unwrap();
        for number in 1..=7 {
            assert!(data.refresh_token(number).unwrap().starts_with("dwr_"));
        }
        let mut connection = PlainConnection::connect(&database.url).unwrap();
        let owner = format!(
            "SELECT user_id AS value FROM sessions WHERE id = '{}'",
            data.session_id(4).unwrap()
        );
        assert_eq!(
            connection.text(&owner).unwrap(),
            data.user_id(2).unwrap().to_string()
        );
        let email = format!(
            "SELECT email AS value FROM users WHERE id = '{}'",
            data.user_id(3).unwrap()
        );
        assert_eq!(connection.text(&email).unwrap(), BenchData::email(3));
        let now = now().as_micros();
        let expired = format!("SELECT count(*) AS value FROM sessions WHERE expires_at < {now}");
        assert_eq!(connection.number(&expired).unwrap(), 2);
    }

    #[test]
    fn ids_of_different_numbers_differ() {
        let ids: std::collections::BTreeSet<_> =
            (1..2000).map(|number| id(1_700_000_000_000, number)).collect();
        assert_eq!(ids.len(), 1999);
        assert!(ids.iter().all(|id| UserId::parse(id).is_ok()));
    }
}
