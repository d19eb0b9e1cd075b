//! The delivery of a queued mail, in two transactions around the attempt to send it.

use doorward_domain::audit::{Event, EventKind, EventOutcome};
use doorward_domain::clock::ClockReading;
use doorward_domain::context::RequestContext;
use doorward_domain::entropy::Entropy;
use doorward_domain::id::{MailId, RequestId};
use doorward_domain::mail::{
    Delivery, DeliveryEvent, DeliveryState, Mail, MailFailure, MailFailureReason, OutboxEntry, SendOutcome,
    decide,
};
use doorward_domain::store::{Repositories, Transactions, UnitOfWork};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

/// Delivers mails of the outbox.
pub struct DeliverMail<'a> {
    /// Stores the mails.
    pub store: &'a dyn UnitOfWork,
    /// Makes ids.
    pub entropy: &'a dyn Entropy,
}

/// A mail that is to be sent now, by one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunDelivery {
    entry: OutboxEntry,
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryReport {
    /// It was sent.
    Sent,
    /// It will be tried again.
    Retried(MailFailure),
    /// It was given up.
    GivenUp(MailFailure),
    /// It was not sent, because its recipient must not be told any more.
    Dropped,
    /// There was nothing to do: it is deleted, its delivery has ended, or another attempt is under way.
    Nothing,
}

impl BegunDelivery {
    /// The mail.
    pub const fn mail(&self) -> &Mail {
        &self.entry.mail
    }
}

impl DeliverMail<'_> {
    /// Begins the attempt with that number. `Err` in the result if the mail is not to be sent.
    pub fn begin(
        &self,
        id: MailId,
        attempt: u32,
        clock: ClockReading,
    ) -> StoreResult<Result<BegunDelivery, DeliveryReport>> {
        let now = clock.now;
        self.store.transaction(|repos| {
            let Some(entry) = repos.outbox().find(id)? else {
                return Ok(Err(DeliveryReport::Nothing));
            };
            let Some(leased) = decide(&entry.delivery, attempt, DeliveryEvent::Due, clock) else {
                return Ok(Err(DeliveryReport::Nothing));
            };
            let may_be_told = repos
                .users()
                .find(entry.user_id)?
                .is_some_and(|user| user.may_get_notices());
            let leased = BegunDelivery {
                entry: OutboxEntry {
                    delivery: leased,
                    ..entry.clone()
                },
            };
            match leased.entry.delivery.state {
                DeliveryState::Leased if may_be_told => {
                    let is_stored =
                        repos
                            .outbox()
                            .settle(id, &entry.delivery, &leased.entry.delivery, None)?;
                    Ok(if is_stored {
                        Ok(leased)
                    } else {
                        Err(DeliveryReport::Nothing)
                    })
                }
                DeliveryState::Leased => {
                    let dropped = decide(&leased.entry.delivery, attempt, DeliveryEvent::Superseded, clock);
                    self.settle(repos, &entry, dropped, None, now).map(Err)
                }
                _ => {
                    let failure = MailFailure {
                        reason: MailFailureReason::Expired,
                        detail: entry
                            .last_failure
                            .clone()
                            .unwrap_or_else(|| "not sent in time".to_owned()),
                    };
                    self.settle(repos, &entry, Some(leased.entry.delivery), Some(failure), now)
                        .map(Err)
                }
            }
        })
    }

    /// Stores what became of an attempt. May be repeated if the store fails.
    pub fn finish(
        &self,
        begun: &BegunDelivery,
        outcome: &SendOutcome,
        clock: ClockReading,
    ) -> StoreResult<DeliveryReport> {
        let (event, failure) = match outcome {
            SendOutcome::Delivered => (DeliveryEvent::Delivered, None),
            SendOutcome::Retry(failure) => (DeliveryEvent::Retry, Some(failure.clone())),
            SendOutcome::Refused(failure) => (DeliveryEvent::Refused, Some(failure.clone())),
        };
        let entry = &begun.entry;
        let next = decide(&entry.delivery, entry.delivery.attempt, event, clock);
        self.store
            .transaction(|repos| self.settle(repos, entry, next, failure.clone(), clock.now))
    }

    fn settle(
        &self,
        repos: &mut dyn Repositories,
        entry: &OutboxEntry,
        next: Option<Delivery>,
        failure: Option<MailFailure>,
        now: Timestamp,
    ) -> StoreResult<DeliveryReport> {
        let Some(next) = next else {
            return Ok(DeliveryReport::Nothing);
        };
        if !repos
            .outbox()
            .settle(entry.mail.id, &entry.delivery, &next, failure.as_ref())?
        {
            return Ok(DeliveryReport::Nothing);
        }
        Ok(match (next.state, failure) {
            (DeliveryState::Dead(_), Some(failure)) => {
                repos.events().append(&self.failed(entry, &failure, now))?;
                DeliveryReport::GivenUp(failure)
            }
            (DeliveryState::Queued, Some(failure)) => DeliveryReport::Retried(failure),
            (DeliveryState::Sent(_), None) => DeliveryReport::Sent,
            (DeliveryState::Dropped(_), None) => DeliveryReport::Dropped,
            _ => DeliveryReport::Nothing,
        })
    }

    /// The audit event of a mail that was given up. Without what the server said: it may quote the address.
    fn failed(&self, entry: &OutboxEntry, failure: &MailFailure, now: Timestamp) -> Event {
        let context = RequestContext {
            now,
            request_id: RequestId::generate(now, self.entropy),
            ip: None,
            user_agent: None,
        };
        Event::new(
            EventKind::MailFailed,
            EventOutcome::Failure,
            &context,
            self.entropy,
        )
        .of(entry.user_id)
        .with("kind", entry.mail.content.kind().as_str())
        .with("reason", failure.reason.as_str())
        .with("mail", entry.mail.id.to_string())
    }
}
