"""What operators are told: every example holds, and what the schemas refuse the contract refuses."""

import copy
import json
import re
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from collector.contract import KINDS, REASONS, Decoded, Directory, decode
from collector.items import STATUSES

DOCUMENTS = Path(__file__).parents[2] / "docs" / "operators"
SCHEMAS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((DOCUMENTS / "schemas").glob("*.json"))}
PAGE = (DOCUMENTS / "index.md").read_text("utf-8")
ASYNCAPI = yaml.safe_load((DOCUMENTS / "asyncapi.yaml").read_text("utf-8"))
RECEIPT = datetime.fromisoformat("2023-06-02T12:00:00+00:00")


def read(kind: str, message: Any, operator: str = "op") -> Decoded:
    """With every connector that the message names registered."""
    ids = re.findall(r'"([\w.-]*-0[12]-[12])"', json.dumps(message))
    payload = json.dumps(message, ensure_ascii=False).encode()
    directory = Directory({operator: {name: no for no, name in enumerate(ids)}})
    return decode(f"ev/1/{operator}/{kind}", payload, RECEIPT, directory)


def kind_of(message: dict[str, Any]) -> str:
    return str(message["schema"].removeprefix("ev.").removesuffix("/1"))


def examples() -> list[dict[str, Any]]:
    of_schemas = [example for schema in SCHEMAS.values() for example in schema["examples"]]
    of_page = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.S)]
    commands = [shlex.split(line) for line in PAGE.splitlines() if line.startswith("mosquitto_pub")]
    of_commands = [json.loads(words[words.index("-m") + 1]) for words in commands]
    messages = ASYNCAPI["components"]["messages"]
    of_asyncapi = [example["payload"] for message in messages.values() for example in message["examples"]]
    assert (len(of_schemas), len(of_page), len(of_commands), len(of_asyncapi)) == (7, 4, 1, 6)
    return of_schemas + of_page + of_commands + of_asyncapi


@pytest.mark.parametrize("message", examples(), ids=lambda message: message["schema"])
def test_every_example_is_accepted_by_schema_and_contract(message: dict[str, Any]) -> None:
    kind = kind_of(message)
    jsonschema.Draft202012Validator(SCHEMAS[kind]).validate(message)
    decoded = read(kind, message)
    assert decoded.rejected == ()
    assert decoded.accepted or decoded.link


def test_the_schemas_are_schemas_of_all_topics() -> None:
    assert set(SCHEMAS) == {*KINDS, "link"}
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert set(SCHEMAS["status"]["$defs"]["item"]["properties"]["status"]["enum"]) == STATUSES


def test_asyncapi_names_every_topic_and_its_schema() -> None:
    assert ASYNCAPI["asyncapi"].startswith("3.")
    assert {channel["address"] for channel in ASYNCAPI["channels"].values()} == {
        f"ev/1/{{operator_id}}/{kind}" for kind in SCHEMAS
    }

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [found for value in node.values() for found in references(value)]
        return [found for value in node for found in references(value)] if isinstance(node, list) else []

    found = references(ASYNCAPI)
    assert len(found) == 15
    for reference in found:
        if reference.startswith("#/"):
            node = ASYNCAPI
            for step in reference[2:].split("/"):
                node = node[step]
        else:
            assert (DOCUMENTS / reference).is_file(), reference
    for name, message in ASYNCAPI["components"]["messages"].items():
        assert message["payload"]["schema"]["$ref"] == f"schemas/{name}.json"


def test_the_page_explains_every_reason_in_both_languages() -> None:
    english, chinese = PAGE.split("## 中文说明")
    for reason in REASONS:
        assert f"| `{reason}` |" in english
        assert f"| `{reason}` |" in chinese


WRONG: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**15, 10**16, -(10**15), 2**31, "", "x", "c 1", "a\0b", "x" * 1001, "x" * 101, "1",
    [], [1], [None], ["c 1"], {}, {"a": 1}, "2023-06-01", "2023-06-01T08:00:00", "2023-06-01 08:00:00+08:00",
    "2023-06-01T08:00:00+0800", "2023-06-01T24:00:00Z", "2023-06-01T08:00:00.1234567890Z",
]  # fmt: skip
"""What is put in the place of each value of each example."""


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for key, child in children for found in places(child, (*path, key)))]


def altered(message: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(message)
    node: Any = changed
    for step in path[:-1]:
        node = node[step]
    if value is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return changed


@pytest.mark.parametrize("kind", SCHEMAS)
def test_what_the_schema_refuses_the_contract_refuses(kind: str) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMAS[kind])
    refused = accepted = 0
    for message in SCHEMAS[kind]["examples"]:
        for path in places(message)[1:]:
            for value in [..., *WRONG]:
                one = altered(message, path, value)
                decoded = read(kind, one)
                if not validator.is_valid(one):
                    assert decoded.rejected, (path, value)
                    refused += 1
                elif not decoded.rejected:
                    accepted += 1
    assert refused > 50
    assert accepted > 10


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_schema_accepts_is_refused_for_what_no_schema_can_say_only(kind: str) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMAS[kind])
    beyond = {"implausible", "clock_future", "unknown_connector", "personal_data"}
    for message in SCHEMAS[kind]["examples"]:
        for path in places(message)[1:]:
            for value in [..., *WRONG]:
                one = altered(message, path, value)
                if validator.is_valid(one):
                    assert {rejected.reason for rejected in read(kind, one).rejected} <= beyond, (path, value)
