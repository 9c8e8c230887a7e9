"""Devices that are not there, for trying and testing a bridge; everything comes from a seed.

monitor        what a patient monitor says: PCD-01 messages
analyzer       what an analyzer of a laboratory says: ASTM E1394 records
agent          what a blood pressure monitor says: IEEE 11073-20601
pump           what an infusion pump says: PCD-04 messages
registers      what stands in the registers of a device, by its map
faults         what can go wrong on the way
mllp_client    sends messages by MLLP and waits for their acknowledgements
astm_client    sends messages by ASTM E1381 until they are acknowledged
agent_client   associates by IEEE 11073-20601, and reports until that is confirmed
modbus_server  answers by Modbus, TCP and RTU
cable          a serial line between two pseudo terminals
"""
