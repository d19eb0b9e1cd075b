//! Processor time, memory and writes of a process, from Linux's `/proc`.

use std::fs;

use crate::BenchResult;

/// Clock ticks per second of processor time in `/proc`: 100 on every platform that Doorward supports.
const TICKS: u64 = 100;

/// Processor time of a process, in microseconds with a resolution of 10 ms.
pub(crate) fn cpu_micros(pid: u32) -> BenchResult<u64> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat"))?)
}

/// The user and system time in `/proc/PID/stat`. The name in parentheses may contain any character.
fn parse_stat(line: &str) -> BenchResult<u64> {
    let (_, rest) = line.rsplit_once(')').ok_or("no name in /proc/PID/stat")?;
    // The first field after the name is the 3rd, the state; the times are the 14th and 15th.
    let mut times = rest
        .split_ascii_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse::<u64>);
    let mut next = || times.next().ok_or("a short line in /proc/PID/stat");
    Ok((next()?? + next()??) * (1_000_000 / TICKS))
}

/// Processor time of the calling thread, in microseconds.
pub(crate) fn own_thread_micros() -> BenchResult<u64> {
    let line = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: u64 = line.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanos / 1000)
}

/// Resident memory of a process, in bytes.
pub(crate) fn resident(pid: u32) -> BenchResult<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(field(&status, "VmRSS")? * 1024)
}

/// Bytes that a process has caused to be written to disk.
pub(crate) fn written(pid: u32) -> BenchResult<u64> {
    field(&fs::read_to_string(format!("/proc/{pid}/io"))?, "write_bytes")
}

/// The number in a line `name: number …`.
fn field(text: &str, name: &str) -> BenchResult<u64> {
    let value = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.split_ascii_whitespace().next())
        .ok_or_else(|| format!("/proc has no field {name}"))?;
    Ok(value.parse()?)
}

/// A short description of the machine.
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) memory_gib: u64,
    pub(crate) processor: String,
    pub(crate) system: String,
}

impl Machine {
    pub(crate) fn describe() -> BenchResult<Self> {
        let memory = field(&fs::read_to_string("/proc/meminfo")?, "MemTotal")?;
        let processors = fs::read_to_string("/proc/cpuinfo")?;
        let processor = processors
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.trim() == "model name")
            .map_or("unknown", |(_, name)| name.trim())
            .to_owned();
        let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
        let version: Vec<_> = release.trim().split(['.', '-']).take(2).collect();
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            memory_gib: memory.div_ceil(1024 * 1024),
            processor,
            system: format!("{} {}", std::env::consts::OS, version.join(".")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_parsed_with_any_process_name() {
        let line = "4711 (a) R 9 (b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20";
        assert_eq!(parse_stat(line).unwrap(), 2_000_000);
        assert!(parse_stat("4711 (a) S 1 2").is_err());
        assert!(parse_stat("").is_err());
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "cancelled_write_bytes: 1\nwrite_bytes: 4096\nVmRSS:\t  20 kB\n";
        assert_eq!(field(text, "write_bytes").unwrap(), 4096);
        assert_eq!(field(text, "VmRSS").unwrap(), 20);
        assert!(field(text, "VmPeak").is_err());
    }

    #[test]
    fn the_figures_of_this_process_are_available() {
        let pid = std::process::id();
        assert!(cpu_micros(pid).is_ok());
        assert!(resident(pid).unwrap() > 100_000);
        assert!(own_thread_micros().is_ok());
        assert!(Machine::describe().unwrap().cores > 0);
    }
}
