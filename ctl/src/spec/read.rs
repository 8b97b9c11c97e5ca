//! Text to a typed [`Cluster`], with everything in it that does not fit the definition.

use node::config::problem::{Problem, bounded};
use node::config::yaml::{Node, Value};
use node::config::{Document, whole};

use super::definition::CLUSTER;
use super::{Cluster, Files, check};

/// Reads a `cluster.yaml` and says everything that does not fit its definition. `name` is what errors call it.
///
/// What does not fit is not in the cluster and its tree, so that [`check()`] can be asked about the rest; with a problem
/// that [prevents](Problem::prevents_start) it, nothing may be done with the cluster. There is none when too much is wrong.
pub fn read(name: &str, text: &str) -> (Option<(Cluster, Node)>, Vec<Problem>) {
    let document = Document {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let (tree, mut problems) = whole::tree(&CLUSTER, &document, 0);
    let Some(mut tree) = tree else {
        return (None, problems);
    };
    // From the last to the first, so that the index of an item of a list still counts when it is its turn.
    for problem in problems.iter().rev() {
        remove(&mut tree, &problem.path);
    }
    match serde_json::from_value::<Cluster>(tree.to_json()) {
        Ok(cluster) => (Some((cluster, tree)), bounded(problems)),
        Err(error) => {
            if problems.is_empty() {
                problems.push(Problem::fatal(&[], format!("not a Cluster: {error}")));
            }
            (None, bounded(problems))
        }
    }
}

/// Reads a `cluster.yaml` and says everything that can be known to be wrong with it before AWS is asked. There is a cluster
/// unless a problem prevents that anything is done with it. `files` reads the files that it names.
pub fn checked(
    name: &str,
    text: &str,
    files: impl FnOnce(&Cluster) -> Files,
) -> (Option<(Cluster, Node, Files)>, Vec<Problem>) {
    let (read, mut problems) = read(name, text);
    let read = read.map(|(cluster, tree)| {
        let files = files(&cluster);
        problems.extend(check(&cluster, &tree, &files));
        (cluster, tree, files)
    });
    problems.sort_by_key(|problem| problem.place.map(|place| (place.line, place.column)));
    let problems = bounded(problems);
    let is_usable = !problems.iter().any(|problem| problem.prevents_start);
    (read.filter(|_| is_usable), problems)
}

/// Takes a value out of the tree, if it is there.
fn remove(tree: &mut Node, path: &[String]) {
    let Some((last, before)) = path.split_last() else {
        return;
    };
    let parent = before
        .iter()
        .try_fold(tree, |node, step| match &mut node.value {
            Value::List(items) => items.get_mut(index(step)?),
            Value::Map(entries) => {
                let entry = entries.iter_mut().find(|entry| entry.key == *step)?;
                Some(&mut entry.node)
            }
            _ => None,
        });
    match parent.map(|parent| &mut parent.value) {
        Some(Value::Map(entries)) => entries.retain(|entry| entry.key != *last),
        Some(Value::List(items)) => {
            if let Some(index) = index(last).filter(|index| *index < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
}

/// The number in `[3]`.
fn index(step: &str) -> Option<usize> {
    step.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: nodectl.dev/v1alpha1\nkind: Cluster\n";

    fn told(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_wrong_is_left_out_and_the_rest_is_read() {
        let text = format!(
            "{HEAD}metadata: {{name: a, nam: b}}
spec:
  version: '1.34'
  logging: {{types: [api, audits, scheduler, kubelet]}}
  vpc: {{nat: singel, zoneCount: two}}
"
        );
        let (read, problems) = read("a.yaml", &text);
        let (cluster, _) = read.unwrap();
        assert_eq!(
            told(&problems),
            [
                "`metadata.nam` is not a field of Cluster; did you mean `name`?",
                "`spec.logging.types[1]` is none of `api`, `audit`, `authenticator`, `controllerManager`, `scheduler`; did you mean `audit`?",
                "`spec.logging.types[3]` is none of `api`, `audit`, `authenticator`, `controllerManager`, `scheduler`",
                "`spec.vpc.nat` is none of `none`, `single`, `perZone`; did you mean `single`?",
                "`spec.vpc.zoneCount` is a string where a whole number that is not negative is expected",
            ]
        );
        assert_eq!(cluster.spec.logging.types.len(), 2);
        assert_eq!(cluster.spec.vpc.zone_count, 3);
    }

    #[test]
    fn other_documents_and_keys_that_stand_twice_are_refused() {
        let one = |text: &str| {
            let (read, problems) = read("a.yaml", text);
            assert!(problems[0].prevents_start);
            (read.is_some(), told(&problems))
        };
        assert_eq!(
            one("apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\n").1,
            [
                "`apiVersion` is not that of a Cluster; expected `apiVersion: nodectl.dev/v1alpha1`, `kind: Cluster`"
            ]
        );
        let (is_read, problems) = one(&format!(
            "{HEAD}metadata: {{name: a, name: b}}\nspec: {{version: '1.34'}}\n"
        ));
        assert!(is_read);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(
            one(&format!("{HEAD}metadata: {{name: a}}\n")),
            (false, vec!["`spec` is missing".to_owned()])
        );
        assert_eq!(
            one(&format!(
                "{HEAD}metadata: {{name: a}}\nspec: {{version: 1.30}}\n"
            ))
            .1,
            ["`spec.version` is a number where a string is expected; put it in quotes"]
        );
    }

    #[test]
    fn a_taint_without_its_effect_is_told_though_no_cluster_can_be_made_of_it() {
        let text = format!(
            "{HEAD}metadata: {{name: a}}\nspec: {{version: '1.34', nodeGroups: [{{name: a, taints: [{{key: b}}]}}]}}\n"
        );
        let (read, problems) = read("a.yaml", &text);
        assert!(read.is_none());
        assert_eq!(
            told(&problems),
            ["`spec.nodeGroups[0].taints[0].effect` is missing"]
        );
    }
}
