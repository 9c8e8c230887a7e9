SELECT DISTINCT d.k0, d.k1, d.rid
FROM ((SELECT DISTINCT d.q_c_low AS k0, d.rid AS k1, d.rid AS rid
FROM composite d
WHERE d.sp = %s
AND d.code = %s
AND d.system = %s
AND d.q_c_unit = %s
AND d.q_c_low > %s
AND d.home
ORDER BY d.q_c_low, d.rid
LIMIT %s)
UNION ALL (SELECT DISTINCT d.q_c_low AS k0, d.rid AS k1, d.rid AS rid
FROM composite d
WHERE d.sp = %s
AND d.code = %s
AND d.system = %s
AND d.q_c_unit = %s
AND d.q_c_low < d.q_c_high
AND d.q_c_low <= %s
AND d.q_c_high > %s
AND d.home
ORDER BY d.q_c_low, d.rid
LIMIT %s)) d
WHERE TRUE
ORDER BY d.k0, d.k1
LIMIT %s

SELECT count(*) AS total
FROM (SELECT DISTINCT d.rid
FROM (SELECT x.pat, x.rid, x.t_code, x.q_low, x.q_c_low, x.d_lo, x.d_hi, x.s_norm
FROM composite x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND x.q_c_unit = %s
AND x.q_c_low > %s
AND x.home
UNION ALL SELECT x.pat, x.rid, x.t_code, x.q_low, x.q_c_low, x.d_lo, x.d_hi, x.s_norm
FROM composite x
WHERE x.sp = %s
AND x.code = %s
AND x.system = %s
AND x.q_c_unit = %s
AND x.q_c_low < x.q_c_high
AND x.q_c_low <= %s
AND x.q_c_high > %s
AND x.home) d
WHERE TRUE) c
WHERE TRUE
