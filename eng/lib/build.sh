# Sourced by berth and the scripts that build: how the SDK is asked, and whether a build is older than its sources.
# shellcheck shell=bash

# The SDK asks for ICU, which a fresh machine lacks; Berth itself never does.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_GENERATE_ASPNET_CERTIFICATE=false

# Whether anything that goes into the program is newer than a stamp: stale ROOT STAMP [FOLDER...]. Folders count too: their time changes
# when a file in them is deleted.
stale() {
  local root=$1 stamp=$2
  shift 2
  [ -e "$stamp" ] || return 0
  [ -n "$(find "$root/src" "$root"/{global.json,Directory.Build.props,Directory.Packages.props,BannedSymbols.txt,.editorconfig} "$@" \
    -newer "$stamp" -print -quit)" ]
}
