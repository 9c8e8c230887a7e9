SELECT DISTINCT d.k0, d.k1, d.rid
FROM ((SELECT DISTINCT d.dt AS k0, d.rid AS k1, d.rid AS rid
FROM token d
WHERE d.sp = %s
AND d.code = %s
AND d.system = %s
AND d.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND (SELECT TRUE
FROM ref x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.sp = %s
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
LIMIT 1)
AND (SELECT TRUE
FROM token x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.dt = d.dt
AND x.sp = %s
AND x.code = %s
AND x.system = %s
LIMIT 1)
AND (SELECT TRUE
FROM date x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.lo = d.dt
AND x.sp = %s
AND x.hi > %s
AND (x.hi > %s OR x.lo >= %s)
AND x.lo < %s
LIMIT 1)
ORDER BY d.dt DESC, d.rid
LIMIT %s)
UNION ALL (SELECT DISTINCT d.dt AS k0, d.rid AS k1, d.rid AS rid
FROM token d
WHERE d.sp = %s
AND d.code = %s
AND d.system = %s
AND d.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND (SELECT TRUE
FROM ref x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.sp = %s
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
LIMIT 1)
AND (SELECT TRUE
FROM token x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.dt = d.dt
AND x.sp = %s
AND x.code = %s
AND x.system = %s
LIMIT 1)
AND (SELECT TRUE
FROM date x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.lo = d.dt
AND x.sp = %s
AND x.hi > %s
AND (x.hi > %s OR x.lo >= %s)
AND x.lo < %s
LIMIT 1)
ORDER BY d.dt DESC, d.rid
LIMIT %s)
UNION ALL (SELECT DISTINCT d.dt AS k0, d.rid AS k1, d.rid AS rid
FROM token d
WHERE d.sp = %s
AND ((d.code = %s
AND d.system = %s) OR (d.code = %s
AND d.system = %s))
AND d.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))
AND (SELECT TRUE
FROM ref x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.sp = %s
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
LIMIT 1)
AND (SELECT TRUE
FROM token x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.dt = d.dt
AND x.sp = %s
AND x.code = %s
AND x.system = %s
LIMIT 1)
AND (SELECT TRUE
FROM date x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.lo = d.dt
AND x.sp = %s
AND x.hi > %s
AND (x.hi > %s OR x.lo >= %s)
AND x.lo < %s
LIMIT 1)
ORDER BY d.dt DESC, d.rid
LIMIT %s)) d
WHERE TRUE
ORDER BY d.k0 DESC, d.k1
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM (SELECT x.pat, x.rid, x.dt, x.code
FROM token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
UNION ALL SELECT x.pat, x.rid, x.dt, x.code
FROM token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))
UNION ALL SELECT x.pat, x.rid, x.dt, x.code
FROM token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
UNION ALL SELECT x.pat, x.rid, x.dt, x.code
FROM token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))) d
WHERE EXISTS (SELECT 
FROM ref x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.sp = %s
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s))
AND EXISTS (SELECT 
FROM token x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.dt = d.dt
AND x.sp = %s
AND x.code = %s
AND x.system = %s)
AND EXISTS (SELECT 
FROM date x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.lo = d.dt
AND x.sp = %s
AND x.hi > %s
AND (x.hi > %s OR x.lo >= %s)
AND x.lo < %s)) c
WHERE TRUE
