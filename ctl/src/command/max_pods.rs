//! `nodectl max-pods`: how many pods instance types can hold, counted as the agent counts, with the flags of
//! `max-pods-calculator.sh`.

use node::config::agent_config::MaxPodsCap;
use node::max_pods::{Calculator, Capacity, MaxPodsList, Table as InstanceTypes, expression};

use super::error::{Error, written};
use crate::cli::{Cap, MaxPodsArgs, Output};
use crate::exit::Exit;
use crate::print::{Cell, Printer, Table, document};

/// How many of [`Capacity::COLUMNS`] a table has that is not wide.
const NARROW: usize = 5;

pub(super) fn run(args: &MaxPodsArgs, printer: &mut Printer) -> Result<Exit, Error> {
    let calculator = calculator(args)?;
    if let Some(warning) = calculator.warning() {
        printer.warning(&warning);
    }
    let known = InstanceTypes::embedded();
    let items: Vec<Capacity> = if args.all {
        known
            .instance_types()
            .map(|(name, found)| calculator.capacity(name, found))
            .collect()
    } else {
        args.types
            .iter()
            .chain(&args.instance_type)
            .map(|name| capacity(&calculator, &known, name))
            .collect::<Result<_, _>>()?
    };
    // For a whole list they would bury each other; the documents have them.
    let has_warnings = matches!(args.output.output, Output::Json | Output::Yaml);
    if !args.all && !has_warnings {
        for warning in items.iter().flat_map(|item| &item.warnings) {
            printer.warning(warning);
        }
    }
    let text = match args.output.output {
        Output::Json => document::json(&MaxPodsList::from(items))?,
        Output::Yaml => document::yaml(&MaxPodsList::from(items))?,
        Output::Table => table(&items, NARROW),
        Output::Wide => table(&items, Capacity::COLUMNS.len()),
        Output::Name => items
            .into_iter()
            .map(|item| item.instance_type + "\n")
            .collect(),
    };
    written(printer.data(&text))?;
    Ok(Exit::Ok)
}

fn calculator(args: &MaxPodsArgs) -> Result<Calculator, Error> {
    let expression = args
        .max_pods_expression
        .as_deref()
        .map(expression::compile)
        .transpose()
        .map_err(Error::Expression)?;
    Ok(Calculator {
        cni_version: args.cni_version,
        custom_networking: args.cni_custom_networking_enabled,
        prefix_delegation: args.cni_prefix_delegation_enabled,
        maximum_enis: args.cni_max_eni,
        reserved_enis: args.reserved_enis,
        cap: match args.cap {
            Cap::Recommended if !args.show_max_allowed => MaxPodsCap::Recommended,
            Cap::None | Cap::Recommended => MaxPodsCap::None,
        },
        expression,
    })
}

fn capacity(calculator: &Calculator, known: &InstanceTypes, name: &str) -> Result<Capacity, Error> {
    let found = known.find(name).ok_or_else(|| Error::UnknownInstanceType {
        name: name.to_owned(),
        nearest: known.similar(name).into_iter().map(str::to_owned).collect(),
    })?;
    Ok(calculator.capacity(name, found))
}

