use core::time::Duration;
use doorward_domain::access::Role;
use doorward_domain::identity::*;
use doorward_domain::ports::*;
use doorward_domain::token::*;
use doorward_persistence::{Database, test_support::TestDatabase};
use doorward_testkit::sample;

fn all(db: &Database) {
    let u = sample::user(1);
    let a = sample::admin(2);
    db.transaction(|r| {
        assert_eq!(r.users().insert(&u, &sample::digest("x"))?, Insertion::Done);
        assert_eq!(
            r.users().insert(&u, &sample::digest("x")).unwrap(),
            Insertion::EmailTaken
        );
        assert_eq!(r.users().insert(&a, &sample::digest("y"))?, Insertion::Done);
        r.sessions().insert(&sample::session(1, u.id))?;
        r.events().append(&sample::event(1))?;
        assert!(r.keys().insert(&sample::key(KeyPurpose::AccessSigning, 1))?);
        assert!(!r.keys().insert(&sample::key(KeyPurpose::AccessSigning, 1))?);
        assert!(r.setup().offer_token(&[1; 32])?);
        assert!(!r.setup().offer_token(&[1; 32])?);
        let key = AttemptKey::from_bytes([3; 32]);
        assert_eq!(r.attempts().lock(&key)?, None);
        let rec = AttemptRecord {
            failures: 1,
            day_failures: 1,
            day_started_at: sample::START,
            last_at: sample::START,
        };
        r.attempts().put(&key, &rec)?;
        r.attempts().put(&key, &rec)?;
        assert_eq!(r.attempts().lock(&key)?, Some(rec));
        Ok::<_, StoreError>(())
    })
    .unwrap();
    db.transaction(|r| {
        assert_eq!(r.users().count_active_admins()?, 1);
        assert_eq!(r.users().lock(a.id)?, Some(a.clone()));
        let mut b = a.clone();
        b.set_roles(sample::roles(&["user", "x"]), sample::START);
        assert!(r.users().update(&b)?);
        assert_eq!(r.users().find(a.id)?, Some(b));
        assert!(r.sessions().rotate(
            sample::session(1, u.id).id,
            Generation::FIRST,
            sample::START,
            None,
            None
        )?);
        assert!(!r.sessions().rotate(
            sample::session(1, u.id).id,
            Generation::FIRST,
            sample::START,
            None,
            None
        )?);
        Ok::<_, StoreError>(())
    })
    .unwrap();
    db.snapshot(|r| {
        for f in [
            UserFilter::default(),
            UserFilter {
                role: Some(Role::parse("user").unwrap()),
                ..UserFilter::default()
            },
            UserFilter {
                role: Some(Role::parse("user").unwrap()),
                status: Some(UserStatus::Active),
                ..UserFilter::default()
            },
        ] {
            assert_eq!(r.users().page(&f, None, 10)?.len(), 2);
            assert_eq!(r.users().page(&f, Some(u.id), 10)?.len(), 1);
        }
        assert_eq!(r.sessions().list_unended(u.id, sample::START, 5)?.len(), 1);
        assert!(
            r.users()
                .find_credentials_by_email(u.email.canonical())?
                .is_some()
        );
        assert_eq!(r.setup().state()?.token_digest, Some([1; 32]));
        Ok::<_, StoreError>(())
    })
    .unwrap();
    db.check().unwrap();
    let _ = Duration::ZERO;
}

#[test]
fn sqlite() {
    all(&TestDatabase::sqlite().open());
}

#[test]
fn postgres() {
    if let Some(t) = TestDatabase::postgres() {
        all(&t.open());
    }
}
