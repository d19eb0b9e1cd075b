//! Values: defaults, bounds, and what must be consistent.

use std::time::Duration;

use doorward_domain::account::RegistrationMode;
use doorward_http::ForwardingHeader;
use doorward_jwt::Algorithm;
use doorward_password::Argon2Params;

use super::*;
use crate::logging::LogSettings;

#[test]
fn without_configuration_the_documented_defaults_apply() {
    let settings = toml("").unwrap();
    assert_eq!(settings.data_dir.to_str(), Some("data"));
    assert_eq!(settings.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.server.management_listen.to_string(), "127.0.0.1:9080");
    assert_eq!(settings.server.public_url, "http://localhost:8080");
    assert!(settings.server.proxies.trusted.is_empty());
    assert_eq!(settings.server.proxies.header, ForwardingHeader::XForwardedFor);
    assert_eq!(settings.database.url.to_string(), "sqlite://data/doorward.db");
    assert!(settings.database.max_connections >= 8);
    assert!(settings.keys.master.is_none() && settings.keys.previous_master.is_none());
    assert_eq!(settings.keys.rules.policy.rotate_every, Span::days(90).0);
    assert_eq!(settings.keys.rules.algorithm, Algorithm::EdDsa);
    assert_eq!(
        settings.keys.rules.policy.access_life,
        Duration::from_secs(15 * 60 + 5)
    );
    assert_eq!(settings.tokens.audience, "doorward");
    assert_eq!(
        settings.tokens.session,
        doorward_domain::session::SessionPolicy::default()
    );
    assert_eq!(settings.tokens.leeway, Duration::from_secs(5));
    assert!(settings.tokens.email);
    assert_eq!(
        settings.password.policy,
        doorward_domain::password::PasswordPolicy::default()
    );
    assert!(settings.password.peppers.current.is_none() && settings.password.peppers.previous.is_none());
    let argon2 = Argon2Params {
        memory_kib: 19_456,
        iterations: 2,
        parallelism: 1,
    };
    assert_eq!(settings.password.argon2, argon2);
    assert_eq!(settings.registration, RegistrationMode::Open);
    assert!(settings.lane.workers >= 1);
    assert_eq!(
        (settings.lane.queue, settings.lane.deadline),
        (64, Duration::from_secs(2))
    );
    assert_eq!(
        settings.attempts,
        doorward_domain::attempt::AttemptPolicy::default()
    );
    assert!(settings.throttle.enabled);
    let quotas = [
        settings.throttle.sensitive,
        settings.throttle.refresh,
        settings.throttle.general,
    ];
    assert_eq!(
        quotas.map(|quota| (quota.burst.get(), quota.per_minute.get())),
        [(10, 10), (60, 60), (200, 1200)]
    );
    assert_eq!(settings.audit.retention, Span::days(365).0);
    assert!(settings.setup_token.is_none());
    assert_eq!(
        settings.log,
        LogSettings {
            format: None,
            level: "info".into()
        }
    );
    assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
}

#[test]
fn the_database_and_all_other_files_follow_the_data_directory() {
    let settings = set(&["data_dir=/srv/doorward"]).unwrap();
    assert_eq!(
        settings.database.url.to_string(),
        "sqlite:///srv/doorward/doorward.db"
    );
    assert_eq!(
        settings.database.url.sqlite_path().unwrap().to_str(),
        Some("/srv/doorward/doorward.db")
    );
}

#[test]
fn values_out_of_bounds_are_refused() {
    for (good, bad) in [
        ("tokens.access_ttl=1s", "tokens.access_ttl=0s"),
        ("tokens.access_ttl=24h", "tokens.access_ttl=24h 1s"),
        ("tokens.access_ttl=90s", "tokens.access_ttl=1500ms"),
        ("tokens.refresh_grace=0s", "tokens.refresh_grace=5m 1s"),
        ("tokens.leeway=60s", "tokens.leeway=61s"),
        ("tokens.refresh_idle=30d", "tokens.refresh_idle=31d"),
        ("attempts.free=100", "attempts.free=101"),
        ("attempts.free=1", "attempts.free=0"),
        ("attempts.first_wait=15m", "attempts.first_wait=16m"),
        ("throttle.general.burst=1", "throttle.general.burst=0"),
        ("throttle.general.per_minute=1", "throttle.general.per_minute=-1"),
        ("keys.rotate_every=1m", "keys.rotate_every=59s"),
        ("audit.retention=1d", "audit.retention=23h"),
        ("audit.retention=3650d", "audit.retention=3651d"),
        ("keys.algorithm=ES256", "keys.algorithm=RS256"),
        ("keys.algorithm=EdDSA", "keys.algorithm=eddsa"),
        ("lane.workers=1", "lane.workers=0"),
        ("lane.deadline=1ms", "lane.deadline=0s"),
        ("database.max_connections=1", "database.max_connections=0"),
        (
            "password.argon2.memory_kib=1024",
            "password.argon2.memory_kib=1023",
        ),
        ("password.argon2.iterations=1", "password.argon2.iterations=0"),
        ("password.argon2.parallelism=1", "password.argon2.parallelism=0"),
        ("password.min_length=6", "password.min_length=5"),
        ("password.min_score=4", "password.min_score=5"),
        ("tokens.access_ttl=15m", "tokens.access_ttl=900"),
        ("server.listen=[::]:0", "server.listen=localhost:8080"),
        ("server.listen=0.0.0.0:80", "server.listen=127.0.0.1"),
        (
            "server.management_listen=127.0.0.1:0",
            "server.management_listen=127.0.0.1:8080",
        ),
        ("server.trusted_proxies=::1", "server.trusted_proxies=10.0.0.0/33"),
        (
            "server.trusted_proxies=10.0.0.1",
            "server.trusted_proxies=10.0.0.1,",
        ),
        (
            "server.forwarded_header=forwarded",
            "server.forwarded_header=x-real-ip",
        ),
        ("log.format=json", "log.format=xml"),
        ("log.level=warn,doorward=debug", "log.level=verbose"),
        ("log.level=TRACE", "log.level=doorward=verbose"),
        ("log.level=off", "log.level="),
        ("data_dir=.", "data_dir="),
        ("tokens.audience=a", "tokens.audience="),
        ("database.url=sqlite://x.db", "database.url=mysql://x"),
        ("database.url=sqlite:///x.db", "database.url=sqlite://"),
        ("setup.token=the operator chose this one", "setup.token=too-short"),
        ("setup.token=the operator chose this one", "setup.token="),
        ("registration.mode=closed", "registration.mode=confirmed"),
        ("registration.mode=open", "registration.mode=Open"),
    ] {
        let loaded = set(&[good]);
        assert!(loaded.is_ok(), "{good}: {:?}", loaded.unwrap_err());
        let key = bad.split('=').next().unwrap();
        assert_refused(set(&[bad]), &[&format!("configuration: {key} (from flag --set)")]);
    }
}

