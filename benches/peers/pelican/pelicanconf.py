# Feeds and nothing else: nothing has a place to be saved to, and there is no template of a page.
SITENAME = "Bench"
SITEURL = FEED_DOMAIN = "https://example.com"
PATH, OUTPUT_PATH, TIMEZONE = "content", "public", "UTC"
STATIC_PATHS = THEME_STATIC_PATHS = DIRECT_TEMPLATES = []
ARTICLE_SAVE_AS = PAGE_SAVE_AS = DRAFT_SAVE_AS = CATEGORY_SAVE_AS = TAG_SAVE_AS = AUTHOR_SAVE_AS = ""
FEED_ALL_ATOM = CATEGORY_FEED_ATOM = AUTHOR_FEED_ATOM = TAG_FEED_ATOM = TRANSLATION_FEED_ATOM = None
FEED_ALL_RSS = "rss.xml"
CATEGORY_FEED_RSS = "categories/{slug}/rss.xml"
TAG_FEED_RSS = "tags/{slug}/rss.xml"
AUTHOR_FEED_RSS = "authors/{slug}/rss.xml"
RSS_FEED_SUMMARY_ONLY = False
FEED_MAX_ITEMS = @ITEMS@
CACHE_CONTENT = LOAD_CONTENT_CACHE = False
MARKDOWN = {"extension_configs": {"markdown.extensions.extra": {}, "markdown.extensions.meta": {}}}
