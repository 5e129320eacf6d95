"""How long something may take on a machine that does other things too."""

import os


def allowed(seconds: float) -> float:
    """So long where nothing else runs, and more as the work there is for each core."""
    return seconds * (1 + os.getloadavg()[0] / (os.cpu_count() or 1))
