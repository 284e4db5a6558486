"""What a service holds is written as it changes, and given back as it was."""

import copy
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from localstack.services.plugins import Service
from localstack.services.stores import AccountRegionBundle, BaseStore, LocalAttribute
from localstack.state import StateVisitor

from local_cloud.engine.state import codec, keeper, noted, records
from local_cloud.engine.state.journal import AnotherFormat
from local_cloud.engine.state.keeper import Keeper
from local_cloud.engine.state.noted import NotedDict, NotedList, Unread

ACCOUNT, REGION = "000000000000", "us-east-1"


class Store(BaseStore):  # type: ignore[misc]
    """What the service of these tests holds."""

    plain: dict[str, Any] = LocalAttribute(default=dict)
    apart: NotedDict = LocalAttribute(default=NotedDict)
    lines: NotedList = LocalAttribute(default=NotedList)


class Kept:
    """A service and its keeper, as one start of the engine has them."""

    def __init__(self, path: Path) -> None:
        self.stores = AccountRegionBundle("sqs", Store)
        self.service = Service("sqs")
        self.service._provider = self
        self.keeper = Keeper(path)
        if self.keeper.holds("sqs"):
            self.keeper.give_back(self.service)
        self.keeper.keep(self.service)

    def accept_state_visitor(self, visitor: StateVisitor) -> None:
        visitor.visit(self.stores)

    @property
    def store(self) -> Any:
        return self.stores[ACCOUNT][REGION]

    def save(self) -> None:
        self.keeper.save(["sqs"])


@pytest.fixture(autouse=True)
def _nothing_changed() -> Iterator[None]:
    noted.take_changed()
    before = keeper.READ_LATER
    yield
    keeper.READ_LATER = before
    noted.take_changed()


def test_what_it_holds_comes_back(tmp_path: Path) -> None:
    first = Kept(tmp_path / "journal")
    first.store.plain["a"] = {"b": [1]}
    first.store.apart["k"] = "v"
    first.store.lines += [1, 2]
    first.save()
    again = Kept(tmp_path / "journal")
    assert again.store.plain == {"a": {"b": [1]}}
    assert again.store.apart == {"k": "v"}
    assert again.store.lines == [1, 2]


def test_an_entry_that_changes_in_itself_is_written(tmp_path: Path) -> None:
    first = Kept(tmp_path / "journal")
    first.store.apart["k"] = {"n": 1}
    first.save()
    first.store.apart["k"]["n"] = 2
    first.save()
    assert Kept(tmp_path / "journal").store.apart == {"k": {"n": 2}}


def test_an_entry_that_a_request_still_has_is_looked_at_until_it_ends(tmp_path: Path) -> None:
    first = Kept(tmp_path / "journal")
    first.store.apart["k"] = {"n": 1}
    request = first.keeper.requests["sqs"].begin()
    held = first.store.apart["k"]
    first.save()
    held["n"] = 2
    first.keeper.requests["sqs"].end(request)
    first.save()
    assert Kept(tmp_path / "journal").store.apart == {"k": {"n": 2}}


def test_a_write_costs_what_it_changes(tmp_path: Path) -> None:
    first = Kept(tmp_path / "journal")
    first.store.apart.update({str(number): "x" * 100 for number in range(1000)})
    first.save()
    before = first.keeper.journal.size
    assert before > 100_000
    first.store.apart["1"] = "y" * 100
    assert first.store.apart["2"] == "x" * 100, "read only"
    first.save()
    assert first.keeper.journal.size - before < 250


def test_what_nothing_names_any_more_goes(tmp_path: Path) -> None:
    first = Kept(tmp_path / "journal")
    first.store.plain["table"] = NotedDict({"k": "v"})
    first.save()
    del first.store.plain["table"]
    first.save()
    Kept(tmp_path / "journal")
    records, _ = first.keeper.journal.read()
    kinds = {key[:1] for key in records if b"\0" in key}
    assert kinds == {b"H"}, "what the service holds; no entry of the table"


def test_nested_parts_come_back_and_go_on(tmp_path: Path) -> None:
    first = Kept(tmp_path / "journal")
    first.store.plain["table"] = NotedDict(nested=True)
    first.store.plain["table"]["hash"]["range"] = 1
    first.save()
    again = Kept(tmp_path / "journal")
    again.store.plain["table"]["hash"]["other"] = 2
    again.save()
    assert Kept(tmp_path / "journal").store.plain == {"table": {"hash": {"range": 1, "other": 2}}}


