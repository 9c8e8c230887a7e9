"""Telling of alarms, whether the server is there or not.

webhook   one signed POST
courier   the errands of one channel, one after the other
stream    what happens to alarms, as server-sent events
desk      alarms over HTTP: listed, shown, acknowledged
"""
