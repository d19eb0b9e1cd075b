//! Every operation of the API document, tried by every kind of caller.
//!
//! The document says which permission an operation requires, the domain says who holds it, and the service shows its
//! behaviour; the three have to agree. A route without a guard is detected because a caller without a token gets
//! further than 401; if it claims to be public, by the difference in `docs/permissions.md`; if it is in no document, by
//! the tests of `doorward-api`, which compare the document with the table of routes.

use std::fmt::Write;

use doorward_domain::access::{
    AssignRoles, Holders, ManageOwnAccount, ManageUsers, Permission, ReadAudit, ReadUser, ReadUsers,
};
use serde_json::json;

use crate::harness::client::Client;
use crate::harness::database::{Database, on_both_databases};
use crate::harness::openapi::{Operation, operations};
use crate::harness::service::Service;
use crate::harness::users::{PASSWORD, TestUser};

on_both_databases!(the_service_behaves_as_the_permission_matrix_says);

/// The kinds of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// No token.
    Nobody,
    /// Role `user`, on another user's resources.
    User,
    /// A role without meaning to this service, on another user's resources.
    Label,
    /// Role `user`, on their own resources.
    Owner,
    /// Role `admin`.
    Admin,
}

const CALLERS: [Caller; 5] = [
    Caller::Nobody,
    Caller::User,
    Caller::Label,
    Caller::Owner,
    Caller::Admin,
];

/// How far a request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// 401: not authenticated.
    Unknown,
    /// 403: authenticated, but refused by the guard.
    Refused,
    /// Past the guard, whatever the handler does.
    Allowed,
}

/// All permissions that operations may name. Add new ones here.
fn holders(permission: &str) -> Option<Holders> {
    const fn of<P: Permission>() -> (&'static str, Holders) {
        (P::NAME, P::HOLDERS)
    }
    let permissions = [
        of::<ManageOwnAccount>(),
        of::<ReadUser>(),
        of::<ReadUsers>(),
        of::<ManageUsers>(),
        of::<AssignRoles>(),
        of::<ReadAudit>(),
    ];
    permissions
        .into_iter()
        .find(|(name, _)| *name == permission)
        .map(|(_, holders)| holders)
}

/// The expected verdict for a permission.
fn expected(permission: &str, caller: Caller) -> Result<Verdict, String> {
    if permission == "public" {
        return Ok(Verdict::Allowed);
    }
    let holders =
        holders(permission).ok_or_else(|| format!("the permission {permission} is unknown here"))?;
    let everybody = holders == Holders::Everybody;
    let holds = match caller {
        Caller::Nobody => return Ok(Verdict::Unknown),
        Caller::User | Caller::Label => everybody,
        Caller::Owner => everybody || holders.include_owner(),
        Caller::Admin => true,
    };
    Ok(if holds { Verdict::Allowed } else { Verdict::Refused })
}

/// Compares the observed verdicts with the expected ones.
fn judge(permission: &str, seen: &[(Caller, Verdict)]) -> Result<(), String> {
    for (caller, verdict) in seen {
        let expected = expected(permission, *caller)?;
        if *verdict != expected {
            return Err(format!(
                "{caller:?} is {verdict:?}, and {permission} makes it {expected:?}"
            ));
        }
    }
    Ok(())
}

/// The allowed callers, in words.
fn who(seen: &[(Caller, Verdict)]) -> String {
    let may: Vec<_> = seen
        .iter()
        .filter(|(_, verdict)| *verdict == Verdict::Allowed)
        .map(|(caller, _)| *caller)
        .collect();
    match may.as_slice() {
        all if all.len() == CALLERS.len() => "anyone".into(),
        all if all == &CALLERS[1..] => "authenticated users".into(),
        [Caller::Owner, Caller::Admin] => "`admin`, and the user themselves".into(),
        [Caller::Admin] => "`admin`".into(),
        others => format!("{others:?}"),
    }
}

/// Sends an operation with an empty body to the resource of this id.
fn attempt(operation: &Operation, client: &Client, id: &str) -> Verdict {
    let path = operation.path_of(id);
    let response = match operation.body {
        Some(_) => client.json(&operation.method, &path, &json!({})),
        None => client.send(&operation.method, &path, None),
    };
    assert!(response.status < 500, "{response:?}");
    match response.status {
        401 => Verdict::Unknown,
        403 if response.body()["code"] == "forbidden" => Verdict::Refused,
        _ => Verdict::Allowed,
    }
}

