"""Reports of a run, from its `ScriptResult`s.

write        all reports of a run into one folder
test_report  TestReport of a script
junit        JUnit XML
json_lines   a line per case
page         one HTML page; page_suites, page_data and the files beside them are its parts
progress     lines while the run goes on, and the table at its end
tally        what is counted
text         a server's text, made fit to be shown
"""
