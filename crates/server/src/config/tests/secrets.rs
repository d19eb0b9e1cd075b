//! Secrets: how they can be given, and that they are never shown.

use std::os::unix::fs::PermissionsExt;

use secrecy::ExposeSecret;

use super::*;

#[test]
fn postgresql_needs_a_master_key() {
    let url = "database.url=postgres://doorward:s3cret@db/doorward?sslmode=disable";
    assert_refused(set(&[url]), &["keys.master_key", "required with PostgreSQL"]);
    let settings = set(&[url, &format!("keys.master_key={KEY}")]).unwrap();
    assert!(
        settings
            .keys
            .master
            .unwrap()
            .to_base64()
            .expose_secret()
            .starts_with("mgLx")
    );
    assert!(!settings.database.url.is_sqlite());
}

#[test]
fn a_secret_may_be_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let settings = env(&[
        (
            "DOORWARD_KEYS__MASTER_KEY_FILE",
            &file("key", &format!("{KEY}\n")),
        ),
        (
            "DOORWARD_KEYS__PREVIOUS_MASTER_KEY_FILE",
            &file("old", &KEY.replace("mg", "og")),
        ),
        (
            "DOORWARD_PASSWORD__PEPPER_FILE",
            &file("pepper", "c2l4dGVlbiBieXRlcyEhIQ\r\n"),
        ),
        (
            "DOORWARD_SETUP__TOKEN_FILE",
            &file("token", "\u{feff} the operator chose this one \n"),
        ),
        (
            "DOORWARD_DATABASE__URL_FILE",
            &file("url", "postgres://doorward@db/doorward?sslmode=disable\n"),
        ),
    ])
    .unwrap();
    assert!(
        settings
            .keys
            .master
            .unwrap()
            .to_base64()
            .expose_secret()
            .starts_with("mgLx")
    );
    assert!(
        settings
            .keys
            .previous_master
            .unwrap()
            .to_base64()
            .expose_secret()
            .starts_with("ogLx")
    );
    assert!(settings.password.peppers.current.is_some());
    assert_eq!(
        settings.setup_token.unwrap().expose_secret(),
        " the operator chose this one "
    );
    assert_eq!(settings.database.url.to_string(), "postgres://db/doorward");

    let key = file("key", KEY);
    let both = Given {
        toml: &format!("keys.master_key_file = {key:?}"),
        env: &[("DOORWARD_KEYS__MASTER_KEY", KEY)],
        set: &[],
    };
    let says = [
        "keys.master_key (from environment variable DOORWARD_KEYS__MASTER_KEY)",
        "keys.master_key_file (from file doorward.toml) is given as well",
    ];
    assert_refused(both.load(), &says);
    assert_refused(
        set(&["setup.token_file=/absent"]),
        &["setup.token_file", "\"/absent\": cannot be read"],
    );
    let lines = format!(
        "setup.token_file={}",
        file("lines", "the operator chose\nthis one\n")
    );
    assert_refused(set(&[&lines]), &["setup.token_file", "has more than one line"]);
    let empty = format!("setup.token_file={}", file("empty", "\n"));
    assert_refused(set(&[&empty]), &["setup.token_file", "it is empty"]);
    assert_refused(set(&["setup.token_file=/dev/zero"]), &["setup.token_file"]);
}

