//! Pages of accounts.

use doorward_domain::account::Role;
use doorward_domain::account::UserFilter;
use doorward_domain::account::{User, UserStatus};
use doorward_domain::id::UserId;
use doorward_domain::outcome::Outcome;

use crate::contract::StoreUnderTest;
use crate::sample;

/// The number of accounts that are inserted.
const ACCOUNTS: u32 = 300;

/// Hundreds of accounts ordered by id, with different statuses and roles.
fn many_accounts() -> Vec<User> {
    let user = |number: u32| {
        let mut roles = vec!["user"];
        if number.is_multiple_of(3) {
            roles.push("billing");
        }
        if number.is_multiple_of(7) {
            roles.push("admin");
        }
        let status = if number.is_multiple_of(5) {
            UserStatus::Disabled
        } else {
            UserStatus::Active
        };
        User {
            roles: sample::roles(&roles),
            status,
            ..sample::user(number)
        }
    };
    (0..ACCOUNTS).map(user).collect()
}

/// Inserts accounts in an order unrelated to their ids.
fn insert_shuffled(store: &dyn StoreUnderTest, users: &[User]) {
    let mut shuffled: Vec<&User> = users.iter().collect();
    shuffled.sort_by_key(|user| user.id.as_bytes()[3].wrapping_mul(151));
    store.write(|r| {
        for user in &shuffled {
            assert_eq!(
                r.users().insert(user, &sample::digest("digest"))?,
                Outcome::Done(())
            );
        }
        Ok(())
    });
}

fn page(store: &dyn StoreUnderTest, filter: &UserFilter, after: Option<UserId>, limit: u32) -> Vec<User> {
    store.read(|r| r.users().page(filter, after, limit))
}

/// Asserts that the pages together are exactly `expected`, and all but the last one are full.
fn assert_pages(store: &dyn StoreUnderTest, filter: &UserFilter, limit: u32, expected: &[User]) {
    let mut after = None;
    for chunk in expected.chunks(usize::try_from(limit).expect("a small limit")) {
        let page = page(store, filter, after, limit);
        assert_eq!(page, chunk, "{filter:?}, after {after:?}, limit {limit}");
        after = page.last().map(|user| user.id);
    }
    assert_eq!(
        page(store, filter, after, limit),
        [],
        "nothing comes after the last page"
    );
}

fn role(name: &str) -> Role {
    Role::parse(name).expect("a role name")
}

/// The pages contain every account exactly once, ordered by id, and no more than `limit` each.
pub fn pages_list_every_account_once_in_order(store: &dyn StoreUnderTest) {
    let many_accounts = many_accounts();
    insert_shuffled(store, &many_accounts);
    for limit in [7, 100, ACCOUNTS, 1000] {
        assert_pages(store, &UserFilter::default(), limit, &many_accounts);
    }
}

/// Ids are ordered by their bytes, as unsigned numbers.
pub fn pages_order_ids_by_their_bytes(store: &dyn StoreUnderTest) {
    let numbers = [
        0,
        9,
        10,
        0x7fff_ffff,
        0x8000_0000,
        0x9fff_ffff,
        0xa000_0000,
        u32::MAX,
    ];
    let users = numbers.map(sample::user);
    insert_shuffled(store, &users);
    assert_pages(store, &UserFilter::default(), 3, &users);
}

/// Filtered pages contain exactly the accounts that satisfy all conditions, with all their roles.
pub fn pages_are_filtered_by_every_condition(store: &dyn StoreUnderTest) {
    let many_accounts = many_accounts();
    insert_shuffled(store, &many_accounts);
    for role in
        [None, Some("admin"), Some("billing"), Some("user"), Some("nobody")].map(|name| name.map(role))
    {
        for status in [None, Some(UserStatus::Active), Some(UserStatus::Disabled)] {
            let meant = |user: &&User| {
                role.as_ref()
                    .is_none_or(|role| user.roles.contains(role.as_str()))
                    && status.is_none_or(|status| user.status == status)
            };
            let expected: Vec<User> = many_accounts.iter().filter(meant).cloned().collect();
            let filter = UserFilter {
                email: None,
                role: role.clone(),
                status,
            };
            assert_pages(store, &filter, 40, &expected);
        }
    }
}

/// A page filtered by address contains that account if the other conditions hold as well.
pub fn pages_are_filtered_by_address(store: &dyn StoreUnderTest) {
    let many_accounts = many_accounts();
    insert_shuffled(store, &many_accounts);
    let wanted = sample::email("USER21@Example.ORG").canonical().clone();
    let found: Vec<User> = many_accounts
        .iter()
        .filter(|user| *user.email.canonical() == wanted)
        .cloned()
        .collect();
    assert_eq!(found.len(), 1);
    let filter = UserFilter {
        email: Some(wanted),
        ..UserFilter::default()
    };
    assert_pages(store, &filter, 10, &found);
    let both = UserFilter {
        role: Some(role("admin")),
        status: Some(UserStatus::Active),
        ..filter.clone()
    };
    assert_pages(store, &both, 10, &found);
    assert_pages(
        store,
        &UserFilter {
            status: Some(UserStatus::Disabled),
            ..filter.clone()
        },
        10,
        &[],
    );
    assert_pages(
        store,
        &UserFilter {
            role: Some(role("nobody")),
            ..filter
        },
        10,
        &[],
    );
    let unknown = sample::email("user2@example.or").canonical().clone();
    assert_pages(
        store,
        &UserFilter {
            email: Some(unknown),
            ..UserFilter::default()
        },
        10,
        &[],
    );
}

/// A cursor stays valid while accounts before it, after it and at it are inserted and deleted.
pub fn an_account_cursor_survives_insertions_and_deletions(store: &dyn StoreUnderTest) {
    let numbered = |numbers: &[u32]| {
        numbers
            .iter()
            .map(|number| sample::user(*number))
            .collect::<Vec<_>>()
    };
    insert_shuffled(store, &numbered(&[10, 20, 30, 40, 50, 60]));
    let everybody = UserFilter::default();
    let first = page(store, &everybody, None, 3);
    assert_eq!(first, numbered(&[10, 20, 30]));
    let cursor = Some(sample::user(30).id);

    for gone in [10, 30, 50] {
        assert!(store.write(|r| r.users().delete(sample::user(gone).id)));
    }
    insert_shuffled(store, &numbered(&[5, 25, 35]));
    assert_eq!(page(store, &everybody, cursor, 3), numbered(&[35, 40, 60]));
    assert_eq!(page(store, &everybody, cursor, 1), numbered(&[35]));
    assert_eq!(page(store, &everybody, Some(sample::user(60).id), 3), []);
}
