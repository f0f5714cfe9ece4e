"""Files and pictures of a contact (FEATURES C3, C13; THREATS T-U1, T-U2, T-U3, T-U5, T-Z2, T-Z5)."""

from __future__ import annotations

import io
import struct
import time
import zlib
from pathlib import Path

import pytest
from litestar.testing import TestClient
from PIL import Image
from sqlalchemy import select

from core.contacts.files import MAX_SIZE, FileStore, clean_name, storing
from core.contacts.models import StoredFile
from core.contacts.pictures import make_picture
from core.errors import InvalidInput
from core.site import Site
from core.testing import make_client
from core.web.application import Application
from tests.core.contacts.profile_support import capture, contact_of, heard, sale, stored
from tests.support.activity import log_of

Client = TestClient[Application]
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def on_disk(site: Site) -> list[Path]:
    return sorted(path for path in (site.settings.data_dir / "files").rglob("*") if path.is_file())


def files_of(site: Site) -> list[StoredFile]:
    with site.session() as session:
        return list(session.scalars(select(StoredFile).order_by(StoredFile.id)))


def image(kind: str = "PNG", size: tuple[int, int] = (400, 300), **options: object) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(made, kind, **options)
    return made.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has that many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


def upload(client: Client, contact_id: int, *files: tuple[str, bytes], text: str = "") -> int:
    return client.post(
        f"/dashboard/contacts/{contact_id}/notes",
        data={"text": text},
        files=[("files", (name, content, "text/html")) for name, content in files],
        follow_redirects=False,
    ).status_code


def upload_picture(client: Client, contact_id: int, content: bytes, version: int = 1) -> int:
    return client.post(
        f"/dashboard/contacts/{contact_id}/edit",
        data={"version": str(version), "name": "Anna Müller", "phone": "030 123456"}
        | {"street": "Lindenstraße 4", "postal_code": "10969", "city": "Berlin", "country": "DE"},
        files={"picture": ("me.jpg", content, "image/jpeg")},
        follow_redirects=False,
    ).status_code


def test_c13_a_note_keeps_files_and_gives_them_back_unchanged(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    content = bytes(range(256)) * 10_000

    assert upload(staff, contact_id, ("Vertrag Müller.pdf", content), ("b.txt", b"b"), text="See") == 303

    first, second = files_of(counter_site)
    assert (first.name, first.size, first.media_type) == ("Vertrag Müller.pdf", 2_560_000, "application/pdf")
    assert first.note_id == second.note_id
    assert [path.name for path in on_disk(counter_site)] == sorted([first.stored_name, second.stored_name])
    page = staff.get(f"/dashboard/contacts/{contact_id}").text
    assert "Vertrag Müller.pdf" in page
    assert f"/dashboard/contacts/{contact_id}/files/{first.id}" in page
    assert log_of(counter_site, contact_id)[-3:] == [
        ("contact.noted", ""),
        ("contact.filed", ""),
        ("contact.filed", ""),
    ]
    assert "File “Vertrag Müller.pdf” added" in page
    answer = staff.get(f"/dashboard/contacts/{contact_id}/files/{first.id}")
    assert answer.content == content
    assert "Vertrag%20M%C3%BCller.pdf" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.svg", SVG),
        ("x.html", b"<script>alert(1)</script>"),
        ("x.pHaR", b"GIF89a<?php"),
        ("x.jpg", b"GIF89a/*<script>*/=1"),
    ],
)
def test_t_u1_what_was_uploaded_is_only_ever_sent_as_an_attachment(
    counter_site: Site, staff: Client, name: str, content: bytes
) -> None:
    contact_id = capture(counter_site).contact_id
    assert upload(staff, contact_id, (name, content)) == 303

    answer = staff.get(f"/dashboard/contacts/{contact_id}/files/{files_of(counter_site)[0].id}")

    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-type"].startswith("application/octet-stream")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a\x00b.txt", "ab.txt"),
        ("line\r\nContent-Type: x.txt", "lineContent-Type: x.txt"),
        ("\u202egpj.exe", "gpj.exe"),
        ("  ", "file"),
        ("...", "file"),
        ("/", "file"),
    ],
)
def test_t_u3_a_name_is_made_harmless(name: str, shown: str) -> None:
    assert clean_name(name) == shown


