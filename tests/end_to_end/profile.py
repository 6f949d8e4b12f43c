"""A profile of a house's server, kept as `pocketagent connect` keeps it, without asking."""

from pathlib import Path

from pocketagent.client.profiles import Profile, Profiles
from tests.end_to_end.house import House


def keep_profile(house: House, token: str, fingerprint: str | None = None) -> None:
    """Make the house's server the default one of whoever has the house's home."""
    url = f"wss://127.0.0.1:{house.port}/ws"
    kept = Profile(name="test", url=url, token=token, fingerprint=fingerprint or house.fingerprint)
    Profiles(Path(house.home) / ".config" / "pocketagent").save(kept)
