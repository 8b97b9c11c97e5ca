//! `nodeagent token`: what the kubelet runs for its credential. Starts, signs, prints, ends.

use std::time::Duration;

use clap::Args;
use node::chain::Chain;
use node::token::Token;

use crate::host::imds::Imds;

use super::{Context, Exit, output};

/// The kubelet waits for it and asks again.
const IMDS_DEADLINE: Duration = Duration::from_secs(10);

/// Options of `token`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Name of the EKS cluster
    #[arg(short = 'i', long, alias = "cluster-id", value_name = "NAME")]
    cluster_name: String,
    /// Region of the cluster; default: the instance's
    #[arg(long, env = "AWS_REGION", value_name = "REGION")]
    region: Option<String>,
}

pub(super) async fn run(context: &Context, options: &Options) -> Exit {
    match token(context, options).await {
        Ok(token) => {
            output::data(&token.to_exec_credential());
            Exit::Ok
        }
        Err(error) => {
            let hint =
                "is an instance profile attached, and IMDS enabled? nodeagent status says more";
            output::error(&Chain(&*error).to_string(), Some(hint));
            Exit::Failed
        }
    }
}

async fn token(context: &Context, options: &Options) -> Result<Token, Box<dyn std::error::Error>> {
    let imds = Imds::new(context.environment.imds_endpoint.as_deref(), IMDS_DEADLINE);
    let credentials = imds.role_credentials().await?;
    let region = match &options.region {
        Some(region) => region.clone(),
        None => imds.required("/latest/meta-data/placement/region").await?,
    };
    Ok(Token::sign(
        &credentials,
        &region,
        &options.cluster_name,
        jiff::Timestamp::now(),
    )?)
}
