//! What the world looks like: everything that is kept, and events as lines that can be read.

use doorward_domain::account::UserFilter;
use doorward_domain::account::{PasswordVersion, User};
use doorward_domain::attempt::AttemptRecord;
use doorward_domain::audit::Event;
use doorward_domain::session::Session;
use doorward_domain::setup::SetupState;
use doorward_domain::store::Transactions as _;

use super::{World, hold};

/// Everything that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    pub accounts: Vec<Account>,
    pub sessions: Vec<Session>,
    /// What is remembered of the guesses at the addresses asked for.
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

impl World {
    /// Everything that is kept, with the guesses at these addresses.
    pub fn picture(&self, addresses: &[&str]) -> Picture {
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
        Picture {
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

    /// The events that were written after the first `seen`, as lines: kind, outcome, whom it happened `of`, `by` whom, `in`
    /// which session, and the particulars. Whoever and whatever has no name is `new`.
    pub fn told_since(&self, seen: usize) -> Vec<String> {
        let events = self.store.memory.events();
        events[seen..].iter().map(|event| self.tell(event)).collect()
    }

    /// Every event, as lines.
    pub fn told(&self) -> Vec<String> {
        self.told_since(0)
    }

    fn tell(&self, event: &Event) -> String {
        let mut words = vec![event.kind.as_str().to_owned(), event.outcome.as_str().to_owned()];
        let mut say = |what: &str, id: Option<String>| {
            if let Some(id) = id {
                words.push(format!("{what}={}", self.name_of(&id)));
            }
        };
        say("of", event.user_id.map(|id| id.to_string()));
        say("by", event.actor_id.map(|id| id.to_string()));
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
