"""The bridge's configuration: one YAML file, checked by a JSON Schema before anything starts.

settings      what the rest of the bridge is told
bridge.schema.json   what the file may hold; the documentation names the same keys
document      YAML -> values, and the line of each
read          file -> settings, or an error that names the line
"""
