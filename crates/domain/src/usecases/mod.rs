//! What Doorward does, one file a use case, each with its own errors.
//!
//! A use case is a struct of what it needs: ports as trait objects, policies as values. It is made where it is called and
//! run once. Whatever needs a permission takes the proof ([`Granted`](crate::access::Granted)) as an argument.
//!
//! No password is ever hashed inside a transaction: read, hash, then check again and write. Use cases that hash offer
//! these as phases too, because hashing and storing are bounded apart; what one phase makes the next one takes.

mod authenticate;
mod budget;
mod change_password;
mod complete_setup;
mod create_user;
mod delete_account;
mod delete_user;
mod end_sessions;
mod list_events;
mod list_keys;
mod list_sessions;
mod list_users;
mod login;
mod logout;
mod new_account;
mod offer_setup;
mod password_check;
mod record_refusals;
mod refresh;
mod register;
mod revoke;
mod set_roles;
mod sweep;
mod token_issuer;
mod unlock_user;
mod update_account;
mod update_user;
mod view_user;

#[cfg(test)]
mod tests;

pub use authenticate::{Authenticate, AuthenticateError};
pub use change_password::{ChangePassword, ChangePasswordError, VerifiedChange};
pub use complete_setup::{CompleteSetup, CompleteSetupError, HashedSetup, OpenSetup};
pub use create_user::{CreateUser, CreateUserAsOperator, CreateUserError, HashedUser};
pub use delete_account::{DeleteAccount, DeleteAccountError, VerifiedDeletion};
pub use delete_user::{DeleteUser, DeleteUserError};
pub use end_sessions::{EndOtherSessions, EndSession, EndSessionError, EndUserSessions, LogoutEverywhere};
pub use list_events::{EventPage, ListEvents};
pub use list_keys::{KeyEntry, ListKeys};
pub use list_sessions::{ListSessions, ListSessionsError};
pub use list_users::{ListUsers, UserPage};
pub use login::{Login, LoginError, VerifiedLogin};
pub use logout::Logout;
pub use new_account::{AccountDraft, AccountRules};
pub use offer_setup::{OfferSetup, SetupOffer, setup_token_digest};
pub use password_check::{CountedGuess, Guess, GuessError, PasswordCheck};
pub use record_refusals::{RecordRefusals, Refusals};
pub use refresh::{Refresh, RefreshError};
pub use register::{HashedRegistration, Register, RegisterError, Registration};
pub use set_roles::{SetRoles, SetRolesError};
pub use sweep::{Sweep, Swept};
pub use token_issuer::{TokenIssuer, TokenPair};
pub use unlock_user::{UnlockUser, UnlockUserError};
pub use update_account::{UpdateAccount, UpdateAccountError};
pub use update_user::{UpdateUser, UpdateUserError};
pub use view_user::{ViewAccount, ViewUser, ViewUserError};
