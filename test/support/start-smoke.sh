#!/usr/bin/env bash
# Runs `npm start` as a user would, waits until it says where to look, asks it for a page, and ends it with Ctrl+C.
set -euo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT
rm -rf .headway
setsid npm start >"$log" 2>&1 &
group=$!
deadline=$((SECONDS + 60))
until grep -q 'things to try' "$log"; do
  if ! kill -0 "$group" 2>/dev/null || [ $SECONDS -ge $deadline ]; then
    echo 'npm start did not come up:'; cat "$log"; kill -KILL -- "-$group" 2>/dev/null; exit 1
  fi
  sleep 0.2
done
answer=$(curl -fsS -i http://127.0.0.1:8080/)
page=$(curl -fsS http://127.0.0.1:8081/ | head -c 200)
kill -INT -- "-$group"
status=0; wait "$group" || status=$?
cat "$log"
grep -qi '^x-headway-release: ' <<<"$answer" || { echo "no release in the answer: $answer"; exit 1; }
grep -qi '<!doctype html>' <<<"$page" || { echo "no page: $page"; exit 1; }
# npm reports 130 for a script that was interrupted and ended well; 0 where the script's own code passes through.
[ "$status" = 0 ] || [ "$status" = 130 ] || { echo "npm start ended with $status"; exit 1; }
