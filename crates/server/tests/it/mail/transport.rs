//! The connection to a real mail server: encrypted as configured, or nothing is sent.

use crate::harness::process::{ProcessResult, directory, run};
use crate::harness::service::Launch;

use super::catcher::{Catcher, header};

/// Sends a test mail with this configuration.
fn test_mail(launch: &Launch) -> ProcessResult {
    run(
        launch.command(directory().path(), &["mail", "test", "ada@example.org"]),
        "",
    )
}

fn assert_not_sent(ended: &ProcessResult, reason: &str, catcher: &Catcher) {
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(
        ended
            .stderr
            .contains(&format!("the mail was not accepted: {reason}: ")),
        "{ended:?}"
    );
    assert!(!format!("{ended:?}").contains("correct horse"), "{ended:?}");
    assert_eq!(catcher.mails().len(), 0);
}

#[test]
fn a_mail_is_sent_with_the_security_of_the_server() {
    for (server, client) in [("none", "none"), ("starttls", "starttls"), ("tls", "tls")] {
        let Some(catcher) = Catcher::start(server) else {
            return;
        };
        let ended = test_mail(&catcher.configure(Launch::bare(), client));
        assert_eq!(
            (ended.status, ended.stdout.as_str()),
            (0, "sent to ada@example.org\n"),
            "{ended:?}"
        );
        let [mail] = catcher.mails().try_into().unwrap();
        assert_eq!(
            header(&mail, "X-Envelope"),
            "no-reply@id.example.com ada@example.org"
        );
        assert_eq!(header(&mail, "From"), "Doorward <no-reply@id.example.com>");
        assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated");
        assert!(
            header(&mail, "Message-ID").ends_with("@id.example.com>"),
            "{mail}"
        );
    }
}

#[test]
fn nothing_is_sent_without_the_configured_security() {
    for (server, client) in [
        ("none", "starttls"),
        ("none", "tls"),
        ("starttls", "tls"),
        ("tls-expired", "tls"),
    ] {
        let Some(catcher) = Catcher::start(server) else {
            return;
        };
        let ended = test_mail(&catcher.configure(Launch::bare(), client));
        assert_not_sent(&ended, "tls", &catcher);
    }
    // A server that speaks TLS from the first byte never sends a greeting that can be read.
    let Some(catcher) = Catcher::start("tls") else {
        return;
    };
    let ended = test_mail(&catcher.configure(Launch::bare(), "starttls"));
    assert_eq!((ended.status, catcher.mails().len()), (1, 0), "{ended:?}");
}

#[test]
fn a_certificate_of_another_authority_is_not_trusted() {
    for security in ["starttls", "tls"] {
        let (Some(catcher), Some(other)) = (Catcher::start(security), Catcher::start(security)) else {
            return;
        };
        let launch = catcher.configure(Launch::bare(), security);
        let launch = launch.set("mail.smtp.ca_file", other.authority().to_str().unwrap());
        assert_not_sent(&test_mail(&launch), "tls", &catcher);
        // Nor is it one of the system's.
        let launch = catcher
            .configure(Launch::bare(), security)
            .unset("mail.smtp.ca_file");
        assert_not_sent(&test_mail(&launch), "tls", &catcher);
    }
}

#[test]
fn a_certificate_for_another_name_is_not_trusted() {
    let Some(catcher) = Catcher::start("tls") else {
        return;
    };
    let launch = catcher.configure(Launch::bare(), "tls");
    assert_eq!(
        test_mail(&launch.clone().set("mail.smtp.host", "localhost")).status,
        0
    );
    let ended = test_mail(&launch.set("mail.smtp.host", "127.0.0.2"));
    assert_eq!(ended.status, 1, "{ended:?}");
    assert_eq!(catcher.mails().len(), 1);
}

#[test]
fn refused_credentials_are_our_mistake_and_not_the_recipient_s() {
    let Some(catcher) = Catcher::start("starttls") else {
        return;
    };
    catcher.set_mode("no-auth");
    let launch = catcher.configure(Launch::bare(), "starttls");
    assert_not_sent(&test_mail(&launch), "authentication", &catcher);
    catcher.set_mode("accept");
    let launch = launch
        .unset("mail.smtp.username")
        .unset_env("DOORWARD_MAIL__SMTP__PASSWORD");
    assert_not_sent(&test_mail(&launch), "authentication", &catcher);
}
