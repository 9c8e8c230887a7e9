SELECT d.lo AS k0, d.hi AS k1, d.rid AS k2, d.rid AS rid
FROM date d
WHERE d.sp = %s
AND d.hi > %s
AND (d.hi > %s OR d.lo >= %s)
AND d.lo < %s
AND d.home
ORDER BY d.lo, d.hi, d.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT d.rid
FROM date d
WHERE d.sp = %s
AND d.hi > %s
AND (d.hi > %s OR d.lo >= %s)
AND d.lo < %s
AND d.home) c
WHERE TRUE
