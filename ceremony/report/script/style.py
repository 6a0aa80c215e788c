# SPDX-License-Identifier: Apache-2.0
"""The style sheet of the script on paper: black on white, type to be read aloud, boxes to be written in.

The paper's size is the printer's, A4 or letter: only margins are set. The foot of each page names plan and
digest and counts the pages, so that a page of another plan, or one that is missing, is seen.
"""

from __future__ import annotations

from ceremony.report.page.markup import shown

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 ,-_")


def css(name: str, sha256: str) -> str:
    """Return the style sheet of the script of a plan, whose name and digest stand at the foot of each page."""
    plan = _quoted(f"plan {sha256[:8]} {sha256[8:16]}, page ")
    feet = (
        f"@bottom-left{{content:{_quoted(shown(name))};{_FOOT};width:60%;overflow-wrap:anywhere}}"
        f'@bottom-right{{content:{plan} counter(page) " of " counter(pages);{_FOOT};white-space:nowrap}}'
    )
    widths = "".join(f".w{width}{{width:{width}%}}" for width in range(1, 101))
    return f"\n@page{{margin:15mm 15mm 18mm;{feet}}}\n{_CSS}{widths}\n"


def _quoted(text: str) -> str:
    """Return a text as a string of CSS (css-syntax-3, section 4.3.7); all but plain characters as six hexadecimal digits."""
    return '"' + "".join(c if c in _PLAIN else f"\\{ord(c):06x}" for c in text) + '"'


