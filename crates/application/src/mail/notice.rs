//! Notices: mails to the owner of an account about what happened to it.

use core::time::Duration;

use doorward_domain::account::User;
use doorward_domain::id::{JobId, MailId};
use doorward_domain::job::{DedupeKey, JobPayload, NewJob};
use doorward_domain::mail::{JOB_KIND, Locale, Mail, MailContent, MailKind, NewMail, Recipient};
use doorward_domain::store::Repositories;
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;

use crate::UseCases;
use crate::job::delete_expired::MAILS_KEPT;

/// The most notices about one account in [`CAP_PERIOD`]: causing many does not fill a mailbox.
const CAP: u64 = 20;

/// A day.
const CAP_PERIOD: Duration = Duration::from_hours(24);

/// How users are notified of what happens to their accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticePolicy {
    /// The language of mails to users whose own is not known.
    pub locale: Locale,
    /// How long a mail is tried again.
    pub retry_for: Duration,
}

/// A notice to the owner of an account.
pub(crate) struct Notice {
    /// What it says.
    pub(crate) content: MailContent,
    /// Tells what it is about from other events of its kind: there is one notice about each.
    pub(crate) about: String,
}

impl Notice {
    /// Queues the notice in the transaction of its cause, if notices are on, the user may get some, and there were not too
    /// many.
    pub(crate) fn queue(
        &self,
        use_cases: UseCases<'_>,
        repos: &mut dyn Repositories,
        user: &User,
        now: Timestamp,
    ) -> StoreResult<()> {
        let Some(policy) = use_cases.policies.notices else {
            return Ok(());
        };
        let key = format!("{} {} {}", self.content.kind().as_str(), user.id, self.about);
        let Ok(dedupe_key) = DedupeKey::new(key) else {
            return Ok(());
        };
        if !user.may_get_notices()
            || repos
                .outbox()
                .count_since(user.id, MailKind::NOTICES, now - CAP_PERIOD)?
                >= CAP
        {
            return Ok(());
        }
        let mail = NewMail {
            mail: Mail {
                id: MailId::generate(now, use_cases.entropy),
                recipient: Recipient::of(&user.email),
                locale: policy.locale,
                content: self.content,
                created_at: now,
            },
            user_id: user.id,
            dedupe_key,
            expires_at: now + policy.retry_for,
        };
        queue(repos, &mail)
    }
}

/// Queues a mail and the job that delivers it, which has the same id.
fn queue(repos: &mut dyn Repositories, new: &NewMail) -> StoreResult<()> {
    if !repos.outbox().enqueue(new)? {
        return Ok(());
    }
    let now = new.mail.created_at;
    let job = NewJob {
        id: JobId::from_bytes(*new.mail.id.as_bytes()),
        kind: JOB_KIND,
        payload: JobPayload::default(),
        dedupe_key: None,
        created_at: now,
        due_at: now,
        // Later than the mail expires, so that it is a worker that finds it expired and records it.
        give_up_at: new.expires_at + MAILS_KEPT,
    };
    repos.jobs().enqueue(&job).map(drop)
}
