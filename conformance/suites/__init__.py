"""Our own suites: they run on anyone's server, with data that they bring and take away again.

Spec: https://hl7.org/fhir/R4/testing.html

    statement      what a server offers, and the list of its claims
    testscript     TestScripts put together from their parts
    world          the resources that a type's searches need
    searches       a script per type: parameters, modifiers, prefixes
    links          includes, reverse includes, compartments
    matching       what an answer must hold and must not
    interactions   a script per type: create, read, update … as far as offered
    system         what is offered at the base: transactions, formats, patch formats
    by_hand        scripts/*.json: what no rule makes
    build          a suite for a server, to run or to write down
"""

from fhirserver_conformance.suites.build import SUITES, SuiteMaker, build_suite, write_suite

__all__ = ["SUITES", "SuiteMaker", "build_suite", "write_suite"]
