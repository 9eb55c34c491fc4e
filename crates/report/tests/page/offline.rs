//! A page asks the network for nothing, and nothing that a user wrote becomes markup.

use crate::world::{TREND, World, between, data, markup, panel, wave};

#[test]
fn nothing_is_fetched() {
    let page = World::waves(100, &[TREND, TREND]).page();
    for call in [
        "@import",
        "fetch(",
        "XMLHttpRequest",
        "WebSocket",
        "EventSource",
        "sendBeacon",
        "importScripts",
        "import(",
        " src=",
        "<link rel=\"stylesheet",
        "<iframe",
        "<object",
        "<img",
        "<base",
    ] {
        assert!(!page.contains(call), "{call}");
    }
    let addresses: Vec<&str> =
        page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()).collect();
    assert_eq!(addresses, ["data:,"]);
    assert!(!page.contains("url("), "style that loads something");
    assert!(page.contains(
        "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\""
    ));
    // Where uPlot says what it is, and nowhere else.
    let links: Vec<&str> = page
        .match_indices("http")
        .map(|(at, _)| &page[at..])
        .filter(|rest| rest.starts_with("http:") || rest.starts_with("https:"))
        .collect();
    assert_eq!(links.len(), 1);
    assert!(links[0].starts_with("https://github.com/leeoniya/uPlot (v1.6.32)"));
}

#[test]
fn what_users_name_stays_text() {
    let evil = r#"</script><script>alert(1)</script><!--<b>"quoted" 'n' & <img>"#;
    let quoted = serde_json::to_string(evil).expect("a string");
    let text = TREND.replace("name = \"trend\"", &format!("name = {quoted}\ndescription = {quoted}"));
    let mut world = World::new(panel(100, &["A<b>&", "</script>", "C\"'", "D"], wave), &[&text, &text]);
    evil.clone_into(&mut world.source);
    world.ledger.ignored_columns = vec![evil.to_owned()];
    assert_eq!(world.strategies[0].name, evil);
    let page = world.page();
    let plain = World::waves(100, &[TREND, TREND]).page();
    for tag in ["<script", "</script", "<b>", "<!--", "<img", "alert(1)<"] {
        assert_eq!(page.matches(tag).count(), plain.matches(tag).count(), "{tag}");
    }
    let markup = markup(&page);
    assert!(!markup.contains("<script") && !markup.contains("<b>"));
    assert!(markup.contains("&lt;/script&gt;"));
    assert_eq!(data(&page)["reports"][0]["strategy"], evil);
    let title = between(&markup, "<svg class=\"graph\"", "</title>");
    assert!(title.contains("&lt;script&gt;") && !title.contains("<b"), "{title}");
}
