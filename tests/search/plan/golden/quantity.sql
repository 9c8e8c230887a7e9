SELECT DISTINCT d.c_low AS k0, d.rid AS k1, d.rid AS rid
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
WHERE TRUE
AND NOT EXISTS (SELECT 
FROM quantity x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND (x.c_low) < (d.c_low)
AND x.sp = %s
AND ((x.c_unit = %s
AND x.c_low > %s) OR (x.c_unit = %s
AND x.c_low < x.c_high
AND x.c_low <= %s
AND x.c_high > %s)))
ORDER BY d.c_low, d.rid
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
