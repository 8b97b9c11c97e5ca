#!/usr/bin/env bash
# Installs nodeagent into the system it runs in: an instance that Packer builds an AMI from, or an image's root.
#
# usage: install-agent.sh SOURCE
#
# SOURCE holds the program `nodeagent` and the folder `systemd` of this repository. Running it again, also with a newer
# SOURCE, is fine: files are replaced one by one.
set -euo pipefail

fail() {
  echo "install-agent: $1" >&2
  exit 1
}

[[ $# -eq 1 ]] || fail "usage: install-agent.sh SOURCE"
source_directory=$1
program=$source_directory/nodeagent
units=$source_directory/systemd

[[ $EUID -eq 0 ]] || fail "must run as root"
[[ -f $program ]] || fail "there is no program '$program'"
[[ -d $units/system ]] || fail "there are no units in '$units'"
command -v systemctl >/dev/null || fail "this system has no systemd"
# Nothing has been changed yet, so a program for another architecture is refused without harm.
chmod 0755 "$program" 2>/dev/null || true
"$program" version >/dev/null 2>&1 || fail "'$program' does not run here: is it built for $(uname -m)?"

replace() { # MODE FILE TARGET: as a whole or not at all, also while the old program runs
  install -D -m "$1" "$2" "$3.nodeagent-new"
  mv -f "$3.nodeagent-new" "$3"
}

copy_tree() { # FROM TO
  local file
  while IFS= read -r -d '' file; do
    replace 0644 "$1/$file" "$2/$file"
  done < <(cd "$1" && find . -type f -print0)
}

replace 0755 "$program" /usr/bin/nodeagent
copy_tree "$units/system" /usr/lib/systemd/system
copy_tree "$units/tmpfiles.d" /usr/lib/tmpfiles.d
copy_tree "$units/sysusers.d" /usr/lib/sysusers.d
install -d -m 0755 /etc/nodeagent/config.d

systemd-sysusers nodeagent.conf
systemd-tmpfiles --create nodeagent.conf
# In an image's root there is no systemd to reload.
if [[ -d /run/systemd/system ]]; then
  systemctl daemon-reload
fi
systemctl enable nodeadm-config.service nodeagent-early.service nodeadm-run.service nodeagent-join.service \
  nodeagent.service

echo "install-agent: installed $(/usr/bin/nodeagent version)"
