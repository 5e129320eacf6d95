"""Many variants of a study: a grid, random draws or a guided search, kept in the ledger of research and resumable."""
