//! Findings of image pulls.

use crate::finding::{Condition, Finding, Severity};

/// All of this area.
pub(super) const IMAGE: &[&Finding] = &[
    &IMAGE_SANDBOX_UNAVAILABLE,
    &IMAGE_UNAUTHORIZED,
    &IMAGE_FORBIDDEN,
    &IMAGE_NOT_FOUND,
    &IMAGE_REGISTRY_UNREACHABLE,
    &IMAGE_REGISTRY_DNS,
    &IMAGE_REGISTRY_TLS,
    &IMAGE_RATE_LIMITED,
    &IMAGE_CREDENTIAL_PROVIDER_FAILED,
    &IMAGE_NO_SPACE,
    &IMAGE_WRONG_PLATFORM,
];

/// The pause image is not available.
pub const IMAGE_SANDBOX_UNAVAILABLE: Finding = Finding {
    code: "image.sandbox_unavailable",
    title: "The pause image is not available",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "No pod can start: the pause image was removed or never loaded and the runtime cannot pull it (it has no registry credentials of its own).",
    fix: "systemctl restart sandbox-image, or use an AMI with the image built in; keep it out of image garbage collection",
};

/// The registry wants credentials.
pub const IMAGE_UNAUTHORIZED: Finding = Finding {
    code: "image.unauthorized",
    title: "The registry wants credentials that were not sent",
    severity: Severity::Warning,
    condition: None,
    cause: "No credentials were sent or they were not accepted: the credential provider is absent or not meant for this registry, the role cannot get an ECR token, or the repository is private or does not exist.",
    fix: "aws iam attach-role-policy --role-name ROLE --policy-arn arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly ; check /etc/eks/image-credential-provider",
};

/// The registry refuses this role.
pub const IMAGE_FORBIDDEN: Finding = Finding {
    code: "image.forbidden",
    title: "The registry refuses this role",
    severity: Severity::Warning,
    condition: None,
    cause: "The registry knows who asks and says no: the policy of the repository or of the VPC endpoint, or a pull from another account without permission.",
    fix: "Allow the node role in the repository policy and in the policy of the VPC endpoints",
};

/// The image does not exist in the registry.
pub const IMAGE_NOT_FOUND: Finding = Finding {
    code: "image.not_found",
    title: "The image does not exist in the registry",
    severity: Severity::Info,
    condition: None,
    cause: "The tag or the repository is wrong: an error of the workload, unless it is an image of the system.",
    fix: "Correct the name of the image",
};

/// The registry cannot be reached or is failing.
pub const IMAGE_REGISTRY_UNREACHABLE: Finding = Finding {
    code: "image.registry_unreachable",
    title: "The registry cannot be reached or is failing",
    severity: Severity::Warning,
    condition: None,
    cause: "There is no way from the node to the registry or to its layer store (endpoints for ecr.api, ecr.dkr or s3 are missing, or there is no NAT), or the registry itself answers with errors.",
    fix: "Create endpoints for com.amazonaws.REGION.ecr.api and com.amazonaws.REGION.ecr.dkr (interface) and com.amazonaws.REGION.s3 (gateway) in the node subnets",
};

/// The registry name does not resolve.
pub const IMAGE_REGISTRY_DNS: Finding = Finding {
    code: "image.registry_dns",
    title: "The registry name does not resolve",
    severity: Severity::Warning,
    condition: None,
    cause: "The name server of the node does not know the host of the registry, or does not answer.",
    fix: "resolvectl query HOST; check the VPC resolver and the name of the image",
};

/// The registry certificate is not trusted.
pub const IMAGE_REGISTRY_TLS: Finding = Finding {
    code: "image.registry_tls",
    title: "The registry certificate is not trusted",
    severity: Severity::Warning,
    condition: None,
    cause: "A proxy that looks into TLS or a private registry shows a certificate of its own authority, or the authorities of the node are missing.",
    fix: "Add the authority to the trust store of the node (update-ca-trust), then: systemctl restart containerd",
};

/// The registry limits the pull rate.
pub const IMAGE_RATE_LIMITED: Finding = Finding {
    code: "image.rate_limited",
    title: "The registry limits the pull rate",
    severity: Severity::Warning,
    condition: None,
    cause: "Too many pulls come from this address or account.",
    fix: "Use a pull-through cache or authenticated pulls",
};

/// The image credential provider fails.
pub const IMAGE_CREDENTIAL_PROVIDER_FAILED: Finding = Finding {
    code: "image.credential_provider_failed",
    title: "The image credential provider fails",
    severity: Severity::Warning,
    condition: None,
    cause: "The program that gets ECR tokens cannot get the credentials of the instance or cannot reach ECR.",
    fix: "Run ecr-credential-provider by hand; check that IMDS answers and that the node role may use ECR",
};

/// An image cannot be unpacked for lack of space.
pub const IMAGE_NO_SPACE: Finding = Finding {
    code: "image.no_space",
    title: "An image cannot be unpacked for lack of space",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "The volume of the containers is full.",
    fix: "crictl rmi --prune; enlarge the data volume",
};

/// The image is not built for this CPU.
pub const IMAGE_WRONG_PLATFORM: Finding = Finding {
    code: "image.wrong_platform",
    title: "The image is not built for this CPU",
    severity: Severity::Info,
    condition: None,
    cause: "The image has no variant for this architecture, such as one for amd64 alone on a Graviton node.",
    fix: "Publish a multi-architecture image or select nodes by kubernetes.io/arch",
};
