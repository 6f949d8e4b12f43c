"""What the server pushes is shown by the browser: delivered by its debugger, since its push service is Google's."""

import json

from tests.end_to_end.browser import BrowserTestCase
from tests.end_to_end.client import wait_until
from tests.end_to_end.shared_house import SharedHouse
from tests.receiver import Browser as Subscriber

SHOWN = """async (title) => {
    const registration = await navigator.serviceWorker.ready;
    for (let tries = 0; tries < 600; tries++) {
        const shown = await registration.getNotifications();
        if (shown.some(one => one.title === title)) return shown.map(one => ({silent: one.silent}));
        await new Promise(resolve => setTimeout(resolve, 50));
    }
    return [];
}"""

REGISTER = """async (body) => {
    const headers = {"content-type": "application/json"};
    return (await fetch("/api/v1/push/subscription", {method: "PUT", headers, body: JSON.stringify(body)})).status;
}"""
CHANGE = """async (subscription) => {
    PushManager.prototype.subscribe = async () => ({toJSON: () => subscription});
    const change = new ExtendableEvent("pushsubscriptionchange");
    let done;
    change.waitUntil = (promise) => { done = promise; };  // of an event of ours it takes none
    self.dispatchEvent(change);
    await done;
}"""


class PushTests(BrowserTestCase):
    def test_a_push_message_is_shown_as_the_server_says(self) -> None:
        """The title is the server's, what is to be quiet makes no sound, and of a project and a kind there is one
        notification."""
        house = SharedHouse.lent(self, real=True).house
        page = self.paired(house)
        page.context.grant_permissions(["notifications"], origin=self.home(house).rstrip("/"))
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        ids: list[str] = []
        session = page.context.new_cdp_session(page)
        session.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda told: ids.extend(one["registrationId"] for one in told["registrations"]),
        )
        session.send("ServiceWorker.enable")
        while not ids:
            page.wait_for_timeout(50)
        titles = ("app: something is asked", "app: a permission is asked for")
        for title in titles:
            told = {
                "kind": "permission",
                "project_id": "p",
                "project_name": "app",
                "seq": 7,
                "title": title,
                "quiet": True,
            }
            message = {"origin": self.home(house), "registrationId": ids[-1], "data": json.dumps(told)}
            session.send("ServiceWorker.deliverPushMessage", message)
            (shown,) = page.evaluate(SHOWN, title)
            self.assertTrue(shown["silent"])

    def test_a_subscription_that_the_browser_ended_is_made_anew(self) -> None:
        """When the browser changes its subscription the worker registers the new one, also while no page is open, and
        the rules stay. (Only the push service of the browser, Google's, is not there.)"""
        house = SharedHouse.lent(self, real=True).house
        page = self.paired(house)
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        (worker,) = page.context.service_workers
        rules = {"events": ["failed"], "seconds": 90, "quiet": True}
        before = {"endpoint": "https://push.example/before", "keys": Subscriber().keys}
        self.assertEqual(page.evaluate(REGISTER, {**before, "rules": rules}), 204)
        page.close()
        after = {"endpoint": "https://push.example/after", "keys": Subscriber().keys}
        worker.evaluate(CHANGE, after)
        kept = house.data_dir / "push.json"
        wait_until(lambda: "/after" in kept.read_text(), "the new subscription is kept")
        self.assertNotIn("/before", kept.read_text())
        self.assertIn("failed", kept.read_text())
        self.assertNotIn("finished", kept.read_text())
