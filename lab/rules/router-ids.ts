import { contains } from "../address";
import type { Address, Asn, Lab } from "../model";
import type { Path } from "../path";
import { nodeSpeakers } from "../speakers";
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
        for (const { node, asn, routerId, place } of identifiers(lab)) {
            const owner = owners.get(routerId);
            if (owner !== undefined && owner.asn !== asn && owner.node !== node) {
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
