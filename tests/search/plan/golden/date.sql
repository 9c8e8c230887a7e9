SELECT DISTINCT d.k0, d.k1, d.k2, d.rid
FROM ((SELECT DISTINCT d.lo AS k0, d.hi AS k1, d.rid AS k2, d.rid AS rid
FROM date d
WHERE d.sp = %s
AND d.lo >= %s
AND d.lo < %s
AND d.home
ORDER BY d.lo, d.hi, d.rid
LIMIT %s)
UNION ALL (SELECT DISTINCT d.lo AS k0, d.hi AS k1, d.rid AS k2, d.rid AS rid
FROM date d
WHERE d.sp = %s
AND d.lo >= %s
AND d.lo < %s
AND d.hi - d.lo > 86400000000
AND d.hi > %s
AND (d.hi > %s OR d.lo >= %s)
AND d.lo < %s
AND d.home
ORDER BY d.lo, d.hi, d.rid
LIMIT %s)) d
WHERE TRUE
ORDER BY d.k0, d.k1, d.k2
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM (SELECT x.pat, x.rid, x.lo, x.hi
FROM date x
WHERE x.sp = %s
AND x.lo >= %s
AND x.lo < %s
AND x.home
UNION ALL SELECT x.pat, x.rid, x.lo, x.hi
FROM date x
WHERE x.sp = %s
AND x.lo >= %s
AND x.lo < %s
AND x.hi - x.lo > 86400000000
AND x.hi > %s
AND (x.hi > %s OR x.lo >= %s)
AND x.lo < %s
AND x.home) d
WHERE TRUE) c
WHERE TRUE
