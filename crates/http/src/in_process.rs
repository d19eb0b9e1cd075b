//! The public routes without a listener, for tests of surfaces.

use std::num::NonZeroU32;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::{App, Error};
use doorward_runtime::Application;
use prometheus::Registry;

use crate::edge::{AllowedHosts, Rate, Throttle, ThrottleSettings};
use crate::listener::{Parts, worker};
use crate::metrics::Metrics;
use crate::request::ProxySettings;
use crate::surface::Surface;

/// The actix-web application of the public listener, without throttle, for `actix_web::test`.
pub fn in_process(
    application: Arc<Application>,
    surface: Arc<dyn Surface>,
) -> Result<
    App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = Error,
            InitError = (),
        >,
    >,
    prometheus::Error,
> {
    let metrics = Metrics::new(Registry::new())?;
    let rate = Rate {
        burst: NonZeroU32::MIN,
        per_minute: NonZeroU32::MIN,
    };
    let unlimited = ThrottleSettings {
        enabled: false,
        sensitive: rate,
        refresh: rate,
        general: rate,
    };
    let throttle = Throttle::new(unlimited, &metrics);
    let hosts = AllowedHosts::default();
    let parts = Parts::new(application, surface, metrics, ProxySettings::default(), hosts);
    Ok(worker(parts, Some(throttle)))
}
