//! Large bodies in slices.
//!
//! The HTTP library copies a piece of a body to its own buffer before it writes it to the connection. A body of one piece is
//! thus copied whole, for every client that does not read.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

/// The size of a slice, in bytes. Smaller bodies stay whole.
const SLICE: usize = 16 * 1024;

/// Has the body sent in slices, if it is large and in memory.
pub(super) fn in_slices(response: HttpResponse<BoxBody>) -> HttpResponse<BoxBody> {
    response.map_body(|_, body| match body.size() {
        BodySize::Sized(size) if size > SLICE as u64 => match body.try_into_bytes() {
            Ok(bytes) => BoxBody::new(Slices(bytes)),
            Err(body) => body,
        },
        _ => body,
    })
}

/// What is left of a body.
struct Slices(Bytes);

impl MessageBody for Slices {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let left = &mut self.get_mut().0;
        let slice = left.split_to(left.len().min(SLICE));
        Poll::Ready((!slice.is_empty()).then_some(Ok(slice)))
    }
}
