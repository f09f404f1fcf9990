//! The shop: its pages and screens, and where visits come from.

use crate::random::{Purpose, Random};

const SITE: &str = "https://shop.example";
/// What the SDK sends where there is no referrer.
pub const DIRECT: &str = "$direct";
/// What stands between a visitor and the seconds of a session's start in the number of a visit.
const SECONDS_BITS: u32 = 32;

const CATEGORIES: [&str; 6] = ["shoes", "jackets", "bags", "hats", "kitchen", "garden"];
const SEARCHES: [&str; 8] =
    ["boots", "rain+jacket", "backpack", "wool+hat", "pan", "garden+shears", "sneakers", "gift"];
const SCREENS: [&str; 8] =
    ["Home", "Product List", "Product", "Cart", "Checkout", "Account", "Orders", "Search"];

const SEARCH_ENGINES: [&str; 5] = [
    "https://www.google.com/",
    "https://www.google.com/",
    "https://www.bing.com/",
    "https://duckduckgo.com/",
    "https://search.yahoo.com/",
];
const SOCIAL: [&str; 5] = [
    "https://l.facebook.com/",
    "https://www.instagram.com/",
    "https://t.co/Zx81bQ",
    "https://www.reddit.com/",
    "https://www.youtube.com/",
];
const REFERRALS: [&str; 5] = [
    "https://blog.example/ten-best-boots",
    "https://news.ycombinator.com/item?id=41900001",
    "https://www.prices.example/compare?p=88",
    "https://forum.outdoor.example:8443/t/9912",
    "android-app://com.google.android.gm/",
];
const ASSISTANTS: [&str; 3] =
    ["https://chatgpt.com/", "https://www.perplexity.ai/", "https://gemini.google.com/"];
/// Source, medium, campaign, term, content and referrer; an empty text is none.
const CAMPAIGNS: [[&str; 6]; 12] = [
    ["google", "cpc", "winter-sale", "winter boots", "headline-a", "https://www.google.com/"],
    ["google", "cpc", "winter-sale", "rain jacket", "headline-b", "https://www.google.com/"],
    ["google", "cpc", "brand", "the shop", "", "https://www.google.com/"],
    ["newsletter", "email", "weekly-digest", "", "top", ""],
    ["newsletter", "email", "weekly-digest", "", "footer", ""],
    ["newsletter", "email", "reactivation", "", "", ""],
    ["instagram", "social", "spring_collection", "", "story-1", "https://l.instagram.com/"],
    ["instagram", "social", "spring_collection", "", "story-2", ""],
    ["facebook", "paid_social", "lookalike-2026", "", "carousel", "https://l.facebook.com/"],
    ["bing", "cpc", "brand", "the shop", "", "https://www.bing.com/"],
    ["criteo", "display", "retargeting", "", "300x250", ""],
    ["partner-blog", "affiliate", "ten-best-boots", "", "", "https://blog.example/ten-best-boots"],
];

/// A campaign, as the `utm_*` parameters of a landing page name it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Campaign {
    /// `utm_source`.
    pub source: Option<&'static str>,
    /// `utm_medium`.
    pub medium: Option<&'static str>,
    /// `utm_campaign`, which the context calls `name`.
    pub name: Option<&'static str>,
    /// `utm_term`.
    pub term: Option<&'static str>,
    /// `utm_content`.
    pub content: Option<&'static str>,
}

/// A page as a call on it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitePage {
    /// What kind of page it is: a page call's `name`.
    pub name: &'static str,
    /// A page call's `category`.
    pub category: &'static str,
    /// From the first `/` on.
    pub path: String,
    /// From the `?` on, or empty.
    pub search: String,
    /// The whole.
    pub url: String,
    /// Its title.
    pub title: String,
    /// The page before, or [`DIRECT`].
    pub referrer: String,
    /// Where the visit came from, or [`DIRECT`].
    pub initial_referrer: &'static str,
    /// The campaign of this page's URL.
    pub campaign: Campaign,
}

/// Where a visit came from.
struct Origin {
    referrer: &'static str,
    campaign: Campaign,
    /// The parameters of the landing page's URL.
    search: String,
}

/// The number of a visit, by which its origin and its pages are drawn.
pub fn visit(visitor: u32, start_ms: i64) -> u64 {
    // Sessions of a visitor are three quarters of an hour apart, so seconds tell them apart.
    u64::from(visitor) << SECONDS_BITS | u64::from((start_ms / 1000) as u32)
}

