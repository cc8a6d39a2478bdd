# Feeds and nothing else: a post is rendered, since feeds show it, but has no page of its own.
class Jekyll::Document
  def write(_folder); end
end
