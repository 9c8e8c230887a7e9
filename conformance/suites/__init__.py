"""Our own suites."""
