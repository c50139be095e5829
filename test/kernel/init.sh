#!/bin/busybox sh
# The first process of the machine that machine.sh starts.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in /modules/*.ko; do insmod "$module"; done
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=512000 ours /ours
mount -t tmpfs upper /upper
mkdir /upper/files /upper/work
mount -t overlay -o lowerdir=/ours,upperdir=/upper/files,workdir=/upper/work new /new
mount -t proc proc /new/proc
mount -t sysfs sys /new/sys
mount -t devtmpfs dev /new/dev
mount -t cgroup2 groups /new/sys/fs/cgroup
# Anywhere but where the checkout may be.
mount -t tmpfs command /new/mnt
cp /command /new/mnt/command
chroot /new /bin/sh /mnt/command
poweroff -f
