"""A policy that follows another one: what its file states replaces what stands there, the rest holds as it is there.

A county that follows by reference (参照执行), a later year's rates: short files that name the file they follow.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chargewatch import yamlfile
from chargewatch.errors import Refusal

WHAT = "subsidy policy"
OWN = ("id", "programme", "validity", "title", "document", "issuer", "issued_on")
"""What a document states of itself, and borrows from no other."""
READ = "docs/commission/policies.md"


def content(path: Path, folder: Path) -> Any:
    """What a policy's file and those that it follows state together; Refusal for a file that follows in a circle."""
    chain, here = [path], path
    contents = [yamlfile.content_of(path)]
    while isinstance(contents[-1], dict) and "follows" in contents[-1]:
        for name in OWN:
            if name not in contents[-1]:
                raise Refusal(
                    f"{here}: it follows another policy and has no {name} of its own", f"its own {name}", READ
                )
        here = _followed(str(contents[-1]["follows"]), here, folder)
        if here in chain:
            raise Refusal(f"{path}: it follows {here.stem}, which follows it", "a policy that follows none", READ)
        chain.append(here)
        contents.append(yamlfile.content_of(here))
    result = contents.pop()
    while contents:
        result = merged(result, contents.pop())
    return result


def merged(followed: Any, own: Any) -> Any:
    """The one with what the other states.

    An entry that names its clause is replaced whole, so that no number keeps a clause or a note that was made for
    another one; what only holds such entries is gone through name by name.
    """
    if not (isinstance(followed, Mapping) and isinstance(own, Mapping)) or "clause" in followed:
        return own
    return {**followed, **{name: merged(followed.get(name), value) for name, value in own.items()}}


def versions(path: Path, programme: str, folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The other policies of a programme beside a file, as far as they can be read."""
    for other in sorted(path.parent.glob("*.yaml")):
        try:
            found = None if other == path else content(other, folder)
        except Refusal:  # refused when it is asked for
            continue
        if isinstance(found, dict) and found.get("programme") == programme and "id" in found:
            yield other, found


def _followed(name: str, follower: Path, folder: Path) -> Path:
    beside = follower.parent / f"{name}.yaml"
    return beside if beside.is_file() else yamlfile.find(name, folder, WHAT)
