//! The scheduling priority of threads whose work may wait for the work of others.

/// How much nicer than the rest of the process such a thread is. Ten steps leave it about a tenth of the processor when
/// there is other work, and all of it when there is none.
#[cfg(target_os = "linux")]
const NICER: i32 = 10;

/// Lowers the priority of the calling thread. Where that cannot be done the thread works as any other.
#[cfg(target_os = "linux")]
pub(crate) fn lower() {
    use rustix::process::{getpriority_process, setpriority_process};

    // On Linux the priority is a thread's, and a thread's number names it.
    let thread = Some(rustix::thread::gettid());
    let lowered = getpriority_process(thread).and_then(|now| setpriority_process(thread, now + NICER));
    if let Err(error) = lowered {
        tracing::debug!(%error, "the priority of a thread could not be lowered");
    }
}

/// Elsewhere a priority is the whole process's, which must not be lowered.
#[cfg(not(target_os = "linux"))]
pub(crate) const fn lower() {}
