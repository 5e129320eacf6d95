"""Is it luck? Tests of a study that look for reasons not to believe its result.

Each is a pure function of a study and a seed, and its answer says in `.sentence` what it means for the strategy.
"""
