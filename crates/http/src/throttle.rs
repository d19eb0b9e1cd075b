//! The throttle: how much one address may ask, whatever it asks for.
//!
//! It protects the machine; what protects an account is the attempt policy. There are three classes of routes, each with
//! its own allowance an address: a burst, and so many a minute after that. Limits are kept an instance, by
//! `actix-governor`, on keys that a client cannot multiply: an IPv4 address, an IPv6 /64.

use std::num::NonZeroU32;
use std::time::Duration;

use actix_governor::governor::NotUntil;
use actix_governor::governor::clock::{Clock as _, DefaultClock, QuantaInstant};
use actix_governor::governor::middleware::NoOpMiddleware;
use actix_governor::{Governor, GovernorConfig, GovernorConfigBuilder, KeyExtractor};
use actix_web::dev::ServiceRequest;
use actix_web::middleware::Condition;
use actix_web::{HttpMessage, HttpResponse, HttpResponseBuilder, ResponseError};

use crate::client_address::ClientKey;
use crate::extract::Origin;
use crate::problem::{Code, Problem};

/// How often the keys of addresses that have their full allowance again are forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Sensitive,
    Refresh,
    General,
}

impl Class {
    const fn name(self) -> &'static str {
        match self {
            Self::Sensitive => "sensitive",
            Self::Refresh => "refresh",
            Self::General => "general",
        }
    }
}

type Limit = GovernorConfig<AddressKey, NoOpMiddleware<QuantaInstant>>;

/// The limits of the three classes. Cloning shares them: every worker counts in the same place.
#[derive(Clone)]
pub(crate) struct Throttle {
    enabled: bool,
    sensitive: Limit,
    refresh: Limit,
    general: Limit,
}

impl Throttle {
    pub(crate) fn new(settings: ThrottleSettings) -> Self {
        Self {
            enabled: settings.enabled,
            sensitive: limit(Class::Sensitive, settings.sensitive),
            refresh: limit(Class::Refresh, settings.refresh),
            general: limit(Class::General, settings.general),
        }
    }

    /// The middleware for routes of this class; it lets everything pass if there is no throttle.
    pub(crate) fn middleware(
        &self,
        class: Class,
    ) -> Condition<Governor<AddressKey, NoOpMiddleware<QuantaInstant>>> {
        Condition::new(self.enabled, Governor::new(self.limit(class)))
    }

    const fn limit(&self, class: Class) -> &Limit {
        match class {
            Class::Sensitive => &self.sensitive,
            Class::Refresh => &self.refresh,
            Class::General => &self.general,
        }
    }

    /// Forgets, every now and then, the addresses that have their full allowance again, and gives their memory back.
    pub(crate) async fn keep_house(self) {
        let mut interval = tokio::time::interval(HOUSEKEEPING);
        loop {
            interval.tick().await;
            for limit in [&self.sensitive, &self.refresh, &self.general] {
                let limiter = limit.limiter();
                limiter.retain_recent();
                limiter.shrink_to_fit();
            }
        }
    }
}

fn limit(class: Class, rate: Rate) -> Limit {
    let period = Duration::from_secs(60) / rate.per_minute.get();
    let mut builder = GovernorConfigBuilder::const_default().key_extractor(AddressKey { class, rate });
    builder.period(period).burst_size(rate.burst.get());
    // `finish` refuses a period or burst of zero; neither can be, with at least one and at most u32::MAX a minute.
    builder.finish().unwrap_or_else(|| unreachable_limit(class, rate))
}

/// The most permissive limit there is, for a rate so high that its period is less than a nanosecond.
fn unreachable_limit(class: Class, rate: Rate) -> Limit {
    let mut builder = GovernorConfigBuilder::const_default().key_extractor(AddressKey { class, rate });
    builder
        .period(Duration::from_nanos(1))
        .burst_size(rate.burst.get());
    #[expect(
        clippy::expect_used,
        reason = "a period of one nanosecond and a burst of at least one are never refused"
    )]
    builder
        .finish()
        .expect("a limit with a positive period and burst")
}

/// Names the address whose requests are counted together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AddressKey {
    class: Class,
    rate: Rate,
}

impl KeyExtractor for AddressKey {
    type Key = ClientKey;
    type KeyExtractionError = Problem;

    fn extract(&self, request: &ServiceRequest) -> Result<Self::Key, Problem> {
        Ok(request.extensions().get::<Origin>().and_then(Origin::client))
    }

    fn exceed_rate_limit_response(
        &self,
        negative: &NotUntil<QuantaInstant>,
        _framework: HttpResponseBuilder,
    ) -> HttpResponse {
        let wait = negative.wait_time_from(DefaultClock::default().now());
        let window = Duration::from_secs(60) * self.rate.burst.get() / self.rate.per_minute.get();
        Problem::new(Code::RateLimited)
            .rate_limit(self.class.name(), self.rate.burst.get(), window, wait)
            .error_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_address::client_key;

    #[test]
    fn keys_are_forgotten_when_they_are_full_again() {
        let rate = Rate {
            burst: NonZeroU32::MIN,
            per_minute: NonZeroU32::new(60_000_000).unwrap(),
        };
        let limit = limit(Class::General, rate);
        for number in 0..1000_u32 {
            let address = std::net::IpAddr::from(number.to_be_bytes());
            assert!(limit.limiter().check_key(&Some(client_key(address))).is_ok());
        }
        assert_eq!(limit.limiter().len(), 1000);
        std::thread::sleep(Duration::from_millis(5));
        limit.limiter().retain_recent();
        assert_eq!(limit.limiter().len(), 0);
    }
}