#[test]
fn a_default_is_lowered_to_a_configured_bound() {
    let settings = set(&[
        "tokens.refresh_ttl=5s",
        "attempts.max_wait=2s",
        "attempts.daily=3",
    ])
    .unwrap();
    assert_eq!(settings.tokens.session.refresh_idle, Duration::from_secs(5));
    assert_eq!(settings.attempts.first_wait, Duration::from_secs(2));
    assert_eq!(settings.attempts.free, 3);
    assert_refused(
        set(&["tokens.refresh_ttl=5s", "tokens.refresh_idle=6s"]),
        &["tokens.refresh_idle (from flag --set): 6s is more than tokens.refresh_ttl, which is 5s"],
    );
}

#[test]
fn confirmed_registration_is_refused_because_there_is_no_mail() {
    assert_refused(
        set(&["registration.mode=confirmed"]),
        &["registration.mode (from flag --set): \"confirmed\" needs mail"],
    );
}

#[test]
fn the_public_url_is_taken_as_written_or_refused() {
    for (given, taken, path) in [
        ("https://id.example.com/", "https://id.example.com", ""),
        (
            "https://ID.example.com:443/auth//",
            "https://ID.example.com:443/auth",
            "/auth",
        ),
        (
            "https://xn--bcher-kva.example",
            "https://xn--bcher-kva.example",
            "",
        ),
        (
            "https://id.example.com/a/B%20c",
            "https://id.example.com/a/B%20c",
            "/a/B%20c",
        ),
        ("http://[::1]:8080", "http://[::1]:8080", ""),
    ] {
        let server = set(&[&format!("server.public_url={given}")]).unwrap().server;
        assert_eq!(
            (server.public_url.as_str(), server.base_path.as_str()),
            (taken, path)
        );
    }
    for (bad, says) in [
        (
            "https://b\u{fc}cher.example",
            "write https://xn--bcher-kva.example",
        ),
        ("https://id.example.com/a/../b", "write https://id.example.com/b"),
        (
            "https://id.example.com/{a}",
            "write https://id.example.com/%7Ba%7D",
        ),
    ] {
        assert_refused(
            set(&[&format!("server.public_url={bad}")]),
            &["server.public_url", says],
        );
    }
    for bad in [
        "",
        "id.example.com",
        "ftp://x",
        "https://",
        "https:x",
        "https://x/?q",
        "https://x/#f",
        "https://u@x",
        "https://u:p4ss@x",
        "https://x y",
        " https://x",
        "https://x\ty",
        "https:\\\\x",
        "javascript:alert(1)",
    ] {
        let lines = set(&[&format!("server.public_url={bad}")]).unwrap_err();
        assert!(
            lines.len() == 1 && !lines[0].contains("p4ss") && !lines[0].contains('\n'),
            "{lines:?}"
        );
    }
}

#[test]
fn all_errors_are_reported_at_once() {
    let lines = toml("zzz = 1\n[lane]\nqueue = 0\nworkers = \"x\"").unwrap_err();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let lines = set(&["server.listen=x", "keys.algorithm=none", "database.url=x"]).unwrap_err();
    assert_eq!(lines.len(), 3, "{lines:#?}");
}

#[test]
fn unsafe_values_are_allowed_with_a_warning() {
    for (unwise, key) in [
        ("password.argon2.memory_kib=1024", "password.argon2.memory_kib"),
        ("password.argon2.iterations=1", "password.argon2.iterations"),
        ("password.min_length=7", "password.min_length"),
        ("server.public_url=http://id.example.com", "server.public_url"),
        ("server.trusted_proxies=0.0.0.0/0", "server.trusted_proxies"),
        ("server.trusted_proxies=10.0.0.0/8", "server.trusted_proxies"),
        (
            "server.trusted_proxies=10.20.0.0/16,fd00::/8",
            "server.trusted_proxies",
        ),
    ] {
        let warnings = set(&[unwise]).unwrap().warnings;
        assert_eq!(warnings.len(), 1, "{unwise}");
        assert!(warnings[0].starts_with(key), "{warnings:?}");
    }
}
