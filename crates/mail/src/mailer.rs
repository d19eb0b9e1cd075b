use std::time::Duration;

use doorward_domain::clock::ClockReading;
use doorward_domain::mail::{Locale, Mail, MailFailure, MailFailureReason, Mailer, SendOutcome};

use crate::file::FileSettings;
use crate::message;
use crate::sender::Sender;
use crate::smtp::{SmtpSettings, SmtpTransport};
use crate::templates::Templates;

/// How mails leave.
#[derive(Debug)]
pub enum TransportSettings {
    /// Each is written to a file.
    File(FileSettings),
    /// Each is handed to an SMTP server.
    Smtp(SmtpSettings),
}

impl TransportSettings {
    /// How long an attempt to send a mail may take.
    pub fn longest_attempt(&self) -> Duration {
        match self {
            Self::File(_) => FileSettings::LONGEST_ATTEMPT,
            Self::Smtp(smtp) => smtp.longest_attempt(),
        }
    }
}

/// What mails are written from, and how they leave.
#[derive(Debug)]
pub struct MailerSettings {
    /// Where they come from.
    pub from: Sender,
    /// Where replies go, if not to `from`.
    pub reply_to: Option<Sender>,
    /// How mails name the service: the URL by which its users know it.
    pub service: String,
    /// Their texts.
    pub templates: Templates,
    /// The language of mails in whose own there are no templates. There must be [templates](Templates::has) in it.
    pub locale: Locale,
    /// How they leave.
    pub transport: TransportSettings,
}

/// Writes mails from templates and sends them.
pub struct TemplateMailer {
    from: Sender,
    reply_to: Option<Sender>,
    service: String,
    templates: Templates,
    locale: Locale,
    transport: Transport,
}

enum Transport {
    File(FileSettings),
    Smtp(Box<SmtpTransport>),
}

impl TemplateMailer {
    /// Prepares the transport. Connects to nothing.
    pub fn new(settings: MailerSettings) -> Result<Self, String> {
        Ok(Self {
            from: settings.from,
            reply_to: settings.reply_to,
            service: settings.service,
            templates: settings.templates,
            locale: settings.locale,
            transport: match settings.transport {
                TransportSettings::File(file) => Transport::File(file),
                TransportSettings::Smtp(smtp) => Transport::Smtp(Box::new(SmtpTransport::new(smtp)?)),
            },
        })
    }

    fn write(&self, mail: &Mail) -> Result<message::Written, String> {
        let locale = if self.templates.has(&mail.locale) {
            &mail.locale
        } else {
            &self.locale
        };
        let rendered = self.templates.render(&mail.content, locale, &self.service)?;
        message::write(mail, rendered, &self.from, self.reply_to.as_ref())
    }
}

impl Mailer for TemplateMailer {
    fn send(&self, mail: &Mail, clock: ClockReading) -> SendOutcome {
        let retry = |reason, detail| SendOutcome::Retry(MailFailure { reason, detail });
        let written = match self.write(mail) {
            Ok(written) => written,
            Err(detail) => return retry(MailFailureReason::Content, detail),
        };
        match &self.transport {
            Transport::Smtp(smtp) => smtp.send(&written),
            Transport::File(folder) => match folder.write(mail.id, &written.bytes, clock) {
                Ok(path) => {
                    tracing::info!(kind = mail.content.kind().as_str(), path = %path.display(), "mail written to a file");
                    SendOutcome::Delivered
                }
                Err(error) => retry(MailFailureReason::File, error.to_string()),
            },
        }
    }
}

#[cfg(test)]
#[path = "mailer_tests.rs"]
mod tests;
