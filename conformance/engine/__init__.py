"""Runs scripts.

Spec: https://hl7.org/fhir/R4/testing.html

    run            scripts in order or in parallel; what callers use
    settings       what a run needs besides its scripts
    script_run     one script: gates, setup, tests, teardown
    actions        a sequence of operations and asserts: what stops it, groups of asserts
    operation      one operation: its request, repeated where the script waits for something
    request        the request of an operation: method, headers, body
    addresses      its URL
    interactions   the table of operation codes
    media          short codes of formats
    fixtures       autocreate and autodelete
    capability     what a target's CapabilityStatement says, for gates
    places         where a resource is on a server
    state          what a script has seen so far
    message        a request, a response or a fixture, as asserts and variables look at it
    variables      ${name} in texts
    placeholders   those that Touchstone defines
    asserts/       one file per kind of assert
    words          what an action does, where the script does not say
    problem        why an action cannot be judged
"""
