//! Ending sessions and revoking access tokens, in one place, so that no session ends without its tokens being revoked.
//!
//! A single session is ended by the log of revocations itself
//! ([`end_session`](doorward_domain::token::RevocationLog::end_session)).

use doorward_domain::account::User;
use doorward_domain::audit::Event;
use doorward_domain::context::RequestContext;
use doorward_domain::id::{SessionId, UserId};
use doorward_domain::session::EndReason;
use doorward_domain::store::Repositories;
use doorward_domain::store_error::StoreResult;
use doorward_domain::subject::SubjectVersion;
use doorward_domain::time::Timestamp;
use doorward_domain::token::Revoked;

fn revoke_sessions(repos: &mut dyn Repositories, ended: &[SessionId], now: Timestamp) -> StoreResult<()> {
    // Accessed even if nothing is to be added: this instance then reads the log before it responds, so that a session that
    // another instance has ended is over here too.
    let log = repos.revocations();
    if ended.is_empty() {
        return Ok(());
    }
    let revoked: Vec<Revoked> = ended.iter().copied().map(Revoked::Session).collect();
    log.append(&revoked, now)
}

/// Ends every session of `user` except `except`, and revokes their access tokens. Returns how many it ended.
fn end_all_sessions(
    repos: &mut dyn Repositories,
    user: UserId,
    except: Option<SessionId>,
    reason: EndReason,
    now: Timestamp,
) -> StoreResult<usize> {
    let ended = repos.sessions().end_all(user, except, reason, now)?;
    revoke_sessions(repos, &ended, now)?;
    Ok(ended.len())
}

/// Ends every session of `user` except `except`, and records it in one event if there was any.
pub(crate) fn end_all(
    repos: &mut dyn Repositories,
    user: UserId,
    except: Option<SessionId>,
    reason: EndReason,
    event: Event,
    context: &RequestContext,
) -> StoreResult<()> {
    let ended = end_all_sessions(repos, user, except, reason, context.now)?;
    if ended > 0 {
        let event = event
            .of(user)
            .with("reason", reason.as_str())
            .with("sessions", ended.to_string());
        repos.events().append(&event)?;
    }
    Ok(())
}

/// Revokes every access token of `user` with a version below the current one.
pub(crate) fn revoke_earlier_versions(
    repos: &mut dyn Repositories,
    user: &User,
    now: Timestamp,
) -> StoreResult<()> {
    revoke_below(repos, user, user.version, now)
}

/// Revokes every access token of `user`, who is being deleted.
pub(crate) fn revoke_all_versions(
    repos: &mut dyn Repositories,
    user: &User,
    now: Timestamp,
) -> StoreResult<()> {
    revoke_below(repos, user, user.version.next(), now)
}

fn revoke_below(
    repos: &mut dyn Repositories,
    user: &User,
    lowest_version: SubjectVersion,
    now: Timestamp,
) -> StoreResult<()> {
    let revoked = Revoked::Subject {
        subject: user.id.into(),
        lowest_version,
    };
    repos.revocations().append(&[revoked], now)
}
