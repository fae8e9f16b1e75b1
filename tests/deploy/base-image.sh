#!/usr/bin/env bash
# base-image.sh NAME FOLDER: an image like node:bookworm-slim for a machine that reaches no image registry, made of
# Debian's packages and this machine's Node and npm, with this machine's settings of package registries.
# Needs root, debootstrap and buildah.
set -euo pipefail
name=${1:?usage: base-image.sh NAME FOLDER} root=${2:?}
sources=/etc/apt/sources.list.d/debian.sources
mirror=$(awk '/^URIs:/ { print $2; exit }' "$sources")
if [ ! -f "$root/.made" ]; then
  rm -rf "$root"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$mirror" >&2
  cp "$sources" "$root/etc/apt/sources.list.d/"
  rm -f "$root/etc/apt/sources.list"
  cp /etc/apt/apt.conf.d/99* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
  cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  mkdir -p "$root/usr/local/bin" "$root/usr/local/etc" "$root/usr/local/include" "$root/usr/local/lib/node_modules"
  # Headers lie where Node's own images have them.
  cat ~/.npmrc /usr/etc/npmrc /etc/npmrc 2>/dev/null | grep -v '^nodedir' > "$root/usr/local/etc/npmrc" || true
  cp -L "$(command -v node)" "$root/usr/local/bin/node"
  cp -a "$(dirname "$(dirname "$(command -v node)")")/include/node" "$root/usr/local/include/"
  cp -a "$(npm root -g)/npm" "$root/usr/local/lib/node_modules/"
  for command in npm npx; do ln -sf "../lib/node_modules/npm/bin/$command-cli.js" "$root/usr/local/bin/$command"; done
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*.deb
  touch "$root/.made"
fi
container=$(buildah from scratch)
buildah add --quiet "$container" "$root" / >&2
ca=/etc/ssl/certs/ca-certificates.crt
buildah config --env "NODE_EXTRA_CA_CERTS=$ca" --env "SSL_CERT_FILE=$ca" --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd node "$container"
buildah commit --quiet --rm "$container" "$name" >&2
