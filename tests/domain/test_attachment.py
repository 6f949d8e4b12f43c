"""Tests of `pocketagent.domain.attachment`."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.attachment import MAX_NAME, MediaType, harmless, looks_like

GOOD: Mapping[MediaType, Sequence[bytes]] = {
    MediaType.PNG: [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"],
    MediaType.JPEG: [b"\xff\xd8\xff\xe0\0\x10JFIF", b"\xff\xd8\xff\xe1"],
    MediaType.GIF: [b"GIF87a", b"GIF89a\1\0"],
    MediaType.WEBP: [b"RIFF\x24\0\0\0WEBPVP8 "],
    MediaType.PDF: [b"%PDF-1.7\n%\xe2\xe3\xcf\xd3"],
    MediaType.TEXT: [b"a", "Grüße\r\n\t😀".encode(), b"x" * 65535 + "ü".encode()],
}


class ContentTests(SynchronousTestCase):
    def test_good(self) -> None:
        """What begins as its type does is taken for it; a text is UTF-8, also where a letter crosses the pieces."""
        for media_type, contents in GOOD.items():
            for content in contents:
                self.assertTrue(looks_like(media_type, content), media_type)
                self.assertTrue(looks_like(media_type, bytearray(content)), media_type)

    def test_another(self) -> None:
        """No type is taken for another one; but some could as well be a text."""
        for media_type in MediaType:
            for other, contents in GOOD.items():
                if other is not media_type and not (media_type is MediaType.TEXT and other is MediaType.GIF):
                    self.assertFalse(any(looks_like(media_type, one) for one in contents[:1]), (media_type, other))

    def test_bad(self) -> None:
        """What is cut off, HTML, SVG or empty is no picture; what has a NUL, or is no UTF-8, is no text."""
        for content in (b"", b"\x89PNG", b"\xff\xd8", b"GIF", b"RIFF\0\0\0\0WAVE", b"<svg/>", b" %PDF-1.7"):
            for media_type in MediaType:
                if media_type is not MediaType.TEXT:
                    self.assertFalse(looks_like(media_type, content), (media_type, content))
        for content in (b"a\0b", b"\xff\xfea\0", b"\xc3", b"ok " * 30000 + b"\xed\xa0\x80"):
            self.assertFalse(looks_like(MediaType.TEXT, content), content[:9])


class NameTests(SynchronousTestCase):
    def test_harmless(self) -> None:
        """A name loses its directories, what cannot be seen, and dots in front; without one it is told what it is."""
        for given_, kept in {
            "holiday.png": "holiday.png",
            "Grüße 😀.png": "Grüße 😀.png",
            "../../etc/passwd": "passwd",
            "C:\\Users\\me\\a.png": "a.png",
            "a\r\nSet-Cookie: x": "aSet-Cookie: x",
            "gnp\u202e.exe": "gnp.exe",
            "...hidden": "hidden",
            "/": "attachment.png",
            " \0 ": "attachment.png",
            "": "attachment.png",
        }.items():
            self.assertEqual(harmless(given_, MediaType.PNG), kept)

    def test_long(self) -> None:
        """A name at the bound is kept; a longer one is cut in front of its suffix."""
        self.assertEqual(harmless("x" * MAX_NAME, MediaType.PNG), "x" * MAX_NAME)
        self.assertEqual(harmless("x" * MAX_NAME + ".jpeg", MediaType.JPEG), "x" * (MAX_NAME - 5) + ".jpeg")
        self.assertEqual(harmless("x." + "y" * 500, MediaType.PNG), "x." + "y" * (MAX_NAME - 2))

    @given(st.text(), st.sampled_from(MediaType))
    def test_whatever(self, name: str, media_type: MediaType) -> None:
        """Whatever is sent as a name, it becomes a short one on one line, without a slash; done twice, it stays."""
        kept = harmless(name, media_type)
        self.assertTrue(kept.isprintable() and 0 < len(kept) <= MAX_NAME and "/" not in kept and "\\" not in kept)
        self.assertEqual(harmless(kept, media_type), kept)
