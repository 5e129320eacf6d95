import pytest

from tradeterm.ui import themes

SIX = {"dark", "light", "high-contrast", "colour-blind", "ansi", "mono"}
SHIPPED, SHIPPED_ERRORS = themes.load_themes()
REAL = [theme for theme in SHIPPED.values() if not theme.ansi]
TEXTS = ("foreground", "bright", "accent", "up", "down", "warning", "danger", "stale", "pane-title", "key", "prompt")
TEXTS += ("level-entry", "level-stop", "level-target", "chart-last", "pnl-up", "pnl-down")
MINIMAL = """
[colours]
background = "#000000"
foreground = "#ffffff"
accent = "#0af"
up = "#00ff00"
down = "#ff0000"
warning = "#ffff00"
danger = "#ff00ff"
"""


def write(tmp_path, name, text):
    file = tmp_path / name
    file.write_text(text)
    return file


def test_the_six_themes_load_without_a_complaint():
    assert set(SHIPPED) == SIX
    assert SHIPPED_ERRORS == []
    assert themes.DEFAULT in SHIPPED


@pytest.mark.parametrize("theme", REAL, ids=lambda theme: theme.name)
def test_text_is_readable(theme):
    own = theme.colours
    for ground in ("background", "surface", "panel"):
        for key in TEXTS:
            assert themes.contrast(own[key], own[ground]) >= 4.5, (key, ground)
        assert themes.contrast(own["muted"], own[ground]) >= 3.0, ground
    for ground, text in (
        ("selection", "selection-text"),
        ("selection-blurred", "selection-blurred-text"),
        ("demo", "badge-text"),
        ("paper", "badge-text"),
        ("live", "badge-text"),
        ("danger", "badge-text"),
        ("warning", "badge-text"),
    ):
        assert themes.contrast(own[ground], own[text]) >= 4.5, ground


def test_the_colour_blind_theme_tells_gain_from_loss_by_blue_and_orange():
    own = SHIPPED["colour-blind"].colours

    def blueness(colour):
        return int(colour[5:7], 16) - int(colour[1:3], 16)

    assert blueness(own["up"]) > 80
    assert blueness(own["down"]) < -80


def test_the_ansi_theme_uses_the_terminals_colours_only():
    assert SHIPPED["ansi"].ansi
    assert all(colour.startswith("ansi_") for colour in SHIPPED["ansi"].colours.values())


def test_mono_is_grey():
    assert all(len({c[1:3], c[3:5], c[5:7]}) == 1 for c in SHIPPED["mono"].colours.values())


def test_missing_colours_take_after_others(tmp_path):
    theme, wrong = themes.read_theme(write(tmp_path, "plain.toml", MINIMAL))
    assert wrong == []
    assert theme is not None
    assert theme.name == "plain"
    assert theme.colours["pnl-up"] == "#00ff00"
    assert theme.colours["pane-title"] == "#0af"
    assert set(theme.colours) == set(themes.COLOURS)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("#0af", "blurple"), "colours.accent is 'blurple'; allowed: #rrggbb"),
        (("#0af", "#12345"), "colours.accent is '#12345'; allowed: #rrggbb"),
        (('"#0af"', "7"), "colours.accent is 7; allowed: #rrggbb"),
        (('accent = "#0af"', ""), "colours.accent is missing; allowed: #rrggbb"),
        (("accent", "akzent"), "colours.akzent is not known; allowed: background, "),
        (("[colours]", "dark = 1\n[colours]"), "dark is 1; allowed: true or false"),
        (("[colours]", 'name = "Ü"\n[colours]'), "name is 'Ü'; allowed: 1 to 32 of a-z"),
        (("[colours]", "size = 3\n[colours]"), "'size' is not known; allowed: name, "),
        (("[colours]", "[colours"), "is not TOML"),
    ],
)
def test_a_mistake_is_one_sentence_with_file_key_found_and_allowed(tmp_path, change, sentence):
    file = write(tmp_path, "mine.toml", MINIMAL.replace(*change))
    theme, wrong = themes.read_theme(file)
    assert theme is None
    assert any(sentence in line and str(file) in line for line in wrong), wrong


def test_one_bad_theme_costs_only_itself(tmp_path):
    write(tmp_path, "bad.toml", "colours = 3")
    write(tmp_path, "good.toml", MINIMAL)
    (tmp_path / "latin.toml").write_bytes(b"name = '\xff'")
    (tmp_path / "folder.toml").mkdir()
    loaded, errors = themes.load_themes(tmp_path)
    assert SIX | {"good"} == set(loaded)
    assert len([line for line in errors if "bad.toml" in line]) >= 1
    assert any("latin.toml: is not UTF-8" in line for line in errors)
    assert any("folder.toml: cannot be read" in line for line in errors)


def test_a_users_theme_replaces_the_shipped_one_of_its_name(tmp_path):
    write(tmp_path, "any.toml", 'name = "dark"' + MINIMAL)
    loaded, _ = themes.load_themes(tmp_path)
    assert loaded["dark"].colours["background"] == "#000000"
    assert list(loaded).count("dark") == 1


def test_saving_a_theme_changes_the_stamp(tmp_path):
    before = themes.theme_stamp(tmp_path)
    write(tmp_path, "new.toml", MINIMAL)
    after = themes.theme_stamp(tmp_path)
    assert before != after
    assert after == themes.theme_stamp(tmp_path)


def test_an_unknown_wish_falls_back_with_a_sentence():
    assert themes.pick(SHIPPED, "light") == ("light", "")
    name, said = themes.pick(SHIPPED, "solarized")
    assert name == "dark"
    assert "'solarized'" in said and "colour-blind" in said
    assert themes.pick({}, "dark")[0] == ""


@pytest.mark.parametrize("theme", SHIPPED.values(), ids=lambda theme: theme.name)
def test_every_variable_is_a_colour_to_the_framework(theme):
    from textual.color import Color

    converted = themes.to_textual(theme)
    assert converted.name == f"tradeterm-{theme.name}"
    assert converted.ansi == theme.ansi
    for colour in theme.colours.values():
        Color.parse(colour)
    variables = converted.to_color_system().generate() | converted.variables
    assert theme.colours.items() <= variables.items()


def test_there_are_defaults_even_without_any_theme():
    assert set(themes.COLOURS) <= set(themes.variable_defaults({}))
    assert set(themes.COLOURS) <= set(themes.variable_defaults(SHIPPED))


def test_contrast_of_black_and_white():
    assert themes.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert themes.contrast("#fff", "#ffffff") == pytest.approx(1)
