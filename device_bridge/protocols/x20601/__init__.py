"""IEEE 11073-20601: personal health devices ("agents") and the bridge as their manager.

    floats             FLOAT and SFLOAT, with their five special values
    mder               the encoding rules: codecs that read and write one type each
    apdu               what goes over the wire, association and data
    times              the four clocks of an agent
    attributes         attribute ids -> the codec of their value
    nomenclature       MDC codes -> reference ids
    configurations     objects of an agent, its own or one of a standard configuration
    reports            event reports -> observations
    segments           what an agent stored (PM-store)
    clocks             time stamps of an agent -> moments
    measurements       observations of a recording -> readings
    values             attributes with a value -> values of readings
    agent              what is learned of an agent
    recording          what is journaled: a data APDU with what it takes to understand it
    states             association, as a table
    negotiation        what associations are accepted
    session            APDU in, effects out

Spec: IEEE Std 11073-20601-2014 and its specialisations 11073-104xx.
Tables: `nomenclature.json`, `standard_configurations.json`.
"""
