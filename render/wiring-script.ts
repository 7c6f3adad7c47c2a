/** The script that makes and keeps the wiring of a container, as `render/wiring.ts` writes it down. */

/** Folder in a container for what this project leaves there; it survives restarts. */
export const wiringFolder = "/etc/bgp-lab";

/** The wanted wiring in a container. */
export const wiringFilePath = `${wiringFolder}/wiring`;

/** The script in a container. */
export const wiringScriptPath = `${wiringFolder}/wire`;

/** FIFO in a container: a line in it makes `wire keep` look. */
export const wiringEventsPath = `${wiringFilePath}.events`;

/**
 * Number by which the kernel knows routes of a wiring from those of Docker and of routing daemons. Nobody else has it
 * (linux/rtnetlink.h, iproute2's rt_protos); `static` would not do, because FRR's own routes are called that, too.
 */
export const routeProtocol = 120;

/** Preference of the rules that end in silence: before the kernel's tables, after those that Cilium puts first. */
const silencePreference = 1200;

/** Folder of the volume that a container shares with its sidecar. */
export const bootFolder = "/var/lib/bgp-lab";

/**
 * FIFO in the volume of a node by which it tells, when it starts, which network namespace it has. Who shares that
 * namespace reads it there.
 */
export const bootFifoPath = `${bootFolder}/boot`;

/**
 * The script: POSIX shell (dash, Busybox) with iproute2. It prints each difference as `path<TAB>what was found`.
 *
 * - `wire check`: tells differences, changes nothing
 * - `wire apply`: ends differences, then tells what is left, and on standard error why
 * - `wire suspend`: makes `keep` do nothing until there is a file again, and waits for what it is about
 * - `wire release NAME…`: suspends, and gives interfaces back the names under which Docker removes them
 * - `wire keep`: applies now, and whenever the kernel tells of a change; never ends
 *
 * The wanted wiring is in the variable `wanted`; `keep` reads the file. A link that somebody took down stays down until
 * the next `apply`, because that is how people try what a lab does without it; its routes come back when it is up again.
 *
 * Docker joins a container to a network in steps: a link, a name, one address, the other, the way out. It fails if
 * somebody renames the link or adds an address in between. So the provider suspends before it has Docker join or leave;
 * and for those who do it by hand, `keep` leaves a new link alone until it is up, has all of its addresses, and was so
 * already when it last looked.
 */
