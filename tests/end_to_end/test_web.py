"""The web client as people use it: real Chromium, the real server, the real CLI against the local stand-in of the
Messages API."""

import signal

from playwright.sync_api import Page, expect

from tests.end_to_end.browser import PHONE, BrowserTestCase
from tests.end_to_end.client import Client
from tests.end_to_end.house import House, Model


class WebCase(BrowserTestCase):
    """A house with the real CLI and one project, `app`."""

    model_: Model
    inhabited: House
    watcher: Client
    project_id: str

    def move_in(self) -> None:
        self.model_ = self.model()
        self.inhabited = self.house(claude=self.real_cli(), environment=self.model_.environment)
        self.watcher = self.client(self.inhabited)
        self.project_id = self.create(self.inhabited, "app")

    def enter(self, page: Page) -> Page:
        page.get_by_role("link", name="app").click()
        page.get_by_role("heading", name="app").wait_for()
        return page

    def prompt(self, page: Page, text: str) -> None:
        page.get_by_role("textbox", name="Prompt").fill(text)
        page.get_by_role("button", name="Send").click()

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
        page.wait_for_timeout(3000)  # what is kept is written every two seconds
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
    expected = ("ERR_CONNECTION_REFUSED", "WebSocket connection")

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
