//! The statements that are really run, as Diesel tells them, and how the databases would run them.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Once;

use diesel::connection::{
    Instrumentation, InstrumentationEvent, SimpleConnection, set_default_instrumentation,
};
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use doorward_persistence::test_support::TestDatabase;

thread_local! {
    /// What was run by this thread, while somebody wants to know.
    static SEEN: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Has connections tell what they run. To be called before the store is opened whose statements are to be seen.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        set_default_instrumentation(|| Some(Box::new(note) as Box<dyn Instrumentation>))
            .expect("nobody else listens");
    });
}

#[expect(clippy::needless_pass_by_value, reason = "this is how Diesel tells")]
fn note(event: InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { query, .. } = event {
        SEEN.with_borrow_mut(|seen| {
            if let Some(seen) = seen {
                let with_values = query.to_string();
                let sql = with_values.split(" -- binds: ").next().unwrap_or_default();
                seen.push(sql.trim().to_owned());
            }
        });
    }
}

/// Begins to collect what this thread runs.
pub(crate) fn start() {
    SEEN.set(Some(Vec::new()));
}

/// What this thread has run since then, in order.
pub(crate) fn stop() -> Vec<String> {
    SEEN.take().unwrap_or_default()
}

/// Does something that is the test's own, not the store's.
pub(crate) fn unheard<T>(task: impl FnOnce() -> T) -> T {
    let seen = SEEN.take();
    let result = task();
    SEEN.set(seen);
    result
}

/// Tables that stay small. Every other may be large.
const SMALL: [&str; 3] = ["keys", "setup", "__diesel_schema_migrations"];

/// A condition that nearly every row of its table meets: going through the table until a page is full costs little more
/// than the page.
const MEETS_NEARLY_ALL: &str = "NOT (users.status <> 'active')";

/// Fails if one of these statements would read a large table from one end to the other, and says which.
pub(crate) fn assert_none_scans(database: &TestDatabase, statements: &[String]) {
    let distinct: BTreeSet<_> = statements.iter().filter(|sql| has_a_plan(sql)).collect();
    if distinct.is_empty() {
        return;
    }
    let mut plans = Plans::of(database);
    let scans: Vec<_> = distinct
        .into_iter()
        .filter_map(|sql| {
            let (scan, plan) = plans.scan(sql);
            scan.map(|scan| format!("{scan}\nin: {sql}\n{plan}"))
        })
        .collect();
    assert!(scans.is_empty(), "{}", scans.join("\n"));
}

fn has_a_plan(sql: &str) -> bool {
    ["SELECT", "INSERT", "UPDATE", "DELETE"]
        .iter()
        .any(|verb| sql.starts_with(verb))
}

/// A connection that explains.
enum Plans {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

#[derive(QueryableByName)]
struct SqliteStep {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct PostgresStep {
    #[diesel(sql_type = Nullable<Text>, column_name = "QUERY PLAN")]
    line: Option<String>,
}

impl Plans {
    fn of(database: &TestDatabase) -> Self {
        if let Some(path) = database.url().strip_prefix("sqlite://") {
            let mut connection = SqliteConnection::establish(path).expect("a connection");
            // A store that closes its last connection holds the file for a moment.
            let patience = "PRAGMA busy_timeout = 10000";
            connection.batch_execute(patience).expect(patience);
            return Self::Sqlite(connection);
        }
        let mut connection = PgConnection::establish(database.url()).expect("a connection");
        // Tables in tests are small, and are read whole if that is allowed. What reads one all the same has no index to go
        // by. The plan is that for any values, as of a statement that is kept prepared.
        let settings = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";
        connection.batch_execute(settings).expect(settings);
        Self::Postgres(connection)
    }

