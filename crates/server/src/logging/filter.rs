//! Which events are logged.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, ParseError};

/// Builds the filter. `debug` and `trace` without a target apply to Doorward's crates only, because at those levels libraries
/// log what clients send, tokens included.
pub(super) fn filter(directives: &str) -> Result<EnvFilter, ParseError> {
    let is_verbose = |directive: &str| {
        directive
            .parse::<LevelFilter>()
            .is_ok_and(|level| level > LevelFilter::INFO)
    };
    let directives: Vec<_> = directives
        .split(',')
        .map(str::trim)
        .map(|directive| match directive {
            verbose if is_verbose(verbose) => format!("info,doorward={verbose}"),
            other => other.to_owned(),
        })
        .collect();
    // actix logs every malformed request as an error, so that any client could fill the log and trigger alerts.
    EnvFilter::builder().parse(format!("actix_http::h1::dispatcher=off,{}", directives.join(",")))
}

/// Checks the directives of `log.level`: a list of levels and `target=level`, as [`EnvFilter`] parses them. A single word
/// must be a level: `EnvFilter` would take `verbose` for the name of a module and silence all others.
pub fn check_directives(text: &str) -> Result<(), String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for directive in text
        .split(',')
        .filter(|directive| !directive.contains(['=', '[']))
    {
        if !LEVELS
            .iter()
            .any(|level| directive.trim().eq_ignore_ascii_case(level))
        {
            return Err(format!("{directive:?} is not one of {}", LEVELS.join(", ")));
        }
    }
    match filter(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!(
            "{text:?} is not a list of levels such as info,doorward=debug ({error})"
        )),
    }
}
