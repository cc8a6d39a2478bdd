#!/usr/bin/env python3
"""serving.py [--rounds R] [--seconds S] [--log on|buffered|off]    `tidings serve` beside nginx, on the same files and machine.

Both serve the output of one site over plain HTTP on loopback, and write a line of JSON for each request into a file: nginx as it
comes (`--log on`), or with a buffer of 64 KB, or neither does. nginx has two workers, sendfile, tcp_nopush and keep-alive without a
limit of requests; both see a build at once, unless `--cache` lets nginx look at a file once a second only. wrk asks over 64 connections; who is not asked is stopped. They run in turn, A B A B; what
stands at the end are medians, and medians of the ratios within a round. Then each holds 2,000 idle connections.

Needs `cargo build --release --bin tidings`, nginx and wrk (Debian: nginx-light, wrk).
"""
import argparse
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", TOP / "target"))
TIDINGS = TARGET / "release" / "tidings"
LINES, IDLE, SIZE = 64, 2_000, 200_000
SETTINGS = """
[site]
title = "Bench"
url = "https://example.org/"
[feeds]
id_prefix = "tag:example.org,2026:"
bytes = "5 MB"
[serve]
public_url = "https://news.example.org"
"""
NGINX = """
worker_processes 2;
worker_rlimit_nofile 8192;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 4096; }}
http {{
  log_format json escape=json '{{"at":"$time_iso8601","id":"$request_id","method":"$request_method","path":"$uri","status":$status,'
                              '"bytes":$body_bytes_sent,"ms":$request_time,"client":"$remote_addr"}}';
  access_log {log};
  types {{ application/atom+xml xml; application/feed+json json; text/html html; text/css css; }}
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  etag on;
  {cache}
  keepalive_timeout 75s;
  keepalive_requests 100000000;
  client_body_temp_path {dir}/body;
  proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi;
  scgi_temp_path {dir}/scgi;
  server {{
    listen 127.0.0.1:{port};
    root {root};
    add_header Cache-Control "max-age=300";
  }}
}}
"""


def site(root):
    """A site with a feed of 200 KB."""
    posts = root / "content" / "posts"
    posts.mkdir(parents=True)
    (root / "tidings.toml").write_text(SETTINGS)
    words = 1_500
    for _ in range(6):
        for i in range(20):
            # Words of no pattern, so that nothing is smaller than it would be in life.
            text = " ".join("%x" % ((i * 7919 + j * 104_729) * 2_654_435_761 % 2**32) for j in range(words))
            (posts / ("p%02d.md" % i)).write_text("---\nid: p%02d\ntitle: Post %d\ndate: 2025-11-%02d\nsummary: Words.\n---\n%s\n" % (i, i, i + 1, text))
        subprocess.run([TIDINGS, "--root", root, "-q", "build"], check=True)
        size = (root / "public" / "atom.xml").stat().st_size
        if abs(size - SIZE) < SIZE // 50:
            break
        words = max(1, round(words * SIZE / size))
    return size


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A server, until it is stopped; `processes` are all that belong to it."""

    def __init__(self, command, port, log):
        self.port = port
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("%s does not start" % command[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def memory(self):
        """What all its processes hold, in MiB: what they share is counted once."""
        own = self.process.pid
        children = Path("/proc/%d/task/%d/children" % (own, own)).read_text().split()
        return sum(int(re.search(r"Pss:\s+(\d+)", Path("/proc/%s/smaps_rollup" % pid).read_text())[1]) for pid in [own, *children]) / 1024


def tidings(root, folder, log, _):
    port = free_port()
    out = subprocess.DEVNULL if log == "off" else open(folder / "tidings.log", "ab")
    quiet = ["-q"] if log == "off" else []
    return Running([TIDINGS, "--root", root, *quiet, "serve", "--address", "127.0.0.1:%d" % port], port, out)


def nginx(root, folder, log, cache):
    port = free_port()
    where = {"on": "%s/access.log json" % folder, "buffered": "%s/access.log json buffer=64k flush=1s" % folder, "off": "off"}[log]
    (folder / "nginx.conf").write_text(NGINX.format(dir=folder, root=root / "public", port=port, log=where,
                                                   cache="open_file_cache max=1000; open_file_cache_valid 1s;" if cache else ""))
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    return Running([program, "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;"], port, subprocess.DEVNULL)


def wrk(port, seconds, *headers, status):
    """Requests per second, of answers that have this status."""
    url = "http://127.0.0.1:%d/atom.xml" % port
    one = subprocess.run(["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", *(part for h in headers for part in ("-H", h)), url], capture_output=True, text=True)
    if one.stdout != str(status):
        sys.exit("port %d answers %s, and not %d" % (port, one.stdout, status))
    done = subprocess.run(["wrk", "-t", "2", "-c", str(LINES), "-d", "%ds" % seconds, *(part for h in headers for part in ("-H", h)), url],
                          capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in done or "Socket errors" in done:
        sys.exit(done)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1])


def etag(port):
    with urllib.request.urlopen("http://127.0.0.1:%d/atom.xml" % port) as answer:
        return answer.headers["ETag"]


def idle(server):
    before = server.memory()
    lines = [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(IDLE)]
    for line in lines:
        line.sendall(b"HEAD /atom.xml HTTP/1.1\r\nHost: example.org\r\n\r\n")
    for line in lines:
        line.recv(4_096)
    time.sleep(1)
    more = server.memory() - before
    for line in lines:
        line.close()
    return more


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 10_000), hard))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--log", choices=["on", "buffered", "off"], default="on")
    parser.add_argument("--cache", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        folder = Path(folder)
        # The workers of nginx are another user's.
        folder.chmod(0o755)
        size = site(folder / "site")
        servers = {"tidings": tidings, "nginx": nginx}
        results, idles = [], {name: [] for name in servers}
        for _ in range(options.rounds):
            one = {}
            for name, start in servers.items():
                with start(folder / "site", folder, options.log, options.cache) as server:
                    tag = etag(server.port)
                    wrk(server.port, 1, status=200)
                    one[name] = (wrk(server.port, options.seconds, "If-None-Match: " + tag, status=304), wrk(server.port, options.seconds, status=200))
                with start(folder / "site", folder, options.log, options.cache) as server:
                    idles[name].append(idle(server))
                for log in folder.glob("*.log"):
                    log.unlink()
            results.append(one)
        print("a feed of %d bytes over %d connections; the access log is %s for both; nginx %s\n" %
              (size, LINES, options.log, "looks once a second" if options.cache else "looks each time"))
        print("|         | 304 by ETag/s | 200 of %3d KB/s | MiB for %d idle |\n|---------|--------------:|----------------:|------------------:|"
              % (size // 1000, IDLE))
        for name in servers:
            a, b = (statistics.median(r[name][i] for r in results) for i in range(2))
            print("| %-7s | %13.0f | %15.0f | %17.1f |" % (name, a, b, statistics.median(idles[name])))
        for i, what in enumerate(("304", "200")):
            ratios = [r["tidings"][i] / r["nginx"][i] for r in results]
            print("\ntidings / nginx, %s: %.2f, from %.2f to %.2f in %d rounds" % (what, statistics.median(ratios), min(ratios), max(ratios), options.rounds), end="")
        print()


if __name__ == "__main__":
    main()
