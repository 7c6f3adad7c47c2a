import { addressOf, familyName, familyOf, networkOf, parseAddress, rangeOf, sizeOf } from "../address";
import type { Lab } from "../model";
import type { Path } from "../path";
import { devices } from "./devices";
import { rule } from "./rule";

/** Devices share one name space: prompts, hosts files and namespaces are named after them. */
export const deviceNamesAreDistinct = rule({
    id: "NET-NAME-001",
    severity: "error",
    source: "RFC 1123 §2.1",
    *check(lab) {
        const seen = new Set<string>();
        for (const { name, place } of devices(lab)) {
            if (seen.has(name)) {
                yield { at: place, says: `two devices are named ${name}`, fix: "rename one of them" };
            }
            seen.add(name);
        }
    },
});

/** Linux takes interface names of 1 to 15 bytes without slash, colon and space; one name per device. */
export const interfaceNamesAreValid = rule({
    id: "NET-IF-001",
    severity: "error",
    source: "Linux, IFNAMSIZ",
    *check(lab) {
        for (const {
            name: device,
            device: { interfaces },
            place,
        } of devices(lab)) {
            for (const [index, { name }] of interfaces.entries()) {
                const at = [...place, "interfaces", index, "name"];
                if (!/^[^\s/:]{1,15}$/.test(name)) {
                    yield {
                        at,
                        says: `${device} has an interface named "${name}"`,
                        fix: "use 1 to 15 letters and digits",
                    };
                } else if (interfaces.findIndex((other) => other.name === name) < index) {
                    yield { at, says: `${device} has two interfaces named ${name}`, fix: "rename one of them" };
                }
            }
        }
    },
});

/** An interface is on a segment that exists. */
export const segmentsExist = rule({
    id: "NET-SEG-001",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        for (const {
            name,
            device: { interfaces },
            place,
        } of devices(lab)) {
            for (const [index, { attachment }] of interfaces.entries()) {
                if (attachment.kind === "segment" && lab.segments[attachment.segment] === undefined) {
                    yield {
                        at: [...place, "interfaces", index, "attachment", "segment"],
                        says: `${name} is attached to the segment ${attachment.segment}, which does not exist`,
                        fix: "add the segment, or attach the interface to another one",
                    };
                }
            }
        }
        if (lab.segments[lab.cluster.nodeSegment] === undefined) {
            yield {
                at: ["cluster", "nodeSegment"],
                says: `the nodes' segment ${lab.cluster.nodeSegment} does not exist`,
                fix: "name the segment that the nodes share",
            };
        }
    },
});

/** A cable has two ends. */
export const cablesHaveTwoEnds = rule({
    id: "NET-SEG-002",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        const ends = new Map<string, number>();
        for (const { attachment } of devices(lab).flatMap(({ device }) => device.interfaces)) {
            if (attachment.kind === "segment") {
                ends.set(attachment.segment, (ends.get(attachment.segment) ?? 0) + 1);
            }
        }
        for (const [name, { kind }] of Object.entries(lab.segments)) {
            const count = ends.get(name) ?? 0;
            if (kind === "point-to-point" && count !== 2) {
                yield {
                    at: ["segments", name],
                    says: `the point-to-point segment ${name} has ${count} interface${count === 1 ? "" : "s"}`,
                    fix: "attach exactly two interfaces, or make it a bridge",
                };
            }
        }
    },
});

/** A segment has at most one subnet per family. */
export const segmentsHaveOneSubnetPerFamily = rule({
    id: "NET-SEG-003",
    severity: "error",
    source: "docs/architecture.md",
    *check(lab) {
        for (const [name, { subnets }] of Object.entries(lab.segments)) {
            for (const [index, subnet] of subnets.entries()) {
                if (subnets.findIndex((other) => familyOf(other) === familyOf(subnet)) < index) {
                    yield {
                        at: ["segments", name, "subnets", index],
                        says: `the segment ${name} has a second ${familyName(familyOf(subnet))} subnet, ${subnet}`,
                        fix: "remove one of them",
                    };
                }
            }
        }
    },
});

