"""Who is told of what: devices that do not look, by push, and webhooks; through the whole floor."""

import json
from collections.abc import Sequence

from attrs import evolve

from pocketagent.domain.access import Device
from pocketagent.domain.agent import PermissionAsked, Spoken
from pocketagent.domain.commands import DeleteProject, Interrupt
from pocketagent.domain.notices import Event, Hook, Occasion, PushSubscription, Rules
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.ports import Verdict
from tests.services.workshop import AT_REST, BUSY, INIT, OK, FakeConnection, WorkshopCase, device, done

ASKED = PermissionAsked("q", b'{"tool_name":"Bash","input":{"command":"rm -rf /"}}')
HOOK = Hook(url="https://mine.example/", secret=b"s" * 16)
PUSH_AFTER = 5.0


def subscription(of: Device, rules: Rules | None = None) -> PushSubscription:
    return PushSubscription(
        device_id=of.id,
        endpoint="https://push.example.net/1",
        p256dh=b"\x04" + bytes(64),
        auth=bytes(16),
        rules=rules or Rules(),
    )


class NoticesCase(WorkshopCase):
    def setUp(self) -> None:
        super().setUp()
        self.shop.hooks = [HOOK]
        self.shop.start()
        self.asker = self.shop.connect()
        self.phone = device(name="phone")
        for each in (self.phone, self.asker.device):
            self.successResultOf(done(self.shop.devices.save(each)))
        self.successResultOf(done(self.shop.services.access.start()))
        self.addCleanup(self.shop.services.stop)
        self.project_id = self.project()
        self.register(self.phone)

    def register(self, of: Device, rules: Rules | None = None) -> None:
        self.successResultOf(done(self.shop.services.pushing.subscribe(subscription(of, rules), FakeConnection(of))))

    def pushed(self) -> Sequence[tuple[str, Occasion]]:
        return [(to.device_id, notice.occasion) for to, notice in self.shop.push.pushed]

    def hooked(self) -> Sequence[dict[str, object]]:
        return [json.loads(message.body) for _, message in self.shop.webhook.posted]

    def names(self) -> Sequence[object]:
        return [body["event"] for body in self.hooked()]

    def ask_person(self) -> None:
        self.execute(self.project_id)
        self.run_.says(BUSY, INIT, ASKED)


class PushTests(NoticesCase):
    def test_permission(self) -> None:
        """A permission request is pushed at once, with its number in the journal and nothing of what it asks."""
        self.ask_person()
        ((to, notice),) = self.shop.push.pushed
        self.assertEqual((to.device_id, notice.occasion), (self.phone.id, Occasion.PERMISSION))
        entries = self.successResultOf(done(self.conversation(self.project_id).journal.since(0, 100, 1 << 20)))
        self.assertEqual([one.seq for one in entries if one.type == "permission_request"], [notice.seq])
        self.assertNotIn("rm -rf", repr(notice))

    def test_finished(self) -> None:
        """An execution that took so long is pushed when it has finished, one that was shorter is not."""
        for seconds, expected in ((PUSH_AFTER - 0.01, []), (PUSH_AFTER, [(self.phone.id, Occasion.FINISHED)])):
            self.execute(self.project_id)
            self.shop.clock.advance(seconds)
            self.turn(b'{"type":"assistant"}')
            self.assertEqual(self.pushed(), expected)

    def test_failed(self) -> None:
        """So is one that has failed, and one that took too long."""
        self.execute(self.project_id)
        self.shop.clock.advance(PUSH_AFTER)
        self.run_.dies(1)
        self.execute(self.project_id)
        self.shop.clock.advance(300)
        self.run_.dies(None, 9)
        self.assertEqual(self.pushed(), [(self.phone.id, Occasion.FAILED)] * 2)

    def test_ended_by_a_person(self) -> None:
        """What a person has interrupted is pushed to nobody."""
        self.execute(self.project_id)
        self.shop.clock.advance(60)
        self.ask(Interrupt(project_id=self.project_id))
        self.turn()
        self.assertEqual(self.pushed(), [])

    def test_looking(self) -> None:
        """A device that looks at the project is not pushed to; another one is."""
        connection = self.shop.connect()
        connection.device = self.phone
        self.shop.services.subscriptions.join(connection, self.conversation(self.project_id).audience, None)
        tablet = device(name="tablet")
        self.successResultOf(done(self.shop.devices.save(tablet)))
        self.shop.clock.advance(1)
        self.register(tablet)
        self.ask_person()
        self.assertEqual(self.pushed(), [(tablet.id, Occasion.PERMISSION)])

    def test_looking_elsewhere(self) -> None:
        """Who is connected and has not joined the project, or has fallen silent, is pushed to."""
        connection = self.shop.connect()
        connection.device = self.phone
        other = self.project("/home/me/other")
        self.shop.services.subscriptions.join(connection, self.conversation(other).audience, None)
        self.ask_person()
        self.assertEqual(len(self.pushed()), 1)
        self.shop.services.subscriptions.join(connection, self.conversation(self.project_id).audience, None)
        connection.active = False
        self.shop.clock.advance(60)
        self.run_.says(OK, AT_REST)
        self.assertEqual(len(self.pushed()), 2)

    def test_rules(self) -> None:
        """A device hears of what it wants."""
        self.register(self.phone, Rules(occasions=(Occasion.FAILED,), seconds=60))
        self.ask_person()
        self.run_.dies(1)
        self.execute(self.project_id)
        self.shop.clock.advance(59.9)
        self.run_.dies(1)
        self.assertEqual(self.pushed(), [])
        self.execute(self.project_id)
        self.shop.clock.advance(60)
        self.run_.dies(1)
        self.assertEqual(self.pushed(), [(self.phone.id, Occasion.FAILED)])

    def test_revoked(self) -> None:
        """A device that was revoked is pushed to no more, and its subscription is gone."""
        self.successResultOf(done(self.shop.devices.remove(self.phone.id)))
        self.shop.clock.advance(1)
        self.ask_person()
        self.assertEqual(self.pushed(), [])
        self.assertEqual(self.successResultOf(done(self.shop.push_subscriptions.all())), ())

    def test_over(self) -> None:
        """So it is with one whose time is over, and only with that one; its owner's webhooks hear of no revocation."""
        tablet = device(name="tablet")
        self.successResultOf(done(self.shop.devices.save(tablet)))
        mortal = evolve(self.phone, expires_at=self.shop.clock.seconds() + 60)
        self.successResultOf(done(self.shop.devices.save(mortal)))
        self.shop.clock.advance(1)
        self.register(tablet)
        self.assertEqual(len(self.successResultOf(done(self.shop.push_subscriptions.all()))), 2)
        self.shop.clock.advance(60)
        self.ask_person()
        self.assertEqual(self.pushed(), [(tablet.id, Occasion.PERMISSION)])
        left = self.successResultOf(done(self.shop.push_subscriptions.all()))
        self.assertEqual([each.device_id for each in left], [tablet.id])
        self.assertNotIn("device_revoked", self.names())

    def test_lines_cost_nothing(self) -> None:
        """The agent's own lines are told to nobody here."""
        self.execute(self.project_id)
        before = len(self.shop.webhook.posted)
        self.run_.says(BUSY, INIT, Spoken(b'{"type":"assistant"}'))
        self.assertEqual((len(self.shop.webhook.posted), self.pushed()), (before, []))

    def test_not_kept_not_told(self) -> None:
        """What could not be kept is not told; that the execution was stopped for it is."""
        self.execute(self.project_id)
        self.shop.clock.advance(60)
        self.shop.journals.fails = True
        self.run_.says(BUSY, INIT, ASKED)
        self.assertEqual(self.pushed(), [(self.phone.id, Occasion.FAILED)])
        self.run_.dies(None, 9)
        self.shop.journals.fails = False
        self.shop.clock.advance(2)
        self.assertEqual(len(self.pushed()), 1)

    def test_slow_services_keep_nobody(self) -> None:
        """A push service that is not there keeps nothing from going on."""
        self.shop.push.verdict = Verdict.LATER
        self.ask_person()
        self.run_.says(OK, AT_REST)
        self.turn_again()

    def turn_again(self) -> None:
        self.execute(self.project_id)
        self.turn()


