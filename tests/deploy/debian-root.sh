#!/usr/bin/env bash
# debian-root.sh FOLDER: the files of a bare Debian 12 with this machine's Node and npm, and its settings of package registries.
# Needs root and debootstrap.
set -euo pipefail
root=${1:?usage: debian-root.sh FOLDER}
sources=/etc/apt/sources.list.d/debian.sources
mirror=$(awk '/^URIs:/ { print $2; exit }' "$sources")
if [ ! -f "$root/.made" ]; then
  rm -rf "$root"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$mirror" >&2
  cp "$sources" "$root/etc/apt/sources.list.d/"
  rm -f "$root/etc/apt/sources.list"
  cp /etc/apt/apt.conf.d/99* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  for file in /etc/pip.conf ~/.config/pip/pip.conf ~/.pip/pip.conf; do
    if [ -f "$file" ]; then cp "$file" "$root/etc/pip.conf"; fi
  done
  mkdir -p "$root/usr/local/bin" "$root/usr/local/etc" "$root/usr/local/include" "$root/usr/local/lib/node_modules"
  # Headers lie where Node's own images have them; a machine that is told where its own are has no way to nodejs.org.
  cat ~/.npmrc /usr/etc/npmrc /etc/npmrc 2>/dev/null | sed 's|^nodedir=.*|nodedir=/usr/local|' > "$root/usr/local/etc/npmrc" || true
  cp -L "$(command -v node)" "$root/usr/local/bin/node"
  cp -a "$(dirname "$(dirname "$(command -v node)")")/include/node" "$root/usr/local/include/"
  cp -a "$(npm root -g)/npm" "$root/usr/local/lib/node_modules/"
  for command in npm npx; do ln -sf "../lib/node_modules/npm/bin/$command-cli.js" "$root/usr/local/bin/$command"; done
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb
  touch "$root/.made"
fi
