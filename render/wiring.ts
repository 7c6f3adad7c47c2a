/**
 * The wiring of a container: which interfaces, addresses and routes it has. Docker restores networks and addresses when a
 * container starts, but neither names nor routes; the script in the container does, from a file that says what is wanted.
 */

import { familyOf, lengthOf } from "../lab/address";
import type { Prefix } from "../lab/model";
import type { RouteSpec, Silence, WiredInterface, WiredVrf, WiringInputs } from "../provider/schema";
import {
    routeProtocol,
    wiringEventsPath,
    wiringFilePath,
    wiringFolder,
    wiringScript,
    wiringScriptPath,
} from "./wiring-script";

/** What the script is told about a container. */
export type Wiring = Pick<WiringInputs, "interfaces" | "routes" | "forwarding" | "loopback" | "silence" | "vrfs"> & {
    /** Whether another container shares the network namespace, and must be told when it is another one. */
    readonly shared: boolean;
};

/**
 * The wanted wiring as the script reads it, one thing a line. Routes are written as `ip route` shows them, by which the
 * script finds them. Wirings that are equal give equal files.
 */
export function wiringFile(wiring: Wiring): string {
    const { interfaces, routes, forwarding, loopback, silence, vrfs = {}, shared } = wiring;
    const lines = [
        ...(shared ? ["shared"] : []),
        `forwarding ${forwarding ? 1 : 0}`,
        ...(loopback === undefined ? [] : [`loopback ${[...loopback].sort().join(" ")}`]),
        ...sorted(vrfs).flatMap(([name, spec]) => vrfLines(name, spec)),
        ...sorted(interfaces).map(([name, spec]) => interfaceLine(name, spec)),
        ...sorted(routes).map(([prefix, via]) => routeLine(prefix, via)),
        ...(silence === undefined ? [] : silenceLines(silence)),
    ];
    return lines.join("\n");
}

/** Entries in an order of their own: what comes back from a state is not in the order in which it was put there. */
function sorted<T>(record: Readonly<Record<string, T>>): readonly (readonly [string, T])[] {
    return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

function interfaceLine(name: string, { mtu, addresses }: WiredInterface): string {
    return ["interface", name, mtu, ...addresses].join(" ");
}

function routeLine(prefix: Prefix, via: RouteSpec): string {
    return `route ${familyOf(prefix) === "ipv4" ? 4 : 6} ${prefix} ${shownRoute(prefix, via)}`;
}

/** Interfaces are in their VRF before they have their addresses: IPv6 ones go when an interface changes sides. */
function vrfLines(name: string, { table, interfaces, addresses }: WiredVrf): readonly string[] {
    return [
        ["vrf", name, table, ...addresses].join(" "),
        ...[...interfaces].sort().map((member) => `member ${member} ${name}`),
    ];
}

function silenceLines({ interfaces, prefixes }: Silence): readonly string[] {
    return prefixes.flatMap((prefix) =>
        interfaces.map((name) => `silence ${familyOf(prefix) === "ipv4" ? 4 : 6} ${shownPrefix(prefix)} ${name}`),
    );
}

function shownRoute(prefix: Prefix, via: RouteSpec): string {
    if ("blackhole" in via) {
        return `blackhole ${shownPrefix(prefix)}`;
    }
    return `${shownPrefix(prefix)} ${"via" in via ? `via ${via.via}` : `dev ${via.dev}`}`;
}

/** iproute2 calls the whole address space `default`, and leaves out the length of a single address. */
function shownPrefix(prefix: Prefix): string {
    const length = lengthOf(prefix);
    if (length === 0) {
        return "default";
    }
    const single = familyOf(prefix) === "ipv4" ? 32 : 128;
    return length === single ? prefix.slice(0, prefix.indexOf("/")) : prefix;
}

/** On a node, systemd keeps the wiring, and has made it before kubelet starts. */
const unit = `[Unit]
Description=Network of the bgp-lab lab
Before=kubelet.service

[Service]
ExecStart=/bin/sh ${wiringScriptPath} keep
Restart=always

[Install]
WantedBy=multi-user.target`;

const install = `set -e
mkdir -p ${wiringFolder}
printf "%s\\n" "$1" >${wiringScriptPath}.new
printf "%s\\n" "$2" >${wiringFilePath}.new
mv ${wiringScriptPath}.new ${wiringScriptPath}
sh ${wiringScriptPath} suspend
wanted=$2 sh ${wiringScriptPath} apply
mv ${wiringFilePath}.new ${wiringFilePath}
[ ! -p ${wiringEventsPath} ] || echo 1<>${wiringEventsPath}
if [ -d /run/systemd/system ]; then
    printf "%s\\n" "$3" >/etc/systemd/system/bgp-lab.service
    systemctl enable --quiet --now bgp-lab.service
fi`;

const check = `[ "$(cat ${wiringFilePath})" = "$wanted" ] || printf "file\\tmissing, or of another wiring\\n"
${wiringScript}`;

/** Command that leaves a wiring in a container and applies it; prints what is not as wanted then. */
export function installCommand(wiring: Wiring): readonly string[] {
    return ["sh", "-c", install, "install", wiringScript, wiringFile(wiring), unit];
}

/** Command that tells how a container differs from its wiring. */
export function checkCommand(wiring: Wiring): readonly string[] {
    return ["env", `wanted=${wiringFile(wiring)}`, "sh", "-c", check, "wire", "check"];
}

/**
 * Command that makes interfaces ready to be removed by Docker. Until the next {@link installCommand} nothing keeps the
 * wiring of the container, so that Docker alone changes it.
 */
export function releaseCommand(interfaces: readonly string[]): readonly string[] {
    return ["sh", "-c", wiringScript, "wire", "release", ...interfaces];
}

const forget = `rm -f ${wiringFilePath}
ip -4 route flush proto ${routeProtocol}
ip -6 route flush proto ${routeProtocol}
for family in 4 6; do
    while ip "-$family" rule del protocol ${routeProtocol} 2>/dev/null; do :; done
done
if [ -d /run/systemd/system ]; then systemctl disable --quiet --now bgp-lab.service; fi`;

/** Command after which nothing keeps the wiring of a container any more. */
export const forgetCommand: readonly string[] = ["sh", "-c", forget];
