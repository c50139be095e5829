#!/usr/bin/env bash
# Installs what the tests need beyond npm, from Debian's packages: a compiler for the examples, the sandbox, a browser,
# a web server with git's CGI, an ssh server and a container registry (the tests start their own; none has to run). Does nothing where all is there; fails with the list where it cannot.
set -euo pipefail
declare -A NEEDED=(
  [git]=git [clang]=clang [wasm-ld]=lld [bwrap]=bubblewrap [chromium]=chromium [nginx]=nginx [fcgiwrap]=fcgiwrap
  [openssl]=openssl [prlimit]=util-linux [ssh]=openssh-client [sshd]=openssh-server [docker-registry]=docker-registry [htpasswd]=apache2-utils
  [gpg]=gnupg [wrk]=wrk
)
missing=()
for tool in "${!NEEDED[@]}"; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "$tool" >/dev/null || missing+=("${NEEDED[$tool]}")
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "installing for the tests: ${missing[*]}"
run=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "the tests need these Debian packages: ${missing[*]}" >&2; exit 1; }
  run=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${run[@]}" apt-get update -qq
"${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
