use std::time::{Duration, SystemTime};

use doorward_domain::mail::{Mail, Recipient};
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};

use crate::sender::Sender;
use crate::templates::Rendered;

/// A mail as it is transported.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) envelope: Envelope,
    pub(crate) bytes: Vec<u8>,
}

/// Writes the headers and the body of a mail. `Message-ID` and `Date` depend on the mail only, not on the attempt.
pub(crate) fn write(
    mail: &Mail,
    rendered: Rendered,
    from: &Sender,
    reply_to: Option<&Sender>,
) -> Result<Written, String> {
    let recipient = address(&mail.recipient)?;
    let micros = u64::try_from(mail.created_at.as_micros()).unwrap_or_default();
    let mut message = Message::builder()
        .from(from.mailbox().clone())
        .to(Mailbox::new(None, recipient.clone()))
        .subject(rendered.subject)
        .date(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
        .message_id(Some(format!("<{}@{}>", mail.id, from.domain())))
        // Neither out-of-office replies nor mailing lists answer it (RFC 3834).
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
    if let Some(reply_to) = reply_to {
        message = message.reply_to(reply_to.mailbox().clone());
    }
    let message = message
        .multipart(MultiPart::alternative_plain_html(rendered.text, rendered.html))
        .map_err(|error| error.to_string())?;
    let envelope = Envelope::new(Some(from.mailbox().email.clone()), vec![recipient])
        .map_err(|error| error.to_string())?;
    Ok(Written {
        envelope,
        bytes: message.formatted(),
    })
}

fn address(recipient: &Recipient) -> Result<Address, String> {
    Address::new(recipient.local(), recipient.domain())
        .map_err(|error| format!("the address of the recipient cannot be written: {error}"))
}
