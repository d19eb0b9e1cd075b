//! The throttle: how much one address may ask, whatever it asks for.
//!
//! It protects the machine; what protects an account is the attempt policy. There are three classes of routes, each with
//! its own allowance an address: a burst, and so many a minute after that. Limits are kept an instance, by
//! `actix-governor`, on keys that a client cannot multiply: an IPv4 address, an IPv6 /64.
//!
//! What is remembered is bounded. When more clients come than can be told apart, they are counted by larger networks, and
//! when those are too many as well, all together: a crowd is held to less than its members would be, never to more.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_governor::governor::NotUntil;
use actix_governor::governor::clock::{Clock as _, DefaultClock, QuantaInstant};
use actix_governor::governor::middleware::NoOpMiddleware;
use actix_governor::{Governor, GovernorConfig, GovernorConfigBuilder, KeyExtractor};
use actix_web::dev::ServiceRequest;
use actix_web::middleware::Condition;
use actix_web::{HttpMessage, HttpResponse, HttpResponseBuilder, ResponseError};
use ipnet::IpNet;
use prometheus::{IntCounter, IntGauge};
use tokio::sync::Notify;

use crate::client_address::ClientKey;
use crate::extract::Origin;
use crate::metrics::Metrics;
use crate::problem::{Code, Problem};

/// How often the keys of addresses that have their full allowance again are forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

/// How soon after that it may be done again, when there is a crowd.
const RESPITE: Duration = Duration::from_millis(250);

/// How many clients of a class are told apart. As many networks of a crowd are remembered besides.
const CROWD: usize = 100_000;

/// An allowance: a burst, then so many a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many requests may come at once.
    pub burst: NonZeroU32,
    /// How many are allowed again in a minute.
    pub per_minute: NonZeroU32,
}

/// The allowances of the three classes of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleSettings {
    /// Whether there is a throttle at all.
    pub enabled: bool,
    /// Routes that hash a password for anybody: login, register, setup, password, deletion.
    pub sensitive: Rate,
    /// The refresh route.
    pub refresh: Rate,
    /// Every other route.
    pub general: Rate,
}

/// A class of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    Sensitive,
    Refresh,
    General,
}

impl Class {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sensitive => "sensitive",
            Self::Refresh => "refresh",
            Self::General => "general",
        }
    }
}

/// Marks an answer by which the throttle turned a request away.
pub(crate) struct Refused(pub(crate) Class);

type GovernorLimit = GovernorConfig<AddressKey, NoOpMiddleware<QuantaInstant>>;

/// The limit of one class.
#[derive(Clone)]
struct Limit {
    governor: GovernorLimit,
    crowd: Arc<Crowd>,
    keys: IntGauge,
}

/// How many keys a limit remembers, at most: every request counts as a new one until the next housekeeping.
struct Crowd {
    keys: AtomicUsize,
    /// Calls for housekeeping.
    call: Arc<Notify>,
}

impl Crowd {
    /// The key that a client is counted under.
    fn admit(&self, client: ClientKey) -> ClientKey {
        let keys = self.keys.fetch_add(1, Ordering::Relaxed);
        if keys >= CROWD / 2 {
            self.call.notify_one();
        }
        if keys < CROWD {
            client
        } else if keys < 2 * CROWD {
            client.map(larger_network)
        } else {
            None
        }
    }
}

/// The network that counts as one client in a crowd: an IPv4 /16, an IPv6 /40.
fn larger_network(client: IpNet) -> IpNet {
    let length = if client.addr().is_ipv4() { 16 } else { 40 };
    IpNet::new(client.addr(), length).map_or(client, |network| network.trunc())
}

impl Limit {
    /// Forgets the addresses that have their full allowance again, and gives their memory back.
    fn tidy(&self, class: Class) {
        let limiter = self.governor.limiter();
        let before = self.crowd.keys.load(Ordering::Relaxed);
        limiter.retain_recent();
        limiter.shrink_to_fit();
        let left = limiter.len();
        // What has come since is counted on top.
        self.crowd
            .keys
            .fetch_sub(before.saturating_sub(left), Ordering::Relaxed);
        self.keys.set(i64::try_from(left).unwrap_or(i64::MAX));
        if left >= CROWD {
            tracing::warn!(
                class = class.name(),
                clients = left,
                "more clients than can be told apart: they are throttled by larger networks"
            );
        }
    }
}

/// The limits of the three classes. Cloning shares them: every worker counts in the same place.
#[derive(Clone)]
pub(crate) struct Throttle {
    enabled: bool,
    sensitive: Limit,
    refresh: Limit,
    general: Limit,
    /// Calls for housekeeping.
    call: Arc<Notify>,
}

impl Throttle {
    pub(crate) fn new(settings: ThrottleSettings, metrics: &Metrics) -> Self {
        let call = Arc::new(Notify::new());
        let limit = |class, rate| limit(class, rate, &call, metrics);
        Self {
            enabled: settings.enabled,
            sensitive: limit(Class::Sensitive, settings.sensitive),
            refresh: limit(Class::Refresh, settings.refresh),
            general: limit(Class::General, settings.general),
            call,
        }
    }

    /// The middleware for routes of this class; it lets everything pass if there is no throttle.
    pub(crate) fn middleware(
        &self,
        class: Class,
    ) -> Condition<Governor<AddressKey, NoOpMiddleware<QuantaInstant>>> {
        Condition::new(self.enabled, Governor::new(&self.limit(class).governor))
    }

    const fn limit(&self, class: Class) -> &Limit {
        match class {
            Class::Sensitive => &self.sensitive,
            Class::Refresh => &self.refresh,
            Class::General => &self.general,
        }
    }

