use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::application::LanesSettings;
use crate::executor::{LaneSettings, Priority};
use doorward_application::{Login, LoginError, PendingAttempt, Policies, UseCases};
use doorward_domain::context::RequestContext;
use doorward_testkit::{FakeSigner, MemoryStore, sample, test_ports};

use super::*;

fn application() -> Arc<Application> {
    application_with(Duration::from_secs(5))
}

/// An application in which a request waits for the store for this long in all its phases.
fn application_with(store_limit: Duration) -> Arc<Application> {
    let ports = test_ports(Arc::new(MemoryStore::new()), Arc::new(FakeSigner::new()));
    let lane = LaneSettings {
        workers: 1,
        queue: 8,
        deadline: Duration::from_secs(5),
        limit: Duration::from_secs(5),
        priority: Priority::Normal,
    };
    let lanes = LanesSettings {
        password: lane,
        storage: LaneSettings {
            limit: store_limit,
            ..lane
        },
    };
    Application::start(ports, Policies::default(), lanes, &prometheus::Registry::new()).unwrap()
}

fn origin() -> RequestOrigin {
    RequestOrigin::new(sample::request_id(1), None, None)
}

/// An attempt with test code for its phases.
struct Scripted<V, C> {
    verify: V,
    complete: C,
}

impl<V, C> PasswordAttempt for Scripted<V, C>
where
    V: Fn() + Send + Sync + 'static,
    C: Fn() + Send + Sync + 'static,
{
    type Verified = ();
    type Output = ();
    type Error = LoginError;

    fn look(&self, use_cases: UseCases<'_>, context: &RequestContext) -> Result<PendingAttempt, LoginError> {
        let login = Login {
            email: "nobody@example.org".to_owned(),
            password: "a password".into(),
        };
        login.look(use_cases, context)
    }

    fn verify(&self, _: UseCases<'_>, _: CountedAttempt) -> Result<(), HashError> {
        (self.verify)();
        Ok(())
    }

    fn complete(&self, _: UseCases<'_>, (): (), _: &RequestContext) -> Result<(), LoginError> {
        (self.complete)();
        Ok(())
    }
}

#[tokio::test]
async fn a_counted_attempt_is_completed_after_its_client_disconnects() {
    let app = application();
    let (started, has_started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let (completed, has_completed) = mpsc::channel();
    let released = Mutex::new(released);
    let scripted = Scripted {
        verify: move || {
            let _ = started.send(());
            let _ = released.lock().unwrap().recv();
        },
        complete: move || {
            let _ = completed.send(());
        },
    };
    let attempt = tokio::spawn(async move { app.attempt(&origin(), scripted).await });
    let wait = |receiver: mpsc::Receiver<()>| async move {
        tokio::task::spawn_blocking(move || receiver.recv_timeout(Duration::from_secs(20)))
            .await
            .unwrap()
            .unwrap();
    };
    wait(has_started).await;
    attempt.abort();
    assert!(attempt.await.unwrap_err().is_cancelled());
    release.send(()).unwrap();
    wait(has_completed).await;
}

#[tokio::test]
async fn a_panic_in_a_verification_is_reported_as_an_executor_error() {
    let scripted = Scripted {
        verify: || panic!("planted"),
        complete: || (),
    };
    let result = application().attempt(&origin(), scripted).await;
    let expected = ExecutorError::Panicked { lane: "password" };
    assert!(
        matches!(&result, Err(RunError::Executor(error)) if *error == expected),
        "{result:?}"
    );
}

#[tokio::test]
async fn the_time_of_a_hash_is_not_taken_from_the_wait_for_the_store() {
    let scripted = Scripted {
        verify: || thread::sleep(Duration::from_millis(1700)),
        complete: || thread::sleep(Duration::from_millis(800)),
    };
    let app = application_with(Duration::from_secs(2));
    let result = app.attempt(&origin(), scripted).await;
    assert!(result.is_ok(), "{result:?}");
}
