#!/bin/sh
# The single-FRR lab on kind by hand, with kind, helm, kubectl and docker: the yardstick of `make bench-kind`.
# Usage: plain.sh up|down FOLDER      FOLDER has what artefacts.ts writes; up prints seconds per step on standard error.
# shellcheck disable=SC2086,SC2046 # lists are taken apart at their spaces
# shellcheck disable=SC1091,SC2154 # settings has the variables
set -eu
cd "$2"
. ./settings
export KUBECONFIG="$PWD/kubeconfig" KIND_EXPERIMENTAL_DOCKER_NETWORK="$node_network" KIND_EXPERIMENTAL_PROVIDER=docker

# Whatever was started ends before the script does.
trap wait EXIT
start=$(date +%s)
lap() { echo "$(($(date +%s) - start)) s: $1" >&2; }

# Ends with the first of the given processes that failed.
all() { for each; do wait "$each"; done; }

# Container of a device: nodes of the cluster have kind's names.
container() { case $1 in "$cluster"-*) echo "$1" ;; *) echo "$prefix-$1" ;; esac; }

network() {
    name=$1
    shift
    docker network create "$@" "$name" >/dev/null
}

# All networks but the nodes', at once.
link_networks() {
    started=
    while read -r name options; do
        [ "$name" = "$node_network" ] || { network "$name" $options & started="$started $!"; }
    done <networks
    all $started
}

# Joins a device to its networks, those after the first $2.
join() {
    count=0
    while read -r end segment addresses; do
        [ "$end" = "$1" ] || continue
        count=$((count + 1))
        [ "$count" -le "$2" ] || docker network connect $addresses "$segment" "$(container "$1")"
    done <links
}

route() {
    commands=$(sed -n "s/^$1 /ip /p" routes)
    docker exec --privileged "$(container "$1")" sh -ec "$commands"
}

# A router or client: its container starts when all is in it, so FRR reads its configuration at once.
device() {
    name=$1 image=$2
    shift 2
    first=$(sed -n "s/^$name //p" links | head -n 1)
    docker create --init --name "$prefix-$name" --hostname "$name" "$@" --network $first "$image" $command >/dev/null
    if [ -e "$name.conf" ]; then
        docker cp "$name.conf" "$prefix-$name:/etc/frr/frr.conf"
        docker cp daemons "$prefix-$name:/etc/frr/daemons"
    fi
    join "$name" 1
    docker start "$prefix-$name" >/dev/null
    route "$name"
}

devices() {
    started=
    while read -r name image options; do
        command="sleep infinity"
        [ ! -e "$name.conf" ] || command=
        device "$name" "$image" $options &
        started="$started $!"
    done <devices
    all $started
}

node() {
    join "$1" 0
    route "$1"
}

nodes() {
    started=
    for name in $(kind get nodes --name "$cluster"); do
        node "$name" &
        started="$started $!"
    done
    all $started
}

custom_resources() {
    # It fails at once while there is no such definition.
    until kubectl wait --for=condition=Established --timeout=60s $(cat definitions) >/dev/null 2>&1; do sleep 0.25; done
    lap "definitions"
    kubectl apply -f cilium.json >/dev/null
}

established() {
    while read -r name wanted; do
        [ "$(docker exec "$prefix-$name" vtysh -c "show bgp summary json" | grep -c '"state":"Established"')" = "$wanted" ] ||
            return 1
    done <sessions
}

answered() {
    while read -r name url; do
        docker exec "$prefix-$name" curl -fsS -o /dev/null --max-time 2 "$url" 2>/dev/null || return 1
    done <answers
}

up() {
    network $(grep "^$node_network " networks)
    kind create cluster --config kind.yaml >kind.log 2>&1 &
    kind=$!
    link_networks
    devices
    lap "routers and clients"
    wait "$kind" || { cat kind.log >&2; return 1; }
    lap "cluster"
    while read -r arguments; do kubectl $arguments; done <labels
    nodes &
    wired=$!
    kubectl apply -f workload.json >/dev/null &
    applied=$!
    helm install cilium $chart --namespace kube-system --values values.yaml >helm.log
    lap "chart"
    custom_resources
    all "$wired" "$applied"
    until established; do sleep 0.25; done
    lap "sessions"
    until answered; do sleep 0.25; done
    lap "answers"
}

down() {
    kind delete cluster --name "$cluster" >kind.log 2>&1
    docker rm -f $(sed "s/ .*//; s/^/$prefix-/" devices) >/dev/null
    docker network rm $(sed "s/ .*//" networks) >/dev/null
}

"$1"
