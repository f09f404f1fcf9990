//! User agents: some 200, as browsers, apps and bots send them.

use std::sync::LazyLock;

use crate::random::Random;

/// User agents of one kind, the most frequent first.
struct AgentGroup {
    /// Of how many devices in a thousand.
    weight: u64,
    texts: Vec<String>,
}

static OF_BROWSERS: LazyLock<Vec<AgentGroup>> = LazyLock::new(browsers);
static OF_ANDROID_APPS: LazyLock<Vec<String>> = LazyLock::new(android_apps);

const WINDOWS: &str = "Windows NT 10.0; Win64; x64";
const MAC: &str = "Macintosh; Intel Mac OS X 10_15_7";
const ANDROID: &str = "Linux; Android 10; K";

const BOTS: [&str; 24] = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/143.0.0.0 Safari/537.36",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.3; +https://openai.com/gptbot)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; DuckDuckBot-Https/1.1; https://duckduckgo.com/duckduckbot)",
    "Mozilla/5.0 (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 \
     Mobile/15E148 Safari/604.1 (Applebot/0.1; +http://www.apple.com/go/applebot)",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) \
     Chrome/143.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Twitterbot/1.0",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
    "Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)",
    "python-requests/2.32.3",
    "curl/8.9.1",
    "Go-http-client/2.0",
    "axios/1.7.7",
];

const IN_APPS: [&str; 8] = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22B83 \
     Instagram 358.0.0.27.109 (iPhone15,2; iOS 18_1; en_GB; en; scale=3.00; 1179x2556; 664772108)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22C152 \
     [FBAN/FBIOS;FBAV/491.1.0.62.114;FBBV/672341234;FBDV/iPhone16,1;FBMD/iPhone;FBSN/iOS;FBSV/18.2;FBSS/3;FBLC/de_DE]",
    "Mozilla/5.0 (Linux; Android 14; SM-S918B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
     Version/4.0 Chrome/131.0.6778.200 Mobile Safari/537.36 Instagram 361.0.0.46.88 Android",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UD1A.230803.041; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
     Version/4.0 Chrome/131.0.6778.135 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/494.0.0.55.74;]",
    "Mozilla/5.0 (Linux; Android 13; CPH2307 Build/TP1A.220905.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
     Version/4.0 Chrome/130.0.6723.107 Mobile Safari/537.36 trill_380204 BytedanceWebview/d8a21c6",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21G93 \
     Snapchat/13.21.0.43 (like Safari/8618.3.11.10.5, panda)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22B91 \
     LinkedInApp/9.30.1234",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/342.0.693598186 \
     Mobile/15E148 Safari/604.1",
];

/// The user agent of a browser; of two in a hundred devices it is that of a bot.
pub fn of_browser(random: &mut Random) -> &'static str {
    let groups: &'static [AgentGroup] = &OF_BROWSERS;
    let mut point = random.below(groups.iter().map(|group| group.weight).sum());
    let group = groups.iter().find(|group| {
        let is_inside = point < group.weight;
        point = point.saturating_sub(group.weight);
        is_inside
    });
    // The point is below the sum of all weights.
    one_of(&group.unwrap_or(&groups[0]).texts, random)
}

/// What the SDK for Android sends; that for iOS sends none.
pub fn of_android_app(random: &mut Random) -> &'static str {
    one_of(&OF_ANDROID_APPS, random)
}

