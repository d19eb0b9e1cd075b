//! Logging to standard error, one line per event, whatever the event contains and however slowly it is read.

mod filter;
mod json;
mod lines;
mod queue;

pub use filter::check_directives;

use std::fs::File;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::panic::PanicHookInfo;
use std::sync::OnceLock;
use std::time::Duration;

use prometheus::Registry as Metrics;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::exit::ExitError;
use filter::filter;
use json::JsonLines;
use lines::EscapedFields;
use queue::LogQueue;

/// The queue of the process, once logging has started.
static QUEUE: OnceLock<LogQueue> = OnceLock::new();

/// How long the end of the process waits for a slow reader of the log.
const FLUSH_LIMIT: Duration = Duration::from_secs(2);

/// How to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The format; without one, pretty on a terminal, else JSON.
    pub format: Option<LogFormat>,
    /// The directives of the filter; see [`check_directives`].
    pub level: String,
}

/// The format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// For machines.
    Json,
}

/// Starts logging for the whole process. Can be called once.
pub fn start(settings: &LogSettings) -> Result<(), ExitError> {
    let is_terminal = std::io::stderr().is_terminal();
    let format = settings.format.unwrap_or(if is_terminal {
        LogFormat::Pretty
    } else {
        LogFormat::Json
    });
    // https://no-color.org: no colours if it is set and not empty.
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let filter =
        filter(&settings.level).map_err(|error| ExitError::configuration(format!("log.level: {error}")))?;
    let cannot_start =
        |error: &dyn core::fmt::Display| ExitError::other(format!("logging cannot be started: {error}"));
    let queue = LogQueue::new(queue::LIMIT).map_err(|error| cannot_start(&error))?;
    tracing_subscriber::registry()
        .with(lines_to(queue.clone(), format, is_terminal && !is_plain).with_filter(filter))
        .try_init()
        .map_err(|error| cannot_start(&error))?;
    // Not through `std::io::stderr`, whose lock a stalled write would hold.
    let out = std::io::stderr().as_fd().try_clone_to_owned();
    out.and_then(|out| queue.start(File::from(out)))
        .map_err(|error| cannot_start(&error))?;
    QUEUE.get_or_init(|| queue);
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Registers the metrics of the log.
pub fn register_metrics(registry: &Metrics) -> Result<(), ExitError> {
    QUEUE
        .get()
        .map_or(Ok(()), |queue| queue.register(registry))
        .map_err(ExitError::other_error)
}

/// Writes the last lines of the process to standard error, after the log, and waits a moment for a slow reader.
pub fn finish(last: &[String]) {
    let lines = last.iter().map(|line| format!("{line}\n"));
    match QUEUE.get() {
        Some(queue) => {
            lines.for_each(|line| queue.push(line.as_bytes()));
            queue.flush(FLUSH_LIMIT);
        }
        // If standard error is closed, the exit code still reports the error.
        None => lines.for_each(|line| drop(std::io::stderr().write_all(line.as_bytes()))),
    }
}

/// The layer that writes events as lines.
fn lines_to<W>(writer: W, format: LogFormat, colours: bool) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // To report a failed write on standard error would panic if standard error itself is closed.
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        // Spans are under `debug`: a request, its use case, the wait for an executor, hashing, transactions.
        .with_span_events(FmtSpan::CLOSE)
        .log_internal_errors(false);
    match format {
        LogFormat::Pretty => layer.with_ansi(colours).fmt_fields(EscapedFields).boxed(),
        LogFormat::Json => layer.json().event_format(JsonLines).boxed(),
    }
}

