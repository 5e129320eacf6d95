"""Venues that run on the loopback interface, for tests."""
