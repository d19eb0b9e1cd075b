//! The bounded queue between the threads that log and the one that writes.
//!
//! Standard error may be a pipe whose reader has stalled. A thread that writes to it then waits for as long as the
//! reader likes, so one thread does that alone. While the queue is full, lines are dropped and counted: losing log lines is better than a
//! service that does not answer.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use prometheus::{IntCounter, IntGauge, Registry};
use tracing_subscriber::fmt::MakeWriter;

/// What the queue of the process holds, in bytes: the lines of some thousand requests.
pub const LIMIT: usize = 2 << 20;

/// What is written at once, in bytes, unless one line is longer.
const BATCH: usize = 64 << 10;

/// How long lines gather before the next write, unless somebody waits for them. To wake the thread costs more than to write a
/// line, so under load it must not be woken for each.
const GATHERING: Duration = Duration::from_millis(5);

/// The pause before the next write to a pipe that is full and does not block.
const FULL_PIPE_PAUSE: Duration = Duration::from_millis(10);

/// A queue of lines. Clones share it.
#[derive(Clone)]
pub struct LogQueue(Arc<Shared>);

struct Shared {
    limit: usize,
    state: Mutex<State>,
    /// Notified when there is something to write and the writer is idle, and when somebody waits for it to be written.
    filled: Condvar,
    /// Notified when everything has been written.
    drained: Condvar,
    metrics: Metrics,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    /// The length of all lines.
    bytes: usize,
    is_writing: bool,
    /// Whether the writer sleeps until it is notified.
    is_idle: bool,
    /// How many wait until everything has been written.
    flushing: u32,
    /// How many lines were dropped since that was last logged.
    unreported: u64,
    /// The thread that writes. It may exceed the limit, for the line that says how many were dropped.
    writer: Option<ThreadId>,
}

struct Metrics {
    waiting: IntGauge,
    dropped: IntCounter,
}

impl LogQueue {
    /// An empty queue that holds `limit` bytes.
    pub fn new(limit: usize) -> Result<Self, prometheus::Error> {
        let metrics = Metrics {
            waiting: IntGauge::new("doorward_log_waiting", "Log lines that are not written yet.")?,
            dropped: IntCounter::new(
                "doorward_log_dropped_total",
                "Log lines that were dropped because their reader did not keep up.",
            )?,
        };
        Ok(Self(Arc::new(Shared {
            limit,
            state: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            metrics,
        })))
    }

    /// Registers the metrics of the queue.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        registry.register(Box::new(self.0.metrics.waiting.clone()))?;
        registry.register(Box::new(self.0.metrics.dropped.clone()))
    }

    /// Adds a line, with its line feed, or drops it if the queue is full. Never waits for the reader.
    pub fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        let is_full = state.bytes + line.len() > self.0.limit;
        if is_full && state.writer != Some(thread::current().id()) {
            state.unreported += 1;
            self.0.metrics.dropped.inc();
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line.to_vec());
        self.0.metrics.waiting.inc();
        let is_idle = core::mem::take(&mut state.is_idle);
        drop(state);
        if is_idle {
            self.0.filled.notify_one();
        }
    }

    /// Waits until everything that was added has been written, but no longer than `limit`.
    pub fn flush(&self, limit: Duration) {
        let mut state = self.lock();
        state.flushing += 1;
        self.0.filled.notify_one();
        let is_pending = |state: &mut State| state.is_writing || !state.lines.is_empty();
        let (mut state, _) = self
            .0
            .drained
            .wait_timeout_while(state, limit, is_pending)
            .unwrap_or_else(PoisonError::into_inner);
        state.flushing -= 1;
    }

    /// Starts the thread that writes to `out`. It runs as long as the process.
    pub fn start(&self, out: impl Write + Send + 'static) -> io::Result<()> {
        let queue = self.clone();
        thread::Builder::new()
            .name("log".into())
            .spawn(move || queue.write_to(out))
            .map(drop)
    }

    fn write_to(&self, mut out: impl Write) {
        self.lock().writer = Some(thread::current().id());
        loop {
            let (batch, count) = self.take_batch();
            let written = write_all(&mut out, &batch);
            let dropped = self.finish_batch(count, written.is_ok());
            if dropped > 0 {
                tracing::warn!(
                    dropped,
                    "log lines were dropped, because their reader did not keep up"
                );
            }
            self.gather();
        }
    }

    /// Lets lines gather once all have been written.
    fn gather(&self) {
        let state = self.lock();
        if state.lines.is_empty() {
            drop(
                self.0
                    .filled
                    .wait_timeout_while(state, GATHERING, |state| state.flushing == 0),
            );
        }
    }

    /// Waits for lines, and takes some of them. Returns them and how many they are.
    fn take_batch(&self) -> (Vec<u8>, u64) {
        let mut state = self.lock();
        state.is_idle = state.lines.is_empty();
        let mut state = self
            .0
            .filled
            .wait_while(state, |state| state.lines.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        state.is_idle = false;
        let (mut batch, mut count) = (Vec::new(), 0);
        while let Some(line) = state
            .lines
            .pop_front_if(|line| batch.is_empty() || batch.len() + line.len() <= BATCH)
        {
            state.bytes -= line.len();
            batch.extend_from_slice(&line);
            count += 1;
        }
        state.is_writing = true;
        (batch, count)
    }

    /// Ends the writing of a batch. Returns how many lines were dropped, if that should be logged now.
    fn finish_batch(&self, count: u64, is_written: bool) -> u64 {
        let mut state = self.lock();
        self.0
            .metrics
            .waiting
            .sub(i64::try_from(count).unwrap_or(i64::MAX));
        let dropped = if is_written {
            core::mem::take(&mut state.unreported)
        } else {
            self.0.metrics.dropped.inc_by(count);
            0
        };
        // With something to log, it is not drained yet.
        state.is_writing = false;
        if dropped == 0 && state.lines.is_empty() {
            self.0.drained.notify_all();
        }
        dropped
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes everything, also to a pipe that does not block.
fn write_all(out: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(FULL_PIPE_PAUSE),
            Err(error) => return Err(error),
        }
    }
    out.flush()
}

