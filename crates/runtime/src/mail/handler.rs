use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use doorward_application::{BegunDelivery, DeliverMail, DeliveryReport, JobError, Missed};
use doorward_domain::clock::ClockReading;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::MailId;
use doorward_domain::job::{Job, JobKind, RetryPolicy};
use doorward_domain::mail::{JOB_KIND, Mail, MailFailureReason, Mailer, RETRY_POLICY, SendOutcome};
use doorward_domain::store::{Transactions, UnitOfWork};
use doorward_domain::store_error::{StoreError, StoreResult};
use prometheus::Registry;

use crate::error::StartError;
use crate::jobs::JobHandler;
use crate::scheduler::PeriodicTask;
use crate::watched_clock::WatchedClock;

use super::metrics::MailMetrics;

/// How often the mails are counted for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(15);

/// How long the clocks of instances may differ, and more.
const LEASE_MARGIN: Duration = Duration::from_secs(70);

/// How often the outcome of an attempt is stored again that could not be stored, and the wait between.
const STORE_AGAIN: (u32, Duration) = (10, Duration::from_secs(1));

/// How mails are delivered.
#[derive(Debug, Clone, Copy)]
pub struct MailDeliverySettings {
    /// How many mails are sent at once.
    pub workers: usize,
    /// How long an attempt to send a mail may take.
    pub longest_attempt: Duration,
}

/// Delivers mails: the handler of their jobs.
pub struct MailDelivery {
    store: Arc<dyn UnitOfWork>,
    mailer: Arc<dyn Mailer>,
    entropy: Arc<dyn Entropy>,
    clock: Arc<WatchedClock>,
    settings: MailDeliverySettings,
    metrics: MailMetrics,
    /// Whether the last attempt failed for a reason that concerns all mails.
    is_failing: AtomicBool,
}

impl MailDelivery {
    /// Delivers the mails of this store. Metrics are registered in `registry`.
    pub fn new(
        store: Arc<dyn UnitOfWork>,
        mailer: Arc<dyn Mailer>,
        entropy: Arc<dyn Entropy>,
        clock: Arc<WatchedClock>,
        settings: MailDeliverySettings,
        registry: &Registry,
    ) -> Result<Self, StartError> {
        Ok(Self {
            metrics: MailMetrics::new(registry)?,
            store,
            mailer,
            entropy,
            clock,
            settings,
            is_failing: AtomicBool::new(false),
        })
    }

    /// The task that counts the mails for the metrics.
    pub fn count_mails(&self) -> PeriodicTask {
        let (store, metrics, clock) = (
            Arc::clone(&self.store),
            self.metrics.clone(),
            Arc::clone(&self.clock),
        );
        let run = move || {
            let status = store.snapshot(|repos| -> StoreResult<_> { repos.outbox().status() });
            metrics.set_status(status.map_err(|error| error.to_string())?, clock.read().now);
            Ok(())
        };
        PeriodicTask {
            name: "count mails",
            every: COUNT_EVERY,
            run: Box::new(run),
        }
    }

    fn deliver(&self, id: MailId, attempt: u32, clock: ClockReading) -> StoreResult<DeliveryReport> {
        let deliver = DeliverMail {
            store: &*self.store,
            entropy: &*self.entropy,
        };
        let begun = match deliver.begin(id, attempt, clock)? {
            Ok(begun) => begun,
            Err(report) => {
                if let DeliveryReport::GivenUp(failure) = &report {
                    self.metrics.count_failed(failure.reason);
                }
                return Ok(report);
            }
        };
        let outcome = self.mailer.send(begun.mail(), clock);
        self.note(begun.mail(), &outcome);
        self.finish(&deliver, &begun, &outcome)
    }

    /// Stores the outcome, again and again while the store is not available: a mail that was sent would be sent once more.
    fn finish(
        &self,
        deliver: &DeliverMail<'_>,
        begun: &BegunDelivery,
        outcome: &SendOutcome,
    ) -> StoreResult<DeliveryReport> {
        let (times, wait) = STORE_AGAIN;
        let mut result = deliver.finish(begun, outcome, self.clock.read());
        for _ in 0..times {
            if !matches!(result, Err(StoreError::Unavailable(_))) {
                break;
            }
            thread::sleep(wait);
            result = deliver.finish(begun, outcome, self.clock.read());
        }
        result
    }

    /// Records the outcome of an attempt in metrics and log. The log has one line when mail stops being sent, and one when it
    /// is sent again.
    fn note(&self, mail: &Mail, outcome: &SendOutcome) {
        let kind = mail.content.kind();
        match outcome {
            SendOutcome::Delivered => {
                self.metrics.count_sent(kind);
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("mail is sent again");
                }
                tracing::debug!(mail = %mail.id, kind = kind.as_str(), "mail sent");
            }
            SendOutcome::Retry(failure) => {
                self.metrics.count_failed(failure.reason);
                if failure.reason != MailFailureReason::Content
                    && !self.is_failing.swap(true, Ordering::Relaxed)
                {
                    tracing::warn!(
                        reason = failure.reason.as_str(),
                        cause = failure.detail,
                        "mail cannot be sent, will retry"
                    );
                }
            }
            SendOutcome::Refused(failure) => self.metrics.count_failed(failure.reason),
        }
    }
}

impl JobHandler for MailDelivery {
    fn kind(&self) -> JobKind {
        JOB_KIND
    }

    fn retry_policy(&self) -> RetryPolicy {
        RETRY_POLICY
    }

    fn lease(&self) -> Duration {
        let (times, wait) = STORE_AGAIN;
        self.settings.longest_attempt + wait * times + LEASE_MARGIN
    }

    fn missed(&self) -> Missed {
        Missed::Drop
    }

    fn workers(&self) -> usize {
        self.settings.workers
    }

    fn logs_retries(&self) -> bool {
        false
    }

    fn run(&self, job: &Job, clock: ClockReading) -> Result<(), JobError> {
        let id = MailId::from_bytes(*job.id.as_bytes());
        match self.deliver(id, job.attempts, clock) {
            Ok(DeliveryReport::Retried(failure)) => Err(JobError::Retry(failure.to_string())),
            Ok(DeliveryReport::GivenUp(failure)) => {
                // Without what the server said, which may quote the address: `doorward mail list` shows it.
                tracing::warn!(mail = %id, reason = failure.reason.as_str(), "mail given up");
                // It is kept in the outbox; the job has nothing to add.
                Ok(())
            }
            Ok(DeliveryReport::Sent | DeliveryReport::Dropped | DeliveryReport::Nothing) => Ok(()),
            Err(error) => Err(JobError::Retry(error.to_string())),
        }
    }
}
