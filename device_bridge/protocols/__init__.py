"""Pure decoders, one folder a protocol: a frame becomes readings; no line, no clock."""
