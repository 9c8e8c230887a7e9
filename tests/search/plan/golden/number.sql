SELECT DISTINCT d.low AS k0, d.rid AS k1, d.rid AS rid
FROM quantity d
WHERE d.sp = %s
AND d.low >= %s
AND d.low < %s
AND d.high < %s
AND d.home
AND (SELECT TRUE
FROM quantity x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND (x.low) < (d.low)
AND x.sp = %s
AND x.low >= %s
AND x.low < %s
AND x.high < %s
LIMIT 1) IS NULL
ORDER BY d.low, d.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM quantity d
WHERE d.sp = %s
AND d.low >= %s
AND d.low < %s
AND d.high < %s
AND d.home) c
WHERE TRUE
