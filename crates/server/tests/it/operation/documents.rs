//! The reference documents, which these tests generate: run them with `UPDATE_GOLDEN=1` after a change.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use clap::CommandFactory;
use doorward::cli::Cli;
use doorward::config::{Key, Keys, Kind, variable_of};

use crate::harness::database::Database;
use crate::harness::service::Service;

/// Compares a document with the expected text, or writes it.
fn assert_document(name: &str, expected: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "docs/{name} is not up to date: run the tests with UPDATE_GOLDEN=1"
    );
}

#[test]
fn the_configuration_reference_is_up_to_date() {
    let keys = Keys::new();
    let mut text = include_str!("configuration.head.md").to_owned();
    text.push_str("\n## General\n\n");
    text.push_str(&table(
        keys.iter()
            .filter(|(path, key)| !path.contains('.') && key.kind != Kind::Table),
    ));
    for (section, key) in keys
        .iter()
        .filter(|(path, key)| !path.contains('.') && key.kind == Kind::Table)
    {
        let prefix = format!("{section}.");
        write!(text, "\n## `{section}`\n\n{}\n\n", key.description).unwrap();
        text.push_str(&table(keys.iter().filter(|(path, _)| path.starts_with(&prefix))));
    }
    assert_document("configuration.md", &text);
}

/// The keys as a table, with the environment variable of each.
fn table<'a>(keys: impl Iterator<Item = (&'a str, &'a Key)>) -> String {
    let mut table =
        "| key, environment variable | value | default | meaning |\n|---|---|---|---|\n".to_owned();
    for (path, key) in keys {
        let (value, default) = (value_of(&key.kind), key.default.as_deref().unwrap_or("none"));
        let default = if key.kind == Kind::Table { "" } else { default };
        let variable = variable_of(path);
        writeln!(
            table,
            "| `{path}`<br>`{variable}` | {value} | {default} | {} |",
            key.description
        )
        .unwrap();
    }
    table
}

/// The type of a key's value, in words.
fn value_of(kind: &Kind) -> String {
    match kind {
        Kind::Table => "table".into(),
        Kind::Text => "string".into(),
        Kind::Secret => "string, secret".into(),
        Kind::Duration { min, max } => format!("duration, `{min}` to `{max}`"),
        Kind::Whole { min, max } => format!("number, {min} to {max}"),
        Kind::Switch => "`true` or `false`".into(),
        Kind::List => "list of strings".into(),
    }
}

#[test]
fn the_command_line_reference_is_up_to_date() {
    let mut command = Cli::command().term_width(100).disable_help_subcommand(true);
    command.build();
    let mut text = "# Command line\n\n\
        <!-- Written by a test of crates/server: change the help texts there, then run it with UPDATE_GOLDEN=1. -->\n\n\
        What `--help` says, command by command. Every command takes the configuration flags of the first one as well; \
        the keys\nthat `--set` takes are in [configuration.md](configuration.md).\n"
        .to_owned();
    let help = command.render_long_help().to_string();
    describe("doorward", &help, &mut text);
    describe_subcommands(&mut command, "doorward", &mut text);
    assert_document("cli.md", &text);
}

/// Adds the help of all subcommands, without the flags common to all.
fn describe_subcommands(command: &mut clap::Command, name: &str, text: &mut String) {
    for inner in command.get_subcommands_mut() {
        let name = format!("{name} {}", inner.get_name());
        let help = inner.render_long_help().to_string();
        let (own, _of_all) = help.split_once("\nConfiguration:\n").unwrap();
        describe(&name, own, text);
        describe_subcommands(inner, &name, text);
    }
}

/// Adds the help of a command.
fn describe(name: &str, help: &str, text: &mut String) {
    let lines: Vec<_> = help.trim_end().lines().map(str::trim_end).collect();
    write!(text, "\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n")).unwrap();
}

#[test]
fn the_openapi_command_prints_the_served_document() {
    let service = Service::on(&Database::sqlite());
    let printed = service.run(&["openapi"], "");
    assert_eq!((printed.status, printed.stderr.as_str()), (0, ""));
    let served = service.client().get("/openapi.json").ok(200);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&printed.stdout).unwrap(),
        served
    );
}
