"""TestScripts: their model, and how it is read from files."""
