//! Does the node stall on memory or on disks? <https://docs.kernel.org/accounting/psi.html>

use node::finding;

use super::reading::{Open, Reading};
use crate::host::{self, root::Root};

/// Percentages of a minute in which nothing ran at all because everything waited for this. Below half of it that is over.
const LIMITS: [(&str, f64); 2] = [("memory", 20.0), ("io", 40.0)];

/// What the kernel says of each; nothing of a container, which is shown its host.
pub fn look(root: &Root) -> Vec<(&'static str, f64)> {
    if host::is_container(root) {
        return Vec::new();
    }
    LIMITS
        .into_iter()
        .filter_map(|(resource, _)| {
            // A kernel that is told not to measure (`psi=0`) has the file, and refuses to read it.
            let text = root.read_text(format!("/proc/pressure/{resource}"));
            Some((resource, average(&text.ok().flatten()?)?))
        })
        .collect()
}

/// `avg60` of the line `full`.
fn average(text: &str) -> Option<f64> {
    let full = text.lines().find_map(|line| line.strip_prefix("full "))?;
    full.split(' ')
        .find_map(|word| word.strip_prefix("avg60="))?
        .parse()
        .ok()
}

/// What that means.
pub fn judge(averages: &[(&'static str, f64)], open: &Open) -> Vec<Reading> {
    averages
        .iter()
        .filter_map(|(resource, average)| {
            let (_, limit) = LIMITS.iter().find(|(name, _)| name == resource)?;
            let finding = &finding::KERNEL_PRESSURE;
            if *average < limit / 2.0 {
                return Some(Reading::passed(finding, *resource));
            }
            let is_fault = average >= limit || open.has(finding, resource);
            is_fault.then(|| {
                Reading::failed(
                    finding,
                    *resource,
                    format!("all tasks waited for {resource} {average:.2} % of the last minute (full avg60 of /proc/pressure/{resource})"),
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(memory: f64, io: f64, open: &Open) -> Vec<(String, bool)> {
        let readings = judge(&[("memory", memory), ("io", io)], open).into_iter();
        readings
            .map(|reading| (reading.object, reading.failure.is_some()))
            .collect()
    }

    #[test]
    fn stalls_are_told_until_they_are_half_as_long() {
        let nothing = Open::default();
        let (memory, io) = ("memory".to_owned(), "io".to_owned());
        assert_eq!(
            told(0.0, 0.0, &nothing),
            [(memory.clone(), false), (io.clone(), false)]
        );
        assert_eq!(told(20.0, 39.9, &nothing), [(memory.clone(), true)]);
        assert_eq!(told(10.0, 40.0, &nothing), [(io.clone(), true)]);
        let known = Open::one(&finding::KERNEL_PRESSURE, "io");
        assert_eq!(told(9.9, 20.0, &known), [(memory, false), (io, true)]);
    }

    #[test]
    fn what_the_kernel_measures_is_read_where_it_is_this_nodes() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(look(&root), []);
        let text = "some avg10=24.13 avg60=33.44 avg300=21.06 total=913843526\nfull avg10=1.00 avg60=2.25 avg300=0.00 total=12\n";
        root.write("/proc/pressure/io", text.as_bytes(), 0o644)
            .unwrap();
        assert_eq!(look(&root), [("io", 2.25)]);
        root.write("/run/systemd/container", b"systemd-nspawn\n", 0o644)
            .unwrap();
        assert_eq!(look(&root), []);
    }
}
