#!/bin/sh
# Makes .venv with the newest Python there is; its stamp, .venv/.made, says in which folder. Without that
# stamp it is not whole (somebody was interrupted), and with another folder in it, it belongs to a checkout
# that was moved: its programs name the old one. Both are made anew.
set -eu
here=$(pwd -P)

# Two runs at once would delete each other's. Where there is no flock they have to be careful themselves.
if command -v flock >/dev/null 2>&1; then
  exec 9>.venv.lock
  flock 9
fi
if [ "$(cat .venv/.made 2>/dev/null)" = "$here" ]; then
  exit 0
fi

without=
for python in python3.14 python3.13 python3.12 python3.11 python3 python; do
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
  if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    without="$without $python"
    continue
  fi
  echo "making .venv with $("$python" --version)"
  rm -rf .venv
  if "$python" -m venv .venv; then
    echo "$here" > .venv/.made
    exit 0
  fi
  rm -rf .venv
  exit 1
done

if [ -n "$without" ]; then
  echo "error:$without cannot make a virtual environment (modules venv and ensurepip)." >&2
  echo "On Debian and Ubuntu: apt-get install python3-venv" >&2
else
  echo "error: no Python 3.11 or newer found." >&2
fi
exit 1
