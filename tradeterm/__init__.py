"""tradeterm: a full-screen terminal trading console."""

__version__ = "0.1.0"
