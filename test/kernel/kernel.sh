#!/usr/bin/env bash
# Prints the folder of a kernel for machine.sh and of the modules that its init loads, in their order. Taken out of Debian's
# package into a folder of our own, and not installed: nobody is to start it by accident.
set -euo pipefail
folder=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/headway-tests/kernel
if [ ! -f "$folder/complete" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  download() {
    local package
    package=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: //p' | head -1)
    [ -n "$package" ] && apt-get download -qq -o APT::Sandbox::User=root "$package" >&2
  }
  # The lists of packages may be old, or not there yet.
  download || { $([ "$(id -u)" -eq 0 ] || echo sudo) apt-get update -qq >&2 && download; }
  mkdir content
  dpkg-deb --fsys-tarfile ./*.deb | tar -x -C content
  rm -rf "$folder"
  mkdir -p "$folder/modules"
  cp content/boot/vmlinuz-* "$folder/vmlinuz"
  number=10
  for module in fs/netfs/netfs fs/fscache/fscache net/9p/9pnet fs/9p/9p drivers/virtio/virtio_ring drivers/virtio/virtio \
    drivers/virtio/virtio_pci_modern_dev drivers/virtio/virtio_pci_legacy_dev drivers/virtio/virtio_pci net/9p/9pnet_virtio \
    fs/overlayfs/overlay; do
    found=$(find content -path "*/kernel/$module.ko*" | head -1)
    # Another kernel may have one of them built in.
    [ -n "$found" ] || continue
    case "$found" in
      *.xz) xz -dc "$found" > "$folder/modules/$number.ko" ;;
      *) cp "$found" "$folder/modules/$number.ko" ;;
    esac
    number=$((number + 1))
  done
  touch "$folder/complete"
fi
echo "$folder"
