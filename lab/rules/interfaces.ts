import { addressOf, familyName, familyOf, networkOf, parseAddress, rangeOf, sizeOf } from "../address";
import type { Address, Interface, Lab } from "../model";
import type { Path } from "../path";
import { nodePort } from "../pods";
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

/** A cable has two ends, and so has the pair of interfaces that joins a Pod to its node. */
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
            if (kind !== "bridge" && count !== 2) {
                const [what, fix] =
                    kind === "pod-link"
                        ? (["pod link", "attach the Pod and its node, and nothing else"] as const)
                        : (["point-to-point segment", "attach exactly two interfaces, or make it a bridge"] as const);
                yield {
                    at: ["segments", name],
                    says: `the ${what} ${name} has ${count} interface${count === 1 ? "" : "s"}`,
                    fix,
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

/** An interface's subnet is its segment's. What Pods have is their node's slice (rule ADR-POD-003). */
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
 * address only if their subnets overlap, which has its own rule. The Pods of a workload may answer at one address.
 */
export const addressesAreUnique = rule({
    id: "ADR-DUP-001",
    severity: "error",
    source: "RFC 1122 §3.3.1",
    *check(lab) {
        const owners = new Map<string, OwnedAddress>();
        for (const own of owned(lab)) {
            const { address, who, place, domain } = own;
            const owner = owners.get(address);
            const isShared = own.sharedBy !== undefined && owner?.sharedBy === own.sharedBy;
            if (owner !== undefined && owner.domain === domain && !isShared) {
                yield {
                    at: place,
                    with: [owner.place],
                    says: `${who} and ${owner.who} both have ${address}`,
                    fix: `give ${who} another address`,
                };
            }
            owners.set(address, owner ?? own);
        }
    },
});

/** Interface addresses with the subnets of the segment they are on. */
function attached(lab: Lab) {
    return devices(lab).flatMap(({ name: device, addresses }) =>
        addresses.flatMap(({ text, interface: { attachment }, place }) => {
            const name = attachment.kind === "segment" ? attachment.segment : undefined;
            const segment = name === undefined ? undefined : lab.segments[name];
            return segment === undefined || segment.kind === "pod-link"
                ? []
                : [{ device, text, place, segment: name, subnets: segment.subnets }];
        }),
    );
}

interface OwnedAddress {
    readonly address: Address;
    /** Readable name of the interface or pod that has it. */
    readonly who: string;
    readonly place: Path;
    /** The address space that it is in. */
    readonly domain: string;
    /** The workload whose Pods may have it in common. */
    readonly sharedBy?: string;
}

/** The address space of an interface: that of its segment, of pods, or of loopbacks in its VRF or the whole lab. */
function domainOf(lab: Lab, device: string, { name, attachment, vrf }: Interface): string {
    const isPods = lab.cluster.nodes[device] !== undefined && name === nodePort;
    switch (attachment.kind) {
        case "segment":
            return lab.segments[attachment.segment]?.kind === "pod-link" ? "pods" : `segment ${attachment.segment}`;
        case "loopback":
            return isPods ? "pods" : vrf === undefined ? "loopbacks" : `loopbacks of ${device}'s VRF ${vrf}`;
    }
}

function owned(lab: Lab): readonly OwnedAddress[] {
    const interfaces = devices(lab).flatMap(({ name, addresses }) =>
        addresses.map(({ address, place, interface: port }): OwnedAddress => {
            const pod = port.attachment.kind === "loopback" ? lab.routers[name]?.pod : undefined;
            return {
                address,
                place,
                who: `${name} (${port.name})`,
                domain: domainOf(lab, name, port),
                ...(pod === undefined ? {} : { sharedBy: `${pod.namespace}/${pod.workload}` }),
            };
        }),
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
