//! Where things are on a node. Paths of nodeadm keep nodeadm's names: other programs look there.

/// The verdict of this boot, [`node::wire::Verdict`] as JSON.
pub const VERDICT: &str = "/run/nodeagent/verdict.json";
/// When the phases of this boot began and ended, for the boot report.
pub const BOOT: &str = "/run/nodeagent/boot.json";
/// What the config phase decided, for later phases and the daemon.
pub const PLAN: &str = "/run/nodeagent/plan.json";
/// Variables of `spec.instance.environment.default`, as JSON: a proxy's URL may hold a password, so for root only.
pub const ENVIRONMENT: &str = "/run/nodeagent/environment.json";
/// Socket of the daemon.
pub const SOCKET: &str = "/run/nodeagent/agent.sock";
/// Token of this boot for the daemon's listener on loopback.
pub const TOKEN: &str = "/run/nodeagent/token";
/// What survives a reboot.
pub const STATE: &str = "/var/lib/nodeagent";
/// Files that we wrote and therefore may remove.
pub const LEDGER: &str = "/var/lib/nodeagent/ledger.json";
/// Directory of AgentConfig documents.
pub const AGENT_CONFIG: &str = "/etc/nodeagent/config.d";
/// Directory of the owner's rules.
pub const RULES: &str = "/etc/nodeagent/rules.d";
/// Limits of instance types that the agent was not built with.
pub const INSTANCE_TYPES: &str = "/etc/nodeagent/instance-types.tsv";

/// Marker of a run phase that began.
pub const MARKER: &str = "/run/nodeadm/init";

/// The kubelet's generated configuration.
pub const KUBELET_CONFIG: &str = "/etc/kubernetes/kubelet/config.json";
/// Drop-ins over the kubelet's configuration.
pub const KUBELET_CONFIG_DIRECTORY: &str = "/etc/kubernetes/kubelet/config.json.d";
/// The user's part of the kubelet's configuration.
pub const KUBELET_CONFIG_DROP_IN: &str = "/etc/kubernetes/kubelet/config.json.d/40-nodeadm.conf";
/// The kubelet's flags, as `NODEADM_KUBELET_ARGS`.
pub const KUBELET_ENVIRONMENT: &str = "/etc/eks/kubelet/environment";
/// The kubelet's kubeconfig with which it asks for a certificate; on Outposts only.
pub const BOOTSTRAP_KUBECONFIG: &str = "/var/lib/kubelet/bootstrap-kubeconfig";
/// Certificate and key with which the kubelet serves, signed by the cluster.
pub const SERVING_CERTIFICATE: &str = "/var/lib/kubelet/pki/kubelet-server-current.pem";
/// The kubelet's kubeconfig.
pub const KUBECONFIG: &str = "/var/lib/kubelet/kubeconfig";
/// The cluster's certificate authority.
pub const CA: &str = "/etc/kubernetes/pki/ca.crt";
/// Configuration of the kubelet's image credential provider.
pub const IMAGE_CREDENTIAL_PROVIDER_CONFIG: &str = "/etc/eks/image-credential-provider/config.json";
/// The image credential provider itself.
pub const IMAGE_CREDENTIAL_PROVIDER: &str =
    "/etc/eks/image-credential-provider/ecr-credential-provider";
/// Where containerd listens, and the kubelet calls it.
pub const CONTAINERD_SOCKET: &str = "/run/containerd/containerd.sock";
/// containerd's configuration.
pub const CONTAINERD_CONFIG: &str = "/etc/containerd/config.toml";
/// OCI runtime specification that every container starts from.
pub const BASE_RUNTIME_SPEC: &str = "/etc/containerd/base-runtime-spec.json";
/// Version of the kubelet that the AMI carries.
pub const KUBELET_VERSION: &str = "/etc/eks/kubelet-version.txt";
/// Version of containerd that the AMI carries.
pub const CONTAINERD_VERSION: &str = "/etc/eks/containerd-version.txt";
/// NVIDIA's container runtime; there on images for GPUs.
pub const NVIDIA_RUNTIME: &str = "/usr/bin/nvidia-container-runtime";

/// Directory of units and their drop-ins.
pub const SYSTEMD_UNITS: &str = "/etc/systemd/system";
/// Environment of every service.
pub const SYSTEM_ENVIRONMENT: &str = "/etc/systemd/system.conf.d/environment.conf";
/// Name resolution.
pub const RESOLVED_DROP_IN: &str = "/run/systemd/resolved.conf.d/40-eks.conf";
/// Names that are known without DNS.
pub const HOSTS: &str = "/etc/hosts";
/// The SOCI snapshotter's configuration.
pub const SOCI_CONFIG: &str = "/etc/soci-snapshotter-grpc/config.toml";
/// Starts containerd after the SOCI snapshotter.
pub const SOCI_UNIT_DROP_IN: &str =
    "/etc/systemd/system/containerd.service.d/10-soci-snapshotter.conf";
/// The pause image that the AMI carries.
pub const PAUSE_IMAGE: &str = "/etc/eks/pause.tar";
/// The user's own settings of the SSM agent.
pub const SSM_CONFIG: &str = "/etc/amazon/ssm/amazon-ssm-agent.json";
/// How cloud-init ended; there once it has.
pub const CLOUD_INIT_RESULT: &str = "/run/cloud-init/result.json";
/// What cloud-init knows of the instance, for root; there after its network stage.
pub const CLOUD_INIT_INSTANCE_DATA: &str = "/run/cloud-init/instance-data-sensitive.json";
/// Documents of kind `NodeConfig` that are on the machine.
pub const NODEADM_DROP_INS: &str = "/etc/eks/nodeadm.d";
/// There while the daemons run that were started before cloud-init's final stage, and nobody has asked for them since.
pub const STARTED_EARLY: &str = "/run/nodeagent/started-early";
