use std::sync::mpsc;
use std::time::Duration;

use doorward_application::{Login, LoginError};
use doorward_domain::attempt::AttemptPolicy;
use doorward_domain::key::PublishedKeys;
use doorward_domain::password::PasswordPolicy;
use doorward_domain::session::SessionPolicy;
use doorward_testkit::{
    FakeAttemptKeys, FakeEstimator, FakeHasher, FakeRefreshTokens, FakeSigner, MemoryStore, SeededEntropy,
    sample,
};
use tokio::sync::oneshot;

use crate::application::{LanesSettings, Policies, Ports};
use crate::executor::{LaneSettings, Priority};

use super::*;

struct NoKeys;

impl PublishedKeys for NoKeys {
    fn key_set(&self) -> Arc<str> {
        "{}".into()
    }

    fn cache_life(&self) -> Duration {
        Duration::ZERO
    }
}

fn application() -> Arc<Application> {
    let store = Arc::new(MemoryStore::new());
    let signer = FakeSigner::new();
    let ports = Ports {
        store: store.clone(),
        revocation_store: store,
        hasher: Arc::new(FakeHasher::new()),
        estimator: Arc::new(FakeEstimator::default()),
        attempt_keys: Arc::new(FakeAttemptKeys),
        verifier: Arc::new(signer.verifier()),
        signer: Arc::new(signer),
        published_keys: Arc::new(NoKeys),
        refresh_tokens: Arc::new(FakeRefreshTokens),
        entropy: Arc::new(SeededEntropy::new(1)),
        clock: Arc::new(|| sample::START),
    };
    let policies = Policies {
        session: SessionPolicy::default(),
        attempts: AttemptPolicy::default(),
        password: PasswordPolicy::default(),
        email_in_access_tokens: false,
        leeway: Duration::from_secs(5),
    };
    let lane = LaneSettings {
        workers: 1,
        queue: 8,
        deadline: Duration::from_secs(5),
        limit: Duration::from_secs(5),
        priority: Priority::Normal,
    };
    let lanes = LanesSettings {
        password: lane,
        storage: lane,
    };
    Application::start(ports, policies, lanes, &prometheus::Registry::new()).unwrap()
}

fn begin(app: &Application, context: &RequestContext) -> Result<PasswordAttempt, LoginError> {
    let login = Login {
        check: app.password_check(),
        issuer: app.token_issuer(),
    };
    login.begin("nobody@example.org", context)
}

fn origin() -> RequestOrigin {
    RequestOrigin::new("request".to_owned(), None, None)
}

#[tokio::test]
async fn a_counted_attempt_is_completed_although_its_client_has_gone() {
    let app = application();
    let (started, has_started) = oneshot::channel();
    let (release, released) = mpsc::channel::<()>();
    let (completed, has_completed) = oneshot::channel();
    let attempt = tokio::spawn(async move {
        app.run_attempt::<_, _, LoginError>(
            &origin(),
            begin,
            move |_, _| {
                let _ = started.send(());
                let _ = released.recv();
                Ok(())
            },
            move |_, (), _| {
                let _ = completed.send(());
                Ok(())
            },
        )
        .await
    });
    has_started.await.unwrap();
    attempt.abort();
    assert!(attempt.await.unwrap_err().is_cancelled());
    release.send(()).unwrap();
    has_completed.await.unwrap();
}

#[tokio::test]
async fn a_verification_that_panics_is_an_error_of_the_lane() {
    let result = application()
        .run_attempt::<(), (), LoginError>(&origin(), begin, |_, _| panic!("planted"), |_, (), _| Ok(()))
        .await;
    let expected = ExecutorError::Panicked { lane: "password" };
    assert!(
        matches!(&result, Err(RunError::Executor(error)) if *error == expected),
        "{result:?}"
    );
}
