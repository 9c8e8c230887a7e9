"""Transactions to the server, in the order of each source; sources do not wait for each other.

fhir_client   HTTP to the server
lookup        what the server has under the conditions of a Bundle
reconcile     what is left of a Bundle once that is known
judgement     what an answer says about a message
merge         which messages are sent at once, and the transaction that they become
lane          messages over one connection, to their end
lanes         the connections of a source
worker        the messages of one source, as long as any wait
"""
