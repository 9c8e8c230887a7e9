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
AND t.id = ANY(%s::text[]))
    SELECT s.rid
FROM granted g CROSS JOIN LATERAL (
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
FROM (
        SELECT rid
FROM granted
       
UNION ALL SELECT c.rid
FROM granted g JOIN compartment c ON c.pat = g.rid) p
    JOIN contained k ON k.pat = p.rid
   
WHERE k.tid = ANY(%s::smallint[])
AND (
        SELECT TRUE
FROM granted o JOIN contained_ref m ON m.target = o.rid
       
WHERE m.sp = %s
AND m.pat = k.pat
AND m.rid = k.rid
LIMIT 1) IS NOT TRUE)
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
AND t.id = ANY(%s::text[]))
    SELECT s.rid
FROM granted g CROSS JOIN LATERAL (
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
FROM (
        SELECT rid
FROM granted
       
UNION ALL SELECT c.rid
FROM granted g JOIN compartment c ON c.pat = g.rid) p
    JOIN contained k ON k.pat = p.rid
   
WHERE k.tid = ANY(%s::smallint[])
AND (
        SELECT TRUE
FROM granted o JOIN contained_ref m ON m.target = o.rid
       
WHERE m.sp = %s
AND m.pat = k.pat
AND m.rid = k.rid
LIMIT 1) IS NOT TRUE)
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
