//! The contract of `UserRepository`, except pages.

use core::time::Duration;

use doorward_domain::account::EmailTaken;
use doorward_domain::account::{DisplayName, PasswordVersion, User, UserStatus};
use doorward_domain::outcome::Outcome;
use doorward_domain::session::EndReason;
use doorward_domain::subject::SubjectVersion;

use crate::contract::StoreUnderTest;
use crate::sample::{self, START};

/// The digest and version of a user's password.
fn password_of(store: &dyn StoreUnderTest, user: &User) -> Option<(String, PasswordVersion)> {
    let credentials = store.read(|r| r.users().find_credentials(user.id))?;
    Some((
        credentials.digest.expose().to_owned(),
        credentials.password_version,
    ))
}

/// An account is found by its id and by its address, with its first password.
pub fn an_account_is_found_by_id_and_by_address(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    store.keep_user(2);
    assert_eq!(store.user(user.id), Some(user.clone()));
    assert_eq!(store.write(|r| r.users().lock(user.id)), Some(user.clone()));
    assert_eq!(
        store.read(|r| r.users().id_of(user.email.canonical())),
        Some(user.id)
    );
    let by_id = store
        .read(|r| r.users().find_credentials(user.id))
        .expect("found by id");
    let by_email = store.read(|r| r.users().find_credentials_by_email(user.email.canonical()));
    for found in [by_id, by_email.expect("found by address")] {
        assert_eq!(found.user, user);
        assert_eq!(found.digest.expose(), format!("digest of {}", user.id));
        assert_eq!(found.password_version, PasswordVersion::FIRST);
    }
    assert_eq!(
        store.read(|r| r.users().password_version(user.id)),
        Some(PasswordVersion::FIRST)
    );
}

/// An account that does not exist is reported as none, never as an error.
pub fn an_unknown_account_is_none_and_not_an_error(store: &dyn StoreUnderTest) {
    store.keep_user(1);
    let nobody = sample::user(2);
    assert_eq!(store.user(nobody.id), None);
    assert_eq!(store.write(|r| r.users().lock(nobody.id)), None);
    assert!(store.read(|r| r.users().find_credentials(nobody.id)).is_none());
    assert!(
        store
            .read(|r| r.users().find_credentials_by_email(nobody.email.canonical()))
            .is_none()
    );
    assert_eq!(store.read(|r| r.users().id_of(nobody.email.canonical())), None);
    assert_eq!(store.read(|r| r.users().password_version(nobody.id)), None);
    assert!(!store.write(|r| r.users().update(&nobody)));
    let (digest, version) = (sample::digest("new"), PasswordVersion::FIRST);
    assert!(!store.write(|r| r.users().set_digest(nobody.id, &digest, version, version)));
    assert!(!store.write(|r| r.users().delete(nobody.id)));
    assert_eq!(store.user(nobody.id), None);
}

/// An address is taken in every spelling, and shown as first typed.
pub fn an_email_address_is_taken_in_every_spelling(store: &dyn StoreUnderTest) {
    let first = User {
        email: sample::email("René@Bücher.example"),
        ..sample::user(1)
    };
    store.keep(&first);
    for typed in [
        "René@Bücher.example",
        "rené@bücher.example",
        "RENE\u{301}@XN--BCHER-KVA.EXAMPLE",
    ] {
        let second = User {
            email: sample::email(typed),
            ..sample::user(2)
        };
        let insertion = store.write(|r| r.users().insert(&second, &sample::digest("second")));
        assert_eq!(insertion, Outcome::Refused(EmailTaken), "{typed}");
        assert_eq!(store.user(second.id), None);
        let found = store.read(|r| r.users().find_credentials_by_email(second.email.canonical()));
        assert_eq!(found.map(|found| found.user), Some(first.clone()), "{typed}");
    }
    assert_eq!(
        password_of(store, &first).map(|(digest, _)| digest),
        Some(format!("digest of {}", first.id))
    );
}

