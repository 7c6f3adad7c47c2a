#!/bin/bash
# A leaf/spine lab by hand, as fast as a shell script makes it: the yardstick of `make bench` for large fabrics.
# Usage: plain-fabric.sh SPINES RACKS NODES-PER-RACK
# Prints milliseconds to: links, daemons started, FIB complete, first answer; then PSS in kB.
set -euo pipefail
spines=$1 racks=$2 perrack=$3
if [ "${4:-}" != inside ]; then
    exec unshare -m -p -n -f --mount-proc --kill-child "$0" "$spines" "$racks" "$perrack" inside
fi

start=$(date +%s%N)
lap() { printf '%s %d\n' "$1" $((($(date +%s%N) - start) / 1000000)); }

mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/netns /run/frr /run/lab
mount -t tmpfs tmpfs /var/tmp
mkdir -p /var/tmp/frr
chmod 777 /run/frr /var/tmp/frr
sed 's/^\(frrvty:.*:\).*/\1root/' /etc/group >/run/lab/group
mount --bind /run/lab/group /etc/group
ip link set lo up
cd /run/lab

nodes=$((racks * perrack))
service=30.0.10.203
# The n-th link of two addresses between spine s and leaf r.
link() { echo "10.2.$((($1 * racks + $2) * 2 / 256)).$((($1 * racks + $2) * 2 % 256 + $3))"; }
rack() { echo "10.1.$1"; }

# Namespaces and links: switches on a management network, nodes on kind's, racks on bridges of their own.
{
    echo "netns add fabric"
    for ((s = 0; s < spines; s++)); do echo "netns add spine$s"; done
    for ((r = 0; r < racks; r++)); do
        echo "netns add leaf$r"
        for ((k = 0; k < perrack; k++)); do echo "netns add n$r-$k" && echo "netns add p$r-$k"; done
    done
} | ip -batch -
{
    for ((s = 0; s < spines; s++)); do
        echo "link add ms$s netns fabric type veth peer name eth0 netns spine$s"
        for ((r = 0; r < racks; r++)); do
            echo "link add eth$((r + 1)) netns spine$s type veth peer name eth$((s + 1)) netns leaf$r"
        done
    done
    for ((r = 0; r < racks; r++)); do
        echo "link add ml$r netns fabric type veth peer name eth0 netns leaf$r"
        echo "link add rl$r netns fabric type veth peer name rack netns leaf$r"
        for ((k = 0; k < perrack; k++)); do
            echo "link add r$r-$k netns fabric type veth peer name net0 netns n$r-$k"
            echo "link add k$r-$k netns fabric type veth peer name eth0 netns n$r-$k"
            echo "link add eth0 netns p$r-$k type veth peer name pod netns n$r-$k"
        done
    done
} | ip -batch -
{
    for bridge in mgmt kind; do echo "link add $bridge type bridge" && echo "link set $bridge up"; done
    for ((s = 0; s < spines; s++)); do echo "link set ms$s master mgmt up"; done
    for ((r = 0; r < racks; r++)); do
        echo "link add br-leaf$r type bridge"
        echo "link set br-leaf$r up"
        echo "link set ml$r master mgmt up"
        echo "link set rl$r master br-leaf$r up"
        for ((k = 0; k < perrack; k++)); do
            echo "link set r$r-$k master br-leaf$r up"
            echo "link set k$r-$k master kind up"
        done
    done
} | ip -n fabric -batch -
sysctls='echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv4/fib_multipath_hash_policy'
for ((s = 0; s < spines; s++)); do
    {
        echo "link set lo up"
        echo "link set eth0 up"
        echo "address add 172.20.20.$((s + 2))/24 dev eth0"
        for ((r = 0; r < racks; r++)); do
            echo "address add $(link $s $r 1)/31 dev eth$((r + 1))"
            echo "link set eth$((r + 1)) up"
        done
    } | ip -n "spine$s" -batch -
    ip netns exec "spine$s" sh -c "$sysctls"
done
for ((r = 0; r < racks; r++)); do
    {
        echo "link set lo up"
        echo "link set eth0 up"
        echo "address add 172.20.20.$((r + 20))/24 dev eth0"
        for ((s = 0; s < spines; s++)); do
            echo "address add $(link $s $r 0)/31 dev eth$((s + 1))"
            echo "link set eth$((s + 1)) up"
        done
        echo "address add $(rack $r).1/24 dev rack"
        echo "link set rack up"
    } | ip -n "leaf$r" -batch -
    ip netns exec "leaf$r" sh -c "$sysctls"
    echo 'table ip nat { chain post { type nat hook postrouting priority 100; oifname "eth0" ip saddr 10.1.0.0/16 masquerade; }; }' |
        ip netns exec "leaf$r" nft -f -
    for ((k = 0; k < perrack; k++)); do
        n=$((r * perrack + k))
        {
            echo "link set lo up"
            for port in net0 eth0 pod; do echo "link set $port up"; done
            echo "address add $(rack $r).$((k + 10))/24 dev net0"
            echo "address add 172.18.0.$((n + 2))/16 dev eth0"
            echo "route add default via $(rack $r).1"
            echo "route add 10.98.$n.10 dev pod"
        } | ip -n "n$r-$k" -batch -
        ip netns exec "n$r-$k" sh -c "$sysctls; echo 1 >/proc/sys/net/ipv4/conf/pod/proxy_arp; echo 0 >/proc/sys/net/ipv4/neigh/pod/proxy_delay"
        printf '%s\n' "link set lo up" "link set eth0 up" "address add 10.98.$n.10/32 dev eth0" "route add default dev eth0" |
            ip -n "p$r-$k" -batch -
        (mkdir -p "www$n" && echo "p$n" >"www$n/index.html" &&
            ip netns exec "p$r-$k" python3 -m http.server -d "www$n" 80 >/dev/null 2>&1) &
    done
