//! The processes of this machine, or of this container: those that PID 1's own `/proc` shows.

use super::root::Root;

/// How many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Processes {
    /// Threads of all of them, the kernel's own included: each takes a process id.
    pub threads: u64,
    /// Those that have ended and that no parent has asked after.
    pub zombies: u64,
}

/// Counts them, at the cost of one file for each: `proc_pid_stat(5)`.
pub fn count(root: &Root) -> Processes {
    let mut counted = Processes::default();
    for name in root.list("/proc").unwrap_or_default() {
        if !name.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        // Names of programs may hold any bytes. Who has ended since is no process any more.
        let Ok(Some(stat)) = root.read(format!("/proc/{name}/stat")) else {
            continue;
        };
        if let Some((state, threads)) = state_and_threads(&String::from_utf8_lossy(&stat)) {
            counted.threads += threads;
            counted.zombies += u64::from(state == "Z");
        }
    }
    counted
}

/// State and number of threads: fields 3 and 20. The second field is a name in brackets, which may hold brackets.
fn state_and_threads(stat: &str) -> Option<(&str, u64)> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    let state = fields.next()?;
    Some((state, fields.nth(16)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_and_zombies_are_counted_whatever_programs_are_called() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        for (path, content) in [
            (
                "/proc/1/stat",
                "1 (systemd) S 0 1 1 0 -1 4194560 13310 1061 93 7 34 66 1 3 20 0 1 0 3 22978560 3161 18446744073709551615 1 1 0 0 0 0 671173123 4096 1260 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
            ),
            (
                "/proc/812/stat",
                "812 (a) Z 1 (b) S 1 812 812 0 -1 1077936384 9 0 0 0 2 1 0 0 20 0 14 0 511 1800 2 3\n",
            ),
            (
                "/proc/900/stat",
                "900 (sh) Z 812 900 812 0 -1 4228108 130 0 0 0 0 0 0 0 20 0 1 0 8123 0 0 3\n",
            ),
            ("/proc/901/stat", "\n"),
            (
                "/proc/self/stat",
                "1 (x) Z 0 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 3 0\n",
            ),
        ] {
            root.write(path, content.as_bytes(), 0o644).unwrap();
        }
        let expected = Processes {
            threads: 16,
            zombies: 1,
        };
        assert_eq!(count(&root), expected);
        assert_eq!(count(&Root::new("/nowhere")), Processes::default());
    }
}
