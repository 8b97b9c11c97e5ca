//! `nodectl token`: a bearer token for a cluster, signed here and now. What kubectl runs to log in.

use jiff::Timestamp;
use node::token::Token;

use super::error::{Error, within, written};
use crate::cli::{AccessFlags, TokenArgs};
use crate::exit::Exit;
use crate::observe::aws::Aws;
use crate::print::Printer;

pub(super) async fn run(
    args: &TokenArgs,
    access: &AccessFlags,
    now: Timestamp,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let token = within(access.timeout, "getting AWS credentials", async {
        let aws = Aws::load(&access.aws()).await?;
        sign(&aws, &args.cluster_name, now).await
    })
    .await?;
    let text = if args.raw {
        token.value.expose().clone()
    } else {
        token.to_exec_credential()
    };
    written(printer.data(&text))?;
    Ok(Exit::Ok)
}

/// Signs a token with the caller's credentials.
pub(super) async fn sign(aws: &Aws, cluster: &str, now: Timestamp) -> Result<Token, Error> {
    let credentials = aws.credentials().await?;
    Token::sign(&credentials, aws.region(), cluster, now).map_err(|source| Error::Token {
        cluster: cluster.to_owned(),
        source,
    })
}