def test_a_new_part_is_not_taken_for_one_that_is_empty(tmp_path: Path) -> None:
    first = Kept(tmp_path / "journal")
    first.store.plain["empty"] = NotedDict()
    first.save()
    noted.number_from(1)  # as another process begins
    again = Kept(tmp_path / "journal")
    again.store.plain["new"] = NotedDict({"k": "v"})
    again.save()
    assert Kept(tmp_path / "journal").store.plain == {"empty": {}, "new": {"k": "v"}}


def test_what_another_version_has_written_is_refused_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Kept(tmp_path / "journal")
    first.store.plain["a"] = 1
    first.save()
    before = (tmp_path / "journal").read_bytes()
    monkeypatch.setattr(records, "KIT", b"LocalStack 1, moto 2")
    with pytest.raises(AnotherFormat, match=r"written by LocalStack 20.*LocalStack 1.*--fresh"):
        Kept(tmp_path / "journal")
    assert (tmp_path / "journal").read_bytes() == before


def test_a_long_journal_is_written_anew_while_it_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "LONG_BYTES", 10_000)
    first = Kept(tmp_path / "journal")
    for number in range(100):
        first.store.apart["k"] = str(number) * 100
        first.save()
    before = first.keeper.journal.size
    first.keeper.compact()
    assert first.keeper.journal.size < before / 10
    first.store.apart["l"] = "after"
    first.save()
    assert Kept(tmp_path / "journal").store.apart == {"k": "99" * 100, "l": "after"}


def test_contents_that_nothing_names_are_removed(tmp_path: Path) -> None:
    names = [character * 64 for character in "ab"]
    (tmp_path / "objects").mkdir()
    for name in (*names, "c.new"):
        (tmp_path / "objects" / name).touch()
    keeper.forget_contents(tmp_path, [b"..." + names[0].encode() + b"..."])
    assert [file.name for file in (tmp_path / "objects").iterdir()] == [names[0]]


def test_what_is_not_kept_is_said_and_keeps_nothing_else_from_being(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = Kept(tmp_path / "journal")
    first.store.apart["k"] = "v"
    first.save()
    first.store.plain["thread"] = threading.Thread(name="worker")
    first.store.apart["k"] = "w"
    first.save()
    first.save()
    said = [record.getMessage() for record in caplog.records]
    assert said == ["what sqs holds is not kept: a thread, worker"], "once"
    assert Kept(tmp_path / "journal").store.apart == {"k": "w"}


def test_nothing_counts_as_written_that_could_not_be(tmp_path: Path) -> None:
    first = Kept(tmp_path / "journal")
    first.store.apart["k"] = "v"
    first.store.lines.append(1)
    with pytest.MonkeyPatch.context() as patch:

        def full(_: object) -> None:
            raise OSError("no space left")

        patch.setattr(first.keeper.journal, "write", full)
        with pytest.raises(OSError, match="no space"):
            first.save()
    first.save()
    again = Kept(tmp_path / "journal")
    assert (again.store.apart, again.store.lines) == ({"k": "v"}, [1])


def test_what_is_put_off_is_written_with_the_next_part(tmp_path: Path) -> None:
    first = Kept(tmp_path / "journal")
    first.save()
    first.store.plain["made"] = True
    first.keeper._seconds["sqs"] = 1.0  # it takes long to write
    first.keeper.commit("sqs", parts_only=False)
    assert Kept(tmp_path / "journal").store.plain == {}
    first.store.apart["in it"] = True
    first.keeper.commit("sqs", parts_only=True)
    again = Kept(tmp_path / "journal")
    assert (again.store.plain, again.store.apart) == ({"made": True}, {"in it": True})


def test_what_comes_often_puts_nothing_off(tmp_path: Path) -> None:
    first = Kept(tmp_path / "journal")
    first.keeper.changed("sqs")
    at, _ = first.keeper._due["sqs"]
    first.keeper.changed("sqs")
    first.keeper.commit("sqs", parts_only=True)
    assert first.keeper._due["sqs"] == (at, 0)


@pytest.mark.parametrize("error", [OSError("no space left"), MemoryError()])
def test_what_cannot_be_written_is_refused_until_there_is_room(
    tmp_path: Path, error: Exception
) -> None:
    first = Kept(tmp_path / "journal")
    first.store.apart["k"] = "before"
    first.save()
    first.keeper.check_writable()
    with pytest.MonkeyPatch.context() as patch:

        def full(_: object) -> None:
            raise error

        patch.setattr(first.keeper.journal, "write", full)
        first.store.apart["k"] = "v"
        with pytest.raises(keeper.NotWritten, match="make room"):
            first.keeper.commit("sqs", parts_only=True)
        with pytest.raises(keeper.NotWritten, match=r"no (space|memory)"):
            first.keeper.check_writable()
    first.save()
    first.keeper.check_writable()
    assert Kept(tmp_path / "journal").store.apart == {"k": "v"}


def test_values_are_read_when_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "READ_LATER", {"sqs"})
    first = Kept(tmp_path / "journal")
    first.store.apart.update({"a": [1], "b": [2], "c": [3], "part": NotedDict({"d": [4]})})
    first.save()
    again = Kept(tmp_path / "journal")
    raw = {key: type(dict.get(again.store.apart, key)) for key in again.store.apart}
    assert raw == {"a": Unread, "b": Unread, "c": Unread, "part": NotedDict}
    again.store.apart["a"].append(2)
    assert again.store.apart.pop("b") == [2]
    assert type(dict.get(again.store.apart, "c")) is Unread
    again.save()
    last = Kept(tmp_path / "journal")
    assert last.store.apart == {"a": [1, 2], "c": [3], "part": {"d": [4]}}
    assert list(copy.deepcopy(last.store.apart).values()) == list(last.store.apart.values())


