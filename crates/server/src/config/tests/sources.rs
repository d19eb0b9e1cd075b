//! Sources: their precedence, and what each of them accepts.

use super::*;

#[test]
fn flags_override_the_environment_and_the_environment_overrides_the_file() {
    let given = |set| Given {
        toml: "[lane]\nqueue = 1\ndeadline = \"1s\"\n[log]\nlevel = \"warn\"",
        env: &[("DOORWARD_LANE__QUEUE", "2"), ("DOORWARD_LANE__DEADLINE", "2s")],
        set,
    };
    let settings = given(&["lane.queue=3", "lane.queue=4"]).load().unwrap();
    assert_eq!((settings.lane.queue, settings.lane.deadline.as_secs()), (4, 2));
    assert_eq!(settings.log.level, "warn");
    assert_eq!(given(&[]).load().unwrap().lane.queue, 2);
}

#[test]
fn a_string_is_taken_as_it_is_whatever_it_looks_like() {
    for text in [
        "007",
        "12345",
        "true",
        "1e5",
        "null",
        "[1]",
        "{}",
        " spaced ",
        "a,b",
        "a=b",
        "\"quoted\"",
        "0x1F",
    ] {
        let from_env = env(&[("DOORWARD_TOKENS__AUDIENCE", text)]).unwrap();
        assert_eq!(from_env.tokens.audience, text);
        let from_flag = set(&[&format!("tokens.audience={text}")]).unwrap();
        assert_eq!(from_flag.tokens.audience, text);
    }
}

#[test]
fn a_final_line_ending_and_a_byte_order_mark_are_not_part_of_a_value() {
    for text in [
        "audience",
        "audience\n",
        "audience\r\n",
        "\u{feff}audience",
        "\u{feff}audience\r\n",
    ] {
        let from_env = env(&[
            ("DOORWARD_TOKENS__AUDIENCE", text),
            ("DOORWARD_LANE__QUEUE", "5\n"),
        ])
        .unwrap();
        assert_eq!(
            (from_env.tokens.audience.as_str(), from_env.lane.queue),
            ("audience", 5)
        );
        let from_flag = set(&[&format!("tokens.audience={text}")]).unwrap();
        assert_eq!(from_flag.tokens.audience, "audience");
        let token = format!("{}\n", text.replace("audience", "the operator chose this one"));
        let refused = env(&[("DOORWARD_SETUP__TOKEN", &token)]);
        assert_eq!(refused.is_err(), token.contains("\n\n"), "{token:?}");
    }
    let from_file = toml("\u{feff}tokens.audience = \"audience\"\r\n").unwrap();
    assert_eq!(from_file.tokens.audience, "audience");
    assert_refused(
        toml("tokens.audience = \"\"\"\none\ntwo\"\"\""),
        &["tokens.audience", "has more than one line"],
    );
    assert_refused(
        env(&[("DOORWARD_TOKENS__AUDIENCE", "one\ntwo")]),
        &["tokens.audience", "has more than one line"],
    );
}

#[test]
fn numbers_booleans_lists_and_tables_can_be_set_in_the_environment() {
    let settings = env(&[
        ("DOORWARD_LANE__WORKERS", "3"),
        ("DOORWARD_THROTTLE__ENABLED", "false"),
        ("DOORWARD_TOKENS__EMAIL", "false"),
        ("DOORWARD_PASSWORD__MIN_SCORE", "0"),
        (
            "DOORWARD_SERVER__TRUSTED_PROXIES",
            "10.1.2.3/8, fd00::/8,192.0.2.1",
        ),
        (
            "DOORWARD_THROTTLE__SENSITIVE",
            "{ burst = 1000, per_minute = 2000 }",
        ),
        ("DOORWARD_THROTTLE__SENSITIVE__PER_MINUTE", "3000"),
        ("DOORWARD_THROTTLE__REFRESH__BURST", "7"),
    ])
    .unwrap();
    assert_eq!(settings.lane.workers, 3);
    assert!(!settings.throttle.enabled && !settings.tokens.email);
    let proxies: Vec<_> = settings
        .server
        .proxies
        .trusted
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(proxies, ["10.0.0.0/8", "fd00::/8", "192.0.2.1/32"]);
    let sensitive = settings.throttle.sensitive;
    assert_eq!((sensitive.burst.get(), sensitive.per_minute.get()), (1000, 3000));
    let refresh = settings.throttle.refresh;
    assert_eq!((refresh.burst.get(), refresh.per_minute.get()), (7, 60));

    let toml = "server.trusted_proxies = [\"10.0.0.0/8\"]";
    let emptied = Given {
        toml,
        env: &[("DOORWARD_SERVER__TRUSTED_PROXIES", "")],
        set: &[],
    };
    assert!(emptied.load().unwrap().server.proxies.trusted.is_empty());
}

