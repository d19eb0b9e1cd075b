//! The throttle: how much one address may ask, whatever it asks for.
//!
//! It protects the machine; what protects an account is the attempt policy. There are three classes of routes, each with
//! its own allowance an address: a burst, and so many a minute after that. Limits are kept an instance, by
//! `actix-governor`, on keys that a client cannot multiply: an IPv4 address, an IPv6 /64.
//!
//! What is remembered is bounded. When there are more clients than [`MAX_KEYS`], they are counted by larger networks, and
//! when those are too many as well, all together: many clients are allowed less than each would be alone, never more.

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
use doorward_runtime::ClientKey;
use ipnet::IpNet;
use prometheus::{IntCounter, IntGauge};
use tokio::sync::Notify;

use crate::error::{Rejection, RejectionKind};
use crate::metrics::Metrics;
use crate::request::Request;

/// How often the keys of addresses that have their full allowance again are evicted.
const EVICTION_INTERVAL: Duration = Duration::from_secs(30);

/// How soon after that it may be done again, when there are many keys.
const COOLDOWN: Duration = Duration::from_millis(250);

/// How many clients of a class have a key each. As many larger networks are remembered besides.
const MAX_KEYS: usize = 100_000;

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
pub enum Class {
    /// Routes that hash a password for anybody: login, register, setup, password, deletion.
    Sensitive,
    /// The refresh route.
    Refresh,
    /// Every other route.
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

/// Marks a response by which the throttle refused a request.
pub(crate) struct RateLimited(pub(crate) Class);

type GovernorLimit = GovernorConfig<AddressKey, NoOpMiddleware<QuantaInstant>>;

/// The limit of one class.
#[derive(Clone)]
struct Limit {
    governor: GovernorLimit,
    bound: Arc<KeyLimit>,
    keys: IntGauge,
}

/// How many keys a limit remembers, at most: every request counts as a new one until the next eviction.
struct KeyLimit {
    keys: AtomicUsize,
    /// Asks for an eviction at once.
    evict_now: Arc<Notify>,
}

impl KeyLimit {
    /// The key that a client is counted under.
    fn admit(&self, client: ClientKey) -> ClientKey {
        let keys = self.keys.fetch_add(1, Ordering::Relaxed);
        if keys >= MAX_KEYS / 2 {
            self.evict_now.notify_one();
        }
        if keys < MAX_KEYS {
            client
        } else if keys < 2 * MAX_KEYS {
            client.map(larger_network)
        } else {
            None
        }
    }
}

/// The network that counts as one client when there are too many: an IPv4 /16, an IPv6 /40.
fn larger_network(client: IpNet) -> IpNet {
    let length = if client.addr().is_ipv4() { 16 } else { 40 };
    IpNet::new(client.addr(), length).map_or(client, |network| network.trunc())
}

impl Limit {
    /// Evicts the addresses that have their full allowance again, and frees their memory.
    fn evict_idle(&self, class: Class) {
        let limiter = self.governor.limiter();
        let before = self.bound.keys.load(Ordering::Relaxed);
        limiter.retain_recent();
        limiter.shrink_to_fit();
        let left = limiter.len();
        // What has come since is counted on top.
        self.bound
            .keys
            .fetch_sub(before.saturating_sub(left), Ordering::Relaxed);
        self.keys.set(i64::try_from(left).unwrap_or(i64::MAX));
        if left >= MAX_KEYS {
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
    /// Asks for an eviction at once.
    evict_now: Arc<Notify>,
}

impl Throttle {
    pub(crate) fn new(settings: ThrottleSettings, metrics: &Metrics) -> Self {
        let evict_now = Arc::new(Notify::new());
        let limit = |class, rate| limit(class, rate, &evict_now, metrics);
        Self {
            enabled: settings.enabled,
            sensitive: limit(Class::Sensitive, settings.sensitive),
            refresh: limit(Class::Refresh, settings.refresh),
            general: limit(Class::General, settings.general),
            evict_now,
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

    /// Evicts idle keys at an interval, and when there are many.
    pub(crate) async fn evict_idle_keys(self) {
        let mut interval = tokio::time::interval(EVICTION_INTERVAL);
        loop {
            tokio::select! {
                _ = interval.tick() => {}
                () = self.evict_now.notified() => {}
            }
            for class in [Class::Sensitive, Class::Refresh, Class::General] {
                self.limit(class).evict_idle(class);
            }
            tokio::time::sleep(COOLDOWN).await;
        }
    }
}

fn limit(class: Class, rate: Rate, evict_now: &Arc<Notify>, metrics: &Metrics) -> Limit {
    let bound = Arc::new(KeyLimit {
        keys: AtomicUsize::new(0),
        evict_now: Arc::clone(evict_now),
    });
    let (keys, refused) = metrics.throttle(class.name());
    let extractor = AddressKey {
        class,
        rate,
        bound: Arc::clone(&bound),
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
        bound,
        keys,
    }
}

/// Names the address whose requests are counted together.
#[derive(Clone)]
pub(crate) struct AddressKey {
    class: Class,
    rate: Rate,
    bound: Arc<KeyLimit>,
    refused: IntCounter,
}

impl KeyExtractor for AddressKey {
    type Key = ClientKey;
    type KeyExtractionError = Rejection;

    fn extract(&self, request: &ServiceRequest) -> Result<Self::Key, Rejection> {
        let client = request
            .extensions()
            .get::<Request>()
            .and_then(|request| request.client());
        Ok(self.bound.admit(client))
    }

    fn exceed_rate_limit_response(
        &self,
        negative: &NotUntil<QuantaInstant>,
        _framework: HttpResponseBuilder,
    ) -> HttpResponse {
        self.refused.inc();
        let wait = negative.wait_time_from(DefaultClock::default().now());
        let window = Duration::from_secs(60) * self.rate.burst.get() / self.rate.per_minute.get();
        let mut rejection = Rejection::new(RejectionKind::RateLimited);
        rejection
            .headers
            .add_rate_limit(self.class.name(), self.rate.burst.get(), window, wait);
        let mut response = rejection.error_response();
        response.extensions_mut().insert(RateLimited(self.class));
        response
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use super::*;
    use doorward_runtime::client_key;

    fn limit_of(per_minute: u32) -> Limit {
        let rate = Rate {
            burst: NonZeroU32::MIN,
            per_minute: NonZeroU32::new(per_minute).unwrap(),
        };
        let metrics = Metrics::new(prometheus::Registry::new()).unwrap();
        limit(Class::General, rate, &Arc::new(Notify::new()), &metrics)
    }

    /// Whether a request of this client is let through.
    fn lets(limit: &Limit, address: IpAddr) -> bool {
        let key = limit.bound.admit(Some(client_key(address)));
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
        assert!(
            (MAX_KEYS..=2 * MAX_KEYS + 1).contains(&remembered),
            "{remembered}"
        );
        std::thread::sleep(Duration::from_millis(2200));
        limit.evict_idle(Class::General);
        assert_eq!(limit.governor.limiter().len(), 0);
        // And are told apart again.
        let key = Some(client_key(v4(1)));
        assert_eq!(limit.bound.admit(key), key);
    }

    #[test]
    fn many_clients_are_allowed_less_and_never_more() {
        let limit = limit_of(1);
        for number in 0..u32::try_from(MAX_KEYS).unwrap() {
            assert!(lets(&limit, v4(number)));
        }
        // Nobody has become forgettable.
        limit.evict_idle(Class::General);
        // A network that is new gets one allowance for all of its addresses.
        assert!(lets(&limit, v4(0xC000_0201)));
        assert!(!lets(&limit, v4(0xC000_0202)));
        assert!(lets(&limit, v4(0xC001_0201)));
        let v6 = |third| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, third, 0, 0, 0, 0, 1));
        assert!(lets(&limit, v6(1)));
        assert!(!lets(&limit, v6(2)));
        assert!(lets(&limit, v6(0x100)));
        // With as many requests again, and no eviction, there is one allowance for all.
        limit.bound.keys.store(2 * MAX_KEYS, Ordering::Relaxed);
        assert!(lets(&limit, v4(0xC002_0201)));
        assert!(!lets(&limit, v4(0xC003_0201)));
    }

    #[test]
    fn few_clients_with_many_requests_keep_keys_of_their_own() {
        let limit = limit_of(60);
        for _ in 0..MAX_KEYS {
            lets(&limit, v4(1));
        }
        limit.evict_idle(Class::General);
        assert!(lets(&limit, v4(2)));
        assert!(lets(&limit, v4(3)));
        assert!(limit.bound.keys.load(Ordering::Relaxed) <= 3);
    }
}
