//! As much of Markdown as the documents use.

/// A fenced block: the words behind the fence, and its lines.
pub struct Fence<'a> {
    pub info: &'a str,
    pub text: String,
}

/// The fenced blocks of a page, and its other lines.
pub fn split(page: &str) -> (Vec<Fence<'_>>, Vec<&str>) {
    let (mut fences, mut prose) = (Vec::new(), Vec::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        match line.trim_start().strip_prefix("```") {
            None => prose.push(line),
            Some(info) => {
                let mut text = String::new();
                for line in lines.by_ref().take_while(|line| line.trim() != "```") {
                    text.push_str(line);
                    text.push('\n');
                }
                fences.push(Fence { info: info.trim(), text });
            }
        }
    }
    (fences, prose)
}

/// What stands in backticks.
pub fn code_spans<'a>(prose: &[&'a str]) -> Vec<&'a str> {
    // Indented lines are code of a kind that is not a span.
    let lines = prose.iter().filter(|line| !line.starts_with("    "));
    lines.flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// The targets of links.
pub fn links<'a>(prose: &[&'a str]) -> Vec<&'a str> {
    let ends = |link: &'a str| link.split_once(')').map(|(target, _)| target);
    prose.iter().flat_map(|line| line.split("](").skip(1)).filter_map(ends).collect()
}

/// The anchors of a page's headings, as GitHub makes them.
pub fn anchors(page: &str) -> Vec<String> {
    let (_, prose) = split(page);
    let headings = prose
        .into_iter()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    headings
        .map(|heading| {
            let kept = heading.to_lowercase().replace(' ', "-");
            kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
        })
        .collect()
}
