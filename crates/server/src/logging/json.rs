//! The JSON format: each event is a flat object with the time, the level, its fields, the target, the innermost span and all
//! spans from the outermost one.
//!
//! Written directly into the line: tracing-subscriber's own serialises through several layers, which takes more time than
//! the rest of a short request.

use core::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::escape::is_unsafe;

/// More than the length of most lines, in bytes.
const LINE: usize = 512;

/// Formats events as JSON, one line each, with every unsafe character escaped. The fields of spans must be formatted as JSON
/// objects.
pub struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::with_capacity(LINE);
        line.push_str("{\"timestamp\":\"");
        SystemTime.format_time(&mut Writer::new(&mut line))?;
        line.push_str("\",\"level\":\"");
        line.push_str(event.metadata().level().as_str());
        line.push('"');
        let mut fields = Fields {
            line: &mut line,
            result: Ok(()),
        };
        event.record(&mut fields);
        fields.result?;
        write_string(&mut line, "target", event.metadata().target());
        let current = event.parent().and_then(|id| context.span(id));
        if let Some(current) = current.or_else(|| context.lookup_current()) {
            line.push_str(",\"span\":");
            write_span::<S, N>(&mut line, &current);
            line.push_str(",\"spans\":[");
            // Of the event that a span ends with, these are the spans around it.
            let around = context.lookup_current();
            let around = around.iter().flat_map(|innermost| innermost.scope().from_root());
            for (number, span) in around.enumerate() {
                if number > 0 {
                    line.push(',');
                }
                write_span::<S, N>(&mut line, &span);
            }
            line.push(']');
        }
        line.push_str("}\n");
        out.write_str(&line)
    }
}

/// Writes a span: its fields, then its name.
fn write_span<S, N>(line: &mut String, span: &SpanRef<'_, S>)
where
    S: for<'a> LookupSpan<'a>,
    N: 'static,
{
    line.push('{');
    let start = line.len();
    if let Some(fields) = span.extensions().get::<FormattedFields<N>>() {
        let members = fields.fields.trim();
        let members = members.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        // JSON has no unsafe characters outside of strings, so they are inside one, where an escape means the same.
        escape(line, members.unwrap_or_default(), |character| {
            !is_unsafe(character)
        });
    }
    if line.len() == start {
        line.push_str("\"name\":");
        write_quoted(line, span.name());
    } else {
        write_string(line, "name", span.name());
    }
    line.push('}');
}

/// Writes the member `name` with a value that is a string.
fn write_string(line: &mut String, name: &str, value: &str) {
    write_name(line, name);
    write_quoted(line, value);
}

/// Writes a comma and the name of a member.
fn write_name(line: &mut String, name: &str) {
    line.push(',');
    write_quoted(line, name);
    line.push(':');
}

fn write_quoted(line: &mut String, text: &str) {
    line.push('"');
    escape(line, text, is_harmless);
    line.push('"');
}

/// Whether a character stands for itself in a string.
const fn is_harmless(character: char) -> bool {
    !matches!(character, '"' | '\\') && !is_unsafe(character)
}

/// Appends the text, with characters that are not harmless escaped as in a JSON string.
fn escape(line: &mut String, text: &str, is_harmless: impl Fn(char) -> bool) {
    let mut rest = text;
    while let Some(at) = rest.find(|character| !is_harmless(character)) {
        let (harmless, tail) = rest.split_at(at);
        line.push_str(harmless);
        let mut characters = tail.chars();
        match characters.next() {
            Some('"') => line.push_str("\\\""),
            Some('\\') => line.push_str("\\\\"),
            Some('\n') => line.push_str("\\n"),
            // All others are in the first plane, so that four digits are enough. Writing to a String cannot fail.
            Some(other) => {
                let _ = write!(line, "\\u{:04x}", u32::from(other));
            }
            None => {}
        }
        rest = characters.as_str();
    }
    line.push_str(rest);
}

/// Writes what is formatted through it into a JSON string.
struct Quoting<'l>(&'l mut String);

impl Write for Quoting<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text, is_harmless);
        Ok(())
    }
}

/// Writes the fields of an event as members.
struct Fields<'l> {
    line: &'l mut String,
    result: fmt::Result,
}

impl Fields<'_> {
    /// Writes a value that is the same in JSON as in Rust.
    fn literal(&mut self, field: &Field, value: impl fmt::Debug) {
        write_name(self.line, field.name());
        // Writing a number or a boolean to a String cannot fail.
        let _ = write!(self.line, "{value:?}");
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.literal(field, value);
        } else {
            write_name(self.line, field.name());
            self.line.push_str("null");
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.literal(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.literal(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.literal(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.literal(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.literal(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        write_string(self.line, field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write_name(self.line, field.name());
        self.line.push('"');
        // The value may be one whose formatting fails.
        self.result = self.result.and(write!(Quoting(self.line), "{value:?}"));
        self.line.push('"');
    }
}
