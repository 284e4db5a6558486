"""APIs that were made while the gateway ran are there at its next start."""

from pathlib import Path

import pytest

from websocket_gateway.core.record import ApiRecord
from websocket_gateway.core.registry import Registry
from websocket_gateway.kept_apis import KeptApis, UnreadableApis


def record(api_id: str, *, from_template: bool = False) -> ApiRecord:
    attributes = {"ApiId": api_id, "Name": "n", "RouteSelectionExpression": "$request.body.action"}
    route = {"RouteId": "r", "RouteKey": "$default"}
    return ApiRecord(attributes, {"r": route}, from_template=from_template)


def started(path: Path) -> Registry:
    registry = Registry()
    KeptApis(registry, path).load()
    return registry


def test_what_was_made_is_served_again(tmp_path: Path) -> None:
    first = started(tmp_path / "data" / "apis.json")
    first.put(record("made"))
    first.put(record("gone"))
    first.remove("gone")
    first.domain_names["example.com"] = {"DomainName": "example.com"}
    first.mappings["example.com"] = {"m": {"ApiId": "made", "Stage": "dev"}}
    first.changed()
    again = started(tmp_path / "data" / "apis.json")
    assert again.apis == {"made": record("made")}
    assert set(again.served) == {"made"}
    assert again.domain_names == first.domain_names
    assert again.mappings == first.mappings


def test_what_a_template_declares_is_the_templates(tmp_path: Path) -> None:
    first = started(tmp_path / "apis.json")
    domain = {"example.com": {"DomainName": "example.com"}}
    first.replace_template([record("declared", from_template=True)], domain, {}, [])
    first.put(record("made"))
    again = started(tmp_path / "apis.json")
    assert set(again.apis) == {"made"}
    assert again.domain_names == {}


def test_no_file_takes_the_place_of_what_the_template_declares(tmp_path: Path) -> None:
    domain = {"example.com": {"DomainName": "example.com"}}
    theirs = started(tmp_path / "apis.json")
    theirs.put(record("declared"))
    theirs.put(record("made"))
    theirs.domain_names |= {"example.com": {"DomainName": "theirs"}, "other.com": {}}
    theirs.mappings |= {"example.com": {"m": {"ApiId": "made", "Stage": "dev"}}}
    theirs.changed()
    text = (tmp_path / "apis.json").read_text().replace("false", "true")
    (tmp_path / "apis.json").write_text(text)
    registry = Registry()
    declared = record("declared", from_template=True)
    registry.replace_template([declared], domain, {"example.com": {}}, [])
    KeptApis(registry, tmp_path / "apis.json").load()
    assert registry.apis == {"declared": declared, "made": record("made")}
    assert registry.domain_names == {**domain, "other.com": {}}
    assert registry.mappings["example.com"] == {}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"apis": [{"x": 1}]}'])
def test_another_file_is_refused_and_stays(tmp_path: Path, text: str) -> None:
    path = tmp_path / "apis.json"
    path.write_text(text)
    with pytest.raises(UnreadableApis, match=r"apis\.json does not hold.*mend it, or remove it"):
        started(path)
    assert path.read_text() == text


def test_a_disk_that_is_full_is_said_and_the_api_serves(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    registry = started(tmp_path / "file" / "apis.json")
    registry.put(record("made"))
    assert set(registry.served) == {"made"}
    assert "not kept" in caplog.text
