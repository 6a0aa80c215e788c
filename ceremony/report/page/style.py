# SPDX-License-Identifier: Apache-2.0
"""The style sheet of the page: calm on a screen, light or dark, wide or narrow; and made for paper, A4 or letter.

Its SHA-256 stands in the page's content policy, so nothing else can style the page.
"""

from __future__ import annotations

CSS = """
:root{color-scheme:light dark;--paper:#fcfbf8;--raised:#ffffff;--ink:#1f2529;--soft:#5b656c;--line:#dfdbd2;--faint:#f1eee7;
--accent:#1d5b57;--practice:#8f5200;--bad:#a1271d;--good:#2c6b2f}
@media (prefers-color-scheme:dark){:root{--paper:#15191c;--raised:#1b2024;--ink:#e6e3dc;--soft:#9da7ad;--line:#2f373d;--faint:#20262a;
--accent:#7fc6bf;--practice:#e2a85c;--bad:#f0897e;--good:#8fcf92}}
*{box-sizing:border-box}
html{background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI","Helvetica Neue",Arial,sans-serif;
-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0}
main{max-width:66rem;margin:0 auto;padding:2.5rem 2rem 6rem}
h1,h2,h3{font-family:"Iowan Old Style","Palatino Linotype",Palatino,"URW Palladio L",Georgia,serif;font-weight:600;line-height:1.2;
overflow-wrap:anywhere}
h1{font-size:2.6rem;margin:.1em 0 .3em;letter-spacing:-.01em}
h2{font-size:1.65rem;margin:0 0 .8rem}
h3{font-size:1.12rem;margin:2rem 0 .6rem}
p{margin:.5rem 0}
a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:.2em}
section{margin-top:3.5rem;padding-top:1.6rem;border-top:1px solid var(--line);scroll-margin-top:2.5rem}
.over{margin:0;color:var(--accent);font-size:.8rem;font-weight:600;letter-spacing:.09em;text-transform:uppercase}
.practice .over{color:var(--practice)}
.lead{font-size:1.15rem;color:var(--soft);margin:0 0 1.4rem}
.note,.cite,.col{color:var(--soft)}
.note{font-size:.92rem;max-width:46rem}
.cite{font-size:.82rem;white-space:normal}
.alarm{border-left:4px solid var(--practice);background:var(--faint);padding:.7rem 1rem;margin:1rem 0;border-radius:0 4px 4px 0}
.top{position:sticky;top:0;z-index:2;background:var(--paper);border-bottom:1px solid var(--line)}
.running{display:flex;justify-content:space-between;gap:1rem;max-width:66rem;margin:0 auto;padding:.45rem 2rem;font-size:.8rem;
color:var(--soft)}
.running .left,.running .right{overflow-wrap:anywhere;min-width:0}
.running code{font-size:.95em}
.mode{display:inline-block;padding:.05rem .55rem;margin-right:.4rem;border-radius:3px;background:var(--accent);color:var(--paper);
letter-spacing:.06em}
.practice .mode{background:var(--practice)}
.watermark{display:none}
code{font:.86em/1.5 ui-monospace,"SF Mono",SFMono-Regular,"DejaVu Sans Mono",Menlo,Consolas,monospace;overflow-wrap:anywhere}
.hex{display:inline-block;max-width:100%}
.hex span{display:inline-block;margin-right:.55em}
.words{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17.5rem),1fr));gap:0 1rem;margin-top:.15rem;font-size:.86rem;
color:var(--soft);line-height:1.5}
.tag{display:inline-block;padding:0 .45rem;border:1px solid var(--line);border-radius:3px;font-size:.78rem;color:var(--accent)}
dl.facts{margin:.4rem 0;display:grid;gap:0}
dl.facts>div{display:grid;grid-template-columns:9.5rem minmax(0,1fr);gap:1rem;padding:.38rem 0;border-top:1px solid var(--line)}
dl.facts>div:first-child{border-top:0}
dt{color:var(--soft);font-size:.9rem}
dd{margin:0;overflow-wrap:anywhere}
.card{background:var(--raised);border:1px solid var(--line);border-radius:6px;padding:1rem 1.3rem;margin:1rem 0}
.card h3{margin:.1rem 0 .5rem}
ul.numbers{list-style:none;display:flex;flex-wrap:wrap;gap:.6rem 2.4rem;margin:1.8rem 0;padding:0}
ul.numbers li{color:var(--soft);font-size:.92rem;max-width:12rem}
ul.numbers strong{display:block;font:600 1.9rem/1.15 "Iowan Old Style","Palatino Linotype",Palatino,"URW Palladio L",Georgia,serif;
color:var(--ink)}
nav{margin:2.2rem 0 0;padding:1rem 1.3rem;background:var(--faint);border-radius:6px}
nav ol{columns:3 12rem;margin:0;padding-left:1.4rem}
nav li{break-inside:avoid;padding:.1rem 0}
ul{padding-left:1.2rem}
li{overflow-wrap:anywhere}
table{width:100%;border-collapse:collapse;font-size:.92rem;margin:.6rem 0}
th{text-align:left;font-weight:600;font-size:.8rem;color:var(--soft);border-bottom:1px solid var(--soft);padding:.35rem .9rem .35rem 0;
vertical-align:bottom}
td{vertical-align:top;border-bottom:1px solid var(--line);padding:.45rem .9rem .45rem 0;overflow-wrap:anywhere}
th:last-child,td:last-child{padding-right:0}
td .col{display:none}
.events thead{display:none}
.events td:nth-child(1){width:5.5rem;color:var(--soft);font-variant-numeric:tabular-nums}
.events td:nth-child(2){width:5.2rem;color:var(--soft);font-variant-numeric:tabular-nums;white-space:nowrap}
.steps td,.steps th{font-variant-numeric:tabular-nums}
.visit h3 .cite{font-family:system-ui,sans-serif;font-weight:400;margin-left:.4rem}
.people td:nth-child(1){width:14%}
.people td:nth-child(2){width:15%}
.people td:nth-child(3){width:12%}
.people td:nth-child(4){width:26%}
.people td:nth-child(5){width:13%}
.keys td:nth-child(1){width:30%}
.custody td:nth-child(1){width:40%}
.news td:nth-child(1){width:26%}
.news td:nth-child(2){width:22%}
.changes td:nth-child(1){width:24%}
.changes td:nth-child(2){width:15%}
.changes td:nth-child(3){width:22%}
.clauses td:nth-child(1){width:2.8rem}
.clauses td:nth-child(2){width:19%}
.clauses td:nth-child(3){width:27%}
.clauses td:nth-child(4){width:8.5rem}
.custody td:nth-child(3){width:36%}
.blank{display:block;border-bottom:1px dotted var(--soft);height:1.5rem}
del{text-decoration:none;color:var(--bad)}
ins{text-decoration:none}
.later{color:var(--accent)}
.met{color:var(--good)}
.not-met{color:var(--bad);font-weight:600}
.not-applicable,.outside{color:var(--soft)}
ul.numbers li.met,ul.numbers li.not-met{font-weight:400;color:var(--soft)}
@media screen and (max-width:44rem){
main{padding:1.4rem 1.1rem 4rem}
h1{font-size:2rem}
.running{padding:.4rem 1.1rem;flex-direction:column;gap:0}
section{scroll-margin-top:4.5rem}
dl.facts>div{grid-template-columns:minmax(0,1fr);gap:0}
.card{padding:.8rem 1rem}
table,tbody,tr,td{display:block;width:auto}
thead{display:none}
tr{border-bottom:1px solid var(--line);padding:.5rem 0}
td,.people td:nth-child(n),.news td:nth-child(n),.events td:nth-child(n),.changes td:nth-child(n),.clauses td:nth-child(n),.keys td:nth-child(n),.custody td:nth-child(n){
border:0;padding:.12rem 0;width:auto}
td .col{display:block;font-size:.76rem}
.events tr{display:grid;grid-template-columns:4.6rem minmax(0,1fr);gap:0 .6rem}
.events td .col{display:none}
.events td:nth-child(3){grid-column:1/-1}
}
@page{margin:16mm 15mm 18mm;@bottom-right{content:counter(page) " / " counter(pages);font:8pt system-ui,sans-serif;color:#555}}
@media print{
:root{color-scheme:light;--paper:#fff;--raised:#fff;--ink:#000;--soft:#444;--line:#bbb;--faint:#f4f4f4;--accent:#1d5b57;
--practice:#7a4600;--bad:#8c1b12;--good:#1f5322}
html{font-size:9.6pt;line-height:1.42;background:#fff}
body{display:table;width:100%}
.top{display:table-header-group;position:static;border:0;break-inside:avoid}
.running{padding:0 0 2.2mm;margin:0 0 4mm;border-bottom:.5pt solid #888;max-width:none;font-size:8pt}
.mode,.practice .mode{background:none;color:var(--accent);border:1pt solid var(--accent)}
.practice .mode{color:var(--practice);border-color:var(--practice)}
main{display:table-row-group;max-width:none;padding:0}
nav{display:none}
ul.numbers{gap:3mm 7mm;margin:5mm 0}
ul.numbers li{max-width:30mm}
a{color:inherit;text-decoration:none}
h1{font-size:24pt}
h2{font-size:15pt}
h3{font-size:11pt;margin:5mm 0 1.5mm}
h2,h3,h2+.note{break-after:avoid}
section{margin-top:8mm;padding-top:4mm}
.card{break-inside:avoid;padding:3mm 4mm;border-radius:0}
tr,dl.facts>div,li,.alarm,.note{break-inside:avoid}
thead{break-inside:avoid}
p{orphans:3;widows:3}
.blank{height:7mm}
.watermark{display:block;position:fixed;top:40%;left:0;right:0;text-align:center;font:700 92pt/1 system-ui,sans-serif;
letter-spacing:.06em;color:rgba(0,0,0,.05);transform:rotate(-32deg);z-index:3;pointer-events:none}
.practice .watermark{color:rgba(143,82,0,.11)}
#timeline,#clauses{break-before:page}
}
"""
