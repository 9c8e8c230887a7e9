SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM token d
WHERE d.sp = %s
AND d.code = ANY(%s::text[])
AND d.system = %s
AND d.home
AND NOT (EXISTS (SELECT 
FROM token x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.dt = d.dt
AND x.sp = %s
AND x.code = ANY(%s::text[])
AND x.system = %s))
ORDER BY d.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM token d
WHERE d.sp = %s
AND d.code = ANY(%s::text[])
AND d.system = %s
AND d.home
AND NOT (EXISTS (SELECT 
FROM token x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.dt = d.dt
AND x.sp = %s
AND x.code = ANY(%s::text[])
AND x.system = %s))) c
WHERE TRUE
