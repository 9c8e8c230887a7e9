SELECT r.id AS k0, r.rid AS rid
FROM resource r
WHERE r.state = 1
AND r.tid = %s
AND r.rid IN (SELECT f.target
FROM ref f
WHERE f.sp = %s
AND f.home
AND EXISTS (SELECT 
FROM token x
WHERE x.pat = f.pat
AND x.rid = f.rid
AND x.sp = %s
AND x.code = %s
AND x.system = %s))
ORDER BY r.id
LIMIT %s

SELECT count(*) AS total
FROM (SELECT r.rid
FROM resource r
WHERE r.state = 1
AND r.tid = %s
AND r.rid IN (SELECT f.target
FROM ref f
WHERE f.sp = %s
AND f.home
AND EXISTS (SELECT 
FROM token x
WHERE x.pat = f.pat
AND x.rid = f.rid
AND x.sp = %s
AND x.code = %s
AND x.system = %s))) c
WHERE TRUE
