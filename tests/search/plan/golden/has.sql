SELECT DISTINCT d.k0, d.rid
FROM ((SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM (SELECT x.pat, x.pat AS rid
FROM token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND (SELECT TRUE
FROM ref f
WHERE f.sp = %s
AND f.rid = x.rid
AND f.pat = x.pat
AND f.target = x.pat
LIMIT 1)) d
WHERE TRUE
ORDER BY d.rid
LIMIT %s)
UNION ALL (SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM (SELECT c.pat, c.pat AS rid
FROM compartment c JOIN token x ON x.pat = c.rid
AND x.rid = c.rid
WHERE (SELECT TRUE
FROM compartment
LIMIT 1)
AND x.sp = %s
AND x.code = %s
AND x.system = %s
AND (SELECT TRUE
FROM ref f
WHERE f.sp = %s
AND f.rid = x.rid
AND f.pat = x.pat
AND f.target = c.pat
LIMIT 1)) d
WHERE TRUE
ORDER BY d.rid
LIMIT %s)) d
WHERE TRUE
ORDER BY d.k0
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM (SELECT x.pat, x.pat AS rid
FROM token x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND (SELECT TRUE
FROM ref f
WHERE f.sp = %s
AND f.rid = x.rid
AND f.pat = x.pat
AND f.target = x.pat
LIMIT 1)
UNION ALL SELECT c.pat, c.pat AS rid
FROM compartment c JOIN token x ON x.pat = c.rid
AND x.rid = c.rid
WHERE (SELECT TRUE
FROM compartment
LIMIT 1)
AND x.sp = %s
AND x.code = %s
AND x.system = %s
AND (SELECT TRUE
FROM ref f
WHERE f.sp = %s
AND f.rid = x.rid
AND f.pat = x.pat
AND f.target = c.pat
LIMIT 1)) d
WHERE TRUE) c
WHERE TRUE
