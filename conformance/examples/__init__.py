"""Resources that show what a server claims: of every type, and for every search parameter.

minimal       the smallest valid resource of a type
values        values by datatype
places        where a search parameter's values stand in a resource
of_values     what to store and what to ask, by type of parameter and datatype
references    the same for references
composites    the same for values that must stand together
by_hand       what no generator makes
searches      all of it for one type: resources, and searches with what must and must not come
"""
