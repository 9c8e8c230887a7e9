"""Public suites, and what is known of our differences."""
