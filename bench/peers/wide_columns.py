"""The columns of events that the wide tables have: of every call, and what a page call says itself goes before."""

# Name of the column: that of the warehouse's tables, and that of `pages` where it goes before.
COLUMNS = {
    "page_url": ("context_page_url", "url"),
    "page_path": ("context_page_path", "path"),
    "page_title": ("context_page_title", "title"),
    "page_referrer": ("context_page_referrer", "referrer"),
    "utm_source": ("context_campaign_source", None),
    "utm_medium": ("context_campaign_medium", None),
    "utm_campaign": ("context_campaign_name", None),
    "utm_term": ("context_campaign_term", None),
    "utm_content": ("context_campaign_content", None),
    "user_agent": ("context_user_agent", None),
    "os_name": ("context_os_name", None),
    "app_version": ("context_app_version", None),
    "locale": ("context_locale", None),
    "country": ("context_geo_country", None),
    "context_session_id": ("context_session_id", None),
}
# Folder of the table, type of its calls, and the name of their event: `None` is the call's own.
EVENTS = {"tracks": ("track", None), "pages": ("page", "page_view"), "screens": ("screen", "screen_view")}
# Rows that are no events, but say which user a device has.
EVIDENCE = {"identifies": ("identify", "identify")}
