"""TestScripts: their model, and how it is read from files.

model        a script as the engine runs it
discover     which files of a folder are scripts
files        what a script may refer to, and where that is found
parse        bytes to JSON; xml_script for XML of any version
read         a TestScript as JSON to the model; stu3 maps other versions before
actions      operations and asserts
rules        actions that scripts share
fixtures     what scripts send and compare with; made_up makes some
extensions   what public suites add to the standard
part         an element and its place; faults
"""
