//! CPU time and memory of a process, read from `/proc`.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

/// A process of this machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
}

/// What a process has used since it started, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) resident_bytes: u64,
}

impl Process {
    /// None once the process is gone.
    pub(crate) fn usage(self) -> Option<Usage> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let statm = fs::read_to_string(format!("/proc/{}/statm", self.pid)).ok()?;
        let resident_pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
        Some(Usage {
            cpu: cpu_of_stat(&stat)?,
            resident_bytes: resident_pages * rustix::param::page_size() as u64,
        })
    }
}

/// User and system time of a `stat` line. The command, second field, may hold blanks: the fields
/// are counted from its closing parenthesis (proc_pid_stat(5)).
fn cpu_of_stat(stat: &str) -> Option<Duration> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    Some(Duration::from_secs_f64((user + system) as f64 / ticks_per_second as f64))
}

/// The CPU time of the calling thread and how long it was ready but waited for a CPU.
pub(crate) fn own_thread_cpu() -> (Duration, Duration) {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let mut nanos = text.split_ascii_whitespace().map_while(|field| field.parse().ok());
    let mut next = || Duration::from_nanos(nanos.next().unwrap_or(0));
    (next(), next())
}

/// The process that listens on a port of this machine, if it can be seen.
pub(crate) fn process_listening_on(address: SocketAddr) -> Option<Process> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        fs::read_to_string(table).ok().and_then(|text| listening_inode(&text, address.port()))
    })?;
    let link = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let mut descriptors = fs::read_dir(entry.path().join("fd")).ok()?.flatten();
        descriptors
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|to| to.as_os_str() == link.as_str()))
            .then_some(Process { pid })
    })
}

/// The inode of the socket listening on `port` in a table of `/proc/net/tcp`'s form.
fn listening_inode(table: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (_, local_port) = fields.nth(1)?.rsplit_once(':')?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?;
        let matches = state == LISTEN && u16::from_str_radix(local_port, 16) == Ok(port);
        if matches { inode.parse().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_command_name() {
        let stat = "42 (a) b (c) S 1 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 1 1 1";
        let expected = 200.0 / rustix::param::clock_ticks_per_second() as f64;
        assert_eq!(cpu_of_stat(stat), Some(Duration::from_secs_f64(expected)));
    }

    #[test]
    fn the_listener_is_found_among_connections() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:2383 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 111 1 0 20 4 30 10 -1\n\
            1: 0100007F:2383 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0 0 10 0\n";
        assert_eq!(listening_inode(table, 0x2383), Some(222));
        assert_eq!(listening_inode(table, 0x2384), None);
    }

    #[test]
    fn this_process_is_found_by_its_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let process = process_listening_on(address).expect("found");
        assert_eq!(process.pid, std::process::id());
        assert!(process.usage().expect("alive").resident_bytes > 0);
    }
}
