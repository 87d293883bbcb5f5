# Sourced by the scripts of eng/lab/: where the pretend machines of the tests live and how they are wired together.
# shellcheck shell=bash

# All state of a lab is under one short folder: the path of a socket holds at most 107 characters, and an engine adds about 50 of its own.
lab=${BERTH_LAB:-/tmp/berth-lab}
[ ${#lab} -le 40 ] || fail "BERTH_LAB is '$lab'; a folder of at most 40 characters is needed"
case $lab in /*) ;; *) fail "BERTH_LAB is '$lab'; an absolute folder is needed" ;; esac

# The wire between this machine, always 10.219.0.1, and the pretend ones.
bridge=berthlab
bridge_address=10.219.0.1

# Debian keeps these commands where only root's PATH looks.
PATH=$PATH:/usr/sbin:/sbin

make_bridge() {
  is_root || fail "pretend machines need root"
  mkdir -p /run/berth-lab
  (
    flock 7
    ip link show "$bridge" >/dev/null 2>&1 || ip link add "$bridge" type bridge
    ip -4 addr show dev "$bridge" | grep -qF "$bridge_address/" || ip addr add "$bridge_address/24" dev "$bridge"
    # An address of its own: a bridge without one takes it from its ports, and changes it under everybody's feet as machines come and go.
    ip link set "$bridge" address 02:be:47:0a:db:01 up
    # An engine on this machine drops what is forwarded; between the pretend ones it must pass.
    iptables -w -C FORWARD -i "$bridge" -o "$bridge" -j ACCEPT 2>/dev/null || iptables -w -I FORWARD -i "$bridge" -o "$bridge" -j ACCEPT
  ) 7>/run/berth-lab/lock
}

# Runs a program in the background, away from this script's terminal, locks and output: background LOG COMMAND... (prints its process).
background() {
  local log=$1
  shift
  (cd / && exec setsid nohup "$@" >>"$log" 2>&1 </dev/null 7>&- 8>&- 9>&-) &
  echo $!
}

# Ends a process and waits for it: TERM, after ten seconds KILL.
end() {
  alive "${1:-}" || return 0
  kill "$1" 2>/dev/null || true
  await "${2:-100}" gone "$1" && return
  kill -9 "$1" 2>/dev/null || true
  await 50 gone "$1"
}

# Unmounts whatever is mounted under a folder, innermost first.
unmount_under() {
  local folder
  while read -r folder; do
    case $folder in "$1"/*) umount -l "$folder" 2>/dev/null || true ;; esac
  done < <(findmnt -rno TARGET | sort -r)
}
