"""The web client for whoever does not see it, or has no mouse: axe finds nothing to mend, on any page."""

from playwright.sync_api import Page, expect

from tests.end_to_end.browser import DESK, PHONE, PICTURE, BrowserTestCase
from tests.end_to_end.house import ROOT, House
from tests.end_to_end.shared_house import SharedHouse

AXE = ROOT / "clients" / "web" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => (await axe.run()).violations.map(
    found => `${found.id}: ${found.help} ${found.nodes.map(node => node.html.slice(0, 200)).join(" | ")}`
)"""

SAID = """\
think: Which list?
say: # A heading\\n
tool: Bash {"command": "touch made", "description": "Make a file"}"""


class AccessTests(BrowserTestCase):
    expected = ("status of 400",)

    def test_axe_finds_nothing_to_mend(self) -> None:
        """Every page, on phone and desk, dark and light, with an open question and after it, has no violation."""
        house = SharedHouse.lent(self, real=True).house
        project = self.create(house, "app")
        for kind, scheme in ((PHONE, "dark"), (DESK, "light")):
            page = self.paired(house, {**kind, "color_scheme": scheme})
            self.judge(page, f"list, {scheme}")
            self.visit(page, house, f"projects/{project}")
            self.prompt(page, SAID)
            allow = page.get_by_role("button", name="Allow", exact=True)
            allow.wait_for()
            self.judge(page, f"question, {scheme}")
            allow.click()
            expect(page.get_by_role("log")).to_contain_text("Done")
            self.judge(page, f"conversation, {scheme}")
            self.attach(page, ("dot.png", PICTURE), ("notes.md", b"# Read"))
            self.prompt(page, "What is this?")
            picture = page.get_by_role("button", name="Show dot.png").last
            picture.wait_for()
            self.judge(page, f"attachments, {scheme}")
            picture.click()
            page.get_by_role("dialog", name="dot.png").get_by_role("img").wait_for()
            self.judge(page, f"picture, {scheme}")
            page.get_by_role("button", name="Close").click()
            for place in ("new", "status"):
                self.visit(page, house, place)
                self.judge(page, f"{place}, {scheme}")

    def visit(self, page: Page, house: House, place: str) -> None:
        page.goto(f"{self.home(house)}#/{place}")
        page.get_by_role("main").get_by_role("heading").first.wait_for()

    def judge(self, page: Page, where: str) -> None:
        page.evaluate(AXE.read_text())
        self.assertEqual(page.evaluate(RUN), [], where)
