"""What setup.cfg cannot say: the web client is built into the wheel, and into the source distribution."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist


def loaded(path: Path) -> ModuleType:
    """A module by its file."""
    spec = importlib.util.spec_from_file_location("web_client_build", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


web_client = loaded(Path(__file__).resolve().parent / "clients" / "web" / "build.py")


class BuildPy(build_py):
    """An editable install takes what is there: `make run` builds it."""

    def run(self) -> None:
        if not self.editable_mode:
            web_client.build()
            # What an earlier build has left there has other names.
            shutil.rmtree(Path(self.build_lib, "pocketagent", "static"), ignore_errors=True)
        super().run()


class Sdist(sdist):
    """With the build, so that whoever installs it needs no Node."""

    def run(self) -> None:
        web_client.build()
        super().run()


# What `setup_requires` says here, a build by PEP 517 has installed beforehand.
setup(cmdclass={"build_py": BuildPy, "sdist": Sdist}, setup_requires=web_client.requirements())
