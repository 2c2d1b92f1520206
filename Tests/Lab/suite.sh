# shellcheck shell=sh
# Sourced where the suite runs inside a place: suite PLACE EXPECTED-RUNG [OPTION…].
suite() {
  place=$1 rung=$2
  shift 2
  errors=$(mktemp)
  python3 /in/memory.py "$place" /in/clawhold /in/hog --rounds "${LAB_ROUNDS:-5}" --expect "$rung" "$@" 2>"$errors" || tail -n 40 "$errors"
  rm -f "$errors"
}
