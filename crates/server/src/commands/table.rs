//! Output for people: tables and times.

use doorward_domain::time::Timestamp;

/// Formats a time as RFC 3339, in UTC, in whole seconds.
pub fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.as_unix_seconds())
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}

/// Formats rows as lines with aligned columns, two spaces apart.
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(widths);
        let line: Vec<String> = cells.map(|(cell, width)| format!("{cell:width$}")).collect();
        line.join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}
