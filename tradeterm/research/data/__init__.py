"""Market data for research: imported, checked, kept as Parquet, and given out as panels."""
