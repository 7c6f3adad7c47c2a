#!/bin/sh
# Installs what the project needs and what is not there yet: npm packages, and as root the daemons from Debian. A stack
# in Docker (STACK) needs no daemons here; what it does need, its preview says. With --netns first, the lab runs in network
# namespaces whatever its stack says.
# Prints nothing when everything is in place.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "setup: $1" >&2
    exit 1
}

command -v node >/dev/null || fail "Node.js 20 is missing; install it from your distribution or nodejs.org"
node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)' ||
    fail "Node.js $(node --version) is too old; bgp-lab needs 20.19 or newer"

installed=node_modules/.package-lock.json
if [ -L node_modules ]; then
    # A link leads to the packages of another checkout, which npm would empty.
    [ -e $installed ] || fail "node_modules leads to a folder without packages; remove the link, or run npm ci there"
elif [ ! -e $installed ] || [ package-lock.json -nt $installed ]; then
    echo "setup    npm ci"
    npm ci --no-fund --no-audit --loglevel=error
    touch $installed
fi

if [ "${1:-}" = --netns ]; then
    runtime=netns
    shift
else
    runtime=$(./scripts/pulumi.sh runtime "${STACK:-dev}")
fi
missing=
if [ "$runtime" = netns ]; then
    missing=$(node scripts/run.cjs needs)
fi
# Packages that are named on the command line are wanted by tests, which skip what they are for where they are missing.
if [ "$(id -u)" = 0 ] && command -v dpkg-query >/dev/null; then
    for package in "$@"; do
        case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) in
        ii*) ;;
        *) missing="${missing:+$missing }$package" ;;
        esac
    done
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    fail "packages are missing; as root, run: apt-get install -y --no-install-recommends $missing"
fi
command -v apt-get >/dev/null || fail "no apt-get here; install these Debian packages' equivalents: $missing"

# The packages' own services would start daemons on the host, where nothing of a lab runs.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    created_policy=$policy
    trap 'rm -f "$created_policy"' EXIT
fi
mkdir -p /etc/systemd/system
for package in $missing; do
    case $package in frr | gobgpd) service=$package ;; bird2) service=bird ;; *) continue ;; esac
    [ -e "/etc/systemd/system/$service.service" ] || ln -s /dev/null "/etc/systemd/system/$service.service"
done
echo "setup    apt-get install $missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log" ${created_policy:-}' EXIT
# shellcheck disable=SC2086 # the list is meant to be split
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    fail "the packages could not be installed"
fi
