SELECT DISTINCT d.k0, d.rid
FROM ((SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM ref d
WHERE d.sp = %s
AND d.target = ANY(ARRAY(SELECT x.rid
FROM both_token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND (x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s) OR x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s))))
AND x.rid NOT IN (
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
LIMIT 1) IS NOT TRUE)))
AND d.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND d.rid NOT IN (
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
ORDER BY d.rid
LIMIT %s)
UNION ALL (SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM ref d
WHERE d.sp = %s
AND d.target = ANY(ARRAY(SELECT x.rid
FROM both_token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND (x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s) OR x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s))))
AND x.rid NOT IN (
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
LIMIT 1) IS NOT TRUE)))
AND d.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))
AND d.rid NOT IN (
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
ORDER BY d.rid
LIMIT %s)) d
WHERE TRUE
ORDER BY d.k0
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM (SELECT x.pat, x.rid
FROM ref x
WHERE x.sp = %s
AND x.target = ANY(ARRAY(SELECT x.rid
FROM both_token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND (x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s) OR x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s))))
AND x.rid NOT IN (
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
LIMIT 1) IS NOT TRUE)))
AND x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
UNION ALL SELECT x.pat, x.rid
FROM ref x
WHERE x.sp = %s
AND x.target = ANY(ARRAY(SELECT x.rid
FROM both_token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND (x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s) OR x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s))))
AND x.rid NOT IN (
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
LIMIT 1) IS NOT TRUE)))
AND x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))) d
WHERE d.rid NOT IN (
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
LIMIT 1) IS NOT TRUE)) c
WHERE TRUE
