"""Devices that keep what they measure in registers, and are asked for it (Modbus TCP and RTU).

Standards: Modbus Application Protocol V1.1b3, Modbus Messaging on TCP/IP V1.0b, Modbus over Serial
Line V1.02

    layout         a device's map of registers: what stands where, and how it is written
    layouts        layouts from files
    plan           which registers are read at once
    frames         requests and answers on the line, by TCP and RTU
    recording      one poll, as the journal keeps it
    staleness      whether a device still measures
    values         registers become numbers
    device         which device a poll is of, and whose
    measurements   a poll becomes readings
    alarms         bits become alarms
"""
