//! What cloud-init ran before the node joined, on machines that have it.

use super::row;
use crate::faults::{
    row::{End, Row},
    user_data::node,
};

pub(in crate::faults) fn rows() -> Vec<Row> {
    let code = "bootstrap.user_script_failed";
    vec![
        row(
            "cloud-init: a user script failed",
            End::Joined,
            code,
            beside_a_failing_script(""),
        )
        .cloud_init(),
        row(
            "cloud-init: a user script failed, and scriptGate is block",
            End::Failed,
            code,
            beside_a_failing_script(
                "--B\nContent-Type: application/nodectl.dev\n\n\
                 apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec: {scriptGate: block}\n\n",
            ),
        )
        .cloud_init(),
    ]
}

fn beside_a_failing_script(more: &str) -> String {
    format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"B\"\n\n\
         --B\nContent-Type: text/x-shellscript\n\n#!/bin/sh\nexit 7\n\n\
         --B\nContent-Type: application/node.eks.aws\n\n{}\n{more}--B--\n",
        node("")
    )
}
