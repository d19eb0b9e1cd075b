//! The use cases of Doorward, one per file, each with an error type of its own.
//!
//! A use case is a struct of its dependencies: ports as trait objects, policies as values. It is built where it is called,
//! and runs once. An operation that requires a permission takes the proof
//! ([`Granted`](doorward_domain::access::Granted)) as an argument, or, where an operator may run it at the command line, an
//! [`Administrator`].
//!
//! No password is hashed inside a transaction: a use case reads, hashes, then checks again and writes. Use cases that hash
//! offer these steps as phases too, because hashing and storing have separate limits; a phase takes the value that the one
//! before returned.

mod account;
mod administrator;
mod attempt;
mod audit;
mod job;
mod key;
mod mail;
mod password;
mod ports;
mod session;
mod setup;
mod token;
mod use_cases;

#[cfg(test)]
mod tests;

pub use account::create_user::{CreateUser, CreateUserAsOperator, CreateUserError, HashedUser};
pub use account::creation::AccountCreation;
pub use account::delete_account::{DeleteAccount, DeleteAccountError, VerifiedDeletion};
pub use account::delete_user::{DeleteUser, DeleteUserError};
pub use account::find_user::{FindUser, UserReference};
pub use account::list_users::{ListUsers, UserPage};
pub use account::new_account::{AccountDraft, AccountRules};
pub use account::register::{HashedRegistration, IsTaken, Register, RegisterError};
pub use account::set_roles::{SetRoles, SetRolesError};
pub use account::update_account::{UpdateAccount, UpdateAccountError};
pub use account::update_user::{UpdateUser, UpdateUserError};
pub use account::view_user::{ViewAccount, ViewUser, ViewUserError};
pub use administrator::Administrator;
pub use attempt::check::{AttemptError, CountedAttempt, PasswordCheck, PendingAttempt};
pub use attempt::protocol::PasswordAttempt;
pub use attempt::unlock_user::{UnlockUser, UnlockUserError};
pub use audit::list_events::{EventPage, ListEvents};
pub use audit::record_summaries::{RecordSummaries, Summary};
pub use job::claim::{ClaimJobs, ClaimedJobs, Missed};
pub use job::delete_expired::{DeleteExpired, DeletedRows};
pub use job::schedule::ScheduleNext;
pub use job::settle::{JobError, SettleJob, Settlement};
pub use key::list_keys::{KeyEntry, ListKeys};
pub use mail::deliver::{BegunDelivery, DeliverMail, DeliveryReport};
pub use mail::list_mails::ListMails;
pub use mail::notice::NoticePolicy;
pub use password::change_password::{ChangePassword, ChangePasswordError, VerifiedChange};
pub use password::check_pepper::{CheckPepper, CheckPepperError};
pub use ports::{Clock, Ports};
pub use session::end_sessions::{
    EndOtherSessions, EndSession, EndSessionError, EndUserSessions, LogoutEverywhere,
};
pub use session::list_sessions::{ListSessions, ListSessionsError};
pub use session::login::{Login, LoginError, VerifiedLogin};
pub use session::logout::Logout;
pub use session::refresh::{Refresh, RefreshError};
pub use session::token_issuer::{TokenIssuer, TokenPair};
pub use setup::complete_setup::{AcceptedToken, CompleteSetup, CompleteSetupError, HashedSetup};
pub use setup::issue_setup_token::{IssueSetupToken, SetupTokenStatus, setup_token_digest};
pub use token::authenticate::{Authenticate, AuthenticateError};
pub use use_cases::{Policies, UseCases};
