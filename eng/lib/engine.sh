# Sourced by the scripts of eng/: finding a container engine, asking it, and starting Docker's where one must be started.
# shellcheck shell=bash

# Asks the engine at an address: engine_at ADDRESS PATH [curl's options]
engine_at() {
  local address=$1 path=$2
  shift 2
  case $address in
    unix://*) curl -sS --unix-socket "${address#unix://}" "$@" "http://engine$path" ;;
    tcp://*) curl -sS "$@" "http://${address#tcp://}$path" ;;
    http://*) curl -sS "$@" "$address$path" ;;
    *) return 2 ;;
  esac
}

engine_answers() {
  case $1 in unix://*) [ -S "${1#unix://}" ] || return 1 ;; esac
  [ "$(engine_at "$1" /_ping -m 3 2>/dev/null)" = OK ]
}

# Where engines are usually found, the one asked for first.
engine_places() {
  if [ -n "${DOCKER_HOST:-}" ]; then
    echo "$DOCKER_HOST"
    return
  fi
  echo unix:///var/run/docker.sock
  [ -z "${XDG_RUNTIME_DIR:-}" ] || echo "unix://$XDG_RUNTIME_DIR/docker.sock"
  [ -z "${HOME:-}" ] || echo "unix://$HOME/.docker/run/docker.sock"
  [ -z "${XDG_RUNTIME_DIR:-}" ] || echo "unix://$XDG_RUNTIME_DIR/podman/podman.sock"
  echo unix:///run/podman/podman.sock
}

# Prints the address of the first engine that answers.
engine_address() {
  local place
  while read -r place; do
    if engine_answers "$place"; then
      echo "$place"
      return
    fi
  done < <(engine_places)
  return 1
}

# Starts a dockerd in the background and waits until it answers. What a killed one left behind is cleared away first:
# start_dockerd SOCKET PID_FILE EXEC_ROOT LOG COMMAND...
start_dockerd() {
  local address=unix://$1 pid_file=$2 containerd_file=$3/containerd/containerd.pid log=$4 pid
  shift 4
  pid=$(cat "$pid_file" 2>/dev/null || true)
  if is_program "$pid" dockerd; then
    await 300 engine_answers "$address" && return
    fail "an engine runs already (process $pid) but does not answer on $address; stop it or wait for it, then try again"
  fi
  rm -f "$pid_file"

  # The engine's containerd dies with it, but until init has reaped it a new engine takes it for alive and gives up.
  pid=$(cat "$containerd_file" 2>/dev/null || true)
  if is_program "$pid" containerd; then
    await 30 gone "$pid" || kill -9 "$pid" 2>/dev/null || true
    await 20 gone "$pid" || true
  fi
  rm -f "$containerd_file"

  # No descriptor of ours goes along: a lock held by the engine would be held for good.
  (cd / && exec setsid nohup "$@" >>"$log" 2>&1 </dev/null 7>&- 8>&- 9>&-) &
  pid=$!
  local tenths=600
  until engine_answers "$address"; do
    if gone "$pid" || [ "$((tenths -= 1))" -le 0 ]; then
      tail -n 15 "$log" >&2
      fail "the engine did not start (the end of its log is above; all of it is in $log)"
    fi
    sleep 0.1
  done
}
