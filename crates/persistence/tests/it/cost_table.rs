//! Renders the costs of use cases as a table.

use core::fmt::Write as _;

/// A use case and the statements that it ran.
pub(crate) type Cost = (&'static str, Vec<String>);

pub(crate) fn render(costs: &[Cost]) -> String {
    let mut text = String::from(
        "| use case | transactions | statements | commits | what is run |\n|---|---|---|---|---|\n",
    );
    for (name, statements) in costs {
        let summaries: Vec<_> = statements.iter().map(|sql| summary(sql)).collect();
        let transactions = summaries.iter().filter(|summary| *summary == "begin").count();
        // The database has to flush a transaction that wrote to the disk.
        let mut commits = 0;
        let mut wrote = false;
        for summary in &summaries {
            wrote |= ["insert", "update", "delete"]
                .iter()
                .any(|verb| summary.starts_with(verb));
            if summary == "commit" && wrote {
                commits += 1;
            }
            wrote &= !matches!(summary.as_str(), "begin" | "commit" | "rollback");
        }
        let run = summaries
            .join(", ")
            .replace("commit, ", "commit; ")
            .replace("rollback, ", "rollback; ");
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {transactions} | {} | {commits} | {run} |",
            statements.len()
        );
    }
    text
}

/// A statement in a few words: its verb and its table.
fn summary(sql: &str) -> String {
    let plain = sql.replace(['`', '"'], "");
    let words: Vec<_> = plain.split_whitespace().collect();
    let after = |keyword: &str| {
        let position = words.iter().position(|word| *word == keyword);
        let table = position.and_then(|position| words.get(position + 1));
        table
            .map(|table| table.trim_matches(['(', ')']))
            .unwrap_or_default()
            .to_owned()
    };
    match words.first().copied().unwrap_or_default() {
        "BEGIN" => "begin".to_owned(),
        "COMMIT" => "commit".to_owned(),
        "ROLLBACK" => "rollback".to_owned(),
        "SELECT" if plain.contains("pg_advisory_xact_lock") => "lock".to_owned(),
        "SELECT" if plain.contains(" FOR ") => format!("lock {}", after("FROM")),
        "SELECT" if after("FROM") == "SELECT" => format!("select {}", after("JOIN")),
        "SELECT" => format!("select {}", after("FROM")),
        // One statement that changes several tables.
        "WITH" => {
            let changes = words.windows(3).filter_map(|words| match words {
                [verb, table, _] if verb.ends_with("UPDATE") => Some(format!("update {table}")),
                [verb, "INTO", table] if verb.ends_with("INSERT") => Some(format!("insert {table}")),
                _ => None,
            });
            changes.collect::<Vec<_>>().join(" + ")
        }
        "INSERT" => format!("insert {}", after("INTO")),
        "UPDATE" => format!("update {}", words.get(1).copied().unwrap_or_default()),
        "DELETE" => format!("delete {}", after("FROM")),
        _ => sql.to_owned(),
    }
}
