SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM string d
WHERE d.sp = %s
AND d.norm LIKE %s
AND d.home
ORDER BY d.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM string d
WHERE d.sp = %s
AND d.norm LIKE %s
AND d.home) c
WHERE TRUE
