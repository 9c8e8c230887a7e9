"""Frames on the disk before they are acknowledged, and what became of each.

    layout    tables, states, and opening the file
    entries   what an entry is, and how it is looked for
    journal   writing: one thread, many changes a commit, one wait for the disk
    changes   the statements of each change
    alarms    what happens to alarms, each change with all that follows from it
    errands   who is to be told of alarms, and who was
    verify    whether all that was received is still there

An SQLite file in WAL mode with synchronous=FULL: a commit that returned survives a loss of power.
Readers (senders, commands in other processes) never wait for the writer.
"""
