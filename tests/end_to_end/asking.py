"""A client of the server over HTTP, on the standard library's `http.client`: it blocks, and knows nothing of ours."""

import http.client
import json
from collections.abc import Callable, Iterator, Mapping

from attrs import define, field

from tests.end_to_end.client import DEADLINE, Message, Pinned, TooLate
from tests.end_to_end.house import House

BASE = "/api/v1"


def connection(house: House) -> http.client.HTTPConnection:
    if house.plaintext:
        return http.client.HTTPConnection("127.0.0.1", house.port, timeout=DEADLINE)
    return http.client.HTTPSConnection("127.0.0.1", house.port, timeout=DEADLINE, context=Pinned(house.fingerprint))


@define
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Message

    @property
    def code(self) -> object:
        data = self.body["data"]
        assert isinstance(data, dict)
        return data["code"]


@define(eq=False)
class Asking:
    """One connection, on which everything is asked."""

    _talk: http.client.HTTPConnection
    _token: str | None

    @classmethod
    def of(cls, house: House, token: str | None = None) -> "Asking":
        """With this token (None: a new device's)."""
        return cls(connection(house), house.token() if token is None else token)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        data = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        self._talk.request(method, path if path.startswith("/api") else BASE + path, data, sent)
        answer = self._talk.getresponse()
        text = answer.read()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, json.loads(text) if text else {})

    def close(self) -> None:
        self._talk.close()


@define
class Event:
    """One event of a stream. `id` None: partial output, or what answers the join."""

    id: int | None
    name: str
    data: Message


@define(eq=False)
class Stream:
    """The events of a project, read as an EventSource reads them."""

    _talk: http.client.HTTPConnection
    _answer: http.client.HTTPResponse
    events: list[Event] = field(factory=list)
    _heard: int = 0

    @classmethod
    def of(cls, house: House, token: str, project_id: str, after: int | None = None, query: str = "") -> "Stream":
        talk = connection(house)
        headers = {"Authorization": f"Bearer {token}"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        talk.request("GET", f"{BASE}/projects/{project_id}/events{query}", headers=headers)
        answer = talk.getresponse()
        assert answer.status == 200, answer.read()
        return cls(talk, answer)

    @property
    def numbers(self) -> list[int]:
        return [one.id for one in self.events if one.id is not None]

    def wait_for(self, wanted: Callable[[Event], object]) -> Event:
        """The next event, after the one that the last call returned, for which it is true. Raises TooLate."""
        while True:
            while self._heard < len(self.events):
                self._heard += 1
                if wanted(self.events[self._heard - 1]):
                    return self.events[self._heard - 1]
            event = next(self._read(), None)
            if event is None:
                raise TooLate(f"the stream has ended; the last were {self.events[-3:]}")
            self.events.append(event)

    def wait_for_state(self, *states: str) -> Event:
        def is_one(event: Event) -> bool:
            data = event.data.get("data")
            return (
                event.id is not None
                and event.name == "project_state"
                and isinstance(data, dict)
                and data["state"] in states
            )

        return self.wait_for(is_one)

    def rest(self) -> list[Event]:
        """What comes until the server ends the stream, or dies."""
        found = list(self._read())
        self.events += found
        return found

    def close(self) -> None:
        self._talk.close()

    def _read(self) -> Iterator[Event]:
        fields: dict[str, str] = {}
        while True:
            try:
                line = self._answer.readline().decode()
            except OSError:
                return
            if not line:
                return
            line = line.rstrip("\n")
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            if "data" in fields:
                number = fields.get("id")
                yield Event(None if number is None else int(number), fields["event"], json.loads(fields["data"]))
            fields = {}
