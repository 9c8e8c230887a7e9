SELECT r.id AS k0, r.rid AS rid
FROM resource r
WHERE r.state = 1
AND r.tid = %s
AND r.id = %s
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
