"""Bytes of a connection become frames; pure, one file a framing."""
