# -*- test-case-name: tests.outbound.test_pairings -*-
"""Pairings on the disk: one file each, which is written once and removed once, and one beside it for wrong codes.

The server and the commands beside it change them at the same time: what never changes cannot be overwritten by who has
read it a moment ago, and of those who remove a file one is told that it did.
"""

import os
from collections.abc import Sequence
from contextlib import suppress

from attrs import define
from twisted.logger import Logger
from zope.interface import implementer

from pocketagent.domain.pairing import MAX_OPEN, MAX_WRONG, Pairing
from pocketagent.outbound.disk import PRIVATE_FILE, Disk, load, save, sync_directory
from pocketagent.ports import IPairings, IThreads, StorageUnavailable
from pocketagent.wire import stored

SUFFIX, WRONG = ".json", ".wrong"
MAX_SIZE = 4096
"""Bytes of one pairing."""

_log = Logger()


@define(eq=False)
class PairingFiles:
    """`<root>/<id>.json`, and in `<id>.wrong` a byte for each wrong code. Everything here blocks."""

    _root: str
    _disk: Disk = os

    def all(self) -> Sequence[Pairing]:
        """As `IPairings.all`; of more than `MAX_OPEN` only the first, by their ids."""
        try:
            ids = sorted(name.removesuffix(SUFFIX) for name in self._disk.listdir(self._root) if name.endswith(SUFFIX))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _unavailable(error) from error
        there = [each for each in ids if stored.is_device_id(each)][:MAX_OPEN]
        return [pairing for each in there if (pairing := self._read(each)) is not None]

    def save(self, pairing: Pairing) -> None:
        """As `IPairings.save`."""
        if not stored.is_device_id(pairing.id):
            raise ValueError("A pairing's id has 16 hexadecimal digits.")
        try:
            save(self._disk, self._path(pairing.id, SUFFIX), [stored.encode_pairing(pairing)])
        except OSError as error:
            raise _unavailable(error) from error

    def count_wrong(self, pairing_id: str) -> None:
        """As `IPairings.count_wrong`: a file of its own, which does nothing where the pairing is gone."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            fd = os.open(self._path(pairing_id, WRONG), flags, PRIVATE_FILE)
            try:
                os.write(fd, b"x")
                os.fsync(fd)
            finally:
                os.close(fd)
            sync_directory(self._disk, self._root)
            if not os.path.lexists(self._path(pairing_id, SUFFIX)):
                with suppress(FileNotFoundError):
                    self._disk.unlink(self._path(pairing_id, WRONG))
        except OSError as error:
            raise _unavailable(error) from error

    def take(self, pairing_id: str) -> bool:
        """As `IPairings.take`."""
        if not stored.is_device_id(pairing_id):
            return False
        try:
            self._disk.unlink(self._path(pairing_id, SUFFIX))
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _unavailable(error) from error
        with suppress(OSError):
            self._disk.unlink(self._path(pairing_id, WRONG))
        try:
            sync_directory(self._disk, self._root)
        except OSError as error:
            # It is gone for everybody, and a power loss could bring it back: it is not given away.
            raise _unavailable(error) from error
        return True

    def _path(self, pairing_id: str, suffix: str) -> str:
        return f"{self._root}/{pairing_id}{suffix}"

    def _read(self, pairing_id: str) -> Pairing | None:
        try:
            data = load(self._disk, self._path(pairing_id, SUFFIX), MAX_SIZE)
            pairing = stored.decode_pairing(data, self._wrong(pairing_id))
            if pairing.id != pairing_id:
                raise ValueError("it is that of another pairing")
        except FileNotFoundError:
            return None  # used or withdrawn meanwhile
        except (OSError, ValueError) as error:
            _log.warn("the pairing {id} cannot be used: {reason}", id=pairing_id, reason=str(error))
            return None
        return pairing

    def _wrong(self, pairing_id: str) -> int:
        try:
            return self._disk.lstat(self._path(pairing_id, WRONG)).st_size
        except FileNotFoundError:
            return 0
        except OSError:
            return MAX_WRONG


@implementer(IPairings)
@define(eq=False)
class FilePairings:
    """Pairings in files, by way of the threads."""

    _threads: IThreads
    _files: PairingFiles

    async def all(self) -> Sequence[Pairing]:
        return await self._threads.run(self._files.all)

    async def save(self, pairing: Pairing) -> None:
        await self._threads.run(lambda: self._files.save(pairing))

    async def count_wrong(self, pairing_id: str) -> None:
        await self._threads.run(lambda: self._files.count_wrong(pairing_id))

    async def take(self, pairing_id: str) -> bool:
        return await self._threads.run(lambda: self._files.take(pairing_id))


def _unavailable(error: OSError) -> StorageUnavailable:
    return StorageUnavailable(error.strerror or type(error).__name__)
