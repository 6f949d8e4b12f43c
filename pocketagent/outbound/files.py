# -*- test-case-name: tests.outbound.test_files -*-
"""Projects and devices on the disk: one JSON file each, whole or as it was before.

`ProjectFiles` and `DeviceFiles` are plain functions that block: the `pocketagent` command calls them as they are,
the server through `FileProjects` and `FileDevices`, in threads.
"""

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import closing, suppress

from attrs import define, evolve
from zope.interface import implementer

from pocketagent.domain.access import Device
from pocketagent.domain.message import timestamp
from pocketagent.domain.project import Project
from pocketagent.outbound.disk import Disk, load, make_directory, save
from pocketagent.outbound.held_directory import HeldDirectory
from pocketagent.ports import BrokenDevices, IDevices, IProjects, IThreads, StorageUnavailable
from pocketagent.wire import stored, stored_project

METADATA = "metadata.json"
SUFFIX = ".json"
TEMPORARY = ".tmp"
MAX_SIZE = 256 * 1024
"""Bytes of one device's file, or project's with its year of use: more is never written, and never read."""

_REMOVED = ".removed-"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@define(eq=False)
class ProjectFiles:
    """`<root>/<id>/metadata.json`, beside the project's journal. The root is there. Everything here blocks."""

    _root: str
    _disk: Disk = os

    def all(self) -> Sequence[Project]:
        """As `IProjects.all`."""
        try:
            names = sorted(filter(stored_project.is_project_id, self._disk.listdir(self._root)))
        except OSError as error:
            raise _unavailable(error) from error
        return _one_for_each_path([project for name in names if (project := self._read(name)) is not None])

    def get(self, project_id: str) -> Project | None:
        """As `IProjects.get`; reads this one only, and does not compare it with the others."""
        return self._read(project_id) if stored_project.is_project_id(project_id) else None

    def save(self, project: Project) -> None:
        """As `IProjects.save`."""
        if project.fault or not stored_project.is_project_id(project.id):
            raise ValueError("What cannot be used is left as it is.")
        directory = f"{self._root}/{project.id}"
        try:
            make_directory(self._disk, directory)
            save(self._disk, f"{directory}/{METADATA}", [_bounded(stored_project.encode_project(project))])
        except OSError as error:
            raise _unavailable(error) from error

    def remove(self, project_id: str) -> None:
        """As `IProjects.remove`: a directory named by a UUID, found below the root's descriptor, no link followed.

        It is renamed first: a crash leaves the whole project, or none and something for `tidy`.
        """
        if not stored_project.is_project_id(project_id):
            return
        removed = _REMOVED + project_id
        try:
            with closing(HeldDirectory(self._root)) as root:
                found = root.look(project_id)
                if found is None:
                    return
                if stat.S_ISDIR(found.st_mode):
                    root.clear(removed)
                    os.rename(project_id, removed, src_dir_fd=root.fd, dst_dir_fd=root.fd)
                else:
                    os.unlink(project_id, dir_fd=root.fd)  # a planted link or file, and what it names stays
                os.fsync(root.fd)
                # The project is gone by now, whatever comes of the rest.
                root.clear(removed)
        except OSError as error:
            raise _unavailable(error) from error

    def tidy(self) -> None:
        """Finish what a crash cut off: removals, and projects that were never acknowledged (an empty directory).

        Only while nobody saves: at the start.
        """
        try:
            with closing(HeldDirectory(self._root)) as root:
                for name in self._disk.listdir(self._root):
                    unfinished = stored_project.is_project_id(name) and self._is_unfinished(f"{self._root}/{name}")
                    if unfinished or name.startswith(_REMOVED):
                        root.clear(name)
        except OSError as error:
            raise _unavailable(error) from error

    def _read(self, project_id: str) -> Project | None:
        directory = f"{self._root}/{project_id}"
        try:
            if not stat.S_ISDIR(self._disk.lstat(directory).st_mode):
                return _faulty(project_id, "Its place among the projects is taken by something else.")
            project = stored_project.decode_project(load(self._disk, f"{directory}/{METADATA}", MAX_SIZE))
        except FileNotFoundError:
            if self._is_unfinished(directory):
                return None
            return _faulty(project_id, f"Its {METADATA} is missing.")
        except OSError as error:
            return _faulty(project_id, f"Its {METADATA} cannot be read: {_reason(error)}.")
        except ValueError as error:
            return _faulty(project_id, f"Its {METADATA} cannot be used: {str(error).rstrip('.')}.")
        if project.id != project_id:
            return _faulty(project_id, f"Its {METADATA} is that of another project.")
        return project

    def _is_unfinished(self, directory: str) -> bool:
        try:
            return not set(self._disk.listdir(directory)) - {METADATA + TEMPORARY}
        except FileNotFoundError:
            return True  # removed meanwhile
        except OSError:
            return False


