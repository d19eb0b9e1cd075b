//! A client's connection as the HTTP library reads and writes it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::rt::net::TcpStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::head_filter::HeadFilter;
use super::{ConnectionGuard, MAX_AHEAD};

/// A connection whose bytes are filtered and whose activity is recorded.
pub(crate) struct ClientStream {
    socket: TcpStream,
    filter: HeadFilter,
    guard: Arc<ConnectionGuard>,
}

impl ClientStream {
    pub(super) fn new(socket: TcpStream, guard: ConnectionGuard) -> Self {
        Self {
            socket,
            filter: HeadFilter::default(),
            guard: Arc::new(guard),
        }
    }

    /// The guard, for the data of the connection's requests.
    pub(crate) fn guard(&self) -> Arc<ConnectionGuard> {
        Arc::clone(&self.guard)
    }

    /// Records what was written.
    fn written(&self, poll: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(length)) = poll {
            self.guard.wrote(length);
        }
        poll
    }
}

impl AsyncRead for ClientStream {
    /// Does not read while [`MAX_AHEAD`] requests are waiting: the kernel's buffer is smaller than the library's.
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let waits = || this.filter.heads() >= this.guard.requests_begun() + MAX_AHEAD;
        if waits() {
            this.guard.wake_at_next_request(context.waker());
            // It may have begun before the waker was stored.
            if waits() {
                return Poll::Pending;
            }
        }
        let before = buffer.filled().len();
        let poll = Pin::new(&mut this.socket).poll_read(context, buffer);
        this.filter
            .apply(buffer.filled_mut().get_mut(before..).unwrap_or_default());
        poll
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.socket).poll_write(context, bytes);
        this.written(poll)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}
