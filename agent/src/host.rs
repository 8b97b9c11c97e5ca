//! The ports to the outside: everything that touches the machine, the network or AWS goes through here.
//!
//! A leaf: nothing here decides anything or knows a plan. Who needs a fake in a test takes the port as a value
//! ([`root::Root`] below a temporary directory, [`imds::Imds`] against a local service) or through its trait
//! ([`systemd::Units`], [`exec::Run`]).

pub mod access_review;
pub mod aws;
pub mod blocks;
mod body;
pub mod connect;
pub mod console;
pub mod cri;
pub mod environment;
pub mod exec;
pub mod imds;
pub mod inotify;
pub mod journal;
pub mod kmsg;
pub mod kubernetes;
pub mod log_file;
pub mod loopback;
pub mod new_file;
pub mod notify;
pub mod own_node;
pub mod path;
pub mod process;
pub mod random;
pub mod root;
pub mod socket;
pub mod standard_input;
pub mod systemd;
pub mod tally;
pub mod time_sync;
pub mod volume;
pub mod waiting;

/// Time since the start of the kernel, on the clock that systemd's own timestamps are on and that is never set.
pub fn monotonic() -> std::time::Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    std::time::Duration::new(
        u64::try_from(now.tv_sec).unwrap_or_default(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}

/// The kernel's id of this boot, `/proc/sys/kernel/random/boot_id`; empty where there is none.
pub fn boot_id(root: &root::Root) -> String {
    root.read_text("/proc/sys/kernel/random/boot_id")
        .ok()
        .flatten()
        .map_or_else(String::new, |id| id.trim().to_owned())
}

/// Name of this machine; `localhost` where there is none.
pub fn host_name(root: &root::Root) -> String {
    root.read_text("/proc/sys/kernel/hostname")
        .ok()
        .flatten()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty() && !name.contains(char::is_whitespace))
        .unwrap_or_else(|| "localhost".to_owned())
}

/// Whether this machine is a container, as systemd has found at its start: then what the kernel tells of itself as a whole
/// belongs to the host. <https://systemd.io/CONTAINER_INTERFACE/>
pub fn is_container(root: &root::Root) -> bool {
    root.exists("/run/systemd/container")
}
