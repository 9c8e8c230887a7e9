SELECT DISTINCT left(d.norm, 200) AS k0, d.rid AS k1, d.rid AS rid
FROM string d
WHERE d.sp = %s
AND left(d.norm, 200) >= %s
AND left(d.norm, 200) < %s
AND d.home
AND (SELECT TRUE
FROM string x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND (left(x.norm, 200)) < (left(d.norm, 200))
AND x.sp = %s
AND left(x.norm, 200) >= %s
AND left(x.norm, 200) < %s
LIMIT 1) IS NULL
ORDER BY left(d.norm, 200), d.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM string d
WHERE d.sp = %s
AND left(d.norm, 200) >= %s
AND left(d.norm, 200) < %s
AND d.home) c
WHERE TRUE
