SELECT DISTINCT d.k0, d.rid
FROM ((SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM composite d
WHERE d.sp = %s
AND d.code = %s
AND d.system = %s
AND d.t_code = %s
AND d.t_system = %s
AND d.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
AND (SELECT TRUE
FROM ref x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.sp = %s
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
LIMIT 1)
ORDER BY d.rid
LIMIT %s)
UNION ALL (SELECT DISTINCT d.rid AS k0, d.rid AS rid
FROM composite d
WHERE d.sp = %s
AND d.code = %s
AND d.system = %s
AND d.t_code = %s
AND d.t_system = %s
AND d.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))
AND (SELECT TRUE
FROM ref x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.sp = %s
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
LIMIT 1)
ORDER BY d.rid
LIMIT %s)) d
WHERE TRUE
ORDER BY d.k0
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM (SELECT x.pat, x.rid, x.t_code, x.q_low, x.q_c_low, x.d_lo, x.d_hi, x.s_norm
FROM composite x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND x.t_code = %s
AND x.t_system = %s
AND x.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)
UNION ALL SELECT x.pat, x.rid, x.t_code, x.q_low, x.q_c_low, x.d_lo, x.d_hi, x.s_norm
FROM composite x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND x.t_code = %s
AND x.t_system = %s
AND x.pat = ANY(ARRAY(SELECT c.rid
FROM compartment c
WHERE c.pat = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s)))) d
WHERE EXISTS (SELECT 
FROM ref x
WHERE x.pat = d.pat
AND x.rid = d.rid
AND x.sp = %s
AND x.target = (SELECT t.rid
FROM resource t
WHERE t.tid = %s
AND t.id = %s))) c
WHERE TRUE
