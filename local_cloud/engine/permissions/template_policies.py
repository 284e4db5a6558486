"""The policies that a SAM template gives to a function: statements, managed ones, SAM's own.

https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html#sam-function-policies
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-templates.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from local_aws.account import ACCOUNT_ID
from local_aws.iam.conditions import WrongPolicy
from local_aws.iam.evaluation import Policy
from local_aws.template import Template

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


@dataclass(frozen=True)
class Granted:
    """What a function's role may: its policies, and the boundary that they are within."""

    policies: tuple[Policy, ...]
    boundary: tuple[Policy, ...] | None = None


def granted_by(template: Template, function: str) -> Granted:
    """Return what a template grants to a function.

    Raises:
        WrongPolicy: a policy is none, or is not known here.
    """
    defaults = template.globals_for("Function")
    for resource in template.resources("AWS::Serverless::Function"):
        properties = {**defaults, **resource.properties}
        if function not in (properties.get("FunctionName"), resource.logical_id):
            continue
        if role := properties.get("Role"):
            return _granted_by_role(template, function, str(role))
        found = [_BASIC, *([_TRACING] if properties.get("Tracing") == "Active" else [])]
        for number, one in enumerate(_listed(properties.get("Policies"))):
            found += _policies(template, f"{resource.logical_id}.Policies[{number}]", one)
        return Granted(tuple(found), _boundary(template, properties))
    raise WrongPolicy(f"{template.path} has no function {function}")


def _granted_by_role(template: Template, function: str, named: str) -> Granted:
    for role in template.resources("AWS::IAM::Role"):
        name = template.physical_name(role.logical_id)
        if named not in (name, f"arn:aws:iam::{ACCOUNT_ID}:role/{name}"):
            continue
        properties = role.properties
        inline = [
            Policy.read(
                f"{role.logical_id}.{one.get('PolicyName')}",
                _with_arns(template, one.get("PolicyDocument") or {}),
            )
            for one in _listed(properties.get("Policies"))
        ]
        managed = [
            _managed(template, str(one)) for one in _listed(properties.get("ManagedPolicyArns"))
        ]
        return Granted((*inline, *managed), _boundary(template, properties))
    raise WrongPolicy(f"{function}: its Role is not the template's own")


def _boundary(template: Template, properties: Mapping[str, Any]) -> tuple[Policy, ...] | None:
    named = properties.get("PermissionsBoundary")
    return (_managed(template, str(named)),) if named else None


def _listed(said: Any) -> list[Any]:
    return said if isinstance(said, list) else [said] if said else []


def _policies(template: Template, name: str, said: Any) -> Iterator[Policy]:
    if isinstance(said, dict) and "Statement" in said:
        yield Policy.read(name, _with_arns(template, said))
    elif isinstance(said, dict) and len(said) == 1:
        ((kind, values),) = said.items()
        yield Policy.read(kind, template.resolve(_sam_policy(kind, values)))
    elif isinstance(said, str):
        yield _managed(template, said)
    else:
        raise WrongPolicy(f"{name} is no policy: {said!r}")


def _managed(template: Template, named: str) -> Policy:
    """Return a managed policy by its name or ARN: the template's, or one of AWS's."""
    name = named.rpartition("/")[2]
    for own in (_BASIC, _TRACING):
        if own.name == name:
            return own
    for resource in template.resources("AWS::IAM::ManagedPolicy"):
        if name == template.physical_name(resource.logical_id):
            document = resource.properties.get("PolicyDocument") or {}
            return Policy.read(name, _with_arns(template, document))
    if (document := _of_aws().get(name)) is None:
        raise WrongPolicy(f"there is no managed policy {named}")
    return Policy.read(name, document["Document"])


@cache
def _of_aws() -> dict[str, Any]:
    # A megabyte, which takes a second: for whom a template names one.
    text: str = import_module("moto.iam.aws_managed_policies").aws_managed_policies_data
    found: dict[str, Any] = json.loads(text)
    return found


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

    said = document.get("Statement") or []
    statements = [
        {**one, "Resource": resolved(one["Resource"])} if "Resource" in one else one
        for one in (said if isinstance(said, list) else [said])
    ]
    return {**document, "Statement": statements}
