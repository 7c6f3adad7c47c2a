#!/bin/bash
# The single-FRR lab by hand, as fast as a shell script makes it: the yardstick of `make bench`.
# Usage: plain.sh NODES          prints milliseconds to: links, daemons started, FIB complete, first answer; then PSS in kB.
set -euo pipefail
nodes=$1
if [ "${2:-}" != inside ]; then
    exec unshare -m -p -n -f --mount-proc --kill-child "$0" "$nodes" inside
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

workers=$((nodes - 1))
pods=$((workers < 3 ? workers : 3))
cd /run/lab

# Namespaces and links.
{
    echo "netns add router0"
    echo "netns add client0"
    echo "netns add fabric"
    for ((k = 1; k <= nodes; k++)); do echo "netns add n$k"; done
    for ((p = 1; p <= pods; p++)); do echo "netns add p$p"; done
} | ip -batch -
{
    echo "link add net$nodes netns router0 type veth peer name net0 netns client0"
    for ((k = 1; k <= nodes; k++)); do
        echo "link add net$((k - 1)) netns router0 type veth peer name net0 netns n$k"
        echo "link add eth$k netns fabric type veth peer name eth0 netns n$k"
    done
    for ((p = 1; p <= pods; p++)); do echo "link add eth0 netns p$p type veth peer name pod netns n$((p + 1))"; done
} | ip -batch -

sysctls='for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 >$f; done
echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
echo 1 >/proc/sys/net/ipv4/fib_multipath_hash_policy; echo 1 >/proc/sys/net/ipv6/fib_multipath_hash_policy'
{
    echo "link add br0 type bridge"
    echo "link set br0 up"
    for ((k = 1; k <= nodes; k++)); do echo "link set eth$k master br0 up"; done
} | ip -n fabric -batch -
{
    echo "link set lo up"
    for ((k = 1; k <= nodes; k++)); do
        echo "address add 169.254.$k.1/24 dev net$((k - 1))"
        echo "address add fd00:169:254:$(printf %x $k)::1/64 dev net$((k - 1)) nodad"
        echo "link set net$((k - 1)) up"
    done
    echo "address add 192.168.0.1/24 dev net$nodes"
    echo "address add fd00:192:168::1/64 dev net$nodes nodad"
    echo "link set net$nodes up"
} | ip -n router0 -batch -
ip netns exec router0 sh -c "$sysctls"
printf '%s\n' "link set net0 up" "address add 192.168.0.2/24 dev net0" "address add fd00:192:168::2/64 dev net0 nodad" \
    "route add default via 192.168.0.1" "route add default via fd00:192:168::1" | ip -n client0 -batch -
for ((k = 1; k <= nodes; k++)); do
    x=$(printf %x $k)
    {
        echo "link set lo up"
        echo "link set net0 up"
        echo "link set eth0 up"
        echo "address add 169.254.$k.2/24 dev net0"
        echo "address add fd00:169:254:$x::2/64 dev net0 nodad"
        echo "address add 172.18.$(((k + 1) / 256)).$(((k + 1) % 256))/16 dev eth0"
        echo "route add 10.0.0.0/8 via 169.254.$k.1"
        echo "route add 192.168.0.0/24 via 169.254.$k.1"
        echo "route add fd00:10::/32 via fd00:169:254:$x::1"
        echo "route add fd00:192:168::/64 via fd00:169:254:$x::1"
        echo "route add 10.100.0.0/16 dev eth0"
        if ((k > 1 && k <= pods + 1)); then
            echo "link set pod up"
            echo "route add 10.100.$((k - 1)).10 dev pod"
        fi
    } | ip -n "n$k" -batch -
    ip netns exec "n$k" sh -c "$sysctls; echo 1 >/proc/sys/net/ipv4/conf/eth0/proxy_arp; echo 1 >/proc/sys/net/ipv4/conf/all/proxy_arp; echo 0 >/proc/sys/net/ipv4/neigh/eth0/proxy_delay" &
done
wait
for ((p = 1; p <= pods; p++)); do
    printf '%s\n' "link set lo up" "link set eth0 up" "address add 10.100.$p.10/32 dev eth0" "route add default dev eth0" |
        ip -n "p$p" -batch -
    (cd /run/lab && mkdir -p "www$p" && echo "p$p" >"www$p/index.html" &&
        ip netns exec "p$p" python3 -m http.server -d "www$p" 80 >/dev/null 2>&1) &
done
lap links

