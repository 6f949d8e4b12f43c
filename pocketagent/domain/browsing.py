# -*- test-case-name: tests.domain.test_browsing -*-
"""The directories of the server's machine, as a person sees them who looks for one that is to be a project."""

from collections.abc import Mapping, Sequence

from attrs import frozen

from pocketagent.domain.project import Place, Trust

MAX_DIRECTORIES = 1000
"""Told of one directory at most."""


@frozen
class Subdirectory:
    """A directory, found in another. `git`: a repository begins there."""

    name: str
    place: Place
    git: bool


@frozen
class Listing:
    """What was found in the directory `path`; None: these are the allowed roots. `parent` is None where the directory
    above may not be looked at. `truncated`: there are more."""

    path: str | None
    parent: str | None
    directories: Sequence[Subdirectory]
    truncated: bool


@frozen
class Candidate:
    """A directory that may become a project. `project_id`: of the one that it is already. `nesting`: it lies in a
    project or around one, and so cannot be one itself."""

    name: str
    path: str
    project_id: str | None
    git: bool
    nesting: bool


@frozen
class Candidates:
    """A `Listing` with what is known of the projects."""

    path: str | None
    parent: str | None
    directories: Sequence[Candidate]
    truncated: bool


@frozen(kw_only=True)
class Prospect(Trust):
    """What that of a project in a directory would be. `problem` says why there can be none, None where there can."""

    problem: str | None


def candidates(listing: Listing, places: Mapping[str, Place]) -> Candidates:
    """`places`: where each project lies, by its id."""
    projects = {place.identity: project_id for project_id, place in places.items()}
    above = {pair for place in places.values() for pair in place.chain[:-1]}

    def judged(one: Subdirectory) -> Candidate:
        place = one.place
        project_id = projects.get(place.identity)
        nesting = project_id is None and (place.identity in above or any(pair in projects for pair in place.chain[:-1]))
        return Candidate(one.name, place.path, project_id, one.git, nesting)

    return Candidates(listing.path, listing.parent, [judged(one) for one in listing.directories], listing.truncated)
