"""Accounts of people who log in, their sessions, and what is counted of failed attempts.

Revision ID: 0017
Revises: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"

_TABLES = """
CREATE TABLE IF NOT EXISTS account (
    id text COLLATE "C" PRIMARY KEY,
    username text COLLATE "C" NOT NULL UNIQUE,
    name text NOT NULL,
    role text NOT NULL,
    fhir_user text COLLATE "C",
    training_expires date,
    disabled boolean NOT NULL DEFAULT FALSE,
    created bigint NOT NULL,
    password text NOT NULL,
    must_change boolean NOT NULL,
    totp bytea,
    totp_offered bytea,
    totp_step bigint NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS account_patient (
    account text COLLATE "C" NOT NULL REFERENCES account ON DELETE CASCADE,
    patient text COLLATE "C" NOT NULL,
    expires bigint NOT NULL,
    PRIMARY KEY (account, patient)
);
CREATE TABLE IF NOT EXISTS account_recovery (
    account text COLLATE "C" NOT NULL REFERENCES account ON DELETE CASCADE,
    code bytea NOT NULL,
    PRIMARY KEY (account, code)
);
CREATE TABLE IF NOT EXISTS account_session (
    id text COLLATE "C" PRIMARY KEY,
    secret bytea NOT NULL UNIQUE,
    account text COLLATE "C" NOT NULL REFERENCES account ON DELETE CASCADE,
    stage text NOT NULL,
    started bigint NOT NULL,
    last_seen bigint NOT NULL,
    idle bigint NOT NULL,
    ends bigint NOT NULL,
    auth_time bigint NOT NULL,
    amr text[] NOT NULL,
    address text NOT NULL,
    browser text NOT NULL
);
CREATE INDEX IF NOT EXISTS account_session_account ON account_session (account);
CREATE INDEX IF NOT EXISTS account_session_ends ON account_session (ends);
CREATE TABLE IF NOT EXISTS login_attempt (
    key bytea PRIMARY KEY,
    failures integer NOT NULL,
    last bigint NOT NULL,
    shut_until bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS login_attempt_last ON login_attempt (last);
"""


def upgrade() -> None:
    """Add the tables."""
    op.execute(_TABLES)
