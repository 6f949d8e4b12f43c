# -*- test-case-name: tests.domain.test_tracing -*-
"""What is being worked on right now, so that the log can say of each line for whom it was written.

Whoever takes up a request, or hears the agent, says so; what is logged on the floors below then carries the ids without
a word of theirs. It follows a coroutine over all that it awaits: Twisted runs each in a copy of the context that it was
begun in. Nothing but the log reads it, and nothing is decided by it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import MappingProxyType

NOTHING: Mapping[str, str] = MappingProxyType({})

_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=NOTHING)


def about() -> Mapping[str, str]:
    """What is worked on: ids by their names, such as `request_id` and `execution_id`."""
    return _about.get()


@contextmanager
def working(on: Mapping[str, str] = NOTHING, **more: str | None) -> Iterator[None]:
    """Work on this, besides what is worked on already. What is None is not known."""
    known = {name: value for name, value in more.items() if value is not None}
    token = _about.set({**_about.get(), **on, **known})
    try:
        yield
    finally:
        # A coroutine that is thrown away ends wherever it is found.
        with suppress(ValueError):
            _about.reset(token)
