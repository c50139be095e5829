#!/usr/bin/env bash
# The fast gate, under 30 s: formatter, linter (type-aware), compiler and unused code side by side, then the fast tests.
set -uo pipefail
declare -A jobs
run() { local name=$1; shift; "$@" >"$logs/$name" 2>&1 & jobs[$name]=$!; }
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
run format oxfmt --check src test examples
run lint oxlint --type-aware src test examples
run types tsc --noEmit -p tsconfig.json
run page tsc --noEmit -p src/dashboard
run unused knip --no-progress
run tests vitest run --config test/vitest.config.ts --project fast
failed=0
for name in format lint types page unused tests; do
  if wait "${jobs[$name]}"; then echo "ok      $name"; else failed=1; echo "FAILED  $name"; sed 's/^/        /' "$logs/$name"; fi
done
exit $failed
