#!/usr/bin/env python3
"""Writes vectors.json: presigned GetCallerIdentity URLs as botocore signs them (pip install botocore)."""

import datetime
import json
import pathlib

import botocore
import botocore.auth
import botocore.session
from botocore.model import ServiceId
from botocore.signers import RequestSigner

CASES = [
    # access key, secret, session token, region, cluster, time
    ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", None, "us-east-1", "demo", "2026-01-02T03:04:05Z"),
    ("ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjEA+/tok=en==", "eu-central-1", "prod-1", "2026-02-28T23:59:59Z"),
    ("ASIAIOSFODNN7EXAMPLE", "abc", "x" * 700, "ap-southeast-3", "A_Cluster-9", "2026-12-31T00:00:00Z"),
    ("AKIAIOSFODNN7EXAMPLE", "abc", None, "cn-north-1", "demo", "2026-01-02T03:04:05Z"),
]


def sign(access_key, secret, token, region, cluster, time):
    session = botocore.session.Session()
    session.set_credentials(access_key, secret, token)
    now = datetime.datetime.fromisoformat(time.replace("Z", "+00:00"))
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: now.replace(tzinfo=None) if remove_tzinfo else now
    signer = RequestSigner(ServiceId("sts"), region, "sts", "v4", session.get_credentials(), session.get_component("event_emitter"))
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    request = {
        "method": "GET",
        "url": f"https://sts.{region}.{suffix}/?Action=GetCallerIdentity&Version=2011-06-15",
        "body": {},
        "headers": {"x-k8s-aws-id": cluster},
        "context": {},
    }
    return signer.generate_presigned_url(request, region_name=region, expires_in=60, operation_name="")


def main():
    vectors = []
    for access_key, secret, token, region, cluster, time in CASES:
        vectors.append({
            "access_key_id": access_key,
            "secret_access_key": secret,
            "session_token": token,
            "region": region,
            "cluster": cluster,
            "time": time,
            "botocore": botocore.__version__,
            "url": sign(access_key, secret, token, region, cluster, time),
        })
    target = pathlib.Path(__file__).with_name("vectors.json")
    target.write_text(json.dumps(vectors, indent=1) + "\n")


if __name__ == "__main__":
    main()
