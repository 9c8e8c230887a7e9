SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM (SELECT x.pat, x.rid
FROM ref x
WHERE x.sp = ANY(%s::smallint[])
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND (x.pat = x.target OR x.pat = x.rid)) d
WHERE TRUE
ORDER BY d.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM (SELECT x.pat, x.rid
FROM ref x
WHERE x.sp = ANY(%s::smallint[])
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND (x.pat = x.target OR x.pat = x.rid)) d
WHERE TRUE) c
WHERE TRUE
