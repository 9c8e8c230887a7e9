SELECT DISTINCT d.k0, d.rid
FROM ((SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM ref d
WHERE d.sp = %s
AND d.target = ANY(ARRAY(SELECT x.rid
FROM both_token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND ((x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)) OR (x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))))
AND x.rid NOT IN (
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
FROM granted))))))
AND d.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND d.rid NOT IN (
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
LIMIT %s)
UNION ALL (SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM ref d
WHERE d.sp = %s
AND d.target = ANY(ARRAY(SELECT x.rid
FROM both_token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND ((x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)) OR (x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))))
AND x.rid NOT IN (
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
FROM granted))))))
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
LIMIT %s)) d
WHERE TRUE
ORDER BY d.k0
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM (SELECT x.pat, x.rid, x.target
FROM ref x
WHERE x.sp = %s
AND x.target = ANY(ARRAY(SELECT x.rid
FROM both_token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND ((x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)) OR (x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))))
AND x.rid NOT IN (
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
FROM granted))))))
AND x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
UNION ALL SELECT x.pat, x.rid, x.target
FROM ref x
WHERE x.sp = %s
AND x.target = ANY(ARRAY(SELECT x.rid
FROM both_token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND ((x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)) OR (x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))))
AND x.rid NOT IN (
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
FROM granted))))))
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
