SELECT DISTINCT left(d.norm, 200) AS k0, d.rid AS k1, d.rid AS rid
FROM string d
WHERE d.sp = %s
AND d.home
AND (SELECT TRUE
FROM string x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND (left(x.norm, 200)) > (left(d.norm, 200))
AND x.sp = %s
AND TRUE
LIMIT 1) IS NULL
ORDER BY left(d.norm, 200) DESC, d.rid DESC
LIMIT %s

SELECT r.id AS k0, r.rid AS rid
FROM resource r
WHERE r.state = 1
AND r.tid = %s
AND (NOT (r.present && %s::smallint[]) OR r.present && %s::smallint[])
ORDER BY r.id
LIMIT %s

SELECT count(*) AS total
FROM (SELECT r.rid
FROM resource r
WHERE r.state = 1
AND r.tid = %s) c
WHERE TRUE
