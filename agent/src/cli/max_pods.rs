//! `nodeagent max-pods`: how many pods instance types can hold, with the flags of `max-pods-calculator.sh`, which EKS AMIs no
//! longer have.

use std::fmt::Write as _;
use std::time::Duration;

use clap::{Args, ValueEnum};
use node::chain::Chain;
use node::config::agent_config::MaxPodsCap;
use node::max_pods::{Calculator, Capacity, CniVersion, MaxPodsList, expression};

use crate::facts::instance_types::InstanceTypes;
use crate::host::imds::{self, Imds};

use super::{Context, Exit, output};

/// IMDS is asked by a person or a script that waits.
const IMDS_DEADLINE: Duration = Duration::from_secs(10);

/// Options of `max-pods`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// EC2 instance type, such as `m5.large`; give it several times for several
    #[arg(
        long = "instance-type",
        value_name = "TYPE",
        required_unless_present_any = ["from_imds", "all"]
    )]
    instance_types: Vec<String>,
    /// The type of this instance, as its metadata says
    #[arg(long = "instance-type-from-imds", conflicts_with = "instance_types")]
    from_imds: bool,
    /// Every known type
    #[arg(long, conflicts_with_all = ["instance_types", "from_imds"])]
    all: bool,
    /// Version of the VPC CNI; below 1.9 it has no prefix delegation
    #[arg(long, value_name = "VERSION")]
    cni_version: Option<CniVersion>,
    /// The VPC CNI has custom networking: the primary interface is not for pods
    #[arg(long)]
    cni_custom_networking_enabled: bool,
    /// The VPC CNI has prefix delegation: sixteen pods in the place of one, on Nitro instances
    #[arg(long)]
    cni_prefix_delegation_enabled: bool,
    /// Most interfaces that the VPC CNI attaches
    #[arg(long, value_name = "NUMBER")]
    cni_max_eni: Option<u32>,
    /// Interfaces that are not for pods, beside the one of custom networking
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    reserved_enis: u32,
    /// CEL expression over `max_pods`, `default_enis`, `ips_per_eni`, `vcpus` and `physical_memory_mib`
    #[arg(long, value_name = "CEL")]
    max_pods_expression: Option<String>,
    /// Keep to what Kubernetes recommends: 110 pods, and 250 on more than 30 vCPUs
    #[arg(long, value_enum, default_value_t = Cap::None)]
    cap: Cap,
    /// No cap, which is the default here; for scripts that were written for max-pods-calculator.sh
    #[arg(long, conflicts_with = "cap")]
    show_max_allowed: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// Whether a number is kept to what Kubernetes recommends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Cap {
    /// As many pods as there are addresses.
    None,
    /// 110, or 250.
    Recommended,
}

/// Output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The number alone for one type, else a line for each with its number.
    Text,
    /// Columns: how the number comes about and what the kubelet reserves.
    Table,
    /// One JSON document.
    Json,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("asking for the type of this instance")]
    Imds {
        #[source]
        source: imds::Error,
    },
    #[error("the expression cannot be used")]
    Expression {
        #[source]
        source: expression::Error,
    },
    #[error("instance type `{name}` is in no table of ENI limits")]
    Unknown { name: String, hint: String },
    #[error("the answer as JSON")]
    Json {
        #[source]
        source: serde_json::Error,
    },
}

impl Error {
    fn hint(&self) -> Option<&str> {
        match self {
            Self::Unknown { hint, .. } => Some(hint),
            Self::Imds { .. } | Self::Expression { .. } | Self::Json { .. } => None,
        }
    }
}

pub(super) async fn run(context: &Context, options: &Options) -> Exit {
    match answer(context, options).await {
        Ok(text) => {
            output::data(&text);
            Exit::Ok
        }
        Err(error) => {
            output::error(&Chain(&error).to_string(), error.hint());
            Exit::Failed
        }
    }
}

