//! `throttle.*`

use core::num::NonZeroU32;

use doorward_http::{Rate, ThrottleSettings};
use schemars::JsonSchema;
use serde::Deserialize;

/// `throttle.*`
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawThrottle {
    /// Whether requests are limited at all.
    pub enabled: bool,
    /// Login, registration, setup, password change and account deletion together.
    pub sensitive: RawSensitiveRate,
    /// Token refresh.
    pub refresh: RawRefreshRate,
    /// All other routes.
    pub general: RawGeneralRate,
}

impl Default for RawThrottle {
    fn default() -> Self {
        Self {
            enabled: true,
            sensitive: RawSensitiveRate::default(),
            refresh: RawRefreshRate::default(),
            general: RawGeneralRate::default(),
        }
    }
}

/// A rate with defaults of its own, so that each of its two keys can be set alone.
macro_rules! rate {
    ($name:ident, $burst:literal, $per_minute:literal) => {
        /// `throttle.<class>.*`
        #[derive(Deserialize, JsonSchema)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// How many requests may come at once.
            #[schemars(range(min = 1, max = 1_000_000))]
            pub burst: u32,
            /// How many requests are allowed per minute after that.
            #[schemars(range(min = 1, max = 1_000_000))]
            pub per_minute: u32,
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    burst: $burst,
                    per_minute: $per_minute,
                }
            }
        }

        impl $name {
            fn check(&self) -> Rate {
                Rate {
                    burst: at_least_one(self.burst),
                    per_minute: at_least_one(self.per_minute),
                }
            }
        }
    };
}

rate!(RawSensitiveRate, 10, 10);
rate!(RawRefreshRate, 60, 60);
rate!(RawGeneralRate, 200, 1200);

/// The bounds of the keys exclude zero.
fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

impl RawThrottle {
    pub fn check(&self) -> ThrottleSettings {
        ThrottleSettings {
            enabled: self.enabled,
            sensitive: self.sensitive.check(),
            refresh: self.refresh.check(),
            general: self.general.check(),
        }
    }
}
