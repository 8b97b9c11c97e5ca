//! Devices of the machine that decide what it is told.

use crate::host::root::{Error, Root};

const PCI_DEVICES: &str = "/sys/bus/pci/devices";
/// PCI vendor id of NVIDIA, <https://pcisig.com/membership/member-companies>.
const NVIDIA: &str = "0x10de";

/// Whether a PCI device of NVIDIA is present.
pub(super) fn has_nvidia(root: &Root) -> Result<bool, Error> {
    for device in root.list(PCI_DEVICES)? {
        let vendor = root.read_text(format!("{PCI_DEVICES}/{device}/vendor"))?;
        if vendor.is_some_and(|vendor| vendor.trim() == NVIDIA) {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_is_told_by_its_vendor() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let write = |device: &str, vendor: &str| {
            root.write(
                format!("{PCI_DEVICES}/{device}/vendor"),
                vendor.as_bytes(),
                0o444,
            )
            .unwrap();
        };
        write("0000:00:04.0", "0x1d0f\n");
        assert!(!has_nvidia(&root).unwrap());
        write("0000:00:1e.0", "0x10de\n");
        assert!(has_nvidia(&root).unwrap());
    }
}
