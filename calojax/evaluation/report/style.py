"""How the page of an evaluation looks, on a screen and on paper."""

# Colours are Okabe and Ito's; marks and words say the same for those who see none.
STYLE = """
:root { --good: #0072b2; --off: #8f5f00; --far: #c04a00; --unknown: #777; --line: #d8d8d8; }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, "Liberation Sans", "DejaVu Sans", sans-serif; color: #222; }
body { margin: 0 auto; max-width: 75rem; padding: 2rem; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.25rem; margin: 2.2rem 0 .6rem;
  border-bottom: 2px solid #222; }
p { margin: .4rem 0; max-width: 60rem; } .quiet { color: #666; }
.lead { font-size: 1.1rem; border-left: .35rem solid; padding: .3rem 0 .3rem .9rem;
  margin: 1.2rem 0; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem;
  font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .22rem .8rem .22rem .2rem;
  border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; border-bottom: 1px solid #222; white-space: nowrap; } td.n {
  white-space: nowrap; }
.good { color: var(--good); } .off { color: var(--off); } .far { color: var(--far); } .unknown {
  color: var(--unknown); }
.bar { display: block; height: .55rem; margin-top: .45rem; background: currentColor;
  min-width: 1px; }
table.statistics { table-layout: fixed; }
table.statistics td:nth-child(1) { overflow-wrap: anywhere; }
col.name { width: 23%; } col.number { width: 17%; } col.kind { width: 8%; } col.pull { width: 6%;
  } col.bars { width: 9%; }
details { border: 1px solid var(--line); border-radius: .3rem; margin: .4rem 0;
  padding: .2rem .8rem; }
summary { cursor: pointer; padding: .2rem 0; } summary b { display: inline-block;
  min-width: 19rem; }
figure { margin: 0 0 2rem; } figcaption { font-weight: 600; margin-bottom: .4rem; }
img { max-width: 100%; height: auto; display: block; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1.2rem; margin: .4rem 0; }
dt { color: #666; } dd { margin: 0; overflow-wrap: anywhere; }
.files { display: grid; grid-template-columns: 1fr 1fr; gap: 2rem; } h3 { font-size: 1rem;
  margin: .8rem 0 .2rem; }
@media print {
  body { max-width: none; padding: 0; font-size: 10px; } summary { list-style: none; } details {
    border: 0; padding: 0; }
  details::details-content { content-visibility: visible; block-size: auto; }
  tr, figure, summary { break-inside: avoid; } .bar { print-color-adjust: exact; }
}
@media screen and (max-width: 60rem) {
  body { padding: 1rem; font-size: 13px; } .files { grid-template-columns: 1fr; } td, td.n {
    white-space: normal; padding-right: .4rem; }
  table.statistics :is(td, th):is(:nth-child(4), .bars) { display: none; } col.kind, col.bars {
    display: none; }
  col.number { width: 22%; } col.pull { width: 10%; } summary b { min-width: 0; }
}
"""