# Daemons.
{
    echo "frr defaults datacenter"
    echo "no zebra nexthop kernel enable"
    echo "ip route 10.0.0.0/8 blackhole"
    echo "ipv6 route fd00:10::/32 blackhole"
    echo "ip prefix-list LAB-SUBNET seq 5 permit 10.0.0.0/8 ge 8"
    echo "ipv6 prefix-list LAB-SUBNET6 seq 5 permit fd00:10::/32 ge 32"
    echo "router bgp 65000"
    echo " bgp router-id 10.0.0.0"
    echo " bgp bestpath as-path multipath-relax"
    echo " coalesce-time 20"
    for f in "" 6; do
        echo " neighbor K8S-NODES$f peer-group"
        echo " neighbor K8S-NODES$f remote-as external"
        echo " neighbor K8S-NODES$f timers connect 1"
    done
    for ((k = 1; k <= nodes; k++)); do
        echo " neighbor 169.254.$k.2 peer-group K8S-NODES"
        echo " neighbor fd00:169:254:$(printf %x $k)::2 peer-group K8S-NODES6"
    done
    echo " address-family ipv4 unicast"
    echo "  redistribute connected"
    echo "  neighbor K8S-NODES prefix-list LAB-SUBNET out"
    echo "  no neighbor K8S-NODES6 activate"
    echo " exit-address-family"
    echo " address-family ipv6 unicast"
    echo "  redistribute connected"
    echo "  neighbor K8S-NODES6 activate"
    echo "  neighbor K8S-NODES6 prefix-list LAB-SUBNET6 out"
    echo " exit-address-family"
} >frr.conf
ip netns exec router0 /usr/lib/frr/zebra -d -P 0 -f /run/lab/frr.conf -u root -g root >/dev/null 2>&1
ip netns exec router0 /usr/lib/frr/staticd -d -P 0 -f /run/lab/frr.conf -u root -g root >/dev/null 2>&1
ip netns exec router0 /usr/lib/frr/bgpd -d -P 0 -f /run/lab/frr.conf -u root -g root >/dev/null 2>&1
export GOMAXPROCS=1
for ((k = 1; k <= nodes; k++)); do
    x=$(printf %x $k)
    cat >"g$k.toml" <<TOML
[global.config]
as = $((65000 + k))
router-id = "172.18.$(((k + 1) / 256)).$(((k + 1) % 256))"
[[neighbors]]
[neighbors.config]
neighbor-address = "169.254.$k.1"
peer-as = 65000
[neighbors.transport.config]
passive-mode = true
[[neighbors]]
[neighbors.config]
neighbor-address = "fd00:169:254:$x::1"
peer-as = 65000
[neighbors.transport.config]
passive-mode = true
[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv6-unicast"
TOML
    ip netns exec "n$k" gobgpd -f "g$k.toml" --api-hosts "unix:///run/lab/g$k.sock" --log-plain >/dev/null 2>&1 &
    {
        echo "table ip lab {"
        echo " chain pre { type nat hook prerouting priority -100;"
        echo "  ip daddr 10.254.0.10 tcp dport 80 dnat to numgen random mod $pods map { $(for ((p = 1; p <= pods; p++)); do printf '%d : 10.100.%d.10, ' $((p - 1)) $p; done) }"
        ((k > 1 && k <= pods + 1)) && echo "  ip daddr 10.254.0.11 tcp dport 80 dnat to 10.100.$((k - 1)).10"
        echo " }"
        echo " chain post { type nat hook postrouting priority 100; ct status dnat ct original ip daddr 10.254.0.10 masquerade; }"
        echo " chain guard { type filter hook forward priority 0; ip daddr 10.254.0.0/24 drop; }"
        echo "}"
    } | ip netns exec "n$k" nft -f -
done
lap daemons

# Routes, by the command line tool, as many at once as there are cores.
for ((k = 1; k <= nodes; k++)); do
    local_service=$((k > 1 && k <= pods + 1))
    for route in "10.254.0.10/32 -a ipv4" "fd00:10:254::10/128 -a ipv6"; do echo "$k $route"; done
    if ((local_service)); then
        for route in "10.254.0.11/32 -a ipv4" "fd00:10:254::11/128 -a ipv6"; do echo "$k $route"; done
    fi
done | xargs -P "$(nproc)" -L 1 sh -c \
    'until gobgp --target "unix:///run/lab/g$0.sock" global rib add "$1" -a "$3" >/dev/null 2>&1; do sleep 0.05; done'

# IPv6 is asked of zebra, because `ip -6 route show` prints nothing once a route has some 150 next hops.
hops4() { ip -n router0 route show "$1" | grep -c "via" || true; }
hops6() { vtysh -c "show ipv6 route $1" | grep -c '^  \*' || true; }
until [ "$(hops4 10.254.0.10)" = "$nodes" ] && [ "$(hops4 10.254.0.11)" = "$pods" ] &&
    [ "$(hops6 fd00:10:254::10/128)" = "$nodes" ]; do sleep 0.02; done
lap fib
until ip netns exec client0 bash -c 'exec 3<>/dev/tcp/10.254.0.10/80 && echo "GET / HTTP/1.0

" >&3 && head -1 <&3' 2>/dev/null | grep -q 200; do sleep 0.02; done
lap answer
pss=0
for file in /proc/[0-9]*/smaps_rollup; do
    case $(tr '\0' ' ' <"${file%smaps_rollup}cmdline" 2>/dev/null) in
    */zebra* | */bgpd* | */staticd* | gobgpd*) pss=$((pss + $(awk '/^Pss:/ { print $2 }' "$file"))) ;;
    esac
done
echo "pss $pss"
