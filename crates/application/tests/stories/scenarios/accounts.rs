//! Scenarios of a user's own account.

use doorward_application::ViewAccount;

use crate::story_app::{NEW_PASSWORD, PASSWORD, WRONG, outcome};

use super::{Scenario, WAIT, ada, root, scenario};

pub const SCENARIOS: &[Scenario] = &[
    scenario("registration", "ok", &["user.registered success of=new"], |w| {
        Box::new(|| outcome(&w.register("ada")))
    }),
    scenario(
        "registration of an address that is taken",
        "EmailTaken",
        &["user.registered failure of=ada reason=email-taken"],
        |w| {
            w.user("ada");
            Box::new(|| outcome(&w.register("ADA")))
        },
    ),
    scenario(
        "changing the password",
        "ok",
        &[
            "password.changed success of=ada in=phone",
            "session.ended success of=ada in=phone reason=password-changed sessions=1",
        ],
        |w| {
            let (phone, _) = ada(w);
            Box::new(move || outcome(&w.change_password(&phone, PASSWORD, NEW_PASSWORD)))
        },
    ),
    scenario(
        "changing the password with a wrong one",
        "InvalidCredentials",
        &["password.changed failure of=ada reason=wrong-password"],
        |w| {
            let (phone, _) = ada(w);
            Box::new(move || outcome(&w.change_password(&phone, WRONG, NEW_PASSWORD)))
        },
    ),
    scenario(
        "changing the password after too many attempts",
        WAIT,
        &["login.refused failure of=ada count=1"],
        |w| {
            let (phone, _) = ada(w);
            w.exhaust("ada");
            Box::new(move || outcome(&w.change_password(&phone, PASSWORD, NEW_PASSWORD)))
        },
    ),
    scenario(
        "deleting one's account",
        "ok",
        &["user.deleted success of=ada by=ada"],
        |w| {
            let (phone, _) = ada(w);
            Box::new(move || outcome(&w.delete_account(&phone, PASSWORD)))
        },
    ),
    scenario(
        "deleting one's account after too many attempts",
        WAIT,
        &["login.refused failure of=ada count=1"],
        |w| {
            let (phone, _) = ada(w);
            w.exhaust("ada");
            Box::new(move || outcome(&w.delete_account(&phone, PASSWORD)))
        },
    ),
    scenario(
        "deleting one's account with a wrong password",
        "InvalidCredentials",
        &["user.deleted failure of=ada reason=wrong-password"],
        |w| {
            let (phone, _) = ada(w);
            Box::new(move || outcome(&w.delete_account(&phone, WRONG)))
        },
    ),
    scenario(
        "deleting the account of the last administrator",
        "LastAdmin",
        &["user.deleted failure of=root by=root reason=last-admin"],
        |w| {
            let desk = root(w);
            Box::new(move || outcome(&w.delete_account(&desk, PASSWORD)))
        },
    ),
    scenario(
        "renaming oneself",
        "ok",
        &["user.updated success of=ada by=ada"],
        |w| {
            let (phone, _) = ada(w);
            Box::new(move || outcome(&w.rename_oneself(&phone, "Ada")))
        },
    ),
    scenario("renaming oneself to the current name", "ok", &[], |w| {
        let (phone, _) = ada(w);
        w.rename_oneself(&phone, "Ada").expect("renamed");
        Box::new(move || outcome(&w.rename_oneself(&phone, "Ada")))
    }),
    scenario("reading one's own account", "ok", &[], |w| {
        let (phone, _) = ada(w);
        let view = ViewAccount { store: &w.store };
        Box::new(move || outcome(&view.execute(&w.granted_user(&phone))))
    }),
];
