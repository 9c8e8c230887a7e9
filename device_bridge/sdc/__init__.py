"""The consumer of SDC: a process of its own, for its library holds threads and servers of its own.

mdib       what the library holds, as an update (`protocols.sdc.update`)
consumer   one provider: connected, watched, and connected anew
feed       updates to the bridge's port, each kept until the bridge says that it has it
"""