    /// Forgets, every now and then and when there is a crowd, whoever need not be remembered.
    pub(crate) async fn keep_house(self) {
        let mut interval = tokio::time::interval(HOUSEKEEPING);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                () = self.call.notified() => {}
            }
            for class in [Class::Sensitive, Class::Refresh, Class::General] {
                self.limit(class).tidy(class);
            }
            tokio::time::sleep(RESPITE).await;
        }
    }
}

fn limit(class: Class, rate: Rate, call: &Arc<Notify>, metrics: &Metrics) -> Limit {
    let crowd = Arc::new(Crowd {
        keys: AtomicUsize::new(0),
        call: Arc::clone(call),
    });
    let (keys, refused) = metrics.throttle(class.name());
    let extractor = AddressKey {
        class,
        rate,
        crowd: Arc::clone(&crowd),
        refused,
    };
    // `finish` refuses a period or burst of zero; neither can be, but for a rate so high that its period is less than a
    // nanosecond.
    let period = (Duration::from_secs(60) / rate.per_minute.get()).max(Duration::from_nanos(1));
    let mut builder = GovernorConfigBuilder::const_default().key_extractor(extractor);
    builder.period(period).burst_size(rate.burst.get());
    #[expect(
        clippy::expect_used,
        reason = "a period of at least a nanosecond and a burst of at least one are never refused"
    )]
    let governor = builder
        .finish()
        .expect("a limit with a positive period and burst");
    Limit {
        governor,
        crowd,
        keys,
    }
}

/// Names the address whose requests are counted together.
#[derive(Clone)]
pub(crate) struct AddressKey {
    class: Class,
    rate: Rate,
    crowd: Arc<Crowd>,
    refused: IntCounter,
}

impl KeyExtractor for AddressKey {
    type Key = ClientKey;
    type KeyExtractionError = Problem;

    fn extract(&self, request: &ServiceRequest) -> Result<Self::Key, Problem> {
        let client = request.extensions().get::<Origin>().and_then(Origin::client);
        Ok(self.crowd.admit(client))
    }

    fn exceed_rate_limit_response(
        &self,
        negative: &NotUntil<QuantaInstant>,
        _framework: HttpResponseBuilder,
    ) -> HttpResponse {
        self.refused.inc();
        let wait = negative.wait_time_from(DefaultClock::default().now());
        let window = Duration::from_secs(60) * self.rate.burst.get() / self.rate.per_minute.get();
        let mut response = Problem::new(Code::RateLimited)
            .rate_limit(self.class.name(), self.rate.burst.get(), window, wait)
            .error_response();
        response.extensions_mut().insert(Refused(self.class));
        response
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::*;
    use crate::client_address::client_key;

    fn limit_of(per_minute: u32) -> Limit {
        let rate = Rate {
            burst: NonZeroU32::MIN,
            per_minute: NonZeroU32::new(per_minute).unwrap(),
        };
        let metrics = Metrics::new().unwrap();
        limit(Class::General, rate, &Arc::new(Notify::new()), &metrics)
    }

    /// Whether a request of this client is let through.
    fn lets(limit: &Limit, address: IpAddr) -> bool {
        let key = limit.crowd.admit(Some(client_key(address)));
        limit.governor.limiter().check_key(&key).is_ok()
    }

    fn v4(number: u32) -> IpAddr {
        Ipv4Addr::from(number).into()
    }

    #[test]
    fn a_million_clients_are_a_bounded_number_and_soon_forgotten() {
        // One request a second: the first clients have their allowance again after a while.
        let limit = limit_of(60);
        let mut remembered = 0;
        for number in 0..1_000_000 {
            lets(&limit, v4(number * 977));
            if number % 10_000 == 0 {
                remembered = remembered.max(limit.governor.limiter().len());
            }
        }
        assert!((CROWD..=2 * CROWD + 1).contains(&remembered), "{remembered}");
        std::thread::sleep(Duration::from_millis(2200));
        limit.tidy(Class::General);
        assert_eq!(limit.governor.limiter().len(), 0);
        // And are told apart again.
        let key = Some(client_key(v4(1)));
        assert_eq!(limit.crowd.admit(key), key);
    }

    #[test]
    fn a_crowd_is_held_to_less_and_never_to_more() {
        let limit = limit_of(1);
        for number in 0..u32::try_from(CROWD).unwrap() {
            assert!(lets(&limit, v4(number)));
        }
        // Nobody has become forgettable.
        limit.tidy(Class::General);
        // A network that is new gets one allowance for all of its addresses.
        assert!(lets(&limit, v4(0xC000_0201)));
        assert!(!lets(&limit, v4(0xC000_0202)));
        assert!(lets(&limit, v4(0xC001_0201)));
        let v6 = |third| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, third, 0, 0, 0, 0, 1));
        assert!(lets(&limit, v6(1)));
        assert!(!lets(&limit, v6(2)));
        assert!(lets(&limit, v6(0x100)));
        // With as many requests again, and no housekeeping, there is one allowance for all.
        limit.crowd.keys.store(2 * CROWD, Ordering::Relaxed);
        assert!(lets(&limit, v4(0xC002_0201)));
        assert!(!lets(&limit, v4(0xC003_0201)));
    }

    #[test]
    fn few_clients_with_many_requests_are_no_crowd() {
        let limit = limit_of(60);
        for _ in 0..CROWD {
            lets(&limit, v4(1));
        }
        limit.tidy(Class::General);
        assert!(lets(&limit, v4(2)));
        assert!(lets(&limit, v4(3)));
        assert!(limit.crowd.keys.load(Ordering::Relaxed) <= 3);
    }
}
