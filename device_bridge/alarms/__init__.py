"""Alarms: what is said of them, and what becomes of each. Pure.

alarm      what an alarm is, and what one message says of it
lifecycle  from its start to its end, whatever the order of what is said
recording  an alarm as an entry of the journal, from which its resources are made
"""
