SELECT d.k0, d.rid
FROM ((SELECT d.rid AS k0, d.rid AS rid
FROM ref d
WHERE d.sp = %s
AND d.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND d.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
ORDER BY d.rid
LIMIT %s)
UNION ALL (SELECT d.rid AS k0, d.rid AS rid
FROM ref d
WHERE d.sp = %s
AND d.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND d.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))
ORDER BY d.rid
LIMIT %s)) d
WHERE TRUE
ORDER BY d.k0
LIMIT %s

SELECT count(*) AS total
FROM (SELECT d.rid
FROM (SELECT x.pat, x.rid, x.target
FROM ref x
WHERE x.sp = %s
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
UNION ALL SELECT x.pat, x.rid, x.target
FROM ref x
WHERE x.sp = %s
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))) d
WHERE TRUE) c
WHERE TRUE
