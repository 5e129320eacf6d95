"""What is known of the models: read from `models.toml`, which carries its date. What is not known stays unknown."""

import tomllib
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from tradeterm.validators.acceptance import Usage

SIMULATED = "fake-"
"""How the models of a simulated AI are named; whatever shows their verdicts says so."""

_WARN_DAYS = 60
_CLEAN_AFTER = timedelta(days=30)
_MILLION = Decimal(1_000_000)


class Price(Struct, frozen=True, forbid_unknown_fields=True):
    """USD per million tokens, from a day on."""

    since: date
    input: Decimal
    output: Decimal
    cache_read: Decimal
    write_5m: Decimal
    write_1h: Decimal

    def cost(self, usage: Usage) -> Decimal:
        """USD."""
        parts = (
            usage.input * self.input,
            usage.cache_write_5m * self.write_5m,
            usage.cache_write_1h * self.write_1h,
            usage.cache_read * self.cache_read,
            usage.output * self.output,
        )
        return sum(parts, Decimal(0)) / _MILLION

    def worst(self, input_tokens: int, output_tokens: int) -> Decimal:
        """USD if nothing comes from the cache and everything goes into the dearest."""
        dearest = max(self.input, self.write_5m, self.write_1h)
        return (input_tokens * dearest + output_tokens * self.output) / _MILLION


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """A model at one provider. `thinking`: the kinds it takes, the quickest first; () is its default."""

    provider: str
    id: str
    cutoff: date | None = None
    retires: date | None = None
    thinking: tuple[str, ...] = ()
    forced_tools: bool = True
    cache_floor: int | None = None
    effort: str | None = None
    prices: tuple[Price, ...] = ()


class ModelTable(Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    models: tuple[Model, ...]


@cache
def model_table() -> ModelTable:
    text = files("tradeterm.validators").joinpath("models.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), ModelTable)


def known_model(model: str) -> Model | None:
    """What is known of a model by its id, with or without a gateway's prefix; its prices are its own provider's."""
    bare = model.removeprefix("anthropic/").removeprefix("anthropic.")
    return next((row for row in model_table().models if row.id == bare), None)


def price_of(provider: str, model: str, day: date) -> Price | None:
    """What the provider takes on that day, None where that is not known."""
    row = known_model(model)
    if row is None or row.provider != provider or row.id != model:
        return None
    prices = [price for price in row.prices if price.since <= day]
    return max(prices, key=lambda price: price.since, default=None)


def is_simulated(model: str) -> bool:
    return model.startswith(SIMULATED)


def is_contaminated(model: str, bar_day: date, today: date) -> bool:
    """Whether the model may have read what happened after a bar of the past. A bar of today cannot be known."""
    if today - bar_day <= timedelta(days=1):
        return False
    row = known_model(model)
    return row is None or row.cutoff is None or bar_day < row.cutoff + _CLEAN_AFTER


def model_warnings(provider: str, model: str, today: date) -> tuple[str, ...]:
    """What a person should know before a model is used: it ends soon, or its price is not known."""
    found = []
    row = known_model(model)
    if row is not None and row.retires is not None and today > row.retires:
        found.append(f"the model {model} was to be retired on {row.retires}: choose another")
    elif row is not None and row.retires is not None and (row.retires - today).days <= _WARN_DAYS:
        days = (row.retires - today).days
        found.append(f"the model {model} is retired on {row.retires}, in {days} day{'' if days == 1 else 's'}")
    if price_of(provider, model, today) is None and not is_simulated(model):
        found.append(f"the price of {model} at {provider} is not known: gate.ai.budget_usd cannot bound its cost")
    return tuple(found)
