//! What is wrong with the machine: CNI, kubelet, containerd, the image.

use super::row;
use crate::faults::{
    lift::Lift,
    row::{Change, End, Row},
    user_data::{hurried, node},
};

/// What a CNI plug-in's daemon does when it comes up on a node.
const CNI: &str = r#"
rm -f /etc/cni/net.d/20-broken.conflist
cat > /etc/cni/net.d/.new <<'END'
{"cniVersion": "1.0.0", "name": "lab", "plugins": [{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
 "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.244.253.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
END
mv /etc/cni/net.d/.new /etc/cni/net.d/10-lab-bridge.conflist
"#;

pub(in crate::faults) fn rows() -> Vec<Row> {
    let kubelet = |fault, code, more: &str| {
        row(
            fault,
            End::Waiting,
            code,
            node(&format!("  kubelet:\n{more}")),
        )
    };
    vec![
        row("CNI: none", End::Registered, "cni.not_ready", node(""))
            .change(Change::Removed("etc/cni/net.d/10-lab-bridge.conflist"))
            .lift(Lift::Inside(CNI)),
        row(
            "CNI: its configuration is no JSON",
            End::Registered,
            "cni.bad_config",
            node(""),
        )
        .change(Change::Removed("etc/cni/net.d/10-lab-bridge.conflist"))
        .file("etc/cni/net.d/20-broken.conflist", "{\n")
        .lift(Lift::Inside(CNI)),
        row(
            "kubelet: unknown flag",
            End::Failed,
            "kubelet.unknown_flag",
            hurried(&node("  kubelet: {flags: [--no-such-flag]}\n")),
        ),
        kubelet(
            "kubelet: a value that is out of range",
            "kubelet.config_invalid",
            "    config: {imageGCHighThresholdPercent: 40, imageGCLowThresholdPercent: 80}\n",
        ),
        kubelet(
            "kubelet: a value of the wrong type",
            "kubelet.config_invalid",
            "    config: {registryPullQPS: many}\n",
        ),
        kubelet(
            "kubelet: unknown feature gate",
            "kubelet.config_invalid",
            "    config: {featureGates: {NoSuchGate: true}}\n",
        ),
        kubelet(
            "kubelet: a label that nodes may not set",
            "kubelet.bad_node_label",
            "    flags: [--node-labels=node-role.kubernetes.io/worker=yes]\n",
        ),
        row(
            "kubelet: its port is taken",
            End::Waiting,
            "kubelet.port_in_use",
            node(""),
        )
        .file(
            "etc/systemd/system/kubelet.service.d/50-second.conf",
            "[Service]\nExecStartPre=-/usr/bin/systemd-run --unit=second-kubelet /usr/bin/socat TCP-LISTEN:10250,fork /dev/null\n",
        )
        .lift(Lift::Inside(
            "rm /etc/systemd/system/kubelet.service.d/50-second.conf; systemctl daemon-reload; systemctl stop second-kubelet",
        )),
        row(
            "kubelet: an image without it",
            End::Failed,
            "bootstrap.kubelet_missing",
            node(""),
        )
        .change(Change::Missing("usr/bin/kubelet"))
        .change(Change::Missing("etc/eks/kubelet-version.txt")),
        row(
            "kubelet: its CA file is gone",
            End::Waiting,
            "kubelet.client_ca_missing",
            node(""),
        )
        .file(
            "etc/systemd/system/kubelet.service.d/50-hardening.conf",
            "[Service]\nExecStartPre=rm -f /etc/kubernetes/pki/ca.crt\n",
        ),
        row(
            "kubelet: an unknown field of its configuration",
            End::Joined,
            None,
            node("  kubelet:\n    config: {noSuchField: 1}\n"),
        ),
        row(
            "containerd: the CRI plug-in is off",
            End::Waiting,
            "runtime.cri_unavailable",
            node(
                "  containerd:\n    config: |\n      disabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n",
            ),
        ),
        row(
            "containerd: its socket is elsewhere",
            End::Waiting,
            "runtime.socket_missing",
            node(
                "  containerd:\n    config: |\n      [grpc]\n      address = \"/run/elsewhere.sock\"\n",
            ),
        ),
        row(
            "containerd: a configuration of a later version",
            End::Failed,
            "bootstrap.containerd_config_version",
            node(
                "  containerd:\n    config: |\n      version = 3\n      [plugins.\"io.containerd.cri.v1.runtime\"]\n      enable_selinux = false\n",
            ),
        ),
        row(
            "image: no credential provider",
            End::Failed,
            "bootstrap.credential_provider_missing",
            node(""),
        )
        .change(Change::Missing(
            "etc/eks/image-credential-provider/ecr-credential-provider",
        )),
    ]
}
