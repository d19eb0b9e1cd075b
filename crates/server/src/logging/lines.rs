//! Formats events as single lines, and escapes everything in them that could forge a line or control a terminal.
//!
//! tracing-subscriber escapes values that are recorded as strings, but in values that are recorded by their `Display` only
//! some control characters and not the line feed (0.3.23, `fmt/format/escape.rs`). Its JSON does not escape C1 controls.

use core::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use crate::escape::{EscapingWriter, is_unsafe};

/// The fields of the pretty format: the message, then `name=value`, every value escaped.
pub struct EscapedFields;

impl<'writer> FormatFields<'writer> for EscapedFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = EscapedVisitor {
            writer,
            is_first: true,
            result: Ok(()),
        };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct EscapedVisitor<'writer> {
    writer: Writer<'writer>,
    is_first: bool,
    result: fmt::Result,
}

impl EscapedVisitor<'_> {
    fn write(&mut self, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
        if !self.is_first {
            self.writer.write_char(' ')?;
        }
        self.is_first = false;
        match field.name() {
            "message" => {}
            // Italic, as in tracing-subscriber.
            name if self.writer.has_ansi_escapes() => write!(self.writer, "\x1b[3m{name}\x1b[0m=")?,
            name => write!(self.writer, "{name}=")?,
        }
        write!(EscapingWriter(&mut self.writer), "{value:?}")
    }
}

impl Visit for EscapedVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if self.result.is_ok() {
            self.result = self.write(field, value);
        }
    }
}

/// The JSON format of tracing-subscriber, with all unsafe characters escaped.
pub struct EscapedJson(Format<Json>);

impl EscapedJson {
    /// Formats each event as a flat object that contains the innermost span, and all spans from the outermost one.
    pub fn new(format: Format<Json>) -> Self {
        Self(
            format
                .flatten_event(true)
                .with_current_span(true)
                .with_span_list(true),
        )
    }
}

impl<S, N> FormatEvent<S, N> for EscapedJson
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
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let mut rest = line.trim_end();
        // JSON has none of these outside of strings, so they are inside one, where an escape means the same.
        while let Some((place, character)) = rest.char_indices().find(|(_, character)| is_unsafe(*character))
        {
            let (harmless, tail) = rest.split_at(place);
            write!(out, "{harmless}\\u{:04x}", u32::from(character))?;
            rest = tail.strip_prefix(character).unwrap_or_default();
        }
        out.write_str(rest)?;
        out.write_char('\n')
    }
}
