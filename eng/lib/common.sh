# Sourced by the scripts of eng/: words to the person on stderr, and the two or three things that several of them do.
# shellcheck shell=bash

say() { printf '%s\n' "$*" >&2; }

fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# A failure inside $(...) ends the script as one outside does.
shopt -s inherit_errexit

is_root() { [ "$(id -u)" = 0 ]; }

# Whether a process is there and not merely waiting to be reaped.
alive() { [ -n "${1:-}" ] && grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$1/status"; }

# Whether a live process is the program named.
is_program() { alive "${1:-}" && [ "$(cat "/proc/$1/comm" 2>/dev/null)" = "$2" ]; }

# Waits, in steps of a tenth of a second, until a command succeeds.
await() {
  local tenths=$1
  shift
  until "$@"; do
    [ "$((tenths -= 1))" -gt 0 ] || return 1
    sleep 0.1
  done
}

gone() { ! alive "${1:-}"; }

# Installs Debian packages, waiting for another apt that is at work.
apt_install() {
  is_root || fail "these packages are missing and only root can install them: $*"
  command -v apt-get >/dev/null || fail "these packages are missing and there is no apt-get to install them with: $*"
  local apt=(apt-get -qq -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3) try log
  log=$(mktemp)
  for try in 1 2 3; do
    if "${apt[@]}" update >"$log" 2>&1 &&
      DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y --no-install-recommends "$@" >>"$log" 2>&1 </dev/null; then
      rm -f "$log"
      return
    fi
    sleep "$try"
  done
  tail -n 15 "$log" >&2
  rm -f "$log"
  fail "could not install $* (what apt said last is above)"
}
