"""A sweep on an existing Dask cluster, for work that outgrows one machine (`pip install 'tradeterm[dask]'`)."""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from tradeterm.domain.errors import ConfigError
from tradeterm.research.study import Study
from tradeterm.research.workers import Submit

_CONNECT_S = 10


@contextmanager
def cluster_pool(study: Study, address: str) -> Iterator[Submit]:
    """Work on the cluster whose scheduler is at `address` (tcp://host:8786). The data goes there with the study, once;
    the workers need the same version of tradeterm. Raises ConfigError where there is none or it does not answer."""
    try:
        distributed = import_module("distributed")
    except ImportError:
        raise ConfigError("--dask: needs the package distributed; pip install 'tradeterm[dask]'") from None
    try:
        client = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"--dask: {address} does not answer: {reason}") from None
    with client:
        there = client.scatter(study, broadcast=True, hash=False)

        def submit(function: Any, item: Any) -> Future[Any]:
            return _future(client.submit(function, there, item, pure=False))

        yield submit


def _future(remote: Any) -> Future[Any]:
    """A future of the standard library that ends as the remote one does."""
    here: Future[Any] = Future()

    def done(ended: Any) -> None:
        if ended.status == "finished":
            here.set_result(ended.result())
        else:
            here.set_exception(ended.exception() or RuntimeError(f"the cluster gave a run up: {ended.status}"))

    remote.add_done_callback(done)
    return here
