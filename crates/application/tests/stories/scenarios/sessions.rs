//! Scenarios of refreshing, logging out and ending sessions.

use doorward_application::ListSessions;
use doorward_domain::access::ReadUsers;
use doorward_domain::context::RequestContext;
use secrecy::SecretString;

use crate::story_app::{SECOND, outcome};

use super::{Scenario, ada, root, scenario};

/// The outcome of a refused refresh.
const INVALID: &str = "InvalidRefreshToken";

pub const SCENARIOS: &[Scenario] = &[
    scenario("refresh", "ok", &[], |w| {
        let (phone, _) = ada(w);
        Box::new(move || outcome(&w.refresh(&phone)))
    }),
    scenario(
        "refresh from elsewhere",
        "ok",
        &["session.refreshed success of=ada in=phone"],
        |w| {
            let (phone, _) = ada(w);
            let token = SecretString::from(phone.refresh_token.expose());
            let elsewhere = RequestContext {
                ip: "2001:db8::7".parse().ok(),
                ..w.now()
            };
            Box::new(move || outcome(&w.use_cases().refresh().execute(&token, &elsewhere)))
        },
    ),
    scenario("refresh tried again", "ok", &[], |w| {
        let (phone, _) = ada(w);
        w.refresh(&phone).expect("tokens");
        w.wait(SECOND);
        Box::new(move || outcome(&w.refresh(&phone)))
    }),
    scenario(
        "refresh with a used token",
        INVALID,
        &["session.replayed failure of=ada in=phone current_generation=1 presented_generation=0"],
        |w| {
            let (phone, _) = ada(w);
            w.refresh(&phone).expect("tokens");
            w.wait(w.policies.session.refresh_grace);
            Box::new(move || outcome(&w.refresh(&phone)))
        },
    ),
    scenario(
        "refresh of an ended session",
        INVALID,
        &["session.refreshed failure of=ada in=phone reason=session-ended"],
        |w| {
            let (phone, _) = ada(w);
            w.logout(&phone).expect("logged out");
            Box::new(move || outcome(&w.refresh(&phone)))
        },
    ),
    scenario(
        "refresh of a session that is over",
        INVALID,
        &["session.refreshed failure of=ada in=phone reason=session-expired"],
        |w| {
            let (phone, _) = ada(w);
            w.wait(w.policies.session.refresh_idle);
            Box::new(move || outcome(&w.refresh(&phone)))
        },
    ),
    scenario("refresh with garbage", INVALID, &[], |w| {
        Box::new(|| outcome(&w.refresh_token("garbage")))
    }),
    scenario(
        "logout",
        "ok",
        &["session.ended success of=ada in=phone reason=logged-out"],
        |w| {
            let (phone, _) = ada(w);
            Box::new(move || outcome(&w.logout(&phone)))
        },
    ),
    scenario(
        "logout with a used token",
        "ok",
        &["session.ended success of=ada in=phone reason=logged-out"],
        |w| {
            let (phone, _) = ada(w);
            w.refresh(&phone).expect("tokens");
            w.wait(w.policies.session.refresh_grace);
            Box::new(move || outcome(&w.logout(&phone)))
        },
    ),
    scenario("logout once more", "ok", &[], |w| {
        let (phone, _) = ada(w);
        w.logout(&phone).expect("logged out");
        Box::new(move || outcome(&w.logout(&phone)))
    }),
    scenario(
        "logout everywhere",
        "ok",
        &["session.ended success of=ada in=phone reason=logged-out-everywhere sessions=2"],
        |w| {
            let (phone, _) = ada(w);
            Box::new(move || outcome(&w.logout_everywhere(&phone)))
        },
    ),
    scenario(
        "ending a session by its id",
        "ok",
        &["session.ended success of=ada in=laptop reason=ended-by-user"],
        |w| {
            let (phone, laptop) = ada(w);
            Box::new(move || outcome(&w.end_session(&phone, laptop.session_id)))
        },
    ),
    scenario("ending the session of another user", "NotFound", &[], |w| {
        let (phone, _) = ada(w);
        let desk = root(w);
        Box::new(move || outcome(&w.end_session(&desk, phone.session_id)))
    }),
    scenario(
        "ending the sessions of a user",
        "ok",
        &["session.ended success of=ada by=root reason=ended-by-admin sessions=2"],
        |w| {
            let (phone, _) = ada(w);
            let desk = root(w);
            Box::new(move || outcome(&w.end_sessions_of(&desk, phone.user.id)))
        },
    ),
    scenario("listing sessions", "ok", &[], |w| {
        let (phone, _) = ada(w);
        let list = ListSessions {
            store: &w.store,
            policy: &w.policies.session,
        };
        Box::new(move || outcome(&list.own(&w.granted_user(&phone), w.clock.now())))
    }),
    scenario("listing the sessions of a user", "ok", &[], |w| {
        let (phone, _) = ada(w);
        let desk = root(w);
        let list = ListSessions {
            store: &w.store,
            policy: &w.policies.session,
        };
        Box::new(move || outcome(&list.of_user(&w.granted::<ReadUsers>(&desk), phone.user.id, w.clock.now())))
    }),
];