done
lap links

# Daemons: FRR in the switches, gobgpd on the nodes.
common() {
    echo "frr defaults traditional"
    echo "no zebra nexthop kernel enable"
    echo "router bgp $1"
    echo " bgp router-id $2"
    echo " no bgp ebgp-requires-policy"
    echo " bgp bestpath compare-routerid"
    echo " coalesce-time 20"
}
neighbor() { echo " neighbor $1 remote-as $2" && echo " neighbor $1 timers connect 1"; }
for ((s = 0; s < spines; s++)); do
    {
        common $((500 + s)) "172.20.20.$((s + 2))"
        for ((r = 0; r < racks; r++)); do neighbor "$(link $s $r 0)" $((65100 + r)); done
    } >"spine$s.conf"
done
for ((r = 0; r < racks; r++)); do
    {
        common $((65100 + r)) "$(rack $r).1"
        echo " bgp bestpath as-path multipath-relax"
        for ((s = 0; s < spines; s++)); do neighbor "$(link $s $r 1)" $((500 + s)); done
        for ((k = 0; k < perrack; k++)); do neighbor "$(rack $r).$((k + 10))" $((65100 + r)); done
        echo " address-family ipv4 unicast"
        echo "  network $(rack $r).0/24"
        for ((k = 0; k < perrack; k++)); do echo "  neighbor $(rack $r).$((k + 10)) route-reflector-client"; done
        echo " exit-address-family"
    } >"leaf$r.conf"
done
switches=$(ls ./*.conf | sed 's/^..//; s/\.conf$//')
for daemon in zebra bgpd; do
    for switch in $switches; do
        ip netns exec "$switch" "/usr/lib/frr/$daemon" -d -N "$switch" -f "/run/lab/$switch.conf" -u root -g root >/dev/null 2>&1
    done
done
export GOMAXPROCS=1
for ((r = 0; r < racks; r++)); do
    for ((k = 0; k < perrack; k++)); do
        cat >"g$r-$k.toml" <<TOML
[global.config]
as = $((65100 + r))
router-id = "$(rack $r).$((k + 10))"
[[neighbors]]
[neighbors.config]
neighbor-address = "$(rack $r).1"
peer-as = $((65100 + r))
[neighbors.transport.config]
passive-mode = true
TOML
        ip netns exec "n$r-$k" gobgpd -f "g$r-$k.toml" --api-hosts "unix:///run/lab/g$r-$k.sock" --log-plain >/dev/null 2>&1 &
        {
            echo "table ip lab {"
            echo " chain pre { type nat hook prerouting priority -100;"
            echo "  ip daddr $service tcp dport 80 dnat to numgen random mod $nodes map { $(for ((n = 0; n < nodes; n++)); do printf '%d : 10.98.%d.10, ' $n $n; done) }"
            echo " }"
            echo " chain post { type nat hook postrouting priority 100; ct status dnat ct original ip daddr $service masquerade; }"
            echo "}"
        } | ip netns exec "n$r-$k" nft -f -
    done
done
lap daemons

# Routes, by the command line tool, as many at once as there are cores.
for ((r = 0; r < racks; r++)); do
    for ((k = 0; k < perrack; k++)); do
        echo "$r-$k $service/32"
        echo "$r-$k 10.98.$((r * perrack + k)).0/24"
    done
done | xargs -P "$(nproc)" -L 1 sh -c \
    'until gobgp --target "unix:///run/lab/g$0.sock" global rib add "$1" -a ipv4 >/dev/null 2>&1; do sleep 0.05; done'

# A leaf is complete with all racks, all slices and the service; slices of other racks have a next hop per spine.
complete() {
    [ "$(ip -n "leaf$1" route show proto bgp | grep -cv '^[[:space:]]')" = $((racks - 1 + nodes + 1)) ] &&
        [ "$(ip -n "leaf$1" route show proto bgp | grep -c nexthop)" -ge $((spines * (racks - 1) * (1 + perrack))) ]
}
for ((r = 0; r < racks; r++)); do until complete "$r"; do sleep 0.02; done; done
lap fib
until ip netns exec spine0 bash -c "exec 3<>/dev/tcp/$service/80 && printf 'GET / HTTP/1.0\r\n\r\n' >&3 && head -1 <&3" 2>/dev/null |
    grep -q 200; do sleep 0.02; done
lap answer
pss=0
for file in /proc/[0-9]*/smaps_rollup; do
    case $(tr '\0' ' ' <"${file%smaps_rollup}cmdline" 2>/dev/null) in
    */zebra* | */bgpd* | gobgpd*) pss=$((pss + $(awk '/^Pss:/ { print $2 }' "$file"))) ;;
    esac
done
echo "pss $pss"
