# -*- test-case-name: tests.services.test_notices -*-
"""Who is told of what besides those who have joined: devices that do not look, by push; and the owner's webhooks.

It hears of every step of a project's machine after it was kept and told (never of the agent's own lines), decides, and
leaves the sending to others.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import define
from twisted.internet.interfaces import IReactorTime

from pocketagent.domain.access import Device
from pocketagent.domain.events import PermissionRequest
from pocketagent.domain.measures import Kind, Metric, by
from pocketagent.domain.message import Entry
from pocketagent.domain.notices import Event, Notice, Occasion, occasion_of
from pocketagent.domain.outcome import Outcome, outcome
from pocketagent.domain.project import Project
from pocketagent.domain.turn import Core, Item
from pocketagent.services.audience import Audience
from pocketagent.services.deliveries import Deliveries
from pocketagent.services.pushing import Pushing
from pocketagent.services.webhooks import Webhooks

_FAILURES = frozenset({Outcome.FAILED, Outcome.TIMEOUT})


@define(eq=False)
class Notices:
    """Decides what is told to whom. `push_after`: seconds that an execution takes at least to be pushed."""

    _pushing: Pushing
    _webhooks: Webhooks
    _push_after: float

    def asked(self, notice: Notice, permission_id: str, audience: Audience) -> None:
        """The agent asks for a permission."""
        self._webhooks.tell(Event.PERMISSION_REQUEST, {**_project(notice), "permission_id": permission_id})
        self._push(notice, audience)

    def ended(self, notice: Notice | None, about: Mapping[str, object], result: Outcome, audience: Audience) -> None:
        """An execution is over; no `notice` where a person has ended it."""
        event = Event.EXECUTION_FAILED if result in _FAILURES else Event.EXECUTION_FINISHED
        self._webhooks.tell(event, {**about, "result": result.value})
        if notice is not None and (notice.seconds is None or notice.seconds >= self._push_after):
            self._push(notice, audience)

    def devices_changed(self, before: Mapping[str, Device], after: Mapping[str, Device]) -> None:
        """Devices have come, gone or ended, by whatever way."""
        for new in after.keys() - before.keys():
            self._webhooks.tell(Event.DEVICE_PAIRED, _device(after[new]))
        for gone in before.keys() - after.keys():
            self._webhooks.tell(Event.DEVICE_REVOKED, _device(before[gone]))
        self._pushing.forget(before.keys() - after.keys(), "revoked")
        self._pushing.forget([each.id for each in after.values() if each.expired], "expired")

    def project_created(self, project: Project) -> None:
        self._webhooks.tell(Event.PROJECT_CREATED, {"project_id": project.id, "project_name": project.name})

    def project_deleted(self, project_id: str) -> None:
        self._webhooks.tell(Event.PROJECT_DELETED, {"project_id": project_id})

    def metrics(self) -> Iterable[Metric]:
        """How much was taken, and how much given up."""
        ways: Mapping[str, Sequence[Deliveries[Any]]] = {
            "push": [self._pushing.deliveries],
            "webhook": [way for _, way in self._webhooks.ways],
        }
        taken = {word: float(sum(way.delivered for way in each)) for word, each in ways.items()}
        yield by("way", Kind.COUNTER, "notices_delivered_total", "Messages that were taken.", taken)
        lost = {word: float(sum(way.dropped for way in each)) for word, each in ways.items()}
        yield by("way", Kind.COUNTER, "notices_dropped_total", "Messages that were given up.", lost)

    def _push(self, notice: Notice, audience: Audience) -> None:
        looking = {one.device.id for one in audience.connections() if one.active}
        self._pushing.push(notice, looking)


@define(eq=False)
class Herald:
    """One project's: what of its steps is worth telling. Of what was at work when the server last stopped nobody knows
    how long it took."""

    _notices: Notices
    _clock: IReactorTime
    _audience: Audience
    _began: float | None = None

    def stepped(
        self, project: Project, before: Core, after: Core, items: Sequence[Item], entries: Sequence[Entry], seq: int
    ) -> None:
        """A step of the machine was told; `entries` are what was kept of it, `seq` the last number by now."""
        if after.execution is not before.execution:
            self._moved_on(project, before, after, items, seq)
        requests = [item for item in items if isinstance(item, PermissionRequest)]
        if requests:
            kept = [entry.seq for entry in entries if entry.type == "permission_request"]
            for request, its_seq in zip(requests, kept, strict=False):
                notice = self._notice(Occasion.PERMISSION, project, its_seq)
                self._notices.asked(notice, request.permission_id, self._audience)

    def _moved_on(self, project: Project, before: Core, after: Core, items: Sequence[Item], seq: int) -> None:
        ended = outcome(before, after, items)
        now = self._clock.seconds()
        seconds = None if self._began is None else max(0.0, now - self._began)
        self._began = now if after.execution is not None else None
        if ended is None or before.execution is None:
            return
        occasion = occasion_of(ended)
        notice = None if occasion is None else self._notice(occasion, project, seq, seconds)
        about = {
            "project_id": project.id,
            "project_name": project.name,
            "seq": seq,
            "execution_id": before.execution.id,
            "seconds": None if seconds is None else round(seconds, 3),
        }
        self._notices.ended(notice, about, ended, self._audience)

    def _notice(self, occasion: Occasion, project: Project, seq: int, seconds: float | None = None) -> Notice:
        return Notice(occasion=occasion, project_id=project.id, project_name=project.name, seq=seq, seconds=seconds)


def _project(notice: Notice) -> Mapping[str, object]:
    return {"project_id": notice.project_id, "project_name": notice.project_name, "seq": notice.seq}


def _device(device: Device) -> Mapping[str, object]:
    return {"device_id": device.id, "device_name": device.name, "scope": device.scope.value}
