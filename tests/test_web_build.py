"""Tests of `clients/web/build.py`: when there is something to build, and with which Node."""

import importlib.util
from pathlib import Path
from types import ModuleType

from twisted.trial.unittest import SynchronousTestCase

SCRIPT = Path(__file__).parents[1] / "clients" / "web" / "build.py"


def loaded() -> ModuleType:
    """The script, which is in no package."""
    spec = importlib.util.spec_from_file_location("web_client_build", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class BuildTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.build = loaded()
        self.sources, self.static = Path(self.mktemp()), Path(self.mktemp())
        for path in "index.html", "package.json", "package-lock.json", "vite.config.ts", "src/main.tsx", "public/x.svg":
            (self.sources / path).parent.mkdir(parents=True, exist_ok=True)
            (self.sources / path).write_text(path)
        self.static.mkdir()
        (self.static / "index.html").write_text("built")

    def built(self) -> None:
        """What a build leaves."""
        self.build._set_mark(self.static, self.build.digest(self.sources / name for name in self.build._INPUTS))

    def is_current(self) -> bool:
        return bool(self.build.is_current(self.sources, self.static))

    def test_current(self) -> None:
        """The build of these sources is made once, whatever the dates of the files are: a checkout has none of use."""
        self.assertFalse(self.is_current())
        self.built()
        (self.sources / "src" / "main.tsx").touch()
        self.assertTrue(self.is_current())

    def test_changed(self) -> None:
        """Another content, another name, a file more or less, a build that was cut off: it is built again."""
        main = self.sources / "src" / "main.tsx"
        for change in (
            lambda: main.write_text("more"),
            lambda: (self.sources / "package-lock.json").write_text("{}"),
            lambda: (self.sources / "src" / "view.tsx").write_text(""),
            lambda: main.rename(main.with_name("other.tsx")),
            lambda: (self.sources / "public" / "x.svg").unlink(),
            lambda: (self.static / "index.html").unlink(),
        ):
            self.built()
            self.assertTrue(self.is_current())
            change()
            self.assertFalse(self.is_current())

    def test_versions(self) -> None:
        """Node is taken where Vite runs on it."""
        good = "v20.19.0\n", "v20.20.2", "v22.12.0", "v24.0.0"
        for version in (*good, "v20.18.9", "v21.7.0", "v22.11.0", "v9.99.0", "", "nonsense"):
            self.assertEqual(self.build.is_new_enough(version), version in good, version)

    def test_engines(self) -> None:
        """The sources ask for the same."""
        self.assertIn('"node": "^20.19 || >=22.12"', SCRIPT.with_name("package.json").read_text())