/// After `EmailTaken` the transaction continues and commits its other writes.
pub fn a_taken_address_leaves_the_transaction_usable(store: &dyn StoreUnderTest) {
    let taken = store.keep_user(1);
    let (rival, other) = (
        User {
            email: taken.email.clone(),
            ..sample::admin(2)
        },
        sample::user(3),
    );
    let (first, second) = store.write(|r| {
        r.events().append(&sample::event(1))?;
        let first = r.users().insert(&rival, &sample::digest("rival"))?;
        let second = r.users().insert(&other, &sample::digest("other"))?;
        r.events().append(&sample::event(2))?;
        Ok((first, second))
    });
    assert_eq!((first, second), (Outcome::Refused(EmailTaken), Outcome::Done(())));
    assert_eq!(store.user(taken.id), Some(taken));
    assert_eq!(store.user(rival.id), None);
    assert_eq!(store.user(other.id), Some(other));
    assert_eq!(store.log(), [sample::event(1), sample::event(2)]);
    assert_eq!(
        store.write(|r| r.users().count_active_admins()),
        0,
        "no role of the rival was kept"
    );
}

/// The address of a deleted account can be registered again.
pub fn the_address_of_a_deleted_account_can_be_reused(store: &dyn StoreUnderTest) {
    let first = store.keep_user(1);
    assert!(store.write(|r| r.users().delete(first.id)));
    let second = User {
        email: first.email,
        ..sample::user(2)
    };
    store.keep(&second);
    let found = store.read(|r| r.users().find_credentials_by_email(second.email.canonical()));
    assert_eq!(found.map(|found| found.user), Some(second));
}

/// An update writes name, roles, status, version and update time, in both directions.
pub fn an_update_writes_all_mutable_fields(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let later = START + Duration::from_micros(1);
    let changed = User {
        name: Some(DisplayName::parse("Ada").expect("a name")),
        roles: sample::roles(&["admin", "billing"]),
        status: UserStatus::Disabled,
        version: SubjectVersion::new(7),
        updated_at: later,
        ..user.clone()
    };
    for version in [
        &changed,
        &User {
            roles: sample::roles(&[]),
            ..changed.clone()
        },
        &user,
    ] {
        let updated = store.write(|r| {
            r.users().lock(version.id)?;
            r.users().update(version)
        });
        assert!(updated);
        assert_eq!(store.user(user.id).as_ref(), Some(version));
    }
}

/// An update does not change address, password and creation time, even if the given value differs.
pub fn an_update_keeps_address_password_and_creation_time(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let password = password_of(store, &user);
    let meddled = User {
        email: sample::email("other@example.org"),
        created_at: START + Duration::from_hours(1),
        updated_at: START + Duration::from_hours(2),
        ..user.clone()
    };
    store.write(|r| {
        r.users().lock(user.id)?;
        r.users().update(&meddled)
    });
    assert_eq!(
        store.user(user.id),
        Some(User {
            updated_at: meddled.updated_at,
            ..user.clone()
        })
    );
    assert_eq!(password_of(store, &user), password);
    assert!(
        store
            .read(|r| r.users().find_credentials_by_email(meddled.email.canonical()))
            .is_none()
    );
}

/// An update, a new digest and a deletion affect only that account.
pub fn changes_to_one_account_affect_no_other(store: &dyn StoreUnderTest) {
    let (user, other) = (store.keep_user(1), store.keep_user(2));
    store.keep_session(&sample::session(2, other.id));
    let password = password_of(store, &other);
    store.write(|r| {
        r.users().lock(user.id)?;
        r.users().update(&User {
            status: UserStatus::Disabled,
            roles: sample::roles(&["x"]),
            ..user.clone()
        })?;
        let first = PasswordVersion::FIRST;
        r.users()
            .set_digest(user.id, &sample::digest("new"), first, first.next())
    });
    assert!(store.write(|r| r.users().delete(user.id)));
    assert_eq!(store.user(other.id), Some(other.clone()));
    assert_eq!(password_of(store, &other), password);
    assert_eq!(
        store.session(sample::session(2, other.id).id),
        Some(sample::session(2, other.id))
    );
}

