"""An archive as one head shows it: every file is read against the hash that the manifests give."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from chargewatch.errors import Refusal
from chargewatch.instants import iso
from uptime.archive import layout, manifests, registering
from uptime.archive.manifests import Day, File, Head, Rows
from uptime.archive.registering import Known
from uptime.archive.storage import Storage


@dataclass(frozen=True, slots=True)
class Archive:
    """What one writing left."""

    storage: Storage
    head: Head
    sha256: str

    @classmethod
    def newest(cls, storage: Storage) -> "Archive | None":
        """The archive as its last head shows it; None where there is none."""
        heads = sorted(path for path in storage.listed("heads") if path.endswith(".json"))
        return cls._of(storage, heads[-1]) if heads else None

    @classmethod
    def at(cls, storage: Storage, as_of: datetime | None) -> "Archive":
        """The archive as it was written at that knowledge time, by default last; Refusal if it was not."""
        heads = sorted((path for path in storage.listed("heads") if path.endswith(".json")), reverse=True)
        known = []
        for path in heads:
            archive = cls._of(storage, path)
            if as_of in (None, archive.head.known.as_of):
                return archive
            known.append(iso(archive.head.known.as_of))
        if not known:
            raise Refusal(f"{storage.url} holds no archive", "a folder or URL that `chargewatch archive write` filled")
        raise Refusal(f"{storage.url} was not written as of {iso(as_of)}", f"one of {', '.join(known)}")  # type: ignore[arg-type]

    @classmethod
    def _of(cls, storage: Storage, path: str) -> "Archive":
        text = storage.read(path)
        try:
            head = manifests.decoded(text, Head)
        except msgspec.DecodeError as error:
            raise Refusal(f"{path} is no head of an archive: {error}", "the archive as it was written") from None
        if head.format != layout.FORMAT:
            raise Refusal(f"{path} is {head.format!r}", layout.FORMAT)
        return cls(storage, head, manifests.sha256(text))

    def day(self, day: date, generation: int | None = None) -> Day:
        """The manifest of a day, by default the one that the head names."""
        named = self.head.days[day]
        path = layout.day_file(day, named.generation if generation is None else generation)
        text = self.checked(path, named.sha256 if generation in (None, named.generation) else None)
        return manifests.decoded(text, Day)

    def generations(self, day: date) -> list[Day]:
        """The manifests of a day, the first generation first; each is what the next one says it is."""
        found = [self.day(day)]
        while found[0].generation:
            text = self.checked(layout.day_file(day, found[0].generation - 1), found[0].before)
            found.insert(0, manifests.decoded(text, Day))
        return found

    def files(self, day: date) -> Iterator[Rows]:
        """Every file of facts of a day."""
        for one in self.generations(day):
            yield from one.files

    def known(self) -> Known:
        """Registry, contests and buckets."""
        return registering.read({name: self.table(file) for name, file in self.head.registry.items()})

    def table(self, file: File) -> pa.Table:
        """A file's rows; Refusal if the file is not the one that was written."""
        return pq.read_table(pa.BufferReader(self.checked(file.path, file.sha256)), partitioning=None)

    def checked(self, path: str, sha256: str | None) -> bytes:
        """A file's bytes; Refusal if it is missing or is not the one that was written."""
        try:
            text = self.storage.read(path)
        except FileNotFoundError:
            raise Refusal(f"{path} is missing", "the archive whole (`chargewatch archive verify`)") from None
        if sha256 is not None and manifests.sha256(text) != sha256:
            raise Refusal(f"{path} was changed: its SHA-256 is not the one recorded", "the archive as it was written")
        return text
