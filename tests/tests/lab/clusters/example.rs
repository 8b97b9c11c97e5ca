//! The documents of `examples/clusters`, with the ids of what is there in this account.

use lab::{cluster, file};

use super::{Place, witness};

/// A shape of cluster: file of `examples/clusters` and name of its cluster.
pub(super) const SHAPES: [&str; 4] = ["existing-vpc", "new-vpc", "self-managed", "pinned-ami"];

/// Region of the examples, by the letters that their zones are written with.
const REGIONS: [&str; 2] = ["ap-northeast-2", "us-east-2"];

/// The example as a document of this account; the VPC that it expects is made, as another tool would.
pub(super) async fn document(place: &Place, shape: &str) -> String {
    let path = cluster::repository().join(format!("examples/clusters/{shape}.yaml"));
    let mut text = file::read(&path).unwrap();
    for region in REGIONS {
        text = text.replace(region, cluster::REGION);
    }
    if text.contains("vpc-0a1b2c3d4e5f60718") {
        for (example, id) in witness::network(place).await {
            text = text.replace(example, &id);
        }
    }
    if text.contains("ami-0123456789abcdef0") {
        text = text.replace("ami-0123456789abcdef0", &witness::image(place).await);
    }
    place.document(&format!("{shape}.yaml"), &text);
    format!("{shape}.yaml")
}
