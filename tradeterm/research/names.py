"""What a strategy is called beside a book of its name."""

STRATEGY = "strategy:"
"""Before a name: the strategy is meant, although a book is called so too."""
