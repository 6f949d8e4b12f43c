# -*- test-case-name: tests.outbound.test_sightings -*-
"""When devices were last seen, in one file: only the server writes it, and who lists devices reads it."""

import os
from collections.abc import Mapping

from attrs import define
from twisted.logger import Logger
from zope.interface import implementer

from pocketagent.domain.access import MAX_DEVICES
from pocketagent.domain.sighting import Sighting
from pocketagent.outbound.disk import Disk, load, save
from pocketagent.ports import ISightings, IThreads, StorageUnavailable
from pocketagent.wire import stored

MAX_SIZE = 256 * MAX_DEVICES
"""Bytes: more is never read."""

_log = Logger()


@define(eq=False)
class SightingsFile:
    """Everything here blocks."""

    _path: str
    _disk: Disk = os

    def all(self) -> Mapping[str, Sighting]:
        """As `ISightings.all`."""
        try:
            return stored.decode_sightings(load(self._disk, self._path, MAX_SIZE))
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            _log.warn("when devices were last seen is not known: {reason}", reason=str(error))
        return {}

    def save(self, sightings: Mapping[str, Sighting]) -> None:
        """As `ISightings.save`."""
        try:
            save(self._disk, self._path, [stored.encode_sightings(sightings)])
        except OSError as error:
            raise StorageUnavailable(error.strerror or type(error).__name__) from error


@implementer(ISightings)
@define(eq=False)
class FileSightings:
    """Sightings in their file, by way of the threads."""

    _threads: IThreads
    _file: SightingsFile

    async def all(self) -> Mapping[str, Sighting]:
        return await self._threads.run(self._file.all)

    async def save(self, sightings: Mapping[str, Sighting]) -> None:
        await self._threads.run(lambda: self._file.save(sightings))
