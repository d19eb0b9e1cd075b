//! What this process may use of its machine: processors and memory. Defaults are derived from it.
//!
//! A container sees the processors and the memory of the whole machine. Its memory limit is in its control group (cgroup),
//! version 1 or 2; a process that exceeds it is killed.

use std::fmt;
use std::fs;
use std::thread::available_parallelism;

/// The file that names the control groups of this process.
const OWN_CGROUPS: &str = "/proc/self/cgroup";

/// Where control groups are mounted.
const CGROUP_ROOT: &str = "/sys/fs/cgroup";

/// The machine's memory.
const MACHINE_MEMORY: &str = "/proc/meminfo";

/// From this limit on there is none: version 1 has the largest number of pages instead of a word.
const UNLIMITED: u64 = 1 << 60;

/// The memory that one default-sized part of the program may take in the worst case, of the whole: hashing a half, database
/// connections and client connections a quarter each. What hashing does not use at the moment is left for everything else.
const HASHING_SHARE: u64 = 2;
const DATABASE_SHARE: u64 = 4;
const CLIENTS_SHARE: u64 = 4;

/// What a connection to an embedded database may take: its page cache of 8 MiB.
const SQLITE_CONNECTION: u64 = 8 << 20;

/// What a connection to a PostgreSQL server may take, with the stack of the thread that uses it.
const POSTGRES_CONNECTION: u64 = 2 << 20;

/// What a client's connection may take: a request head of 32 KiB, a body of 16 KiB, and buffers.
const CLIENT_CONNECTION: u64 = 64 << 10;

/// The fewest database connections that the memory limit leaves: one for requests and one for background work.
const MIN_DATABASE_CONNECTIONS: u32 = 2;

/// The fewest client connections that the memory limit leaves.
const MIN_CLIENT_CONNECTIONS: u32 = 64;

/// The processors and the memory that this process may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// How many processors.
    pub cores: u32,
    /// How much memory; `None` if unknown.
    pub memory: Option<Memory>,
}

/// How much memory may be used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// In bytes.
    pub bytes: u64,
    /// The file that says so.
    pub source: String,
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MiB ({})", self.bytes >> 20, self.source)
    }
}

impl Resources {
    /// Reads what this process may use.
    pub fn detect() -> Self {
        let read = |path: &str| fs::read_to_string(path).ok();
        Self {
            cores: available_parallelism()
                .ok()
                .and_then(|cores| u32::try_from(cores.get()).ok())
                .unwrap_or(1),
            memory: memory(&read),
        }
    }

    /// How many passwords may be hashed at once: one for each processor, as long as their memory fits. At least one.
    pub fn hashing_workers(&self, memory_kib: u32) -> u32 {
        self.fitting(HASHING_SHARE, u64::from(memory_kib) << 10, self.cores)
            .max(1)
    }

    /// How many database connections there may be: `wanted`, as long as their memory fits.
    pub fn database_connections(&self, wanted: u32, is_embedded: bool) -> u32 {
        let size = if is_embedded {
            SQLITE_CONNECTION
        } else {
            POSTGRES_CONNECTION
        };
        self.fitting(DATABASE_SHARE, size, wanted)
            .max(MIN_DATABASE_CONNECTIONS.min(wanted))
    }

    /// How many client connections there may be: `wanted`, as long as their memory fits.
    pub fn client_connections(&self, wanted: u32) -> u32 {
        self.fitting(CLIENTS_SHARE, CLIENT_CONNECTION, wanted)
            .max(MIN_CLIENT_CONNECTIONS.min(wanted))
    }

    /// As many things of `size` bytes as fit into one part in `share` of the memory, `wanted` at most.
    fn fitting(&self, share: u64, size: u64, wanted: u32) -> u32 {
        let Some(memory) = &self.memory else { return wanted };
        let count = memory.bytes / share / size.max(1);
        u32::try_from(count).unwrap_or(u32::MAX).min(wanted)
    }
}

/// Finds the memory that this process may use: the least of the limits of its control groups and the machine's memory. `read`
/// returns the content of a file, if it can be read.
pub fn memory(read: &dyn Fn(&str) -> Option<String>) -> Option<Memory> {
    let machine = read(MACHINE_MEMORY)
        .and_then(|text| machine_memory(&text))
        .map(|bytes| Memory {
            bytes,
            source: MACHINE_MEMORY.to_owned(),
        });
    let limits = read(OWN_CGROUPS)
        .map(|text| limit_files(&text))
        .unwrap_or_default()
        .into_iter()
        .filter_map(|source| {
            let bytes = limit(&read(&source)?)?;
            Some(Memory { bytes, source })
        });
    limits.chain(machine).min_by_key(|memory| memory.bytes)
}

/// The files that may limit the memory of a process in these control groups, from its own group up to the root. A path that
/// does not exist here, because the control groups were mounted for a container, is passed over; the root stands for it.
fn limit_files(cgroups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in cgroups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(number), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (root, file) = if number == "0" && controllers.is_empty() {
            (CGROUP_ROOT.to_owned(), "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            (format!("{CGROUP_ROOT}/memory"), "memory.limit_in_bytes")
        } else {
            continue;
        };
        // A path with `..` leads out of what is mounted here.
        let mut group = if path.contains("..") {
            ""
        } else {
            path.trim_matches('/')
        };
        loop {
            let separator = if group.is_empty() { "" } else { "/" };
            files.push(format!("{root}{separator}{group}/{file}"));
            if group.is_empty() {
                break;
            }
            group = group.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }
    files
}

/// Parses a limit: a number of bytes, or `max`.
fn limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|bytes| *bytes < UNLIMITED)
}

