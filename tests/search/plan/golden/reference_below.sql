SELECT d.rid AS k0, d.rid AS rid
FROM ref d
WHERE d.sp = %s
AND d.target = ANY(ARRAY(SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[])))
AND d.home
ORDER BY d.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT d.rid
FROM ref d
WHERE d.sp = %s
AND d.target = ANY(ARRAY(SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = ANY(%s::text[])))
AND d.home) c
WHERE TRUE
