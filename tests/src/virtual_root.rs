//! What the agent's config phase looks at on a machine, as files below a directory: for `nodeagent --root`.

use std::fs;
use std::io;
use std::path::Path;

/// Files that an AMI or the kernel brings.
const FILES: [(&str, &str); 6] = [
    ("etc/eks/kubelet-version.txt", "v1.34.4\n"),
    ("etc/eks/containerd-version.txt", "containerd 1.7.24\n"),
    (
        "etc/eks/image-credential-provider/ecr-credential-provider",
        "",
    ),
    ("sys/devices/system/cpu/online", "0-1\n"),
    ("sys/devices/system/cpu/cpu0/online", ""),
    ("sys/devices/system/cpu/cpu1/online", ""),
];

/// Makes the files.
pub fn prepare(root: &Path) -> io::Result<()> {
    for (path, content) in FILES {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(root))?;
        fs::write(path, content)?;
    }
    Ok(())
}

/// Whether this path, relative to the root, is one of them.
pub fn is_prepared(path: &str) -> bool {
    FILES.iter().any(|(prepared, _)| *prepared == path)
}
