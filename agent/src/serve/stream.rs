//! Answers that come in parts: their body, and the count of them by which a connection may last.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

/// Answers of one connection that may take their time: while there are any, the connection may last.
#[derive(Debug, Clone, Default)]
pub(super) struct Streams(Arc<AtomicUsize>);

impl Streams {
    /// Whether there are any.
    pub(super) fn are_going_on(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// One more, until what is returned is dropped.
    pub(super) fn begin(&self) -> Streaming {
        self.0.fetch_add(1, Ordering::Relaxed);
        Streaming(self.clone())
    }
}

/// One of them.
#[derive(Debug)]
pub(super) struct Streaming(Streams);

impl Drop for Streaming {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Parts as they come.
pub(super) struct Parts(pub(super) mpsc::Receiver<Bytes>);

impl Body for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0
            .poll_recv(context)
            .map(|part| part.map(|part| Ok(Frame::data(part))))
    }
}
