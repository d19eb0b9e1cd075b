//! `mail.*`

use std::path::Path;
use std::time::Duration;

use doorward_mail::{FileSettings, SmtpSecurity, SmtpSettings, TransportSettings};

use super::*;

/// What is required with SMTP, and these lines of `[mail.smtp]`.
fn smtp(lines: &str) -> Result<Settings, Vec<String>> {
    toml(&format!(
        "[mail]\ntransport = \"smtp\"\nfrom = \"no-reply@example.com\"\n[mail.smtp]\n{lines}"
    ))
}

fn smtp_settings(loaded: Result<Settings, Vec<String>>) -> (SmtpSettings, Vec<String>) {
    let settings = loaded.unwrap();
    match settings.mail.mailer.unwrap().transport {
        TransportSettings::Smtp(smtp) => (smtp, settings.warnings),
        other @ TransportSettings::File(_) => panic!("{other:?}"),
    }
}

#[test]
fn a_fresh_service_writes_mails_to_files() {
    let settings = toml("").unwrap();
    let mail = settings.mail;
    assert_eq!(
        (mail.locale.as_str(), mail.notices, mail.workers),
        ("en", true, 2)
    );
    assert_eq!(mail.retry_for, Duration::from_hours(24));
    let mailer = mail.mailer.unwrap();
    assert_eq!(mailer.from.to_string(), "Doorward <no-reply@localhost>");
    assert!(mailer.reply_to.is_none());
    assert_eq!(mailer.service, "http://localhost:8080");
    let TransportSettings::File(FileSettings { folder }) = mailer.transport else {
        panic!("{:?}", mailer.transport);
    };
    assert_eq!(folder, Path::new("data/mail"));
}

#[test]
fn with_another_public_url_or_database_no_mail_is_sent() {
    let key = format!("keys.master_key = \"{KEY}\"\n");
    for text in [
        "server.public_url = \"https://id.example.com\"".to_owned(),
        format!("{key}database.url = \"postgres://doorward@localhost/doorward\""),
        "mail.transport = \"none\"".to_owned(),
    ] {
        let mail = toml(&text).unwrap().mail;
        assert!(mail.mailer.is_none() && !mail.notices, "{text}");
    }
    let text = "server.public_url = \"https://id.example.com\"\nmail.transport = \"file\"";
    let mailer = toml(text).unwrap().mail.mailer.unwrap();
    assert_eq!(mailer.from.to_string(), "Doorward <no-reply@id.example.com>");
}

#[test]
fn smtp_is_encrypted_unless_it_is_told_otherwise() {
    let (settings, warnings) = smtp_settings(smtp("host = \"mail.example.com\""));
    assert_eq!((settings.host.as_str(), settings.port), ("mail.example.com", 587));
    assert_eq!(settings.security, SmtpSecurity::StartTls);
    assert_eq!(settings.timeout, Duration::from_secs(20));
    assert_eq!(settings.hello, "localhost");
    assert!(settings.credentials.is_none() && settings.authorities.is_none());
    assert_eq!(warnings, Vec::<String>::new());
    let (settings, _) = smtp_settings(smtp(
        "host = \"::1\"\nport = 465\nsecurity = \"tls\"\ntimeout = \"5s\"",
    ));
    assert_eq!((settings.host.as_str(), settings.port), ("::1", 465));
    assert_eq!(
        (settings.security, settings.timeout),
        (SmtpSecurity::Tls, Duration::from_secs(5))
    );
}

#[test]
fn smtp_without_encryption_is_for_this_machine() {
    for host in ["localhost", "127.0.0.2", "::1", "mail.localhost"] {
        let (settings, warnings) = smtp_settings(smtp(&format!("host = \"{host}\"\nsecurity = \"none\"")));
        assert_eq!(
            (settings.security, warnings.len()),
            (SmtpSecurity::Plain, 0),
            "{host}"
        );
    }
    let plain = "host = \"mail.example.com\"\nsecurity = \"none\"\n";
    assert_refused(
        smtp(plain),
        &["mail.smtp.security", "for a server on this machine"],
    );
    let (_, warnings) = smtp_settings(smtp(&format!("{plain}allow_plaintext = true")));
    assert_eq!(
        warnings,
        ["mail.smtp.security: mails and the password are sent unencrypted to another machine"]
    );
}

