//! Limits of instance types: the table that the agent was built with, and on the node a newer one over it.
//!
//! An AMI outlives the day it was built on, and EC2 gets new types all the time. `generate.py` of the table writes the file
//! [`path::INSTANCE_TYPES`]; for the types that it has, it wins.

use std::collections::BTreeMap;

use node::chain::Chain;
use node::max_pods::{InstanceType, Table};

use super::Facts;
use crate::host::path;
use crate::host::root::Root;

/// The tables of a node.
#[derive(Debug)]
pub struct InstanceTypes {
    newer: Option<Table>,
    embedded: Table,
    /// Why the newer table is not used although there is one.
    pub warning: Option<String>,
}

impl Facts {
    /// Looks the instance type up in the tables. Returns why the newer table is not used although there is one.
    pub fn complete_from_tables(&mut self, root: &Root) -> Option<String> {
        let types = InstanceTypes::read(root);
        self.known_type = types.find(&self.instance.instance_type);
        types.warning
    }
}

impl InstanceTypes {
    /// Reads the newer table, if there is one. A broken one is not used, and that is said.
    pub fn read(root: &Root) -> Self {
        let unused = |reason: String| {
            format!(
                "the table of instance types `{}` is not used, the one of nodeagent is: {reason}",
                path::INSTANCE_TYPES
            )
        };
        let (newer, warning) = match root.read_text(path::INSTANCE_TYPES) {
            Ok(None) => (None, None),
            Ok(Some(text)) => match Table::parse(&text) {
                Ok(table) => (Some(table), None),
                Err(error) => (None, Some(unused(error.to_string()))),
            },
            Err(error) => (None, Some(unused(Chain(&error).to_string()))),
        };
        Self {
            newer,
            embedded: Table::embedded(),
            warning,
        }
    }

    /// What is known about an instance type.
    pub fn find(&self, instance_type: &str) -> Option<InstanceType> {
        self.newer
            .as_ref()
            .and_then(|table| table.find(instance_type))
            .or_else(|| self.embedded.find(instance_type))
    }

    /// Every known type by its name.
    pub fn all(&self) -> BTreeMap<&str, InstanceType> {
        self.embedded
            .instance_types()
            .chain(self.newer.iter().flat_map(Table::instance_types))
            .collect()
    }

    /// Known types that somebody may have meant by an unknown name.
    pub fn similar(&self, name: &str) -> Vec<&str> {
        self.newer
            .iter()
            .map(|table| table.similar(name))
            .find(|similar| !similar.is_empty())
            .unwrap_or_else(|| self.embedded.similar(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEWER: &str = "# a\n# b\n# crc32 of the rows: 93bc06e8\nm5.large\t4\t11\t2\tnitro\t8192\nz9.large\t3\t10\t2\tnitro\t8192\n";

    fn read(text: &str) -> InstanceTypes {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write(path::INSTANCE_TYPES, text.as_bytes(), 0o644)
            .unwrap();
        InstanceTypes::read(&root)
    }

    #[test]
    fn the_newer_table_wins_for_the_types_that_it_has() {
        let types = read(NEWER);
        assert_eq!(types.warning, None);
        assert_eq!(types.find("m5.large").unwrap().limits.enis, 4);
        assert_eq!(types.find("z9.large").unwrap().limits.enis, 3);
        assert_eq!(types.find("m5.xlarge").unwrap().limits.enis, 4);
        let all = types.all();
        assert_eq!(all.len(), Table::embedded().instance_types().count() + 1);
        assert_eq!(all["m5.large"].limits.enis, 4);
        assert_eq!(types.similar("z9.lrage"), ["z9.large"]);
    }

    #[test]
    fn a_broken_table_is_a_warning_with_its_line() {
        let types = read(&NEWER.replace("z9.large\t3", "z9.large\tthree"));
        assert_eq!(types.find("z9.large"), None);
        assert_eq!(types.find("m5.large").unwrap().limits.enis, 3);
        let warning = types.warning.unwrap();
        assert!(
            warning.starts_with(
                "the table of instance types `/etc/nodeagent/instance-types.tsv` is not used, the one of nodeagent is: line 5: "
            ),
            "{warning}"
        );
    }

    #[test]
    fn most_nodes_have_no_newer_table() {
        let directory = tempfile::tempdir().unwrap();
        let types = InstanceTypes::read(&Root::new(directory.path()));
        assert_eq!(types.warning, None);
        assert!(types.find("m5.large").is_some());
    }
}
