"""What the Bybit feed and the Bybit broker share: addresses, return codes, shapes of rows."""
