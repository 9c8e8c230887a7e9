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
       
WHERE m.sp = ANY(%s::smallint[])
AND m.target = g.rid
AND m.pat < g.rid
        UNION ALL
        SELECT m.pat, m.rid
FROM ref m
       
WHERE m.sp = ANY(%s::smallint[])
AND m.target = g.rid
AND m.pat > g.rid) s
   
WHERE s.pat NOT IN (SELECT rid
FROM granted)
AND s.rid NOT IN (SELECT rid
FROM granted)
       
AND (s.pat <> s.rid OR (
            SELECT bool_and(c.pat IN (SELECT rid
FROM granted))
FROM compartment c
           
WHERE c.rid = s.rid) IS NOT TRUE)
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
       
WHERE m.sp = ANY(%s::smallint[])
AND m.target = g.rid
AND m.pat < g.rid
        UNION ALL
        SELECT m.pat, m.rid
FROM ref m
       
WHERE m.sp = ANY(%s::smallint[])
AND m.target = g.rid
AND m.pat > g.rid) s
   
WHERE s.pat NOT IN (SELECT rid
FROM granted)
AND s.rid NOT IN (SELECT rid
FROM granted)
       
AND (s.pat <> s.rid OR (
            SELECT bool_and(c.pat IN (SELECT rid
FROM granted))
FROM compartment c
           
WHERE c.rid = s.rid) IS NOT TRUE)
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
