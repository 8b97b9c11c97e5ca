//! Findings of image pulls.

use crate::finding::{Condition, Finding, Severity};

/// All of this area.
pub(super) const IMAGE: &[&Finding] = &[&IMAGE_SANDBOX_UNAVAILABLE];

/// The pause image is not available.
pub const IMAGE_SANDBOX_UNAVAILABLE: Finding = Finding {
    code: "image.sandbox_unavailable",
    title: "The pause image is not available",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "No pod can start: the pause image was removed or never loaded and the runtime cannot pull it (it has no registry credentials of its own).",
    fix: "systemctl restart sandbox-image, or use an AMI with the image built in; keep it out of image garbage collection",
};
