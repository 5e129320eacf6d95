"""The process beside the engine in which the risk models are fitted: `python -m tradeterm.engine.models.worker`.

It reads pickled RiskInputs from stdin and answers each on stdout, after its length, with RiskOutputs or the error. It
ends with its stdin, so with the engine, however that ends. It trades nothing and writes nothing.
"""

import os
import pickle
import sys

LENGTH_BYTES = 8
_POLITE = 5  # the engine and the screen come first


def main() -> None:
    from tradeterm.quant.desk_risk import refresh

    os.nice(_POLITE)
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is not an answer
    while True:
        try:
            inputs = pickle.load(requests)
        except EOFError:
            return
        try:
            answer: object = refresh(inputs)
        except Exception as error:  # noqa: BLE001 - whatever it is, the engine is told and the next one is tried
            answer = f"{type(error).__name__}: {error}"
        packed = pickle.dumps(answer)
        replies.write(len(packed).to_bytes(LENGTH_BYTES, "big") + packed)
        replies.flush()


if __name__ == "__main__":
    main()
