use secrecy::ExposeSecret;

use super::*;

fn parsed(rest: &str) -> PostgresUrl {
    PostgresUrl::parse(rest).expect(rest)
}

#[test]
fn a_url_becomes_keywords_and_values() {
    let url = parsed("ada:p%27a%5Css@[::1]:5433,other/door%20ward?sslmode=prefer&connect_timeout=9");
    let conninfo = url.conninfo().expose_secret();
    for pair in [
        "host='::1,other'",
        "port='5433,'",
        "user='ada'",
        r"password='p\'a\\ss'",
        "dbname='door ward'",
        "sslmode='prefer'",
        "connect_timeout='9'",
        "application_name='doorward'",
        "keepalives_idle='10'",
        "client_encoding='UTF8'",
        "options='-c statement_timeout=4000 -c idle_in_transaction_session_timeout=15000 -c doorward.direct=on'",
    ] {
        assert!(conninfo.contains(pair), "{pair} in {conninfo}");
    }
    assert_eq!(url.redacted(), "postgres://[::1]:5433,other/door ward");
}

#[test]
fn parameters_of_the_url_override_the_defaults() {
    let url = parsed("localhost/d?options=-c%20statement_timeout%3D1&application_name=mine");
    let conninfo = url.conninfo().expose_secret();
    assert!(
        conninfo.contains("options='-c statement_timeout=1 -c idle_in_transaction_session_timeout=15000 ")
    );
    assert!(conninfo.contains("application_name='mine'"));
}

/// The value of a parameter of libpq.
fn parameter(rest: &str, name: &str) -> Option<String> {
    let url = parsed(rest);
    let conninfo = url.conninfo().expose_secret().to_owned();
    let (_, value) = conninfo.split_once(&format!("{name}='"))?;
    Some(value.split('\'').next()?.to_owned())
}

#[test]
fn a_url_of_another_machine_needs_sslmode_and_gets_no_password_in_clear_text() {
    for hosts in [
        "db",
        "db.example:5432",
        "192.0.2.1",
        "[2001:db8::1]:5432",
        "localhost,db.example",
        "127.0.0.1,192.0.2.1",
        "localhost.example",
        "0.0.0.0",
    ] {
        let error = PostgresUrl::parse(&format!("ada:hunter2@{hosts}/d"))
            .map(|_| ())
            .expect_err(hosts);
        let text = error.to_string();
        assert!(
            text.contains("sslmode=verify-full") && !text.contains("hunter2"),
            "{text}"
        );
        let given = format!("{hosts}/d?sslmode=disable");
        assert_eq!(
            parameter(&given, "require_auth").as_deref(),
            Some("scram-sha-256"),
            "{hosts}"
        );
        let other = format!("{given}&require_auth=password%2Cmd5");
        assert_eq!(parameter(&other, "require_auth").as_deref(), Some("password,md5"));
    }
    for elsewhere in [
        "/d?host=db.example",
        "localhost/d?host=db.example",
        "localhost/d?hostaddr=192.0.2.1",
        "db.example/d?hostaddr=127.0.0.1",
        "/d?service=production",
    ] {
        assert!(PostgresUrl::parse(elsewhere).is_err(), "{elsewhere}");
    }
}

#[test]
fn a_url_of_this_machine_needs_neither() {
    for hosts in [
        "localhost",
        "LOCALHOST:5433",
        "127.0.0.1",
        "127.1.2.3",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "%2Fvar%2Frun%2Fpostgresql",
        "%40abstract",
        "localhost,127.0.0.1:5433",
    ] {
        assert_eq!(parameter(&format!("{hosts}/d"), "require_auth"), None, "{hosts}");
    }
    assert_eq!(parameter("/d?host=/run/postgresql", "require_auth"), None);
}

#[test]
fn a_host_from_the_environment_counts_if_the_url_has_none() {
    let with = |text: &str, variable: &str| {
        let mut parameters = Parameters::default();
        parameters.set_query(text).unwrap();
        parameters.is_local(|name| name == variable)
    };
    assert!(with("", "PGUSER"));
    assert!(!with("", "PGHOST") && !with("", "PGHOSTADDR") && !with("host=localhost", "PGSERVICE"));
    assert!(with("host=localhost", "PGHOST"));
}

#[test]
fn a_connection_through_a_pooler_has_no_startup_options() {
    let url = parsed("localhost/d");
    let pooled = url.pooled_conninfo().expect("no options").expose_secret();
    assert!(!pooled.contains("options") && pooled.contains("dbname='d'"));
    // They would be lost without a word.
    assert!(
        parsed("localhost/d?options=-c%20geqo%3Doff")
            .pooled_conninfo()
            .is_none()
    );
    let timeouts =
        "; SET LOCAL statement_timeout = 4000; SET LOCAL idle_in_transaction_session_timeout = 15000";
    assert_eq!(local_timeouts(), timeouts);
}

#[cfg(not(feature = "postgres-tls"))]
#[test]
fn a_build_without_tls_rejects_urls_that_require_it() {
    for query in [
        "sslmode=require",
        "sslmode=verify-ca",
        "sslmode=verify-full",
        "sslnegotiation=direct",
    ] {
        let error = PostgresUrl::parse(&format!("h/d?{query}"))
            .map(|_| ())
            .expect_err(query);
        assert!(error.to_string().contains("postgres-tls"), "{error}");
    }
}