fn table(items: &[Capacity], columns: usize) -> String {
    let mut table = Table::new(Capacity::COLUMNS.into_iter().take(columns));
    for item in items {
        table.push(item.columns().into_iter().take(columns).map(Cell::from));
    }
    table.render(false)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    /// Standard output, standard error.
    fn ask(arguments: &str) -> Result<(String, String), Error> {
        let arguments = ["nodectl", "max-pods"]
            .into_iter()
            .chain(arguments.split_whitespace());
        let Command::MaxPods(args) = Cli::try_parse_from(arguments).unwrap().command else {
            unreachable!()
        };
        let (out, err) = (Screen::default(), Screen::default());
        let mut printer = Printer::new(Box::new(out.clone()), Box::new(err.clone()));
        run(&args, &mut printer)?;
        Ok((out.text(), err.text()))
    }

    #[test]
    fn the_table_shows_how_the_number_comes_about() {
        insta::assert_snapshot!(ask("t3.small m5.large --instance-type m5.24xlarge").unwrap().0, @r#"
        INSTANCE-TYPE   MAX-PODS   ENIS   IPV4-PER-ENI   RESERVED-MEMORY
        t3.small        11         3      4              376Mi
        m5.large        29         3      10             574Mi
        m5.24xlarge     737        15     50             8362Mi
        "#);
    }

    #[test]
    fn the_wide_table_shows_everything() {
        let (out, err) = ask(
            "m5.large m4.large u-6tb1.metal -o wide --cni-prefix-delegation-enabled --cni-custom-networking-enabled --cap recommended",
        )
        .unwrap();
        insta::assert_snapshot!(out, @r#"
        INSTANCE-TYPE   MAX-PODS   ENIS   IPV4-PER-ENI   RESERVED-MEMORY   RESERVED-CPU   MODE               ROOM   CAP   VCPUS   MEMORY
        m5.large        110        2/3    10             1465Mi            70m            prefixDelegation   290    110   2       8192Mi
        m4.large        11         1/2    10             376Mi             70m            secondaryIP        11     110   2       8192Mi
        u-6tb1.metal    110        4/5    30             1465Mi            -              prefixDelegation   1858   110   -       -
        "#);
        insta::assert_snapshot!(err, @r#"
        warning: instance type `m4.large` is not built on the Nitro system and cannot have prefixes; its pods are counted by secondary addresses
        warning: the vCPUs of instance type `u-6tb1.metal` are not known; the cap is that of a small machine
        "#);
    }

    #[test]
    fn the_document_holds_the_same_numbers() {
        let (out, err) = ask("m5.large -o json --max-pods-expression max_pods*10").unwrap();
        insta::assert_snapshot!(out, @r#"
        {
          "apiVersion": "nodectl.dev/v1alpha1",
          "kind": "MaxPodsList",
          "items": [
            {
              "instanceType": "m5.large",
              "maxPods": 290,
              "mode": "secondaryIP",
              "networkInterfaces": 3,
              "networkInterfacesForPods": 3,
              "ipv4PerInterface": 10,
              "podsWithAddresses": 29,
              "cap": null,
              "vcpus": 2,
              "memoryMebibytes": 8192,
              "kubeReservedCpuMillicores": 70,
              "kubeReservedMemoryMebibytes": 3445,
              "warnings": [
                "the 3445 MiB that the kubelet reserves for 290 pods are more than a quarter of the machine's 8192 MiB"
              ]
            }
          ]
        }
        "#);
        assert_eq!(err, "");
    }

    #[test]
    fn an_old_network_plugin_has_no_prefixes() {
        let (out, err) =
            ask("m5.large --cni-version 1.8.0 --cni-prefix-delegation-enabled").unwrap();
        assert!(out.contains("m5.large        29 "), "{out}");
        assert!(
            err.starts_with("warning: VPC CNI 1.8 has no prefix delegation"),
            "{err}"
        );
    }

    #[test]
    fn every_type_is_one_document() {
        let (out, err) = ask("--all -o json --cni-prefix-delegation-enabled").unwrap();
        let document: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert!(document["items"].as_array().unwrap().len() > 1400);
        assert_eq!(err, "");
    }

    #[test]
    fn the_old_flag_for_no_cap_wins_over_a_cap() {
        let pods = |arguments: &str| ask(arguments).unwrap().0;
        assert!(pods("m5.24xlarge --cap recommended").contains(" 250 "));
        assert!(pods("m5.24xlarge --cap recommended --show-max-allowed").contains(" 737 "));
    }

    #[test]
    fn an_unknown_type_names_its_neighbours() {
        let Err(Error::UnknownInstanceType { nearest, .. }) = ask("m5.lrage") else {
            panic!("it is known")
        };
        assert_eq!(nearest, ["m5.large"]);
        assert!(matches!(
            ask("m5.large --max-pods-expression max_pod"),
            Err(Error::Expression(_))
        ));
    }
}