/// Logs a panic as an event; the default hook writes several lines.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let message = panic.payload_as_str().unwrap_or("a panic without a message");
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let location = panic.location().map(tracing::field::display);
    tracing::error!(thread, location, "panic: {message}");
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::escape::is_unsafe;

    /// Collects what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns what `log` writes in this format.
    fn logged(format: LogFormat, colours: bool, log: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber =
            tracing_subscriber::registry().with(lines_to(move || writer.clone(), format, colours));
        tracing::subscriber::with_default(subscriber, log);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    const HOSTILE: &str = "a\r\n2026-01-01 INFO forged\x1b[2J\u{9b}31m\u{85}\u{2028}\u{202e}\0\t\x7f";

    /// Logs untrusted text everywhere in an event.
    fn log_hostile_events() {
        let span =
            tracing::info_span!("request", agent = %HOSTILE, path = HOSTILE, late = tracing::field::Empty);
        let _entered = span.enter();
        span.record("late", HOSTILE);
        let error: Box<dyn std::error::Error> = HOSTILE.into();
        tracing::info!(email = %HOSTILE, debug = ?HOSTILE, plain = HOSTILE, error, "message {HOSTILE}");
        tracing::info!(message = HOSTILE);
    }

    #[test]
    fn an_event_is_one_line_whatever_it_contains() {
        for format in [LogFormat::Pretty, LogFormat::Json] {
            let text = logged(format, false, log_hostile_events);
            assert_eq!(
                text.matches('\n').count(),
                3,
                "two events and the end of the span: {text:?}"
            );
            assert!(text.ends_with('\n'));
            for line in text.lines() {
                assert!(!line.contains(is_unsafe), "{line:?}");
            }
            assert!(text.contains("forged"));
        }
    }

    #[test]
    fn a_json_line_has_level_span_message_and_fields() {
        let text = logged(LogFormat::Json, false, log_hostile_events);
        let event: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(event["email"], HOSTILE);
        assert_eq!(event["plain"], HOSTILE);
        assert_eq!(event["message"], format!("message {HOSTILE}"));
        assert_eq!(event["level"], "INFO");
        assert_eq!(event["span"]["agent"], HOSTILE);
        assert_eq!(event["span"]["late"], HOSTILE);
    }

    #[test]
    fn every_type_of_field_is_valid_json() {
        let text = logged(LogFormat::Json, false, || {
            let outer = tracing::info_span!("outer", number = 1).entered();
            let inner = tracing::info_span!("inner").entered();
            tracing::info!(
                float = 1.5,
                whole = 2.0,
                infinite = f64::INFINITY,
                negative = -7,
                large = u64::MAX,
                flag = true,
                absent = Option::<&str>::None,
                quoted = r#"a "quote" and a \"#,
                debug = ?["x"],
                "text"
            );
            drop((inner, outer));
            tracing::info!("outside");
        });
        let events: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let event = &events[0];
        for (name, value) in [
            ("float", serde_json::json!(1.5)),
            ("whole", serde_json::json!(2.0)),
            ("infinite", serde_json::Value::Null),
            ("negative", serde_json::json!(-7)),
            ("large", serde_json::json!(u64::MAX)),
            ("flag", serde_json::json!(true)),
            ("quoted", serde_json::json!(r#"a "quote" and a \"#)),
            ("debug", serde_json::json!(r#"["x"]"#)),
            ("message", serde_json::json!("text")),
            ("target", serde_json::json!("doorward::logging::tests")),
            ("span", serde_json::json!({"name": "inner"})),
            (
                "spans",
                serde_json::json!([{"number": 1, "name": "outer"}, {"name": "inner"}]),
            ),
        ] {
            assert_eq!(event[name], value, "{name}");
        }
        assert!(event.get("absent").is_none());
        let timestamp = event["timestamp"].as_str().unwrap();
        assert!(timestamp.ends_with('Z') && timestamp.len() == 27, "{timestamp}");
        let outside = events.last().unwrap();
        assert_eq!(outside["message"], "outside");
        assert!(outside.get("span").is_none() && outside.get("spans").is_none());
    }

    #[test]
    fn a_pretty_line_has_level_span_message_and_fields() {
        let text = logged(LogFormat::Pretty, false, || {
            let _entered = tracing::info_span!("request", id = 7).entered();
            tracing::warn!(user = "ada", tries = 3, "slow down");
        });
        let mut lines = text.lines();
        let (_time, rest) = lines.next().unwrap().split_once("  ").unwrap();
        assert_eq!(
            rest,
            "WARN request{id=7}: doorward::logging::tests: slow down user=\"ada\" tries=3"
        );
        assert!(
            lines
                .next()
                .unwrap()
                .contains("INFO request{id=7}: doorward::logging::tests: \"close\" time.busy=")
        );
    }

    #[test]
    fn colours_come_from_the_log_itself_only() {
        let text = logged(LogFormat::Pretty, true, log_hostile_events);
        assert!(text.contains("\x1b[32m"), "the level is green: {text:?}");
        assert!(!text.contains("\x1b[2J"), "{text:?}");
        assert_eq!(text.matches('\n').count(), 3);
        let without_colours = logged(LogFormat::Json, true, log_hostile_events);
        assert!(!without_colours.contains('\x1b'));
    }

    #[test]
    fn a_verbose_level_without_a_target_applies_to_our_own_crates_only() {
        let log = || {
            tracing::trace!(target: "doorward_http::login", "ours, trace");
            tracing::debug!(target: "doorward", "ours, debug");
            tracing::info!(target: "actix_http", "theirs, info");
            tracing::trace!(target: "actix_http", "theirs, trace");
            tracing::error!(target: "actix_http::h1::dispatcher", "malformed request");
        };
        for (level, lines) in [
            ("off", 0),
            ("info", 1),
            ("debug", 2),
            ("TRACE", 3),
            ("trace,actix_http=trace", 4),
        ] {
            let kept = Kept::default();
            let writer = kept.clone();
            let layer = lines_to(move || writer.clone(), LogFormat::Json, false);
            let layer = layer.with_filter(filter(level).unwrap());
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
            let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            assert_eq!(text.lines().count(), lines, "{level}: {text}");
        }
    }

    #[test]
    fn a_panic_is_one_line() {
        let text = logged(LogFormat::Pretty, false, || {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(log_panic));
            let panicked = std::panic::catch_unwind(|| panic!("{HOSTILE}"));
            std::panic::set_hook(before);
            assert!(panicked.is_err());
        });
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        assert!(
            text.contains("ERROR") && text.contains("panic: a\\r\\n2026"),
            "{text:?}"
        );
        assert!(
            text.contains("location=crates/server/src/logging/mod.rs:"),
            "{text:?}"
        );
    }
}
