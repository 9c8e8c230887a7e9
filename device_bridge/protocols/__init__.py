"""Pure decoders, one folder a protocol: a frame becomes readings, and no line or clock is touched."""