async fn answer(context: &Context, options: &Options) -> Result<String, Error> {
    let known = InstanceTypes::read(&context.root);
    if let Some(warning) = &known.warning {
        output::warning(warning);
    }
    let calculator = calculator(options)?;
    if let Some(warning) = calculator.warning() {
        output::warning(&warning);
    }
    let capacities = if options.all {
        known
            .all()
            .into_iter()
            .map(|(name, found)| calculator.capacity(name, found))
            .collect()
    } else {
        let names = if options.from_imds {
            vec![own_type(context).await?]
        } else {
            options.instance_types.clone()
        };
        names
            .iter()
            .map(|name| capacity(&calculator, &known, name))
            .collect::<Result<Vec<_>, _>>()?
    };
    // For a whole list they would bury each other; the document has them.
    if !options.all && options.output != Format::Json {
        for warning in capacities.iter().flat_map(|capacity| &capacity.warnings) {
            output::warning(warning);
        }
    }
    match options.output {
        Format::Text => Ok(text(&capacities)),
        Format::Table => Ok(table(&capacities)),
        Format::Json => serde_json::to_string_pretty(&MaxPodsList::from(capacities))
            .map_err(|source| Error::Json { source }),
    }
}

fn calculator(options: &Options) -> Result<Calculator, Error> {
    let expression = options
        .max_pods_expression
        .as_deref()
        .map(expression::compile)
        .transpose()
        .map_err(|source| Error::Expression { source })?;
    Ok(Calculator {
        cni_version: options.cni_version,
        custom_networking: options.cni_custom_networking_enabled,
        prefix_delegation: options.cni_prefix_delegation_enabled,
        maximum_enis: options.cni_max_eni,
        reserved_enis: options.reserved_enis,
        cap: match options.cap {
            Cap::Recommended if !options.show_max_allowed => MaxPodsCap::Recommended,
            Cap::None | Cap::Recommended => MaxPodsCap::None,
        },
        expression,
    })
}

async fn own_type(context: &Context) -> Result<String, Error> {
    let imds = Imds::new(context.environment.imds_endpoint.as_deref(), IMDS_DEADLINE);
    imds.required("/latest/meta-data/instance-type")
        .await
        .map_err(|source| Error::Imds { source })
}

fn capacity(calculator: &Calculator, known: &InstanceTypes, name: &str) -> Result<Capacity, Error> {
    let found = known.find(name).ok_or_else(|| {
        let similar = known.similar(name);
        let hint = if similar.is_empty() {
            format!("put it into `{}`", crate::host::path::INSTANCE_TYPES)
        } else {
            format!("similar: {}", similar.join(", "))
        };
        let name = name.to_owned();
        Error::Unknown { name, hint }
    })?;
    Ok(calculator.capacity(name, found))
}

fn text(capacities: &[Capacity]) -> String {
    if let [only] = capacities {
        return only.max_pods.to_string();
    }
    capacities.iter().fold(String::new(), |mut text, capacity| {
        writeln!(text, "{} {}", capacity.instance_type, capacity.max_pods).unwrap_or_default();
        text
    })
}

