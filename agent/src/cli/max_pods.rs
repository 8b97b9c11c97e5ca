//! `nodeagent max-pods`: the number that the plan would give an instance type.

use clap::Args;
use node::config::decode::nearest;
use node::max_pods;

use super::{Exit, output};

/// Options of `max-pods`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// EC2 instance type, such as `m5.large`
    #[arg(long, value_name = "TYPE")]
    instance_type: String,
}

pub(super) fn run(options: &Options) -> Exit {
    let name = &options.instance_type;
    if let Some(limits) = max_pods::limits(name) {
        output::data(&max_pods::max_pods(limits).to_string());
        return Exit::Ok;
    }
    let known: Vec<&str> = max_pods::instance_types().collect();
    let hint = nearest(name, &known).map(|near| format!("did you mean `{near}`?"));
    output::error(
        &format!("instance type `{name}` is not in the table of ENI limits"),
        hint.as_deref(),
    );
    Exit::Failed
}
