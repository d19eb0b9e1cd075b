use doorward_domain::mail::{MailFailureReason, MailKind, OutboxStatus};
use doorward_domain::time::{Timestamp, whole_seconds};
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

/// The metrics of mail.
#[derive(Clone)]
pub(super) struct MailMetrics {
    outbox: IntGaugeVec,
    oldest: IntGauge,
    sent: IntCounterVec,
    failed: IntCounterVec,
}

impl MailMetrics {
    /// Makes and registers the metrics, with every series visible from the beginning.
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            outbox: IntGaugeVec::new(
                Opts::new(
                    "doorward_mail_outbox",
                    "Mails in the database that are to be sent, or were given up.",
                ),
                &["state"],
            )?,
            oldest: IntGauge::new(
                "doorward_mail_oldest_seconds",
                "Age of the oldest mail that is to be sent; 0 if there is none.",
            )?,
            sent: IntCounterVec::new(
                Opts::new("doorward_mail_sent_total", "Mails sent by this instance."),
                &["kind"],
            )?,
            failed: IntCounterVec::new(
                Opts::new(
                    "doorward_mail_failed_total",
                    "Attempts of this instance to send a mail that failed.",
                ),
                &["reason"],
            )?,
        };
        registry.register(Box::new(metrics.outbox.clone()))?;
        registry.register(Box::new(metrics.oldest.clone()))?;
        registry.register(Box::new(metrics.sent.clone()))?;
        registry.register(Box::new(metrics.failed.clone()))?;
        for kind in MailKind::ALL {
            metrics.sent.with_label_values(&[kind.as_str()]);
        }
        for reason in MailFailureReason::ALL {
            metrics.failed.with_label_values(&[reason.as_str()]);
        }
        metrics.set_status(OutboxStatus::default(), Timestamp::from_micros(0));
        Ok(metrics)
    }

    pub(super) fn count_sent(&self, kind: MailKind) {
        self.sent.with_label_values(&[kind.as_str()]).inc();
    }

    pub(super) fn count_failed(&self, reason: MailFailureReason) {
        self.failed.with_label_values(&[reason.as_str()]).inc();
    }

    pub(super) fn set_status(&self, status: OutboxStatus, now: Timestamp) {
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for (state, count) in [("queued", status.queued), ("dead", status.dead)] {
            self.outbox.with_label_values(&[state]).set(gauge(count));
        }
        let age = status.oldest.map_or(0, |oldest| whole_seconds(now.since(oldest)));
        self.oldest.set(gauge(age));
    }
}
