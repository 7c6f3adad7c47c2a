import { familyOf } from "../address";
import type { Lab, Segment } from "../model";
import { rule } from "./rule";

/** IPv6 needs 1280 bytes on every link. */
export const mtuCarriesIpv6 = rule({
    id: "NET-MTU-001",
    severity: "error",
    source: "RFC 8200 §5",
    *check(lab) {
        for (const [name, segment] of Object.entries(lab.segments)) {
            if (!isUsable(segment)) {
                yield {
                    at: ["segments", name, "mtu"],
                    says: `the segment ${name} has an MTU of ${segment.mtu} bytes`,
                    fix: `use ${leastMtu(segment)} to 65535`,
                };
            }
        }
    },
});

/** Pods have what encapsulation leaves of the node network's packets; it must be enough for every host of their families. */
export const encapsulationLeavesRoom = rule({
    id: "NET-MTU-002",
    severity: "error",
    source: "RFC 7348 §4; RFC 8200 §5; RFC 791 §3.1",
    *check(lab) {
        const { podCidrs, nodeSegment } = lab.cluster;
        const segment = lab.segments[nodeSegment];
        const overhead = encapsulationOf(lab);
        const least = podCidrs.some((cidr) => familyOf(cidr) === "ipv6") ? 1280 : 576;
        if (segment !== undefined && overhead > 0 && segment.mtu >= least && segment.mtu - overhead < least) {
            yield {
                at: ["segments", nodeSegment, "mtu"],
                says: `encapsulation takes ${overhead} of the ${segment.mtu} bytes of a packet between nodes: pods are left ${segment.mtu - overhead}`,
                fix: `use ${least + overhead} bytes or more`,
            };
        }
    },
});

/**
 * Whoever sends a packet that is too large for a link beyond is told so by ICMP. Where paths share the load, that message
 * may go to another node than the one that sent, and connections hang.
 */
export const segmentsHaveOneMtu = rule({
    id: "NET-MTU-003",
    severity: "warning",
    source: "RFC 7690 §2",
    *check({ segments }) {
        const usable = Object.entries(segments).filter(([, segment]) => isUsable(segment));
        const largest = Math.max(...usable.map(([, { mtu }]) => mtu));
        for (const [name, { mtu }] of usable) {
            if (mtu < largest) {
                yield {
                    at: ["segments", name, "mtu"],
                    says: `the segment ${name} has an MTU of ${mtu} bytes, others of up to ${largest}`,
                    fix: `use ${largest} on all segments`,
                };
            }
        }
    },
});

function leastMtu({ subnets }: Segment): number {
    return subnets.some((subnet) => familyOf(subnet) === "ipv6") ? 1280 : 68;
}

function isUsable(segment: Segment): boolean {
    return segment.mtu >= leastMtu(segment) && segment.mtu <= 65535;
}

/** Bytes that the headers around a packet between pods of two nodes take: VXLAN over IPv4 or IPv6, or IP in IP. */
function encapsulationOf({ cluster: { cilium, calico, nodeSegment }, segments }: Lab): number {
    const overIpv4 = segments[nodeSegment]?.subnets.some((subnet) => familyOf(subnet) === "ipv4") ?? true;
    if (cilium?.routingMode === "tunnel" || calico?.encapsulation === "vxlan") {
        return overIpv4 ? 50 : 70;
    }
    return calico?.encapsulation === "ipip" ? 20 : 0;
}
