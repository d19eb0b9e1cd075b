//! The commands and links of the README and the other documents.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::process::run;
use crate::harness::response_schema::{assert_pair, assert_user};
use crate::harness::service::Launch;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The shell blocks of a document.
fn shell_blocks(markdown: &str) -> Vec<&str> {
    markdown
        .split("\n```sh\n")
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap())
        .collect()
}

#[test]
fn the_readme_quick_start_works_as_pasted() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = shell_blocks(&readme);
    let block = blocks
        .into_iter()
        .find(|block| block.contains("/v1/setup"))
        .expect("a block with /v1/setup");
    let service = Launch::bare().start();
    let mut bash = Command::new("bash");
    bash.env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("BASE", format!("http://{}", service.address()))
        .env("SETUP_TOKEN", service.setup_token());
    // A pasted block is read line by line, like standard input.
    let ended = run(bash, &format!("{block}\n"));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{ended:?}");
    let responses: Vec<Option<Value>> = ended
        .stdout
        .lines()
        .map(|line| (!line.is_empty()).then(|| serde_json::from_str(line).unwrap()))
        .collect();
    let responses: Vec<&Value> = responses
        .iter()
        .map(|response| response.as_ref().unwrap_or(&Value::Null))
        .collect();
    let [ada, grace, me, logged_out, ended, refreshed, forbidden, page] = responses[..] else {
        panic!("{responses:?}");
    };
    assert_user(ada);
    assert_eq!(ada["email"], "ada@example.org");
    assert_user(grace);
    assert_eq!(me["id"], grace["id"]);
    assert_eq!(*logged_out, Value::Null);
    assert_eq!(ended["code"], "invalid-refresh-token");
    assert_pair(refreshed);
    assert_ne!(refreshed["session_id"], me["session_id"]);
    assert_eq!(forbidden["code"], "forbidden");
    assert_eq!(page["users"].as_array().unwrap().len(), 1);
    assert_eq!(page["users"][0], *ada);
}

/// The Markdown files under a directory.
fn documents(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

#[test]
fn relative_links_in_documents_resolve() {
    let mut found = vec![root().join("README.md"), root().join("LICENSES.md")];
    documents(&root().join("docs"), &mut found);
    let mut dangling = Vec::new();
    for document in found {
        let text = fs::read_to_string(&document).unwrap();
        for rest in text.split("](").skip(1) {
            let target = rest.split([')', '#']).next().unwrap();
            let is_file = !target.is_empty() && !target.contains("://");
            if is_file && !document.parent().unwrap().join(target).exists() {
                dangling.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(dangling.is_empty(), "{dangling:#?}");
}
