"""The web client on a slow phone, in a real Chromium: how soon the list of projects stands, and a project opens.

Chromium is driven by its own protocol and no library: one that listens to all that a page does, as Playwright and open
developer tools do, makes scripts 0.2 s slower on such a phone.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from attrs import define
from websockets.sync.client import ClientConnection, connect

from benchmarks.figures import ROUNDS, Figure, note
from tests.end_to_end.browser import OPTIONS, STATIC
from tests.end_to_end.client import DEADLINE, wait_until
from tests.end_to_end.house import COMMAND, House

ROUND_TRIP, DOWN, UP, SLOWER = 150, 1_600_000 // 8, 750_000 // 8, 4
"""Milliseconds, bytes a second, and how many times slower the CPU is: the slow phone of Lighthouse."""
SETTLED = 3.0
"""Seconds after which a page has kept what it keeps, and its worker all files."""
PROJECTS = "app", "notes", "stats", "website"

_WATCH = """
(() => {
  const seen = (window.seen = { shifted: 0 });
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) seen.shifted += one.value;
  }).observe({ type: "layout-shift", buffered: true });
  const painted = (name) => requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => { seen[name] = performance.now(); };
    port2.postMessage(null);
  });
  const what = { list: ".projects a.project", project: "textarea" };
  new MutationObserver(() => {
    for (const [name, selector] of Object.entries(what))
      if (!(name in seen) && document.querySelector(selector)) { seen[name] = null; painted(name); }
  }).observe(document, { childList: true, subtree: true });
})();
"""
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
_TAP = "seen.tapped = performance.now(); document.querySelector('.projects a.project').click()"


def measure() -> Sequence[Figure]:
    if shutil.which("chromium") is None or shutil.which("certutil") is None:
        note("the first view is skipped: apt install chromium libnss3-tools")
        return []
    if not STATIC.exists():
        note("the first view is skipped: make web")
        return []
    house = House.new(Path(tempfile.mkdtemp()))
    house.start()
    try:
        client = house.connect()
        for name in PROJECTS:
            client.request("project_create", path=str(house.project(name)))
        phone = Phone.start(Path(tempfile.mkdtemp()), house)
        try:
            return _figures(phone)
        finally:
            phone.stop()
    finally:
        house.stop()


def _figures(phone: "Phone") -> Sequence[Figure]:
    kept = phone.person()
    phone.look(kept, "list", rest=SETTLED)
    phone.look(kept, "list", rest=SETTLED)
    looks: dict[str, list[Mapping[str, float]]] = {"first": [], "later": []}
    for number in range(ROUNDS + 1):
        for name, person in ("first", phone.person()), ("later", kept):
            seen = phone.look(person, "list", "project")
            if number:
                looks[name].append(seen)
    worst = max(one["shifted"] for seen in looks.values() for one in seen)
    if worst:
        note(f"the layout has shifted by {worst:.4f}")

    def middle(when: str, of: str) -> float:
        return median(one[of] for one in looks[when]) / 1000

    return [
        Figure("a slow phone, first visit: first paint", "s", middle("first", "painted"), better="less"),
        Figure("a slow phone, first visit: the list stands", "s", middle("first", "list"), better="less"),
        Figure("a slow phone, first visit: a project, from the tap", "s", middle("first", "opened"), better="less"),
        Figure("a slow phone, later: first paint", "s", middle("later", "painted"), better="less"),
        Figure("a slow phone, later: the list stands", "s", middle("later", "list"), goal=1, better="less"),
        Figure("a slow phone, later: a project, from the tap", "s", middle("later", "opened"), better="less"),
    ]


@define(eq=False)
class Phone:
    """A Chromium that trusts the house."""

    _house: House
    _process: "subprocess.Popen[bytes]"
    _socket: ClientConnection
    _number: int = 0
    _cookies: Sequence[object] = ()

    @classmethod
    def start(cls, home: Path, house: House) -> "Phone":
        store = home / ".pki" / "nssdb"
        store.mkdir(parents=True)
        authority = house.data_dir / "certificates" / "authority.pem"
        certutil = "certutil", "-d", f"sql:{store}"
        subprocess.run([*certutil, "-N", "--empty-password"], check=True, timeout=DEADLINE)
        subprocess.run(
            [*certutil, "-A", "-t", "C,,", "-n", "pocketagent", "-i", str(authority), "-a"],
            check=True, timeout=DEADLINE,
        )  # fmt: skip
        process = subprocess.Popen(
            ["chromium", *OPTIONS, "--headless=new", "--remote-debugging-port=0", f"--user-data-dir={home}/profile"],
            env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        told = home / "profile" / "DevToolsActivePort"
        wait_until(lambda: told.exists() and "/devtools" in told.read_text(), "Chromium")
        port, path = told.read_text().split()
        return cls(house, process, connect(f"ws://127.0.0.1:{port}{path}", max_size=None, compression=None))

    def stop(self) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait(DEADLINE)

    def person(self) -> str:
        """A profile in which nothing is but the cookie of the device that was paired."""
        context = self._context()
        self._ask("Storage.setCookies", browserContextId=context, cookies=self._cookies or self._paired())
        return context

    def _paired(self) -> Sequence[object]:
        """Pair a browser; its cookies."""
        waiting = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "pair", f"--data-dir={self._house.data_dir}", f"--host={self._url[8:-1]}"],
            env=self._house.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert waiting.stdout is not None
        code = next(re.findall(r"pair_[0-9a-f]{32}", line)[0] for line in waiting.stdout if "#pair=" in line)
        context = self._context()
        _, page = self._page(context)
        self._ask("Page.navigate", page, url=self._url)
        wait_until(
            lambda: self._evaluate(page, "location.origin + document.readyState").endswith("complete"), "the page"
        )
        body = json.dumps({"code": code, "name": "phone", "cookie": True})
        how = {"method": "POST", "body": body, "headers": {"content-type": "application/json"}}
        self._evaluate(page, f"fetch('/api/v1/pair', {json.dumps(how)})")
        waiting.wait(DEADLINE)
        self._cookies = self._ask("Storage.getCookies", browserContextId=context)["cookies"]
        return self._cookies

    def _context(self) -> str:
        return str(self._ask("Target.createBrowserContext")["browserContextId"])

    def _page(self, context: str) -> tuple[str, str]:
        """A new page: its target, and the session that speaks with it."""
        made = self._ask("Target.createTarget", url="about:blank", browserContextId=context)
        target = str(made["targetId"])
        page = str(self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        self._ask("Page.enable", page)
        return target, page

    def look(self, person: str, *waits: str, rest: float = 0.0) -> Mapping[str, float]:
        """A visit: milliseconds until the first paint (`painted`) and until the list is painted (`list`).

        Where a project is waited for, too, `opened` is from the tap on it until its composer is painted. Then it rests
        so many seconds.
        """
        target, page = self._page(person)
        self._ask("Emulation.setDeviceMetricsOverride", page, width=390, height=844, deviceScaleFactor=2, mobile=True)
        self._ask("Network.enable", page)
        self._ask(
            "Network.emulateNetworkConditions", page,
            offline=False, latency=ROUND_TRIP, downloadThroughput=DOWN, uploadThroughput=UP,
        )  # fmt: skip
        self._ask("Emulation.setCPUThrottlingRate", page, rate=SLOWER)
        self._ask("Page.addScriptToEvaluateOnNewDocument", page, source=_WATCH)
        self._ask("Page.navigate", page, url=self._url)
        for what in waits:
            if what == "project":
                self._evaluate(page, _TAP)
            wait_until(partial(self._evaluate, page, f"window.seen?.{what} ?? null"), what, every=0.1)
        time.sleep(rest)
        seen = {**self._evaluate(page, "seen"), "painted": self._evaluate(page, _PAINTED)}
        self._ask("Target.closeTarget", targetId=target)
        return seen | {"opened": seen["project"] - seen["tapped"]} if "project" in seen else seen

    @property
    def _url(self) -> str:
        return f"https://localhost:{self._house.port}/"

    def _evaluate(self, page: str, expression: str) -> Any:
        answer = self._ask("Runtime.evaluate", page, expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def _ask(self, method: str, session: str | None = None, **params: object) -> dict[str, Any]:
        """Ask Chromium; what it answers. What it tells besides is of no use."""
        self._number += 1
        asked = {"id": self._number, "method": method, "params": params}
        self._socket.send(json.dumps(asked if session is None else asked | {"sessionId": session}))
        while (told := json.loads(self._socket.recv(DEADLINE))).get("id") != self._number:
            pass
        if "error" in told:
            raise RuntimeError(f"{method}: {told['error']}")
        return dict(told["result"])
