"""What SAM has built is completed by what the engine knows functions by."""

from __future__ import annotations

from pathlib import Path

import yaml

from local_aws.credentials import key_of, session_key
from local_cloud.docker_mode.sam import give_keys


def test_each_function_signs_with_a_key_of_its_own(tmp_path: Path) -> None:
    built = tmp_path / "template.yaml"
    functions = (
        "ParseInitialQueryFunction",
        "InvokeLlmFunction",
        "DispatchToolFunction",
        "SendPromptFunction",
        "AppendToolOutputFunction",
        "HandleFinishFunction",
        "WebSocketHandlerFunction",
    )
    template = {
        "Parameters": {"Level": {"Type": "String"}},
        "Resources": {
            name: {"Properties": {"Environment": {"Variables": {"LEVEL": {"Ref": "Level"}}}}}
            for name in functions
        },
    }
    built.write_text(yaml.safe_dump(template))
    give_keys(built)
    resources = yaml.safe_load(built.read_text())["Resources"]
    variables = resources["InvokeLlmFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["LEVEL"] == {"Ref": "Level"}
    assert variables["AWS_ACCESS_KEY_ID"] == key_of("invoke-llm")
    keys = {
        one["Properties"]["Environment"]["Variables"]["AWS_ACCESS_KEY_ID"]
        for one in resources.values()
    }
    assert len(keys) == len(functions)


def test_a_session_is_known_by_its_key_and_a_users_is_none() -> None:
    def signed(key: str) -> dict[str, str]:
        scope = f"{key}/20260101/us-east-1/execute-api/aws4_request"
        words = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"
        return {"authorization": words}

    assert session_key(signed(key_of("f"))) == key_of("f")
    assert session_key(signed("AKIAIOSFODNN7EXAMPLE")) is None
    assert session_key({}) is None
