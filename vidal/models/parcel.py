"""Files of a repository on their way into the Hugging Face cache: how much is left, and the download, with resume.

huggingface_hub goes on with a download whose connection broke, but not with one whose process ended: what it had is
thrown away. So each file is first brought to where the cache keeps contents by their checksums (`blobs/<checksum>`, see
huggingface_hub's page on its cache), by the library's own `http_get` with a place to start from, is compared with the
checksum, and is then found there by the library.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

from vidal.models.listing import File, Listing


@dataclass(frozen=True)
class Parcel:
    """The files of a repository that are needed."""

    listing: Listing
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def left(self) -> int:
        """Bytes that are still to be downloaded."""
        return sum(file.size - self._had(file) for file in self.files)

    def bring(self) -> Path:
        """Download what is left, and give the snapshot's folder.

        Raises OSError where the disk has too little room, ValueError for a file whose checksum is not the hub's, and
        what huggingface_hub raises. What was downloaded until then is kept, and the next call goes on from there.
        """
        from huggingface_hub import constants, snapshot_download

        self._check_room()
        for file in self.files:
            if file.digest and file.size <= constants.MAX_HTTP_DOWNLOAD_SIZE and self._had(file) < file.size:
                self._transfer(file)
        names = [escape(file.name) for file in self.files]
        return Path(snapshot_download(self.listing.hub_id, allow_patterns=names, tqdm_class=_quiet()))

    def _transfer(self, file: File) -> None:
        from filelock import FileLock
        from huggingface_hub import hf_hub_url
        from huggingface_hub.file_download import http_get
        from huggingface_hub.utils import build_hf_headers

        blob, part = self._blob(file), self._part(file)
        blob.parent.mkdir(parents=True, exist_ok=True)
        url = hf_hub_url(self.listing.hub_id, file.name, revision=self.listing.commit)
        headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
        with FileLock(part.with_suffix(".lock")):
            if blob.exists():
                return
            with part.open("ab") as stream:
                if stream.tell() > file.size:
                    stream.truncate(0)
                http_get(
                    url, stream, resume_size=stream.seek(0, 2), headers=headers, expected_size=file.size,
                    displayed_filename=file.name,
                )  # fmt: skip
            if not file.is_in(part):
                part.unlink()
                raise ValueError(f"{file.name} came with another checksum than the hub's, and was removed; try again")
            part.replace(blob)

    def _had(self, file: File) -> int:
        """Bytes of a file that are here."""
        linked = self._store / "snapshots" / self.listing.commit / file.name
        if linked.is_file() or (file.digest and self._blob(file).exists()):
            return file.size
        part = self._part(file)
        return min(part.stat().st_size, file.size - 1) if file.digest and part.exists() else 0

    def _check_room(self) -> None:
        place = next(folder for folder in (self._store, *self._store.parents) if folder.exists())
        room, left = shutil.disk_usage(place).free, self.left
        if left > room:
            raise OSError(
                f"{left / 1e9:.1f} GB are still to be downloaded and {place} has room for {room / 1e9:.1f}: make room, "
                f"or set the environment variable HF_HOME to a folder on a larger disk"
            )

    def _blob(self, file: File) -> Path:
        return self._store / "blobs" / file.digest

    def _part(self, file: File) -> Path:
        return self._store / "blobs" / f"{file.digest}.part"

    @property
    def _store(self) -> Path:
        from huggingface_hub import constants
        from huggingface_hub.file_download import repo_folder_name

        return Path(constants.HF_HUB_CACHE).expanduser() / repo_folder_name(
            repo_id=self.listing.hub_id, repo_type="model"
        )


def _quiet() -> type:
    """A progress bar that is not shown: of files that are here already there is none to make."""
    from huggingface_hub.utils import tqdm

    class Quiet(tqdm):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})

    return Quiet
