//! Findings of the way to the API server: name, route, TLS, proxy.

use crate::finding::{Condition, Finding, Severity};

/// All of this area.
pub(super) const NETWORK: &[&Finding] = &[
    &NETWORK_PROXY_FAILED,
    &NETWORK_CA_MISMATCH,
    &NETWORK_DNS_NO_SUCH_HOST,
    &NETWORK_API_REFUSED,
    &NETWORK_API_TIMEOUT,
    &NETWORK_DNS_UNAVAILABLE,
    &NETWORK_NO_ROUTE,
    &NETWORK_TLS_TIMEOUT,
    &NETWORK_CERT_NAME,
    &NETWORK_API_THROTTLED,
    &NETWORK_API_UNAVAILABLE,
    &NETWORK_TLS_FAILED,
    &NETWORK_CONNTRACK_FULL,
    &NETWORK_ARP_OVERFLOW,
    &NETWORK_ENA_RESET,
    &NETWORK_ALLOWANCE_EXCEEDED,
    &NETWORK_ENI_MANAGED,
    &NETWORK_MISSING_IP_RULES,
    &NETWORK_INTERFACE_DOWN,
    &NETWORK_IP_FORWARD_OFF,
    &NETWORK_UNREGISTER_NETDEVICE,
    &NETWORK_KUBE_PROXY_SKEW,
];

/// The HTTP proxy cannot be used.
pub const NETWORK_PROXY_FAILED: Finding = Finding {
    code: "network.proxy_failed",
    title: "The HTTP proxy cannot be reached",
    severity: Severity::Fatal,
    condition: None,
    cause: "A proxy is set but does not answer or does not let the node through, or NO_PROXY lacks the metadata address, the endpoint or the service range.",
    fix: "Set NO_PROXY to include 169.254.169.254, the cluster endpoint, the VPC and service ranges, and check the proxy address and its credentials",
};

/// The API certificate is not signed by the configured CA.
pub const NETWORK_CA_MISMATCH: Finding = Finding {
    code: "network.ca_mismatch",
    title: "The API certificate is not signed by the configured CA",
    severity: Severity::Fatal,
    condition: None,
    cause: "The certificate authority in the user data belongs to another cluster, or a TLS proxy presents its own certificate.",
    fix: "Replace certificateAuthority in the NodeConfig with: aws eks describe-cluster --name CLUSTER --query cluster.certificateAuthority.data",
};

/// The API endpoint name does not resolve.
pub const NETWORK_DNS_NO_SUCH_HOST: Finding = Finding {
    code: "network.dns_no_such_host",
    title: "The API endpoint name does not resolve",
    severity: Severity::Fatal,
    condition: None,
    cause: "The resolver answers that the name does not exist: private hosted zone not associated with this VPC, DNS support off, or an endpoint of a deleted cluster.",
    fix: "Set enableDnsSupport and enableDnsHostnames on the VPC and check apiServerEndpoint in the NodeConfig",
};

/// The API endpoint refuses connections.
pub const NETWORK_API_REFUSED: Finding = Finding {
    code: "network.api_refused",
    title: "The API endpoint refuses connections",
    severity: Severity::Fatal,
    condition: None,
    cause: "A host answers but nothing listens on the port: wrong endpoint or port, a local proxy that stopped, or a name that resolves to the wrong address.",
    fix: "Compare apiServerEndpoint with: aws eks describe-cluster --name CLUSTER --query cluster.endpoint",
};

/// The API endpoint does not answer.
pub const NETWORK_API_TIMEOUT: Finding = Finding {
    code: "network.api_timeout",
    title: "The API endpoint does not answer",
    severity: Severity::Fatal,
    condition: None,
    cause: "Packets to the endpoint vanish: security group, network ACL, missing NAT route, or the node address is outside the public access list.",
    fix: "Allow TCP 443 from the node security group to the cluster security group, or enable private endpoint access",
};

