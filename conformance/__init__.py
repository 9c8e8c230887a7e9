"""fhir-conformance: runs TestScripts and other suites against any FHIR server, over HTTP only.

Spec: https://hl7.org/fhir/R4/testscript.html and https://hl7.org/fhir/R4/testing.html

    cli          the command
    commands     run, suites
    public       public suites against a fresh server of ours; the table of deviations
    suites       our own suites, made from a server's CapabilityStatement, and by hand
    report       TestReport, JUnit, JSON lines, one HTML page
    engine       runs one script: fixtures, variables, operations, asserts
    script       reads scripts: R4, STU3 by mapping, JSON and XML, extensions
    paths        FHIRPath (two engines), XPath, JSONPath
    login        how a run gets its access token
    examples     resources that show what a server claims
    transport    one HTTP request and what came of it
    results      verdicts and what they rest on

Of the server's packages it knows those that are no server: the element tables, FHIRPath, XML and
the base validation. It never imports what speaks HTTP or SQL.
"""