fn one_of(texts: &'static [String], random: &mut Random) -> &'static str {
    let all = texts.len() as u64;
    // Mostly the first ones, but the last ones too: a number that is skewed lies below four times its mean.
    let place = if random.below(4) == 0 { random.below(all) } else { random.skewed(all) / 4 };
    &texts[place as usize]
}

fn browsers() -> Vec<AgentGroup> {
    let all = |versions: std::ops::RangeInclusive<u32>, text: &dyn Fn(u32) -> String| -> Vec<String> {
        versions.rev().map(text).collect()
    };
    let chrome = |system: &'static str, mobile: &'static str| {
        move |version| {
            format!(
                "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0{mobile} Safari/537.36"
            )
        }
    };
    let edge = |version| format!("{} Edg/{version}.0.0.0", chrome(WINDOWS, "")(version));
    let opera = |version| format!("{} OPR/{version}.0.0.0", chrome(WINDOWS, "")(version + 15));
    let samsung = |version| {
        format!(
            "Mozilla/5.0 ({ANDROID}) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/{version}.0 \
             Chrome/{}.0.0.0 Mobile Safari/537.36",
            version * 4 + 17
        )
    };
    let firefox =
        |version| format!("Mozilla/5.0 ({WINDOWS}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0");
    let firefox_android = |version| {
        format!("Mozilla/5.0 (Android 14; Mobile; rv:{version}.0) Gecko/{version}.0 Firefox/{version}.0")
    };
    let safari = |version: u32| {
        let (major, minor) = (version / 10, version % 10);
        format!(
            "Mozilla/5.0 ({MAC}) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{major}.{minor} Safari/605.1.15"
        )
    };
    let iphone = |version: u32| {
        let (major, minor) = (version / 10, version % 10);
        format!(
            "Mozilla/5.0 (iPhone; CPU iPhone OS {major}_{minor} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like \
             Gecko) Version/{major}.{minor} Mobile/15E148 Safari/604.1"
        )
    };
    let ipad = |version: u32| iphone(version).replace("iPhone; CPU iPhone OS", "iPad; CPU OS");
    let chrome_ios = |version: u32| {
        format!(
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
             CriOS/{version}.0.6834.78 Mobile/15E148 Safari/604.1"
        )
    };
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    vec![
        AgentGroup { weight: 290, texts: all(118..=143, &chrome(WINDOWS, "")) },
        AgentGroup { weight: 200, texts: [all(180..=186, &iphone), all(170..=176, &iphone)].concat() },
        AgentGroup { weight: 180, texts: all(122..=143, &chrome(ANDROID, " Mobile")) },
        AgentGroup { weight: 90, texts: all(124..=143, &chrome(MAC, "")) },
        AgentGroup { weight: 60, texts: [all(180..=186, &safari), all(170..=176, &safari)].concat() },
        AgentGroup { weight: 40, texts: all(132..=143, &edge) },
        AgentGroup { weight: 30, texts: all(130..=145, &firefox) },
        AgentGroup { weight: 25, texts: owned(&IN_APPS) },
        AgentGroup { weight: 20, texts: owned(&BOTS) },
        AgentGroup { weight: 20, texts: all(23..=29, &samsung) },
        AgentGroup { weight: 15, texts: all(134..=142, &chrome("X11; Linux x86_64", "")) },
        AgentGroup { weight: 10, texts: all(132..=141, &chrome_ios) },
        AgentGroup { weight: 8, texts: all(140..=145, &firefox_android) },
        AgentGroup { weight: 7, texts: all(112..=119, &opera) },
        AgentGroup { weight: 5, texts: all(160..=166, &ipad) },
    ]
}

fn android_apps() -> Vec<String> {
    let models = [
        ("14", "Pixel 8", "UD1A.230803.041"),
        ("14", "SM-S918B", "UP1A.231005.007"),
        ("13", "SM-A536B", "TP1A.220624.014"),
        ("15", "Pixel 9", "AP4A.250105.002"),
        ("12", "M2101K6G", "SKQ1.210908.001"),
        ("13", "CPH2307", "TP1A.220905.001"),
    ];
    let text = |(version, model, build)| {
        format!("Dalvik/2.1.0 (Linux; U; Android {version}; {model} Build/{build})")
    };
    models.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::{BOTS, OF_ANDROID_APPS, OF_BROWSERS, of_browser};
    use crate::random::{Purpose, Random};
    use std::collections::BTreeSet;

    #[test]
    fn there_are_about_two_hundred_and_each_once() {
        let texts = || OF_BROWSERS.iter().flat_map(|group| &group.texts).chain(OF_ANDROID_APPS.iter());
        let distinct: BTreeSet<&String> = texts().collect();
        assert_eq!(distinct.len(), texts().count());
        assert!((190..=230).contains(&distinct.len()), "{}", distinct.len());
        // They are written into JSON as they are.
        assert!(distinct.iter().all(|text| text.chars().all(|c| !c.is_control() && !"\"\\".contains(c))));
        assert_eq!(OF_BROWSERS.iter().map(|group| group.weight).sum::<u64>(), 1000);
    }

    #[test]
    fn every_one_is_drawn_and_bots_seldom() {
        let mut random = Random::of(1, Purpose::Device, 1);
        let drawn: Vec<&str> = (0..200_000).map(|_| of_browser(&mut random)).collect();
        let all: usize = OF_BROWSERS.iter().map(|group| group.texts.len()).sum();
        assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), all);
        let bots = drawn.iter().filter(|text| BOTS.contains(text)).count();
        assert!((3_500..4_500).contains(&bots), "{bots}");
    }
}
