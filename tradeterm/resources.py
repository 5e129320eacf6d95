"""Files that travel with the program: themes, the example configuration, the recorded demo data."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def _shipped(name: str) -> Path:
    """In an installed wheel the file lies in the package, in a checkout at the top level."""
    inside = _PACKAGE / name
    return inside if inside.exists() else _PACKAGE.parent / name


def themes_folder() -> Path:
    return _shipped("themes")


def example_config() -> Path:
    return _shipped("config.toml.example")


def demo_config() -> Path:
    """The demo's configuration."""
    return demo_folder() / "config.toml"


def demo_folder() -> Path:
    """Recorded bars and funding, instruments.toml, the demo's config.toml and the licence texts."""
    return _PACKAGE / "demo"
