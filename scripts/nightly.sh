#!/usr/bin/env bash
# One night: read what is new, hunt, compare with last night, keep a dated copy, tell somebody if there is something to tell.
#
#   scripts/nightly.sh INPUT… -- [more flags of `coldtrail hunt`]
#
# Settings come from the environment, so that cron and systemd set them in one place:
#   COLDTRAIL        program                                    (coldtrail, by PATH or in /usr/local/bin)
#   COLDTRAIL_HOME   folder of the lake and the reports         (/var/lib/coldtrail)
#   COLDTRAIL_FAIL   severity from which somebody is told       (high)
#   COLDTRAIL_KEEP   dated copies that are kept                 (30)
#   COLDTRAIL_NOTIFY command that is run with a summary on standard input and the report as $1; none: nobody is told
#
# Ends with the code of the hunt: 0 nothing to tell, 1 new or changed findings, 4 some input could not be read, 5 the last
# night is still running; 2 and 3 are failures.
set -uo pipefail

# cron knows /usr/bin and /bin only.
PATH=$PATH:/usr/local/bin
# Reports quote evidence: they are no business of other users.
umask 027
program=${COLDTRAIL:-coldtrail}
home=${COLDTRAIL_HOME:-/var/lib/coldtrail}
inputs=()
while [ $# -gt 0 ] && [ "$1" != "--" ]; do inputs+=("$1"); shift; done
[ "${1:-}" = "--" ] && shift
[ ${#inputs[@]} -gt 0 ] || { echo "nightly.sh: no input; call it as nightly.sh /evidence" >&2; exit 2; }
command -v "$program" >/dev/null || { echo "nightly.sh: no program '$program'; set COLDTRAIL to its path" >&2; exit 2; }
mkdir -p "$home" || exit 3

# A file of its own: a second run that finds the lake locked must not write into that of the first.
said=$(mktemp "$home/last-run.XXXXXX") || exit 3
trap 'rm -f "$said"' EXIT
"$program" hunt "${inputs[@]}" --lake "$home/lake" --out "$home/latest" --since-last \
  --fail-on "${COLDTRAIL_FAIL:-high}" --no-progress "$@" >"$said" 2>&1
code=$?
cat "$said"
[ $code -eq 5 ] || { chmod 640 "$said" && cp -p "$said" "$home/last-run.txt"; }

# Only a complete run is kept and told about: run.json is written last.
case $code in
  0 | 1 | 4)
    night="$home/nights/$(date -u +%Y-%m-%dT%H%M%SZ)"
    [ -e "$night" ] && night="$night-$$"
    mkdir -p "$night"
    cp "$home/latest/report.html" "$home/latest/findings.jsonl" "$home/latest/run.json" "$night/"
    # The names are dates: sorted by name is sorted by time.
    ls -1d "$home/nights/"* | head -n "-${COLDTRAIL_KEEP:-30}" | while read -r old; do rm -rf -- "$old"; done
    ;;
esac
if [ -n "${COLDTRAIL_NOTIFY:-}" ] && [ $code -ne 0 ]; then
  { echo "coldtrail ended with $code on $(uname -n)"; cat "$said"; } | sh -c "$COLDTRAIL_NOTIFY" notify "$home/latest/report.html"
fi
exit $code
