"""The setup scripts: everything is there, twice does no harm, a failure names its resource."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local_cloud.installation import SCRIPTS, aws_environment
from local_cloud.port_check import free_ports
from tests.stack import Stack


def run_script(
    stack: Stack, folder: Path, name: str = "create-resources.sh", **changed: str
) -> subprocess.CompletedProcess[str]:
    environment = {
        **aws_environment(stack.ports),
        "PYTHON": sys.executable,
        "ENV_VARS_FILE": str(folder / "env-vars.json"),
        **changed,
    }
    return subprocess.run(
        ["bash", str(SCRIPTS / name)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_running_it_again_changes_nothing(stack: Stack, tmp_path: Path) -> None:
    before = stack.aws("secretsmanager").get_secret_value(SecretId="causal/demo-user")
    done = run_script(stack, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "table causal-analyses (was there)" in done.stdout
    assert "Every resource is there." in done.stdout
    after = stack.aws("secretsmanager").get_secret_value(SecretId="causal/demo-user")
    assert before["SecretString"] == after["SecretString"]
    assert before["SecretString"] not in done.stdout + done.stderr, "no secret in the output"
    written = json.loads((tmp_path / "env-vars.json").read_text())["Parameters"]
    assert written["USER_POOL_ID"].startswith("us-east-1_")


def test_what_one_script_makes_is_settable_and_made_once(stack: Stack, tmp_path: Path) -> None:
    names = {
        f"{kind}_TABLE": f"other-{kind.lower()}"
        for kind in ("CONNECTIONS", "ANALYSES", "EVENTS", "MESSAGES")
    }
    try:
        first = run_script(stack, tmp_path, "create-tables.sh", **names)
        second = run_script(stack, tmp_path, "create-tables.sh", **names)
        assert first.returncode == second.returncode == 0, first.stderr + second.stderr
        assert "table other-events\n" in first.stdout
        assert "table other-events (was there)" in second.stdout
        described = stack.aws("dynamodb").describe_time_to_live(TableName="other-events")
        assert described["TimeToLiveDescription"]["AttributeName"] == "expiresAt"
    finally:
        for name in names.values():
            stack.aws("dynamodb").delete_table(TableName=name)


def test_a_failure_names_the_resource_and_the_other_scripts_still_run(
    stack: Stack, tmp_path: Path
) -> None:
    done = run_script(stack, tmp_path, RESULTS_BUCKET="Not_A_Bucket")
    assert done.returncode != 0
    assert "create-buckets.sh: cannot create bucket Not_A_Bucket" in done.stderr
    assert "create-resources.sh: failed: buckets" in done.stderr
    assert "table causal-analyses (was there)" in done.stdout


@pytest.mark.parametrize("script", ["create-resources.sh", "create-secrets.sh"])
def test_an_engine_that_is_not_there_is_said(stack: Stack, tmp_path: Path, script: str) -> None:
    url = f"http://localhost:{free_ports().engine}"
    done = run_script(stack, tmp_path, script, AWS_ENDPOINT_URL=url, WAIT_SECONDS="1")
    assert done.returncode != 0
    assert f"{url} does not answer: start the cloud first" in done.stderr


def test_buckets_are_private_and_the_data_is_the_repositorys(stack: Stack) -> None:
    client = stack.aws("s3")
    for bucket in ("causal-datasets", "causal-results"):
        block = client.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        assert all(block.values())
    data = client.get_object(Bucket="causal-datasets", Key="shared/nsw.csv")["Body"].read()
    assert data == (SCRIPTS.parent / "config" / "test-data" / "nsw.csv").read_bytes()


def test_weak_passwords_are_refused(stack: Stack) -> None:
    client = stack.aws("cognito-idp")
    pool = client.describe_user_pool(UserPoolId=stack.new_user().pool_id)["UserPool"]
    policy = pool["Policies"]["PasswordPolicy"]
    assert policy["MinimumLength"] >= 12
    assert policy["RequireNumbers"]
    assert policy["RequireSymbols"]


def test_the_scripts_leave_no_temporary_files(stack: Stack, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    for script in ("create-resources.sh", "create-secrets.sh"):
        assert run_script(stack, tmp_path, script, TMPDIR=str(temporary)).returncode == 0
    assert os.listdir(temporary) == []
