//! There is always an active administrator: the last one cannot be demoted, disabled or deleted by any route.

use doorward_application::TokenPair;
use doorward_domain::id::UserId;

use crate::concurrency::at_once;
use crate::story_app::{PASSWORD, StoryApp, outcome};

/// The ways in which the caller removes `user` as an active administrator.
const WAYS: [fn(&StoryApp, &TokenPair, UserId) -> String; 3] = [
    |world, caller, user| outcome(&world.set_roles(caller, user, &["user"])),
    |world, caller, user| outcome(&world.disable(caller, user)),
    |world, caller, user| outcome(&world.delete_user(caller, user)),
];

fn active_admins(world: &StoryApp, candidates: &[UserId]) -> usize {
    let found = candidates.iter().filter_map(|id| world.find(*id));
    found
        .filter(doorward_domain::account::User::is_active_admin)
        .count()
}

#[test]
fn removing_the_last_administrator_is_refused_and_ends_no_session() {
    let world = StoryApp::new();
    let root = world.admin("root");
    let desk = world.enter("root");
    let kept = world.snapshot_with_attempts(&["root"]);
    let seen = kept.events.len();
    for way in WAYS {
        assert_eq!(way(&world, &desk, root.id), "LastAdmin");
    }
    assert_eq!(outcome(&world.delete_account(&desk, PASSWORD)), "LastAdmin");
    assert_eq!(
        world.event_lines_since(seen),
        [
            "user.roles-changed failure of=root by=root after=user before=admin user reason=last-admin",
            "user.status-changed failure of=root by=root reason=last-admin status=disabled",
            "user.deleted failure of=root by=root reason=last-admin",
            "user.deleted failure of=root by=root reason=last-admin",
        ]
    );
    let mut now = world.snapshot_with_attempts(&["root"]);
    now.events.truncate(seen);
    assert_eq!(now, kept);
    assert!(world.refresh(&desk).is_ok());
}

#[test]
fn one_of_two_administrators_can_be_removed_and_the_other_cannot() {
    for way in WAYS {
        let world = StoryApp::new();
        let (root, eve) = (world.admin("root"), world.admin("eve"));
        let (desk, other) = (world.enter("root"), world.enter("eve"));
        assert_eq!(way(&world, &desk, eve.id), "ok");
        assert_eq!(way(&world, &desk, root.id), "LastAdmin");
        assert_eq!(outcome(&world.delete_account(&desk, PASSWORD)), "LastAdmin");
        assert_eq!(active_admins(&world, &[root.id, eve.id]), 1);
        drop(other);
    }
}

#[test]
fn a_disabled_administrator_does_not_count() {
    let world = StoryApp::new();
    let (root, eve) = (world.admin("root"), world.admin("eve"));
    let desk = world.enter("root");
    world.disable(&desk, eve.id).expect("disabled");
    for way in WAYS {
        assert_eq!(way(&world, &desk, root.id), "LastAdmin");
    }
    // The disabled administrator can be deleted.
    assert_eq!(outcome(&world.delete_user(&desk, eve.id)), "ok");
}

#[test]
fn changes_that_keep_the_last_administrator_are_allowed() {
    let world = StoryApp::new();
    let root = world.admin("root");
    let desk = world.enter("root");
    assert_eq!(
        outcome(&world.set_roles(&desk, root.id, &["admin", "auditor"])),
        "ok"
    );
    assert_eq!(outcome(&world.rename(&desk, root.id, "Root")), "ok");
    assert_eq!(outcome(&world.enable(&desk, root.id)), "ok");
}

#[test]
fn administrators_removing_each_other_concurrently_leave_one() {
    for (way, again) in WAYS.into_iter().zip([false, true, false]) {
        for _ in 0..10 {
            let world = StoryApp::new();
            world.store.memory.rerun_writes(again);
            let admins = ["a", "b", "c", "d"].map(|name| world.admin(name).id);
            let pairs = ["a", "b", "c", "d"].map(|name| world.enter(name));
            at_once(4, |number| way(&world, &pairs[number], admins[(number + 1) % 4]));
            assert_eq!(active_admins(&world, &admins), 1);
        }
    }
}

#[test]
fn administrators_deleting_their_own_accounts_concurrently_leave_one() {
    for _ in 0..10 {
        let world = StoryApp::new();
        let admins = ["a", "b", "c", "d"].map(|name| world.admin(name).id);
        let pairs = ["a", "b", "c", "d"].map(|name| world.enter(name));
        let outcomes = at_once(4, |number| {
            outcome(&world.delete_account(&pairs[number], PASSWORD))
        });
        assert_eq!(active_admins(&world, &admins), 1);
        assert_eq!(
            outcomes.iter().filter(|outcome| *outcome == "LastAdmin").count(),
            1
        );
    }
}
