use doorward_domain::id::{MailId, UserId};
use doorward_domain::mail::{
    Delivery, DeliveryState, MailFailure, MailKind, NewMail, Outbox, OutboxEntry, OutboxLine, OutboxStatus,
};
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use super::retention::delete_expired;
use super::transaction::Transaction;

impl Outbox for Transaction {
    fn enqueue(&mut self, new: &NewMail) -> StoreResult<bool> {
        let state = self.change()?;
        if !state.accounts.contains_key(&new.user_id) {
            return self.refuse("the user of the mail does not exist");
        }
        if state.outbox.values().any(|(_, key)| *key == new.dedupe_key) {
            return Ok(false);
        }
        if state.outbox.contains_key(&new.mail.id) {
            return self.refuse("a mail with that id exists");
        }
        let entry = OutboxEntry {
            mail: new.mail.clone(),
            user_id: new.user_id,
            delivery: Delivery {
                state: DeliveryState::Queued,
                attempt: 0,
                expires_at: new.expires_at,
            },
            last_failure: None,
        };
        state.outbox.insert(new.mail.id, (entry, new.dedupe_key.clone()));
        Ok(true)
    }

    fn find(&mut self, id: MailId) -> StoreResult<Option<OutboxEntry>> {
        Ok(self.look()?.outbox.get(&id).map(|(entry, _)| entry.clone()))
    }

    fn settle(
        &mut self,
        id: MailId,
        from: &Delivery,
        to: &Delivery,
        failure: Option<&MailFailure>,
    ) -> StoreResult<bool> {
        let entry = self.change()?.outbox.get_mut(&id).map(|(entry, _)| entry);
        let held = entry.filter(|entry| {
            entry.delivery.state.as_str() == from.state.as_str() && entry.delivery.attempt == from.attempt
        });
        Ok(held
            .map(|entry| {
                entry.delivery.state = to.state;
                entry.delivery.attempt = to.attempt;
                if let Some(failure) = failure {
                    entry.last_failure = Some(failure.to_string());
                }
            })
            .is_some())
    }

    fn count_since(&mut self, user: UserId, kinds: &[MailKind], after: Timestamp) -> StoreResult<u64> {
        let entries = self.look()?.outbox.values().map(|(entry, _)| entry);
        let counted = entries.filter(|entry| {
            entry.user_id == user
                && entry.mail.created_at > after
                && kinds.contains(&entry.mail.content.kind())
        });
        Ok(counted.map(|_| 1_u64).sum())
    }

    fn status(&mut self) -> StoreResult<OutboxStatus> {
        let mut status = OutboxStatus::default();
        for (entry, _) in self.look()?.outbox.values() {
            match entry.delivery.state {
                DeliveryState::Queued | DeliveryState::Leased => {
                    status.queued += 1;
                    let queued_at = entry.mail.created_at;
                    status.oldest = Some(status.oldest.map_or(queued_at, |oldest| oldest.min(queued_at)));
                }
                DeliveryState::Dead(_) => status.dead += 1,
                DeliveryState::Sent(_) | DeliveryState::Dropped(_) => {}
            }
        }
        Ok(status)
    }

    fn latest(&mut self, limit: u32) -> StoreResult<Vec<OutboxLine>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let entries = self.look()?.outbox.values().rev().take(limit);
        let line = |entry: &OutboxEntry| OutboxLine {
            id: entry.mail.id,
            kind: entry.mail.content.kind().as_str().to_owned(),
            recipient: entry.mail.recipient.clone(),
            created_at: entry.mail.created_at,
            delivery: entry.delivery,
            last_failure: entry.last_failure.clone(),
        };
        Ok(entries.map(|(entry, _)| line(entry)).collect())
    }

    fn delete_expired(&mut self, before: Timestamp, limit: u32) -> StoreResult<u64> {
        let outbox = &mut self.change()?.outbox;
        Ok(delete_expired(
            |keep| outbox.retain(|_, (entry, _)| keep(entry)),
            |entry: &OutboxEntry| entry.delivery.expires_at < before,
            limit,
        ))
    }
}
