//! `nodectl token`: a bearer token for a cluster, signed here and now. What kubectl runs to log in.

use jiff::Timestamp;

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
        aws.token(&args.cluster_name, now).await
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