export const wiringScript = `#!/bin/sh
# Makes and keeps the network of this container as ${wiringFilePath} says.
# shellcheck disable=SC2086 # addresses and routes are taken apart at their spaces
set -u
file=${wiringFilePath}
busy=$file.busy
boot=${bootFifoPath}
mode=$1
problems=
tab=$(printf '\\t')
newline='
'

# A difference, and the command that ends it.
differs() {
    path=$1 found=$2
    shift 2
    if [ "$mode" = check ]; then
        printf '%s\\t%s\\n' "$path" "$found"
    elif ! says=$("$@" 2>&1); then
        problems="$problems$path$tab$found: $says$newline"
    fi
}

look() {
    links=$newline$(ip -o link show)$newline
    addresses=$newline$(ip -o addr show)$newline
}

# Sets link to what ip tells of an interface, and index to its number.
link_of() {
    link=\${links#*": $1"[@:]}
    [ "$link" != "$links" ] || return 1
    link=\${link%%"$newline"*}
    index=\${links%%": $1"[@:]*}
    index=\${index##*"$newline"}
}

is_up() {
    case $1 in *",UP,"* | *",UP>"*) true ;; *) false ;; esac
}

# Sets device to the interface that has one of the addresses.
device_with() {
    for address; do
        device=\${addresses%%" inet $address "*}
        [ "$device" != "$addresses" ] || device=\${addresses%%" inet6 $address "*}
        [ "$device" != "$addresses" ] || continue
        device=\${device##*"$newline"}
        device=\${device#*: }
        device=\${device%% *}
        return 0
    done
    return 1
}

# Kernels before 6.2 rename only what is down. IPv6 addresses and routes go with that, and come back below.
rename() {
    ip link set dev "$1" name "$2" 2>/dev/null && return
    ip link set dev "$1" down || return
    ip link set dev "$1" name "$2" && ip link set dev "$2" up && return
    ip link set dev "$1" up
    false
}

# Gives an interface its name. The one from Docker stays as a second name, by which Docker finds it to remove it.
name_interface() {
    if link_of "$2"; then
        rename "$2" "moved$index" || return
    fi
    ip link property del dev "$2" altname "$2" 2>/dev/null
    rename "$1" "$2" || return
    case $1 in eth* | dkr*) ip link property add dev "$2" altname "$1" 2>/dev/null ;; esac
    true
}

# Gives an interface back to Docker, which is about to remove it.
release_interface() {
    second=\${link##*altname }
    [ "$second" != "$link" ] || return 0
    ip link property del dev "$1" altname "$second" && rename "$1" "$second" || ip link del dev "$1"
}

# Whether device may still be in Docker's hands. Numbers of links that are not are in settled.
is_new() {
    [ "$mode" = keep ] || return 1
    new=$device
    link_of "$new" || return 0
    case $settled in *"$newline$index: "*) return 1 ;; esac
    again=yes
    is_up "$link" || return 0
    for each; do
        device_with "$each" && [ "$device" = "$new" ] || return 0
    done
    settled="$settled$newline$index: "
}

name_interfaces() {
    while read -r kind name _ own; do
        [ "$kind" = interface ] || continue
        device_with $own || continue
        [ "$device" != "$name" ] || continue
        ! is_new $own || continue
        differs "interfaces.$name" "its name is $device" name_interface "$device" "$name"
        look
    done <<END
$wanted
END
}

# What Docker disconnected but could not take away, because its second name is taken outside: down, under a name of
# Docker's own.
remove_unplugged() {
    while read -r _ name rest; do
        case $name in veth*) ;; *) continue ;; esac
        case $rest in *'altname eth'* | *'altname dkr'*) is_up "$rest" || ip link del dev "\${name%%[@:]*}" ;; esac
    done <<END
$links
END
}

make_vrf() {
    ip link add dev "$1" type vrf table "$2" && ip link set dev "$1" alias bgp-lab up && return
    echo "the kernel of the engine needs VRF devices (modprobe vrf)"
    false
}

# A device that is the VRF, and its loopback.
wire_vrf() {
    name=$1 table=$2
    shift 2
    if ! link_of "$name"; then
        differs "vrfs.$name" "no such VRF" make_vrf "$name" "$table"
        look
        link_of "$name" || return
    fi
    is_up "$link" || differs "vrfs.$name" "it is down" ip link set dev "$name" up
    wire_addresses "vrfs.$name" "$name" "$@"
}

wire_member() {
    link_of "$1" || return
    case $link in
        *" master $2 "*) ;;
        *) differs "interfaces.$1.vrf" "not in $2" ip link set dev "$1" master "$2" ;;
    esac
    look
}

# What a former wiring had in a VRF, and VRFs that it had.
remove_vrfs() {
    while read -r _ name rest; do
        name=\${name%%[@:]*}
        case $rest in *" master "*) ;; *) continue ;; esac
        case $newline$wanted in
            *"\${newline}member $name "*) ;;
            *"\${newline}interface $name "*) differs "interfaces.$name.vrf" "in a VRF" ip link set dev "$name" nomaster ;;
        esac
    done <<END
$links
END
    while read -r _ name rest; do
        name=\${name%:}
        case $rest in *"alias bgp-lab"*) ;; *) continue ;; esac
        case $newline$wanted in
            *"\${newline}vrf $name "*) ;;
            *) differs "vrfs.$name" "a VRF" ip link del dev "$name" ;;
        esac
    done <<END
$(ip -o link show type vrf 2>/dev/null)
END
}

wire_interface() {
    name=$1 mtu=$2
    shift 2
    if ! link_of "$name"; then
        differs "interfaces.$name" "no such interface" false
        return
    fi
    case $link in
        *" mtu $mtu "*) ;;
        *) differs "interfaces.$name.mtu" "not $mtu" ip link set dev "$name" mtu "$mtu" ;;
    esac
    if [ "$mode" != keep ] && ! is_up "$link"; then
        differs "interfaces.$name" "the link is down" ip link set dev "$name" up
    fi
    wire_addresses "interfaces.$name.addresses" "$name" "$@"
}

wire_addresses() {
    place=$1 name=$2
    shift 2
    for own; do
        if ! device_with "$own" || [ "$device" != "$name" ]; then
            differs "$place" "no $own" add_address "$name" "$own"
        fi
    done
}

add_address() {
    case $2 in
        *:*) ip addr add "$2" dev "$1" nodad ;;
        *) ip addr add "$2" brd + dev "$1" ;;
    esac
}

# A route is there if ip shows a line that starts like it.
wire_route() {
    family=$1 prefix=$2
    shift 2
    case $family in 4) routes=$routes4 ;; 6) routes=$routes6 ;; esac
    case $routes in
        *"$newline$* "*) ;;
        *) differs "routes[\\"$prefix\\"]" "no such route" ip "-$family" route replace "$@" proto ${routeProtocol} ;;
    esac
}

# What came in by a link for addresses that nobody has is not forwarded.
wire_silence() {
    prefix=$1 name=$2
    case $rules in
        *"from all to $prefix iif $name "*) ;;
        *)
            differs "silence[\\"$prefix\\"]" "no rule for $name" ip "-$family" rule add pref ${silencePreference} \
                to "$prefix" iif "$name" protocol ${routeProtocol} blackhole
            ;;
    esac
}

# Rules of a former wiring.
remove_rules() {
    while read -r line; do
        case "$line " in *" proto ${routeProtocol} "*) ;; *) continue ;; esac
        set -- $line
        case $newline$wanted$newline in
            *"\${newline}silence $family $5 $7$newline"*) ;;
            *) differs "silence[\\"$5\\"]" "a rule for $7" ip "-$family" rule del to "$5" iif "$7" protocol ${routeProtocol} ;;
        esac
    done <<END
$rules
END
}

wire_rules() {
    for family in 4 6; do
        rules=$(ip "-$family" rule show)
        while read -r kind which rest; do
            [ "$kind $which" != "silence $family" ] || wire_silence $rest
        done <<END
$wanted
END
        remove_rules
    done
}

# Addresses that a former wiring had on the loopback interface.
wire_loopback() {
    wire_interface lo 65536 "$@"
    while read -r _ _ _ own _; do
        case " $* " in
            *" $own "*) ;;
            *) differs loopback "$own" ip addr del "$own" dev lo ;;
        esac
    done <<END
$(ip -o addr show dev lo scope global)
END
}

# Routes of a former wiring, and Docker's default routes.
remove_routes() {
    while read -r line; do
        case "$line " in
            *" proto ${routeProtocol} "*) protocol="proto ${routeProtocol}" ;;
            *" proto "*) continue ;;
            "default "*) protocol= ;;
            *) continue ;;
        esac
        set -- $line
        case $1 in blackhole) shown="$1 $2" ;; *) shown="$1 $2 $3" ;; esac
        case $newline$wanted$newline in
            *" $shown$newline"*) ;;
            *) differs "routes[\\"$2\\"]" "$line" ip "-$family" route del $shown $protocol ;;
        esac
    done <<END
$1
END
}

wire_routes() {
    routes4=$newline$(ip -4 route show)$newline
    routes6=$newline$(ip -6 route show)$newline
    while read -r kind family prefix route; do
        [ "$kind" != route ] || wire_route "$family" "$prefix" $route
    done <<END
$wanted
END
    family=4 && remove_routes "$(ip -4 route show)"
    family=6 && remove_routes "$(ip -6 route show)"
}

write() { echo "$1" >"$2"; }

wire_forwarding() {
    for setting in net/ipv4/ip_forward net/ipv6/conf/all/forwarding; do
        [ -e "/proc/sys/$setting" ] || continue
        read -r value <"/proc/sys/$setting"
        [ "$value" = "$1" ] || differs forwarding "$setting is $value" write "$1" "/proc/sys/$setting"
    done
}

wire() {
    look
    [ "$mode" = check ] || remove_unplugged
    name_interfaces
    while read -r kind rest; do
        case $kind in
            vrf) wire_vrf $rest ;;
            member) wire_member $rest ;;
            interface) wire_interface $rest ;;
            loopback) wire_loopback $rest ;;
            forwarding) wire_forwarding $rest ;;
        esac
    done <<END
$wanted
END
    remove_vrfs
    wire_routes
    wire_rules
}

# Tells who shares this network namespace which one it is. The FIFO stays open as long as this container runs.
announced=
announce() {
    [ -z "$announced" ] || return 0
    announced=yes
    mkdir -p "\${boot%/*}"
    [ -p "$boot" ] || mkfifo "$boot"
    exec 4<>"$boot"
    readlink /proc/self/ns/net >&4
}

# While keep is about something, there is a file that says so.
suspend() {
    rm -f "$file"
    tries=50
    while [ -e "$busy" ] && [ "$tries" -gt 0 ]; do
        sleep 0.1
        tries=$((tries - 1))
    done
}

# One line in the FIFO for any number of events until the next look, which costs nothing while nothing happens.
keep() {
    events=${wiringEventsPath}
    dirty=$file.dirty
    rm -f "$events" "$dirty" "$busy"
    mkfifo "$events"
    exec 3<>"$events"
    while :; do
        ip monitor link address route rule
        sleep 1
    done | while read -r _; do
        [ -e "$dirty" ] || { : >"$dirty" && echo >&3; }
    done &
    # Docker is through with what is there before anything runs here.
    look
    settled=$links
    while :; do
        rm -f "$dirty"
        again= problems=
        : >"$busy"
        wanted=$(cat "$file" 2>/dev/null)
        case $wanted in shared*) announce ;; esac
        [ -z "$wanted" ] || wire
        rm -f "$busy"
        [ -n "$again" ] || read -r _ <&3
        sleep 1
    done
}

case $mode in
    check) wire ;;
    apply)
        wire
        mode=check
        wire
        [ -z "$problems" ] || printf '%s' "$problems" >&2
        ;;
    suspend) suspend ;;
    release)
        shift
        suspend
        look
        for name; do
            link_of "$name" && release_interface "$name"
        done
        ;;
    keep) keep ;;
esac
`;
