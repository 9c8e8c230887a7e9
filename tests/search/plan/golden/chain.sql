SELECT DISTINCT d.target AS k0, d.rid AS k1, d.rid AS rid
FROM ref d
WHERE d.sp = %s
AND d.target = ANY(ARRAY(SELECT x.rid
FROM both_string x
WHERE x.sp = %s
AND left(x.norm, 200) >= %s
AND left(x.norm, 200) < %s
AND x.home))
AND TRUE
ORDER BY d.target, d.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM ref d
WHERE d.sp = %s
AND d.target = ANY(ARRAY(SELECT x.rid
FROM both_string x
WHERE x.sp = %s
AND left(x.norm, 200) >= %s
AND left(x.norm, 200) < %s
AND x.home))
AND TRUE) c
WHERE TRUE