@define(eq=False)
class DeviceFiles:
    """`<root>/<id>.json`, for the server's own user alone. Everything here blocks."""

    _root: str
    _disk: Disk = os

    def all(self) -> Sequence[Device]:
        """As `IDevices.all`. A root that is not there has none."""
        try:
            found = self._disk.lstat(self._root)
            listed = sorted(self._disk.listdir(self._root))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise ValueError(f"The directory of the devices cannot be read: {_reason(error)}.") from error
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & _OTHERS:
            raise ValueError("The directory of the devices must be this user's own, with mode 0700.")
        devices: list[Device | None] = []
        problems: dict[str, str] = {}
        for name in (name for name in listed if not _is_passing(name)):
            try:
                devices.append(self._read(name))
            except ValueError as error:
                problems[name.removesuffix(SUFFIX)] = str(error)
        usable = [device for device in devices if device is not None]
        if problems:
            broken = list(filter(stored.is_device_id, problems))
            raise BrokenDevices(" ".join(problems.values()), broken, usable)
        return usable

    def save(self, device: Device) -> None:
        """As `IDevices.save`."""
        if not stored.is_device_id(device.id):
            raise ValueError("A device's id has 16 hexadecimal digits.")
        try:
            save(self._disk, self._path(device.id), [_bounded(stored.encode_device(device))])
        except OSError as error:
            raise _unavailable(error) from error

    def change(self, device: Device) -> bool:
        """As `IDevices.change`: whoever removes one waits meanwhile, or is waited for."""
        try:
            with closing(HeldDirectory(self._root)) as root:
                root.lock()
                if not stored.is_device_id(device.id) or root.look(device.id + SUFFIX) is None:
                    return False
                self.save(device)
        except OSError as error:
            raise _unavailable(error) from error
        return True

    def remove(self, device_id: str) -> bool:
        """As `IDevices.remove`."""
        if not stored.is_device_id(device_id):
            return False
        try:
            with closing(HeldDirectory(self._root)) as root:
                root.lock()
                if root.look(device_id + SUFFIX) is None:
                    return False
                os.unlink(device_id + SUFFIX, dir_fd=root.fd)
                os.fsync(root.fd)
        except OSError as error:
            raise _unavailable(error) from error
        return True

    def version(self) -> object:
        """As `IDevices.version`: every name with its inode and the time of its last change."""
        seen: list[tuple[str, int, int]] = []
        try:
            with os.scandir(self._root) as entries:
                for entry in entries:
                    with suppress(FileNotFoundError):
                        found = entry.stat(follow_symlinks=False)
                        seen.append((entry.name, found.st_ino, found.st_ctime_ns))
            here = os.lstat(self._root)
        except OSError as error:
            return error.errno
        return here.st_ino, here.st_ctime_ns, tuple(sorted(seen))

    def _path(self, device_id: str) -> str:
        return f"{self._root}/{device_id}{SUFFIX}"

    def _read(self, name: str) -> Device | None:
        device_id = name.removesuffix(SUFFIX)
        if not name.endswith(SUFFIX) or not stored.is_device_id(device_id):
            raise ValueError(f"Among the devices there is {name!r}, which is none: remove it.")
        path = self._path(device_id)
        try:
            device = stored.decode_device(load(self._disk, path, MAX_SIZE))
            if self._disk.lstat(path).st_mode & _OTHERS:
                raise ValueError("others may read or write it (it must have mode 0600)")
        except FileNotFoundError:
            return None  # revoked meanwhile
        except OSError as error:
            raise ValueError(f"The device {name} cannot be read: {_reason(error)}.") from error
        except ValueError as error:
            raise ValueError(f"The device {name} cannot be used: {str(error).rstrip('.')}.") from error
        if device.id != device_id:
            raise ValueError(f"The device {name} cannot be used: it is that of another device.")
        return device


@implementer(IProjects)
@define(eq=False)
class FileProjects:
    """Projects in files, by way of the threads."""

    _threads: IThreads
    _files: ProjectFiles

    async def all(self) -> Sequence[Project]:
        return await self._threads.run(self._files.all)

    async def get(self, project_id: str) -> Project | None:
        return await self._threads.run(lambda: self._files.get(project_id))

    async def save(self, project: Project) -> None:
        await self._threads.run(lambda: self._files.save(project))

    async def remove(self, project_id: str) -> None:
        await self._threads.run(lambda: self._files.remove(project_id))


@implementer(IDevices)
@define(eq=False)
class FileDevices:
    """Devices in files, by way of the threads."""

    _threads: IThreads
    _files: DeviceFiles

    async def all(self) -> Sequence[Device]:
        return await self._threads.run(self._files.all)

    async def save(self, device: Device) -> None:
        await self._threads.run(lambda: self._files.save(device))

    async def change(self, device: Device) -> bool:
        return await self._threads.run(lambda: self._files.change(device))

    async def remove(self, device_id: str) -> bool:
        return await self._threads.run(lambda: self._files.remove(device_id))

    async def version(self) -> object:
        return await self._threads.run(self._files.version)


def _one_for_each_path(projects: Sequence[Project]) -> Sequence[Project]:
    """The same projects; where several have one path, only the oldest keeps it."""
    owners: dict[str, str] = {}
    for project in sorted(projects, key=lambda each: (each.created_at, each.id)):
        if not project.fault:
            owners.setdefault(project.path, project.id)
    return [
        project
        if project.fault or owners[project.path] == project.id
        else evolve(project, fault=f"Project {owners[project.path]} has the same directory.")
        for project in projects
    ]


def _faulty(project_id: str, fault: str) -> Project:
    return Project(id=project_id, name=project_id, path="", identity=(0, 0), created_at=timestamp(0), fault=fault)


def _is_passing(name: str) -> bool:
    """What a save under way, or an editor, leaves beside the devices."""
    return name.startswith(".") or name.endswith(SUFFIX + TEMPORARY)


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_SIZE:
        raise OSError(errno.EFBIG, f"it would be larger than {MAX_SIZE} bytes")
    return data


def _reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "it is a symbolic link"
    return error.strerror or type(error).__name__


def _unavailable(error: OSError) -> StorageUnavailable:
    return StorageUnavailable(_reason(error))