/** An interface's subnet is its segment's. */
export const addressesAreInTheirSegment = rule({
    id: "ADR-SEG-001",
    severity: "error",
    source: "RFC 1122 §3.3.1",
    *check(lab) {
        for (const { device, text, subnets, segment, place } of attached(lab)) {
            if (!subnets.includes(networkOf(text))) {
                yield {
                    at: place,
                    says: `${device} has ${text} on the segment ${segment}, whose subnets are ${subnets.join(" and ")}`,
                    fix: "use an address and length of the segment's subnet",
                };
            }
        }
    },
});

/** The first and last address of an IPv4 subnet, and the first of an IPv6 one, are not hosts. */
export const addressesAreHosts = rule({
    id: "ADR-SEG-002",
    severity: "error",
    source: "RFC 1122 §3.2.1.3; RFC 4291 §2.6.1",
    *check(lab) {
        for (const { device, text, place } of attached(lab)) {
            const subnet = networkOf(text);
            const { first, last } = rangeOf(subnet);
            const { value, family } = parseAddress(addressOf(text));
            const edge =
                value === first ? "the network" : value === last && family === "ipv4" ? "the broadcast" : undefined;
            if (edge !== undefined && sizeOf(subnet) > 2n) {
                yield {
                    at: place,
                    says: `${device} has ${addressOf(text)}, which is ${edge} address of ${subnet}`,
                    fix: "use an address in between",
                };
            }
        }
    },
});

/**
 * In one address space an address belongs to one interface or pod; each VRF is one of its own. Two segments can share an
 * address only if their subnets overlap, which has its own rule.
 */
export const addressesAreUnique = rule({
    id: "ADR-DUP-001",
    severity: "error",
    source: "RFC 1122 §3.3.1",
    *check(lab) {
        const owners = new Map<string, { readonly who: string; readonly place: Path; readonly domain: string }>();
        for (const { address, who, place, domain } of owned(lab)) {
            const owner = owners.get(address);
            if (owner !== undefined && owner.domain === domain) {
                yield {
                    at: place,
                    with: [owner.place],
                    says: `${who} and ${owner.who} both have ${address}`,
                    fix: `give ${who} another address`,
                };
            }
            owners.set(address, owner ?? { who, place, domain });
        }
    },
});

/** Interface addresses with the subnets of the segment they are on. */
function attached(lab: Lab) {
    return devices(lab).flatMap(({ name: device, addresses }) =>
        addresses.flatMap(({ text, interface: { attachment }, place }) => {
            const segment = attachment.kind === "segment" ? attachment.segment : undefined;
            const subnets = segment === undefined ? undefined : lab.segments[segment]?.subnets;
            return subnets === undefined ? [] : [{ device, text, place, segment, subnets }];
        }),
    );
}

/** The address space of loopbacks: a VRF's own, or that of the whole lab. */
function loopbacksOf(device: string, vrf: string | undefined): string {
    return vrf === undefined ? "loopbacks" : `loopbacks of ${device}'s VRF ${vrf}`;
}

function owned(lab: Lab) {
    const interfaces = devices(lab).flatMap(({ name, addresses }) =>
        addresses.map(({ address, place, interface: { name: owner, attachment, vrf } }) => ({
            address,
            place,
            who: `${name} (${owner})`,
            domain: attachment.kind === "segment" ? `segment ${attachment.segment}` : loopbacksOf(name, vrf),
        })),
    );
    const pods = lab.cluster.workloads.flatMap((workload, index) =>
        workload.pods.flatMap((pod, position) =>
            pod.addresses.map((address, at) => ({
                address,
                who: `pod ${pod.name}`,
                domain: "pods",
                place: ["cluster", "workloads", index, "pods", position, "addresses", at] as Path,
            })),
        ),
    );
    return [...interfaces, ...pods];
}
