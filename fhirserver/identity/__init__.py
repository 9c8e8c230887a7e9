"""People who log in: accounts, passwords, second factors, sessions, and limits on guessing.

    accounts         who there is; reading
    new_account      what an account may be, and making one
    account_changes  what administrators and commands change
    passwords        rules for them, and argon2id
    totp             codes of an authenticator application (RFC 6238)
    second_factor    enrolling and checking them, and recovery codes
    attempts         counting what fails, per account and per address
    sessions         who is logged in here, by the secret of a cookie
    app_access       ending what applications hold in somebody's name
    login            the steps from a password to a session

Nothing here knows of HTTP pages; `fhirserver.console` draws them. Secrets are kept as digests,
passwords as argon2id, shared secrets of authenticators sealed.
"""
