SELECT d.k0, d.k1, d.k2, d.rid
FROM ((SELECT d.lo AS k0, d.hi AS k1, d.rid AS k2, d.rid AS rid
FROM date d
WHERE d.sp = %s
AND d.lo >= %s
AND d.lo < %s
AND d.hi <= %s
AND d.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
ORDER BY d.lo, d.hi, d.rid
LIMIT %s)
UNION ALL (SELECT d.lo AS k0, d.hi AS k1, d.rid AS k2, d.rid AS rid
FROM date d
WHERE d.sp = %s
AND d.lo >= %s
AND d.lo < %s
AND d.hi <= %s
AND d.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))
ORDER BY d.lo, d.hi, d.rid
LIMIT %s)) d
WHERE TRUE
ORDER BY d.k0, d.k1, d.k2
LIMIT %s

SELECT count(*) AS total
FROM (SELECT d.rid
FROM (SELECT x.pat, x.rid, x.lo, x.hi
FROM date x
WHERE x.sp = %s
AND x.lo >= %s
AND x.lo < %s
AND x.hi <= %s
AND x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
UNION ALL SELECT x.pat, x.rid, x.lo, x.hi
FROM date x
WHERE x.sp = %s
AND x.lo >= %s
AND x.lo < %s
AND x.hi <= %s
AND x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))) d
WHERE TRUE) c
WHERE TRUE
