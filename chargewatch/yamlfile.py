"""YAML files that state law or settings, read into typed values and validated to the day."""

import re
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

from chargewatch.errors import Refusal

T = TypeVar("T")

_ONE_AT_A_TIME = threading.Lock()
"""msgspec works a type out at its first conversion, and shows it half done to a second thread, which then crashes."""


def load(name: str, folder: Path, kind: type[T], what: str) -> T:
    """Value of the file `name` (an id of a file in `folder`, or a path), validated against the msgspec type `kind`.

    Raises Refusal naming file, field, what was seen and what was expected: for a file that is not there, is no YAML,
    has unknown or missing keys, wrong units or impossible dates. A `__post_init__` of the type refuses with ValueError.
    """
    path = find(name, folder, what)
    return typed(content_of(path), path, folder, kind, what)


def find(name: str, folder: Path, what: str) -> Path:
    """Path of the file of an id in `folder`, or of the path given; Refusal if there is none."""
    path = folder / f"{name}.yaml"
    if not path.is_file():
        path = Path(name)
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise Refusal(f"there is no {what} {name!r}", f"one of {known}, or the path of a YAML file")
    return path


def content_of(path: Path) -> Any:
    """What stands in a file, numbers and dates as text; not to be changed. Refusal if it is no YAML."""
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Refusal(f"{path}: {' '.join(str(error).split())}", "YAML") from None


def typed(content: Any, path: Path, folder: Path, kind: type[T], what: str) -> T:
    """The content of `path` as a value of `kind`; Refusal as in `load`."""
    try:
        with _ONE_AT_A_TIME:
            return msgspec.convert(content, kind, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        reason, _, place = str(error).partition(" - at ")
        place = place.strip("`")
        seen = f" (seen: {_value(content, place)!r} at {place.removeprefix('$.')})" if place else ""
        raise Refusal(
            f"{path}: {reason}{seen}", f"a {what} like those in {folder.parent.name}/{folder.name}/"
        ) from None


@lru_cache(maxsize=32)
def _parsed(text: str) -> Any:
    return yaml.load(text, _Loader)


def _value(content: Any, place: str) -> Any:
    for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", place):
        try:
            content = content[name] if name else content[int(index)]
        except (KeyError, IndexError, TypeError):
            return content
    return content


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses repeated keys and leaves numbers and dates as the text that stands in the file.

    So a rate is read as the exact decimal, and an impossible date is refused by the type of its field, by name.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's own protocol)
        first: [
            (tag, pattern) for tag, pattern in resolvers if tag in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:null")
        ]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep=deep)
