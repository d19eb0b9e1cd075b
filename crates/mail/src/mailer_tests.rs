use std::path::Path;

use doorward_domain::account::Email;
use doorward_domain::id::MailId;
use doorward_domain::mail::{MailContent, Occurrence, Recipient};
use doorward_domain::time::Timestamp;

use super::*;

fn mailer(folder: &Path) -> TemplateMailer {
    TemplateMailer::new(MailerSettings {
        from: Sender::parse("Dörward <no-reply@bücher.example>").unwrap(),
        reply_to: Some(Sender::parse("help@example.org").unwrap()),
        service: "https://id.example.org".to_owned(),
        templates: Templates::load(None).unwrap(),
        locale: Locale::parse("en").unwrap(),
        transport: TransportSettings::File(FileSettings {
            folder: folder.to_owned(),
        }),
    })
    .unwrap()
}

fn mail(address: &str, locale: &str) -> Mail {
    Mail {
        id: MailId::from_bytes([7; 16]),
        recipient: Recipient::of(&Email::parse(address).unwrap()),
        locale: Locale::parse(locale).unwrap(),
        content: MailContent::PasswordChanged(Occurrence {
            at: Timestamp::from_unix_seconds(1_774_944_900),
            ip: Some("192.0.2.7".parse().unwrap()),
        }),
        created_at: Timestamp::from_unix_seconds(1_774_944_901),
    }
}

fn written(address: &str, locale: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mail = mail(address, locale);
    assert_eq!(
        mailer(folder.path()).send(&mail, ClockReading::trusted(mail.created_at)),
        SendOutcome::Delivered
    );
    let path = folder.path().join(format!("{}.eml", mail.id));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_mail_has_the_headers_of_an_automatic_message() {
    let text = written("Ada@Bücher.example", "en");
    for header in [
        "From: =?utf-8?b?RMO2cndhcmQ=?= <no-reply@xn--bcher-kva.example>\r\n",
        "Reply-To: help@example.org\r\n",
        "To: Ada@xn--bcher-kva.example\r\n",
        "Subject: Your password was changed\r\n",
        "Date: Tue, 31 Mar 2026 08:15:01 +0000\r\n",
        "Message-ID: <07070707-0707-0707-0707-070707070707@xn--bcher-kva.example>\r\n",
        "Auto-Submitted: auto-generated\r\n",
        "MIME-Version: 1.0\r\n",
        "Content-Type: multipart/alternative;",
    ] {
        assert!(text.contains(header), "{header}\n{text}");
    }
    assert!(text.is_ascii(), "{text}");
}

#[test]
fn a_mail_in_an_unknown_language_is_in_the_default_one() {
    assert!(written("ada@example.org", "fr").contains("Subject: Your password was changed\r\n"));
    let german = written("ada@example.org", "de-CH");
    assert!(
        german.is_ascii() && german.contains("Subject: Ihr Passwort wurde =?utf-8?b?"),
        "{german}"
    );
}

#[test]
fn an_address_adds_no_header() {
    // No such address can be stored; nothing depends on that alone.
    let text = written("o'brien+tag@example.org", "en");
    assert_eq!(text.matches("\r\nTo: ").count(), 1);
    assert!(text.contains("\r\nTo: o'brien+tag@example.org\r\n"), "{text}");
}

#[test]
fn a_folder_that_cannot_be_written_is_tried_again() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mail = mail("ada@example.org", "en");
    let clock = ClockReading::trusted(mail.created_at);
    let outcome = mailer(&file.path().join("mail")).send(&mail, clock);
    let SendOutcome::Retry(failure) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(failure.reason, MailFailureReason::File);
}
