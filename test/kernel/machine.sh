#!/usr/bin/env bash
# Runs a command as root in a machine of its own, emulated: a kernel of Debian's with cgroup v2 and nothing else in it. It sees our
# files, cannot write to them, and has no network. What it prints comes out here.
#   machine.sh <folder> <command> [argument…]
set -euo pipefail
cd "$(dirname "$0")"
kernel=$(bash kernel.sh)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/root/{bin,modules,proc,sys,dev,ours,upper,new}
cp /bin/busybox "$work/root/bin/"
cp "$kernel"/modules/*.ko "$work/root/modules/"
cp init.sh "$work/root/init"
chmod +x "$work/root/init"
printf '#!/bin/sh\nexport PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\ncd %q\n' "$1" > "$work/root/command"
shift
printf '%q ' "$@" >> "$work/root/command"
(cd "$work/root" && find . | cpio --quiet -o -H newc) | gzip -1 > "$work/initrd"
# Not the processor's own virtualisation: it is not there everywhere, and broken where it is nested.
timeout 120 qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 1024 -nographic -no-reboot -nic none \
  -kernel "$kernel/vmlinuz" -initrd "$work/initrd" -append 'console=ttyS0 quiet loglevel=0 panic=-1 rdinit=/init' \
  -fsdev local,id=ours,path=/,security_model=none,readonly=on,multidevs=remap -device virtio-9p-pci,fsdev=ours,mount_tag=ours