/// Adds one formatted event to the queue.
pub struct LineWriter<'a>(&'a LogQueue);

impl Write for LineWriter<'_> {
    /// Takes a whole line: events are formatted before they are written.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogQueue {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> LineWriter<'a> {
        LineWriter(self)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A reader that takes a byte for each permit, and keeps what was written.
    struct Stalled {
        permits: mpsc::Receiver<()>,
        kept: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Without a sender it no longer stalls.
            let _ = self.permits.recv();
            self.kept.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(20);

    /// A queue of this size, what lets its reader go on, and what that has read.
    fn queue_before_a_stalled_reader(limit: usize) -> (LogQueue, mpsc::Sender<()>, Arc<Mutex<Vec<u8>>>) {
        let queue = LogQueue::new(limit).unwrap();
        let (sender, permits) = mpsc::channel();
        let kept = Arc::new(Mutex::new(Vec::new()));
        let reader = Stalled {
            permits,
            kept: Arc::clone(&kept),
        };
        queue.start(reader).unwrap();
        (queue, sender, kept)
    }

    #[test]
    fn lines_are_written_in_order_and_flushed() {
        let (queue, sender, kept) = queue_before_a_stalled_reader(LIMIT);
        drop(sender);
        let lines: Vec<String> = (0..1000).map(|number| format!("{number}\n")).collect();
        for line in &lines {
            queue.push(line.as_bytes());
        }
        queue.flush(LONG);
        assert_eq!(
            String::from_utf8(kept.lock().unwrap().clone()).unwrap(),
            lines.concat()
        );
        assert_eq!(queue.0.metrics.waiting.get(), 0);
        assert_eq!(queue.0.metrics.dropped.get(), 0);
    }

    #[test]
    fn a_stalled_reader_costs_lines_and_no_time() {
        let (queue, sender, kept) = queue_before_a_stalled_reader(100);
        for _ in 0..1000 {
            queue.push(b"123456789\n");
        }
        queue.flush(SHORT);
        let dropped = queue.0.metrics.dropped.get();
        assert!((980..=990).contains(&dropped), "{dropped}");
        assert!(kept.lock().unwrap().is_empty());
        // Once the reader goes on, everything that was kept arrives, and what was dropped is reported once.
        assert_eq!(queue.lock().unreported, dropped);
        drop(sender);
        queue.flush(LONG);
        assert_eq!(kept.lock().unwrap().len() as u64, (1000 - dropped) * 10);
        assert_eq!(queue.lock().unreported, 0);
    }

    #[test]
    fn a_closed_reader_does_not_end_the_writer() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let queue = LogQueue::new(LIMIT).unwrap();
        queue.start(Closed).unwrap();
        for expected in 1..4 {
            queue.push(b"line\n");
            queue.flush(LONG);
            assert_eq!(queue.0.metrics.dropped.get(), expected);
        }
    }
}
