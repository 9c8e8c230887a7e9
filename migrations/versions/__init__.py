"""The schema's revisions, oldest first; a released one never changes."""
