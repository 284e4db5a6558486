"""The engine without what nobody asks of it: not loaded at its start, there when it is used."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, sys
from local_cloud.engine.lighter import lighten
lighten()
import localstack.aws.app, localstack.utils.net
import localstack.services.stepfunctions.asl.jsonata.jsonata
import localstack.services.events.provider
from localstack.utils.aws.message_forwarding import extract_query_string_params
from twisted.internet import _sslverify
loaded = set(sys.modules)
import botocore.session, dns.resolver
loader = lambda: botocore.session.Session().get_component("data_loader")
print(json.dumps({
    "loaded": sorted({name.partition(".")[0] for name in loaded}),
    "verifies": _sslverify.verifyIPAddress.__module__,
    "unverified": "service_identity.exceptions" not in loaded,
    "query": extract_query_string_params("/a?b=c"),
    "api_gateway": "moto.apigateway" in loaded,
    "resolver": dns.resolver.Resolver.__name__,
    "endpoints": loader().load_data("endpoints")["partitions"][0]["partition"],
    "shared": loader().load_data("endpoints") is loader().load_data("endpoints"),
    "model": loader().load_service_model("sqs", "service-2")["metadata"]["protocol"],
    "own": loader().load_service_model("sqs", "service-2")
        is not loader().load_service_model("sqs", "service-2"),
}))
"""


def test_what_nobody_uses_is_not_loaded_and_what_somebody_does_is_there() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120
    )
    said = json.loads(done.stdout.splitlines()[-1])
    unused = {"openapi_core", "numpy", "httpx2", "samtranslator"}
    assert not unused & set(said.pop("loaded"))
    assert said == {
        "verifies": "local_cloud.engine.lighter",
        "unverified": True,
        "query": ["/a", {"b": "c"}],
        "api_gateway": False,
        "resolver": "Resolver",
        "endpoints": "aws",
        "shared": True,
        "model": "json",
        "own": True,
    }