#[test]
fn unknown_keys_are_refused_without_showing_their_values() {
    let unknown = "there is no such key";
    assert_refused(
        toml("[server]\nlistn = \"s3cret\""),
        &["server.listn (from file doorward.toml)", unknown],
    );
    assert_refused(toml("[server]\nlistn = 1"), &["did you mean server.listen?"]);
    assert_refused(toml("zzz = 1"), &["zzz (from file doorward.toml)", unknown]);
    assert_refused(toml("[zzz.yyy]\nxxx = 1"), &["zzz", unknown]);
    assert_refused(toml("\"lane.queue\" = 1"), &["\"lane.queue\"", unknown]);
    assert_refused(toml("Lane.queue = 1"), &["Lane", unknown]);
    assert_refused(
        toml("[throttle.sensitive]\nrate = 1"),
        &["throttle.sensitive.rate", unknown],
    );
    assert_refused(
        set(&["lane.que=1"]),
        &["lane.que (from flag --set)", unknown, "lane.queue"],
    );
    assert_refused(set(&["=1"]), &["(from flag --set)", unknown]);
    assert_refused(
        env(&[("DOORWARD_LANE__QUEU", "s3cret")]),
        &["DOORWARD_LANE__QUEU", "DOORWARD_LANE__QUEUE?"],
    );
    assert_refused(
        env(&[("DOORWARD_DATABASE_URL", "s3cret")]),
        &["did you mean DOORWARD_DATABASE__URL?"],
    );
    assert_refused(env(&[("DOORWARD_lane__queue", "1")]), &["DOORWARD_lane__queue"]);
    assert_refused(env(&[("DOORWARD_", "1")]), &["environment variable DOORWARD_:"]);
    assert_refused(
        env(&[("DOORWARD_PORT", "9000")]),
        &["environment variable DOORWARD_PORT:"],
    );
    for refused in [
        toml("[server]\nlistn = \"s3cret\""),
        env(&[("DOORWARD_X", "s3cret")]),
        set(&["x=s3cret"]),
    ] {
        assert!(!refused.unwrap_err().concat().contains("s3cret"));
    }
}

