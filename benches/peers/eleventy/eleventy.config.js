// Feeds and nothing else: a post has `permalink: false`, and each feed is one page of a pagination over all feeds.
const axes = { categories: "categories", topics: "topics", tags: "names", authors: "authors" };

module.exports = function (config) {
  config.addFilter("rfc822", (date) => date.toUTCString());
  config.addCollection("feeds", (api) => {
    const feeds = new Map([["rss.xml", []]]);
    for (const post of api.getFilteredByGlob("blog/*.md").sort((a, b) => b.date - a.date)) {
      const files = Object.entries(axes).flatMap(([axis, key]) => (post.data[key] || []).map((term) => `${axis}/${term}/rss.xml`));
      for (const file of ["rss.xml", ...files]) {
        if (!feeds.has(file)) feeds.set(file, []);
        feeds.get(file).push(post);
      }
    }
    return [...feeds].map(([file, posts]) => ({ file, posts: posts.slice(0, @ITEMS@) }));
  });
  return { dir: { input: ".", output: "public" }, markdownTemplateEngine: false };
};
