//! What is wrong below the daemons: their units and programs, disks, swap, the kernel's settings.

use super::row;
use crate::faults::{
    lift::Lift,
    row::{Change, End, Row},
    user_data::node,
};

/// Commands that run before the bootstrap does, as what an image or a disk is like. They run once, and what they mount the
/// whole machine sees.
fn before(row: Row, commands: &str) -> Row {
    row.file("etc/lab-fault", commands).file(
        "etc/systemd/system/nodeadm-config.service.d/50-fault.conf",
        "[Service]\nExecStartPre=/bin/sh -c '[ -e /run/lab-fault ] || { touch /run/lab-fault; . /etc/lab-fault; }'\n",
    )
}

fn containerd_config(toml: &str) -> String {
    let lines: Vec<String> = toml.lines().map(|line| format!("      {line}\n")).collect();
    node(&format!("  containerd:\n    config: |\n{}", lines.concat()))
}

pub(in crate::faults) fn rows() -> Vec<Row> {
    [containerd(), kubelet(), disks()]
        .into_iter()
        .flatten()
        .collect()
}

fn containerd() -> Vec<Row> {
    vec![
        row(
            "containerd: its unit is masked",
            End::Failed,
            "runtime.not_installed",
            node(""),
        )
        .change(Change::Masked("containerd.service")),
        row(
            "containerd: its program is gone",
            End::Failed,
            "runtime.not_installed",
            node(""),
        )
        .change(Change::Missing("usr/bin/containerd")),
        row(
            "containerd: a value of the wrong type",
            End::Failed,
            "runtime.config_invalid",
            containerd_config("oom_score = \"many\""),
        ),
        row(
            "containerd: a file that it imports is no TOML",
            End::Failed,
            "runtime.config_invalid",
            containerd_config("imports = [\"/etc/containerd/conf.d/*.toml\"]"),
        )
        .file("etc/containerd/conf.d/site.toml", "[plugins\n"),
        row(
            "containerd: it takes connections and answers nothing",
            End::Waiting,
            "runtime.not_ready",
            node(""),
        )
        .file(
            "etc/systemd/system/containerd.service.d/50-stalled.conf",
            "[Service]\nExecStartPost=/bin/sh -c 'kill -STOP $MAINPID'\n",
        )
        .lift(Lift::Inside("systemctl kill --signal=CONT containerd")),
        // The node is Ready without it: the first pod shows it. One that needs no API server.
        row(
            "containerd: runc is gone",
            End::Joined,
            None,
            node("  kubelet:\n    config: {staticPodPath: /etc/kubernetes/manifests}\n"),
        )
        .change(Change::Missing("usr/sbin/runc"))
        .change(Change::Missing("usr/local/sbin/lab-runc"))
        .file(
            "etc/kubernetes/manifests/pod.yaml",
            "apiVersion: v1\nkind: Pod\nmetadata: {name: static}\nspec:\n  hostNetwork: true\n  containers:\n  - {name: pause, image: 'localhost/kubernetes/pause:latest', imagePullPolicy: Never}\n",
        )
        .finding("runtime.runc_missing"),
    ]
}

fn kubelet() -> Vec<Row> {
    // `/proc/swaps` is the host's in a container, which may have no swap: a file is bound over it, in this machine only.
    const SWAP: &str = "
printf 'Filename\\tType\\tSize\\tUsed\\tPriority\\n/dev/nvme1n1 partition 4194300 0 -2\\n' > /run/swaps
mount --bind /run/swaps /proc/swaps
";
    vec![
        row(
            "kubelet: its program is gone",
            End::Waiting,
            "bootstrap.kubelet_missing",
            node(""),
        )
        .change(Change::Missing("usr/bin/kubelet")),
        row(
            "kubelet: its unit is masked",
            End::Failed,
            "bootstrap.kubelet_missing",
            node(""),
        )
        .change(Change::Masked("kubelet.service")),
        before(
            row("swap: on", End::Waiting, "kubelet.swap_on", node("")),
            SWAP,
        )
        .lift(Lift::Inside("umount /proc/swaps")),
        before(
            row(
                "swap: on, and the kubelet is told so",
                End::Joined,
                None,
                node("  kubelet:\n    config: {failSwapOn: false}\n"),
            ),
            SWAP,
        ),
        before(
            row(
                "kernel: a setting that is not the kubelet's",
                End::Waiting,
                "kubelet.kernel_settings",
                node(""),
            ),
            "echo 0 > /run/overcommit\nmount --bind /run/overcommit /proc/sys/vm/overcommit_memory\n",
        )
        .lift(Lift::Inside("umount /proc/sys/vm/overcommit_memory")),
    ]
}

fn disks() -> Vec<Row> {
    vec![
        before(
            row(
                "disk: /var/lib is full",
                End::Failed,
                "storage.disk_full",
                node(""),
            ),
            "mount -t tmpfs -o size=64m tmpfs /var/lib\nhead -c 80m /dev/zero > /var/lib/large || true\n",
        ),
        before(
            row(
                "disk: no inode is left in /var/lib",
                End::Failed,
                "storage.inodes_exhausted",
                node(""),
            ),
            "mount -t tmpfs -o size=64m,nr_inodes=50 tmpfs /var/lib\nfor file in $(seq 60); do touch /var/lib/$file || break; done 2> /dev/null\n",
        ),
        before(
            row(
                "disk: the root is read-only",
                End::Failed,
                "storage.read_only",
                node(""),
            ),
            "journalctl --relinquish-var\nmount -o remount,bind,ro /\n",
        ),
        before(
            row(
                "disk: /var/lib fills up before the kubelet starts",
                End::Waiting,
                "storage.disk_full",
                node(""),
            ),
            "mount -t tmpfs -o size=128m tmpfs /var/lib\n",
        )
        .file(
            "etc/systemd/system/kubelet.service.d/50-fault.conf",
            "[Service]\nExecStartPre=-/bin/sh -c 'head -c 256m /dev/zero > /var/lib/large'\n",
        ),
        row(
            "local disks: the image has no setup-local-disks",
            End::Failed,
            "storage.local_disks_failed",
            node("    localStorage:\n      strategy: RAID0\n"),
        ),
    ]
}