#[test]
fn variables_of_other_programs_are_ignored() {
    env(&[
        ("DOORWARD_TEST_POSTGRES", "postgres://…"),
        ("DOORWARD_REQUIRE_POSTGRES", "1"),
        ("HOME", "/root"),
        // Variables that Kubernetes sets in every pod for services named doorward and doorward-management.
        ("DOORWARD_SERVICE_HOST", "10.96.0.12"),
        ("DOORWARD_SERVICE_PORT", "8080"),
        ("DOORWARD_SERVICE_PORT_HTTP", "8080"),
        ("DOORWARD_PORT", "tcp://10.96.0.12:8080"),
        ("DOORWARD_PORT_8080_TCP", "tcp://10.96.0.12:8080"),
        ("DOORWARD_PORT_8080_TCP_PROTO", "tcp"),
        ("DOORWARD_PORT_8080_TCP_PORT", "8080"),
        ("DOORWARD_PORT_8080_TCP_ADDR", "10.96.0.12"),
        ("DOORWARD_MANAGEMENT_SERVICE_HOST", "10.96.0.13"),
        ("DOORWARD_MANAGEMENT_PORT_9080_TCP_ADDR", "10.96.0.13"),
    ])
    .unwrap();
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    assert_refused(
        toml("setup.token = 12345"),
        &["setup.token", "must be a string, in quotes"],
    );
    assert_refused(
        toml("lane.queue = \"12\""),
        &["lane.queue", "whole number, without quotes"],
    );
    assert_refused(toml("lane.queue = 1.0"), &["lane.queue", "whole number"]);
    assert_refused(toml("lane.queue = true"), &["lane.queue", "whole number"]);
    assert_refused(
        toml("throttle.enabled = 1"),
        &["throttle.enabled", "true or false"],
    );
    assert_refused(
        toml("throttle.sensitive = 10"),
        &["throttle.sensitive", "table of keys"],
    );
    assert_refused(toml("server = \"127.0.0.1\""), &["server", "table of keys"]);
    assert_refused(toml("lane.queue.deep = 1"), &["lane.queue", "whole number"]);
    assert_refused(
        toml("server.trusted_proxies = \"10.0.0.0/8\""),
        &["server.trusted_proxies", "list of strings"],
    );
    assert_refused(
        toml("server.trusted_proxies = [10]"),
        &["server.trusted_proxies", "list of strings"],
    );
    assert_refused(
        toml("tokens.access_ttl = 900"),
        &["tokens.access_ttl", "string with a unit"],
    );
    assert_refused(
        env(&[("DOORWARD_LANE__QUEUE", "1e5")]),
        &[
            "lane.queue (from environment variable DOORWARD_LANE__QUEUE)",
            "\"1e5\" is not a whole number",
        ],
    );
    assert_refused(
        env(&[("DOORWARD_LANE__QUEUE", "")]),
        &["lane.queue", "\"\" is not a whole number"],
    );
    assert_refused(
        env(&[("DOORWARD_THROTTLE__ENABLED", "yes")]),
        &["throttle.enabled", "neither true nor false"],
    );
    assert_refused(
        env(&[("DOORWARD_THROTTLE__SENSITIVE", "10")]),
        &["throttle.sensitive", "table of keys"],
    );
    assert_refused(
        env(&[("DOORWARD_LANE", "{queue = 1}\nx = 2")]),
        &["lane", "table of keys"],
    );
    assert_refused(set(&["lane.queue"]), &["flag --set", "KEY=VALUE"]);
}

#[test]
fn an_invalid_value_is_refused_even_if_another_source_overrides_it() {
    let given = Given {
        toml: "lane.queue = 0",
        env: &[("DOORWARD_LANE__QUEUE", "5")],
        set: &[],
    };
    assert_refused(
        given.load(),
        &[
            "lane.queue (from file doorward.toml)",
            "0 is not between 1 and 100000",
        ],
    );
}

#[test]
fn a_file_that_is_not_toml_is_refused_without_its_text() {
    let given = toml("[keys]\nmaster_key = s3cret\n");
    assert_refused(given, &["file doorward.toml: line 2, column 14 is not TOML"]);
    for text in [
        "[keys]\nmaster_key = s3cret",
        "a = \"s3cret",
        "s3cret",
        "x = 99999999999999999999",
    ] {
        let lines = toml(text).unwrap_err();
        assert!(lines.len() == 1 && !lines[0].contains("s3cret"), "{lines:?}");
    }
    assert_refused(
        toml("lane.queue = 1\nlane.queue = 2"),
        &["line 2", "duplicate key"],
    );
    let absent = load(Sources {
        file: Some("/absent/doorward.toml".into()),
        ..Sources::default()
    });
    assert!(absent.unwrap_err().lines()[0].contains("file /absent/doorward.toml: cannot be read"));
    let variables = vec![("DOORWARD_CONFIG".into(), "/absent/other.toml\n".into())];
    let absent = load(Sources {
        variables,
        ..Sources::default()
    });
    assert!(absent.unwrap_err().lines()[0].contains("file /absent/other.toml: cannot be read"));
}
