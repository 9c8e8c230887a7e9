"""Devices that speak unasked and wait for no answer: by Nonin's serial formats, or line by line.

    recording    a packet or line with its time, as the journal keeps it
    device       the device and its patient, of which such devices say nothing
    nonin        packets become readings
    layout       what stands where in the lines of a device
    layouts      layouts from files
    checksums    of lines
    lines        lines become readings

The packets and lines themselves are `framing.nonin` and `framing.text_line`.
"""
