#!/bin/sh
# Runs Pulumi on this project: the published CLI where there is one, else the embedded engine. Unless the user set a
# backend and a passphrase, the state and a generated passphrase live in the project's folder.
#
#   pulumi.sh describe         say which engine and state are used
#   pulumi.sh ensure STACK     create the stack if it does not exist
#   pulumi.sh runtime STACK    say which runtime the stack file chooses: netns or docker
#   pulumi.sh COMMAND …        as `pulumi COMMAND …`
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
private="$root/.bgp-lab"
cd "$root"

export PULUMI_BACKEND_URL="${PULUMI_BACKEND_URL:-file://$root}"
if [ -z "${PULUMI_CONFIG_PASSPHRASE+set}" ] && [ -z "${PULUMI_CONFIG_PASSPHRASE_FILE:-}" ]; then
    if [ ! -s "$private/passphrase" ]; then
        mkdir -p "$private"
        (umask 077 && node -p 'require("node:crypto").randomBytes(24).toString("base64url")' >"$private/passphrase")
    fi
    export PULUMI_CONFIG_PASSPHRASE_FILE="$private/passphrase"
fi
# Salts belong to the state. Without this the CLI makes up a new one for a stack file that has none.
export PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER=true
export PULUMI_SKIP_UPDATE_CHECK=true
# Else the CLI fetches the plugins of all packages in package.json, of which labs in network namespaces use none.
acquisition=${PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION-by runtime}
[ "$acquisition" != "by runtime" ] || export PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true

engine=${BGP_LAB_ENGINE:-}
if [ -z "$engine" ]; then
    engine=embedded
    command -v pulumi >/dev/null && engine=published
fi
case $engine in
published)
    pulumi=pulumi
    if ! command -v pulumi >/dev/null; then
        echo "BGP_LAB_ENGINE is published, but no pulumi is on PATH; install it (https://www.pulumi.com/docs/install/), or unset it" >&2
        exit 2
    fi
    ;;
embedded) pulumi="$root/engine/pulumi" ;;
*)
    echo "BGP_LAB_ENGINE must be published or embedded, not $engine" >&2
    exit 2
    ;;
esac

describe() {
    case $engine in
    published) echo "engine   pulumi $(pulumi version), from PATH" ;;
    embedded) echo "engine   embedded (no pulumi on PATH)" ;;
    esac
    echo "state    $PULUMI_BACKEND_URL"
}

# The CLI writes a salt into the stack file of the folder it runs in; here that is a scratch folder, made anew, because
# a salt of an earlier stack of that name would ask for that stack's passphrase.
ensure() {
    if [ "$engine" = embedded ]; then
        "$pulumi" stack select --create "--stack=$1" --non-interactive >/dev/null
    elif ! pulumi stack export --stack "$1" >/dev/null 2>&1; then
        rm -rf "$private/scratch"
        mkdir -p "$private/scratch"
        sed -n '/^name:/p; s/^runtime:.*/runtime: nodejs/p' Pulumi.yaml >"$private/scratch/Pulumi.yaml"
        pulumi -C "$private/scratch" stack init "$1" --no-select >/dev/null
    fi
}

# The runtime that a stack file chooses; without a word about it, or without a file, it is netns.
runtime_of() {
    chosen="^[[:space:]]*[\"']?bgp-lab:runtime[\"']?:[[:space:]]*[\"']?docker[\"']?[[:space:]]*(#.*)?\$"
    if [ -e "$1" ] && grep -Eq "$chosen" "$1"; then echo docker; else echo netns; fi
}

# Lets the CLI fetch the plugins of a lab in Docker, unless the user has decided about that.
acquire_for() {
    if [ "$acquisition" = "by runtime" ] && [ "$(runtime_of "$1")" = docker ]; then
        unset PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION
    fi
}

# The file that a command names as its stack file.
config_file_of() {
    while [ $# -gt 0 ]; do
        case $1 in
        --config-file) echo "${2:-}" && return ;;
        --config-file=*) echo "${1#--config-file=}" && return ;;
        esac
        shift
    done
}

# The stack that a command is about: the one it names, else the selected one.
stack_of() {
    while [ $# -gt 0 ]; do
        case $1 in
        --stack | -s) echo "${2:-}" && return ;;
        --stack=*) echo "${1#--stack=}" && return ;;
        esac
        shift
    done
    pulumi stack --show-name --non-interactive 2>/dev/null || true
}

# The CLI requotes the stack file, writes a salt into it and makes one where there is none: it gets a copy.
on_copy() {
    stack=$(stack_of "$@")
    if [ -z "$stack" ]; then
        exec pulumi "$@"
    fi
    mkdir -p "$private/config"
    copy="$private/config/Pulumi.$stack.yaml"
    if [ -e "Pulumi.$stack.yaml" ]; then
        cp "Pulumi.$stack.yaml" "$copy"
    else
        : >"$copy"
    fi
    acquire_for "$copy"
    exec pulumi "$@" --config-file "$copy"
}

case ${1:-} in
describe) describe ;;
ensure)
    if [ -z "${2:-}" ]; then
        echo "the stack has no name: leave STACK out for dev, or set it to the <name> of a Pulumi.<name>.yaml" >&2
        exit 2
    fi
    [ -e "Pulumi.$2.yaml" ] || echo "config   there is no Pulumi.$2.yaml: everything has its default" >&2
    ensure "$2"
    ;;
runtime) runtime_of "Pulumi.${2:-}.yaml" ;;
preview | up | refresh | destroy)
    case " $* " in
    *" --remove "*)
        echo "destroy --remove deletes the stack file too; use: destroy, then stack rm" >&2
        exit 2
        ;;
    *" --config-file"*)
        acquire_for "$(config_file_of "$@")"
        exec "$pulumi" "$@"
        ;;
    esac
    [ "$engine" = embedded ] || on_copy "$@"
    exec "$pulumi" "$@"
    ;;
stack)
    # Without this, removing a stack removes its committed file.
    if [ "${2:-}" = rm ]; then
        exec "$pulumi" "$@" --preserve-config
    fi
    exec "$pulumi" "$@"
    ;;
*) exec "$pulumi" "$@" ;;
esac