fn table(capacities: &[Capacity]) -> String {
    let mut rows = vec![Capacity::COLUMNS.map(str::to_owned)];
    rows.extend(capacities.iter().map(Capacity::columns));
    let widths: [usize; Capacity::COLUMNS.len()] = std::array::from_fn(|column| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(String::len)
            .max()
            .unwrap_or(0)
    });
    rows.iter().fold(String::new(), |mut text, row| {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            write!(line, "{cell:width$}   ").unwrap_or_default();
        }
        text.push_str(line.trim_end());
        text.push('\n');
        text
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::host::environment::Environment;
    use crate::host::root::Root;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        options: Options,
    }

    async fn ask(arguments: &str) -> Result<String, String> {
        let command =
            Command::try_parse_from(["max-pods"].into_iter().chain(arguments.split_whitespace()))
                .map_err(|error| error.to_string())?;
        let directory = tempfile::tempdir().unwrap();
        let context = Context {
            name: crate::cli::Name::Nodeagent,
            root: Root::new(directory.path()),
            environment: Environment::default(),
        };
        answer(&context, &command.options)
            .await
            .map_err(|error| format!("{}; {:?}", Chain(&error), error.hint()))
    }

    #[tokio::test]
    async fn one_type_is_one_number() {
        assert_eq!(ask("--instance-type m5.24xlarge").await.unwrap(), "737");
        for flags in [
            "--instance-type m5.24xlarge --cni-version 1.10.0 --show-max-allowed",
            "--cni-version 1.10.0 --show-max-allowed --instance-type m5.24xlarge --cni-max-eni 99",
        ] {
            assert_eq!(ask(flags).await.unwrap(), "737");
        }
    }

    #[tokio::test]
    async fn the_flags_of_the_calculator_count() {
        for (flags, pods) in [
            ("--cap recommended", "250"),
            ("--cni-custom-networking-enabled", "688"),
            ("--cni-max-eni 3", "149"),
            (
                "--cni-prefix-delegation-enabled --cni-version 1.9.0",
                "11762",
            ),
            ("--cni-prefix-delegation-enabled --cni-version 1.8.9", "737"),
            ("--reserved-enis 1", "688"),
            ("--max-pods-expression max_pods-vcpus", "641"),
        ] {
            assert_eq!(
                ask(&format!("--instance-type m5.24xlarge {flags}"))
                    .await
                    .unwrap(),
                pods,
                "{flags}"
            );
        }
    }

    #[tokio::test]
    async fn several_types_are_lines() {
        assert_eq!(
            ask("--instance-type m5.large --instance-type t3.small")
                .await
                .unwrap(),
            "m5.large 29\nt3.small 11\n"
        );
        let all = ask("--all").await.unwrap();
        assert!(all.lines().count() > 1400 && all.contains("\nm5.large 29\n"));
    }

    #[tokio::test]
    async fn the_table_shows_how_the_number_comes_about() {
        insta::assert_snapshot!(
            ask("--instance-type m5.24xlarge --instance-type hs1.8xlarge --cap recommended -o table").await.unwrap(),
            @r#"
            INSTANCE-TYPE   MAX-PODS   ENIS   IPV4-PER-ENI   RESERVED-MEMORY   RESERVED-CPU   MODE          ROOM   CAP   VCPUS   MEMORY
            m5.24xlarge     250        15     50             3005Mi            310m           secondaryIP   737    250   96      393216Mi
            hs1.8xlarge     110        8      30             1465Mi            -              secondaryIP   234    110   -       -
            "#
        );
    }

    #[tokio::test]
    async fn the_document_is_one_for_all() {
        let text = ask("--all -o json --cni-prefix-delegation-enabled")
            .await
            .unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["kind"], "MaxPodsList");
        let items = document["items"].as_array().unwrap();
        let m4 = items
            .iter()
            .find(|item| item["instanceType"] == "m4.large")
            .unwrap();
        assert_eq!(m4["mode"], "secondaryIP");
        assert_eq!(m4["warnings"].as_array().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_cannot_be_answered_is_an_error() {
        assert_eq!(
            ask("--instance-type m5.lrage").await.unwrap_err(),
            "instance type `m5.lrage` is in no table of ENI limits; Some(\"similar: m5.large\")"
        );
        assert!(ask("").await.unwrap_err().contains("--instance-type"));
        assert!(ask("--all --instance-type m5.large").await.is_err());
        assert!(
            ask("--instance-type m5.large --max-pods-expression max_pod")
                .await
                .unwrap_err()
                .starts_with("the expression cannot be used: it uses `max_pod`")
        );
        assert!(
            ask("--instance-type m5.large --cni-version new")
                .await
                .is_err()
        );
    }
}
