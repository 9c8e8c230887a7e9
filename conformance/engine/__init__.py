"""Runs scripts against servers."""
