SELECT d.dt AS k0, d.rid AS k1, d.rid AS rid
FROM token d
WHERE d.sp = %s
AND d.code = %s
AND d.system = %s
AND d.home
AND d.dt > %s
ORDER BY d.dt, d.rid DESC
LIMIT %s

SELECT d.dt AS k0, d.rid AS k1, d.rid AS rid
FROM token d
WHERE d.sp = %s
AND d.code = %s
AND d.system = %s
AND d.home
AND d.dt = %s
ORDER BY d.dt, d.rid DESC
LIMIT %s

SELECT count(*) AS total
FROM (SELECT d.rid
FROM token d
WHERE d.sp = %s
AND d.code = %s
AND d.system = %s
AND d.home) c
WHERE TRUE
