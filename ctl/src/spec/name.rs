//! Names that are made up: `metadata.generateName`.

use node::config::yaml::Node;

use super::Cluster;

/// How many random letters follow a `generateName`.
pub(super) const SUFFIX_LENGTH: usize = 5;
/// The letters of a suffix, those that Kubernetes takes: no vowels and nothing that looks alike, so that no word comes out.
///
/// Source: `k8s.io/apimachinery/pkg/util/rand`.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

/// The same cluster with a name, if it has none but the beginning of one. `random` are random bits.
#[must_use]
pub fn with_generated_name(mut cluster: Cluster, random: u128) -> Cluster {
    let metadata = &mut cluster.metadata;
    if let (true, Some(beginning)) = (metadata.name.is_empty(), &metadata.generate_name) {
        metadata.name = format!("{beginning}{}", suffix(random));
    }
    cluster
}

fn suffix(random: u128) -> String {
    let mut rest = random;
    let letters = std::iter::repeat_with(|| {
        let count = LETTERS.len() as u128;
        let letter = usize::try_from(rest % count).ok();
        rest /= count;
        letter.and_then(|letter| LETTERS.get(letter)).copied()
    });
    letters
        .take(SUFFIX_LENGTH)
        .flatten()
        .map(char::from)
        .collect()
}

/// The text of a document with `name` written before its `generateName`, all else as it was; `None` when it has none.
/// `tree` is what the text was read to.
pub fn with_name_written(text: &str, tree: &Node, name: &str) -> Option<String> {
    let metadata = tree.get("metadata")?.entries();
    let place = metadata
        .iter()
        .find(|entry| entry.key == "generateName")?
        .place;
    let mut written = String::with_capacity(text.len() + name.len() + 8);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if index + 1 == place.line {
            let column = line.char_indices().nth(place.column.checked_sub(1)?)?.0;
            let (before, after) = line.split_at_checked(column)?;
            let separator = if before.trim().is_empty() {
                format!("\n{before}")
            } else {
                ", ".to_owned()
            };
            written.extend([before, "name: ", name, &separator, after]);
        } else {
            written.push_str(line);
        }
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn a_generated_name_has_five_letters_of_kubernetes() {
        assert_eq!(suffix(0), "bbbbb");
        assert_eq!(suffix(u128::MAX), suffix(u128::MAX));
        assert_ne!(suffix(1), suffix(2));
        // 27 to the power of five names, each of which some bits give.
        assert_eq!(suffix(27_u128.pow(5) - 1), "99999");
        assert_eq!(suffix(27_u128.pow(5)), "bbbbb");
    }

    #[test]
    fn a_name_that_is_there_stays() {
        let text = "apiVersion: nodectl.dev/v1alpha1\nkind: Cluster\nmetadata:\n  # why\n  generateName: dev-\nspec: {version: '1.34'}\n";
        let (cluster, tree) = read("a.yaml", text).0.unwrap();
        let named = with_generated_name(cluster, 0);
        assert_eq!(named.metadata.name, "dev-bbbbb");
        let written = with_name_written(text, &tree, "dev-bbbbb").unwrap();
        assert_eq!(
            written,
            text.replace("  generateName", "  name: dev-bbbbb\n  generateName")
        );
        let (again, tree) = read("a.yaml", &written).0.unwrap();
        assert_eq!(with_generated_name(again.clone(), 1), again);
        assert_eq!(again, named);
        assert!(with_name_written(&written, &tree, "x").is_some());
    }

    #[test]
    fn a_name_is_written_into_a_map_on_one_line_too() {
        let text = "apiVersion: nodectl.dev/v1alpha1\nkind: Cluster\nmetadata: {region: eu-west-1, generateName: ä}\nspec: {version: '1.34'}";
        let (_, tree) = read("a.yaml", text).0.unwrap();
        let written = with_name_written(text, &tree, "b").unwrap();
        assert!(
            written.contains("{region: eu-west-1, name: b, generateName: ä}"),
            "{written}"
        );
        let (cluster, tree) = read("a.yaml", &written).0.unwrap();
        assert_eq!(cluster.metadata.name, "b");
        let none = text.replace("generateName", "name");
        let (_, tree_of_none) = read("a.yaml", &none).0.unwrap();
        assert_eq!(with_name_written(&none, &tree_of_none, "c"), None);
        assert!(with_name_written("", &tree, "c").is_some_and(|text| text.is_empty()));
    }
}
