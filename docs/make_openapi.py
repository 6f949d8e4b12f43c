"""The description of the API without a server: what `/api/v1/openapi.json` tells with the settings as they are shipped.

python docs/make_openapi.py >openapi.json
"""

import json
import sys
from typing import Any

from pocketagent import app, terms
from pocketagent.config import Config
from pocketagent.domain.measures import Measures
from pocketagent.inbound import openapi
from pocketagent.version import VERSION


class Nobody:
    """Stands where the services would: routes are described, and nothing is asked of them."""

    def __getattr__(self, _: str) -> "Nobody":
        return self


def document() -> dict[str, Any]:
    """The whole description (OpenAPI 3.1)."""
    config, nobody = Config(), Nobody()
    routes = app.api(config, nobody, None, nobody, Measures())  # type: ignore[arg-type]  # nothing is asked
    return openapi.document(routes, VERSION, terms.described(config))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=1) + "\n")
