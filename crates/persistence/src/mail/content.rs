//! What a mail says, as it is stored: the word for its kind, and JSON without a secret.

use core::net::IpAddr;

use doorward_domain::mail::{MailContent, MailKind, Occurrence};
use doorward_domain::time::Timestamp;
use serde_json::{Value, json};

/// The stored form.
pub(super) fn params(content: &MailContent) -> String {
    let params = match content {
        MailContent::Test => json!({}),
        MailContent::PasswordChanged(Occurrence { at, ip }) => {
            json!({ "at": at.as_micros(), "ip": ip.map(|ip| ip.to_string()) })
        }
    };
    params.to_string()
}

/// Reads the stored form; `None` if it is not one, or of a kind that only a newer version knows.
pub(super) fn parse(kind: &str, params: &str) -> Option<MailContent> {
    let params: Value = serde_json::from_str(params).ok()?;
    match MailKind::parse(kind)? {
        MailKind::Test => Some(MailContent::Test),
        MailKind::PasswordChanged => occurrence(&params).map(MailContent::PasswordChanged),
    }
}

fn occurrence(params: &Value) -> Option<Occurrence> {
    let ip = match params.get("ip")? {
        Value::Null => None,
        ip => Some(ip.as_str()?.parse::<IpAddr>().ok()?),
    };
    Some(Occurrence {
        at: Timestamp::from_micros(params.get("at")?.as_i64()?),
        ip,
    })
}
