# Sourced by berth and the scripts that build: whether a build is older than what it was built from.
# shellcheck shell=bash

# Whether anything that goes into the program is newer than a stamp: stale ROOT STAMP [FOLDER...]. Folders count too: their time changes
# when a file in them is deleted.
stale() {
  local root=$1 stamp=$2
  shift 2
  [ -e "$stamp" ] || return 0
  [ -n "$(find "$root/src" "$root"/{global.json,Directory.Build.props,Directory.Packages.props,BannedSymbols.txt,.editorconfig} "$@" \
    -newer "$stamp" -print -quit)" ]
}
