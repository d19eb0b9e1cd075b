//! The handlers enforce the guards of the route table: every route is called in process with and without a token.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service};
use doorward_application::Policies;
use doorward_domain::access::{Holders, Permission};
use doorward_domain::account::Roles;
use doorward_domain::id::SessionId;
use doorward_domain::outcome::Outcome;
use doorward_domain::store::Transactions as _;
use doorward_domain::store_error::StoreError;
use doorward_domain::token::{AccessClaims, AccessTokenSigner as _};
use doorward_http::{Guard, in_process};
use doorward_runtime::executor::{LaneSettings, Priority};
use doorward_runtime::{Application, LanesSettings};
use doorward_testkit::{FakeSigner, MemoryStore, sample, test_ports};

use crate::Api;

use super::*;

/// An application on a memory store with one user, and the signer of its access tokens.
fn application() -> (Arc<Application>, Arc<FakeSigner>) {
    application_over(Arc::new(MemoryStore::new()))
}

/// An application on this memory store, to which a user is added, and the signer of its access tokens.
pub(crate) fn application_over(store: Arc<MemoryStore>) -> (Arc<Application>, Arc<FakeSigner>) {
    let inserted = store.transaction(|r| -> Result<_, StoreError> {
        r.users().insert(&sample::user(1), &sample::digest("digest"))
    });
    assert_eq!(inserted, Ok(Outcome::Done(())));
    let signer = Arc::new(FakeSigner::new());
    let ports = test_ports(store, signer.clone());
    let lane = LaneSettings {
        workers: 1,
        queue: 8,
        deadline: Duration::from_secs(5),
        limit: Duration::from_secs(5),
        priority: Priority::Normal,
    };
    let lanes = LanesSettings {
        password: lane,
        storage: lane,
    };
    let application =
        Application::start(ports, Policies::default(), lanes, &prometheus::Registry::new()).unwrap();
    (application, signer)
}

/// Claims of that user with the given roles.
fn claims(roles: Roles) -> AccessClaims {
    AccessClaims {
        roles,
        ..sample::claims(1, SessionId::from_bytes([1; 16]))
    }
}

/// The claims of a service with these roles.
fn service_claims(roles: Roles) -> AccessClaims {
    AccessClaims {
        subject: sample::service(1).into(),
        authentication: None,
        ..claims(roles)
    }
}

/// The roles that hold each permission. A new permission is added here.
fn holders() -> BTreeMap<&'static str, Holders> {
    const fn of<P: Permission>() -> (&'static str, Holders) {
        (P::NAME, P::HOLDERS)
    }
    BTreeMap::from([
        of::<ManageOwnAccount>(),
        of::<ReadUser>(),
        of::<ReadUsers>(),
        of::<ManageUsers>(),
        of::<AssignRoles>(),
        of::<ReadAudit>(),
    ])
}

/// From which caller on they are services.
const SERVICES: usize = 4;

#[actix_web::test]
async fn every_route_enforces_the_guard_of_its_row() {
    let (application, signer) = application();
    let token = |claims: &AccessClaims| Some(signer.sign(claims).unwrap().expose().to_owned());
    let (label, admin) = (sample::roles(&["label"]), sample::roles(&["admin"]));
    let callers = [
        (None, Roles::user()),
        (Some("no-such-token".to_owned()), Roles::user()),
        (token(&claims(label.clone())), label.clone()),
        (token(&claims(admin.clone())), admin.clone()),
        (token(&service_claims(label.clone())), label),
        (token(&service_claims(admin.clone())), admin),
    ];
    let server = init_service(in_process(application, Arc::new(Api::default())).unwrap()).await;
    let holders = holders();
    for route in public() {
        // Where the path names a user, it is another one than the caller.
        let path = route.path.replace("{id}", &sample::user(2).id.to_string());
        for (number, (token, roles)) in callers.iter().enumerate() {
            let mut request = TestRequest::with_uri(&path)
                .method(route.method.clone())
                .insert_header(("host", "localhost"));
            if let Some(token) = token {
                request = request.insert_header(("authorization", format!("Bearer {token}")));
            }
            let status = call_service(&server, request.to_request()).await.status();
            let expected = match route.guard {
                Guard::Public => None,
                Guard::Permission(_) if number < 2 => Some(StatusCode::UNAUTHORIZED),
                Guard::Permission(ManageOwnAccount::NAME) if number >= SERVICES => {
                    Some(StatusCode::FORBIDDEN)
                }
                Guard::Permission(name) => (!holders[name].include(roles)).then_some(StatusCode::FORBIDDEN),
            };
            let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status);
            assert_eq!(
                refused.then_some(status),
                expected,
                "{} {path}, caller {number}: {status}",
                route.method
            );
        }
    }
}

#[test]
fn every_path_has_one_throttle_class_and_each_method_once() {
    let mut rows = HashSet::new();
    let mut classes = BTreeMap::new();
    for route in public() {
        assert!(rows.insert((route.path, route.method.clone())), "{}", route.path);
        assert_eq!(*classes.entry(route.path).or_insert(route.class), route.class);
    }
}
