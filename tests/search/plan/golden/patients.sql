SELECT DISTINCT d.k0, d.k1, d.k2, d.rid
FROM ((SELECT p.*
FROM (SELECT t.rid AS pat
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[])) g CROSS JOIN LATERAL (SELECT DISTINCT d.lo AS k0, d.hi AS k1, d.rid AS k2, d.rid AS rid
FROM date d
WHERE d.sp = %s
AND TRUE
AND d.pat = g.pat
AND (SELECT TRUE
FROM ref x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.sp = %s
AND ((x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)) OR (x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))
LIMIT 1)
AND d.lo > %s
ORDER BY d.lo DESC, d.hi DESC, d.rid DESC
LIMIT %s) p
WHERE TRUE)
UNION ALL (SELECT DISTINCT d.lo AS k0, d.hi AS k1, d.rid AS k2, d.rid AS rid
FROM date d
WHERE d.sp = %s
AND TRUE
AND d.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = ANY(ARRAY(SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[])))))
AND (SELECT TRUE
FROM ref x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.sp = %s
AND ((x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)) OR (x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))
LIMIT 1)
AND d.lo > %s
ORDER BY d.lo DESC, d.hi DESC, d.rid DESC
LIMIT %s)) d
WHERE TRUE
ORDER BY d.k0 DESC, d.k1 DESC, d.k2 DESC
LIMIT %s

SELECT DISTINCT d.k0, d.rid
FROM ((SELECT p.*
FROM (SELECT t.rid AS pat
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[])) g CROSS JOIN LATERAL (SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM ref d
WHERE d.sp = %s
AND d.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND d.pat = g.pat
AND (SELECT TRUE
FROM resource r
WHERE r.rid = d.rid
AND (NOT (r.present && %s::smallint[]) OR r.present && %s::smallint[])
LIMIT 1)
ORDER BY d.rid
LIMIT %s) p
WHERE TRUE)
UNION ALL (SELECT p.*
FROM (SELECT t.rid AS pat
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[])) g CROSS JOIN LATERAL (SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM ref d
WHERE d.sp = %s
AND d.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND d.pat = g.pat
AND (SELECT TRUE
FROM resource r
WHERE r.rid = d.rid
AND (NOT (r.present && %s::smallint[]) OR r.present && %s::smallint[])
LIMIT 1)
ORDER BY d.rid
LIMIT %s) p
WHERE TRUE)
UNION ALL (SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM ref d
WHERE d.sp = %s
AND ((d.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)) OR (d.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))
AND d.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = ANY(ARRAY(SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[])))))
AND (SELECT TRUE
FROM resource r
WHERE r.rid = d.rid
AND (NOT (r.present && %s::smallint[]) OR r.present && %s::smallint[])
LIMIT 1)
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
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND x.pat = ANY(ARRAY(SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[])))
UNION ALL SELECT x.pat, x.rid, x.target
FROM ref x
WHERE x.sp = %s
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = ANY(ARRAY(SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[])))))
UNION ALL SELECT x.pat, x.rid, x.target
FROM ref x
WHERE x.sp = %s
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND x.pat = ANY(ARRAY(SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[])))
UNION ALL SELECT x.pat, x.rid, x.target
FROM ref x
WHERE x.sp = %s
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = ANY(ARRAY(SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[])))))) d
WHERE TRUE) c
WHERE TRUE
