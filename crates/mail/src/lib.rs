//! Mail as an adapter: writes a [`Mail`](doorward_domain::mail::Mail) from templates, and hands it to an SMTP server or writes
//! it to a file.
//!
//! Blocking. Everything that can be wrong with a configuration is found when it is read: templates are rendered once, and
//! addresses and certificates are parsed.

mod file;
mod mailer;
mod message;
mod sender;
mod smtp;
mod templates;

pub use file::FileSettings;
pub use mailer::{MailerSettings, TemplateMailer, TransportSettings};
pub use sender::Sender;
pub use smtp::{Authorities, SmtpCredentials, SmtpSecurity, SmtpSettings};
pub use templates::Templates;
