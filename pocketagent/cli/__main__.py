"""`python -m pocketagent.cli`, where the script `pocketagent` is not on PATH."""

import sys

from pocketagent.cli.main import main

sys.exit(main())
