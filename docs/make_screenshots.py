"""What the web client looks like: a real browser on the real server and CLI, a scripted model.

make pictures       or: python docs/make_screenshots.py [DIRECTORY]

With a directory everything goes there: phone and desk, light and dark, every page. Without one the two of the README
are drawn anew, in docs/pictures/.
"""

import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from docs.make_pictures import BEFORE, EDIT, READ, RUN  # noqa: E402
from tests.end_to_end.browser import DESK, PHONE, Browser  # noqa: E402
from tests.end_to_end.house import COMMAND, House, Model, real_cli  # noqa: E402

LOOK = 600
"""Milliseconds for what is still being drawn."""

PROMPT = "mean() fails for an empty list: it should answer 0.0"
THOUGHT = "think: The division is what fails: there are no values to divide by.\n"
SUMMARY = (
    'json: "`mean` now answers **0.0** for an empty list instead of raising `ZeroDivisionError`:\\n\\n'
    "```python\\ndef mean(values):\\n    total = sum(values)  # of nothing: 0\\n"
    "    return total / len(values) if values else 0.0\\n```\\n\\n"
    "| call | before | now |\\n|---|---|---|\\n| `mean([])` | *ZeroDivisionError* | `0.0` |\\n"
    "| `mean([1, 2, 6])` | `3.0` | `3.0` |\\n\\n1. The division happens only where there are values,\\n"
    '2. nothing else has changed."'
)


def main(everything: Path | None) -> None:
    claude = real_cli()
    assert claude is not None, "the real CLI is needed: pip install claude-agent-sdk"
    model = Model.start()
    house = House.new(Path(tempfile.mkdtemp()), claude=claude, environment=model.environment)
    try:
        house.start()
        browser = Browser.start(Path(tempfile.mkdtemp()), house.data_dir / "certificates" / "authority.pem")
        try:
            _draw(house, model, browser, everything)
        finally:
            browser.close()
    finally:
        house.stop()
        model.stop()


def _draw(house: House, model: Model, browser: Browser, everything: Path | None) -> None:
    client = house.connect()
    ids = {}
    for name in ("website", "notes", "stats"):
        ids[name] = client.request("project_create", path=str(house.project(name)))["data"]["id"]
    path = house.project("stats") / "stats.py"
    path.write_text(BEFORE)
    for name, said in (
        ("website", "say: The page is 40 kB smaller now."),
        ("notes", "say: The notes are sorted."),
    ):
        client.join(ids[name])
        client.request("execute", project_id=ids[name], prompt=said)
        client.wait_for_state(ids[name], "IDLE")
    url = f"https://localhost:{house.port}/#/projects/{ids['stats']}"
    phone = _open(browser, house, "phone", url, PHONE | {"color_scheme": "light"})
    desk = _open(browser, house, "desk", url, DESK | {"color_scheme": "dark"})
    for answer in (THOUGHT + "say: I look at the function first.\n" + READ.format(path=path), EDIT.format(path=path), RUN.format(), SUMMARY):  # fmt: skip  # noqa: E501
        urllib.request.urlopen(f"{model.url}/_queue", answer.encode())  # noqa: S310  # our own, on this machine
    phone.get_by_role("textbox", name="Prompt").fill(PROMPT)
    phone.get_by_role("button", name="Send").click()
    allow = phone.get_by_role("button", name="Allow", exact=True)
    allow.wait_for()
    desk.get_by_role("button", name="Allow", exact=True).wait_for()
    _save(phone, everything, "web-phone")
    if everything:
        _save(desk, everything, "permission-desk")
    allow.click()
    command = desk.get_by_role("article", name="Run this command?")
    command.get_by_role("button", name="Allow", exact=True).click()
    desk.get_by_text("Done ·").wait_for()
    desk.get_by_text("Allowed on phone.").wait_for(state="hidden")
    _save(desk, everything, "web-desk")
    if everything:
        for page, kind in ((phone, "phone"), (desk, "desk")):
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two words
                for name, fragment in (("conversation", url.partition("#")[2]), ("list", "/"), ("new", "/new"), ("status", "/status")):  # fmt: skip  # noqa: E501
                    page.evaluate("to => { location.hash = to }", fragment)
                    _save(page, everything, f"{name}-{kind}-{scheme}")


def _open(browser: Browser, house: House, name: str, url: str, kind: Mapping[str, object]) -> Page:
    """A page that has been paired, at `url`."""
    waiting = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "pair", f"--data-dir={house.data_dir}", f"--host=localhost:{house.port}"],
        env=house.environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert waiting.stdout is not None
    link = next(line.strip() for line in waiting.stdout if "#pair=" in line)
    page = browser.context(kind).new_page()
    page.goto(link)
    page.get_by_label("Name of this device").fill(name)
    page.get_by_role("button", name="Pair").click()
    page.get_by_role("heading", name="Projects").wait_for()
    waiting.wait(10)
    page.evaluate("to => { location.hash = to }", url.partition("#")[2])
    return page


def _save(page: Page, directory: Path | None, name: str) -> None:
    page.wait_for_timeout(LOOK)
    path = (directory or ROOT / "docs" / "pictures") / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path)
    sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
