#!/usr/bin/env python3
"""Writes the table of instance types from output of EC2 DescribeInstanceTypes and from retired.tsv.

usage: generate.py [-o TABLE] FILE...

FILE is what `aws ec2 describe-instance-types --output json` prints (give one per region; a live account knows most), or
the copy that moto's package carries: moto/ec2/resources/instance_types.json.gz. Types of several files are united, a
later file wins. TABLE is the table.tsv beside this script unless told otherwise; on a node it is
/etc/nodeagent/instance-types.tsv, which wins over the table that the agent was built with.
"""

import argparse
import gzip
import json
import pathlib
import zlib

HERE = pathlib.Path(__file__).parent
HEADER = """\
# Limits by instance type, from EC2 DescribeInstanceTypes; written by generate.py, not by hand.
# instance type, ENIs of the default network card, IPv4 addresses per ENI, vCPUs, hypervisor, memory in MiB
# crc32 of the rows: {crc:08x}
"""


def descriptions(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt") as file:
        document = json.load(file)
    return document["InstanceTypes"] if "InstanceTypes" in document else list(document.values())


def row(description):
    network = description["NetworkInfo"]
    default = network.get("DefaultNetworkCardIndex", 0)
    cards = [card for card in network.get("NetworkCards", []) if card["NetworkCardIndex"] == default]
    enis = cards[0]["MaximumNetworkInterfaces"] if cards else network["MaximumNetworkInterfaces"]
    hypervisor = "metal" if description.get("BareMetal") else description.get("Hypervisor", "-")
    return description["InstanceType"], (
        enis,
        network["Ipv4AddressesPerInterface"],
        description.get("VCpuInfo", {}).get("DefaultVCpus", "-"),
        hypervisor,
        description.get("MemoryInfo", {}).get("SizeInMiB", "-"),
    )


def retired():
    for line in (HERE / "retired.tsv").read_text().splitlines():
        if not line.startswith("#"):
            name, *columns, _source = line.split("\t")
            yield name, tuple(columns)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", default=HERE / "table.tsv", type=pathlib.Path, metavar="TABLE")
    parser.add_argument("files", nargs="+", metavar="FILE")
    arguments = parser.parse_args()
    table = dict(retired())
    for path in arguments.files:
        table.update(row(description) for description in descriptions(path))
    rows = "".join("\t".join(map(str, (name, *columns))) + "\n" for name, columns in sorted(table.items()))
    arguments.output.write_text(HEADER.format(crc=zlib.crc32(rows.encode())) + rows)


if __name__ == "__main__":
    main()
