"""The web client as people use it: real Chromium, the real server, the real CLI against the local stand-in of the
Messages API."""

import json
import signal
from typing import Any

from playwright.sync_api import Page, expect

from tests.end_to_end.browser import DESK, PHONE, PICTURE, BrowserTestCase
from tests.end_to_end.client import Client, wait_until
from tests.end_to_end.house import House, Model
from tests.end_to_end.shared_house import SharedHouse

KEPT = """async (words) => {
    const asked = indexedDB.open("pocketagent");
    await new Promise(resolve => { asked.onsuccess = resolve; });
    for (let tries = 0; tries < 600; tries++) {
        const look = asked.result.transaction(["projects", "threads"]);
        const [projects, threads] = ["projects", "threads"].map(name => look.objectStore(name).getAll());
        await new Promise(resolve => { look.oncomplete = resolve; });
        if (projects.result.length > 0 && JSON.stringify(threads.result).includes(words)) return true;
        await new Promise(resolve => setTimeout(resolve, 50));
    }
    return false;
}"""
"""Whether the browser has written down, after a while, what it needs without a network, and these words in it."""


class WebCase(BrowserTestCase):
    """A house with the real CLI and one project, `app`."""

    model_: Model
    inhabited: House
    watcher: Client
    project_id: str

    def move_in(self) -> None:
        shared = SharedHouse.lent(self, real=True)
        self.model_, self.inhabited = shared.model, shared.house
        self.watcher = self.client(self.inhabited)
        self.project_id = self.create(self.inhabited, "app")

    def enter(self, page: Page) -> Page:
        page.get_by_role("link", name="app").click()
        page.get_by_role("heading", name="app").wait_for()
        return page

    def prompts(self) -> list[str]:
        """Every prompt that the server has taken, in order."""
        self.watcher.join(self.project_id)
        said = [one["message"] for one in self.watcher.history(self.project_id) if one["type"] == "client_message"]
        return [str(one["prompt"]) for one in said if isinstance(one, dict)]


class PhoneTests(WebCase):
    def test_a_phone_is_paired_by_its_link_and_its_work_streams(self) -> None:
        """The link of `pocketagent pair` makes a browser a device; an answer is seen while it comes, also by a page
        that was loaded anew in its middle."""
        self.move_in()
        page = self.enter(self.paired(self.inhabited, PHONE))
        self.assertNotIn("pair", page.url)
        self.prompt(page, "say: The first half\nhold: more\nsay: and the second.")
        expect(page.get_by_role("log")).to_contain_text("The first half")
        page.reload()
        expect(page.get_by_role("log")).to_contain_text("hold: more")
        self.model_.release("more")
        expect(page.get_by_role("log")).to_contain_text("and the second.")

    def test_a_picture_that_came_with_a_prompt_is_seen(self) -> None:
        """As the server has it, on this device and after it was loaded anew, and large when it is touched; what is no
        picture though it begins as one, and a text, can be saved."""
        self.move_in()
        page = self.enter(self.paired(self.inhabited, PHONE))
        self.attach(
            page, ("dot.png", PICTURE), ("bad.png", PICTURE[:8] + b"<svg onload=alert(1)>"), ("a.md", b"# Read")
        )
        self.prompt(page, "What is this?")
        page.reload()
        picture = page.get_by_role("button", name="Show dot.png")
        expect(picture.get_by_role("img")).to_have_js_property("naturalWidth", 1)
        picture.click()
        expect(page.get_by_role("dialog", name="dot.png").get_by_role("img")).to_be_visible()
        page.get_by_role("button", name="Close").click()
        for name, content in (("bad.png", b"<svg"), ("a.md", b"# Read")):
            with page.expect_download() as saved:
                page.get_by_role("link", name=f"Save {name}").click()
            self.assertEqual(saved.value.suggested_filename, name)
            self.assertIn(content, saved.value.path().read_bytes())

    def test_what_is_written_without_a_network_is_sent_once(self) -> None:
        """Without a network the page opens, with what was seen last; a prompt is kept, over a reload too, and runs once
        when the network is back."""
        self.move_in()
        page = self.enter(self.paired(self.inhabited, PHONE))
        self.prompt(page, "say: Seen before.")
        expect(page.get_by_role("log")).to_contain_text("Seen before.")
        self.watcher.join(self.project_id)
        self.watcher.wait_for_state(self.project_id, "IDLE")
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        self.assertTrue(page.evaluate(KEPT, "say: Seen before."))
        page.context.set_offline(True)
        page.reload()
        expect(page.get_by_role("log")).to_contain_text("Seen before.")
        self.prompt(page, "say: Said in the tunnel.")
        expect(page.get_by_role("log")).to_contain_text("Not sent yet")
        page.reload()
        expect(page.get_by_role("log")).to_contain_text("Not sent yet")
        page.context.set_offline(False)
        expect(page.get_by_text("Not sent yet")).to_have_count(0)
        self.watcher.wait_for_state(self.project_id, "IDLE")
        self.assertEqual(self.prompts(), ["say: Seen before.", "say: Said in the tunnel."])

    expected = ("ERR_INTERNET_DISCONNECTED", "ERR_CONNECTION_REFUSED", "401", "503")


