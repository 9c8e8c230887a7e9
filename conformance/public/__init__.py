"""Public suites against a fresh server of ours, and the reviewed table of what differs.

command        the command `fhir-conformance public`
suites         which suites there are, each a function of a `Site`
test_scripts candle inferno fhirpath_cases patches validator not_offered
               one suite each, or one kind of suites
matching dates what a search ought to find, for the recorded searches
deviations     the table: reasons for failures that stand
documents      the table and the figures as Markdown
cases          what a suite is made of
fresh guard    a server of ours, from its start to its end
"""
