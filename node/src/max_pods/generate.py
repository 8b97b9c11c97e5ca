#!/usr/bin/env python3
"""Writes table.tsv: the ENI limits of every instance type, from output of EC2 DescribeInstanceTypes.

usage: generate.py FILE...

FILE is what `aws ec2 describe-instance-types --output json` prints (give one per region; a live account knows most), or
the copy that moto's package carries: moto/ec2/resources/instance_types.json.gz. Types of several files are united.
"""

import gzip
import json
import pathlib
import sys
import zlib

HEADER = """\
# ENI limits by instance type, from EC2 DescribeInstanceTypes; written by generate.py, not by hand.
# instance type, ENIs of the default network card, IPv4 addresses per ENI
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
    return description["InstanceType"], enis, network["Ipv4AddressesPerInterface"]


def main(paths):
    if not paths:
        sys.exit(__doc__)
    table = {}
    for path in paths:
        for description in descriptions(path):
            name, enis, addresses = row(description)
            table[name] = (enis, addresses)
    rows = "".join(f"{name}\t{enis}\t{addresses}\n" for name, (enis, addresses) in sorted(table.items()))
    target = pathlib.Path(__file__).with_name("table.tsv")
    target.write_text(HEADER.format(crc=zlib.crc32(rows.encode())) + rows)


if __name__ == "__main__":
    main(sys.argv[1:])
