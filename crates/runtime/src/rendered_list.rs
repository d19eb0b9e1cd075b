//! The published list of revocations, as a surface renders it.

use std::sync::Arc;

use doorward_domain::token::RevocationDigests;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;

use crate::application::Application;
use crate::error::ExecutorError;

/// The complete list, rendered once per change and not on a thread that serves requests.
pub struct RenderedList<T> {
    /// The number of changes of the list, and its form. Locked while it is rendered: others wait for the result.
    latest: Mutex<Option<(u64, T)>>,
}

impl<T> Default for RenderedList<T> {
    fn default() -> Self {
        Self {
            latest: Mutex::new(None),
        }
    }
}

impl<T: Clone + Send + 'static> RenderedList<T> {
    /// The list, at least as recent as that number of changes.
    pub async fn get(
        &self,
        app: &Arc<Application>,
        changes: u64,
        render: impl FnOnce(&RevocationDigests) -> T + Send + 'static,
    ) -> Result<T, ExecutorError> {
        let mut latest = self.latest.lock().await;
        if let Some((known, rendered)) = &*latest
            && *known >= changes
        {
            return Ok(rendered.clone());
        }
        let app = Arc::clone(app);
        let work = move || {
            let (changes, digests) = app.revocations().all();
            (changes, render(&digests))
        };
        let (changes, rendered) = spawn_blocking(work)
            .await
            .map_err(|_panicked| ExecutorError::Panicked { lane: "blocking" })?;
        *latest = Some((changes, rendered.clone()));
        Ok(rendered)
    }
}
