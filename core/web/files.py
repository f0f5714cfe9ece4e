"""Files that were uploaded, as answers: to save and never to show (THREATS T-U1)."""

from __future__ import annotations

from pathlib import Path

from litestar.response import File

from core.contacts.files import file_path
from core.contacts.models import StoredFile
from core.errors import NotFound
from core.pictures import SANDBOX


def send_file(data_dir: Path, file: StoredFile) -> File:
    """A file as plain bytes, whatever it is, under the name it was uploaded with. Raises NotFound if it is gone."""
    path = file_path(data_dir, file.stored_name)
    if not path.is_file():
        raise NotFound("There is no such file.")
    return File(
        path,
        filename=file.name,
        media_type="application/octet-stream",
        content_disposition_type="attachment",
        headers=SANDBOX,
    )
