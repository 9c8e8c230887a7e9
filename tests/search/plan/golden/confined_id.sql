SELECT r.id AS k0, r.rid AS rid
FROM resource r
WHERE r.state = 1
AND r.tid = %s
AND r.id = %s
AND r.rid NOT IN (
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
AND EXISTS (SELECT 
FROM ref x
WHERE x.pat = r.pat
AND x.rid = r.rid
AND x.sp = ANY(%s::smallint[])
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s))
ORDER BY r.id
LIMIT %s

SELECT count(*) AS total
FROM (SELECT r.rid
FROM resource r
WHERE r.state = 1
AND r.tid = %s
AND r.id = %s
AND r.rid NOT IN (
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
AND EXISTS (SELECT 
FROM ref x
WHERE x.pat = r.pat
AND x.rid = r.rid
AND x.sp = ANY(%s::smallint[])
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s))) c
WHERE TRUE
