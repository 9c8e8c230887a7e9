"""Transactions to the server, in the order of each source; sources do not wait for each other.

fhir_client   HTTP to the server
lookup        what the server has under the conditions of a Bundle
reconcile     what is left of a Bundle once that is known
judgement     what an answer says about a message
deliver       one message, from conversion to its end
worker        the messages of one source, one after the other
"""
