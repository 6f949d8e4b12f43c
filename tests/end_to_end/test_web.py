"""The web client as people use it: real Chromium, the real server, the real CLI against the local stand-in of the
Messages API."""

from playwright.sync_api import expect

from tests.end_to_end.browser import PHONE, BrowserTestCase


class WebTests(BrowserTestCase):
    def test_a_phone_is_paired_by_its_link_and_its_work_streams(self) -> None:
        """The link of `pocketagent pair` makes a browser a device; a project's answer is seen while it comes."""
        model = self.model()
        house = self.house(claude=self.real_cli(), environment=model.environment)
        client = self.client(house)
        client.request("project_create", path=str(house.project("app")))
        page = self.paired(house, PHONE)
        self.assertNotIn("pair", page.url)
        page.get_by_role("link", name="app").click()
        page.get_by_role("textbox", name="Prompt").fill("say: The first half\nhold: more\nsay: and the second.")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("log")).to_contain_text("The first half")
        page.reload()
        expect(page.get_by_role("log")).to_contain_text("hold: more")
        model.release("more")
        expect(page.get_by_role("log")).to_contain_text("and the second.")
