"""Devices that are not there, for trying and testing a bridge; everything comes from a seed.

monitor        what a patient monitor says: PCD-01 messages
pump           what an infusion pump says: PCD-04 messages
registers      what stands in the registers of a device, by its map
faults         what can go wrong on the way
mllp_client    sends messages by MLLP and waits for their acknowledgements
modbus_server  answers by Modbus, TCP and RTU
cable          a serial line between two pseudo terminals
"""
