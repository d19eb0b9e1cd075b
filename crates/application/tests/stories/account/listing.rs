//! Listing users page by page.

use doorward_application::{ListUsers, TokenPair};
use doorward_domain::account::Role;
use doorward_domain::account::UserFilter;
use doorward_domain::account::{Email, User, UserStatus};

use crate::story_app::{SECOND, StoryApp, outcome};

/// A world with an administrator and this many users, created one after the other.
fn world_with(users: usize) -> (StoryApp, TokenPair) {
    let world = StoryApp::new();
    world.admin("root");
    let root = world.enter("root");
    for number in 0..users {
        world.user(&format!("user{number}"));
        world.wait(SECOND);
    }
    (world, root)
}

/// All users that match the filter, read page by page.
fn walk(world: &StoryApp, admin: &TokenPair, filter: &UserFilter, limit: u32) -> Vec<User> {
    let list = ListUsers { store: &world.store };
    let mut users = Vec::new();
    let mut after = None;
    loop {
        let page = list
            .execute(&world.granted(admin), filter, after, limit)
            .expect("a page");
        assert!(page.users.len() <= usize::try_from(limit).expect("a small limit"));
        assert!(page.next.is_none() || page.next == page.users.last().map(|user| user.id));
        users.extend(page.users);
        after = page.next;
        if after.is_none() {
            return users;
        }
    }
}

fn names(users: &[User]) -> Vec<&str> {
    let addresses = users.iter().map(|user| user.email.local_part());
    addresses.collect()
}

#[test]
fn the_pages_contain_every_user_once_in_order_of_creation() {
    let (world, root) = world_with(9);
    let expected = [
        "root", "user0", "user1", "user2", "user3", "user4", "user5", "user6", "user7", "user8",
    ];
    // 1, 2, 5 and 10 divide ten: no empty page follows the last full one.
    for limit in [1, 2, 3, 5, 9, 10, 11, 100] {
        let users = walk(&world, &root, &UserFilter::default(), limit);
        assert_eq!(names(&users), expected, "{limit} a page");
    }
}

#[test]
fn insertions_and_deletions_between_pages_do_not_shift_other_users() {
    let (world, root) = world_with(6);
    let list = ListUsers { store: &world.store };
    let page = |after| {
        list.execute(&world.granted(&root), &UserFilter::default(), after, 3)
            .expect("a page")
    };
    let first = page(None);
    assert_eq!(names(&first.users), ["root", "user0", "user1"]);
    // Among them the user that the next page starts after.
    for gone in &first.users[1..] {
        world.delete_user(&root, gone.id).expect("deleted");
    }
    world.user("late");
    let second = page(first.next);
    assert_eq!(names(&second.users), ["user2", "user3", "user4"]);
    let third = page(second.next);
    assert_eq!(names(&third.users), ["user5", "late"]);
    assert_eq!(third.next, None);
}

#[test]
fn filters_apply_on_every_page_and_in_combination() {
    let (world, root) = world_with(8);
    let everybody = walk(&world, &root, &UserFilter::default(), 100);
    for number in [1, 3, 4, 7] {
        let id = everybody[number].id;
        assert_eq!(outcome(&world.set_roles(&root, id, &["user", "auditor"])), "ok");
    }
    for number in [3, 4, 5] {
        assert_eq!(outcome(&world.disable(&root, everybody[number].id)), "ok");
    }
    let role = Role::parse("auditor").ok();
    let by_role = UserFilter {
        role,
        ..UserFilter::default()
    };
    let by_status = UserFilter {
        status: Some(UserStatus::Disabled),
        ..UserFilter::default()
    };
    let by_email = UserFilter {
        email: Email::parse("USER6@example.org")
            .ok()
            .map(|email| email.canonical().clone()),
        ..UserFilter::default()
    };
    let by_both = UserFilter {
        status: by_status.status,
        ..by_role.clone()
    };
    let by_all = UserFilter {
        email: by_email.email.clone(),
        ..by_both.clone()
    };
    for limit in [1, 2, 100] {
        let found = |filter| walk(&world, &root, filter, limit);
        assert_eq!(names(&found(&by_role)), ["user0", "user2", "user3", "user6"]);
        assert_eq!(names(&found(&by_status)), ["user2", "user3", "user4"]);
        assert_eq!(names(&found(&by_email)), ["user6"]);
        assert_eq!(names(&found(&by_both)), ["user2", "user3"]);
        assert!(found(&by_all).is_empty());
    }
}
