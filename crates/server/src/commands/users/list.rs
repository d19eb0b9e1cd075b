//! `doorward users list` and `show`

use doorward_application::Administrator;
use doorward_domain::account::{User, UserFilter};

use crate::cli::{ListUsers, OneUser};
use crate::escape::escape;
use crate::exit::ExitError;

use super::{Operation, print, print_user, roles, user_json};
use crate::commands::table::{aligned, time};

/// Users that are read at once.
const PAGE: u32 = 500;

const HEAD: [&str; 6] = ["ID", "E-MAIL", "NAME", "ROLES", "STATUS", "CREATED"];

/// Prints the users that meet the conditions, page by page, so that a million of them need little memory.
pub fn list(operation: &Operation, command: &ListUsers) -> Result<(), ExitError> {
    let filter = UserFilter {
        email: command.email.as_ref().map(|email| email.canonical().clone()),
        role: command.role.clone(),
        status: command.status,
    };
    let list = operation.use_cases().list_users();
    let (mut after, mut head) = (None, Some(HEAD.map(str::to_owned)));
    loop {
        let page = list.execute(Administrator::Operator, &filter, after, PAGE)?;
        let lines = if command.output.json {
            let lines: Vec<_> = page.users.into_iter().map(user_json).collect();
            lines.join("\n")
        } else {
            let rows: Vec<_> = head
                .take()
                .into_iter()
                .chain(page.users.iter().map(row))
                .collect();
            aligned(&rows)
        };
        if !lines.is_empty() {
            print(&lines)?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Prints one user.
pub fn show(operation: &Operation, command: &OneUser) -> Result<(), ExitError> {
    print_user(&operation.find(&command.user)?, command.output.json, |user| {
        let rows = [
            ("id", user.id.to_string()),
            ("e-mail", email(user)),
            (
                "verified",
                if user.is_email_verified() { "yes" } else { "no" }.to_owned(),
            ),
            ("name", name(user)),
            ("roles", roles(user).join(",")),
            ("status", user.status.as_str().to_owned()),
            ("created", time(user.created_at)),
            ("changed", time(user.updated_at)),
        ];
        aligned(&rows.map(|(label, value)| [format!("{label}:"), value]))
    })
}

fn row(user: &User) -> [String; 6] {
    [
        user.id.to_string(),
        email(user),
        name(user),
        roles(user).join(","),
        user.status.as_str().to_owned(),
        time(user.created_at),
    ]
}

fn email(user: &User) -> String {
    escape(user.email.as_typed()).to_string()
}

fn name(user: &User) -> String {
    let name = user.name.as_ref();
    name.map_or_else(|| "-".to_owned(), |name| escape(name.as_str()).to_string())
}
