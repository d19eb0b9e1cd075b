//! Size and time limits of every request.

use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Version, header};
use actix_web::middleware::Next;
use actix_web::{Error, web};

use crate::error::{Rejection, RejectionKind};

use super::allowed_hosts::AllowedHosts;

/// The size limit of all headers together (names and values), in bytes.
const MAX_HEADERS: usize = 32 * 1024;

/// The size limit of a body, in bytes. It also applies to routes that read none.
pub(crate) const MAX_BODY: usize = 16 * 1024;

/// The time limit of a request, from its head to its response.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Rejects requests without exactly one `Host` (RFC 9112, section 3.2) or with one that is not allowed, and requests that
/// exceed a limit.
pub(crate) async fn limits(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    check(&request)?;
    tokio::time::timeout(REQUEST_TIMEOUT, next.call(request))
        .await
        .map_err(|_elapsed| Rejection::new(RejectionKind::RequestTimeout))?
}

fn check(request: &ServiceRequest) -> Result<(), Rejection> {
    let headers = request.headers();
    let hosts = headers.get_all(header::HOST).count();
    if hosts > 1 || (hosts == 0 && request.version() >= Version::HTTP_11) {
        return Err(Rejection::malformed("there must be exactly one Host header"));
    }
    if let Some(allowed) = request.app_data::<web::Data<AllowedHosts>>()
        && let Some(host) = headers.get(header::HOST)
        && !host.to_str().is_ok_and(|host| allowed.allow(host))
    {
        return Err(Rejection::malformed(
            "this listener is not used under the name in the Host header: server.management_hosts lists further ones",
        ));
    }
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if size > MAX_HEADERS {
        return Err(Rejection::new(RejectionKind::HeadersTooLarge));
    }
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > MAX_BODY) {
        return Err(Rejection::new(RejectionKind::PayloadTooLarge));
    }
    Ok(())
}
