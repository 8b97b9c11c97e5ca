"""Makes botocore-vectors.json: requests signed by botocore, to be accepted by our verification.

Usage: python3 botocore-vectors.py > botocore-vectors.json   (needs botocore; any recent version signs the same)
"""

import datetime
import json
from unittest import mock

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
ACCESS_KEY_ID = "ASIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE/+abc/def+ghi=="
FORM = "application/x-www-form-urlencoded; charset=utf-8"
STS = "https://sts.us-west-2.amazonaws.com/"
ENTRIES = "https://eks.us-west-2.amazonaws.com/clusters/lab/access-entries"


def vector(name, signer, service, method, url, headers=None, body=b"", token=TOKEN):
    request = AWSRequest(method, url, headers=headers or {}, data=body)
    credentials = Credentials(ACCESS_KEY_ID, SECRET, token)
    signer(credentials, service, "us-west-2").add_auth(request)
    prepared = request.prepare()
    sent = {name: value.decode() if isinstance(value, bytes) else value for name, value in prepared.headers.items()}
    host, path = prepared.url.removeprefix("https://").split("/", 1)
    sent.setdefault("Host", host)
    return {
        "name": name,
        "method": method,
        "uri": "/" + path,
        "headers": sent,
        "body": body.decode(),
        "session_token": token,
    }


def presign(credentials, service, region):
    return botocore.auth.SigV4QueryAuth(credentials, service, region, expires=60)


with mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: NOW):
    vectors = [
        vector(
            "token of a node",
            presign,
            "sts",
            "GET",
            STS + "?Action=GetCallerIdentity&Version=2011-06-15",
            {"x-k8s-aws-id": "lab"},
        ),
        vector(
            "token of a user, without a session",
            presign,
            "sts",
            "GET",
            STS + "?Action=GetCallerIdentity&Version=2011-06-15",
            {"x-k8s-aws-id": "lab"},
            token=None,
        ),
        vector(
            "query protocol",
            botocore.auth.SigV4Auth,
            "ec2",
            "POST",
            "https://ec2.us-west-2.amazonaws.com/",
            {"Content-Type": FORM},
            b"Action=GetConsoleOutput&Version=2016-11-15&InstanceId=i-0a1b2c3d4e5f60718",
        ),
        vector(
            "path with an encoded ARN, and a query",
            botocore.auth.SigV4Auth,
            "eks",
            "GET",
            ENTRIES + "/arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Flab-node?nextToken=a%2Bb%3D&maxResults=1",
        ),
        vector(
            "JSON with characters beyond ASCII",
            botocore.auth.SigV4Auth,
            "ssm",
            "POST",
            "https://ssm.us-west-2.amazonaws.com/",
            {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.PutParameter"},
            json.dumps({"Name": "/lab/ü", "Value": "  two  spaces  "}, ensure_ascii=False).encode(),
        ),
    ]

document = {
    "time": NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "access_key_id": ACCESS_KEY_ID,
    "secret_access_key": SECRET,
    "vectors": vectors,
}
print(json.dumps(document, indent=2))
