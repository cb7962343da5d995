#!/bin/sh
# The image runs this before nginx. A copy, because nginx's workers are a user who may not read a
# checkout that was made under umask 077.
set -eu
rm -rf /etc/nginx/board
cp -r /sharedstate/board /etc/nginx/board
chmod -R a+rX /etc/nginx/board
