//! The real programs of a cluster and the peers that ours is measured against, built from Go modules of our own: one
//! `go.mod` a tool. A program is built again only when its module, the flags or the Go version have changed.

use std::path::{Path, PathBuf};

use super::{SetupError, during, go::Go};
use crate::{
    cluster::{self, KUBERNETES_VERSION},
    file,
    layout::Cache,
    process, progress,
};

/// One program.
struct Tool {
    /// Directory below `tests`.
    module: &'static str,
    /// What `go build` is given.
    package: &'static str,
    /// The file that comes of it.
    program: &'static str,
}

const TOOLS: [Tool; 6] = [
    Tool {
        module: "control-plane/etcd",
        package: "go.etcd.io/etcd/server/v3",
        program: "etcd",
    },
    Tool {
        module: "control-plane/authenticator",
        package: "sigs.k8s.io/aws-iam-authenticator/cmd/aws-iam-authenticator",
        program: "aws-iam-authenticator",
    },
    Tool {
        module: "control-plane/ecr-credential-provider",
        package: "k8s.io/cloud-provider-aws/cmd/ecr-credential-provider",
        program: "ecr-credential-provider",
    },
    Tool {
        module: "control-plane/kubernetes",
        package: "k8s.io/kubernetes/cmd/kube-apiserver",
        program: "kube-apiserver",
    },
    Tool {
        module: "control-plane/kubernetes",
        package: "k8s.io/kubernetes/cmd/kubelet",
        program: "kubelet",
    },
    Tool {
        module: "control-plane/kubernetes",
        package: "k8s.io/kubernetes/cmd/kube-controller-manager",
        program: "kube-controller-manager",
    },
];

/// containerd 2.x, for machines that are to have it.
const CONTAINERD_2: [Tool; 3] = [
    Tool {
        module: CONTAINERD,
        package: "github.com/containerd/containerd/v2/cmd/containerd",
        program: "containerd",
    },
    Tool {
        module: CONTAINERD,
        package: "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
        program: "containerd-shim-runc-v2",
    },
    Tool {
        module: CONTAINERD,
        package: "github.com/containerd/containerd/v2/cmd/ctr",
        program: "ctr",
    },
];

/// What `lab bench` measures ours against, beside the tools above.
const PEERS: [Tool; 1] = [Tool {
    module: "peer/nodeadm",
    package: "github.com/awslabs/amazon-eks-ami/nodeadm/cmd/nodeadm",
    program: "nodeadm",
}];

const STRIP: &str = "-s -w";
const KUBERNETES: &str = "control-plane/kubernetes";
const CONTAINERD: &str = "control-plane/containerd";

/// As Amazon's package says it; without this containerd adds `+unknown`.
const CONTAINERD_FLAGS: &str = "-s -w -X github.com/containerd/containerd/v2/version.Version=2.1.5";

/// What Kubernetes' programs are linked with, so that they know their version.
pub const KUBERNETES_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4";

impl Tool {
    fn flags(&self) -> &'static str {
        match self.module {
            KUBERNETES => KUBERNETES_FLAGS,
            CONTAINERD => CONTAINERD_FLAGS,
            _ => STRIP,
        }
    }

    fn directory(&self) -> PathBuf {
        cluster::repository().join("tests").join(self.module)
    }

    fn key(&self, go_version: &str) -> Result<String, SetupError> {
        let module = file::read_bytes(&self.directory().join("go.mod"))?;
        let sums = file::read_bytes(&self.directory().join("go.sum"))?;
        Ok(file::key([
            module.as_slice(),
            sums.as_slice(),
            self.package.as_bytes(),
            self.flags().as_bytes(),
            go_version.as_bytes(),
        ]))
    }
}

/// Builds the programs of the cluster that are missing or out of date.
pub(super) fn build(cache: &Cache) -> Result<(), SetupError> {
    build_all(cache, &TOOLS)
}

/// The same for the programs of containerd 2.x; returns their names.
pub(super) fn build_containerd_2(cache: &Cache) -> Result<[&'static str; 3], SetupError> {
    build_all(cache, &CONTAINERD_2)?;
    Ok(CONTAINERD_2.map(|tool| tool.program))
}

/// The same for the peers of the bench.
pub(super) fn build_peers(cache: &Cache) -> Result<(), SetupError> {
    build_all(cache, &PEERS)
}

fn build_all(cache: &Cache, tools: &[Tool]) -> Result<(), SetupError> {
    let modules: Vec<PathBuf> = tools.iter().map(Tool::directory).collect();
    let go = Go::find(&modules)?;
    for tool in tools {
        let directory = tool.directory();
        let program = cache.bin().join(tool.program);
        let stamp = cache.bin().join(format!(".{}.key", tool.program));
        let key = tool.key(&go.version(&directory)?)?;
        if program.exists() && file::read(&stamp).is_ok_and(|built| built == key) {
            continue;
        }
        let step = progress::step(format!(
            "{} {}, built from its Go module",
            tool.program,
            version(tool)
        ));
        compile(&go, tool, &directory, &program)?;
        file::write(&stamp, key)?;
        step.done();
    }
    Ok(())
}

fn compile(go: &Go, tool: &Tool, directory: &Path, program: &Path) -> Result<(), SetupError> {
    // Built beside its place and renamed: an interrupted build leaves the old program whole.
    let unfinished = program.with_extension("unfinished");
    if let Some(parent) = program.parent() {
        file::create_directory(parent)?;
    }
    let mut command = go.command(directory);
    command
        .args(["build", "-trimpath", "-ldflags", tool.flags(), "-o"])
        .arg(&unfinished)
        .arg(tool.package);
    process::run(&mut command).map_err(during(&format!("building `{}`", tool.program)))?;
    file::rename(&unfinished, program)?;
    Ok(())
}

/// The version that the module asks for, for the progress line.
fn version(tool: &Tool) -> String {
    if tool.module == KUBERNETES {
        return KUBERNETES_VERSION.to_owned();
    }
    let text = file::read(&tool.directory().join("go.mod")).unwrap_or_default();
    text.lines()
        .filter_map(|line| {
            let mut words = line.trim().trim_start_matches("require ").split(' ');
            Some((words.next()?, words.next()?))
        })
        .find(|(module, version)| tool.package.starts_with(module) && version.starts_with('v'))
        .map(|(_, version)| version.to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_module_that_names_its_version() {
        for tool in TOOLS.iter().chain(&CONTAINERD_2).chain(&PEERS) {
            let version = version(tool);
            assert!(version.starts_with('v'), "{}: `{version}`", tool.program);
        }
    }

    #[test]
    fn containerd_says_the_version_that_is_built() {
        let version = version(&CONTAINERD_2[0]);
        assert!(CONTAINERD_FLAGS.ends_with(version.trim_start_matches('v')));
    }

    #[test]
    fn kubernetes_says_the_version_that_is_built() {
        assert!(KUBERNETES_FLAGS.ends_with(KUBERNETES_VERSION));
    }
}
