//! `doorward mail`: sends a test mail, and lists queued mails.

use doorward_application::ListMails;
use doorward_domain::account::Email;
use doorward_domain::clock::ClockReading;
use doorward_domain::id::MailId;
use doorward_domain::mail::{Locale, Mail, MailContent, OutboxLine, Recipient, SendOutcome};
use doorward_mail::TransportSettings;
use serde_json::json;

use crate::cli;
use crate::compose;
use crate::config::Settings;
use crate::data_dir;
use crate::exit::ExitError;
use crate::system::{OsEntropy, now};

use super::print;
use super::table::{aligned, time};

/// The header of the list.
const HEAD: [&str; 7] = [
    "ID",
    "KIND",
    "RECIPIENT",
    "STATE",
    "TRIES",
    "QUEUED",
    "LAST FAILURE",
];

/// Sends a test mail, without the outbox.
pub fn test(mut settings: Settings, command: &cli::TestMail) -> Result<(), ExitError> {
    let email = Email::parse(&command.address)
        .map_err(|error| ExitError::configuration(format!("{:?}: {error}", command.address)))?;
    let locale = command.locale.as_deref().map(Locale::parse).transpose();
    let locale = locale.map_err(|error| ExitError::configuration(format!("--locale: {error}")))?;
    let locale = locale.unwrap_or(settings.mail.locale);
    data_dir::prepare(&settings)?;
    let is_file = settings
        .mail
        .mailer
        .as_ref()
        .is_some_and(|mailer| matches!(mailer.transport, TransportSettings::File(_)));
    let mailer = compose::mailer(&mut settings)?
        .ok_or_else(|| ExitError::configuration("mail.transport: there is none, so no mail can be sent"))?;
    let now = now();
    let mail = Mail {
        id: MailId::generate(now, &OsEntropy),
        recipient: Recipient::of(&email),
        locale,
        content: MailContent::Test,
        created_at: now,
    };
    let outcome = mailer.send(&mail, ClockReading::trusted(now));
    let failure = match &outcome {
        SendOutcome::Delivered => None,
        SendOutcome::Retry(failure) | SendOutcome::Refused(failure) => Some(failure),
    };
    if command.json {
        let line = json!({
            "id": mail.id.to_string(),
            "recipient": mail.recipient.to_string(),
            "transport": if is_file { "file" } else { "smtp" },
            "sent": failure.is_none() && !is_file,
            "reason": failure.map(|failure| failure.reason.as_str()),
            "detail": failure.map(|failure| failure.detail.as_str()),
        });
        print(&line.to_string())?;
    }
    match failure {
        Some(failure) => Err(ExitError::other(format!("the mail was not accepted: {failure}"))),
        None if command.json => Ok(()),
        None if is_file => print(&format!(
            "written to a file, not sent to {}: mail.transport is \"file\"",
            mail.recipient
        )),
        None => print(&format!("sent to {}", mail.recipient)),
    }
}

/// Lists mails.
pub fn list(mut settings: Settings, command: &cli::ListMails) -> Result<(), ExitError> {
    data_dir::prepare(&settings)?;
    // The database must not be created before its master key.
    compose::master_keys(&mut settings)?;
    let store = compose::database(&settings)?;
    let mails = ListMails { store: &*store }.execute(command.limit)?;
    if command.json {
        let lines: Vec<_> = mails.iter().map(|mail| object(mail).to_string()).collect();
        return if lines.is_empty() {
            Ok(())
        } else {
            print(&lines.join("\n"))
        };
    }
    let rows: Vec<_> = core::iter::once(HEAD.map(str::to_owned))
        .chain(mails.into_iter().map(row))
        .collect();
    print(&aligned(&rows))
}

fn object(mail: &OutboxLine) -> serde_json::Value {
    json!({
        "id": mail.id.to_string(),
        "kind": mail.kind,
        "recipient": mail.recipient.to_string(),
        "state": mail.delivery.state.as_str(),
        "tries": mail.delivery.attempt,
        "created_at": time(mail.created_at),
        "expires_at": time(mail.delivery.expires_at),
        "ended_at": mail.delivery.state.ended_at().map(time),
        "last_failure": mail.last_failure,
    })
}

fn row(mail: OutboxLine) -> [String; 7] {
    [
        mail.id.to_string(),
        mail.kind,
        mail.recipient.to_string(),
        mail.delivery.state.as_str().to_owned(),
        mail.delivery.attempt.to_string(),
        time(mail.created_at),
        mail.last_failure.unwrap_or_else(|| "-".to_owned()),
    ]
}
