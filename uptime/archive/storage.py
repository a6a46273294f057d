"""Where an archive lies: a folder of this machine, or a bucket of an object store by its URL (s3://, gs://, hdfs://)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from chargewatch.errors import Refusal


@dataclass(frozen=True, slots=True)
class Storage:
    """Files below one place; paths are relative to it, with slashes."""

    url: str

    @classmethod
    def at(cls, url: str) -> "Storage":
        """The storage at a URL, or at a folder that may be named from where we are."""
        return cls(url if "://" in url else str(Path(url).absolute()))

    def _place(self) -> tuple[Any, str]:
        if "://" not in self.url:
            return fs.LocalFileSystem(), self.url
        try:
            system, root = fs.FileSystem.from_uri(self.url)
        except (pa.ArrowException, ValueError, OSError) as error:
            raise Refusal(f"{self.url} cannot be opened: {_sentence(error)}", "a folder, or s3://BUCKET/…") from None
        return system, root

    def read(self, path: str) -> bytes:
        """A file's bytes; FileNotFoundError if there is none."""
        system, root = self._place()
        with system.open_input_stream(f"{root}/{path}") as stream:
            return bytes(stream.read())

    def write(self, path: str, content: bytes) -> None:
        """Put a file in its place whole: under another name first, which no reader of Parquet looks at."""
        system, root = self._place()
        target = f"{root}/{path}"
        folder, name = target.rsplit("/", 1)
        system.create_dir(folder, recursive=True)
        with system.open_output_stream(f"{folder}/.{name}.writing") as stream:
            stream.write(content)
        system.move(f"{folder}/.{name}.writing", target)

    def open(self, path: str) -> Any:
        """A file to read parts of."""
        system, root = self._place()
        return system.open_input_file(f"{root}/{path}")

    def listed(self, folder: str = "") -> dict[str, int]:
        """Every file below a folder with its size in bytes, by path; none if the folder is not there."""
        system, root = self._place()
        below = f"{root}/{folder}".rstrip("/")
        found = system.get_file_info(fs.FileSelector(below, recursive=True, allow_not_found=True))
        return {one.path.removeprefix(root).lstrip("/"): one.size for one in found if one.type == fs.FileType.File}


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())
