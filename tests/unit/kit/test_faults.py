"""Rules of faults: what they are about, how often they strike, what is wrong with one."""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.faults import NONE, Faults

QUEUE = "http://localhost:4566/000000000000/orders"


def faults(*rules: dict[str, Any]) -> Faults:
    return Faults.read({"rules": list(rules)})


def call(about: Faults, **more: str | None) -> Any:
    asked: dict[str, str | None] = {
        "service": "sqs",
        "operation": "SendMessage",
        "resource": QUEUE,
        "caller": "f",
    }
    return about.strike("call", **{**asked, **more})


@pytest.mark.parametrize(
    ("wanted", "strikes"),
    [
        ({}, True),
        ({"service": "sqs"}, True),
        ({"service": "sns"}, False),
        ({"operation": "SendMessage", "caller": "f"}, True),
        ({"operation": "SendMessage", "caller": "g"}, False),
        ({"resource": QUEUE}, True),
        ({"resource": "orders"}, True),
        ({"resource": "order"}, False),
    ],
)
def test_a_rule_is_about_what_it_names(wanted: dict[str, Any], strikes: bool) -> None:
    rule = {"on": "call", "action": "fail", "error": "SlowDown", **wanted}
    struck = call(faults(rule))
    assert (struck.fail, struck.error) == ((True, "SlowDown") if strikes else (False, None))
    assert faults(rule).strike("message", route="say") == NONE


def test_a_resource_may_be_named_by_the_end_of_its_arn() -> None:
    about = faults({"on": "call", "action": "delay", "seconds": 2, "resource": "m"})
    assert call(about, resource="arn:aws:states:us-east-1:000000000000:stateMachine:m").delay == 2
    assert call(about, resource=None) == NONE


def test_a_count_is_how_often_it_strikes() -> None:
    about = faults({"on": "call", "action": "lose", "count": "2"})
    assert [call(about).lose for _ in range(4)] == [True, True, False, False]
    (told,) = about.told()["rules"]
    assert told["struck"] == 2


def test_rules_are_added_and_forgotten() -> None:
    about = Faults()
    assert call(about) == NONE
    about.add(faults({"on": "call", "action": "fail"}))
    assert call(about).fail
    about.clear()
    assert call(about) == NONE


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"on": "call", "action": "drop"}, "action: expected one of delay, fail, lose"),
        ({"on": "post", "action": "lose"}, "action: expected one of delay, drop"),
        ({"on": "call", "action": "fail", "route": "say"}, "route: is not known of on: call"),
        ({"on": "post", "action": "fail", "service": "s3"}, "service: is not known of on: post"),
        ({"on": "post", "action": "fail", "error": "SlowDown"}, "error: is not known of on: post"),
        ({"on": "call", "action": "fail", "count": 0}, "count: expected a number of at least 1"),
        ({"on": "call", "action": "fail", "count": "x"}, "invalid literal"),
        ({"on": "call", "action": "fail", "struck": 1}, "unknown struck"),
    ],
)
def test_what_is_wrong_is_said(rule: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=f"rule 1: .*{why}"):
        faults(rule)
