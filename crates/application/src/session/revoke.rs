//! Ending sessions and making access tokens untrue, in one place, so that nothing ends without being revoked.
//!
//! Entries of the log of revocations are numbered in the order in which transactions commit, which means that whoever
//! writes one keeps others from doing so until its own transaction ends. The log is therefore the last thing written.

use doorward_domain::account::User;
use doorward_domain::id::{SessionId, UserId};
use doorward_domain::session::EndReason;
use doorward_domain::store::Repositories;
use doorward_domain::store_error::StoreResult;
use doorward_domain::time::Timestamp;
use doorward_domain::token::Revoked;

/// Ends a session, and makes its access tokens untrue. Answers whether it had not ended before.
pub(crate) fn end_session(
    repos: &mut dyn Repositories,
    session: SessionId,
    reason: EndReason,
    now: Timestamp,
) -> StoreResult<bool> {
    let ended = repos.sessions().end(session, reason, now)?;
    if ended {
        repos.revocations().append(&[Revoked::Session(session)], now)?;
    }
    Ok(ended)
}

/// Ends these sessions, and makes their access tokens untrue. Answers those that had not ended before.
pub(crate) fn end_sessions(
    repos: &mut dyn Repositories,
    sessions: Vec<SessionId>,
    reason: EndReason,
    now: Timestamp,
) -> StoreResult<Vec<SessionId>> {
    let mut ended = Vec::new();
    for session in sessions {
        if repos.sessions().end(session, reason, now)? {
            ended.push(session);
        }
    }
    revoke_sessions(repos, &ended, now)?;
    Ok(ended)
}

fn revoke_sessions(repos: &mut dyn Repositories, ended: &[SessionId], now: Timestamp) -> StoreResult<()> {
    if ended.is_empty() {
        return Ok(());
    }
    let revoked: Vec<Revoked> = ended.iter().copied().map(Revoked::Session).collect();
    repos.revocations().append(&revoked, now)
}

/// Ends every session of `user` but `except`, and makes their access tokens untrue. Answers how many it ended.
pub(crate) fn end_all_sessions(
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

/// Makes every access token of `user` from before its present version untrue.
pub(crate) fn revoke_earlier_versions(
    repos: &mut dyn Repositories,
    user: &User,
    now: Timestamp,
) -> StoreResult<()> {
    repos.revocations().append(
        &[Revoked::User {
            id: user.id,
            lowest_version: user.version,
        }],
        now,
    )
}

/// Makes every access token of `user`, who is being deleted, untrue.
pub(crate) fn revoke_all_versions(
    repos: &mut dyn Repositories,
    user: &User,
    now: Timestamp,
) -> StoreResult<()> {
    repos.revocations().append(
        &[Revoked::User {
            id: user.id,
            lowest_version: user.version.next(),
        }],
        now,
    )
}
