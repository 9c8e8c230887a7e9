SELECT d.rid AS k0, d.rid AS rid
FROM token d
WHERE d.sp = %s
AND (d.code >= %s
AND d.code < %s)
AND d.home
ORDER BY d.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT d.rid
FROM token d
WHERE d.sp = %s
AND (d.code >= %s
AND d.code < %s)
AND d.home) c
WHERE TRUE