/// The DNS server does not answer properly.
pub const NETWORK_DNS_UNAVAILABLE: Finding = Finding {
    code: "network.dns_unavailable",
    title: "The DNS server does not answer properly",
    severity: Severity::Fatal,
    condition: None,
    cause: "Queries get no reply or a server failure: port 53 blocked, a wrong name server in the DHCP options, a broken forwarding rule, a stopped local resolver, or the link-local packet limit.",
    fix: "Allow UDP and TCP 53 to the VPC resolver; systemctl restart systemd-resolved; check Route 53 Resolver rules",
};

/// The node has no route to where it must connect.
pub const NETWORK_NO_ROUTE: Finding = Finding {
    code: "network.no_route",
    title: "The node has no route to where it must connect",
    severity: Severity::Fatal,
    condition: None,
    cause: "The kernel has no usable route or neighbour: default route missing, interface not up yet, or a bridge network overlaps the VPC range.",
    fix: "ip route; restore the default route, or move the overlapping bridge network",
};

/// The TLS handshake with the API endpoint stalls.
pub const NETWORK_TLS_TIMEOUT: Finding = Finding {
    code: "network.tls_timeout",
    title: "The TLS handshake with the API endpoint stalls",
    severity: Severity::Fatal,
    condition: None,
    cause: "TCP connects but the handshake never completes: path MTU blackhole, a middlebox, or a control plane under load.",
    fix: "Check the path MTU (tracepath ENDPOINT) and any TLS inspection between the node and the endpoint",
};

/// The API certificate is for another name.
pub const NETWORK_CERT_NAME: Finding = Finding {
    code: "network.cert_name",
    title: "The API certificate is for another name",
    severity: Severity::Fatal,
    condition: None,
    cause: "The server certificate does not list the name used to reach it: wrong endpoint, DNS override, or a proxy.",
    fix: "Use the endpoint name printed by aws eks describe-cluster, without an alias",
};

/// The API throttles this node.
pub const NETWORK_API_THROTTLED: Finding = Finding {
    code: "network.api_throttled",
    title: "The API throttles this node",
    severity: Severity::Warning,
    condition: None,
    cause: "The API server or the EKS API limits the rate, typically when many nodes start at once and each describes the cluster.",
    fix: "Pass endpoint, CA and service range in the NodeConfig instead of describing the cluster at boot",
};

/// The API server answers with a server error.
pub const NETWORK_API_UNAVAILABLE: Finding = Finding {
    code: "network.api_unavailable",
    title: "The API server answers with a server error",
    severity: Severity::Warning,
    condition: None,
    cause: "The control plane is reachable but not serving: update in progress or overload.",
    fix: "Wait two minutes; if it lasts, check the cluster status in the EKS console",
};

/// The API endpoint does not complete a TLS handshake.
pub const NETWORK_TLS_FAILED: Finding = Finding {
    code: "network.tls_failed",
    title: "The API endpoint does not complete a TLS handshake",
    severity: Severity::Fatal,
    condition: None,
    cause: "Something takes the connection and then closes it or speaks no TLS: wrong port, a load balancer without targets, or a device between the node and the endpoint.",
    fix: "Compare apiServerEndpoint with: aws eks describe-cluster --name CLUSTER --query cluster.endpoint",
};

/// The connection tracking table is full or nearly full.
pub const NETWORK_CONNTRACK_FULL: Finding = Finding {
    code: "network.conntrack_full",
    title: "The connection tracking table is full or nearly full",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "The kernel tracks as many connections as nf_conntrack_max allows, or nearly, and drops new ones at random.",
    fix: "sysctl -w net.netfilter.nf_conntrack_max=524288 ; conntrack -L 2>/dev/null | awk '{print $5}' | sort | uniq -c | sort -n | tail shows the pod that opens them",
};

/// The neighbour table overflows.
pub const NETWORK_ARP_OVERFLOW: Finding = Finding {
    code: "network.arp_overflow",
    title: "The neighbour table overflows",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "There are more neighbours than gc_thresh3 allows, by many pods or a very large subnet: packets to new ones are dropped.",
    fix: "sysctl -w net.ipv4.neigh.default.gc_thresh2=8192 net.ipv4.neigh.default.gc_thresh3=16384",
};