/// A digest is replaced only if the password version is the expected one.
pub fn a_digest_is_replaced_only_at_the_expected_version(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let set = |text: &str, expected, version| {
        let (expected, version) = (PasswordVersion::new(expected), PasswordVersion::new(version));
        store.write(|r| {
            r.users()
                .set_digest(user.id, &sample::digest(text), expected, version)
        })
    };
    let kept = |text: &str, version| Some((text.to_owned(), PasswordVersion::new(version)));

    assert!(set("hashed again", 1, 1), "the same password, hashed again");
    assert_eq!(password_of(store, &user), kept("hashed again", 1));
    assert!(set("changed", 1, 2), "another password");
    assert_eq!(password_of(store, &user), kept("changed", 2));
    for expected in [1, 3] {
        assert!(!set("too late", expected, 4));
        assert_eq!(password_of(store, &user), kept("changed", 2));
    }
    assert!(set("at the end", 2, u32::MAX));
    assert_eq!(password_of(store, &user), kept("at the end", u32::MAX));
    let version = store.read(|r| r.users().password_version(user.id));
    assert_eq!(version, Some(PasswordVersion::new(u32::MAX)));
}

/// A new digest changes nothing else of the account.
pub fn a_new_digest_changes_nothing_else(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let first = PasswordVersion::FIRST;
    assert!(store.write(|r| {
        r.users()
            .set_digest(user.id, &sample::digest("new"), first, first.next())
    }));
    assert_eq!(store.user(user.id), Some(user));
}

/// Deleting an account deletes its roles and its sessions, ended or not.
pub fn deleting_an_account_deletes_its_roles_and_sessions(store: &dyn StoreUnderTest) {
    let admin = sample::admin(1);
    store.keep(&admin);
    let sessions = [sample::session(1, admin.id), sample::session(2, admin.id)];
    for session in &sessions {
        store.keep_session(session);
    }
    let [ended, _] = &sessions;
    assert!(store.write(|r| r.revocations().end_session(
        ended.id,
        EndReason::LoggedOut,
        &sample::end_event(ended.id, START)
    )));

    assert!(store.write(|r| r.users().delete(admin.id)));
    assert!(
        !store.write(|r| r.users().delete(admin.id)),
        "there was one account to delete"
    );
    for session in &sessions {
        assert_eq!(store.session(session.id), None);
    }
    assert_eq!(store.write(|r| r.users().count_active_admins()), 0);
    // A remaining role would reappear with an account of the same id.
    let again = User {
        roles: sample::roles(&["billing"]),
        ..sample::user(1)
    };
    store.keep(&again);
    assert_eq!(store.user(again.id), Some(again));
}

/// Only active accounts with exactly the role `admin` are counted.
pub fn only_active_administrators_are_counted(store: &dyn StoreUnderTest) {
    let count = || store.write(|r| r.users().count_active_admins());
    store.keep_user(1);
    store.keep(&User {
        roles: sample::roles(&["admins", "administrator", "sub-admin"]),
        ..sample::user(2)
    });
    store.keep(&User {
        roles: sample::roles(&[]),
        ..sample::user(3)
    });
    store.keep(&User {
        status: UserStatus::Disabled,
        ..sample::admin(4)
    });
    assert_eq!(count(), 0);
    store.keep(&sample::admin(5));
    store.keep(&User {
        roles: sample::roles(&["admin"]),
        ..sample::user(6)
    });
    assert_eq!(count(), 2);
    let counted = store.write(|r| {
        r.users().lock(sample::user(5).id)?;
        r.users().update(&sample::user(5))?;
        r.users().count_active_admins()
    });
    assert_eq!(counted, 1, "the transaction's own change is counted");
    assert!(store.write(|r| r.users().delete(sample::user(6).id)));
    assert_eq!(count(), 0);
}

/// Addresses are equal if and only if their canonical forms are equal byte by byte: the store neither folds, truncates
/// nor matches patterns.
pub fn addresses_are_compared_only_by_their_canonical_forms(store: &dyn StoreUnderTest) {
    let register = |number, typed: &str| {
        let user = User {
            email: sample::email(typed),
            ..sample::user(number)
        };
        store.write(|r| r.users().insert(&user, &sample::digest("digest")))
    };
    assert_eq!(register(1, "STRASSE@example.org"), Outcome::Done(()));
    assert_eq!(register(2, "straße@example.org"), Outcome::Refused(EmailTaken));
    assert_eq!(register(3, "strasse+a@example.org"), Outcome::Done(()));
    assert_eq!(register(4, "strässe@example.org"), Outcome::Done(()));
    assert_eq!(register(5, "strasse@example.or"), Outcome::Done(()));
    assert_eq!(register(6, "str_sse@example.org"), Outcome::Done(()));
    assert_eq!(register(7, "str%@example.org"), Outcome::Done(()));
}
