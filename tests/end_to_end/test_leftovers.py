"""What a server that was killed has left lying about."""

import signal

from tests.end_to_end.house import HouseTestCase, files, holds
from tests.end_to_end.test_turns import begin

SECRET = "sesame-of-the-mcp-server"


class LeftoverTests(HouseTestCase):
    """After kill -9 and another start."""

    def test_no_secret_stays_outside_the_settings(self) -> None:
        """What a process was handed in a file is gone once the next server is ready."""
        house = self.house("--config=settings.toml", start=False)
        settings = house.directory / "settings.toml"
        settings.write_text(f'[mcp_configs.one.mcpServers.one]\ncommand = "true"\nenv = {{ KEY = "{SECRET}" }}\n')
        temporary = house.directory / "tmp"
        temporary.mkdir()
        house.environment = {**house.environment, "TMPDIR": str(temporary)}
        house.start()
        client = self.client(house)
        project_id = begin(client, house, "handed")
        client.request("execute", project_id=project_id, prompt="forever:", options={"mcp_config": "one"})
        client.wait_for(lambda message: message["type"] == "agent_message")
        handed = [path for path in files(house.directory) if path.suffix == ".json" and holds(path, SECRET)]
        self.assertEqual(len(handed), 1)
        house.stop(signal.SIGKILL)
        house.start()
        left = [path for path in files(house.directory) if holds(path, SECRET)]
        self.assertEqual(left, [settings])