#[test]
fn what_smtp_requires_is_refused_when_it_is_missing() {
    assert_refused(smtp(""), &["mail.smtp.host", "required"]);
    assert_refused(
        toml("mail = { transport = \"smtp\", smtp = { host = \"mail.example.com\" } }"),
        &["mail.from", "required"],
    );
    assert_refused(
        toml(
            "server.public_url = \"https://192.0.2.1\"\nmail = { transport = \"smtp\", smtp = { host = \"mail.example.com\" } }",
        ),
        &["mail.from", "required"],
    );
    let named = "server.public_url = \"https://id.example.com\"\nmail = { transport = \"smtp\", smtp = { host = \"mail.example.com\" } }";
    let mailer = toml(named).unwrap().mail.mailer.unwrap();
    assert_eq!(mailer.from.to_string(), "Doorward <no-reply@id.example.com>");
}

#[test]
fn credentials_are_a_name_and_a_password() {
    let host = "host = \"mail.example.com\"\n";
    assert_refused(
        smtp(&format!("{host}username = \"doorward\"")),
        &["mail.smtp.username", "mail.smtp.password is not given"],
    );
    assert_refused(
        smtp(&format!("{host}password = \"hunter2\"")),
        &["mail.smtp.password", "mail.smtp.username is not given"],
    );
    assert_refused(
        smtp(&format!("{host}username = \"\"\npassword = \"hunter2\"")),
        &["mail.smtp.username", "empty"],
    );
    let (settings, _) = smtp_settings(smtp(&format!(
        "{host}username = \"doorward\"\npassword = \"hunter2\""
    )));
    assert!(!format!("{settings:?}").contains("hunter2"));
    assert_eq!(settings.credentials.unwrap().username, "doorward");
}

#[test]
fn wrong_values_are_refused() {
    let host = "host = \"mail.example.com\"\n";
    let mut empty = tempfile::NamedTempFile::new().unwrap();
    empty.write_all(b"no certificate").unwrap();
    let empty = empty.path().display();
    for (text, parts) in [
        (
            "mail.transport = \"sendmail\"".to_owned(),
            ["mail.transport", "\"smtp\", \"file\", \"none\""],
        ),
        (
            "mail.from = \"Doorward\"".to_owned(),
            ["mail.from", "is not an address"],
        ),
        (
            "mail.reply_to = \"x@\"".to_owned(),
            ["mail.reply_to", "is not an address"],
        ),
        (
            "mail.locale = \"english\"".to_owned(),
            ["mail.locale", "not a language tag"],
        ),
        (
            "mail.locale = \"fr\"".to_owned(),
            ["mail.locale", "no templates in the language fr"],
        ),
        (
            "mail.templates_dir = \"/does/not/exist\"".to_owned(),
            ["mail.templates_dir", "cannot be read"],
        ),
        (
            "mail.workers = 0".to_owned(),
            ["mail.workers", "between 1 and 64"],
        ),
        (
            "mail.retry_for = \"1s\"".to_owned(),
            ["mail.retry_for", "between"],
        ),
    ] {
        assert_refused(toml(&text), &parts);
    }
    for (line, parts) in [
        (
            "security = \"ssl\"".to_owned(),
            ["mail.smtp.security", "\"tls\", \"starttls\", \"none\""],
        ),
        ("port = 0".to_owned(), ["mail.smtp.port", "between 1 and 65535"]),
        ("timeout = \"0s\"".to_owned(), ["mail.smtp.timeout", "between"]),
        (
            "ca_file = \"/does/not/exist\"".to_owned(),
            ["mail.smtp.ca_file", "cannot be read"],
        ),
        (
            format!("ca_file = \"{empty}\""),
            ["mail.smtp.ca_file", "no certificate"],
        ),
    ] {
        assert_refused(smtp(&format!("{host}{line}")), &parts);
    }
    for host in ["mail.example.com:25", "smtp://mail.example.com", "a b", ""] {
        assert_refused(
            smtp(&format!("host = \"{host}\"")),
            &["mail.smtp.host", "is not a host name"],
        );
    }
}

#[test]
fn a_server_that_is_not_used_is_a_warning() {
    let settings = toml("mail.smtp.host = \"mail.example.com\"").unwrap();
    assert_eq!(
        settings.warnings,
        ["mail.smtp.host: has no effect without mail.transport = \"smtp\""]
    );
}
