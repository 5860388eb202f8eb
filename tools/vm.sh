#!/bin/sh
# Makes build/tools/vm/{vmlinuz,initrd}: a Linux guest that mounts the RedoxFS image on its disk and runs what was put there, for tests/e2e/guest.bats
# (docs/facts/boot-vm.md). The kernel's package is unpacked, not installed. Does nothing when both are there. Exit status 0 done, 1 failed.
set -eu
cd "$(dirname "$0")/.."
out=$PWD/build/tools/vm
# shellcheck disable=SC3013 # dash, busybox and bash have -ot
[ ! -s "$out/vmlinuz" ] || [ ! -s "$out/initrd" ] || [ "$out/initrd" -ot tools/vm.sh ] || exit 0
PATH=$PWD/build/tools/bin:$PATH:/usr/sbin:/sbin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out"

# Not the smaller linux-image-cloud-amd64: that has no 9p.
package=$(LC_ALL=C apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: *\(linux-image-[^ ]*\).*/\1/p' | head -n 1)
[ -n "$package" ] || { echo "vm: apt knows no linux-image-amd64" >&2; exit 1; }
(cd "$work" && apt-get -q download "$package" >&2)
mkdir "$work/kernel"
dpkg-deb --fsys-tarfile "$work"/*.deb | tar -x -C "$work/kernel" --wildcards './boot/vmlinuz-*' '*/virtio/virtio*' '*/block/virtio_blk.*' '*/fs/fuse/*' \
	'*/fs/netfs/*' '*/fs/fscache/*' '*/net/9p/*' '*/fs/9p/*'

root=$work/root
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/mnt" "$root/share" "$root/modules" "$root/lib64"
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$(command -v redoxfs)" "$root/bin/redoxfs"
# The programs of the image are linked as redoxfs is.
ldd "$(command -v redoxfs)" | grep -o '/[^ ]*' | while read -r library; do
	mkdir -p "$root${library%/*}"
	cp -L "$library" "$root$library"
done
n=0
for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk fuse netfs fscache 9pnet 9p 9pnet_virtio; do
	n=$((n + 1))
	number=$(printf %02d "$n")
	file=$(find "$work/kernel" -name "$module.ko*" | head -n 1)
	# One that is not there is part of the kernel itself.
	case $file in
	*.xz) xz -dc "$file" >"$root/modules/$number-$module.ko" ;;
	*.zst) zstd -qdc "$file" >"$root/modules/$number-$module.ko" ;;
	*.ko) cp "$file" "$root/modules/$number-$module.ko" ;;
	esac
done
cat >"$root/init" <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /modules/*; do insmod "$module"; done
mount -t 9p -o trans=virtio,version=9p2000.L hostshare /share 2>/dev/null
redoxfs /dev/vda /mnt
until grep -q ' /mnt ' /proc/mounts; do usleep 20000; done
echo "redoxfs mounted"
echo "boot took $(cut -d' ' -f1 /proc/uptime) s"
export PATH=/bin:/mnt/usr/bin:/mnt/usr/lib/drivers PS1='root:~# '
printf 'redox login: '
read -r user
cd /mnt
exec setsid cttyhack sh -i
END
# busybox --install makes links to /bin/busybox; the script itself must find it.
ln -s /bin/busybox "$root/bin/sh"
sed -i 's|^#!/bin/busybox sh|#!/bin/sh|' "$root/init"
chmod +x "$root/init"
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$out/initrd.new"
cp "$work"/kernel/boot/vmlinuz-* "$out/vmlinuz"
mv "$out/initrd.new" "$out/initrd"
