//! A `cluster.yaml` for a command: read, checked, named, with the files that it refers to.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use node::config::yaml::Node;
use node::config::{Document, excerpt, problem::Problem};

use super::error::Error;
use crate::apply::{file, journal};
use crate::observe::choices::Choices;
use crate::print::Printer;
use crate::spec::{self, Cluster, Files};

/// How standard input is written on a command line.
const STANDARD_INPUT: &str = "-";
/// A document is written by hand; nothing that is longer is one.
const LONGEST_BYTES: u64 = 4 << 20;

/// A document that can be planned.
pub(super) struct ClusterFile {
    /// What it says.
    pub(super) cluster: Cluster,
    /// Texts of the files that its parts of user data name, by their names.
    pub(super) files: BTreeMap<String, String>,
    path: PathBuf,
    document: Document,
    tree: Node,
}

impl ClusterFile {
    /// Reads a document and the files that it names. Everything that is wrong with it is printed at once.
    pub(super) fn read(path: &Path, printer: &mut Printer) -> Result<Self, Error> {
        let document = document(path)?;
        let (read, problems) = spec::checked(&document.name, &document.text, |cluster| {
            named_files(cluster, path)
        });
        tell(&problems, &document, printer);
        let Some((cluster, tree, files)) = read else {
            return Err(Error::Spec {
                name: document.name,
            });
        };
        // A document with a file that cannot be read is refused.
        let files = files.into_iter();
        Ok(Self {
            cluster,
            files: files
                .filter_map(|(name, text)| Some((name, text.ok()?)))
                .collect(),
            path: path.to_owned(),
            document,
            tree,
        })
    }

    /// Gives a cluster its name that says only how it begins. With `is_kept` the name is written into the document, so that
    /// the next run means the same cluster.
    pub(super) fn name(&mut self, is_kept: bool, printer: &mut Printer) -> Result<(), Error> {
        if !self.cluster.metadata.name.is_empty() {
            return Ok(());
        }
        let random = journal::random().map_err(|source| Error::File {
            act: "reading",
            path: journal::RANDOM.into(),
            source,
        })?;
        let cluster = spec::with_generated_name(self.cluster.clone(), random);
        let name = cluster.metadata.name.clone();
        self.cluster = cluster;
        if !is_kept {
            printer.note(&format!(
                "`{name}` stands for the name, which `nodectl apply` generates and writes into the document"
            ));
            return Ok(());
        }
        let written = spec::with_name_written(&self.document.text, &self.tree, &name);
        let Some(text) = written.filter(|_| self.path != Path::new(STANDARD_INPUT)) else {
            return Err(Error::NameNotKept { name });
        };
        let kept = fs::metadata(&self.path)
            .map(|metadata| metadata.permissions().mode() & 0o777)
            .and_then(|mode| file::replace(&self.path, mode, text.as_bytes()));
        kept.map_err(|source| Error::File {
            act: "writing",
            path: self.path.clone(),
            source,
        })?;
        printer.note(&format!(
            "the cluster is called `{name}`, which is now written in {}",
            self.document.name
        ));
        Ok(())
    }

    /// Prints what is wrong with the choices in this account and region, all at once.
    pub(super) fn check(&self, choices: &Choices, printer: &mut Printer) -> Result<(), Error> {
        let problems = spec::check_choices(&self.cluster, &self.tree, choices);
        tell(&problems, &self.document, printer);
        if problems.iter().any(|problem| problem.prevents_start) {
            return Err(Error::Spec {
                name: self.document.name.clone(),
            });
        }
        Ok(())
    }
}

/// The text of a file or of standard input.
pub(super) fn document(path: &Path) -> Result<Document, Error> {
    let failed = |source| Error::File {
        act: "reading",
        path: path.to_owned(),
        source,
    };
    let (name, text) = if path == Path::new(STANDARD_INPUT) {
        ("standard input".to_owned(), bounded(io::stdin()))
    } else {
        (format!("`{}`", path.display()), text(path))
    };
    let text = text.map_err(failed)?;
    Ok(Document { name, text })
}

fn text(path: &Path) -> io::Result<String> {
    fs::File::open(path).and_then(bounded)
}

fn bounded(reader: impl io::Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(LONGEST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST_BYTES {
        let error = format!("longer than {} MiB", LONGEST_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, error));
    }
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Prints problems, each in its line.
pub(super) fn tell(problems: &[Problem], document: &Document, printer: &mut Printer) {
    for problem in problems {
        printer.note(&excerpt::render(problem, std::slice::from_ref(document)));
    }
}

/// The files that parts of user data name, from the directory of the document on.
pub(super) fn named_files(cluster: &Cluster, document: &Path) -> Files {
    let directory = document.parent().unwrap_or_else(|| Path::new(""));
    let groups = cluster.spec.node_groups.iter();
    let names = groups
        .flat_map(|group| &group.user_data)
        .filter_map(|part| part.file.as_ref());
    names
        .map(|name| {
            let text = text(&directory.join(name)).map_err(|error| error.to_string());
            (name.clone(), text)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printer() -> Printer {
        Printer::new(Box::new(io::sink()), Box::new(io::sink()))
    }

    const NAMELESS: &str = "apiVersion: nodectl.dev/v1alpha1
kind: Cluster
metadata: {generateName: test-, region: us-west-2}
spec: {version: '1.34'}
";

    #[test]
    fn a_generated_name_is_kept_so_that_the_next_run_means_the_same_cluster() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cluster.yaml");
        fs::write(
            &path,
            NAMELESS.replace(
                "{generateName: test-, region: us-west-2}",
                "\n  generateName: test-\n  region: us-west-2",
            ),
        )
        .unwrap();
        let mut first = ClusterFile::read(&path, &mut printer()).unwrap();
        first.name(true, &mut printer()).unwrap();
        let mut second = ClusterFile::read(&path, &mut printer()).unwrap();
        second.name(true, &mut printer()).unwrap();
        let name = first.cluster.metadata.name;
        assert!(
            name.starts_with("test-") && name.len() > "test-".len(),
            "{name}"
        );
        assert_eq!(second.cluster.metadata.name, name);
    }

    #[test]
    fn a_document_of_another_size_than_people_write_is_refused() {
        let long = io::repeat(b'a').take(LONGEST_BYTES + 1);
        assert_eq!(
            bounded(long).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
    }

    #[test]
    fn files_of_user_data_lie_beside_the_document() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cluster.yaml");
        fs::write(directory.path().join("first.sh"), "#!/bin/sh\n").unwrap();
        let text = NAMELESS.replace(
            "spec: {version: '1.34'}",
            "spec: {version: '1.34', nodeGroups: [{name: a, userData: [{contentType: text/x-shellscript, file: first.sh}]}]}",
        );
        fs::write(&path, text).unwrap();
        let read = ClusterFile::read(&path, &mut printer()).unwrap();
        assert_eq!(
            read.files,
            BTreeMap::from([("first.sh".to_owned(), "#!/bin/sh\n".to_owned())])
        );
        fs::remove_file(directory.path().join("first.sh")).unwrap();
        assert!(matches!(
            ClusterFile::read(&path, &mut printer()),
            Err(Error::Spec { .. })
        ));
    }
}
