//! Finds statements that would read a large table from one end to the other, in the query plans of the databases.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use doorward_persistence::test_support::TestDatabase;

/// Tables that stay small. All others may be large.
const SMALL: [&str; 3] = ["keys", "setup", "__diesel_schema_migrations"];

/// A condition that nearly all rows of its table meet: reading the table until a page is full costs little more than the
/// page.
const MATCHES_NEARLY_ALL: &str = "NOT (users.status <> 'active')";

/// Panics if one of the statements scans a large table, and names it.
pub(crate) fn assert_no_scans(database: &TestDatabase, statements: &[String]) {
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

/// A connection that explains statements.
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
            // A store that closes its last connection locks the file for a moment.
            let timeout = "PRAGMA busy_timeout = 10000";
            connection.batch_execute(timeout).expect(timeout);
            return Self::Sqlite(connection);
        }
        let mut connection = PgConnection::establish(database.url()).expect("a connection");
        // Tables in tests are small, and PostgreSQL would scan them. With that disabled, a plan that still scans has no
        // suitable index. A generic plan is the one that a cached prepared statement gets.
        let settings = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";
        connection.batch_execute(settings).expect(settings);
        Self::Postgres(connection)
    }

    /// The step of the plan that scans a large table, if there is one, and the whole plan.
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
                let nulls = vec!["NULL"; parameters(sql)].join(", ");
                let arguments = if nulls.is_empty() {
                    nulls
                } else {
                    format!("({nulls})")
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

/// The number of parameters of a statement: `$1`, `$2` and so on.
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

/// `SCAN table …` reads a whole table, or a whole index unless a `LIMIT` ends it. An automatic index reads the whole table
/// to build itself.
fn sqlite_scan(lines: &[String], sql: &str) -> Option<String> {
    let is_scan = |line: &&String| {
        let is_automatic = line.contains(" AUTOMATIC ");
        let is_whole = line
            .strip_prefix("SCAN ")
            // The rows of an INSERT are no table.
            .filter(|rest| !rest.ends_with("-ROW VALUES CLAUSE"))
            .filter(|rest| is_large(rest.split(' ').next().unwrap_or_default()))
            .is_some_and(|rest| !(rest.contains(" USING ") && sql.contains(" LIMIT ")));
        is_whole || is_automatic
    };
    lines.iter().find(is_scan).cloned()
}

/// `Seq Scan on table` reads a whole table. An index scan reads the whole index unless it has a condition, or no filter
/// discards rows and a `LIMIT` ends it.
fn postgres_scan(lines: &[String], sql: &str) -> Option<String> {
    let mut steps = lines.iter().enumerate().filter_map(|(number, line)| {
        let (method, table) = line.split_once(" on ")?;
        let method = method.trim_start_matches([' ', '-', '>']);
        let table = table.split(' ').next()?;
        // The rows of an INSERT are no table.
        (method.contains("Scan")
            && method != "Values Scan"
            && !method.starts_with("Bitmap Index")
            && is_large(table))
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
            let discards_rows =
                details.iter().any(|line| line.starts_with("Filter:")) && !sql.contains(MATCHES_NEARLY_ALL);
            method.starts_with("Seq Scan") || !has_condition && (discards_rows || !sql.contains(" LIMIT "))
        })
        .map(|(_, _, line)| line.trim().to_owned())
}

#[test]
fn scans_of_large_tables_are_found() {
    crate::support::on_each_database(|database| {
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
            // SQLite does not report how many rows of an index it discards.
            let reported = database.folder().is_none() || !sql.contains("LIMIT");
            assert_eq!(found.is_some(), reported, "{sql}: {found:?}");
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
fn the_highest_parameter_number_is_the_count() {
    assert_eq!(parameters("SELECT 1"), 0);
    assert_eq!(parameters("SELECT $2, $1, $10"), 10);
}
