//! How much memory there is, and which share of it what is stored may come to.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use procfs::{FromRead, Meminfo};

/// What is stored may count for one part of so many, of the memory that bodies in flight leave.
///
/// A counted byte costs 0.9 to 1.4 bytes of resident memory, up to 2.2 once a scrape has compressed many small
/// families (`docs/figures/stored.py` measures it). Half keeps the process below its limit.
const SHARE_PARTS: u64 = 2;
/// And at least one part of so many of all the memory, where bodies in flight leave little.
const LEAST_SHARE_PARTS: u64 = 8;

/// How much memory there is, and what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// In bytes.
    pub bytes: u64,
    /// The file that says so.
    pub file: PathBuf,
}

impl Memory {
    /// What may be stored where no flag says otherwise, in bytes, beside so many of bodies in flight.
    pub fn share(&self, in_flight_bytes_max: usize) -> u64 {
        let left = self.bytes.saturating_sub(in_flight_bytes_max as u64);
        (left / SHARE_PARTS).max(self.bytes / LEAST_SHARE_PARTS).max(1)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "half of what --push.max-bytes-in-flight leaves of {} MiB of memory ({})",
            self.bytes >> 20,
            self.file.display()
        )
    }
}

/// The physical memory, or the limit of a control group that the process is in, whichever is smaller; `None` where neither can be
/// read.
pub fn limit() -> Option<Memory> {
    limit_of(&|file| std::fs::read_to_string(file).ok())
}

/// Says at the start what bounds what is stored.
pub fn tell(bytes_max: Option<u64>, memory: Option<&Memory>) {
    match (bytes_max, memory) {
        (Some(bytes_max), Some(Memory { bytes, file })) => {
            tracing::info!(
                bytes_max,
                memory_bytes = bytes,
                memory_file = %file.display(),
                "what is stored is bounded by a share of the memory; --storage.max-bytes sets another bound"
            );
        }
        (Some(bytes_max), None) => {
            tracing::info!(bytes_max, "what is stored is bounded by --storage.max-bytes");
        }
        (None, _) => {
            tracing::warn!(
                "nothing bounds how many bytes are stored: --storage.max-bytes is 0, or the size of the memory cannot be read"
            );
        }
    }
}

/// The same, of a machine whose files `read` reads.
fn limit_of(read: &dyn Fn(&Path) -> Option<String>) -> Option<Memory> {
    let file = PathBuf::from("/proc/meminfo");
    let info = read(&file).and_then(|text| Meminfo::from_read(text.as_bytes()).ok());
    let physical = info.map(|info| Memory { bytes: info.mem_total, file });
    physical.into_iter().chain(cgroup_limits(read)).min_by_key(|memory| memory.bytes)
}

/// The limits of the control groups that the process is in, and of those around them.
fn cgroup_limits(read: &dyn Fn(&Path) -> Option<String>) -> Vec<Memory> {
    let text = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let mut limits = Vec::new();
    // Each line is ID:CONTROLLERS:PATH. Version 2 names no controllers.
    for line in text.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (mount, file) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|controller| controller == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        // A container may see its own group as the root, and its path as the host knows it. A file that is not there is
        // passed by, so that the root's counts then.
        let names =
            Path::new(path).components().filter(|part| matches!(part, Component::Normal(_)));
        let group: PathBuf = names.collect();
        limits.extend(group.ancestors().filter_map(|group| {
            let file = Path::new(mount).join(group).join(file);
            // Without a limit it says "max", or a number larger than any memory.
            let bytes = read(&file)?.trim().parse().ok()?;
            Some(Memory { bytes, file })
        }));
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:       16384000 kB\nMemFree: 1 kB\nBuffers: 1 kB\nCached: 1 kB\nSwapCached: 0 kB\nActive: 1 kB\nInactive: 1 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\nDirty: 0 kB\nWriteback: 0 kB\nAnonPages: 1 kB\nMapped: 1 kB\nSlab: 1 kB\nCommitted_AS: 1 kB\nVmallocTotal: 1 kB\nVmallocUsed: 1 kB\nVmallocChunk: 1 kB\n";

    /// What is found on a machine with these files, each with what it says.
    fn found(files: &[(&str, &str)]) -> Option<(u64, String)> {
        let read = |file: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == file);
            found.map(|(_, text)| (*text).to_owned())
        };
        let Memory { bytes, file } = limit_of(&read)?;
        Some((bytes, file.display().to_string()))
    }

    #[test]
    fn the_smallest_of_memory_and_cgroup_limits_counts_in_either_version() {
        let of = |bytes: u64, file: &str| Some((bytes, file.to_owned()));
        let memory = ("/proc/meminfo", MEMINFO);
        assert_eq!(found(&[memory]), of(16_384_000 << 10, "/proc/meminfo"));
        let (v2, v1) = (
            ("/proc/self/cgroup", "0::/a/b\n"),
            ("/proc/self/cgroup", "4:cpu:/x\n3:hugetlb,memory:/a\n0::/\n"),
        );
        let inner = ("/sys/fs/cgroup/a/b/memory.max", "max\n");
        let outer = ("/sys/fs/cgroup/a/memory.max", "1048576\n");
        assert_eq!(found(&[memory, v2, inner]), of(16_384_000 << 10, "/proc/meminfo"));
        assert_eq!(found(&[memory, v2, inner, outer]), of(1 << 20, outer.0));
        let old = ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "2097152\n");
        let none = ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(found(&[memory, v1, old, none]), of(2 << 20, old.0));
        assert_eq!(found(&[memory, v1, none]), of(16_384_000 << 10, "/proc/meminfo"));
        // A container that sees its own group as the root.
        let own = ("/sys/fs/cgroup/memory.max", "3145728\n");
        assert_eq!(found(&[memory, ("/proc/self/cgroup", "0::/../x\n"), own]), of(3 << 20, own.0));
        assert_eq!(found(&[v2, outer]), of(1 << 20, outer.0), "without the memory");
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn half_of_what_bodies_in_flight_leave_may_be_stored_and_at_least_an_eighth() {
        let memory = Memory { bytes: 1600, file: PathBuf::from("/m") };
        assert_eq!(
            [0, 600, 1300, 1700].map(|in_flight| memory.share(in_flight)),
            [800, 500, 200, 200]
        );
        assert!(limit().is_some_and(|memory| memory.bytes > 1 << 20), "of this machine");
    }
}
