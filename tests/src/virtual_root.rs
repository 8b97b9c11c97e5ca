//! What the agent's config phase looks at on a machine, as files below a directory: for `nodeagent --root`.

use std::fs;
use std::io;
use std::path::Path;

/// What an AMI and the kernel bring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Version of the kubelet, such as `1.34.4`; `None` when none is installed.
    pub kubelet: Option<String>,
    /// Version of containerd, such as `1.7.24`; `None` when none is installed.
    pub containerd: Option<String>,
    /// Logical CPUs, all of them online.
    pub cpus: u32,
    /// Memory in GiB, all of it online.
    pub memory_gib: u64,
}

impl Default for Image {
    /// A machine of type `m5.large`.
    fn default() -> Self {
        Self {
            kubelet: Some("1.34.4".to_owned()),
            containerd: Some("1.7.24".to_owned()),
            cpus: 2,
            memory_gib: 8,
        }
    }
}

impl Image {
    /// Makes the files.
    pub fn write(&self, root: &Path) -> io::Result<()> {
        let write = |path: &str, content: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap_or(root))?;
            fs::write(path, content)
        };
        write(
            "etc/eks/image-credential-provider/ecr-credential-provider",
            "",
        )?;
        // No machine is without `/var/lib`.
        write("var/lib/systemd/random-seed", "")?;
        if let Some(version) = &self.kubelet {
            write("etc/eks/kubelet-version.txt", &format!("v{version}\n"))?;
        }
        if let Some(version) = &self.containerd {
            write(
                "etc/eks/containerd-version.txt",
                &format!("containerd {version}\n"),
            )?;
        }
        let last = self.cpus.saturating_sub(1);
        write("sys/devices/system/cpu/online", &format!("0-{last}\n"))?;
        for cpu in 0..self.cpus {
            write(&format!("sys/devices/system/cpu/cpu{cpu}/online"), "1\n")?;
        }
        // Blocks of 1 GiB; the kernel writes the size in hexadecimal digits.
        write(
            "sys/devices/system/memory/block_size_bytes",
            &format!("{:x}\n", 1_u64 << 30),
        )?;
        for block in 0..self.memory_gib {
            write(
                &format!("sys/devices/system/memory/memory{block}/online"),
                "1\n",
            )?;
        }
        Ok(())
    }
}
