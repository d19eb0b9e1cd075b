use core::slice;

use super::*;
use crate::{DeleteUser, DeleteUserError, SetRoles, SetRolesError, UpdateUser, UpdateUserError};
use doorward_domain::access::{AssignRoles, ManageUsers};
use doorward_domain::audit::EventOutcome;
use doorward_domain::mock_store::MockStore;
use doorward_domain::patch::Patch;
use doorward_domain::store::{MockRepositories, Verdict};
use doorward_domain::subject::SubjectVersion;
use doorward_domain::token::Revoked;

/// Expects the event of a refusal because of the last administrator.
fn expect_refusal(mut repositories: MockRepositories) -> MockRepositories {
    repositories
        .events
        .expect_append()
        .times(1)
        .withf(|event| {
            event.outcome == EventOutcome::Failure
                && event.detail.get("reason").is_some_and(|why| why == "last-admin")
        })
        .returning(|_| Ok(()));
    repositories
}

/// Repositories with an administrator, and this number of active administrators in total.
fn with_admins(count: u64) -> MockRepositories {
    let mut repositories = MockRepositories::default();
    repositories
        .users
        .expect_lock()
        .returning(|_| Ok(Some(user(&["admin", "user"]))));
    repositories
        .users
        .expect_count_active_admins()
        .times(1)
        .returning(move || Ok(count));
    repositories
}

#[test]
fn the_last_administrator_cannot_be_demoted_disabled_or_deleted() {
    let entropy = entropy();
    let store = MockStore::new(expect_refusal(with_admins(1)));
    let demoted = SetRoles {
        store: &store,
        entropy: &entropy,
    }
    .execute(
        &granted::<AssignRoles>(&["admin"]),
        USER,
        &["user".to_owned()],
        &context(),
    );
    assert!(matches!(demoted, Err(SetRolesError::LastAdmin)));
    // The refusal is committed, and nothing else was written.
    assert_eq!(store.verdicts(), [Verdict::Commit]);

    let store = MockStore::new(expect_refusal(with_admins(1)));
    let disabled = UpdateUser {
        store: &store,
        entropy: &entropy,
    }
    .execute(
        &granted::<ManageUsers>(&["admin"]),
        USER,
        Patch::Keep,
        Patch::To(UserStatus::Disabled),
        &context(),
    );
    assert!(matches!(disabled, Err(UpdateUserError::LastAdmin)));

    let store = MockStore::new(expect_refusal(with_admins(1)));
    let attempt_keys = attempt_keys();
    let deleted = DeleteUser {
        store: &store,
        attempt_keys: &attempt_keys,
        entropy: &entropy,
    }
    .execute(&granted::<ManageUsers>(&["admin"]), USER, &context());
    assert!(matches!(deleted, Err(DeleteUserError::LastAdmin)));
}

#[test]
fn one_of_two_administrators_can_be_removed() {
    let mut repositories = with_admins(2);
    repositories
        .users
        .expect_delete()
        .times(1)
        .returning(|_| Ok(true));
    repositories
        .networks
        .expect_keep()
        .times(1)
        .withf(|_, keep| *keep == 0)
        .returning(|_, _| Ok(()));
    repositories.events.expect_append().times(1).returning(|_| Ok(()));
    let every_version = Revoked::Subject {
        subject: USER.into(),
        lowest_version: SubjectVersion::FIRST.next(),
    };
    repositories
        .revocations
        .expect_append()
        .times(1)
        .withf(move |revoked, _| revoked == slice::from_ref(&every_version))
        .returning(|_, _| Ok(()));
    let (store, entropy) = (MockStore::new(repositories), entropy());
    let attempt_keys = attempt_keys();
    let delete = DeleteUser {
        store: &store,
        attempt_keys: &attempt_keys,
        entropy: &entropy,
    };
    assert!(
        delete
            .execute(&granted::<ManageUsers>(&["admin"]), USER, &context())
            .is_ok()
    );
}

#[test]
fn an_update_without_changes_writes_nothing() {
    let mut repositories = MockRepositories::default();
    repositories
        .users
        .expect_lock()
        .returning(|_| Ok(Some(user(&["user"]))));
    let (store, entropy) = (MockStore::new(repositories), entropy());
    let set = SetRoles {
        store: &store,
        entropy: &entropy,
    };
    let same = set.execute(
        &granted::<AssignRoles>(&["admin"]),
        USER,
        &["user".to_owned()],
        &context(),
    );
    assert_eq!(same.unwrap().version, SubjectVersion::FIRST);
}

#[test]
fn each_invalid_role_name_is_reported() {
    let (store, entropy) = (MockStore::new(MockRepositories::default()), entropy());
    let set = SetRoles {
        store: &store,
        entropy: &entropy,
    };
    let roles = ["user", "Admin", "", "ok"].map(str::to_owned);
    let Err(SetRolesError::Invalid(invalid)) =
        set.execute(&granted::<AssignRoles>(&["admin"]), USER, &roles, &context())
    else {
        panic!("accepted");
    };
    let pointers: Vec<_> = invalid
        .violations()
        .iter()
        .map(|violation| violation.pointer.as_str())
        .collect();
    assert_eq!(pointers, ["/roles/1", "/roles/2"]);
}
