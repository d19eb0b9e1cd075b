//! Secrets: how they can be given, and that they are never shown.

use secrecy::ExposeSecret;

use super::*;

#[test]
fn postgresql_needs_a_master_key() {
    let url = "database.url=postgres://doorward:s3cret@db/doorward";
    assert_refused(set(&[url]), &["keys.master_key", "required with PostgreSQL"]);
    let settings = set(&[url, &format!("keys.master_key={KEY}")]).unwrap();
    assert!(
        settings
            .keys
            .master
            .unwrap()
            .to_base64()
            .expose_secret()
            .starts_with("AQ")
    );
    assert!(!settings.database.url.is_sqlite());
}

#[test]
fn a_secret_may_be_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let settings = env(&[
        (
            "DOORWARD_KEYS__MASTER_KEY_FILE",
            &file("key", &format!("{KEY}\n")),
        ),
        (
            "DOORWARD_KEYS__PREVIOUS_MASTER_KEY_FILE",
            &file("old", &KEY.replace("AQ", "AA")),
        ),
        (
            "DOORWARD_PASSWORD__PEPPER_FILE",
            &file("pepper", "c2l4dGVlbiBieXRlcyEhIQ\r\n"),
        ),
        ("DOORWARD_SETUP__TOKEN_FILE", &file("token", " 007\n\n")),
        (
            "DOORWARD_DATABASE__URL_FILE",
            &file("url", "postgres://doorward@db/doorward\n"),
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
            .starts_with("AQID")
    );
    assert!(
        settings
            .keys
            .previous_master
            .unwrap()
            .to_base64()
            .expose_secret()
            .starts_with("AAID")
    );
    assert!(settings.password.pepper.is_some());
    assert_eq!(settings.setup_token.unwrap().expose_secret(), " 007\n");
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
        "setup.token=s3cret",
        "database.url=postgres://doorward:s3cret@db/doorward",
    ]);
    let shown = format!("{:?}", settings.unwrap());
    assert!(shown.contains("REDACTED"));
    for secret in ["s3cret", "AQIDBAU", "[1, 2, 3", "c2l4dGV", "[115, 105", "sixteen"] {
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
