"""Real Chromium on the web client that a real server serves.

It trusts the server's authority as the browser of a person who has installed it does: by its own store, not by a flag.

    class SomeTests(BrowserTestCase):
        def test_it(self) -> None:
            house = SharedHouse.lent(self, real=True).house
            page = self.paired(house)
            expect(page.get_by_role("heading", name="Projects")).to_be_visible()
"""

import asyncio
import atexit
import base64
import itertools
import shutil
import subprocess
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import define
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, FilePayload, Page, Playwright, expect, sync_playwright

from tests.end_to_end.client import DEADLINE
from tests.end_to_end.desk import DeskTestCase
from tests.end_to_end.house import ROOT, House

STATIC = ROOT / "pocketagent" / "static" / "index.html"
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""No sandbox: the tests run as root. The rest keeps it from asking for anything but the server."""

expect.set_options(timeout=DEADLINE * 1000)

DESK: Mapping[str, object] = {"viewport": {"width": 1280, "height": 800}}
PHONE: Mapping[str, object] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
"""What kind of screen a context has."""

PICTURE = base64.b64decode(
    b"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A PNG of one pixel."""


@define(eq=False)
class Browser:
    """A Chromium with a home of its own. Each context is a person's: its cookies and storage are nobody else's.

    A start costs seconds. So each process of the tests has one, as long as they use houses with the same authority:
    Chromium reads its store of those once.
    """

    chromium: Chromium
    _playwright: Playwright
    _authority: bytes
    _loop: asyncio.AbstractEventLoop

    @classmethod
    def trusting(cls, house: House) -> "Browser":
        """The one that trusts this house."""
        path = house.data_dir / "certificates" / "authority.pem"
        if not (_open and _open[-1]._authority == path.read_bytes() and _open[-1].chromium.is_connected()):
            _close()
            _open.append(cls.start(Path(f"browser-{next(_numbers)}").resolve(), path))
        return _open[-1]

    @classmethod
    def start(cls, home: Path, authority: Path) -> "Browser":
        store = home / ".pki" / "nssdb"
        store.mkdir(parents=True)
        subprocess.run(["certutil", "-d", f"sql:{store}", "-N", "--empty-password"], check=True, timeout=DEADLINE)
        subprocess.run(
            ["certutil", "-d", f"sql:{store}", "-A", "-t", "C,,", "-n", "pocketagent", "-i", str(authority), "-a"],
            check=True, timeout=DEADLINE,
        )  # fmt: skip
        playwright = sync_playwright().start()
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=list(OPTIONS),
            env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"},
        )
        return cls(chromium, playwright, authority.read_bytes(), asyncio.get_running_loop())

    def context(self, kind: Mapping[str, object] = DESK) -> BrowserContext:
        asyncio._set_running_loop(self._loop)
        context = self.chromium.new_context(**kind)  # type: ignore[arg-type]  # a table of its own parameters
        context.set_default_timeout(DEADLINE * 1000)
        return context

    def leave(self, context: BrowserContext) -> None:
        """Close it. Playwright's loop counts as the running one of this thread until then, and from then on does not:
        another test may run one of its own."""
        self._end(context.close)

    def close(self) -> None:
        self._end(self.chromium.close, self._playwright.stop)

    def _end(self, *ends: Callable[[], object]) -> None:
        asyncio._set_running_loop(self._loop)
        try:
            for end in ends:
                end()
        finally:
            asyncio._set_running_loop(None)


_open: list[Browser] = []
_numbers = itertools.count(1)


@atexit.register
def _close() -> None:
    while _open:
        _open.pop().close()


class BrowserTestCase(DeskTestCase):
    """Tests in a browser. No page of theirs has an error in its console, and none breaks the rules of its server."""

    expected: tuple[str, ...] = ()
    """Parts of lines of the console that a test expects."""

    def context(self, house: House, kind: Mapping[str, object] = DESK) -> BrowserContext:
        """What is a person's in a browser that trusts this house, until the end of the test; skips the test where there
        is no browser."""
        for program, package in (("chromium", "chromium"), ("certutil", "libnss3-tools")):
            if shutil.which(program) is None:
                self.skipTest(f"{program} is not installed (apt install {package})")
        if not STATIC.exists():
            self.skipTest("the web client is not built (make web)")
        browser = Browser.trusting(house)
        context = browser.context(kind)
        self.addCleanup(browser.leave, context)
        return context

    def paired(self, house: House, kind: Mapping[str, object] = DESK, *, scope: str = "admin") -> Page:
        """A page of a browser that has been paired, at the list of the projects."""
        page = self.opened(house, self.context(house, kind), self.link(house, scope))
        page.get_by_role("button", name="Pair").click()
        page.get_by_role("heading", name="Projects").wait_for()
        return page

    def opened(self, house: House, context: BrowserContext, url: str = "") -> Page:
        """A page at `url`, or where the client begins; what its console complains of fails the test."""
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        self.addCleanup(self._judge, complaints)
        page.goto(url or self.home(house))
        return page

    def attach(self, page: Page, *files: tuple[str, bytes]) -> None:
        """Attach files to the prompt that is written on a project's page, until all are there."""
        given = [
            FilePayload(name=name, mimeType="image/png" if name.endswith(".png") else "text/plain", buffer=content)
            for name, content in files
        ]
        page.locator("input[type=file]").set_input_files(given)
        for name, _ in files:
            page.get_by_role("list", name="Attachments").get_by_role("button", name=f"Remove {name}").wait_for()
        expect(page.get_by_role("progressbar")).to_have_count(0)

    def prompt(self, page: Page, text: str) -> None:
        page.get_by_role("textbox", name="Prompt").fill(text)
        page.get_by_role("button", name="Send").click()

    def home(self, house: House) -> str:
        return f"https://localhost:{house.port}/"

    def link(self, house: House, scope: str = "admin") -> str:
        """A link of `pocketagent pair`, whose command waits for the device that comes by it."""
        waiting = self.desk().start(
            "pair", f"--data-dir={house.data_dir}", f"--host=localhost:{house.port}", f"--scope={scope}"
        )
        waiting.wait_for("Waiting")
        (line,) = [line for line in waiting.out.splitlines() if "#pair=" in line]
        return f"{self.home(house)}#{urllib.parse.urlsplit(line.strip()).fragment}"

    def _judge(self, complaints: list[str]) -> None:
        found = [line for line in complaints if not any(part in line for part in self.expected)]
        self.assertEqual(found, [])
