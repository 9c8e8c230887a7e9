SELECT p.k0, p.k1, p.k2, p.rid AS k3, p.rid AS rid
FROM (SELECT c.rid AS rid, min(s0.code) AS k0, nullif(min(s1.lo), -62135596800000000) AS k1, min(s2.id) AS k2
FROM (SELECT DISTINCT d.pat, d.rid
FROM string d
WHERE d.sp = %s
AND left(d.norm, 200) >= %s
AND left(d.norm, 200) < %s
AND d.home) c
LEFT JOIN token s0 ON s0.sp = %s
AND s0.pat = c.pat
AND s0.rid = c.rid
LEFT JOIN date s1 ON s1.sp = %s
AND s1.pat = c.pat
AND s1.rid = c.rid
LEFT JOIN resource s2 ON s2.rid = c.rid
WHERE TRUE
GROUP BY c.rid) p
WHERE TRUE
ORDER BY p.k0 NULLS LAST, p.k1 DESC NULLS LAST, p.k2 NULLS LAST, p.rid
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM string d
WHERE d.sp = %s
AND left(d.norm, 200) >= %s
AND left(d.norm, 200) < %s
AND d.home) c
WHERE TRUE
