#!/usr/bin/env python3
"""nginx serves the output: the media types of the snippet that `build` writes, and 304 after a build that changed nothing."""
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import common
from common import expect

CONFIG = """
daemon off;
master_process off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  types {{ text/html html; text/css css; }}
  default_type application/octet-stream;
  client_body_temp_path {dir}/body;
  proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi;
  scgi_temp_path {dir}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {root};
    {include}
  }}
}}
"""
MEDIA = {"atom.xml": "application/atom+xml", "rss.xml": "application/rss+xml", "feed.json": "application/feed+json",
         "feeds/feeds.opml": "text/x-opml", "feeds/index.html": "text/html", "feeds/style.css": "text/css"}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def get(url, **headers):
    request = urllib.request.Request(url, headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers.items())
    except urllib.error.HTTPError as e:
        return e.code, dict(e.headers.items())


def start(folder, root, include):
    """nginx on a free port of the loopback: (process, address). Another may take the port first, hence three tries."""
    for _ in range(3):
        port = free_port()
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(dir=folder, root=root, port=port, include=include))
        server = subprocess.Popen([shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"),
                                   "-p", str(folder), "-c", str(config)], stderr=subprocess.PIPE, text=True)
        for _ in range(100):
            if server.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return server, "http://127.0.0.1:%d/" % port
            except OSError:
                time.sleep(0.05)
        if server.poll() is None:
            server.kill()
        said = server.communicate()[1]
    common.wrong("nginx does not start: %s" % said)
    common.finish()


with common.Folder() as folder:
    site = common.copy_sample(folder / "site")
    common.build(site)
    snippets = sorted((site / ".tidings" / "hosting").glob("*nginx*"))
    expect(len(snippets) == 1, "`build` writes a snippet for nginx", snippets)
    server, address = start(folder, site / "public", "include %s;" % snippets[0] if snippets else "")
    try:
        seen = {}
        for path, media in MEDIA.items():
            status, headers = get(address + path)
            got = headers.get("Content-Type", "")
            expect(status == 200 and got.split(";")[0] == media, "%s is served as %s" % (path, media), "%s %s" % (status, got))
            if media.startswith(("application", "text/x-")):
                expect(got.lower().endswith("charset=utf-8"), "%s comes with its charset" % path, got)
            seen[path] = headers
        status, headers = get(address + "category/care/atom.xml")
        expect(status == 200 and headers.get("Content-Type", "").startswith("application/atom+xml"), "so is the feed of a term", headers)
        time.sleep(1.1)  # Last-Modified counts in seconds
        report = common.build(site)
        expect(not report["written"], "the second build changes nothing", report["written"][:3])
        for path in MEDIA:
            status, _ = get(address + path, If_None_Match=seen[path].get("ETag", ""))
            expect(status == 304, "%s: 304 by its ETag" % path, status)
            status, _ = get(address + path, If_Modified_Since=seen[path].get("Last-Modified", ""))
            expect(status == 304, "%s: 304 by its Last-Modified" % path, status)
        settings = site / "tidings.toml"
        settings.write_text(settings.read_text().replace('"Lindenhof Health"', '"Lindenhof"', 1))
        common.build(site)
        status, _ = get(address + "atom.xml", If_None_Match=seen["atom.xml"].get("ETag", ""))
        expect(status == 200, "atom.xml: 200 after a build that changed it", status)
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
common.finish()
