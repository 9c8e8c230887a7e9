"""Events: what has changed, for those who want to be told.

Every write leaves a row in the outbox within its own transaction; `fhirserver.jobs` numbers the
rows without gaps once they are committed. Nobody is told yet.
"""
