use super::*;

fn locale(tag: &str) -> Locale {
    Locale::parse(tag).unwrap()
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, source) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, source).unwrap();
    }
    folder
}

fn load(files: &[(&str, &str)]) -> Result<Templates, String> {
    Templates::load(Some(folder(files).path()))
}

const SERVICE: &str = "https://id.example.com/auth";

fn notice() -> MailContent {
    MailContent::PasswordChanged(Occurrence {
        at: Timestamp::from_unix_seconds(1_774_944_900),
        ip: Some("2001:db8::1".parse().unwrap()),
    })
}

#[test]
fn every_mail_says_what_happened_in_both_languages() {
    let templates = Templates::load(None).unwrap();
    for (tag, subject) in [
        ("en", "Your password was changed"),
        ("de", "Ihr Passwort wurde geändert"),
        ("de-AT", "Ihr Passwort wurde geändert"),
    ] {
        let mail = templates.render(&notice(), &locale(tag), SERVICE).unwrap();
        assert_eq!(mail.subject, subject);
        for part in [&mail.text, &mail.html] {
            for expected in [SERVICE, "2026-03-31 08:15:00 UTC", "2001:db8::1"] {
                assert!(part.contains(expected), "{tag}: {expected}\n{part}");
            }
        }
        assert!(mail.html.starts_with("<!DOCTYPE html>"), "{}", mail.html);
        assert!(!mail.text.contains('<'), "{}", mail.text);
    }
    let unknown = MailContent::PasswordChanged(Occurrence {
        at: Timestamp::from_unix_seconds(0),
        ip: None,
    });
    let mail = templates.render(&unknown, &locale("en"), SERVICE).unwrap();
    assert!(!mail.text.contains("Address:") && !mail.html.contains("Address:"));
    assert!(!templates.has(&locale("fr")));
    assert!(templates.render(&unknown, &locale("fr"), SERVICE).is_err());
}

#[test]
fn html_is_escaped_but_for_slashes_and_text_is_not() {
    let templates = Templates::load(None).unwrap();
    let service = "https://x/?a=1&b=<i>\"'";
    let mail = templates
        .render(&MailContent::Test, &locale("en"), service)
        .unwrap();
    assert!(
        mail.html.contains("https://x/?a=1&amp;b=&lt;i&gt;&quot;&#39;."),
        "{}",
        mail.html
    );
    assert!(mail.text.contains(service));
}

#[test]
fn a_folder_replaces_templates_and_adds_languages() {
    let both = |name: &str, text: &str| {
        [
            (format!("{name}.txt"), format!("Subject: {text}\n\n{text}\n")),
            (format!("{name}.html"), format!("<p>{text}</p>")),
        ]
    };
    let files: Vec<_> = [both("fr/test", "Essai"), both("fr/password-changed", "Changé")]
        .into_iter()
        .flatten()
        .chain([
            (
                "en/test.txt".to_owned(),
                "Subject: Ours\n\nOurs, of {{ service }}\n".to_owned(),
            ),
            (".notes".to_owned(), String::new()),
        ])
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    let templates = load(&files).unwrap();
    let french = templates.render(&notice(), &locale("fr-CA"), SERVICE).unwrap();
    assert_eq!(
        (french.subject.as_str(), french.html.as_str()),
        ("Changé", "<p>Changé</p>")
    );
    let ours = templates
        .render(&MailContent::Test, &locale("en"), SERVICE)
        .unwrap();
    assert_eq!(ours.text, format!("Ours, of {SERVICE}\n"));
    assert!(ours.html.contains("This is a test mail"), "{}", ours.html);
    assert_eq!(
        templates
            .render(&MailContent::Test, &locale("de"), SERVICE)
            .unwrap()
            .subject,
        format!("Test-Mail von {SERVICE}")
    );
}

#[test]
fn a_wrong_template_is_found_when_it_is_loaded() {
    let long = "x".repeat(70_000);
    for (name, source, expected) in [
        (
            "en/test.txt",
            "Subject: x\n\n{{ servise }}\n",
            "en/test.txt, line 3: undefined value",
        ),
        (
            "en/test.txt",
            "Subject: x\n\n{{ ip }}\n",
            "en/test.txt, line 3: undefined value",
        ),
        (
            "en/test.txt",
            "Subject: x\n\n{% if %}\n",
            "en/test.txt, line 3: syntax error",
        ),
        ("en/test.txt", "no subject\n\nx\n", "must begin with a line"),
        ("en/test.txt", "Subject: \n\nx\n", "must begin with a line"),
        ("en/test.txt", "Subject: x\nx\n", "must begin with a line"),
        (
            "en/test.html",
            "{{ user.name }}",
            "en/test.html, line 1: undefined value",
        ),
        ("en/test.html", "{% extends \"other.html\" %}", "other.html"),
        ("en/tset.html", "", "there is no such mail"),
        ("en/test.txt.bak", "", "there is no such mail"),
        ("fr/test.txt", "Subject: x\n\nx\n", "fr/"),
        (
            "EN/test.txt",
            "Subject: x\n\nx\n",
            "is neither layout.html nor a folder",
        ),
        ("layout.htm", "", "is neither layout.html nor a folder"),
        (
            "layout.html",
            "{{ nothing }}",
            "layout.html, line 1: undefined value",
        ),
        ("en/test.html", &long, "longer than 65536 bytes"),
    ] {
        let error = load(&[(name, source)]).unwrap_err();
        assert!(error.contains(expected), "{name}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
    assert!(
        Templates::load(Some(Path::new("/does/not/exist")))
            .unwrap_err()
            .contains("/does/not/exist")
    );
}
