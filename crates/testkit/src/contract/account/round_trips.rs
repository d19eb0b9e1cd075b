//! Accounts are read back unchanged, at the extremes of every field.

use core::slice;

use doorward_domain::account::UserFilter;
use doorward_domain::account::{DisplayName, PasswordVersion, User, UserStatus};
use doorward_domain::account::{Role, Roles};
use doorward_domain::subject::SubjectVersion;

use crate::contract::StoreUnderTest;
use crate::contract::edge_values::{TIMES, awkward_texts};
use crate::sample;

/// Inserts an account and reads it in every way; then updates a plain account of the same address to it, and reads it
/// again.
fn assert_user_round_trips(store: &dyn StoreUnderTest, user: &User) {
    let assert_found = || {
        assert_eq!(store.user(user.id).as_ref(), Some(user));
        assert_eq!(store.write(|r| r.users().lock(user.id)).as_ref(), Some(user));
        let credentials = store.read(|r| r.users().find_credentials_by_email(user.email.canonical()));
        assert_eq!(credentials.map(|found| found.user).as_ref(), Some(user));
        let credentials = store.read(|r| r.users().find_credentials(user.id));
        assert_eq!(credentials.map(|found| found.user).as_ref(), Some(user));
        assert_eq!(
            store.read(|r| r.users().page(&UserFilter::default(), None, 2)),
            slice::from_ref(user)
        );
    };
    store.keep(user);
    assert_found();
    assert!(store.write(|r| r.users().delete(user.id)));

    store.keep(&User {
        email: user.email.clone(),
        created_at: user.created_at,
        ..sample::user(1)
    });
    store.write(|r| {
        r.users().lock(user.id)?;
        r.users().update(user)
    });
    assert_found();
    assert!(store.write(|r| r.users().delete(user.id)));
}

/// Names are read back unchanged; an empty name differs from none.
pub fn names_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    let names = awkward_texts().map(|text| Some(DisplayName::parse(&text).expect("a name")));
    for name in names.chain([None]) {
        assert_user_round_trips(
            store,
            &User {
                name,
                ..sample::user(1)
            },
        );
    }
}

/// Addresses are read back as typed, and are found by their canonical form.
pub fn addresses_are_read_back_as_typed(store: &dyn StoreUnderTest) {
    let longest = format!(
        "{}@{}.{}.{}",
        "L".repeat(64),
        "a".repeat(63),
        "B".repeat(63),
        "c".repeat(61)
    );
    assert_eq!(longest.len(), 254);
    let typed = [
        "a@b",
        "Ada.Lovelace+Tag@Example.ORG",
        "o'brien@example.ie",
        "re\u{301}ne@bu\u{308}cher.example",
        "用户@例子.广告",
    ];
    for typed in typed.into_iter().chain([longest.as_str()]) {
        assert_user_round_trips(
            store,
            &User {
                email: sample::email(typed),
                ..sample::user(1)
            },
        );
    }
}

/// No roles, the most and the longest roles are read back unchanged.
pub fn roles_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    let many: Roles = (0..Roles::MAX)
        .map(|number| {
            Role::parse(&format!("r{number:02}{}", "_-".repeat(14)[..28].to_owned() + "z")).expect("a role")
        })
        .collect();
    assert_eq!(
        (many.len(), many.iter().map(|role| role.as_str().len()).max()),
        (32, Some(32))
    );
    for roles in [
        sample::roles(&[]),
        Roles::user(),
        sample::roles(&["a", "admin", "a-b", "a_b", "ab"]),
        many,
    ] {
        assert_user_round_trips(
            store,
            &User {
                roles,
                ..sample::user(1)
            },
        );
    }
}

/// Status, versions and times of an account are read back unchanged.
pub fn status_versions_and_times_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    for status in [UserStatus::Active, UserStatus::Disabled] {
        for version in [
            0,
            1,
            i32::MAX.unsigned_abs(),
            i32::MAX.unsigned_abs() + 1,
            u32::MAX,
        ] {
            assert_user_round_trips(
                store,
                &User {
                    status,
                    version: SubjectVersion::new(version),
                    ..sample::user(1)
                },
            );
        }
    }
    for (created_at, updated_at) in TIMES.into_iter().zip(TIMES.into_iter().rev()) {
        assert_user_round_trips(
            store,
            &User {
                created_at,
                updated_at,
                ..sample::user(1)
            },
        );
    }
}

/// Who vouches for an address, and when it was verified, is read back unchanged, and survives an update.
pub fn the_proof_of_an_address_is_read_back_unchanged(store: &dyn StoreUnderTest) {
    let times = TIMES.into_iter().map(Some).chain([None]);
    for (number, (email_verified_at, vouched)) in (1..).zip(times.zip([true, false].into_iter().cycle())) {
        let user = User {
            vouched,
            email_verified_at,
            ..sample::user(number)
        };
        store.keep(&user);
        assert_eq!(store.user(user.id), Some(user.clone()));
        let meddled = User {
            vouched: !vouched,
            email_verified_at: Some(sample::START),
            ..user.clone()
        };
        assert!(store.write(|r| {
            r.users().lock(user.id)?;
            r.users().update(&meddled)
        }));
        assert_eq!(store.user(user.id), Some(user));
    }
}

/// Digests of any length are read back unchanged.
pub fn digests_are_read_back_unchanged(store: &dyn StoreUnderTest) {
    let user = store.keep_user(1);
    let long = format!(
        "$argon2id$v=19$m=19456,t=2,p=1${}${}",
        "A".repeat(86),
        "b+/".repeat(100)
    );
    for text in ["", " $x ", &long] {
        let first = PasswordVersion::FIRST;
        assert!(store.write(|r| r.users().set_digest(user.id, &sample::digest(text), first, first)));
        let found = store
            .read(|r| r.users().find_credentials(user.id))
            .expect("the account");
        assert_eq!(found.digest.expose(), text);
    }
}
