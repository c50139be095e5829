#!/usr/bin/env bash
# Installs what the tests need beyond npm: from Debian's packages a compiler for the examples, the sandbox, a browser, a web
# server with git's CGI, an ssh server and a container registry (the tests start their own; none has to run), a machine to emulate with
# its kernel, and kubeconform.
# Does nothing where all is there; fails with the list where it cannot.
set -euo pipefail
declare -A NEEDED=(
  [git]=git [clang]=clang [wasm-ld]=lld [bwrap]=bubblewrap [chromium]=chromium [nginx]=nginx [fcgiwrap]=fcgiwrap
  [openssl]=openssl [prlimit]=util-linux [ssh]=openssh-client [sshd]=openssh-server [docker-registry]=docker-registry [htpasswd]=apache2-utils
  [gpg]=gnupg [wrk]=wrk [qemu-system-x86_64]=qemu-system-x86 [busybox]=busybox-static [cpio]=cpio
)
missing=()
for tool in "${!NEEDED[@]}"; do
  PATH="$PATH:/usr/sbin:/sbin" command -v "$tool" >/dev/null || missing+=("${NEEDED[$tool]}")
done
# The other package of that name needs libraries, which are not there where it is to run.
! ldd /bin/busybox >/dev/null 2>&1 || missing+=(busybox-static)
# Debian has no package of it: built from its Go module, at the version that the test was written with.
KUBECONFORM=github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
kubeconform=()
command -v kubeconform >/dev/null || kubeconform=(kubeconform)
kernel=$(dirname "$0")/../kernel/kernel.sh
[ ${#missing[@]} -eq 0 ] && [ ${#kubeconform[@]} -eq 0 ] && { bash "$kernel" >/dev/null; exit 0; }
echo "installing for the tests: ${missing[*]} ${kubeconform[*]}"
run=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "the tests need these: ${missing[*]} ${kubeconform[*]}" >&2; exit 1; }
  run=(sudo)
fi
if [ ${#missing[@]} -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  "${run[@]}" apt-get update -qq
  "${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
if [ ${#kubeconform[@]} -gt 0 ]; then
  PATH="$PATH:/usr/local/go/bin" command -v go >/dev/null || { echo "kubeconform is built with Go, which is not here: install Go 1.24 or newer" >&2; exit 1; }
  built=$(mktemp -d)
  GOBIN="$built" PATH="$PATH:/usr/local/go/bin" go install "$KUBECONFORM" 2>/dev/null
  "${run[@]}" install -m 755 "$built/kubeconform" /usr/local/bin/kubeconform
  rm -rf "$built"
fi
bash "$kernel" >/dev/null
