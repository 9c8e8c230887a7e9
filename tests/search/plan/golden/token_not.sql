SELECT r.id AS k0, r.rid AS rid
FROM resource r
WHERE r.state = 1
AND r.tid = %s
AND NOT (EXISTS (SELECT 
FROM token x
WHERE x.pat = r.pat
AND x.rid = r.rid
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
AND NOT (EXISTS (SELECT 
FROM token x
WHERE x.pat = r.pat
AND x.rid = r.rid
AND x.sp = %s
AND x.code = %s
AND x.system = %s))) c
WHERE TRUE
