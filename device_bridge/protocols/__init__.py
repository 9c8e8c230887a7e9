"""Decoders, one folder a protocol: octets of a frame -> readings; pure but for their listeners."""
