//! `nodectl max-pods`: how many pods an instance type can hold, from the table that the agent uses too.

use node::max_pods::{Limits, Reserved, instance_types, limits, max_pods};
use node::wire::API_VERSION;
use serde::Serialize;

use super::error::{Error, written};
use crate::cli::{MaxPodsArgs, Output};
use crate::exit::Exit;
use crate::print::{Cell, Printer, Table, document};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MaxPodsList {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Capacity>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Capacity {
    instance_type: String,
    network_interfaces: u32,
    ipv4_per_interface: u32,
    max_pods: u32,
    kube_reserved_memory_mebibytes: u32,
}

pub(super) fn run(args: &MaxPodsArgs, printer: &mut Printer) -> Result<Exit, Error> {
    let items = args
        .instance_type
        .iter()
        .map(|name| known(name))
        .collect::<Result<Vec<_>, _>>()?;
    let text = match args.output.output {
        Output::Json => document::json(&list(items))?,
        Output::Yaml => document::yaml(&list(items))?,
        Output::Table | Output::Wide => table(&items),
        Output::Name => items
            .into_iter()
            .map(|item| item.instance_type + "\n")
            .collect(),
    };
    written(printer.data(&text))?;
    Ok(Exit::Ok)
}

fn known(name: &str) -> Result<Capacity, Error> {
    let Limits { enis, ipv4_per_eni } = limits(name).ok_or_else(|| Error::UnknownInstanceType {
        name: name.to_owned(),
        nearest: similar(name),
    })?;
    let pods = max_pods(Limits { enis, ipv4_per_eni });
    Ok(Capacity {
        instance_type: name.to_owned(),
        network_interfaces: enis,
        ipv4_per_interface: ipv4_per_eni,
        max_pods: pods,
        // Memory does not depend on the number of cores, which the table does not have.
        kube_reserved_memory_mebibytes: Reserved::for_node(0, pods).memory_mebibytes,
    })
}

/// Types that the reader may have meant: the nearest one, else those of the same family.
fn similar(name: &str) -> Vec<String> {
    let all: Vec<&str> = instance_types().collect();
    if let Some(nearest) = node::config::decode::nearest(name, &all) {
        return vec![nearest.to_owned()];
    }
    let family = name.split('.').next().unwrap_or(name).to_ascii_lowercase();
    all.into_iter()
        .filter(|known| known.split('.').next() == Some(&family))
        .map(str::to_owned)
        .collect()
}

fn list(items: Vec<Capacity>) -> MaxPodsList {
    MaxPodsList {
        api_version: API_VERSION,
        kind: "MaxPodsList",
        items,
    }
}

fn table(items: &[Capacity]) -> String {
    let mut table = Table::new([
        "INSTANCE-TYPE",
        "MAX-PODS",
        "ENIS",
        "IPV4-PER-ENI",
        "RESERVED-MEMORY",
    ]);
    for item in items {
        table.push([
            Cell::from(item.instance_type.as_str()),
            item.max_pods.to_string().into(),
            item.network_interfaces.to_string().into(),
            item.ipv4_per_interface.to_string().into(),
            format!("{}Mi", item.kube_reserved_memory_mebibytes).into(),
        ]);
    }
    table.render(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(names: &[&str]) -> Vec<Capacity> {
        names.iter().map(|name| known(name).unwrap()).collect()
    }

    #[test]
    fn the_table_shows_how_the_number_comes_about() {
        insta::assert_snapshot!(table(&all(&["t3.small", "m5.large", "m5.24xlarge"])), @r#"
        INSTANCE-TYPE   MAX-PODS   ENIS   IPV4-PER-ENI   RESERVED-MEMORY
        t3.small        11         3      4              376Mi
        m5.large        29         3      10             574Mi
        m5.24xlarge     737        15     50             8362Mi
        "#);
    }

    #[test]
    fn the_document_holds_the_same_numbers() {
        insta::assert_snapshot!(document::json(&list(all(&["m5.large"]))).unwrap(), @r#"
        {
          "apiVersion": "nodectl.dev/v1alpha1",
          "kind": "MaxPodsList",
          "items": [
            {
              "instanceType": "m5.large",
              "networkInterfaces": 3,
              "ipv4PerInterface": 10,
              "maxPods": 29,
              "kubeReservedMemoryMebibytes": 574
            }
          ]
        }
        "#);
    }

    #[test]
    fn an_unknown_type_names_its_neighbours() {
        let nearest = |name| match known(name) {
            Err(Error::UnknownInstanceType { nearest, .. }) => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest("m5.lrage"), ["m5.large"]);
        assert_eq!(nearest("M5.large"), ["m5.large"]);
        assert!(nearest("m5.enormous").contains(&"m5.large".to_owned()));
        assert_eq!(nearest("quantum.huge"), Vec::<String>::new());
    }
}
