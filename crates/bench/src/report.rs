//! The report: Markdown tables for people, JSON for comparisons.

use std::fmt::Write as _;

use serde::Serialize;

use crate::stats::{Latency, Summary};

/// A figure and its limit.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    /// What was measured, with the database if it matters.
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) value: Summary,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<Limit>,
    /// The ratio of the medians.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ratio: Option<f64>,
    /// What the value or the ratio should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) load: Option<Details>,
}

/// The limit of a figure.
#[derive(Debug, Serialize)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) value: Summary,
}

/// The target of a figure.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// The ratio to the limit, at least.
    RatioAtLeast(f64),
    /// The ratio to the limit, at most.
    RatioAtMost(f64),
    /// The value, at most.
    AtMost(f64),
}

/// Details of a figure in requests per second.
#[derive(Debug, Serialize)]
pub(crate) struct Details {
    pub(crate) clients: usize,
    /// In microseconds.
    pub(crate) latency: Latency,
    /// Processor time of the server per request, in microseconds.
    pub(crate) server_cpu: f64,
    /// Processor time of the clients per request, in microseconds.
    pub(crate) client_cpu: f64,
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, runs: &[f64]) -> Self {
        Self {
            name: name.into(),
            unit,
            value: Summary::of(runs),
            limit: None,
            ratio: None,
            target: None,
            load: None,
        }
    }

    #[must_use]
    pub(crate) fn beside(mut self, name: impl Into<String>, runs: &[f64]) -> Self {
        let value = Summary::of(runs);
        self.ratio = Some(self.value.median / value.median);
        self.limit = Some(Limit {
            name: name.into(),
            value,
        });
        self
    }

    #[must_use]
    pub(crate) const fn aiming_at(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }

    /// Whether the target is met; `None` without a target.
    pub(crate) fn is_met(&self) -> Option<bool> {
        let ratio = self.ratio;
        match self.target? {
            Target::RatioAtLeast(bound) => ratio.map(|ratio| ratio >= bound),
            Target::RatioAtMost(bound) => ratio.map(|ratio| ratio <= bound),
            Target::AtMost(bound) => Some(self.value.median <= bound),
        }
    }
}

/// The results of a command.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The circumstances: name and value.
    pub(crate) circumstances: Vec<(&'static str, String)>,
    pub(crate) figures: Vec<Figure>,
}

impl Report {
    /// The tables, in Markdown: figures beside their limits, then the details of the loads.
    pub(crate) fn tables(&self) -> String {
        let mut rows = vec![
            [
                "figure",
                "unit",
                "median",
                "spread",
                "limit beside it",
                "median",
                "ratio",
                "target",
                "met",
            ]
            .map(str::to_owned)
            .to_vec(),
        ];
        for figure in &self.figures {
            let (limit, limit_value) = figure.limit.as_ref().map_or_else(Default::default, |limit| {
                (limit.name.clone(), round(limit.value.median))
            });
            rows.push(vec![
                figure.name.clone(),
                figure.unit.to_owned(),
                round(figure.value.median),
                figure
                    .value
                    .spread()
                    .map(|spread| format!("{:.0} %", spread * 100.0))
                    .unwrap_or_default(),
                limit,
                limit_value,
                figure
                    .ratio
                    .map(|ratio| format!("{ratio:.2}"))
                    .unwrap_or_default(),
                figure.target.map(describe).unwrap_or_default(),
                match figure.is_met() {
                    None => "",
                    Some(true) => "yes",
                    Some(false) => "**no**",
                }
                .to_owned(),
            ]);
        }
        let mut details = vec![
            [
                "figure",
                "clients",
                "p50 µs",
                "p99 µs",
                "p99.9 µs",
                "longest µs",
                "server CPU µs",
                "client CPU µs",
            ]
            .map(str::to_owned)
            .to_vec(),
        ];
        for figure in &self.figures {
            if let Some(load) = &figure.load {
                let mut row = vec![figure.name.clone(), load.clients.to_string()];
                let Latency { p50, p99, p999, max } = load.latency;
                row.extend([p50, p99, p999, max, load.server_cpu, load.client_cpu].map(round));
                details.push(row);
            }
        }
        let mut text = table(&rows);
        if details.len() > 1 {
            text.push('\n');
            text.push_str(&table(&details));
        }
        text
    }

    /// The documentation page.
    pub(crate) fn page(&self, introduction: &str) -> String {
        let mut text = introduction.to_owned();
        for (what, how) in &self.circumstances {
            // Writing to a string does not fail.
            let _ = writeln!(text, "- {what}: {how}");
        }
        let _ = write!(text, "\n{}", self.tables());
        text
    }
}

fn describe(target: Target) -> String {
    match target {
        Target::RatioAtLeast(bound) => format!("≥ {bound:.2}"),
        Target::RatioAtMost(bound) => format!("≤ {bound:.2}"),
        Target::AtMost(bound) => format!("≤ {}", round(bound)),
    }
}

/// Rounds to three significant digits, but at most to the whole number.
fn round(value: f64) -> String {
    if value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A Markdown table with its columns aligned, the first row its head.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a string does not fail.
            let _ = write!(text, "| {cell:<width$} ");
        }
        text.push_str("|\n");
        if number == 0 {
            for width in &widths {
                let _ = write!(text, "|{}", "-".repeat(width + 2));
            }
            text.push_str("|\n");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, limit: f64, target: Target) -> Figure {
        Figure::new("a", "per second", &[value])
            .beside("b", &[limit])
            .aiming_at(target)
    }

    #[test]
    fn targets_are_met_at_their_bound() {
        assert_eq!(
            figure(60.0, 100.0, Target::RatioAtLeast(0.6)).is_met(),
            Some(true)
        );
        assert_eq!(
            figure(59.0, 100.0, Target::RatioAtLeast(0.6)).is_met(),
            Some(false)
        );
        assert_eq!(
            figure(130.0, 100.0, Target::RatioAtMost(1.3)).is_met(),
            Some(true)
        );
        assert_eq!(
            figure(131.0, 100.0, Target::RatioAtMost(1.3)).is_met(),
            Some(false)
        );
        assert_eq!(figure(20.0, 1.0, Target::AtMost(20.0)).is_met(), Some(true));
        assert_eq!(figure(21.0, 1.0, Target::AtMost(20.0)).is_met(), Some(false));
        assert_eq!(Figure::new("a", "MiB", &[1.0]).is_met(), None);
        // Without a limit there is no ratio that could meet anything.
        let alone = Figure::new("a", "MiB", &[1.0]).aiming_at(Target::RatioAtMost(1.0));
        assert_eq!(alone.is_met(), None);
    }

    #[test]
    fn tables_are_aligned() {
        let rows = [
            vec!["µ".to_owned(), "long head".to_owned()],
            vec!["wide".to_owned(), "1".to_owned()],
        ];
        assert_eq!(
            table(&rows),
            "| µ    | long head |\n|------|-----------|\n| wide | 1         |\n"
        );
    }

    #[test]
    fn a_missed_target_is_bold() {
        let report = Report {
            circumstances: vec![("cores", "2".to_owned())],
            figures: vec![figure(1.0, 2.0, Target::RatioAtLeast(0.6))],
        };
        let page = report.page("# Title\n\n");
        assert!(page.starts_with("# Title\n\n- cores: 2\n\n| figure"), "{page}");
        assert!(page.contains("| 0.50  | ≥ 0.60 | **no** |"), "{page}");
    }

    #[test]
    fn numbers_keep_three_digits() {
        assert_eq!([0.1234, 12.345, 1234.5].map(round), ["0.12", "12.3", "1234"]);
    }
}
