"""What a snapshot brings that runs by itself, when it is loaded so that nothing does."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from localstack.aws.api.events import RuleState
from localstack.services.events.models import EventBus, Rule
from localstack.services.events.provider import EventsProvider
from localstack.services.opensearch.models import opensearch_stores
from localstack.services.plugins import Service
from localstack.services.s3.models import s3_stores
from moto.cognitoidp.models import cognitoidp_backends
from moto.logs.models import logs_backends

from local_cloud.engine.state.services import events, inert

ACCOUNT, REGION = "000000000000", "us-east-1"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:theirs"
STORES = (s3_stores, opensearch_stores)


@pytest.fixture(autouse=True)
def _nothing_held() -> Iterator[None]:
    yield
    for stores in STORES:
        stores.reset()
    for backends in (logs_backends, cognitoidp_backends):
        backends.reset()


def load_inert(name: str) -> None:
    """Have a service be given back what it holds now, and run nothing of it."""
    with inert(Service(name)):
        pass


def test_nobody_is_told_of_objects() -> None:
    bucket = SimpleNamespace(
        notification_configuration={
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": FUNCTION}],
            "EventBridgeConfiguration": {},
        }
    )
    s3_stores[ACCOUNT][REGION].buckets["theirs"] = bucket
    load_inert("s3")
    assert bucket.notification_configuration == {}


def test_pools_have_no_triggers() -> None:
    backend = cognitoidp_backends[ACCOUNT][REGION]
    pool = SimpleNamespace(extended_config={"LambdaConfig": {"PreSignUp": FUNCTION}, "Policies": 1})
    backend.user_pools["theirs"] = pool
    load_inert("cognito-idp")
    assert pool.extended_config == {"Policies": 1}


def test_lines_of_logs_are_handed_on_to_nobody() -> None:
    backend = logs_backends[ACCOUNT][REGION]
    backend.create_log_group("theirs", {})
    group = backend.groups["theirs"]
    group.put_subscription_filter("all", "", FUNCTION, "")
    load_inert("logs")
    assert not group.subscription_filters


def test_no_cluster_is_started() -> None:
    domains = opensearch_stores[ACCOUNT][REGION].opensearch_domains
    domains["theirs"] = {"EngineVersion": "OpenSearch_2.11"}
    load_inert("opensearch")
    assert not domains


def test_a_rule_that_is_disabled_matches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    matched = []
    monkeypatch.setattr(
        EventsProvider, "_process_rules", lambda _, rule, *event: matched.append(rule.name)
    )
    events.prepare(Service("events"))
    bus = EventBus("default", REGION, ACCOUNT)
    for state in (RuleState.ENABLED, RuleState.DISABLED):
        rule = Rule(state, REGION, ACCOUNT, event_bus_name=bus.name)
        rule.state = state
        EventsProvider._process_rules(object.__new__(EventsProvider), rule, REGION, ACCOUNT, {}, "")
    assert matched == ["ENABLED"]