    /// What a statement would scan, if anything, and its plan.
    fn scan(&mut self, sql: &str) -> (Option<String>, String) {
        let lines: Vec<String> = match self {
            Self::Sqlite(connection) => diesel::sql_query(format!("EXPLAIN QUERY PLAN {sql}"))
                .load::<SqliteStep>(connection)
                .expect(sql)
                .into_iter()
                .map(|step| step.detail)
                .collect(),
            Self::Postgres(connection) => {
                connection
                    .batch_execute(&format!("PREPARE explained AS {sql}"))
                    .expect(sql);
                let nothing = vec!["NULL"; parameters(sql)].join(", ");
                let arguments = if nothing.is_empty() {
                    nothing
                } else {
                    format!("({nothing})")
                };
                let explain = format!("EXPLAIN (COSTS FALSE) EXECUTE explained {arguments}");
                let lines = diesel::sql_query(explain)
                    .load::<PostgresStep>(connection)
                    .expect(sql)
                    .into_iter()
                    .filter_map(|step| step.line)
                    .collect();
                connection.batch_execute("DEALLOCATE explained").expect(sql);
                lines
            }
        };
        let scan = match self {
            Self::Sqlite(_) => sqlite_scan(&lines, sql),
            Self::Postgres(_) => postgres_scan(&lines, sql),
        };
        (scan, lines.join("\n"))
    }
}

/// How many parameters a statement has: `$1`, `$2` and so on.
fn parameters(sql: &str) -> usize {
    let numbers = sql.split('$').skip(1).map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..end)
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0)
    });
    numbers.max().unwrap_or(0)
}

fn is_large(table: &str) -> bool {
    !SMALL.contains(&table.trim_matches('"'))
}

/// `SCAN table …` reads all of a table, or of an index unless a `LIMIT` ends it; an index made for the occasion reads all
/// of the table to make it.
fn sqlite_scan(lines: &[String], sql: &str) -> Option<String> {
    let is_scan = |line: &&String| {
        let is_automatic = line.contains(" AUTOMATIC ");
        let is_whole = line
            .strip_prefix("SCAN ")
            .filter(|rest| is_large(rest.split(' ').next().unwrap_or_default()))
            .is_some_and(|rest| !(rest.contains(" USING ") && sql.contains(" LIMIT ")));
        is_whole || is_automatic
    };
    lines.iter().find(is_scan).cloned()
}

/// `Seq Scan on table` reads all of a table. A scan of an index reads all of it unless it has a condition, or it meets no
/// row that is passed over and a `LIMIT` ends it.
fn postgres_scan(lines: &[String], sql: &str) -> Option<String> {
    let mut steps = lines.iter().enumerate().filter_map(|(number, line)| {
        let (method, table) = line.split_once(" on ")?;
        let method = method.trim_start_matches([' ', '-', '>']);
        let table = table.split(' ').next()?;
        (method.contains("Scan") && !method.starts_with("Bitmap Index") && is_large(table))
            .then_some((number, method, line))
    });
    steps
        .find(|(number, method, _)| {
            let details: Vec<_> = lines
                .iter()
                .skip(number + 1)
                .take_while(|line| !line.contains("->"))
                .map(|line| line.trim())
                .collect();
            let has_condition = details.iter().any(|line| line.contains("Cond:"));
            let passes_over =
                details.iter().any(|line| line.starts_with("Filter:")) && !sql.contains(MEETS_NEARLY_ALL);
            method.starts_with("Seq Scan") || !has_condition && (passes_over || !sql.contains(" LIMIT "))
        })
        .map(|(_, _, line)| line.trim().to_owned())
}

#[test]
fn a_query_that_scans_is_found() {
    crate::support::on_each(|database| {
        database.open();
        let scans = |sql: &str| Plans::of(database).scan(sql).0;
        for sql in [
            "SELECT id FROM users WHERE name = 'Grace'",
            "SELECT id FROM users WHERE name = 'Grace' ORDER BY id LIMIT 10",
            "SELECT id FROM users ORDER BY id",
            "SELECT count(*) FROM sessions",
            "DELETE FROM sessions WHERE ip = '::1'",
            "UPDATE attempts SET failures = 0 WHERE failures > 3",
            "SELECT u.id FROM users u JOIN events e ON e.request_id = u.name WHERE u.id = 'x'",
        ] {
            let found = scans(sql);
            // SQLite does not tell what it passes over on the way through an index.
            let is_told = database.folder().is_none() || !sql.contains("LIMIT");
            assert_eq!(found.is_some(), is_told, "{sql}: {found:?}");
        }
        for sql in [
            "SELECT id FROM users WHERE id = 'x'",
            "SELECT id FROM users ORDER BY id LIMIT 10",
            "SELECT id FROM sessions WHERE user_id = 'x' AND ended_at IS NULL",
            "SELECT * FROM keys",
            "INSERT INTO user_roles (user_id, role) VALUES ('x', 'user')",
        ] {
            assert_eq!(scans(sql), None, "{sql}");
        }
    });
}

#[test]
fn parameters_are_counted_by_their_highest_number() {
    assert_eq!(parameters("SELECT 1"), 0);
    assert_eq!(parameters("SELECT $2, $1, $10"), 10);
}
