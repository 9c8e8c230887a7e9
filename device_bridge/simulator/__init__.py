"""Devices that are not there, for trying and testing a bridge; everything comes from a seed.

monitor       what a patient monitor says: PCD-01 messages
faults        what can go wrong on the way
mllp_client   sends messages by MLLP and waits for their acknowledgements
"""