/// Parses the total memory of the machine.
fn machine_memory(text: &str) -> Option<u64> {
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const MIB: u64 = 1 << 20;

    /// The memory of a process that sees these files.
    fn found(files: &[(&str, &str)]) -> Option<(u64, String)> {
        let files: BTreeMap<_, _> = files.iter().copied().collect();
        memory(&|path| files.get(path).map(|text| (*text).to_owned()))
            .map(|memory| (memory.bytes, memory.source))
    }

    const MEMINFO: (&str, &str) = (
        "/proc/meminfo",
        "MemTotal:       65536000 kB\nMemFree:         1000 kB\n",
    );

    #[test]
    fn the_limit_of_a_container_is_found_under_version_2() {
        let own = ("/proc/self/cgroup", "0::/\n");
        let limit = ("/sys/fs/cgroup/memory.max", "536870912\n");
        let source = limit.0.to_owned();
        assert_eq!(found(&[own, limit, MEMINFO]), Some((512 * MIB, source)));
        let unlimited = ("/sys/fs/cgroup/memory.max", "max\n");
        let machine = Some((65_536_000 << 10, "/proc/meminfo".to_owned()));
        assert_eq!(found(&[own, unlimited, MEMINFO]), machine);
        assert_eq!(found(&[own, MEMINFO]), machine);
    }

    #[test]
    fn the_least_limit_of_a_group_and_its_parents_counts() {
        let own = ("/proc/self/cgroup", "0::/system.slice/doorward.service\n");
        let service = "/sys/fs/cgroup/system.slice/doorward.service/memory.max";
        let slice = "/sys/fs/cgroup/system.slice/memory.max";
        assert_eq!(
            found(&[own, (service, "max"), (slice, "1073741824")]),
            Some((1024 * MIB, slice.to_owned()))
        );
        assert_eq!(
            found(&[own, (service, "268435456"), (slice, "1073741824")]),
            Some((256 * MIB, service.to_owned()))
        );
    }

    #[test]
    fn the_limit_of_a_container_is_found_under_version_1() {
        let own = (
            "/proc/self/cgroup",
            "12:cpu,cpuacct:/docker/abc\n5:hugetlb,memory:/docker/abc\n1:name=systemd:/docker/abc\n0::/docker/abc\n",
        );
        let root = "/sys/fs/cgroup/memory/memory.limit_in_bytes";
        // In a container its own group is mounted as the root, and the path of the host does not exist.
        assert_eq!(
            found(&[own, (root, "536870912\n")]),
            Some((512 * MIB, root.to_owned()))
        );
        let group = "/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes";
        assert_eq!(
            found(&[own, (group, "268435456\n"), (root, "9223372036854771712\n")]),
            Some((256 * MIB, group.to_owned()))
        );
        assert_eq!(found(&[own, (root, "9223372036854771712\n")]), None);
    }

    #[test]
    fn nothing_or_nonsense_is_no_limit() {
        assert_eq!(found(&[]), None);
        for text in ["", "0::", "nonsense", "1:memory", "0::/a\0b/../..", ":::::"] {
            assert_eq!(found(&[("/proc/self/cgroup", text)]), None);
        }
        let own = ("/proc/self/cgroup", "0::/../../elsewhere\n");
        for text in ["", "-1", "much", "18446744073709551616"] {
            assert_eq!(found(&[own, ("/sys/fs/cgroup/memory.max", text)]), None);
        }
        let limit = ("/sys/fs/cgroup/memory.max", "4096");
        assert_eq!(found(&[own, limit]), Some((4096, limit.0.to_owned())));
        assert_eq!(found(&[("/proc/meminfo", "MemTotal: many kB")]), None);
    }

    fn resources(cores: u32, mib: Option<u64>) -> Resources {
        Resources {
            cores,
            memory: mib.map(|mib| Memory {
                bytes: mib * MIB,
                source: "test".to_owned(),
            }),
        }
    }

    #[test]
    fn many_processors_under_a_small_limit_do_not_exceed_it() {
        let small = resources(64, Some(512));
        // 13 hashes of 19 MiB, 16 caches of 8 MiB, 2048 clients of 64 KiB: 503 MiB if all of them are full at once.
        assert_eq!(small.hashing_workers(19_456), 13);
        assert_eq!(small.database_connections(256, true), 16);
        assert_eq!(small.database_connections(256, false), 64);
        assert_eq!(small.client_connections(4096), 2048);
    }

    #[test]
    fn enough_memory_or_an_unknown_amount_changes_nothing() {
        for resources in [resources(64, Some(65_536)), resources(64, None)] {
            assert_eq!(resources.hashing_workers(19_456), 64);
            assert_eq!(resources.database_connections(256, true), 256);
            assert_eq!(resources.client_connections(4096), 4096);
        }
    }

    #[test]
    fn the_smallest_container_can_still_work() {
        let tiny = resources(2, Some(16));
        assert_eq!(tiny.hashing_workers(1024 * 1024), 1);
        assert_eq!(tiny.database_connections(8, true), 2);
        assert_eq!(tiny.database_connections(1, true), 1);
        assert_eq!(tiny.client_connections(4096), 64);
        assert_eq!(tiny.client_connections(10), 10);
    }
}
