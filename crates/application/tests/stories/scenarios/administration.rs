//! Scenarios of administrators and operators.

use doorward_application::{ListEvents, ListUsers, ViewUser};
use doorward_domain::access::ReadUser;
use doorward_domain::account::UserFilter;
use doorward_domain::audit::EventFilter;

use crate::story_app::{StoryApp, outcome};

use super::{Scenario, ada, root, scenario};

fn setup_token(world: &StoryApp) {
    world
        .issue_setup_token(Some("the setup token"))
        .expect("an offer");
}

pub const SCENARIOS: &[Scenario] = &[
    scenario(
        "renaming a user",
        "ok",
        &["user.updated success of=ada by=root"],
        |w| {
            let (desk, ada) = (root(w), w.user("ada"));
            Box::new(move || outcome(&w.rename(&desk, ada.id, "Ada")))
        },
    ),
    scenario(
        "disabling a user",
        "ok",
        &[
            "user.status-changed success of=ada by=root status=disabled",
            "session.ended success of=ada by=root reason=user-disabled sessions=2",
        ],
        |w| {
            let (phone, _) = ada(w);
            let desk = root(w);
            Box::new(move || outcome(&w.disable(&desk, phone.user.id)))
        },
    ),
    scenario(
        "enabling a user",
        "ok",
        &["user.status-changed success of=ada by=root status=active"],
        |w| {
            let (desk, ada) = (root(w), w.user("ada"));
            w.disable(&desk, ada.id).expect("disabled");
            Box::new(move || outcome(&w.enable(&desk, ada.id)))
        },
    ),
    scenario(
        "disabling the last administrator",
        "LastAdmin",
        &["user.status-changed failure of=root by=root reason=last-admin status=disabled"],
        |w| {
            let desk = root(w);
            Box::new(move || outcome(&w.disable(&desk, desk.user.id)))
        },
    ),
    scenario(
        "setting roles",
        "ok",
        &["user.roles-changed success of=ada by=root after=auditor user before=user"],
        |w| {
            let (desk, ada) = (root(w), w.user("ada"));
            Box::new(move || outcome(&w.set_roles(&desk, ada.id, &["user", "auditor"])))
        },
    ),
    scenario("setting the current roles", "ok", &[], |w| {
        let (desk, ada) = (root(w), w.user("ada"));
        Box::new(move || outcome(&w.set_roles(&desk, ada.id, &["user"])))
    }),
    scenario(
        "demoting the last administrator",
        "LastAdmin",
        &["user.roles-changed failure of=root by=root after=user before=admin user reason=last-admin"],
        |w| {
            let desk = root(w);
            Box::new(move || outcome(&w.set_roles(&desk, desk.user.id, &["user"])))
        },
    ),
    scenario(
        "deleting a user",
        "ok",
        &["user.deleted success of=ada by=root"],
        |w| {
            let (phone, _) = ada(w);
            let desk = root(w);
            Box::new(move || outcome(&w.delete_user(&desk, phone.user.id)))
        },
    ),
    scenario(
        "deleting the last administrator",
        "LastAdmin",
        &["user.deleted failure of=root by=root reason=last-admin"],
        |w| {
            let desk = root(w);
            Box::new(move || outcome(&w.delete_user(&desk, desk.user.id)))
        },
    ),
    scenario(
        "unlocking a user",
        "ok",
        &["user.unlocked success of=ada by=root"],
        |w| {
            let (desk, ada) = (root(w), w.user("ada"));
            w.exhaust("ada");
            Box::new(move || outcome(&w.unlock(&desk, ada.id)))
        },
    ),
    scenario(
        "creating a user",
        "ok",
        &["user.created success of=new by=root roles=auditor user"],
        |w| {
            let desk = root(w);
            Box::new(move || outcome(&w.create_user(&desk, "ada", &["auditor", "user"])))
        },
    ),
    scenario(
        "creating a user with an address that is taken",
        "EmailTaken",
        &["user.created failure of=ada by=root reason=email-taken"],
        |w| {
            let desk = root(w);
            w.user("ada");
            Box::new(move || outcome(&w.create_user(&desk, "ada", &["user"])))
        },
    ),
    scenario(
        "creating an administrator",
        "ok",
        &[
            "user.created success of=new by=operator roles=admin user",
            "setup.completed success of=new",
        ],
        |w| Box::new(|| outcome(&w.create_admin("ada"))),
    ),
    scenario("issuing the setup token", "ok", &[], |w| {
        Box::new(|| outcome(&w.issue_setup_token(None)))
    }),
    scenario("issuing the setup token with a token", "ok", &[], |w| {
        Box::new(|| outcome(&w.issue_setup_token(Some("the setup token"))))
    }),
    scenario("replacing the setup token", "ok", &[], |w| {
        setup_token(w);
        Box::new(|| outcome(&w.use_cases().issue_setup_token().replace()))
    }),
    scenario(
        "completing setup",
        "ok",
        &["setup.completed success of=new"],
        |w| {
            setup_token(w);
            Box::new(|| outcome(&w.complete_setup("the setup token", "ada")))
        },
    ),
    scenario(
        "completing setup with a wrong token",
        "Closed",
        &["setup.completed failure reason=wrong-token"],
        |w| {
            setup_token(w);
            Box::new(|| outcome(&w.complete_setup("another token", "ada")))
        },
    ),
    scenario(
        "completing setup with an address that is taken",
        "EmailTaken",
        &["setup.completed failure reason=email-taken"],
        |w| {
            setup_token(w);
            w.user("ada");
            Box::new(|| outcome(&w.complete_setup("the setup token", "ada")))
        },
    ),
    scenario("reading a user", "ok", &[], |w| {
        let (desk, ada) = (root(w), w.user("ada"));
        let view = ViewUser { store: &w.store };
        Box::new(move || {
            let reader = w.principal(&desk).authorize_on::<ReadUser>(Some(ada.id));
            outcome(&view.execute(&reader.expect("the permission")))
        })
    }),
    scenario("reading the audit log", "ok", &[], |w| {
        let desk = root(w);
        let list = ListEvents { store: &w.store };
        Box::new(move || outcome(&list.execute(&w.granted(&desk), &EventFilter::default(), None, 10)))
    }),
    scenario("listing users", "ok", &[], |w| {
        let desk = root(w);
        let list = ListUsers { store: &w.store };
        Box::new(move || outcome(&list.execute(&w.granted(&desk), &UserFilter::default(), None, 10)))
    }),
];
