//! The page as HTML: no script, nothing loaded, light and dark.

use super::{DescribedTable, Reference};
use std::fmt::Write;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:light-dark(#d8dce3,#3a404b);--faint:light-dark(#5b6472,#a0a8b5)}\
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;padding:1.5rem;max-width:70rem}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;\
border-bottom:1px solid var(--line)}td.number,th.number{text-align:right;font-variant-numeric:tabular-nums}\
th,.facts{color:var(--faint);font-weight:normal}section{margin-top:2.5rem}.wide{overflow-x:auto}\
code{font:.9em ui-monospace,monospace}";

pub(super) fn page(reference: &Reference) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>Tables</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>Tables</h1>\n<p>{}</p>\n<div class=\"wide\"><table>\n\
         <tr><th>Table</th><th class=\"number\">Rows</th><th>Made from</th></tr>\n",
        text(&reference.run)
    );
    for table in &reference.tables {
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td class=\"number\">{}</td><td>{}</td></tr>",
            link(&table.name),
            table.rows(),
            links(&table.from)
        );
    }
    page.push_str("</table></div>\n");
    for table in &reference.tables {
        section(&mut page, table);
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn section(page: &mut String, table: &DescribedTable) {
    let name = text(&table.name);
    let _ = write!(
        page,
        "<section id=\"{name}\">\n<h2>{name}</h2>\n<p>{}</p>\n<p class=\"facts\">{}</p>\n<div class=\"wide\"><table>\n\
         <tr><th>Column</th><th>What it holds</th><th>Tests</th></tr>\n",
        text(&table.about),
        table.facts(links)
    );
    for column in &table.columns {
        let _ = writeln!(
            page,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
            text(&column.name),
            text(&column.about),
            text(&column.tests.join(", "))
        );
    }
    page.push_str("</table></div>\n</section>\n");
}

fn link(name: &str) -> String {
    format!("<a href=\"#{name}\">{name}</a>", name = text(name))
}

fn links(names: &[String]) -> String {
    names.iter().map(|name| link(name)).collect::<Vec<_>>().join(", ")
}

fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
