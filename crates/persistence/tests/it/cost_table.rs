//! Renders the costs of use cases as a table.

use core::fmt::Write as _;

/// A use case and the statements that it ran.
pub(crate) type Cost = (&'static str, Vec<String>);

pub(crate) fn render(costs: &[Cost]) -> String {
    let mut text = String::from(
        "| use case | transactions | statements | commits | what is run |\n|---|---|---|---|---|\n",
    );
    for (name, statements) in costs {
        let transactions = transactions(statements);
        let commits = transactions.iter().filter(|(_, commits)| *commits).count();
        let run: Vec<_> = transactions.iter().map(|(run, _)| run.join(", ")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {commits} | {} |",
            transactions.len(),
            statements.len(),
            run.join("; ")
        );
    }
    text
}

/// The statements of each transaction in a few words, and whether it may have written something, so that the database has to
/// flush it to the disk. A statement outside of `BEGIN` and its end is a transaction of its own.
fn transactions(statements: &[String]) -> Vec<(Vec<String>, bool)> {
    let mut transactions = Vec::new();
    let mut open: Option<(Vec<String>, bool)> = None;
    for summary in statements.iter().map(|sql| summary(sql)) {
        let writes = ["insert", "update", "delete"]
            .iter()
            .any(|verb| summary.starts_with(verb));
        let (mut run, wrote) = open.take().unwrap_or_default();
        let is_open = summary == "begin" || !run.is_empty();
        let is_end = summary == "commit" || summary == "rollback";
        let writes = (wrote || writes) && summary != "rollback";
        run.push(summary);
        if is_open && !is_end {
            open = Some((run, writes));
        } else {
            transactions.push((run, writes));
        }
    }
    transactions
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
