#!/bin/bash
# Boots QEMU with the image, as the users' own run-dev.sh does (docs/facts/user-scripts.md): the same modes, the same variables, snapshot=on.
#   (none)      the console on this terminal
#   -s          in the background: console and monitor on sockets
#   -g          a window (none here: the console on this terminal)
#   -t [-d]     in tmux session redox-dev; -d: detached
#   -tg [-d]    the same with a window
set -u
: "${RAW_IMG:?}" "${VM:?the folder of the kernel and the initramfs}"
SOCKET_DIR=${SOCKET_DIR:-/tmp}
SOCK=${SOCK:-$SOCKET_DIR/redox.sock}
MONSOCK=${MONSOCK:-$SOCKET_DIR/redox-mon.sock}
qemu=(qemu-system-x86_64 -accel tcg -m 512 -nodefaults -no-reboot -kernel "$VM/vmlinuz" -initrd "$VM/initrd"
	-append "console=ttyS0 quiet panic=-1" -display none
	-drive "file=$RAW_IMG,format=raw,if=virtio,cache=unsafe,snapshot=on")
if [[ -n ${SHARE-} ]]; then
	qemu+=(-virtfs "local,path=$SHARE,mount_tag=hostshare,security_model=none")
fi
if [[ ${HOST_SSH_PORT:-0} != 0 ]]; then
	qemu+=(-netdev "user,id=net0,hostfwd=tcp::$HOST_SSH_PORT-:22" -device virtio-net-pci,netdev=net0)
fi
monitor=(-monitor "unix:$MONSOCK,server=on,wait=off")
terminal=(-chardev stdio,id=console,mux=on,signal=off -serial chardev:console -mon chardev=console "${monitor[@]}")

case ${1-} in
-s)
	rm -f "$SOCK" "$MONSOCK"
	# It waits for whoever follows the console, so that nothing of it is lost.
	"${qemu[@]}" -serial "unix:$SOCK,server=on,wait=on" "${monitor[@]}" </dev/null &
	echo "console: $SOCK"
	echo "monitor: $MONSOCK"
	;;
-t | -tg)
	rm -f "$MONSOCK"
	tmux new-session -d -s redox-dev "$(printf '%q ' "${qemu[@]}" "${terminal[@]}")"
	[[ ${2-} == -d ]] || exec tmux attach -t redox-dev
	;;
*)
	rm -f "$MONSOCK"
	exec "${qemu[@]}" "${terminal[@]}"
	;;
esac
