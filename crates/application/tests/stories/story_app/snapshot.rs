//! Snapshots of the stored state, and audit events as readable lines.

use doorward_domain::account::UserFilter;
use doorward_domain::account::{PasswordVersion, User};
use doorward_domain::attempt::AttemptRecord;
use doorward_domain::audit::Event;
use doorward_domain::session::Session;
use doorward_domain::setup::SetupState;
use doorward_domain::store::Transactions as _;
use doorward_domain::subject::Subject;

use super::{StoryApp, hold};

/// The stored state.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub accounts: Vec<Account>,
    pub sessions: Vec<Session>,
    /// The attempt records of the requested addresses.
    pub attempts: Vec<Option<AttemptRecord>>,
    pub events: Vec<Event>,
    pub setup: SetupState,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    user: User,
    digest: String,
    password_version: PasswordVersion,
}

impl StoryApp {
    /// The stored state, with the attempt records of these addresses.
    pub fn snapshot_with_attempts(&self, addresses: &[&str]) -> Snapshot {
        let (accounts, setup) = self
            .store
            .snapshot(|repos| {
                let mut accounts = Vec::new();
                for user in repos.users().page(&UserFilter::default(), None, 1000)? {
                    if let Some(found) = repos.users().find_credentials(user.id)? {
                        accounts.push(Account {
                            user: found.user,
                            digest: found.digest.expose().to_owned(),
                            password_version: found.password_version,
                        });
                    }
                }
                Ok::<_, doorward_domain::store_error::StoreError>((accounts, repos.setup().state()?))
            })
            .expect("a store that answers");
        let memory = &self.store.memory;
        Snapshot {
            sessions: accounts
                .iter()
                .flat_map(|account| memory.sessions_of(account.user.id))
                .collect(),
            attempts: addresses.iter().map(|name| self.attempts_on(name)).collect(),
            events: memory.events(),
            accounts,
            setup,
        }
    }

    /// The events after the first `seen`, as lines: kind, outcome, user (`of`), actor (`by`), session (`in`) and
    /// details. Ids without a name are `new`.
    pub fn event_lines_since(&self, seen: usize) -> Vec<String> {
        let events = self.store.memory.events();
        events[seen..]
            .iter()
            .map(|event| self.event_line(event))
            .collect()
    }

    /// All events, as lines.
    pub fn event_lines(&self) -> Vec<String> {
        self.event_lines_since(0)
    }

    fn event_line(&self, event: &Event) -> String {
        let mut words = vec![event.kind.as_str().to_owned(), event.outcome.as_str().to_owned()];
        let mut say = |what: &str, id: Option<String>| {
            if let Some(id) = id {
                words.push(format!("{what}={}", self.name_of(&id)));
            }
        };
        say("of", event.subject.as_ref().map(Subject::to_string));
        say("by", event.actor.as_ref().map(Subject::to_string));
        say("in", event.session_id.map(|id| id.to_string()));
        for (name, value) in &event.detail {
            words.push(format!("{name}={value}"));
        }
        words.join(" ")
    }

    fn name_of(&self, id: &str) -> String {
        let names = hold(&self.names);
        let name = names.iter().find(|(known, _)| known == id);
        name.map_or_else(|| "new".to_owned(), |(_, name)| name.clone())
    }
}
