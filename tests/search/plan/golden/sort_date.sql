SELECT d.lo AS k0, d.hi AS k1, d.rid AS k2, d.rid AS rid
FROM date d
WHERE d.sp = %s
AND d.home
AND d.lo > %s
ORDER BY d.lo, d.hi, d.rid
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