KEYS = st.sampled_from("abc")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["set", "default"]), KEYS, st.integers(0, 9)),
        st.tuples(st.sampled_from(["pop", "change"]), KEYS, st.just(0)),
        st.tuples(st.sampled_from(["append", "insert", "shorten"]), KEYS, st.integers(0, 9)),
        st.tuples(st.sampled_from(["clear", "save", "restart"]), KEYS, st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=200, deadline=None)
@given(STEPS, st.sampled_from([frozenset(), frozenset({"sqs"})]))
def test_whatever_is_done_comes_back(
    tmp_path_factory: Any, steps: list[Any], read_later: frozenset[str]
) -> None:
    keeper.READ_LATER = read_later
    path = tmp_path_factory.mktemp("state") / "journal"
    now = Kept(path)
    entries: dict[str, list[Any]] = {}
    lines: list[int] = []
    for what, key, number in steps:
        apart, kept_lines = now.store.apart, now.store.lines
        match what:
            case "set":
                apart[key] = [number]
                entries[key] = [number]
            case "default":
                apart.setdefault(key, []).append(number)
                entries.setdefault(key, []).append(number)
            case "pop":
                apart.pop(key, None)
                entries.pop(key, None)
            case "change":
                for held in (apart.get(key), entries.get(key)):
                    if held is not None:
                        held.append("more")
            case "append":
                kept_lines.append(number)
                lines.append(number)
            case "insert":
                kept_lines.insert(0, number)
                lines.insert(0, number)
            case "shorten":
                del kept_lines[number:]
                del lines[number:]
            case "clear":
                apart.clear()
                entries.clear()
            case "save":
                now.save()
            case "restart":
                now.save()
                now = Kept(path)
                assert list(now.store.apart.items()) == list(entries.items()), "in this order"
                assert now.store.lines == lines
    now.save()
    again = Kept(path)
    assert list(again.store.apart.items()) == list(entries.items()), "in this order"
    assert again.store.lines == lines


def whole_only(parts: NotedDict) -> Any:
    """Read what is whole."""
    return dict.__getitem__(parts, "whole")


class Whole:
    """Kept as its parts, all of which have to be there."""

    def __init__(self, **parts: Any) -> None:
        self.parts = NotedDict(parts)


def test_what_cannot_be_read_is_left_out_and_the_rest_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(codec._makers, "whole", whole_only)
    monkeypatch.setitem(codec._takers, Whole, ("whole", lambda one: one.parts))
    first = Kept(tmp_path / "journal")
    first.store.apart["good"] = Whole(whole=1)
    first.store.apart["bad"] = Whole(other=1)
    first.save()
    again = Kept(tmp_path / "journal")
    assert again.store.apart == {"good": 1}
    assert "something that sqs held cannot be read" in caplog.text
    assert "KeyError: 'whole'" in caplog.text


def test_what_is_loaded_to_be_looked_at_is_so_until_it_was_written(tmp_path: Path) -> None:
    first = Kept(tmp_path / "journal")
    first.store.plain["a"] = 1
    first.save()
    first.keeper.journal.write(
        [(records.INERT, records.ALL), (records.whole_key("sns"), b"\0\x80")]
    )
    for _ in range(2):
        again = Kept(tmp_path / "journal")
        assert again.keeper.is_inert("sqs"), "and so after a kill"
    again.keeper.end_inert(again.service)
    assert not again.keeper.is_inert("sqs")
    last = Kept(tmp_path / "journal")
    assert not last.keeper.is_inert("sqs"), "it is given back once"
    assert last.keeper.is_inert("sns")
    last.keeper.leave_inert("sns")
    assert records.INERT not in last.keeper.journal.read()[0]
    assert last.store.plain == {"a": 1}
