#!/usr/bin/env python3
"""walk.py [--pictures OUT]    a person goes through all pages in Chromium, without JavaScript, in English and in German.

The server stands behind nginx with TLS, as in life, under the names that its links have; the browser is told where those are.
What is measured stands in walk.mjs. This is what is around the browser: the mails, the issue that is sent, the store.
"""
import datetime
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import common
from aiosmtpd_server import free_port, openssl
from common import expect
from look import NODE_MODULES
from posting import wait_for
from serving import POST, Inbox, Site, Web, moment
from web_people import settled
from web_rules import log_faults

JUDGE = Path(__file__).resolve().parent / "walk.mjs"
LANGUAGES = {"en": dict(title="Lindenhof Health", weekly="Lindenhof weekly", letter="Letters about products"),
             "de": dict(title="Lindenhof Gesundheit", weekly="Der Wochenbrief", letter="Briefe über Produkte", language="de")}
# As in the README: TLS ends here, and the server learns who asks.
PROXY = """
daemon off; master_process off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi; uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    server_name news.example.org example.org;
    ssl_certificate {dir}/news.example.org.pem;
    ssl_certificate_key {dir}/news.example.org.key;
    location / {{
      proxy_pass http://127.0.0.1:{to};
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""


class Around:
    """What walk.mjs asks for, by name, and gets as JSON."""

    def __init__(self, site, inbox, web):
        self.site, self.inbox, self.web, self.day = site, inbox, web, 0

    def link(self, to, kind, after="0"):
        return self.inbox.link(to, kind, 20, int(after))

    def mails(self, to):
        return len(self.inbox.to(to))

    def issue(self, to):
        """Writes a post, sends the issue that has it, and builds: the mail's links."""
        day, before = self.day, len(self.inbox.to(to))
        self.day += 1
        at = moment(self.site.due + datetime.timedelta(days=day, hours=-2))
        self.site.write("walk%d" % day, POST.format(id="walk%d" % day, title="Walk %d" % day, date=at, category="care", topic="forms"))
        status, _, err = self.site.send(day)
        if status != 0:
            return {"error": err}
        # The archive shows what was sent, by the clock of the issue.
        self.site.must("build", now=moment(self.site.due + datetime.timedelta(days=day, hours=1)))
        wait_for(lambda: len(self.inbox.to(to)) > before, 10)
        mails = self.inbox.to(to)[before:]
        return {"mails": len(mails), "html": mails[0].get_body(("html",)).get_content() if mails else "", "at": "/digest/weekly/"}

    def state(self, of):
        rows = self.site.rows("SELECT id, choice, paused_until FROM subscriber WHERE address = ?", of)
        if not rows:
            return {"known": False}
        of_digests = dict(self.site.rows("SELECT digest, state FROM subscription WHERE subscriber_id = ?", rows[0][0]))
        return {"known": True, "choice": rows[0][1], "paused": rows[0][2], **of_digests}

    def scan(self, link):
        """What a scanner of links does before the person comes: whether it changed anything."""
        settled(self.inbox)
        before = self.site.dump()
        for method in ("GET", "HEAD", "GET"):
            self.web.ask(method, self.site.at(link), {"Sec-Purpose": "prefetch"})
        return self.site.dump() != before


def listening(around):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = urlsplit(self.path)
            told = json.dumps(getattr(around, asked.path.strip("/"))(**dict(parse_qsl(asked.query)))).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_):
            pass
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def proxied(folder, to):
    """nginx with TLS before the server: (process, port)."""
    openssl(folder, "news.example.org", "-addext", "subjectAltName=DNS:news.example.org,DNS:example.org")
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(PROXY.format(dir=folder, port=port, to=to))
    server = subprocess.Popen([shutil.which("nginx", path="/usr/sbin:/usr/bin"), "-p", str(folder), "-c", str(config)], stderr=subprocess.DEVNULL)

    def answers():
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        except OSError:
            return False
    expect(wait_for(answers, 10), "nginx stands before it", (folder / "error.log").read_text() if (folder / "error.log").exists() else "")
    return server, port


def walk(folder, language, *options):
    with Inbox(log=folder / "mails") as inbox:
        site = Site(folder / "site", inbox.port, serve='trusted_proxies = ["127.0.0.1"]', **LANGUAGES[language])
        with Web(site) as web:
            nginx, port = proxied(folder, web.port)
            helper = listening(Around(site, inbox, web))
            try:
                command = ["node", str(JUDGE), "--language", language, "--port", str(port), "--around", "http://127.0.0.1:%d" % helper.server_port, *options]
                done = subprocess.run(command, env={**os.environ, "NODE_MODULES": str(NODE_MODULES)}, text=True, timeout=300,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            finally:
                helper.shutdown()
                nginx.terminate()
                nginx.wait(10)
            print(done.stdout, end="")
            expect(done.returncode == 0, "%s: the walk" % language, "status %d" % done.returncode)
            faults = log_faults(web.lines(), ["walker"])
            expect(not faults, "%s: the access log names nobody" % language, faults[:3])
            expect(web.stop() == 0, "%s: the server ends in order" % language)


if __name__ == "__main__":
    with common.Folder() as path:
        with ThreadPoolExecutor(len(LANGUAGES)) as pool:
            for name in LANGUAGES:
                (path / name).mkdir()
            for done in [pool.submit(walk, path / name, name, *sys.argv[1:]) for name in LANGUAGES]:
                done.result()
    common.finish()
