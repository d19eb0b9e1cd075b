//! The store of the use cases. When a commit revokes something, it takes effect on this instance before the response is sent;
//! when a commit queues a job, a worker wakes up. Audit events that exceed the budget of their user are left out, and counted.

use std::sync::Arc;

use doorward_domain::audit::Event;
use doorward_domain::store::{Repositories, RepositoryWatch, UnitOfWork, Verdict};
use doorward_domain::store_error::StoreResult;
use tracing::debug_span;

use crate::audit_summary::{EventFolder, TransactionEvents};
use crate::jobs::JobWake;
use crate::revocation_cache::RevocationCache;

/// Decorates a store: adds to the revocation cache what a writing transaction has revoked, and, if that may not be all that is
/// over or if it may have been committed, has the cache read the log; wakes the workers after each that
/// used the queue of jobs; and folds audit events.
pub(crate) struct RefreshingStore {
    store: Arc<dyn UnitOfWork>,
    revocations: Arc<RevocationCache>,
    jobs: Arc<JobWake>,
    folder: Arc<EventFolder>,
}

impl RefreshingStore {
    pub(crate) fn new(
        store: Arc<dyn UnitOfWork>,
        revocations: Arc<RevocationCache>,
        jobs: Arc<JobWake>,
        folder: Arc<EventFolder>,
    ) -> Self {
        Self {
            store,
            revocations,
            jobs,
            folder,
        }
    }
}

impl UnitOfWork for RefreshingStore {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        self.watch(work, |work| self.store.write(work))
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        debug_span!("transaction", mode = "read").in_scope(|| self.store.read(work))
    }

    fn write_single(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        self.watch(work, |work| self.store.write_single(work))
    }

    fn read_single(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        debug_span!("transaction", mode = "read").in_scope(|| self.store.read_single(work))
    }

    fn check(&self) -> StoreResult<()> {
        self.store.check()
    }
}

