SELECT DISTINCT d.k0, d.k1, d.rid
FROM ((SELECT DISTINCT d.dt AS k0, d.rid AS k1, d.rid AS rid
FROM token d
WHERE d.sp = %s
AND d.code = %s
AND d.system = %s
AND d.home
AND EXISTS (SELECT 
FROM token x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.dt = d.dt
AND x.sp = %s
AND x.code = %s)
ORDER BY d.dt DESC, d.rid
LIMIT %s)
UNION ALL (SELECT DISTINCT d.dt AS k0, d.rid AS k1, d.rid AS rid
FROM token d
WHERE d.sp = %s
AND d.code = %s
AND d.system = %s
AND d.home
AND EXISTS (SELECT 
FROM token x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.dt = d.dt
AND x.sp = %s
AND x.code = %s)
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
AND x.home
UNION ALL SELECT x.pat, x.rid, x.dt, x.code
FROM token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND x.home) d
WHERE EXISTS (SELECT 
FROM token x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.dt = d.dt
AND x.sp = %s
AND x.code = %s)) c
WHERE TRUE
