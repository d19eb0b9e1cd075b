//! Who may do what: every operation of the API document, tried by every kind of caller.
//!
//! The document says which permission an operation needs, the domain says who holds it, and the service shows what it
//! does; the three have to agree. A route that was added without a guard is found by the caller without a token, who gets
//! further than 401; one that claims to be public besides, by the difference in `docs/permissions.md`; one that is in no
//! document, by the tests of `doorward-api`, which compare the document with the table of routes.

use std::fmt::Write;

use doorward_domain::access::{
    AssignRoles, Holders, ManageOwnAccount, ManageUsers, Permission, ReadAudit, ReadUser, ReadUsers,
};
use serde_json::json;

use crate::api::{Operation, operations};
use crate::backing::{Backing, on_both};
use crate::client::Client;
use crate::people::{PASSWORD, Person};
use crate::service::Service;

on_both!(the_matrix_is_what_the_service_does);

/// The kinds of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller {
    /// Somebody without a token.
    Nobody,
    /// Somebody with the role `user`, for what is somebody else's.
    User,
    /// Somebody with a role that means something to other services only, for what is somebody else's.
    Label,
    /// Somebody with the role `user`, for what is their own.
    Owner,
    /// Somebody with the role `admin`.
    Admin,
}

const CALLERS: [Caller; 5] = [
    Caller::Nobody,
    Caller::User,
    Caller::Label,
    Caller::Owner,
    Caller::Admin,
];

/// How far a caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// To the question who it is: 401.
    Unknown,
    /// To the guard, which refuses: 403.
    Refused,
    /// Past the guard, whatever comes then.
    Allowed,
}

/// The permissions that operations may name. A new one has its line here.
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

/// What a caller has to get where a permission is asked for.
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

/// Compares what was seen with what the permission says.
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

/// Who may, in words.
fn who(seen: &[(Caller, Verdict)]) -> String {
    let may: Vec<_> = seen
        .iter()
        .filter(|(_, verdict)| *verdict == Verdict::Allowed)
        .map(|(caller, _)| *caller)
        .collect();
    match may.as_slice() {
        all if all.len() == CALLERS.len() => "anyone".into(),
        all if all == &CALLERS[1..] => "whoever has logged in".into(),
        [Caller::Owner, Caller::Admin] => "`admin`, and the user itself".into(),
        [Caller::Admin] => "`admin`".into(),
        others => format!("{others:?}"),
    }
}

/// Tries an operation, with nothing in the body, on what has this id.
fn attempt(operation: &Operation, client: &Client, id: &str) -> Verdict {
    let path = operation.path_of(id);
    let answer = match operation.body {
        Some(_) => client.json(&operation.method, &path, &json!({})),
        None => client.send(&operation.method, &path, None),
    };
    assert!(answer.status < 500, "{answer:?}");
    match answer.status {
        401 => Verdict::Unknown,
        403 if answer.body()["code"] == "forbidden" => Verdict::Refused,
        _ => Verdict::Allowed,
    }
}

/// One caller of each kind.
struct Cast {
    anonymous: Client,
    user: Person,
    label: Person,
    admin: Person,
    bystander: Person,
}

const UNKNOWN_ID: &str = "00000000-0000-7000-8000-000000000000";

impl Cast {
    fn of(service: &Service) -> Self {
        let admin = service.admin();
        let label = json!({"email": "label@example.org", "password": PASSWORD, "roles": ["administrator"]});
        admin.client().post("/v1/users", &label).ok(201);
        Self {
            anonymous: service.client(),
            user: service.person("user"),
            label: Person::login(&service.client(), "label@example.org", PASSWORD),
            bystander: service.person("bystander"),
            admin,
        }
    }

    /// Has a caller try an operation. Each has a session of its own for it, since some operations end sessions.
    fn attempt(&self, caller: Caller, operation: &Operation) -> Verdict {
        let person = match caller {
            Caller::Nobody => return attempt(operation, &self.anonymous, &self.bystander.id),
            Caller::Owner => {
                let person = self.user.again();
                return attempt(operation, person.client(), &person.id);
            }
            // What an administrator may do would otherwise be done to the bystander.
            Caller::Admin => return attempt(operation, self.admin.again().client(), UNKNOWN_ID),
            Caller::User => &self.user,
            Caller::Label => &self.label,
        };
        let person = person.again();
        let verdict = attempt(operation, person.client(), &self.bystander.id);
        if operation.path.contains('{') {
            let of_unknown = attempt(operation, person.client(), UNKNOWN_ID);
            assert_eq!(verdict, of_unknown, "{}", operation.name());
        }
        verdict
    }
}

fn the_matrix_is_what_the_service_does(backing: &Backing) {
    let service = Service::on(backing);
    let cast = Cast::of(&service);
    let mut text = HEAD.to_owned();
    for operation in operations(&service.client()) {
        let seen = CALLERS.map(|caller| (caller, cast.attempt(caller, &operation)));
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

<!-- Written by a test of crates/server: run it with UPDATE_GOLDEN=1 after a change, and read the difference. -->

What the running service did when everybody tried everything: callers without a token, with the role `user`, with a role
that is only a label, the user whose account it is, and administrators. Without a token the answer is 401, without the
permission 403, whether or not what was asked for exists.

| method | path | permission | who may |
|---|---|---|---|
";

#[test]
fn a_planted_mistake_is_found() {
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