def test_t_u3_a_long_name_is_cut_and_keeps_its_ending(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    assert upload(staff, contact_id, ("ä" * 300 + ".pdf", b"x"), ("../../evil.txt", b"x")) == 303

    long, evil = files_of(counter_site)
    assert len(long.name) <= 120
    assert long.name.endswith("….pdf")
    assert evil.name == "evil.txt"
    root = counter_site.settings.data_dir / "files"
    assert all(path.is_relative_to(root) and len(path.name) == 32 for path in on_disk(counter_site))


def test_t_z2_a_file_of_another_contact_is_not_there(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    other = capture(counter_site, sale("other@example.org", reference="2")).contact_id
    upload(staff, contact_id, ("secret.txt", b"secret"))
    upload_picture(staff, contact_id, image())
    secret, picture = files_of(counter_site)

    assert staff.get(f"/dashboard/contacts/{other}/files/{secret.id}").status_code == 404
    assert staff.get(f"/dashboard/contacts/{other}/picture/{picture.stored_name}").status_code == 404
    assert staff.get(f"/dashboard/contacts/{contact_id}/picture/{secret.stored_name}").status_code == 404
    assert staff.get(f"/dashboard/contacts/{contact_id}/picture/..%2f..%2fsecret").status_code == 404
    assert staff.get(f"/dashboard/contacts/{contact_id}/files/{2**63}").status_code == 404
    with make_client(counter_site) as anonymous:
        for path in (f"files/{secret.id}", f"picture/{picture.stored_name}"):
            answer = anonymous.get(f"/dashboard/contacts/{contact_id}/{path}", follow_redirects=False)
            assert answer.status_code == 303


def test_t_z5_a_note_takes_no_file_that_somebody_else_uploaded(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    other = capture(counter_site, sale("other@example.org", reference="2")).contact_id
    upload(staff, contact_id, ("secret.txt", b"secret"))
    (secret,) = files_of(counter_site)

    staff.post(
        f"/dashboard/contacts/{other}/notes",
        data={"text": "mine", "files": str(secret.id), "file_id": str(secret.id), "note_id": "1"},
        follow_redirects=False,
    )

    (secret,) = files_of(counter_site)
    assert secret.contact_id == contact_id
    assert "secret.txt" not in staff.get(f"/dashboard/contacts/{other}").text


def test_a_file_too_large_and_too_many_files_are_refused_and_leave_nothing(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    before = stored(counter_site)

    assert upload(staff, contact_id, ("ok.txt", b"x"), ("big.bin", b"x" * (MAX_SIZE + 1)), text="Kept") == 422
    assert upload(staff, contact_id, *((f"{n}.txt", b"x") for n in range(11))) == 422
    assert stored(counter_site) == before
    assert on_disk(counter_site) == []


def test_files_go_again_when_their_rows_could_not_be_written(counter_site: Site, tmp_path: Path) -> None:
    def fail() -> None:
        with storing(tmp_path) as store:
            store.save("a.txt", io.BytesIO(b"a"))
            assert [path for path in tmp_path.rglob("files/*/*") if path.is_file()]
            raise RuntimeError("the database went away")

    with pytest.raises(RuntimeError):
        fail()

    assert [path for path in tmp_path.rglob("files/*/*") if path.is_file()] == []


def test_a_file_is_copied_piece_by_piece(tmp_path: Path) -> None:
    class Endless:
        asked = 0

        def read(self, size: int = -1, /) -> bytes:
            assert 0 < size <= 1 << 20
            self.asked += size
            return b"x" * size

    source = Endless()
    with pytest.raises(InvalidInput):
        FileStore(tmp_path).save("endless.bin", source)

    assert source.asked < MAX_SIZE + 2 * (1 << 16)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_c3_a_picture_is_made_anew_as_a_square(counter_site: Site, staff: Client, kind: str) -> None:
    contact_id = capture(counter_site).contact_id

    assert upload_picture(staff, contact_id, image(kind)) == 303

    contact = contact_of(counter_site, contact_id)
    answer = staff.get(f"/dashboard/contacts/{contact_id}/picture/{contact.picture}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert "immutable" in answer.headers["cache-control"]
    with Image.open(io.BytesIO(answer.content)) as shown:
        assert (shown.format, shown.size) == ("WEBP", (256, 256))
    assert f"/picture/{contact.picture}" in staff.get(f"/dashboard/contacts/{contact_id}").text
    assert heard(counter_site, "contact_updated") == [(contact_id, "picture")]
    # A picture is nothing that orders bring: it locks no details.
    assert contact.locked_at is None


def test_t_u5_where_a_picture_was_taken_is_removed_and_it_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    exif[0x010F] = "Marker of the camera"
    exif.get_ifd(0x8825)[2] = (52.0, 30.0, 0.0)
    tall = Image.new("RGB", (200, 100), "blue")
    tall.paste("red", (0, 0, 100, 100))
    source = io.BytesIO()
    tall.save(source, "JPEG", exif=exif, icc_profile=b"Marker of the profile", comment=b"Marker of a comment")
    assert b"Marker" in source.getvalue()
    source.seek(0)

    made = make_picture(source).getvalue()

    assert b"Marker" not in made
    with Image.open(io.BytesIO(made)) as shown:
        assert len(shown.getexif()) == 0
        assert "icc_profile" not in shown.info
        # Left became top.
        assert shown.convert("RGB").getpixel((128, 20))[0] > 200  # type: ignore[index]
        assert shown.convert("RGB").getpixel((128, 236))[2] > 200  # type: ignore[index]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        SVG,
        b"GIF89a",
        image()[:60],
        image("BMP"),
        bomb(7000, 7000),
        bomb(60_000, 60_000),
        bomb(2**31 - 1, 2**31 - 1),
        bomb(0, 0),
        image("PNG", (10, 10))[:-20] + b"\xff" * 400,
    ],
    ids=["empty", "text", "svg", "head", "cut", "bmp", "many", "bomb", "overflow", "zero", "tail"],
)
def test_t_u2_what_is_no_fit_picture_is_refused_at_once_and_changes_nothing(
    counter_site: Site, staff: Client, content: bytes
) -> None:
    contact_id = capture(counter_site).contact_id
    before = stored(counter_site)
    make_picture(io.BytesIO(image()))
    # Of this process, after Pillow was loaded: the machine may be busy with something else.
    started = time.process_time()
    with pytest.raises(InvalidInput):
        make_picture(io.BytesIO(content))
    assert time.process_time() - started < 1

    if content:
        assert upload_picture(staff, contact_id, content) == 422
        assert stored(counter_site) == before
        assert on_disk(counter_site) == []
    assert staff.get(f"/dashboard/contacts/{contact_id}").status_code == 200


def test_a_picture_is_replaced_and_removed_with_its_bytes(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    upload_picture(staff, contact_id, image())
    first = contact_of(counter_site, contact_id).picture
    upload_picture(staff, contact_id, image("JPEG"))
    second = contact_of(counter_site, contact_id).picture
    assert first != second
    assert [path.name for path in on_disk(counter_site)] == [second]
    assert staff.get(f"/dashboard/contacts/{contact_id}/picture/{first}").status_code == 404

    contact = contact_of(counter_site, contact_id)
    staff.post(
        f"/dashboard/contacts/{contact_id}/edit",
        data={"version": str(contact.version), "remove_picture": "1", "name": contact.name},
        follow_redirects=False,
    )
    assert contact_of(counter_site, contact_id).picture == ""
    assert on_disk(counter_site) == []
    assert files_of(counter_site) == []
    assert log_of(counter_site, contact_id)[-1] == ("contact.unpictured", "")


def test_t_f1_a_picture_of_a_conflicting_edit_is_not_kept(counter_site: Site, staff: Client) -> None:
    contact_id = capture(counter_site).contact_id
    staff.post(
        f"/dashboard/contacts/{contact_id}/edit",
        data={"version": "1", "name": "Other"},
        follow_redirects=False,
    )

    assert upload_picture(staff, contact_id, image(), version=1) == 409
    assert on_disk(counter_site) == []
    assert contact_of(counter_site, contact_id).picture == ""
