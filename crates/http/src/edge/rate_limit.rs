//! The throttle: a rate limiter per client address.
//!
//! It protects the server's resources; the attempt policy protects accounts. There are three classes of routes, each with
//! its own rate per client: a burst, and a number of requests per minute after that. Limits are per instance, kept by
//! `actix-governor`, with keys that a client cannot multiply: an IPv4 address, an IPv6 /64.
//!
//! Memory is bounded. Beyond [`MAX_KEYS`] clients, further ones are counted by larger networks, and beyond as many networks,
//! all together. Under a flood a client may thus be allowed less than its rate, never more.

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

/// Interval of the eviction of keys whose full burst is available again.
const EVICTION_INTERVAL: Duration = Duration::from_secs(30);

/// The shortest time between two evictions, when there are many keys.
const COOLDOWN: Duration = Duration::from_millis(250);

/// How many clients of a class have a key of their own. In addition, as many larger networks have one.
const MAX_KEYS: usize = 100_000;

/// A rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many requests are allowed at once.
    pub burst: NonZeroU32,
    /// How many requests are allowed per minute after that.
    pub per_minute: NonZeroU32,
}

/// The rate limits of the three classes of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleSettings {
    /// Whether requests are throttled.
    pub enabled: bool,
    /// Routes that hash a password: login, registration, setup, password change, account deletion.
    pub sensitive: Rate,
    /// The refresh route.
    pub refresh: Rate,
    /// Every other route.
    pub general: Rate,
}

/// A class of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Routes that hash a password: login, registration, setup, password change, account deletion.
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

/// Marks the response to a request that the throttle rejected.
pub(crate) struct RateLimited(pub(crate) Class);

type GovernorLimit = GovernorConfig<AddressKey, NoOpMiddleware<QuantaInstant>>;

/// The limiter of one class.
#[derive(Clone)]
struct Limit {
    governor: GovernorLimit,
    bound: Arc<KeyLimit>,
    keys: IntGauge,
}

/// An upper bound of the number of keys: every request counts as a new key until the next eviction.
struct KeyLimit {
    keys: AtomicUsize,
    /// Triggers an eviction.
    evict_now: Arc<Notify>,
}

impl KeyLimit {
    /// Returns the key for a client: its own, that of its larger network, or the common one.
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

/// The network that counts as one client when there are too many clients: an IPv4 /16, an IPv6 /40.
fn larger_network(client: IpNet) -> IpNet {
    let length = if client.addr().is_ipv4() { 16 } else { 40 };
    IpNet::new(client.addr(), length).map_or(client, |network| network.trunc())
}

impl Limit {
    /// Evicts the keys whose full burst is available again, and frees their memory.
    fn evict_idle(&self, class: Class) {
        let limiter = self.governor.limiter();
        let before = self.bound.keys.load(Ordering::Relaxed);
        limiter.retain_recent();
        limiter.shrink_to_fit();
        let left = limiter.len();
        // Requests since `before` was read stay counted.
        self.bound
            .keys
            .fetch_sub(before.saturating_sub(left), Ordering::Relaxed);
        self.keys.set(i64::try_from(left).unwrap_or(i64::MAX));
        if left >= MAX_KEYS {
            tracing::warn!(
                class = class.name(),
                clients = left,
                "too many clients to track separately; throttling them by larger networks"
            );
        }
    }
}

/// The limiters of the three classes. Clones share them, so all workers use the same counts.
#[derive(Clone)]
pub(crate) struct Throttle {
    enabled: bool,
    sensitive: Limit,
    refresh: Limit,
    general: Limit,
    /// Triggers an eviction.
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

    /// The middleware for routes of this class; it does nothing if the throttle is disabled.
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

    /// Evicts idle keys periodically, and earlier when there are many. Never returns.
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
    // `finish` requires a positive period and burst. The period would be zero for a rate above one request per nanosecond.
    let period = (Duration::from_secs(60) / rate.per_minute.get()).max(Duration::from_nanos(1));
    let mut builder = GovernorConfigBuilder::const_default().key_extractor(extractor);
    builder.period(period).burst_size(rate.burst.get());
    #[expect(
        clippy::expect_used,
        reason = "a period of at least a nanosecond and a burst of at least one are valid"
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

/// Extracts the key under which a request is counted.
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

    fn allows(limit: &Limit, address: IpAddr) -> bool {
        let key = limit.bound.admit(Some(client_key(address)));
        limit.governor.limiter().check_key(&key).is_ok()
    }

    fn v4(number: u32) -> IpAddr {
        Ipv4Addr::from(number).into()
    }

    #[test]
    fn a_million_clients_use_bounded_memory_and_are_evicted() {
        // One request per second: the burst of the first clients is available again after a while.
        let limit = limit_of(60);
        let mut most_keys = 0;
        for number in 0..1_000_000 {
            allows(&limit, v4(number * 977));
            if number % 10_000 == 0 {
                most_keys = most_keys.max(limit.governor.limiter().len());
            }
        }
        assert!((MAX_KEYS..=2 * MAX_KEYS + 1).contains(&most_keys), "{most_keys}");
        std::thread::sleep(Duration::from_millis(2200));
        limit.evict_idle(Class::General);
        assert_eq!(limit.governor.limiter().len(), 0);
        // Clients have keys of their own again.
        let key = Some(client_key(v4(1)));
        assert_eq!(limit.bound.admit(key), key);
    }

    #[test]
    fn with_too_many_clients_each_is_allowed_less_and_never_more() {
        let limit = limit_of(1);
        for number in 0..u32::try_from(MAX_KEYS).unwrap() {
            assert!(allows(&limit, v4(number)));
        }
        // No key can be evicted yet.
        limit.evict_idle(Class::General);
        // The addresses of a new network share one rate.
        assert!(allows(&limit, v4(0xC000_0201)));
        assert!(!allows(&limit, v4(0xC000_0202)));
        assert!(allows(&limit, v4(0xC001_0201)));
        let v6 = |third| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, third, 0, 0, 0, 0, 1));
        assert!(allows(&limit, v6(1)));
        assert!(!allows(&limit, v6(2)));
        assert!(allows(&limit, v6(0x100)));
        // After as many requests again without an eviction, all new clients share one rate.
        limit.bound.keys.store(2 * MAX_KEYS, Ordering::Relaxed);
        assert!(allows(&limit, v4(0xC002_0201)));
        assert!(!allows(&limit, v4(0xC003_0201)));
    }

    #[test]
    fn many_requests_of_few_clients_do_not_use_up_the_keys() {
        let limit = limit_of(60);
        for _ in 0..MAX_KEYS {
            allows(&limit, v4(1));
        }
        limit.evict_idle(Class::General);
        assert!(allows(&limit, v4(2)));
        assert!(allows(&limit, v4(3)));
        assert!(limit.bound.keys.load(Ordering::Relaxed) <= 3);
    }
}