class DeskTests(WebCase):
    expected = ("ERR_CONNECTION_REFUSED", "WebSocket connection", "status of 400")
    """A directory that may not be a project is refused, on the way to one that may."""

    def test_a_server_that_dies_in_mid_turn_loses_no_word(self) -> None:
        """The page says that there is no connection, comes again by itself, and has every word that was told; the next
        prompt runs."""
        self.move_in()
        page = self.enter(self.paired(self.inhabited))
        self.prompt(page, 'say: Told before the crash.\ntool: Bash {"command": "sleep 60"}')
        expect(page.get_by_role("log")).to_contain_text("Told before the crash.")
        self.inhabited.stop(signal.SIGKILL)
        expect(page.get_by_text("No connection")).to_be_visible()
        self.inhabited.start()
        expect(page.get_by_text("No connection")).to_have_count(0)
        expect(page.get_by_role("log")).to_contain_text("Told before the crash.")
        self.prompt(page, "say: And on it goes.")
        expect(page.get_by_role("log")).to_contain_text("And on it goes.")

    def test_two_browsers_are_in_step(self) -> None:
        """A question is asked on phone and desk at once, with the diff; the first answer counts, and is seen on the
        other. What is interrupted on one has ended on both."""
        self.move_in()
        path = self.inhabited.project("app") / "mean.py"
        path.write_text("total / count\n")
        desk, phone = (self.enter(self.paired(self.inhabited, kind)) for kind in (DESK, PHONE))
        edit = json.dumps({"file_path": str(path), "old_string": "count", "new_string": "(count or 1)"})
        read = json.dumps({"file_path": str(path)})
        self.prompt(desk, f"tool: Read {read}\nthen:\ntool: Edit {edit}\nthen:\nsay: It is changed.\nhold: never")
        for page in (desk, phone):
            expect(page.get_by_role("button", name="Allow", exact=True)).to_be_visible()
            expect(page.get_by_role("article", name="Edit mean.py?")).to_contain_text("(count or 1)")
        phone.get_by_role("button", name="Allow", exact=True).click()
        for page in (desk, phone):
            expect(page.get_by_role("button", name="Allow", exact=True)).to_have_count(0)
            expect(page.get_by_role("log")).to_contain_text("It is changed.")
        wait_until(lambda: path.read_text() == "total / (count or 1)\n", "the edit")
        desk.get_by_role("button", name="Interrupt").click()
        for page in (desk, phone):
            expect(page.get_by_role("log")).to_contain_text("Interrupted")

    def test_a_project_is_made_by_looking_for_its_directory(self) -> None:
        """One goes from the allowed roots down to the directory; what in it could run is shown before it is trusted."""
        self.inhabited = SharedHouse.lent(self, real=True).house
        settings = self.inhabited.project("code") / "app" / ".claude" / "settings.json"
        settings.parent.mkdir(parents=True)
        settings.write_text('{"hooks": {"SessionStart": [{"hooks": [{"type": "command", "command": "true"}]}]}}')
        page = self.paired(self.inhabited)
        page.get_by_role("link", name="New project").click()
        page.get_by_role("link", name="code").click()
        page.get_by_role("link", name="app").click()
        expect(page.get_by_text(".claude/settings.json")).to_be_visible()
        self.assertFalse(page.get_by_role("checkbox", name="Trust").is_checked())
        page.get_by_role("button", name="Make it a project").click()
        expect(page.get_by_role("heading", name="app")).to_be_visible()
        (made,) = self.listed()
        self.assertEqual((made["path"], made["trust"]["state"]), (str(settings.parents[1]), "untrusted"))

    def listed(self) -> list[dict[str, Any]]:
        data = self.client(self.inhabited).request("project_list")["data"]
        assert isinstance(data, dict)
        return list(data["projects"])