/// One caller of each kind.
struct Callers {
    anonymous: Client,
    user: TestUser,
    label: TestUser,
    admin: TestUser,
    bystander: TestUser,
}

const UNKNOWN_ID: &str = "00000000-0000-7000-8000-000000000000";

impl Callers {
    fn of(service: &Service) -> Self {
        let admin = service.admin();
        let label = json!({"email": "label@example.org", "password": PASSWORD, "roles": ["administrator"]});
        admin.client().post("/v1/users", &label).ok(201);
        Self {
            anonymous: service.client(),
            user: service.new_user("user"),
            label: TestUser::login(&service.client(), "label@example.org", PASSWORD),
            bystander: service.new_user("bystander"),
            admin,
        }
    }

    /// Sends an operation as a caller, with a new session for each, because some operations end sessions.
    fn attempt(&self, caller: Caller, operation: &Operation) -> Verdict {
        let user = match caller {
            Caller::Nobody => return attempt(operation, &self.anonymous, &self.bystander.id),
            Caller::Owner => {
                let user = self.user.login_again();
                return attempt(operation, user.client(), &user.id);
            }
            // An administrator's request would take effect on the bystander.
            Caller::Admin => return attempt(operation, self.admin.login_again().client(), UNKNOWN_ID),
            Caller::User => &self.user,
            Caller::Label => &self.label,
        };
        let user = user.login_again();
        let verdict = attempt(operation, user.client(), &self.bystander.id);
        if operation.path.contains('{') {
            let of_unknown = attempt(operation, user.client(), UNKNOWN_ID);
            assert_eq!(verdict, of_unknown, "{}", operation.name());
        }
        verdict
    }
}

fn the_service_behaves_as_the_permission_matrix_says(database: &Database) {
    let service = Service::on(database);
    let callers = Callers::of(&service);
    let mut text = HEAD.to_owned();
    for operation in operations(&service.client()) {
        let seen = CALLERS.map(|caller| (caller, callers.attempt(caller, &operation)));
        let Operation {
            method,
            path,
            permission,
            ..
        } = &operation;
        judge(permission, &seen).unwrap_or_else(|error| panic!("{}: {error}", operation.name()));
        writeln!(text, "| {method} | `{path}` | `{permission}` | {} |", who(&seen)).unwrap();
    }
    doorward_testkit::assert_golden("docs/permissions.md", &text);
}

const HEAD: &str = "# Permissions

<!-- Written by a test of crates/server: run it with UPDATE_GOLDEN=1 after a change. -->

The permission that each operation requires, and the callers that the running service allowed. Each operation was called
without a token, with the role `user`, with a role without permissions, by the user whose account it is, and by an
administrator. Without a token the response is 401, without the permission 403, whether or not the resource exists.

| method | path | permission | who may |
|---|---|---|---|
";

#[test]
fn the_permission_check_detects_planted_mistakes() {
    use Caller::{Admin, Label, Nobody, Owner, User};
    use Verdict::{Allowed, Refused, Unknown};
    let sound = [
        (Nobody, Unknown),
        (User, Refused),
        (Label, Refused),
        (Owner, Refused),
        (Admin, Allowed),
    ];
    assert_eq!(judge("users:read", &sound), Ok(()));
    for (permission, caller, verdict) in [
        ("users:read", Nobody, Allowed),
        ("users:read", Nobody, Refused),
        ("users:read", User, Allowed),
        ("users:read", Label, Allowed),
        ("users:read", Owner, Allowed),
        ("users:read", Admin, Refused),
        ("account:manage", User, Refused),
        ("public", Nobody, Unknown),
        ("no:such", Admin, Allowed),
    ] {
        let mut seen = sound;
        for entry in seen.iter_mut().filter(|(other, _)| *other == caller) {
            entry.1 = verdict;
        }
        assert!(
            judge(permission, &seen).is_err(),
            "{permission} {caller:?} {verdict:?}"
        );
    }
}
