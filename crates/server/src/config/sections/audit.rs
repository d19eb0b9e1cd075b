//! `audit.*`

use core::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::span::Span;

/// `audit.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawAudit {
    /// How long an audit event is kept; older ones are deleted. The default is a year, because an intrusion is often found
    /// months after it began, and because auditors ask for that.
    #[schemars(extend("x-min" = "1d", "x-max" = "3650d"))]
    pub retention: Span,
}

impl Default for RawAudit {
    fn default() -> Self {
        Self {
            retention: Span::days(365),
        }
    }
}

impl RawAudit {
    pub const fn check(&self) -> AuditSettings {
        AuditSettings {
            retention: self.retention.0,
        }
    }
}

/// `audit.*`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditSettings {
    /// How long an audit event is kept.
    pub retention: Duration,
}
