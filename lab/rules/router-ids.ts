import { contains } from "../address";
import type { Address, Asn, Lab } from "../model";
import type { Path } from "../path";
import { directedSessions, type SessionEnd } from "../sessions";
import { nodeSpeaker, nodeSpeakers } from "../speakers";
import { rule } from "./rule";
import { instances } from "./tables";

/** A BGP identifier is a number that is not zero; daemons also refuse multicast and reserved ones. */
export const routerIdIsUsable = rule({
    id: "BGP-RID-001",
    severity: "error",
    source: "RFC 6286 §2.1",
    *check(lab) {
        for (const { node, routerId, place } of identifiers(lab)) {
            const unusable =
                routerId === "0.0.0.0" ? "zero" : contains("224.0.0.0/3", routerId) ? "not unicast" : undefined;
            if (unusable !== undefined) {
                yield {
                    at: place,
                    says: `${node} has the BGP identifier ${routerId}, which is ${unusable}`,
                    fix: "use an IPv4 address of the device",
                };
            }
        }
    },
});

/** Two speakers of one AS with one identifier are taken for one; programs of one node have its identifier in common. */
export const routerIdIsUniqueInAs = rule({
    id: "BGP-RID-002",
    severity: "error",
    source: "RFC 6286 §2.1",
    *check(lab) {
        const owners = new Map<string, { readonly node: string; readonly place: Path }>();
        for (const { node, asn, routerId, place } of identifiers(lab)) {
            const key = `${asn} ${routerId}`;
            const owner = owners.get(key);
            if (owner !== undefined && owner.node !== node) {
                yield {
                    at: place,
                    with: [owner.place],
                    says: `${node} and ${owner.node} both have the BGP identifier ${routerId} in AS ${asn}`,
                    fix: "give one of them another identifier",
                };
            }
            owners.set(key, owner ?? { node, place });
        }
    },
});

/** Across ASes an identifier may repeat, but then the decision process and people cannot tell the speakers apart. */
export const routerIdIsUniqueInLab = rule({
    id: "BGP-RID-003",
    severity: "warning",
    source: "RFC 4271 §9.1.2.2",
    *check(lab) {
        const owners = new Map<Address, { readonly node: string; readonly asn: Asn; readonly place: Path }>();
        const told = heldBack(lab);
        for (const { node, asn, routerId, place } of identifiers(lab)) {
            const owner = owners.get(routerId);
            // What is lost by it at a node between the two is told as an error.
            const isTold = told.some(({ router, pod }) => router.who === owner?.node && pod.who === node);
            if (owner !== undefined && owner.asn !== asn && owner.node !== node && !isTold) {
                yield {
                    at: owner.place,
                    with: [place],
                    says: `${owner.node} (AS ${owner.asn}) and ${node} (AS ${asn}) both have the BGP identifier ${routerId}`,
                    fix: `give ${owner.node} an identifier of its own`,
                };
            }
            owners.set(routerId, owner ?? { node, asn, place });
        }
    },
});

/** A node's speaker sends nothing back to the router that it has it from, whom it knows by the BGP identifier alone. */
export const routerIdIsUniqueAroundNodes = rule({
    id: "BGP-RID-004",
    severity: "error",
    source: "GoBGP, pkg/server/server.go",
    *check(lab) {
        for (const { node, routerId, router, pod } of heldBack(lab)) {
            yield {
                at: router.place,
                with: [pod.place],
                says: `${router.who} and ${pod.who} both have the BGP identifier ${routerId}: ${node}, which is between them, passes nothing of one on to the other`,
                fix: "give one of them another identifier",
            };
        }
    },
});

/** A router and a Pod that a node takes for one. */
interface HeldBack {
    readonly node: string;
    readonly routerId: Address;
    readonly router: { readonly who: string; readonly place: Path };
    readonly pod: { readonly who: string; readonly place: Path };
}

/** Pairs of different ASes, each once: within an AS no identifier may repeat anyway. */
function heldBack(lab: Lab): readonly HeldBack[] {
    const around = directedSessions(lab).filter(
        ({ local, remote }) =>
            remote.kind === "router" &&
            local.program === "cilium" &&
            nodeSpeaker(lab, local.node, local.program)?.imports === true,
    );
    const routers = around.filter(({ local }) => local.pod === undefined);
    const pairs = around
        .filter(({ local }) => local.pod !== undefined)
        .flatMap(({ local: { node }, remote: pod }): readonly HeldBack[] =>
            routers
                .filter(({ local, remote: { speaker } }) => local.node === node && isTakenFor(speaker, pod.speaker))
                .map(({ remote }) => ({
                    node,
                    routerId: pod.speaker.routerId,
                    router: identified(lab, remote),
                    pod: identified(lab, pod),
                })),
        );
    return [...new Map(pairs.map((pair) => [`${pair.router.who} ${pair.pod.who}`, pair])).values()];
}

function isTakenFor(one: SessionEnd["speaker"], other: SessionEnd["speaker"]): boolean {
    return one.routerId === other.routerId && one.asn !== other.asn;
}

function identified(lab: Lab, { node, vrf }: SessionEnd): HeldBack["pod"] {
    const { who, place } = instances(lab).find((each) => each.router === node && each.vrf === vrf)!;
    return { who, place: [...place, "bgp", "routerId"] };
}

function identifiers(
    lab: Lab,
): readonly { readonly node: string; readonly asn: Asn; readonly routerId: Address; readonly place: Path }[] {
    const routers = instances(lab).map(({ who, bgp, place }) => ({
        node: who,
        asn: bgp.asn,
        routerId: bgp.routerId,
        place: [...place, "bgp", "routerId"],
    }));
    const nodes = Object.keys(lab.cluster.nodes).flatMap((node) =>
        nodeSpeakers(lab, node).map(({ asn, routerId }) => ({
            node,
            asn,
            routerId,
            place: ["cluster", "nodes", node, "routerId"],
        })),
    );
    return [...routers, ...nodes];
}