_FOOT = 'font:8.5pt/1.2 "Helvetica Neue",Helvetica,"Nimbus Sans","Liberation Sans",Arial,sans-serif;color:#000'
_CSS = """*{box-sizing:border-box}
html{background:#fff;color:#000;font:11pt/1.45 "Helvetica Neue",Helvetica,"Nimbus Sans","Liberation Sans",Arial,sans-serif}
body{margin:0}
section,main{display:block}
h1,h2,h3{font-family:"Iowan Old Style","Palatino Linotype",Palatino,P052,"URW Palladio L",Georgia,serif;font-weight:600;line-height:1.15;
margin:0;overflow-wrap:anywhere;min-width:0}
h1{font-size:30pt;letter-spacing:-.01em;margin:0 0 2mm}
.title>p,.title>.form{margin-bottom:3mm}
.title>.under{font-size:13pt;margin-bottom:8mm}
h2{font-size:21pt}
h3{font-size:13pt}
p,ul,ol,dl,table{margin:0 0 4mm}
p,li,dd,td{overflow-wrap:anywhere}
.over{font-size:10pt;font-weight:600;letter-spacing:.1em;text-transform:uppercase;margin:0 0 2mm}
.heading{display:flex;align-items:baseline;justify-content:space-between;gap:6mm;break-after:avoid}
.page>.heading,.part>.heading{border-bottom:1.2pt solid #000;padding-bottom:2mm;margin-bottom:5mm}
.part{margin-top:8mm}
.block{margin-top:6mm}
.part,.kept{break-inside:avoid}
.block>.heading{margin-bottom:2.5mm}
.aside{font-size:11pt;white-space:nowrap}
ul{padding-left:5mm}
li{padding:.6mm 0}
.names{columns:2;column-gap:8mm;list-style:none;padding:0;font-size:10pt}
.names li{break-inside:avoid;padding:.5mm 0 .5mm 3mm;text-indent:-3mm}
.facts>div{display:grid;grid-template-columns:48mm minmax(0,1fr);gap:4mm;padding:1.6mm 0;border-bottom:.4pt solid #777;
break-inside:avoid}
.facts>div:first-child{border-top:.4pt solid #777}
dt{font-weight:600}
dd{margin:0}
.facts dt{font-weight:400}
table{width:100%;table-layout:fixed;border-collapse:collapse;font-size:10pt;line-height:1.3}
th{text-align:left;font-size:8.5pt;font-weight:600;vertical-align:bottom;padding:0 2mm 1.2mm;border-bottom:1pt solid #000}
td{vertical-align:middle;padding:1.6mm 2mm;border-bottom:.4pt solid #777;height:8mm}
td.blank{height:11mm;border:.7pt solid #000}
th:first-child,td:first-child{padding-left:0}
tr{break-inside:avoid}
.tall td{height:23.5mm;vertical-align:top}
.digest{list-style:none;padding:0;margin:0 0 6mm;counter-reset:group;border-top:1pt solid #000}
.digest li{display:grid;grid-template-columns:6mm 27mm repeat(4,minmax(0,1fr));gap:0 3mm;align-items:baseline;padding:1.6mm 0;
border-bottom:.4pt solid #777;counter-increment:group;font-size:13pt}
.digest li::before{content:counter(group);font-size:8.5pt}
.digest span{overflow-wrap:normal}
code{font:11.5pt/1.3 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
.label{font-size:8.5pt;line-height:1.25}
.form{display:flex;flex-wrap:wrap;align-items:flex-end;gap:3mm 5mm;margin:0 0 4mm;break-inside:avoid}
.field{display:flex;flex-direction:column;gap:1mm;flex:2 1 30mm;min-width:0}
.field.initials{flex:0 0 27mm}
.field.long{flex:4 1 70mm}
.field.line{flex:1 1 100%}
.room{display:block;height:12mm;border:.7pt solid #000}
.line .room{border-width:0 0 .7pt;height:8mm}
.form>.label{align-self:center;font-size:11pt;margin-right:2mm}
.choice{display:inline-flex;align-items:center;gap:2.5mm;font-size:12pt}
.tick{display:inline-block;width:6mm;height:6mm;border:1pt solid #000;flex:none}
.choice .number{width:18mm;border-bottom:.7pt solid #000;height:7mm}
.step{display:flex;flex-direction:column}
.page>.heading h3{font-size:21pt}
.step>.heading h3{font-size:24pt}
.guidance{margin:0 0 auto}
.guidance>div{display:grid;grid-template-columns:19mm minmax(0,1fr);gap:4mm;padding:3mm 0;break-inside:avoid}
.guidance>div:has(.tick){grid-template-columns:19mm minmax(0,1fr) 6mm}
.guidance .tick{margin-top:.4mm}
.guidance dt{font-size:10pt;padding-top:.35em}
.guidance dd{font-size:15pt;line-height:1.4}
.guidance .who dd{font-size:12pt;padding-top:.1em}
.guidance .say{border-left:2.5pt solid #000;padding:4mm 0 4mm 4mm;margin:1mm 0;grid-template-columns:14.1mm minmax(0,1fr)}
.guidance .say dd{font:600 21pt/1.3 "Iowan Old Style","Palatino Linotype",Palatino,P052,"URW Palladio L",Georgia,serif}
.guidance .but{border:1.2pt solid #000;padding:2.5mm 4mm 2.5mm 0;margin:2mm 0}
.guidance .but dd{font-weight:600;font-size:13pt}
.guidance .know dd,.guidance .head dd{font-size:12pt}
.lines .line{height:9mm;border-bottom:.4pt solid #777;margin:0}
.lines{margin:8mm 0;break-inside:avoid}
.lines .label{margin:0}
.heard{list-style:none;padding:0;display:grid;grid-template-columns:1fr 1fr;grid-auto-flow:column;grid-template-rows:repeat(4,auto);
border-top:.7pt solid #000;border-left:.7pt solid #000;margin:0 0 3mm;break-inside:avoid}
.heard li{height:9mm;border-right:.7pt solid #000;border-bottom:.7pt solid #000;padding:.8mm 1.5mm}
.heard .number{font-size:8pt;line-height:1}
.heard.whole{display:block;border:0;margin:6mm 0 8mm}
.heard.whole li{display:grid;grid-template-columns:5mm repeat(4,minmax(0,1fr));gap:2mm;align-items:center;height:auto;border:0;padding:1mm 0}
@media screen{main{max-width:186mm;margin:0 auto;padding:12mm 8mm}section.page{margin-top:24mm}}
@media print{section.page{break-before:page;margin-top:0}.step{min-height:88vh}}
"""
