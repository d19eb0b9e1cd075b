//! Records the statements that connections of this thread run, through Diesel's instrumentation.

use std::cell::RefCell;
use std::sync::Once;

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};

thread_local! {
    /// The statements that this thread has run since recording started; `None` while it is off.
    static RECORDED: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Makes connections report their statements. Must be called before the store is opened.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        set_default_instrumentation(|| Some(Box::new(record) as Box<dyn Instrumentation>))
            .expect("no other instrumentation");
    });
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that Diesel requires")]
fn record(event: InstrumentationEvent<'_>) {
    if let InstrumentationEvent::StartQuery { query, .. } = event {
        RECORDED.with_borrow_mut(|recorded| {
            if let Some(recorded) = recorded {
                let with_values = query.to_string();
                let sql = with_values.split(" -- binds: ").next().unwrap_or_default();
                recorded.push(sql.trim().to_owned());
            }
        });
    }
}

/// Starts recording on this thread.
pub(crate) fn start() {
    RECORDED.set(Some(Vec::new()));
}

/// Stops recording and returns the statements in order, without their values.
pub(crate) fn stop() -> Vec<String> {
    RECORDED.take().unwrap_or_default()
}

/// Runs a task of the test itself without recording its statements.
pub(crate) fn without_recording<T>(task: impl FnOnce() -> T) -> T {
    let recorded = RECORDED.take();
    let result = task();
    RECORDED.set(recorded);
    result
}
