//! Revocation of access tokens: which tokens each use case revokes, and which it does not.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use doorward_application::{TokenPair, UseCases};
use doorward_domain::store::{Repositories, RepositoryWatch, Transactions, UnitOfWork, Verdict};
use doorward_domain::store_error::{StoreError, StoreResult};
use doorward_domain::token::{LogPosition, RevocationList};

use crate::story_app::{PASSWORD, StoryApp};

impl StoryApp {
    /// The list of an instance that has read all revocations.
    fn revocations(&self) -> RevocationList {
        let start = LogPosition::start();
        let page = self
            .store
            .snapshot(|r| -> Result<_, StoreError> { r.revocations().after(&start, 1000) });
        let mut list = RevocationList::new(Duration::from_secs(905));
        list.add_page(&start, &page.expect("a store that answers"));
        list
    }

    fn is_revoked(&self, pair: &TokenPair) -> bool {
        self.revocations().revokes(&self.claims(pair))
    }
}

#[test]
fn a_logout_revokes_its_session_and_no_other() {
    let world = StoryApp::new();
    world.user("ada");
    let [first, second] = [world.enter("ada"), world.enter("ada")];
    assert!(world.revocations().is_empty());
    world.logout(&first).expect("a logout");
    assert!(world.is_revoked(&first));
    assert!(!world.is_revoked(&second));
    // Logging out again does not add a revocation.
    let position = world.revocations().position().clone();
    world.logout(&first).expect("a logout");
    assert_eq!(world.revocations().position(), &position);
}

#[test]
fn logging_out_everywhere_revokes_every_session_of_the_user() {
    let world = StoryApp::new();
    world.user("ada");
    world.user("eve");
    let [first, second, other] = [world.enter("ada"), world.enter("ada"), world.enter("eve")];
    world.logout_everywhere(&first).expect("a logout");
    assert!(world.is_revoked(&first) && world.is_revoked(&second));
    assert!(!world.is_revoked(&other));
}

#[test]
fn changing_the_password_does_not_revoke_the_current_session() {
    let world = StoryApp::new();
    world.user("ada");
    let [own, other] = [world.enter("ada"), world.enter("ada")];
    world
        .change_password(&own, PASSWORD, "seven tame elderberries")
        .expect("a change");
    assert!(!world.is_revoked(&own));
    assert!(world.is_revoked(&other));
}

#[test]
fn role_status_and_deletion_changes_revoke_only_earlier_tokens() {
    let world = StoryApp::new();
    world.admin("root");
    let admin = world.enter("root");
    let user = world.user("ada").id;
    let before = world.enter("ada");

    world
        .set_roles(&admin, user, &["user", "billing"])
        .expect("a change");
    assert!(world.is_revoked(&before));
    // At the same instant: versions are compared, not times.
    let after = world.refresh(&before).expect("a refresh");
    assert!(!world.is_revoked(&after));

    world.disable(&admin, user).expect("a change");
    assert!(world.is_revoked(&after));
    world.enable(&admin, user).expect("a change");
    let anew = world.enter("ada");
    assert!(!world.is_revoked(&anew));

    world.delete_user(&admin, user).expect("a deletion");
    assert!(world.is_revoked(&anew));
    assert!(!world.is_revoked(&admin));
}

#[test]
fn a_replay_revokes_all_access_tokens_of_the_session() {
    let world = StoryApp::new();
    world.user("ada");
    let stolen = world.enter("ada");
    let owner = world.refresh(&stolen).expect("a refresh");
    world.wait(Duration::from_secs(60));
    assert!(world.is_refused(&stolen));
    assert!(world.is_revoked(&owner) && world.is_revoked(&stolen));
}

#[test]
fn changes_without_effect_revoke_nothing() {
    let world = StoryApp::new();
    world.admin("root");
    let admin = world.enter("root");
    let user = world.user("ada").id;
    world
        .set_roles(&admin, user, &["user"])
        .expect("the roles there are");
    world.enable(&admin, user).expect("the status there is");
    world.rename(&admin, user, "Ada").expect("a change");
    assert!(world.revocations().is_empty());
}

/// Notices whether a writing transaction accessed the log of revocations. The server reads the log after each that did.
struct WatchedStore<'a> {
    store: &'a dyn UnitOfWork,
    is_log_used: AtomicBool,
}

impl UnitOfWork for WatchedStore<'_> {
    fn write(&self, work: &mut dyn FnMut(&mut dyn Repositories) -> Verdict) -> StoreResult<()> {
        self.store.write(&mut |repos| {
            let mut watch = RepositoryWatch::over(repos);
            let verdict = work(&mut watch);
            self.is_log_used.fetch_or(watch.is_log_used(), Ordering::Relaxed);
            verdict
        })
    }

    fn read(&self, work: &mut dyn FnMut(&mut dyn Repositories)) -> StoreResult<()> {
        self.store.read(work)
    }

    fn check(&self) -> StoreResult<()> {
        self.store.check()
    }
}

/// Whether what `run` does has the server read the log of revocations.
fn has_the_log_read(app: &StoryApp, run: impl FnOnce(UseCases<'_>)) -> bool {
    let watched = WatchedStore {
        store: &app.store,
        is_log_used: AtomicBool::new(false),
    };
    run(UseCases {
        store: &watched,
        ..app.use_cases()
    });
    watched.is_log_used.into_inner()
}

#[test]
fn a_login_and_a_refresh_do_not_have_the_revocation_log_read() {
    let app = StoryApp::new();
    app.user("ada");
    let login = app.login_of("ada", PASSWORD);
    let mut pair = None;
    assert!(!has_the_log_read(&app, |use_cases| {
        pair = use_cases.attempt(&login, &app.now()).ok();
    }));
    let pair = pair.expect("tokens");
    assert!(!has_the_log_read(&app, |use_cases| {
        let token = pair.refresh_token.expose().into();
        assert!(use_cases.refresh().execute(&token, &app.now()).is_ok());
    }));
}

#[test]
fn a_logout_has_the_revocation_log_read_even_if_the_session_has_ended() {
    let app = StoryApp::new();
    app.user("ada");
    let pair = app.enter("ada");
    for _ in 0..2 {
        assert!(has_the_log_read(&app, |use_cases| {
            let token = pair.refresh_token.expose().into();
            assert!(use_cases.logout().execute(&token, &app.now()).is_ok());
        }));
    }
}
