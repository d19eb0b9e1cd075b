//! Scenarios of logins.

use doorward_testkit::FakeHasher;

use crate::story_app::{PASSWORD, WRONG, outcome};

use super::{Scenario, WAIT, root, scenario};

pub const SCENARIOS: &[Scenario] = &[
    scenario("login", "ok", &["login.succeeded success of=ada in=new"], |w| {
        w.user("ada");
        Box::new(|| outcome(&w.login("ada", PASSWORD)))
    }),
    scenario(
        "login with a weak digest",
        "ok",
        &["login.succeeded success of=ada in=new"],
        |w| {
            w.user_with_digest("ada", &FakeHasher::outdated_digest(PASSWORD));
            Box::new(|| outcome(&w.login("ada", PASSWORD)))
        },
    ),
    scenario(
        "login with a wrong password",
        "InvalidCredentials",
        &["login.failed failure of=ada reason=wrong-password"],
        |w| {
            w.user("ada");
            Box::new(|| outcome(&w.login("ada", WRONG)))
        },
    ),
    scenario(
        "login of an unknown user",
        "InvalidCredentials",
        &["login.failed failure reason=unknown-account"],
        |w| Box::new(|| outcome(&w.login("ada", PASSWORD))),
    ),
    scenario(
        "login with a password in the place of the address",
        "InvalidCredentials",
        &["login.failed failure reason=malformed-email"],
        |w| Box::new(|| outcome(&w.login(PASSWORD, PASSWORD))),
    ),
    scenario(
        "login of a disabled user",
        "InvalidCredentials",
        &["login.failed failure of=ada reason=account-disabled"],
        |w| {
            let (root, ada) = (root(w), w.user("ada"));
            w.disable(&root, ada.id).expect("disabled");
            Box::new(|| outcome(&w.login("ada", PASSWORD)))
        },
    ),
    scenario(
        "login after too many attempts",
        WAIT,
        &["login.refused failure of=ada count=1"],
        |w| {
            w.user("ada");
            w.exhaust("ada");
            Box::new(|| outcome(&w.login("ada", PASSWORD)))
        },
    ),
    scenario(
        "login of an unknown user after too many attempts",
        WAIT,
        &["login.refused failure count=1"],
        |w| {
            w.exhaust("ada");
            Box::new(|| outcome(&w.login("ada", PASSWORD)))
        },
    ),
];
