"""SDC (IEEE 11073-10207, -20701): what a provider's metrics say, as readings.

    update        one report of metrics, as the consumer tells the bridge: a line of JSON
    measurements  an update becomes readings

Who speaks with the provider is the package `sdc`, in a process of its own.
"""
