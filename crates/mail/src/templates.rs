use core::fmt::{self, Write as _};
use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use doorward_domain::mail::{Locale, MailContent, MailKind, Occurrence};
use doorward_domain::time::Timestamp;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior, context};

/// The templates that come with the program.
const EMBEDDED: [(&str, &str); 9] = [
    (LAYOUT, include_str!("../templates/layout.html")),
    ("en/test.txt", include_str!("../templates/en/test.txt")),
    ("en/test.html", include_str!("../templates/en/test.html")),
    (
        "en/password-changed.txt",
        include_str!("../templates/en/password-changed.txt"),
    ),
    (
        "en/password-changed.html",
        include_str!("../templates/en/password-changed.html"),
    ),
    ("de/test.txt", include_str!("../templates/de/test.txt")),
    ("de/test.html", include_str!("../templates/de/test.html")),
    (
        "de/password-changed.txt",
        include_str!("../templates/de/password-changed.txt"),
    ),
    (
        "de/password-changed.html",
        include_str!("../templates/de/password-changed.html"),
    ),
];

/// The template that the HTML templates extend.
const LAYOUT: &str = "layout.html";

/// The largest template that is read from a folder, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// The longest subject, in characters.
const MAX_SUBJECT: usize = 200;

/// Begins the first line of a text template; the rest of the line is the subject.
const SUBJECT: &str = "Subject: ";

/// The templates of all mails in all languages. Each was rendered once when they were loaded.
pub struct Templates {
    environment: Environment<'static>,
    locales: BTreeSet<Locale>,
}

/// The text of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("locales", &self.locales)
            .finish_non_exhaustive()
    }
}

impl Templates {
    /// The templates that come with the program; those in `folder` replace them or add languages. The error names the
    /// template and the line.
    ///
    /// A folder holds `layout.html` and, for each language, a folder with `<kind>.txt` and `<kind>.html`. A language that does
    /// not come with the program must have all of them.
    pub fn load(folder: Option<&Path>) -> Result<Self, String> {
        let mut templates = Self {
            environment: environment().map_err(|error| described(&error))?,
            locales: BTreeSet::new(),
        };
        for (name, source) in EMBEDDED {
            templates.add(name, source.to_owned())?;
        }
        if let Some(folder) = folder {
            templates.add_folder(folder)?;
        }
        templates.render_all()?;
        Ok(templates)
    }

    /// Whether there are templates in that language.
    pub fn has(&self, locale: &Locale) -> bool {
        self.pick(locale).is_some()
    }

    /// The tag itself if there are templates for it, else its language.
    fn pick(&self, locale: &Locale) -> Option<Locale> {
        let language = Locale::parse(locale.language()).ok();
        [Some(*locale), language]
            .into_iter()
            .flatten()
            .find(|candidate| self.locales.contains(candidate))
    }

    fn add_folder(&mut self, folder: &Path) -> Result<(), String> {
        for (name, path) in entries(folder)? {
            if name == LAYOUT {
                self.add_file(LAYOUT, &path)?;
                continue;
            }
            let locale = Locale::parse(&name).ok().filter(|locale| locale.as_str() == name);
            if locale.is_none() || !path.is_dir() {
                return Err(format!(
                    "{} is neither {LAYOUT} nor a folder with the name of a language, such as fr or de-at",
                    path.display()
                ));
            }
            for (file, path) in entries(&path)? {
                self.add_file(&format!("{name}/{file}"), &path)?;
            }
        }
        Ok(())
    }

    fn add_file(&mut self, name: &str, path: &Path) -> Result<(), String> {
        let size = fs::metadata(path)
            .map_err(|error| unreadable(path, &error))?
            .len();
        if size > MAX_BYTES {
            return Err(format!("{} is longer than {MAX_BYTES} bytes", path.display()));
        }
        let source = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        self.add(name, source)
    }

    fn add(&mut self, name: &str, source: String) -> Result<(), String> {
        if let Some((locale, file)) = name.split_once('/') {
            let is_known = |kind: &&MailKind| {
                file.strip_prefix(kind.as_str())
                    .is_some_and(|suffix| matches!(suffix, ".txt" | ".html"))
            };
            if !MailKind::ALL.iter().any(|kind| is_known(&kind)) {
                return Err(format!("{name}: there is no such mail"));
            }
            self.locales
                .extend(Locale::parse(locale).map_err(|error| format!("{name}: {error}")));
        }
        self.environment
            .add_template_owned(name.to_owned(), source)
            .map_err(|error| described(&error))
    }

