SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM ref d
WHERE d.sp = %s
AND d.target IN (SELECT x.rid
FROM both_string x
WHERE x.sp = %s
AND left(x.norm, 200) >= %s
AND left(x.norm, 200) < %s
AND x.home)
AND d.home
ORDER BY d.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM ref d
WHERE d.sp = %s
AND d.target IN (SELECT x.rid
FROM both_string x
WHERE x.sp = %s
AND left(x.norm, 200) >= %s
AND left(x.norm, 200) < %s
AND x.home)
AND d.home) c
WHERE TRUE
