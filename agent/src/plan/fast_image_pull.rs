//! The feature `FastImagePull`: the SOCI snapshotter pulls and unpacks the layers of an image in parallel.
//!
//! Formats: <https://github.com/awslabs/soci-snapshotter/blob/main/docs/parallel-mode.md> and, for containerd,
//! <https://github.com/awslabs/soci-snapshotter/blob/main/docs/eks.md>.

use crate::facts::Facts;
use crate::host::path;

use super::PlannedFile;

/// What it takes: below it, pulling in parallel starves what else runs.
const MEMORY_BYTES: u64 = 7 * 1024 * 1024 * 1024;
const MILLICORES: u32 = 4000;

/// The image service that the kubelet talks to in the place of containerd's.
pub(super) const ENDPOINT: &str = "unix:///run/soci-snapshotter-grpc/soci-snapshotter-grpc.sock";

/// Keys start their line, because people change them with `sed`.
const CONFIG: &str = r#"debug = false

[content_store]
type = 'containerd'

[cri_keychain]
enable_keychain = true
image_service_path = '/run/containerd/containerd.sock'

[pull_modes.parallel_pull_unpack]
enable = true
concurrent_download_chunk_size = "16mb"
discard_unpacked_layers = true
max_concurrent_downloads = -1
max_concurrent_downloads_per_image = 20
max_concurrent_unpacks = -1
max_concurrent_unpacks_per_image = 12

[pull_modes.parallel_pull_unpack.decompress_streams."gzip"]
path = '/usr/bin/unpigz'
args = ['-d', '-c']
"#;

const UNIT_DROP_IN: &str = "[Unit]
Requires=soci-snapshotter.service
After=soci-snapshotter.service
";

/// Whether the machine is large enough; the error says why it is not.
pub(super) fn fits(facts: &Facts) -> Result<(), String> {
    let millicores = facts.cores.saturating_mul(1000);
    let memory = facts
        .online_memory_bytes
        .unwrap_or(facts.memory_mebibytes * 1024 * 1024);
    if memory >= MEMORY_BYTES && millicores >= MILLICORES {
        return Ok(());
    }
    Err(format!(
        "`spec.featureGates.FastImagePull` has no effect: it takes {} MiB of memory and {MILLICORES} millicores, and this machine has {} MiB and {millicores}",
        MEMORY_BYTES / (1024 * 1024),
        memory / (1024 * 1024),
    ))
}

/// The snapshotter's configuration, and containerd started after it.
pub(super) fn files() -> [PlannedFile; 2] {
    [
        PlannedFile {
            path: path::SOCI_CONFIG.into(),
            mode: 0o644,
            content: CONFIG.to_owned(),
        },
        PlannedFile {
            path: path::SOCI_UNIT_DROP_IN.into(),
            mode: 0o644,
            content: UNIT_DROP_IN.to_owned(),
        },
    ]
}