    /// Renders every mail in every language, so that no error is left for the moment of sending.
    fn render_all(&self) -> Result<(), String> {
        for locale in &self.locales {
            for kind in MailKind::ALL {
                for content in samples(*kind) {
                    self.render(&content, locale, "https://id.example.com")?;
                }
            }
        }
        Ok(())
    }

    /// Writes a mail in a language that [`has`](Self::has) templates.
    pub(crate) fn render(
        &self,
        content: &MailContent,
        locale: &Locale,
        service: &str,
    ) -> Result<Rendered, String> {
        let locale = self
            .pick(locale)
            .ok_or_else(|| format!("there are no templates in the language {locale}"))?;
        let tag = locale.as_str();
        let values = match content {
            MailContent::Test => context! { service, locale => tag },
            MailContent::PasswordChanged(Occurrence { at, ip }) => context! {
                service,
                locale => tag,
                at => utc(*at),
                ip => ip.map_or_else(|| Value::from(()), |ip| Value::from(ip.to_string())),
            },
        };
        let name = format!("{tag}/{}", content.kind().as_str());
        let part = |suffix: &str| {
            let template = self.environment.get_template(&format!("{name}.{suffix}"));
            let rendered = template.and_then(|template| template.render(values.clone()));
            rendered.map_err(|error| described(&error))
        };
        let text = part("txt")?;
        let (subject, text) = split_subject(&text)
            .ok_or_else(|| format!("{name}.txt must begin with a line \"{SUBJECT}…\" and an empty line"))?;
        Ok(Rendered {
            subject: subject.to_owned(),
            text: text.to_owned(),
            html: part("html")?,
        })
    }
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let syntax = SyntaxConfig::builder()
        .keep_trailing_newline(true)
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()?;
    environment.set_syntax(syntax);
    environment.set_formatter(write_value);
    Ok(environment)
}

/// Writes a value into a template. The library's own function for HTML also escapes `/`, which makes links unreadable for
/// whatever reads the source of a mail, and is not needed in text or in a quoted attribute.
fn write_value(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_safe() || !matches!(state.auto_escape(), AutoEscape::Html) {
        write!(out, "{value}")?;
        return Ok(());
    }
    for character in value.to_string().chars() {
        match character {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            other => out.write_char(other)?,
        }
    }
    Ok(())
}

/// Subject and body of a rendered text.
fn split_subject(text: &str) -> Option<(&str, &str)> {
    let (first, rest) = text.split_once('\n')?;
    let subject = first.strip_prefix(SUBJECT)?.trim();
    let is_valid =
        !subject.is_empty() && subject.chars().count() <= MAX_SUBJECT && !subject.contains(char::is_control);
    is_valid.then_some((subject, rest.strip_prefix('\n')?))
}

/// Contents of each kind, for rendering its templates: with and without what is optional.
fn samples(kind: MailKind) -> Vec<MailContent> {
    let at = Timestamp::from_unix_seconds(1_700_000_000);
    match kind {
        MailKind::Test => vec![MailContent::Test],
        MailKind::PasswordChanged => [None, Some(IpAddr::V4(Ipv4Addr::LOCALHOST))]
            .map(|ip| MailContent::PasswordChanged(Occurrence { at, ip }))
            .to_vec(),
    }
}

/// The names and paths in a folder, in order. Names that begin with a dot are left out.
fn entries(folder: &Path) -> Result<Vec<(String, std::path::PathBuf)>, String> {
    let read = fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut entries = Vec::new();
    for entry in read {
        let path = entry.map_err(|error| unreadable(folder, &error))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        entries.extend(
            name.filter(|name| !name.starts_with('.'))
                .map(|name| (name, path)),
        );
    }
    entries.sort();
    Ok(entries)
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be read: {error}", path.display())
}

/// An error of the library in one line, with its place.
fn described(error: &Error) -> String {
    let place = match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!("{name}, line {line}: "),
        (Some(name), None) => format!("{name}: "),
        _ => String::new(),
    };
    let detail = error
        .detail()
        .map(|detail| format!(": {detail}"))
        .unwrap_or_default();
    format!("{place}{}{detail}", error.kind())
}

/// The time as it is written in a mail: `2026-03-31 08:15:00 UTC`.
fn utc(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.as_unix_seconds())
        .map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "templates_tests.rs"]
mod tests;
