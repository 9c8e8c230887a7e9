"""The authorization server: which application may do what, for whom, and its tokens.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/; RFC 6749, 6750, 7009, 7636, 7662, 9207, 9700

    clients        applications that are registered
    grants         what a client was granted, by whom, in which context
    tokens         access and refresh tokens under a grant
    authenticate   from an access token to the caller's rights
    registration   clients register themselves; client_metadata holds the rules
    client_assertion, jwks, jwks_fetch, outbound   clients prove themselves by their keys
    keys           the keys that this server signs with

Everything is kept in PostgreSQL, so that every web worker knows it at once. What is used once is
taken by one statement. Secrets are random, 256 bits, and only their SHA-256 is kept.
"""
