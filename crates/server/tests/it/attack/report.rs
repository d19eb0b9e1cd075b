//! The table that the attacks report.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::harness::client::Response;

/// The outcome of one attack.
#[derive(Debug)]
pub struct Row {
    attack: &'static str,
    expectation: String,
    outcome: String,
    /// Whether the outcome is the expected one.
    pub holds: bool,
}

impl Row {
    pub fn new(
        attack: &'static str,
        expectation: impl Into<String>,
        outcome: impl Into<String>,
        holds: bool,
    ) -> Self {
        Self {
            attack,
            expectation: expectation.into(),
            outcome: outcome.into(),
            holds,
        }
    }
}

/// The exceptions that were found, in words.
pub fn exceptions(found: &[String]) -> String {
    match found.first() {
        None => "no exception".to_owned(),
        Some(first) => format!("{} EXCEPTIONS, the first: {first}", found.len()),
    }
}

/// Formats the rows as a table.
pub fn table(rows: &[Row]) -> String {
    let heading = ["attack", "expectation", "outcome", "holds"].map(str::to_owned);
    let mut lines = vec![heading];
    lines.extend(rows.iter().map(|row| {
        let holds = if row.holds { "yes" } else { "NO" };
        [
            row.attack.to_owned(),
            row.expectation.clone(),
            row.outcome.clone(),
            holds.to_owned(),
        ]
    }));
    let mut text = String::new();
    for line in &lines {
        for (column, cell) in line.iter().enumerate() {
            let width = lines.iter().map(|line| line[column].chars().count()).max();
            let _ = write!(text, "| {cell:0$} ", width.unwrap_or(0));
        }
        text.push_str("|\n");
    }
    text
}

/// The number of responses by status and code.
#[derive(Default)]
pub struct ResponseCounts(BTreeMap<(u16, String), usize>);

impl ResponseCounts {
    pub fn of<'a>(responses: impl IntoIterator<Item = &'a Response>) -> Self {
        let mut counts = Self::default();
        for response in responses {
            let code = if response.status >= 400 {
                response.body()["code"].as_str().unwrap_or_default().to_owned()
            } else {
                String::new()
            };
            *counts.0.entry((response.status, code)).or_default() += 1;
        }
        counts
    }

    /// How many responses had this status and code.
    pub fn count(&self, status: u16, code: &str) -> usize {
        self.0.get(&(status, code.to_owned())).copied().unwrap_or(0)
    }

    /// Whether no response had another status and code.
    pub fn is_only(&self, responses: &[(u16, &str)]) -> bool {
        self.0
            .keys()
            .all(|(status, code)| responses.contains(&(*status, code.as_str())))
    }
}

impl fmt::Display for ResponseCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for ((status, code), count) in &self.0 {
            let space = if code.is_empty() { "" } else { " " };
            write!(f, "{separator}{count} × {status}{space}{code}")?;
            separator = ", ";
        }
        Ok(())
    }
}
