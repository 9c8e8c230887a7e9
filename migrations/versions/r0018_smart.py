"""Clients of the authorization server, what they ask for and were granted, and their tokens.

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"

_TABLES = """
CREATE TABLE IF NOT EXISTS oauth_client (
    id text PRIMARY KEY,
    name text NOT NULL,
    kind text NOT NULL
        CHECK (kind IN ('public', 'confidential-symmetric', 'confidential-asymmetric')),
    redirect_uris text[] NOT NULL DEFAULT '{}',
    launch_url text,
    scopes text NOT NULL DEFAULT '',
    grant_types text[] NOT NULL DEFAULT '{authorization_code,refresh_token}',
    secrets bytea[] NOT NULL DEFAULT '{}',
    jwks jsonb,
    jwks_uri text,
    origins text[] NOT NULL DEFAULT '{}',
    approved boolean NOT NULL DEFAULT false,
    disabled boolean NOT NULL DEFAULT false,
    pre_approved boolean NOT NULL DEFAULT false,
    dynamically_registered boolean NOT NULL DEFAULT false,
    owner text,
    created bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS oauth_client_origins ON oauth_client USING gin (origins);
CREATE TABLE IF NOT EXISTS oauth_grant (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client text NOT NULL REFERENCES oauth_client ON DELETE CASCADE,
    audience text NOT NULL,
    scopes text NOT NULL,
    account text COLLATE "C" REFERENCES account ON DELETE CASCADE,
    session text COLLATE "C",
    patient text,
    context jsonb NOT NULL DEFAULT '{}',
    granted bigint NOT NULL,
    used bigint NOT NULL,
    revoked bigint
);
CREATE INDEX IF NOT EXISTS oauth_grant_client ON oauth_grant (client);
CREATE INDEX IF NOT EXISTS oauth_grant_account ON oauth_grant (account);
CREATE INDEX IF NOT EXISTS oauth_grant_used ON oauth_grant (used);
CREATE INDEX IF NOT EXISTS oauth_grant_session ON oauth_grant (session);
CREATE TABLE IF NOT EXISTS oauth_token (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('access', 'refresh')),
    under bigint NOT NULL REFERENCES oauth_grant ON DELETE CASCADE,
    scopes text NOT NULL,
    issued bigint NOT NULL,
    expires bigint NOT NULL,
    rotated bigint
);
CREATE INDEX IF NOT EXISTS oauth_token_under ON oauth_token (under);
CREATE INDEX IF NOT EXISTS oauth_token_expires ON oauth_token (expires);
CREATE INDEX IF NOT EXISTS oauth_token_rotated ON oauth_token (rotated) WHERE rotated IS NOT NULL;
CREATE TABLE IF NOT EXISTS oauth_authorization (
    id text COLLATE "C" PRIMARY KEY,
    client text NOT NULL REFERENCES oauth_client ON DELETE CASCADE,
    request jsonb NOT NULL,
    session text COLLATE "C",
    patient text,
    context jsonb NOT NULL DEFAULT '{}',
    launched boolean NOT NULL DEFAULT false,
    begun bigint NOT NULL,
    expires bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS oauth_authorization_expires ON oauth_authorization (expires);
CREATE TABLE IF NOT EXISTS oauth_code (
    digest bytea PRIMARY KEY,
    under bigint NOT NULL REFERENCES oauth_grant ON DELETE CASCADE,
    redirect_uri text NOT NULL,
    challenge text NOT NULL,
    login jsonb NOT NULL,
    expires bigint NOT NULL,
    used bigint
);
CREATE INDEX IF NOT EXISTS oauth_code_expires ON oauth_code (expires);
CREATE TABLE IF NOT EXISTS oauth_launch (
    digest bytea PRIMARY KEY,
    client text NOT NULL REFERENCES oauth_client ON DELETE CASCADE,
    account text COLLATE "C" NOT NULL REFERENCES account ON DELETE CASCADE,
    audience text NOT NULL,
    patient text,
    context jsonb NOT NULL,
    expires bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS oauth_launch_expires ON oauth_launch (expires);
CREATE TABLE IF NOT EXISTS oauth_consent (
    account text COLLATE "C" NOT NULL REFERENCES account ON DELETE CASCADE,
    client text NOT NULL REFERENCES oauth_client ON DELETE CASCADE,
    scopes text NOT NULL,
    given bigint NOT NULL,
    PRIMARY KEY (account, client)
);
"""


def upgrade() -> None:
    """Add the tables."""
    op.execute(_TABLES)
