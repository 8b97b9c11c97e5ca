//! How a machine is started: its layers mounted where only it sees them, in a control group of its own, on the lab's
//! bridge, its console in a file.

use std::{ffi::OsString, path::Path, time::Duration};

use rustix::fs::inotify;

use super::{MachineError, kernel_log, root};
use crate::{
    cloud::record::MachineRecord,
    file,
    image::Image,
    lifecycle::Lab,
    network,
    process::Service,
    wait::{self, Poll},
};

/// Mounts the machine's root and hides the host's `/run`, where nspawn leaves directories, then becomes the rest. Both
/// mounts are in a namespace of the machine's, so that nothing has to be unmounted when it ends, however it ends.
const MOUNT: &str = r#"set -e
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2,workdir=$3" "$4"
mount -t tmpfs tmpfs /run
shift 4
exec "$@""#;

/// What systemd, containerd and the kubelet of one machine take of the inotify instances that a user may have.
const WATCHES: usize = 14;

/// Where they are used up, containerd and the kubelet fail with "too many open files", which leads nobody here.
fn ensure_watches() -> Result<(), MachineError> {
    let free: Vec<_> = (0..WATCHES)
        .map_while(|_| inotify::init(inotify::CreateFlags::CLOEXEC).ok())
        .collect();
    if free.len() == WATCHES {
        return Ok(());
    }
    let limit = file::read(Path::new("/proc/sys/fs/inotify/max_user_instances"))?;
    Err(MachineError::NoWatches {
        free: free.len(),
        needed: WATCHES,
        limit: limit.trim().to_owned(),
    })
}

/// Starts the machine and waits until its PID 1 runs.
pub(super) async fn start(
    lab: &Lab,
    record: &MachineRecord,
    image: &Image,
) -> Result<(), MachineError> {
    ensure_watches()?;
    let directory = lab.layout.machine(&record.name);
    let group = lab.machine_group(record);
    // Groups of an earlier machine would have systemd's services killed.
    group.remove().await?;

    // The host's kernel log carries the lines of all machines; this one's is its own, and empty at each boot.
    let kernel_log = kernel_log::path(lab, record);
    file::write(&kernel_log, "")?;
    let machine_root = directory.join("root");
    let mut lower = OsString::new();
    for layer in &image.layers {
        if !lower.is_empty() {
            lower.push(":");
        }
        lower.push(layer);
    }
    let running = Service::new("unshare", group)
        .in_network(lab.layout.network_namespace())
        .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
        .args([
            "--mount",
            "--propagation",
            "private",
            "--",
            "sh",
            "-c",
            MOUNT,
            "mount",
        ])
        .arg(lower)
        .args([
            &root::layer(lab, record),
            &directory.join("work"),
            &machine_root,
        ])
        .args([
            "systemd-nspawn",
            "--quiet",
            "--register=no",
            "--keep-unit",
            "--link-journal=no",
            "--resolv-conf=off",
            "--timezone=off",
            "--console=read-only",
            "--private-network",
            "--network-veth",
            "--capability=all",
            // What containerd and the kubelet's probes call and nspawn would refuse.
            "--system-call-filter=@keyring bpf perf_event_open",
        ])
        .arg(format!("--network-bridge={}", network::BRIDGE))
        .arg(format!("--machine={}", record.name))
        .arg(format!("--hostname={}", record.local_hostname))
        // A kernel would number what programs of the machine write there; a file cannot.
        .arg(bind_read_only(&kernel_log, "/dev/kmsg"))
        // Snapshots of an overlay cannot lie on an overlay.
        .arg(bind(&directory.join("containerd"), "/var/lib/containerd"))
        // By this cloud-init knows that it is on EC2, where DMI is not the machine's own.
        .arg(bind(&directory.join("uuid"), "/sys/hypervisor/uuid"))
        .arg("--directory")
        .arg(&machine_root)
        .arg("--boot")
        .start(&record.console);
    let mut running = running?;

    let what = format!("systemd of `{}` running", record.name);
    wait::until(&what, Duration::from_secs(30), async || {
        if let Some(end) = running.ended() {
            return Poll::Never(end);
        }
        match lab.machine_init(record) {
            Some(_) => Poll::Ready(()),
            None => Poll::Pending("no PID 1 yet".to_owned()),
        }
    })
    .await
    .map_err(|source| MachineError::NotBooted {
        name: record.name.clone(),
        console: record.console.clone(),
        last_words: file::tail(&record.console, 20),
        source: Box::new(source),
    })
}

fn bind(from: &Path, to: &str) -> OsString {
    mount("--bind=", from, to)
}

fn bind_read_only(from: &Path, to: &str) -> OsString {
    mount("--bind-ro=", from, to)
}

fn mount(option: &str, from: &Path, to: &str) -> OsString {
    let mut option = OsString::from(option);
    option.push(from);
    option.push(":");
    option.push(to);
    option
}