#[test]
fn secrets_are_never_shown() {
    let secrets = [
        "keys.master_key",
        "keys.previous_master_key",
        "password.pepper",
        "setup.token",
        "database.url",
    ];
    for key in secrets {
        for value in ["s3cret!", "czNjcmV0"] {
            let shown = match set(&[&format!("{key}={value}")]) {
                Ok(settings) => format!("{settings:?}"),
                Err(lines) => lines.concat(),
            };
            assert!(shown.contains(key) || key == "setup.token", "{shown}");
            assert!(!shown.contains(value) && !shown.contains("115, 51"), "{shown}");
        }
        let lines = toml(&format!("{key} = [\"s3cret\"]")).unwrap_err();
        assert!(!lines.concat().contains("s3cret"), "{lines:?}");
    }
    let settings = set(&[
        &format!("keys.master_key={KEY}"),
        "password.pepper=c2l4dGVlbiBieXRlcyEhIQ",
        "setup.token=s3cret-s3cret-s3cret",
        "database.url=postgres://doorward:s3cret@db/doorward?sslmode=disable",
    ]);
    let shown = format!("{:?}", settings.unwrap());
    assert!(shown.contains("REDACTED"));
    for secret in [
        "s3cret",
        "mgLxfDNe",
        "[154, 2, 241",
        "c2l4dGV",
        "[115, 105",
        "sixteen",
    ] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    assert_refused(
        set(&[&format!("keys.master_key={}", &KEY[..8])]),
        &["needs 32", "has 6 bytes"],
    );
    let same = [
        &*format!("keys.master_key={KEY}"),
        &*format!("keys.previous_master_key={KEY}"),
    ];
    assert_refused(
        set(&same),
        &["keys.previous_master_key", "the same as keys.master_key"],
    );
}

#[test]
fn constant_secrets_and_short_setup_tokens_are_refused() {
    let constant = "A".repeat(43);
    assert_refused(
        set(&[&format!("keys.master_key={constant}")]),
        &["keys.master_key", "pattern", "keys.previous_master_key"],
    );
    let counting = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
    assert_refused(set(&[&format!("keys.master_key={counting}")]), &["pattern"]);
    assert_refused(
        set(&[&format!("password.pepper={constant}")]),
        &["password.pepper", "pattern", "password.previous_pepper"],
    );
    // They can be replaced.
    let key = format!("keys.master_key={KEY}");
    set(&[&key, &format!("keys.previous_master_key={constant}")]).unwrap();
    set(&[&format!("password.previous_pepper={constant}")]).unwrap();
    assert_refused(
        set(&["setup.token=fifteen-letters"]),
        &["setup.token", "has 15 characters, but needs 16"],
    );
    set(&["setup.token=sixteen--letters"]).unwrap();
}

#[test]
fn the_previous_pepper_is_another_one() {
    let same = [
        "password.pepper=c2l4dGVlbiBieXRlcyEhIQ",
        "password.previous_pepper=c2l4dGVlbiBieXRlcyEhIQ==",
    ];
    assert_refused(
        set(&same),
        &["password.previous_pepper", "the same as password.pepper"],
    );
}

#[test]
fn a_server_elsewhere_needs_sslmode() {
    let key = format!("keys.master_key={KEY}");
    assert_refused(
        set(&[&key, "database.url=postgres://doorward:s3cret@db/doorward"]),
        &["database.url", "sslmode=verify-full"],
    );
    set(&[&key, "database.url=postgres://doorward:s3cret@localhost/doorward"]).unwrap();
    let warnings = |mode| {
        let url = format!("database.url=postgres://doorward:s3cret@db/doorward?sslmode={mode}");
        set(&[&key, &url]).unwrap().warnings
    };
    assert!(warnings("disable").is_empty());
    let prefer = warnings("prefer");
    assert!(
        prefer.len() == 1 && prefer[0].contains("plain text"),
        "{prefer:?}"
    );
}

#[test]
fn a_secret_file_that_others_may_change_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), KEY).unwrap();
    let with_mode = |mode| {
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        set(&[&format!("keys.master_key_file={}", file.path().display())])
    };
    assert!(with_mode(0o400).unwrap().warnings.is_empty());
    let warnings = with_mode(0o444).unwrap().warnings;
    assert!(
        warnings.len() == 1 && warnings[0].contains("may be read by other users"),
        "{warnings:?}"
    );
    for mode in [0o622, 0o420, 0o402] {
        assert_refused(
            with_mode(mode),
            &["keys.master_key_file", "may be changed by other users"],
        );
    }
}
