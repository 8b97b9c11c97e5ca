//! Findings of the way to the API server: name, route, TLS, proxy.

use crate::finding::{Finding, Severity};

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
