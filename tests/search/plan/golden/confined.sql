SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM (SELECT x.pat, x.rid
FROM ref x
WHERE x.sp = ANY(%s::smallint[])
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND (x.pat = x.target OR x.pat = x.rid)) d
WHERE d.rid NOT IN (
    WITH granted AS MATERIALIZED (
        SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[])),
    pinned AS MATERIALIZED (
        SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[]))
    SELECT s.rid
FROM pinned g CROSS JOIN LATERAL (
        SELECT m.pat, m.rid
FROM ref m
       
WHERE NOT m.home
AND m.target = g.rid
AND m.sp = ANY(%s::smallint[]) OFFSET 0) s
   
WHERE s.rid NOT IN (SELECT rid
FROM granted)
AND (
        s.pat NOT IN (SELECT rid
FROM granted)
        OR (SELECT o.pat
FROM resource o
WHERE o.rid = s.rid) NOT IN (SELECT rid
FROM granted))
    UNION ALL
    SELECT c.rid
FROM compartment c
   
WHERE c.pat = ANY(ARRAY(SELECT rid
FROM pinned))
AND c.rid NOT IN (SELECT rid
FROM granted)
       
AND (SELECT bool_and(x.pat IN (SELECT rid
FROM granted))
FROM compartment x
           
WHERE x.rid = c.rid) IS NOT TRUE
    UNION ALL
    SELECT k.container
FROM contained k
   
WHERE k.pat = ANY(ARRAY(
            SELECT rid
FROM pinned UNION ALL
            SELECT c.rid
FROM compartment c
WHERE c.pat = ANY(ARRAY(SELECT rid
FROM pinned))))
       
AND k.tid = ANY(%s::smallint[])
       
AND k.rid NOT IN (
            SELECT m.rid
FROM contained_ref m
           
WHERE m.sp = %s
AND m.target = ANY(ARRAY(SELECT rid
FROM granted))))
ORDER BY d.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM (SELECT x.pat, x.rid
FROM ref x
WHERE x.sp = ANY(%s::smallint[])
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND (x.pat = x.target OR x.pat = x.rid)) d
WHERE d.rid NOT IN (
    WITH granted AS MATERIALIZED (
        SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[])),
    pinned AS MATERIALIZED (
        SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[]))
    SELECT s.rid
FROM pinned g CROSS JOIN LATERAL (
        SELECT m.pat, m.rid
FROM ref m
       
WHERE NOT m.home
AND m.target = g.rid
AND m.sp = ANY(%s::smallint[]) OFFSET 0) s
   
WHERE s.rid NOT IN (SELECT rid
FROM granted)
AND (
        s.pat NOT IN (SELECT rid
FROM granted)
        OR (SELECT o.pat
FROM resource o
WHERE o.rid = s.rid) NOT IN (SELECT rid
FROM granted))
    UNION ALL
    SELECT c.rid
FROM compartment c
   
WHERE c.pat = ANY(ARRAY(SELECT rid
FROM pinned))
AND c.rid NOT IN (SELECT rid
FROM granted)
       
AND (SELECT bool_and(x.pat IN (SELECT rid
FROM granted))
FROM compartment x
           
WHERE x.rid = c.rid) IS NOT TRUE
    UNION ALL
    SELECT k.container
FROM contained k
   
WHERE k.pat = ANY(ARRAY(
            SELECT rid
FROM pinned UNION ALL
            SELECT c.rid
FROM compartment c
WHERE c.pat = ANY(ARRAY(SELECT rid
FROM pinned))))
       
AND k.tid = ANY(%s::smallint[])
       
AND k.rid NOT IN (
            SELECT m.rid
FROM contained_ref m
           
WHERE m.sp = %s
AND m.target = ANY(ARRAY(SELECT rid
FROM granted))))) c
WHERE TRUE