impl RefreshingStore {
    /// Runs a writing transaction, and acts on what it used.
    fn watch(
        &self,
        work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict,
        run: impl FnOnce(&mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()>,
    ) -> StoreResult<()> {
        let (mut is_log_used, mut may_lack, mut has_queued, mut revoked) = (false, false, false, Vec::new());
        let mut events = TransactionEvents::default();
        let transaction = debug_span!("transaction", mode = "write").entered();
        // An error does not mean that nothing was committed: the response of the database may have been lost.
        let written = run(&mut |repositories| {
            // The store may run the work again.
            events = TransactionEvents::default();
            let mut admits = |event: &Event| self.folder.admits(event, &mut events);
            let mut watch = RepositoryWatch::over(repositories).with_events_if(&mut admits);
            let verdict = work(&mut watch);
            (is_log_used, may_lack) = (watch.is_log_used(), watch.may_lack_revocations());
            has_queued = verdict == Verdict::Commit && watch.is_queue_used();
            let replays = watch.replays();
            revoked = watch.into_revoked();
            events.add_replays(replays);
            if verdict == Verdict::RollBack {
                events = TransactionEvents::default();
                revoked = Vec::new();
            }
            verdict
        });
        drop(transaction);
        // If it is not known whether they happened, folded events are rather counted than lost.
        self.folder.committed(events);
        if has_queued {
            self.jobs.notify();
        }
        if written.is_ok() && !revoked.is_empty() {
            self.revocations.add_own(&revoked);
        }
        if may_lack || (is_log_used && written.is_err()) {
            // A failure is not reported here: the cache's own thread will fail and log it.
            let _ = self.revocations.refresh();
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorward_domain::audit::EventKind;
    use doorward_domain::id::SessionId;
    use doorward_domain::patch::Patch;
    use doorward_domain::session::EndReason;
    use doorward_domain::store::Transactions as _;
    use doorward_domain::store_error::StoreError;
    use doorward_domain::token::{AccessClaims, RevocationCheck as _, RevocationStatus, Revoked};
    use doorward_testkit::{MemoryStore, sample};
    use prometheus::Registry;

    use super::*;

    const SESSION: SessionId = SessionId::from_bytes([2; 16]);

    /// A decorated store, and what it acts on.
    struct Decorated {
        memory: Arc<MemoryStore>,
        revocations: Arc<RevocationCache>,
        wake: Arc<JobWake>,
        registry: Registry,
        store: RefreshingStore,
    }

    impl Decorated {
        fn new() -> Self {
            let (memory, wake) = (Arc::new(MemoryStore::new()), Arc::<JobWake>::default());
            let clock: doorward_application::Clock = Arc::new(|| sample::START);
            let life = Duration::from_secs(905);
            let revocations = RevocationCache::open(memory.clone(), clock, life).unwrap();
            let registry = Registry::new();
            let folder = Arc::new(EventFolder::new(&registry).unwrap());
            let store = RefreshingStore::new(
                memory.clone(),
                Arc::clone(&revocations),
                Arc::clone(&wake),
                folder,
            );
            Self {
                memory,
                revocations,
                wake,
                registry,
                store,
            }
        }
    }

    fn claims() -> AccessClaims {
        sample::claims(1, SESSION)
    }

    #[test]
    fn a_committed_revocation_takes_effect_at_once_and_a_rolled_back_one_never() {
        let Decorated {
            revocations, store, ..
        } = Decorated::new();
        let revoke = |commits: bool| {
            store.transaction(|repos| -> Result<(), StoreError> {
                repos
                    .revocations()
                    .append(&[Revoked::Session(SESSION)], sample::START)?;
                if commits {
                    Ok(())
                } else {
                    Err(StoreError::Unavailable("planted".to_owned()))
                }
            })
        };
        revoke(false).unwrap_err();
        assert_eq!(revocations.status(&claims()), RevocationStatus::Valid);
        revoke(true).unwrap();
        assert_eq!(revocations.status(&claims()), RevocationStatus::Revoked);
    }

    /// As a logout that is repeated on this instance after another one has ended the session.
    #[test]
    fn a_revocation_of_another_instance_takes_effect_once_the_log_is_accessed() {
        let Decorated {
            memory,
            revocations,
            store,
            ..
        } = Decorated::new();
        let elsewhere = memory.transaction(|repos| {
            repos
                .revocations()
                .append(&[Revoked::Session(SESSION)], sample::START)
        });
        elsewhere.unwrap();
        assert_eq!(revocations.status(&claims()), RevocationStatus::Valid);
        let accessed = store.transaction(|repos| -> Result<(), StoreError> {
            repos.revocations();
            Ok(())
        });
        accessed.unwrap();
        assert_eq!(revocations.status(&claims()), RevocationStatus::Revoked);
    }

    /// As a logout everywhere that ends some sessions, while another instance has just ended the others.
    #[test]
    fn a_revocation_of_another_instance_takes_effect_beside_one_of_this_instance() {
        let Decorated {
            memory,
            revocations,
            store,
            ..
        } = Decorated::new();
        let append = |store: &dyn UnitOfWork, session: u8| {
            let revoked = [Revoked::Session(SessionId::from_bytes([session; 16]))];
            let appended = store.transaction(|repos| repos.revocations().append(&revoked, sample::START));
            appended.unwrap();
        };
        append(&*memory, 2);
        append(&store, 3);
        assert_eq!(revocations.status(&claims()), RevocationStatus::Revoked);
    }

    #[test]
    fn a_committed_job_wakes_the_workers_and_a_rolled_back_one_does_not() {
        let Decorated { wake, store, .. } = Decorated::new();
        let queued = |commits: bool| {
            let before = wake.position();
            let _ = store.transaction(|repos| -> Result<(), StoreError> {
                repos.jobs().enqueue(&sample::job(1))?;
                if commits {
                    Ok(())
                } else {
                    Err(StoreError::Unavailable("planted".to_owned()))
                }
            });
            wake.position() - before
        };
        assert_eq!((queued(false), queued(true)), (0, 1));
        let reading = store.snapshot(|repos| repos.jobs().find(sample::job(1).id));
        assert!(reading.is_ok_and(|job| job.is_some()));
        assert_eq!(wake.position(), 1);
    }

    /// Twenty requests a second for a minute, of each kind that a user can repeat without end.
    #[test]
    fn a_flood_of_audit_events_by_one_user_is_a_bounded_number_of_rows() {
        let Decorated { memory, store, .. } = Decorated::new();
        let app = doorward_testkit::TestApp::over(store);
        let account = app.register(doorward_testkit::TestApp::<MemoryStore>::draft("ada@example.org"));
        let account = account.unwrap();
        let pair = app.login(
            "ada@example.org",
            doorward_testkit::TestApp::<MemoryStore>::PASSWORD,
        );
        let pair = pair.unwrap();
        let caller = app.granted_user(&pair);
        app.use_cases()
            .logout()
            .execute(&pair.refresh_token.expose().into(), &app.now())
            .unwrap();
        for number in 0..1200 {
            app.clock.advance(Duration::from_millis(50));
            assert!(app.refresh(pair.refresh_token.expose()).is_err());
            let name = format!("Ada {number}");
            let renamed =
                app.use_cases()
                    .update_account()
                    .execute(&caller, Patch::To(Some(name.as_str())), &app.now());
            assert!(renamed.is_ok());
        }
        let count = |kind| {
            let events = memory.events().into_iter();
            events
                .filter(|event| event.kind == kind && event.subject == Some(account.id.into()))
                .count()
        };
        assert_eq!(count(EventKind::UserUpdated), 20);
        assert_eq!(count(EventKind::SessionRefreshed), 20);
        assert_eq!(count(EventKind::LoginSucceeded), 1);
        assert_eq!(count(EventKind::SessionEnded), 1);
    }

    /// The events of a transaction that may have committed are counted, because the response of the database may have been lost.
    #[test]
    fn a_failed_commit_counts_its_folded_events() {
        let Decorated {
            memory,
            store,
            registry,
            ..
        } = Decorated::new();
        memory.fail_commits_with(Some(StoreError::Unavailable("planted".to_owned())));
        let appended = store.transaction(|repos| -> Result<(), StoreError> {
            for number in 1..=30 {
                repos.events().append(&Event {
                    kind: EventKind::SessionRepeated,
                    subject: Some(sample::user(1).id.into()),
                    ..sample::event(number)
                })?;
            }
            Ok(())
        });
        assert!(appended.is_err());
        assert!(counters(&registry).contains(&("doorward_audit_folded_total".to_owned(), 10.0)));
    }

    #[test]
    fn a_transaction_that_is_rolled_back_counts_no_folded_event() {
        let Decorated {
            memory,
            store,
            registry,
            ..
        } = Decorated::new();
        let append = |commits: bool| {
            let event = doorward_domain::audit::Event {
                kind: EventKind::SessionRepeated,
                subject: Some(sample::user(1).id.into()),
                ..sample::event(1)
            };
            let _ = store.transaction(|repos| -> Result<(), StoreError> {
                for number in 1..=30 {
                    repos.events().append(&Event {
                        id: sample::event(number).id,
                        ..event.clone()
                    })?;
                }
                if commits {
                    Ok(())
                } else {
                    Err(StoreError::Unavailable("planted".to_owned()))
                }
            });
        };
        let counters = || counters(&registry);
        append(false);
        assert_eq!((memory.events().len(), counters()), (0, vec![]));
        append(true);
        assert_eq!(memory.events().len(), 0, "the budget was spent by the first");
        assert_eq!(
            counters(),
            [
                ("doorward_audit_folded_total".to_owned(), 30.0),
                ("doorward_audit_folded_unrecorded".to_owned(), 30.0),
                ("doorward_session_repeats_total".to_owned(), 30.0),
            ]
        );
    }

    /// The metrics that are not zero.
    fn counters(registry: &Registry) -> Vec<(String, f64)> {
        let families = registry.gather().into_iter();
        let values = families.map(|family| {
            let metric = &family.get_metric()[0];
            (
                family.name().to_owned(),
                metric.get_counter().get_value() + metric.get_gauge().get_value(),
            )
        });
        values.filter(|(_, value)| *value > 0.0).collect()
    }

    #[test]
    fn a_session_that_a_replay_has_ended_is_counted_once_when_committed_and_never_folded() {
        let Decorated {
            memory,
            store,
            registry,
            ..
        } = Decorated::new();
        let user = sample::user(1);
        let sessions: Vec<_> = (1..=30).map(|number| sample::session(number, user.id)).collect();
        let inserted = memory.transaction(|repos| -> Result<(), StoreError> {
            let _ = repos.users().insert(&user, &sample::digest("digest"))?;
            for session in &sessions {
                repos.sessions().insert(session)?;
            }
            Ok(())
        });
        inserted.unwrap();
        let end = |id: SessionId, reason: EndReason, commits: bool| {
            let event = Event {
                kind: EventKind::SessionReplayed,
                subject: Some(user.id.into()),
                ..sample::end_event(id, sample::START)
            };
            let _ = store.transaction(|repos| -> Result<bool, StoreError> {
                let ended = repos.revocations().end_session(id, reason, &event)?;
                if commits {
                    Ok(ended)
                } else {
                    Err(StoreError::Unavailable("planted".to_owned()))
                }
            });
        };
        end(sessions[0].id, EndReason::Replayed, false);
        end(sessions[0].id, EndReason::LoggedOut, true);
        // Ended before.
        end(sessions[0].id, EndReason::Replayed, true);
        assert_eq!(counters(&registry), []);
        memory.rerun_writes(true);
        for session in &sessions[1..] {
            end(session.id, EndReason::Replayed, true);
        }
        let counted = ("doorward_session_replays_total".to_owned(), 29.0);
        assert_eq!(counters(&registry), [counted]);
        assert_eq!(memory.events().len(), 30);
    }
}