/// The network adapter stalls or was reset.
pub const NETWORK_ENA_RESET: Finding = Finding {
    code: "network.ena_reset",
    title: "The network adapter stalls or was reset",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "Packets that were sent were not completed in time, or the adapter did not answer, and the driver may have reset the interface: no traffic for about a second each time. Often the CPUs are starved.",
    fix: "cat /proc/pressure/cpu ; update the kernel or its ena driver; stop and start the instance if it repeats, which moves it to another host",
};

/// The instance exceeds its network allowance.
pub const NETWORK_ALLOWANCE_EXCEEDED: Finding = Finding {
    code: "network.allowance_exceeded",
    title: "The instance exceeds its network allowance",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "EC2 holds back or drops packets of this instance: bandwidth, packets per second, tracked connections, or more than 1024 packets per second to link-local services (DNS, metadata, time).",
    fix: "Use a larger instance type or spread the busy pods; for linklocal_allowance_exceeded run NodeLocal DNSCache",
};

/// Secondary interfaces are managed by the host, not the CNI.
pub const NETWORK_ENI_MANAGED: Finding = Finding {
    code: "network.eni_managed",
    title: "Secondary interfaces are managed by the host, not the CNI",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "The network manager of the host configures interfaces that belong to the CNI, so routes contradict each other and packets come in on another interface than they should.",
    fix: "networkctl list must show all but the primary interface as unmanaged: remove the file of /etc/systemd/network that matches them",
};

/// Policy routing for pod addresses is missing.
pub const NETWORK_MISSING_IP_RULES: Finding = Finding {
    code: "network.missing_ip_rules",
    title: "Policy routing for pod addresses is missing",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "A rule or a route that the CNI made for a pod was removed, so that pods on secondary interfaces lose traffic.",
    fix: "kubectl -n kube-system delete pod -l k8s-app=aws-node --field-selector spec.nodeName=NODE ; the new one makes the rules again",
};

/// An interface the node needs is down.
pub const NETWORK_INTERFACE_DOWN: Finding = Finding {
    code: "network.interface_down",
    title: "An interface the node needs is down",
    severity: Severity::Fatal,
    condition: Some(Condition::Networking),
    cause: "The primary interface or the loopback is down. Without the loopback, probes and services of the node itself stop working too.",
    fix: "ip link set INTERFACE up ; aws ec2 describe-network-interfaces --filters Name=attachment.instance-id,Values=ID",
};

/// IP forwarding is off.
pub const NETWORK_IP_FORWARD_OFF: Finding = Finding {
    code: "network.ip_forward_off",
    title: "IP forwarding is off",
    severity: Severity::Fatal,
    condition: Some(Condition::Networking),
    cause: "The kernel forwards no packets, so pods reach nothing beyond their node, and nothing reaches them.",
    fix: "sysctl -w net.ipv4.ip_forward=1 ; then find the file of /etc/sysctl.d that sets it to 0",
};

/// A network namespace cannot be released.
pub const NETWORK_UNREGISTER_NETDEVICE: Finding = Finding {
    code: "network.unregister_netdevice",
    title: "A network namespace cannot be released",
    severity: Severity::Warning,
    condition: Some(Condition::Kernel),
    cause: "The kernel waits for the last user of a network device that is to go, mostly by a fault of its own: pods do not end, and new ones may not get a network.",
    fix: "Cordon and drain the node, then reboot it; update the kernel",
};

/// kube-proxy does not match the control plane.
pub const NETWORK_KUBE_PROXY_SKEW: Finding = Finding {
    code: "network.kube_proxy_skew",
    title: "kube-proxy does not match the control plane",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "kube-proxy asks the API server for a version of an API that it does not serve any more, or not yet: services go out of date on this node.",
    fix: "aws eks update-addon --cluster-name CLUSTER --addon-name kube-proxy --addon-version VERSION",
};
