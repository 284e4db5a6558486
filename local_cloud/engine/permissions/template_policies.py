"""The policies that a SAM template gives to a function: statements, managed ones, SAM's own.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html#sam-function-policies
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-templates.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from local_aws.template import Template
from local_cloud.engine.permissions.conditions import WrongPolicy
from local_cloud.engine.permissions.evaluation import Policy

_NAMED_BY_ARN = "AWS::SecretsManager::Secret"
#: What SAM gives to every function.
_BASIC = Policy(
    "AWSLambdaBasicExecutionRole",
    [
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "*",
        }
    ],
)
_TRACING = Policy(
    "AWSXRayDaemonWriteAccess",
    [
        {
            "Effect": "Allow",
            "Action": [
                "xray:PutTraceSegments",
                "xray:PutTelemetryRecords",
                "xray:GetSamplingRules",
                "xray:GetSamplingTargets",
                "xray:GetSamplingStatisticSummaries",
            ],
            "Resource": "*",
        }
    ],
)


def policies_of_template(template: Template, function: str) -> list[Policy]:
    """Return the policies of a function's role.

    Raises:
        WrongPolicy: one of them is none, or is kept elsewhere.
    """
    defaults = template.globals_for("Function")
    for resource in template.resources("AWS::Serverless::Function"):
        properties = {**defaults, **resource.properties}
        if function not in (properties.get("FunctionName"), resource.logical_id):
            continue
        if properties.get("Role"):
            raise WrongPolicy(f"{function}: its Role is not the template's own")
        said = properties.get("Policies") or []
        found = [_BASIC, *([_TRACING] if properties.get("Tracing") == "Active" else [])]
        for number, one in enumerate(said if isinstance(said, list) else [said]):
            found += _policies(template, f"{resource.logical_id}.Policies[{number}]", one)
        return found
    raise WrongPolicy(f"{template.path} has no function {function}")


def _policies(template: Template, name: str, said: Any) -> Iterator[Policy]:
    if isinstance(said, dict) and "Statement" in said:
        yield Policy.read(name, _with_arns(template, said))
    elif isinstance(said, dict) and len(said) == 1:
        ((kind, values),) = said.items()
        yield Policy.read(kind, template.resolve(_sam_policy(kind, values)))
    elif isinstance(said, str):
        name = said.rpartition("/")[2]
        if name not in (_BASIC.name, _TRACING.name):
            raise WrongPolicy(f"the managed policy {said} is not looked up for a template")
    else:
        raise WrongPolicy(f"{name} is no policy: {said!r}")


def _sam_policy(kind: str, values: Any) -> Any:
    processor = _processor()
    if not processor.has(kind):
        raise WrongPolicy(f"SAM has no policy template {kind}")
    return processor.convert(kind, values or {})


@cache
def _processor() -> Any:
    module: Any = import_module("samtranslator.policy_template_processor.processor")
    text = files("samtranslator.policy_templates_data").joinpath("policy_templates.json")
    return module.PolicyTemplatesProcessor(json.loads(text.read_text()))


def _with_arns(template: Template, document: Any) -> Any:
    """Return a document whose references to secrets are ARNs: a template here knows their names."""
    secrets = {
        str(one.properties.get("Name") or one.logical_id)
        for one in template.resources(_NAMED_BY_ARN)
    }

    def resolved(resource: Any) -> Any:
        if isinstance(resource, list):
            return [resolved(one) for one in resource]
        if resource in secrets:
            return f"arn:aws:secretsmanager:{template.region}:*:secret:{resource}-??????"
        return resource

    said = document["Statement"]
    statements = [
        {**one, "Resource": resolved(one["Resource"])} if "Resource" in one else one
        for one in (said if isinstance(said, list) else [said])
    ]
    return {**document, "Statement": statements}
