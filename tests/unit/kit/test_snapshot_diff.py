"""What is different between two journals is told in words, and no class of them is loaded."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.engine.state import classes, codec, shown
from local_cloud.engine.state.journal import AnotherFormat, Journal
from local_cloud.engine.state.noted import NotedDict
from local_cloud.engine.state.records import ENTRY, part_key, whole_key
from local_cloud.engine.state.shown import Tree, shown_in
from local_cloud.snapshot_diff import Difference, differences

PLACE = ("000000000000", "us-east-1")


class Table:
    """A class that the journal names."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let tables be written, as by another version that knows them."""
    with monkeypatch.context() as patch:
        patch.setattr(classes, "_more", {classes.name_of(Table)})
        yield
    codec._writers.pop(Table, None)


def data(value: Any) -> bytes:
    return codec.write(value, lambda _: None)


def held(path: Path, value: Any, service: str = "sqs") -> dict[str, Tree]:
    journal = Journal(path)
    journal.write([(whole_key(service), data({"BackendDict:x": {PLACE: value}}))])
    journal.close()
    return shown_in(path)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2}, [(("a",), "1", "2")]),
        ({}, {"a": {"b": [1, 2]}}, [((), None, "2 values")]),
        ({"x": 0, "a": {"b": 1}}, {"x": 0}, [(("a",), "1 value", None)]),
        ({"t": Table(n=1, m=2)}, {"t": Table(n=1, m=3)}, [(("t", "m"), "2", "3")]),
        ({"a": [1]}, {"a": [1, 2]}, [(("a", "1"), None, "2")]),
        ({"a": {1, 2}}, {"a": {2, 3}}, [(("a",), "1, 2", "2, 3")]),
        ({"x": 0}, {"x": 0, "nothing": {}}, []),
        (
            {"a": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)},
            {"a": b"\xff"},
            [(("a",), "2026-01-01T00:00:00+00:00", "1 bytes (a8100ae6)")],
        ),
    ],
)
def test_differences(tmp_path: Path, before: Any, after: Any, told: list[Any]) -> None:
    one, two = held(tmp_path / "one", before), held(tmp_path / "two", after)
    assert list(differences(one, two)) == [
        Difference("sqs", ("us-east-1", *path), was, now) for path, was, now in told
    ]


@pytest.mark.parametrize("name", ["secret_string", "password", "access_tokens", "SECRET_BINARY"])
def test_of_secrets_is_told_that_they_changed(tmp_path: Path, name: str) -> None:
    one = held(tmp_path / "one", {name: "hunter2", "x": 1})
    two = held(tmp_path / "two", {name: "hunter3", "x": 1})
    (found,) = differences(one, two)
    assert found.path == ("us-east-1", name)
    assert "hunter" not in f"{found.before} {found.after}"
    assert found.before != found.after


def test_what_contains_itself_is_told_once(tmp_path: Path) -> None:
    table = Table(n=1)
    table.same = table  # type: ignore[attr-defined]
    assert held(tmp_path / "one", {"t": table}) == {
        "sqs": {"us-east-1": {"t": {"n": "1", "same": "…"}}}
    }


def test_parts_that_are_kept_apart_are_where_they_belong(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "one")
    apart = NotedDict(number=7)
    journal.write(
        [
            (whole_key("sqs"), data({"extra": apart})),
            (part_key(ENTRY, "sqs", 7, data("inside")), data({"k": "v"})),
        ]
    )
    journal.close()
    assert shown_in(tmp_path / "one") == {"sqs": {"content": {"inside": {"k": "v"}}}}


@pytest.mark.parametrize("is_apart", [True, False], ids=["parts", "containers"])
def test_what_a_few_bytes_make_millions_of_is_refused(
    tmp_path: Path, is_apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "MOST_SHOWN", 10_000)
    journal = Journal(tmp_path / "one")
    one: Any = "x"
    for number in range(1, 50):
        if is_apart:
            key = part_key(ENTRY, "sqs", number, data("both"))
            journal.write([(key, codec.write([one, one], lambda _: None))])
            one = NotedDict(number=number)
        else:
            one = [one, one]
    journal.write([(whole_key("sqs"), data({"extra": {"in": one}}))])
    journal.close()
    with pytest.raises(AnotherFormat, match="more than 10,000 values"):
        shown_in(tmp_path / "one")


def test_no_class_that_a_journal_names_is_loaded(tmp_path: Path) -> None:
    written = data({"BackendDict:x": {PLACE: {"a": Table(n=1)}}})
    name = classes.name_of(Table).encode()
    assert name in written
    journal = Journal(tmp_path / "one")
    journal.write([(whole_key("sqs"), written.replace(name, b"x" * len(name)))])
    journal.close()
    assert shown_in(tmp_path / "one") == {"sqs": {"us-east-1": {"a": {"n": "1"}}}}


@pytest.mark.parametrize("value", [b"", b"\0", b"\0\xc1", b"\1\0\0\0\1", b"\x80\x05N.", b"\0\x01"])
def test_what_is_malformed_is_refused_in_a_sentence(tmp_path: Path, value: bytes) -> None:
    journal = Journal(tmp_path / "one")
    journal.write([(whole_key("sqs"), value)])
    journal.close()
    with pytest.raises(AnotherFormat, match="holds something for sqs that cannot be read"):
        shown_in(tmp_path / "one")


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"something else")
    with pytest.raises(AnotherFormat, match="another format"):
        shown_in(tmp_path / "one")
