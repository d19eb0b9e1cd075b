//! Databases that do not store text as UTF-8 are refused.

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use doorward_persistence::test_support::TestDatabase;
use doorward_persistence::{DatabaseUrl, OpenError, migrate};

fn assert_refused(url: &DatabaseUrl, encoding: &str) {
    match migrate(url) {
        Err(OpenError::Misconfigured(reason)) => {
            assert!(
                reason.contains(encoding) && reason.contains("new database"),
                "{reason}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_postgres_database_with_another_encoding_is_refused() {
    let Some(database) = TestDatabase::postgres() else {
        return;
    };
    let server = database.url();
    let name = format!("{}_latin1", server.rsplit('/').next().expect("a name"));
    let mut connection = PgConnection::establish(server).expect("a connection");
    connection
        .batch_execute(&format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"
        ))
        .expect("a database");
    let url = format!("{}/{name}", server.rsplit_once('/').expect("a name").0);
    let refused = std::panic::catch_unwind(|| {
        assert_refused(&DatabaseUrl::parse(&url).expect("a URL"), "LATIN1");
    });
    connection
        .batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
        .expect("the database dropped");
    assert!(refused.is_ok());
}

#[test]
fn an_sqlite_database_with_another_encoding_is_refused() {
    let database = TestDatabase::sqlite();
    let url = database.parsed_url();
    let path = url.sqlite_path().expect("a path").display().to_string();
    SqliteConnection::establish(&path)
        .expect("a database")
        .batch_execute("PRAGMA encoding = 'UTF-16'; CREATE TABLE t (x)")
        .expect("a table");
    assert_refused(&url, "UTF-16");
}
