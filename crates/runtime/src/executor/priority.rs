//! Scheduling priority of the password lane's threads.

/// The increment of the nice value. Ten steps leave a thread about a tenth of the processor while other threads work, and
/// all of it otherwise.
#[cfg(target_os = "linux")]
const NICE_INCREMENT: i32 = 10;

/// Lowers the priority of the calling thread. If that fails the thread keeps the normal priority.
#[cfg(target_os = "linux")]
pub(crate) fn lower() {
    use rustix::process::{getpriority_process, setpriority_process};

    // On Linux the nice value is per thread, and `setpriority` accepts a thread id.
    let thread = Some(rustix::thread::gettid());
    let lowered =
        getpriority_process(thread).and_then(|now| setpriority_process(thread, now + NICE_INCREMENT));
    if let Err(error) = lowered {
        tracing::debug!(%error, "lowering the priority of a thread failed, it runs with normal priority");
    }
}

/// On other systems the nice value is per process, and must not be changed.
#[cfg(not(target_os = "linux"))]
pub(crate) const fn lower() {}
