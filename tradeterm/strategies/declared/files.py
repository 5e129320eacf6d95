"""Where specifications lie: the user's own folder, and the examples that travel with the program."""

from pathlib import Path

from tradeterm.decode import nearest, one_of, show
from tradeterm.domain.errors import ConfigError

SUFFIXES = (".json", ".toml")


def example_files() -> list[Path]:
    return specification_files(Path(__file__).parent / "examples")


def specification_files(folder: Path) -> list[Path]:
    """The .json and .toml files of a folder, by name; none where there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES and path.is_file())


def known_files(folder: Path) -> dict[str, Path]:
    """Files by their names without suffix: the user's own in `folder`, and the examples that are not among them."""
    return {path.stem: path for path in (*example_files(), *specification_files(folder))}


def find_file(name: str, folder: Path) -> Path:
    """What a name without its suffix means: the user's own file in `folder`, else an example. Raises ConfigError."""
    known = known_files(folder)
    if name not in known:
        hint = nearest(name, list(known)) or f"; allowed a file, or {one_of(sorted(known))}"
        raise ConfigError(f"{show(name)}: is neither a file nor a strategy in {folder}{hint}")
    return known[name]