/// The page of this number of a visit, from 0.
pub fn page(seed: u64, visit: u64, number: u8) -> SitePage {
    let origin = origin(seed, visit);
    let GeoPlace { name, category, path, title, mut search } = place(seed, visit, number);
    let mut campaign = Campaign::default();
    let referrer = match number {
        0 => {
            search = origin.search;
            campaign = origin.campaign;
            origin.referrer.to_owned()
        }
        1 => url(&place(seed, visit, 0).path, &origin.search),
        _ => {
            let before = place(seed, visit, number - 1);
            url(&before.path, &before.search)
        }
    };
    let url = url(&path, &search);
    SitePage {
        name,
        category,
        path,
        search,
        url,
        title,
        referrer,
        initial_referrer: origin.referrer,
        campaign,
    }
}

/// The screen of this number of a visit.
pub fn screen(seed: u64, visit: u64, number: u8) -> &'static str {
    Random::of(seed, Purpose::Page, visit ^ u64::from(number) << 56).pick(&SCREENS)
}

fn url(path: &str, search: &str) -> String {
    format!("{SITE}{path}{search}")
}

fn origin(seed: u64, visit: u64) -> Origin {
    let mut random = Random::of(seed, Purpose::Origin, visit);
    let without_campaign =
        |referrer| Origin { referrer, campaign: Campaign::default(), search: String::new() };
    match random.below(100) {
        0..42 => without_campaign(DIRECT),
        42..63 => without_campaign(random.pick(&SEARCH_ENGINES)),
        63..70 => without_campaign(random.pick(&SOCIAL)),
        70..76 => without_campaign(random.pick(&REFERRALS)),
        76..79 => without_campaign(random.pick(&ASSISTANTS)),
        79..84 => Origin {
            search: format!("?gclid=Cj0KCQiA{:016x}_BwE", random.bits()),
            ..without_campaign("https://www.google.com/")
        },
        _ => campaign(random.pick(&CAMPAIGNS)),
    }
}

fn campaign([source, medium, name, term, content, referrer]: [&'static str; 6]) -> Origin {
    let set = |text: &'static str| (!text.is_empty()).then_some(text);
    let mut search = format!("?utm_source={source}&utm_medium={medium}&utm_campaign={name}");
    for (parameter, value) in [("term", term), ("content", content)] {
        if !value.is_empty() {
            search.extend(["&utm_", parameter, "=", &value.replace(' ', "+")]);
        }
    }
    let campaign = Campaign {
        source: set(source),
        medium: set(medium),
        name: set(name),
        term: set(term),
        content: set(content),
    };
    Origin { referrer: set(referrer).unwrap_or(DIRECT), campaign, search }
}

struct GeoPlace {
    name: &'static str,
    category: &'static str,
    path: String,
    title: String,
    search: String,
}

/// Where a visitor is: a visit begins on the home page, in a category or on a product, and goes on mostly to products.
fn place(seed: u64, visit: u64, number: u8) -> GeoPlace {
    let mut random = Random::of(seed, Purpose::Page, visit ^ u64::from(number) << 56);
    let category = random.pick(&CATEGORIES);
    let product = random.below(400) + 1;
    let drawn = random.below(if number == 0 { 85 } else { 100 });
    let (name, path, title, search) = match drawn {
        0..10 => ("Home", "/".to_owned(), "The shop".to_owned(), String::new()),
        10..35 => ("Product List", format!("/{category}"), format!("{category} | The shop"), String::new()),
        35..85 => (
            "Product",
            format!("/{category}/{product}"),
            format!("{category} number {product} | The shop"),
            String::new(),
        ),
        85..91 => ("Cart", "/cart".to_owned(), "Your cart | The shop".to_owned(), String::new()),
        91..94 => ("Checkout", "/checkout".to_owned(), "Checkout | The shop".to_owned(), String::new()),
        94..99 => (
            "Search",
            "/search".to_owned(),
            "Search | The shop".to_owned(),
            format!("?q={}", random.pick(&SEARCHES)),
        ),
        // What the SDK asks for to find out whether something blocks it.
        _ => {
            return GeoPlace {
                name: "RudderJS-Initiated",
                category: "RudderJS-Initiated",
                path: "/ad-blocked".to_owned(),
                title: String::new(),
                search: String::new(),
            };
        }
    };
    GeoPlace { name, category, path, title, search }
}
