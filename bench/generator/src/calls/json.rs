//! A raw line of a call, keys in alphabetical order as the uploader writes them.

use std::io::Write;

use super::details::{Details, referring_domain};
use super::device::{Device, Platform};
use super::site::{Campaign, SitePage};
use crate::arrivals::Call;
use crate::line::text_time;

/// Appends the call's line, its line feed included.
pub fn push(details: &Details, out: &mut Vec<u8>) {
    // Writing to memory cannot fail.
    write_line(details, out).expect("memory takes every write");
    out.push(b'\n');
}

fn write_line(details: &Details, out: &mut Vec<u8>) -> std::io::Result<()> {
    write!(out, r#"{{"anonymousId":"{}","channel":"{}","#, details.anonymous_id, details.sender.channel)?;
    write_context(details, out)?;
    if details.call == Call::Track {
        write!(out, r#""event":"{}","#, details.event_text)?;
    }
    write!(out, r#""integrations":{{"All":true}},"messageId":"{}","#, details.id)?;
    match (details.call, &details.page, details.screen) {
        (Call::Page, Some(page), _) => write!(out, r#""name":"{}","#, page.name)?,
        (_, _, Some(screen)) => write!(out, r#""name":"{screen}","#)?,
        _ => {}
    }
    write!(out, r#""originalTimestamp":"{}","#, text_time(details.original_timestamp))?;
    write_properties(details, out)?;
    write!(
        out,
        r#""receivedAt":"{}","request_ip":"{}","rudderId":"{}","sentAt":"{}","timestamp":"{}","#,
        text_time(details.received_at),
        details.ip,
        details.anonymous_id,
        text_time(details.sent_at),
        text_time(details.timestamp),
    )?;
    let call = match details.call {
        Call::Track | Call::Damaged(_) => "track",
        Call::Page => "page",
        Call::Screen => "screen",
        Call::Identify => "identify",
    };
    let user_id = details.user_id.as_ref().map_or("", |id| id.as_str());
    write!(out, r#""type":"{call}","userId":"{user_id}"}}"#)
}

fn write_context(details: &Details, out: &mut Vec<u8>) -> std::io::Result<()> {
    let sender = details.sender;
    write!(out, r#""context":{{"#)?;
    if let (Some((name, namespace)), Some(device)) = (sender.app, &details.device) {
        let version = device.app_version;
        write!(out, r#""app":{{"name":"{name}","namespace":"{namespace}","version":"{version}"}},"#)?;
    }
    if let Some(page) = &details.page {
        write_campaign(page.campaign, out)?;
    }
    if let Some(device) = &details.device {
        write_device(device, out)?;
        write!(out, r#""geo":{{"city":"{}","country":"{}"}},"#, device.city, device.country)?;
    }
    write!(out, r#""ip":"{}","#, details.ip)?;
    write!(out, r#""library":{{"name":"{}","version":"{}"}},"#, sender.library, sender.library_version)?;
    if let Some(device) = &details.device {
        write!(out, r#""locale":"{}","#, device.locale)?;
        if let Some(carrier) = device.carrier {
            write!(out, r#""network":{{"carrier":"{carrier}","wifi":true}},"#)?;
        }
        write_system(device, sender.system.unwrap_or_default(), out)?;
        if let Some(page) = &details.page {
            write!(out, r#""page":{{"#)?;
            write_page(page, out)?;
            let (from, host) = (page.initial_referrer, referring_domain(page.initial_referrer));
            write!(out, r#","initial_referrer":"{from}","initial_referring_domain":"{host}"}},"#)?;
        }
        let (width, height) = device.screen;
        write!(out, r#""screen":{{"density":2,"height":{height},"width":{width}}},"#)?;
    }
    if let Some(id) = details.session_id {
        write!(out, r#""sessionId":{id},"#)?;
    }
    if details.starts_session {
        write!(out, r#""sessionStart":true,"#)?;
    }
    if let Some(device) = &details.device {
        write!(out, r#""timezone":"{}","#, device.time_zone)?;
    }
    match details.email() {
        Some(email) => write!(out, r#""traits":{{"email":"{email}","plan":"standard"}}"#)?,
        None => write!(out, r#""traits":{{}}"#)?,
    }
    if let Some(agent) = details.device.and_then(|device| device.user_agent) {
        write!(out, r#","userAgent":"{agent}""#)?;
    }
    write!(out, "}},")
}

fn write_campaign(campaign: Campaign, out: &mut Vec<u8>) -> std::io::Result<()> {
    let Campaign { source, medium, name, term, content } = campaign;
    let fields =
        [("content", content), ("medium", medium), ("name", name), ("source", source), ("term", term)];
    write!(out, r#""campaign":{{"#)?;
    let set = fields.into_iter().filter_map(|(key, value)| Some((key, value?)));
    for (place, (key, value)) in set.enumerate() {
        write!(out, r#"{}"{key}":"{value}""#, if place > 0 { "," } else { "" })?;
    }
    write!(out, "}},")
}

fn write_device(device: &Device, out: &mut Vec<u8>) -> std::io::Result<()> {
    let Some([manufacturer, model, _]) = device.phone else { return Ok(()) };
    let system = if device.platform == Platform::Ios { "iOS" } else { "Android" };
    write!(out, r#""device":{{"manufacturer":"{manufacturer}","model":"{model}","type":"{system}"}},"#)
}

/// The SDK for browsers sends the object with empty texts.
fn write_system(device: &Device, name: &str, out: &mut Vec<u8>) -> std::io::Result<()> {
    let version = device.phone.map_or("", |[_, _, version]| version);
    write!(out, r#""os":{{"name":"{name}","version":"{version}"}},"#)
}

/// What context and properties say of a page alike, without the braces.
fn write_page(page: &SitePage, out: &mut Vec<u8>) -> std::io::Result<()> {
    let SitePage { path, search, url, title, referrer, .. } = page;
    write!(
        out,
        r#""path":"{path}","referrer":"{referrer}","referring_domain":"{}","search":"{search}","title":"{title}","url":"{url}""#,
        referring_domain(referrer)
    )
}

fn write_properties(details: &Details, out: &mut Vec<u8>) -> std::io::Result<()> {
    match (details.call, &details.page) {
        (Call::Page, Some(page)) => {
            write!(out, r#""properties":{{"category":"{}","name":"{}","#, page.category, page.name)?;
            write_page(page, out)?;
            write!(out, "}},")
        }
        // Traits stand in the context.
        (Call::Identify, _) => Ok(()),
        _ => {
            let product = u64::from(details.visitor) % 400 + 1;
            write!(out, r#""properties":{{"currency":"EUR","product_id":"{product}","quantity":1}},"#)
        }
    }
}
