//! The throttle: rate limiters per client address.
//!
//! It protects the server's resources; the attempt policy protects accounts. There are three classes of routes, each with
//! its own rate per client: a burst, and a number of requests per minute after that. Limits are per instance, kept by
//! `actix-governor`. A request is counted on each of the [levels](level::LEVELS) of its address family, so that a client
//! cannot multiply its rate by using more of its addresses.
//!
//! Memory is bounded. Beyond [`MAX_KEYS`] networks of a level, further ones are counted by larger networks, and beyond as
//! many of those, all together. Under a flood a client may thus be allowed less than its rate, never more, and a flood of one
//! address family changes nothing for the other.

mod level;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_governor::governor::NotUntil;
use actix_governor::governor::clock::{Clock as _, DefaultClock, QuantaInstant};
use actix_governor::governor::middleware::NoOpMiddleware;
use actix_governor::{Governor, GovernorConfig, GovernorConfigBuilder, KeyExtractor};
use actix_web::dev::ServiceRequest;
use actix_web::{HttpMessage, HttpResponse, HttpResponseBuilder, ResponseError};
use prometheus::{IntCounter, IntGauge};
use tokio::sync::Notify;

use crate::error::{Rejection, RejectionKind};
use crate::metrics::Metrics;
use crate::request::Request;
use level::{CountedAs, LEVELS, Level};

/// Interval of the eviction of keys whose full burst is available again.
const EVICTION_INTERVAL: Duration = Duration::from_secs(30);

/// The shortest time between two evictions, when there are many keys.
const COOLDOWN: Duration = Duration::from_millis(250);

/// How many networks of a level and class have a key of their own. In addition, as many larger networks have one.
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

/// The middleware of one level.
pub(crate) type LevelMiddleware = Governor<AddressKey, NoOpMiddleware<QuantaInstant>>;

/// The limiter of one class on one level.
#[derive(Clone)]
struct Limit {
    governor: GovernorLimit,
    level: Level,
    bound: Arc<KeyLimit>,
}

/// An upper bound of the number of keys: every request counts as a new key until the next eviction.
struct KeyLimit {
    keys: AtomicUsize,
    /// Triggers an eviction.
    evict_now: Arc<Notify>,
}

impl KeyLimit {
    /// Returns the key for a client on a level: its own, that of its larger network, or the common one.
    fn admit(&self, level: Level, client: Option<IpAddr>) -> CountedAs {
        let own = level.counted_as(client);
        if own == CountedAs::Exempt {
            return own;
        }
        let keys = self.keys.fetch_add(1, Ordering::Relaxed);
        if keys >= MAX_KEYS / 2 {
            self.evict_now.notify_one();
        }
        if keys < MAX_KEYS {
            own
        } else if keys < 2 * MAX_KEYS {
            level.larger(own)
        } else {
            CountedAs::Together
        }
    }
}

impl Limit {
    /// Evicts the keys whose full burst is available again, and frees their memory. Returns how many are left.
    fn evict_idle(&self, class: Class) -> usize {
        let limiter = self.governor.limiter();
        let before = self.bound.keys.load(Ordering::Relaxed);
        limiter.retain_recent();
        limiter.shrink_to_fit();
        let left = limiter.len();
        // Requests since `before` was read stay counted.
        self.bound
            .keys
            .fetch_sub(before.saturating_sub(left), Ordering::Relaxed);
        if left >= MAX_KEYS {
            tracing::warn!(
                class = class.name(),
                prefix_length = self.level.prefix,
                clients = left,
                "too many clients to track separately; throttling them by larger networks"
            );
        }
        left
    }
}

/// The limiters of one class, in the order of [`LEVELS`].
#[derive(Clone)]
struct Limits {
    levels: [Limit; LEVELS.len()],
    keys: IntGauge,
}

impl Limits {
    fn evict_idle(&self, class: Class) {
        let left: usize = self.levels.iter().map(|limit| limit.evict_idle(class)).sum();
        self.keys.set(i64::try_from(left).unwrap_or(i64::MAX));
    }
}

/// The limiters of the three classes. Clones share them, so all workers use the same counts.
#[derive(Clone)]
pub(crate) struct Throttle {
    enabled: bool,
    sensitive: Limits,
    refresh: Limits,
    general: Limits,
    /// Triggers an eviction.
    evict_now: Arc<Notify>,
}

impl Throttle {
    pub(crate) fn new(settings: ThrottleSettings, metrics: &Metrics) -> Self {
        let evict_now = Arc::new(Notify::new());
        let limits = |class, rate| limits(class, rate, &evict_now, metrics);
        Self {
            enabled: settings.enabled,
            sensitive: limits(Class::Sensitive, settings.sensitive),
            refresh: limits(Class::Refresh, settings.refresh),
            general: limits(Class::General, settings.general),
            evict_now,
        }
    }

    /// The middlewares for routes of this class, the first to be passed first; `None` if the throttle is disabled.
    ///
    /// The narrowest level comes first: what a client is refused there is not taken from its neighbours.
    pub(crate) fn middlewares(&self, class: Class) -> Option<[LevelMiddleware; LEVELS.len()]> {
        let levels = &self.limits(class).levels;
        self.enabled
            .then(|| levels.each_ref().map(|limit| Governor::new(&limit.governor)))
    }

    const fn limits(&self, class: Class) -> &Limits {
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
                self.limits(class).evict_idle(class);
            }
            tokio::time::sleep(COOLDOWN).await;
        }
    }
}

fn limits(class: Class, rate: Rate, evict_now: &Arc<Notify>, metrics: &Metrics) -> Limits {
    let (keys, refused) = metrics.throttle(class.name());
    let levels = LEVELS.map(|level| limit(level, class, rate, evict_now, &refused));
    Limits { levels, keys }
}

fn limit(level: Level, class: Class, rate: Rate, evict_now: &Arc<Notify>, refused: &IntCounter) -> Limit {
    let bound = Arc::new(KeyLimit {
        keys: AtomicUsize::new(0),
        evict_now: Arc::clone(evict_now),
    });
    let rate = level.rate(rate);
    let extractor = AddressKey {
        level,
        class,
        rate,
        bound: Arc::clone(&bound),
        refused: refused.clone(),
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
        level,
        bound,
    }
}

/// Extracts the key under which a request is counted on a level.
#[derive(Clone)]
pub(crate) struct AddressKey {
    level: Level,
    class: Class,
    rate: Rate,
    bound: Arc<KeyLimit>,
    refused: IntCounter,
}

impl KeyExtractor for AddressKey {
    type Key = CountedAs;
    type KeyExtractionError = Rejection;

    fn extract(&self, request: &ServiceRequest) -> Result<Self::Key, Rejection> {
        let client = request
            .extensions()
            .get::<Request>()
            .and_then(|request| request.ip());
        Ok(self.bound.admit(self.level, client))
    }

    fn whitelisted_keys(&self) -> Vec<CountedAs> {
        vec![CountedAs::Exempt]
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
#[path = "tests.rs"]
mod tests;