class HookTests(NoticesCase):
    def test_events(self) -> None:
        """A webhook hears of executions however short, of questions, projects and devices."""
        self.ask_person()
        self.run_.says(OK, AT_REST)
        self.execute(self.project_id)
        self.run_.dies(1)
        self.shop.agent.refuses = Refusal(Code.CLAUDE_NOT_FOUND, "gone")
        self.execute(self.project_id)
        self.successResultOf(done(self.shop.devices.remove(self.phone.id)))
        self.shop.clock.advance(1)
        self.ask(DeleteProject(project_id=self.project_id))
        self.assertEqual(
            self.names(),
            [
                "project_created",
                "permission_request",
                "execution_finished",
                "execution_failed",
                "execution_failed",
                "device_revoked",
                "project_deleted",
            ],
        )
        self.assertEqual(len({body["id"] for body in self.hooked()}), 7)

    def test_devices(self) -> None:
        """A device that has come, by whatever way, is told; those that were there at the start are not."""
        tablet = device(name="tablet")
        self.successResultOf(done(self.shop.devices.save(tablet)))
        self.shop.clock.advance(1)
        (body,) = [one for one in self.hooked() if one["event"] == "device_paired"]
        self.assertEqual(body["data"], {"device_id": tablet.id, "device_name": "tablet", "scope": "admin"})

    def test_ended_by_a_person(self) -> None:
        """What a person has interrupted has finished, and says how."""
        accepted = self.execute(self.project_id)
        self.shop.clock.advance(3)
        self.ask(Interrupt(project_id=self.project_id))
        self.turn()
        body = self.hooked()[-1]
        data = body["data"]
        assert isinstance(data, dict)
        self.assertEqual(body["event"], "execution_finished")
        self.assertEqual((data["result"], data["seconds"]), ("interrupted", 3.0))
        self.assertEqual(data["execution_id"], accepted.execution_id)

    def test_counted(self) -> None:
        """What was taken and what was given up is counted, by the way."""
        self.shop.webhook.verdict = Verdict.REFUSED
        self.ask_person()
        found = {one.name: one.values for one in self.successResultOf(done(self.shop.services.metrics.read()))}
        self.assertEqual(found["pocketagent_notices_delivered_total"], {("push",): 1.0, ("webhook",): 1.0})
        self.assertEqual(found["pocketagent_notices_dropped_total"], {("push",): 0.0, ("webhook",): 1.0})

    def test_chosen(self) -> None:
        """A webhook that names its events hears of no other."""
        self.shop.hooks = [Hook(url="https://mine.example/", secret=b"s" * 16, events=(Event.PROJECT_CREATED,))]
        self.shop.start()
        self.addCleanup(self.shop.services.stop)
        self.asker = self.shop.connect()
        before = len(self.shop.webhook.posted)
        self.project_id = self.project("/home/me/two")
        self.ask_person()
        self.assertEqual(self.names()[before:], ["project_created"])
