"""The conversation: in order, whatever the size of a message."""

from __future__ import annotations

import boto3

from agent_common import conversation
from tests.unit.lambdas.conftest import Pushed


def test_messages_are_read_in_the_order_of_the_conversation(cloud: Pushed) -> None:
    for position, content in (
        (conversation.tool_output(2, 0), "tool"),
        (conversation.model_turn(10), "tenth turn"),
        (conversation.model_turn(2), "second turn"),
        (conversation.opening(0), "system"),
        (conversation.tool_output(2, 1), "other tool"),
        (conversation.opening(1), "question"),
    ):
        conversation.put("a1", position, {"role": "x", "content": content})
    assert [m["content"] for m in conversation.read("a1")] == [
        "system",
        "question",
        "second turn",
        "tool",
        "other tool",
        "tenth turn",
    ]


def test_a_message_too_large_for_an_item_is_kept_in_s3(cloud: Pushed) -> None:
    large = {"role": "tool", "content": "ö" * 150_000}
    conversation.put("a1", conversation.tool_output(1, 0), large)
    assert conversation.get("a1", conversation.tool_output(1, 0)) == large
    assert boto3.client("s3").list_objects_v2(Bucket="results")["KeyCount"] == 1


def test_there_may_be_no_message(cloud: Pushed) -> None:
    assert conversation.get("a1", conversation.model_turn(1)) is None
