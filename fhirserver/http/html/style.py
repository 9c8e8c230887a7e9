"""The style sheet of all pages, and the Content-Security-Policy that admits it and nothing else."""

import base64
import hashlib

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2430; --faint: #5b6675; --line: #d7dde5;
  --wash: #f4f6f9; --link: #0a58a8; --good: #17693a; --bad: #a3231f; --warn: #8a5a00; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161c; --ink: #e4e9f0; --faint: #9aa6b5;
  --line: #2c3541; --wash: #1a2029; --link: #7db8f5; --good: #74cf97; --bad: #f28b82;
  --warn: #e5b454; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
a { color: var(--link); overflow-wrap: anywhere; }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
header, main { max-width: 72rem; margin: 0 auto; padding: .75rem 1rem; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem;
  border-bottom: 1px solid var(--line); }
header .formats { margin-left: auto; }
nav a, header a { margin-right: .75rem; white-space: nowrap; }
h1 { font-size: 1.4rem; margin: .75rem 0 .25rem; overflow-wrap: anywhere; }
.faint { color: var(--faint); }
.error, .fatal { color: var(--bad); } .warning { color: var(--warn); }
.information { color: var(--good); }
dl { display: grid; grid-template-columns: minmax(6rem, 14rem) 1fr; gap: .25rem 1rem; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; }
.scroll { overflow-x: auto; }
th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0;
  border-bottom: 1px solid var(--line); }
th { color: var(--faint); font-weight: 600; }
pre { overflow-x: auto; background: var(--wash); border: 1px solid var(--line);
  border-radius: .4rem; padding: .75rem; font: .85rem/1.45 ui-monospace, monospace; }
.k { color: var(--faint); } .s { color: var(--good); } .n { color: var(--warn); }
summary { cursor: pointer; margin: .75rem 0; }
@media (max-width: 36rem) { dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; } .wide { display: none; } }
"""

_DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
