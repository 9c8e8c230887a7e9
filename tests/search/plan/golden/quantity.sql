SELECT DISTINCT d.k0, d.k1, d.rid
FROM ((SELECT DISTINCT d.c_low AS k0, d.rid AS k1, d.rid AS rid
FROM quantity d
WHERE d.sp = %s
AND d.c_unit = %s
AND d.c_low > %s
AND d.home
ORDER BY d.c_low, d.rid
LIMIT %s)
UNION ALL (SELECT DISTINCT d.c_low AS k0, d.rid AS k1, d.rid AS rid
FROM quantity d
WHERE d.sp = %s
AND d.c_unit = %s
AND d.c_low < d.c_high
AND d.c_low <= %s
AND d.c_high > %s
AND d.home
ORDER BY d.c_low, d.rid
LIMIT %s)) d
WHERE TRUE
ORDER BY d.k0, d.k1
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM (SELECT x.pat, x.rid, x.low, x.c_low
FROM quantity x
WHERE x.sp = %s
AND x.c_unit = %s
AND x.c_low > %s
AND x.home
UNION ALL SELECT x.pat, x.rid, x.low, x.c_low
FROM quantity x
WHERE x.sp = %s
AND x.c_unit = %s
AND x.c_low < x.c_high
AND x.c_low <= %s
AND x.c_high > %s
AND x.home) d
WHERE TRUE) c
WHERE TRUE
