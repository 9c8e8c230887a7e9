"""The bridge at work.

intake       what a frame is, and what its sender is told
connection   one connection of a sender
agent_connection  one connection of a personal health device
listener     the ports
commits      waiting for the journal in the event loop
capacity     whether there is room for more
housekeeping what has to be done every now and then
watch        looks for alarms in what was received, and for silence
front        the HTTP port: metrics, health, alarms
bridge       everything started, and stopped in order
"""
